"""Records what onnxruntime computes, for checker/tests/reference.rs. Run by hand.

    pip install onnx onnxruntime numpy
    python3 scripts/record_reference.py [BENCH]      # BENCH: the folder of benchmarks, ../shared/bench

Three files in checker/tests/data/ are written, each a gzipped list of lines with tab-separated fields:

- bench.tsv.gz: for every benchmark model that has only operators which the checker reads: the SHA-256
  digest of the (decompressed) model, its name, and for each sample the outputs. No model is copied.
- steps.tsv.gz: for some of them, on sample 1, what every node computed that rounds: the digest, the
  name of the model, and for each such node `output=numbers`.
- operators.tsv.gz: small models made here, one or more for every operator, attribute and opset: the
  model in hexadecimal, its name, and for each sample the outputs.

Inputs are not stored but follow from a formula that the test repeats (`sample`). Outputs are separated
by spaces; a number is written so that reading it as the model's float type gives it back. Graph
optimisations are off: what runs is the graph in the file.
"""

import glob
import gzip
import hashlib
import os
import re
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "checker", "tests", "data")
SAMPLES = 3
OLDEST, NEWEST = 7, 25


def sample(shapes, number, dtype):
    """Flat inputs: multiples of 1/1024 in (-1, 1), exact in every float type; sample 0 is nearly constant."""
    inputs, at = [], 0
    for shape in shapes:
        index = np.arange(at, at + int(np.prod(shape)), dtype=np.int64)
        at += len(index)
        if number == 0:
            flat = 512 - index % 2
        else:
            flat = (index * 7919 + number * 104729 + index * index * 31) % 2003 - 1001
        inputs.append((flat / 1024.0).astype(dtype).reshape(shape))
    return inputs


