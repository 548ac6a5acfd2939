//! Known causes of wrong verdicts in verifiers of neural networks, a test for each that can occur here.
//!
//! The causes are those that were found in published tools and in competitions: rounding that was not
//! controlled, tolerances, disjunctions put together wrongly, boxes that leak, strictness lost, time
//! limits taken for proofs, wrong readings of operators. Bounds that are stale or belong to other
//! neurons are looked for in `containment.rs`, rounding in `rounding.rs`.

mod common;

use common::onnx::{self, Float, Model, float, int, ints};
use common::oracle;
use common::plan::{Plan, Step, Style};
use common::queries::{self, conjunction, decimal, number, region, row};
use common::sweeps::{self, METHODS};
use fastrand::Rng;
use plimsoll::budget::Budget;
use plimsoll::problem::Candidate;
use plimsoll::search::{self, End, Listener, Progress};
use plimsoll::{Options, Outcome, Reason, Verdict, Verifier, read};
use plimsoll_check::graph::Graph;
use plimsoll_check::number::Rational;
use plimsoll_check::ops::evaluate_exact;
use plimsoll_check::query::{Arithmetic, Disjunct, Query};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

fn ask(graph: &Graph, query: &Query) -> Outcome {
    let options = Options { timeout: Some(Duration::from_secs(20)), ..Options::default() };
    Verifier::new(options).verify(graph, query).unwrap()
}

/// Asks about a plan in float32 and expects the answer that the oracle gives.
fn expect(plan: &Plan, query: &Query, violated: bool) {
    assert_eq!(oracle::decide(plan, query), violated, "the test itself is wrong");
    let outcome = ask(&onnx::model(plan, Float::F32).graph(), query);
    assert!(queries::agrees(plan, query, &outcome, violated), "{outcome:?}");
}

