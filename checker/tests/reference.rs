//! What onnxruntime computed, against the reference evaluator: in floats and on intervals.
//!
//! For every recorded output the distance of any float execution from the exact value is bounded by
//! [`float_error`]. The recorded output, and the evaluator's own in the model's float type, must be that
//! near to the enclosure that the evaluation on intervals gives. `scripts/record_reference.py` records.
#![allow(clippy::print_stdout)]

mod common;
#[path = "common/float_error.rs"]
mod float_error;

use flate2::read::GzDecoder;
use float_error::Run;
use plimsoll_check::graph::{ElementType, Graph, Node, ValueId};
use plimsoll_check::number::Interval;
use plimsoll_check::ops::{Analytic, Op, evaluate};
use plimsoll_check::{onnx, read};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// How near the recorded outputs came to what is allowed.
#[derive(Default)]
struct Margin {
    outputs: usize,
    /// Largest distance between recorded and own output, as a share of the bound on it.
    distance: f64,
    /// Largest bound, as a share of the output's magnitude or one.
    bound: f64,
    /// Outputs that are equal in every bit.
    equal: usize,
}

/// Compares recorded outputs for one input with the evaluation of a graph.
fn compare(name: &str, graph: &Graph, inputs: &[Vec<f64>], recorded: &[f64], margin: &mut Margin) {
    match graph.element {
        ElementType::F64 => {
            let own = floats::<f64>(graph, inputs).into_iter().map(|(_, value)| value).collect();
            compare_as::<true>(name, graph, inputs, recorded, own, margin);
        }
        _ => {
            let own = floats::<f32>(graph, inputs);
            let own = own.into_iter().map(|(_, value)| f64::from(value)).collect();
            compare_as::<false>(name, graph, inputs, recorded, own, margin);
        }
    }
}

/// The outputs in a float type, flat and numbered.
fn floats<S: Analytic>(graph: &Graph, inputs: &[Vec<f64>]) -> Vec<(usize, S)> {
    let inputs: Vec<Vec<S>> =
        inputs.iter().map(|input| input.iter().map(|x| S::from_stored(*x)).collect()).collect();
    evaluate(graph, &inputs).unwrap().into_iter().flatten().enumerate().collect()
}

fn compare_as<const DOUBLE: bool>(
    name: &str,
    graph: &Graph,
    inputs: &[Vec<f64>],
    recorded: &[f64],
    own: Vec<f64>,
    margin: &mut Margin,
) {
    let intervals = floats::<Interval>(graph, inputs);
    let runs = floats::<Run<DOUBLE>>(graph, inputs);
    assert_eq!(recorded.len(), intervals.len(), "{name}: number of outputs");
    for (index, interval) in intervals {
        let (recorded, own, run) = (recorded[index], own[index], &runs[index].1);
        assert_eq!(run.exact, interval, "{name}: output {index}");
        let error = run.error();
        assert!(error.is_finite(), "{name}: output {index}: no bound");
        for (who, value) in [("recorded", recorded), ("own", own)] {
            let (lo, hi) = ((interval.lo - error).next_down(), (interval.hi + error).next_up());
            assert!(
                lo <= value && value <= hi,
                "{name}: output {index}: {who} {value}, exact in {interval:?}, error {error:e}"
            );
        }
        if !DOUBLE {
            let width = interval.hi - interval.lo;
            assert!(width <= error, "{name}: output {index}: {interval:?} is wider than {error:e}");
        }
        margin.outputs += 1;
        margin.equal += usize::from(recorded == own);
        margin.bound = margin.bound.max(error / recorded.abs().max(1.0));
        if error > 0.0 {
            margin.distance = margin.distance.max((recorded - own).abs() / (2.0 * error));
        }
    }
}

impl Margin {
    fn print(&self, name: &str) {
        println!(
            "{name}: {} outputs, {} equal, distance at most {:.4} of what is allowed, bound at most {:.1e}",
            self.outputs, self.equal, self.distance, self.bound
        );
    }
}

/// The lines of a recording, by tab.
fn recording(name: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| line.split('\t').map(String::from).collect()).collect()
}

