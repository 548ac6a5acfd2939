//! ONNX bytes to a graph by both decoders; a small graph is evaluated, exactly and on intervals.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use plimsoll_check::number::{Interval, Rational};
use plimsoll_check::ops::{evaluate, evaluate_exact};

/// Most elements of all values of a graph that is evaluated.
const SMALL: usize = 1 << 12;

fuzz_target!(|data: &[u8]| {
    let Ok(graph) = plimsoll::read::model_bytes(Bytes::copy_from_slice(data)) else { return };
    let elements = graph.values.iter().fold(0usize, |sum, value| sum.saturating_add(value.len()));
    if elements > SMALL || graph.nodes.len() > 64 {
        return;
    }
    let inputs = graph.inputs.iter().map(|id| graph.value(*id).len());
    let exact: Vec<Vec<Rational>> = inputs
        .map(|count| (0..count).map(|i| Rational::from(i as i64 % 3 - 1)).collect())
        .collect();
    let boxes: Vec<Vec<Interval>> =
        exact.iter().map(|input| input.iter().map(Interval::around).collect()).collect();
    let boxes = evaluate(&graph, &boxes);
    let Some(exact) = evaluate_exact(&graph, &exact) else { return };
    let boxes = boxes.expect("a graph with a value at a point has an enclosure there");
    for (values, intervals) in exact.iter().zip(&boxes) {
        assert_eq!(values.len(), intervals.len());
        for (value, interval) in values.iter().zip(intervals) {
            assert!(interval.contains(value), "{value} is outside {interval:?}");
        }
    }
});
