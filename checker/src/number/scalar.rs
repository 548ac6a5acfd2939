//! What the evaluation of a network asks of a number.

use super::{Interval, Rational};

/// Integers of a network that an evaluation carries lie between this number and its negative.
///
/// int32 and int64 tensors are read as one type, so the narrower one decides.
const INTEGERS: i64 = 1 << 31;

/// A number type in which a graph can be evaluated.
///
/// For `f32` and `f64` the operations are the rounded ones of IEEE 754, in the order in which the
/// evaluator calls them; for [`Interval`] they enclose; for [`Rational`] they are exact.
///
/// Truth values and integers of the network are carried as numbers, 0 and 1 for the former. What
/// compares and chooses is in [`super::Order`], in terms of the two ends that a number has: an interval's
/// are its bounds, any other number is both of its own ends.
pub trait Scalar: Clone {
    /// A lower or upper end.
    type End: Clone + PartialOrd;
    /// The exact value of a float32 or float64 that a model stores; `value` is finite.
    ///
    /// For `f32` the value is rounded, which is exact for the weights of a float32 model.
    fn from_stored(value: f64) -> Self;
    /// An integer; rounded for floats, enclosed by intervals.
    fn from_integer(value: i64) -> Self;
    /// A rational; rounded for floats, enclosed by intervals.
    fn from_rational(value: &Rational) -> Self;
    /// Zero.
    fn zero() -> Self;
    /// Sum.
    fn add(&self, other: &Self) -> Self;
    /// Difference.
    fn sub(&self, other: &Self) -> Self;
    /// Product.
    fn mul(&self, other: &Self) -> Self;
    /// Quotient by a number that is not zero.
    fn div(&self, other: &Self) -> Self;
    /// Quotient by any number; `None` where an exact one does not exist.
    ///
    /// Floats follow IEEE 754; an interval that is divided by one around zero is all reals.
    fn checked_div(&self, other: &Self) -> Option<Self>;
    /// Square root; `None` where the type cannot say it.
    ///
    /// It is correctly rounded for floats; the root of an interval with negative numbers is all reals.
    fn sqrt(&self) -> Option<Self>;
    /// Negation, exact in every type.
    fn neg(&self) -> Self;
    /// `max(0, .)`, exact in every type.
    fn relu(&self) -> Self;
    /// The integer next to the number on the way to zero, exact in every type.
    fn trunc(&self) -> Self;
    /// Whether there is a value; only [`super::Exact`] may have none.
    fn is_defined(&self) -> bool {
        true
    }
    /// The number in float32 if a float type can be rounded to that; itself in any other type.
    fn to_single(&self) -> Self;
    /// The least real that the number may be.
    fn low(&self) -> &Self::End;
    /// The greatest real that the number may be.
    fn high(&self) -> &Self::End;
    /// The number with these ends, which agree in a type that is no interval.
    fn between(low: Self::End, high: Self::End) -> Self;
    /// The least and the greatest integer that the number may be; `None` if it is none or unbounded.
    fn integers(&self) -> Option<(i64, i64)>;
    /// An integer of the network as this type carries it: within the range of int32, and exact.
    ///
    /// `None` where that cannot be; an interval then becomes all reals.
    fn integer(&self) -> Option<Self>;

    /// `sums[i * sum_step] += weight * values[i * value_step]` for `count` values of i; `weight` is finite.
    ///
    /// # Panics
    ///
    /// If a slice is shorter than the steps need.
    fn add_scaled(
        sums: &mut [Self],
        sum_step: usize,
        values: &[Self],
        value_step: usize,
        count: usize,
        weight: f64,
    ) {
        let weight = Self::from_stored(weight);
        if sum_step == 1 && value_step == 1 {
            // The usual case, which the compiler turns into vector instructions.
            for (sum, value) in sums[..count].iter_mut().zip(&values[..count]) {
                *sum = sum.add(&weight.mul(value));
            }
        } else {
            for i in 0..count {
                let sum = &mut sums[i * sum_step];
                *sum = sum.add(&weight.mul(&values[i * value_step]));
            }
        }
    }
}

macro_rules! float_scalar {
    ($type:ty, $integers:expr) => {
        impl Scalar for $type {
            type End = $type;
            fn from_stored(value: f64) -> Self {
                value as $type
            }
            fn from_integer(value: i64) -> Self {
                value as $type
            }
            fn from_rational(value: &Rational) -> Self {
                value.to_f64() as $type
            }
            fn zero() -> Self {
                0.0
            }
            fn add(&self, other: &Self) -> Self {
                self + other
            }
            fn sub(&self, other: &Self) -> Self {
                self - other
            }
            fn mul(&self, other: &Self) -> Self {
                self * other
            }
            fn div(&self, other: &Self) -> Self {
                self / other
            }
            fn checked_div(&self, other: &Self) -> Option<Self> {
                Some(self / other)
            }
            fn sqrt(&self) -> Option<Self> {
                Some(<$type>::sqrt(*self))
            }
            fn neg(&self) -> Self {
                -self
            }
            fn relu(&self) -> Self {
                // NaN stays NaN, unlike `max`.
                if *self < 0.0 { 0.0 } else { *self }
            }
            fn trunc(&self) -> Self {
                <$type>::trunc(*self)
            }
            fn to_single(&self) -> Self {
                *self as f32 as $type
            }
            fn low(&self) -> &Self {
                self
            }
            fn high(&self) -> &Self {
                self
            }
            fn between(low: Self, high: Self) -> Self {
                if low == high { low } else { <$type>::NAN }
            }
            fn integers(&self) -> Option<(i64, i64)> {
                let integer = <$type>::trunc(*self) == *self && self.abs() < 1.0e18;
                integer.then_some((*self as i64, *self as i64))
            }
            fn integer(&self) -> Option<Self> {
                (<$type>::trunc(*self) == *self && self.abs() <= $integers as $type)
                    .then_some(*self)
            }
        }
    };
}

