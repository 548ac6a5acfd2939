//! Affine expressions over nodes of the network, composed only where that is exact.
//!
//! A product or a sum of floats is kept only if it is exact, which is found out without wider
//! arithmetic: a fused multiply-add gives the error of a product, and Knuth's two-sum that of a sum.

use crate::net::{Node, NodeIndex, Term};
use std::collections::BTreeMap;

/// A sparse matrix by lines of `(column, value)`, columns increasing.
pub(crate) type Lines = Vec<Vec<(u32, f64)>>;

/// What a value of the graph is in terms of the network.
#[derive(Debug, Clone)]
pub(crate) enum Expression {
    /// Exactly this node.
    Node(NodeIndex),
    /// `sum_n W_n node_n + bias`, where entries of `W_n` may err by the entries of `slack_n`.
    Affine { terms: BTreeMap<NodeIndex, Lines>, slack: BTreeMap<NodeIndex, Lines>, bias: Vec<f64> },
}

/// The product, if it is a float.
fn exact_product(a: f64, b: f64) -> Option<f64> {
    let product = a * b;
    // Below this magnitude the error of the product may itself be no float.
    let safe = product == 0.0 && (a == 0.0 || b == 0.0) || product.abs() > 1.0e-250;
    (product.is_finite() && safe && a.mul_add(b, -product) == 0.0).then_some(product)
}

/// The sum, if it is a float.
fn exact_sum(a: f64, b: f64) -> Option<f64> {
    let sum = a + b;
    let shadow = sum - a;
    let error = (a - (sum - shadow)) + (b - shadow);
    (sum.is_finite() && error == 0.0).then_some(sum)
}

impl Expression {
    /// A constant vector.
    pub fn constant(bias: Vec<f64>) -> Expression {
        Expression::Affine { terms: BTreeMap::new(), slack: BTreeMap::new(), bias }
    }

    /// A constant vector that errs by at most the magnitudes of a node's elements.
    pub fn around(bias: Vec<f64>, radii: NodeIndex) -> Expression {
        let lines = (0..bias.len()).map(|k| vec![(k as u32, 1.0)]).collect();
        Expression::Affine { terms: BTreeMap::new(), slack: BTreeMap::from([(radii, lines)]), bias }
    }

    /// Elements `offset..offset + len` of a node.
    pub fn window(node: NodeIndex, offset: usize, len: usize) -> Expression {
        let lines = (0..len).map(|k| vec![((offset + k) as u32, 1.0)]).collect();
        Expression::Affine {
            terms: BTreeMap::from([(node, lines)]),
            slack: BTreeMap::new(),
            bias: vec![0.0; len],
        }
    }

    /// The image under the map `lines`, whose entries err by at most `errors`; `None` if that is not
    /// exact or would have more entries than map and expression together.
    pub fn apply(&self, lines: &Lines, errors: &Lines) -> Option<Expression> {
        let (terms, slack, bias) = match self {
            Expression::Node(index) => {
                let slack = match errors.is_empty() {
                    true => BTreeMap::new(),
                    false => BTreeMap::from([(*index, errors.clone())]),
                };
                let terms = BTreeMap::from([(*index, lines.clone())]);
                return Some(Expression::Affine { terms, slack, bias: vec![0.0; lines.len()] });
            }
            Expression::Affine { terms, slack, bias } => (terms, slack, bias),
        };
        let moves = is_movement(lines);
        if !errors.is_empty() || (!slack.is_empty() && !moves) {
            return None;
        }
        let size = |lines: &Lines| lines.iter().map(Vec::len).sum::<usize>();
        let allowed = size(lines) + terms.values().map(size).sum::<usize>();
        let mut used = 0;
        let mut composed = BTreeMap::new();
        for (node, inner) in terms {
            let mut result: Lines = Vec::with_capacity(lines.len());
            for line in lines {
                let mut sum: BTreeMap<u32, f64> = BTreeMap::new();
                for (k, outer) in line {
                    for (column, value) in &inner[*k as usize] {
                        let product = exact_product(*outer, *value)?;
                        let entry = sum.entry(*column).or_insert(0.0);
                        *entry = exact_sum(*entry, product)?;
                    }
                }
                sum.retain(|_, value| *value != 0.0);
                used += sum.len();
                if !moves && used > allowed {
                    return None;
                }
                result.push(sum.into_iter().collect());
            }
            composed.insert(*node, result);
        }
        let mut moved_slack = BTreeMap::new();
        for (node, inner) in slack {
            let moved = lines
                .iter()
                .map(|line| line.first().map_or(Vec::new(), |(k, _)| inner[*k as usize].clone()));
            moved_slack.insert(*node, moved.collect());
        }
        let mut moved_bias = Vec::with_capacity(lines.len());
        for line in lines {
            let mut sum = 0.0;
            for (k, outer) in line {
                sum = exact_sum(sum, exact_product(*outer, bias[*k as usize])?)?;
            }
            moved_bias.push(sum);
        }
        Some(Expression::Affine { terms: composed, slack: moved_slack, bias: moved_bias })
    }

