//! Lowering of places of extreme elements and of what is picked by computed places: ArgMax, ArgMin, TopK,
//! LinearClassifier, Gather, OneHot.

use super::build::{Lowering, Of, Part};
use super::compare::is_whole;
use super::compose::Expression;
use super::operand::{around, groups};
use super::product::limit;
use super::rows::Rows;
use plimsoll_check::graph::Node;
use plimsoll_check::{Error, Kind};

impl Lowering<'_> {
    /// For each group of elements and each place in it, whether the extreme element is there: place by
    /// place, group by group. All groups have one length.
    ///
    /// An element is it if it beats all others: of equal ones the one with the right place. It beats
    /// another iff their comparison says so, and `n - 1` of these hold iff `relu(sum - (n - 2))` is one.
    fn indicators(
        &mut self,
        node: &Node,
        of: Expression,
        groups: &[Vec<usize>],
        (greatest, last, whole): (bool, bool, bool),
    ) -> Result<Expression, Error> {
        let size = groups.first().map_or(0, Vec::len);
        if size <= 1 {
            return Ok(Expression::constant(vec![1.0; groups.len() * size]));
        }
        let pairs = size * (size - 1) / 2;
        limit(node, "comparisons", groups.len().saturating_mul(pairs))?;
        // For places i < j: x_j - x_i if the greatest is looked for.
        let sign = if greatest { 1.0 } else { -1.0 };
        let of = self.settle(of);
        let mut rows = Rows::with_capacity(groups.len() * pairs, 2 * groups.len() * pairs);
        for group in groups {
            for j in 1..size {
                for i in 0..j {
                    // Elements of a group are ascending.
                    rows.push(group[i] as u32, -sign);
                    rows.push(group[j] as u32, sign);
                    rows.end_row();
                }
            }
        }
        let count = rows.len();
        let differences = self.combine(vec![Part::exact(Of::Made(of), rows)], &[], count);
        // Whether the later one beats the earlier one.
        let later = match last {
            false => self.positive(differences, whole),
            true => self.not_negative(differences, whole),
        };
        let later = self.settle(later);
        let place = |i: usize, j: usize| j * (j - 1) / 2 + i;
        let mut rows = Rows::with_capacity(groups.len() * size, 2 * groups.len() * pairs);
        let mut bias = Vec::with_capacity(groups.len() * size);
        for group in 0..groups.len() {
            for at in 0..size {
                // Wins over earlier places, and one less for each later place that wins.
                (0..at).for_each(|i| rows.push((group * pairs + place(i, at)) as u32, 1.0));
                (at + 1..size).for_each(|j| rows.push((group * pairs + place(at, j)) as u32, -1.0));
                rows.end_row();
                bias.push((size - 1 - at) as f64 - (size as f64 - 2.0));
            }
        }
        let count = rows.len();
        let wins = self.combine(vec![Part::exact(Of::Made(later), rows)], &[bias], count);
        // Of two, one comparison decides.
        Ok(if size == 2 { wins } else { self.relu(wins) })
    }

    /// A number for the place of the extreme element of each group.
    fn numbered(
        &mut self,
        node: &Node,
        of: Expression,
        groups: &[Vec<usize>],
        kind: (bool, bool, bool),
        numbers: &dyn Fn(usize) -> f64,
    ) -> Result<Expression, Error> {
        let indicators = self.indicators(node, of, groups, kind)?;
        let size = groups.first().map_or(0, Vec::len);
        // The indicators add up to one, so that the first number can be subtracted from all.
        let first = numbers(0);
        let mut rows = Rows::new();
        for group in 0..groups.len() {
            for at in 1..size {
                let number = numbers(at) - first;
                if number != 0.0 {
                    rows.push((group * size + at) as u32, number);
                }
            }
            rows.end_row();
        }
        let len = groups.len();
        Ok(self.combine(vec![Part::exact(Of::Made(indicators), rows)], &[vec![first; len]], len))
    }

    /// The index of the extreme element along an axis.
    ///
    /// # Errors
    ///
    /// If there are too many elements to be compared.
    pub fn extreme_place(
        &mut self,
        node: &Node,
        axis: usize,
        greatest: bool,
        last: bool,
    ) -> Result<Expression, Error> {
        let whole = is_whole(self.graph.value(node.inputs[0]).element);
        let groups = groups(self.operand(node, 0).shape, &[axis]);
        let of = self.settled(node.inputs[0]);
        self.numbered(node, of, &groups, (greatest, last, whole), &|at| at as f64)
    }

    /// The first elements along an axis when sorted, and their indices: for one of them.
    ///
    /// # Errors
    ///
    /// If more than one is asked for.
    pub fn first_sorted(
        &mut self,
        node: &Node,
        axis: usize,
        greatest: bool,
    ) -> Result<Vec<Expression>, Error> {
        let shape = self.operand(node, 0).shape;
        match self.graph.value(node.outputs[0]).shape[axis] {
            0 => Ok(vec![Expression::constant(Vec::new()); 2]),
            1 => {
                let of = self.settled(node.inputs[0]);
                let values = self.extremes(of, groups(shape, &[axis]), greatest);
                Ok(vec![values, self.extreme_place(node, axis, greatest, false)?])
            }
            count => Err(Error::new(
                Kind::UnsupportedOperator,
                format!(
                    "TopK of {count} elements (node `{}`) can be evaluated, but not bounded yet",
                    node.name
                ),
            )
            .help("TopK of one element can be bounded; for several, say in the query what the outputs before it have to satisfy")),
        }
    }

    /// The label with the greatest score, and the scores.
    ///
    /// # Errors
    ///
    /// If there are too many scores to be compared.
    pub fn classified(
        &mut self,
        node: &Node,
        weights: &[f32],
        intercepts: &[f32],
        labels: &[i64],
    ) -> Result<Vec<Expression>, Error> {
        let exact = |label: &i64| label.unsigned_abs() <= 1 << 51;
        if !labels.iter().all(exact) {
            return Err(Error::new(
                Kind::UnsupportedOperator,
                format!("a label of node `{}` is too large to be bounded", node.name),
            )
            .help("labels between -2^51 and 2^51 can be bounded"));
        }
        let scores = self.scores(node, weights, intercepts);
        let scores = self.settle(scores);
        let size = labels.len();
        let rows = self.len(&scores) / size;
        let groups: Vec<Vec<usize>> =
            (0..rows).map(|row| (row * size..(row + 1) * size).collect()).collect();
        let number = |at: usize| labels[at] as f64;
        let label = self.numbered(node, scores.clone(), &groups, (true, false, false), &number)?;
        Ok(vec![label, scores])
    }

    /// For each of some indices and each place on an axis, whether the index means it; a negative index
    /// counts from the end. Place by place, index by index.
    ///
    /// An index `z` is `p` iff `relu(1 - |z - p|)` is one, as both are integers.
    fn hits(&mut self, node: &Node, indices: Expression, dim: usize) -> Result<Expression, Error> {
        let count = self.len(&indices);
        limit(node, "comparisons", count.saturating_mul(dim).saturating_mul(2))?;
        let indices = self.settle(indices);
        let total = count * dim;
        let mut parts = Vec::new();
        for shift in [0, dim] {
            let rows = Rows::picks((0..total).map(|at| at / dim));
            let places = (0..total).map(|at| shift as f64 - (at % dim) as f64).collect();
            let part = vec![Part::exact(Of::Made(indices.clone()), rows)];
            let distances = self.combine(part, &[places], total);
            let distances = self.absolute(distances);
            let near = self.weighted(&[(&distances, -1.0)], 1.0);
            let near = self.relu(near);
            parts.push(Part::exact(Of::Made(near), Rows::identity(total)));
        }
        Ok(self.combine(parts, &[], total))
    }

    /// Entries along an axis, picked by computed indices: sums over all entries, times whether they are
    /// meant.
    ///
    /// # Errors
    ///
    /// If there are too many products.
    pub fn gathered(&mut self, node: &Node, axis: usize) -> Result<Expression, Error> {
        let (outer, dim, inner) = around(self.operand(node, 0).shape, axis);
        let count = self.graph.value(node.inputs[1]).len();
        let len = outer * count * inner;
        limit(node, "products", len.saturating_mul(dim))?;
        let indices = self.settled(node.inputs[1]);
        let hits = self.hits(node, indices, dim)?;
        let mut pairs = Vec::with_capacity(len * dim);
        for before in 0..outer {
            for index in 0..count {
                for behind in 0..inner {
                    for place in 0..dim {
                        let element = (before * dim + place) * inner + behind;
                        pairs.push(((index * dim + place) as u32, element as u32));
                    }
                }
            }
        }
        let data = self.expression(node.inputs[0]);
        let products = self.products(hits, data, pairs);
        let groups: Vec<Vec<usize>> =
            (0..len).map(|k| (k * dim..(k + 1) * dim).collect()).collect();
        Ok(self.sums(Of::Made(products), &groups, (1.0, 0.0)))
    }

    /// Along a new axis, `on` at the index and `off` elsewhere.
    ///
    /// # Errors
    ///
    /// If there are too many places.
    pub fn one_hot(&mut self, node: &Node, axis: usize) -> Result<Expression, Error> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let (outer, depth, inner) = around(shape, axis);
        let mut indices = self.settled(node.inputs[0]);
        if !is_whole(self.graph.value(node.inputs[0]).element) {
            indices = self.truncated(indices);
        }
        let hits = self.hits(node, indices, depth)?;
        let len = outer * depth * inner;
        let place = |at: usize| {
            let (before, place, behind) = (at / (depth * inner), at / inner % depth, at % inner);
            (before * inner + behind) * depth + place
        };
        let hits = self.pick(hits, (0..len).map(place));
        let values = self.expression(node.inputs[1]);
        let difference = Rows::from_lists(vec![vec![(0, -1.0), (1, 1.0)]; len]);
        let difference =
            self.combine(vec![Part::exact(Of::Made(values.clone()), difference)], &[], len);
        let product = self.multiplied(hits, difference);
        let parts = vec![
            Part::exact(Of::Made(product), Rows::identity(len)),
            Part::exact(Of::Made(values), Rows::picks(vec![0; len])),
        ];
        Ok(self.combine(parts, &[], len))
    }
}
