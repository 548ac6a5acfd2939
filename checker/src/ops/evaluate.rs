//! Evaluation of a graph in any number type.
//!
//! Sums run in ascending order of the summation index and skip weights that are exactly zero. In `f32`
//! and `f64` every operation rounds; on intervals the result encloses what the network computes over
//! the reals for every choice of inputs in the operands; in exact numbers it is exact, or nothing.

use super::{
    Analytic, Op, elementwise, index_map, linear, normalization, quantize, reduce, softmax,
};
use crate::graph::{Graph, Node, Tensor, TensorData};
use crate::number::{Exact, Rational, Scalar};
use std::borrow::Cow;

/// The outputs for the given inputs, one flat vector each, in the model's order.
///
/// Values are freed after their last use.
///
/// # Panics
///
/// If the number or the lengths of the inputs are not those of the graph.
pub fn evaluate<S: Analytic>(graph: &Graph, inputs: &[Vec<S>]) -> Vec<Vec<S>> {
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
        step(graph, node, &mut values);
        for id in node.inputs.iter().chain(&node.outputs) {
            if last_use[id.index()] == at {
                values[id.index()] = None;
            }
        }
    }
    graph.outputs.iter().map(|id| collect(graph, id.index(), &values)).collect()
}

/// The outputs at a point, exactly; `None` if the graph is not rational ([`Graph::is_rational`]) or divides by zero
/// there.
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
        .into_iter()
        .map(|output| output.into_iter().map(|value| value.0).collect())
        .collect()
}

/// All values by [`crate::graph::ValueId`], constants included.
///
/// # Panics
///
/// If the number or the lengths of the inputs are not those of the graph.
pub fn evaluate_all<S: Analytic>(graph: &Graph, inputs: &[Vec<S>]) -> Vec<Vec<S>> {
    let mut values = place_inputs(graph, inputs);
    for node in &graph.nodes {
        step(graph, node, &mut values);
    }
    (0..graph.values.len()).map(|index| collect(graph, index, &values)).collect()
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
fn step<S: Analytic>(graph: &Graph, node: &Node, values: &mut [Option<Vec<S>>]) {
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
    let results = apply(&node.op, &operands, &shapes);
    for (id, result) in node.outputs.iter().zip(results) {
        values[id.index()] = Some(result);
    }
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
        TensorData::I64(_) | TensorData::I8(_) | TensorData::U8(_) | TensorData::Bool(_) => {
            (0..tensor.len()).map(|index| S::from_stored(tensor.float(index))).collect()
        }
    }
}

/// The results of one operator.
pub(crate) fn apply<S: Analytic>(
    op: &Op,
    operands: &[Data<'_, S>],
    shapes: &[&[usize]],
) -> Vec<Vec<S>> {
    let one = |result| vec![result];
    match op {
        Op::Relu => one(elementwise::map(&operands[0], S::relu)),
        Op::Neg => one(elementwise::map(&operands[0], S::neg)),
        Op::Add => one(elementwise::zip(&operands[0], &operands[1], shapes[0], S::add)),
        Op::Sub => one(elementwise::zip(&operands[0], &operands[1], shapes[0], S::sub)),
        Op::Mul => one(elementwise::zip(&operands[0], &operands[1], shapes[0], S::mul)),
        Op::Div => one(elementwise::zip(&operands[0], &operands[1], shapes[0], S::div)),
        Op::Gemm { alpha, beta, trans_a, trans_b } => {
            let gemm =
                linear::Gemm { alpha: *alpha, beta: *beta, trans_a: *trans_a, trans_b: *trans_b };
            one(gemm.apply(operands, shapes[0]))
        }
        Op::MatMul => one(linear::product(&operands[0], &operands[1], shapes[0])),
        Op::ReduceSum { axes } => one(reduce::sum(&operands[0], axes)),
        Op::Pointwise(function) => one(elementwise::map(&operands[0], |x| x.pointwise(function))),
        Op::PRelu => one(elementwise::zip(&operands[0], &operands[1], shapes[0], S::p_relu)),
        Op::Softmax { grouping, logarithm } => {
            one(softmax::apply(&operands[0], grouping, *logarithm))
        }
        Op::Normalization(normalization) => one(normalization::apply(normalization, operands)),
        Op::Quantize { affine, range } => one(quantize::apply_quantize(operands, affine, *range)),
        Op::Dequantize { affine } => one(quantize::apply_dequantize(operands, affine)),
        Op::Identity | Op::Reshape => one(operands[0].values().into_owned()),
        Op::Transpose { .. }
        | Op::Concat { .. }
        | Op::Slice { .. }
        | Op::Split { .. }
        | Op::Gather { .. } => moved(op, operands, shapes),
    }
}

fn moved<S: Scalar>(op: &Op, operands: &[Data<'_, S>], shapes: &[&[usize]]) -> Vec<Vec<S>> {
    let inputs: Vec<&[usize]> = operands.iter().map(|operand| operand.shape).collect();
    let values: Vec<Cow<'_, [S]>> = operands.iter().map(Data::values).collect();
    index_map(op, &inputs, shapes)
        .unwrap_or_default()
        .iter()
        .map(|map| {
            map.iter().map(|s| values[s.operand as usize][s.element as usize].clone()).collect()
        })
        .collect()
}