def run(model, numbers):
    """For each sample the outputs by name; what onnxruntime does not run is an exception."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    types = {"tensor(float)": np.float32, "tensor(double)": np.float64}
    dtype = types[session.get_inputs()[0].type]
    shapes = [[d if isinstance(d, int) and d > 0 else 1 for d in i.shape] for i in session.get_inputs()]
    names = [output.name for output in session.get_outputs()]
    for number in numbers:
        inputs = sample(shapes, number, dtype)
        feed = {i.name: x for i, x in zip(session.get_inputs(), inputs)}
        yield dict(zip(names, session.run(None, feed)))


def text(arrays):
    """All elements, each as the shortest decimal that gives it back."""
    flat = np.concatenate([np.asarray(array).ravel() for array in arrays])
    return " ".join(np.format_float_scientific(v, trim="-") for v in flat)


def outputs(model):
    """The outputs for every sample, as texts."""
    return [text(values.values()) for values in run(model, range(SAMPLES))]


# Operators that round; all others that are recorded only move numbers or cut them off at zero.
ROUNDING = {"Add", "Sub", "Mul", "Div", "Gemm", "MatMul", "ReduceSum"}
# Families whose deep networks have weak bounds from end to end: all models are recorded step by step.
DEEP = {"cora", "eran", "linearizenn", "mnist_fc"}
MOST_STEPS = 8000


def steps(model):
    """What every rounding node computes on sample 1, as `name=numbers`, or None if it is too much."""
    nodes = [node for node in model.graph.node if node.op_type in ROUNDING]
    known = {output.name for output in model.graph.output}
    added = [node.output[0] for node in nodes if node.output[0] not in known]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in added)
    (values,) = run(model.SerializeToString(), [1])
    # Integers are shapes, which are computed exactly.
    names = [node.output[0] for node in nodes if values[node.output[0]].dtype.kind == "f"]
    if sum(values[name].size for name in names) > MOST_STEPS:
        return None
    return [f"{name}={text([values[name]])}" for name in names]


def supported():
    """The operators that the checker reads, from its own table."""
    with open(os.path.join(HERE, "..", "checker", "src", "ops", "mod.rs")) as source:
        return set(re.findall(r'^\s+operator\("(\w+)"', source.read(), re.MULTILINE))


def record_bench(folder):
    """The lines of bench.tsv.gz and of steps.tsv.gz."""
    names = supported()
    lines, stepwise, families = {}, {}, set()
    for path in sorted(glob.glob(os.path.join(folder, "*", "onnx", "**", "*.onnx*"), recursive=True)):
        data = open(path, "rb").read()
        try:
            data = gzip.decompress(data) if path.endswith(".gz") else data
            model = onnx.load_from_string(data)
            operators = {node.op_type for node in model.graph.node}
            if not operators <= names or not model.graph.node:
                continue
            name = os.path.relpath(path, folder).replace(os.sep, "/")
            digest = hashlib.sha256(data).hexdigest()
            lines[digest] = "\t".join([digest, name, *outputs(data)])
            family = name.split("/")[0]
            if family in DEEP or family not in families:
                recorded = steps(model)
                if recorded:
                    families.add(family)
                    stepwise[digest] = "\t".join([digest, name, *recorded])
        except Exception as error:  # What onnxruntime or onnx refuses has no outputs to record.
            print(f"left out: {path}: {str(error).splitlines()[0][:150]}")
    return list(lines.values()), list(stepwise.values())


def small_models():
    """Name and bytes of small models; `x` is the input, `y` the output."""
    rng = None

    def array(*shape):
        return (rng.integers(-2000, 2000, shape) / 700).astype(np.float32)

    def build(name, opset, nodes, constants, shape, out=1, dtype=TensorProto.FLOAT, inputs=("x",)):
        initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
        names = ["y"] if out == 1 else [f"y{k}" for k in range(out)]
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info(i, dtype, shape) for i in inputs],
            [helper.make_tensor_value_info(n, dtype, None) for n in names],
            initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8 if opset < 20 else 10
        return f"{name} {opset}", model.SerializeToString()

    def node(op, inputs, results=("y",), **attributes):
        return helper.make_node(op, inputs, list(results), **attributes)

    def ints(*values):
        return np.array(values, dtype=np.int64)

    for opset in range(OLDEST, NEWEST + 1):
        # The same numbers for every opset, which compress well.
        rng = np.random.default_rng(7)

        def one(name, nodes, constants, shape, **more):
            return build(name, opset, nodes, constants, shape, **more)

        w, row, tall = array(4, 3), array(3), array(2, 1, 3)
        yield one("matmul", [node("MatMul", ["x", "w"])], {"w": w}, [2, 4])
        yield one("matmul vector", [node("MatMul", ["x", "w"])], {"w": array(4)}, [2, 4])
        yield one("matmul left", [node("MatMul", ["w", "x"])], {"w": array(3, 2)}, [2, 4])
        yield one("matmul batch", [node("MatMul", ["x", "w"])], {"w": array(2, 1, 4, 3)}, [5, 2, 4])
        for a, b in ((0, 0), (1, 0), (0, 1), (1, 1)):
            yield one(
                f"gemm {a}{b}",
                [node("Gemm", ["x", "w", "c"], alpha=1.3, beta=-0.7, transA=a, transB=b)],
                {"w": array(3, 4) if b else w, "c": row},
                [4, 2] if a else [2, 4],
            )
        yield one("gemm column", [node("Gemm", ["x", "w", "c"])], {"w": w, "c": array(2, 1)}, [2, 4])
        if opset >= 11:
            yield one("gemm without c", [node("Gemm", ["x", "w"])], {"w": w}, [2, 4])
        for op in ("Add", "Sub", "Mul", "Div"):
            yield one(op, [node(op, ["x", "w"])], {"w": row}, [2, 4, 3])
            yield one(op + " wider", [node(op, ["x", "w"])], {"w": array(2, 4, 1)}, [4, 3])
            if op != "Div":
                yield one(op + " left", [node(op, ["w", "x"])], {"w": tall}, [4, 3])
        yield one("two inputs", [node("Sub", ["a", "b"])], {}, [2, 3], inputs=("a", "b"))
        yield one("relu", [node("Relu", ["x"])], {}, [2, 5])
        yield one("neg", [node("Neg", ["x"])], {}, [2, 5])
        yield one("identity", [node("Identity", ["x"])], {}, [5])
        yield one("dropout", [node("Dropout", ["x"])], {}, [5])
        for axis in (0, 1, 2, 3) if opset < 11 else (0, 2, -1):
            nodes = [node("Flatten", ["x"], ["f"], axis=axis), node("MatMul", ["f", "w"])]
            columns = int(np.prod([2, 3, 4][axis:] if axis else [2, 3, 4]))
            yield one(f"flatten {axis}", nodes, {"w": array(columns, 2)}, [2, 3, 4])
        yield one("reshape", [node("Reshape", ["x", "s"])], {"s": ints(0, -1, 2)}, [2, 3, 4])
        if opset >= 14:
            yield one("reshape zero", [node("Reshape", ["x", "s"], allowzero=1)], {"s": ints(4, -1)}, [2, 6])
        yield one("transpose", [node("Transpose", ["x"])], {}, [2, 3, 4])
        yield one("transpose perm", [node("Transpose", ["x"], perm=[1, 2, 0])], {}, [2, 3, 4])
        yield one("concat", [node("Concat", ["x", "w", "x"], axis=1)], {"w": array(2, 2, 2)}, [2, 3, 2])
        if opset >= 11:
            yield one("concat last", [node("Concat", ["w", "x"], axis=-1)], {"w": array(2, 3, 1)}, [2, 3, 2])
        if opset < 13:
            yield one("unsqueeze", [node("Unsqueeze", ["x"], axes=[0, 2])], {}, [3, 2])
            yield one("squeeze", [node("Squeeze", ["x"], axes=[0])], {}, [1, 3, 1])
            yield one("reduce sum", [node("ReduceSum", ["x"], axes=[1], keepdims=0)], {}, [2, 3, 4])
            yield one("split", [node("Split", ["x"], ["y0", "y1"], axis=1, split=[1, 3])], {}, [2, 4], out=2)
            yield one("split equal", [node("Split", ["x"], ["y0", "y1"])], {}, [4, 2], out=2)
        else:
            yield one("unsqueeze", [node("Unsqueeze", ["x", "a"])], {"a": ints(0, -2)}, [3, 2])
            yield one("squeeze", [node("Squeeze", ["x", "a"])], {"a": ints(-3)}, [1, 3, 1])
            yield one("reduce sum", [node("ReduceSum", ["x", "a"], keepdims=0)], {"a": ints(-2, 0)}, [2, 3, 4])
            yield one("reduce none", [node("ReduceSum", ["x"], noop_with_empty_axes=1)], {}, [2, 3])
            lengths = {"s": ints(1, 3)}
            yield one("split", [node("Split", ["x", "s"], ["y0", "y1"], axis=1)], lengths, [2, 4], out=2)
            equal = {"num_outputs": 2} if opset >= 18 else {}
            length = [5, 2] if opset >= 18 else [4, 2]
            yield one("split equal", [node("Split", ["x"], ["y0", "y1"], **equal)], {}, length, out=2)
        yield one("squeeze all", [node("Squeeze", ["x"])], {}, [1, 3, 1])
        yield one("reduce all", [node("ReduceSum", ["x"])], {}, [2, 3, 4])
        if opset < 10:
            yield one("slice", [node("Slice", ["x"], starts=[1, -3], ends=[9, -1], axes=[0, 2])], {}, [3, 2, 5])
        else:
            cut = {"s": ints(1, -1), "e": ints(9, -9), "a": ints(0, 2), "t": ints(1, -2)}
            yield one("slice", [node("Slice", ["x", "s", "e", "a", "t"])], cut, [3, 2, 5])
            yield one("slice plain", [node("Slice", ["x", "s", "e"])], {"s": ints(0, 1), "e": ints(2, -1)}, [3, 4])
        yield one("gather", [node("Gather", ["x", "i"], axis=1)], {"i": ints(2, 0).reshape(1, 2)}, [2, 3, 2])
        if opset >= 11:
            yield one("gather negative", [node("Gather", ["x", "i"])], {"i": np.int64(-1)}, [3, 2])
        constant = helper.make_tensor("v", TensorProto.FLOAT, [3], [0.1, -0.2, 0.3])
        nodes = [node("Constant", [], ["c"], value=constant), node("Add", ["c", "x"])]
        yield one("constant", nodes, {}, [2, 3])
        if opset >= 12:
            nodes = [node("Constant", [], ["c"], value_floats=[0.1, -0.2, 0.3]), node("Mul", ["c", "x"])]
            yield one("constant floats", nodes, {}, [2, 3])
        # Constants of constants, with and without rounding; shapes that are computed.
        nodes = [node("Mul", ["w", "w"], ["c"]), node("Div", ["c", "d"], ["e"]), node("Sub", ["x", "e"])]
        yield one("constants", nodes, {"w": row, "d": row + np.float32(9)}, [2, 3])
        nodes = [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "i"], ["n"]),
            node("Concat", ["n", "m"], ["t"], axis=0),
            node("Reshape", ["x", "t"]),
        ]
        yield one("shape", nodes, {"i": ints(0), "m": ints(-1)}, [2, 3, 2])
        if opset >= 9:
            value = helper.make_tensor("v", TensorProto.FLOAT, [1], [0.7])
            nodes = [node("ConstantOfShape", ["s"], ["c"], value=value), node("Add", ["x", "c"])]
            yield one("constant of shape", nodes, {"s": ints(2, 1)}, [2, 3])
        nodes = [
            node("MatMul", ["x", "w"], ["h"]),
            node("Add", ["h", "b"], ["p"]),
            node("Relu", ["p"], ["r"]),
            node("Add", ["r", "h"], ["q"]),
            node("Gemm", ["q", "v", "c"]),
        ]
        weights = {"w": array(4, 6), "b": array(6), "v": array(6, 3), "c": array(3)}
        yield one("network", nodes, weights, [1, 4])
        doubles = {name: value.astype(np.float64) / 3 for name, value in weights.items()}
        yield one("double network", nodes, doubles, [1, 4], dtype=TensorProto.DOUBLE)


def record_operators():
    lines = {}
    # Models of one name differ little from opset to opset: side by side they compress well.
    for name, data in sorted(small_models()):
        try:
            rows = outputs(data)
        except Exception as error:
            print(f"left out: {name}: {str(error).splitlines()[0][:150]}")
            continue
        lines[data] = "\t".join([data.hex(), name, *rows])
    return list(lines.values())


def write(name, lines):
    path = os.path.join(DATA, name)
    content = "".join(line + "\n" for line in lines).encode()
    with open(path, "wb") as target:
        # Without a time in the header, so that equal lines give equal bytes.
        with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=9, mtime=0, filename="") as packed:
            packed.write(content)
    print(f"{path}: {len(lines)} models, {os.path.getsize(path)} bytes")


def main():
    default = os.path.join(HERE, "..", "..", "shared", "bench")
    os.makedirs(DATA, exist_ok=True)
    write("operators.tsv.gz", record_operators())
    bench, stepwise = record_bench(sys.argv[1] if len(sys.argv) > 1 else default)
    write("bench.tsv.gz", bench)
    write("steps.tsv.gz", stepwise)


if __name__ == "__main__":
    main()