/// The inputs of a sample, as `scripts/record_reference.py` makes them.
fn sample(graph: &Graph, number: i64) -> Vec<Vec<f64>> {
    let mut at = 0..;
    let mut element = || {
        let index: i64 = at.next().unwrap();
        let flat = match number {
            0 => 512 - index % 2,
            _ => (index * 7919 + number * 104_729 + index * index * 31) % 2003 - 1001,
        };
        flat as f64 / 1024.0
    };
    graph.inputs.iter().map(|id| (0..graph.value(*id).len()).map(|_| element()).collect()).collect()
}

/// Numbers separated by blanks; those of a float32 model are shortest decimals of float32.
fn numbers(text: &str, element: ElementType) -> Vec<f64> {
    let number = |word: &str| match element {
        ElementType::F64 => word.parse().unwrap(),
        _ => f64::from(word.parse::<f32>().unwrap()),
    };
    text.split(' ').filter(|word| !word.is_empty()).map(number).collect()
}

#[test]
fn operators_compute_what_onnxruntime_computes() {
    let lines = recording("operators.tsv.gz");
    let mut margin = Margin::default();
    for line in &lines {
        let digits = line[0].as_bytes().chunks(2);
        let bytes: Vec<u8> = digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let name = &line[1];
        let graph = onnx::read(bytes.into()).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (at, outputs) in line[2..].iter().enumerate() {
            let recorded = numbers(outputs, graph.element);
            compare(name, &graph, &sample(&graph, at as i64), &recorded, &mut margin);
        }
    }
    margin.print(&format!("{} small models", lines.len()));
    assert!(lines.len() > 900 && margin.bound < 1e-3);
}

/// The benchmark models of a recording, with their lines; how many are not there or not read is checked.
fn benchmarks(name: &str, most_missing: usize, mut each: impl FnMut(&str, Graph, &[String])) {
    let Some(folder) = common::bench() else { return };
    let mut missing = 0;
    let lines = recording(name);
    for line in &lines {
        let (digest, name) = (&line[0], &line[1]);
        let graph = match read::file(folder.join(name)) {
            Ok(bytes) if read::sha256(&bytes) == *digest => onnx::read(bytes),
            Ok(_) => {
                println!("skipped: {name} is another model than the recorded one");
                missing += 1;
                continue;
            }
            Err(error) => Err(error),
        };
        match graph {
            Ok(graph) => each(name, graph, &line[2..]),
            // Which models must be read is another test's business.
            Err(error) => {
                println!("skipped: {error}");
                missing += 1;
            }
        }
    }
    println!("{missing} of {} models left out", lines.len());
    assert!(missing <= most_missing, "{missing} of {}", lines.len());
}

#[test]
fn benchmarks_compute_what_onnxruntime_computes() {
    benchmarks("bench.tsv.gz", 10, |name, graph, samples| {
        let mut margin = Margin::default();
        for (at, outputs) in samples.iter().enumerate() {
            let recorded = numbers(outputs, graph.element);
            compare(name, &graph, &sample(&graph, at as i64), &recorded, &mut margin);
        }
        margin.print(name);
    });
}

/// A graph of one node, whose operands that are no constants are the inputs, in order.
fn alone(graph: &Graph, node: &Node) -> Graph {
    let mut inputs: Vec<ValueId> = Vec::new();
    for id in &node.inputs {
        if graph.value(*id).constant.is_none() && !inputs.contains(id) {
            inputs.push(*id);
        }
    }
    Graph { nodes: vec![node.clone()], inputs, outputs: node.outputs.clone(), ..graph.clone() }
}

