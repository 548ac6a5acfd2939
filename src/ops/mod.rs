//! Lowering: every operator of the model becomes linear maps and relus of a [`Network`].
//!
//! A linear operator gives, for each operand that depends on the inputs, the rows of its matrix
//! (`Contribution`); `Lowering` composes them with the operand's own rows where that is exact in
//! float64 and does not make the network larger, and keeps two nodes where it is not.

mod compose;
mod elementwise;
mod linear;
mod movement;

use crate::net::{Network, Node, NodeIndex, Primitive, Term};
use compose::{Expression, Lines};
use plimsoll_check::graph::{Graph, Node as GraphNode, Tensor, ValueId};
use plimsoll_check::number::Interval;
use plimsoll_check::ops::{Op, evaluate};
use plimsoll_check::{Error, Kind};
use std::collections::HashMap;
use std::sync::Arc;

/// What one operand contributes to the result of a linear operator.
pub(crate) struct Contribution {
    /// Position among the node's operands.
    pub operand: usize,
    /// One line of `(element of the operand, coefficient)` per element of the result.
    pub lines: Lines,
    /// Coefficients that are rounded: for each entry of `lines`, a bound on the error; empty if exact.
    pub errors: Lines,
}

/// A linear operator, taken apart.
#[derive(Default)]
pub(crate) struct Linear {
    /// Parts that depend on the inputs.
    pub contributions: Vec<Contribution>,
    /// Parts that do not, to be added in this order (each exact; their sum need not be).
    pub constants: Vec<Vec<f64>>,
}

/// The network that computes what the graph computes, exactly over the reals.
///
/// # Errors
///
/// If the graph has an operator that can be evaluated but not bounded yet; it is named.
pub fn lower(graph: &Graph) -> Result<Network, Error> {
    let depends = graph.depends_on_input();
    let (varying, constant): (Vec<&GraphNode>, Vec<&GraphNode>) =
        graph.nodes.iter().partition(|node| node.outputs.iter().any(|id| depends[id.index()]));
    let mut lowering = Lowering {
        graph,
        enclosures: enclose(graph, &constant)?,
        nodes: Vec::new(),
        expressions: (0..graph.values.len()).map(|_| None).collect(),
    };
    lowering.inputs();
    for node in varying {
        lowering.node(node)?;
    }
    Ok(lowering.finish())
}

/// Enclosures of the results of these nodes, which compute constants from constants. The reader stores
/// the results that a float type holds; the others are known as intervals only.
fn enclose(graph: &Graph, nodes: &[&GraphNode]) -> Result<HashMap<ValueId, Vec<Interval>>, Error> {
    if nodes.is_empty() {
        return Ok(HashMap::new());
    }
    let results = nodes.iter().flat_map(|node| &node.outputs).copied();
    let outputs: Vec<ValueId> = results.filter(|id| graph.value(*id).constant.is_none()).collect();
    let constants = Graph {
        nodes: nodes.iter().map(|node| (*node).clone()).collect(),
        inputs: Vec::new(),
        outputs: outputs.clone(),
        ..graph.clone()
    };
    let enclosures = evaluate(&constants, &[]).map_err(|undefined| {
        Error::new(Kind::Model, format!("a constant of the model has no value: {undefined}"))
    })?;
    Ok(outputs.into_iter().zip(enclosures).collect())
}

struct Lowering<'g> {
    graph: &'g Graph,
    /// Constants that no float type holds.
    enclosures: HashMap<ValueId, Vec<Interval>>,
    nodes: Vec<Node>,
    /// What each value of the graph is, once its node has been visited.
    expressions: Vec<Option<Expression>>,
}

