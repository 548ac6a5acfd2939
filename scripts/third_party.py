#!/usr/bin/env python3
"""Writes THIRD-PARTY.md: the crates linked into the binary, their versions and licences.

    scripts/third_party.py              write the file
    scripts/third_party.py --check      fail if the file is stale
    scripts/third_party.py --texts F    also write the crates' licence files into F, to go with a binary

Fails if a licence does not fit MIT OR Apache-2.0. Needs cargo and Python's standard library.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "THIRD-PARTY.md"

# Licences under which code may be linked into a program that is offered as MIT OR Apache-2.0.
FITTING = {
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}
# Crates under a licence that asks for more, and what is done about it.
EXCEPTIONS = {
    "onnx-protobuf": (
        "MPL-2.0",
        "Used unchanged; its source is at <https://crates.io/crates/onnx-protobuf>, the licence at "
        "<https://www.mozilla.org/MPL/2.0/>.",
    ),
}

HEAD = """# Third-party notices

<!-- Written by scripts/third_party.py; do not edit. -->

Plimsoll is offered under MIT OR Apache-2.0. A binary contains, besides, code of the crates below, each under
the licence named. All platforms are counted, so that a build for one of them contains some of these only.
Crates that run at build time or in tests alone are not listed. `scripts/third_party.py --texts FILE` collects
the licence files of these crates, which have to accompany a binary.

A binary built with the feature `highs` or `smt` loads the shared library of HiGHS (MIT,
<https://github.com/ERGO-Code/HiGHS>) or z3 (MIT, <https://github.com/Z3Prover/z3>), which are not part of it.

| crate | version | licence |
|---|---|---|
"""

DATA = """
## Data

The model `models/digits/digits.onnx` was trained on, and `models/digits/reference.json` and
`specs/digits/*.vnnlib` contain images from: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten
Digits*, UCI Machine Learning Repository, 1998, <https://doi.org/10.24432/C50P49>, licensed under Creative Commons
Attribution 4.0 International (CC BY 4.0, <https://creativecommons.org/licenses/by/4.0/>). Changes: the
test part as distributed by scikit-learn, grey values divided by 16, widened to boxes in the specs.
"""


def linked(metadata):
    """Packages reached from our own by normal dependencies; procedural macros run in the compiler."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    todo = list(metadata["workspace_members"])
    seen = set(todo)
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            package = packages[dependency["pkg"]]
            macro = any("proc-macro" in target["kind"] for target in package["targets"])
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and not macro and package["id"] not in seen:
                seen.add(package["id"])
                todo.append(package["id"])
    found = [packages[name] for name in seen if packages[name]["source"]]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def fits(expression):
    """Whether an SPDX expression can be met by fitting licences alone."""
    expression = expression.replace("/", " OR ")
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    at = 0

    def peek():
        return tokens[at] if at < len(tokens) else None

    def take():
        nonlocal at
        at += 1
        return tokens[at - 1]

    def either():
        value = both()
        while peek() == "OR":
            take()
            value = both() or value
        return value

    def both():
        value = single()
        while peek() == "AND":
            take()
            value = single() and value
        return value

    def single():
        if peek() is None:
            return False
        name = take()
        if name == "(":
            value = either()
            return peek() is not None and take() == ")" and value
        if peek() == "WITH":
            take()
            name += " WITH " + (take() if peek() else "")
        return name in FITTING

    value = either()
    return value and at == len(tokens)


def row(package):
    """A line of the table, and whether the licence fits."""
    licence = package["license"] or "none stated"
    name, version = package["name"], package["version"]
    exception = EXCEPTIONS.get(name, (None, None))
    if licence == exception[0]:
        return f"| {name} | {version} | {licence}. {exception[1]} |\n", True
    return f"| {name} | {version} | {licence} |\n", fits(licence)


def texts(packages):
    """All licence files of the packages."""
    for package in packages:
        yield f"==== {package['name']} {package['version']}: {package['license']}\n"
        folder = Path(package["manifest_path"]).parent
        names = re.compile(r"(licen[cs]e|copying|notice|unlicense)", re.IGNORECASE)
        for path in sorted(folder.iterdir()):
            if path.is_file() and names.match(path.name):
                yield f"\n---- {path.name}\n\n{path.read_text(errors='replace')}"
        yield "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--texts", metavar="F", type=Path)
    arguments = parser.parse_args()
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    packages = linked(metadata)
    rows = [(package, *row(package)) for package in packages]
    misfits = [package for package, _, fitting in rows if not fitting]
    for package in misfits:
        print(f"{package['name']} {package['version']}: {package['license']} does not fit", file=sys.stderr)
    if misfits:
        return 1
    text = HEAD + "".join(line for _, line, _ in rows) + DATA
    if arguments.texts:
        arguments.texts.write_text("\n".join(texts(packages)))
    if arguments.check:
        if not FILE.exists() or FILE.read_text() != text:
            print("THIRD-PARTY.md is stale: run scripts/third_party.py", file=sys.stderr)
            return 1
        return 0
    FILE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
