//! The same question gets the same answer with the same tree, whatever the number of threads.

mod common;

use common::boxes;
use common::onnx::{self, Float};
use common::plan::{Plan, Step, Style};
use common::queries;
use fastrand::Rng;
use plimsoll::{Options, Verdict, Verifier};
use plimsoll_check::query::{Disjunct, Query};

/// Two hidden layers of twenty-four, two outputs.
fn network(rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(3);
    let mut from = 0;
    for width in [24, 24, 2] {
        let columns = plan.len(from);
        let weight = |rng: &mut Rng| f64::from(Style::Plain.weight(columns, rng) as f32);
        let lines = (0..width)
            .map(|_| (0..columns as u32).map(|column| (column, weight(rng))).collect())
            .collect();
        let bias = (0..width).map(|_| weight(rng)).collect();
        from = plan.push(Step::Affine { terms: vec![(from, lines)], slack: Vec::new(), bias });
        if width > 2 {
            from = plan.relu(from);
        }
    }
    plan
}

/// Whether an output falls below a threshold that is a little below what sampling finds.
fn question(plan: &Plan, rng: &mut Rng) -> Query {
    let (lower, upper) = ([-1.0; 3], [1.0; 3]);
    let network = plan.network();
    let points = boxes::points(&lower, &upper, 2000, rng).concat();
    let outputs = network.evaluate(&points, 2000).pop().unwrap();
    let disjuncts = (0..2)
        .map(|k| {
            let least = outputs.iter().skip(k).step_by(2).copied().fold(f64::INFINITY, f64::min);
            let mut coefficients = [0.0, 0.0];
            coefficients[k] = 1.0;
            let constant = queries::number(0.002 - least);
            Disjunct { region: 0, rows: vec![queries::row(&coefficients, constant, false)] }
        })
        .collect();
    queries::query(vec![queries::region(&lower, &upper)], disjuncts, 2)
}

#[test]
fn threads_do_not_matter() {
    let (mut searched, mut held) = (0, 0);
    for seed in 0..12 {
        let mut rng = Rng::with_seed(seed);
        let plan = network(&mut rng);
        let query = question(&plan, &mut rng);
        let graph = onnx::model(&plan, Float::F32).graph();
        let answer = |threads: usize| {
            let options = Options { threads: Some(threads), ..Options::default() };
            let outcome = Verifier::new(options).verify(&graph, &query).unwrap();
            (outcome.verdict, outcome.progress, outcome.near_misses, outcome.strategy)
        };
        let alone = answer(1);
        searched += usize::from(alone.1.boxes > 16);
        held += usize::from(alone.0 == Verdict::Holds);
        for threads in [1, 2, 4] {
            assert_eq!(answer(threads), alone, "{threads} threads");
        }
    }
    assert!(searched >= 3, "only {searched} questions took a search");
    assert!(held >= 3, "only {held} properties hold");
}
