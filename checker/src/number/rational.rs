//! Exact rationals, small ones without allocation.
//!
//! A specification of a hundred megabytes holds millions of decimal literals, nearly all of which fit
//! a quotient of two 64-bit integers. Those are kept inline; everything else is a big rational.
//! Values are always in lowest terms with a positive denominator.

use dashu_int::ops::BitTest;
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// An exact rational number.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rational(Repr);

/// Invariant: lowest terms; `Small` whenever numerator and denominator fit, so that equality is structural.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small { num: i64, den: u64 },
    Big(Box<RBig>),
}

/// A text that is no decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseRationalError {
    /// The text does not have the form of a decimal number.
    #[error("`{0}` is no number; a decimal such as `-1.5` or `2e-3` is expected")]
    NotANumber(String),
    /// The exponent is so large that the exact value would not fit in memory.
    #[error("the exponent of `{0}` is beyond +-{MAX_EXPONENT}")]
    ExponentTooLarge(String),
}

/// Largest decimal exponent accepted; an exact `1e1000000` would be half a megabyte of digits.
const MAX_EXPONENT: i64 = 5000;

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The greatest common divisor of `a` and `10^power`: only twos and fives can be common, and taking
/// those out is several times faster than Euclid's algorithm on the literals of a long text.
fn gcd_with_power_of_ten(a: u64, power: u32) -> u64 {
    if a == 0 {
        return 10u64.pow(power);
    }
    let mut common = 1u64 << a.trailing_zeros().min(power);
    let mut rest = a;
    for _ in 0..power {
        if !rest.is_multiple_of(5) {
            break;
        }
        rest /= 5;
        common *= 5;
    }
    common
}

fn gcd128(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        if a <= u64::MAX as u128 && b <= u64::MAX as u128 {
            return gcd(a as u64, b as u64) as u128;
        }
        (a, b) = (b, a % b);
    }
    a
}

impl Rational {
    /// Zero.
    pub const ZERO: Rational = Rational(Repr::Small { num: 0, den: 1 });
    /// One.
    pub const ONE: Rational = Rational(Repr::Small { num: 1, den: 1 });

    fn from_big(value: RBig) -> Rational {
        if let (Ok(num), Ok(den)) =
            (i64::try_from(value.numerator()), u64::try_from(value.denominator()))
        {
            return Rational(Repr::Small { num, den });
        }
        Rational(Repr::Big(Box::new(value)))
    }

    fn from_parts_128(num: i128, den: u128) -> Rational {
        let g = gcd128(num.unsigned_abs(), den).max(1);
        let (num, den) = (num / g as i128, den / g);
        match (i64::try_from(num), u64::try_from(den)) {
            (Ok(num), Ok(den)) => Rational(Repr::Small { num, den }),
            _ => Rational(Repr::Big(Box::new(RBig::from_parts(IBig::from(num), UBig::from(den))))),
        }
    }

    fn big(&self) -> RBig {
        match &self.0 {
            Repr::Small { num, den } => RBig::from_parts(IBig::from(*num), UBig::from(*den)),
            Repr::Big(value) => (**value).clone(),
        }
    }

