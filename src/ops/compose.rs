//! Affine expressions over nodes of the network, composed only where that is exact.
//!
//! A product or a sum of floats is kept only if it is exact, which is found out without wider
//! arithmetic: a fused multiply-add gives the error of a product, and Knuth's two-sum that of a sum.

use super::rows::Rows;
use crate::net::{LinearMap, Node, NodeIndex, Term};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A matrix for each node that is read.
pub(crate) type Maps = BTreeMap<NodeIndex, Arc<Rows>>;

/// What a value of the graph is in terms of the network.
#[derive(Debug, Clone)]
pub(crate) enum Expression {
    /// Exactly this node.
    Node(NodeIndex),
    /// `sum_n W_n node_n + bias`, where entries of `W_n` may err by the entries of `slack_n`.
    Affine { terms: Maps, slack: Maps, bias: Vec<f64> },
}

/// The product, if it is a float.
pub(crate) fn exact_product(a: f64, b: f64) -> Option<f64> {
    let product = a * b;
    // Below this magnitude the error of the product may itself be no float.
    let safe = product == 0.0 && (a == 0.0 || b == 0.0) || product.abs() > 1.0e-250;
    (product.is_finite() && safe && a.mul_add(b, -product) == 0.0).then_some(product)
}

/// The sum, if it is a float.
pub(crate) fn exact_sum(a: f64, b: f64) -> Option<f64> {
    let sum = a + b;
    let shadow = sum - a;
    let error = (a - (sum - shadow)) + (b - shadow);
    (sum.is_finite() && error == 0.0).then_some(sum)
}

/// A row that is summed up, by columns.
struct Accumulator {
    values: Vec<f64>,
    touched: Vec<u32>,
    seen: Vec<bool>,
}

impl Accumulator {
    fn new(columns: usize) -> Accumulator {
        Accumulator { values: vec![0.0; columns], touched: Vec::new(), seen: vec![false; columns] }
    }

    /// Adds to a column; `None` if the sum is no float.
    fn add(&mut self, column: u32, value: f64) -> Option<()> {
        let at = column as usize;
        if !self.seen[at] {
            self.seen[at] = true;
            self.touched.push(column);
        }
        self.values[at] = exact_sum(self.values[at], value)?;
        Some(())
    }

    /// Ends a row of `rows` with what was summed, and is empty again.
    fn finish(&mut self, rows: &mut Rows) {
        self.touched.sort_unstable();
        for column in self.touched.drain(..) {
            let at = column as usize;
            if self.values[at] != 0.0 {
                rows.push(column, self.values[at]);
            }
            self.values[at] = 0.0;
            self.seen[at] = false;
        }
        rows.end_row();
    }
}

/// One more than the greatest column.
fn width(rows: &Rows) -> usize {
    rows.parts().1.iter().map(|entry| entry.0 as usize + 1).max().unwrap_or(0)
}

impl Expression {
    /// A constant vector.
    pub fn constant(bias: Vec<f64>) -> Expression {
        Expression::Affine { terms: Maps::new(), slack: Maps::new(), bias }
    }

    /// The elements, if they do not depend on any node.
    pub fn as_constant(&self) -> Option<&[f64]> {
        match self {
            Expression::Affine { terms, slack, bias } if terms.is_empty() && slack.is_empty() => {
                Some(bias)
            }
            _ => None,
        }
    }

    /// Number of entries of the matrices.
    pub fn size(&self) -> usize {
        match self {
            Expression::Node(_) => 0,
            Expression::Affine { terms, .. } => terms.values().map(|rows| rows.size()).sum(),
        }
    }

    /// The image of a node under the map `rows`, whose entries err by at most `errors`.
    fn of_node(node: NodeIndex, len: usize, rows: Arc<Rows>, errors: Arc<Rows>) -> Expression {
        if errors.size() == 0 && rows.is_identity(len) {
            return Expression::Node(node);
        }
        let single = |rows: Arc<Rows>| match rows.size() {
            0 => Maps::new(),
            _ => Maps::from([(node, rows)]),
        };
        let bias = vec![0.0; rows.len()];
        Expression::Affine { terms: single(rows), slack: single(errors), bias }
    }

