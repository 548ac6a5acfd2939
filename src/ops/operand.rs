//! Operands of the graph's nodes: shapes, constants, and weights as floats with a bound on their error.

use super::compose::{exact_product, exact_sum};
use super::rows::Rows;
use plimsoll_check::graph::Tensor;
use plimsoll_check::number::{Interval, Scalar};
use std::sync::Arc;

/// An operand: its shape, and its elements if they do not depend on the inputs.
pub(crate) struct Operand<'a> {
    pub shape: &'a [usize],
    /// The elements, if they are stored numbers that float64 holds.
    pub constant: Option<&'a Tensor>,
    /// Enclosures of the elements, if they are other constants.
    pub enclosures: Option<Arc<[Interval]>>,
}

/// A weight: a float, and how far the number that is meant may be from it.
pub(crate) type Weight = (f64, f64);

impl Operand<'_> {
    /// Whether the elements are constants.
    pub fn is_known(&self) -> bool {
        self.constant.is_some() || self.enclosures.is_some()
    }

    /// An element of a constant operand; all reals for any other, which no bound survives.
    pub fn element(&self, index: usize) -> Interval {
        match (self.constant, &self.enclosures) {
            (Some(tensor), _) => Interval::point(tensor.float(index)),
            (None, Some(enclosures)) => enclosures[index],
            (None, None) => Interval::ALL,
        }
    }

    /// `factor` times an element of a constant operand.
    pub fn weight(&self, index: usize, factor: f64) -> Weight {
        weight(self.element(index), factor)
    }

    /// The reciprocal of an element of a constant operand.
    pub fn reciprocal(&self, index: usize) -> Weight {
        reciprocal(self.element(index))
    }
}

/// `factor` times a number.
pub(crate) fn weight(element: Interval, factor: f64) -> Weight {
    if element.lo != element.hi {
        return middle(Interval::point(factor).mul(element));
    }
    let value = factor * element.lo;
    // Where the product is this small, its error may itself be no float.
    let trivial = element.lo == 0.0 || factor == 0.0 || factor == 1.0;
    let tiny = value.abs() < 1.0e-250 && !trivial;
    if factor.mul_add(element.lo, -value) == 0.0 && !tiny {
        return (value, 0.0);
    }
    (value, value.abs().next_up() - value.abs())
}

/// The reciprocal of a number.
pub(crate) fn reciprocal(element: Interval) -> Weight {
    if element.lo != element.hi {
        return middle(Scalar::div(&Interval::point(1.0), &element));
    }
    let value = 1.0 / element.lo;
    if value.mul_add(element.lo, -1.0) == 0.0 && value.is_normal() {
        return (value, 0.0);
    }
    // The reciprocal is correctly rounded: it errs by half an ulp at most.
    (value, value.abs().next_up() - value.abs())
}

/// A float in an interval, and how far any number of the interval is from it at most.
pub(crate) fn middle(interval: Interval) -> Weight {
    if interval.lo == interval.hi {
        return (interval.lo, 0.0);
    }
    let value = 0.5 * interval.lo + 0.5 * interval.hi;
    (value, (interval.hi - value).max(value - interval.lo).next_up())
}

/// The product; a single float where both are and it is one.
pub(crate) fn times(a: Interval, b: Interval) -> Interval {
    match (a.lo == a.hi && b.lo == b.hi).then(|| exact_product(a.lo, b.lo)).flatten() {
        Some(product) => Interval::point(product),
        None => a.mul(b),
    }
}

/// The sum; a single float where both are and it is one.
pub(crate) fn plus(a: Interval, b: Interval) -> Interval {
    match (a.lo == a.hi && b.lo == b.hi).then(|| exact_sum(a.lo, b.lo)).flatten() {
        Some(sum) => Interval::point(sum),
        None => a.add(b),
    }
}

/// Rows of coefficients and of bounds on their errors, while they are collected.
pub(crate) struct Collector {
    map: Rows,
    errors: Rows,
}

impl Collector {
    pub fn new() -> Collector {
        Collector { map: Rows::new(), errors: Rows::new() }
    }

    /// Adds an entry to the current row; a coefficient that is exactly zero is left out. Columns increase.
    pub fn push(&mut self, column: u32, (value, error): Weight) {
        // Written so that an error that is NaN stays.
        let exact = error == 0.0;
        if value != 0.0 {
            self.map.push(column, value);
        }
        if !exact {
            self.errors.push(column, error);
        }
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        self.map.end_row();
        self.errors.end_row();
    }

    /// The coefficients, and their errors.
    pub fn finish(self) -> (Rows, Rows) {
        (self.map, self.errors)
    }
}

/// For each element of `shape`, the flat index of the element of `operand` that broadcasting pairs it
/// with (numpy's rule: shapes are aligned at the end, a dimension of one repeats).
pub(crate) fn broadcast(operand: &[usize], shape: &[usize]) -> Vec<usize> {
    let total: usize = shape.iter().product();
    if operand == shape {
        return (0..total).collect();
    }
    let missing = shape.len() - operand.len();
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for axis in (0..operand.len()).rev() {
        if operand[axis] != 1 {
            strides[missing + axis] = stride;
        }
        stride *= operand[axis];
    }
    let mut index = vec![0usize; shape.len()];
    let mut at = 0;
    let mut map = Vec::with_capacity(total);
    for _ in 0..total {
        map.push(at);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    map
}

/// The products of the dimensions before, at and behind an axis.
pub(crate) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

/// For each element of a shape that is reduced over axes, the result that it belongs to; and the number
/// of results.
pub(crate) fn reduced(shape: &[usize], axes: &[usize]) -> (Vec<usize>, usize) {
    let kept: Vec<usize> =
        shape.iter().enumerate().map(|(a, d)| if axes.contains(&a) { 1 } else { *d }).collect();
    let results = kept.iter().product();
    (broadcast(&kept, shape), results)
}

/// For each result of a reduction, the elements that it is made of, in ascending order.
pub(crate) fn groups(shape: &[usize], axes: &[usize]) -> Vec<Vec<usize>> {
    let (targets, results) = reduced(shape, axes);
    let mut groups = vec![Vec::new(); results];
    for (element, target) in targets.into_iter().enumerate() {
        groups[target].push(element);
    }
    groups
}
