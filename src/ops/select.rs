//! Lowering of places of extreme elements and of what is picked by computed places: ArgMax, ArgMin, TopK,
//! LinearClassifier, Gather, OneHot.

use super::bounded::limit;
use super::build::{Lowering, Of, Part};
use super::compare::is_whole;
use super::compose::Expression;
use super::operand::{around, groups};
use super::product::MOST_PRODUCTS;
use super::rows::Rows;
use plimsoll_check::graph::{ElementType, Node, ValueId};
use plimsoll_check::ops::Op;
use plimsoll_check::{Error, Kind};

impl Lowering<'_> {
    /// For each group of elements and each place in it, whether the extreme element is there: place by
    /// place, group by group. All groups have one length.
    ///
    /// An element is it if it beats all `n - 1` others, that is if `relu(wins - (n - 2))` is one.
    fn indicators(
        &mut self,
        node: &Node,
        of: Expression,
        groups: &[Vec<usize>],
        kind: (bool, bool, bool),
    ) -> Result<Expression, Error> {
        let size = groups.first().map_or(0, Vec::len);
        if size <= 1 {
            return Ok(Expression::constant(vec![1.0; groups.len() * size]));
        }
        let wins = self.wins(node, of, groups, kind)?;
        // Of two, one comparison decides.
        if size == 2 {
            return Ok(wins);
        }
        let all = self.weighted(&[(&wins, 1.0)], 2.0 - size as f64);
        Ok(self.relu(all))
    }

    /// For each group of elements and each place in it, how many others the element there beats, of equal ones
    /// the one with the right place; group by group.
    fn wins(
        &mut self,
        node: &Node,
        of: Expression,
        groups: &[Vec<usize>],
        (greatest, last, whole): (bool, bool, bool),
    ) -> Result<Expression, Error> {
        let size = groups.first().map_or(0, Vec::len);
        let pairs = size * (size - 1) / 2;
        limit(node, "comparisons", groups.len().saturating_mul(pairs), MOST_PRODUCTS)?;
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
                bias.push((size - 1 - at) as f64);
            }
        }
        let count = rows.len();
        Ok(self.combine(vec![Part::exact(Of::Made(later), rows)], &[bias], count))
    }

    /// A number for the place of the extreme element of each group.
    fn numbered(
        &mut self,
        indicators: Expression,
        size: usize,
        groups: usize,
        numbers: &dyn Fn(usize) -> f64,
    ) -> Expression {
        // The indicators add up to one, so that the first number can be subtracted from all.
        let first = numbers(0);
        let mut rows = Rows::new();
        for group in 0..groups {
            for at in 1..size {
                let number = numbers(at) - first;
                if number != 0.0 {
                    rows.push((group * size + at) as u32, number);
                }
            }
            rows.end_row();
        }
        let bias = vec![first; groups];
        self.combine(vec![Part::exact(Of::Made(indicators), rows)], &[bias], groups)
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
        let groups = groups(self.operand(node, 0).shape, &[axis]);
        let of = self.before_softmax(node.inputs[0], &groups);
        let whole = is_whole(self.graph.value(of).element);
        let of = self.settled(of);
        let indicators = self.indicators(node, of, &groups, (greatest, last, whole))?;
        let indicators = self.settle(indicators);
        let size = groups.first().map_or(0, Vec::len);
        self.indicators.insert(node.outputs[0], (size, indicators.clone()));
        Ok(self.numbered(indicators, size, groups.len(), &|at| at as f64))
    }

    /// A value whose elements are in the same order within each group: what a softmax is taken of.
    fn before_softmax(&self, id: ValueId, groups: &[Vec<usize>]) -> ValueId {
        let Some((Op::Softmax { grouping, .. }, of)) = self.producer(id) else { return id };
        let mut members = vec![0; self.graph.value(id).len()];
        for (at, group) in super::operand::groups(&grouping.view, &grouping.axes).iter().enumerate()
        {
            group.iter().for_each(|element| members[*element] = at);
        }
        let together = |group: &Vec<usize>| group.iter().all(|e| members[*e] == members[group[0]]);
        if groups.iter().all(together) { of } else { id }
    }

    /// Where a value is the place of an extreme element, as another type or under another shape: the number
    /// of places and the indicators.
    fn known_places(&self, id: ValueId) -> Option<(usize, Expression)> {
        if let Some((size, indicators)) = self.indicators.get(&id) {
            return Some((*size, indicators.clone()));
        }
        match self.producer(id)? {
            (Op::Identity | Op::Reshape, of) => self.known_places(of),
            (Op::Cast { to }, of) if *to != ElementType::Bool => self.known_places(of),
            _ => None,
        }
    }

    /// The first elements along an axis when sorted, and their indices.
    ///
    /// # Errors
    ///
    /// If there are too many elements to be compared.
    pub fn first_sorted(
        &mut self,
        node: &Node,
        axis: usize,
        greatest: bool,
    ) -> Result<Vec<Expression>, Error> {
        let groups = groups(self.operand(node, 0).shape, &[axis]);
        let shape = &self.graph.value(node.outputs[0]).shape;
        let (outer, count, inner) = around(shape, axis);
        let of = self.settled(node.inputs[0]);
        // From group by group to the order of the result.
        let place = |at: usize| {
            let (before, rank, behind) = (at / (count * inner), at / inner % count, at % inner);
            (before * inner + behind) * count + rank
        };
        let places: Vec<usize> = (0..outer * count * inner).map(place).collect();
        let mut results = Vec::new();
        for (position, id) in node.outputs.iter().enumerate() {
            let sorted = match (position, self.is_read(*id)) {
                (_, false) => Expression::constant(vec![0.0; places.len()]),
                (0, true) => self.sorted(node, of.clone(), &groups, count, greatest)?,
                (_, true) => self.sorted_places(node, of.clone(), &groups, count, greatest)?,
            };
            results.push(self.pick(sorted, places.iter().copied()));
        }
        Ok(results)
    }

    /// The first elements of each group when sorted: each element is compared with the best so far, from the
    /// last to the first, and the better one goes on.
    fn sorted(
        &mut self,
        node: &Node,
        of: Expression,
        groups: &[Vec<usize>],
        count: usize,
        greatest: bool,
    ) -> Result<Expression, Error> {
        let size = groups.first().map_or(0, Vec::len);
        limit(
            node,
            "comparisons",
            groups.len().saturating_mul(size).saturating_mul(count),
            MOST_PRODUCTS,
        )?;
        if count == 1 {
            return Ok(self.extremes(of, groups.to_vec(), greatest));
        }
        // One expression for each place in a group, over all groups.
        let mut lines: Vec<Expression> = Vec::with_capacity(size);
        for at in 0..size {
            lines.push(self.pick(of.clone(), groups.iter().map(|group| group[at])));
        }
        let sign = if greatest { 1.0 } else { -1.0 };
        for first in 0..count {
            for at in (first + 1..size).rev() {
                let (a, b) = (self.settle(lines[at - 1].clone()), self.settle(lines[at].clone()));
                // The better one is a plus the excess, the other one b less it.
                let excess = self.weighted(&[(&b, sign), (&a, -sign)], 0.0);
                let excess = self.relu(excess);
                lines[at - 1] = self.weighted(&[(&a, 1.0), (&excess, sign)], 0.0);
                lines[at] = self.weighted(&[(&b, 1.0), (&excess, -sign)], 0.0);
            }
        }
        let total = groups.len() * count;
        let part = |(rank, line): (usize, &Expression)| {
            let place = |at: usize| (at % count == rank).then_some(at / count);
            Part::exact(Of::Made(line.clone()), Rows::some_picks((0..total).map(place)))
        };
        let parts = lines[..count].iter().enumerate().map(part).collect();
        Ok(self.combine(parts, &[], total))
    }

    /// The places in each group of its first elements when sorted, the first of equal ones first.
    ///
    /// The element at rank `r` is the one that `r` others beat: the sum of places times
    /// `relu(1 - |beaten - r|)`.
    fn sorted_places(
        &mut self,
        node: &Node,
        of: Expression,
        groups: &[Vec<usize>],
        count: usize,
        greatest: bool,
    ) -> Result<Expression, Error> {
        let whole = is_whole(self.graph.value(node.inputs[0]).element);
        let size = groups.first().map_or(0, Vec::len);
        if count == 1 {
            let indicators = self.indicators(node, of, groups, (greatest, false, whole))?;
            return Ok(self.numbered(indicators, size, groups.len(), &|at| at as f64));
        }
        limit(
            node,
            "comparisons",
            groups.len().saturating_mul(size).saturating_mul(count),
            MOST_PRODUCTS,
        )?;
        let wins = self.wins(node, of, groups, (greatest, false, whole))?;
        let wins = self.settle(wins);
        let total = groups.len() * count * size;
        // Of a group, rank by rank, place by place.
        let rows = Rows::picks((0..total).map(|at| at / (count * size) * size + at % size));
        let shifts = (0..total).map(|at| (at / size % count) as f64 + 1.0 - size as f64).collect();
        let part = vec![Part::exact(Of::Made(wins), rows)];
        let distances = self.combine(part, &[shifts], total);
        let distances = self.absolute(distances);
        let here = self.weighted(&[(&distances, -1.0)], 1.0);
        let here = self.relu(here);
        let mut rows = Rows::new();
        for rank in 0..groups.len() * count {
            (1..size).for_each(|at| rows.push((rank * size + at) as u32, at as f64));
            rows.end_row();
        }
        let len = rows.len();
        Ok(self.combine(vec![Part::exact(Of::Made(here), rows)], &[], len))
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
        let label = match self.is_read(node.outputs[0]) {
            true => {
                let kind = (true, false, false);
                let indicators = self.indicators(node, scores.clone(), &groups, kind)?;
                self.numbered(indicators, size, rows, &number)
            }
            false => Expression::constant(vec![0.0; rows]),
        };
        Ok(vec![label, scores])
    }

    /// For each of some indices and each place on an axis, whether the index means it; a negative index
    /// counts from the end. Place by place, index by index.
    ///
    /// An index `z` is `p` iff `relu(1 - |z - p|)` is one, as both are integers.
    fn hits(
        &mut self,
        node: &Node,
        (id, indices): (ValueId, Expression),
        dim: usize,
    ) -> Result<Expression, Error> {
        if let Some((size, indicators)) = self.known_places(id) {
            let count = self.len(&indices);
            let place = |at: usize| (at % dim < size).then(|| at / dim * size + at % dim);
            let rows = Rows::some_picks((0..count * dim).map(place));
            let part = vec![Part::exact(Of::Made(indicators), rows)];
            return Ok(self.combine(part, &[], count * dim));
        }
        let count = self.len(&indices);
        limit(node, "comparisons", count.saturating_mul(dim).saturating_mul(2), MOST_PRODUCTS)?;
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
        limit(node, "products", len.saturating_mul(dim), MOST_PRODUCTS)?;
        let indices = self.settled(node.inputs[1]);
        let hits = self.hits(node, (node.inputs[1], indices), dim)?;
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
        let hits = self.hits(node, (node.inputs[0], indices), depth)?;
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
