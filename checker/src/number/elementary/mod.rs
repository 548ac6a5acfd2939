//! Elementary functions with proven enclosures of their values and slopes.
//!
//! Nothing here trusts a floating-point library. A function is an argument reduction and a power series
//! (or a continued fraction, for the tail of erfc) in 63-bit integer arithmetic, with each loss counted in a
//! comment beside the code and carried in the radius of a `Ball`. Constants are tabled with a
//! test that recomputes them; coefficients of series are computed by the compiler from their definitions.
//!
//! [`Elementary::value`] and [`Elementary::slope`] enclose at a point or, in balls, on a narrow set;
//! [`Elementary::image`] and [`Elementary::slopes`] enclose on any interval and are as narrow, since
//! functions and slopes are monotone between turning points that are known.

mod composite;
mod error_function;
#[cfg(test)]
mod exhaustive;
mod exponential;
mod image;
mod logarithm;
mod power;
mod series;
mod tables;
mod trigonometric;
mod turning;

#[cfg(test)]
pub(crate) mod reference;
#[cfg(test)]
mod tests;

use super::Interval;
use super::ball::Ball;
pub(crate) use turning::cut;
pub use turning::{Curvature, Turning};

/// An elementary function of one real variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Elementary {
    /// `e^x`.
    Exp,
    /// `e^x - 1`.
    Expm1,
    /// Natural logarithm, for `x > 0`.
    Log,
    /// `ln(1 + x)`, for `x > -1`.
    Log1p,
    /// Square root, for `x >= 0`.
    Sqrt,
    /// `1 / x`, for `x != 0`.
    Reciprocal,
    /// `x^p`; negative `x` for integers `p` only, zero for `p >= 0` only (`0^0` is one).
    Power(f64),
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Tangent.
    Tan,
    /// Arc tangent.
    Atan,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `x / (1 + |x|)`.
    Softsign,
    /// Error function.
    Erf,
    /// `ln(1 + e^x)`.
    Softplus,
    /// `x sigmoid(x)`.
    Silu,
    /// `x tanh(softplus(x))`.
    Mish,
    /// `x Phi(x)`, `Phi` being the normal distribution.
    Gelu,
    /// `x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2`.
    GeluTanh,
}

impl Elementary {
    /// The value at a float; all reals where the function is not defined, limits at infinities.
    pub fn value(self, x: f64) -> Interval {
        if x.is_finite() {
            return self.clamp(self.at(Ball::exact(x)).interval(), x);
        }
        self.limit(x)
    }

    /// The derivative at a float; all reals where there is none.
    pub fn slope(self, x: f64) -> Interval {
        match x.is_finite() {
            true => self.slope_at(Ball::exact(x)).interval(),
            false => Interval::ALL,
        }
    }

    /// A float near the value, within one unit in the last place (a few for powers that are done by
    /// logarithms; for the value zero: within a subnormal number); NaN where the function is not defined
    /// and for sin, cos and tan beyond 1e15. The same on every machine.
    pub fn approximate(self, x: f64) -> f64 {
        if !x.is_finite() {
            let limit = self.limit(x);
            return if limit == Interval::ALL { f64::NAN } else { limit.lo };
        }
        let ball = self.at(Ball::exact(x));
        let unreduced = x.abs() > trigonometric::LARGEST_ARGUMENT
            && matches!(self, Elementary::Sin | Elementary::Cos | Elementary::Tan);
        if unreduced {
            return f64::NAN;
        }
        if !ball.is_all() {
            return ball.nearest();
        }
        let value = self.value(x);
        match value == Interval::ALL {
            true => f64::NAN,
            false if value.hi == f64::INFINITY => value.hi,
            false => value.lo,
        }
    }

    /// The values on a ball; all reals where one of them is not defined.
    pub(crate) fn at(self, x: Ball) -> Ball {
        if x.is_all() {
            return Ball::ALL;
        }
        match self {
            Elementary::Exp => exponential::exp(x),
            Elementary::Expm1 => exponential::expm1(x),
            Elementary::Log => logarithm::ln(x),
            Elementary::Log1p => logarithm::log1p(x),
            Elementary::Sqrt => power::sqrt(x),
            Elementary::Reciprocal => Ball::ONE.div(x),
            Elementary::Power(p) => power::power(x, p),
            Elementary::Sin => trigonometric::sin_quarters(x, 0),
            Elementary::Cos => trigonometric::sin_quarters(x, 1),
            Elementary::Tan => trigonometric::tan(x),
            Elementary::Atan => trigonometric::atan(x),
            Elementary::Tanh => composite::tanh(x),
            Elementary::Sigmoid => composite::sigmoid(x),
            Elementary::Softsign => composite::softsign(x),
            Elementary::Erf => error_function::erf(x),
            Elementary::Softplus => composite::softplus(x),
            Elementary::Silu => composite::silu(x),
            Elementary::Mish => composite::mish(x),
            Elementary::Gelu => composite::gelu(x),
            Elementary::GeluTanh => composite::gelu_tanh(x),
        }
    }

