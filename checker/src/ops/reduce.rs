//! Reductions over axes: sums, means, extremes, products and norms.

use super::broadcast::stretched_indices;
use super::evaluate::{Data, Undefined};
use super::{Application, Op, Reading};
use crate::error::Error;
use crate::number::Order;

/// What a reduction computes of the elements x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean.
    Mean,
    /// The greatest.
    Max,
    /// The smallest.
    Min,
    /// Their product.
    Product,
    /// The sum of |x|.
    L1,
    /// The square root of the sum of x^2.
    L2,
    /// The sum of x^2.
    SumSquare,
}

pub(super) fn reduce_sum(application: &mut Application<'_>) -> Result<Reading, Error> {
    super::elementwise::numeric(application, 0)?;
    reading(application, 13, None)
}

pub(super) fn reduce_mean(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.float(0)?;
    reading(application, 18, Some(Reduction::Mean))
}

pub(super) fn reduce_max(application: &mut Application<'_>) -> Result<Reading, Error> {
    super::elementwise::numeric(application, 0)?;
    reading(application, 18, Some(Reduction::Max))
}

pub(super) fn reduce_min(application: &mut Application<'_>) -> Result<Reading, Error> {
    super::elementwise::numeric(application, 0)?;
    reading(application, 18, Some(Reduction::Min))
}

pub(super) fn reduce_prod(application: &mut Application<'_>) -> Result<Reading, Error> {
    super::elementwise::numeric(application, 0)?;
    reading(application, 18, Some(Reduction::Product))
}

pub(super) fn reduce_l1(application: &mut Application<'_>) -> Result<Reading, Error> {
    super::elementwise::numeric(application, 0)?;
    reading(application, 18, Some(Reduction::L1))
}

pub(super) fn reduce_l2(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.float(0)?;
    reading(application, 18, Some(Reduction::L2))
}

pub(super) fn reduce_sum_square(application: &mut Application<'_>) -> Result<Reading, Error> {
    super::elementwise::numeric(application, 0)?;
    reading(application, 18, Some(Reduction::SumSquare))
}

/// Reads a reduction whose axes are an operand from opset `operand_since` on; `None` is the plain sum.
fn reading(
    application: &mut Application<'_>,
    operand_since: i64,
    reduction: Option<Reduction>,
) -> Result<Reading, Error> {
    let keep_dims = application.attributes.flag("keepdims", true)?;
    let mut empty_means_none = false;
    let axes = if application.opset >= operand_since {
        application.arity(1, 2)?;
        empty_means_none = application.attributes.flag("noop_with_empty_axes", false)?;
        application.integers(1, "the axes")?
    } else {
        application.arity(1, 1)?;
        application.attributes.ints("axes")?
    };
    let data = application.operand(0)?;
    let axes: Vec<usize> = match axes.filter(|axes| !axes.is_empty()) {
        Some(axes) => application.axes(axes, data.shape.len())?,
        None if empty_means_none => match reduction {
            None | Some(Reduction::Mean | Reduction::Max | Reduction::Min | Reduction::Product) => {
                return Ok(Reading::node(Op::Identity, [0], data.shape.to_vec()));
            }
            Some(Reduction::L1 | Reduction::L2 | Reduction::SumSquare) => {
                return Err(application
                    .unsupported("a norm over no axes is not defined alike in all versions")
                    .help("give the axes, or leave the operator out"));
            }
        },
        None => (0..data.shape.len()).collect(),
    };
    let empty = axes.iter().any(|axis| data.shape[*axis] == 0);
    if empty && matches!(reduction, Some(Reduction::Mean | Reduction::Max | Reduction::Min)) {
        return Err(application.contradiction(format!(
            "`{}` of shape {:?} has nothing to reduce",
            data.name, data.shape
        )));
    }
    let shape = if keep_dims { kept(data.shape, &axes) } else { without(data.shape, &axes) };
    let op = match reduction {
        None => Op::ReduceSum { axes },
        Some(reduction) => Op::Reduce { reduction, axes },
    };
    Ok(Reading::node(op, [0], shape))
}

/// The shape with the reduced axes shrunk to length one.
pub(super) fn kept(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    for axis in axes {
        shape[*axis] = 1;
    }
    shape
}

/// The shape without the reduced axes.
pub(super) fn without(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    let left = shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
    left.map(|(_, dim)| *dim).collect()
}

/// Combines the elements that fall together, in row-major order of the operand.
fn fold<S: Order, T: Clone>(
    operand: &Data<'_, S>,
    axes: &[usize],
    empty: T,
    mut step: impl FnMut(&mut T, &S),
) -> Vec<T> {
    let kept = kept(operand.shape, axes);
    let mut results = vec![empty; kept.iter().product()];
    let targets = stretched_indices(&kept, operand.shape);
    for (value, target) in operand.values().iter().zip(targets) {
        step(&mut results[target as usize], value);
    }
    results
}

/// Sums in row-major order of the operand.
pub(super) fn sum<S: Order>(operand: &Data<'_, S>, axes: &[usize]) -> Vec<S> {
    fold(operand, axes, S::zero(), |sum: &mut S, value| *sum = sum.add(value))
}

/// Another reduction.
pub(super) fn apply<S: Order>(
    reduction: Reduction,
    operand: &Data<'_, S>,
    axes: &[usize],
) -> Result<Vec<S>, Undefined> {
    let extreme = |f: fn(&S, &S) -> S| {
        let found = fold(operand, axes, None, |best: &mut Option<S>, value| {
            *best = Some(best.as_ref().map_or_else(|| value.clone(), |best| f(best, value)));
        });
        // Nothing is reduced to a single element without a first one.
        found.into_iter().map(|best| best.unwrap_or_else(S::zero)).collect()
    };
    let squares =
        || fold(operand, axes, S::zero(), |sum: &mut S, value| *sum = sum.add(&value.square()));
    Ok(match reduction {
        Reduction::Mean => {
            let count: usize = axes.iter().map(|axis| operand.shape[*axis]).product();
            let count = S::from_integer(count as i64);
            return sum(operand, axes)
                .iter()
                .map(|sum| sum.checked_div(&count).ok_or(Undefined::Division))
                .collect();
        }
        Reduction::Max => extreme(S::max),
        Reduction::Min => extreme(S::min),
        Reduction::Product => fold(operand, axes, S::from_integer(1), |product: &mut S, value| {
            *product = product.mul(value);
        }),
        Reduction::L1 => {
            fold(operand, axes, S::zero(), |sum: &mut S, value| *sum = sum.add(&value.abs()))
        }
        Reduction::SumSquare => squares(),
        Reduction::L2 => {
            // A sum of squares is not negative, whatever rounding made of an interval's lower end.
            return squares()
                .iter()
                .map(|sum| sum.relu().sqrt().ok_or(Undefined::Irrational))
                .collect();
        }
    })
}
