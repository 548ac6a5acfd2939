//! What an evaluation needs of a number beyond arithmetic: pointwise functions and functions of groups.

use super::function::Function;
use super::normalization::{self, Statistics};
use super::softmax;
use crate::number::{Exact, Interval, Order, Rational, Scalar};

/// A number type in which every operator can be evaluated.
///
/// In `f32` and `f64` a result is a rounded one, the same on every machine; on intervals it encloses, all reals
/// where an operator is not defined; in [`Exact`] it is exact, or nothing where it is not rational.
pub trait Analytic: Scalar + Order {
    /// The image under a pointwise function.
    fn pointwise(&self, function: &Function) -> Self;
    /// `x` where it is not negative, `slope x` elsewhere.
    fn p_relu(&self, slope: &Self) -> Self;
    /// `e^x_i / sum_j e^x_j`, or its logarithm.
    fn softmax(group: &[Self], logarithm: bool) -> Vec<Self>;
    /// `(x_i - m) / sqrt(v + epsilon)`, `m` being the mean, or zero, and `v` the mean of `(x_j - m)^2`.
    fn normalized(group: &[Self], statistics: &Statistics) -> Vec<Self>;
}

macro_rules! float_analytic {
    ($type:ty) => {
        impl Analytic for $type {
            fn pointwise(&self, function: &Function) -> Self {
                function.approximate(f64::from(*self)) as $type
            }
            fn p_relu(&self, slope: &Self) -> Self {
                if *self < 0.0 { slope * self } else { *self }
            }
            fn softmax(group: &[Self], logarithm: bool) -> Vec<Self> {
                softmax::rounded(
                    group,
                    logarithm,
                    |x| x.pointwise(&Function::Exp),
                    |x| x.pointwise(&Function::Log),
                )
            }
            fn normalized(group: &[Self], statistics: &Statistics) -> Vec<Self> {
                normalization::rounded(group, statistics, |x| <$type>::sqrt(*x))
            }
        }
    };
}

float_analytic!(f32);
float_analytic!(f64);

impl Analytic for Interval {
    fn pointwise(&self, function: &Function) -> Self {
        function.image(*self)
    }
    fn p_relu(&self, slope: &Self) -> Self {
        let part = |lo: f64, hi: f64| (lo <= hi).then_some(Interval { lo, hi });
        let above = part(self.lo.max(0.0), self.hi);
        let below = part(self.lo, self.hi.min(0.0)).map(|below| below.mul(*slope));
        match (below, above) {
            (Some(below), Some(above)) => below.hull(above),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Interval::ALL,
        }
    }
    fn softmax(group: &[Self], logarithm: bool) -> Vec<Self> {
        softmax::enclosed(group, logarithm)
    }
    fn normalized(group: &[Self], statistics: &Statistics) -> Vec<Self> {
        normalization::enclosed(group, statistics)
    }
}

impl Analytic for Exact {
    fn pointwise(&self, function: &Function) -> Self {
        self.map(|x| function.exact(x))
    }
    fn p_relu(&self, slope: &Self) -> Self {
        self.combine(slope, |x, slope| {
            Some(if *x < Rational::ZERO { x * slope } else { x.clone() })
        })
    }
    fn softmax(group: &[Self], _: bool) -> Vec<Self> {
        vec![Exact::NOTHING; group.len()]
    }
    fn normalized(group: &[Self], _: &Statistics) -> Vec<Self> {
        vec![Exact::NOTHING; group.len()]
    }
}
