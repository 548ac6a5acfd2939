//! ONNX bytes to a [`Graph`]: wire-format scan, protobuf messages, shapes, constants.
//!
//! [`scan::scan`] looks at the bytes before any decoder does, [`decode`] makes the plain records of
//! [`proto`] from them, and [`graph`] reads the records: nodes in topological order, every attribute
//! known, every shape concrete, constants folded where that is exact.

mod build;
mod order;
pub mod proto;
pub mod scan;
mod tensor;

pub use tensor::{MAX_ELEMENTS, MAX_RANK, element_count};
pub(crate) use tensor::{element_type, read as read_tensor};

use crate::error::{Error, Kind};
use crate::graph::Graph;
use bytes::Bytes;
use prost::Message;
use proto::ModelProto;

/// Oldest version of the standard operator set that is read.
pub const MIN_OPSET: i64 = 7;
/// Newest version of the standard operator set that is read.
pub const MAX_OPSET: i64 = 25;

/// Reads a model.
pub fn read(bytes: Bytes) -> Result<Graph, Error> {
    graph(&decode(bytes)?)
}

/// Decodes the protobuf messages of a model, without reading what they mean.
pub fn decode(bytes: Bytes) -> Result<ModelProto, Error> {
    if bytes.is_empty() {
        return Err(Error::new(Kind::Model, "the model is empty (0 bytes)")
            .help("an ONNX model is expected; was the download or the export cut off?"));
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(Error::new(Kind::Model, "the bytes are gzip data, not an ONNX model")
            .help("decompress them first; a model may be compressed once, not twice"));
    }
    if looks_like_text(&bytes) {
        return Err(Error::new(Kind::Model, "the bytes are text, not an ONNX model")
            .help("an ONNX model is a binary file; were model and specification swapped?"));
    }
    scan::scan(&bytes)?;
    ModelProto::decode(bytes).map_err(|error| {
        Error::new(Kind::Model, format!("the bytes are no ONNX model: {error}")).help(
            "export the model again; `onnx.checker.check_model` tells whether a file is sound",
        )
    })
}

/// Reads the decoded messages of a model.
pub fn graph(model: &ModelProto) -> Result<Graph, Error> {
    let Some(graph) = &model.graph else {
        return Err(Error::new(Kind::Model, "the model has no graph")
            .help("the file may be no ONNX model, or one that was cut off"));
    };
    if model.ir_version.is_none_or(|version| version < 1) {
        return Err(Error::new(Kind::Model, "the model has no IR version")
            .help("the file may be no ONNX model, or one that was cut off"));
    }
    let opset = opset(model)?;
    if let Some(function) = model.functions.iter().find(|f| is_standard_domain(&f.domain)) {
        return Err(Error::new(
            Kind::UnsupportedOperator,
            format!("the model redefines the standard operator {}", function.name),
        )
        .help("inline the model's functions: `onnx.inliner.inline_local_functions(model)`"));
    }
    if let Some(sparse) = graph.sparse_initializer.first() {
        let name = sparse.values.as_ref().map_or("", |values| &values.name);
        return Err(Error::new(
            Kind::UnsupportedOperator,
            format!("the initializer `{name}` is sparse, which is not supported"),
        )
        .help("store it as a dense tensor"));
    }
    build::build(graph, opset)
}

/// Whether operators of this domain are those of the ONNX standard.
pub(crate) fn is_standard_domain(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The version of the standard operator set.
fn opset(model: &ModelProto) -> Result<i64, Error> {
    let mut versions = model
        .opset_import
        .iter()
        .filter(|set| is_standard_domain(&set.domain))
        .map(|set| set.version);
    let Some(opset) = versions.next() else {
        return Err(Error::new(
            Kind::Model,
            "the model does not say which version of the standard operators it uses",
        )
        .help("its `opset_import` has no entry for the domain `ai.onnx`"));
    };
    if let Some(other) = versions.find(|version| *version != opset) {
        return Err(Error::new(
            Kind::Model,
            format!(
                "the model asks for two versions of the standard operators, {opset} and {other}"
            ),
        ));
    }
    if !(MIN_OPSET..=MAX_OPSET).contains(&opset) {
        return Err(Error::new(
            Kind::UnsupportedOperator,
            format!("opset {opset} is not supported; opsets {MIN_OPSET} to {MAX_OPSET} are"),
        )
        .help("export the model with another `opset_version`, or use `onnx.version_converter`"));
    }
    Ok(opset)
}

/// Whether the bytes begin like a text: a model begins with a field key below 32 or has such bytes soon.
fn looks_like_text(bytes: &[u8]) -> bool {
    bytes.iter().take(512).all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> Error {
        read(Bytes::copy_from_slice(bytes)).unwrap_err()
    }

    #[test]
    fn what_is_no_model_is_refused() {
        for (bytes, part) in [
            (&b""[..], "empty"),
            (b"(assert (<= X_0 1))", "text"),
            (&[0x1f, 0x8b, 8, 0], "gzip"),
            (&[0x08, 0x07], "no graph"),
            (&[0x3a, 0x00], "no IR version"),
            (&[0x08, 0x07, 0x3a, 0x00], "does not say which version"),
            (&[0x3a, 0x05, 0x00], "end of its message"),
            (&[0x38, 0x01], "no ONNX model"),
        ] {
            let error = refusal(bytes);
            assert_eq!(error.kind, Kind::Model, "{error}");
            assert!(error.message.contains(part), "{error}");
        }
    }

    #[test]
    fn opsets_are_limited_by_name() {
        for opset in [6u8, 26] {
            let error = refusal(&[0x08, 0x07, 0x3a, 0x00, 0x42, 0x02, 0x10, opset]);
            assert_eq!(error.kind, Kind::UnsupportedOperator);
            assert!(error.message.contains(&format!("opset {opset} ")), "{error}");
            assert!(error.message.contains("7 to 25"), "{error}");
        }
        let error = refusal(&[0x08, 0x07, 0x3a, 0x00, 0x42, 0x02, 0x10, 9, 0x42, 0x02, 0x10, 10]);
        assert!(error.message.contains("two versions"), "{error}");
    }
}
