//! Operators whose result is known when the model is read: Constant, ConstantOfShape, Shape, Size,
//! Range, NonZero.

use super::{Application, Reading};
use crate::error::{Error, Kind};
use crate::graph::{Tensor, TensorData};
use crate::number::Rational;

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
    limit(application, count)?;
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

fn limit(application: &Application<'_>, count: usize) -> Result<(), Error> {
    if count > MAX_MADE {
        return Err(Error::new(
            Kind::TooLarge,
            format!(
                "{} makes a constant of {count} elements; at most {MAX_MADE} are supported",
                application.node
            ),
        ));
    }
    Ok(())
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

pub(super) fn size(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let count = application.count(application.operand(0)?.shape)? as i64;
    Ok(Reading::Constant(Tensor { shape: Vec::new(), data: TensorData::I64([count].into()) }))
}

pub(super) fn range(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(3, 3)?;
    application.same_element(&[0, 1, 2])?;
    let mut bounds = Vec::with_capacity(3);
    for (position, role) in ["the start", "the limit", "the step"].into_iter().enumerate() {
        let operand = application.operand(position)?;
        let Some(tensor) = operand.constant else {
            return Err(application.not_constant(operand, role));
        };
        let number = match &tensor.data {
            TensorData::I64(data) => data.first().map(|value| Rational::from(*value)),
            TensorData::I8(_) | TensorData::U8(_) | TensorData::Bool(_) => None,
            TensorData::F32(_) | TensorData::F64(_) if tensor.is_empty() => None,
            TensorData::F32(_) | TensorData::F64(_) => Rational::from_f64(tensor.float(0)),
        };
        match number.filter(|_| tensor.len() == 1) {
            Some(number) => bounds.push(number),
            None => return Err(application.contradiction(format!("{role} is no number"))),
        }
    }
    let (start, step) = (&bounds[0], &bounds[2]);
    let steps = (&bounds[1] - start)
        .checked_div(step)
        .ok_or_else(|| application.contradiction("the step is zero"))?;
    let whole = steps.trunc();
    let count = if steps > whole { &whole + &Rational::ONE } else { whole };
    let count = match count.to_integer() {
        Some(count) => usize::try_from(count).unwrap_or(0),
        None if count.signum() < 0 => 0,
        None => usize::MAX,
    };
    application.listed(count)?;
    let values: Vec<Rational> =
        (0..count as i64).map(|at| start + &(&Rational::from(at) * step)).collect();
    let element = application.operand(0)?.element;
    let data = super::fold::representable(&values, element).ok_or_else(|| {
        application
            .unsupported("a number of the range is none of its type")
            .help("store the numbers as a constant")
    })?;
    Ok(Reading::Constant(Tensor { shape: vec![count], data }))
}

pub(super) fn non_zero(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let operand = application.operand(0)?;
    let Some(tensor) = operand.constant else {
        return Err(application.not_constant(operand, "the elements"));
    };
    let nonzero = |index: &usize| match tensor.integers() {
        Some(integers) => integers[*index] != 0,
        None => tensor.float(*index) != 0.0,
    };
    let found: Vec<usize> = (0..tensor.len()).filter(nonzero).collect();
    let strides = super::broadcast::strides(&tensor.shape);
    let places = strides
        .iter()
        .zip(&tensor.shape)
        .flat_map(|(stride, dim)| found.iter().map(move |index| (index / stride % dim) as i64));
    let data = TensorData::I64(places.collect());
    Ok(Reading::Constant(Tensor { shape: vec![strides.len(), found.len()], data }))
}
