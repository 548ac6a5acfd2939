//! sin, cos, tan, atan.

use super::series::{alternating, high_unsigned, inverse_factorials, inverse_odds};
use super::tables::{ATAN, HALF_PI, HALF_PI_LIMBS, TWO_OVER_PI_64};
use crate::number::ball::Ball;

/// Arguments beyond this are not reduced.
pub(super) const LARGEST_ARGUMENT: f64 = 1.0e15;

/// An argument less a multiple of a quarter turn.
struct Reduced {
    /// In `[-0.79, 0.79]`.
    rest: Ball,
    /// The multiple.
    quarters: i64,
}

/// `x - k pi/2` for the `k` that is nearest, or next to it where two are equally near, for `|x| <= 1e15`.
fn reduce(x: f64) -> Reduced {
    let magnitude = x.abs();
    if magnitude <= std::f64::consts::FRAC_PI_4 {
        return Reduced { rest: Ball::exact(x), quarters: 0 };
    }
    // x = mantissa * 2^unit is below 2^50 and unit is in -53..=-3.
    let bits = magnitude.to_bits();
    let mantissa = (bits & ((1 << 52) - 1)) | 1 << 52;
    let unit = (bits >> 52) as i32 - 1075;
    // 2 x / pi is off by 2^53 units of 2^(unit - 64), so by 2^-14 at most: |rest| < (1/2 + 2^-14) pi/2 < 0.7856.
    let turns = u128::from(mantissa) * u128::from(TWO_OVER_PI_64);
    let k = (((turns >> (63 - unit)) + 1) >> 1) as u64;
    let shift = unit + 192;
    // In units of 2^-192, modulo 2^256: x, which is exact, less k floor(pi/2).
    let mut difference = [0u64; 4];
    let (limb, offset) = (shift as usize / 64, shift as u32 % 64);
    let wide = u128::from(mantissa) << offset;
    difference[limb] = wide as u64;
    if limb < 3 {
        difference[limb + 1] = (wide >> 64) as u64;
    }
    let (mut carry, mut borrow) = (0u64, false);
    for (digit, limb) in difference.iter_mut().zip(HALF_PI_LIMBS) {
        let product = u128::from(limb) * u128::from(k) + u128::from(carry);
        carry = (product >> 64) as u64;
        let (first, under) = digit.overflowing_sub(product as u64);
        let (second, under_again) = first.overflowing_sub(u64::from(borrow));
        (*digit, borrow) = (second, under || under_again);
    }
    // The difference is in [-1, 1], so that as a number of 256 bits it has a sign and no overflow.
    let negative = difference[3] >> 63 != 0;
    if negative {
        let mut carry = true;
        for digit in &mut difference {
            (*digit, carry) = (!*digit).overflowing_add(u64::from(carry));
        }
    }
    // k pi/2 is off by less than k units.
    let rest = top_bits(difference, k);
    let k = k as i64;
    match x < 0.0 {
        true => Reduced { rest: if negative { rest } else { rest.neg() }, quarters: -k },
        false => Reduced { rest: if negative { rest.neg() } else { rest }, quarters: k },
    }
}

/// A number of 256 bits in units of `2^-192`, off by at most `error` units.
fn top_bits(limbs: [u64; 4], error: u64) -> Ball {
    let Some(top) = (0..4).rev().find(|k| limbs[*k] != 0) else {
        return Ball::normalised(0, u128::from(error), -192);
    };
    if top == 0 {
        return Ball::normalised(i128::from(limbs[0]), u128::from(error), -192);
    }
    // The two upper limbs without the last bit, so that it is positive; below it less than 2 units are lost.
    let mid = ((u128::from(limbs[top]) << 64 | u128::from(limbs[top - 1])) >> 1) as i128;
    let dropped = 64 * (top as i32 - 1) + 1;
    let error = (u128::from(error) >> dropped.min(127)) + 2;
    Ball::normalised(mid, error, dropped - 192)
}

/// `w = r^2` for `|r| < 1` in units of `2^-64`, and its error in the same units.
fn square(r: Ball) -> Option<(u64, u128)> {
    let (fixed, radius) = r.fixed(64)?;
    let magnitude = u64::try_from(fixed.unsigned_abs()).ok()?;
    // 2 |r| times the radius, its square, and a floor.
    (radius < 1 << 32).then(|| (high_unsigned(magnitude, magnitude), 2 * radius + 2))
}

