//! Exact numbers with a mark for what has no value.

use super::{Rational, Scalar};

/// A rational, or nothing where an operation has no rational result: a division by zero, an exponential.
///
/// What is computed from nothing is nothing, so that a network can be evaluated exactly as far as that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exact(pub Option<Rational>);

impl Exact {
    /// No value.
    pub const NOTHING: Exact = Exact(None);

    /// The image under a function.
    pub fn map(&self, f: impl FnOnce(&Rational) -> Option<Rational>) -> Exact {
        Exact(self.0.as_ref().and_then(f))
    }

    /// The image of two numbers under a function.
    pub fn combine(
        &self,
        other: &Exact,
        f: impl FnOnce(&Rational, &Rational) -> Option<Rational>,
    ) -> Exact {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Exact(f(a, b)),
            _ => Exact::NOTHING,
        }
    }
}

impl From<Rational> for Exact {
    fn from(value: Rational) -> Exact {
        Exact(Some(value))
    }
}

impl Scalar for Exact {
    fn from_stored(value: f64) -> Self {
        Exact(Rational::from_f64(value))
    }
    fn zero() -> Self {
        Exact(Some(Rational::ZERO))
    }
    fn add(&self, other: &Self) -> Self {
        self.combine(other, |a, b| Some(a + b))
    }
    fn sub(&self, other: &Self) -> Self {
        self.combine(other, |a, b| Some(a - b))
    }
    fn mul(&self, other: &Self) -> Self {
        self.combine(other, |a, b| Some(a * b))
    }
    fn div(&self, other: &Self) -> Self {
        self.combine(other, Rational::checked_div)
    }
    fn neg(&self) -> Self {
        self.map(|a| Some(-a))
    }
    fn relu(&self) -> Self {
        self.map(|a| Some(a.relu()))
    }
}