// Every integer up to here is a float.
float_scalar!(f32, 1 << 24);
float_scalar!(f64, INTEGERS);

impl Scalar for Interval {
    type End = f64;
    fn from_stored(value: f64) -> Self {
        Interval::point(value)
    }
    fn from_integer(value: i64) -> Self {
        Interval::around(&Rational::from(value))
    }
    fn from_rational(value: &Rational) -> Self {
        Interval::around(value)
    }
    fn zero() -> Self {
        Interval::ZERO
    }
    fn add(&self, other: &Self) -> Self {
        Interval::add(*self, *other)
    }
    fn sub(&self, other: &Self) -> Self {
        Interval::add(*self, Interval::neg(*other))
    }
    fn mul(&self, other: &Self) -> Self {
        Interval::mul(*self, *other)
    }
    fn div(&self, other: &Self) -> Self {
        if other.lo <= 0.0 && other.hi >= 0.0 {
            return Interval::ALL;
        }
        // 1/y is monotone on either side of zero.
        let reciprocal = Interval::new((1.0 / other.hi).next_down(), (1.0 / other.lo).next_up());
        Interval::mul(*self, reciprocal)
    }
    fn checked_div(&self, other: &Self) -> Option<Self> {
        Some(Scalar::div(self, other))
    }
    fn sqrt(&self) -> Option<Self> {
        Some(Interval::sqrt(*self))
    }
    fn neg(&self) -> Self {
        Interval::neg(*self)
    }
    fn relu(&self) -> Self {
        Interval::relu(*self)
    }
    fn trunc(&self) -> Self {
        // Truncation is monotone and maps floats to floats.
        Interval::new(self.lo.trunc(), self.hi.trunc())
    }
    fn to_single(&self) -> Self {
        *self
    }
    fn low(&self) -> &f64 {
        &self.lo
    }
    fn high(&self) -> &f64 {
        &self.hi
    }
    fn between(low: f64, high: f64) -> Self {
        Interval::new(low, high)
    }
    fn integers(&self) -> Option<(i64, i64)> {
        let (low, high) = (self.lo.ceil(), self.hi.floor());
        (low <= high && low > -1.0e18 && high < 1.0e18).then_some((low as i64, high as i64))
    }
    fn integer(&self) -> Option<Self> {
        let inside = self.lo >= -(INTEGERS as f64) && self.hi <= INTEGERS as f64;
        // An integer in the interval also lies between the integers next to its ends.
        let tight = Interval::new(self.lo.ceil(), self.hi.floor());
        Some(if inside { tight } else { Interval::ALL })
    }
    fn add_scaled(
        sums: &mut [Self],
        sum_step: usize,
        values: &[Self],
        value_step: usize,
        count: usize,
        weight: f64,
    ) {
        Interval::add_scaled(sums, sum_step, values, value_step, count, weight);
    }
}

impl Scalar for Rational {
    type End = Rational;
    fn from_stored(value: f64) -> Self {
        Rational::from_f64(value)
            .expect("stored values are checked to be finite when they are read")
    }
    fn from_integer(value: i64) -> Self {
        Rational::from(value)
    }
    fn from_rational(value: &Rational) -> Self {
        value.clone()
    }
    fn zero() -> Self {
        Rational::ZERO
    }
    fn add(&self, other: &Self) -> Self {
        self + other
    }
    fn sub(&self, other: &Self) -> Self {
        self - other
    }
    fn mul(&self, other: &Self) -> Self {
        self * other
    }
    fn div(&self, other: &Self) -> Self {
        self.checked_div(other).expect("divisors are checked to be nonzero when they are read")
    }
    fn checked_div(&self, other: &Self) -> Option<Self> {
        Rational::checked_div(self, other)
    }
    fn sqrt(&self) -> Option<Self> {
        None
    }
    fn neg(&self) -> Self {
        -self
    }
    fn relu(&self) -> Self {
        Rational::relu(self)
    }
    fn trunc(&self) -> Self {
        Rational::trunc(self)
    }
    fn to_single(&self) -> Self {
        self.clone()
    }
    fn low(&self) -> &Self {
        self
    }
    fn high(&self) -> &Self {
        self
    }
    fn between(low: Self, _: Self) -> Self {
        low
    }
    fn integers(&self) -> Option<(i64, i64)> {
        self.to_integer().map(|value| (value, value))
    }
    fn integer(&self) -> Option<Self> {
        self.to_integer().filter(|value| value.abs() <= INTEGERS).map(|_| self.clone())
    }
}
