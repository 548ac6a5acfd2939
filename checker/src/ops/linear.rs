//! Matrix products: Gemm and MatMul.

use super::broadcast::{broadcast, stretched_indices, strides};
use super::elementwise::spread;
use super::evaluate::{Data, Elements};
use super::{Application, Op, Reading};
use crate::error::Error;
use crate::graph::TensorData;
use crate::number::Scalar;

pub(super) fn gemm(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(if application.opset >= 11 { 2 } else { 3 }, 3)?;
    let attributes = &mut application.attributes;
    let alpha = attributes.float("alpha")?.unwrap_or(1.0);
    let beta = attributes.float("beta")?.unwrap_or(1.0);
    let trans_a = attributes.int("transA")?.unwrap_or(0) != 0;
    let trans_b = attributes.int("transB")?.unwrap_or(0) != 0;
    application.same_element(&[0, 1, 2])?;
    let (a, b, c) = (application.float(0)?, application.float(1)?, application.optional(2));
    let (&[a_rows, a_columns], &[b_rows, b_columns]) = (a.shape, b.shape) else {
        return Err(application.contradiction(format!(
            "`{}` of shape {:?} and `{}` of shape {:?} are not both matrices",
            a.name, a.shape, b.name, b.shape
        )));
    };
    let (m, k) = if trans_a { (a_columns, a_rows) } else { (a_rows, a_columns) };
    let (k_of_b, n) = if trans_b { (b_columns, b_rows) } else { (b_rows, b_columns) };
    if k != k_of_b {
        return Err(application.contradiction(format!(
            "the inner dimensions {k} of `{}` and {k_of_b} of `{}` differ",
            a.name, b.name
        )));
    }
    let shape = vec![m, n];
    application.count(&shape)?;
    let mut operands = vec![0, 1];
    if let Some(c) = c {
        if broadcast(c.shape, &shape).as_ref() != Some(&shape) {
            return Err(application.contradiction(format!(
                "`{}` of shape {:?} does not broadcast to {shape:?}",
                c.name, c.shape
            )));
        }
        operands.push(2);
    }
    Ok(Reading::node(Op::Gemm { alpha, beta, trans_a, trans_b }, operands, shape))
}

pub(super) fn matmul(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    application.same_element(&[0, 1])?;
    let (a, b) = (application.float(0)?, application.float(1)?);
    let shape = product_shape(a.shape, b.shape).ok_or_else(|| {
        application.contradiction(format!(
            "`{}` of shape {:?} and `{}` of shape {:?} cannot be multiplied",
            a.name, a.shape, b.name, b.shape
        ))
    })?;
    application.count(&shape)?;
    Ok(Reading::node(Op::MatMul, [0, 1], shape))
}

/// A shape as a batch of matrices: leading dimensions, rows, columns.
///
/// As in numpy a vector is one row on the left and one column on the right.
struct Matrices<'a> {
    batch: &'a [usize],
    rows: usize,
    columns: usize,
}

