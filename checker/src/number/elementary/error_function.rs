//! erf and erfc.

use super::exponential::exp;
use super::series::{ONE_62, alternating, erf_coefficients, high_unsigned};
use super::tables::{ERFC, TWO_OVER_SQRT_PI};
use crate::number::ball::Ball;

/// Where the power series about zero ends: 9/16 in units of `2^-64`.
const SERIES_END: u128 = 9 << 60;

/// The regions of `y >= 0`.
enum Place {
    /// Below 9/16, in units of `2^-64` with a radius.
    Series(u64, u128),
    /// Next to `i/8`, `i` from 4 to 48.
    Table(usize),
    /// Beyond 6.
    Tail,
}

fn place(y: Ball) -> Place {
    if let Some((fixed, radius)) = y.fixed(64) {
        if fixed.unsigned_abs() < SERIES_END {
            return Place::Series(fixed.unsigned_abs() as u64, radius);
        }
        // Rounded to the nearest eighth; at least 4 and up to 48 for y < 6 + 1/16.
        let eighths = (fixed.unsigned_abs() >> 60) + 1;
        if eighths < 98 {
            return Place::Table((eighths >> 1) as usize);
        }
    }
    Place::Tail
}

/// `erf(y) = 2/sqrt(pi) y G(y^2)` for `|y| < 9/16`, `G(w) = sum (-w)^k / (k! (2k + 1))` to `k = 14`.
///
/// With `w < 0.3165` the rest is less than `w^15 / (15! 31)`, a hundredth of a unit of `2^-62`; the scheme loses less
/// than `2 / (1 - 0.3165) < 2.93` units. `G(w)` is the integral of `exp(-w s^2)` over `[0, 1]`, so `|G'| <= 1/3`.
fn series(y: Ball, fixed: u64, radius: u128) -> Ball {
    const COEFFICIENTS: [i64; 15] = erf_coefficients();
    let w = high_unsigned(fixed, fixed);
    // 2 * 9/16 times the radius of y, its square, and the floor; a unit of 2^-64 is a quarter of one of 2^-62.
    let w_error = 2 * radius + 1;
    let g = i128::from(alternating(&COEFFICIENTS, w));
    y.mul(Ball::normalised(g, 4 + w_error.div_ceil(12), -62)).mul(TWO_OVER_SQRT_PI)
}

/// `S(u)` for `integral_0^t exp(-2 c s - s^2) ds = t S(16 t)`, `c = i/8`, `|t| <= 1/16`; `u` and `S` in units of `2^-62`.
///
/// `exp(-2 c s - s^2) = sum b_n (16 s)^n` with `b_0 = 1`, `b_{n+1} = -(i/64 b_n + b_{n-1}/128) / (n + 1)`, which follows
/// from the derivative; so `S(u) = sum b_n u^n / (n + 1)`. As `|b_n|` is at most the coefficient of `exp(0.75 z + z^2/256)`,
/// which is below `exp(0.75 * 26.7 + 26.7^2/256) / 26.7^n`, the terms from `n = 20` on make less than `1.2e-20`, a
/// tenth of a unit. All sums stay below the integral of `exp(0.75 z + z^2/256)` over `[0, 1]`, which is 1.5.
///
/// Losses in units: `step` below is floored (1.01 with the halved term), its product with a reciprocal loses one and,
/// as the reciprocal is off by a unit of `2^-63`, 0.4: `e_{n+1} <= (0.75 e_n + e_{n-1}/128 + 1.01) / (n + 1) + 1.4`, `e_1 <= 1.01`,
/// so `e_n <= 2.4`. A coefficient of `S` is off by `e_n / (n + 1) + 1.4` and each step of Horner's scheme, where `|u| <= 1`,
/// by one: `2.4 * 3.6 + 20 * 2.4 < 57` in all.
fn mean(i: i64, u: i64) -> i64 {
    const TERMS: usize = 20;
    /// `2^63 / n` for `n` from 2 on.
    const RECIPROCALS: [i64; TERMS] = {
        let mut values = [0; TERMS];
        let mut n = 0;
        while n < TERMS {
            values[n] = i64::MAX / (n as i64 + 2);
            n += 1;
        }
        values
    };
    let over =
        |value: i64, n: usize| ((i128::from(value) * i128::from(RECIPROCALS[n - 2])) >> 63) as i64;
    let mut quotients = [ONE_62; TERMS];
    let (mut before, mut b) = (0i64, ONE_62);
    for n in 0..TERMS - 1 {
        let step = ((i128::from(b) * i128::from(i) + i128::from(before >> 1)) >> 6) as i64;
        (before, b) = (b, if n == 0 { -step } else { -over(step, n + 1) });
        quotients[n + 1] = over(b, n + 2);
    }
    let mut sum = 0i64;
    for q in quotients.iter().rev() {
        sum = q + ((i128::from(sum) * i128::from(u)) >> 62) as i64;
    }
    sum
}

