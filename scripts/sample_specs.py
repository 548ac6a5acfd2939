#!/usr/bin/env python3
"""Compares the verdicts of TOML specifications with random points, without any code of Plimsoll.

    scripts/sample_specs.py RESULTS.json SPEC.toml [POINTS]

Reads the specification by itself, evaluates its formulas in numpy on what onnxruntime computes, and says
for each property how many points violate it: none where the results say `holds`. A counterexample of the
results is run in onnxruntime and has to violate. Needs numpy and onnxruntime; kinds reach, never, margin
and robustness.
"""

import functools
import json
import re
import sys
import tomllib
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnxruntime


def number(value, params):
    if isinstance(value, str) and value.startswith("$"):
        value = params[value[1:]]
        value = value["value"] if isinstance(value, dict) else value
    return float(Fraction(value)) if isinstance(value, str) else float(value)


class World:
    def __init__(self, path):
        self.folder = path.parent
        self.spec = tomllib.loads(path.read_text())
        self.params = self.spec.get("params", {})
        self.session = onnxruntime.InferenceSession(self.folder / self.spec["model"]["path"])
        self.name = self.session.get_inputs()[0].name
        self.shape = self.session.get_inputs()[0].shape
        self.labels = self.spec["output"]["labels"]
        self.inputs, self.names = [], {}
        for entry in self.spec["input"]:
            count = int(np.prod(entry.get("shape", [])))
            low, high = (number(end, self.params) for end in entry["range"])
            mean, scale = (number(entry.get(k, d), self.params) for k, d in (("mean", 0), ("scale", 1)))
            if not entry.get("shape"):
                self.names[entry["name"]] = len(self.inputs)
            self.inputs += [(entry["name"], mean, scale, low, high)] * count

    def value(self, name):
        value = self.params[name]
        return number(value["value"] if isinstance(value, dict) else value, self.params)

    def run(self, points):
        mean, scale = (np.array([entry[k] for entry in self.inputs]) for k in (1, 2))
        flat = ((points - mean) / scale).astype(np.float32)
        out = [self.session.run(None, {self.name: row.reshape(self.shape)})[0].ravel() for row in flat]
        return np.array(out, dtype=np.float64)

    def holds(self, text, x, y):
        """The formula at every point; decisions strictly."""
        if "=>" in text:
            left, right = text.split("=>", 1)
            return ~self.holds(left, x, y) | self.holds(right, x, y)
        text = re.sub(r"\$(\w+)", lambda found: repr(self.value(found[1])), text)
        text = re.sub(r"([\d.]+)\s*%", r"(\1/100)", text)
        place = {label: k for k, label in enumerate(self.labels)}

        def decides(labels, negated):
            ours = [place[label] for label in labels]
            rest = [k for k in range(len(self.labels)) if k not in ours]
            if not rest:
                return np.full(len(y), not negated)
            inside, outside = y[:, ours].max(axis=1), y[:, rest].max(axis=1)
            return outside > inside if negated else inside > outside

        words = re.findall(r"'[^']*'|\"[^\"]*\"|=>|[<>=!]=|[\w.]+|[^\s\w]", text)
        code, k = [], 0
        strip = lambda word: word.strip("'\"")
        while k < len(words):
            word = words[k]
            if word == "argmax":
                negated = words[k + 1] in ("!=", "not")
                if words[k + 1] in ("==", "!="):
                    labels, k = [strip(words[k + 2])], k + 3
                else:
                    start = words.index("[", k)
                    end = words.index("]", start)
                    labels = [strip(w) for w in words[start + 1 : end] if w != ","]
                    k = end + 1
                code.append(f"decides({labels!r}, {negated})")
                continue
            if strip(word) in place:
                code.append(f"y[:, {place[strip(word)]}]")
            elif word in self.names:
                code.append(f"x[:, {self.names[word]}]")
            elif word in ("and", "or"):
                code.append(f") {'&' if word == 'and' else '|'} (")
            elif word in ("max", "min"):
                code.append({"max": "largest", "min": "least"}[word])
            else:
                code.append(word)
            k += 1
        scope = {
            "x": x, "y": y, "abs": np.abs, "decides": decides,
            "largest": lambda *a: functools.reduce(np.maximum, a),
            "least": lambda *a: functools.reduce(np.minimum, a),
        }
        return eval("(" + " ".join(code) + ")", {"__builtins__": {}}, scope)

    def wanted(self, entry, x, y, label=None):
        if entry["kind"] == "never":
            return ~self.holds(entry["never"], x, y)
        if entry["kind"] == "margin":
            value = self.holds(entry["of"], x, y)
            if "at_least" in entry:
                return value >= number(entry["at_least"], self.params)
            return value <= number(entry["at_most"], self.params)
        if entry["kind"] == "robustness":
            keep = entry.get("keep", "label")
            if keep in ("label", "decision"):
                return self.holds(f"argmax == '{label}'", x, y)
            return self.holds(keep, x, y)
        result = np.full(len(y), True)
        if "ensure" in entry:
            result &= self.holds(entry["ensure"], x, y)
        for name, (low, high) in entry.get("bounds", {}).items():
            value = y[:, self.labels.index(name)]
            result &= (value >= number(low, {})) & (value <= number(high, {}))
        return result

    def boxes(self, entry):
        low, high = (np.array([e[k] for e in self.inputs]) for k in (3, 4))
        if entry["kind"] != "robustness":
            for name, value in entry.get("region", {}).items():
                ends = value if isinstance(value, list) else [value, value]
                k = self.names[name]
                low[k], high[k] = (number(end, self.params) for end in ends)
            yield None, low, high
            return
        table = next(p for p in self.spec["point"] if p["id"] == entry["points"])
        rows = [
            [float(v) for v in line.split(",")]
            for line in (self.folder / table["file"]).read_text().splitlines()
            if not line.startswith("#")
        ]
        if "select" in table:
            chosen = []
            for part in table["select"].split(","):
                ends = [int(end) for end in part.split("..")]
                chosen += range(ends[0], ends[-1] + 1)
            rows = [rows[k] for k in chosen]
        eps = entry["eps"]
        eps = number(next(iter(eps.values())) if isinstance(eps, dict) else eps, self.params)
        for row in rows:
            centre = np.array(row[: len(self.inputs)])
            label = self.labels[int(self.run(centre[None, :])[0].argmax())]
            if len(row) > len(self.inputs) and entry.get("keep", "label") == "label":
                label = self.labels[int(row[-1])]
            yield label, np.maximum(low, centre - eps), np.minimum(high, centre + eps)


