//! Operators whose result is known when the model is read: Constant, ConstantOfShape, Shape.

use super::{Application, Reading};
use crate::error::{Error, Kind};
use crate::graph::{Tensor, TensorData};

/// Largest constant that an operator may make from nothing.
const MAX_MADE: usize = 1 << 24;

pub(super) fn constant(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(0, 0)?;
    let mut found = Vec::new();
    found.extend(application.attributes.tensor("value")?);
    if application.opset >= 12 {
        let scalar = |data| Tensor { shape: Vec::new(), data };
        let vector = |length, data| Tensor { shape: vec![length], data };
        let attributes = &mut application.attributes;
        found.extend(attributes.float("value_float")?.map(|v| scalar(TensorData::F32([v].into()))));
        found.extend(attributes.int("value_int")?.map(|v| scalar(TensorData::I64([v].into()))));
        found.extend(
            attributes.floats("value_floats")?.map(|v| vector(v.len(), TensorData::F32(v.into()))),
        );
        found.extend(
            attributes.ints("value_ints")?.map(|v| vector(v.len(), TensorData::I64(v.into()))),
        );
    }
    // An attribute of another kind, a sparse tensor or a string say, is refused by its own name.
    application.attributes.finish()?;
    match (found.pop(), found.is_empty()) {
        (Some(tensor), true) => Ok(Reading::Constant(tensor)),
        _ => Err(application.contradiction("exactly one value is expected")),
    }
}

pub(super) fn constant_of_shape(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let value = application.attributes.tensor("value")?;
    let dims = application.integers(0, "the shape")?.unwrap_or_default();
    let shape =
        dims.iter().map(|dim| usize::try_from(*dim).ok()).collect::<Option<Vec<_>>>().ok_or_else(
            || application.contradiction(format!("the shape {dims:?} has a negative dimension")),
        )?;
    let count = application.count(&shape)?;
    if count > MAX_MADE {
        return Err(Error::new(
            Kind::TooLarge,
            format!(
                "{} makes a constant of {count} elements; at most {MAX_MADE} are supported",
                application.node
            ),
        ));
    }
    let data = match value {
        None => TensorData::F32(vec![0.0; count].into()),
        Some(value) if value.len() != 1 => {
            return Err(application.contradiction("the value must have exactly one element"));
        }
        Some(value) => match value.data {
            TensorData::F32(data) => TensorData::F32(vec![data[0]; count].into()),
            TensorData::F64(data) => TensorData::F64(vec![data[0]; count].into()),
            TensorData::I64(data) => TensorData::I64(vec![data[0]; count].into()),
            TensorData::I8(data) => TensorData::I8(vec![data[0]; count].into()),
            TensorData::U8(data) => TensorData::U8(vec![data[0]; count].into()),
            TensorData::Bool(data) => TensorData::Bool(vec![data[0]; count].into()),
        },
    };
    Ok(Reading::Constant(Tensor { shape, data }))
}

pub(super) fn shape(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let (mut start, mut end) = (None, None);
    if application.opset >= 15 {
        start = application.attributes.int("start")?;
        end = application.attributes.int("end")?;
    }
    let shape = application.operand(0)?.shape;
    let rank = shape.len() as i64;
    let clamp = |axis: i64| {
        let axis = if axis < 0 { axis.saturating_add(rank) } else { axis };
        axis.clamp(0, rank) as usize
    };
    let (start, end) = (clamp(start.unwrap_or(0)), clamp(end.unwrap_or(rank)));
    let dims: Vec<i64> =
        shape.get(start..end).unwrap_or_default().iter().map(|dim| *dim as i64).collect();
    Ok(Reading::Constant(Tensor { shape: vec![dims.len()], data: TensorData::I64(dims.into()) }))
}
