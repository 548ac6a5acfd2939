//! Lowering of matrix products with a constant side, sums over axes, running sums, and linear models.

use super::bounded::{MOST_ENTRIES, limit};
use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, Operand, Weight, around, broadcast, groups, reciprocal};
use super::rows::Rows;
use plimsoll_check::Error;
use plimsoll_check::graph::{ElementType, Node, Tensor, TensorData};
use plimsoll_check::number::Interval;

/// The elements of a vector that are not zero, with their places.
type Sparse = Vec<(usize, Weight)>;

/// Where the summands of a batch of matrix products are: summand `t` of result `(group, i, j)` is made
/// of elements `left[group] + i * row + t * along.0` and `right[group] + j * column + t * along.1`.
pub(crate) struct Product {
    pub left: Vec<usize>,
    pub right: Vec<usize>,
    pub rows: usize,
    pub columns: usize,
    pub inner: usize,
    pub row: usize,
    pub column: usize,
    pub along: (usize, usize),
}

impl Product {
    /// Of a Gemm's A and B.
    pub fn gemm(a: &[usize], shape: &[usize], trans_a: bool, trans_b: bool) -> Product {
        let (rows, columns) = (shape[0], shape[1]);
        let inner = a[if trans_a { 0 } else { 1 }];
        let (row, along_a) = if trans_a { (1, rows) } else { (inner, 1) };
        let (column, along_b) = if trans_b { (inner, 1) } else { (1, columns) };
        let along = (along_a, along_b);
        Product { left: vec![0], right: vec![0], rows, columns, inner, row, column, along }
    }

    /// Of numpy's matmul.
    pub fn matmul(a: &[usize], b: &[usize], shape: &[usize]) -> Product {
        let left = if let [k] = a { vec![1, *k] } else { a.to_vec() };
        let right = if let [k] = b { vec![*k, 1] } else { b.to_vec() };
        let (rows, inner) = (left[left.len() - 2], left[left.len() - 1]);
        let columns = right[right.len() - 1];
        // Leading dimensions of the result, before those that one-dimensional operands drop.
        let dropped = usize::from(a.len() != 1) + usize::from(b.len() != 1);
        let batch = &shape[..shape.len() - dropped];
        let starts = |of: &[usize], size: usize| -> Vec<usize> {
            broadcast(&of[..of.len() - 2], batch).into_iter().map(|group| group * size).collect()
        };
        Product {
            left: starts(&left, rows * inner),
            right: starts(&right, inner * columns),
            rows,
            columns,
            inner,
            row: inner,
            column: 1,
            along: (1, columns),
        }
    }

    /// Number of results.
    pub fn len(&self) -> usize {
        self.left.len() * self.rows * self.columns
    }

    /// The matrix that maps the varying side to the results; `weights` are the other side's elements.
    ///
    /// # Errors
    ///
    /// If it has too many entries.
    fn maps(
        &self,
        node: &Node,
        left_varies: bool,
        weights: &dyn Fn(usize) -> Weight,
    ) -> Result<(Rows, Rows), Error> {
        let (starts, count, step, along) = match left_varies {
            true => (&self.right, self.columns, self.column, self.along.1),
            false => (&self.left, self.rows, self.row, self.along.0),
        };
        let mut collector = Collector::new();
        let mut kept: Option<(usize, Vec<Sparse>)> = None;
        for group in 0..self.left.len() {
            // The rows or columns of the constant side, without what is zero, are the same for all of
            // the other side.
            let start = starts[group];
            if kept.as_ref().is_none_or(|(at, _)| *at != start) {
                let vectors = self.sparse(start, count, step, along, weights);
                let copies = if left_varies { self.rows } else { self.columns };
                let size: usize = vectors.iter().map(Vec::len).sum();
                let entries = size.saturating_mul(copies).saturating_mul(self.left.len());
                limit(node, "weights", entries, MOST_ENTRIES)?;
                kept = Some((start, vectors));
            }
            let Some((_, vectors)) = &kept else { continue };
            for i in 0..self.rows {
                for j in 0..self.columns {
                    let (first, along, vector) = match left_varies {
                        true => (self.left[group] + i * self.row, self.along.0, &vectors[j]),
                        false => (self.right[group] + j * self.column, self.along.1, &vectors[i]),
                    };
                    for (t, weight) in vector {
                        collector.push((first + t * along) as u32, *weight);
                    }
                    collector.end_row();
                }
            }
        }
        Ok(collector.finish())
    }

