//! Lowering: every operator of the model becomes affine maps and few other primitives of a [`Network`].
//!
//! A linear operator gives a matrix for each operand that depends on the inputs; `Lowering::combine`
//! composes them with the operand's own rows where that is exact in float64 and does not make the
//! network larger, and keeps two nodes where it is not. All other operators are put together from these
//! and relus, exactly over the reals.

mod batch;
mod bounded;
mod build;
mod compose;
mod convolution;
mod einsum;
mod elementwise;
mod extreme;
mod interpolate;
mod linear;
mod movement;
mod operand;
mod piecewise;
mod pool;
mod quantize;
mod rows;

pub use bounded::BOUNDED;

use crate::net::Network;
use bounded::unbounded;
use build::Lowering;
use compose::Expression;
use einsum::Labels;
use plimsoll_check::graph::{ElementType, Graph, Node, ValueId};
use plimsoll_check::number::Interval;
use plimsoll_check::ops::{Op, Reduction, evaluate};
use plimsoll_check::{Error, Kind};
use std::collections::HashMap;
use std::sync::Arc;

/// The network that computes what the graph computes, exactly over the reals.
///
/// # Errors
///
/// If the graph has an operator that can be evaluated but not bounded yet, or one that would be too large;
/// it is named.
pub fn lower(graph: &Graph) -> Result<Network, Error> {
    let depends = graph.depends_on_input();
    let (varying, constant): (Vec<&Node>, Vec<&Node>) =
        graph.nodes.iter().partition(|node| node.outputs.iter().any(|id| depends[id.index()]));
    let mut lowering = Lowering::new(graph, enclose(graph, &constant)?);
    for node in varying {
        lowering.name.clone_from(&graph.value(node.outputs[0]).name);
        let results = lowering.results(node)?;
        for (id, result) in node.outputs.iter().zip(results) {
            lowering.set(*id, result);
        }
    }
    Ok(lowering.finish())
}

/// Enclosures of constants that are no float64: the results of these nodes, which compute constants from
/// constants, as far as no float type holds them, and integers that are too large.
fn enclose(graph: &Graph, nodes: &[&Node]) -> Result<HashMap<ValueId, Arc<[Interval]>>, Error> {
    let mut enclosures = HashMap::new();
    for (index, value) in graph.values.iter().enumerate() {
        let integers = value.constant.as_ref().and_then(|tensor| tensor.integers());
        let held = |integer: &i64| integer.unsigned_abs() <= 1 << 53;
        if let Some(integers) = integers.filter(|integers| !integers.iter().all(held)) {
            let around = |integer: &i64| {
                let near = *integer as f64;
                if held(integer) {
                    Interval::point(near)
                } else {
                    Interval::new(near.next_down(), near.next_up())
                }
            };
            enclosures.insert(ValueId(index as u32), integers.iter().map(around).collect());
        }
    }
    if nodes.is_empty() {
        return Ok(enclosures);
    }
    let results = nodes.iter().flat_map(|node| &node.outputs).copied();
    let outputs: Vec<ValueId> = results.filter(|id| graph.value(*id).constant.is_none()).collect();
    let constants = Graph {
        nodes: nodes.iter().map(|node| (*node).clone()).collect(),
        inputs: Vec::new(),
        outputs: outputs.clone(),
        ..graph.clone()
    };
    let found = evaluate(&constants, &[]).map_err(|undefined| {
        Error::new(Kind::Model, format!("a constant of the model has no value: {undefined}"))
    })?;
    enclosures.extend(outputs.into_iter().zip(found.into_iter().map(Arc::from)));
    Ok(enclosures)
}

