//! QuantizeLinear and DequantizeLinear, per tensor and per axis, to and from 8-bit integers.

use super::elementwise::spread;
use super::evaluate::{Data, Elements};
use super::function::Function;
use super::{Analytic, Application, Op, Reading};
use crate::error::Error;
use crate::graph::ElementType;

/// The integers that results are saturated to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Least.
    pub min: i16,
    /// Greatest.
    pub max: i16,
}

const SIGNED: Range = Range { min: -128, max: 127 };
const UNSIGNED: Range = Range { min: 0, max: 255 };

pub(super) fn quantize(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 3)?;
    let axis = axis(application)?;
    refuse_blocks(application)?;
    if application.opset >= 19 {
        // It speaks of 8-bit floats only.
        application.attributes.ignore("saturate");
    }
    let declared = match application.opset >= 21 {
        true => application.attributes.int("output_dtype")?.filter(|number| *number != 0),
        false => None,
    };
    if application.opset >= 23 && application.attributes.int("precision")?.is_some_and(|p| p > 1) {
        return Err(
            application.unsupported("the attribute `precision` names another type than float")
        );
    }
    let range = match (declared, application.optional(2).map(|zero| zero.element)) {
        (None | Some(3), Some(ElementType::I8)) | (Some(3), None) => SIGNED,
        (None | Some(2), Some(ElementType::U8)) | (None | Some(2), None) => UNSIGNED,
        _ => {
            return Err(application
                .unsupported("results of this type are not supported")
                .help("int8 and uint8 are supported"));
        }
    };
    let scale = positive_scale(application)?;
    let shape = application.float(0)?.shape.to_vec();
    let affine = affine(application, scale, axis, &shape)?;
    let operands: Vec<usize> = (0..application.operands.len()).collect();
    Ok(Reading::node(Op::Quantize { affine, range }, operands, shape))
}

pub(super) fn dequantize(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 3)?;
    let axis = axis(application)?;
    refuse_blocks(application)?;
    if application.opset >= 23 && application.attributes.int("output_dtype")?.is_some_and(|t| t > 1)
    {
        return Err(
            application.unsupported("the attribute `output_dtype` names another type than float")
        );
    }
    let data = application.operand(0)?;
    if matches!(data.element, ElementType::F32 | ElementType::F64 | ElementType::Bool) {
        return Err(
            application.contradiction(format!("the operand `{}` holds no integers", data.name))
        );
    }
    application.same_element(&[0, 2])?;
    let shape = data.shape.to_vec();
    let scale = application.float(1)?;
    if scale.element == ElementType::F64 {
        return Err(application.unsupported("the scale is of type double"));
    }
    let affine = affine(application, scale.shape.to_vec(), axis, &shape)?;
    let operands: Vec<usize> = (0..application.operands.len()).collect();
    Ok(Reading::node(Op::Dequantize { affine }, operands, shape))
}

fn axis(application: &mut Application<'_>) -> Result<i64, Error> {
    match application.opset >= 13 {
        true => Ok(application.attributes.int("axis")?.unwrap_or(1)),
        false => Ok(1),
    }
}

fn refuse_blocks(application: &mut Application<'_>) -> Result<(), Error> {
    if application.opset >= 21 && application.attributes.int("block_size")?.is_some_and(|b| b != 0)
    {
        return Err(application
            .unsupported("quantisation by blocks is not supported")
            .help("one scale for the tensor or for each index of an axis is supported"));
    }
    Ok(())
}

/// The shape of the scale of QuantizeLinear, which must be stored and positive.
fn positive_scale(application: &Application<'_>) -> Result<Vec<usize>, Error> {
    let scale = application.float(1)?;
    if scale.element != application.float(0)?.element {
        return Err(application.unsupported("operand and scale have different types"));
    }
    let Some(tensor) = scale.constant else {
        return Err(
            application.unsupported(format!("the scale `{}` is not a stored constant", scale.name))
        );
    };
    if (0..tensor.len()).any(|index| !(tensor.float(index) > 0.0)) {
        return Err(application.unsupported(format!(
            "the scale `{}` has an element that is not positive",
            scale.name
        )));
    }
    Ok(scale.shape.to_vec())
}

/// The shape under which scale and zero point broadcast to the operand.
fn affine(
    application: &Application<'_>,
    scale: Vec<usize>,
    axis: i64,
    shape: &[usize],
) -> Result<Vec<usize>, Error> {
    if let Some(zero) = application.optional(2) {
        if zero.shape != scale {
            return Err(application.contradiction(format!(
                "scale and zero point have the shapes {scale:?} and {:?}",
                zero.shape
            )));
        }
        if zero.depends_on_input {
            return Err(application.unsupported("the zero point depends on the input"));
        }
    }
    match scale.as_slice() {
        [] | [1] => Ok(vec![1; shape.len()]),
        [count] => {
            let axis = application.axis(axis, shape.len())?;
            if shape[axis] != *count {
                return Err(application.contradiction(format!(
                    "there are {count} scales for {} indices of axis {axis}",
                    shape[axis]
                )));
            }
            let mut affine = vec![1; shape.len()];
            affine[axis] = *count;
            Ok(affine)
        }
        _ => Err(application.unsupported(format!("a scale of shape {scale:?} is not supported"))),
    }
}

fn spread_affine<S: Analytic>(operand: &Data<'_, S>, affine: &[usize], shape: &[usize]) -> Vec<S> {
    let values = operand.values();
    let data = Data { shape: affine, elements: Elements::Values(&values) };
    spread(&data, shape).into_owned()
}

/// `saturate(round(x / scale) + zero)`, halves to even.
pub(super) fn apply_quantize<S: Analytic>(
    operands: &[Data<'_, S>],
    affine: &[usize],
    range: Range,
) -> Vec<S> {
    let shape = operands[0].shape;
    let values = operands[0].values();
    let saturate = Function::Clip { min: f64::from(range.min), max: f64::from(range.max) };
    let levels = values
        .iter()
        .zip(spread_affine(&operands[1], affine, shape))
        .map(|(x, scale)| x.div(&scale).pointwise(&Function::Round));
    match operands.get(2) {
        Some(zero) => levels
            .zip(spread_affine(zero, affine, shape))
            .map(|(level, zero)| level.add(&zero).pointwise(&Function::Round).pointwise(&saturate))
            .collect(),
        None => levels.map(|level| level.pointwise(&saturate)).collect(),
    }
}

/// `(x - zero) scale`.
pub(super) fn apply_dequantize<S: Analytic>(operands: &[Data<'_, S>], affine: &[usize]) -> Vec<S> {
    let shape = operands[0].shape;
    let values = operands[0].values();
    let scales = spread_affine(&operands[1], affine, shape);
    match operands.get(2) {
        Some(zero) => values
            .iter()
            .zip(spread_affine(zero, affine, shape))
            .zip(scales)
            .map(|((x, zero), scale)| x.sub(&zero).mul(&scale))
            .collect(),
        None => values.iter().zip(scales).map(|(x, scale)| x.mul(&scale)).collect(),
    }
}

/// What an execution of QuantizeLinear in float32 is assumed to do: the rounded quotient may lie on the other
/// side of a half, so a result may be the neighbour of the exact one.
pub const QUANTIZE_ERROR: f64 = 1.0;

/// What an execution of DequantizeLinear is assumed to do: one rounding of the product.
pub const DEQUANTIZE_ERROR: super::FloatError = super::FloatError {
    relative: 1.0 / (1u64 << 23) as f64,
    absolute: 1.401298464324817e-45,
    linear: 0.0,
};
