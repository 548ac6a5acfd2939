//! Folding of constants, only where it is exact over the reals.
//!
//! Data movement folds on any tensor. Everything else is done in rationals, and once more in the
//! operator's own type as an execution would do it. The result becomes a stored tensor only if both
//! agree in every element; else the exact elements and the executed ones are kept beside the node. So
//! integers that were computed by way of floats (shapes, indices) are the same in exact arithmetic and in
//! an execution, or the model is refused.

use super::evaluate::{Data, Elements, Undefined, apply};
use super::fold_cost::Budget;
use super::{Op, Source, index_map};
use crate::error::Kind;
use crate::graph::{ElementType, Tensor, TensorData};
use crate::number::{Exact, Rational};
use std::rc::Rc;
use std::sync::Arc;

/// Most multiplications or additions that are done in rationals to fold one node.
const MAX_WORK: usize = 1 << 21;

/// A constant that is known and not stored.
#[derive(Clone)]
pub(crate) struct Unstored {
    /// The elements over the reals.
    pub values: Rc<[Rational]>,
    /// The elements as an execution computes them.
    pub executed: Rc<[f64]>,
}

/// A constant operand.
pub(crate) struct Known<'a> {
    pub shape: &'a [usize],
    pub element: ElementType,
    /// The elements, if they are stored.
    pub tensor: Option<&'a Tensor>,
    /// The elements, if they are known exactly and not stored.
    pub exact: Option<&'a Unstored>,
}

/// One result of a constant node.
pub(crate) enum Folded {
    /// A stored constant.
    Stored(Tensor),
    /// Known, but not stored: the node stays.
    Unstored(Unstored),
    /// Too costly to know, or not rational: the node stays.
    Unknown,
}

/// The results of an operator on constants, given the shape and type of each; an error says why there is
/// none.
///
/// What costs more than is left in the budget stays unknown.
pub(crate) fn fold(
    op: &Op,
    operands: &[Known<'_>],
    results: &[(Vec<usize>, ElementType)],
    budget: &mut Budget,
) -> Result<Vec<Folded>, (Kind, &'static str)> {
    let shapes: Vec<&[usize]> = results.iter().map(|(shape, _)| shape.as_slice()).collect();
    let tensors: Option<Vec<&Tensor>> = operands.iter().map(|operand| operand.tensor).collect();
    if let Some(moved) = tensors.and_then(|tensors| movement(op, &tensors, &shapes)) {
        return Ok(moved.into_iter().map(Folded::Stored).collect());
    }
    let unknown = || Ok(results.iter().map(|_| Folded::Unknown).collect());
    let work = work(op, operands, &shapes);
    if work > MAX_WORK || !op.is_rational() {
        return unknown();
    }
    let known = operands.iter().all(|operand| operand.tensor.is_some() || operand.exact.is_some());
    if !known || !budget.arithmetic(op, operands, &shapes, work) {
        return unknown();
    }
    let exact: Vec<Vec<Exact>> = operands
        .iter()
        .map(|operand| match (operand.tensor, operand.exact) {
            (None, Some(exact)) => exact.values.iter().cloned().map(Exact::from).collect(),
            _ => Vec::new(),
        })
        .collect();
    let exact = match apply(op, &data(operands, |at, _| &exact[at][..]), &shapes) {
        Ok(exact) => exact,
        Err(Undefined::Division) => return Err((Kind::Model, "a constant is divided by zero")),
        Err(_) => return unknown(),
    };
    let float = |element: ElementType| matches!(element, ElementType::F32 | ElementType::F64);
    let floats = operands.iter().any(|operand| float(operand.element))
        || results.iter().any(|(_, element)| float(*element));
    // Integer operators on integers are exact in an execution too.
    let executed = match floats {
        true => match apply(op, &data(operands, |_, exact| &exact.executed[..]), &shapes) {
            Ok(executed) => executed.into_iter().map(Some).collect(),
            Err(_) => return unknown(),
        },
        false => vec![None; exact.len()],
    };
    let folded =
        exact.into_iter().zip(executed).zip(results).map(
            |((values, executed), (shape, element))| finished(values, executed, shape, *element),
        );
    folded.collect()
}

/// The operands as numbers of one type.
fn data<'a, S: Clone>(
    operands: &'a [Known<'a>],
    of: impl Fn(usize, &'a Unstored) -> &'a [S],
) -> Vec<Data<'a, S>> {
    operands
        .iter()
        .enumerate()
        .map(|(at, operand)| {
            let elements = match (operand.tensor, operand.exact) {
                (Some(tensor), _) => Elements::Stored(tensor),
                (None, exact) => {
                    Elements::Values(exact.map(|exact| of(at, exact)).unwrap_or_default())
                }
            };
            Data { shape: operand.shape, elements }
        })
        .collect()
}