impl Lowering<'_> {
    fn inputs(&mut self) {
        let total = self.graph.input_count();
        let name = self.graph.inputs.iter().map(|id| self.graph.value(*id).name.as_str());
        let name = name.collect::<Vec<_>>().join(", ");
        self.nodes.push(Node { len: total, primitive: Primitive::Input, name });
        let mut offset = 0;
        for id in &self.graph.inputs {
            let len = self.graph.value(*id).len();
            let whole = offset == 0 && len == total;
            self.expressions[id.index()] =
                Some(if whole { Expression::Node(0) } else { Expression::window(0, offset, len) });
            offset += len;
        }
    }

    fn node(&mut self, node: &GraphNode) -> Result<(), Error> {
        let lengths: Vec<usize> =
            node.outputs.iter().map(|id| self.graph.value(*id).len()).collect();
        if let Op::Relu = node.op {
            let of = self.materialise(node.inputs[0]);
            let name = self.graph.value(node.outputs[0]).name.clone();
            self.nodes.push(Node { len: lengths[0], primitive: Primitive::Relu { of }, name });
            self.expressions[node.outputs[0].index()] =
                Some(Expression::Node(self.nodes.len() - 1));
            return Ok(());
        }
        for (result, linear) in self.linear(node)?.into_iter().enumerate() {
            let expression = self.compose(node, linear, lengths[result]);
            self.expressions[node.outputs[result].index()] = Some(expression);
        }
        Ok(())
    }

    /// Refuses a product or quotient whose factor or divisor is no constant.
    fn factor(&self, node: &GraphNode, positions: &[usize]) -> Result<(), Error> {
        let known = |position: &usize| {
            node.inputs
                .get(*position)
                .is_some_and(|id| self.constant(*id).is_some() || self.enclosures.contains_key(id))
        };
        if positions.iter().any(known) { Ok(()) } else { Err(unbounded(node)) }
    }

    fn linear(&self, node: &GraphNode) -> Result<Vec<Linear>, Error> {
        let operands: Vec<elementwise::Operand<'_>> = node
            .inputs
            .iter()
            .map(|id| {
                let value = self.graph.value(*id);
                elementwise::Operand {
                    shape: &value.shape,
                    constant: self.constant(*id),
                    enclosures: self.enclosures.get(id).map(Vec::as_slice),
                }
            })
            .collect();
        let shape = &self.graph.value(node.outputs[0]).shape;
        Ok(match &node.op {
            Op::Relu => Vec::new(),
            Op::Identity
            | Op::Reshape
            | Op::Transpose { .. }
            | Op::Concat { .. }
            | Op::Slice { .. }
            | Op::Split { .. }
            | Op::Gather { .. }
            | Op::Pick { .. }
            | Op::Rearrange { .. }
            | Op::Move { .. } => movement::linear(self.graph, node, &operands),
            Op::Neg => vec![elementwise::scaled(&operands, shape, &[-1.0])],
            Op::Add => vec![elementwise::scaled(&operands, shape, &[1.0, 1.0])],
            Op::Sub => vec![elementwise::scaled(&operands, shape, &[1.0, -1.0])],
            Op::Mul => {
                self.factor(node, &[0, 1])?;
                vec![elementwise::product(&operands, shape)]
            }
            Op::Div => {
                self.factor(node, &[1])?;
                vec![elementwise::quotient(&operands, shape)]
            }
            Op::ReduceSum { axes } => vec![linear::reduce_sum(&operands, axes)],
            Op::Gemm { alpha, beta, trans_a, trans_b } => {
                self.factor(node, &[0, 1])?;
                let factors = (f64::from(*alpha), f64::from(*beta));
                vec![linear::gemm(&operands, shape, factors, (*trans_a, *trans_b))]
            }
            Op::MatMul => {
                self.factor(node, &[0, 1])?;
                vec![linear::matmul(&operands, shape)]
            }
            Op::Pointwise(_)
            | Op::PRelu
            | Op::Softmax { .. }
            | Op::Normalization(_)
            | Op::Quantize { .. }
            | Op::Dequantize { .. }
            | Op::IntegerDiv
            | Op::Sum
            | Op::Mean
            | Op::Max
            | Op::Min
            | Op::Reduce { .. }
            | Op::Scatter { .. }
            | Op::GatherAt { .. }
            | Op::OneHot { .. }
            | Op::Conv { .. }
            | Op::ConvTranspose { .. }
            | Op::BatchNormalization { .. }
            | Op::MaxPool { .. }
            | Op::AveragePool { .. }
            | Op::Interpolate { .. }
            | Op::ArgMax { .. }
            | Op::ArgMin { .. }
            | Op::TopK { .. }
            | Op::Compare { .. }
            | Op::Not
            | Op::Connect { .. }
            | Op::Where
            | Op::Cast { .. }
            | Op::CumSum { .. }
            | Op::Einsum { .. }
            | Op::Scaler { .. }
            | Op::Normalizer { .. }
            | Op::LinearClassifier { .. }
            | Op::LinearRegressor { .. } => return Err(unbounded(node)),
        })
    }

    fn constant(&self, id: ValueId) -> Option<&Tensor> {
        self.graph.value(id).constant.as_ref()
    }

    /// The result of a linear operator as an expression over nodes of the network.
    fn compose(&mut self, node: &GraphNode, linear: Linear, len: usize) -> Expression {
        for attempt in 0..2 {
            let parts: Option<Vec<Expression>> = linear
                .contributions
                .iter()
                .map(|part| {
                    self.expression(node.inputs[part.operand]).apply(&part.lines, &part.errors)
                })
                .collect();
            let combined = parts.and_then(|parts| Expression::sum(parts, &linear.constants, len));
            if let Some(expression) = combined {
                return expression;
            }
            if attempt == 0 {
                // Not exact, or too large: the operands become nodes of their own.
                for part in &linear.contributions {
                    self.materialise(node.inputs[part.operand]);
                }
            }
        }
        // Sums that are no floats: one node for what is summed so far, and the next summand on top.
        let mut summands: Vec<Expression> = Vec::new();
        for part in &linear.contributions {
            let operand = Expression::Node(self.materialise(node.inputs[part.operand]));
            let summand = operand.apply(&part.lines, &part.errors);
            summands.push(summand.expect("a map of one node is taken as it stands"));
        }
        summands.extend(linear.constants.into_iter().map(Expression::constant));
        let mut summands = summands.into_iter();
        let mut sum = summands.next().unwrap_or_else(|| Expression::constant(vec![0.0; len]));
        for summand in summands {
            sum = match Expression::sum(vec![sum.clone(), summand.clone()], &[], len) {
                Some(next) => next,
                None => {
                    let index = self.push(sum, &node.name);
                    Expression::sum(vec![Expression::Node(index), summand], &[], len)
                        .expect("a new node has nothing in common with the summand")
                }
            };
        }
        sum
    }

    /// What a value is; a constant value has no terms.
    fn expression(&mut self, id: ValueId) -> Expression {
        if let Some(expression) = &self.expressions[id.index()] {
            return expression.clone();
        }
        if let Some(enclosures) = self.enclosures.get(&id) {
            let middles = enclosures.iter().map(|interval| elementwise::middle(*interval));
            let (bias, radii): (Vec<f64>, Vec<f64>) = middles.unzip();
            let name = &self.graph.value(id).name;
            let radii = self.push(Expression::constant(radii), name);
            let expression = Expression::around(bias, radii);
            self.expressions[id.index()] = Some(expression.clone());
            return expression;
        }
        let tensor = self.constant(id);
        let bias = (0..self.graph.value(id).len()).map(|i| tensor.map_or(0.0, |t| t.float(i)));
        Expression::constant(bias.collect())
    }

    /// The node that holds a value, made if there is none yet.
    fn materialise(&mut self, id: ValueId) -> NodeIndex {
        let expression = self.expression(id);
        if let Expression::Node(index) = expression {
            return index;
        }
        let index = self.push(expression, &self.graph.value(id).name);
        self.expressions[id.index()] = Some(Expression::Node(index));
        index
    }

    fn push(&mut self, expression: Expression, name: &str) -> NodeIndex {
        let (terms, bias, slack) = expression.into_affine(&self.nodes);
        let len = bias.len();
        let primitive = Primitive::Affine { terms, bias, slack };
        self.nodes.push(Node { len, primitive, name: name.to_string() });
        self.nodes.len() - 1
    }

    /// Joins the outputs into one last node.
    fn finish(mut self) -> Network {
        let outputs = self.graph.outputs.clone();
        let last = self.nodes.len() - 1;
        let single = match outputs.as_slice() {
            [only] => Some(self.expression(*only)),
            _ => None,
        };
        match single {
            Some(Expression::Node(index)) if index == last && last > 0 => {}
            Some(expression) => {
                let name = self.graph.value(outputs[0]).name.clone();
                self.push(expression, &name);
            }
            None => {
                let nodes: Vec<NodeIndex> =
                    outputs.iter().map(|id| self.materialise(*id)).collect();
                let total = outputs.iter().map(|id| self.graph.value(*id).len()).sum();
                let mut offset = 0;
                let mut parts = Vec::new();
                for index in nodes {
                    let len = self.nodes[index].len;
                    let mut lines: Lines = vec![Vec::new(); total];
                    for k in 0..len {
                        lines[offset + k].push((k as u32, 1.0));
                    }
                    offset += len;
                    let part = Expression::Node(index).apply(&lines, &Vec::new());
                    parts.push(part.expect("a map of one node is taken as it stands"));
                }
                let all = Expression::sum(parts, &[], total)
                    .expect("windows do not overlap, so that no sum is rounded");
                self.push(all, "outputs");
            }
        }
        Network::new(self.nodes)
    }
}

