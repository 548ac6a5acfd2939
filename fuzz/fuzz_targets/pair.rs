//! A text and one of the small example models: matched, and judged at a corner of every box.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use plimsoll_check::graph::Graph;
use plimsoll_check::number::Rational;
use plimsoll_check::ops::evaluate_exact;
use plimsoll_check::{onnx, vnnlib};
use std::sync::LazyLock;

static GRAPHS: LazyLock<[Graph; 2]> = LazyLock::new(|| {
    [
        &include_bytes!("../../models/thermostat/heat.onnx")[..],
        &include_bytes!("../../models/collision/avoid.onnx")[..],
    ]
    .map(|bytes| onnx::read(Bytes::from_static(bytes)).expect("an example is read"))
});

fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else { return };
    let graph = &GRAPHS[usize::from(first & 1)];
    let Ok(query) = vnnlib::read(text) else { return };
    if query.matches(graph).is_err() || query.disjuncts.len() > 16 {
        return;
    }
    for disjunct in &query.disjuncts {
        let region = &query.regions[disjunct.region as usize];
        let corner: Vec<Rational> = region.lower.iter().map(|face| face.value.clone()).collect();
        if corner.iter().any(|value| value.heap_bits() > 256) {
            continue;
        }
        let closed = region.lower.iter().all(|face| !face.strict);
        assert!(
            !closed || region.is_empty() || region.contains(&corner) || {
                // An open upper face on a flat side makes the box empty, any other leaves the corner inside.
                region.upper.iter().zip(&corner).any(|(face, value)| face.value <= *value)
            }
        );
        let outputs = evaluate_exact(graph, &[corner.clone()]).expect("the examples are affine and relu");
        let outputs = outputs.concat();
        for row in &disjunct.rows {
            row.holds_at(&row.value(&corner, &outputs));
        }
    }
});
