#!/usr/bin/env python3
"""Runs the example suite with a built plimsoll and compares every verdict with specs/expected.csv.

    scripts/examples.py target/quick/plimsoll

Ends with 0 if all verdicts are as expected, else with 1. Needs Python's standard library only.
"""

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.csv"
        command = [program, "suite", "specs/instances.csv", "--csv", results]
        code = subprocess.run(command, cwd=ROOT).returncode
        rows = list(csv.DictReader(results.open(newline=""))) if results.exists() else []
    found = {
        (row["model"], row["spec"]): row["verdict"] + ("-vacuous" if row["vacuous"] == "true" else "")
        for row in rows
    }
    with (ROOT / "specs" / "expected.csv").open(newline="") as file:
        expected = {(row["model"], row["spec"]): row["verdict"] for row in csv.DictReader(file)}
    wrong = 0
    for key in sorted(expected.keys() | found.keys()):
        if expected.get(key) != found.get(key):
            wrong += 1
            print(f"{key[1]}: expected {expected.get(key)}, found {found.get(key)}", file=sys.stderr)
    # The suite's own exit code: 1 since some of the examples are violated on purpose.
    if code != 1:
        wrong += 1
        print(f"expected exit code 1 of the suite, found {code}", file=sys.stderr)
    if wrong:
        return 1
    print(f"\nAll {len(expected)} verdicts are those of specs/expected.csv.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
