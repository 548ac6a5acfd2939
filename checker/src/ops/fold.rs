//! Folding of constants, only where it is exact over the reals.
//!
//! Data movement folds on any tensor. Integer arithmetic is checked for overflow. Float arithmetic is
//! done in rationals and becomes a stored tensor only if the tensor's own float type holds every
//! element; else the exact elements are kept beside the node.

use super::broadcast::stretched_indices;
use super::evaluate::{Data, Elements, apply};
use super::fold_cost::Budget;
use super::{Op, index_map, reduce};
use crate::graph::{ElementType, Tensor, TensorData};
use crate::number::{Exact, Rational};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

/// Most multiplications or additions that are done in rationals to fold one node.
const MAX_WORK: usize = 1 << 21;

/// A constant operand.
pub(crate) struct Known<'a> {
    pub shape: &'a [usize],
    pub element: ElementType,
    /// The elements, if they are stored.
    pub tensor: Option<&'a Tensor>,
    /// The elements, if they are known exactly and not stored.
    pub exact: Option<&'a Rc<[Rational]>>,
}

/// One result of a constant node.
pub(crate) enum Folded {
    /// A stored constant.
    Stored(Tensor),
    /// Known, but no float type holds it: the node stays.
    Exact(Rc<[Rational]>),
    /// Too costly to know: the node stays.
    Unknown,
}

/// The results of an operator on constants; an error says what overflowed or divides by zero.
///
/// What costs more than is left in the budget stays unknown.
pub(crate) fn fold(
    op: &Op,
    operands: &[Known<'_>],
    shapes: &[Vec<usize>],
    budget: &mut Budget,
) -> Result<Vec<Folded>, &'static str> {
    let slices: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
    let tensors: Option<Vec<&Tensor>> = operands.iter().map(|operand| operand.tensor).collect();
    if let Some(tensors) = &tensors {
        if let Some(moved) = movement(op, tensors, &slices) {
            return Ok(moved.into_iter().map(Folded::Stored).collect());
        }
        if let Some(integers) = integers(op, tensors, &slices) {
            return Ok(vec![Folded::Stored(integers?)]);
        }
    }
    Ok(rationals(op, operands, &slices, budget))
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
            ($variant:ident) => {{
                let data: Option<Vec<&[_]>> = tensors
                    .iter()
                    .map(|tensor| match &tensor.data {
                        TensorData::$variant(data) => Some(&data[..]),
                        _ => None,
                    })
                    .collect();
                let data = data?;
                TensorData::$variant(
                    map.iter().map(|s| data[s.operand as usize][s.element as usize]).collect(),
                )
            }};
        }
        let data = match tensors[0].data {
            TensorData::F32(_) => pick!(F32),
            TensorData::F64(_) => pick!(F64),
            TensorData::I64(_) => pick!(I64),
            TensorData::I8(_) => pick!(I8),
            TensorData::U8(_) => pick!(U8),
            TensorData::Bool(_) => pick!(Bool),
        };
        Some(Tensor { shape: shape.to_vec(), data })
    });
    picked.collect()
}

/// The result of integer arithmetic, if it is that.
fn integers(
    op: &Op,
    tensors: &[&Tensor],
    shapes: &[&[usize]],
) -> Option<Result<Tensor, &'static str>> {
    const OVERFLOW: &str = "constant integer arithmetic overflows";
    let data: Vec<&[i64]> =
        tensors.iter().map(|tensor| tensor.integers()).collect::<Option<_>>()?;
    let binary = |f: fn(i64, i64) -> Option<i64>| -> Result<Arc<[i64]>, &'static str> {
        let a = stretched_indices(&tensors[0].shape, shapes[0]);
        let b = stretched_indices(&tensors[1].shape, shapes[0]);
        a.into_iter()
            .zip(b)
            .map(|(a, b)| f(data[0][a as usize], data[1][b as usize]).ok_or(OVERFLOW))
            .collect()
    };
    let result = match op {
        Op::Add => binary(i64::checked_add),
        Op::Sub => binary(i64::checked_sub),
        Op::Mul => binary(i64::checked_mul),
        // ONNX truncates toward zero, as Rust does.
        Op::Div => binary(i64::checked_div),
        Op::Neg => data[0].iter().map(|v| v.checked_neg().ok_or(OVERFLOW)).collect(),
        Op::ReduceSum { axes } => {
            let mut sums = vec![Some(0i64); shapes[0].iter().product()];
            for (value, target) in data[0].iter().zip(reduce::targets(&tensors[0].shape, axes)) {
                let sum = &mut sums[target as usize];
                *sum = sum.and_then(|sum| sum.checked_add(*value));
            }
            sums.into_iter().map(|sum| sum.ok_or(OVERFLOW)).collect()
        }
        _ => return None,
    };
    Some(result.map(|data| Tensor { shape: shapes[0].to_vec(), data: TensorData::I64(data) }))
}

/// The results computed in rationals, as far as they are rational.
fn rationals(
    op: &Op,
    operands: &[Known<'_>],
    shapes: &[&[usize]],
    budget: &mut Budget,
) -> Vec<Folded> {
    let unknown = || shapes.iter().map(|_| Folded::Unknown).collect();
    let element = op.result_element(operands[0].element);
    let numeric = |operand: &Known<'_>| match operand.element {
        ElementType::F32 | ElementType::F64 => true,
        ElementType::I8 | ElementType::U8 | ElementType::I64 => {
            matches!(op, Op::Quantize { .. } | Op::Dequantize { .. })
        }
        ElementType::Bool => false,
    };
    let work = work(op, operands, shapes);
    if work > MAX_WORK || !operands.iter().all(numeric) || !op.is_rational() {
        return unknown();
    }
    if !budget.arithmetic(op, operands, shapes, work) {
        return unknown();
    }
    let known: Option<Vec<Cow<'_, [Exact]>>> = operands
        .iter()
        .map(|operand| match (operand.tensor, operand.exact) {
            (Some(_), _) => Some(Cow::Borrowed(&[][..])),
            (None, Some(exact)) => Some(exact.iter().cloned().map(Exact::from).collect()),
            (None, None) => None,
        })
        .collect();
    let Some(known) = known else { return unknown() };
    let data: Vec<Data<'_, Exact>> = operands
        .iter()
        .zip(&known)
        .map(|(operand, known)| {
            let elements = match operand.tensor {
                Some(tensor) => Elements::Stored(tensor),
                None => Elements::Values(known),
            };
            Data { shape: operand.shape, elements }
        })
        .collect();
    apply(op, &data, shapes)
        .into_iter()
        .zip(shapes)
        .map(|(values, shape)| {
            let values: Option<Vec<Rational>> = values.into_iter().map(|value| value.0).collect();
            let Some(values) = values else { return Folded::Unknown };
            match representable(&values, element) {
                Some(data) => Folded::Stored(Tensor { shape: shape.to_vec(), data }),
                None => Folded::Exact(values.into()),
            }
        })
        .collect()
}

/// The values in a float type that holds all of them exactly, if the given one does.
fn representable(values: &[Rational], element: ElementType) -> Option<TensorData> {
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
        // Quantised numbers are integers within the range of their type.
        ElementType::I8 => {
            floats.map(|value| value.map(|v| v as i8)).collect::<Option<_>>().map(TensorData::I8)
        }
        ElementType::U8 => {
            floats.map(|value| value.map(|v| v as u8)).collect::<Option<_>>().map(TensorData::U8)
        }
        ElementType::I64 | ElementType::Bool => None,
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
        _ => 1,
    };
    results.saturating_mul(inner).saturating_add(elements)
}
