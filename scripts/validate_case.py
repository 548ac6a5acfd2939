#!/usr/bin/env python3
"""Judges what `plimsoll check` and `plimsoll case` wrote by other people's validators.

    scripts/validate_case.py PLIMSOLL SPEC.toml OUT

Runs both commands into OUT, then: results.json, case.json and the specification against their JSON Schemas,
case.ltac by verocase, case.html by a strict HTML5 parser, JUnit and SARIF by their structure. Each validator
also has to reject a mutant. Needs jsonschema, html5lib and verocase from PyPI.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import html5lib
import jsonschema

ROOT = Path(__file__).resolve().parent.parent


def schema(name):
    table = json.loads((ROOT / "specs" / f"{name}.schema.json").read_text())
    return lambda text: jsonschema.validate(json.loads(text), table)


def html(text):
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(text)
    if "<script" in text or "http-equiv" in text or "src=" in text or "@import" in text:
        raise ValueError("the page loads or runs something")


def ltac(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.ltac"
        path.write_text(text)
        command = [sys.executable, "-m", "verocase", "--ltac", str(path), "--validate", "--error"]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if ran.returncode != 0:
        raise ValueError(ran.stdout + ran.stderr)


def junit(text):
    root = ElementTree.fromstring(text)
    suite = root.find("testsuite")
    cases = suite.findall("testcase")
    for word, tag in (("tests", None), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        count = len(cases) if tag is None else sum(case.find(tag) is not None for case in cases)
        if int(suite.get(word)) != count:
            raise ValueError(f"{word} is {suite.get(word)}, and there are {count}")


def sarif(text):
    document = json.loads(text)
    run = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    if document["version"] != "2.1.0":
        raise ValueError("version")
    for result in run["results"]:
        if rules[result["ruleIndex"]]["id"] != result["ruleId"]:
            raise ValueError("rule")
        place = result["locations"][0]["physicalLocation"]
        if place["region"]["startLine"] < 1 or ":" in place["artifactLocation"]["uri"]:
            raise ValueError("place")


def main():
    plimsoll, spec, out = sys.argv[1:4]
    command = [plimsoll, "check", spec, "--out", out, "--progress", "never", "--format", "json"]
    for form in ("junit", "sarif"):
        command += ["--report", f"{form}={out}.{form}"]
    code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    if code not in (0, 1, 3):
        sys.exit(f"check ended with {code}")
    subprocess.run([plimsoll, "case", spec, "--out", out, "--quiet"], check=True)
    read = lambda name: (Path(out) / name).read_text()
    checks = [
        ("results.json", schema("check"), read("results.json"), ('"verdict": "', '"verdict": "un')),
        ("case.json", schema("case"), read("case.json"), ('"kind": "goal"', '"kind": "gaol"')),
        ("case.html", html, read("case.html"), ("</table>", "</tabel>")),
        ("case.ltac", ltac, read("case.ltac"), ("- Strategy S1", "- Stratagem S1")),
        ("JUnit", junit, Path(f"{out}.junit").read_text(), ("<testcase ", "<testcase><testcase ")),
        ("SARIF", sarif, Path(f"{out}.sarif").read_text(), ('"2.1.0"', '"2.1.9"')),
        (
            "specification",
            schema("spec"),
            json.dumps(tomllib.loads(Path(spec).read_text()), default=str),
            ('"plimsoll": 1', '"plimsoll": 2'),
        ),
    ]
    for name, validate, text, (old, new) in checks:
        validate(text)
        if old not in text:
            sys.exit(f"{name}: no mutant can be made")
        try:
            validate(text.replace(old, new, 1))
        except Exception:
            print(f"{name}: valid, and a mutant is rejected")
        else:
            sys.exit(f"{name}: a mutant is accepted")


if __name__ == "__main__":
    main()
