//! Numbers of 63 bits with a bound on their error: what elementary functions are computed in.
//!
//! A [`Ball`] is a mantissa, an exponent and an error radius, all integers, so that every rounding is a
//! shift whose loss is at most one unit of the last place and is added to the radius. There is no
//! floating-point operation to reason about. Ten bits more than a float64 has remain after the few
//! dozen units that a function loses, so that enclosures end up one or two floats wide.

use super::Interval;

/// The reals `x` with `|x - mid * 2^exp| <= err * 2^exp`.
///
/// Results are normalised: the larger of `|mid|` and `err` has 63 bits, or both are zero. So `mid` has
/// full precision unless the error is as large as the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ball {
    pub mid: i64,
    pub err: u64,
    pub exp: i32,
}

/// Exponents beyond this stand for numbers that nothing is known about.
const FAR: i32 = 1 << 24;

impl Ball {
    pub const ZERO: Ball = Ball { mid: 0, err: 0, exp: 0 };
    pub const ONE: Ball = Ball { mid: 1 << 62, err: 0, exp: -62 };
    pub const TWO: Ball = Ball { mid: 1 << 62, err: 0, exp: -61 };
    pub const HALF: Ball = Ball { mid: 1 << 62, err: 0, exp: -63 };
    /// All reals.
    pub const ALL: Ball = Ball { mid: 0, err: 1 << 62, exp: i32::MAX / 2 };

    /// A finite float, exactly.
    pub fn exact(value: f64) -> Ball {
        let bits = value.to_bits();
        let biased = ((bits >> 52) & 0x7ff) as i32;
        let fraction = (bits & ((1 << 52) - 1)) as i64;
        let (mantissa, exp) = match biased {
            0 => (fraction, -1074),
            0x7ff => return Ball::ALL,
            _ => (fraction | 1 << 52, biased - 1075),
        };
        if mantissa == 0 {
            return Ball::ZERO;
        }
        let shift = mantissa.leading_zeros() as i32 - 1;
        let mid = mantissa << shift;
        Ball { mid: if value < 0.0 { -mid } else { mid }, err: 0, exp: exp - shift }
    }

    /// A small integer, exactly.
    pub fn integer(value: i32) -> Ball {
        Ball::normalised(i128::from(value), 0, 0)
    }

    /// The number `mid * 2^exp`, off by `err * 2^exp` at most.
    ///
    /// To drop `s` bits is to floor, by which `mid` loses less than one new unit; the radius is rounded
    /// up, which makes `+ 1` for the floor and `+ 1` for the radius.
    pub fn normalised(mid: i128, err: u128, exp: i32) -> Ball {
        let top = 128 - (mid.unsigned_abs() | err).leading_zeros() as i32;
        if top == 0 {
            return Ball::ZERO;
        }
        if exp > FAR {
            return Ball::ALL;
        }
        if exp < -FAR {
            // Both sides of zero, and larger than what was there.
            return Ball { mid: 0, err: 1 << 62, exp: 128 - FAR };
        }
        let shift = top - 63;
        let exp = exp + shift;
        if shift <= 0 {
            return Ball { mid: (mid << -shift) as i64, err: (err << -shift) as u64, exp };
        }
        let lost = mid & ((1 << shift) - 1) != 0 || err & ((1 << shift) - 1) != 0;
        let err = (err >> shift) as u64 + if lost { 2 } else { 0 };
        Ball { mid: (mid >> shift) as i64, err, exp }
    }

    /// Whether it is the number zero.
    pub fn is_zero(self) -> bool {
        self.mid == 0 && self.err == 0
    }

    pub fn is_all(self) -> bool {
        self.exp > FAR
    }

    pub fn neg(self) -> Ball {
        // The mantissa -2^63 has no opposite, but it has an opposite with half the mantissa.
        match self.mid.checked_neg() {
            Some(mid) => Ball { mid, ..self },
            None => Ball::normalised(-i128::from(self.mid), u128::from(self.err), self.exp),
        }
    }

    pub fn add(self, other: Ball) -> Ball {
        if self.is_all() || other.is_all() {
            return Ball::ALL;
        }
        if self.is_zero() {
            return other;
        }
        if other.is_zero() {
            return self;
        }
        let (a, b) = if self.exp >= other.exp { (self, other) } else { (other, self) };
        let distance = (a.exp - b.exp) as u32;
        if distance <= 62 {
            // 63 + 62 bits and a carry.
            let mid = (i128::from(a.mid) << distance) + i128::from(b.mid);
            let err = (u128::from(a.err) << distance) + u128::from(b.err);
            return Ball::normalised(mid, err, b.exp);
        }
        // The smaller operand is less than four units of the larger and becomes a part of the radius.
        let most = u128::from(b.mid.unsigned_abs()) + u128::from(b.err);
        let err = u128::from(a.err) + (most >> distance.min(127)) + 1;
        Ball::normalised(i128::from(a.mid), err, a.exp)
    }

    pub fn sub(self, other: Ball) -> Ball {
        self.add(other.neg())
    }

