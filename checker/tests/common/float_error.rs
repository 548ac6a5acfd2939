//! How far a float execution may be from the exact value, whatever the order of its sums.
//!
//! [`Run`] is a number type for the reference evaluator. It carries an enclosure of the exact value and
//! what is needed for a bound on the distance of any execution that rounds to nearest, operator by
//! operator, with sums in any order and tree, with or without fused multiply-add:
//!
//! A value that is a sum of terms t_1..t_k, computed with at most a additions, each term with at most p
//! further roundings, is computed as sum t_i (1 + d_i) with |d_i| <= gamma_n, n = a + p, gamma_n =
//! n u / (1 - n u) (Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.1 and 4.2). If the
//! computed terms t_i differ from the exact ones by e_i, the distance is at most sum e_i + gamma_n sum
//! |t_i|. `terms` holds sum |t_i|, `inherited` sum e_i. Addition is exact below the normal range; a
//! product or quotient there may be off by half the least subnormal, `eta` bounds that.
//!
//! The bounds themselves are computed in float64, each operation rounded up.

use plimsoll_check::number::{Interval, Order, Rational, Scalar};
use plimsoll_check::ops::{Analytic, Function, Statistics};

/// A number of an execution in float64 if `DOUBLE`, else in float32.
#[derive(Clone, Debug)]
pub struct Run<const DOUBLE: bool> {
    /// Encloses the exact value.
    pub exact: Interval,
    /// Sum of the magnitudes of the computed terms.
    terms: f64,
    /// Additions between the terms.
    additions: u32,
    /// Other roundings that each term has met.
    products: u32,
    /// Sum of the distances of the computed terms from the exact ones.
    inherited: f64,
}

fn up_add(a: f64, b: f64) -> f64 {
    if a == 0.0 {
        return b;
    }
    if b == 0.0 { a } else { (a + b).next_up() }
}

fn up_mul(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { (a * b).next_up() }
}

fn magnitude(interval: Interval) -> f64 {
    interval.lo.abs().max(interval.hi.abs())
}

impl<const DOUBLE: bool> Run<DOUBLE> {
    /// Unit roundoff.
    const UNIT: f64 = if DOUBLE { f64::EPSILON / 2.0 } else { f32::EPSILON as f64 / 2.0 };
    /// At least half the least subnormal number.
    const ETA: f64 = if DOUBLE { f64::from_bits(1) } else { 7.1e-46 };

    /// An upper bound on the distance of the computed value from the exact one.
    pub fn error(&self) -> f64 {
        let n = f64::from(self.additions) + f64::from(self.products);
        // n u is exact: an integer below 2^33 times a power of two.
        let share = n * Self::UNIT;
        assert!(share < 0.5, "the bound has no meaning for so long a sum");
        // 1 - n u is rounded by at most half a unit, so the float below it is below.
        let gamma = if n == 0.0 { 0.0 } else { (share / (1.0 - share).next_down()).next_up() };
        up_add(self.inherited, up_mul(gamma, self.terms))
    }

    /// The value as one computed term.
    fn settled(&self, exact: Interval) -> Run<DOUBLE> {
        let inherited = self.error();
        let terms = up_add(magnitude(exact), inherited);
        Run { exact, terms, additions: 0, products: 0, inherited }
    }

    fn is_constant(&self) -> bool {
        self.inherited == 0.0
            && self.additions + self.products == 0
            && self.exact.lo == self.exact.hi
    }

    /// The product with a stored number: a factor of every term, or of the sum.
    fn scaled(&self, by: &Run<DOUBLE>) -> Run<DOUBLE> {
        let factor = magnitude(by.exact);
        if factor == 0.0 {
            return Run::zero();
        }
        let underflow = up_mul(f64::from(self.additions) + 1.0, Self::ETA);
        Run {
            exact: Interval::mul(self.exact, by.exact),
            terms: up_mul(self.terms, factor),
            additions: self.additions,
            products: self.products + 1,
            inherited: up_add(up_mul(self.inherited, factor), underflow),
        }
    }
}

/// Sums, products and quotients are all that the recorded models need.
impl<const DOUBLE: bool> Scalar for Run<DOUBLE> {
    type End = f64;

    fn from_stored(value: f64) -> Self {
        let exact = Interval::point(value);
        Run { exact, terms: value.abs(), additions: 0, products: 0, inherited: 0.0 }
    }

