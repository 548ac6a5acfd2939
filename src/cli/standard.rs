//! The solver interface of the VNN-LIB standard (version 2.0, chapter 5): `verify`.
//!
//! The first line of stdout is the answer; after `sat` the assignment follows, or is written as one
//! ONNX tensor a variable. A query whose element type cannot be treated soundly is an error.

use super::competition::{Answer, Witness};
use super::diagnostic::Failure;
use plimsoll::{Kind, Semantics};
use plimsoll_check::number::Rational;
use plimsoll_check::onnx::proto::{TYPE_NAMES, TensorProto};
use plimsoll_check::query::{Arithmetic, Declaration, Query};
use prost::Message;
use std::fs;
use std::path::{Path, PathBuf};

/// Reads `NAME=MODEL`.
pub fn network(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_string(), PathBuf::from(path)))
        }
        _ => Err("give the network's name and its model, as in `f=model.onnx`".to_string()),
    }
}

/// The only model, since queries over several networks are not supported.
pub fn single(networks: &[(String, PathBuf)]) -> Result<PathBuf, Failure> {
    match networks {
        [(_, path)] => Ok(path.clone()),
        _ => Err(Failure::new(
            Kind::UnsupportedQuery,
            format!("{} networks are given; one is supported", networks.len()),
            "give --network once for each network that the query declares",
        )),
    }
}

/// Whether the query may be answered: it declares the network, and its type is treated soundly.
pub fn accept(
    query: &Query,
    networks: &[(String, PathBuf)],
    semantics: Semantics,
) -> Result<(), Failure> {
    // A text of version 1.0 gives its network no name, so that any will do.
    if let (Some(declared), Some((given, _))) = (&query.network, networks.first())
        && declared != given
    {
        return Err(Failure::new(
            Kind::UnsupportedQuery,
            format!("the query declares the network `{declared}`, --network names `{given}`"),
            format!("write --network {declared}=MODEL"),
        ));
    }
    let asked = semantics.of(query);
    if asked != Arithmetic::Real {
        return Err(Failure::new(
            Kind::UnsupportedQuery,
            format!("nothing can be proved about executions in {} yet", asked.name()),
            "declare the tensors with `real`, or ask about the ideal function by --semantics real",
        ));
    }
    Ok(())
}

/// What stdout gets; with a folder, the assignment is written there instead.
pub fn text(answer: &Answer, query: &Query, folder: Option<&Path>) -> Result<String, Failure> {
    let word = answer.word();
    match (answer, folder) {
        (Answer::Sat(witness), None) => Ok(format!("{word}\n{}", witness.assignments(query))),
        (Answer::Sat(witness), Some(folder)) => {
            serialise(witness, query, folder)?;
            Ok(format!("{word}\n"))
        }
        (Answer::Unsat | Answer::Unknown | Answer::Timeout, _) => Ok(format!("{word}\n")),
    }
}

fn serialise(witness: &Witness, query: &Query, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::unwritable(folder, &error))?;
    for (tensor, values) in witness.tensors(query) {
        let path = folder.join(format!("{}.pb", tensor.name));
        let bytes = tensor_proto(tensor, &values).encode_to_vec();
        fs::write(&path, bytes).map_err(|error| Failure::unwritable(&path, &error))?;
    }
    Ok(())
}

/// The elements as an ONNX tensor of the declared type.
///
/// ONNX has no reals: those become float if that is exact, else double to nearest, which is the one
/// place where a witness may be rounded.
fn tensor_proto(tensor: &Declaration, values: &[Rational]) -> TensorProto {
    let single = |value: &Rational| value.to_f64_exact().is_some_and(|v| f64::from(v as f32) == v);
    let number = |name| TYPE_NAMES.iter().position(|known| *known == name).unwrap_or(0) as i32;
    let float = match tensor.element.as_str() {
        "float32" => true,
        "float64" => false,
        _ => values.iter().all(single),
    };
    let mut proto = TensorProto {
        dims: tensor.shape.iter().map(|dimension| *dimension as i64).collect(),
        name: tensor.name.clone(),
        ..TensorProto::default()
    };
    if float {
        proto.data_type = number("float");
        proto.float_data = values.iter().map(|value| value.to_f64() as f32).collect();
    } else {
        proto.data_type = number("double");
        proto.double_data = values.iter().map(Rational::to_f64).collect();
    }
    proto
}
