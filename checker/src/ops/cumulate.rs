//! Running sums along an axis: CumSum.

use super::evaluate::Data;
use super::{Application, Op, Reading, index_map};
use crate::error::Error;
use crate::number::Scalar;

pub(super) fn cum_sum(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    let exclusive = application.attributes.flag("exclusive", false)?;
    let reverse = application.attributes.flag("reverse", false)?;
    super::elementwise::numeric(application, 0)?;
    let axis = application.integer(1, "the axis")?.unwrap_or(0);
    let shape = application.operand(0)?.shape;
    let axis = application.axis(axis, shape.len())?;
    Ok(Reading::node(Op::CumSum { axis, exclusive, reverse }, [0], shape.to_vec()))
}

/// The sums up to each element, in the order in which they run.
pub(super) fn sums<S: Scalar>(
    operand: &Data<'_, S>,
    axis: usize,
    exclusive: bool,
    reverse: bool,
) -> Vec<S> {
    let values = operand.values();
    let (outer, dim, inner) = index_map::around(operand.shape, axis);
    let mut result = vec![S::zero(); values.len()];
    for start in (0..outer).flat_map(|o| (0..inner).map(move |i| o * dim * inner + i)) {
        let mut sum = S::zero();
        for step in 0..dim {
            let at = start + inner * if reverse { dim - 1 - step } else { step };
            let next = sum.add(&values[at]);
            result[at] = if exclusive { sum } else { next.clone() };
            sum = next;
        }
    }
    result
}
