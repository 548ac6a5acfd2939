//! Indices as indicator vectors: OneHot.

use super::evaluate::Data;
use super::{Application, Op, Reading, index_map};
use crate::error::Error;
use crate::number::Order;

pub(super) fn one_hot(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(3, 3)?;
    let axis = application.attributes.int("axis")?.unwrap_or(-1);
    super::elementwise::numeric(application, 0)?;
    let (indices, depth, values) =
        (application.operand(0)?, application.operand(1)?, application.operand(2)?);
    let Some(number) = depth.constant else {
        return Err(application.not_constant(depth, "the depth"));
    };
    let whole = if number.len() == 1 { number.float(0) } else { 0.0 };
    if !(1.0..=2f64.powi(31)).contains(&whole) || whole != whole.trunc() {
        return Err(application.contradiction(format!("the depth `{}` is no count", depth.name)));
    }
    if values.shape != [2] {
        return Err(application.contradiction(format!(
            "`{}` of shape {:?} is no pair of values",
            values.name, values.shape
        )));
    }
    let axis = application.axis(axis, indices.shape.len() + 1)?;
    let mut shape = indices.shape.to_vec();
    shape.insert(axis, whole as usize);
    application.count(&shape)?;
    Ok(Reading::typed(Op::OneHot { axis }, [0, 2], shape, values.element))
}

/// The indicator vectors; what an index that is not decided may be lies between both values.
pub(super) fn spread<S: Order>(operands: &[Data<'_, S>], axis: usize, shape: &[usize]) -> Vec<S> {
    let (indices, values) = (operands[0].values(), operands[1].values());
    let (outer, depth, inner) = index_map::around(shape, axis);
    let mut result = Vec::with_capacity(shape.iter().product());
    for before in 0..outer {
        for place in 0..depth {
            // A negative index counts from the end.
            let [here, wrapped] =
                [place as i64, place as i64 - depth as i64].map(|place| S::from_integer(place));
            for behind in 0..inner {
                let index = indices[before * inner + behind].trunc();
                let hit = index.equal(&here).max(&index.equal(&wrapped));
                result.push(hit.select(&values[1], &values[0]));
            }
        }
    }
    result
}
