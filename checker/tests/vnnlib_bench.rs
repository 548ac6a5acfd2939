//! Published and hand-made texts: every one is read, or refused for the reason that it is known for.
//!
//! The texts are found by the variable `PLIMSOLL_BENCH`, or in `shared/bench` beside the sources;
//! without them the tests pass with a note.
#![allow(clippy::print_stdout)]

mod common;

use flate2::read::MultiGzDecoder;
use plimsoll_check::query::Query;
use plimsoll_check::{Error, Kind, vnnlib};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn read(path: &Path) -> Result<Query, Error> {
    vnnlib::read(&bytes(path)?)
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let io = |error: std::io::Error| Error::new(Kind::Io, error.to_string());
    let raw = std::fs::read(path).map_err(io)?;
    if path.extension().is_none_or(|extension| extension != "gz") {
        return Ok(raw);
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut text).map_err(io)?;
    Ok(text)
}

/// Numbers of inputs and outputs of the models whose queries must be refused for a wrong number.
const COUNTS: [(&str, usize, usize); 2] = [("onnx/id1.onnx", 1, 1), ("onnx/id2.onnx", 2, 2)];

#[test]
fn edge_cases_are_read_or_refused_for_their_reason() {
    let Some(folder) = common::bench() else { return };
    let folder = folder.join("spec_edge");
    let list = std::fs::read_to_string(folder.join("instances.csv")).unwrap();
    let mut seen = 0;
    for line in list.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let (model, spec, expect) = (fields[1], fields[2], fields[4]);
        let result = read(&folder.join(spec));
        seen += 1;
        match expect.strip_prefix("error:") {
            // Beside its wrong number of elements this one leaves inputs without bounds, which shows first.
            Some("input-count") if spec.contains("v2_shape_mismatch") => {
                assert_eq!(result.expect_err(spec).kind, Kind::UnboundedInput, "{spec}");
            }
            Some(kind @ ("input-count" | "output-count")) => {
                let query = result.unwrap();
                let (_, inputs, outputs) = COUNTS.iter().find(|count| count.0 == model).unwrap();
                let wrong = match kind {
                    "input-count" => query.input_count() != *inputs,
                    _ => query.output_count() != *outputs,
                };
                assert!(wrong, "{spec}");
            }
            Some("model" | "unsupported-operator" | "non-finite-weight") | None => {
                if let Err(error) = result {
                    panic!("{spec}: {error}");
                }
            }
            Some(kind) => {
                let error = result.expect_err(spec);
                assert_eq!(error.kind.name(), kind, "{spec}: {error}");
                if matches!(kind, "parse" | "index" | "nonlinear" | "undeclared-variable") {
                    assert!(error.position.is_some(), "{spec}: {error}");
                }
            }
        }
    }
    assert!(seen > 90, "{seen}");
}

fn collect(folder: &Path, texts: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, texts);
        } else if path.to_string_lossy().contains(".vnnlib") {
            texts.push(path);
        }
    }
}

#[test]
fn published_texts_are_read() {
    let Some(folder) = common::bench() else { return };
    let mut texts = Vec::new();
    for family in std::fs::read_dir(&folder).unwrap() {
        let family = family.unwrap().path();
        if family.is_dir() && !family.ends_with("spec_edge") {
            collect(&family, &mut texts);
        }
    }
    texts.sort();
    let (mut total, mut networks) = (0, 0);
    let mut slowest = (0.0, PathBuf::new());
    let begin = Instant::now();
    for path in &texts {
        let text = bytes(path).unwrap();
        total += text.len();
        let begin = Instant::now();
        let result = vnnlib::read(&text);
        let seconds = begin.elapsed().as_secs_f64();
        if seconds > slowest.0 {
            slowest = (seconds, path.clone());
        }
        match result {
            Ok(query) => assert!(!query.regions.is_empty(), "{}", path.display()),
            Err(error) => {
                let several = text.windows(9).any(|bytes| bytes == b"(equal-to");
                assert!(
                    several && error.kind == Kind::UnsupportedQuery,
                    "{}: {error}",
                    path.display()
                );
                networks += 1;
            }
        }
    }
    println!(
        "{} texts, {} MB, {:.2} s with decompression, {networks} with several networks; \
         slowest {:.1} ms {}",
        texts.len(),
        total >> 20,
        begin.elapsed().as_secs_f64(),
        slowest.0 * 1e3,
        slowest.1.display()
    );
    assert!(texts.len() > 200);
}