    /// The exact value of a float; `None` for NaN and infinities.
    pub fn from_f64(value: f64) -> Option<Rational> {
        if !value.is_finite() {
            return None;
        }
        if value == value.trunc() && value.abs() < 9.0e15 {
            return Some(Rational(Repr::Small { num: value as i64, den: 1 }));
        }
        let bits = value.to_bits();
        let biased = ((bits >> 52) & 0x7ff) as i64;
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, exponent) =
            if biased == 0 { (fraction, -1074) } else { (fraction | (1 << 52), biased - 1075) };
        let shift = mantissa.trailing_zeros() as i64;
        let (mantissa, exponent) = (mantissa >> shift, exponent + shift);
        let signed = if value < 0.0 { -(mantissa as i64) } else { mantissa as i64 };
        if (-63..0).contains(&exponent) {
            return Some(Rational(Repr::Small { num: signed, den: 1 << -exponent }));
        }
        let big = if exponent >= 0 {
            RBig::from(IBig::from(signed) << exponent as usize)
        } else {
            RBig::from_parts(IBig::from(signed), UBig::ONE << (-exponent) as usize)
        };
        Some(Rational::from_big(big))
    }

    /// Reads `[+-] digits [. digits] [e [+-] digits]`, with digits on at least one side of the point,
    /// as the exact decimal that it writes.
    pub fn parse_decimal(text: &str) -> Result<Rational, ParseRationalError> {
        let bytes = text.as_bytes();
        let error = || ParseRationalError::NotANumber(text.chars().take(60).collect());
        let too_large = || ParseRationalError::ExponentTooLarge(text.chars().take(60).collect());
        let (negative, mut at) = match bytes.first() {
            Some(b'-') => (true, 1),
            Some(b'+') => (false, 1),
            _ => (false, 0),
        };
        let start = at;
        let (mut small, mut fits, mut digits, mut scale) = (0u64, true, 0usize, 0i64);
        let mut point = None;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    if point.is_some() {
                        scale += 1;
                    }
                    match small.checked_mul(10).and_then(|s| s.checked_add((byte - b'0') as u64)) {
                        Some(next) => small = next,
                        None => fits = false,
                    }
                }
                b'.' if point.is_none() => point = Some(at),
                _ => break,
            }
            at += 1;
        }
        let end = at;
        if digits == 0 {
            return Err(error());
        }
        let mut exponent = 0i64;
        if let Some(b'e' | b'E') = bytes.get(at) {
            let tail = text.get(at + 1..).ok_or_else(error)?;
            let unsigned = tail.strip_prefix(['+', '-']).unwrap_or(tail);
            if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                return Err(error());
            }
            exponent = tail.parse().map_err(|_| too_large())?;
            at = bytes.len();
        }
        if at != bytes.len() {
            return Err(error());
        }
        let power = exponent
            .checked_sub(scale)
            .filter(|power| power.unsigned_abs() <= (MAX_EXPONENT + scale) as u64)
            .ok_or_else(too_large)?;
        if fits && small <= i64::MAX as u64 && (-18..=0).contains(&power) {
            let den = 10u64.pow(-power as u32);
            let g = gcd_with_power_of_ten(small, -power as u32);
            let num = (small / g) as i64;
            return Ok(Rational(Repr::Small {
                num: if negative { -num } else { num },
                den: den / g,
            }));
        }
        let text: String = text[start..end].chars().filter(|c| *c != '.').collect();
        let mantissa = IBig::from(UBig::from_str_radix(&text, 10).map_err(|_| error())?);
        let ten = UBig::from(10u8).pow(power.unsigned_abs() as usize);
        let value = if power >= 0 {
            RBig::from(mantissa * IBig::from(ten))
        } else {
            RBig::from_parts(mantissa, ten)
        };
        Ok(Rational::from_big(if negative { -value } else { value }))
    }

    /// Bits of numerator and denominator kept on the heap; 0 when the value is inline.
    pub fn heap_bits(&self) -> usize {
        match &self.0 {
            Repr::Small { .. } => 0,
            Repr::Big(value) => value.numerator().bit_len() + value.denominator().bit_len(),
        }
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i32 {
        match &self.0 {
            Repr::Small { num, .. } => num.signum() as i32,
            Repr::Big(value) => match (value.is_zero(), value.sign()) {
                (true, _) => 0,
                (_, dashu_int::Sign::Positive) => 1,
                (_, dashu_int::Sign::Negative) => -1,
            },
        }
    }

    /// Whether the value is zero.
    pub fn is_zero(&self) -> bool {
        self.signum() == 0
    }

    /// The absolute value.
    pub fn abs(&self) -> Rational {
        if self.signum() < 0 { -self } else { self.clone() }
    }

    /// The value, or zero if it is negative.
    pub fn relu(&self) -> Rational {
        if self.signum() < 0 { Rational::ZERO } else { self.clone() }
    }

    /// The greatest integer that is not above the value.
    pub fn floor(&self) -> Rational {
        match &self.0 {
            Repr::Small { num, den: 1 } => Rational::from(*num),
            // The quotient is at least as small as the numerator.
            Repr::Small { num, den } => {
                Rational::from((i128::from(*num).div_euclid(i128::from(*den))) as i64)
            }
            Repr::Big(value) => Rational::from_big(RBig::from(value.floor())),
        }
    }

    /// The quotient, or `None` when `divisor` is zero.
    pub fn checked_div(&self, divisor: &Rational) -> Option<Rational> {
        if divisor.is_zero() {
            return None;
        }
        Some(Rational::from_big(self.big() / divisor.big()))
    }

    /// The integer next to the value on the way to zero.
    pub fn trunc(&self) -> Rational {
        match &self.0 {
            Repr::Small { num, den } => {
                // The quotient is no larger than the numerator.
                Rational(Repr::Small { num: (*num as i128 / *den as i128) as i64, den: 1 })
            }
            Repr::Big(value) => Rational::from_big(RBig::from(value.trunc())),
        }
    }

    /// The value as an integer, if it is one that fits.
    pub fn to_integer(&self) -> Option<i64> {
        match self.0 {
            Repr::Small { num, den: 1 } => Some(num),
            _ => None,
        }
    }

    /// The greatest float that is not above the value (`-inf` below the range of floats).
    pub fn to_f64_down(&self) -> f64 {
        let (near, residual) = self.nearest();
        if residual == Ordering::Greater { near.next_down() } else { near }
    }

    /// The least float that is not below the value (`inf` above the range of floats).
    pub fn to_f64_up(&self) -> f64 {
        let (near, residual) = self.nearest();
        if residual == Ordering::Less { near.next_up() } else { near }
    }

    /// A nearest float, without a promise about ties.
    pub fn to_f64(&self) -> f64 {
        self.nearest().0
    }

    /// The float exactly equal to the value, if there is one.
    pub fn to_f64_exact(&self) -> Option<f64> {
        let (near, residual) = self.nearest();
        (residual == Ordering::Equal && near.is_finite()).then_some(near)
    }

    /// A float close to the value, and how that float compares with the value.
    fn nearest(&self) -> (f64, Ordering) {
        if let Repr::Small { num, den } = self.0 {
            let (n, d) = (num as f64, den as f64);
            let exact = num.unsigned_abs() < 1 << 62 && n as i64 == num;
            if exact && den < 1 << 63 && d as u64 == den {
                // The quotient is correctly rounded and far from underflow, so the remainder
                // q*d - n is a float and the fused operation gives it exactly.
                let q = n / d;
                let remainder = q.mul_add(d, -n);
                let order = remainder.partial_cmp(&0.0).unwrap_or(Ordering::Equal);
                return (q, order);
            }
        }
        let big = self.big();
        let near = big.to_f64().value();
        match Rational::from_f64(near) {
            Some(exact) => (near, exact.big().cmp(&big)),
            None if near > 0.0 => (f64::INFINITY, Ordering::Greater),
            None => (f64::NEG_INFINITY, Ordering::Less),
        }
    }

    /// The finite decimal expansion, if there is one (the denominator has no prime factor but 2 and 5).
    pub fn to_decimal(&self) -> Option<String> {
        let big = self.big();
        let mut den = big.denominator().clone();
        let (mut twos, mut fives) = (0usize, 0usize);
        if let Some(zeros) = den.trailing_zeros() {
            twos = zeros;
            den >>= zeros;
        }
        let five = UBig::from(5u8);
        while den != UBig::ONE {
            if !(&den % &five).is_zero() {
                return None;
            }
            den /= &five;
            fives += 1;
        }
        let places = twos.max(fives);
        let scaled = big * RBig::from(UBig::from(10u8).pow(places));
        let digits = scaled.numerator().clone();
        let negative = digits < IBig::ZERO;
        let mut text = if negative { (-digits).to_string() } else { digits.to_string() };
        if places > 0 {
            if text.len() <= places {
                text.insert_str(0, &"0".repeat(places + 1 - text.len()));
            }
            text.insert(text.len() - places, '.');
        }
        if negative {
            text.insert(0, '-');
        }
        Some(text)
    }
}

