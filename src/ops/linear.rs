//! Lowering of Gemm, MatMul and ReduceSum.

use super::elementwise::{Collector, Operand, broadcast};
use super::{Contribution, Linear};
use plimsoll_check::graph::{ElementType, Tensor};

/// `alpha A' B' + beta C`, with A or B constant.
pub(crate) fn gemm(
    operands: &[Operand<'_>],
    shape: &[usize],
    (alpha, beta): (f64, f64),
    (trans_a, trans_b): (bool, bool),
) -> Linear {
    let (m, n) = (shape[0], shape[1]);
    let inner = operands[0].shape[if trans_a { 0 } else { 1 }];
    let a = |i: usize, t: usize| if trans_a { t * m + i } else { i * inner + t };
    let b = |t: usize, j: usize| if trans_b { j * inner + t } else { t * n + j };
    let mut linear = Linear::default();
    linear
        .contributions
        .push(products(operands, m * n, inner, |out, t| (a(out / n, t), b(t, out % n), alpha)));
    if let Some(c) = operands.get(2) {
        let map = broadcast(c.shape, shape);
        // A float32 times a float32 is exact in float64; a float64 times one is left to composition.
        let exact = |tensor: &&Tensor| beta == 1.0 || tensor.element() == ElementType::F32;
        match c.constant.filter(exact) {
            Some(tensor) => {
                linear.constants.push(map.iter().map(|i| beta * tensor.float(*i)).collect());
            }
            None => linear.contributions.push(Contribution {
                operand: 2,
                lines: map.iter().map(|i| vec![(*i as u32, beta)]).collect(),
                errors: Vec::new(),
            }),
        }
    }
    linear
}

/// numpy's matmul, with one side constant.
pub(crate) fn matmul(operands: &[Operand<'_>], shape: &[usize]) -> Linear {
    let left: Vec<usize> = match operands[0].shape {
        [k] => vec![1, *k],
        shape => shape.to_vec(),
    };
    let right: Vec<usize> = match operands[1].shape {
        [k] => vec![*k, 1],
        shape => shape.to_vec(),
    };
    let (m, inner) = (left[left.len() - 2], left[left.len() - 1]);
    let n = right[right.len() - 1];
    // Leading dimensions of the result, before those that one-dimensional operands drop.
    let mut dropped = 0;
    dropped += usize::from(operands[0].shape.len() != 1);
    dropped += usize::from(operands[1].shape.len() != 1);
    let batch = &shape[..shape.len() - dropped];
    let (from_left, from_right) =
        (broadcast(&left[..left.len() - 2], batch), broadcast(&right[..right.len() - 2], batch));
    let total: usize = from_left.len() * m * n;
    let contribution = products(operands, total, inner, |out, t| {
        let (group, i, j) = (out / (m * n), out / n % m, out % n);
        (
            from_left[group] * m * inner + i * inner + t,
            from_right[group] * inner * n + t * n + j,
            1.0,
        )
    });
    Linear { contributions: vec![contribution], constants: Vec::new() }
}

/// Lines of a bilinear operator whose other side is constant: `place(out, t)` gives, for summand `t`
/// of a result, the elements of both sides and a factor.
fn products(
    operands: &[Operand<'_>],
    results: usize,
    inner: usize,
    place: impl Fn(usize, usize) -> (usize, usize, f64),
) -> Contribution {
    let left_varies = !operands[0].is_known();
    let weights = &operands[usize::from(left_varies)];
    let mut collector = Collector::default();
    for out in 0..results {
        collector.begin();
        for t in 0..inner {
            let (i, j, factor) = place(out, t);
            let (variable, stored) = if left_varies { (i, j) } else { (j, i) };
            collector.push(variable as u32, weights.weight(stored, factor));
        }
    }
    collector.finish(usize::from(!left_varies))
}

/// The sum over axes.
pub(crate) fn reduce_sum(operands: &[Operand<'_>], axes: &[usize]) -> Linear {
    let shape = operands[0].shape;
    let kept: Vec<usize> =
        shape.iter().enumerate().map(|(a, d)| if axes.contains(&a) { 1 } else { *d }).collect();
    let results: usize = kept.iter().product();
    let mut lines = vec![Vec::new(); results];
    for (element, result) in broadcast(&kept, shape).into_iter().enumerate() {
        lines[result].push((element as u32, 1.0));
    }
    let contributions = vec![Contribution { operand: 0, lines, errors: Vec::new() }];
    Linear { contributions, constants: Vec::new() }
}
