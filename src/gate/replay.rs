//! A script that shows a counterexample in onnxruntime, apart from Plimsoll.

use super::results::Point;
use crate::spec::World;
use plimsoll_check::graph::ElementType;
use serde_json::json;

/// The script; numbers and words stand in it as one JSON text, so that none of them is code.
pub(super) fn script(world: &World, name: &str, point: &Point) -> String {
    let mut tensors = Vec::new();
    let mut from = 0;
    for id in &world.graph.inputs {
        let value = world.graph.value(*id);
        let to = (from + value.len()).min(point.inputs.len());
        let numbers: Vec<&str> =
            point.inputs[from.min(to)..to].iter().map(|input| input.model.as_str()).collect();
        tensors.push(json!({"name": value.name, "shape": value.shape, "numbers": numbers}));
        from = to;
    }
    let labels: Vec<&str> = point.outputs.iter().map(|output| output.name.as_str()).collect();
    let expected: Vec<&str> = point.outputs.iter().map(|output| output.model.as_str()).collect();
    let data = json!({
        "about": name,
        "model": world.spec.model.path,
        "sha256": world.model_sha256,
        "type": if world.graph.element == ElementType::F64 { "float64" } else { "float32" },
        "inputs": tensors,
        "labels": labels,
        "outputs": expected,
    })
    .to_string();
    // A string of JSON is a string of Python, but for what neither needs.
    let quoted = serde_json::to_string(&data).unwrap_or_default();
    format!(
        r#"#!/usr/bin/env python3
"""Runs a counterexample in onnxruntime: python3 SCRIPT MODEL.onnx. Needs numpy and onnxruntime."""

import hashlib
import json
import sys
from fractions import Fraction

import numpy
import onnxruntime

data = json.loads({quoted})
path = sys.argv[1] if len(sys.argv) > 1 else data["model"]
with open(path, "rb") as file:
    if hashlib.sha256(file.read()).hexdigest() != data["sha256"]:
        print("note: this is not the model that was verified")
feed = {{
    tensor["name"]: numpy.array([float(Fraction(n)) for n in tensor["numbers"]], dtype=data["type"]).reshape(
        tensor["shape"]
    )
    for tensor in data["inputs"]
}}
session = onnxruntime.InferenceSession(path)
outputs = numpy.concatenate([output.ravel() for output in session.run(None, feed)])
print(data["about"])
for label, expected, computed in zip(data["labels"], data["outputs"], outputs):
    print(f"  {{label}}: {{computed!r}} in onnxruntime, {{float(Fraction(expected))!r}} over the reals")
"#
    )
}