    /// The derivatives on a ball; all reals where one of them does not exist.
    pub(crate) fn slope_at(self, x: Ball) -> Ball {
        if x.is_all() {
            return Ball::ALL;
        }
        match self {
            Elementary::Exp | Elementary::Expm1 => exponential::exp(x),
            Elementary::Log if !x.is_positive() => Ball::ALL,
            Elementary::Log => Ball::ONE.div(x),
            Elementary::Log1p => match x.add(Ball::ONE) {
                above if above.is_positive() => Ball::ONE.div(above),
                _ => Ball::ALL,
            },
            Elementary::Sqrt => Ball::HALF.div(power::sqrt(x)),
            Elementary::Reciprocal => Ball::ONE.div(x.square()).neg(),
            Elementary::Power(p) => power::power_slope(x, p),
            Elementary::Sin => trigonometric::sin_quarters(x, 1),
            Elementary::Cos => trigonometric::sin_quarters(x, 2),
            Elementary::Tan => Ball::ONE.div(trigonometric::sin_quarters(x, 1).square()),
            Elementary::Atan => Ball::ONE.div(x.square().add(Ball::ONE)),
            Elementary::Tanh => composite::tanh_slope(x),
            Elementary::Sigmoid => composite::sigmoid_slope(x),
            Elementary::Softsign => composite::softsign_slope(x),
            Elementary::Erf => composite::erf_slope(x),
            Elementary::Softplus => composite::sigmoid(x),
            Elementary::Silu => composite::silu_slope(x),
            Elementary::Mish => composite::mish_slope(x),
            Elementary::Gelu => composite::gelu_slope(x),
            Elementary::GeluTanh => composite::gelu_tanh_slope(x),
        }
    }

    /// Narrows an enclosure of the value at `x` by what is known of the function's range.
    fn clamp(self, value: Interval, x: f64) -> Interval {
        let (lo, hi) = match self {
            // Beyond 710 the value is above the largest float, below -746 under half the least.
            Elementary::Exp if x > 710.0 => (f64::MAX, f64::INFINITY),
            Elementary::Expm1 if x > 710.0 => (f64::MAX, f64::INFINITY),
            Elementary::Exp => (0.0, f64::INFINITY),
            Elementary::Expm1 => (-1.0, f64::INFINITY),
            Elementary::Sin | Elementary::Cos => (-1.0, 1.0),
            Elementary::Sigmoid => (0.0, 1.0),
            Elementary::Softplus => (x.max(0.0), f64::INFINITY),
            Elementary::Tanh | Elementary::Erf | Elementary::Softsign => match x {
                ..0.0 => (-1.0, 0.0),
                _ => (0.0, 1.0),
            },
            // At most x and not below zero on the right, at most zero on the left.
            Elementary::Silu | Elementary::Mish | Elementary::Gelu | Elementary::GeluTanh => {
                (if x >= 0.0 { 0.0 } else { -1.0 }, x.max(0.0))
            }
            Elementary::Power(p) => power::range(x, p, value),
            Elementary::Log
            | Elementary::Log1p
            | Elementary::Sqrt
            | Elementary::Reciprocal
            | Elementary::Tan
            | Elementary::Atan => return value,
        };
        Interval { lo: value.lo.max(lo), hi: value.hi.min(hi) }
    }

    /// The limit at an infinity as the narrowest interval around it, or all reals.
    fn limit(self, x: f64) -> Interval {
        let up = x == f64::INFINITY;
        let down = x == f64::NEG_INFINITY;
        let point = |value: f64| Interval { lo: value, hi: value };
        match self {
            _ if !up && !down => Interval::ALL,
            Elementary::Exp | Elementary::Softplus => point(if up { x } else { 0.0 }),
            Elementary::Expm1 => point(if up { x } else { -1.0 }),
            Elementary::Log | Elementary::Log1p | Elementary::Sqrt if up => point(x),
            Elementary::Reciprocal => point(0.0),
            Elementary::Power(p) => power::limit(up, p),
            Elementary::Atan => {
                let quarter = self.at(Ball::ONE).scale(1).interval();
                if up { quarter } else { quarter.neg() }
            }
            Elementary::Tanh | Elementary::Erf | Elementary::Softsign => {
                point(if up { 1.0 } else { -1.0 })
            }
            Elementary::Sigmoid => point(if up { 1.0 } else { 0.0 }),
            Elementary::Silu | Elementary::Mish | Elementary::Gelu | Elementary::GeluTanh => {
                point(if up { x } else { 0.0 })
            }
            _ => Interval::ALL,
        }
    }
}
