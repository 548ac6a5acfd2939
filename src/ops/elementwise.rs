//! Lowering of elementwise linear operators: Neg, Add, Sub, and Mul and Div by constants.

use super::{Contribution, Linear, Lines};
use plimsoll_check::graph::Tensor;
use plimsoll_check::number::{Interval, Scalar};

/// An operand: its shape, and its elements if they do not depend on the inputs.
pub(crate) struct Operand<'a> {
    pub shape: &'a [usize],
    /// The elements, if they are stored.
    pub constant: Option<&'a Tensor>,
    /// Enclosures of the elements, if they are constants that no float type holds.
    pub enclosures: Option<&'a [Interval]>,
}

impl Operand<'_> {
    /// Whether the elements are constants.
    pub fn is_known(&self) -> bool {
        self.constant.is_some() || self.enclosures.is_some()
    }

    /// An element of a constant operand; all reals for any other, which no bound survives.
    fn element(&self, index: usize) -> Interval {
        match (self.constant, self.enclosures) {
            (Some(tensor), _) => Interval::point(tensor.float(index)),
            (None, Some(enclosures)) => enclosures[index],
            (None, None) => Interval::ALL,
        }
    }

    /// `factor` times an element of a constant operand, as a float and a bound on its error.
    pub fn weight(&self, index: usize, factor: f64) -> (f64, f64) {
        let element = self.element(index);
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

    /// The reciprocal of an element of a constant operand, as a float and a bound on its error.
    fn reciprocal(&self, index: usize) -> (f64, f64) {
        let element = self.element(index);
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
}

/// A float in an interval, and how far any number of the interval is from it at most.
pub(crate) fn middle(interval: Interval) -> (f64, f64) {
    if interval.lo == interval.hi {
        return (interval.lo, 0.0);
    }
    let value = 0.5 * interval.lo + 0.5 * interval.hi;
    (value, (interval.hi - value).max(value - interval.lo).next_up())
}

/// Lines of coefficients and of bounds on their errors, while they are collected.
#[derive(Default)]
pub(crate) struct Collector {
    lines: Lines,
    errors: Lines,
    rounded: bool,
}

impl Collector {
    /// Begins the next line.
    pub fn begin(&mut self) {
        self.lines.push(Vec::new());
        self.errors.push(Vec::new());
    }

    /// Adds an entry to the line begun last; a coefficient that is exactly zero is left out.
    pub fn push(&mut self, column: u32, (value, error): (f64, f64)) {
        // Written so that an error that is NaN stays.
        let exact = error == 0.0;
        if let Some(line) = self.lines.last_mut().filter(|_| value != 0.0) {
            line.push((column, value));
        }
        if let Some(line) = self.errors.last_mut().filter(|_| !exact) {
            line.push((column, error));
            self.rounded = true;
        }
    }

    /// What the operand at `operand` contributes.
    pub fn finish(self, operand: usize) -> Contribution {
        let errors = if self.rounded { self.errors } else { Vec::new() };
        Contribution { operand, lines: self.lines, errors }
    }
}

/// For each element of `shape`, the flat index of the element of `operand` that broadcasting pairs it
/// with (numpy's rule: shapes are aligned at the end, a dimension of one repeats).
pub(crate) fn broadcast(operand: &[usize], shape: &[usize]) -> Vec<usize> {
    let total: usize = shape.iter().product();
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

/// `sum_i factors[i] * operand_i`, factors being 1 or -1.
pub(crate) fn scaled(operands: &[Operand<'_>], shape: &[usize], factors: &[f64]) -> Linear {
    let mut linear = Linear::default();
    for (position, (operand, factor)) in operands.iter().zip(factors).enumerate() {
        let map = broadcast(operand.shape, shape);
        match operand.constant {
            Some(tensor) => {
                linear.constants.push(map.iter().map(|i| factor * tensor.float(*i)).collect());
            }
            None => linear.contributions.push(Contribution {
                operand: position,
                lines: map.iter().map(|i| vec![(*i as u32, *factor)]).collect(),
                errors: Vec::new(),
            }),
        }
    }
    linear
}

/// The product of an operand and a constant.
pub(crate) fn product(operands: &[Operand<'_>], shape: &[usize]) -> Linear {
    let position = operands.iter().position(|o| !o.is_known()).unwrap_or(0);
    let maps: Vec<Vec<usize>> = operands.iter().map(|o| broadcast(o.shape, shape)).collect();
    let factor = &operands[1 - position];
    let mut collector = Collector::default();
    for (i, j) in maps[position].iter().zip(&maps[1 - position]) {
        collector.begin();
        collector.push(*i as u32, factor.weight(*j, 1.0));
    }
    Linear { contributions: vec![collector.finish(position)], constants: Vec::new() }
}

/// The quotient of an operand and a constant without zeros.
pub(crate) fn quotient(operands: &[Operand<'_>], shape: &[usize]) -> Linear {
    let (from, by) = (broadcast(operands[0].shape, shape), broadcast(operands[1].shape, shape));
    let mut collector = Collector::default();
    for (i, j) in from.iter().zip(&by) {
        collector.begin();
        collector.push(*i as u32, operands[1].reciprocal(*j));
    }
    Linear { contributions: vec![collector.finish(0)], constants: Vec::new() }
}
