//! Linear maps, stored densely, by their nonzero entries, or as convolutions and their transposes.

use super::Convolution;
use crate::kernel::{Layout, product};

/// Below this share of nonzero entries the sparse form is the faster one (measured on rows of 64 to
/// 4096 entries: the dense product does about ten times as many multiply-adds a second).
const SPARSE_BELOW: f64 = 0.1;

/// A linear map from `columns` numbers to `rows` numbers.
///
/// Vectors come in blocks of rows (one vector a row, row-major), so that one pass over the weights
/// serves the whole block.
#[derive(Debug, Clone)]
pub enum LinearMap {
    /// All entries.
    Dense {
        /// Length of the result.
        rows: usize,
        /// Length of the operand.
        columns: usize,
        /// Entries, row-major.
        weights: Vec<f64>,
        /// Absolute values of the entries.
        magnitudes: Vec<f64>,
    },
    /// Nonzero entries by row; columns increase within a row.
    Sparse {
        /// Length of the result.
        rows: usize,
        /// Length of the operand.
        columns: usize,
        /// Row `k` has the entries `starts[k]..starts[k + 1]`.
        starts: Vec<usize>,
        /// Column of each entry.
        indices: Vec<u32>,
        /// Value of each entry, not zero.
        entries: Vec<f64>,
    },
    /// A convolution, by its filters.
    Convolution(Convolution),
    /// The transpose of a convolution as a matrix: ONNX's ConvTranspose.
    Transposed(Convolution),
}

impl LinearMap {
    /// The map with these rows of `(column, value)` entries, columns increasing, in the faster form.
    pub fn from_rows(columns: usize, lines: &[Vec<(u32, f64)>]) -> LinearMap {
        let mut starts = vec![0];
        let mut entries = Vec::with_capacity(lines.iter().map(Vec::len).sum());
        for line in lines {
            entries.extend_from_slice(line);
            starts.push(entries.len());
        }
        LinearMap::from_entries(columns, &starts, &entries)
    }

    /// The map whose row `k` has the `(column, value)` entries `starts[k]..starts[k + 1]`, columns
    /// increasing, in the faster form.
    ///
    /// # Panics
    /// If `starts` is empty or reaches beyond the entries.
    pub fn from_entries(columns: usize, starts: &[usize], all: &[(u32, f64)]) -> LinearMap {
        let rows = starts.len() - 1;
        if (all.len() as f64) < SPARSE_BELOW * (rows * columns) as f64 {
            let indices = all.iter().map(|entry| entry.0).collect();
            let entries = all.iter().map(|entry| entry.1).collect();
            return LinearMap::Sparse { rows, columns, starts: starts.to_vec(), indices, entries };
        }
        let mut weights = vec![0.0; rows * columns];
        for k in 0..rows {
            for (column, value) in &all[starts[k]..starts[k + 1]] {
                weights[k * columns + *column as usize] = *value;
            }
        }
        let magnitudes = weights.iter().map(|w: &f64| w.abs()).collect();
        LinearMap::Dense { rows, columns, weights, magnitudes }
    }

    /// Length of the result.
    pub fn rows(&self) -> usize {
        match self {
            LinearMap::Dense { rows, .. } | LinearMap::Sparse { rows, .. } => *rows,
            LinearMap::Convolution(convolution) => convolution.rows(),
            LinearMap::Transposed(convolution) => convolution.columns(),
        }
    }

    /// Length of the operand.
    pub fn columns(&self) -> usize {
        match self {
            LinearMap::Dense { columns, .. } | LinearMap::Sparse { columns, .. } => *columns,
            LinearMap::Convolution(convolution) => convolution.columns(),
            LinearMap::Transposed(convolution) => convolution.rows(),
        }
    }

    /// Multiply-adds of one application.
    pub fn multiply_adds(&self) -> usize {
        match self {
            LinearMap::Dense { weights, .. } => weights.len(),
            LinearMap::Sparse { entries, .. } => entries.len(),
            LinearMap::Convolution(convolution) | LinearMap::Transposed(convolution) => {
                convolution.multiply_adds()
            }
        }
    }

    /// The nonzero entries of row `k`, as `(column, value)`.
    pub fn row(&self, k: usize) -> Vec<(u32, f64)> {
        match self {
            LinearMap::Dense { columns, weights, .. } => weights[k * columns..(k + 1) * columns]
                .iter()
                .enumerate()
                .filter(|(_, w)| **w != 0.0)
                .map(|(j, w)| (j as u32, *w))
                .collect(),
            LinearMap::Sparse { starts, indices, entries, .. } => {
                (starts[k]..starts[k + 1]).map(|e| (indices[e], entries[e])).collect()
            }
            LinearMap::Convolution(convolution) => convolution.row(k),
            LinearMap::Transposed(convolution) => convolution.column(k),
        }
    }