def main():
    results = json.loads(Path(sys.argv[1]).read_text())
    world = World(Path(sys.argv[2]))
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 20000
    rng = np.random.default_rng(0)
    wrong = 0
    found = {entry["id"]: entry for entry in results["properties"]}
    for entry in world.spec["property"]:
        if entry["kind"] == "vnnlib":
            continue
        parts = found[entry["id"]]["parts"]
        for part, (label, low, high) in zip(parts, world.boxes(entry), strict=True):
            # Half of the points have their coordinates on the faces, where extremes are.
            share = rng.uniform(size=(count, len(low)))
            share[: count // 2] = np.round(share[: count // 2])
            x = low + share * (high - low)
            for text in world.spec.get("domain", {}).get("where", []) + entry.get("where", []):
                x = x[world.holds(text, x, np.zeros((len(x), len(world.labels))))]
            bad = int((~world.wanted(entry, x, world.run(x), label)).sum())
            line = f"{part['name']}: {part['verdict']}, {bad} of {len(x)} points violate"
            if part["verdict"] == "holds" and bad:
                wrong += 1
                line += "  WRONG"
            if part["counterexample"]:
                point = np.array([[float(Fraction(v["value"])) for v in part["counterexample"]["inputs"]]])
                inside = bool(((point >= low - 1e-9) & (point <= high + 1e-9)).all())
                violates = not world.wanted(entry, point, world.run(point), label)[0]
                line += f"; its counterexample lies inside: {inside}, violates: {violates}"
                wrong += not (inside and violates)
            print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
