//! Exact numbers with a mark for what has no value.

use super::{Rational, Scalar};
use std::cmp::Ordering;

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

/// What has no value is in no order with anything.
impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Exact) -> Option<Ordering> {
        self.0.as_ref()?.partial_cmp(other.0.as_ref()?)
    }
}

impl Scalar for Exact {
    type End = Exact;
    fn from_stored(value: f64) -> Self {
        Exact(Rational::from_f64(value))
    }
    fn from_integer(value: i64) -> Self {
        Exact(Some(Rational::from(value)))
    }
    fn from_rational(value: &Rational) -> Self {
        Exact(Some(value.clone()))
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
    fn checked_div(&self, other: &Self) -> Option<Self> {
        Some(self.div(other)).filter(Exact::is_defined)
    }
    fn sqrt(&self) -> Option<Self> {
        None
    }
    fn trunc(&self) -> Self {
        self.map(|a| Some(a.trunc()))
    }
    fn is_defined(&self) -> bool {
        self.0.is_some()
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
        self.0.as_ref()?.integers()
    }
    fn integer(&self) -> Option<Self> {
        Some(Exact(Some(self.0.as_ref()?.integer()?)))
    }
    fn neg(&self) -> Self {
        self.map(|a| Some(-a))
    }
    fn relu(&self) -> Self {
        self.map(|a| Some(a.relu()))
    }
}