    fn from_integer(value: i64) -> Self {
        unreachable!("the integer {value} in a recorded model")
    }

    fn from_rational(value: &Rational) -> Self {
        unreachable!("the ratio {value} in a recorded model")
    }

    fn zero() -> Self {
        Self::from_stored(0.0)
    }

    fn add(&self, other: &Self) -> Self {
        // Adding a zero is exact in any order.
        if self.terms == 0.0 && self.inherited == 0.0 {
            return other.clone();
        }
        if other.terms == 0.0 && other.inherited == 0.0 {
            return self.clone();
        }
        Run {
            exact: Interval::add(self.exact, other.exact),
            terms: up_add(self.terms, other.terms),
            additions: self.additions + other.additions + 1,
            products: self.products.max(other.products),
            inherited: up_add(self.inherited, other.inherited),
        }
    }

    fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }

    fn mul(&self, other: &Self) -> Self {
        if other.is_constant() {
            return self.scaled(other);
        }
        if self.is_constant() {
            return other.scaled(self);
        }
        let (a, b) = (self.settled(self.exact), other.settled(other.exact));
        // |a' b' - a b| <= |a' - a| |b'| + |a| |b' - b|.
        let error = up_add(up_mul(a.inherited, b.terms), up_mul(magnitude(a.exact), b.inherited));
        Run {
            exact: Interval::mul(a.exact, b.exact),
            terms: up_mul(a.terms, b.terms),
            additions: 0,
            products: 1,
            inherited: up_add(error, Self::ETA),
        }
    }

    fn div(&self, other: &Self) -> Self {
        let (a, b) = (self.settled(self.exact), other.settled(other.exact));
        let exact = Scalar::div(&a.exact, &b.exact);
        let least = (b.exact.lo.abs().min(b.exact.hi.abs()) - b.inherited).next_down();
        assert!(least > 0.0, "the divisor may be zero");
        // |a'/b' - a/b| = |(a' - a) - (a/b) (b' - b)| / |b'|.
        let error = up_add(a.inherited, up_mul(magnitude(exact), b.inherited));
        let error = (error / least).next_up();
        let error = if a.inherited == 0.0 && b.inherited == 0.0 { 0.0 } else { error };
        Run {
            exact,
            terms: up_add(magnitude(exact), error),
            additions: 0,
            products: 1,
            inherited: up_add(error, Self::ETA),
        }
    }

    fn checked_div(&self, other: &Self) -> Option<Self> {
        Some(self.div(other))
    }

    fn sqrt(&self) -> Option<Self> {
        unreachable!("a root in a recorded model")
    }

    fn trunc(&self) -> Self {
        unreachable!("a cast in a recorded model")
    }

    fn to_single(&self) -> Self {
        unreachable!("a cast in a recorded model")
    }

    fn low(&self) -> &f64 {
        &self.exact.lo
    }

    fn high(&self) -> &f64 {
        &self.exact.hi
    }

    fn between(low: f64, high: f64) -> Self {
        unreachable!("a choice between {low} and {high} in a recorded model")
    }

    fn integers(&self) -> Option<(i64, i64)> {
        unreachable!("an index in a recorded model")
    }

    fn integer(&self) -> Option<Self> {
        unreachable!("an integer in a recorded model")
    }

    fn neg(&self) -> Self {
        Run { exact: Interval::neg(self.exact), ..self.clone() }
    }

    fn relu(&self) -> Self {
        // Exact, and it brings no two numbers further apart.
        self.settled(Interval::relu(self.exact))
    }
}

/// The recorded models have linear operators and relu only: for others the errors are tabled per function
/// and tested one by one.
impl<const DOUBLE: bool> Order for Run<DOUBLE> {}

impl<const DOUBLE: bool> Analytic for Run<DOUBLE> {
    fn pointwise(&self, function: &Function) -> Self {
        unreachable!("{function:?} in a recorded model")
    }

    fn p_relu(&self, _: &Self) -> Self {
        unreachable!("PRelu in a recorded model")
    }

    fn softmax(_: &[Self], _: bool) -> Vec<Self> {
        unreachable!("Softmax in a recorded model")
    }

    fn normalized(_: &[Self], _: &Statistics) -> Vec<Self> {
        unreachable!("a normalisation in a recorded model")
    }
}
