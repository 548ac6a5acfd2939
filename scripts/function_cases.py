"""Writes checker/tests/data/functions: one tiny model for each form of each pointwise, group and quantisation
operator, and what onnxruntime computes with it.

Needs onnx, onnxruntime and numpy; run by hand from the repository root. `cases.txt` has for each model its name and the
float32 bit patterns, in hexadecimal, of the inputs (x) and of onnxruntime's outputs (y).
"""

import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path("checker/tests/data/functions")
shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir(parents=True)
random = np.random.default_rng(7)
lines = [f"# onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}"]

ORDINARY = np.concatenate(
    [
        [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.0, -3.0, 6.0, 7.0],
        random.normal(0, 1, 14),
        random.normal(0, 8, 10),
    ]
)
TAILS = [20.0, -20.0, -17.5, -30.0, 60.0, -60.0, -80.0, -87.0, 1e-3, -1e-3, 1e-20, -1e-20, 1e-38, -1e-38]
HUGE = [1e6, -1e6, 3e30, -3e30, 3.4e38, -3.4e38, 1e-42, -1e-42]
SIGNED = np.concatenate([ORDINARY, TAILS, HUGE])
POSITIVE = np.concatenate([np.abs(ORDINARY[2:]), np.exp(random.uniform(-80, 80, 20)), [1e-38, 3e38, 1.0000001]])


def case(name, op, x, opset, constants=(), outputs=1, shape=None, chain=(), **attributes):
    """One node, its constant operands, and perhaps one node after it."""
    x = np.asarray(x, dtype=np.float32)
    if shape is not None:
        x = x.reshape(shape)
    names = []
    initializers = []
    for index, constant in enumerate(constants):
        if constant is None:
            names.append("")
            continue
        names.append(f"c{index}")
        initializers.append(numpy_helper.from_array(constant, f"c{index}"))
    nodes = [helper.make_node(op, ["x", *names], ["t" if chain else "y"], name=op, **attributes)]
    if chain:
        nodes.append(helper.make_node(chain[0], ["t", *names], ["y"], name=chain[0], **chain[1]))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    data = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x})
    assert np.isfinite(y).all(), (name, x[~np.isfinite(y)])
    (FOLDER / f"{name}.onnx").write_bytes(data)

    def words(values):
        return " ".join(f"{bits:08x}" for bits in np.ascontiguousarray(values, np.float32).view(np.uint32).ravel())

    lines.extend([f"case {name}", f"x {words(x)}", f"y {words(y)}"])


f32 = lambda *values: np.array(values, dtype=np.float32)
scalar = lambda value: np.array(value, dtype=np.float32)

for op, opset in [("Abs", 13), ("Sign", 13), ("Floor", 13), ("Ceil", 13), ("Round", 11), ("Sigmoid", 13), ("Tanh", 13), ("Erf", 13)]:
    case(op.lower(), op, SIGNED, opset)
case("sign_9", "Sign", SIGNED, 9)
case("sigmoid_7", "Sigmoid", SIGNED, 7)
case("softplus", "Softplus", SIGNED, 13)
case("softsign", "Softsign", SIGNED[np.abs(SIGNED) < 1e38], 13)
case("mish", "Mish", SIGNED[np.abs(SIGNED) < 1e38], 18)
case("gelu", "Gelu", SIGNED[np.abs(SIGNED) < 1e38], 20)
case("gelu_tanh", "Gelu", SIGNED[np.abs(SIGNED) < 1e12], 20, approximate="tanh")
case("swish", "Swish", SIGNED, 24)
case("swish_alpha", "Swish", SIGNED[np.abs(SIGNED) < 1e38], 24, alpha=1.702)
case("leaky_relu", "LeakyRelu", SIGNED, 16)
case("leaky_relu_6", "LeakyRelu", SIGNED, 7, alpha=0.3)
case("leaky_relu_negative", "LeakyRelu", SIGNED, 16, alpha=-0.5)
case("elu", "Elu", SIGNED, 7)
case("elu_alpha", "Elu", SIGNED, 22, alpha=0.4)
case("selu", "Selu", SIGNED[np.abs(SIGNED) < 3e38], 7)
case("selu_alpha", "Selu", SIGNED[np.abs(SIGNED) < 1e38], 22, alpha=2.0, gamma=1.5)
case("celu", "Celu", SIGNED, 12)
case("celu_alpha", "Celu", SIGNED, 12, alpha=0.3)
case("thresholded_relu", "ThresholdedRelu", SIGNED, 10)
case("thresholded_relu_alpha", "ThresholdedRelu", SIGNED, 22, alpha=-0.5)
case("hard_sigmoid", "HardSigmoid", SIGNED, 7)
case("hard_sigmoid_alpha", "HardSigmoid", SIGNED, 22, alpha=-0.3, beta=0.6)
case("hard_swish", "HardSwish", SIGNED, 14)
case("clip_6", "Clip", SIGNED, 10, min=-1.0, max=2.5)
case("clip_6_open", "Clip", SIGNED, 7, min=0.0)
case("clip_6_default", "Clip", SIGNED, 7)
case("clip_11", "Clip", SIGNED, 11, [scalar(0.0), scalar(6.0)])
case("clip_13_lower", "Clip", SIGNED, 13, [scalar(-0.7)])
case("clip_13_upper", "Clip", SIGNED, 13, [None, scalar(0.3)])
case("clip_13_none", "Clip", SIGNED, 13)
case("clip_13_crossed", "Clip", SIGNED, 13, [scalar(2.0), scalar(-1.0)])
case("exp", "Exp", SIGNED[np.abs(SIGNED) < 88], 13)
case("log", "Log", POSITIVE, 13)
case("sqrt", "Sqrt", np.concatenate([[0.0], POSITIVE]), 13)
case("reciprocal", "Reciprocal", np.concatenate([POSITIVE[POSITIVE > 1e-37], -POSITIVE[POSITIVE > 1e-37]]), 13)
case("pow_7", "Pow", SIGNED[np.abs(SIGNED) < 1e18], 7, [scalar(2.0)])
case("pow_12", "Pow", SIGNED[np.abs(SIGNED) < 1e12], 12, [np.array(3, dtype=np.int64)])
case("pow_13", "Pow", POSITIVE[POSITIVE < 1e20], 13, [f32(1.5)])
case("pow_15_half", "Pow", np.concatenate([[0.0], POSITIVE]), 15, [scalar(0.5)])
case("pow_15_minus", "Pow", POSITIVE[(POSITIVE > 1e-18) & (POSITIVE < 1e18)], 15, [scalar(-2.0)])
case("pow_15_zero", "Pow", SIGNED, 15, [scalar(0.0)])
case("sin", "Sin", SIGNED[np.abs(SIGNED) < 1e7], 7)
case("cos", "Cos", SIGNED[np.abs(SIGNED) < 1e7], 7)
case("tan", "Tan", SIGNED[np.abs(SIGNED) < 1e7], 7)
case("atan", "Atan", SIGNED, 22)
case("prelu", "PRelu", random.normal(0, 3, 24), 9, [f32(0.25, -0.5, 2.0).reshape(3, 1)], shape=(2, 3, 4))
case("prelu_16", "PRelu", random.normal(0, 3, 24), 16, [f32(0.1)], shape=(2, 3, 4))

