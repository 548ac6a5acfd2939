//! Evaluation of a graph in any number type.
//!
//! Sums run in ascending order of the summation index and skip weights that are exactly zero. In `f32`
//! and `f64` every operation rounds; on intervals the result encloses what the network computes over
//! the reals for every choice of inputs in the operands; in exact numbers it is exact, or nothing.

use super::{
    Analytic, Op, Source, batch_normalization, compare, convolution, cumulate, einsum, elementwise,
    extreme, index_map, join, learned, linear, normalization, one_hot, pool, quantize, reduce,
    resize, scatter, softmax, variadic,
};
use crate::graph::{ElementType, Graph, Node, Tensor, TensorData};
use crate::number::{Exact, Rational, Scalar};
use std::borrow::Cow;

/// Why a network has no value at an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undefined {
    /// An exact number is divided by zero.
    #[error("a number is divided by zero")]
    Division,
    /// The result of an operator is no rational number.
    #[error("a result is no rational number")]
    Irrational,
    /// A computed index lies outside of its axis.
    #[error("a computed index lies outside of its axis")]
    Index,
    /// A computed integer is none that the number type holds exactly.
    #[error("a computed integer is out of range")]
    Integer,
    /// Numbers cannot be put in order because one of them is none.
    #[error("numbers that should be sorted are not comparable")]
    Incomparable,
}

/// The outputs for the given inputs, one flat vector each, in the model's order.
///
/// Truth values are 0 and 1. Values are freed after their last use.
///
/// # Errors
///
/// Where the network has no value, or none that the number type can say; on intervals only if a
/// computed index leaves its axis for every choice of inputs.
///
/// # Panics
///
/// If the number or the lengths of the inputs are not those of the graph.
pub fn evaluate<S: Analytic>(graph: &Graph, inputs: &[Vec<S>]) -> Result<Vec<Vec<S>>, Undefined> {
    evaluate_each(graph, inputs, |_, _| {})
}

/// As [`evaluate`]; `each` sees the results of every node, which it may replace by equal numbers.
pub(crate) fn evaluate_each<S: Analytic>(
    graph: &Graph,
    inputs: &[Vec<S>],
    mut each: impl FnMut(&Node, &mut Vec<S>),
) -> Result<Vec<Vec<S>>, Undefined> {
    let mut last_use = vec![0; graph.values.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        for id in node.inputs.iter().chain(&node.outputs) {
            last_use[id.index()] = at;
        }
    }
    for id in &graph.outputs {
        last_use[id.index()] = usize::MAX;
    }
    let mut values = place_inputs(graph, inputs);
    for (at, node) in graph.nodes.iter().enumerate() {
        step(graph, node, &mut values)?;
        for id in &node.outputs {
            if let Some(results) = &mut values[id.index()] {
                each(node, results);
            }
        }
        for id in node.inputs.iter().chain(&node.outputs) {
            if last_use[id.index()] == at {
                values[id.index()] = None;
            }
        }
    }
    Ok(graph.outputs.iter().map(|id| collect(graph, id.index(), &values)).collect())
}

/// The outputs at a point, exactly; `None` if the graph is not rational ([`Graph::is_rational`]) or has no
/// value there.
///
/// # Panics
///
/// If the number or the lengths of the inputs are not those of the graph.
pub fn evaluate_exact(graph: &Graph, inputs: &[Vec<Rational>]) -> Option<Vec<Vec<Rational>>> {
    if !graph.is_rational() {
        return None;
    }
    let inputs: Vec<Vec<Exact>> =
        inputs.iter().map(|input| input.iter().cloned().map(Exact::from).collect()).collect();
    evaluate(graph, &inputs)
        .ok()?
        .into_iter()
        .map(|output| output.into_iter().map(|value| value.0).collect())
        .collect()
}

/// All values by [`crate::graph::ValueId`], constants included.
///
/// # Errors
///
/// As [`evaluate`].
///
/// # Panics
///
/// If the number or the lengths of the inputs are not those of the graph.
pub fn evaluate_all<S: Analytic>(
    graph: &Graph,
    inputs: &[Vec<S>],
) -> Result<Vec<Vec<S>>, Undefined> {
    let mut values = place_inputs(graph, inputs);
    for node in &graph.nodes {
        step(graph, node, &mut values)?;
    }
    Ok((0..graph.values.len()).map(|index| collect(graph, index, &values)).collect())
}

