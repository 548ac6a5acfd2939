//! Wrong input: code 2, a kind for machines, and for people where it is and what would help.

use crate::onnx::{model, node, product, tensor};
use crate::program::{HOLDS, Scratch, VIOLATED, plimsoll, read};
use serde_json::Value;

const SPEC: &str = "(declare-const X_0 Real)
(declare-const Y_0 Real)
(assert (and (>= X_0 0) (<= X_0 1)))
(assert (>= Y_0 2))
";

/// The error document of a run on these files.
fn refusal(model: &str, spec: &str) -> Value {
    let ran = plimsoll(&["verify", model, spec, "--json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let document = ran.json();
    assert_eq!(document["schema"], "plimsoll.verify/1");
    assert!(document.get("verdict").is_none());
    assert!(ran.stderr.starts_with("error["), "people are told as well: {ran:?}");
    document["error"].clone()
}

#[test]
fn every_wrong_input_is_refused_by_kind() {
    let scratch = Scratch::new("refused");
    let good = scratch.file("good.onnx", product(1.0));
    let spec = scratch.file("good.vnnlib", SPEC);
    assert_eq!(plimsoll(&["verify", &good, &spec]).code, 0, "both are fine by themselves");

    let whole = read("models/collision/avoid.onnx");
    let one = [tensor("w", &[1, 1], &[1.0])];
    let named = |operator| model(13, &[node(operator, &["x", "w"], "y")], &one, &[1, 1], &[1, 1]);
    let old = model(3, &[node("MatMul", &["x", "w"], "y")], &one, &[1, 1], &[1, 1]);
    for (name, bytes, kind, part) in [
        ("cut.onnx", whole[..whole.len() / 2].to_vec(), "model", "end"),
        ("operator.onnx", named("Frobnicate"), "unsupported-operator", "Frobnicate"),
        ("opset.onnx", old, "unsupported-operator", "opset 3"),
        ("nan.onnx", product(f32::NAN), "non-finite-weight", "NaN"),
        ("inf.onnx", product(f32::INFINITY), "non-finite-weight", "w"),
        ("empty.onnx", Vec::new(), "model", "empty"),
    ] {
        let path = scratch.file(name, bytes);
        let error = refusal(&path, &spec);
        assert_eq!(error["kind"], kind, "{name}: {error}");
        assert_eq!(error["file"], path.as_str());
        assert!(error["message"].as_str().unwrap().contains(part), "{name}: {error}");
    }

    for (name, text, kind, line) in [
        ("number.vnnlib", SPEC.replace("(>= X_0 0)", "(>= X_0 1.2.3)"), "parse", Some(3)),
        ("brackets.vnnlib", SPEC.replace(" 2))", " 2)"), "parse", Some(5)),
        ("product.vnnlib", SPEC.replace("Y_0 2", "(* Y_0 Y_0) 2"), "nonlinear", Some(4)),
        ("name.vnnlib", SPEC.replace("Y_0 2", "Y_1 2"), "undeclared-variable", Some(4)),
        ("open.vnnlib", SPEC.replace("(<= X_0 1)", ""), "unbounded-input", None),
        (
            "inputs.vnnlib",
            SPEC.replace("(declare-const Y_0 Real)", "(declare-const Y_0 Real)(declare-const X_1 Real)(assert (and (>= X_1 0) (<= X_1 0)))"),
            "input-count",
            None,
        ),
        (
            "outputs.vnnlib",
            SPEC.replace("(declare-const Y_0 Real)", "(declare-const Y_0 Real)(declare-const Y_1 Real)"),
            "output-count",
            None,
        ),
        ("version.vnnlib", "(vnnlib-version <3.0>)".to_string(), "unsupported-version", Some(1)),
    ] {
        let path = scratch.file(name, text);
        let error = refusal(&good, &path);
        assert_eq!(error["kind"], kind, "{name}: {error}");
        assert_eq!(error["file"], path.as_str(), "{name}");
        if let Some(line) = line {
            assert_eq!(error["line"], line, "{name}: {error}");
        }
    }

    for (model, spec) in [("no/such.onnx", spec.as_str()), (&good, "no/such.vnnlib")] {
        let error = refusal(model, spec);
        assert_eq!(error["kind"], "io");
        assert!(error["file"].as_str().unwrap().starts_with("no/such"));
    }
    let error = refusal(HOLDS[0], "specs/collision/far_is_clear.vnnlib");
    assert_eq!(error["kind"], "input-count");
}

#[test]
fn diagnostics_show_the_place() {
    let scratch = Scratch::new("place");
    let good = scratch.file("good.onnx", product(1.0));
    let spec = scratch.file("bad.vnnlib", SPEC.replace("(>= X_0 0)", "(>= X_0 1.2.3)"));
    let ran = plimsoll(&["verify", &good, &spec]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("error[parse]: ") && lines[0].contains("1.2.3"), "{ran:?}");
    assert_eq!(lines[1], format!(" --> {spec}:3:22"));
    assert_eq!(lines[2], "  |");
    assert_eq!(lines[3], "3 | (assert (and (>= X_0 1.2.3) (<= X_0 1)))");
    assert_eq!(lines[4], "  |                      ^");
    assert!(lines[5].starts_with("  = help: "), "{ran:?}");
    let error = refusal(&good, &spec);
    assert_eq!((&error["line"], &error["column"]), (&3.into(), &22.into()));
}

#[test]
fn wrong_flags_are_wrong_input() {
    for args in [
        &["verify", HOLDS[0]][..],
        &["verify", HOLDS[0], HOLDS[1], "--timeout", "-1"],
        &["verify", HOLDS[0], HOLDS[1], "--threads", "0"],
        &["verify", HOLDS[0], HOLDS[1], "--memory", "much"],
        &["verify", HOLDS[0], HOLDS[1], "--frobnicate"],
        &["verify", HOLDS[0], HOLDS[1], "--json", "--format", "vnncomp"],
        &["verify", HOLDS[0], HOLDS[1], "--network", "f=x.onnx"],
        &["verify", HOLDS[0], HOLDS[1], "--events", "/no/such/folder/events"],
        &["verify", VIOLATED[0], VIOLATED[1], "--results", "/no/such/folder/result"],
        &["suite", "specs/instances.csv", "--resume"],
        &["supports"],
        &["frobnicate"],
        &["-q"],
        &[],
    ] {
        let ran = plimsoll(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}
