"""Train `avoid.onnx`, a small collision-avoidance controller, on a simulated expert.

The encounter is planar. Own aircraft stands at the origin and flies along the first axis ("ahead");
the second axis points to its left. Five inputs, in this order:

    index  quantity                                  unit  range          model input
    0      intruder's distance ahead                 m     0 .. 2000      (value - 1000) / 1000
    1      intruder's distance to the left           m     -1000 .. 1000  value / 1000
    2      intruder's ground velocity, ahead part    m/s   -50 .. 50      value / 50
    3      intruder's ground velocity, left part     m/s   -50 .. 50      value / 50
    4      own speed                                 m/s   10 .. 60       (value - 35) / 25

so every model input lies in [-1, 1]. Five outputs, the scores of the advisories

    0 clear   1 weak left   2 weak right   3 strong left   4 strong right

**The largest score wins.** A score is minus a cost without unit: 0 is "nothing to worry about", -2
is "flies into the intruder".

The expert's cost of an advisory is risk + effort. Own aircraft turns for 15 s at the advisory's rate
and then flies straight; the intruder turns at -1, 0 or +1 degree a second for 15 s and then
flies straight. With s the smallest distance between the two within 40 s, the risk is
max(0, 2 - s / 200 m), averaged over the three intruders. Efforts are in `EFFORT`; a turn to the left
costs a little more than one to the right, since head-on traffic passes on the right.

Usage: python train.py              trains, writes avoid.onnx and reference.json beside this file
       python train.py --reference  only writes reference.json from the avoid.onnx that is there
"""

import itertools
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import mlp  # noqa: E402  (sets the number of threads before numpy is loaded)
import numpy as np  # noqa: E402

CENTRE = np.array([1000.0, 0.0, 0.0, 0.0, 35.0])
SCALE = np.array([1000.0, 1000.0, 50.0, 50.0, 25.0])
ADVISORIES = ["clear", "weak left", "weak right", "strong left", "strong right"]
TURN_RATE = np.radians([0.0, 2.0, -2.0, 6.0, -6.0])  # left is positive
EFFORT = np.array([0.0, 0.10, 0.08, 0.24, 0.20])
INTRUDER_TURN_RATE = np.radians([-1.0, 0.0, 1.0])
TURN_TIME, HORIZON, STEP = 15, 40, 1.0
HALF_RISK = 200.0

HIDDEN = [32, 32, 32, 32]
SAMPLES, BATCH, EPOCHS = 400_000, 1000, 60


def path(velocity, rate):
    """Displacement in each second of a flight that starts with `velocity` and turns at `rate`."""
    steps = []
    for t in range(HORIZON):
        angle = rate * min(t + 0.5, TURN_TIME)
        steps.append(velocity * np.exp(1j * angle) * STEP)
    return steps


def separation(start, own, intruder):
    """Smallest distance between two flights; within a second both are straight."""
    relative = start.copy()
    best = np.abs(relative)
    for a, b in zip(own, intruder):
        move = b - a
        length2 = np.maximum((move * move.conj()).real, 1e-12)
        along = np.clip(-(relative * move.conj()).real / length2, 0.0, 1.0)
        best = np.minimum(best, np.abs(relative + along * move))
        relative = relative + move
    return best


def expert(physical):
    """The expert's scores, shape (n, 5), for encounters in physical units, shape (n, 5)."""
    start = physical[:, 0] + 1j * physical[:, 1]
    velocity = physical[:, 2] + 1j * physical[:, 3]
    scores = np.empty((len(physical), len(ADVISORIES)))
    for k, (rate, effort) in enumerate(zip(TURN_RATE, EFFORT)):
        own = path(physical[:, 4] + 0j, rate)
        risk = 0.0
        for intruder_rate in INTRUDER_TURN_RATE:
            s = separation(start, own, path(velocity, intruder_rate))
            risk = risk + np.maximum(0.0, 2.0 - s / HALF_RISK) / len(INTRUDER_TURN_RATE)
        scores[:, k] = -(risk + effort)
    return scores


def encounters(n, rng):
    """Model inputs: half uniform, half aimed so that straight flights come near each other."""
    x = rng.uniform(-1.0, 1.0, (n, 5))
    half = n // 2
    p = x[:half] * SCALE + CENTRE
    time = rng.uniform(2.0, HORIZON, half)
    miss = rng.normal(0.0, 300.0, (half, 2))
    p[:, 2] = (miss[:, 0] - p[:, 0]) / time + p[:, 4]
    p[:, 3] = (miss[:, 1] - p[:, 1]) / time
    aimed = (p - CENTRE) / SCALE
    inside = (np.abs(aimed) <= 1).all(1)
    x[:half][inside] = aimed[inside]
    return x


def train():
    rng = np.random.default_rng(20240607)
    x = encounters(SAMPLES, rng)
    y = np.concatenate([expert(part * SCALE + CENTRE) for part in np.array_split(x, 20)])
    x, y = x.astype(np.float32), y.astype(np.float32)
    net = mlp.Mlp([5, *HIDDEN, 5], rng)
    adam = mlp.Adam(net, decay=1e-2)
    steps = EPOCHS * (SAMPLES // BATCH)
    step = 0
    for epoch in range(EPOCHS):
        order = rng.permutation(SAMPLES)
        total = 0.0
        for part in order.reshape(-1, BATCH):
            out, inputs = net.forward(x[part])
            error = out - y[part]
            total += float((error * error).mean())
            gradients, _ = net.backward(inputs, 2 * error / error.size)
            adam.step(gradients, mlp.cosine(step, steps, 3e-3, 1e-5))
            step += 1
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: rms error {np.sqrt(total * BATCH / SAMPLES):.4f}", flush=True)

    test = encounters(20_000, np.random.default_rng(7))
    want = expert(test * SCALE + CENTRE)
    got = net.forward(test.astype(np.float32))[0]
    regret = want.max(1) - want[np.arange(len(want)), got.argmax(1)]
    print(f"unseen encounters: rms error {np.sqrt(((got - want) ** 2).mean()):.4f}, "
          f"same advisory {np.mean(got.argmax(1) == want.argmax(1)):.3f}, "
          f"mean loss of score {regret.mean():.4f}, largest {regret.max():.3f}")
    mlp.export(
        net, str(HERE / "avoid.onnx"), "avoid", "encounter", "scores",
        "Collision avoidance, an example. encounter: (ahead-1000)/1000 m, left/1000 m, "
        "v_ahead/50 m/s, v_left/50 m/s, (own-35)/25 m/s. scores: clear, weak left, weak right, "
        "strong left, strong right; the largest wins.",
    )


def reference():
    corners = np.array(list(itertools.product([-1.0, 1.0], repeat=5)))
    inner = np.random.default_rng(1).uniform(-1, 1, (16, 5))
    mlp.write_reference(
        str(HERE / "avoid.onnx"), HERE / "reference.json", np.vstack([np.zeros((1, 5)), corners, inner])
    )


if __name__ == "__main__":
    if "--reference" not in sys.argv[1:]:
        train()
    reference()