logits = np.concatenate([random.normal(0, 3, 20), [0.0, -104.0, -110.0, 90.0]])
for name, op, opset, axis in [
    ("softmax_11", "Softmax", 11, None),
    ("softmax_11_axis_2", "Softmax", 11, 2),
    ("softmax_11_axis_0", "Softmax", 11, 0),
    ("softmax_13", "Softmax", 13, None),
    ("softmax_13_axis_1", "Softmax", 13, 1),
    ("log_softmax_7", "LogSoftmax", 7, None),
    ("log_softmax_13_axis_0", "LogSoftmax", 13, 0),
]:
    case(name, op, logits, opset, shape=(2, 3, 4), **({} if axis is None else {"axis": axis}))

data = random.normal(1, 2, 48)
scale, shift = random.normal(1, 0.5, 12).astype(np.float32), random.normal(0, 1, 12).astype(np.float32)
case("layer_norm", "LayerNormalization", data, 17, [scale[:4], shift[:4]], shape=(2, 6, 4))
case("layer_norm_plain", "LayerNormalization", data, 17, [scale[:4]], shape=(2, 6, 4), epsilon=1e-3)
case("layer_norm_axis", "LayerNormalization", data, 17, [scale.reshape(3, 4), shift.reshape(3, 4)], shape=(4, 3, 4), axis=1)
case("rms_norm", "RMSNormalization", data, 23, [scale[:4]], shape=(2, 6, 4))
case("instance_norm", "InstanceNormalization", data, 7, [scale[:6], shift[:6]], shape=(2, 6, 2, 2))
case("group_norm_18", "GroupNormalization", data, 18, [scale[:3], shift[:3]], shape=(2, 6, 4), num_groups=3)
case("group_norm_21", "GroupNormalization", data, 21, [scale[:6], shift[:6]], shape=(2, 6, 2, 2), num_groups=2)

levels = np.concatenate([ORDINARY, [0.25, 0.75, -0.25, 100.0, -100.0, 31.75, 63.5, 63.75, -32.0, -32.25, 1e9, -1e9]])
zero = lambda value, kind: np.array(value, dtype=kind)
case("qdq_10", "QuantizeLinear", levels, 10, [scalar(0.5), zero(128, np.uint8)], chain=("DequantizeLinear", {}))
case("qdq_13", "QuantizeLinear", levels, 13, [scalar(0.25), zero(-3, np.int8)], chain=("DequantizeLinear", {}))
case("qdq_19_plain", "QuantizeLinear", levels, 19, [scalar(0.5)], chain=("DequantizeLinear", {}))
case(
    "qdq_13_axis",
    "QuantizeLinear",
    levels[:48],
    13,
    [f32(0.5, 0.1, 0.02), np.array([0, 5, -7], dtype=np.int8)],
    shape=(2, 3, 8),
    axis=1,
    chain=("DequantizeLinear", {"axis": 1}),
)
case("qdq_21", "QuantizeLinear", levels, 21, [scalar(0.1), zero(100, np.uint8)], chain=("DequantizeLinear", {}))

(FOLDER / "cases.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
print(len(list(FOLDER.iterdir())), "files,", sum(p.stat().st_size for p in FOLDER.iterdir()), "bytes")
