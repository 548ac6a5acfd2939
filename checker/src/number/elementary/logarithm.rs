//! ln and log1p.

use super::series::{high_unsigned, horner, inverse_odds};
use super::tables::LN_2;
use crate::number::ball::Ball;

/// `2 atanh(s) = ln((1 + s) / (1 - s))` for `|s| <= 0.18`.
///
/// `2 s A(s^2)` with `A(w) = sum w^k / (2k + 1)` to `k = 12`. With `w <= 0.0325` the rest is less than
/// `1.04 * 0.0325^13 / 27`, a hundredth of a unit of `2^-62`; Horner's scheme loses less than 2.1 units; `A' < 0.36`.
fn twice_atanh(s: Ball) -> Ball {
    const COEFFICIENTS: [i64; 13] = inverse_odds();
    let Some((fixed, radius)) = s.fixed(64) else { return Ball::ALL };
    let most = fixed.unsigned_abs() + radius;
    // 0.18 * 2^64.
    if most > 3_320_413_933_267_719_290 {
        return Ball::ALL;
    }
    let w = high_unsigned(fixed.unsigned_abs() as u64, fixed.unsigned_abs() as u64);
    // s^2 is off by less than 2 * 0.18 times the radius, and w by less than a unit more.
    let w_error = radius + 1;
    // A unit of 2^-64 is a quarter of one of 2^-62.
    let err = 3 + w_error.div_ceil(8);
    let a = Ball::normalised(i128::from(horner(&COEFFICIENTS, w)), err, -62);
    s.mul(a).scale(1)
}

/// `ln x`; all reals unless `x` is known to be positive.
pub(super) fn ln(x: Ball) -> Ball {
    if !x.is_positive() {
        return Ball::ALL;
    }
    // x = m 2^e with m in [sqrt(1/2), sqrt(2)), as far as the middle of x goes; then |ln m| <= ln(2)/2 and
    // there is no cancellation in e ln 2 + ln m; for e = 0 there is no sum at all.
    let upper_half = x.mid > 0x5a82_7999_fcef_3242;
    let e = x.exp + if upper_half { 63 } else { 62 };
    let m = x.scale(-e);
    // m - 1 is exact if m is. |s| <= (sqrt(2) - 1)^2 < 0.1716.
    let s = m.sub(Ball::ONE).div(m.add(Ball::ONE));
    let ln_m = twice_atanh(s);
    if e == 0 { ln_m } else { Ball::integer(e).mul(LN_2).add(ln_m) }
}

/// `ln(1 + t)`, accurate next to zero too; all reals unless `t > -1` is known.
pub(super) fn log1p(t: Ball) -> Ball {
    // |t| < 1/4, radius included: s = t / (2 + t) is in (-0.143, 0.112).
    let near = t.fixed(64).is_some_and(|(value, radius)| value.unsigned_abs() + radius < 1 << 62);
    if near {
        return twice_atanh(t.div(t.add(Ball::TWO)));
    }
    ln(t.add(Ball::ONE))
}
