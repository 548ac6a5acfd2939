//! Lowering: every operator of the model becomes affine maps and few other primitives of a [`Network`].
//!
//! A linear operator gives a matrix for each operand that depends on the inputs; `Lowering::combine`
//! composes them with the operand's own rows where that is exact in float64 and does not make the
//! network larger, and keeps two nodes where it is not. All other operators are put together from these
//! and relus, exactly over the reals.

mod batch;
mod bounded;
mod build;
mod compare;
mod compose;
mod convolution;
mod einsum;
mod elementwise;
mod extreme;
mod floor;
mod interpolate;
mod linear;
mod movement;
mod normalization;
mod operand;
mod order;
mod piecewise;
mod pool;
mod product;
mod quantize;
mod rows;
mod select;
mod softmax;

pub use bounded::BOUNDED;
pub use order::{Ordered, ordered};

use crate::net::Network;
use bounded::unbounded;
use build::{Lowering, Of};
use compose::Expression;
use einsum::Labels;
use operand::groups;
use plimsoll_check::graph::{Graph, Node, ValueId};
use plimsoll_check::number::Interval;
use plimsoll_check::ops::{Function, Op, Reduction, evaluate};
use plimsoll_check::{Error, Kind};
use std::collections::HashMap;
use std::sync::Arc;

const WEIGHTS: &str = "a convolution with weights that depend on the inputs";
const SCALE: &str = "quantisation with a scale that depends on the inputs";

/// The network that computes what the graph computes, exactly over the reals.
///
/// # Errors
///
/// If the graph has an operator that can be evaluated but not bounded yet, or one that would be too large;
/// it is named.
pub fn lower(graph: &Graph) -> Result<Network, Error> {
    build(graph, false)
}

/// As [`lower`], with a form of softmax in which nothing overflows, however far its operands are apart. Its
/// bounds are looser over small regions.
///
/// # Errors
///
/// As [`lower`].
pub fn lower_for_wide_regions(graph: &Graph) -> Result<Network, Error> {
    build(graph, true)
}