    /// The image under the map `rows`, whose entries err by at most `errors` (which has no rows if
    /// they are exact); `None` if that is not exact or would have more entries than map and expression
    /// together.
    pub fn apply(
        &self,
        nodes: &[Node],
        rows: &Arc<Rows>,
        errors: &Arc<Rows>,
    ) -> Option<Expression> {
        let (terms, slack, bias) = match self {
            Expression::Node(index) => {
                let len = nodes[*index].len;
                return Some(Expression::of_node(*index, len, rows.clone(), errors.clone()));
            }
            Expression::Affine { terms, slack, bias } => (terms, slack, bias),
        };
        if errors.size() > 0 {
            return None;
        }
        if rows.is_identity(bias.len()) {
            return Some(self.clone());
        }
        let moves = rows.is_movement();
        if !moves && !slack.is_empty() {
            return None;
        }
        let allowed = rows.size() + terms.values().map(|rows| rows.size()).sum::<usize>();
        let mut used = 0;
        let mut composed = Maps::new();
        for (node, inner) in terms {
            let mut result = Rows::with_capacity(rows.len(), inner.size().min(allowed));
            let mut sum = Accumulator::new(if moves { 0 } else { width(inner) });
            for row in rows.iter() {
                if moves {
                    for (k, _) in row {
                        inner.row(*k as usize).iter().for_each(|(j, w)| result.push(*j, *w));
                    }
                    result.end_row();
                } else {
                    for (k, outer) in row {
                        for (column, value) in inner.row(*k as usize) {
                            sum.add(*column, exact_product(*outer, *value)?)?;
                        }
                    }
                    sum.finish(&mut result);
                }
                if used + result.size() > allowed {
                    return None;
                }
            }
            used += result.size();
            if result.size() > 0 {
                composed.insert(*node, Arc::new(result));
            }
        }
        let mut moved_slack = Maps::new();
        for (node, inner) in slack {
            let mut result = Rows::with_capacity(rows.len(), inner.size());
            for row in rows.iter() {
                for (k, _) in row {
                    inner.row(*k as usize).iter().for_each(|(j, w)| result.push(*j, *w));
                }
                result.end_row();
            }
            if result.size() > 0 {
                moved_slack.insert(*node, Arc::new(result));
            }
        }
        let mut moved_bias = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            let mut sum = 0.0;
            for (k, outer) in row {
                sum = exact_sum(sum, exact_product(*outer, bias[*k as usize])?)?;
            }
            moved_bias.push(sum);
        }
        Some(simple(nodes, composed, moved_slack, moved_bias))
    }

    /// The sum of expressions and constants, each of `len` elements; `None` if it is not exact.
    pub fn sum(
        nodes: &[Node],
        parts: Vec<Expression>,
        constants: &[Vec<f64>],
        len: usize,
    ) -> Option<Expression> {
        let (mut terms, mut slack) = (Maps::new(), Maps::new());
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
                    let identity = Arc::new(Rows::identity(len));
                    (Maps::from([(index, identity)]), Maps::new(), Vec::new())
                }
                Expression::Affine { terms, slack, bias } => (terms, slack, bias),
            };
            add_bias(&more_bias)?;
            merge(&mut terms, more_terms, exact_sum)?;
            // Bounds on errors add up; the sum is rounded up.
            merge(&mut slack, more_slack, |a, b| Some((a + b).next_up()))?;
        }
        for constant in constants {
            add_bias(constant)?;
        }
        Some(simple(nodes, terms, slack, bias))
    }

    /// Terms, bias and slack terms of an affine node.
    pub fn into_affine(self, nodes: &[Node]) -> (Vec<Term>, Vec<f64>, Vec<Term>) {
        let build = |all: Maps| -> Vec<Term> {
            all.into_iter()
                .map(|(from, rows)| {
                    let (starts, entries) = rows.parts();
                    let map = LinearMap::from_entries(nodes[from].len, starts, entries);
                    Term { from, map: Arc::new(map) }
                })
                .collect()
        };
        match self {
            Expression::Node(index) => {
                let len = nodes[index].len;
                let identity = Maps::from([(index, Arc::new(Rows::identity(len)))]);
                (build(identity), vec![0.0; len], Vec::new())
            }
            Expression::Affine { terms, slack, bias } => (build(terms), bias, build(slack)),
        }
    }
}

/// The expression, as a node if it is no more than that.
fn simple(nodes: &[Node], terms: Maps, slack: Maps, bias: Vec<f64>) -> Expression {
    if slack.is_empty()
        && terms.len() == 1
        && let Some((node, rows)) = terms.first_key_value()
        && rows.is_identity(nodes[*node].len)
        && bias.iter().all(|b| *b == 0.0)
    {
        return Expression::Node(*node);
    }
    Expression::Affine { terms, slack, bias }
}

/// Adds matrices to others of the same nodes, entries by `add`.
fn merge(into: &mut Maps, more: Maps, add: fn(f64, f64) -> Option<f64>) -> Option<()> {
    for (node, rows) in more {
        let Some(existing) = into.get_mut(&node) else {
            into.insert(node, rows);
            continue;
        };
        let mut sum = Rows::with_capacity(rows.len(), rows.size() + existing.size());
        for (mut a, mut b) in existing.iter().zip(rows.iter()) {
            loop {
                match (a, b) {
                    ([], []) => break,
                    ([(i, x), rest_a @ ..], [(j, y), rest_b @ ..]) if i == j => {
                        let value = add(*x, *y)?;
                        if value != 0.0 {
                            sum.push(*i, value);
                        }
                        (a, b) = (rest_a, rest_b);
                    }
                    ([(i, x), rest @ ..], other) if other.first().is_none_or(|o| *i < o.0) => {
                        sum.push(*i, *x);
                        a = rest;
                    }
                    (_, [(j, y), rest @ ..]) => {
                        sum.push(*j, *y);
                        b = rest;
                    }
                    (_, []) => break,
                }
            }
            sum.end_row();
        }
        if sum.size() > 0 {
            *existing = Arc::new(sum);
        } else {
            into.remove(&node);
        }
    }
    Some(())
}
