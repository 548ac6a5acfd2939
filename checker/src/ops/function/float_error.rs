//! The pointwise float32 error of every function: what an execution is assumed to compute.
//!
//! This is the one table of these numbers. The semantics `float32` assumes them, and the comparison with onnxruntime tests
//! that they hold there. They allow for at least twice what was measured with onnxruntime 1.32 on x86-64 (range reduction
//! by clamping in its sigmoid, `1 + erf` in its GELU, `e^x - 1` for ELU), so that other libraries fit too.

use super::Function;

/// `|executed - exact| <= relative |exact| + absolute + linear |x|` for a float32 `x`, as long as the exact value is within
/// the range of float32; under gradual underflow. Nothing is promised about sign or range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloatError {
    /// Multiple of the exact value.
    pub relative: f64,
    /// Constant.
    pub absolute: f64,
    /// Multiple of the argument.
    pub linear: f64,
}

/// The unit of rounding of float32, `2^-24`.
const UNIT: f64 = 1.0 / (1u64 << 24) as f64;
/// The least subnormal float32.
const TINY: f64 = 1.401298464324817e-45;
/// The least normal float32.
const NORMAL: f64 = f32::MIN_POSITIVE as f64;

/// The error of a function in float32.
pub fn float32_error(function: &Function) -> FloatError {
    let error = |relative: f64, absolute: f64, linear: f64| FloatError {
        relative: relative * UNIT,
        absolute,
        linear: linear * UNIT,
    };
    let magnitude = |value: f32| f64::from(value).abs();
    match *function {
        // Comparisons and copies.
        Function::Abs
        | Function::Sign
        | Function::Clip { .. }
        | Function::ThresholdedRelu { .. }
        | Function::Floor
        | Function::Ceil
        | Function::Round => error(0.0, 0.0, 0.0),
        // One rounding.
        Function::LeakyRelu { .. } | Function::Sqrt | Function::Reciprocal => error(2.0, TINY, 0.0),
        // A rounded product next to one or zero.
        Function::HardSigmoid { beta, .. } => error(1.0, 4.0 * UNIT * (1.0 + magnitude(beta)), 0.0),
        Function::HardSwish => error(4.0, TINY, 4.0),
        // e^x - 1 is a difference of rounded numbers.
        Function::Elu { alpha } => error(8.0, 2.0 * UNIT * magnitude(alpha) + TINY, 0.0),
        Function::Celu { alpha } => error(8.0, 4.0 * UNIT * magnitude(alpha) + TINY, 0.0),
        Function::Selu { alpha, gamma } => {
            error(8.0, 4.0 * UNIT * magnitude(alpha) * magnitude(gamma) + TINY, 0.0)
        }
        // The argument may be clamped at 17 or so.
        Function::Sigmoid => error(8.0, 4.0 * UNIT, 0.0),
        Function::Swish { .. } => error(8.0, TINY, 8.0),
        // Subnormal intermediate results may be lost.
        Function::Tanh | Function::Mish => error(16.0, NORMAL, 0.0),
        Function::Softplus | Function::Exp => error(16.0, 2.0 * TINY, 0.0),
        Function::Softsign | Function::Erf => error(8.0, 2.0 * TINY, 0.0),
        Function::Log | Function::Atan => error(8.0, TINY, 0.0),
        Function::Pow { .. } => error(16.0, 2.0 * TINY, 0.0),
        // 1 + erf and 1 + tanh next to -1.
        Function::Gelu => error(8.0, TINY, 2.0),
        Function::GeluTanh => error(8.0, TINY, 8.0),
        // The argument's reduction may leave an absolute error.
        Function::Sin | Function::Cos => error(8.0, UNIT, 0.0),
        Function::Tan => error(16.0, UNIT, 0.0),
    }
}
