//! `TensorProto` to [`Tensor`]: little-endian raw bytes or typed fields, every float finite.

use super::proto::{TensorProto, type_name};
use crate::error::{Error, Kind};
use crate::graph::{ElementType, Tensor, TensorData};
use std::sync::Arc;

/// Largest number of elements of one tensor, so that 32-bit element indices are enough.
pub const MAX_ELEMENTS: usize = 1 << 31;

/// Largest rank of a tensor.
pub const MAX_RANK: usize = 64;

/// The number of elements of a shape; refuses what is beyond [`MAX_ELEMENTS`] or [`MAX_RANK`].
///
/// The product of the dimensions that are not zero is limited, so a later product of all of them in
/// any order cannot overflow.
pub fn element_count(shape: &[usize]) -> Result<usize, Error> {
    if shape.len() > MAX_RANK {
        return Err(Error::new(
            Kind::TooLarge,
            format!("a tensor has {} dimensions; at most {MAX_RANK} are supported", shape.len()),
        ));
    }
    let mut product = 1usize;
    for dim in shape.iter().filter(|dim| **dim != 0) {
        product =
            product.checked_mul(*dim).filter(|count| *count <= MAX_ELEMENTS).ok_or_else(|| {
                Error::new(
                    Kind::TooLarge,
                    format!("a tensor of shape {shape:?} has too many elements"),
                )
                .help(format!("at most {MAX_ELEMENTS} elements are supported"))
            })?;
    }
    Ok(if shape.contains(&0) { 0 } else { product })
}

/// The element type for a `TensorProto.DataType` number, if it is one that is read.
pub(crate) fn element_type(data_type: i32) -> Option<ElementType> {
    match data_type {
        1 => Some(ElementType::F32),
        11 => Some(ElementType::F64),
        2 => Some(ElementType::U8),
        3 => Some(ElementType::I8),
        6 | 7 => Some(ElementType::I64),
        9 => Some(ElementType::Bool),
        _ => None,
    }
}

/// Reads a tensor; `what` names it in errors (``initializer `W` ``, say).
pub(crate) fn read(proto: &TensorProto, what: &str) -> Result<Tensor, Error> {
    if proto.data_location != 0 || !proto.external_data.is_empty() {
        return Err(Error::new(
            Kind::Model,
            format!("{what} has its elements in an external file, which is not supported"),
        )
        .help("save the model with all weights inside: `onnx.save(model, path, save_as_external_data=False)`"));
    }
    let shape = dimensions(proto, what)?;
    let count = element_count(&shape)
        .map_err(|error| Error { message: format!("{what}: {}", error.message), ..error })?;
    let source = Source { proto, what, count };
    let narrow = match proto.data_type {
        2 => Some(0..=255),
        3 => Some(-128..=127),
        _ => None,
    };
    if let Some(value) =
        narrow.and_then(|range| proto.int32_data.iter().find(|value| !range.contains(*value)))
    {
        return Err(Error::new(
            Kind::Model,
            format!("{what} holds {value}, which is no {}", type_name(proto.data_type)),
        ));
    }
    let data = match proto.data_type {
        1 => TensorData::F32(source.elements(&proto.float_data, f32::from_le_bytes, |v| *v)?),
        11 => TensorData::F64(source.elements(&proto.double_data, f64::from_le_bytes, |v| *v)?),
        2 => TensorData::U8(source.elements(&proto.int32_data, |b: [u8; 1]| b[0], |v| *v as u8)?),
        3 => TensorData::I8(source.elements(&proto.int32_data, i8::from_le_bytes, |v| *v as i8)?),
        6 => TensorData::I64(source.elements(
            &proto.int32_data,
            |b| i64::from(i32::from_le_bytes(b)),
            |v| i64::from(*v),
        )?),
        7 => TensorData::I64(source.elements(&proto.int64_data, i64::from_le_bytes, |v| *v)?),
        9 => TensorData::Bool(source.elements(
            &proto.int32_data,
            |b: [u8; 1]| b[0] != 0,
            |v| *v != 0,
        )?),
        other => {
            return Err(Error::new(
                Kind::UnsupportedOperator,
                format!("{what} has element type {}, which is not supported", type_name(other)),
            )
            .help("float, double, int64, int32, int8, uint8 and bool tensors are read"));
        }
    };
    let tensor = Tensor { shape, data };
    refuse_non_finite(&tensor, what)?;
    Ok(tensor)
}

/// Refuses NaN and infinities, naming the tensor and the first such element.
fn refuse_non_finite(tensor: &Tensor, what: &str) -> Result<(), Error> {
    let found = match &tensor.data {
        TensorData::F32(data) => {
            data.iter().position(|v| !v.is_finite()).map(|at| (at, f64::from(data[at])))
        }
        TensorData::F64(data) => data.iter().position(|v| !v.is_finite()).map(|at| (at, data[at])),
        TensorData::I64(_) | TensorData::I8(_) | TensorData::U8(_) | TensorData::Bool(_) => None,
    };
    match found {
        Some((at, value)) => Err(Error::new(
            Kind::NonFiniteWeight,
            format!("element {at} of {what} (shape {:?}) is {value}", tensor.shape),
        )
        .help("a network with such a weight computes no real number; train or export it again")),
        None => Ok(()),
    }
}

fn dimensions(proto: &TensorProto, what: &str) -> Result<Vec<usize>, Error> {
    proto
        .dims
        .iter()
        .map(|dim| {
            usize::try_from(*dim).map_err(|_| {
                Error::new(Kind::Model, format!("{what} has the negative dimension {dim}"))
            })
        })
        .collect()
}