    /// Product: `|ab - AB| <= |A| eb + |B| ea + ea eb`, which is below `3/4 * 2^128` units.
    pub fn mul(self, other: Ball) -> Ball {
        if self.is_all() || other.is_all() {
            return Ball::ALL;
        }
        let mid = i128::from(self.mid) * i128::from(other.mid);
        if self.err == 0 && other.err == 0 {
            return Ball::normalised(mid, 0, self.exp + other.exp);
        }
        let (a, b) = (u128::from(self.mid.unsigned_abs()), u128::from(other.mid.unsigned_abs()));
        let (ea, eb) = (u128::from(self.err), u128::from(other.err));
        Ball::normalised(mid, a * eb + b * ea + ea * eb, self.exp + other.exp)
    }

    /// Quotient; all reals unless the divisor is known to half of itself.
    pub fn div(self, other: Ball) -> Ball {
        let b = other.mid.unsigned_abs();
        if self.is_all() || other.is_all() || b < 1 << 62 || other.err > b / 2 {
            return Ball::ALL;
        }
        if self.is_zero() {
            return Ball::ZERO;
        }
        let a = self.mid.unsigned_abs();
        // At most 2^63 * 2^62 / 2^62; the floor loses less than one unit of 2^-62.
        let dividend = u128::from(a) << 62;
        let quotient = (dividend / u128::from(b)) as u64;
        let lost = u128::from(quotient) * u128::from(b) != dividend;
        // |a/b - A/B| <= (ea + |A/B| eb) / (|B| - eb).
        let error =
            (u128::from(self.err) << 62) + (u128::from(quotient) + 1) * u128::from(other.err);
        let least = b - other.err;
        let err = match error {
            0 => u128::from(lost),
            // A small error may as well be divided by a power of two that is not above the divisor.
            1..0x1_0000_0000_0000_0000_0000_0000 => {
                (error >> (63 - least.leading_zeros())) + 1 + u128::from(lost)
            }
            _ => error / u128::from(least) + 1 + u128::from(lost),
        };
        let mid = i128::from(quotient);
        let negative = (self.mid < 0) != (other.mid < 0);
        Ball::normalised(if negative { -mid } else { mid }, err, self.exp - other.exp - 62)
    }

    /// The product with `2^power`.
    pub fn scale(self, power: i32) -> Ball {
        if self.is_zero() {
            return Ball::ZERO;
        }
        Ball { exp: self.exp.saturating_add(power), ..self }
    }

    pub fn square(self) -> Ball {
        self.mul(self)
    }

    /// The mantissa of the nearest point to zero, zero if the ball has both signs.
    pub fn least_magnitude(self) -> u64 {
        self.mid.unsigned_abs().saturating_sub(self.err)
    }

    /// Whether all of the ball is above zero.
    pub fn is_positive(self) -> bool {
        self.mid > 0 && self.least_magnitude() > 0 && !self.is_all()
    }

    /// Whether all of the ball is below zero.
    pub fn is_negative(self) -> bool {
        self.mid < 0 && self.least_magnitude() > 0 && !self.is_all()
    }

    /// Value and radius in units of `2^-bits`; `None` unless `|x| < 2^(126 - bits)`.
    pub fn fixed(self, bits: i32) -> Option<(i128, u128)> {
        let shift = self.exp.saturating_add(bits);
        if shift > 62 {
            return if self.is_zero() { Some((0, 0)) } else { None };
        }
        if shift >= 0 {
            return Some((i128::from(self.mid) << shift, u128::from(self.err) << shift));
        }
        let shift = (-shift).min(127) as u32;
        // One unit for the floor and one to round the radius up.
        Some((i128::from(self.mid) >> shift, (u128::from(self.err) >> shift) + 2))
    }

    /// The narrowest interval of floats around the ball.
    pub fn interval(self) -> Interval {
        if self.is_all() {
            return Interval::ALL;
        }
        let (mid, err) = (i128::from(self.mid), i128::from(self.err));
        // Subtracting from zero, not negating, keeps a zero positive.
        let lo = 0.0 - round_up(err - mid, self.exp);
        Interval { lo, hi: round_up(mid + err, self.exp) }
    }

    /// A float within half a unit of its last place of the middle, or next to it where it is subnormal.
    pub fn nearest(self) -> f64 {
        if self.is_all() {
            return f64::NAN;
        }
        let mantissa = self.mid as f64;
        // Two factors, since one power of two may be no float.
        let first = self.exp.clamp(-1000, 1000);
        let second = (self.exp - first).clamp(-1000, 1000);
        mantissa * power_of_two(first) * power_of_two(second)
    }
}

/// `2^exponent` for an exponent in `-1022..=1023`.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// The least float that is not below `value * 2^exp`, for `|value| < 2^66`.
fn round_up(value: i128, exp: i32) -> f64 {
    if value == 0 {
        return 0.0;
    }
    let magnitude = value.unsigned_abs();
    let top = 128 - magnitude.leading_zeros() as i32;
    // Exponent of a unit in the last place of floats of this size.
    let unit = (exp + top - 53).max(-1074);
    let shift = unit - exp;
    let (mut mantissa, lost) = match shift {
        ..=0 => ((magnitude << -shift) as u64, false),
        1..=127 => {
            let kept = magnitude >> shift;
            (kept as u64, kept << shift != magnitude)
        }
        _ => (0, true),
    };
    if lost && value > 0 {
        mantissa += 1;
    }
    let float = if mantissa >> 53 != 0 {
        // The carry made it 2^53.
        with_exponent(1 << 52, unit + 1)
    } else {
        with_exponent(mantissa, unit)
    };
    match (value > 0, float.is_finite()) {
        (true, _) => float,
        (false, true) => -float,
        (false, false) => -f64::MAX,
    }
}

