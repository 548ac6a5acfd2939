//! Operators: one file a family, each with definition, attributes, shapes and evaluation.
//!
//! [`SUPPORTED`] is the one list of ONNX operators that are read; the reader dispatches through it. Each
//! entry reads an `Application` (operands with their shapes and constants, attributes) into an [`Op`]
//! with everything resolved, or into constants. Data movement is described by [`index_map`], which
//! evaluation and constant folding share.

mod analytic;
mod application;
mod attributes;
mod batch_normalization;
mod blocks;
mod broadcast;
mod cast;
mod compare;
mod constant;
mod convolution;
mod cumulate;
mod einsum;
mod elementwise;
mod evaluate;
mod extreme;
mod fold;
mod fold_cost;
mod function;
mod grouping;
mod index_map;
mod join;
mod learned;
mod linear;
mod normalization;
mod one_hot;
mod pad;
mod pick;
mod pool;
mod quantize;
mod reduce;
mod resize;
mod scatter;
mod shape;
mod softmax;
mod variadic;
mod window;

pub use analytic::Analytic;
pub(crate) use application::{Application, Operand, Reading};
pub(crate) use attributes::Attributes;
pub use compare::{Connective, Relation};
pub(crate) use evaluate::evaluate_each;
pub use evaluate::{Undefined, evaluate, evaluate_all, evaluate_exact};
pub(crate) use fold::{Folded, Known, Unstored, fold};
pub(crate) use fold_cost::Budget;
pub use function::{Break, BreakKind, FloatError, Function, Piece, float32_error};
pub use grouping::Grouping;
pub use index_map::{Fill, Source, index_map};
pub use learned::Norm;
pub use normalization::{Normalization, Statistics, float32_error as normalization_float32_error};
pub use quantize::{DEQUANTIZE_ERROR, QUANTIZE_ERROR, Range};
pub use reduce::Reduction;
pub use resize::Tap;
pub use scatter::Combination;
pub use softmax::float32_error as softmax_float32_error;
pub use window::Window;

use crate::error::Error;
use crate::graph::ElementType;
use std::sync::Arc;

/// The domain of the operators for classical machine learning.
pub const LEARNED: &str = "ai.onnx.ml";

/// An ONNX operator that is read.
#[derive(Clone, Copy)]
pub struct Operator {
    /// Its `op_type`.
    pub name: &'static str,
    /// Its domain, empty for the standard one.
    pub domain: &'static str,
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
    Operator { name, domain: "", since, note, read }
}

