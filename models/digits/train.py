"""Train `digits.onnx`, a classifier of 8x8 images of handwritten digits, with some robustness.

Input: 64 grey values, row by row from the top left, each value/16 of the data set's 0..16, so in
[0, 1]; 0 is background. Output: 10 scores, one for each digit. **The largest score wins.**

Data: `sklearn.datasets.load_digits`, 1797 images (the test part of the UCI data set "Optical
Recognition of Handwritten Digits"). They are shuffled once with a fixed seed; the first 1397 are
trained on, the other 400 are held out.

Training is adversarial: each batch is first moved by projected gradient steps within an L-infinity
ball that grows to 0.08, cut to [0, 1], and then learnt. An L1 penalty on the first layer keeps its
rows sparse, which makes bounds tighter.

Usage: python train.py              trains, writes digits.onnx and reference.json beside this file
       python train.py --reference  only writes reference.json from the digits.onnx that is there
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import mlp  # noqa: E402  (sets the number of threads before numpy is loaded)
import numpy as np  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402

HIDDEN = [40, 40]
TRAINED_ON, BATCH, EPOCHS = 1397, 64, 400
RADIUS, ATTACK_STEPS = 0.08, 5
SPARSITY = 2e-5


def data():
    """Images in [0, 1] and labels, shuffled; from index TRAINED_ON on they are held out."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    return (digits.data[order] / 16).astype(np.float32), digits.target[order], order


def loss_gradient(out, label):
    """Gradient of the summed cross entropy with respect to the scores."""
    p = np.exp(out - out.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(label)), label] -= 1
    return p


def attack(net, x, label, radius, steps, rng):
    """Projected gradient ascent of the loss in the L-infinity ball, from a random start."""
    low, high = np.maximum(x - radius, 0), np.minimum(x + radius, 1)
    z = np.clip(x + rng.uniform(-radius, radius, x.shape).astype(np.float32), low, high)
    for _ in range(steps):
        out, inputs = net.forward(z)
        _, d = net.backward(inputs, loss_gradient(out, label))
        z = np.clip(z + (2.5 * radius / steps) * np.sign(d), low, high)
    return z


def train():
    x, label, _ = data()
    rng = np.random.default_rng(11)
    net = mlp.Mlp([64, *HIDDEN, 10], rng)
    adam = mlp.Adam(net, decay=2e-2)
    steps = EPOCHS * (TRAINED_ON // BATCH)
    step = 0
    for epoch in range(EPOCHS):
        radius = np.float32(RADIUS * min(1.0, epoch / (EPOCHS / 2)))
        order = rng.permutation(TRAINED_ON)
        for part in np.array_split(order, TRAINED_ON // BATCH):
            z = attack(net, x[part], label[part], radius, ATTACK_STEPS, rng)
            out, inputs = net.forward(z)
            gradients, _ = net.backward(inputs, loss_gradient(out, label[part]) / len(part))
            gradients[0] = gradients[0] + SPARSITY * np.sign(net.weights[0])
            adam.step(gradients, mlp.cosine(step, steps, 3e-3, 1e-5))
            step += 1
        if epoch % 50 == 49:
            print(f"epoch {epoch + 1}", flush=True)

    held_x, held_label = x[TRAINED_ON:], label[TRAINED_ON:]
    for radius in (0.0, 0.03, 0.05, 0.1):
        z = attack(net, held_x, held_label, np.float32(radius), 40, rng)
        right = (net.forward(z)[0].argmax(1) == held_label).mean()
        print(f"held-out images attacked within {radius}: {right:.3f} right")
    mlp.export(
        net, str(HERE / "digits.onnx"), "digits", "image", "scores",
        "Handwritten digits, an example. image: 8x8 grey values / 16, row by row. "
        "scores: digits 0 to 9; the largest wins.",
    )


def reference():
    x, _, _ = data()
    held = x[TRAINED_ON : TRAINED_ON + 24]
    inner = np.random.default_rng(1).uniform(0, 1, (4, 64))
    corners = np.random.default_rng(2).integers(0, 2, (4, 64))
    mlp.write_reference(
        str(HERE / "digits.onnx"), HERE / "reference.json",
        np.vstack([np.zeros((1, 64)), np.ones((1, 64)), corners, inner, held]),
    )


if __name__ == "__main__":
    if "--reference" not in sys.argv[1:]:
        train()
    reference()