/// Asks a question written as VNN-LIB 1.0 about `y = x`, of as many inputs as outputs.
fn expect_text(dims: usize, assertions: &str, violated: bool) {
    let mut text = String::new();
    for d in 0..dims {
        text += &format!("(declare-const X_{d} Real)(declare-const Y_{d} Real)");
    }
    text += assertions;
    let query = read::query(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut plan = Plan::new(dims);
    let rows: Vec<Vec<f64>> =
        (0..dims).map(|k| (0..dims).map(|d| if d == k { 1.0 } else { 0.0 }).collect()).collect();
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    plan.affine(0, &rows, &vec![0.0; dims]);
    let outcome = ask(&onnx::model(&plan, Float::F32).graph(), &query);
    let right = match &outcome.verdict {
        Verdict::Violated(_) => violated && queries::agrees(&plan, &query, &outcome, true),
        Verdict::Holds => !violated,
        Verdict::Unknown(_) => false,
    };
    assert!(right, "{assertions}: {:?}", outcome.verdict);
}

/// `y >= threshold` about one output.
fn at_least(threshold: Rational) -> plimsoll_check::query::Row {
    row(&[-1.0], threshold, false)
}

/// Large weights that cancel over the reals and swallow the rest in floats (Jia and Rinard; Zombori and others).
#[test]
fn weights_planted_to_cancel() {
    for large in [30, 40, 60, 100] {
        let large = 2f64.powi(large);
        let mut plan = Plan::new(1);
        let up = plan.affine(0, &[&[1.0]], &[large]);
        let up = plan.relu(up);
        let down = plan.affine(up, &[&[1.0], &[-1.0]], &[-large, large]);
        let down = plan.relu(down);
        plan.affine(down, &[&[1.0, -1.0]], &[0.0]);
        let graph = onnx::model(&plan, Float::F32).graph();
        let timeout = Some(Duration::from_millis(300));
        let verifier = Verifier::new(Options { timeout, ..Options::default() });
        for (threshold, violated) in
            [("0.5", true), ("-0.5", true), ("0.99", true), ("1.01", false)]
        {
            let query = conjunction(region(&[0.0], &[1.0]), vec![at_least(decimal(threshold))], 1);
            let outcome = verifier.verify(&graph, &query).unwrap();
            let answered = queries::agrees(&plan, &query, &outcome, violated);
            assert!(answered || large > 2f64.powi(50), "{outcome:?}");
        }
    }
}

/// A verdict over the reals is none about executions in float32.
#[test]
fn real_proofs_are_not_given_for_float_questions() {
    let mut plan = Plan::new(1);
    plan.affine(0, &[&[1.0]], &[0.0]);
    let mut query = conjunction(region(&[0.0], &[1.0]), vec![at_least(decimal("2"))], 1);
    query.arithmetic = Arithmetic::Float32;
    let outcome = ask(&onnx::model(&plan, Float::F32).graph(), &query);
    assert_eq!(outcome.verdict, Verdict::Unknown(Reason::FloatSemantics));
}

/// Margins below the tolerances that solvers work with.
#[test]
fn margins_below_solver_tolerances() {
    let mut plan = Plan::new(2);
    let sum = plan.affine(0, &[&[1.0, 1.0], &[1.0, -1.0]], &[0.0, 0.0]);
    let relu = plan.relu(sum);
    plan.affine(relu, &[&[0.5, 0.5]], &[0.0]);
    for (threshold, violated) in [
        ("0.9999999", true),
        ("1.0000001", false),
        ("0.9999999999", true),
        ("1.0000000001", false),
        ("1", true),
        ("1.0000000000000000001", false),
    ] {
        let rows = vec![at_least(decimal(threshold))];
        expect(&plan, &conjunction(region(&[0.0, -0.5], &[1.0, 0.5]), rows, 1), violated);
    }
}

/// Boxes so small that an input could be taken for fixed, and weights that make it count.
#[test]
fn almost_fixed_inputs_are_not_fixed() {
    for exponent in [20, 40, 60] {
        let (small, large) = (2f64.powi(-exponent), 2f64.powi(exponent));
        let mut plan = Plan::new(1);
        let sum = plan.affine(0, &[&[large]], &[-0.5 * large]);
        let relu = plan.relu(sum);
        plan.affine(relu, &[&[1.0]], &[0.0]);
        let (lower, upper) = ([0.5 - small.min(0.25)], [0.5 + small.max(2f64.powi(-52))]);
        let most = (upper[0] - 0.5) * large;
        let query = |threshold| conjunction(region(&lower, &upper), vec![at_least(threshold)], 1);
        expect(&plan, &query(number(most)), true);
        expect(&plan, &query(&number(most) * &decimal("1.001")), false);
    }
}

/// What one disjunct rules out stays in the region for the others.
#[test]
fn clips_of_one_disjunct_do_not_serve_another() {
    let mut rng = Rng::with_seed(0);
    for _ in 0..40 {
        let plan = queries::network(Style::Dyadic, 2, 8, &mut rng);
        let outputs = plan.len(plan.last());
        let region = queries::random_region(2, &mut rng);
        let mut disjuncts = Vec::new();
        for (k, size) in ["1e-3", "0.01", "1e-3"].into_iter().enumerate() {
            // The middle one can be met, only just.
            let size = if k == 1 { -&decimal(size) } else { decimal(size) };
            let margin = queries::Margin::Exactly(size);
            let rows = vec![queries::random_row(&plan, &region, &margin, &mut rng)];
            disjuncts.push(Disjunct { region: 0, rows });
        }
        for order in [[0, 1, 2], [1, 0, 2], [2, 0, 1], [0, 2, 1]] {
            let some = order.map(|k| disjuncts[k].clone()).to_vec();
            expect(&plan, &queries::query(vec![region.clone()], some, outputs), true);
        }
        let without = vec![disjuncts[0].clone(), disjuncts[2].clone()];
        expect(&plan, &queries::query(vec![region], without, outputs), false);
    }
}

/// The answer to a disjunction does not depend on which member is asked last.
#[test]
fn disjunctions_are_put_together_rightly() {
    let region = "(assert (>= X_0 0)) (assert (<= X_0 1))";
    let members = ["(>= Y_0 0.75)", "(>= Y_0 2)", "(<= Y_0 (- 1))"];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let all: String = order.iter().map(|k| format!("(and {})", members[*k])).collect();
        expect_text(1, &format!("{region} (assert (or {all}))"), true);
        let never: String = order.iter().filter(|k| **k > 0).map(|k| members[*k]).collect();
        expect_text(1, &format!("{region} (assert (or {never}))"), false);
    }
}