/// The float `mantissa * 2^unit`, with a mantissa below 2^53 that has 53 bits unless `unit` is -1074.
fn with_exponent(mantissa: u64, unit: i32) -> f64 {
    if unit > 971 {
        return f64::INFINITY;
    }
    if mantissa < 1 << 52 {
        return f64::from_bits(mantissa);
    }
    f64::from_bits((((unit + 1075) as u64) << 52) | (mantissa & ((1 << 52) - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Rational;
    use proptest::prelude::*;

    fn rational(value: i128, exp: i32) -> Rational {
        let power =
            |p: u32| (0..p).fold(Rational::ONE, |acc, _| &acc * &Rational::from_f64(2.0).unwrap());
        let part = |bits: i128| Rational::from_f64(bits as f64).unwrap();
        let (high, middle, low) =
            (value >> 80, (value >> 40) & ((1 << 40) - 1), value & ((1 << 40) - 1));
        let value = &(&(&(&part(high) * &power(40)) + &part(middle)) * &power(40)) + &part(low);
        match exp >= 0 {
            true => &value * &power(exp as u32),
            false => value.checked_div(&power(exp.unsigned_abs())).unwrap(),
        }
    }

    /// Ends of the ball, exactly.
    fn ends(ball: Ball) -> (Rational, Rational) {
        let (mid, err) = (i128::from(ball.mid), i128::from(ball.err));
        (rational(mid - err, ball.exp), rational(mid + err, ball.exp))
    }

    fn ball() -> impl Strategy<Value = Ball> {
        let mid = prop_oneof![any::<i64>(), -9i64..9, Just(i64::MIN), Just(i64::MAX)];
        let err = prop_oneof![Just(0u64), 0u64..100, any::<u64>().prop_map(|e| e >> 2)];
        (mid, err, prop_oneof![-130i32..130, -70i32..-50])
            .prop_map(|(mid, err, exp)| Ball::normalised(i128::from(mid), u128::from(err), exp))
    }

    fn inside(ball: Ball, value: &Rational) -> bool {
        let (lo, hi) = ends(ball);
        lo <= *value && *value <= hi
    }

    proptest! {
        #[test]
        fn operations_enclose(a in ball(), b in ball()) {
            let ((a0, a1), (b0, b1)) = (ends(a), ends(b));
            let (sum, difference, product, quotient) = (a.add(b), a.sub(b), a.mul(b), a.div(b));
            for x in [&a0, &a1] {
                for y in [&b0, &b1] {
                    prop_assert!(inside(sum, &(x + y)));
                    prop_assert!(inside(difference, &(x - y)));
                    prop_assert!(inside(product, &(x * y)));
                    if !quotient.is_all() {
                        prop_assert!(inside(quotient, &x.checked_div(y).unwrap()));
                    }
                }
            }
        }

        #[test]
        fn few_units_are_lost(a in any::<i64>(), b in any::<i64>()) {
            prop_assume!(a != 0 && b != 0);
            let normal = |v: i64| Ball::normalised(i128::from(v), 0, 0);
            prop_assert!(normal(a).mul(normal(b)).err <= 2);
            prop_assert!(normal(a).div(normal(b)).err <= 4);
            prop_assert!(normal(a).add(normal(b)).err <= 2);
        }

        #[test]
        fn intervals_are_the_narrowest(a in ball(), far in -1200i32..1100) {
            let a = a.scale(far);
            let (lo, hi) = ends(a);
            let interval = a.interval();
            prop_assert_eq!(interval.lo, lo.to_f64_down().max(-f64::INFINITY));
            prop_assert_eq!(interval.hi, hi.to_f64_up());
        }

        #[test]
        fn floats_are_exact(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let ball = Ball::exact(value);
            prop_assert_eq!(ball.interval(), Interval::point(value));
            prop_assert_eq!(ball.nearest(), value);
            prop_assert_eq!(ball.err, 0);
        }

        #[test]
        fn fixed_point_encloses(a in ball(), bits in 0i32..120) {
            if let Some((value, err)) = a.fixed(bits) {
                let (lo, hi) = ends(a);
                prop_assert!(rational(value - err as i128, -bits) <= lo);
                prop_assert!(hi <= rational(value + err as i128, -bits));
            }
        }
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        let all = Ball::ALL;
        assert!(all.mul(Ball::exact(f64::MIN_POSITIVE)).is_all());
        assert!(all.add(Ball::ONE).is_all() && Ball::ONE.div(Ball::ZERO).is_all());
        assert_eq!(all.interval(), Interval::ALL);
        assert!(Ball::exact(f64::INFINITY).is_all());
    }
}
