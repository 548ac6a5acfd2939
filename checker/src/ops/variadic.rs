//! Operators on any number of operands, elementwise with broadcasting: Sum, Mean, Max, Min.

use super::elementwise::{common_shape, numeric, spread};
use super::evaluate::{Data, Undefined};
use super::{Application, Op, Reading};
use crate::error::Error;
use crate::number::Scalar;

pub(super) fn sum(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.float(0)?;
    variadic(application, Op::Sum)
}

pub(super) fn mean(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.float(0)?;
    variadic(application, Op::Mean)
}

pub(super) fn max(application: &mut Application<'_>) -> Result<Reading, Error> {
    variadic(application, Op::Max)
}

pub(super) fn min(application: &mut Application<'_>) -> Result<Reading, Error> {
    variadic(application, Op::Min)
}

fn variadic(application: &mut Application<'_>, op: Op) -> Result<Reading, Error> {
    application.arity(1, usize::MAX)?;
    let positions: Vec<usize> = (0..application.operands.len()).collect();
    application.same_element(&positions)?;
    numeric(application, 0)?;
    let shape = common_shape(application)?;
    Ok(Reading::node(op, positions, shape))
}

/// The operands combined one after the other.
pub(super) fn fold<S: Scalar>(
    operands: &[Data<'_, S>],
    shape: &[usize],
    f: fn(&S, &S) -> S,
) -> Vec<S> {
    let mut result = spread(&operands[0], shape).into_owned();
    for operand in &operands[1..] {
        for (value, other) in result.iter_mut().zip(spread(operand, shape).iter()) {
            *value = f(value, other);
        }
    }
    result
}

/// The mean of the operands.
pub(super) fn mean_of<S: Scalar>(
    operands: &[Data<'_, S>],
    shape: &[usize],
) -> Result<Vec<S>, Undefined> {
    let count = S::from_integer(operands.len() as i64);
    fold(operands, shape, S::add)
        .iter()
        .map(|sum| sum.checked_div(&count).ok_or(Undefined::Division))
        .collect()
}