fn place_inputs<S: Scalar>(graph: &Graph, inputs: &[Vec<S>]) -> Vec<Option<Vec<S>>> {
    assert_eq!(inputs.len(), graph.inputs.len(), "one vector for each input of the graph");
    let mut values = vec![None; graph.values.len()];
    for (id, input) in graph.inputs.iter().zip(inputs) {
        let value = graph.value(*id);
        assert_eq!(input.len(), value.len(), "one number for each element of `{}`", value.name);
        values[id.index()] = Some(input.clone());
    }
    values
}

/// Evaluates one node.
fn step<S: Analytic>(
    graph: &Graph,
    node: &Node,
    values: &mut [Option<Vec<S>>],
) -> Result<(), Undefined> {
    let operands: Vec<Data<'_, S>> = node
        .inputs
        .iter()
        .map(|id| {
            let value = graph.value(*id);
            let elements = match (&value.constant, &values[id.index()]) {
                (Some(tensor), _) => Elements::Stored(tensor),
                (None, Some(elements)) => Elements::Values(elements),
                (None, None) => Elements::Values(&[]),
            };
            Data { shape: &value.shape, elements }
        })
        .collect();
    let shapes: Vec<&[usize]> =
        node.outputs.iter().map(|id| graph.value(*id).shape.as_slice()).collect();
    let results = apply(&node.op, &operands, &shapes)?;
    for (id, mut result) in node.outputs.iter().zip(results) {
        if graph.value(*id).element == ElementType::I64 {
            for integer in &mut result {
                *integer = integer.integer().ok_or(Undefined::Integer)?;
            }
        }
        values[id.index()] = Some(result);
    }
    Ok(())
}

fn collect<S: Scalar>(graph: &Graph, index: usize, values: &[Option<Vec<S>>]) -> Vec<S> {
    match (&graph.values[index].constant, &values[index]) {
        (Some(tensor), _) => stored(tensor),
        (None, Some(elements)) => elements.clone(),
        (None, None) => Vec::new(),
    }
}

/// An operand while a node is evaluated.
pub(crate) struct Data<'a, S> {
    pub shape: &'a [usize],
    pub elements: Elements<'a, S>,
}

/// Where the elements of an operand are.
pub(crate) enum Elements<'a, S> {
    /// Computed before.
    Values(&'a [S]),
    /// Stored in the model.
    Stored(&'a Tensor),
}

impl<'a, S: Scalar> Data<'a, S> {
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The elements as numbers.
    pub fn values(&self) -> Cow<'a, [S]> {
        match self.elements {
            Elements::Values(values) => Cow::Borrowed(values),
            Elements::Stored(tensor) => Cow::Owned(stored(tensor)),
        }
    }
}

fn stored<S: Scalar>(tensor: &Tensor) -> Vec<S> {
    match &tensor.data {
        TensorData::F32(data) => data.iter().map(|v| S::from_stored(f64::from(*v))).collect(),
        TensorData::F64(data) => data.iter().map(|v| S::from_stored(*v)).collect(),
        TensorData::I8(data) => data.iter().map(|v| S::from_integer(i64::from(*v))).collect(),
        TensorData::U8(data) => data.iter().map(|v| S::from_integer(i64::from(*v))).collect(),
        TensorData::I64(data) => data.iter().map(|v| S::from_integer(*v)).collect(),
        TensorData::Bool(data) => data.iter().map(|v| S::from_integer(i64::from(*v))).collect(),
    }
}

