#!/usr/bin/env python3
"""Makes the operator cases of the checker's tests, run by hand when an operator is added.

    pip install onnx onnxruntime numpy
    python3 scripts/operator_cases.py

Each case is a tiny model with inputs and the outputs that onnxruntime computes for them; a refusal is a
model that must not be read, with a part of the message. Files: checker/tests/data/operators/*.txt.gz,
read by checker/tests/operators.rs. Lines are a keyword and its value, bytes in hexadecimal:

    case NAME | refuse NAME | model BYTES | input FLOATS | output TYPE VALUES | slack NUMBER | part TEXT

`input` holds float32 (float64 if the model's inputs are), `output` float, double, int64 or bool (one byte).
`slack` is an absolute error that an execution may have beyond rounding sums and products: where
coordinates are computed in float32, an argument stands beside it.
"""

import gzip
import io
import pathlib
import random

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).resolve().parent.parent / "checker/tests/data/operators"
TYPES = {np.dtype("float32"): "float", np.dtype("float64"): "double", np.dtype("int64"): "int64",
         np.dtype("int32"): "int64", np.dtype("bool"): "bool"}
ONNX = {np.dtype("float32"): TensorProto.FLOAT, np.dtype("float64"): TensorProto.DOUBLE}
groups = {}
FAILED = []
current = []
rng = np.random.default_rng(1)


def group(name):
    global current, rng
    current = groups.setdefault(name, [])
    rng = np.random.default_rng(sum(name.encode()))


def ints(*shape, low=-6, high=7):
    """Small integers as float32: sums and products of them are exact in float32."""
    return rng.integers(low, high, shape).astype(np.float32)


def reals(*shape, low=-2.0, high=2.0):
    return rng.uniform(low, high, shape).astype(np.float32)


def i64(*values):
    return np.array(values, dtype=np.int64)


def build(nodes, inputs, constants, outputs, opset):
    domains = [helper.make_opsetid("", opset)]
    if any(node.domain for node in nodes):
        domains.append(helper.make_opsetid("ai.onnx.ml", 2))
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info(name, ONNX[array.dtype], array.shape)
         for name, array in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()])
    model = helper.make_model(graph, opset_imports=domains, producer_name="")
    model.ir_version = 10 if opset > 20 else 8
    return model


def case(name, nodes, inputs, constants=None, outputs=("y",), opset=13, slack=0.0):
    """One case; `nodes` is a list of nodes or (operator, operands, attributes)."""
    if isinstance(nodes, tuple):
        nodes = [node(*nodes[:2], outputs, **nodes[2])]
    model = build(nodes, inputs, constants or {}, outputs, opset)
    # onnxruntime wants typed outputs; a session infers them once they are listed without a type.
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    typed = onnx.shape_inference.infer_shapes(model)
    known = {value.name: value for value in list(typed.graph.value_info) + list(typed.graph.output)}
    ready = onnx.ModelProto()
    ready.CopyFrom(model)
    for output in ready.graph.output:
        output.CopyFrom(known[output.name])
    try:
        session = ort.InferenceSession(ready.SerializeToString(), options, providers=["CPUExecutionProvider"])
        results = session.run(list(outputs), inputs)
    except Exception as error:
        print(f"{name}: {error}")
        FAILED.append(name)
        return
    lines = [f"case {name}", f"model {model.SerializeToString().hex()}"]
    lines += [f"input {array.tobytes().hex()}" for array in inputs.values()]
    for result in results:
        if result.dtype == np.int32:
            result = result.astype(np.int64)
        lines.append(f"output {TYPES[result.dtype]} {result.tobytes().hex()}")
    if slack:
        lines.append(f"slack {slack!r}")
    current.append(lines)
    return results


def refuse(name, part, nodes, inputs, constants=None, outputs=("y",), opset=13):
    if isinstance(nodes, tuple):
        nodes = [node(*nodes[:2], outputs, **nodes[2])]
    model = build(nodes, inputs, constants or {}, outputs, opset)
    current.append([f"refuse {name}", f"model {model.SerializeToString().hex()}", f"part {part}"])


def node(operator, operands, results, domain="", **attributes):
    return helper.make_node(operator, list(operands), list(results), domain=domain, **attributes)


