//! Operators that change a shape or the order of axes: Reshape, Flatten, Squeeze, Unsqueeze, Transpose.

use super::{Application, Op, Reading};
use crate::error::Error;

pub(super) fn reshape(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    let allow_zero = if application.opset >= 14 {
        application.attributes.flag("allowzero", false)?
    } else {
        false
    };
    let target = application.integers(1, "the new shape")?.unwrap_or_default();
    let data = application.operand(0)?;
    let count = application.count(data.shape)?;
    let misfit = || {
        application.contradiction(format!(
            "`{}` of shape {:?} cannot be reshaped to {target:?}",
            data.name, data.shape
        ))
    };
    let mut shape = Vec::with_capacity(target.len());
    let mut inferred = None;
    for (axis, dim) in target.iter().enumerate() {
        shape.push(match *dim {
            0 if !allow_zero => *data.shape.get(axis).ok_or_else(misfit)?,
            -1 if inferred.is_none() => {
                inferred = Some(axis);
                1
            }
            dim => usize::try_from(dim).map_err(|_| misfit())?,
        });
    }
    let known = application.count(&shape)?;
    if let Some(axis) = inferred {
        // With a zero among the other dimensions any number would fit, so none is meant.
        if known == 0 || count % known != 0 {
            return Err(misfit());
        }
        shape[axis] = count / known;
    } else if known != count {
        return Err(misfit());
    }
    Ok(Reading::node(Op::Reshape, [0], shape))
}

pub(super) fn flatten(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let axis = application.attributes.int("axis")?.unwrap_or(1);
    let shape = application.operand(0)?.shape;
    // The axis may stand behind the last one.
    let axis = if axis == shape.len() as i64 {
        shape.len()
    } else {
        application.axis(axis, shape.len())?
    };
    let flat = vec![shape[..axis].iter().product(), shape[axis..].iter().product()];
    Ok(Reading::node(Op::Reshape, [0], flat))
}

pub(super) fn squeeze(application: &mut Application<'_>) -> Result<Reading, Error> {
    let axes = axes(application)?;
    let data = application.operand(0)?;
    let axes = match axes {
        Some(axes) => application.axes(axes, data.shape.len())?,
        None => (0..data.shape.len()).filter(|axis| data.shape[*axis] == 1).collect(),
    };
    if let Some(axis) = axes.iter().find(|axis| data.shape[**axis] != 1) {
        return Err(application.contradiction(format!(
            "axis {axis} of `{}` with shape {:?} has not length 1",
            data.name, data.shape
        )));
    }
    let shape = (0..data.shape.len())
        .filter(|axis| !axes.contains(axis))
        .map(|axis| data.shape[axis])
        .collect();
    Ok(Reading::node(Op::Reshape, [0], shape))
}

pub(super) fn unsqueeze(application: &mut Application<'_>) -> Result<Reading, Error> {
    let axes =
        axes(application)?.ok_or_else(|| application.contradiction("the axes are missing"))?;
    let data = application.operand(0)?;
    let rank = data.shape.len() + axes.len();
    let axes = application.axes(axes, rank)?;
    let mut old = data.shape.iter().copied();
    let shape = (0..rank)
        .map(|axis| if axes.binary_search(&axis).is_ok() { 1 } else { old.next().unwrap_or(1) })
        .collect();
    Ok(Reading::node(Op::Reshape, [0], shape))
}

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an operand since.
fn axes<'a>(application: &mut Application<'a>) -> Result<Option<&'a [i64]>, Error> {
    if application.opset >= 13 {
        application.arity(1, 2)?;
        application.integers(1, "the axes")
    } else {
        application.arity(1, 1)?;
        application.attributes.ints("axes")
    }
}

pub(super) fn transpose(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let perm = application.attributes.ints("perm")?;
    let shape = application.operand(0)?.shape;
    let rank = shape.len();
    let perm: Vec<usize> = match perm {
        None => (0..rank).rev().collect(),
        Some(perm) => {
            if perm.len() != rank {
                return Err(application.contradiction(format!(
                    "{perm:?} is no permutation of the axes of a tensor of rank {rank}"
                )));
            }
            // As many distinct axes as there are: a permutation.
            application.axes(perm, rank)?;
            perm.iter().map(|axis| application.axis(*axis, rank)).collect::<Result<_, _>>()?
        }
    };
    let permuted = perm.iter().map(|axis| shape[*axis]).collect();
    Ok(Reading::node(Op::Transpose { perm }, [0], permuted))
}
