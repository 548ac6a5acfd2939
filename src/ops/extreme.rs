//! Lowering of maxima and minima: `max(a, b) = a + relu(b - a)`, and trees of such pairs.

use super::bounded::{MOST_ENTRIES, limit};
use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::broadcast;
use super::rows::Rows;
use plimsoll_check::Error;
use plimsoll_check::graph::Node;
use plimsoll_check::ops::Window;

impl Lowering<'_> {
    /// The greater or the smaller of two expressions, element by element.
    ///
    /// `max(a, b) = a + relu(b - a)`, `min(a, b) = a - relu(a - b)`.
    pub fn extreme(&mut self, a: Expression, b: Expression, greatest: bool) -> Expression {
        // On top of a constant there is only the relu.
        let (a, b) = if b.as_constant().is_some() { (b, a) } else { (a, b) };
        let (a, b) = (self.settle(a), self.settle(b));
        let sign = if greatest { 1.0 } else { -1.0 };
        let difference = self.weighted(&[(&b, sign), (&a, -sign)], 0.0);
        let above = self.relu(difference);
        self.weighted(&[(&a, 1.0), (&above, sign)], 0.0)
    }

    /// The greatest or smallest operand with broadcasting.
    pub fn extreme_operand(&mut self, node: &Node, greatest: bool) -> Expression {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let mut level: Vec<Expression> = Vec::new();
        for (operand, id) in self.operands(node).iter().zip(&node.inputs) {
            let rows = Rows::picks(broadcast(operand.shape, shape));
            let len = rows.len();
            level.push(self.combine(vec![Part::exact(Of::Value(*id), rows)], &[], len));
        }
        while level.len() > 1 {
            let mut next = Vec::with_capacity(level.len().div_ceil(2));
            let mut pairs = level.into_iter();
            while let Some(a) = pairs.next() {
                next.push(match pairs.next() {
                    Some(b) => self.extreme(a, b, greatest),
                    None => a,
                });
            }
            level = next;
        }
        level.pop().unwrap_or_else(|| Expression::constant(Vec::new()))
    }

    /// For each group of elements, none of them empty, the greatest or smallest one.
    pub fn extremes(
        &mut self,
        of: Expression,
        groups: Vec<Vec<usize>>,
        greatest: bool,
    ) -> Expression {
        let sign = if greatest { 1.0 } else { -1.0 };
        self.tournament(of, groups, sign, Self::relu)
    }

    /// For each group of elements, none of them empty, what is left when pairs `a`, `b` are replaced by
    /// `a + sign excess(sign (b - a))` until there is one.
    pub fn tournament(
        &mut self,
        of: Expression,
        groups: Vec<Vec<usize>>,
        sign: f64,
        excess: impl Fn(&mut Self, Expression) -> Expression,
    ) -> Expression {
        let mut values = self.settle(of);
        let mut groups = groups;
        while groups.iter().any(|group| group.len() > 1) {
            let pairs = |group: &Vec<usize>| group.len() / 2;
            let total: usize = groups.iter().map(pairs).sum();
            let (mut left, mut right) = (Vec::with_capacity(total), Vec::with_capacity(total));
            // What is combined: an element, and the pair that it is the left one of.
            let mut kept = Vec::new();
            for group in &mut groups {
                let next = group.chunks(2).map(|pair| {
                    kept.push((pair[0], (pair.len() > 1).then_some(left.len())));
                    if let [a, b] = pair {
                        left.push(*a);
                        right.push(*b);
                    }
                    kept.len() - 1
                });
                *group = next.collect();
            }
            let part = |elements: Vec<usize>, factor: f64| {
                let rows = Rows::scaled_picks(elements, factor);
                Part::exact(Of::Made(values.clone()), rows)
            };
            let parts = vec![part(right, sign), part(left, -sign)];
            let difference = self.combine(parts, &[], total);
            let above = excess(self, difference);
            let mut rows = Rows::with_capacity(kept.len(), total);
            for (_, pair) in &kept {
                if let Some(pair) = pair {
                    rows.push(*pair as u32, sign);
                }
                rows.end_row();
            }
            let base = Rows::picks(kept.iter().map(|(element, _)| *element));
            let parts =
                vec![Part::exact(Of::Made(values), base), Part::exact(Of::Made(above), rows)];
            values = self.combine(parts, &[], kept.len());
        }
        self.pick(values, groups.into_iter().map(|group| group[0]))
    }

    /// The greatest element under each window.
    ///
    /// # Errors
    ///
    /// If there are too many.
    pub fn max_pool(&mut self, node: &Node, window: &Window) -> Result<Expression, Error> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        limit(node, "comparisons", super::pool::places(shape, window), MOST_ENTRIES)?;
        let groups = super::pool::windows(self.operand(node, 0).shape, shape, window);
        let of = self.settled(node.inputs[0]);
        Ok(self.extremes(of, groups, true))
    }
}