/// A conjunct beside a disjunction belongs to every member, wherever it stands.
#[test]
fn conjuncts_beside_a_disjunction_reach_all_members() {
    let region = "(assert (>= X_0 0)) (assert (<= X_0 1))";
    let either = "(assert (or (and (<= Y_0 0.25)) (and (>= Y_0 0.75))))";
    for (beside, violated) in [
        ("(assert (>= Y_0 0.5))", true),
        ("(assert (<= Y_0 0.5))", true),
        ("(assert (>= Y_0 0.5)) (assert (<= Y_0 0.7))", false),
        ("(assert (>= Y_0 0.8)) (assert (<= Y_0 0.9))", true),
        ("(assert (>= X_0 0.3)) (assert (<= X_0 0.7))", false),
        ("(assert (or (>= Y_0 2) (<= Y_0 0.5)))", true),
        ("(assert (or (>= Y_0 2) (and (<= Y_0 0.5) (>= Y_0 0.3))))", false),
    ] {
        expect_text(1, &format!("{region} {beside} {either}"), violated);
        expect_text(1, &format!("{region} {either} {beside}"), violated);
        expect_text(1, &format!("{either} {region} {beside}"), violated);
    }
}

/// Each member of a disjunction has its own box, and keeps what it does not say from outside.
#[test]
fn boxes_of_members_do_not_leak() {
    let outside = "(assert (>= X_0 0)) (assert (<= X_0 4)) (assert (>= X_1 0)) (assert (<= X_1 1))";
    let left = "(and (<= X_0 1) (>= Y_0 2))";
    let right = "(and (>= X_0 3) (<= X_0 3.5) (>= Y_0 3.25))";
    let free = "(and (>= Y_0 3.75) (>= Y_1 1))";
    for (members, violated) in [
        ([left, left], false),
        ([left, right], true),
        ([right, left], true),
        ([left, free], true),
        ([free, left], true),
    ] {
        expect_text(2, &format!("{outside} (assert (or {}))", members.concat()), violated);
    }
    let tight = "(and (>= X_0 3) (<= X_0 3.5) (>= Y_0 3.75))";
    expect_text(2, &format!("{outside} (assert (or {tight}{left}))"), false);
    expect_text(2, &format!("{outside} (assert (or {tight}{free}))"), true);
}

/// `<`, `<=`, `>` and `>=` on inputs and outputs, either way round, at the very boundary.
#[test]
fn strictness_is_kept_on_every_side() {
    let region = "(assert (>= X_0 0)) (assert (<= X_0 1))";
    for (atom, violated) in [
        ("(>= Y_0 1)", true),
        ("(> Y_0 1)", false),
        ("(<= 1 Y_0)", true),
        ("(< 1 Y_0)", false),
        ("(<= Y_0 0)", true),
        ("(< Y_0 0)", false),
        ("(>= 0 Y_0)", true),
        ("(> 0 Y_0)", false),
        ("(>= Y_0 X_0)", true),
        ("(> Y_0 X_0)", false),
        ("(< X_0 Y_0)", false),
        ("(<= X_0 Y_0)", true),
        ("(= Y_0 1)", true),
        ("(= Y_0 1.5)", false),
    ] {
        expect_text(1, &format!("{region} (assert {atom})"), violated);
    }
    for (faces, violated) in
        [("(<= X_0 1)", true), ("(< X_0 1)", false), ("(>= 1 X_0)", true), ("(> 1 X_0)", false)]
    {
        expect_text(
            1,
            &format!("(assert (>= X_0 0)) (assert {faces}) (assert (>= Y_0 1))"),
            violated,
        );
    }
    for (faces, violated) in [("(>= X_0 0)", true), ("(> X_0 0)", false), ("(< 0 X_0)", false)] {
        expect_text(
            1,
            &format!("(assert (<= X_0 1)) (assert {faces}) (assert (<= Y_0 0))"),
            violated,
        );
    }
}

