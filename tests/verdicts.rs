//! Verdicts on small random queries whose truth an exact oracle knows.

mod common;

use common::onnx::{self, Float};
use common::oracle;
use common::plan::{Plan, Style};
use common::queries::{self, Margin};
use fastrand::Rng;
use plimsoll::bound::exact;
use plimsoll::{Options, Outcome, Verifier};
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Disjunct, Face, Query};

fn verify(plan: &Plan, float: Float, query: &Query, options: Options) -> Outcome {
    let graph = onnx::model(plan, float).graph();
    Verifier::new(options).verify(&graph, query).unwrap()
}

/// A query of one or more disjuncts of one or more rows, whose margins are those given by `margin`.
fn random(plan: &Plan, rng: &mut Rng, margin: impl Fn(&mut Rng) -> Margin) -> Query {
    let mut regions = vec![queries::random_region(plan.inputs(), rng)];
    if rng.u8(0..3) == 0 {
        regions.push(queries::random_region(plan.inputs(), rng));
    }
    let count = rng.usize(1..=3).max(regions.len());
    let disjuncts = (0..count)
        .map(|k| {
            let region = k % regions.len();
            let rows = (0..[1, 1, 2, 3][rng.usize(0..4)])
                .map(|_| {
                    let margin = margin(rng);
                    queries::random_row(plan, &regions[region], &margin, rng)
                })
                .collect();
            Disjunct { region: region as u32, rows }
        })
        .collect();
    queries::query(regions, disjuncts, plan.len(plan.last()))
}

fn random_network(styles: &[Style], rng: &mut Rng) -> Plan {
    let style = styles[rng.usize(0..styles.len())];
    let inputs = rng.usize(1..=3);
    let neurons = rng.usize(1..=[16, 12, 8][inputs - 1]);
    queries::network(style, inputs, neurons, rng)
}

/// Answers random queries, compares each answer with the truth, and demands that so many of a hundred
/// are answered among those that hold and among those that do not.
fn compare(
    seed: u64,
    styles: &[Style],
    demanded: (usize, usize),
    margin: impl Fn(&mut Rng) -> Margin,
) {
    let mut answered = [0, 0];
    let mut asked = [0, 0];
    for k in 0..500 {
        let mut rng = Rng::with_seed(seed + k);
        let plan = random_network(styles, &mut rng);
        let query = random(&plan, &mut rng, &margin);
        let truth = oracle::decide(&plan, &query);
        // What is decided at all takes few boxes; weights that cancel are mostly left open.
        let boxes = Some(if styles == TAME { 4000 } else { 200 });
        let options = Options { boxes, threads: Some(1), ..Options::default() };
        let float = [Float::F32, Float::F64][rng.usize(0..2)];
        let outcome = verify(&plan, float, &query, options);
        asked[usize::from(truth)] += 1;
        answered[usize::from(truth)] +=
            usize::from(queries::agrees(&plan, &query, &outcome, truth));
    }
    assert!(asked.iter().all(|count| *count >= 25), "{asked:?} is no fair sample");
    for (k, demanded) in [demanded.0, demanded.1].into_iter().enumerate() {
        assert!(100 * answered[k] >= demanded * asked[k], "{answered:?} of {asked:?} answered");
    }
}

/// A margin of one of these sizes, of either sign.
fn either(sizes: [&'static str; 3]) -> impl Fn(&mut Rng) -> Margin {
    move |rng| {
        let size = queries::decimal(sizes[rng.usize(0..3)]);
        Margin::Exactly(if rng.u8(0..3) > 0 { size } else { -&size })
    }
}

/// Weights for which a small margin is one.
const TAME: [Style; 2] = [Style::Dyadic, Style::Plain];

#[test]
fn large_margins_are_decided() {
    compare(0, &TAME, (97, 97), either(["1", "0.3", "0.01"]));
}

#[test]
fn small_margins_are_decided() {
    compare(10_000, &TAME, (95, 90), either(["1e-3", "1e-5", "1e-8"]));
}

#[test]
fn margins_around_the_rounding_of_floats_are_not_mistaken() {
    compare(20_000, &TAME, (90, 75), either(["1e-13", "1e-15", "3e-17"]));
}

#[test]
fn margins_of_one_unit_in_the_last_place_are_not_mistaken() {
    compare(30_000, &TAME, (90, 75), |rng| Margin::Ulps(rng.i32(-1..=1)));
}

#[test]
fn margins_of_zero_are_not_mistaken() {
    compare(40_000, &TAME, (90, 80), |_| Margin::Exactly(Rational::ZERO));
}

/// Weights of 2^30 that nearly cancel, layer after layer: a rounded bound is off by far more than the margin.
#[test]
fn weights_that_cancel_are_not_mistaken() {
    compare(50_000, &[Style::Cancelling], (20, 20), |rng| {
        [Margin::Ulps(rng.i32(-1..=1)), either(["1e6", "1", "1e-6"])(rng)][rng.usize(0..2)].clone()
    });
}

/// The property holds on every float of the region, and not on its face, which no float is.
#[test]
fn faces_that_no_float_lies_on_count() {
    for (text, sign) in [("0.3", 1.0), ("0.1", 1.0), ("-0.3", -1.0), ("-0.1", -1.0), ("0.7", 1.0)] {
        let face = queries::decimal(text);
        for float in [Float::F32, Float::F64] {
            let mut plan = Plan::new(1);
            let sum = plan.affine(0, &[&[sign]], &[0.0]);
            let relu = plan.relu(sum);
            plan.affine(relu, &[&[1.0]], &[0.0]);
            let region = queries::region(&[-1.0], &[1.0]);
            for (open, strict, violated) in
                [(false, false, true), (false, true, false), (true, false, false)]
            {
                let mut region = region.clone();
                let side = if sign > 0.0 { &mut region.upper } else { &mut region.lower };
                side[0] = Face { value: face.clone(), strict: open };
                let query = queries::conjunction(
                    region,
                    vec![queries::row(&[-1.0], face.abs(), strict)],
                    1,
                );
                let outcome = verify(&plan, float, &query, Options::default());
                assert_eq!(oracle::decide(&plan, &query), violated);
                assert!(queries::agrees(&plan, &query, &outcome, violated), "{text} {outcome:?}");
            }
        }
    }
}

/// What exact arithmetic closes at a margin of zero, strict faces and rows included, is closed rightly.
#[test]
fn exact_refutations_are_true() {
    let mut closed = [0, 0];
    for seed in 0..400 {
        let mut rng = Rng::with_seed(60_000 + seed);
        let plan = random_network(&TAME, &mut rng);
        let mut region = queries::random_region(plan.inputs(), &mut rng);
        for (lower, upper) in region.lower.iter_mut().zip(&mut region.upper) {
            if lower.value < upper.value {
                (lower.strict, upper.strict) = (rng.bool(), rng.bool());
            }
        }
        let count = rng.usize(1..=2);
        let zero = Margin::Exactly(Rational::ZERO);
        let rows: Vec<_> =
            (0..count).map(|_| queries::random_row(&plan, &region, &zero, &mut rng)).collect();
        let multipliers: Vec<f64> = (0..count).map(|_| rng.f64()).collect();
        let truth = oracle::satisfiable(&plan, &region, &rows);
        if exact::refutes(&plan.network(), &region, &rows, &multipliers) {
            assert!(!truth, "{region:?} {rows:?} {plan:?}");
            let strict = rows.iter().all(|row| row.strict);
            closed[usize::from(strict)] += 1;
        }
    }
    assert!(closed[0] > 20 && closed[1] > 20, "{closed:?} closed");
}
