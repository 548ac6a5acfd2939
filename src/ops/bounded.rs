//! What can be bounded: the table behind `plimsoll supports`, and the error for everything else.

use plimsoll_check::graph::Node;
use plimsoll_check::ops::Op;
use plimsoll_check::{Error, Kind};

/// The operators of ONNX that can be bounded, by name, and what that asks of them beyond reading; others that
/// are read can only be evaluated.
pub const BOUNDED: &[(&str, &str)] = &[
    ("Abs", ""),
    ("Add", ""),
    ("AveragePool", ""),
    ("BatchNormalization", "scale and variance are constant"),
    ("Cast", "between numbers: not from floats to integers or truth values"),
    ("CastLike", "between numbers: not from floats to integers or truth values"),
    ("Clip", ""),
    ("Concat", ""),
    ("Constant", ""),
    ("ConstantOfShape", ""),
    ("Conv", "the weights are constant"),
    ("ConvTranspose", "the weights are constant"),
    ("CumSum", ""),
    ("DepthToSpace", ""),
    ("DequantizeLinear", "scale and zero point are constant"),
    ("Div", "the divisor is constant"),
    ("Dropout", ""),
    ("Einsum", "all operands but one are constant"),
    ("Expand", ""),
    ("Flatten", ""),
    ("Gather", "the indices are constant"),
    ("GatherElements", ""),
    ("GatherND", ""),
    ("Gemm", "A or B is constant"),
    ("GlobalAveragePool", ""),
    ("GlobalMaxPool", ""),
    ("HardSigmoid", ""),
    ("Identity", ""),
    ("LeakyRelu", ""),
    ("LinearRegressor", ""),
    ("MatMul", "one side is constant"),
    ("Max", ""),
    ("MaxPool", ""),
    ("Mean", ""),
    ("Min", ""),
    ("Mul", "one side is constant"),
    ("Neg", ""),
    ("NonZero", ""),
    ("PRelu", ""),
    ("Pad", ""),
    ("Range", ""),
    ("ReduceL1", ""),
    ("ReduceMax", ""),
    ("ReduceMean", ""),
    ("ReduceMin", ""),
    ("ReduceSum", ""),
    ("Relu", ""),
    ("Reshape", ""),
    ("Resize", ""),
    ("Scaler", ""),
    ("Scatter", "elements are not multiplied"),
    ("ScatterElements", "elements are not multiplied"),
    ("ScatterND", "elements are not multiplied"),
    ("Shape", ""),
    ("Size", ""),
    ("Slice", ""),
    ("SpaceToDepth", ""),
    ("Split", ""),
    ("Squeeze", ""),
    ("Sub", ""),
    ("Sum", ""),
    ("Tile", ""),
    ("Transpose", ""),
    ("Trilu", ""),
    ("Unsqueeze", ""),
    ("Upsample", ""),
    ("Where", "the condition is constant"),
];

/// The error for an operator without a relaxation.
pub(crate) fn unbounded(node: &Node) -> Error {
    let operator = match &node.op {
        Op::Pointwise(function) => format!("the function {function:?}"),
        Op::PRelu => "PRelu".to_string(),
        Op::Softmax { .. } => "softmax".to_string(),
        Op::Normalization(_) => "normalisation".to_string(),
        Op::Quantize { .. } | Op::Dequantize { .. } => "quantisation".to_string(),
        // The operator's name, without its attributes.
        other => {
            let debug = format!("{other:?}");
            debug.split([' ', '{', '(']).next().unwrap_or_default().to_string()
        }
    };
    let names: Vec<&str> = BOUNDED.iter().map(|(name, _)| *name).collect();
    Error::new(
        Kind::UnsupportedOperator,
        format!("{operator} (node `{}`) can be evaluated, but not bounded yet", node.name),
    )
    .help(format!("operators that can be bounded: {}", names.join(", ")))
    .help("`plimsoll supports` says what is asked of their operands")
}