impl Lowering<'_> {
    /// What the results of a node are.
    fn results(&mut self, node: &Node) -> Result<Vec<Expression>, Error> {
        if let Some(moved) = self.movement(node) {
            return Ok(moved);
        }
        let refuse = || unbounded(node);
        let one = match &node.op {
            Op::Relu => {
                let of = self.node_of_value(node.inputs[0]);
                self.relu_of(of)
            }
            Op::Neg => self.scaled(node, &[-1.0]),
            Op::Add => self.scaled(node, &[1.0, 1.0]),
            Op::Sub => self.scaled(node, &[1.0, -1.0]),
            Op::Sum => self.scaled(node, &vec![1.0; node.inputs.len()]),
            Op::Mean => self.mean_of_operands(node),
            Op::Mul => self.constant_product(node).ok_or_else(refuse)?,
            Op::Div => self.constant_quotient(node).ok_or_else(refuse)?,
            Op::Max => self.extreme_operand(node, true),
            Op::Min => self.extreme_operand(node, false),
            Op::ReduceSum { axes } => self.reduce_sum(node, axes),
            Op::Reduce { reduction, axes } => self.reduced(node, *reduction, axes)?,
            Op::CumSum { axis, exclusive, reverse } => {
                self.cum_sum(node, *axis, *exclusive, *reverse)
            }
            Op::Gemm { alpha, beta, trans_a, trans_b } => {
                let factors = (f64::from(*alpha), f64::from(*beta));
                self.constant_gemm(node, factors, (*trans_a, *trans_b)).ok_or_else(refuse)?
            }
            Op::MatMul => self.constant_matmul(node).ok_or_else(refuse)?,
            Op::Einsum { operands, result, lengths } => {
                self.einsum(node, &Labels { operands, result, lengths })?
            }
            Op::Conv { window, group } => {
                self.convolution(node, window, *group, false)?.ok_or_else(refuse)?
            }
            Op::ConvTranspose { window, group } => {
                self.convolution(node, window, *group, true)?.ok_or_else(refuse)?
            }
            Op::BatchNormalization { epsilon } => {
                self.batch_normalization(node, *epsilon).ok_or_else(refuse)?
            }
            Op::MaxPool { window } => self.max_pool(node, window),
            Op::AveragePool { window, include_padding } => {
                self.average_pool(node, window, *include_padding)
            }
            Op::Interpolate { taps, fill } => self.interpolated(node, taps, *fill),
            Op::Scatter { targets, combination } => {
                self.scatter(node, targets, *combination).ok_or_else(refuse)?
            }
            Op::Pointwise(function) => self.piecewise(node, function).ok_or_else(refuse)?,
            Op::PRelu => self.p_relu(node).ok_or_else(refuse)?,
            Op::Dequantize { affine } => self.dequantize(node, affine).ok_or_else(refuse)?,
            Op::Where => self.constant_choice(node).ok_or_else(refuse)?,
            Op::Cast { to } => self.cast(node, *to)?,
            Op::Scaler { offset, scale } => self.scaler(node, offset, scale),
            Op::LinearRegressor { weights, intercepts } => self.scores(node, weights, intercepts),
            Op::Identity
            | Op::Reshape
            | Op::Transpose { .. }
            | Op::Concat { .. }
            | Op::Slice { .. }
            | Op::Split { .. }
            | Op::Gather { .. }
            | Op::Pick { .. }
            | Op::Rearrange { .. }
            | Op::Move { .. }
            | Op::Softmax { .. }
            | Op::Normalization(_)
            | Op::Quantize { .. }
            | Op::IntegerDiv
            | Op::GatherAt { .. }
            | Op::OneHot { .. }
            | Op::ArgMax { .. }
            | Op::ArgMin { .. }
            | Op::TopK { .. }
            | Op::Compare { .. }
            | Op::Not
            | Op::Connect { .. }
            | Op::Normalizer { .. }
            | Op::LinearClassifier { .. } => return Err(refuse()),
        };
        Ok(vec![one])
    }

    /// A reduction over axes.
    fn reduced(
        &mut self,
        node: &Node,
        reduction: Reduction,
        axes: &[usize],
    ) -> Result<Expression, Error> {
        Ok(match reduction {
            Reduction::Mean => self.reduce_mean(node, axes),
            Reduction::Max => self.reduce_extreme(node, axes, true),
            Reduction::Min => self.reduce_extreme(node, axes, false),
            Reduction::L1 => {
                let x = self.settled(node.inputs[0]);
                let magnitudes = self.absolute(x);
                self.sum_over(magnitudes, self.operand(node, 0).shape, axes)
            }
            Reduction::Product | Reduction::L2 | Reduction::SumSquare => {
                return Err(unbounded(node));
            }
        })
    }

    /// An Einsum.
    fn einsum(&mut self, node: &Node, labels: &Labels<'_>) -> Result<Expression, Error> {
        let operands = self.operands(node);
        let varying: Vec<usize> =
            (0..operands.len()).filter(|position| !operands[*position].is_known()).collect();
        match varying[..] {
            [] => self.constant_einsum(node, labels, 0),
            [varying] => self.constant_einsum(node, labels, varying),
            _ => Err(unbounded(node)),
        }
    }

    /// A conversion.
    fn cast(&mut self, node: &Node, to: ElementType) -> Result<Expression, Error> {
        let from = self.graph.value(node.inputs[0]).element;
        let float = |element| matches!(element, ElementType::F32 | ElementType::F64);
        let identity = float(to) || !float(from) && to != ElementType::Bool;
        if identity { Ok(self.expression(node.inputs[0])) } else { Err(unbounded(node)) }
    }
}
