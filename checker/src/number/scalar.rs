//! What the evaluation of a network asks of a number.

use super::{Interval, Rational};

/// A number type in which a graph can be evaluated.
///
/// For `f32` and `f64` the operations are the rounded ones of IEEE 754, in the order in which the
/// evaluator calls them; for [`Interval`] they enclose; for [`Rational`] they are exact.
pub trait Scalar: Clone {
    /// The exact value of a float32 or float64 that a model stores; `value` is finite.
    ///
    /// For `f32` the value is rounded, which is exact for the weights of a float32 model.
    fn from_stored(value: f64) -> Self;
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
    /// Negation, exact in every type.
    fn neg(&self) -> Self;
    /// `max(0, .)`, exact in every type.
    fn relu(&self) -> Self;
}

macro_rules! float_scalar {
    ($type:ty) => {
        impl Scalar for $type {
            fn from_stored(value: f64) -> Self {
                value as $type
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
            fn neg(&self) -> Self {
                -self
            }
            fn relu(&self) -> Self {
                // NaN stays NaN, unlike `max`.
                if *self < 0.0 { 0.0 } else { *self }
            }
        }
    };
}

float_scalar!(f32);
float_scalar!(f64);

impl Scalar for Interval {
    fn from_stored(value: f64) -> Self {
        Interval::point(value)
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
    fn neg(&self) -> Self {
        Interval::neg(*self)
    }
    fn relu(&self) -> Self {
        Interval::relu(*self)
    }
}

impl Scalar for Rational {
    fn from_stored(value: f64) -> Self {
        Rational::from_f64(value)
            .expect("stored values are checked to be finite when they are read")
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
    fn neg(&self) -> Self {
        -self
    }
    fn relu(&self) -> Self {
        Rational::relu(self)
    }
}
