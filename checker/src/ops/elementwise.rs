//! Elementwise operators: Relu, Neg, Identity, Dropout, and Add, Sub, Mul, Div with broadcasting.

use super::broadcast::{broadcast, stretched_indices};
use super::evaluate::{Data, Undefined};
use super::{Application, Op, Reading};
use crate::error::{Error, Kind};
use crate::graph::ElementType;
use crate::number::Scalar;
use std::borrow::Cow;

pub(super) fn relu(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    Ok(Reading::node(Op::Relu, [0], application.float(0)?.shape.to_vec()))
}

pub(super) fn neg(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    numeric(application, 0)?;
    Ok(Reading::node(Op::Neg, [0], application.operand(0)?.shape.to_vec()))
}

pub(super) fn identity(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    Ok(Reading::node(Op::Identity, [0], application.operand(0)?.shape.to_vec()))
}

/// Dropout passes its operand on at inference; the share that training drops has no influence.
pub(super) fn dropout(application: &mut Application<'_>) -> Result<Reading, Error> {
    if application.results.get(1) == Some(&true) {
        return Err(application.unsupported("the second result, the mask, is not supported"));
    }
    if application.opset >= 12 {
        application.operand_count(1, 3)?;
        application.attributes.ignore("seed");
        if let Some(mode) = application.optional(2) {
            let training =
                mode.constant.is_none_or(|tensor| tensor.len() != 1 || tensor.float(0) != 0.0);
            if training {
                return Err(application
                    .unsupported("the operator is in training mode")
                    .help("export the model in evaluation mode (`model.eval()` in PyTorch)"));
            }
        }
    } else {
        application.operand_count(1, 1)?;
        application.attributes.float("ratio")?;
    }
    Ok(Reading::node(Op::Identity, [0], application.float(0)?.shape.to_vec()))
}

pub(super) fn add(application: &mut Application<'_>) -> Result<Reading, Error> {
    binary(application, Op::Add)
}

pub(super) fn sub(application: &mut Application<'_>) -> Result<Reading, Error> {
    binary(application, Op::Sub)
}

pub(super) fn mul(application: &mut Application<'_>) -> Result<Reading, Error> {
    binary(application, Op::Mul)
}

pub(super) fn div(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    let (a, b) = (application.operand(0)?, application.operand(1)?);
    let zero = match (b.constant, b.exact) {
        (Some(tensor), _) => (0..tensor.len()).find(|index| match tensor.integers() {
            Some(integers) => integers[*index] == 0,
            None => tensor.float(*index) == 0.0,
        }),
        (None, Some(exact)) => exact.iter().position(|value| value.is_zero()),
        (None, None) => None,
    };
    if let Some(index) = zero {
        return Err(Error::new(
            Kind::Model,
            format!(
                "{}: `{}` is divided by element {index} of `{}`, which is zero",
                application.node, a.name, b.name
            ),
        ));
    }
    // ONNX rounds quotients of integers toward zero.
    let integers = b.element == ElementType::I64;
    binary(application, if integers { Op::IntegerDiv } else { Op::Div })
}

fn binary(application: &mut Application<'_>, op: Op) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    application.same_element(&[0, 1])?;
    numeric(application, 0)?;
    let shape = common_shape(application)?;
    Ok(Reading::node(op, [0, 1], shape))
}

/// The shape to which all operands broadcast.
pub(super) fn common_shape(application: &Application<'_>) -> Result<Vec<usize>, Error> {
    let mut shape = application.operand(0)?.shape.to_vec();
    for position in 1..application.operands.len() {
        let operand = application.operand(position)?;
        shape = broadcast(&shape, operand.shape).ok_or_else(|| {
            application.contradiction(format!(
                "the shapes {shape:?} and {:?} of `{}` do not broadcast",
                operand.shape, operand.name
            ))
        })?;
    }
    application.count(&shape)?;
    Ok(shape)
}

/// Refuses an operand of truth values.
pub(super) fn numeric(application: &Application<'_>, position: usize) -> Result<(), Error> {
    let operand = application.operand(position)?;
    match operand.element {
        ElementType::F32 | ElementType::F64 | ElementType::I64 => Ok(()),
        ElementType::Bool => Err(application.contradiction(format!(
            "the operand `{}` holds truth values, not numbers",
            operand.name
        ))),
        ElementType::I8 | ElementType::U8 => Err(application.unsupported(format!(
            "arithmetic on the 8-bit integers of `{}` is not supported",
            operand.name
        ))),
    }
}

/// `f` of every element.
pub(super) fn map<S: Scalar>(operand: &Data<'_, S>, f: impl Fn(&S) -> S) -> Vec<S> {
    operand.values().iter().map(f).collect()
}

/// `f` of every pair of elements, broadcast to `shape`.
pub(super) fn zip<S: Scalar>(
    a: &Data<'_, S>,
    b: &Data<'_, S>,
    shape: &[usize],
    f: impl Fn(&S, &S) -> S,
) -> Vec<S> {
    let (x, y) = (spread(a, shape), spread(b, shape));
    x.iter().zip(y.iter()).map(|(x, y)| f(x, y)).collect()
}

/// The quotients of every pair of elements, broadcast to `shape`; of integers if `integers`.
pub(super) fn quotients<S: Scalar>(
    a: &Data<'_, S>,
    b: &Data<'_, S>,
    shape: &[usize],
    integers: bool,
) -> Result<Vec<S>, Undefined> {
    let (x, y) = (spread(a, shape), spread(b, shape));
    let quotient = |(x, y): (&S, &S)| {
        let quotient = x.checked_div(y).ok_or(Undefined::Division)?;
        Ok(if integers { quotient.trunc() } else { quotient })
    };
    x.iter().zip(y.iter()).map(quotient).collect()
}

/// The elements of an operand broadcast to `shape`.
pub(super) fn spread<'a, S: Scalar>(operand: &Data<'a, S>, shape: &[usize]) -> Cow<'a, [S]> {
    let values = operand.values();
    if operand.len() == shape.iter().product::<usize>() {
        return values;
    }
    stretched_indices(operand.shape, shape)
        .into_iter()
        .map(|index| values[index as usize].clone())
        .collect()
}
