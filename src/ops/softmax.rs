//! Lowering of Softmax and LogSoftmax.

use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::groups;
use super::product::MOST_PRODUCTS;
use super::rows::Rows;
use plimsoll_check::graph::Node;
use plimsoll_check::ops::{Function, Grouping};

impl Lowering<'_> {
    /// `e^x_i / sum_j e^x_j` over each group, or its logarithm.
    pub fn softmax(&mut self, node: &Node, grouping: &Grouping, logarithm: bool) -> Expression {
        let len = self.graph.value(node.outputs[0]).len();
        let groups = groups(&grouping.view, &grouping.axes);
        let size = groups.first().map_or(0, Vec::len);
        if size <= 1 {
            return Expression::constant(vec![if logarithm { 0.0 } else { 1.0 }; len]);
        }
        let x = self.settled(node.inputs[0]);
        if self.wide {
            return self.wide_softmax(x, groups, len, logarithm);
        }
        if logarithm {
            return self.log_softmax(x, &groups, len);
        }
        if size == 2 {
            // 1 / (1 + e^(x_j - x_i)), which is a sigmoid.
            let mut rows = vec![Vec::new(); len];
            for group in &groups {
                for (i, j) in [(group[0], group[1]), (group[1], group[0])] {
                    rows[i] = vec![(i as u32, 1.0), (j as u32, -1.0)];
                }
            }
            let difference = Part::exact(Of::Made(x), Rows::from_lists(rows));
            let difference = self.combine(vec![difference], &[], len);
            return self.pointwise(difference, Function::Sigmoid);
        }
        if len.saturating_mul(size - 1) > MOST_PRODUCTS {
            return self.large_softmax(x, &groups, len);
        }
        // 1 / (1 + sum_{j != i} e^(x_j - x_i)).
        let mut rows = Rows::with_capacity(len * (size - 1), 2 * len * (size - 1));
        let mut terms = vec![Vec::new(); len];
        for group in &groups {
            for i in group {
                for j in group.iter().filter(|j| *j != i) {
                    terms[*i].push(rows.len());
                    let (first, second) = if i < j { (*i, *j) } else { (*j, *i) };
                    rows.push(first as u32, if first == *j { 1.0 } else { -1.0 });
                    rows.push(second as u32, if second == *j { 1.0 } else { -1.0 });
                    rows.end_row();
                }
            }
        }
        let count = rows.len();
        let differences = self.combine(vec![Part::exact(Of::Made(x), rows)], &[], count);
        let powers = self.pointwise(differences, Function::Exp);
        let sums = self.at_least_one(powers, &terms);
        self.pointwise(sums, Function::Reciprocal)
    }

    /// One and the sums of groups of positive numbers.
    ///
    /// The sum is not below one. That is lost where a bound of it is rounded, but the functions that follow
    /// need it; so it is said once more.
    fn at_least_one(&mut self, powers: Expression, groups: &[Vec<usize>]) -> Expression {
        let sums = self.sums(Of::Made(powers), groups, (1.0, 0.0));
        let sums = self.weighted(&[(&sums, 1.0)], 1.0);
        self.pointwise(sums, Function::Clip { min: 1.0, max: f64::INFINITY })
    }

    /// The sums `sum_j e^(x_j - x_first)` of groups, and the differences to the first element of all but that,
    /// group by group.
    fn relative(&mut self, x: &Expression, groups: &[Vec<usize>]) -> (Expression, Expression) {
        let mut rows = Rows::new();
        let mut terms = Vec::with_capacity(groups.len());
        for group in groups {
            let first = rows.len();
            for j in &group[1..] {
                // Elements of a group are ascending.
                rows.push(group[0] as u32, -1.0);
                rows.push(*j as u32, 1.0);
                rows.end_row();
            }
            terms.push((first..rows.len()).collect());
        }
        let count = rows.len();
        let differences = self.combine(vec![Part::exact(Of::Made(x.clone()), rows)], &[], count);
        let powers = self.pointwise(differences, Function::Exp);
        (self.at_least_one(powers.clone(), &terms), powers)
    }

    /// `x_i - (x_first + log(sum_j e^(x_j - x_first)))`, the second part once for each group.
    fn log_softmax(&mut self, x: Expression, groups: &[Vec<usize>], len: usize) -> Expression {
        let (sums, _) = self.relative(&x, groups);
        let logarithms = self.pointwise(sums, Function::Log);
        let (mut own, mut shared) = (vec![Vec::new(); len], vec![0; len]);
        for (at, group) in groups.iter().enumerate() {
            for i in group {
                shared[*i] = at;
                if *i != group[0] {
                    own[*i] = vec![(*i as u32, 1.0), (group[0] as u32, -1.0)];
                }
            }
        }
        let parts = vec![
            Part::exact(Of::Made(x), Rows::from_lists(own)),
            Part::exact(Of::Made(logarithms), Rows::scaled_picks(shared, -1.0)),
        ];
        self.combine(parts, &[], len)
    }

    /// Softmax of large groups: `e^(x_i - x_first)` times the reciprocal of a sum that the group shares.
    fn large_softmax(&mut self, x: Expression, groups: &[Vec<usize>], len: usize) -> Expression {
        let (sums, powers) = self.relative(&x, groups);
        let reciprocals = self.pointwise(sums, Function::Reciprocal);
        let (mut pairs, mut places) = (Vec::new(), vec![None; len]);
        let mut firsts = vec![None; len];
        for (at, group) in groups.iter().enumerate() {
            firsts[group[0]] = Some(at);
            for i in &group[1..] {
                places[*i] = Some(pairs.len());
                pairs.push((pairs.len() as u32, at as u32));
            }
        }
        let products = self.products(powers, reciprocals.clone(), pairs);
        let parts = vec![
            Part::exact(Of::Made(products), Rows::some_picks(places)),
            Part::exact(Of::Made(reciprocals), Rows::some_picks(firsts)),
        ];
        self.combine(parts, &[], len)
    }

    /// Softmax by the logarithm of the sum of powers, in which nothing overflows: `log(e^a + e^b)` is
    /// `a + softplus(b - a)`, and `e^(x_i - log(sum_j e^x_j))` has no positive exponent.
    fn wide_softmax(
        &mut self,
        x: Expression,
        groups: Vec<Vec<usize>>,
        len: usize,
        logarithm: bool,
    ) -> Expression {
        let mut group_of = vec![0; len];
        for (at, group) in groups.iter().enumerate() {
            group.iter().for_each(|element| group_of[*element] = at);
        }
        let softplus = |lowering: &mut Self, z| lowering.pointwise(z, Function::Softplus);
        let sums = self.tournament(x.clone(), groups, 1.0, softplus);
        let parts = vec![
            Part::exact(Of::Made(x), Rows::identity(len)),
            Part::exact(Of::Made(sums), Rows::scaled_picks(group_of, -1.0)),
        ];
        let logarithms = self.combine(parts, &[], len);
        // They are not positive, which bounds of them need not show.
        let clip = Function::Clip { min: f64::NEG_INFINITY, max: 0.0 };
        let logarithms = self.pointwise(logarithms, clip);
        if logarithm { logarithms } else { self.pointwise(logarithms, Function::Exp) }
    }
}
