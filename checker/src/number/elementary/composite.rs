//! Functions made of exp, log1p, erfc and arithmetic, with their derivatives.
//!
//! Exponentials are taken of the negated magnitude, so that nothing overflows and no two large numbers
//! are subtracted; what is lost is in the radii of the balls.

use super::error_function::erfc;
use super::exponential::{exp, expm1};
use super::logarithm::log1p;
use super::tables::{SQRT_HALF, SQRT_TWO_OVER_PI, TWO_OVER_SQRT_PI};
use crate::number::ball::Ball;

fn magnitude(x: Ball) -> Ball {
    if x.mid < 0 { x.neg() } else { x }
}

/// `e^-|x|`.
fn decay(x: Ball) -> Ball {
    exp(magnitude(x).neg())
}

/// `1 / (1 + e^-x)`.
pub(super) fn sigmoid(x: Ball) -> Ball {
    let e = decay(x);
    let numerator = if x.mid < 0 { e } else { Ball::ONE };
    numerator.div(e.add(Ball::ONE))
}

/// `e / (1 + e)^2` for `e = e^-|x|`, the derivative of the sigmoid, an even function.
pub(super) fn sigmoid_slope(x: Ball) -> Ball {
    let e = decay(x);
    e.div(e.add(Ball::ONE).square())
}

/// `(1 - e) / (1 + e)` for `e = e^-2|x|`, with the sign of `x`.
pub(super) fn tanh(x: Ball) -> Ball {
    let m = expm1(magnitude(x).scale(1).neg());
    let value = m.div(m.add(Ball::TWO));
    if x.mid < 0 { value } else { value.neg() }
}

/// `4 e / (1 + e)^2` for `e = e^-2|x|`.
pub(super) fn tanh_slope(x: Ball) -> Ball {
    sigmoid_slope(x.scale(1)).scale(2)
}

/// `ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|)`.
pub(super) fn softplus(x: Ball) -> Ball {
    let rest = log1p(decay(x));
    if x.mid < 0 { rest } else { x.add(rest) }
}

/// `x sigmoid(x)`.
pub(super) fn silu(x: Ball) -> Ball {
    x.mul(sigmoid(x))
}

/// `s + x s'`.
pub(super) fn silu_slope(x: Ball) -> Ball {
    sigmoid(x).add(x.mul(sigmoid_slope(x)))
}

/// `x tanh(softplus(x)) = x (q - 1) / (q + 1)` for `q = (1 + e^x)^2`.
pub(super) fn mish(x: Ball) -> Ball {
    let e = decay(x);
    let square = e.square();
    let (numerator, rest) = if x.mid < 0 {
        // q - 1 = e^2 + 2 e for e = e^x.
        (square.add(e.scale(1)), Ball::TWO)
    } else {
        // Numerator and denominator over e^2x, for e = e^-x.
        (e.scale(1).add(Ball::ONE), square.scale(1))
    };
    x.mul(numerator).div(numerator.add(rest))
}

/// `e^x w / d^2` for `w = 4 (x + 1) + 4 e^2x + e^3x + e^x (4 x + 6)`, `d = 2 e^x + e^2x + 2`.
pub(super) fn mish_slope(x: Ball) -> Ball {
    let e = decay(x);
    let square = e.square();
    let cube = square.mul(e);
    let (first, third) = (x.add(Ball::ONE).scale(2), x.scale(2).add(Ball::integer(6)));
    if x.mid < 0 {
        let w = first.add(square.scale(2)).add(cube).add(e.mul(third));
        let d = e.scale(1).add(square).add(Ball::TWO);
        return e.mul(w).div(d.square());
    }
    // Numerator and denominator over e^4x, for e = e^-x.
    let w = first.mul(cube).add(e.scale(2)).add(Ball::ONE).add(square.mul(third));
    let d = e.scale(1).add(Ball::ONE).add(square.scale(1));
    w.div(d.square())
}

/// The normal distribution's `Phi(x) = erfc(-x / sqrt 2) / 2`.
fn normal(x: Ball) -> Ball {
    erfc(x.mul(SQRT_HALF).neg()).scale(-1)
}

/// `exp(-x^2) 2 / sqrt(pi)`, the derivative of erf.
pub(super) fn erf_slope(x: Ball) -> Ball {
    exp(x.square().neg()).mul(TWO_OVER_SQRT_PI)
}

/// `x Phi(x)`.
pub(super) fn gelu(x: Ball) -> Ball {
    x.mul(normal(x))
}

/// `Phi(x) + x phi(x)` with `phi(x) = exp(-x^2/2) / sqrt(2 pi)`.
pub(super) fn gelu_slope(x: Ball) -> Ball {
    let density = exp(x.square().scale(-1).neg()).mul(TWO_OVER_SQRT_PI).mul(SQRT_HALF).scale(-1);
    normal(x).add(x.mul(density))
}

/// 0.044715, the standard's coefficient in the tanh form of GELU.
fn cubic_coefficient() -> Ball {
    Ball::integer(44_715).div(Ball::integer(1_000_000))
}

/// `2 u` for `u = sqrt(2/pi) (x + 0.044715 x^3)`; the tanh form is `x (1 + tanh u) / 2 = x sigmoid(2 u)`.
fn gelu_tanh_argument(x: Ball) -> Ball {
    let cubic = x.square().mul(cubic_coefficient()).add(Ball::ONE);
    x.mul(cubic).mul(SQRT_TWO_OVER_PI).scale(1)
}

/// The tanh form of GELU, `x sigmoid(2 u)`.
pub(super) fn gelu_tanh(x: Ball) -> Ball {
    x.mul(sigmoid(gelu_tanh_argument(x)))
}

/// `sigmoid(2 u) + x sigmoid'(2 u) 2 u'`.
pub(super) fn gelu_tanh_slope(x: Ball) -> Ball {
    let u = gelu_tanh_argument(x);
    let cubic = x.square().mul(cubic_coefficient());
    let inner = cubic.scale(1).add(cubic).add(Ball::ONE).mul(SQRT_TWO_OVER_PI).scale(1);
    sigmoid(u).add(x.mul(sigmoid_slope(u)).mul(inner))
}

/// `x / (1 + |x|)`.
pub(super) fn softsign(x: Ball) -> Ball {
    x.div(magnitude(x).add(Ball::ONE))
}

/// `1 / (1 + |x|)^2`.
pub(super) fn softsign_slope(x: Ball) -> Ball {
    Ball::ONE.div(magnitude(x).add(Ball::ONE).square())
}
