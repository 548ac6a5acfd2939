//! Convolutions of two-dimensional fields as linear maps, never written out as matrices.
//!
//! One vector is unfolded into columns of patches (or folded back), so that the work is a matrix product
//! with the small matrix of the filters.

use crate::kernel::{Layout, product};

/// Channels, height and width of a field, row-major.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Field {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where the filters are laid: numbers for rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Height and width of a filter.
    pub kernel: [usize; 2],
    /// Distance between neighbouring patches.
    pub stride: [usize; 2],
    /// Distance between neighbouring elements of a patch.
    pub dilation: [usize; 2],
    /// Zeros before the first row and column; may be more than a filter holds.
    pub before: [usize; 2],
}

/// A convolution without bias: `out[o, p] = sum_{c, q} w[o, c, q] in[c, stride p + dilation q - before]`,
/// what lies outside the field counting as zero.
#[derive(Debug, Clone)]
pub struct Convolution {
    from: Field,
    to: Field,
    groups: usize,
    placement: Placement,
    weights: Filters,
    magnitudes: Filters,
    /// Products of one application that meet no padding.
    multiply_adds: usize,
}

/// Filters as a matrix, and transposed, group by group.
#[derive(Debug, Clone)]
struct Filters {
    /// `out channels x (in channels / groups * kernel)`.
    rows: Vec<f64>,
    /// Per group `(in channels / groups * kernel) x (out channels / groups)`.
    transposed: Vec<f64>,
}

impl Filters {
    fn new(rows: Vec<f64>, outputs: usize, groups: usize) -> Filters {
        let depth = rows.len() / outputs.max(1);
        let each = outputs / groups;
        let mut transposed = vec![0.0; rows.len()];
        for group in 0..groups {
            for o in 0..each {
                for k in 0..depth {
                    transposed[group * each * depth + k * each + o] =
                        rows[(group * each + o) * depth + k];
                }
            }
        }
        Filters { rows, transposed }
    }
}

impl Convolution {
    /// The convolution with these filters, `[out channels, in channels / groups, kernel]` row-major.
    ///
    /// # Panics
    /// If the numbers of channels or of weights do not fit each other.
    pub fn new(
        from: Field,
        to: Field,
        groups: usize,
        placement: Placement,
        weights: Vec<f64>,
    ) -> Convolution {
        let depth = from.channels / groups * placement.kernel[0] * placement.kernel[1];
        assert_eq!(from.channels % groups, 0);
        assert_eq!(to.channels % groups, 0);
        assert_eq!(weights.len(), to.channels * depth);
        let magnitudes = weights.iter().map(|w: &f64| w.abs()).collect();
        let mut convolution = Convolution {
            from,
            to,
            groups,
            placement,
            weights: Filters::new(weights, to.channels, groups),
            magnitudes: Filters::new(magnitudes, to.channels, groups),
            multiply_adds: 0,
        };
        let mut inside = 0;
        convolution.visit(|_, _| inside += 1);
        convolution.multiply_adds = inside * (from.channels / groups) * to.channels;
        convolution
    }

    /// Length of the result.
    pub fn rows(&self) -> usize {
        self.to.len()
    }

    /// Length of the operand.
    pub fn columns(&self) -> usize {
        self.from.len()
    }

    /// Multiply-adds of one application, padding left out.
    pub fn multiply_adds(&self) -> usize {
        self.multiply_adds
    }

    fn patch(&self) -> usize {
        self.placement.kernel[0] * self.placement.kernel[1]
    }

    fn area(&self) -> usize {
        self.to.height * self.to.width
    }

    /// Calls `visit(kernel position * area + patch, position in a channel)` for every element of every patch
    /// that lies inside the field.
    fn visit(&self, mut visit: impl FnMut(usize, usize)) {
        let Placement { kernel, stride, dilation, before } = self.placement;
        for ky in 0..kernel[0] {
            for kx in 0..kernel[1] {
                let q = (ky * kernel[1] + kx) * self.area();
                for oy in 0..self.to.height {
                    let y = oy * stride[0] + ky * dilation[0];
                    if y < before[0] || y - before[0] >= self.from.height {
                        continue;
                    }
                    let line = (y - before[0]) * self.from.width;
                    for ox in 0..self.to.width {
                        let x = ox * stride[1] + kx * dilation[1];
                        if x >= before[1] && x - before[1] < self.from.width {
                            visit(q + oy * self.to.width + ox, line + x - before[1]);
                        }
                    }
                }
            }
        }
    }