    /// For each of `count` vectors of a matrix, its elements that are not zero, in ascending order.
    fn sparse(
        &self,
        start: usize,
        count: usize,
        step: usize,
        along: usize,
        weights: &dyn Fn(usize) -> Weight,
    ) -> Vec<Sparse> {
        let mut vectors = vec![Sparse::new(); count];
        let mut visit = |k: usize, t: usize| {
            let weight = weights(start + k * step + t * along);
            if weight != (0.0, 0.0) {
                vectors[k].push((t, weight));
            }
        };
        // In the order in which the matrix is stored.
        if step <= along {
            (0..self.inner).for_each(|t| (0..count).for_each(|k| visit(k, t)));
        } else {
            (0..count).for_each(|k| (0..self.inner).for_each(|t| visit(k, t)));
        }
        vectors
    }
}

impl Lowering<'_> {
    /// `alpha A' B' + beta C`, with A or B constant; `None` if neither is.
    ///
    /// # Errors
    ///
    /// If the matrix has too many entries.
    pub fn constant_gemm(
        &mut self,
        node: &Node,
        (alpha, beta): (f64, f64),
        trans: (bool, bool),
    ) -> Result<Option<Expression>, Error> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let product = Product::gemm(self.operand(node, 0).shape, shape, trans.0, trans.1);
        let Some(part) = self.constant_side(node, &product, alpha)? else { return Ok(None) };
        let mut parts = vec![part];
        let mut constants = Vec::new();
        if node.inputs.len() > 2 {
            let (part, constant) = self.third(node, beta);
            parts.extend(part);
            constants.extend(constant);
        }
        Ok(Some(self.combine(parts, &constants, product.len())))
    }

    /// The summand `beta C` of a Gemm.
    pub fn third(&mut self, node: &Node, beta: f64) -> (Option<Part>, Option<Vec<f64>>) {
        let c = self.operand(node, 2);
        let map = broadcast(c.shape, &self.graph.value(node.outputs[0]).shape);
        // A float32 times a float32 is exact in float64; a float64 times one is left to composition.
        let exact = |tensor: &&Tensor| beta == 1.0 || tensor.element() == ElementType::F32;
        match c.constant.filter(exact) {
            Some(tensor) => (None, Some(map.iter().map(|i| beta * tensor.float(*i)).collect())),
            None if beta == 0.0 => (None, None),
            None => {
                let rows = Rows::scaled_picks(map, beta);
                (Some(Part::exact(Of::Value(node.inputs[2]), rows)), None)
            }
        }
    }

    /// numpy's matmul, with one side constant; `None` if neither is.
    ///
    /// # Errors
    ///
    /// If the matrix has too many entries.
    pub fn constant_matmul(&mut self, node: &Node) -> Result<Option<Expression>, Error> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let (a, b) = (self.operand(node, 0), self.operand(node, 1));
        let product = Product::matmul(a.shape, b.shape, shape);
        let Some(part) = self.constant_side(node, &product, 1.0)? else { return Ok(None) };
        Ok(Some(self.combine(vec![part], &[], product.len())))
    }

    /// A matrix product as a map of the side that varies.
    fn constant_side(
        &self,
        node: &Node,
        product: &Product,
        factor: f64,
    ) -> Result<Option<Part>, Error> {
        let operands = [self.operand(node, 0), self.operand(node, 1)];
        let Some(known) = operands.iter().position(Operand::is_known) else { return Ok(None) };
        let weights = &operands[known];
        let single = match weights.constant.map(|tensor| &tensor.data) {
            Some(TensorData::F32(data)) if factor == 1.0 => Some(data),
            _ => None,
        };
        let maps = match single {
            Some(data) => product.maps(node, known == 1, &|at| (f64::from(data[at]), 0.0))?,
            None => product.maps(node, known == 1, &|at| weights.weight(at, factor))?,
        };
        Ok(Some(Part::new(Of::Value(node.inputs[1 - known]), maps)))
    }

    /// The sum over axes.
    pub fn reduce_sum(&mut self, node: &Node, axes: &[usize]) -> Expression {
        self.reduce_linear(node, axes, (1.0, 0.0))
    }

    /// The mean over axes.
    pub fn reduce_mean(&mut self, node: &Node, axes: &[usize]) -> Expression {
        let shape = self.operand(node, 0).shape;
        let count: usize = axes.iter().map(|axis| shape[*axis]).product();
        self.reduce_linear(node, axes, reciprocal(Interval::point(count as f64)))
    }

    fn reduce_linear(&mut self, node: &Node, axes: &[usize], factor: Weight) -> Expression {
        let groups = groups(self.operand(node, 0).shape, axes);
        self.sums(Of::Value(node.inputs[0]), &groups, factor)
    }

    /// For each group of ascending elements, a factor times their sum.
    pub fn sums(&mut self, of: Of, groups: &[Vec<usize>], factor: Weight) -> Expression {
        let mut collector = Collector::new();
        for group in groups {
            group.iter().for_each(|element| collector.push(*element as u32, factor));
            collector.end_row();
        }
        self.combine(vec![Part::new(of, collector.finish())], &[], groups.len())
    }

    /// Sums of the elements up to each one along an axis.
    ///
    /// # Errors
    ///
    /// If there are too many summands.
    pub fn cum_sum(
        &mut self,
        node: &Node,
        axis: usize,
        exclusive: bool,
        reverse: bool,
    ) -> Result<Expression, Error> {
        let shape = self.operand(node, 0).shape;
        let (outer, dim, inner) = around(shape, axis);
        limit(node, "summands", self.graph.value(node.inputs[0]).len() * dim, MOST_ENTRIES)?;
        let mut rows = Rows::new();
        for before in 0..outer {
            for place in 0..dim {
                let skipped = usize::from(exclusive);
                let range = match reverse {
                    true => (place + skipped).min(dim)..dim,
                    false => 0..(place + 1 - skipped),
                };
                for behind in 0..inner {
                    for other in range.clone() {
                        rows.push(((before * dim + other) * inner + behind) as u32, 1.0);
                    }
                    rows.end_row();
                }
            }
        }
        let len = rows.len();
        Ok(self.combine(vec![Part::exact(Of::Value(node.inputs[0]), rows)], &[], len))
    }

    /// The scores `x * weights + intercepts` of a linear model, row by row.
    pub fn scores(&mut self, node: &Node, weights: &[f32], intercepts: &[f32]) -> Expression {
        let shape = self.operand(node, 0).shape;
        let columns = shape.last().copied().unwrap_or(1).max(1);
        let count = shape.iter().product::<usize>() / columns;
        let (mut rows, mut bias) = (Rows::new(), Vec::new());
        for at in 0..count {
            for (weights, intercept) in weights.chunks(columns).zip(intercepts) {
                for (column, weight) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                    rows.push((at * columns + column) as u32, f64::from(*weight));
                }
                rows.end_row();
                bias.push(f64::from(*intercept));
            }
        }
        let len = rows.len();
        self.combine(vec![Part::exact(Of::Value(node.inputs[0]), rows)], &[bias], len)
    }

    /// `(x - offset) * scale`; one number for all elements or one per element of the last axis.
    pub fn scaler(&mut self, node: &Node, offset: &[f32], scale: &[f32]) -> Expression {
        let shape = self.operand(node, 0).shape;
        let columns = shape.last().copied().unwrap_or(1).max(1);
        let of = |list: &[f32], at: usize| {
            Interval::point(f64::from(list[if list.len() == 1 { 0 } else { at % columns }]))
        };
        let len = shape.iter().product();
        let scales: Vec<Interval> = (0..len).map(|at| of(scale, at)).collect();
        let offsets: Vec<Interval> = (0..len).map(|at| of(offset, at)).collect();
        self.offset_and_scaled(node, &offsets, &scales)
    }

    /// `(x - offset) * scale` of each element, with constants for each.
    pub fn offset_and_scaled(
        &mut self,
        node: &Node,
        offsets: &[Interval],
        scales: &[Interval],
    ) -> Expression {
        let mut collector = Collector::new();
        let mut shifts = Vec::with_capacity(scales.len());
        for (at, (offset, scale)) in offsets.iter().zip(scales).enumerate() {
            collector.push(at as u32, super::operand::middle(*scale));
            collector.end_row();
            shifts.push(super::operand::times(offset.neg(), *scale));
        }
        let shift = self.enclosed(&shifts);
        let identity = Rows::identity(scales.len());
        let parts = vec![
            Part::new(Of::Value(node.inputs[0]), collector.finish()),
            Part::exact(Of::Made(shift), identity),
        ];
        self.combine(parts, &[], scales.len())
    }
}