fn build(graph: &Graph, wide: bool) -> Result<Network, Error> {
    let depends = graph.depends_on_input();
    let (varying, constant): (Vec<&Node>, Vec<&Node>) =
        graph.nodes.iter().partition(|node| node.outputs.iter().any(|id| depends[id.index()]));
    let mut lowering = Lowering::new(graph, enclose(graph, &constant)?);
    lowering.wide = wide;
    // For each value, how often it is read by others than data movement.
    let mut busy = vec![0u32; graph.values.len()];
    let moves = |op: &Op| {
        matches!(op, Op::Slice { .. } | Op::Split { .. } | Op::Gather { .. } | Op::Move { .. })
    };
    let readers = varying.iter().filter(|node| !moves(&node.op)).flat_map(|node| &node.inputs);
    readers.chain(&graph.outputs).for_each(|id| busy[id.index()] += 1);
    for node in varying {
        lowering.name.clone_from(&graph.value(node.outputs[0]).name);
        let results = lowering.results(node)?;
        for (id, result) in node.outputs.iter().zip(results) {
            // What is more than data movement is computed once for all that read it.
            let settled = busy[id.index()] > 1 && result.size() > 2 * lowering.len(&result);
            lowering.set(*id, result);
            if settled {
                lowering.node_of_value(*id);
            }
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
        let refuse = |what: &'static str| {
            let help = "export with stored constants (fold them before), or compute it by Mul and ReduceSum";
            move || unbounded(node, what, help)
        };
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
            Op::Mul => self.product(node),
            Op::Div => self.quotient(node),
            Op::IntegerDiv => self.integer_quotient(node),
            Op::Max => self.extreme_operand(node, true),
            Op::Min => self.extreme_operand(node, false),
            Op::ReduceSum { axes } => self.reduce_sum(node, axes),
            Op::Reduce { reduction, axes } => self.reduced(node, *reduction, axes),
            Op::CumSum { axis, exclusive, reverse } => {
                self.cum_sum(node, *axis, *exclusive, *reverse)?
            }
            Op::Gemm { alpha, beta, trans_a, trans_b } => {
                let factors = (f64::from(*alpha), f64::from(*beta));
                self.gemm(node, factors, (*trans_a, *trans_b))?
            }
            Op::MatMul => self.matmul(node)?,
            Op::Einsum { operands, result, lengths } => {
                self.einsum(node, &Labels { operands, result, lengths })?
            }
            Op::Conv { window, group } => {
                self.convolution(node, window, *group, false)?.ok_or_else(refuse(WEIGHTS))?
            }
            Op::ConvTranspose { window, group } => {
                self.convolution(node, window, *group, true)?.ok_or_else(refuse(WEIGHTS))?
            }
            Op::BatchNormalization { epsilon } => self
                .batch_normalization(node, *epsilon)
                .ok_or_else(refuse("BatchNormalization with a scale that depends on the inputs"))?,
            Op::MaxPool { window } => self.max_pool(node, window)?,
            Op::AveragePool { window, include_padding } => {
                self.average_pool(node, window, *include_padding)?
            }
            Op::Interpolate { taps, fill } => self.interpolated(node, taps, *fill),
            Op::Scatter { targets, combination } => self.scatter(node, targets, *combination),
            Op::Pointwise(function) => match self.piecewise(node, function) {
                Some(piecewise) => piecewise,
                None => {
                    let x = self.settled(node.inputs[0]);
                    self.guarded(x, *function)
                }
            },
            Op::PRelu => self
                .p_relu(node)
                .ok_or_else(refuse("PRelu with a slope that depends on the inputs"))?,
            Op::Softmax { grouping, logarithm } => self.softmax(node, grouping, *logarithm),
            Op::Normalization(normalization) => self.normalization(node, normalization),
            Op::Normalizer { norm } => self.normalizer(node, *norm),
            Op::Quantize { affine, range } => {
                self.quantize(node, affine, *range).ok_or_else(refuse(SCALE))?
            }
            Op::Dequantize { affine } => self.dequantize(node, affine).ok_or_else(refuse(SCALE))?,
            Op::Compare { relation } => self.comparison(node, *relation),
            Op::Not => self.negation(node),
            Op::Connect { connective } => self.connection(node, *connective),
            Op::Where => self.choice(node),
            Op::Cast { to } => self.cast(node, *to),
            Op::ArgMax { axis, last } => self.extreme_place(node, *axis, true, *last)?,
            Op::ArgMin { axis, last } => self.extreme_place(node, *axis, false, *last)?,
            Op::TopK { axis, greatest } => return self.first_sorted(node, *axis, *greatest),
            Op::GatherAt { axis } => self.gathered(node, *axis)?,
            Op::OneHot { axis } => self.one_hot(node, *axis)?,
            Op::Scaler { offset, scale } => self.scaler(node, offset, scale),
            Op::LinearRegressor { weights, intercepts } => self.scores(node, weights, intercepts),
            Op::LinearClassifier { weights, intercepts, labels } => {
                return self.classified(node, weights, intercepts, labels);
            }
            // Data movement, which has been dealt with.
            Op::Identity
            | Op::Reshape
            | Op::Transpose { .. }
            | Op::Concat { .. }
            | Op::Slice { .. }
            | Op::Split { .. }
            | Op::Gather { .. }
            | Op::Pick { .. }
            | Op::Rearrange { .. }
            | Op::Move { .. } => return Err(refuse("data movement")()),
        };
        Ok(vec![one])
    }

    /// A reduction over axes.
    fn reduced(&mut self, node: &Node, reduction: Reduction, axes: &[usize]) -> Expression {
        let shape = self.operand(node, 0).shape;
        let x = self.settled(node.inputs[0]);
        match reduction {
            Reduction::Mean => self.reduce_mean(node, axes),
            Reduction::Max => self.extremes(x, groups(shape, axes), true),
            Reduction::Min => self.extremes(x, groups(shape, axes), false),
            Reduction::Product => self.products_of_groups(x, groups(shape, axes)),
            Reduction::L1 => {
                let magnitudes = self.absolute(x);
                self.sums(Of::Made(magnitudes), &groups(shape, axes), (1.0, 0.0))
            }
            Reduction::L2 => self.euclidean(x, &groups(shape, axes)),
            Reduction::SumSquare => {
                let squares = self.pointwise(x, Function::Pow { exponent: 2.0 });
                self.sums(Of::Made(squares), &groups(shape, axes), (1.0, 0.0))
            }
        }
    }

    /// An Einsum.
    fn einsum(&mut self, node: &Node, labels: &Labels<'_>) -> Result<Expression, Error> {
        let operands = self.operands(node);
        let varying: Vec<usize> =
            (0..operands.len()).filter(|position| !operands[*position].is_known()).collect();
        match varying[..] {
            [] => self.constant_einsum(node, labels, 0),
            [varying] => self.constant_einsum(node, labels, varying),
            _ => self.einsum_of_many(node, labels, &varying),
        }
    }
}
