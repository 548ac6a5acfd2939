//! The network that sweeps walk: few primitives on flat vectors, in topological order.
//!
//! Built once per model by [`crate::ops::lower`] and immutable from then on. Linear parts have been
//! merged where the merged weights are exact in float64; nothing here is an approximation of the model.

mod convolution;
mod linear;

pub use convolution::{Convolution, Field, Placement};
pub use linear::LinearMap;
use plimsoll_check::number::Interval;
use plimsoll_check::ops::Function;
use std::sync::Arc;

/// Index into [`Network::nodes`].
pub type NodeIndex = usize;

/// One summand of an affine node: a linear map of an earlier node.
#[derive(Debug, Clone)]
pub struct Term {
    /// The node that the map reads.
    pub from: NodeIndex,
    /// The map; its row count is the length of the affine node.
    pub map: Arc<LinearMap>,
}

/// What a node computes.
#[derive(Debug, Clone)]
pub enum Primitive {
    /// All inputs of the model, concatenated.
    Input,
    /// `sum_t W_t x_t + bias + e`, where `e` is unknown but `|e| <= sum_t D_t |x_t|`.
    Affine {
        /// Summands, at most one per source node.
        terms: Vec<Term>,
        /// One number per element.
        bias: Vec<f64>,
        /// The `D_t`, with non-negative entries: what rounding a weight that is no float may have lost
        /// (a division by three, say). Nearly always empty.
        slack: Vec<Term>,
    },
    /// `max(0, z)` of an earlier node, elementwise. What is piecewise linear and continuous is made of it.
    Relu {
        /// The pre-activation.
        of: NodeIndex,
    },
    /// Another function of every element of an earlier node.
    Pointwise {
        /// The pre-activation.
        of: NodeIndex,
        /// The function, the same for all elements.
        function: Function,
    },
    /// Products of pairs of elements: element `k` is `left[pairs[k].0] * right[pairs[k].1]`.
    Product {
        /// Node of the first factors.
        left: NodeIndex,
        /// Node of the second factors; may be the same.
        right: NodeIndex,
        /// Elements of both.
        pairs: Vec<(u32, u32)>,
    },
}

impl Primitive {
    /// The earlier nodes whose values count, a node as often as it is read.
    pub fn operands(&self) -> impl Iterator<Item = NodeIndex> {
        let (terms, others) = match self {
            Primitive::Input => (&[][..], [None, None]),
            Primitive::Affine { terms, .. } => (&terms[..], [None, None]),
            Primitive::Relu { of } | Primitive::Pointwise { of, .. } => {
                (&[][..], [Some(*of), None])
            }
            Primitive::Product { left, right, .. } => (&[][..], [Some(*left), Some(*right)]),
        };
        terms.iter().map(|term| term.from).chain(others.into_iter().flatten())
    }
}

/// What later nodes ask of the bounds of a node: how much tighter ones would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing: only linear maps read it.
    Nothing,
    /// On which side of zero it lies, and how far to both sides if on both: a relu reads it.
    Sign,
    /// How wide it is: a nonlinear function or a product reads it.
    Range,
}

/// A node and the length of its vector.
#[derive(Debug, Clone)]
pub struct Node {
    /// Number of elements.
    pub len: usize,
    /// The function.
    pub primitive: Primitive,
    /// The value of the model that this node equals, by name; for messages.
    pub name: String,
}

/// A network of primitives; the last node is the output (all outputs of the model, concatenated).
#[derive(Debug, Clone)]
pub struct Network {
    /// Nodes in topological order; node 0 is the input.
    pub nodes: Vec<Node>,
    /// Multiply-adds of the linear maps in one evaluation.
    pub multiply_adds: usize,
    /// For each node, how many later nodes read it.
    pub readers: Vec<usize>,
    /// For each node, what later nodes ask of its bounds.
    pub needs: Vec<Need>,
}

impl Network {
    /// Builds a network from nodes in topological order, the first being the only input.
    pub fn new(nodes: Vec<Node>) -> Network {
        let mut readers = vec![0; nodes.len()];
        let mut needs = vec![Need::Nothing; nodes.len()];
        let mut multiply_adds = 0;
        for node in &nodes {
            node.primitive.operands().for_each(|operand| readers[operand] += 1);
            let need = match &node.primitive {
                Primitive::Input => continue,
                Primitive::Affine { terms, .. } => {
                    multiply_adds += terms.iter().map(|t| t.map.multiply_adds()).sum::<usize>();
                    continue;
                }
                Primitive::Relu { .. } => Need::Sign,
                Primitive::Pointwise { .. } | Primitive::Product { .. } => Need::Range,
            };
            node.primitive.operands().for_each(|of| needs[of] = need.max(needs[of]));
        }
        Network { nodes, multiply_adds, readers, needs }
    }

    /// Number of inputs.
    pub fn input_len(&self) -> usize {
        self.nodes[0].len
    }

    /// Index of the output node.
    pub fn output(&self) -> NodeIndex {
        self.nodes.len() - 1
    }

    /// Number of outputs.
    pub fn output_len(&self) -> usize {
        self.nodes[self.output()].len
    }

    /// Number of relu neurons.
    pub fn relu_count(&self) -> usize {
        self.count(|primitive| matches!(primitive, Primitive::Relu { .. }))
    }

    /// Number of elements of all nonlinear nodes.
    pub fn nonlinear_count(&self) -> usize {
        self.count(|primitive| !matches!(primitive, Primitive::Input | Primitive::Affine { .. }))
    }