struct Source<'a> {
    proto: &'a TensorProto,
    what: &'a str,
    count: usize,
}

impl Source<'_> {
    /// All elements, from `raw_data` if it is there, else from the field of the type; the slice is
    /// allocated once, because a large model fills it with hundreds of megabytes.
    fn elements<V, T, const N: usize>(
        &self,
        typed: &[V],
        raw_element: impl Fn([u8; N]) -> T,
        typed_element: impl Fn(&V) -> T,
    ) -> Result<Arc<[T]>, Error> {
        let raw = self.proto.raw_data.as_deref().unwrap_or_default();
        if raw.is_empty() {
            if typed.len() != self.count {
                return Err(self.length(typed.len(), "elements", self.count));
            }
            return Ok(typed.iter().map(typed_element).collect());
        }
        if !typed.is_empty() {
            return Err(Error::new(
                Kind::Model,
                format!("{} stores its elements twice, as raw bytes and as numbers", self.what),
            ));
        }
        if self.count.checked_mul(N) != Some(raw.len()) {
            return Err(self.length(raw.len(), "bytes", self.count.saturating_mul(N)));
        }
        let (chunks, _) = raw.as_chunks::<N>();
        Ok(chunks.iter().map(|chunk| raw_element(*chunk)).collect())
    }

    fn length(&self, found: usize, unit: &str, expected: usize) -> Error {
        Error::new(
            Kind::Model,
            format!(
                "{} of shape {:?} and type {} needs {expected} {unit}, but {found} are stored",
                self.what,
                self.proto.dims,
                type_name(self.proto.data_type)
            ),
        )
        .help("the file may have been cut off or edited; export the model again")
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::StringStringEntryProto;
    use super::*;
    use bytes::Bytes;

    fn proto(data_type: i32, dims: &[i64], raw: &[u8]) -> TensorProto {
        TensorProto {
            data_type,
            dims: dims.to_vec(),
            raw_data: (!raw.is_empty()).then(|| Bytes::copy_from_slice(raw)),
            ..TensorProto::default()
        }
    }

    fn refusal(proto: &TensorProto) -> (Kind, String) {
        let error = read(proto, "initializer `W`").unwrap_err();
        (error.kind, error.message)
    }

    #[test]
    fn raw_and_typed_elements_agree() {
        let raw = read(&proto(1, &[2], &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]), "t").unwrap();
        let typed = TensorProto { float_data: vec![1.0, -2.0], ..proto(1, &[2], &[]) };
        assert_eq!(raw, read(&typed, "t").unwrap());
        let raw = read(&proto(6, &[1], &[0xfe, 0xff, 0xff, 0xff]), "t").unwrap();
        let typed = TensorProto { int32_data: vec![-2], ..proto(6, &[1], &[]) };
        assert_eq!(raw, read(&typed, "t").unwrap());
        assert_eq!(raw.integers(), Some(&[-2i64][..]));
        let raw = read(&proto(9, &[2], &[1, 0]), "t").unwrap();
        let typed = TensorProto { int32_data: vec![1, 0], ..proto(9, &[2], &[]) };
        assert_eq!(raw, read(&typed, "t").unwrap());
        let raw = read(&proto(7, &[], &[1, 0, 0, 0, 0, 0, 0, 0x80]), "t").unwrap();
        assert_eq!(raw.integers(), Some(&[i64::MIN + 1][..]));
        let raw = read(&proto(11, &[], &0.1f64.to_le_bytes()), "t").unwrap();
        assert_eq!(raw.float(0), 0.1);
        assert!(read(&proto(1, &[3, 0], &[]), "t").unwrap().is_empty());
    }

    #[test]
    fn lengths_must_match() {
        assert_eq!(refusal(&proto(1, &[2], &[0; 4])).0, Kind::Model);
        assert_eq!(refusal(&proto(1, &[1], &[0; 5])).0, Kind::Model);
        assert_eq!(refusal(&proto(1, &[1], &[])).0, Kind::Model);
        assert_eq!(refusal(&proto(1, &[-1], &[0; 4])).0, Kind::Model);
        let both = TensorProto { float_data: vec![1.0], ..proto(1, &[1], &[0; 4]) };
        assert!(refusal(&both).1.contains("twice"));
        let (kind, message) = refusal(&proto(1, &[1 << 40, 0, 1 << 40], &[]));
        assert_eq!(kind, Kind::TooLarge);
        assert!(message.contains("`W`"), "{message}");
    }

    #[test]
    fn other_types_are_refused_by_name() {
        let (kind, message) = refusal(&proto(10, &[1], &[0; 2]));
        assert_eq!(kind, Kind::UnsupportedOperator);
        assert!(message.contains("float16"), "{message}");
    }

    #[test]
    fn external_data_is_refused() {
        let entry = StringStringEntryProto { key: "location".into(), value: "weights".into() };
        let external = TensorProto { external_data: vec![entry], ..proto(1, &[1], &[]) };
        assert!(refusal(&external).1.contains("external file"));
    }

    #[test]
    fn nan_and_infinity_are_refused_by_place() {
        let bytes = [1.0f32, f32::NAN].map(f32::to_le_bytes).concat();
        let (kind, message) = refusal(&proto(1, &[2], &bytes));
        assert_eq!(kind, Kind::NonFiniteWeight);
        assert!(message.contains("element 1 of initializer `W`"), "{message}");
        let bytes = f64::NEG_INFINITY.to_le_bytes();
        assert_eq!(refusal(&proto(11, &[], &bytes)).0, Kind::NonFiniteWeight);
    }
}
