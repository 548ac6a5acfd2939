//! What can be bounded: the table behind `plimsoll supports`, and the error for everything else.

use plimsoll_check::graph::Node;
use plimsoll_check::{Error, Kind};

/// The operators of ONNX that can be bounded, by name, and what that asks of them beyond reading; others that
/// are read can only be evaluated.
pub const BOUNDED: &[(&str, &str)] = &[
    ("Abs", ""),
    ("Add", ""),
    ("And", ""),
    ("ArgMax", ""),
    ("ArgMin", ""),
    ("Atan", ""),
    ("AveragePool", ""),
    ("BatchNormalization", "scale and variance are constant"),
    ("Cast", ""),
    ("CastLike", ""),
    ("Ceil", ""),
    ("Celu", ""),
    ("Clip", ""),
    ("Concat", ""),
    ("Constant", ""),
    ("ConstantOfShape", ""),
    ("Conv", "the weights are constant"),
    ("ConvTranspose", "the weights are constant"),
    ("Cos", ""),
    ("CumSum", ""),
    ("DepthToSpace", ""),
    ("DequantizeLinear", "scale and zero point are constant"),
    ("Div", ""),
    ("Dropout", ""),
    ("Einsum", ""),
    ("Elu", ""),
    ("Equal", ""),
    ("Erf", ""),
    ("Exp", ""),
    ("Expand", ""),
    ("Flatten", ""),
    ("Floor", ""),
    ("Gather", ""),
    ("GatherElements", ""),
    ("GatherND", ""),
    ("Gelu", ""),
    ("Gemm", ""),
    ("GlobalAveragePool", ""),
    ("GlobalMaxPool", ""),
    ("Greater", ""),
    ("GreaterOrEqual", ""),
    ("GroupNormalization", ""),
    ("HardSigmoid", ""),
    ("HardSwish", ""),
    ("Identity", ""),
    ("InstanceNormalization", ""),
    ("LayerNormalization", ""),
    ("LeakyRelu", ""),
    ("Less", ""),
    ("LessOrEqual", ""),
    ("LinearClassifier", ""),
    ("LinearRegressor", ""),
    ("Log", ""),
    ("LogSoftmax", ""),
    ("MatMul", ""),
    ("Max", ""),
    ("MaxPool", ""),
    ("Mean", ""),
    ("Min", ""),
    ("Mish", ""),
    ("Mul", ""),
    ("Neg", ""),
    ("NonZero", ""),
    ("Normalizer", ""),
    ("Not", ""),
    ("OneHot", ""),
    ("Or", ""),
    ("PRelu", ""),
    ("Pad", ""),
    ("Pow", ""),
    ("QuantizeLinear", "scale and zero point are constant"),
    ("RMSNormalization", ""),
    ("Range", ""),
    ("Reciprocal", ""),
    ("ReduceL1", ""),
    ("ReduceL2", ""),
    ("ReduceMax", ""),
    ("ReduceMean", ""),
    ("ReduceMin", ""),
    ("ReduceProd", ""),
    ("ReduceSum", ""),
    ("ReduceSumSquare", ""),
    ("Relu", ""),
    ("Reshape", ""),
    ("Resize", ""),
    ("Round", ""),
    ("Scaler", ""),
    ("Scatter", ""),
    ("ScatterElements", ""),
    ("ScatterND", ""),
    ("Selu", ""),
    ("Shape", ""),
    ("Sigmoid", ""),
    ("Sign", ""),
    ("Sin", ""),
    ("Size", ""),
    ("Slice", ""),
    ("Softmax", ""),
    ("Softplus", ""),
    ("Softsign", ""),
    ("SpaceToDepth", ""),
    ("Split", ""),
    ("Sqrt", ""),
    ("Squeeze", ""),
    ("Sub", ""),
    ("Sum", ""),
    ("Swish", ""),
    ("Tan", ""),
    ("Tanh", ""),
    ("ThresholdedRelu", ""),
    ("Tile", ""),
    ("TopK", ""),
    ("Transpose", ""),
    ("Trilu", ""),
    ("Unsqueeze", ""),
    ("Upsample", ""),
    ("Where", ""),
    ("Xor", ""),
];

/// The error for an operator of which some operand depends on the inputs that has to be constant: what it
/// is, and the way out.
pub(crate) fn unbounded(node: &Node, what: &str, help: &str) -> Error {
    Error::new(
        Kind::UnsupportedOperator,
        format!("{what} (node `{}`) can be evaluated, but not bounded yet", node.name),
    )
    .help(help)
}

/// Most entries of the matrix of one linear operator that is written out.
pub(crate) const MOST_ENTRIES: usize = 1 << 27;

/// Refuses an operator that would take too much.
pub(crate) fn limit(node: &Node, what: &str, count: usize, most: usize) -> Result<(), Error> {
    if count <= most {
        return Ok(());
    }
    let message = format!("node `{}` would take {count} {what}, more than {most}", node.name);
    Err(Error::new(Kind::TooLarge, message)
        .help("a model for smaller inputs, or one without this operator, can be bounded"))
}
