//! Operators: one file a family, each with definition, attributes, shapes and evaluation.
//!
//! [`SUPPORTED`] is the one list of ONNX operators that are read; the reader dispatches through it. Each
//! entry reads an `Application` (operands with their shapes and constants, attributes) into an [`Op`]
//! with everything resolved, or into constants. Data movement is described by [`index_map`], which
//! evaluation and constant folding share.

mod analytic;
mod application;
mod attributes;
mod broadcast;
mod constant;
mod elementwise;
mod evaluate;
mod fold;
mod fold_cost;
mod function;
mod grouping;
mod index_map;
mod join;
mod linear;
mod normalization;
mod quantize;
mod reduce;
mod shape;
mod softmax;

pub use analytic::Analytic;
pub(crate) use application::{Application, Operand, Reading};
pub(crate) use attributes::Attributes;
pub use evaluate::{evaluate, evaluate_all, evaluate_exact};
pub(crate) use fold::{Folded, Known, fold};
pub(crate) use fold_cost::Budget;
pub use function::{Break, BreakKind, FloatError, Function, Piece, float32_error};
pub use grouping::Grouping;
pub use index_map::{Source, index_map};
pub use normalization::{Normalization, Statistics, float32_error as normalization_float32_error};
pub use quantize::{DEQUANTIZE_ERROR, QUANTIZE_ERROR, Range};
pub use softmax::float32_error as softmax_float32_error;

use crate::error::Error;
use crate::graph::ElementType;

