//! Comparisons, truth values and choices: Equal, Less, Greater, And, Or, Xor, Not, Where.

use super::elementwise::{common_shape, numeric, spread};
use super::evaluate::Data;
use super::{Application, Op, Reading};
use crate::error::Error;
use crate::graph::ElementType;
use crate::number::Order;

/// A relation between two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `a = b`.
    Equal,
    /// `a < b`.
    Less,
    /// `a <= b`.
    LessOrEqual,
}

impl Relation {
    pub(super) fn function<S: Order>(self) -> fn(&S, &S) -> S {
        match self {
            Relation::Equal => S::equal,
            Relation::Less => S::less,
            Relation::LessOrEqual => S::less_or_equal,
        }
    }
}

/// A connective of two truth values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connective {
    /// Both hold.
    And,
    /// At least one holds.
    Or,
    /// Exactly one holds.
    Xor,
}

impl Connective {
    pub(super) fn function<S: Order>(self) -> fn(&S, &S) -> S {
        match self {
            Connective::And => S::min,
            Connective::Or => S::max,
            Connective::Xor => |a, b| a.equal(b).not(),
        }
    }
}

pub(super) fn equal(application: &mut Application<'_>) -> Result<Reading, Error> {
    compare(application, Relation::Equal, [0, 1])
}

pub(super) fn less(application: &mut Application<'_>) -> Result<Reading, Error> {
    compare(application, Relation::Less, [0, 1])
}

pub(super) fn greater(application: &mut Application<'_>) -> Result<Reading, Error> {
    compare(application, Relation::Less, [1, 0])
}

pub(super) fn less_or_equal(application: &mut Application<'_>) -> Result<Reading, Error> {
    compare(application, Relation::LessOrEqual, [0, 1])
}

pub(super) fn greater_or_equal(application: &mut Application<'_>) -> Result<Reading, Error> {
    compare(application, Relation::LessOrEqual, [1, 0])
}

fn compare(
    application: &mut Application<'_>,
    relation: Relation,
    operands: [usize; 2],
) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    application.same_element(&[0, 1])?;
    if relation != Relation::Equal {
        numeric(application, 0)?;
    }
    let shape = common_shape(application)?;
    Ok(Reading::typed(Op::Compare { relation }, operands, shape, ElementType::Bool))
}

pub(super) fn and(application: &mut Application<'_>) -> Result<Reading, Error> {
    connect(application, Connective::And)
}

pub(super) fn or(application: &mut Application<'_>) -> Result<Reading, Error> {
    connect(application, Connective::Or)
}

pub(super) fn xor(application: &mut Application<'_>) -> Result<Reading, Error> {
    connect(application, Connective::Xor)
}

fn connect(application: &mut Application<'_>, connective: Connective) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    truths(application, 0)?;
    truths(application, 1)?;
    let shape = common_shape(application)?;
    Ok(Reading::node(Op::Connect { connective }, [0, 1], shape))
}

pub(super) fn not(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    truths(application, 0)?;
    Ok(Reading::node(Op::Not, [0], application.operand(0)?.shape.to_vec()))
}

pub(super) fn choose(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(3, 3)?;
    truths(application, 0)?;
    application.same_element(&[1, 2])?;
    let shape = common_shape(application)?;
    let element = application.operand(1)?.element;
    Ok(Reading::typed(Op::Where, [0, 1, 2], shape, element))
}

/// Refuses an operand that holds numbers.
fn truths(application: &Application<'_>, position: usize) -> Result<(), Error> {
    let operand = application.operand(position)?;
    if operand.element != ElementType::Bool {
        return Err(application.contradiction(format!(
            "the operand `{}` holds numbers, not truth values",
            operand.name
        )));
    }
    Ok(())
}

/// Elements of the second or third operand, by the first.
pub(super) fn choices<S: Order>(operands: &[Data<'_, S>], shape: &[usize]) -> Vec<S> {
    let [truths, a, b] = [0, 1, 2].map(|position| spread(&operands[position], shape));
    truths.iter().zip(a.iter().zip(b.iter())).map(|(truth, (a, b))| truth.select(a, b)).collect()
}