/// No time, little time, and a run that is called off: never an answer that is wrong.
#[test]
fn limits_are_no_proofs() {
    let mut rng = Rng::with_seed(3);
    for _ in 0..6 {
        let plan = queries::network(Style::Plain, 3, 10, &mut rng);
        let region = queries::random_region(3, &mut rng);
        let outputs = plan.len(plan.last());
        for size in ["1e-9", "-1e-9"] {
            let margin = queries::Margin::Exactly(decimal(size));
            let rows = vec![queries::random_row(&plan, &region, &margin, &mut rng)];
            let query = conjunction(region.clone(), rows, outputs);
            let truth = oracle::decide(&plan, &query);
            let graph = onnx::model(&plan, Float::F32).graph();
            for micros in [0, 50, 200, 1000, 5000] {
                let timeout = Some(Duration::from_micros(micros));
                let options = Options { timeout, ..Options::default() };
                let outcome = Verifier::new(options).verify(&graph, &query).unwrap();
                queries::agrees(&plan, &query, &outcome, truth);
            }
            let flag = Arc::new(AtomicBool::new(true));
            let verifier = Verifier::new(Options::default()).cancel_with(flag);
            let outcome = verifier.verify(&graph, &query).unwrap();
            assert_ne!(outcome.verdict, Verdict::Holds);
        }
    }
}

