"""Train `heat.onnx`, a thermostat with two inputs: the smallest model here, for first steps.

    index  quantity             unit  range      model input
    0      room temperature     C     5 .. 35    (value - 20) / 15
    1      outside temperature  C     -20 .. 40  (value - 10) / 30

One output: the heating power as a share of the full power, 0 to 1; a controller would cut it to
that range. The expert asks for 0.25 per degree below 21 C plus 0.01 per degree that it is colder
than 21 C outside, cut to 0 .. 1.

Usage: python train.py              trains, writes heat.onnx and reference.json beside this file
       python train.py --reference  only writes reference.json from the heat.onnx that is there
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import mlp  # noqa: E402  (sets the number of threads before numpy is loaded)
import numpy as np  # noqa: E402

BATCH, STEPS = 500, 20_000


def expert(x):
    room, outside = 20 + 15 * x[:, :1], 10 + 30 * x[:, 1:]
    return np.clip(0.25 * (21 - room) + 0.01 * (21 - outside), 0, 1)


def train():
    rng = np.random.default_rng(5)
    net = mlp.Mlp([2, 8, 8, 1], rng)
    adam = mlp.Adam(net, decay=1e-4)
    for step in range(STEPS):
        x = rng.uniform(-1, 1, (BATCH, 2)).astype(np.float32)
        out, inputs = net.forward(x)
        error = out - expert(x).astype(np.float32)
        gradients, _ = net.backward(inputs, 2 * error / error.size)
        adam.step(gradients, mlp.cosine(step, STEPS, 1e-2, 1e-5))
    x = np.random.default_rng(6).uniform(-1, 1, (100_000, 2)).astype(np.float32)
    error = net.forward(x)[0] - expert(x)
    print(f"error: rms {np.sqrt((error**2).mean()):.4f}, largest {np.abs(error).max():.4f}")
    mlp.export(
        net, str(HERE / "heat.onnx"), "heat", "temperatures", "power",
        "Thermostat, an example. temperatures: (room-20)/15 C, (outside-10)/30 C. power: share of full power.",
    )


def reference():
    line = np.linspace(-1, 1, 5)
    grid = np.array([[a, b] for a in line for b in line])
    mlp.write_reference(str(HERE / "heat.onnx"), HERE / "reference.json", grid)


if __name__ == "__main__":
    if "--reference" not in sys.argv[1:]:
        train()
    reference()