impl fmt::Display for Rational {
    /// An integer as such, a finite decimal in full, anything else as `p/q`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_decimal() {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}", self.big()),
        }
    }
}

impl fmt::Debug for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Default for Rational {
    fn default() -> Rational {
        Rational::ZERO
    }
}

impl From<i64> for Rational {
    fn from(value: i64) -> Rational {
        Rational(Repr::Small { num: value, den: 1 })
    }
}

impl PartialOrd for Rational {
    fn partial_cmp(&self, other: &Rational) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rational {
    fn cmp(&self, other: &Rational) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Small { num: a, den: b }, Repr::Small { num: c, den: d }) => {
                (*a as i128 * *d as i128).cmp(&(*c as i128 * *b as i128))
            }
            _ => self.big().cmp(&other.big()),
        }
    }
}

impl Neg for &Rational {
    type Output = Rational;
    fn neg(self) -> Rational {
        match &self.0 {
            Repr::Small { num, den } if *num != i64::MIN => {
                Rational(Repr::Small { num: -num, den: *den })
            }
            _ => Rational::from_big(-self.big()),
        }
    }
}

impl Add for &Rational {
    type Output = Rational;
    fn add(self, other: &Rational) -> Rational {
        if let (Repr::Small { num: a, den: b }, Repr::Small { num: c, den: d }) =
            (&self.0, &other.0)
        {
            let left = *a as i128 * *d as i128;
            let right = *c as i128 * *b as i128;
            if let Some(num) = left.checked_add(right) {
                return Rational::from_parts_128(num, *b as u128 * *d as u128);
            }
        }
        Rational::from_big(self.big() + other.big())
    }
}

impl Sub for &Rational {
    type Output = Rational;
    fn sub(self, other: &Rational) -> Rational {
        self + &-other
    }
}

impl Mul for &Rational {
    type Output = Rational;
    fn mul(self, other: &Rational) -> Rational {
        if let (Repr::Small { num: a, den: b }, Repr::Small { num: c, den: d }) =
            (&self.0, &other.0)
        {
            return Rational::from_parts_128(*a as i128 * *c as i128, *b as u128 * *d as u128);
        }
        Rational::from_big(self.big() * other.big())
    }
}