/// The results of one operator.
pub(crate) fn apply<S: Analytic>(
    op: &Op,
    operands: &[Data<'_, S>],
    shapes: &[&[usize]],
) -> Result<Vec<Vec<S>>, Undefined> {
    let zip = |f: fn(&S, &S) -> S| elementwise::zip(&operands[0], &operands[1], shapes[0], f);
    let one = match op {
        Op::Relu => elementwise::map(&operands[0], S::relu),
        Op::Neg => elementwise::map(&operands[0], S::neg),
        Op::Not => elementwise::map(&operands[0], S::not),
        Op::Add => zip(S::add),
        Op::Sub => zip(S::sub),
        Op::Mul => zip(S::mul),
        Op::Div => elementwise::quotients(&operands[0], &operands[1], shapes[0], false)?,
        Op::IntegerDiv => elementwise::quotients(&operands[0], &operands[1], shapes[0], true)?,
        Op::Sum => variadic::fold(operands, shapes[0], S::add),
        Op::Mean => variadic::mean_of(operands, shapes[0])?,
        Op::Max => variadic::fold(operands, shapes[0], S::max),
        Op::Min => variadic::fold(operands, shapes[0], S::min),
        Op::Compare { relation } => zip(relation.function()),
        Op::Connect { connective } => zip(connective.function()),
        Op::Where => compare::choices(operands, shapes[0]),
        Op::Cast { to } => elementwise::map(&operands[0], super::cast::function(*to)),
        Op::Gemm { alpha, beta, trans_a, trans_b } => {
            let gemm =
                linear::Gemm { alpha: *alpha, beta: *beta, trans_a: *trans_a, trans_b: *trans_b };
            gemm.apply(operands, shapes[0])
        }
        Op::MatMul => linear::product(&operands[0], &operands[1], shapes[0]),
        Op::Einsum { operands: labels, result, lengths } => {
            einsum::contract(operands, labels, result, lengths)
        }
        Op::ReduceSum { axes } => reduce::sum(&operands[0], axes),
        Op::Reduce { reduction, axes } => reduce::apply(*reduction, &operands[0], axes)?,
        Op::CumSum { axis, exclusive, reverse } => {
            cumulate::sums(&operands[0], *axis, *exclusive, *reverse)
        }
        Op::Conv { window, group } => convolution::forward(operands, window, *group, shapes[0]),
        Op::ConvTranspose { window, group } => {
            convolution::transposed(operands, window, *group, shapes[0])
        }
        Op::BatchNormalization { epsilon } => batch_normalization::apply(operands, *epsilon)?,
        Op::MaxPool { window } => pool::greatest(&operands[0], window, shapes[0]),
        Op::AveragePool { window, include_padding } => {
            pool::means(&operands[0], window, *include_padding, shapes[0])?
        }
        Op::Interpolate { taps, fill } => resize::interpolate(&operands[0], taps, *fill, shapes[0]),
        Op::ArgMax { axis, last } => extreme::places(&operands[0], *axis, *last, S::arg_max),
        Op::ArgMin { axis, last } => extreme::places(&operands[0], *axis, *last, S::arg_min),
        Op::TopK { axis, greatest } => {
            return extreme::first(&operands[0], *axis, *greatest, shapes[0]);
        }
        Op::OneHot { axis } => one_hot::spread(operands, *axis, shapes[0]),
        Op::GatherAt { axis } => join::gathered(&operands[0], &operands[1], *axis)?,
        Op::Scatter { targets, combination } => scatter::combined(operands, targets, *combination),
        Op::Scaler { offset, scale } => learned::scaled(&operands[0], offset, scale),
        Op::Normalizer { norm } => learned::normalized(&operands[0], *norm)?,
        Op::LinearRegressor { weights, intercepts } => {
            learned::scores(&operands[0], weights, intercepts)
        }
        Op::LinearClassifier { weights, intercepts, labels } => {
            return Ok(learned::classified(&operands[0], weights, intercepts, labels));
        }
        Op::Pointwise(function) => elementwise::map(&operands[0], |x| x.pointwise(function)),
        Op::PRelu => zip(S::p_relu),
        Op::Softmax { grouping, logarithm } => softmax::apply(&operands[0], grouping, *logarithm),
        Op::Normalization(normalization) => normalization::apply(normalization, operands),
        Op::Quantize { affine, range } => quantize::apply_quantize(operands, affine, *range),
        Op::Dequantize { affine } => quantize::apply_dequantize(operands, affine),
        Op::Identity | Op::Reshape => operands[0].values().into_owned(),
        Op::Transpose { .. }
        | Op::Concat { .. }
        | Op::Slice { .. }
        | Op::Split { .. }
        | Op::Gather { .. }
        | Op::Pick { .. }
        | Op::Rearrange { .. }
        | Op::Move { .. } => return Ok(moved(op, operands, shapes)),
    };
    Ok(vec![one])
}

fn moved<S: Scalar>(op: &Op, operands: &[Data<'_, S>], shapes: &[&[usize]]) -> Vec<Vec<S>> {
    let inputs: Vec<&[usize]> = operands.iter().map(|operand| operand.shape).collect();
    let values: Vec<Cow<'_, [S]>> = operands.iter().map(Data::values).collect();
    index_map(op, &inputs, shapes)
        .unwrap_or_default()
        .iter()
        .map(|map| {
            map.iter()
                .map(|source| match *source {
                    Source::Element { operand, element } => {
                        values[operand as usize][element as usize].clone()
                    }
                    Source::Constant(value) => S::from_stored(f64::from(value)),
                })
                .collect()
        })
        .collect()
}
