//! Files made to cost much: small ones that ask for much time or memory are refused, or read within bounds.
//!
//! One test after the other in one function, because the peak of memory is counted for the whole process.
#![allow(clippy::print_stdout)]

use peak_alloc::PeakAlloc;
use plimsoll_check::onnx::proto::*;
use plimsoll_check::{Error, Kind, onnx, vnnlib};
use prost::Message;
use std::fmt::Write;
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Time for one file; a release build takes a fraction of it.
const LONGEST: Duration = Duration::from_secs(20);

/// Runs a reader on a file of `bytes` bytes and holds it to a time and, in MiB, a memory.
fn within<T>(
    name: &str,
    bytes: usize,
    mebibytes: usize,
    read: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    MEMORY.reset_peak_usage();
    let (before, begin) = (MEMORY.current_usage(), Instant::now());
    let result = read();
    let (time, memory) = (begin.elapsed(), (MEMORY.peak_usage() - before) >> 20);
    let outcome = match &result {
        Ok(_) => "read".to_string(),
        Err(error) => error.to_string().chars().take(100).collect(),
    };
    println!("{name}: {bytes} bytes, {time:?}, {memory} MiB: {outcome}");
    assert!(time < LONGEST, "{name}: {time:?}");
    assert!(memory <= mebibytes, "{name}: {memory} MiB");
    result
}

fn model(name: &str, mebibytes: usize, model: &ModelProto) -> Result<(), Error> {
    let bytes = model.encode_to_vec();
    within(name, bytes.len(), mebibytes, || onnx::read(bytes.clone().into())).map(drop)
}

fn text(name: &str, mebibytes: usize, text: &str) -> Result<(), Error> {
    within(name, text.len(), mebibytes, || vnnlib::read(text.as_bytes())).map(drop)
}

fn info(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim =
        dims.iter().map(|dim| DimensionProto { dim_value: Some(*dim), dim_param: None }).collect();
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: 1,
                shape: Some(TensorShapeProto { dim }),
            }),
        }),
    }
}

fn floats(name: &str, dims: &[i64], data: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.into(),
        data_type: 1,
        dims: dims.to_vec(),
        float_data: data,
        ..TensorProto::default()
    }
}

fn integers(name: &str, dims: &[i64], data: Vec<i64>) -> TensorProto {
    TensorProto {
        name: name.into(),
        data_type: 7,
        dims: dims.to_vec(),
        int64_data: data,
        ..TensorProto::default()
    }
}

