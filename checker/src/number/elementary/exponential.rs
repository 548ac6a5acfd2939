//! exp and expm1.

use super::series::{ONE_62, high, inverse_factorials};
use super::tables::LN_2_FIXED;
use crate::number::ball::Ball;

/// `(e^r - 1) / r`, in units of `2^-62`, for `|r| <= 0.347` in units of `2^-64`; off by less than 4 units.
///
/// The series `sum r^k / (k + 1)!` to `k = 14`. The rest is less than `1.03 * 0.347^15 / 16!`, a fiftieth of
/// a unit. A step of Horner's scheme loses less than a unit in the coefficient and one in the product, and
/// what was lost before shrinks by `|r|`: less than `2 / (1 - 0.347) < 3.1` units. Partial sums are below 1.3.
fn exp_quotient(r: i64) -> i64 {
    const COEFFICIENTS: [i64; 15] = inverse_factorials(1, 1);
    let mut sum = 0;
    for c in COEFFICIENTS.iter().rev() {
        sum = c + high(sum, r);
    }
    sum
}

/// `e^x`. Where `x` may be beyond 2048 in magnitude, all that is claimed is that `e^x` is tiny, or nothing.
pub(super) fn exp(x: Ball) -> Ball {
    if x.is_zero() {
        return Ball::ONE;
    }
    if x.exp > -51 {
        // A ball that is not all error is at least 2^11 here.
        return if x.is_negative() && x.least_magnitude() >> 61 != 0 {
            // e^-2048 < 2^-2954, which stays below all floats when a float multiplies it.
            Ball { mid: 0, err: 1 << 62, exp: -62 - 2954 }
        } else {
            Ball::ALL
        };
    }
    // |x| < 2^64 * 2^-51 = 2^13.
    let Some((fixed, _)) = x.fixed(112) else { return Ball::ALL };
    // k is next to x / ln 2 and below 2^14; which integer it is has no influence but on the size of r.
    let k = ((fixed >> 64) as i64 as f64 * (std::f64::consts::LOG2_E / (1u64 << 48) as f64)).round()
        as i32;
    // r = x - k ln 2 and |r| <= ln(2)/2 + 2^-30 < 0.347. In units of 2^-112, x is off by less than one for the
    // floor (its radius comes in below) and k ln 2 by k; to 2^-64 less than another unit is lost: 1.01 units.
    let r = ((fixed - i128::from(k) * LN_2_FIXED) >> 48) as i64;
    debug_assert!(r.unsigned_abs() < (0.347 * 2.0 * (1u64 << 63) as f64) as u64);
    // e^r = 1 + r q. In units of 2^-62: 4 * 0.347 from q, 1 from the product, 1.42 * 1.01 / 4 from r.
    let mantissa = ONE_62 + high(r, exp_quotient(r));
    // The radius d of x multiplies by at most e^d, and e^d - 1 <= 1.04 d for d <= 1/16; in units of
    // 2^-62, 1.42 * 1.04 d < 2 d.
    let Some(d) = radius_62(x).filter(|d| *d <= 1 << 58) else { return Ball::ALL };
    Ball::normalised(i128::from(mantissa), u128::from(3 + 2 * d), k - 62)
}

/// The radius of a ball in units of `2^-62`, rounded up; `None` beyond 1.
fn radius_62(x: Ball) -> Option<u64> {
    let shift = x.exp.saturating_add(62);
    if x.err == 0 {
        return Some(0);
    }
    if shift >= 0 {
        let radius = u128::from(x.err) << shift.min(63);
        return u64::try_from(radius).ok().filter(|r| *r <= 1 << 62);
    }
    Some((x.err >> (-shift).min(63)) + 1)
}

/// `e^x - 1`, accurate next to zero too.
pub(super) fn expm1(x: Ball) -> Ball {
    // |x| < 0.34: e^x - 1 = x q(x). q' < 0.64 there, so that the loss of a unit of 2^-64 in r is less than
    // 0.16 of a unit of 2^-62, and the radius d of x makes less than d.
    if x.exp <= -62
        && let (Some((fixed, _)), Some(d)) = (x.fixed(64), radius_62(x))
    {
        let limit = (0.34 * 2.0 * (1u64 << 63) as f64) as u128;
        if fixed.unsigned_abs() + (u128::from(d) << 2) < limit {
            let quotient =
                Ball::normalised(i128::from(exp_quotient(fixed as i64)), u128::from(5 + d), -62);
            return x.mul(quotient);
        }
    }
    exp(x).sub(Ball::ONE)
}