    /// The nonzero entries of row `k`, as `(column, value)`, columns increasing.
    pub fn row(&self, k: usize) -> Vec<(u32, f64)> {
        let mut entries = Vec::new();
        self.visit_row(k, |column, value| entries.push((column as u32, value)));
        entries.sort_by_key(|entry| entry.0);
        entries
    }

    /// Adds `factor` times row `k` to `out`.
    pub fn add_row(&self, k: usize, factor: f64, out: &mut [f64]) {
        self.visit_row(k, |column, value| out[column] += factor * value);
    }

    fn visit_row(&self, k: usize, mut visit: impl FnMut(usize, f64)) {
        let Placement { kernel, stride, dilation, before } = self.placement;
        let (o, p) = (k / self.area(), k % self.area());
        let (oy, ox) = (p / self.to.width, p % self.to.width);
        let each = self.from.channels / self.groups;
        let first = o / (self.to.channels / self.groups) * each;
        let filter = &self.weights.rows[o * each * self.patch()..(o + 1) * each * self.patch()];
        for c in 0..each {
            for ky in 0..kernel[0] {
                let y = oy * stride[0] + ky * dilation[0];
                if y < before[0] || y - before[0] >= self.from.height {
                    continue;
                }
                for kx in 0..kernel[1] {
                    let x = ox * stride[1] + kx * dilation[1];
                    let value = filter[c * self.patch() + ky * kernel[1] + kx];
                    if x < before[1] || x - before[1] >= self.from.width || value == 0.0 {
                        continue;
                    }
                    let line = (first + c) * self.from.height + y - before[0];
                    visit(line * self.from.width + x - before[1], value);
                }
            }
        }
    }

    /// The nonzero entries of column `k`, as `(row, value)`, rows increasing.
    pub fn column(&self, k: usize) -> Vec<(u32, f64)> {
        let mut entries = Vec::new();
        self.visit_column(k, |row, value| entries.push((row as u32, value)));
        entries.sort_by_key(|entry| entry.0);
        entries
    }

    /// Adds `factor` times column `k` to `out`.
    pub fn add_column(&self, k: usize, factor: f64, out: &mut [f64]) {
        self.visit_column(k, |row, value| out[row] += factor * value);
    }

    fn visit_column(&self, k: usize, mut visit: impl FnMut(usize, f64)) {
        let Placement { kernel, stride, dilation, before } = self.placement;
        let field = self.from.height * self.from.width;
        let (channel, at) = (k / field, k % field);
        let (y, x) = (at / self.from.width, at % self.from.width);
        let (inner, outer) = (self.from.channels / self.groups, self.to.channels / self.groups);
        let (group, c) = (channel / inner, channel % inner);
        // The patch, if any, of which place `q` along an axis lies on element `at`.
        let patch = |axis: usize, at: usize, q: usize, count: usize| {
            let shifted = (at + before[axis]).checked_sub(q * dilation[axis])?;
            let patch = shifted / stride[axis];
            (shifted % stride[axis] == 0 && patch < count).then_some(patch)
        };
        for ky in 0..kernel[0] {
            let Some(oy) = patch(0, y, ky, self.to.height) else { continue };
            for kx in 0..kernel[1] {
                let Some(ox) = patch(1, x, kx, self.to.width) else { continue };
                for o in group * outer..(group + 1) * outer {
                    let place = (o * inner + c) * self.patch() + ky * kernel[1] + kx;
                    let value = self.weights.rows[place];
                    if value != 0.0 {
                        visit(o * self.area() + oy * self.to.width + ox, value);
                    }
                }
            }
        }
    }