#[test]
fn every_step_rounds_within_its_bound() {
    // From end to end the bound grows with every layer. Step by step it stays sharp: each node is
    // evaluated on what onnxruntime computed for its operands.
    benchmarks("steps.tsv.gz", 2, |name, graph, fields| {
        let recorded: HashMap<&str, Vec<f64>> = fields
            .iter()
            .map(|field| {
                let (value, text) = field.rsplit_once('=').unwrap();
                (value, numbers(text, graph.element))
            })
            .collect();
        let mut executed: HashMap<ValueId, Vec<f64>> =
            graph.inputs.iter().copied().zip(sample(&graph, 1)).collect();
        let mut margin = Margin::default();
        for node in &graph.nodes {
            let step = alone(&graph, node);
            let operands: Vec<Vec<f64>> =
                step.inputs.iter().map(|id| executed[id].clone()).collect();
            let exact = matches!(
                node.op,
                Op::Relu
                    | Op::Identity
                    | Op::Neg
                    | Op::Reshape
                    | Op::Transpose { .. }
                    | Op::Concat { .. }
                    | Op::Slice { .. }
                    | Op::Split { .. }
                    | Op::Gather { .. }
            );
            if exact {
                executed
                    .extend(node.outputs.iter().copied().zip(evaluate(&step, &operands).unwrap()));
                continue;
            }
            let value = &graph.value(node.outputs[0]).name;
            let recorded =
                recorded.get(value.as_str()).unwrap_or_else(|| panic!("{name}: {value}"));
            compare(&format!("{name}: {value}"), &step, &operands, recorded, &mut margin);
            executed.insert(node.outputs[0], recorded.clone());
        }
        margin.print(name);
        assert!(margin.outputs > 0 && margin.bound < 0.05);
    });
}

/// The rows of a list of lists of numbers under a key of a JSON object.
fn rows(text: &str, key: &str) -> Vec<Vec<f64>> {
    let begin = text.find(&format!("\"{key}\"")).unwrap();
    let body = &text[begin..];
    let body = &body[body.find('[').unwrap() + 1..];
    let end = body.find("]]").or_else(|| body.find("]\n]")).unwrap();
    body[..end]
        .split(']')
        .map(|row| {
            let row = &row[row.find('[').unwrap() + 1..];
            row.split(',').map(|word| word.trim().parse().unwrap()).collect()
        })
        .collect()
}

#[test]
fn example_models_compute_what_onnxruntime_computes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    for name in ["collision/avoid.onnx", "digits/digits.onnx", "thermostat/heat.onnx"] {
        let path = folder.join(name);
        let graph = read::model(&path).unwrap();
        let text = std::fs::read_to_string(path.with_file_name("reference.json")).unwrap();
        let (inputs, outputs) = (rows(&text, "inputs"), rows(&text, "outputs"));
        assert!(inputs.len() >= 24 && inputs.len() == outputs.len(), "{name}");
        let mut margin = Margin::default();
        for (input, recorded) in inputs.iter().zip(&outputs) {
            // Decimals of float32, given as the nearest float64.
            let round = |values: &[f64]| values.iter().map(|v| f64::from(*v as f32)).collect();
            let (input, recorded): (Vec<f64>, Vec<f64>) = (round(input), round(recorded));
            compare(name, &graph, &[input], &recorded, &mut margin);
        }
        margin.print(name);
        assert!(margin.bound < 0.1);
    }
}

#[test]
fn a_wrong_weight_is_noticed() {
    // The comparison must not pass whatever the outputs are: a model whose one weight differs in one
    // bit of the middle of its mantissa fails it.
    let line =
        recording("operators.tsv.gz").into_iter().find(|line| line[1] == "matmul 13").unwrap();
    let mut hex = line[0].clone().into_bytes();
    let graph = |hex: &[u8]| {
        let pairs = hex.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let bytes: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        onnx::read(bytes.into()).unwrap()
    };
    let right = graph(&hex);
    let weight = right.values.iter().find_map(|value| value.constant.as_ref()).unwrap().float(0);
    let stored: String =
        (weight as f32).to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let place = line[0].find(&stored).unwrap() + 2;
    hex[place] = if hex[place] == b'7' { b'6' } else { b'7' };
    let wrong = graph(&hex);
    let recorded = numbers(&line[2], right.element);
    let mut margin = Margin::default();
    compare("right", &right, &sample(&right, 0), &recorded, &mut margin);
    let result = std::panic::catch_unwind(|| {
        compare("wrong", &wrong, &sample(&wrong, 0), &recorded, &mut Margin::default());
    });
    assert!(result.is_err());
}
