//! Thousands of damaged models and texts: each is read, or refused by a typed error, in little time and memory.
//!
//! The mutations are seeded. One test, because the peak of memory is counted for the whole process.
#![allow(clippy::print_stdout)]

#[path = "common/mutate.rs"]
mod mutate;

use bytes::Bytes;
use mutate::{Kind, Random};
use peak_alloc::PeakAlloc;
use plimsoll_check::{onnx, vnnlib};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Longest time for one input of some tens of kilobytes; debug builds on a busy machine pass by far.
const LONGEST: Duration = Duration::from_secs(5);
/// Most memory for one input, in bytes, where the inputs have some tens of kilobytes.
const LARGEST: usize = 64 << 20;

/// The files below a folder with an extension, by name.
fn files(folder: &str, extension: &str) -> Vec<Vec<u8>> {
    fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, extension, found);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), extension, &mut found);
    found.sort();
    assert!(!found.is_empty(), "{folder}");
    found.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Runs a reader on mutations of the seeds; returns how many were read.
fn run(
    name: &str,
    seeds: &[Vec<u8>],
    kind: Kind,
    rounds: u64,
    read: impl Fn(&[u8]) -> bool,
) -> usize {
    let mut accepted = 0;
    let (mut slowest, mut largest) = (Duration::ZERO, 0);
    for seed in 0..rounds {
        let bytes = mutate::mutate(&mut Random::new(seed), seeds, kind);
        MEMORY.reset_peak_usage();
        let (before, begin) = (MEMORY.current_usage(), Instant::now());
        let read = catch_unwind(AssertUnwindSafe(|| read(&bytes)));
        let (time, memory) = (begin.elapsed(), MEMORY.peak_usage() - before);
        let read = read.unwrap_or_else(|_| panic!("{name}: mutation {seed} panics"));
        assert!(time < LONGEST, "{name}: mutation {seed} takes {time:?}");
        assert!(memory < LARGEST, "{name}: mutation {seed} takes {memory} bytes");
        accepted += usize::from(read);
        slowest = slowest.max(time);
        largest = largest.max(memory);
    }
    println!("{name}: {accepted} of {rounds} read, at most {slowest:?} and {largest} bytes");
    accepted
}

#[test]
fn damaged_files_are_read_or_refused() {
    let models = files("models", "onnx");
    let texts = files("specs", "vnnlib");
    let (second, first): (Vec<_>, Vec<_>) =
        texts.into_iter().partition(|text| text.windows(14).any(|part| part == b"vnnlib-version"));
    assert!(!first.is_empty() && !second.is_empty());
    let graph = onnx::read(Bytes::from(models[0].clone())).unwrap();
    let model = |bytes: &[u8]| onnx::read(Bytes::copy_from_slice(bytes)).is_ok();
    // A query that is read is also written out, read back, and matched with a model.
    let text = |bytes: &[u8]| match vnnlib::read(bytes) {
        Ok(query) => {
            let _ = query.matches(&graph);
            let again = vnnlib::read(query.to_vnnlib().as_bytes()).expect("its own text");
            assert_eq!(again.disjuncts, query.disjuncts);
            assert_eq!(again.regions, query.regions);
            true
        }
        Err(_) => false,
    };
    // Damage shows in most cases, and not in all.
    let read = run("models", &models, Kind::Protobuf, 6000, model);
    assert!((60..5400).contains(&read), "{read}");
    let read = run("VNN-LIB 1.0", &first, Kind::Text, 6000, text);
    assert!((60..5400).contains(&read), "{read}");
    let read = run("VNN-LIB 2.0", &second, Kind::Text, 6000, text);
    assert!((60..5400).contains(&read), "{read}");
}
