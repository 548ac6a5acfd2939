//! Sums over axes: ReduceSum.

use super::broadcast::stretched_indices;
use super::evaluate::Data;
use super::{Application, Op, Reading, elementwise};
use crate::error::Error;
use crate::number::Scalar;

pub(super) fn reduce_sum(application: &mut Application<'_>) -> Result<Reading, Error> {
    let keep_dims = application.attributes.flag("keepdims", true)?;
    let mut empty_means_none = false;
    let axes = if application.opset >= 13 {
        application.arity(1, 2)?;
        empty_means_none = application.attributes.flag("noop_with_empty_axes", false)?;
        application.integers(1, "the axes")?
    } else {
        application.arity(1, 1)?;
        application.attributes.ints("axes")?
    };
    let data = application.operand(0)?;
    elementwise::numeric(application, 0)?;
    let axes: Vec<usize> = match axes.filter(|axes| !axes.is_empty()) {
        Some(axes) => application.axes(axes, data.shape.len())?,
        None if empty_means_none => {
            return Ok(Reading::node(Op::Identity, [0], data.shape.to_vec()));
        }
        None => (0..data.shape.len()).collect(),
    };
    let mut shape = kept(data.shape, &axes);
    if !keep_dims {
        let mut axis = 0;
        shape.retain(|_| {
            axis += 1;
            !axes.contains(&(axis - 1))
        });
    }
    Ok(Reading::node(Op::ReduceSum { axes }, [0], shape))
}

/// The shape with the summed axes shrunk to length one.
pub(super) fn kept(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    for axis in axes {
        shape[*axis] = 1;
    }
    shape
}

/// For every element of the operand, in order, the element of the result that it is added to.
pub(super) fn targets(shape: &[usize], axes: &[usize]) -> Vec<u32> {
    stretched_indices(&kept(shape, axes), shape)
}

/// Sums in row-major order of the operand.
pub(super) fn sum<S: Scalar>(operand: &Data<'_, S>, axes: &[usize]) -> Vec<S> {
    let count = kept(operand.shape, axes).iter().product();
    let mut sums = vec![S::zero(); count];
    for (value, target) in operand.values().iter().zip(targets(operand.shape, axes)) {
        let sum = &mut sums[target as usize];
        *sum = sum.add(value);
    }
    sums
}
