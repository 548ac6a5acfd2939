//! Evaluates a model: `evaluate MODEL float|interval < inputs > outputs`.
//!
//! Inputs are little-endian float32 numbers, all inputs of the model one after the other. Outputs are
//! little-endian float64 numbers in the same way, on intervals the lower and the upper end of each. The
//! seconds that the evaluation took go to standard error. `scripts/compare_models.py` uses it.
#![allow(clippy::print_stderr)]

use plimsoll_check::number::{Interval, Scalar};
use plimsoll_check::ops::evaluate;
use plimsoll_check::read;
use std::error::Error;
use std::io::{Read, Write};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, mode] = &arguments[..] else {
        return Err("a model and a mode are expected".into());
    };
    let graph = read::model(model)?;
    let mut raw = Vec::new();
    std::io::stdin().read_to_end(&mut raw)?;
    let mut numbers = raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let mut inputs: Vec<Vec<f32>> = Vec::new();
    for id in &graph.inputs {
        let input: Vec<f32> = numbers.by_ref().take(graph.value(*id).len()).collect();
        if input.len() != graph.value(*id).len() {
            return Err(format!("{} inputs are expected", graph.input_count()).into());
        }
        inputs.push(input);
    }
    let start = Instant::now();
    let outputs: Vec<f64> = match mode.as_str() {
        "float" => evaluate(&graph, &inputs)?.concat().into_iter().map(f64::from).collect(),
        "interval" => {
            let boxes: Vec<Vec<Interval>> = inputs
                .iter()
                .map(|input| input.iter().map(|v| Interval::from_stored(f64::from(*v))).collect())
                .collect();
            evaluate(&graph, &boxes)?.concat().into_iter().flat_map(|i| [i.lo, i.hi]).collect()
        }
        other => return Err(format!("no mode {other}").into()),
    };
    eprintln!("{:.4}", start.elapsed().as_secs_f64());
    let bytes: Vec<u8> = outputs.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::io::stdout().write_all(&bytes)?;
    Ok(())
}