/// The operators of ONNX that can be bounded, by name, and what that asks of them beyond reading; others that
/// are read can only be evaluated.
pub const BOUNDED: &[(&str, &str)] = &[
    ("Add", ""),
    ("Concat", ""),
    ("Constant", ""),
    ("ConstantOfShape", ""),
    ("Div", "the divisor is constant"),
    ("Dropout", ""),
    ("Flatten", ""),
    ("Gather", "the indices are constant"),
    ("Gemm", "A or B is constant"),
    ("Identity", ""),
    ("MatMul", "one side is constant"),
    ("Mul", "one side is constant"),
    ("Neg", ""),
    ("ReduceSum", ""),
    ("Relu", ""),
    ("Reshape", ""),
    ("Shape", ""),
    ("Slice", ""),
    ("Split", ""),
    ("Squeeze", ""),
    ("Sub", ""),
    ("Transpose", ""),
    ("Unsqueeze", ""),
];

/// The error for an operator without a relaxation.
fn unbounded(node: &GraphNode) -> Error {
    let operator = match &node.op {
        Op::Pointwise(function) => format!("the function {function:?}"),
        Op::PRelu => "PRelu".to_string(),
        Op::Softmax { .. } => "softmax".to_string(),
        Op::Normalization(_) => "normalisation".to_string(),
        Op::Quantize { .. } | Op::Dequantize { .. } => "quantisation".to_string(),
        // The operator's name, without its attributes.
        other => {
            let debug = format!("{other:?}");
            debug.split([' ', '{', '(']).next().unwrap_or_default().to_string()
        }
    };
    let names: Vec<&str> = BOUNDED.iter().map(|(name, _)| *name).collect();
    Error::new(
        Kind::UnsupportedOperator,
        format!("{operator} (node `{}`) can be evaluated, but not bounded yet", node.name),
    )
    .help(format!("operators that can be bounded: {}", names.join(", ")))
    .help("networks of linear operators and Relu can be verified")
}

/// A term for a matrix given by lines.
pub(crate) fn term(from: NodeIndex, columns: usize, lines: &Lines) -> Term {
    Term { from, map: Arc::new(crate::net::LinearMap::from_rows(columns, lines)) }
}