/// An ONNX operator that is read.
#[derive(Clone, Copy)]
pub struct Operator {
    /// Its `op_type`.
    pub name: &'static str,
    /// The first opset, among those that are read at all, that has it.
    pub since: i64,
    /// What is asked of its operands beyond the standard, or empty.
    pub note: &'static str,
    read: fn(&mut Application<'_>) -> Result<Reading, Error>,
}

impl Operator {
    pub(crate) fn read(&self, application: &mut Application<'_>) -> Result<Reading, Error> {
        (self.read)(application)
    }
}

const fn operator(
    name: &'static str,
    since: i64,
    note: &'static str,
    read: fn(&mut Application<'_>) -> Result<Reading, Error>,
) -> Operator {
    Operator { name, since, note, read }
}

/// All operators that are read, by name.
pub const SUPPORTED: &[Operator] = &[
    operator("Abs", 7, "", function::abs),
    operator("Add", 7, "", elementwise::add),
    operator("Atan", 7, "", function::atan),
    operator("Ceil", 7, "", function::ceil),
    operator("Celu", 12, "alpha is positive", function::celu),
    operator("Clip", 7, "the bounds are constant", function::clip),
    operator("Concat", 7, "", join::concat),
    operator("Constant", 7, "dense tensors and numbers", constant::constant),
    operator("ConstantOfShape", 9, "the shape is constant", constant::constant_of_shape),
    operator("Cos", 7, "", function::cos),
    operator("DequantizeLinear", 10, "per tensor or axis", quantize::dequantize),
    operator("Div", 7, "the divisor is constant and not zero", elementwise::div),
    operator("Dropout", 7, "at inference, without the mask", elementwise::dropout),
    operator("Elu", 7, "", function::elu),
    operator("Erf", 9, "", function::erf),
    operator("Exp", 7, "", function::exp),
    operator("Flatten", 7, "", shape::flatten),
    operator("Floor", 7, "", function::floor),
    operator("Gather", 7, "the indices are constant", join::gather),
    operator("Gelu", 20, "", function::gelu),
    operator("Gemm", 7, "A or B is constant", linear::gemm),
    operator("GroupNormalization", 18, "", normalization::group),
    operator("HardSigmoid", 7, "", function::hard_sigmoid),
    operator("HardSwish", 14, "", function::hard_swish),
    operator("Identity", 7, "", elementwise::identity),
    operator("InstanceNormalization", 7, "", normalization::instance),
    operator(
        "LayerNormalization",
        17,
        "without the results for mean and deviation",
        normalization::layer,
    ),
    operator("LeakyRelu", 7, "", function::leaky_relu),
    operator("Log", 7, "", function::log),
    operator("LogSoftmax", 7, "", softmax::log_softmax),
    operator("MatMul", 7, "one side is constant", linear::matmul),
    operator("Mish", 18, "", function::mish),
    operator("Mul", 7, "one side is constant", elementwise::mul),
    operator("Neg", 7, "", elementwise::neg),
    operator("PRelu", 7, "the slope is constant", function::p_relu),
    operator("Pow", 7, "the exponent is constant, one number for all elements", function::pow),
    operator(
        "QuantizeLinear",
        10,
        "int8 and uint8, per tensor or axis, with constant positive scales",
        quantize::quantize,
    ),
    operator("RMSNormalization", 23, "", normalization::root_mean_square),
    operator("Reciprocal", 7, "", function::reciprocal),
    operator("ReduceSum", 7, "the axes are constant", reduce::reduce_sum),
    operator("Relu", 7, "", elementwise::relu),
    operator("Reshape", 7, "the shape is constant", shape::reshape),
    operator("Round", 11, "", function::round),
    operator("Selu", 7, "", function::selu),
    operator("Shape", 7, "", constant::shape),
    operator("Sigmoid", 7, "", function::sigmoid),
    operator("Sign", 9, "", function::sign),
    operator("Sin", 7, "", function::sin),
    operator("Slice", 7, "starts, ends, axes and steps are constant", join::slice),
    operator("Softmax", 7, "", softmax::softmax),
    operator("Softplus", 7, "", function::softplus),
    operator("Softsign", 7, "", function::softsign),
    operator("Split", 7, "the lengths are constant", join::split),
    operator("Sqrt", 7, "", function::sqrt),
    operator("Squeeze", 7, "the axes are constant", shape::squeeze),
    operator("Sub", 7, "", elementwise::sub),
    operator("Swish", 24, "", function::swish),
    operator("Tan", 7, "", function::tan),
    operator("Tanh", 7, "", function::tanh),
    operator("ThresholdedRelu", 10, "", function::thresholded_relu),
    operator("Transpose", 7, "", shape::transpose),
    operator("Unsqueeze", 7, "the axes are constant", shape::unsqueeze),
];

/// The entry of an operator in [`SUPPORTED`].
pub fn supported(name: &str) -> Option<&'static Operator> {
    SUPPORTED.binary_search_by(|operator| operator.name.cmp(name)).ok().map(|at| &SUPPORTED[at])
}

/// An operator with its attributes, all of them known and checked.
///
/// Shapes, axes, indices and the like are resolved when the model is read, whether they came as
/// attributes or as constant operands; the operands of a node are only those that carry data.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// `max(0, x)`, elementwise.
    Relu,
    /// The operand itself.
    Identity,
    /// `-x`, elementwise.
    Neg,
    /// `a + b` with broadcasting.
    Add,
    /// `a - b` with broadcasting.
    Sub,
    /// `a * b` with broadcasting; at most one side depends on the inputs.
    Mul,
    /// `a / b` with broadcasting; `b` does not depend on the inputs and has no zero.
    Div,
    /// `alpha * A' * B' + beta * C`; at most one of A and B depends on the inputs, C may be absent.
    Gemm {
        /// Factor of the product.
        alpha: f32,
        /// Factor of the third operand.
        beta: f32,
        /// Whether the first operand is transposed.
        trans_a: bool,
        /// Whether the second operand is transposed.
        trans_b: bool,
    },
    /// numpy's `matmul`; at most one side depends on the inputs.
    MatMul,
    /// The same elements in row-major order under the output's shape: Reshape, Flatten, Squeeze, Unsqueeze.
    Reshape,
    /// Axes permuted: output axis `i` is input axis `perm[i]`.
    Transpose {
        /// The permutation.
        perm: Vec<usize>,
    },
    /// Operands joined along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// Elements `start, start + step, ...` of each axis; the output's shape says how many.
    Slice {
        /// First index of each axis.
        start: Vec<usize>,
        /// Step of each axis, not zero.
        step: Vec<isize>,
    },
    /// Consecutive pieces along an axis, one per output.
    Split {
        /// The axis.
        axis: usize,
    },
    /// Entries along an axis, picked by constant indices.
    Gather {
        /// The axis.
        axis: usize,
        /// Flat indices, each inside the axis; the output's shape has their shape in place of the axis.
        indices: Vec<usize>,
    },
    /// Sum over axes.
    ReduceSum {
        /// Sorted axes that are summed over.
        axes: Vec<usize>,
    },
    /// A function of each element.
    Pointwise(Function),
    /// `x` where it is not negative, `slope x` elsewhere; the slope broadcasts and does not depend on the inputs.
    PRelu,
    /// `e^x_i / sum_j e^x_j` over each group, or its logarithm.
    Softmax {
        /// The groups.
        grouping: Grouping,
        /// Whether the logarithm is taken.
        logarithm: bool,
    },
    /// Elements of groups less their mean over their deviation, scaled and shifted.
    Normalization(Normalization),
    /// `saturate(round(x / scale) + zero)`, halves to even; scale and zero point are constants.
    Quantize {
        /// The shape under which scale and zero point broadcast.
        affine: Vec<usize>,
        /// What results are saturated to.
        range: Range,
    },
    /// `(x - zero) scale`.
    Dequantize {
        /// The shape under which scale and zero point broadcast.
        affine: Vec<usize>,
    },
}

impl Op {
    /// Whether rational operands have rational results, so that a point can be evaluated exactly.
    pub fn is_rational(&self) -> bool {
        match self {
            Op::Pointwise(function) => function.is_rational(),
            Op::Softmax { .. } | Op::Normalization(_) => false,
            _ => true,
        }
    }

    /// The element type of the results, given that of the first operand.
    pub(crate) fn result_element(&self, first: ElementType) -> ElementType {
        match self {
            Op::Quantize { range, .. } if range.min < 0 => ElementType::I8,
            Op::Quantize { .. } => ElementType::U8,
            Op::Dequantize { .. } => ElementType::F32,
            _ => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_by_name() {
        assert!(SUPPORTED.is_sorted_by(|a, b| a.name < b.name));
        assert!(SUPPORTED.iter().all(|operator| supported(operator.name).is_some()));
        assert!(supported("FrobnicateV9").is_none());
    }
}