const fn learned(
    name: &'static str,
    note: &'static str,
    read: fn(&mut Application<'_>) -> Result<Reading, Error>,
) -> Operator {
    Operator { name, domain: LEARNED, since: 1, note, read }
}

/// All operators that are read, by name.
pub const SUPPORTED: &[Operator] = &[
    operator("Abs", 7, "", function::abs),
    operator("Add", 7, "", elementwise::add),
    operator("And", 7, "", compare::and),
    operator("ArgMax", 7, "", extreme::arg_max),
    operator("ArgMin", 7, "", extreme::arg_min),
    operator("Atan", 7, "", function::atan),
    operator("AveragePool", 7, "", pool::average_pool),
    operator(
        "BatchNormalization",
        7,
        "at inference, variances constant",
        batch_normalization::batch,
    ),
    operator("Cast", 7, "between float, double, int32, int64 and bool", cast::cast),
    operator("CastLike", 15, "between float, double, int64 and bool", cast::cast_like),
    operator("Ceil", 7, "", function::ceil),
    operator("Celu", 12, "alpha is positive", function::celu),
    operator("Clip", 7, "the bounds are constant", function::clip),
    operator("Concat", 7, "", join::concat),
    operator("Constant", 7, "dense tensors and numbers", constant::constant),
    operator("ConstantOfShape", 9, "the shape is constant", constant::constant_of_shape),
    operator("Conv", 7, "", convolution::conv),
    operator("ConvTranspose", 7, "", convolution::conv_transpose),
    operator("Cos", 7, "", function::cos),
    operator("CumSum", 11, "the axis is constant", cumulate::cum_sum),
    operator("DepthToSpace", 7, "", blocks::depth_to_space),
    operator("DequantizeLinear", 10, "per tensor or axis", quantize::dequantize),
    operator("Div", 7, "", elementwise::div),
    operator("Dropout", 7, "at inference, without the mask", elementwise::dropout),
    operator("Einsum", 12, "", einsum::einsum),
    operator("Elu", 7, "", function::elu),
    operator("Equal", 7, "", compare::equal),
    operator("Erf", 9, "", function::erf),
    operator("Exp", 7, "", function::exp),
    operator("Expand", 8, "the shape is constant", pick::expand),
    operator("Flatten", 7, "", shape::flatten),
    operator("Floor", 7, "", function::floor),
    operator("Gather", 7, "", join::gather),
    operator("GatherElements", 11, "the indices are constant", scatter::gather_elements),
    operator("GatherND", 11, "the indices are constant", scatter::gather_nd),
    operator("Gelu", 20, "", function::gelu),
    operator("Gemm", 7, "", linear::gemm),
    operator("GlobalAveragePool", 7, "", pool::global_average_pool),
    operator("GlobalMaxPool", 7, "", pool::global_max_pool),
    operator("Greater", 7, "", compare::greater),
    operator("GreaterOrEqual", 12, "", compare::greater_or_equal),
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
    operator("Less", 7, "", compare::less),
    operator("LessOrEqual", 12, "", compare::less_or_equal),
    learned("LinearClassifier", "integer labels, no post-transform", learned::linear_classifier),
    learned("LinearRegressor", "no post-transform", learned::linear_regressor),
    operator("Log", 7, "", function::log),
    operator("LogSoftmax", 7, "", softmax::log_softmax),
    operator("MatMul", 7, "", linear::matmul),
    operator("Max", 7, "", variadic::max),
    operator("MaxPool", 7, "without the indices", pool::max_pool),
    operator("Mean", 7, "", variadic::mean),
    operator("Min", 7, "", variadic::min),
    operator("Mish", 18, "", function::mish),
    operator("Mul", 7, "", elementwise::mul),
    operator("Neg", 7, "", elementwise::neg),
    operator("NonZero", 9, "of a constant", constant::non_zero),
    learned("Normalizer", "", learned::normalizer),
    operator("Not", 7, "", compare::not),
    operator("OneHot", 9, "the depth is constant", one_hot::one_hot),
    operator("Or", 7, "", compare::or),
    operator("PRelu", 7, "the slope is constant", function::p_relu),
    operator("Pad", 7, "the pads are constant", pad::pad),
    operator("Pow", 7, "the exponent is constant, one number for all elements", function::pow),
    operator(
        "QuantizeLinear",
        10,
        "int8 and uint8, per tensor or axis, with constant positive scales",
        quantize::quantize,
    ),
    operator("RMSNormalization", 23, "", normalization::root_mean_square),
    operator("Range", 11, "constant", constant::range),
    operator("Reciprocal", 7, "", function::reciprocal),
    operator("ReduceL1", 7, "the axes are constant", reduce::reduce_l1),
    operator("ReduceL2", 7, "the axes are constant", reduce::reduce_l2),
    operator("ReduceMax", 7, "the axes are constant", reduce::reduce_max),
    operator("ReduceMean", 7, "the axes are constant", reduce::reduce_mean),
    operator("ReduceMin", 7, "the axes are constant", reduce::reduce_min),
    operator("ReduceProd", 7, "the axes are constant", reduce::reduce_prod),
    operator("ReduceSum", 7, "the axes are constant", reduce::reduce_sum),
    operator("ReduceSumSquare", 7, "the axes are constant", reduce::reduce_sum_square),
    operator("Relu", 7, "", elementwise::relu),
    operator("Reshape", 7, "the shape is constant", shape::reshape),
    operator("Resize", 10, "nearest and linear, scales or sizes constant", resize::resize),
    operator("Round", 11, "", function::round),
    learned("Scaler", "", learned::scaler),
    operator("Scatter", 9, "the indices are constant", scatter::scatter_elements),
    operator("ScatterElements", 11, "the indices are constant", scatter::scatter_elements),
    operator("ScatterND", 11, "the indices are constant", scatter::scatter_nd),
    operator("Selu", 7, "", function::selu),
    operator("Shape", 7, "", constant::shape),
    operator("Sigmoid", 7, "", function::sigmoid),
    operator("Sign", 9, "", function::sign),
    operator("Sin", 7, "", function::sin),
    operator("Size", 7, "", constant::size),
    operator("Slice", 7, "starts, ends, axes and steps are constant", join::slice),
    operator("Softmax", 7, "", softmax::softmax),
    operator("Softplus", 7, "", function::softplus),
    operator("Softsign", 7, "", function::softsign),
    operator("SpaceToDepth", 7, "", blocks::space_to_depth),
    operator("Split", 7, "the lengths are constant", join::split),
    operator("Sqrt", 7, "", function::sqrt),
    operator("Squeeze", 7, "the axes are constant", shape::squeeze),
    operator("Sub", 7, "", elementwise::sub),
    operator("Sum", 7, "", variadic::sum),
    operator("Swish", 24, "", function::swish),
    operator("Tan", 7, "", function::tan),
    operator("Tanh", 7, "", function::tanh),
    operator("ThresholdedRelu", 10, "", function::thresholded_relu),
    operator("Tile", 7, "the repeats are constant", pick::tile),
    operator("TopK", 7, "sorted, the count is constant", extreme::top_k),
    operator("Transpose", 7, "", shape::transpose),
    operator("Trilu", 14, "the diagonal is constant", scatter::trilu),
    operator("Unsqueeze", 7, "the axes are constant", shape::unsqueeze),
    operator("Upsample", 7, "nearest and linear, scales constant", resize::upsample),
    operator("Where", 9, "", compare::choose),
    operator("Xor", 7, "", compare::xor),
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
    /// `a * b` with broadcasting.
    Mul,
    /// `a / b` of floats with broadcasting; `b` has no zero where it does not depend on the inputs.
    Div,
    /// `a / b` of integers with broadcasting, rounded toward zero.
    IntegerDiv,
    /// The sum of the operands with broadcasting.
    Sum,
    /// The mean of the operands with broadcasting.
    Mean,
    /// The greatest of the operands with broadcasting.
    Max,
    /// The smallest of the operands with broadcasting.
    Min,
    /// `alpha * A' * B' + beta * C`; C may be absent.
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
    /// numpy's `matmul`.
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
    /// Another reduction over axes.
    Reduce {
        /// What is computed of the elements.
        reduction: Reduction,
        /// Sorted axes that are reduced.
        axes: Vec<usize>,
    },
    /// Elements picked by one list of indices per axis of the result.
    ///
    /// Result element `(i0, i1, ...)` is operand element `(indices[0][i0], indices[1][i1], ...)`, or the
    /// fill if one of these is `None`. An operand of smaller rank is aligned at the last axis, and every
    /// index of the axes before is 0. Expand, Tile, Pad, and Resize to the nearest element are this.
    Pick {
        /// Indices, one list per axis of the result and as long as that.
        indices: Vec<Vec<Option<u32>>>,
        /// What stands where there is no element.
        fill: Fill,
    },
    /// The operand viewed with more axes, these permuted, and viewed under the result's shape:
    /// DepthToSpace, SpaceToDepth.
    Rearrange {
        /// The shape under which the operand is viewed.
        split: Vec<usize>,
        /// The permutation, as in Transpose.
        perm: Vec<usize>,
    },
    /// Each element of the result named by itself: GatherElements, GatherND, ScatterElements, ScatterND and
    /// OneHot with constant indices, and Trilu.
    Move {
        /// The sources, one per element of the result.
        sources: Arc<[Source]>,
    },
    /// The first operand, with elements of the second combined into some of its elements.
    Scatter {
        /// For each element of the second operand, the element of the first.
        targets: Arc<[u32]>,
        /// How they are combined.
        combination: Combination,
    },
    /// Entries along an axis, picked by the second operand.
    GatherAt {
        /// The axis.
        axis: usize,
    },
    /// Operands are indices and the pair (off, on): along a new axis, `on` at the index and `off` elsewhere.
    OneHot {
        /// The new axis in the result.
        axis: usize,
    },
    /// A cross-correlation; operands are data (batch, channels, spatial...), weights (outputs, channels
    /// per group, kernel...) and possibly a bias.
    Conv {
        /// How the kernel moves over the data.
        window: Window,
        /// Number of groups of channels.
        group: usize,
    },
    /// The transpose of [`Op::Conv`] as a linear map; operands are data (batch, channels, spatial...),
    /// weights (channels, outputs per group, kernel...) and possibly a bias.
    ConvTranspose {
        /// How the kernel moves over the *result*.
        window: Window,
        /// Number of groups of channels.
        group: usize,
    },
    /// `(x - mean) / sqrt(variance + epsilon) * scale + bias` per channel, which is axis 1; the operands
    /// are x, scale, bias, mean and variance.
    BatchNormalization {
        /// What is added to the variance.
        epsilon: f32,
    },
    /// The greatest element under a window; there is always one.
    MaxPool {
        /// How the window moves over the spatial axes.
        window: Window,
    },
    /// The mean of the elements under a window; there is always one.
    AveragePool {
        /// How the window moves over the spatial axes.
        window: Window,
        /// Whether the zeros of the padding count.
        include_padding: bool,
    },
    /// A weighted mean of few elements along each axis: Resize with linear interpolation.
    Interpolate {
        /// For each axis and place in the result, what contributes; nothing means the fill.
        taps: Vec<Vec<Vec<Tap>>>,
        /// The value where there is nothing to interpolate.
        fill: f32,
    },
    /// The index of the greatest element along an axis.
    ArgMax {
        /// The axis.
        axis: usize,
        /// Whether the last of equal elements counts instead of the first.
        last: bool,
    },
    /// The index of the smallest element along an axis.
    ArgMin {
        /// The axis.
        axis: usize,
        /// Whether the last of equal elements counts instead of the first.
        last: bool,
    },
    /// The first elements along an axis when sorted, and their indices; of equal ones the first comes first.
    TopK {
        /// The axis.
        axis: usize,
        /// Whether the greatest come first, or the smallest.
        greatest: bool,
    },
    /// A comparison of two operands with broadcasting; a truth value is 0 or 1.
    Compare {
        /// The relation.
        relation: Relation,
    },
    /// The negation of truth values.
    Not,
    /// Two truth values with broadcasting.
    Connect {
        /// The connective.
        connective: Connective,
    },
    /// The second operand where the first one holds, else the third, with broadcasting.
    Where,
    /// The elements in another type: floats to integers toward zero, anything to a truth value by whether it
    /// is not zero; between float types the identity over the reals.
    Cast {
        /// The type.
        to: ElementType,
    },
    /// Sums of the elements up to each one along an axis.
    CumSum {
        /// The axis.
        axis: usize,
        /// Whether the element itself is left out.
        exclusive: bool,
        /// Whether the sums run from the end.
        reverse: bool,
    },
    /// The sum, over all labels that the result lacks, of the product of the operands.
    Einsum {
        /// For each axis of each operand, its label; an axis of length one under a longer label repeats.
        operands: Vec<Vec<usize>>,
        /// The labels of the result, distinct.
        result: Vec<usize>,
        /// The length of each label.
        lengths: Vec<usize>,
    },
    /// `(x - offset) * scale`; one number for all elements or one per element of the last axis.
    Scaler {
        /// What is subtracted.
        offset: Vec<f32>,
        /// What is multiplied.
        scale: Vec<f32>,
    },
    /// The elements of each row divided by a norm of it.
    Normalizer {
        /// The norm.
        norm: Norm,
    },
    /// The label with the greatest score and the scores, which are `x * weights + intercepts`.
    LinearClassifier {
        /// For each class a row of weights.
        weights: Arc<[f32]>,
        /// For each class an intercept.
        intercepts: Vec<f32>,
        /// The labels.
        labels: Vec<i64>,
    },
    /// `x * weights + intercepts`.
    LinearRegressor {
        /// For each target a row of weights.
        weights: Arc<[f32]>,
        /// For each target an intercept.
        intercepts: Vec<f32>,
    },
}

impl Op {
    /// Whether rational operands have rational results, so that a point can be evaluated exactly.
    pub fn is_rational(&self) -> bool {
        match self {
            Op::Pointwise(function) => function.is_rational(),
            Op::Softmax { .. } | Op::Normalization(_) | Op::BatchNormalization { .. } => false,
            Op::Reduce { reduction, .. } => *reduction != Reduction::L2,
            Op::Normalizer { norm } => *norm != Norm::L2,
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
