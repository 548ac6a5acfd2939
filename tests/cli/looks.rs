//! Looking at models and at the ranges of their outputs; help; colour.

use crate::onnx::{model, node, product, tensor};
use crate::program::{HOLDS, Scratch, VIOLATED, command, plimsoll};

#[test]
fn a_model_is_described() {
    let document = plimsoll(&["inspect", "models/digits/digits.onnx", "--json"]).json();
    assert_eq!(document["schema"], "plimsoll.inspect/1");
    assert_eq!(document["opset"], 17);
    assert_eq!(document["inputs"][0]["name"], "image");
    assert_eq!(document["inputs"][0]["shape"], serde_json::json!([1, 64]));
    assert_eq!(document["outputs"][0]["shape"], serde_json::json!([1, 10]));
    assert_eq!(document["operators"], serde_json::json!({"Gemm": 3, "Relu": 2}));
    assert_eq!(document["relus"], 80);
    assert_eq!(document["parameters"], 64 * 40 + 40 + 40 * 40 + 40 + 40 * 10 + 10);
    assert_eq!(document["multiply_adds"], 64 * 40 + 40 * 40 + 40 * 10);
    let ran = plimsoll(&["inspect", "models/digits/digits.onnx"]);
    assert_eq!(ran.code, 0);
    for part in ["image", "X_0 .. X_63", "3 Gemm, 2 Relu", "80 relu neurons", "supported"] {
        assert!(ran.stdout.contains(part), "{part}: {ran:?}");
    }
}

#[test]
fn a_model_that_does_not_load_is_explained() {
    let scratch = Scratch::new("inspect");
    let nodes = [
        node("Frobnicate", &["x", "w"], "a"),
        node("MatMul", &["a", "w"], "b"),
        node("Frobnicate", &["b", "w"], "y"),
    ];
    let bytes = model(13, &nodes, &[tensor("w", &[1, 1], &[1.0])], &[1, 1], &[1, 1]);
    let path = scratch.file("odd.onnx", bytes);
    let ran = plimsoll(&["inspect", &path]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error[unsupported-operator]"), "{ran:?}");
    assert!(ran.stdout.contains("not supported in this model: 2 Frobnicate"), "{ran:?}");
    assert!(ran.stdout.contains("Relu"), "{ran:?}");
    let document = plimsoll(&["inspect", &path, "--json"]).json();
    assert_eq!(document["error"]["kind"], "unsupported-operator");
    assert_eq!(document["unsupported_operators"], serde_json::json!({"Frobnicate": 2}));
    assert!(document["supported_operators"].as_array().unwrap().len() > 20);
    assert_eq!(plimsoll(&["inspect", "no/such.onnx", "--json"]).json()["error"]["kind"], "io");
}

#[test]
fn ranges_enclose_what_a_counterexample_shows() {
    let found = plimsoll(&["verify", VIOLATED[0], VIOLATED[1], "--json"]).json();
    let output: f64 = found["counterexample"]["outputs"][0].as_str().unwrap().parse().unwrap();
    for region in [VIOLATED[1], "X_0=[-0.1,0],X_1=[-1,1]"] {
        let document = plimsoll(&["bounds", VIOLATED[0], region, "--json"]).json();
        assert_eq!(document["schema"], "plimsoll.bounds/1");
        assert_eq!(document["semantics"], "real");
        let methods = document["methods"].as_array().unwrap();
        assert_eq!(methods.len(), 3);
        for method in methods {
            let range = &method["outputs"][0];
            let end = |name: &str| range[name].as_str().unwrap().parse::<f64>().unwrap();
            assert!(end("lower") <= output && output <= end("upper"), "{method}");
        }
    }
    let one = plimsoll(&["bounds", VIOLATED[0], "X=0", "--method", "interval", "--json"]).json();
    assert_eq!(one["methods"].as_array().unwrap().len(), 1);
    assert_eq!(one["methods"][0]["method"], "interval");
}

#[test]
fn printed_ranges_are_rounded_outward() {
    let scratch = Scratch::new("outward");
    // 0.1 as a float32 is 0.100000001490116...; the product with [1, 3] is exact in float64.
    let path = scratch.file("tenth.onnx", product(0.1));
    let ran = plimsoll(&["bounds", &path, "X_0=[1,3]", "--method", "interval"]);
    let range = ran.stdout.lines().nth(1).unwrap();
    assert_eq!(range, "Y_0     [0.1, 0.3000001]", "{ran:?}");
}

#[test]
fn boxes_that_cannot_be_read_are_refused() {
    for region in ["X_0=[0,1]", "X_0=[0,1],X_9=0", "X=[0,one]", "no/such.vnnlib"] {
        let ran = plimsoll(&["bounds", HOLDS[0], region]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{region}: {ran:?}");
        assert!(ran.stderr.starts_with("error["), "{ran:?}");
    }
    let other = plimsoll(&["bounds", HOLDS[0], "specs/collision/far_is_clear.vnnlib", "--json"]);
    assert_eq!(other.json()["error"]["kind"], "input-count");
    let empty = plimsoll(&["bounds", HOLDS[0], "X=[1,0]"]);
    assert_eq!(empty.code, 0);
    assert!(empty.stdout.contains("no input"), "{empty:?}");
}

#[test]
fn every_command_explains_itself_with_examples() {
    for name in ["verify", "suite", "inspect", "bounds", "supports"] {
        let ran = plimsoll(&[name, "--help"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{name}");
        assert!(ran.stdout.contains("Examples:\n  plimsoll"), "{name}: {}", ran.stdout);
    }
    let ran = plimsoll(&["--help"]);
    assert!(ran.stdout.contains("Exit codes"), "{ran:?}");
}

#[test]
fn colour_is_a_matter_of_choice() {
    let coloured = |args: &[&str]| plimsoll(args).stdout.contains('\x1b');
    assert!(!coloured(&["verify", HOLDS[0], HOLDS[1]]), "stdout is no terminal");
    assert!(coloured(&["verify", HOLDS[0], HOLDS[1], "--color", "always"]));
    assert!(!coloured(&["--color", "never", "verify", HOLDS[0], HOLDS[1]]));
    let forced = command(&["verify", HOLDS[0], HOLDS[1]]).env("CLICOLOR_FORCE", "1").output();
    assert!(forced.unwrap().stdout.contains(&0x1b));
}
