"""Small fully connected ReLU networks in numpy: training, export to ONNX, reference outputs.

Everything is seeded and runs on one thread. The last bits of a matrix product still depend on the
BLAS library and the processor, so a network trained on another machine is of the same kind, but not
of the same bytes. The committed `.onnx` files are the models; the scripts say how they were made.
"""

import json
import os

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Mlp:
    """Dense layers with ReLU between them; `weights[k]` has shape (inputs, outputs) of layer k."""

    def __init__(self, sizes, rng):
        self.weights = [
            (rng.standard_normal((a, b)) * np.sqrt(2.0 / a)).astype(np.float32)
            for a, b in zip(sizes, sizes[1:])
        ]
        self.biases = [np.zeros(b, np.float32) for b in sizes[1:]]

    def parameters(self):
        return self.weights + self.biases

    def forward(self, x):
        """The outputs, and the input of every layer (what `backward` needs)."""
        inputs = [x]
        for w, b in zip(self.weights[:-1], self.biases[:-1]):
            inputs.append(np.maximum(inputs[-1] @ w + b, 0))
        return inputs[-1] @ self.weights[-1] + self.biases[-1], inputs

    def backward(self, inputs, d_out):
        """Gradients of the parameters (in the order of `parameters`) and of the network's input."""
        d_weights, d_biases = [], []
        for k in reversed(range(len(self.weights))):
            d_weights.append(inputs[k].T @ d_out)
            d_biases.append(d_out.sum(0))
            d_out = d_out @ self.weights[k].T
            if k > 0:
                d_out = d_out * (inputs[k] > 0)
        return d_weights[::-1] + d_biases[::-1], d_out


class Adam:
    """Adam with decoupled weight decay on the weights (not on the biases)."""

    def __init__(self, net, decay=0.0):
        self.net, self.decay, self.steps = net, decay, 0
        self.m = [np.zeros_like(p) for p in net.parameters()]
        self.v = [np.zeros_like(p) for p in net.parameters()]

    def step(self, gradients, rate):
        self.steps += 1
        for i, (p, g) in enumerate(zip(self.net.parameters(), gradients)):
            self.m[i] += 0.1 * (g - self.m[i])
            self.v[i] += 0.001 * (g * g - self.v[i])
            m = self.m[i] / (1 - 0.9**self.steps)
            v = self.v[i] / (1 - 0.999**self.steps)
            if i < len(self.net.weights):
                p -= rate * self.decay * p
            p -= rate * m / (np.sqrt(v) + 1e-8)


def cosine(step, steps, top, bottom):
    """Learning rate that falls from `top` to `bottom` along half a cosine."""
    return bottom + 0.5 * (top - bottom) * (1 + np.cos(np.pi * step / steps))


def export(net, path, graph_name, input_name, output_name, doc):
    """Write `net` as Gemm and Relu nodes, opset 17, float32, batch dimension 1."""
    nodes, tensors, value = [], [], input_name
    last = len(net.weights) - 1
    for k, (w, b) in enumerate(zip(net.weights, net.biases)):
        # Row per output (transB = 1), as most exporters write it.
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(w.T, np.float32), f"layer{k}.weight"))
        tensors.append(numpy_helper.from_array(b.astype(np.float32), f"layer{k}.bias"))
        result = output_name if k == last else f"layer{k}.sum"
        nodes.append(
            helper.make_node(
                "Gemm", [value, f"layer{k}.weight", f"layer{k}.bias"], [result], name=f"layer{k}", transB=1
            )
        )
        if k < last:
            nodes.append(helper.make_node("Relu", [result], [f"layer{k}.out"], name=f"relu{k}"))
            value = f"layer{k}.out"
    graph = helper.make_graph(
        nodes,
        graph_name,
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, [1, net.weights[0].shape[0]])],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, [1, net.weights[-1].shape[1]])],
        tensors,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="plimsoll-examples", doc_string=doc
    )
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def write_reference(model_path, path, points):
    """Record onnxruntime's float32 outputs at `points`, one point at a time."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    points = np.asarray(points, np.float32)
    outputs = [session.run(None, {name: p[None]})[0][0] for p in points]

    def numbers(row):
        # The shortest decimal that reads back as the same float32.
        return [float(np.format_float_positional(v, unique=True)) for v in row]

    with open(path, "w") as f:
        f.write('{"inputs": [\n')
        f.write(",\n".join(" " + json.dumps(numbers(p)) for p in points))
        f.write('\n],\n"outputs": [\n')
        f.write(",\n".join(" " + json.dumps(numbers(o)) for o in outputs))
        f.write("\n]}\n")