impl<'a> Matrices<'a> {
    fn left(shape: &'a [usize]) -> Option<Matrices<'a>> {
        match shape {
            [] => None,
            [columns] => Some(Matrices { batch: &[], rows: 1, columns: *columns }),
            [batch @ .., rows, columns] => Some(Matrices { batch, rows: *rows, columns: *columns }),
        }
    }

    fn right(shape: &'a [usize]) -> Option<Matrices<'a>> {
        match shape {
            [rows] => Some(Matrices { batch: &[], rows: *rows, columns: 1 }),
            _ => Matrices::left(shape),
        }
    }
}

/// The shape of numpy's `matmul`, or `None` if the shapes do not fit.
fn product_shape(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let (left, right) = (Matrices::left(a)?, Matrices::right(b)?);
    if left.columns != right.rows {
        return None;
    }
    let mut shape = broadcast(left.batch, right.batch)?;
    if a.len() > 1 {
        shape.push(left.rows);
    }
    if b.len() > 1 {
        shape.push(right.columns);
    }
    Some(shape)
}

/// numpy's `matmul` of operands that fit; `shape` is the result's.
pub(super) fn product<S: Scalar>(a: &Data<'_, S>, b: &Data<'_, S>, shape: &[usize]) -> Vec<S> {
    let mut out = vec![S::zero(); shape.iter().product()];
    let (Some(left), Some(right)) = (Matrices::left(a.shape), Matrices::right(b.shape)) else {
        return out;
    };
    let batch = broadcast(left.batch, right.batch).unwrap_or_default();
    let (m, k, n) = (left.rows, left.columns, right.columns);
    let pairs = stretched_indices(left.batch, &batch)
        .into_iter()
        .zip(stretched_indices(right.batch, &batch))
        .enumerate();
    for (at, (of_a, of_b)) in pairs {
        let result = Matrix { first: at * m * n, row: n, column: 1 };
        let x = Matrix { first: of_a as usize * m * k, row: k, column: 1 };
        let y = Matrix { first: of_b as usize * k * n, row: n, column: 1 };
        accumulate(&mut out, result, (a, x), (b, y), Size { m, k, n });
    }
    out
}

/// The attributes of Gemm.
pub(super) struct Gemm {
    pub alpha: f32,
    pub beta: f32,
    pub trans_a: bool,
    pub trans_b: bool,
}

impl Gemm {
    /// `alpha * A' * B' + beta * C`; factors that are one or zero cost no rounding.
    pub fn apply<S: Scalar>(&self, operands: &[Data<'_, S>], shape: &[usize]) -> Vec<S> {
        let (a, b) = (&operands[0], &operands[1]);
        let (m, n) = (shape[0], shape[1]);
        let k = a.shape[if self.trans_a { 0 } else { 1 }];
        let mut out = vec![S::zero(); m * n];
        if self.alpha != 0.0 {
            let result = Matrix { first: 0, row: n, column: 1 };
            let x = Matrix::of(a.shape, self.trans_a);
            let y = Matrix::of(b.shape, self.trans_b);
            accumulate(&mut out, result, (a, x), (b, y), Size { m, k, n });
            scale(&mut out, self.alpha);
        }
        if let Some(c) = operands.get(2).filter(|_| self.beta != 0.0) {
            let mut addend = spread(c, shape);
            if self.beta != 1.0 {
                scale(addend.to_mut(), self.beta);
            }
            for (sum, value) in out.iter_mut().zip(addend.iter()) {
                *sum = sum.add(value);
            }
        }
        out
    }
}

fn scale<S: Scalar>(values: &mut [S], factor: f32) {
    if factor != 1.0 {
        let factor = S::from_stored(f64::from(factor));
        for value in values {
            *value = factor.mul(value);
        }
    }
}

/// Where a matrix lies in a flat array: element (i, j) at `first + i * row + j * column`.
#[derive(Clone, Copy)]
struct Matrix {
    first: usize,
    row: usize,
    column: usize,
}

impl Matrix {
    fn of(shape: &[usize], transposed: bool) -> Matrix {
        let strides = strides(shape);
        let plain = Matrix { first: 0, row: strides[0], column: strides[1] };
        if transposed { plain.transposed() } else { plain }
    }

    fn transposed(self) -> Matrix {
        Matrix { first: self.first, row: self.column, column: self.row }
    }
}

/// An m x k matrix times a k x n matrix.
#[derive(Clone, Copy)]
struct Size {
    m: usize,
    k: usize,
    n: usize,
}

/// Adds the product of two matrices to `out`.
fn accumulate<S: Scalar>(
    out: &mut [S],
    result: Matrix,
    (a, x): (&Data<'_, S>, Matrix),
    (b, y): (&Data<'_, S>, Matrix),
    size: Size,
) {
    match (&a.elements, &b.elements) {
        (_, Elements::Stored(tensor)) => {
            accumulate_stored(out, result, (&a.values(), x), (&tensor.data, y), size);
        }
        (Elements::Stored(tensor), Elements::Values(values)) => {
            // A B = (B^T A^T)^T, so one kernel with the weights on the right is enough.
            let size = Size { m: size.n, n: size.m, ..size };
            let weights = (&tensor.data, x.transposed());
            accumulate_stored(out, result.transposed(), (values, y.transposed()), weights, size);
        }
        (Elements::Values(left), Elements::Values(right)) => {
            for i in 0..size.m {
                for p in 0..size.k {
                    let left = &left[x.first + i * x.row + p * x.column];
                    for j in 0..size.n {
                        let sum = &mut out[result.first + i * result.row + j * result.column];
                        *sum = sum.add(&left.mul(&right[y.first + p * y.row + j * y.column]));
                    }
                }
            }
        }
    }
}

fn accumulate_stored<S: Scalar>(
    out: &mut [S],
    result: Matrix,
    (values, x): (&[S], Matrix),
    (weights, y): (&TensorData, Matrix),
    size: Size,
) {
    match weights {
        TensorData::F32(weights) => kernel(out, result, (values, x), (&weights[..], y), size),
        TensorData::F64(weights) => kernel(out, result, (values, x), (&weights[..], y), size),
        // Products are read on float operands only.
        TensorData::I64(_) | TensorData::I8(_) | TensorData::U8(_) | TensorData::Bool(_) => {}
    }
}

/// `out += values * weights`, each sum in ascending order of the inner index, zero weights skipped.
///
/// The loops are nested so that the innermost one runs along the weights' memory: along a row of
/// weights for many sums at once, or along a column for one sum.
fn kernel<S: Scalar, W: Copy + Into<f64>>(
    out: &mut [S],
    result: Matrix,
    (values, x): (&[S], Matrix),
    (weights, y): (&[W], Matrix),
    Size { m, k, n }: Size,
) {
    let add = |sum: &mut S, value: &S, weight: W| {
        let weight: f64 = weight.into();
        if weight != 0.0 {
            *sum = sum.add(&value.mul(&S::from_stored(weight)));
        }
    };
    for i in 0..m {
        let at_row = result.first + i * result.row;
        let value_at = |p: usize| &values[x.first + i * x.row + p * x.column];
        if y.column == 1 && result.column == 1 {
            let sums = &mut out[at_row..at_row + n];
            for p in 0..k {
                let value = value_at(p);
                let first = y.first + p * y.row;
                for (sum, weight) in sums.iter_mut().zip(&weights[first..first + n]) {
                    add(sum, value, *weight);
                }
            }
        } else {
            for j in 0..n {
                let sum = &mut out[at_row + j * result.column];
                let first = y.first + j * y.column;
                for p in 0..k {
                    add(sum, value_at(p), weights[first + p * y.row]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_shapes_are_numpys() {
        let shape = |a: &[usize], b: &[usize]| product_shape(a, b);
        assert_eq!(shape(&[3], &[3]), Some(vec![]));
        assert_eq!(shape(&[3], &[3, 2]), Some(vec![2]));
        assert_eq!(shape(&[2, 3], &[3]), Some(vec![2]));
        assert_eq!(shape(&[5, 1, 2, 3], &[4, 3, 2]), Some(vec![5, 4, 2, 2]));
        assert_eq!(shape(&[3], &[5, 3, 2]), Some(vec![5, 2]));
        assert_eq!(shape(&[2, 3], &[2, 3]), None);
        assert_eq!(shape(&[], &[3]), None);
        assert_eq!(shape(&[2, 2, 3], &[3, 3, 2]), None);
    }
}
