//! The interval step through an affine node.

use super::{Bounds, NodeBounds, Workspace};
use crate::kernel::rounding::{UNIT, gamma, underflow};
use crate::net::Term;

/// Encloses `sum_t W_t x_t + bias + e` for `count` boxes, from enclosures of the `x_t`, where
/// `|e| <= sum_t D_t |x_t|` with the maps of `slack`.
///
/// With centre `c` and radius `r` of each operand, the exact value differs from the computed
/// `c' = W c + b` by at most `|W| r + gamma (|W| |c| + |b|)`; the second part is folded into the
/// radius before the one product in magnitudes (ALGORITHMS of interval arithmetic: Rump 2010, 9.2).
pub fn enclose(
    terms: &[Term],
    bias: &[f64],
    slack: &[Term],
    bounds: &Bounds,
    count: usize,
    work: &mut Workspace,
) -> NodeBounds {
    let len = bias.len();
    let summed: usize = terms.iter().chain(slack).map(|t| t.map.columns() + 1).sum::<usize>() + 1;
    let charge = gamma(summed + 2);
    let mut centre = work.take(count * len);
    let mut radius = work.take(count * len);
    for b in 0..count {
        centre[b * len..(b + 1) * len].copy_from_slice(bias);
        for (r, value) in radius[b * len..(b + 1) * len].iter_mut().zip(bias) {
            *r = charge * value.abs();
        }
    }
    for term in terms {
        let source = &bounds[term.from];
        let mut c = work.take(source.lower.len());
        let mut r = work.take(source.lower.len());
        for i in 0..c.len() {
            let (lower, upper) = (source.lower[i], source.upper[i]);
            let middle = 0.5 * lower + 0.5 * upper;
            let reach = (upper - middle).max(middle - lower);
            // The subtraction and the sum below round three times; 8 units cover them.
            c[i] = middle;
            r[i] = (reach + charge * middle.abs()) * (1.0 + 8.0 * UNIT) + f64::MIN_POSITIVE;
        }
        term.map.push_forward(&c, count, &mut centre, true);
        term.map.push_magnitude(&r, count, &mut radius, true);
        work.give(c);
        work.give(r);
    }
    for term in slack {
        let source = &bounds[term.from];
        let magnitude: Vec<f64> =
            source.lower.iter().zip(&source.upper).map(|(l, u)| l.abs().max(u.abs())).collect();
        term.map.push_magnitude(&magnitude, count, &mut radius, true);
    }
    let floor = underflow(summed, 1.0);
    let mut lower = work.take(count * len);
    let mut upper = work.take(count * len);
    for i in 0..count * len {
        let around = radius[i] * (1.0 + charge) * (1.0 + 4.0 * UNIT) + floor;
        let outward = around + 4.0 * UNIT * (centre[i].abs() + around);
        lower[i] = centre[i] - outward;
        upper[i] = centre[i] + outward;
        if !(lower[i] <= upper[i]) {
            // An overflow on the way: nothing is known.
            lower[i] = f64::NEG_INFINITY;
            upper[i] = f64::INFINITY;
        }
    }
    work.give(centre);
    work.give(radius);
    NodeBounds { lower, upper }
}
