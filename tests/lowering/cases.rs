//! Every operator, by the models of the checker's tests: attributes, shapes, versions.

use crate::check::compare;
use fastrand::Rng;
use flate2::read::GzDecoder;
use plimsoll::Kind;
use plimsoll::ops::{BOUNDED, lower};
use plimsoll::read;
use plimsoll_check::graph::{ElementType, Graph};
use std::io::Read;
use std::path::PathBuf;

/// A model and inputs that it was made for.
struct Case {
    name: String,
    graph: Graph,
    point: Vec<f64>,
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    hexadecimal.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Files of a folder of the checker's data.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = format!("{}/checker/tests/data/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The models of `operators` that are read.
fn operators() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for file in files("operators") {
        let mut text = String::new();
        GzDecoder::new(&std::fs::read(file).unwrap()[..]).read_to_string(&mut text).unwrap();
        let mut name = None;
        for line in text.lines() {
            match line.split_once(' ').unwrap() {
                ("case", value) => name = Some(value.to_string()),
                ("refuse", _) => name = None,
                ("model", value) => {
                    let Some(name) = name.clone() else { continue };
                    let graph = read::model_bytes(bytes(value).into()).unwrap();
                    cases.push(Case { name, graph, point: Vec::new() });
                }
                ("input", value) if name.is_some() => {
                    let case = cases.last_mut().unwrap();
                    let raw = bytes(value);
                    match case.graph.element {
                        ElementType::F32 => case.point.extend(
                            raw.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))),
                        ),
                        _ => case
                            .point
                            .extend(raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b))),
                    }
                }
                _ => {}
            }
        }
    }
    cases
}

/// The models of functions, with inputs near one, where all of them are defined.
fn functions() -> Vec<Case> {
    files("functions")
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "onnx"))
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let graph = read::model(&file).unwrap();
            let mut rng = Rng::with_seed(7);
            let point = (0..graph.input_count()).map(|_| 0.25 + 1.5 * rng.f64()).collect();
            Case { name, graph, point }
        })
        .collect()
}

#[test]
fn operators_are_lowered_exactly() {
    let mut rng = Rng::with_seed(1);
    let (mut narrow, mut lowered) = (0, 0);
    let mut cases = operators();
    cases.extend(functions());
    for case in &cases {
        let network = match lower(&case.graph) {
            Ok(network) => network,
            Err(error) => {
                println!("{}: {error}", case.name);
                let named = case.graph.nodes.iter().any(|node| error.message.contains(&node.name));
                assert!(named, "{}: {error}", case.name);
                assert_eq!(error.kind, Kind::UnsupportedOperator, "{}", case.name);
                continue;
            }
        };
        lowered += 1;
        assert_eq!(case.point.len(), network.input_len(), "{}", case.name);
        // The point itself, points near it, and others.
        let corners: Vec<Vec<f64>> = (0..6)
            .map(|k| {
                let spread = [0.0, 0.0, 0.1, 1.0, 0.01, 3.0][k];
                case.point.iter().map(|x| x + spread * (rng.f64() - 0.5)).collect()
            })
            .collect();
        let compared = compare(&case.name, &case.graph, &network, &corners, 0.25, &mut rng);
        narrow += usize::from(compared.narrow > compared.values / 2);
        assert!(compared.points > 0, "{}: {compared:?}", case.name);
    }
    println!("{} models, {lowered} lowered, {narrow} narrow", cases.len());
    assert!(lowered > 400 && narrow > 380 && lowered + 40 > cases.len());
    assert!(BOUNDED.len() > 100);
}