impl AddAssign<&Rational> for Rational {
    fn add_assign(&mut self, other: &Rational) {
        *self = &*self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_exact() {
        let tenth = Rational::parse_decimal("0.1").unwrap();
        assert_eq!(&tenth * &Rational::from(10), Rational::ONE);
        assert!(tenth < Rational::from_f64(0.1).unwrap());
        assert_eq!(Rational::parse_decimal("-2.50e1").unwrap(), Rational::from(-25));
        assert_eq!(Rational::parse_decimal(".5").unwrap(), Rational::from_f64(0.5).unwrap());
        assert_eq!(Rational::parse_decimal("1e-20").unwrap().to_string(), "0.00000000000000000001");
        for bad in ["", "-", ".", "1.2.3", "1e", "1e+", "0x1", "nan", "inf", "1 ", "--1"] {
            assert!(Rational::parse_decimal(bad).is_err(), "{bad}");
        }
        for large in [
            "1e999999999",
            "1e-9223372036854775808",
            "0.5e-9223372036854775808",
            "1e99999999999999999999",
        ] {
            let result = Rational::parse_decimal(large);
            assert!(matches!(result, Err(ParseRationalError::ExponentTooLarge(_))), "{large}");
        }
    }

    #[test]
    fn floors_round_down() {
        for (num, den, floor) in
            [(7, 2, 3), (-7, 2, -4), (-8, 2, -4), (0, 3, 0), (i64::MIN, 3, i64::MIN / 3 - 1)]
        {
            assert_eq!(Rational::from_parts_128(num.into(), den).floor(), Rational::from(floor));
        }
        let big = Rational::from_f64(1.0e300).unwrap();
        let third = Rational::ONE.checked_div(&Rational::from(3)).unwrap();
        assert_eq!((&big + &third).floor(), big);
        assert_eq!((&-&big + &third).floor(), -&big);
    }

    proptest! {
        #[test]
        fn directed_conversions_enclose(num in any::<i64>(), den in 1u64..) {
            let value = Rational::from_parts_128(num as i128, den as u128);
            let down = Rational::from_f64(value.to_f64_down()).unwrap();
            let up = Rational::from_f64(value.to_f64_up()).unwrap();
            prop_assert!(down <= value && value <= up);
            prop_assert!(value.to_f64_down().next_up() >= value.to_f64_up());
        }

        /// Over the whole range of floats, subnormal numbers and overflow included.
        #[test]
        fn directed_conversions_enclose_quotients(a in any::<u64>(), b in any::<u64>(), ulps in 0u32..4) {
            let (a, b) = (f64::from_bits(a), f64::from_bits(b));
            prop_assume!(a.is_finite() && b.is_finite() && b != 0.0);
            let (x, y) = (Rational::from_f64(a).unwrap(), Rational::from_f64(b).unwrap());
            let tiny = Rational::from_f64(f64::from(ulps) * 0.25 * f64::from_bits(1).sqrt()).unwrap();
            for value in [x.checked_div(&y).unwrap(), &x * &y, &x + &y, &(&x * &tiny) * &tiny] {
                let (down, up) = (value.to_f64_down(), value.to_f64_up());
                match Rational::from_f64(down) {
                    Some(exact) => prop_assert!(exact <= value),
                    None => prop_assert!(down == f64::NEG_INFINITY),
                }
                match Rational::from_f64(up) {
                    Some(exact) => prop_assert!(value <= exact),
                    None => prop_assert!(up == f64::INFINITY),
                }
                prop_assert!(down == up || down.next_up() == up, "{down:e} {up:e}");
                prop_assert_eq!(down == up, value.to_f64_exact().is_some());
            }
        }

        #[test]
        fn arithmetic_agrees_with_big_rationals(a in any::<i64>(), b in 1u64.., c in any::<i64>(), d in 1u64..) {
            let x = Rational::from_parts_128(a as i128, b as u128);
            let y = Rational::from_parts_128(c as i128, d as u128);
            prop_assert_eq!((&x + &y).big(), x.big() + y.big());
            prop_assert_eq!((&x - &y).big(), x.big() - y.big());
            prop_assert_eq!((&x * &y).big(), x.big() * y.big());
            prop_assert_eq!(x.cmp(&y), x.big().cmp(&y.big()));
        }

        #[test]
        fn floats_round_trip(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                let exact = Rational::from_f64(value).unwrap();
                prop_assert_eq!(exact.to_f64_exact(), Some(value + 0.0));
                let text = exact.to_decimal().unwrap();
                prop_assert_eq!(Rational::parse_decimal(&text).unwrap(), exact);
            }
        }
    }
}