    /// `out = left W` or `+=` for `count` row vectors of length [`Convolution::rows`].
    pub fn pull_back(&self, left: &[f64], count: usize, out: &mut [f64], accumulate: bool) {
        self.pull(&self.weights.transposed, left, count, out, accumulate);
    }

    /// As [`Convolution::pull_back`] with the absolute values of the weights.
    pub fn pull_magnitude(&self, left: &[f64], count: usize, out: &mut [f64], accumulate: bool) {
        self.pull(&self.magnitudes.transposed, left, count, out, accumulate);
    }

    fn pull(
        &self,
        transposed: &[f64],
        left: &[f64],
        count: usize,
        out: &mut [f64],
        accumulate: bool,
    ) {
        if !accumulate {
            out.fill(0.0);
        }
        let (area, patch) = (self.area(), self.patch());
        let inner = self.from.channels / self.groups;
        let outer = self.to.channels / self.groups;
        let field = self.from.height * self.from.width;
        let mut columns = vec![0.0; inner * patch * area];
        let vectors = left.chunks_exact(self.rows()).zip(out.chunks_exact_mut(self.columns()));
        for (left, out) in vectors.take(count) {
            for group in 0..self.groups {
                let a = &left[group * outer * area..(group + 1) * outer * area];
                if a.iter().all(|a| *a == 0.0) {
                    continue;
                }
                let size = inner * patch * outer;
                let filters = &transposed[group * size..(group + 1) * size];
                let shape = (inner * patch, outer, area);
                product(&mut columns, filters, a, shape, Layout::Plain, false);
                let fields = out[group * inner * field..].chunks_exact_mut(field);
                for (to, from) in fields.zip(columns.chunks_exact(patch * area)) {
                    self.visit(|at, position| to[position] += from[at]);
                }
            }
        }
    }

    /// `out = x W^T` or `+=` for `count` row vectors of length [`Convolution::columns`].
    pub fn push_forward(&self, x: &[f64], count: usize, out: &mut [f64], accumulate: bool) {
        self.push(&self.weights.rows, x, count, out, accumulate);
    }

    /// As [`Convolution::push_forward`] with the absolute values of the weights.
    pub fn push_magnitude(&self, x: &[f64], count: usize, out: &mut [f64], accumulate: bool) {
        self.push(&self.magnitudes.rows, x, count, out, accumulate);
    }

    fn push(&self, filters: &[f64], x: &[f64], count: usize, out: &mut [f64], accumulate: bool) {
        let (area, patch) = (self.area(), self.patch());
        let inner = self.from.channels / self.groups;
        let outer = self.to.channels / self.groups;
        let field = self.from.height * self.from.width;
        // What lies in the padding stays zero throughout.
        let mut columns = vec![0.0; inner * patch * area];
        let vectors = x.chunks_exact(self.columns()).zip(out.chunks_exact_mut(self.rows()));
        for (x, out) in vectors.take(count) {
            for group in 0..self.groups {
                let fields = x[group * inner * field..].chunks_exact(field);
                for (to, from) in columns.chunks_exact_mut(patch * area).zip(fields) {
                    self.visit(|at, position| to[at] = from[position]);
                }
                let size = outer * inner * patch;
                let filters = &filters[group * size..(group + 1) * size];
                let shape = (outer, inner * patch, area);
                let out = &mut out[group * outer * area..(group + 1) * outer * area];
                product(out, filters, &columns, shape, Layout::Plain, accumulate);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::LinearMap;
    use proptest::prelude::*;

    /// Small integers, on which float arithmetic is exact.
    fn numbers(count: usize, seed: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * 7 + seed * 13) % 11) as f64 - 5.0).collect()
    }

