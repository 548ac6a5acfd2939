//! Two decoders on damaged and on costly models: what both read is the same, the rest is refused.
#![allow(clippy::print_stdout)]
#![cfg(feature = "second-decoder")]

#[path = "../checker/tests/common/mutate.rs"]
mod mutate;

use mutate::{Kind, Random};
use peak_alloc::PeakAlloc;
use plimsoll::read::model_bytes;
use plimsoll_check::onnx;
use std::path::Path;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A field of bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    [bytes, content.to_vec()].concat()
}

#[test]
fn damaged_and_costly_models() {
    damaged_models_are_read_alike_or_refused();
    records_stay_within_memory();
}

fn damaged_models_are_read_alike_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let seeds = ["thermostat/heat.onnx", "digits/digits.onnx", "collision/avoid.onnx"]
        .map(|name| std::fs::read(folder.join(name)).unwrap());
    let (mut both, mut refused) = (0, 0);
    for seed in 0..6_000 {
        let bytes = mutate::mutate(&mut Random::new(seed), &seeds, Kind::Protobuf);
        let one = onnx::read(bytes.clone().into());
        match (one, model_bytes(bytes.into())) {
            (Ok(one), Ok(two)) => {
                // Floats print shortest and finite, so equal texts are equal graphs.
                assert_eq!(format!("{one:?}"), format!("{two:?}"), "mutation {seed}");
                both += 1;
            }
            (Ok(_), Err(error)) => {
                assert!(error.message.contains("ONNX decoders"), "mutation {seed}: {error}");
                refused += 1;
            }
            (Err(one), Err(two)) if two.message.contains("ONNX decoders") => {
                assert_ne!(one.message, two.message);
            }
            (Err(one), Err(two)) => assert_eq!(one.message, two.message, "mutation {seed}"),
            (Err(one), Ok(_)) => panic!("mutation {seed}: read by both only: {one}"),
        }
    }
    println!("{both} read alike, {refused} refused by the second decoder alone");
    assert!(both > 60 && refused > 0, "{both} {refused}");
}

/// Messages of two bytes, as many as the scan lets pass: a file of a megabyte, hundreds in memory.
fn records_stay_within_memory() {
    let unknown: Vec<u8> = (0..1_600_000u32)
        .flat_map(|at| {
            let key = (at % 15 + 100) << 3;
            [key as u8 | 0x80, (key >> 7) as u8, 1]
        })
        .collect();
    let shapes: [(&str, Vec<u8>); 6] = [
        ("nodes", field(7, &field(1, &[]).repeat(850_000))),
        ("attributes", field(7, &field(1, &field(5, &[]).repeat(480_000)))),
        ("tensors", field(7, &field(5, &[]).repeat(480_000))),
        ("value infos", field(7, &field(11, &[]).repeat(1_300_000))),
        ("names", field(7, &field(1, &field(1, b"x").repeat(5_000_000)))),
        ("unknown fields", field(7, &unknown)),
    ];
    for (name, bytes) in shapes {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let length = bytes.len();
        let error = model_bytes(bytes.into()).unwrap_err();
        let mebibytes = (MEMORY.peak_usage() - before) >> 20;
        println!("{name}: {length} bytes in the file, {mebibytes} MiB: {error}");
        assert!(mebibytes < 800, "{name}: {mebibytes} MiB");
        assert!(!error.message.contains("would decode"), "{name} is below the limit: {error}");
    }
}
