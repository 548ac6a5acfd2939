//! Pointwise functions: the operators that apply one function of a real variable to every element.
//!
//! A [`Function`] is at most three [`Curve`]s that meet at kinks or jumps, or one of a few special ones (sign,
//! the roundings, the trigonometric functions). All else follows from that: images of intervals and
//! slopes in [`image`], what bends where in [`shape`], proven lines below and above in [`line`].

mod curve;
mod float_error;
mod image;
mod line;
mod read;
mod shape;

#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod tests;

use crate::number::Elementary;
pub(super) use curve::{Branches, Curve};
pub use float_error::{FloatError, float32_error};
pub(super) use read::*;
pub use shape::{Break, BreakKind, Piece};

/// A function of one real variable, with its parameters.
///
/// Parameters are exact; those that ONNX gives as attributes are float32 numbers, defaults included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// `x` for `x >= 0`, `alpha x` below.
    LeakyRelu {
        /// Slope on the left.
        alpha: f32,
    },
    /// `x` for `x >= 0`, `alpha (e^x - 1)` below.
    Elu {
        /// Minus the limit on the left.
        alpha: f32,
    },
    /// `gamma x` for `x > 0`, `gamma alpha (e^x - 1)` below.
    Selu {
        /// Factor on the left.
        alpha: f32,
        /// Factor of both.
        gamma: f32,
    },
    /// `x` for `x >= 0`, `alpha (e^(x / alpha) - 1)` below; `alpha > 0`.
    Celu {
        /// Minus the limit on the left.
        alpha: f32,
    },
    /// `x` for `x > alpha`, zero elsewhere: a jump, unless `alpha` is zero.
    ThresholdedRelu {
        /// The threshold, which itself maps to zero.
        alpha: f32,
    },
    /// `max(0, min(1, alpha x + beta))`.
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// `x max(0, min(1, x a + 1/2))` with the float32 number `a` next to 1/6, as the standard's definition by HardSigmoid has it.
    HardSwish,
    /// `min(max, max(min, x))` with `min <= max`; a bound that is absent is infinite.
    Clip {
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
    },
    /// `|x|`.
    Abs,
    /// -1, 0 or 1.
    Sign,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `ln(1 + e^x)`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x tanh(ln(1 + e^x))`.
    Mish,
    /// `x Phi(x)`, `Phi` being the normal distribution.
    Gelu,
    /// `x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2`, constants as the standard's formula has them.
    GeluTanh,
    /// `x / (1 + e^(-alpha x))`.
    Swish {
        /// Factor of the argument.
        alpha: f32,
    },
    /// Error function.
    Erf,
    /// `e^x`.
    Exp,
    /// Natural logarithm, for `x > 0`.
    Log,
    /// Square root, for `x >= 0`.
    Sqrt,
    /// `1 / x`, for `x != 0`.
    Reciprocal,
    /// `x^exponent`; negative `x` for integers only, zero for `exponent >= 0` only (`0^0` is one).
    Pow {
        /// The exponent.
        exponent: f64,
    },
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Tangent.
    Tan,
    /// Arc tangent.
    Atan,
    /// Greatest integer that is not above.
    Floor,
    /// Least integer that is not below.
    Ceil,
    /// Nearest integer, the even one of two.
    Round,
}

impl Function {
    /// Whether rationals have rational values, so that a point can be evaluated exactly.
    pub fn is_rational(&self) -> bool {
        match self {
            Function::LeakyRelu { .. }
            | Function::ThresholdedRelu { .. }
            | Function::HardSigmoid { .. }
            | Function::HardSwish
            | Function::Clip { .. }
            | Function::Abs
            | Function::Sign
            | Function::Softsign
            | Function::Reciprocal
            | Function::Floor
            | Function::Ceil
            | Function::Round => true,
            Function::Pow { exponent } => image::small_integer(*exponent).is_some(),
            _ => false,
        }
    }

    /// The elementary function that it is, if it is no more than one.
    pub(crate) fn elementary(&self) -> Option<Elementary> {
        Some(match self {
            Function::Sigmoid => Elementary::Sigmoid,
            Function::Tanh => Elementary::Tanh,
            Function::Softplus => Elementary::Softplus,
            Function::Softsign => Elementary::Softsign,
            Function::Mish => Elementary::Mish,
            Function::Gelu => Elementary::Gelu,
            Function::GeluTanh => Elementary::GeluTanh,
            Function::Erf => Elementary::Erf,
            Function::Exp => Elementary::Exp,
            Function::Log => Elementary::Log,
            Function::Sqrt => Elementary::Sqrt,
            Function::Reciprocal => Elementary::Reciprocal,
            Function::Pow { exponent } => Elementary::Power(*exponent),
            Function::Sin => Elementary::Sin,
            Function::Cos => Elementary::Cos,
            Function::Tan => Elementary::Tan,
            Function::Atan => Elementary::Atan,
            _ => return None,
        })
    }
}
