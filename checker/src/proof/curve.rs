//! Lines and planes below and above curves and products.

use crate::number::Interval;
use crate::ops::Function;

/// `slope x + right y + offset`; the second variable only for products.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    pub slope: f64,
    pub right: f64,
    pub offset: f64,
}

impl Plane {
    /// Says nothing.
    pub const NONE: Plane = Plane { slope: 0.0, right: 0.0, offset: f64::NAN };
}

/// Rule CURVE: lines below and above a function over a domain. Of a few slopes, the one whose line is
/// nearest in the middle; each offset is proved for its slope.
pub(super) fn lines(function: &Function, domain: Interval) -> [Plane; 2] {
    let Interval { lo, hi } = domain;
    let value = |x: f64| function.approximate(x);
    let middle = 0.5 * lo + 0.5 * hi;
    let reach = (hi - lo) / 1024.0;
    let chord = (value(hi) - value(lo)) / (hi - lo);
    let quotient = |x: f64, y: f64| (value(y) - value(x)) / (y - x);
    let tangent = quotient(middle - reach, middle + reach);
    let (left, right) = (quotient(lo, lo + reach), quotient(hi - reach, hi));
    // Half way between for functions that bend both ways.
    let slopes = [0.0, chord, tangent, left, right, 0.5 * chord + 0.5 * tangent];
    let mut below = Plane::NONE;
    let mut above = Plane::NONE;
    let (mut lowest, mut highest) = (f64::NEG_INFINITY, f64::INFINITY);
    for slope in slopes.into_iter().filter(|slope| slope.is_finite()) {
        let offset = function.lowest_above(slope, domain);
        if slope * middle + offset > lowest {
            lowest = slope * middle + offset;
            below = Plane { slope, right: 0.0, offset };
        }
        let offset = function.highest_below(slope, domain);
        if slope * middle + offset < highest {
            highest = slope * middle + offset;
            above = Plane { slope, right: 0.0, offset };
        }
    }
    [below, above]
}

/// Rule PRODUCT: planes below and above `x y` over a box, McCormick's with the better bound of their own.
pub(super) fn planes(x: Interval, y: Interval) -> [Plane; 2] {
    let below = [(y.lo, x.lo), (y.hi, x.hi)].map(|(p, q)| {
        let plane = Plane { slope: p, right: q, offset: corners(x, y, p, q).lo };
        let own = (p * x.lo).min(p * x.hi) + (q * y.lo).min(q * y.hi) + plane.offset;
        (plane, own)
    });
    let above = [(y.lo, x.hi), (y.hi, x.lo)].map(|(p, q)| {
        let plane = Plane { slope: p, right: q, offset: corners(x, y, p, q).hi };
        let own = (p * x.lo).max(p * x.hi) + (q * y.lo).max(q * y.hi) + plane.offset;
        (plane, own)
    });
    let below = if below[1].1 > below[0].1 { below[1].0 } else { below[0].0 };
    let above = if above[1].1 < above[0].1 { above[1].0 } else { above[0].0 };
    [below, above]
}

/// Bounds on `x y - p x - q y` over a box. It is linear in each variable, so that its extremes are at
/// corners, for any `p` and `q`.
fn corners(x: Interval, y: Interval, p: f64, q: f64) -> Interval {
    let mut all: Option<Interval> = None;
    for x in [x.lo, x.hi] {
        for y in [y.lo, y.hi] {
            let [x, y, p, q] = [x, y, p, q].map(Interval::point);
            let value = x.mul(y).add(p.mul(x).neg()).add(q.mul(y).neg());
            all = Some(match all {
                None => value,
                Some(all) => Interval { lo: all.lo.min(value.lo), hi: all.hi.max(value.hi) },
            });
        }
    }
    all.unwrap_or(Interval::ALL)
}