/// Exact numbers grow with every layer: what would take minutes is given up.
#[test]
fn exact_arithmetic_is_given_up_in_time() {
    let mut rng = Rng::with_seed(1);
    let mut plan = Plan::new(3);
    let mut from = 0;
    for width in [16, 16, 16, 16, 1] {
        let columns = plan.len(from) as u32;
        let weight = |rng: &mut Rng| f64::from(Style::Plain.weight(columns as usize, rng) as f32);
        let line = |rng: &mut Rng| (0..columns).map(|column| (column, weight(rng))).collect();
        let lines = (0..width).map(|_| line(&mut rng)).collect();
        let terms = vec![(from, lines)];
        from = plan.push(Step::Affine { terms, slack: Vec::new(), bias: vec![0.01; width] });
        if width > 1 {
            from = plan.relu(from);
        }
    }
    let start = Instant::now();
    let rows = [row(&[1.0], decimal("0.5"), true)];
    let cube = region(&[-1.0; 3], &[1.0; 3]);
    plimsoll::bound::exact::refutes(&plan.network(), &cube, &rows, &[1.0]);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

/// Gemm with either side transposed, Transpose, negative axes: values worked out by hand.
#[test]
fn operators_mean_what_the_standard_says() {
    let value = |build: &dyn Fn(&mut Model), shape: &[usize], x: &[f64]| -> Vec<Rational> {
        let mut model = Model::new(Float::F32);
        model.input("x", shape);
        build(&mut model);
        model.output("y");
        let graph = model.graph();
        let point: Vec<Rational> = x.iter().map(|x| number(*x)).collect();
        let outputs = evaluate_exact(&graph, &[point]).unwrap().concat();
        // The swept network agrees, at a point box.
        let network = plimsoll::ops::lower(&graph).unwrap();
        let boxes = sweeps::single(x, x);
        let frame = sweeps::frame(&network, &boxes);
        for method in METHODS {
            let (bounds, _) = sweeps::bounds(&network, &frame, &boxes, None, method);
            let last = bounds.last().unwrap();
            for (k, y) in outputs.iter().enumerate() {
                assert!(number(last.lower[k]) <= *y && *y <= number(last.upper[k]), "{method:?}");
                assert!(last.upper[k] - last.lower[k] < 1.0e-9, "{method:?}");
            }
        }
        outputs
    };
    let integers = |values: &[i64]| values.iter().map(|v| Rational::from(*v)).collect::<Vec<_>>();
    let gemm = |trans_a: i64, trans_b: i64| {
        move |model: &mut Model| {
            let shape = if trans_b == 1 { [3, 2] } else { [2, 3] };
            model.weights("w", &shape, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            model.weights("c", &[3], &[10.0, 20.0, 30.0]);
            let attributes = vec![int("transA", trans_a), int("transB", trans_b)];
            model.node("Gemm", &["x", "w", "c"], &["y"], attributes);
        }
    };
    // [1 2; 3 4] times [1 2 3; 4 5 6], or times [1 3 5; 2 4 6].
    let x = [1.0, 2.0, 3.0, 4.0];
    assert_eq!(value(&gemm(0, 0), &[2, 2], &x), integers(&[19, 32, 45, 29, 46, 63]));
    assert_eq!(value(&gemm(1, 0), &[2, 2], &x), integers(&[23, 37, 51, 28, 44, 60]));
    assert_eq!(value(&gemm(0, 1), &[2, 2], &x), integers(&[15, 31, 47, 21, 45, 69]));
    assert_eq!(value(&gemm(1, 1), &[2, 2], &x), integers(&[17, 35, 53, 20, 42, 64]));
    let left = |model: &mut Model| {
        model.weights("w", &[1, 2], &[1.0, -1.0]);
        model.node("MatMul", &["w", "x"], &["y"], vec![]);
    };
    assert_eq!(value(&left, &[2, 2], &x), integers(&[-2, -2]));
    let turned = |model: &mut Model| {
        model.node("Transpose", &["x"], &["y"], vec![ints("perm", &[1, 0])]);
    };
    assert_eq!(value(&turned, &[2, 2], &x), integers(&[1, 3, 2, 4]));
    let joined = |model: &mut Model| {
        model.node("Concat", &["x", "x"], &["y"], vec![int("axis", -1)]);
    };
    assert_eq!(value(&joined, &[2, 2], &x), integers(&[1, 2, 1, 2, 3, 4, 3, 4]));
    let stretched = |model: &mut Model| {
        model.weights("w", &[2, 1], &[10.0, 20.0]);
        model.node("Sub", &["w", "x"], &["y"], vec![]);
    };
    assert_eq!(value(&stretched, &[2, 2], &x), integers(&[9, 8, 17, 16]));
}

/// A negative region is said to be empty; a region that is not is never called vacuous.
#[test]
fn only_empty_regions_are_vacuous() {
    for (faces, vacuous) in [
        ("(>= X_0 1) (<= X_0 0)", true),
        ("(> X_0 1) (<= X_0 1)", true),
        ("(>= X_0 1) (<= X_0 1)", false),
        ("(>= X_0 0.1) (<= X_0 0.10000000000000000001)", false),
        ("(>= X_0 0.10000000000000000001) (<= X_0 0.1)", true),
    ] {
        let text = format!(
            "(declare-const X_0 Real)(declare-const Y_0 Real)
             (assert (and {faces} (>= Y_0 0.05)))"
        );
        let query = read::query(text.as_bytes()).unwrap();
        let mut plan = Plan::new(1);
        plan.affine(0, &[&[1.0]], &[0.0]);
        let outcome = ask(&onnx::model(&plan, Float::F32).graph(), &query);
        assert_eq!(outcome.vacuous, vacuous, "{faces}");
        assert_eq!(outcome.verdict == Verdict::Holds, vacuous, "{faces}: {:?}", outcome.verdict);
    }
}

/// Inputs of zero width, some of them and all of them.
#[test]
fn fixed_inputs_are_points_not_contradictions() {
    let mut plan = Plan::new(2);
    let sum = plan.affine(0, &[&[1.0, 1.0], &[1.0, -1.0]], &[0.0, 0.25]);
    let relu = plan.relu(sum);
    plan.affine(relu, &[&[1.0, 1.0]], &[0.0]);
    // x = (1, 0.5): 1.5 + 0.75.
    for (lower, upper) in [([1.0, 0.5], [1.0, 0.5]), ([1.0, 0.25], [1.0, 0.5])] {
        for (threshold, violated) in [("2.25", true), ("2.2500001", false)] {
            let rows = vec![at_least(decimal(threshold))];
            expect(&plan, &conjunction(region(&lower, &upper), rows, 1), violated);
        }
    }
}

/// A counterexample lies in the box even where the box is narrower than any usual tolerance.
#[test]
fn counterexamples_lie_inside_narrow_boxes() {
    for width in ["1e-6", "1e-12", "1e-18", "1e-30"] {
        let mut region = region(&[0.0, 0.0], &[1.0, 1.0]);
        for d in 0..2 {
            region.lower[d].value = decimal("0.1");
            region.upper[d].value = &decimal("0.1") + &decimal(width);
        }
        let mut plan = Plan::new(2);
        let sum = plan.affine(0, &[&[1.0, 1.0]], &[0.0]);
        let relu = plan.relu(sum);
        plan.affine(relu, &[&[1.0]], &[0.0]);
        let upper = &region.upper[0].value + &region.upper[1].value;
        for (threshold, violated) in [(upper.clone(), true), (&upper + &decimal("1e-40"), false)] {
            let query = conjunction(region.clone(), vec![at_least(threshold.clone())], 1);
            expect(&plan, &query, violated);
        }
    }
}

/// Constants that the model computes are neither rounded nor dropped.
#[test]
fn constants_are_folded_exactly() {
    let mut model = Model::new(Float::F32);
    model.input("x", &[1, 1]);
    model.weights("one", &[1], &[1.0]);
    model.weights("three", &[1], &[3.0]);
    model.node("Div", &["one", "three"], &["third"], vec![]);
    model.node("Mul", &["x", "third"], &["m"], vec![]);
    model.node("Relu", &["m"], &["r"], vec![]);
    model.weights("w", &[1, 1], &[1.0]);
    model.weights("zero", &[1], &[0.0]);
    let attributes = vec![float("alpha", 1.0)];
    model.node("Gemm", &["r", "w", "zero"], &["y"], attributes);
    model.output("y");
    let graph = model.graph();
    for (threshold, strict, answer) in [
        ("1", false, Some(true)),
        ("0.5", true, Some(true)),
        ("1", true, None),
        ("1.0001", false, Some(false)),
    ] {
        let rows = vec![row(&[-1.0], decimal(threshold), strict)];
        let outcome = ask(&graph, &conjunction(region(&[0.0], &[3.0]), rows, 1));
        match (answer, &outcome.verdict) {
            (Some(true), Verdict::Violated(found)) => {
                let y = &found.inputs[0] * &Rational::ONE.checked_div(&Rational::from(3)).unwrap();
                assert!(y >= decimal(threshold));
            }
            (Some(false) | None, Verdict::Holds) | (None, Verdict::Unknown(_)) => {}
            other => panic!("{threshold} {strict}: {other:?}"),
        }
    }
}

/// Collects nothing and closes nothing.
struct Deaf;

impl Listener for Deaf {
    fn progress(&self, _: &Progress) {}
    fn confirm(&mut self, _: &[Candidate]) -> bool {
        false
    }
    fn close_exactly(&self, _: &[f64], _: &[f64], _: u32, _: &[f64]) -> bool {
        false
    }
}

/// Every way of bounding, every size of chunk, and so little memory that bounds are not inherited.
#[test]
fn settings_do_not_matter_for_the_truth() {
    let mut closed = 0;
    for seed in 0..20 {
        let mut rng = Rng::with_seed(seed);
        let plan = queries::network(Style::Plain, 2, 9, &mut rng);
        let query_region = region(&[-1.0, -1.0], &[1.0, 1.0]);
        let sign = [1, 1, -1][rng.usize(0..3)];
        let size = &Rational::from(sign) * &decimal(["0.02", "1e-4"][rng.usize(0..2)]);
        let disjuncts: Vec<Disjunct> = (0..2)
            .map(|_| {
                let margin = queries::Margin::Exactly(size.clone());
                let row = || queries::random_row(&plan, &query_region, &margin, &mut rng);
                Disjunct { region: 0, rows: std::iter::repeat_with(row).take(2).collect() }
            })
            .collect();
        let query = queries::query(vec![query_region], disjuncts, plan.len(plan.last()));
        let truth = oracle::decide(&plan, &query);
        let network = plan.network();
        let boxes = sweeps::single(&[-1.0, -1.0], &[1.0, 1.0]);
        let frame = sweeps::frame(&network, &boxes);
        let problem = sweeps::Problem::new(&network, frame, boxes, &query);
        for method in METHODS {
            for (chunk, chunks, memory) in [(1, 1, 0), (7, 3, 100_000), (64, 8, 1 << 30)] {
                let settings = sweeps::settings(method, chunk, chunks, memory);
                let budget = Budget::new(None);
                let (end, _, _) = search::search(&problem, &settings, &budget, &mut Deaf);
                assert!(end != End::Closed || !truth, "seed {seed}, {settings:?}");
                closed += usize::from(end == End::Closed);
            }
        }
    }
    assert!(closed > 100, "{closed} searches were closed");
}
