//! The network that sweeps walk: few primitives on flat vectors, in topological order.
//!
//! Built once per model by [`crate::ops::lower`] and immutable from then on. Linear parts have been
//! merged where the merged weights are exact in float64; nothing here is an approximation of the model.

mod convolution;
mod linear;

pub use convolution::{Convolution, Field, Placement};
pub use linear::LinearMap;
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
    /// `max(0, z)` of an earlier node, elementwise.
    Relu {
        /// The pre-activation.
        of: NodeIndex,
    },
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
}

impl Network {
    /// Builds a network from nodes in topological order, the first being the only input.
    pub fn new(nodes: Vec<Node>) -> Network {
        let mut readers = vec![0; nodes.len()];
        let mut multiply_adds = 0;
        for node in &nodes {
            match &node.primitive {
                Primitive::Input => {}
                Primitive::Affine { terms, .. } => {
                    for term in terms {
                        readers[term.from] += 1;
                        multiply_adds += term.map.multiply_adds();
                    }
                }
                Primitive::Relu { of } => readers[*of] += 1,
            }
        }
        Network { nodes, multiply_adds, readers }
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
    pub fn neuron_count(&self) -> usize {
        self.nodes
            .iter()
            .filter(|node| matches!(node.primitive, Primitive::Relu { .. }))
            .map(|node| node.len)
            .sum()
    }

    /// The pre-activation nodes (those that some relu reads), in topological order.
    pub fn pre_activations(&self) -> Vec<NodeIndex> {
        let mut found: Vec<NodeIndex> = self
            .nodes
            .iter()
            .filter_map(|node| match node.primitive {
                Primitive::Relu { of } => Some(of),
                _ => None,
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
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
    /// are `values`; `seeds` is `count x output_len`. A dead relu passes nothing.
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
            }
        }
        pending[0].take().unwrap_or_else(|| vec![0.0; count * self.input_len()])
    }
}