    fn count(&self, wanted: impl Fn(&Primitive) -> bool) -> usize {
        self.nodes.iter().filter(|node| wanted(&node.primitive)).map(|node| node.len).sum()
    }

    /// The pre-activation nodes (those that nonlinear nodes read), in topological order.
    pub fn pre_activations(&self) -> Vec<NodeIndex> {
        (0..self.nodes.len()).filter(|index| self.needs[*index] > Need::Nothing).collect()
    }

    /// Evaluates `count` points (row-major, `count x input_len`) in float64; returns all nodes' values.
    /// Rounded to nearest, for searching, never for a verdict.
    pub fn evaluate(&self, points: &[f64], count: usize) -> Vec<Vec<f64>> {
        let mut values: Vec<Vec<f64>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let value = match &node.primitive {
                Primitive::Input => points.to_vec(),
                Primitive::Affine { terms, bias, .. } => self.affine(terms, bias, &values, count),
                Primitive::Relu { of } => values[*of].iter().map(|z| z.max(0.0)).collect(),
                Primitive::Pointwise { of, function } => {
                    values[*of].iter().map(|z| function.approximate(*z)).collect()
                }
                Primitive::Product { left, right, pairs } => {
                    let factors = [(left, values[*left].as_slice()), (right, &values[*right])];
                    let [x, y] = factors.map(|(node, values)| (values, self.nodes[*node].len));
                    let mut out = Vec::with_capacity(count * pairs.len());
                    for b in 0..count {
                        out.extend(
                            pairs.iter().map(|(i, j)| {
                                x.0[b * x.1 + *i as usize] * y.0[b * y.1 + *j as usize]
                            }),
                        );
                    }
                    out
                }
            };
            values.push(value);
        }
        values
    }

    /// An affine node's values for `count` points, from those of earlier nodes; rounded to nearest.
    pub fn affine(
        &self,
        terms: &[Term],
        bias: &[f64],
        values: &[Vec<f64>],
        count: usize,
    ) -> Vec<f64> {
        let mut out = Vec::with_capacity(count * bias.len());
        for _ in 0..count {
            out.extend_from_slice(bias);
        }
        for term in terms {
            term.map.push_forward(&values[term.from], count, &mut out, true);
        }
        out
    }

    /// The gradient at the inputs of `sum_k seed_k y_k` for each of `count` points whose node values
    /// are `values`; `seeds` is `count x output_len`. A dead relu passes nothing; a step passes what a
    /// ramp of slope one in its place would (the straight-through estimator of Bengio et al. 2013).
    pub fn gradient(&self, values: &[Vec<f64>], seeds: Vec<f64>, count: usize) -> Vec<f64> {
        let mut pending: Vec<Option<Vec<f64>>> = vec![None; self.nodes.len()];
        pending[self.output()] = Some(seeds);
        for index in (1..self.nodes.len()).rev() {
            let Some(seed) = pending[index].take() else { continue };
            match &self.nodes[index].primitive {
                Primitive::Input => {}
                Primitive::Affine { terms, .. } => {
                    for term in terms {
                        let len = self.nodes[term.from].len;
                        let target =
                            pending[term.from].get_or_insert_with(|| vec![0.0; count * len]);
                        term.map.pull_back(&seed, count, target, true);
                    }
                }
                Primitive::Relu { of } => {
                    let len = self.nodes[*of].len;
                    let target = pending[*of].get_or_insert_with(|| vec![0.0; count * len]);
                    for ((t, s), z) in target.iter_mut().zip(&seed).zip(&values[*of]) {
                        if *z > 0.0 {
                            *t += s;
                        }
                    }
                }
                Primitive::Pointwise { of, function } => {
                    let len = self.nodes[*of].len;
                    let target = pending[*of].get_or_insert_with(|| vec![0.0; count * len]);
                    for ((t, s), z) in target.iter_mut().zip(&seed).zip(&values[*of]) {
                        if *s != 0.0 {
                            *t += s * derivative(function, *z);
                        }
                    }
                }
                Primitive::Product { left, right, pairs } => {
                    let [m, n] = [*left, *right].map(|node| self.nodes[node].len);
                    for (of, len) in [(*left, m), (*right, n)] {
                        pending[of].get_or_insert_with(|| vec![0.0; count * len]);
                    }
                    for b in 0..count {
                        for (s, (i, j)) in seed[b * pairs.len()..].iter().zip(pairs) {
                            let (i, j) = (b * m + *i as usize, b * n + *j as usize);
                            let (x, y) = (values[*left][i], values[*right][j]);
                            for (of, at, slope) in [(*left, i, y), (*right, j, x)] {
                                if let Some(target) = &mut pending[of] {
                                    target[at] += s * slope;
                                }
                            }
                        }
                    }
                }
            }
        }
        pending[0].take().unwrap_or_else(|| vec![0.0; count * self.input_len()])
    }
}

/// A slope of the function at a point, for descending; of a step, that of the ramp next to it.
fn derivative(function: &Function, z: f64) -> f64 {
    let step = |reach: f64| if z.abs() <= reach { 1.0 } else { 0.0 };
    match function {
        Function::Sign => step(1.0),
        Function::Floor | Function::Ceil | Function::Round => 1.0,
        _ => {
            let slopes = function.slopes(Interval::point(z));
            let middle = 0.5 * slopes.lo + 0.5 * slopes.hi;
            if middle.is_finite() { middle } else { 0.0 }
        }
    }
}
