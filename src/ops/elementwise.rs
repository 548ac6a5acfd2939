//! Lowering of elementwise linear operators: Neg, Add, Sub, and Mul and Div by constants.

use super::{Contribution, Linear};
use plimsoll_check::graph::Tensor;

/// An operand: its shape, and its elements if they are stored.
pub(crate) struct Operand<'a> {
    pub shape: &'a [usize],
    pub constant: Option<&'a Tensor>,
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
    let position = operands.iter().position(|o| o.constant.is_none()).unwrap_or(0);
    let maps: Vec<Vec<usize>> = operands.iter().map(|o| broadcast(o.shape, shape)).collect();
    let factor = operands[1 - position].constant;
    let lines = maps[position]
        .iter()
        .zip(&maps[1 - position])
        .map(|(i, j)| match factor.map_or(0.0, |t| t.float(*j)) {
            0.0 => Vec::new(),
            value => vec![(*i as u32, value)],
        })
        .collect();
    let contributions = vec![Contribution { operand: position, lines, errors: Vec::new() }];
    Linear { contributions, constants: Vec::new() }
}

/// The quotient of an operand and a constant without zeros.
pub(crate) fn quotient(operands: &[Operand<'_>], shape: &[usize]) -> Linear {
    let (from, by) = (broadcast(operands[0].shape, shape), broadcast(operands[1].shape, shape));
    let mut exact = true;
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    for (i, j) in from.iter().zip(&by) {
        let divisor = operands[1].constant.map_or(1.0, |t| t.float(*j));
        let reciprocal = 1.0 / divisor;
        lines.push(vec![(*i as u32, reciprocal)]);
        if reciprocal.mul_add(divisor, -1.0) == 0.0 && reciprocal.is_normal() {
            errors.push(Vec::new());
        } else {
            exact = false;
            // The reciprocal is correctly rounded: it errs by half an ulp at most.
            let ulp = reciprocal.abs().next_up() - reciprocal.abs();
            errors.push(vec![(*i as u32, ulp)]);
        }
    }
    if exact {
        errors.clear();
    }
    let contributions = vec![Contribution { operand: 0, lines, errors }];
    Linear { contributions, constants: Vec::new() }
}