    /// The sum of expressions and constants, each of `len` elements; `None` if it is not exact.
    pub fn sum(parts: Vec<Expression>, constants: &[Vec<f64>], len: usize) -> Option<Expression> {
        let mut terms: BTreeMap<NodeIndex, Lines> = BTreeMap::new();
        let mut slack: BTreeMap<NodeIndex, Lines> = BTreeMap::new();
        let mut bias = vec![0.0; len];
        let mut add_bias = |more: &[f64]| -> Option<()> {
            for (b, m) in bias.iter_mut().zip(more) {
                *b = exact_sum(*b, *m)?;
            }
            Some(())
        };
        for part in parts {
            let (more_terms, more_slack, more_bias) = match part {
                Expression::Node(index) => {
                    let identity = (0..len).map(|k| vec![(k as u32, 1.0)]).collect();
                    (BTreeMap::from([(index, identity)]), BTreeMap::new(), Vec::new())
                }
                Expression::Affine { terms, slack, bias } => (terms, slack, bias),
            };
            add_bias(&more_bias)?;
            merge(&mut terms, more_terms)?;
            for (node, lines) in more_slack {
                if slack.insert(node, lines).is_some() {
                    return None;
                }
            }
        }
        for constant in constants {
            add_bias(constant)?;
        }
        Some(Expression::Affine { terms, slack, bias })
    }

    /// Terms, bias and slack terms of an affine node.
    pub fn into_affine(self, nodes: &[Node]) -> (Vec<Term>, Vec<f64>, Vec<Term>) {
        match self {
            Expression::Node(index) => {
                let len = nodes[index].len;
                let lines = (0..len).map(|k| vec![(k as u32, 1.0)]).collect();
                (vec![super::term(index, len, &lines)], vec![0.0; len], Vec::new())
            }
            Expression::Affine { terms, slack, bias } => {
                let build = |all: BTreeMap<NodeIndex, Lines>| -> Vec<Term> {
                    all.into_iter()
                        .map(|(node, lines)| super::term(node, nodes[node].len, &lines))
                        .collect()
                };
                (build(terms), bias, build(slack))
            }
        }
    }
}

/// Whether every line copies at most one element.
fn is_movement(lines: &Lines) -> bool {
    lines.iter().all(|line| matches!(line.as_slice(), [] | [(_, 1.0)]))
}

fn merge(into: &mut BTreeMap<NodeIndex, Lines>, more: BTreeMap<NodeIndex, Lines>) -> Option<()> {
    for (node, lines) in more {
        let Some(existing) = into.get_mut(&node) else {
            into.insert(node, lines);
            continue;
        };
        for (target, line) in existing.iter_mut().zip(lines) {
            let mut sum: BTreeMap<u32, f64> = target.iter().copied().collect();
            for (column, value) in line {
                let entry = sum.entry(column).or_insert(0.0);
                *entry = exact_sum(*entry, value)?;
            }
            sum.retain(|_, value| *value != 0.0);
            *target = sum.into_iter().collect();
        }
    }
    Some(())
}
