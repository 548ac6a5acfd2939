#!/usr/bin/env python3
"""Compares the checker's evaluation with onnxruntime on whole models, run by hand.

    pip install onnx onnxruntime numpy
    cargo build --release -p plimsoll-check --example evaluate
    python3 scripts/compare_models.py [FOLDER ...]       # default: $PLIMSOLL_BENCH or ../shared/bench

For every model below the folders: whether it is read, and for seeded inputs the largest difference
between the float32 evaluation and onnxruntime, relative to the largest output, whether intervals contain
the outputs up to that difference, and the seconds of one evaluation each.
"""

import gzip
import os
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime as ort

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("EVALUATE", str(ROOT / "target/release/examples/evaluate"))
POINTS = 3


def run(path, mode, data):
    done = subprocess.run([BINARY, str(path), mode], input=data, capture_output=True)
    if done.returncode:
        return None, done.stderr.decode().strip()
    return np.frombuffer(done.stdout, "<f8"), float(done.stderr.decode().strip())


def reason(message):
    """The message of an error in a debug print."""
    start = message.find('message: "')
    return message[start + 10:].split('", file')[0] if start >= 0 else message[-200:]


def compare(path):
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    model = onnx.load_from_string(raw)
    constants = {tensor.name for tensor in model.graph.initializer}
    shapes = {}
    for value in model.graph.input:
        if value.name not in constants:
            shapes[value.name] = [dim.dim_value if dim.dim_value > 0 else 1 for dim in value.type.tensor_type.shape.dim]
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(7)
    worst, width, outside, seconds = 0.0, 0.0, 0, [0.0, 0.0]
    for _ in range(POINTS):
        inputs = {name: rng.uniform(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}
        data = b"".join(array.tobytes() for array in inputs.values())
        ours, time = run(path, "float", data)
        if ours is None:
            return None, reason(time)
        theirs = np.concatenate([np.asarray(y, np.float64).ravel() for y in session.run(None, inputs)])
        scale = max(1e-30, np.abs(theirs).max())
        worst = max(worst, np.abs(ours - theirs).max() / scale)
        ends, long = run(path, "interval", data)
        if ends is None:
            return None, reason(long)
        low, high = ends[0::2], ends[1::2]
        room = np.abs(ours - theirs).max() * 8 + scale * 1e-4
        outside += int(((theirs < low - room) | (theirs > high + room)).sum())
        width = max(width, ((high - low) / scale).max())
        seconds = [max(seconds[0], time), max(seconds[1], long)]
    return (worst, width, outside, *seconds), ""


def main():
    default = os.environ.get("PLIMSOLL_BENCH", str(ROOT.parent / "shared/bench"))
    read = total = 0
    for folder in map(pathlib.Path, sys.argv[1:] or [default]):
        for path in sorted(p for p in folder.rglob("*.onnx*") if p.suffix in (".onnx", ".gz")):
            total += 1
            try:
                result, why = compare(path)
            except Exception as error:
                result, why = None, f"onnxruntime: {str(error)[:150]}"
            name = path.relative_to(folder)
            if result is None:
                print(f"{name}: not read: {why}", flush=True)
                continue
            read += 1
            worst, width, outside, float_s, interval_s = result
            print(f"{name}: difference {worst:.1e}, width {width:.1e}, outside {outside}, "
                  f"{float_s:.3f} s, {interval_s:.3f} s on intervals", flush=True)
    print(f"{read} of {total} models are read")


if __name__ == "__main__":
    main()