/// sin of `|r| <= 0.79`: `r S(r^2)`, `S(w) = sum (-w)^k / (2k + 1)!` to `k = 9`.
///
/// With `w <= 0.6242` the rest is less than `w^10 / 21!`, a thousandth of a unit of `2^-62`; the scheme
/// loses less than `2 / (1 - 0.6242) < 5.4` units; `|S'| <= 1/6`, and a unit of `2^-64` is a quarter of one of `2^-62`.
fn sin_near(r: Ball) -> Ball {
    const COEFFICIENTS: [i64; 10] = inverse_factorials(1, 2);
    let Some((w, error)) = square(r) else { return Ball::ALL };
    let s = i128::from(alternating(&COEFFICIENTS, w));
    r.mul(Ball::normalised(s, 6 + error.div_ceil(24), -62))
}

/// cos of `|r| <= 0.79`: `C(r^2)`, `C(w) = sum (-w)^k / (2k)!` to `k = 9`.
///
/// The rest is less than `w^10 / 20!`, a fiftieth of a unit; else as for sin, with `|C'| <= 1/2`.
fn cos_near(r: Ball) -> Ball {
    const COEFFICIENTS: [i64; 10] = inverse_factorials(0, 2);
    let Some((w, error)) = square(r) else { return Ball::ALL };
    Ball::normalised(i128::from(alternating(&COEFFICIENTS, w)), 6 + error.div_ceil(8), -62)
}

/// The sine of `x + q pi/2`, for `x` up to [`LARGEST_ARGUMENT`] in magnitude; beyond, `[-1, 1]`.
pub(super) fn sin_quarters(x: Ball, q: i64) -> Ball {
    let near = x.nearest();
    if !(near.abs() <= LARGEST_ARGUMENT) {
        return Ball { mid: 0, err: 1 << 62, exp: -62 };
    }
    let Reduced { rest, quarters } = reduce(near);
    let quarters = quarters + q;
    let value = if quarters & 1 == 0 { sin_near(rest) } else { cos_near(rest) };
    let value = if quarters & 2 == 0 { value } else { value.neg() };
    // The sine changes by no more than its argument.
    let missed = x.sub(Ball::exact(near));
    if missed.is_zero() {
        return value;
    }
    value.add(Ball { mid: 0, err: missed.mid.unsigned_abs() + missed.err, exp: missed.exp })
}

/// The tangent.
pub(super) fn tan(x: Ball) -> Ball {
    sin_quarters(x, 0).div(sin_quarters(x, 1))
}

/// The number of the quarter turn in which `x` lies, `floor(2 x / pi)`, for `|x| <= 1e15`; `None` if
/// `x` is too close to a multiple to tell.
pub(super) fn quarter_turn(x: f64) -> Option<i64> {
    let Reduced { rest, quarters } = reduce(x);
    // |rest| < pi/2: its sign says on which side of the multiple x is.
    match x == 0.0 || rest.is_positive() {
        true => Some(quarters),
        false => rest.is_negative().then_some(quarters - 1),
    }
}

/// The arc tangent.
///
/// For `0 <= y <= 1`, `atan y = atan c + atan t` with `c = i/16` next to `y` and `t = (y - c) / (1 + y c)`, so
/// `|t| < 1/31`; for `y > 1` the complement of `1/y`. `atan t = t T(t^2)`, `T(w) = sum (-w)^k / (2k + 1)` to `k = 6`: with
/// `w < 0.00105` the rest is less than `w^7 / 15`, a thousandth of a unit of `2^-62`; the scheme loses less than 2.1;
/// `|T'| <= 1/3`, and a unit of `2^-64` is a quarter of one of `2^-62`.
pub(super) fn atan(x: Ball) -> Ball {
    const COEFFICIENTS: [i64; 7] = inverse_odds();
    if x.is_zero() {
        return Ball::ZERO;
    }
    if x.mid < 0 {
        return atan(x.neg()).neg();
    }
    // Which of the two reductions is chosen next to one has no influence on the result's truth.
    let beyond_one = x.exp >= -62;
    let y = if beyond_one { Ball::ONE.div(x) } else { x };
    let Some((sixteenths, _)) = y.scale(5).fixed(0) else { return Ball::ALL };
    let i = ((sixteenths + 1) >> 1).clamp(0, 16) as usize;
    let t = match i {
        0 => y,
        _ => {
            let c = Ball::integer(i as i32).scale(-4);
            y.sub(c).div(y.mul(c).add(Ball::ONE))
        }
    };
    // Radii below 2^-32 are let through, so that |t| <= 1/32 + 2^-32 for all of the ball.
    let Some((w, error)) = square(t) else { return Ball::ALL };
    let sum = i128::from(alternating(&COEFFICIENTS, w));
    let mut angle = t.mul(Ball::normalised(sum, 3 + error.div_ceil(12), -62));
    if i > 0 {
        let (mid, exp) = ATAN[i - 1];
        angle = angle.add(Ball { mid, err: 1, exp });
    }
    if beyond_one { HALF_PI.sub(angle) } else { angle }
}