    /// Adds `factor` times row `k` to `out`.
    pub fn add_row(&self, k: usize, factor: f64, out: &mut [f64]) {
        match self {
            LinearMap::Dense { columns, weights, .. } => {
                for (o, w) in out.iter_mut().zip(&weights[k * columns..(k + 1) * columns]) {
                    *o += factor * w;
                }
            }
            LinearMap::Sparse { starts, indices, entries, .. } => {
                for e in starts[k]..starts[k + 1] {
                    out[indices[e] as usize] += factor * entries[e];
                }
            }
            LinearMap::Convolution(convolution) => convolution.add_row(k, factor, out),
            LinearMap::Transposed(convolution) => convolution.add_column(k, factor, out),
        }
    }

    /// `out = left W` (or `+=`) for `count` row vectors of length `rows`: coefficients on the result
    /// become coefficients on the operand. Each element is a sum of at most `rows` products.
    pub fn pull_back(&self, left: &[f64], count: usize, out: &mut [f64], accumulate: bool) {
        match self {
            LinearMap::Dense { rows, columns, weights, .. } => {
                let shape = (count, *rows, *columns);
                product(out, left, weights, shape, Layout::Plain, accumulate);
            }
            LinearMap::Sparse { rows, columns, starts, indices, entries } => {
                if !accumulate {
                    out.fill(0.0);
                }
                for (a, o) in left.chunks_exact(*rows).zip(out.chunks_exact_mut(*columns)) {
                    for (k, coefficient) in a.iter().enumerate() {
                        if *coefficient != 0.0 {
                            for e in starts[k]..starts[k + 1] {
                                o[indices[e] as usize] += coefficient * entries[e];
                            }
                        }
                    }
                }
            }
            LinearMap::Convolution(convolution) => {
                convolution.pull_back(left, count, out, accumulate);
            }
            LinearMap::Transposed(convolution) => {
                convolution.push_forward(left, count, out, accumulate);
            }
        }
    }

    /// `out = x W^T` (or `+=`) for `count` row vectors of length `columns`: the map applied to each.
    /// Each element is a sum of at most `columns` products.
    pub fn push_forward(&self, x: &[f64], count: usize, out: &mut [f64], accumulate: bool) {
        match self {
            LinearMap::Dense { rows, columns, weights, .. } => {
                let shape = (count, *columns, *rows);
                product(out, x, weights, shape, Layout::Transposed, accumulate);
            }
            LinearMap::Sparse { .. } => self.push_sparse(x, count, out, accumulate, |w| w),
            LinearMap::Convolution(convolution) => {
                convolution.push_forward(x, count, out, accumulate);
            }
            LinearMap::Transposed(convolution) => {
                convolution.pull_back(x, count, out, accumulate);
            }
        }
    }

    /// As [`LinearMap::push_forward`] with every entry replaced by its absolute value.
    pub fn push_magnitude(&self, x: &[f64], count: usize, out: &mut [f64], accumulate: bool) {
        match self {
            LinearMap::Dense { rows, columns, magnitudes, .. } => {
                let shape = (count, *columns, *rows);
                product(out, x, magnitudes, shape, Layout::Transposed, accumulate);
            }
            LinearMap::Sparse { .. } => self.push_sparse(x, count, out, accumulate, f64::abs),
            LinearMap::Convolution(convolution) => {
                convolution.push_magnitude(x, count, out, accumulate);
            }
            LinearMap::Transposed(convolution) => {
                convolution.pull_magnitude(x, count, out, accumulate);
            }
        }
    }

    fn push_sparse(
        &self,
        x: &[f64],
        count: usize,
        out: &mut [f64],
        accumulate: bool,
        entry: impl Fn(f64) -> f64,
    ) {
        let LinearMap::Sparse { rows, columns, starts, indices, entries } = self else { return };
        debug_assert_eq!(x.len(), count * columns);
        for (x, o) in x.chunks_exact(*columns).zip(out.chunks_exact_mut(*rows)) {
            for k in 0..*rows {
                let mut sum = if accumulate { o[k] } else { 0.0 };
                for e in starts[k]..starts[k + 1] {
                    sum += entry(entries[e]) * x[indices[e] as usize];
                }
                o[k] = sum;
            }
        }
    }
}