/// `erfc(y)` for `y` next to `c = i/8`: `K (E - integral_0^t ...)` with `t = y - c`, `K = 2/sqrt(pi) exp(-c^2)`, `E = erfc(c) / K`.
fn table(y: Ball, i: usize) -> Ball {
    let [(slope, slope_exp), (quotient, quotient_exp)] = ERFC[i - 4];
    let t = y.sub(Ball::integer(i as i32).scale(-3));
    let Some((u, radius)) = t.scale(4).fixed(62) else { return Ball::ALL };
    if radius > 1 << 58 {
        return Ball::ALL;
    }
    // The middle of y was floored to 2^-64 in `place`: u may be 4 units beyond one.
    let u = u.clamp(-i128::from(ONE_62), i128::from(ONE_62));
    let mean = Ball::normalised(i128::from(mean(i as i64, u as i64)), 57, -62);
    let f = Ball::normalised(u, 0, -66).mul(mean);
    // |t| is below 1/16 + 2^-8 + 2^-64 for all of y, so that the integrand is below exp(12 |t|) < 2.3.
    let f = f.add(Ball::normalised(0, 3 * (radius + 4), -66));
    let e = Ball { mid: quotient, err: 1, exp: quotient_exp };
    Ball { mid: slope, err: 1, exp: slope_exp }.mul(e.sub(f))
}

/// `erfc(y)` for `y >= 6`: `exp(-y^2) / sqrt(pi) / (y + (1/2) / (y + (2/2) / (y + (3/2) / (y + ...))))`.
///
/// The rest of the fraction after each bar is a quotient of two repeated integrals of erfc, which are positive,
/// plus `y`: so it is at least `y`, and cutting off at level `K` replaces `(K/2) / rest` by an enclosure of `(0, K / (2 y)]`.
fn tail(y: Ball) -> Ball {
    const LEVELS: i32 = 14;
    if !y.is_positive() {
        return Ball::ALL;
    }
    let half_of_last = Ball::integer(LEVELS).scale(-2).div(y);
    // [0, 2 h] for h = K / (4 y).
    let radius = half_of_last.mid.unsigned_abs() + half_of_last.err;
    let cut = Ball::normalised(i128::from(half_of_last.mid), u128::from(radius), half_of_last.exp);
    let mut rest = y.add(cut);
    for k in (1..LEVELS).rev() {
        rest = y.add(Ball::integer(k).scale(-1).div(rest));
    }
    exp(y.square().neg()).mul(TWO_OVER_SQRT_PI).scale(-1).div(rest)
}

/// The complementary error function.
pub(super) fn erfc(y: Ball) -> Ball {
    if y.mid < 0 {
        // erfc(-y) = 2 - erfc(y).
        return Ball::TWO.sub(erfc(y.neg()));
    }
    match place(y) {
        Place::Series(fixed, radius) => Ball::ONE.sub(series(y, fixed, radius)),
        Place::Table(i) => table(y, i),
        Place::Tail => tail(y),
    }
}

/// The error function.
pub(super) fn erf(y: Ball) -> Ball {
    if y.mid < 0 {
        return erf(y.neg()).neg();
    }
    match place(y) {
        Place::Series(fixed, radius) => series(y, fixed, radius),
        Place::Table(i) => Ball::ONE.sub(table(y, i)),
        // 0 < erfc(y) < 2^-55 from 6 on (the tables' test shows it), where all of a wide ball must be.
        Place::Tail if y.sub(Ball::integer(6)).is_positive() => {
            Ball { mid: i64::MAX, err: 1 << 8, exp: -63 }
        }
        Place::Tail => Ball::ALL,
    }
}
