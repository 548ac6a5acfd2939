//! The cases of `tests/data/operators`: tiny models with inputs and recorded outputs.

use flate2::read::GzDecoder;
use plimsoll_check::graph::{ElementType, Graph};
use plimsoll_check::onnx;
use std::io::Read;
use std::path::Path;

#[derive(Default)]
pub struct Case {
    pub name: String,
    pub model: Vec<u8>,
    pub inputs: Vec<Vec<u8>>,
    pub outputs: Vec<Vec<f64>>,
    pub slack: f64,
    /// For a refusal: a part of the message.
    pub refused: Option<String>,
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    hexadecimal.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Little-endian numbers of the given size.
fn numbers<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}

pub fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/operators");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut cases: Vec<Case> = Vec::new();
    for file in files {
        let mut text = String::new();
        let raw = std::fs::read(file).unwrap();
        GzDecoder::new(&raw[..]).read_to_string(&mut text).unwrap();
        for line in text.lines() {
            let (keyword, value) = line.split_once(' ').unwrap();
            if matches!(keyword, "case" | "refuse") {
                cases.push(Case { name: value.to_string(), ..Case::default() });
            }
            let case = cases.last_mut().unwrap();
            match keyword {
                "case" | "refuse" => {}
                "model" => case.model = bytes(value),
                "input" => case.inputs.push(bytes(value)),
                "output" => {
                    let (kind, value) = value.split_once(' ').unwrap();
                    let raw = bytes(value);
                    case.outputs.push(match kind {
                        "float" => numbers(&raw, |b| f64::from(f32::from_le_bytes(b))),
                        "double" => numbers(&raw, f64::from_le_bytes),
                        "int64" => numbers(&raw, |b| i64::from_le_bytes(b) as f64),
                        "bool" => numbers(&raw, |b: [u8; 1]| f64::from(b[0])),
                        other => panic!("{other}"),
                    });
                }
                "slack" => case.slack = value.parse().unwrap(),
                "part" => case.refused = Some(value.to_string()),
                other => panic!("{other}"),
            }
        }
    }
    assert!(cases.len() > 350, "{} cases", cases.len());
    cases
}

pub fn inputs(case: &Case, graph: &Graph) -> Vec<Vec<f64>> {
    let read = |raw: &Vec<u8>| match graph.element {
        ElementType::F32 => numbers(raw, |b| f64::from(f32::from_le_bytes(b))),
        _ => numbers(raw, f64::from_le_bytes),
    };
    case.inputs.iter().map(read).collect()
}

/// The graph of a case; an ingenious error message beats an unwrap.
pub fn graph(case: &Case) -> Graph {
    onnx::read(case.model.clone().into()).unwrap_or_else(|error| panic!("{}: {error}", case.name))
}