fn node(op: &str, input: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        input: input.iter().map(|name| (*name).into()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

/// `y` from the nodes, beside an input `x` of one element.
fn wrap(node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        graph: Some(GraphProto {
            node,
            initializer,
            input: vec![info("x", &[1])],
            output: vec![ValueInfoProto { name: "y".into(), r#type: None }],
            sparse_initializer: Vec::new(),
        }),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
        functions: Vec::new(),
    }
}

fn kind<T>(result: Result<T, Error>) -> Option<Kind> {
    result.err().map(|error| error.kind)
}

#[test]
fn costly_files_stay_within_bounds() {
    many_records();
    much_quadratic_work();
    large_constants();
    large_numbers();
    costly_texts();
}

/// Records of a few bytes in the file, up to the limit and beyond.
fn many_records() {
    for (name, count) in [("under the limit", 400_000), ("over it", 1_000_000)] {
        let nodes = wrap(vec![NodeProto::default(); count], Vec::new());
        assert!(model(&format!("empty nodes, {name}"), 1024, &nodes).is_err());
        let mut attributes = node("Relu", &["x"], "y");
        attributes.attribute = vec![AttributeProto::default(); count];
        let attributes = wrap(vec![attributes], Vec::new());
        assert!(model(&format!("empty attributes, {name}"), 1024, &attributes).is_err());
        let tensors = wrap(vec![node("Relu", &["x"], "y")], vec![TensorProto::default(); count]);
        assert!(model(&format!("empty tensors, {name}"), 1024, &tensors).is_err());
    }
}

fn much_quadratic_work() {
    let mut attributes = node("Relu", &["x"], "y");
    attributes.attribute = (0..200_000)
        .map(|i| AttributeProto { name: format!("a{i}"), ..AttributeProto::default() })
        .collect();
    let result = model("attributes", 1024, &wrap(vec![attributes], Vec::new()));
    assert_eq!(kind(result), Some(Kind::UnsupportedOperator));

    let names: Vec<String> = (0..200_000).map(|i| format!("y{i}")).collect();
    let mut outputs =
        wrap(names.iter().map(|name| node("Relu", &["x"], name)).collect(), Vec::new());
    outputs.graph.as_mut().unwrap().output =
        names.iter().map(|name| ValueInfoProto { name: name.into(), r#type: None }).collect();
    assert_eq!(kind(model("outputs", 1024, &outputs)), None);

    let chain = (0..200_000)
        .map(|i| {
            let from = if i == 0 { "x".to_string() } else { format!("v{i}") };
            let to = if i == 199_999 { "y".to_string() } else { format!("v{}", i + 1) };
            node("Relu", &[&from], &to)
        })
        .rev()
        .collect();
    assert_eq!(kind(model("a chain, last node first", 1024, &wrap(chain, Vec::new()))), None);

    let ones = floats("w", &[1; 50_000], vec![1.0]);
    let mut concat = node("Concat", &vec!["w"; 100_000], "y");
    concat.attribute =
        vec![AttributeProto { name: "axis".into(), kind: 2, ..AttributeProto::default() }];
    assert_eq!(kind(model("rank", 512, &wrap(vec![concat], vec![ones]))), Some(Kind::TooLarge));

    let axes = integers("axes", &[50_000], (0..50_000).collect());
    let nodes = vec![node("Unsqueeze", &["x", "axes"], "u"), node("Relu", &["u"], "y")];
    assert_eq!(kind(model("axes", 64, &wrap(nodes, vec![axes]))), Some(Kind::TooLarge));

    let mut named = wrap(vec![node("Relu", &["x"], "y")], Vec::new());
    named.graph.as_mut().unwrap().input.push(info(&"x".repeat(1 << 20), &[0; 60]));
    assert_eq!(kind(model("a long name with open dimensions", 16, &named)), None);
}

/// Constants that are computed to a large size.
fn large_constants() {
    let sum = |dims: &[i64], other: &[i64]| {
        let (n, m) = (dims.iter().product::<i64>(), other.iter().product::<i64>());
        let nodes = vec![node("Add", &["a", "b"], "c"), node("Gather", &["x", "c"], "y")];
        wrap(
            nodes,
            vec![
                integers("a", dims, vec![0; n as usize]),
                integers("b", other, vec![0; m as usize]),
            ],
        )
    };
    let result = model("a broadcast of integers", 512, &sum(&[1 << 15, 1], &[1 << 15]));
    assert_eq!(kind(result), Some(Kind::TooLarge));
    let nodes = vec![node("Gather", &["w", "i"], "c"), node("Gather", &["c", "i"], "d")];
    let nodes = [nodes, vec![node("ReduceSum", &["d"], "s"), node("Add", &["s", "x"], "y")]];
    let gather = wrap(
        nodes.concat(),
        vec![
            floats("w", &[1, 1 << 12], vec![1.0; 1 << 12]),
            integers("i", &[1 << 18], vec![0; 1 << 18]),
        ],
    );
    assert_eq!(kind(model("repeated rows", 512, &gather)), Some(Kind::TooLarge));
    // The same rows again and again are refused when they add up, not when one is large.
    let rows = 1 << 20;
    let mut nodes: Vec<NodeProto> =
        (0..500).map(|i| node("Gather", &["w", "i"], &format!("c{i}"))).collect();
    let names: Vec<String> = (0..500).map(|i| format!("c{i}")).collect();
    let mut concat = node("Concat", &names.iter().map(String::as_str).collect::<Vec<_>>(), "c");
    concat.attribute =
        vec![AttributeProto { name: "axis".into(), kind: 2, ..AttributeProto::default() }];
    nodes.extend([concat, node("Add", &["c", "x"], "y")]);
    let many = wrap(
        nodes,
        vec![floats("w", &[1], vec![1.0]), integers("i", &[rows], vec![0; rows as usize])],
    );
    assert_eq!(kind(model("many copies", 1024, &many)), Some(Kind::TooLarge));
}

/// Constants that are computed to many digits.
fn large_numbers() {
    // 1.1^(2^60), by squaring.
    let mut nodes: Vec<NodeProto> = (0..60)
        .map(|i| node("Mul", &[&format!("v{i}"), &format!("v{i}")], &format!("v{}", i + 1)))
        .collect();
    nodes.push(node("Add", &["v60", "x"], "y"));
    let squares = wrap(nodes, vec![floats("v0", &[1], vec![1.1])]);
    assert_eq!(kind(model("squares", 64, &squares)), None);
    // The sum of the reciprocals of half a million numbers, which have no small common denominator.
    let count = 1 << 19;
    let divisors = (0..count).map(|i| 16_777_215.0 - 2.0 * i as f32).collect();
    let nodes = vec![
        node("Div", &["one", "w"], "r"),
        node("ReduceSum", &["r"], "s"),
        node("Add", &["s", "x"], "y"),
    ];
    let sum = wrap(nodes, vec![floats("w", &[count], divisors), floats("one", &[1], vec![1.0])]);
    assert_eq!(kind(model("reciprocals", 512, &sum)), None);
    // Thousands of products in rationals.
    let side = 100;
    let mut nodes: Vec<NodeProto> =
        (0..20_000).map(|i| node("MatMul", &["w", "w"], &format!("m{i}"))).collect();
    let names: Vec<String> = (0..20_000).map(|i| format!("m{i}")).collect();
    let mut concat = node("Concat", &names.iter().map(String::as_str).collect::<Vec<_>>(), "c");
    concat.attribute =
        vec![AttributeProto { name: "axis".into(), kind: 2, ..AttributeProto::default() }];
    nodes.extend([concat, node("Add", &["c", "x"], "y")]);
    let products = wrap(nodes, vec![floats("w", &[side, side], vec![1.1; (side * side) as usize])]);
    assert_eq!(kind(model("products", 1024, &products)), None);
}

fn costly_texts() {
    let declared = |inputs: usize| {
        let mut text = String::new();
        for input in 0..inputs {
            let _ = writeln!(text, "(declare-const X_{input} Real)");
        }
        text.push_str("(declare-const Y_0 Real)\n");
        text
    };
    let long = "1".repeat(4_700);
    let other = "2".repeat(4_700);
    let small = declared(1);

    for open in ["(assert ", "(and ", "(or ", "((", "[["] {
        let nested = format!("{small}(assert {}", open.repeat(1 << 20));
        assert!(text(&format!("a million `{open}`"), 64, &nested).is_err());
    }
    for open in ["(- ", "(+ 1 ", "(* 2 "] {
        let nested = format!("{small}(assert (<= {}", open.repeat(1 << 20));
        assert!(text(&format!("a million `{open}`"), 64, &nested).is_err());
    }
    // Nested up to the limit.
    let ors = "(or (<= Y_0 1) ".repeat(900);
    let ends = ")".repeat(900);
    let box_0 = "(assert (and (>= X_0 0) (<= X_0 1)))";
    let nested = format!("{small}{box_0}(assert {ors}(<= Y_0 2){ends})");
    assert!(text("nested disjunctions", 64, &nested).is_ok());
    let two = format!("{small}{box_0}(assert {ors}(<= Y_0 2){ends})(assert {ors}(<= Y_0 2){ends})");
    let _ = text("two nested disjunctions", 1024, &two);

    // Disjunctions beside each other multiply.
    let pairs = "(assert (or (<= Y_0 1) (>= Y_0 2)))\n".repeat(40);
    let result = text("2^40 disjuncts", 64, &format!("{small}{box_0}{pairs}"));
    assert_eq!(kind(result), Some(Kind::TooLarge));
    let mut faces = format!("{small}{box_0}");
    for i in 0..21 {
        let _ = writeln!(faces, "(assert (or (<= X_0 0.{i}1) (>= X_0 -0.{i}2)))");
    }
    let _ = text("2^21 disjuncts of faces", 1024, &faces);
    // The same with numbers of ten thousand digits.
    let mut faces = format!("{small}{box_0}");
    for i in 0..20 {
        let _ = writeln!(faces, "(assert (or (<= X_0 0.{i}{long}) (>= X_0 -0.{i}{long})))");
    }
    let _ = text("2^20 disjuncts of faces with long numbers", 64, &faces);

    // Long numbers multiplied with many terms.
    let mut sum = String::from("(+");
    for _ in 0..100_000 {
        sum.push_str(" X_0");
    }
    sum.push(')');
    let scaled = format!("{small}{box_0}(assert (<= (* {long} (* {other} {sum})) 0))");
    let _ = text("long factors of many terms", 128, &scaled);
    let sums =
        format!("{small}{box_0}(assert (<= (+ {}) Y_0))", format!("0.{long} ").repeat(5_000));
    let _ = text("many long numbers", 1024, &sums);
    let powers =
        format!("{small}{box_0}(assert (<= (+ {}) Y_0))", "1e2000 1e-2000 ".repeat(100_000));
    let _ = text("many powers", 1024, &powers);
    let products =
        format!("{small}{box_0}(assert (<= (* {}) Y_0))", "1e2000 1e-2000 ".repeat(100_000));
    let _ = text("a product of powers", 1024, &products);

    // Many inputs and a disjunct for each face.
    let mut wide = declared(100_000);
    wide.push_str("(assert (or");
    for input in 0..100_000 {
        let _ = write!(wide, " (and (>= X_{input} 0) (<= X_{input} 1))");
    }
    wide.push_str("))");
    assert_eq!(kind(text("many inputs", 256, &wide)), Some(Kind::UnboundedInput));
    let mut wide = declared(10_000);
    for input in 0..10_000 {
        let _ = write!(wide, "(assert (>= X_{input} 0)) (assert (<= X_{input} 1))");
    }
    wide.push_str("(assert (or");
    for input in 0..10_000 {
        let _ = write!(wide, " (<= X_{input} 0.5)");
    }
    wide.push_str("))");
    let _ = text("many boxes of many inputs", 512, &wide);
    assert_eq!(
        kind(text("a high number", 64, "(declare-const X_4194304 Real)")),
        Some(Kind::TooLarge)
    );
}