def convolutions():
    group("convolution")
    x1, x2, x3 = ints(2, 4, 9), ints(1, 4, 7, 6), ints(1, 2, 4, 5, 3)
    for name, x, w, b, attributes in [
        ("1d", x1, ints(3, 4, 3), ints(3), {}),
        ("1d-strided", x1, ints(3, 4, 2), None, dict(strides=[2], pads=[1, 0], dilations=[3])),
        ("2d", x2, ints(3, 4, 3, 2), ints(3), dict(kernel_shape=[3, 2])),
        ("2d-pads", x2, ints(2, 4, 3, 3), ints(2), dict(pads=[1, 0, 2, 1], strides=[2, 1])),
        ("2d-groups", x2, ints(4, 2, 2, 2), ints(4), dict(group=2)),
        ("2d-depthwise", x2, ints(8, 1, 3, 3), ints(8), dict(group=4, pads=[1, 1, 1, 1])),
        ("2d-dilations", x2, ints(2, 4, 2, 3), None, dict(dilations=[3, 2], pads=[0, 2, 3, 0])),
        ("2d-same-upper", x2, ints(2, 4, 3, 2), ints(2), dict(auto_pad="SAME_UPPER", strides=[2, 3])),
        ("2d-same-lower", x2, ints(2, 4, 2, 4), ints(2), dict(auto_pad="SAME_LOWER", strides=[2, 1])),
        ("2d-same-wide-stride", x2, ints(2, 4, 1, 1), None, dict(auto_pad="SAME_UPPER", strides=[3, 4])),
        ("2d-valid", x2, ints(2, 4, 3, 3), None, dict(auto_pad="VALID", strides=[2, 2])),
        ("2d-pointwise", x2, ints(5, 4, 1, 1), ints(5), {}),
        ("3d", x3, ints(2, 2, 2, 3, 2), ints(2), dict(pads=[0, 1, 0, 1, 0, 1], strides=[1, 2, 1])),
    ]:
        constants = {"w": w} if b is None else {"w": w, "b": b}
        case(f"Conv/{name}", ("Conv", ["x", *constants], attributes), {"x": x}, constants)
    for opset in (7, 11, 22):
        case(f"Conv/opset{opset}", ("Conv", ["x", "w"], dict(pads=[1, 1, 1, 1])), {"x": x2},
             {"w": reals(2, 4, 3, 3)}, opset=opset)
    case("Conv/variable-weights", ("Conv", ["x", "w", "b"], {}),
         {"x": x2, "w": ints(2, 4, 3, 3), "b": ints(2)})
    t1, t2, t3 = ints(2, 4, 5), ints(1, 4, 3, 4), ints(1, 2, 2, 3, 2)
    for name, x, w, b, attributes in [
        ("1d", t1, ints(4, 3, 3), ints(3), {}),
        ("1d-strided", t1, ints(4, 3, 2), None, dict(strides=[3], pads=[1, 0], output_padding=[2])),
        ("2d", t2, ints(4, 2, 2, 3), ints(2), dict(strides=[2, 2])),
        ("2d-pads", t2, ints(4, 2, 3, 3), ints(2), dict(strides=[2, 1], pads=[1, 0, 2, 1])),
        ("2d-groups", t2, ints(4, 3, 2, 2), ints(6), dict(group=2, strides=[1, 2])),
        ("2d-dilations", t2, ints(4, 2, 2, 3), None, dict(dilations=[3, 2], strides=[2, 1])),
        ("2d-output-padding", t2, ints(4, 2, 3, 3), None,
         dict(strides=[3, 2], pads=[1, 1, 1, 1], output_padding=[2, 1])),
        ("2d-output-shape", t2, ints(4, 2, 3, 3), None, dict(strides=[2, 2], output_shape=[5, 9])),
        ("2d-output-shape-even", t2, ints(4, 2, 3, 3), None,
         dict(strides=[2, 2], output_shape=[5, 7], auto_pad="SAME_UPPER")),
        ("2d-same-upper", t2, ints(4, 2, 4, 4), None, dict(strides=[2, 2], auto_pad="SAME_UPPER")),
        ("2d-same-lower", t2, ints(4, 2, 3, 5), None, dict(strides=[1, 1], auto_pad="SAME_LOWER")),
        ("2d-valid", t2, ints(4, 2, 3, 3), None, dict(strides=[2, 3], auto_pad="VALID")),
        ("2d-sparse", t2, ints(4, 2, 1, 1), ints(2), dict(strides=[3, 3])),
        ("3d", t3, ints(2, 2, 2, 2, 3), ints(2), dict(strides=[2, 1, 2], pads=[1, 0, 0, 0, 1, 2])),
    ]:
        constants = {"w": w} if b is None else {"w": w, "b": b}
        for opset in (7, 11) if name == "2d" else (11,):
            case(f"ConvTranspose/{name}/opset{opset}", ("ConvTranspose", ["x", *constants], attributes),
                 {"x": x}, constants, opset=opset)
    refuse("ConvTranspose/odd", "implementations do differently",
           ("ConvTranspose", ["x", "w"], dict(strides=[2, 2], auto_pad="SAME_UPPER")),
           {"x": t2}, {"w": ints(4, 2, 3, 3)})
    refuse("ConvTranspose/odd-shape", "implementations do differently",
           ("ConvTranspose", ["x", "w"], dict(strides=[2, 2], output_shape=[6, 8])),
           {"x": t2}, {"w": ints(4, 2, 3, 3)})
    refuse("ConvTranspose/beyond", "is beyond the",
           ("ConvTranspose", ["x", "w"], dict(strides=[2, 2], output_shape=[8, 8])),
           {"x": t2}, {"w": ints(4, 2, 3, 3)})
    refuse("Conv/groups", "do not fit", ("Conv", ["x", "w"], dict(group=3)), {"x": x2}, {"w": ints(3, 2, 2, 2)})
    refuse("Conv/large", "does not fit an axis", ("Conv", ["x", "w"], {}), {"x": x2}, {"w": ints(3, 4, 8, 2)})
    refuse("Conv/both-pads", "both pads and auto_pad",
           ("Conv", ["x", "w"], dict(auto_pad="VALID", pads=[1, 0, 0, 0])), {"x": x2}, {"w": ints(3, 4, 2, 2)})
    refuse("Conv/kernel", "kernel_shape", ("Conv", ["x", "w"], dict(kernel_shape=[2, 3])), {"x": x2},
           {"w": ints(3, 4, 3, 2)})