/// One result, from its exact elements and the executed ones where these may differ.
fn finished(
    values: Vec<Exact>,
    executed: Option<Vec<f64>>,
    shape: &[usize],
    element: ElementType,
) -> Result<Folded, (Kind, &'static str)> {
    let values: Option<Vec<Rational>> = values.into_iter().map(|value| value.0).collect();
    let Some(values) = values else { return Ok(Folded::Unknown) };
    let mut executed = executed.unwrap_or_default();
    if element == ElementType::F32 {
        executed.iter_mut().for_each(|value| *value = f64::from(*value as f32));
    }
    let agree = |(exact, executed): (&Rational, &f64)| exact.to_f64_exact() == Some(*executed);
    let same = values.iter().zip(&executed).all(agree);
    match (element, representable(&values, element)) {
        (_, Some(data)) if same => Ok(Folded::Stored(Tensor { shape: shape.to_vec(), data })),
        (ElementType::F32 | ElementType::F64, _) => {
            Ok(Folded::Unstored(Unstored { values: values.into(), executed: executed.into() }))
        }
        (_, None) => Err((Kind::Model, "constant integer arithmetic overflows")),
        (_, Some(_)) => Err((
            Kind::UnsupportedOperator,
            "integers that are computed from constants differ between exact arithmetic and float32",
        )),
    }
}

/// The moved elements, if the operator moves data.
fn movement(op: &Op, tensors: &[&Tensor], shapes: &[&[usize]]) -> Option<Vec<Tensor>> {
    if matches!(op, Op::Identity | Op::Reshape) {
        return Some(vec![Tensor { shape: shapes[0].to_vec(), data: tensors[0].data.clone() }]);
    }
    let inputs: Vec<&[usize]> = tensors.iter().map(|tensor| tensor.shape.as_slice()).collect();
    let maps = index_map(op, &inputs, shapes)?;
    let picked = maps.iter().zip(shapes).map(|(map, shape)| {
        macro_rules! pick {
            ($variant:ident, $constant:expr) => {{
                let data: Option<Vec<&[_]>> = tensors
                    .iter()
                    .map(|tensor| match &tensor.data {
                        TensorData::$variant(data) => Some(&data[..]),
                        _ => None,
                    })
                    .collect();
                let data = data?;
                TensorData::$variant(
                    map.iter()
                        .map(|source| match *source {
                            Source::Element { operand, element } => {
                                data[operand as usize][element as usize]
                            }
                            Source::Constant(value) => $constant(value),
                        })
                        .collect(),
                )
            }};
        }
        let data = match tensors[0].data {
            TensorData::F32(_) => pick!(F32, |value: f32| value),
            TensorData::F64(_) => pick!(F64, f64::from),
            TensorData::I64(_) => pick!(I64, |value: f32| value as i64),
            TensorData::I8(_) => pick!(I8, |value: f32| value as i8),
            TensorData::U8(_) => pick!(U8, |value: f32| value as u8),
            TensorData::Bool(_) => pick!(Bool, |value: f32| value != 0.0),
        };
        Some(Tensor { shape: shape.to_vec(), data })
    });
    picked.collect()
}

/// The values in the given type, if it holds all of them exactly.
pub(super) fn representable(values: &[Rational], element: ElementType) -> Option<TensorData> {
    let mut floats = values.iter().map(Rational::to_f64_exact);
    match element {
        ElementType::F32 => floats
            .map(|value| {
                let value = value?;
                (f64::from(value as f32) == value).then_some(value as f32)
            })
            .collect::<Option<Arc<[f32]>>>()
            .map(TensorData::F32),
        ElementType::F64 => {
            let floats: Option<Arc<[f64]>> = floats.by_ref().collect();
            floats.map(TensorData::F64)
        }
        ElementType::I64 => {
            let integers: Option<Arc<[i64]>> = values.iter().map(Rational::to_integer).collect();
            integers.map(TensorData::I64)
        }
        ElementType::I8 => {
            let small = |value: &Rational| i8::try_from(value.to_integer()?).ok();
            values.iter().map(small).collect::<Option<Arc<[i8]>>>().map(TensorData::I8)
        }
        ElementType::U8 => {
            let small = |value: &Rational| u8::try_from(value.to_integer()?).ok();
            values.iter().map(small).collect::<Option<Arc<[u8]>>>().map(TensorData::U8)
        }
        ElementType::Bool => {
            Some(TensorData::Bool(values.iter().map(|value| !value.is_zero()).collect()))
        }
    }
}

/// Roughly how many scalar operations an operator takes.
fn work(op: &Op, operands: &[Known<'_>], shapes: &[&[usize]]) -> usize {
    let count = |shape: &[usize]| shape.iter().product::<usize>();
    let results: usize = shapes.iter().map(|shape| count(shape)).sum();
    let elements: usize = operands.iter().map(|operand| count(operand.shape)).sum();
    let inner = match op {
        Op::MatMul => operands[0].shape.last().copied().unwrap_or(1),
        Op::Gemm { trans_a, .. } => operands[0].shape[if *trans_a { 0 } else { 1 }],
        Op::Conv { .. } => count(&operands[1].shape[1..]),
        Op::ConvTranspose { .. } => count(&operands[1].shape[1..]).max(count(operands[1].shape)),
        Op::MaxPool { window } | Op::AveragePool { window, .. } => count(&window.kernel),
        Op::TopK { axis, .. } => operands[0].shape[*axis],
        Op::LinearClassifier { .. } | Op::LinearRegressor { .. } => {
            operands[0].shape.last().copied().unwrap_or(1)
        }
        Op::Einsum { lengths, result, .. } => {
            let summed = (0..lengths.len()).filter(|label| !result.contains(label));
            summed.fold(1usize, |product, label| product.saturating_mul(lengths[label]))
        }
        _ => 1,
    };
    results.saturating_mul(inner).saturating_add(elements)
}