    proptest! {
        #[test]
        fn a_convolution_is_the_matrix_of_its_rows(
            (groups, inner, outer) in (1usize..3, 1usize..3, 1usize..3),
            (height, width) in (1usize..6, 1usize..6),
            kernel in [1usize..4, 1usize..4], stride in [1usize..3, 1usize..3],
            dilation in [1usize..3, 1usize..3], before in [0usize..3, 0usize..3],
            after in [0usize..3, 0usize..3], seed in 0usize..100,
        ) {
            let from = Field { channels: groups * inner, height, width };
            let length = |i: usize, full: usize| {
                let reach = dilation[i] * (kernel[i] - 1) + 1;
                (full + before[i] + after[i]).checked_sub(reach).map(|rest| rest / stride[i] + 1)
            };
            let (Some(h), Some(w)) = (length(0, height), length(1, width)) else { return Ok(()) };
            let to = Field { channels: groups * outer, height: h, width: w };
            let placement = Placement { kernel, stride, dilation, before };
            let weights = numbers(groups * outer * inner * kernel[0] * kernel[1], seed);
            let convolution = Convolution::new(from, to, groups, placement, weights);
            let lines: Vec<_> = (0..to.len()).map(|k| convolution.row(k)).collect();
            let matrix = LinearMap::from_rows(from.len(), &lines);
            prop_assert!(convolution.multiply_adds() >= lines.iter().map(Vec::len).sum());
            for accumulate in [false, true] {
                let (x, a) = (numbers(2 * from.len(), seed + 1), numbers(2 * to.len(), seed + 2));
                let (mut y, mut v) = (numbers(2 * to.len(), 3), numbers(2 * from.len(), 4));
                let (mut m, mut dense_y, mut dense_v) = (y.clone(), y.clone(), v.clone());
                let mut dense_m = m.clone();
                convolution.push_forward(&x, 2, &mut y, accumulate);
                convolution.push_magnitude(&x, 2, &mut m, accumulate);
                convolution.pull_back(&a, 2, &mut v, accumulate);
                matrix.push_forward(&x, 2, &mut dense_y, accumulate);
                matrix.push_magnitude(&x, 2, &mut dense_m, accumulate);
                matrix.pull_back(&a, 2, &mut dense_v, accumulate);
                prop_assert_eq!(&y, &dense_y);
                prop_assert_eq!(&m, &dense_m);
                prop_assert_eq!(&v, &dense_v);
            }
            let (mut once, mut again) = (vec![1.0; from.len()], vec![1.0; from.len()]);
            convolution.add_row(0, -2.0, &mut once);
            matrix.add_row(0, -2.0, &mut again);
            prop_assert_eq!(once, again);

            let columns = (0..from.len()).map(|k| convolution.column(k)).collect::<Vec<_>>();
            let mut turned = vec![Vec::new(); from.len()];
            for (k, line) in lines.iter().enumerate() {
                line.iter().for_each(|(j, w)| turned[*j as usize].push((k as u32, *w)));
            }
            prop_assert_eq!(&columns, &turned);
            let matrix = LinearMap::from_rows(to.len(), &turned);
            let map = LinearMap::Transposed(convolution);
            prop_assert_eq!((map.rows(), map.columns()), (matrix.rows(), matrix.columns()));
            for accumulate in [false, true] {
                let (x, a) = (numbers(2 * to.len(), seed + 1), numbers(2 * from.len(), seed + 2));
                let (mut y, mut v) = (numbers(2 * from.len(), 3), numbers(2 * to.len(), 4));
                let (mut m, mut dense_y, mut dense_v) = (y.clone(), y.clone(), v.clone());
                let mut dense_m = m.clone();
                map.push_forward(&x, 2, &mut y, accumulate);
                map.push_magnitude(&x, 2, &mut m, accumulate);
                map.pull_back(&a, 2, &mut v, accumulate);
                matrix.push_forward(&x, 2, &mut dense_y, accumulate);
                matrix.push_magnitude(&x, 2, &mut dense_m, accumulate);
                matrix.pull_back(&a, 2, &mut dense_v, accumulate);
                prop_assert_eq!((&y, &m, &v), (&dense_y, &dense_m, &dense_v));
            }
            let (mut once, mut again) = (vec![1.0; to.len()], vec![1.0; to.len()]);
            map.add_row(0, -2.0, &mut once);
            matrix.add_row(0, -2.0, &mut again);
            prop_assert_eq!(once, again);
        }
    }
}