def pools():
    group("pool")
    x1, x2, x3 = ints(2, 3, 9), ints(1, 2, 7, 6), ints(1, 2, 4, 5, 3)
    shapes = [
        ("1d", x1, dict(kernel_shape=[3])),
        ("2d", x2, dict(kernel_shape=[2, 3], strides=[2, 1])),
        ("2d-pads", x2, dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 2, 2, 0])),
        ("2d-same-upper", x2, dict(kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER")),
        ("2d-same-lower", x2, dict(kernel_shape=[2, 4], strides=[2, 3], auto_pad="SAME_LOWER")),
        ("2d-valid", x2, dict(kernel_shape=[2, 2], strides=[3, 2], auto_pad="VALID")),
        ("3d", x3, dict(kernel_shape=[2, 2, 2], strides=[1, 2, 1], pads=[1, 0, 0, 1, 0, 1])),
    ]
    ceils = [
        ("2d-ceil", x2, dict(kernel_shape=[3, 2], strides=[3, 4], ceil_mode=1)),
        ("2d-ceil-pads", x2, dict(kernel_shape=[3, 3], strides=[3, 2], pads=[1, 1, 1, 1], ceil_mode=1)),
        ("2d-ceil-drop", x2, dict(kernel_shape=[2, 2], strides=[3, 3], pads=[0, 0, 1, 1], ceil_mode=1)),
        ("1d-ceil", x1, dict(kernel_shape=[2], strides=[4], ceil_mode=1)),
    ]
    for name, x, attributes in shapes + ceils:
        case(f"MaxPool/{name}", ("MaxPool", ["x"], attributes), {"x": x}, opset=12)
    case("MaxPool/2d-dilations", ("MaxPool", ["x"], dict(kernel_shape=[2, 3], dilations=[3, 2])), {"x": x2})
    case("MaxPool/2d-dilations-pads",
         ("MaxPool", ["x"], dict(kernel_shape=[2, 2], dilations=[2, 3], pads=[1, 1, 1, 1], strides=[2, 1],
                                 ceil_mode=1, storage_order=1)), {"x": x2})
    for opset in (7, 8, 10, 22):
        case(f"MaxPool/opset{opset}", ("MaxPool", ["x"], dict(kernel_shape=[2, 2])), {"x": x2}, opset=opset)
    for include in (0, 1):
        for name, x, attributes in shapes + ceils:
            case(f"AveragePool/{name}/{include}",
                 ("AveragePool", ["x"], dict(attributes, count_include_pad=include)), {"x": x}, opset=19)
        case(f"AveragePool/2d-dilations/{include}",
             ("AveragePool", ["x"], dict(kernel_shape=[2, 3], dilations=[2, 2], pads=[1, 2, 1, 0],
                                         count_include_pad=include)), {"x": x2}, opset=19)
    for opset in (10, 11, 22):
        for name, x, attributes in ceils:
            case(f"AveragePool/{name}/opset{opset}",
                 ("AveragePool", ["x"], dict(attributes, count_include_pad=1)), {"x": x}, opset=opset)
    for opset in (7, 10, 11, 22):
        case(f"AveragePool/opset{opset}", ("AveragePool", ["x"], dict(kernel_shape=[2, 3], pads=[0, 1, 0, 1])),
             {"x": x2}, opset=opset)
    for x, name in ((x1, "1d"), (x2, "2d"), (x3, "3d")):
        case(f"GlobalAveragePool/{name}", ("GlobalAveragePool", ["x"], {}), {"x": x})
        case(f"GlobalMaxPool/{name}", ("GlobalMaxPool", ["x"], {}), {"x": x})
    refuse("MaxPool/padding", "lies on padding only", ("MaxPool", ["x"], dict(kernel_shape=[2, 2], pads=[2, 0, 0, 0])),
           {"x": x2})
    refuse("AveragePool/huge", "places", ("AveragePool", ["x"], dict(kernel_shape=[2 ** 30, 2], pads=[2 ** 30, 0, 0, 0])),
           {"x": x2})
    refuse("MaxPool/indices", "the indices", [node("MaxPool", ["x"], ["y", "i"], kernel_shape=[2, 2])], {"x": x2})


def normalizations():
    group("normalization")
    x = reals(2, 3, 2, 2)
    constants = {"s": reals(3), "b": reals(3), "m": reals(3), "v": reals(3, low=0.1, high=3.0)}
    for opset, attributes in [(7, dict(epsilon=1e-3, momentum=0.5)), (9, {}), (14, dict(epsilon=0.25)),
                              (15, dict(momentum=0.1))]:
        case(f"BatchNormalization/opset{opset}", ("BatchNormalization", ["x", *constants], attributes), {"x": x},
             constants, opset=opset)
    case("BatchNormalization/matrix", ("BatchNormalization", ["x", *constants], {}), {"x": reals(4, 3)}, constants)
    case("BatchNormalization/3d", ("BatchNormalization", ["x", *constants], {}), {"x": reals(1, 3, 5)}, constants)
    refuse("BatchNormalization/training", "training mode",
           ("BatchNormalization", ["x", *constants], dict(training_mode=1)), {"x": x}, constants, opset=15)
    refuse("BatchNormalization/variable", "depend on the input",
           ("BatchNormalization", ["x", "s", "b", "m", "v"], {}), {"x": x, "v": constants["v"]},
           {k: constants[k] for k in "sbm"})
    refuse("BatchNormalization/negative", "has no root", ("BatchNormalization", ["x", *constants], {}), {"x": x},
           dict(constants, v=np.array([1, -1, 1], np.float32)))


def movements():
    group("movement")
    x = ints(2, 3, 4)
    for opset in (8, 13):
        case(f"Expand/opset{opset}", ("Expand", ["x", "s"], {}), {"x": ints(3, 1)}, {"s": i64(2, 1, 4)}, opset=opset)
    case("Expand/smaller", ("Expand", ["x", "s"], {}), {"x": ints(2, 3)}, {"s": i64(1)})
    case("Tile", ("Tile", ["x", "r"], {}), {"x": x}, {"r": i64(2, 1, 3)})
    case("Tile/none", ("Tile", ["x", "r"], {}), {"x": x}, {"r": i64(1, 0, 1)})
    for mode in ("constant", "edge", "reflect"):
        for name, pads in (("plain", [0, 1, 2, 1, 0, 3]), ("negative", [0, -1, 1, 0, 1, -2])):
            if mode == "reflect" and name == "negative":
                pads = [0, -1, 1, 0, 0, -1]
            attributes = dict(mode=mode, pads=pads)
            if mode == "constant":
                attributes["value"] = 1.5
            case(f"Pad/{mode}-{name}/opset7", ("Pad", ["x"], attributes), {"x": x}, opset=7)
            case(f"Pad/{mode}-{name}/opset13", ("Pad", ["x", "p"], dict(mode=mode)), {"x": x}, {"p": i64(*pads)})
    case("Pad/value", ("Pad", ["x", "p", "v"], {}), {"x": x}, {"p": i64(0, 1, 1, 1, 0, 2), "v": np.float32(-2.5)})
    case("Pad/variable-value", ("Pad", ["x", "p", "v"], {}), {"x": x, "v": ints(1)}, {"p": i64(0, 1, 1, 1, 0, 2)})
    case("Pad/axes", ("Pad", ["x", "p", "v", "a"], {}), {"x": x},
         {"p": i64(1, 0, 2, 1), "v": np.float32(3), "a": i64(-1, 0)}, opset=18)
    case("Pad/wrap", ("Pad", ["x", "p"], dict(mode="wrap")), {"x": x}, {"p": i64(0, 2, 3, 1, 0, 1)}, opset=19)
    case("Pad/beyond", ("Pad", ["x", "p"], {}), {"x": ints(3)}, {"p": i64(-4, 5)})
    refuse("Pad/reflect-far", "too short", ("Pad", ["x", "p"], dict(mode="reflect")), {"x": x},
           {"p": i64(0, 3, 0, 0, 0, 0)})
    refuse("Pad/huge", "at most", ("Pad", ["x", "p"], {}), {"x": ints(3)}, {"p": i64(0, 2 ** 30)})
    refuse("Pad/overflow", "cannot be padded", ("Pad", ["x", "p"], {}), {"x": ints(3)}, {"p": i64(-2 ** 63, 2 ** 63 - 1)})
    refuse("Pad/variable", "depend on the input",
           [node("Cast", ["p"], ["q"], to=7), node("Pad", ["x", "q"], ["y"])], {"x": x, "p": ints(6)})
    for mode in ("DCR", "CRD"):
        case(f"DepthToSpace/{mode}", ("DepthToSpace", ["x"], dict(blocksize=2, mode=mode)), {"x": ints(2, 12, 2, 3)})
    case("DepthToSpace/opset7", ("DepthToSpace", ["x"], dict(blocksize=3)), {"x": ints(1, 9, 2, 1)}, opset=7)
    case("SpaceToDepth", ("SpaceToDepth", ["x"], dict(blocksize=2)), {"x": ints(2, 3, 4, 6)})
    case("GatherElements", ("GatherElements", ["x", "i"], dict(axis=1)), {"x": x},
         {"i": rng.integers(-3, 3, (2, 2, 3))})
    case("GatherElements/first", ("GatherElements", ["x", "i"], {}), {"x": ints(3, 2)}, {"i": i64([2, 0], [-1, 1])})
    case("GatherND", ("GatherND", ["x", "i"], {}), {"x": x}, {"i": i64([0, 1], [1, -1], [1, 0])})
    case("GatherND/full", ("GatherND", ["x", "i"], {}), {"x": x}, {"i": i64([[0, 1, 3]], [[1, 2, -4]])})
    case("GatherND/batch", ("GatherND", ["x", "i"], dict(batch_dims=1)), {"x": x}, {"i": i64([[1], [0]], [[2], [2]])})
    case("GatherND/batch2", ("GatherND", ["x", "i"], dict(batch_dims=2)), {"x": x},
         {"i": rng.integers(-4, 4, (2, 3, 1))})
    case("ScatterElements", ("ScatterElements", ["x", "i", "u"], dict(axis=1)), {"x": x, "u": ints(2, 1, 2)},
         {"i": i64([[2, -3]], [[1, 0]])})
    case("Scatter", ("Scatter", ["x", "i", "u"], {}), {"x": ints(3, 2), "u": ints(1, 2)}, {"i": i64([1, 2])}, opset=9)
    for opset, reduction in ((16, "add"), (16, "mul"), (18, "max"), (18, "min")):
        case(f"ScatterElements/{reduction}", ("ScatterElements", ["x", "i", "u"], dict(axis=0, reduction=reduction)),
             {"x": ints(3, 2), "u": ints(2, 2)}, {"i": i64([1, 2], [1, 0])}, opset=opset)
        case(f"ScatterND/{reduction}", ("ScatterND", ["x", "i", "u"], dict(reduction=reduction)),
             {"x": ints(3, 2), "u": ints(3, 2)}, {"i": i64([1], [2], [1])}, opset=opset)
    case("ScatterND", ("ScatterND", ["x", "i", "u"], {}), {"x": x, "u": ints(2, 4)}, {"i": i64([0, 1], [1, -1])})
    case("ScatterND/elements", ("ScatterND", ["x", "i", "u"], {}), {"x": ints(4), "u": ints(2)}, {"i": i64([3], [1])})
    refuse("ScatterND/twice", "replaced twice", ("ScatterND", ["x", "i", "u"], {}), {"x": ints(4), "u": ints(2)},
           {"i": i64([3], [-1])})
    refuse("GatherElements/variable", "depend on the input",
           [node("Cast", ["i"], ["j"], to=7), node("GatherElements", ["x", "j"], ["y"])],
           {"x": ints(3, 2), "i": ints(2, 2)})
    for upper in (0, 1):
        case(f"Trilu/{upper}", ("Trilu", ["x"], dict(upper=upper)), {"x": ints(2, 3, 4)}, opset=14)
        case(f"Trilu/{upper}-diagonal", ("Trilu", ["x", "k"], dict(upper=upper)), {"x": ints(4, 3)},
             {"k": np.int64(-1)}, opset=14)
    index = [node("Cast", ["i"], ["j"], to=7)]
    case("Gather/computed", index + [node("Gather", ["x", "j"], ["y"], axis=1)],
         {"x": x, "i": np.array([[2, 0], [-1, 1]], np.float32)})
    case("OneHot", index + [node("OneHot", ["j", "d", "v"], ["y"])],
         {"i": np.array([0, 3, -1, 7, -5], np.float32)}, {"d": i64(4), "v": np.array([-1, 2], np.float32)})
    case("OneHot/axis", index + [node("OneHot", ["j", "d", "v"], ["y"], axis=1)],
         {"i": np.array([[0, 1], [2, -3]], np.float32), "v": ints(2)}, {"d": np.float32(3)})
    case("OneHot/first", index + [node("OneHot", ["j", "d", "v"], ["y"], axis=0)],
         {"i": np.array([[0, 1], [2, -3]], np.float32)}, {"d": np.int64(3), "v": i64(0, 1)}, opset=11)
    case("OneHot/constant", ("OneHot", ["j", "d", "v"], {}), {"v": ints(2)}, {"j": i64(1, 0), "d": i64(3)})


def resizing():
    group("resize")
    x = ints(1, 2, 4, 5)
    f = lambda *v: np.array(v, np.float32)
    none = np.array([], np.float32)

    def slack(axes, coordinate=8.0):
        # A coordinate below 8 is computed in float32 by at most eight roundings, each of at most
        # 2^-24 times the largest number on the way (16); the interpolated value is piecewise linear in
        # it with a slope of at most the difference of two elements (12).
        return axes * 8 * 2.0 ** -24 * 16 * 12 * 2

    for opset in (7, 9):
        for mode, scales in (("nearest", [1, 1, 2, 3]), ("linear", [1, 1, 2, 2]), ("linear", [1, 1, 4, 1])):
            name = f"Upsample/{mode}-{scales[2]}{scales[3]}/opset{opset}"
            if opset == 7:
                case(name, ("Upsample", ["x"], dict(mode=mode, scales=[float(s) for s in scales])), {"x": x}, opset=7)
            else:
                case(name, ("Upsample", ["x", "s"], dict(mode=mode)), {"x": x}, {"s": f(*scales)}, opset=9)
    case("Resize/opset10", ("Resize", ["x", "s"], {}), {"x": x}, {"s": f(1, 1, 2, 1.5)}, opset=10)
    case("Resize/opset10-linear", ("Resize", ["x", "s"], dict(mode="linear")), {"x": x}, {"s": f(1, 1, 0.5, 2)},
         opset=10)
    case("Resize/opset10-halved", ("Resize", ["x", "s"], {}), {"x": ints(1, 1, 4, 6)}, {"s": f(1, 1, 0.5, 0.5)}, opset=10)
    refuse("Resize/opset10-shrink", "round differently", ("Resize", ["x", "s"], {}), {"x": x},
           {"s": f(1, 1, 0.75, 1)}, opset=10)
    transforms = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    for transform in transforms:
        for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
            for tag, scales in (("up", [1, 1, 2, 2]), ("mixed", [1, 1, 0.5, 1.6]), ("third", [1, 1, 3, 0.6])):
                attributes = dict(mode="nearest", coordinate_transformation_mode=transform, nearest_mode=nearest)
                name = f"Resize/{transform}/{nearest}/{tag}"
                if safe(transform, nearest, [4, 5], scales[2:]):
                    case(name, ("Resize", ["x", "", "s"], attributes), {"x": x}, {"s": f(*scales)})
                else:
                    refuse(name, "may in float32", ("Resize", ["x", "", "s"], attributes), {"x": x},
                           {"s": f(*scales)})
    for transform in transforms:
        for tag, sizes in (("up", [1, 2, 8, 10]), ("down", [1, 2, 2, 3]), ("one", [1, 2, 1, 7]), ("odd", [1, 2, 7, 9])):
            attributes = dict(mode="linear", coordinate_transformation_mode=transform)
            case(f"Resize/linear/{transform}/{tag}", ("Resize", ["x", "", "", "t"], attributes), {"x": x},
                 {"t": i64(*sizes)}, slack=slack(2))
    case("Resize/linear/scales", ("Resize", ["x", "", "s"], dict(mode="linear")), {"x": x}, {"s": f(1, 1, 2.5, 0.8)},
         slack=slack(2))
    case("Resize/linear/3d", ("Resize", ["x", "", "s"], dict(mode="linear")), {"x": ints(1, 1, 2, 3, 2)},
         {"s": f(1, 1, 2, 2, 2)}, slack=slack(3))
    case("Resize/sizes", ("Resize", ["x", "", "", "t"], {}), {"x": x}, {"t": i64(1, 2, 8, 10)})
    case("Resize/cubic-attributes",
         ("Resize", ["x", "e", "s"], dict(mode="nearest", cubic_coeff_a=-0.75, nearest_mode="floor",
                                          coordinate_transformation_mode="asymmetric")),
         {"x": x}, {"e": none, "s": f(1, 1, 2, 2)}, opset=11)
    case("Resize/tf_half_pixel_for_nn",
         ("Resize", ["x", "r", "s"], dict(coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor")),
         {"x": x}, {"r": none, "s": f(1, 1, 2, 2)}, opset=11)
    crop = dict(coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=7.5)
    region = f(0, 0, 0.25, -0.5, 1, 1, 0.75, 1.25)
    case("Resize/crop/nearest", ("Resize", ["x", "r", "", "t"], dict(crop, mode="nearest")), {"x": ints(1, 2, 5, 5)},
         {"r": region, "t": i64(1, 2, 3, 8)}, opset=13)
    case("Resize/crop/linear", ("Resize", ["x", "r", "", "t"], dict(crop, mode="linear")), {"x": ints(1, 2, 5, 5)},
         {"r": region, "t": i64(1, 2, 4, 8)}, slack=slack(2))
    refuse("Resize/crop/kept", "moved or cropped", ("Resize", ["x", "r", "", "t"], dict(crop, mode="linear")),
           {"x": ints(1, 2, 5, 5)}, {"r": region, "t": i64(1, 2, 5, 8)})
    case("Resize/axes", ("Resize", ["x", "", "s"], dict(axes=[3, 2])), {"x": x}, {"s": f(2, 3)}, opset=18)
    case("Resize/symmetric",
         ("Resize", ["x", "", "s"], dict(coordinate_transformation_mode="half_pixel_symmetric", mode="linear")),
         {"x": x}, {"s": f(1, 1, 1.3, 0.7)}, opset=19, slack=slack(2))
    refuse("Resize/cubic", "mode cubic", ("Resize", ["x", "", "s"], dict(mode="cubic")), {"x": x}, {"s": f(1, 1, 2, 2)})
    refuse("Resize/antialias", "antialiasing", ("Resize", ["x", "", "s"], dict(mode="linear", antialias=1)), {"x": x},
           {"s": f(1, 1, 0.5, 0.5)}, opset=18)
    refuse("Resize/policy", "keep_aspect_ratio_policy",
           ("Resize", ["x", "", "", "t"], dict(keep_aspect_ratio_policy="not_larger")), {"x": x},
           {"t": i64(1, 2, 3, 9)}, opset=18)


def safe(transform, nearest, lengths, scales):
    """Whether no coordinate is so close to where the choice changes that float32 may decide otherwise."""
    from fractions import Fraction as F
    for length, scale in zip(lengths, scales):
        s = F(float(np.float32(scale)))
        out = int(length * s)
        if transform == "align_corners" and (length * s).denominator != 1:
            return False
        for i in range(out):
            sf = np.float32(scale)
            if transform == "asymmetric":
                x, y = F(i) / s, np.float32(i) / sf
            elif transform == "align_corners":
                x = F(i * (length - 1), out - 1) if out > 1 else F(0)
                y = np.float32(i) * np.float32(length - 1) / np.float32(max(out - 1, 1))
            else:
                x = (F(i) + F(1, 2)) / s - F(1, 2)
                y = (np.float32(i) + np.float32(0.5)) / sf - np.float32(0.5)
            if F(float(y)) == x:
                continue
            border = x if nearest in ("floor", "ceil") else x - F(1, 2)
            if abs(border - round(border)) < F(1, 2 ** 19) * (abs(x) + length + 1):
                if 0 < round(border) <= length - 1 or nearest == "ceil" and round(border) == 0:
                    return False
    return True


def reductions():
    group("reduction")
    x = ints(2, 3, 4, low=-3, high=4)
    for name in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare"):
        operator = f"Reduce{name}"
        since = 13 if name == "Sum" else 18
        case(f"{operator}/attribute", (operator, ["x"], dict(axes=[1, -1], keepdims=0)), {"x": x}, opset=since - 2)
        case(f"{operator}/all", (operator, ["x"], {}), {"x": x}, opset=11)
        case(f"{operator}/operand", (operator, ["x", "a"], dict(keepdims=1)), {"x": x}, {"a": i64(0, 2)}, opset=since)
        if name in ("Sum", "Mean", "Max", "Min", "Prod"):
            case(f"{operator}/noop", (operator, ["x", "a"], dict(noop_with_empty_axes=1)), {"x": x},
                 {"a": i64()}, opset=since)
        else:
            refuse(f"{operator}/noop", "over no axes", (operator, ["x", "a"], dict(noop_with_empty_axes=1)), {"x": x},
                   {"a": i64()}, opset=since)
        case(f"{operator}/reals", (operator, ["x"], dict(axes=[2])), {"x": reals(2, 3, 5)}, opset=11)
    integers = [node("Cast", ["x"], ["i"], to=6), node("ReduceSum", ["i", "a"], ["y"])]
    case("ReduceSum/integers", integers, {"x": x}, {"a": i64(1)})
    for name in ("Sum", "Mean", "Max", "Min"):
        case(f"{name}/three", (name, ["a", "b", "c"], {}), {"a": ints(2, 3), "b": ints(3), "c": ints(2, 1)})
        case(f"{name}/one", (name, ["a"], {}), {"a": ints(2, 3)})
        case(f"{name}/constant", (name, ["a", "b"], {}), {"a": ints(2, 3)}, {"b": ints(3)}, opset=8)
    case("Max/integers", [node("Cast", ["a"], ["i"], to=7), node("Max", ["i", "b"], ["y"])], {"a": ints(4)}, {"b": i64(1)})
    for attributes in ({}, dict(axis=1, keepdims=0), dict(axis=-1), dict(axis=2, select_last_index=1)):
        tag = "-".join(f"{k}{v}" for k, v in attributes.items()) or "default"
        for operator in ("ArgMax", "ArgMin"):
            case(f"{operator}/{tag}", (operator, ["x"], attributes), {"x": ints(3, 4, 5, low=0, high=3)})
    case("ArgMax/opset7", ("ArgMax", ["x"], dict(axis=1)), {"x": ints(3, 4)}, opset=7)
    y = ints(3, 5, low=0, high=4)
    for largest in (0, 1):
        case(f"TopK/{largest}", ("TopK", ["x", "k"], dict(largest=largest)), {"x": y}, {"k": i64(3)}, ("v", "i"), 11)
        case(f"TopK/{largest}-axis", ("TopK", ["x", "k"], dict(largest=largest, axis=0)), {"x": y}, {"k": i64(2)},
             ("v", "i"), 13)
    case("TopK/opset10", ("TopK", ["x", "k"], dict(axis=1)), {"x": y}, {"k": i64(5)}, ("v", "i"), 10)
    case("TopK/opset7", ("TopK", ["x"], dict(axis=1, k=2)), {"x": y}, {}, ("v", "i"), 7)
    refuse("TopK/unsorted", "not defined", ("TopK", ["x", "k"], dict(sorted=0)), {"x": y}, {"k": i64(3)}, ("v", "i"), 11)
    refuse("TopK/many", "asked for", ("TopK", ["x", "k"], {}), {"x": y}, {"k": i64(6)}, ("v", "i"), 11)
    for exclusive in (0, 1):
        for reverse in (0, 1):
            case(f"CumSum/{exclusive}{reverse}", ("CumSum", ["x", "a"], dict(exclusive=exclusive, reverse=reverse)),
                 {"x": x}, {"a": np.int64(1 - 2 * reverse)})
    products = [
        ("matmul", "ij,jk->ik", [ints(2, 3), ints(3, 4)]),
        ("implicit", "bj,aj", [ints(2, 3), ints(4, 3)]),
        ("batch", "bhqd,bhkd->bhqk", [ints(1, 2, 3, 4), ints(1, 2, 2, 4)]),
        ("diagonal", "ii->i", [ints(3, 3)]),
        ("trace", "ii", [ints(3, 3)]),
        ("sum", "ij->", [ints(2, 3)]),
        ("transpose", "ijk->kij", [ints(2, 3, 4)]),
        ("outer", "i,j->ij", [ints(2), ints(3)]),
        ("dot", "i, i", [ints(3), ints(3)]),
        ("three", "ij,jk,kl->il", [ints(2, 2), ints(2, 3), ints(3, 2)]),
        ("ellipsis", "...ij,...jk->...ik", [ints(2, 1, 2, 3), ints(1, 4, 3, 2)]),
        ("ellipsis-implicit", "...ij,jk", [ints(2, 2, 3), ints(3, 2)]),
    ]
    for name, equation, operands in products:
        letters = "abc"[: len(operands)]
        case(f"Einsum/{name}", ("Einsum", letters, dict(equation=equation)), dict(zip(letters, operands)), opset=12)
    refuse("Einsum/misfit", "does not fit", ("Einsum", "ab", dict(equation="ij,jk->ik")),
           {"a": ints(2, 3), "b": ints(4, 3)})


def logic():
    group("logic")
    a, b = ints(3, 4, low=0, high=3), ints(4, low=0, high=3)
    for operator, since in (("Greater", 7), ("Less", 7), ("Equal", 11), ("GreaterOrEqual", 12), ("LessOrEqual", 12)):
        for opset in sorted({since, 9 if since == 7 else since, 13, 16}):
            case(f"{operator}/opset{opset}", (operator, "ab", {}), {"a": a, "b": b}, opset=opset)
        if operator != "Equal":
            case(f"{operator}/integers",
                 [node("Cast", ["a"], ["i"], to=7), node(operator, ["i", "c"], ["y"])], {"a": a}, {"c": i64(1)})
    to_bool = [node("Cast", ["a"], ["p"], to=9), node("Cast", ["b"], ["q"], to=9)]
    case("Equal/bool", to_bool + [node("Equal", "pq", ["y"])], {"a": a, "b": b})
    for operator in ("And", "Or", "Xor"):
        case(operator, to_bool + [node(operator, "pq", ["y"])], {"a": a, "b": b})
    case("Not", [to_bool[0], node("Not", "p", ["y"])], {"a": a})
    case("Where", [to_bool[0], node("Where", ["p", "b", "c"], ["y"])], {"a": a, "b": b, "c": ints(3, 1)})
    case("Where/constant", ("Where", ["p", "b", "c"], {}), {"b": b, "c": ints(4)},
         {"p": np.array([[True], [False]])})
    case("Where/integers", [to_bool[0], node("Where", ["p", "i", "j"], ["y"])], {"a": a},
         {"i": i64(5), "j": i64(1, 2, 3, 4)})
    numbers = np.array([-2.75, -1.0, -0.5, 0.0, 0.25, 1.0, 1.9999999, 1e6], np.float32)
    for to, name in ((1, "float"), (6, "int32"), (7, "int64"), (9, "bool"), (11, "double")):
        case(f"Cast/{name}", ("Cast", ["x"], dict(to=to)), {"x": numbers}, opset=9)
    case("Cast/back", [node("Cast", ["x"], ["i"], to=7), node("Cast", ["i"], ["y"], to=1)], {"x": numbers})
    case("Cast/narrow", ("Cast", ["x"], dict(to=1)), {"x": np.array([0.1, 1e30, 3.0], np.float64)})
    case("Cast/opset19", ("Cast", ["x"], dict(to=7)), {"x": numbers}, opset=19)
    case("CastLike", ("CastLike", ["x", "t"], {}), {"x": numbers}, {"t": i64(0)}, opset=15)
    refuse("Cast/float16", "float16", ("Cast", ["x"], dict(to=10)), {"x": numbers})
    case("Div/integers", [node("Cast", ["a"], ["i"], to=7), node("Div", ["i", "d"], ["y"])],
         {"a": np.array([-7, -3, 0, 3, 7], np.float32)}, {"d": i64(2)})
    for name in ("Mul", "Div"):
        case(f"{name}/both", (name, "ab", {}), {"a": reals(2, 3), "b": reals(3, low=0.5, high=2)})
    case("MatMul/both", ("MatMul", "ab", {}), {"a": ints(2, 3, 4), "b": ints(2, 4, 2)})
    case("MatMul/vectors", ("MatMul", "ab", {}), {"a": ints(4), "b": ints(2, 4, 2)})
    case("Gemm/both", ("Gemm", "abc", dict(transA=1, transB=1, alpha=2.0, beta=0.5)),
         {"a": ints(3, 2), "b": ints(4, 3), "c": ints(2, 1)})
    case("Gemm/reals", ("Gemm", "ab", {}), {"a": reals(3, 7)}, {"b": reals(7, 2)})


def constants():
    group("constant")
    x = ints(2, 3, 4)
    case("Size", [node("Size", ["x"], ["n"]), node("Cast", ["n"], ["m"], to=1), node("Add", ["x", "m"], ["y"])], {"x": x})
    for name, attributes in (("start", dict(start=1)), ("end", dict(end=-1)), ("both", dict(start=-2, end=9)),
                             ("none", dict(start=2, end=1))):
        case(f"Shape/{name}", ("Shape", ["x"], attributes), {"x": x}, opset=15)
    for name, bounds in (("up", i64(0, 7, 2)), ("down", i64(5, -4, -3)), ("empty", i64(3, 1, 1)),
                         ("float", np.array([0.5, 2.25, 0.25], np.float32))):
        nodes = [node("Range", "abc", ["r"])]
        if bounds.dtype == np.int64:
            nodes += [node("Cast", ["r"], ["s"], to=1)]
        nodes += [node("Concat", ["x", "s" if len(nodes) > 1 else "r"], ["y"], axis=0)]
        case(f"Range/{name}", nodes, {"x": ints(2)}, dict(zip("abc", bounds)))
    refuse("Range/inexact", "none of its type", [node("Range", "abc", ["r"]), node("Concat", ["x", "r"], ["y"], axis=0)],
           {"x": ints(2)}, dict(zip("abc", np.array([0, 1, 0.1], np.float32))))
    refuse("Range/variable", "depend on the input", [node("Range", "abc", ["y"])], {"b": np.float32(3).reshape(())},
           {"a": np.float32(0), "c": np.float32(1)})
    case("NonZero", [node("NonZero", ["m"], ["n"]), node("Transpose", ["n"], ["t"]), node("GatherND", ["x", "t"], ["y"])],
         {"x": ints(2, 3)}, {"m": np.array([[0, 1, 2], [3, 0, 0]], np.float32)})
    refuse("NonZero/variable", "depend on the input", ("NonZero", ["x"], {}), {"x": x})
    # Shape arithmetic by way of floats, as exporters write it.
    shape = [node("Shape", ["x"], ["s"]), node("Cast", ["s"], ["f"], to=1), node("Mul", ["f", "h"], ["g"]),
             node("Cast", ["g"], ["t"], to=7), node("Reshape", ["x", "t"], ["y"])]
    case("shape/halves", shape, {"x": x}, {"h": np.array([2, 1, 0.5], np.float32)})
    # 4 * float32(0.25000003) and 49 * float32(1/49) end beside an integer.
    refuse("shape/third", "differ between exact arithmetic and float32", shape, {"x": ints(49, 1, 1)},
           {"h": np.array([1 / 49, 1, 1], np.float32)})
    case("shape/expand", [node("Equal", ["w", "m"], ["e"]), node("Where", ["e", "o", "w"], ["t"]),
                          node("Expand", ["x", "t"], ["y"])],
         {"x": ints(3)}, {"w": i64(2, -1), "m": i64(-1, -1), "o": i64(1, 1)})
    case("shape/division", [node("Shape", ["x"], ["s"]), node("Div", ["s", "d"], ["q"]), node("Sub", ["s", "q"], ["t"]),
                            node("Slice", ["x", "q", "t", "a"], ["y"])],
         {"x": ints(5, 7)}, {"d": i64(-3, 2), "a": i64(0, 1)})
    # A constant that no float32 holds, and one that is only stored.
    case("constant/third", [node("Div", ["o", "d"], ["t"]), node("Mul", ["x", "t"], ["y"])], {"x": ints(3)},
         {"o": np.float32(1), "d": np.float32(3)})
    case("constant/einsum", [node("Einsum", "ab", ["c"], equation="ij,jk->ik"), node("MatMul", ["x", "c"], ["y"])],
         {"x": ints(1, 2)}, {"a": ints(2, 3), "b": ints(3, 2)})


def learned():
    group("learned")
    ml = "ai.onnx.ml"
    x = ints(3, 4)

    def one(operator, results=("y",), **attributes):
        return [node(operator, ["x"], results, domain=ml, **attributes)]

    case("Scaler", one("Scaler", offset=[1.0, -2.0, 0.5, 3.0], scale=[2.0, 0.5, 1.0, -4.0]), {"x": x})
    case("Scaler/one", one("Scaler", offset=[0.5], scale=[0.25]), {"x": x})
    for norm in ("MAX", "L1", "L2"):
        case(f"Normalizer/{norm}", one("Normalizer", norm=norm), {"x": np.abs(x) + 1})
        case(f"Normalizer/{norm}-zeros", one("Normalizer", norm=norm), {"x": ints(2, 3, low=0, high=1)})
    for norm in ("L1", "L2"):
        case(f"Normalizer/{norm}-signs", one("Normalizer", norm=norm), {"x": x})
    weights = [float(v) for v in ints(8)]
    case("LinearRegressor", one("LinearRegressor", coefficients=weights, intercepts=[1.0, -2.0], targets=2), {"x": x})
    case("LinearRegressor/plain", one("LinearRegressor", coefficients=weights[:4]), {"x": x})
    weights = [float(v) for v in ints(12)]
    case("LinearClassifier", one("LinearClassifier", ("l", "y"), coefficients=weights, intercepts=[1.0, 0.25, -1.5],
                                 classlabels_ints=[4, -1, 7], multi_class=0, post_transform="NONE"),
         {"x": x}, outputs=("l", "y"))
    refuse("LinearClassifier/softmax", "post-transform SOFTMAX",
           one("LinearClassifier", ("l", "y"), coefficients=weights, classlabels_ints=[0, 1, 2],
               post_transform="SOFTMAX"), {"x": x}, outputs=("y",))
    refuse("LinearClassifier/strings", "no integers",
           one("LinearClassifier", ("l", "y"), coefficients=weights, classlabels_strings=["a", "b", "c"]), {"x": x},
           outputs=("y",))


def main():
    for make in (convolutions, pools, normalizations, movements, resizing, reductions, logic, constants, learned):
        make()
    OUT.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, cases in groups.items():
        text = "\n".join("\n".join(lines) for lines in cases) + "\n"
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9, mtime=0) as file:
            file.write(text.encode())
        (OUT / f"{name}.txt.gz").write_bytes(buffer.getvalue())
        total += len(buffer.getvalue())
        print(f"{name}: {len(cases)} cases, {len(buffer.getvalue())} bytes")
    if FAILED:
        raise SystemExit(f"{len(FAILED)} cases do not run in onnxruntime")
    print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}, {total} bytes in all")


if __name__ == "__main__":
    main()
