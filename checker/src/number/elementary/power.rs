//! Square roots and powers.

use super::exponential::exp;
use super::logarithm::ln;
use crate::number::Interval;
use crate::number::ball::Ball;

/// The square root; all reals unless the ball is not negative.
///
/// Of a float `x > 0`, the rounded root `r` is off by a factor `1 + d`, `|d| <= 2^-53`, and Newton's step
/// `r + (x - r^2) / (2 r)` by `d^2 / 2 < 2^-107` of itself, which is no unit. A ball has the roots of its ends' hull.
pub(super) fn sqrt(x: Ball) -> Ball {
    if x.is_zero() {
        return Ball::ZERO;
    }
    if !x.is_positive() {
        return Ball::ALL;
    }
    // An even power of two is split off, so that the middle is a float next to one.
    let even = x.exp & !1;
    let scaled = x.scale(-even - 62);
    let near = scaled.nearest();
    let root = near.sqrt();
    let exact = Ball::exact(root);
    let rest = scaled.sub(exact.square());
    // The step misses the root by (sqrt x - r)^2 / (2 r) <= rest^2 / (2 r^3), at most half of rest^2 as r >= 1.
    let correction = rest.div(exact.scale(1));
    let bound = rest.square().mul(Ball::HALF);
    let missed = Ball { mid: 0, err: bound.mid.unsigned_abs() + bound.err, exp: bound.exp };
    exact.add(correction).add(missed).scale(even / 2 + 31)
}

/// Exponents up to this are done by multiplication.
const MULTIPLIED: f64 = 64.0;

/// Whether `p` is an odd integer.
pub(super) fn is_odd(p: f64) -> bool {
    p.rem_euclid(2.0) == 1.0
}

fn is_integer(p: f64) -> bool {
    p == p.trunc()
}

/// `x^p`; all reals where it is not defined.
pub(super) fn power(x: Ball, p: f64) -> Ball {
    if p == 0.0 {
        return Ball::ONE;
    }
    if x.is_zero() {
        return if p > 0.0 { Ball::ZERO } else { Ball::ALL };
    }
    if p.abs() <= MULTIPLIED && is_integer(p) {
        let mut rest = p.abs() as u32;
        let (mut result, mut square) = (Ball::ONE, x);
        while rest > 0 {
            if rest & 1 == 1 {
                result = result.mul(square);
            }
            rest >>= 1;
            if rest > 0 {
                square = square.square();
            }
        }
        return if p < 0.0 { Ball::ONE.div(result) } else { result };
    }
    if x.is_positive() {
        return if p == 0.5 { sqrt(x) } else { exp(ln(x).mul(Ball::exact(p))) };
    }
    if x.is_negative() && is_integer(p) {
        let magnitude = exp(ln(x.neg()).mul(Ball::exact(p)));
        return if is_odd(p) { magnitude.neg() } else { magnitude };
    }
    Ball::ALL
}

/// `p x^(p - 1)`; all reals where there is no derivative.
pub(super) fn power_slope(x: Ball, p: f64) -> Ball {
    if p == 0.0 {
        return Ball::ZERO;
    }
    if p == 1.0 {
        return Ball::ONE;
    }
    let factor = Ball::exact(p);
    if p.abs() <= MULTIPLIED {
        // The sum is exact, so it shows whether the difference is.
        let less = p - 1.0;
        if less + 1.0 == p {
            return power(x, less).mul(factor);
        }
    }
    match x.is_zero() {
        true if p > 1.0 => Ball::ZERO,
        true => Ball::ALL,
        false => power(x, p).mul(factor).div(x),
    }
}

/// Whether `x^p` is defined on all of an interval.
pub(super) fn is_defined_on(x: Interval, p: f64) -> bool {
    match (is_integer(p), p >= 0.0) {
        (true, true) => true,
        (true, false) => x.lo > 0.0 || x.hi < 0.0,
        (false, true) => x.lo >= 0.0,
        (false, false) => x.lo > 0.0,
    }
}

/// Bounds on `x^p` by sign and, for enclosures that have no upper end, by overflow.
pub(super) fn range(x: f64, p: f64, value: Interval) -> (f64, f64) {
    if x < 0.0 {
        return match (is_integer(p), is_odd(p)) {
            (true, true) => (f64::NEG_INFINITY, 0.0),
            (true, false) => (0.0, f64::INFINITY),
            (false, _) => (f64::NEG_INFINITY, f64::INFINITY),
        };
    }
    if x == 0.0 && p < 0.0 {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    if x > 0.0 && value.hi == f64::INFINITY {
        let exponent = ln(Ball::exact(x)).mul(Ball::exact(p)).interval();
        if exponent.lo > 710.0 {
            return (f64::MAX, f64::INFINITY);
        }
    }
    (0.0, f64::INFINITY)
}

/// The limit of `x^p` at an infinity.
pub(super) fn limit(up: bool, p: f64) -> Interval {
    let point = |value: f64| Interval { lo: value, hi: value };
    if p == 0.0 {
        return point(1.0);
    }
    if !up && !is_integer(p) {
        return Interval::ALL;
    }
    match (p > 0.0, !up && is_odd(p)) {
        (false, _) => point(0.0),
        (true, false) => point(f64::INFINITY),
        (true, true) => point(f64::NEG_INFINITY),
    }
}
