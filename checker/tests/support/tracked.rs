//! An exact number that knows how far an execution in floats may be from it.

use plimsoll_check::number::{Order, Rational, Scalar};
use plimsoll_check::ops::{Analytic, Function, Statistics};
use std::cmp::Ordering;

/// The exact value of an expression, and what bounds the error of any execution of it.
///
/// An execution with unit roundoff u, in any order and with any fusing of its sums, errs by at most
/// `gamma * size` with `gamma = n * u / (1 - n * u)` for `n = roundings`: `size` is the expression with
/// every term replaced by its absolute value, and `roundings` the largest number of operations on the
/// way from an input to the result, which no order of a sum exceeds (Higham, Accuracy and Stability of
/// Numerical Algorithms, chapter 3). Underflow does not occur with the numbers of the tests.
///
/// While `grid` is known, every intermediate result of any order is a multiple of `2^-grid` below
/// `2^(24 - grid)`, so float32 computes without rounding at all.
#[derive(Debug, Clone)]
pub struct Tracked {
    pub value: Rational,
    pub size: Rational,
    pub roundings: u32,
    pub grid: Option<u32>,
}

/// 2^exponent.
fn power(exponent: u32) -> Rational {
    (0..exponent).fold(Rational::ONE, |power, _| &power + &power)
}

impl Tracked {
    /// An input or a stored constant.
    pub fn exact(value: Rational) -> Tracked {
        let grid = (0..40).find(|grid| (&value * &power(*grid)).to_integer().is_some());
        let size = value.abs();
        Tracked { value, size, roundings: 0, grid: None }.on(grid)
    }

    fn on(mut self, grid: Option<u32>) -> Tracked {
        self.grid = grid.filter(|grid| &self.size * &power(*grid) <= power(24));
        self
    }

    /// How far an execution may be from the value, with the given unit roundoff and so many more
    /// roundings than counted.
    pub fn error(&self, unit: &Rational, more: u32) -> Rational {
        if self.grid.is_some() {
            return Rational::ZERO;
        }
        let n = &Rational::from(i64::from(self.roundings + more)) * unit;
        let gamma = n.checked_div(&(&Rational::ONE - &n)).unwrap();
        &gamma * &self.size
    }

    fn sign(&self, value: Rational) -> Tracked {
        Tracked { value, ..self.clone() }
    }
}

impl PartialEq for Tracked {
    fn eq(&self, other: &Tracked) -> bool {
        self.value == other.value
    }
}

impl PartialOrd for Tracked {
    fn partial_cmp(&self, other: &Tracked) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl Scalar for Tracked {
    type End = Tracked;
    fn from_stored(value: f64) -> Self {
        Tracked::exact(Rational::from_f64(value).unwrap())
    }
    fn from_integer(value: i64) -> Self {
        Tracked::exact(Rational::from(value))
    }
    fn from_rational(value: &Rational) -> Self {
        // A float64 close to it is rounded to float32.
        Tracked { roundings: 2, ..Tracked::exact(value.clone()) }
    }
    fn zero() -> Self {
        Tracked::exact(Rational::ZERO)
    }
    fn add(&self, other: &Self) -> Self {
        let grid = self.grid.zip(other.grid).map(|(a, b)| a.max(b));
        Tracked {
            value: &self.value + &other.value,
            size: &self.size + &other.size,
            roundings: self.roundings.max(other.roundings) + 1,
            grid: None,
        }
        .on(grid)
    }
    fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }
    fn mul(&self, other: &Self) -> Self {
        let grid = self.grid.zip(other.grid).map(|(a, b)| a + b);
        Tracked {
            value: &self.value * &other.value,
            size: &self.size * &other.size,
            roundings: self.roundings + other.roundings + 1,
            grid: None,
        }
        .on(grid)
    }
    fn div(&self, other: &Self) -> Self {
        self.checked_div(other).unwrap()
    }
    fn checked_div(&self, other: &Self) -> Option<Self> {
        // The relative error of the divisor must be bounded by its roundings.
        assert_eq!(other.size, other.value.abs(), "a divisor with cancellation");
        let two = (0..20).find(|shift| other.value == power(*shift));
        let grid = self.grid.zip(two).map(|(grid, shift)| grid + shift);
        Some(
            Tracked {
                value: self.value.checked_div(&other.value)?,
                size: self.size.checked_div(&other.size)?,
                roundings: self.roundings + other.roundings + 1,
                grid: None,
            }
            .on(grid),
        )
    }
    fn sqrt(&self) -> Option<Self> {
        assert_eq!(self.size, self.value, "a root with cancellation");
        let guess = Rational::from_f64(self.value.to_f64().sqrt())?;
        if guess.is_zero() {
            return Some(self.clone());
        }
        // One step of Newton's method from 53 correct bits: what is left is far below one rounding.
        let half = Rational::from_f64(0.5)?;
        let value = &(&guess + &self.value.checked_div(&guess)?) * &half;
        Some(Tracked { size: value.clone(), value, roundings: self.roundings + 2, grid: None })
    }
    fn neg(&self) -> Self {
        self.sign(-&self.value)
    }
    fn relu(&self) -> Self {
        if self.value.signum() < 0 { Tracked::zero() } else { self.clone() }
    }
    fn trunc(&self) -> Self {
        self.sign(self.value.trunc())
    }
    fn to_single(&self) -> Self {
        // One rounding to float32 is as bad as 2^29 roundings to float64.
        match self.grid {
            Some(_) => self.clone(),
            None => Tracked { roundings: self.roundings + (1 << 29), ..self.clone() },
        }
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
        self.value.to_integer().map(|value| (value, value))
    }
    fn integer(&self) -> Option<Self> {
        self.value.to_integer().map(|_| self.clone())
    }
}

/// The cases have none of these: their errors are tabled and tested one by one.
impl Analytic for Tracked {
    fn pointwise(&self, function: &Function) -> Self {
        unreachable!("{function:?} in a case")
    }
    fn p_relu(&self, _: &Self) -> Self {
        unreachable!("PRelu in a case")
    }
    fn softmax(_: &[Self], _: bool) -> Vec<Self> {
        unreachable!("Softmax in a case")
    }
    fn normalized(_: &[Self], _: &Statistics) -> Vec<Self> {
        unreachable!("a normalisation in a case")
    }
}

impl Order for Tracked {}
