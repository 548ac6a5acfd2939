//! Operators that repeat elements along axes: Expand and Tile.

use super::broadcast::broadcast;
use super::{Application, Fill, Op, Reading};
use crate::error::Error;

/// Picks that have no padding.
pub(super) fn picks(indices: impl Iterator<Item = usize>) -> Vec<Option<u32>> {
    // An axis is no longer than a tensor may be, so its indices fit.
    indices.map(|index| u32::try_from(index).ok()).collect()
}

pub(super) fn expand(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    let target = dimensions(application, "the shape")?;
    let data = application.operand(0)?;
    let shape = broadcast(data.shape, &target).ok_or_else(|| {
        application.contradiction(format!(
            "`{}` of shape {:?} cannot be expanded to {target:?}",
            data.name, data.shape
        ))
    })?;
    application.count(&shape)?;
    application.listed(shape.iter().sum())?;
    let missing = shape.len() - data.shape.len();
    let indices = (0..shape.len())
        .map(|axis| match axis.checked_sub(missing) {
            Some(own) if data.shape[own] != 1 => picks(0..shape[axis]),
            _ => vec![Some(0); shape[axis]],
        })
        .collect();
    Ok(Reading::node(Op::Pick { indices, fill: Fill::Constant(0.0) }, [0], shape))
}

pub(super) fn tile(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    let repeats = dimensions(application, "the repeats")?;
    let data = application.operand(0)?;
    if repeats.len() != data.shape.len() {
        return Err(application.contradiction(format!(
            "{} repeats are given for the {} axes of `{}`",
            repeats.len(),
            data.shape.len(),
            data.name
        )));
    }
    let shape: Vec<usize> =
        data.shape.iter().zip(&repeats).map(|(dim, times)| dim.saturating_mul(*times)).collect();
    application.count(&shape)?;
    application.listed(shape.iter().sum())?;
    let indices =
        data.shape.iter().zip(&shape).map(|(dim, long)| picks((0..*long).map(|i| i % dim)));
    Ok(Reading::node(
        Op::Pick { indices: indices.collect(), fill: Fill::Constant(0.0) },
        [0],
        shape,
    ))
}

/// The second operand as lengths.
fn dimensions(application: &Application<'_>, role: &str) -> Result<Vec<usize>, Error> {
    let dims = application.integers(1, role)?.unwrap_or_default();
    dims.iter().map(|dim| usize::try_from(*dim).ok()).collect::<Option<Vec<_>>>().ok_or_else(|| {
        application.contradiction(format!("{role} are {dims:?}, with a negative number"))
    })
}
