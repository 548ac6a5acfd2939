//! Which models and specifications of the benchmarks are read, and which are refused for what reason.
//!
//! `cargo test -p plimsoll-check --test bench_loads -- --nocapture` prints the table.
#![allow(clippy::print_stdout)]

mod common;

use plimsoll_check::graph::Graph;
use plimsoll_check::query::Query;
use plimsoll_check::{Error, Kind, read, vnnlib};
use std::collections::{BTreeMap, HashMap};

/// Families of fully connected networks, whose every model and specification must be read.
const FULLY_CONNECTED: [&str; 15] = [
    "acasxu",
    "acc",
    "cersyve",
    "cora",
    "drones",
    "linearizenn",
    "mnist_fc",
    "nn4sys",
    "reach_prob_density",
    "rl_benchmarks",
    "safenlp",
    "sat_relu",
    "spec_edge",
    "tllverifybench",
    "vnnlib2",
];

/// Models of these families that have more than fully connected layers, and may be refused for an operator.
const BEYOND: [&str; 4] = ["mscn_128d_dual", "pensieve_big", "pensieve_mid", "mnist_concat"];

/// A text with two faults, of which the list names the one that shows beside the model.
const TWO_FAULTS: (&str, Kind) = ("v2_shape_mismatch", Kind::UnboundedInput);

/// What came of the files of one family.
#[derive(Default)]
struct Tally {
    models: (usize, usize),
    specs: (usize, usize),
    pairs: (usize, usize),
    /// Reasons with the number of models, specifications and pairs that they hold for.
    reasons: BTreeMap<String, usize>,
}

impl Tally {
    fn refused(&mut self, what: &str, error: &Error) {
        // What is named in backticks differs from file to file.
        let mut reason = format!("{what}: {}: ", error.kind.name());
        for (at, part) in error.message.split('`').enumerate() {
            reason.push_str(if at % 2 == 0 { part } else { "_" });
        }
        *self.reasons.entry(reason).or_default() += 1;
    }
}

#[test]
fn fully_connected_families_are_read() {
    let Some(folder) = common::bench() else { return };
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut models: HashMap<String, Result<Graph, Error>> = HashMap::new();
    let mut specs: HashMap<String, Result<Query, Error>> = HashMap::new();
    let mut failures = Vec::new();
    let mut last_family = String::new();
    for instance in common::instances(&folder) {
        // Names mean the same file within a family; large ones need not stay for the others.
        if instance.family != last_family {
            models.clear();
            specs.clear();
            last_family.clone_from(&instance.family);
        }
        let tally = tallies.entry(instance.family.clone()).or_default();
        let model = models.entry(instance.model.clone()).or_insert_with(|| {
            let result = read::model(folder.join(&instance.model));
            tally.models.1 += 1;
            match &result {
                Ok(_) => tally.models.0 += 1,
                Err(error) => tally.refused("model", error),
            }
            result
        });
        let spec = specs.entry(instance.spec.clone()).or_insert_with(|| {
            let result =
                read::file(folder.join(&instance.spec)).and_then(|text| vnnlib::read(&text));
            tally.specs.1 += 1;
            match &result {
                Ok(_) => tally.specs.0 += 1,
                Err(error) => tally.refused("spec", error),
            }
            result
        });
        let matched = match (&*model, &*spec) {
            (Ok(graph), Ok(query)) => query.matches(graph).inspect_err(|error| {
                tally.refused("pair", error);
            }),
            (Err(error), _) | (_, Err(error)) => Err(error.clone()),
        };
        tally.pairs.1 += 1;
        tally.pairs.0 += usize::from(matched.is_ok());
        let name = format!("{} {}", instance.model, instance.spec);
        match (matched, instance.reference.strip_prefix("error:")) {
            (Ok(_), Some(kind)) => failures.push(format!("{name}: read, expected {kind}")),
            (Ok(_), None) => {}
            (Err(error), Some(kind)) if error.kind.name() == kind => {}
            (Err(error), Some(_)) if name.contains(TWO_FAULTS.0) && error.kind == TWO_FAULTS.1 => {}
            (Err(error), None)
                if error.kind == Kind::UnsupportedOperator
                    && BEYOND.iter().any(|model| name.contains(model)) => {}
            (Err(error), expected) => {
                if FULLY_CONNECTED.contains(&instance.family.as_str()) {
                    failures.push(format!("{name}: {error}; expected {expected:?}"));
                }
            }
        }
    }
    println!("{:20} {:>9} {:>9} {:>9}  refused", "family", "models", "specs", "pairs");
    for (family, tally) in &tallies {
        let share = |(read, all): (usize, usize)| format!("{read}/{all}");
        println!(
            "{family:20} {:>9} {:>9} {:>9}",
            share(tally.models),
            share(tally.specs),
            share(tally.pairs)
        );
        for (reason, count) in &tally.reasons {
            println!("{:50}  {count} x {reason}", "");
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
