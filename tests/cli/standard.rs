//! The solver interface of the VNN-LIB standard.

use crate::onnx::product;
use crate::program::{HOLDS, Ran, Scratch, plimsoll};

const QUERY: &str = "(vnnlib-version <2.0>)
(declare-network f (declare-input A TYPE [1,1]) (declare-output B TYPE [1,1]))
(assert (and (>= A[0,0] 0.0) (<= A[0,0] 1.0)))
(assert (>= B[0,0] 0.75))
";

fn supports(capability: &str) -> Vec<String> {
    let ran = plimsoll(&["supports", capability]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{capability}");
    ran.stdout.lines().map(String::from).collect()
}

#[test]
fn stdout_is_the_answer_and_the_assignment() {
    let scratch = Scratch::new("standard");
    let model = scratch.file("half.onnx", product(1.0));
    let query = scratch.file("query.vnnlib", QUERY.replace("TYPE", "real"));
    let network = format!("f={model}");
    let ran = plimsoll(&["verify", &query, "--network", &network, "--timeout", "20"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{ran:?}");
    assert_eq!((lines[0], lines[1], lines[3]), ("sat", "A real [1,1]", "B real [1,1]"));
    assert_eq!(lines[2], lines[4], "the identity");
    assert!((0.75..=1.0).contains(&lines[2].parse::<f64>().unwrap()), "{ran:?}");

    let folder = scratch.path("assignment");
    let args = ["verify", &query, "--network", &network, "--serialise-assignments", &folder];
    assert_eq!(plimsoll(&args).stdout, "sat\n");
    for name in ["A", "B"] {
        let bytes = std::fs::read(format!("{folder}/{name}.pb")).unwrap();
        // dims 1 and 1, type float, one packed float, the name.
        let value = f32::from_le_bytes(bytes[8..12].try_into().unwrap());
        assert_eq!(bytes[..8], [10, 2, 1, 1, 16, 1, 34, 4]);
        assert!((0.75..=1.0).contains(&value), "{value}");
        assert_eq!(bytes[12..], [66, 1, name.as_bytes()[0]]);
    }

    let network = "avoid=models/collision/avoid.onnx";
    let query = "specs/collision/head_on_gain_v2.vnnlib";
    let ran = plimsoll(&["verify", query, "--network", network]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "unsat\n"));
    let network = format!("any={}", HOLDS[0]);
    let ran = plimsoll(&["verify", HOLDS[1], "--network", &network]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "unsat\n"), "1.0 names no network");
}

#[test]
fn what_cannot_be_answered_soundly_is_an_error() {
    let scratch = Scratch::new("refused-standard");
    let model = scratch.file("half.onnx", product(1.0));
    let query = scratch.file("query.vnnlib", QUERY.replace("TYPE", "real"));
    let typed = scratch.file("typed.vnnlib", QUERY.replace("TYPE", "float32"));
    let (f, g) = (format!("f={model}"), format!("g={model}"));
    let refused = |ran: Ran| {
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.starts_with("error[unsupported-query]"), "{ran:?}");
    };
    refused(plimsoll(&["verify", &query, "--network", &g]));
    refused(plimsoll(&["verify", &query, "--network", &f, "--network", &g]));
    refused(plimsoll(&["verify", &typed, "--network", &f]));
    let asked = plimsoll(&["verify", &typed, "--network", &f, "--semantics", "real"]);
    assert_eq!(asked.code, 1);
    assert!(asked.stdout.starts_with("sat\nA float32 [1,1]\n"), "{asked:?}");
    let people = plimsoll(&["verify", &model, &typed, "--json"]);
    assert_eq!((people.code, &people.json()["reason"]), (3, &"float-semantics".into()));
}

#[test]
fn capabilities_are_those_of_the_reader() {
    assert_eq!(supports("--onnx-opset-versions"), ["7", "25"]);
    assert_eq!(supports("--onnx-element-types"), ["real"]);
    assert_eq!(supports("--vnnlib-versions"), ["1.0", "2.0"]);
    assert_eq!(supports("--hidden-node-theories"), ["NH"]);
    assert_eq!(supports("--multiple-input-output-theories"), ["SIO", "MIO"]);
    assert_eq!(supports("--multiple-network-theories"), ["SNET"]);
    assert_eq!(supports("--multiple-node-comparison-theories"), ["SNC", "MNC"]);
    assert_eq!(supports("--arithmetic-complexity-theories"), ["BND", "OUTC", "LIN"]);
    assert_eq!(supports("--optimised-disjunctive-reasoning"), ["true"]);
    assert_eq!(supports("--serialise-assignments"), ["true"]);
    let operators = supports("--onnx-operators");
    assert!(operators.iter().any(|line| line == "Relu"));
    assert!(operators.contains(&"Conv * the weights are constant".to_string()));
    let names = operators.iter().map(|line| line.split(' ').next().unwrap());
    assert_eq!(operators.len(), plimsoll_check::ops::SUPPORTED.len());
    assert!(names.zip(plimsoll_check::ops::SUPPORTED).all(|(name, known)| name == known.name));
}

#[test]
fn the_program_says_who_it_is() {
    for (flag, text) in
        [("--name", "plimsoll\n"), ("--version", concat!(env!("CARGO_PKG_VERSION"), "\n"))]
    {
        let ran = plimsoll(&[flag]);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, text, ""));
    }
}
