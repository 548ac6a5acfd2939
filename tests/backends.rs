//! Back-ends: what solvers say is refused where it is wrong, and the ways to decide agree with each other
//! and with an exact oracle.

#![allow(clippy::print_stdout)]

mod common;
#[path = "backends/lies.rs"]
mod lies;

use common::onnx::{self, Float};
use common::oracle;
use common::plan::{self, Plan, Step, Style};
use common::queries::{self, Margin};
use fastrand::Rng;
use plimsoll::attack::{Judgement, judge, judge_exact};
use plimsoll::backend::lp::{self, Program, Sense};
use plimsoll::backend::milp::{self, Effort, Said, Solver};
use plimsoll::backend::{Decision, Referee, smtlib};
use plimsoll::bound::{Boxes, Frame, Intermediate, Workspace, propagate};
use plimsoll::budget::Budget;
use plimsoll::net::Network;
use plimsoll::problem::{Candidate, Problem};
use plimsoll::{Backend, Options, Reason, Semantics, Verdict, Verifier};
use plimsoll_check::graph::Graph;
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Arithmetic, Disjunct, Query};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A random network that goes through bytes, and a query about it.
fn random(seed: u64, sizes: [&'static str; 3]) -> (Plan, Query) {
    let mut rng = Rng::with_seed(seed);
    let style = [Style::Dyadic, Style::Plain][rng.usize(0..2)];
    let inputs = rng.usize(1..=3);
    let neurons = rng.usize(1..=[16, 12, 8][inputs - 1]);
    let mut plan = queries::network(style, inputs, neurons, &mut rng);
    if rng.u8(0..3) == 0 {
        largest(&mut plan);
    }
    let region = queries::random_region(inputs, &mut rng);
    let rows = (0..[1, 1, 2][rng.usize(0..3)])
        .map(|_| {
            let size = queries::decimal(sizes[rng.usize(0..3)]);
            let margin = match rng.u8(0..6) {
                0 => Margin::Ulps(rng.i32(-1..=1)),
                1 => Margin::Exactly(Rational::ZERO),
                2 | 3 => Margin::Exactly(-&size),
                _ => Margin::Exactly(size),
            };
            queries::random_row(&plan, &region, &margin, &mut rng)
        })
        .collect();
    let query =
        queries::query(vec![region], vec![Disjunct { region: 0, rows }], plan.len(plan.last()));
    (plan, query)
}

/// Appends the greatest of the first two outputs, as a pool is lowered: `a + relu(b - a)`.
fn largest(plan: &mut Plan) {
    let last = plan.last();
    let outputs = plan.len(last);
    if outputs < 2 {
        return;
    }
    let difference = plan.push(Step::Affine {
        terms: vec![(last, vec![vec![(0, -1.0), (1, 1.0)]])],
        slack: Vec::new(),
        bias: vec![0.0],
    });
    let positive = plan.relu(difference);
    plan.push(Step::Affine {
        terms: vec![
            (last, vec![vec![(0, 1.0)], vec![(1, 1.0)]]),
            (positive, vec![vec![(0, 1.0)], vec![]]),
        ],
        slack: Vec::new(),
        bias: vec![0.0, 0.0],
    });
}

/// A referee that judges as the library does.
struct Court<'a> {
    graph: &'a Graph,
    query: &'a Query,
    confirmed: Option<Vec<Rational>>,
}

impl Court<'_> {
    fn keep(&mut self, judgement: Judgement) -> bool {
        let Judgement::Violates(found) = judgement else { return false };
        self.confirmed = Some(found.inputs);
        true
    }
}

impl Referee for Court<'_> {
    fn confirm(&mut self, candidate: &Candidate) -> bool {
        let disjunct = candidate.disjunct as usize;
        self.keep(judge(self.graph, None, self.query, disjunct, &candidate.point))
    }

    fn confirm_exactly(&mut self, disjunct: u32, inputs: &[Rational]) -> bool {
        self.keep(judge_exact(self.graph, None, self.query, disjunct as usize, inputs))
    }
}

fn boxes(query: &Query) -> Boxes {
    let mut boxes = Boxes::new(query.input_count());
    for region in &query.regions {
        let lower: Vec<f64> = region.lower.iter().map(|f| f.value.to_f64_down()).collect();
        let upper: Vec<f64> = region.upper.iter().map(|f| f.value.to_f64_up()).collect();
        boxes.push(&lower, &upper);
    }
    boxes
}

fn problem<'a>(network: &'a Network, query: &Query) -> Problem<'a> {
    let boxes = boxes(query);
    let mut work = Workspace::default();
    let (bounds, _) = propagate(network, None, &boxes, None, Intermediate::Interval, &mut work);
    Problem::new(network, Frame::new(network, &bounds), boxes, query)
}

fn program(problem: &Problem) -> Program {
    let method = Intermediate::All { keep: 8 };
    let mut work = Workspace::default();
    let (network, frame) = (problem.network, Some(&problem.frame));
    let (bounds, relaxations) = propagate(network, frame, &problem.boxes, None, method, &mut work);
    lp::encode(network, &bounds, &relaxations)
}

/// The exact values of a program's variables at a point: equations define pre-activations, phases the rest.
fn solution(program: &Program, inputs: &[Rational]) -> Vec<Option<Rational>> {
    let number = queries::number;
    let mut values: Vec<Option<Rational>> = vec![None; program.variables.len()];
    for (value, input) in values.iter_mut().zip(inputs) {
        *value = Some(input.clone());
    }
    for _ in 0..program.constraints.len() + program.phases.len() {
        for constraint in program.constraints.iter().filter(|c| c.sense == Sense::Equal) {
            let (target, _) = constraint.terms[0];
            let mut sum = Some(-&number(constraint.bound));
            for (column, coefficient) in &constraint.terms[1..] {
                sum = match (sum, &values[*column as usize]) {
                    (Some(sum), Some(value)) => Some(&sum + &(&number(*coefficient) * value)),
                    _ => None,
                };
            }
            values[target as usize] = sum;
        }
        for phase in &program.phases {
            if let Some(before) = values[phase.before as usize].clone() {
                let active = before.signum() > 0;
                values[phase.indicator as usize] = Some(Rational::from(i64::from(active)));
                values[phase.after as usize] = Some(before.relu());
            }
        }
    }
    values
}

#[test]
fn points_of_the_network_are_solutions_of_its_program() {
    let mut phases = 0;
    for seed in 0..200 {
        let (plan, query) = random(seed, ["1", "0.1", "1e-9"]);
        let network = plan.network();
        let problem = problem(&network, &query);
        let program = program(&problem).with_goals(&problem, 0);
        phases += program.phases.len();
        let mut rng = Rng::with_seed(seed);
        for _ in 0..5 {
            let region = &query.regions[0];
            let inputs: Vec<Rational> = region
                .lower
                .iter()
                .zip(&region.upper)
                .map(|(l, u)| {
                    let share = Rational::from_f64(rng.f64()).unwrap();
                    &l.value + &(&share * &(&u.value - &l.value))
                })
                .collect();
            let outputs = oracle::evaluate(&plan, &inputs);
            let violates = query.disjuncts[0]
                .rows
                .iter()
                .all(|row| row.value(&inputs, &outputs).signum() <= 0);
            let values = solution(&program, &inputs);
            for (value, ends) in values.iter().zip(&program.variables) {
                let value = value.as_ref().expect("every variable is defined");
                assert!(queries::number(ends.lower) <= *value, "{seed}");
                assert!(queries::number(ends.upper) >= *value, "{seed}");
            }
            for (i, constraint) in program.constraints.iter().enumerate() {
                let mut sum = -&queries::number(constraint.bound);
                for (column, coefficient) in &constraint.terms {
                    let value = values[*column as usize].as_ref().unwrap();
                    sum += &(&queries::number(*coefficient) * value);
                }
                let holds = match constraint.sense {
                    Sense::AtMost => sum.signum() <= 0,
                    Sense::Equal => sum.is_zero(),
                };
                assert!(holds || (program.goals.contains(&i) && !violates), "{seed}, row {i}");
            }
        }
    }
    assert!(phases > 100, "{phases} open neurons are no sample");
}

/// Curved functions and products are enclosed by their lines and planes: true points are no contradiction.
#[test]
fn programs_enclose_what_is_not_piecewise_linear() {
    let mut rows = 0;
    for seed in 0..200 {
        let mut rng = Rng::with_seed(seed);
        let inputs = rng.usize(1..4);
        let plan = plan::curved(Style::Dyadic, inputs, 7, &mut rng);
        if plan.steps.iter().any(|step| matches!(step, Step::Relu(_))) {
            continue;
        }
        let inputs = plan.inputs();
        let region = queries::region(&vec![-0.5; inputs], &vec![0.75; inputs]);
        let query = queries::conjunction(
            region,
            vec![queries::row(&[1.0], Rational::ZERO, false)],
            plan.len(plan.last()),
        );
        let network = plan.network();
        let problem = problem(&network, &query);
        let program = program(&problem);
        rows += program.constraints.len();
        let point: Vec<f64> = (0..inputs).map(|_| -0.5 + 1.25 * rng.f64()).collect();
        let values = network.evaluate(&point, 1);
        // In program order the variables of a node that is no relu are its elements.
        let mut at = 0;
        let mut flat = vec![0.0; program.variables.len()];
        for (index, node) in network.nodes.iter().enumerate() {
            flat[at..at + node.len].copy_from_slice(&values[index]);
            at += node.len;
        }
        assert_eq!(at, flat.len());
        for constraint in &program.constraints {
            let sum: f64 = constraint.terms.iter().map(|(v, a)| a * flat[*v as usize]).sum();
            let size: f64 =
                constraint.terms.iter().map(|(v, a)| (a * flat[*v as usize]).abs()).sum();
            // Evaluated in floats, so up to rounding; the offsets themselves are tested exactly elsewhere.
            let slack = 1e-9 * (1.0 + size + constraint.bound.abs());
            match constraint.sense {
                Sense::AtMost => assert!(sum <= constraint.bound + slack, "{seed} {constraint:?}"),
                Sense::Equal => assert!((sum - constraint.bound).abs() <= slack, "{seed}"),
            }
        }
    }
    assert!(rows > 300);
}

fn options(backend: Backend) -> Options {
    Options {
        backend,
        boxes: Some(4000),
        threads: Some(1),
        timeout: Some(Duration::from_secs(60)),
        ..Options::default()
    }
}

/// The margin below which a mixed-integer solver's multipliers need not prove anything, for values of the order
/// of 1 to 10.
const TOLERANCE: &str = "1e-9";

/// On 400 random queries no two ways contradict each other or the truth; what is left open is counted.
#[test]
fn the_ways_to_decide_agree() {
    let ways: Vec<Backend> =
        [Backend::Bab, Backend::Milp, Backend::Smt, Backend::Auto, Backend::Portfolio]
            .into_iter()
            .filter(|way| way.is_available())
            .collect();
    let mut open = vec![[0usize; 2]; ways.len()];
    let mut asked = [0; 2];
    for seed in 0..400 {
        let (plan, query) = random(100_000 + seed, ["0.5", "1e-3", "1e-7"]);
        let truth = oracle::decide(&plan, &query);
        asked[usize::from(truth)] += 1;
        let float = [Float::F32, Float::F64][(seed % 2) as usize];
        let graph = onnx::model(&plan, float).graph();
        let case = &query.disjuncts[0];
        let margin = oracle::least_greatest(&plan, &query.regions[0], &case.rows).abs();
        for (way, open) in ways.iter().zip(&mut open) {
            let outcome = Verifier::new(options(*way)).verify(&graph, &query).unwrap();
            let answered = queries::agrees(&plan, &query, &outcome, truth);
            assert!(outcome.holes.is_empty() || truth || !answered || *way != Backend::Milp);
            if !answered {
                open[usize::from(truth)] += 1;
                match way {
                    Backend::Smt => panic!("seed {seed}: z3 is exact: {outcome:?}"),
                    Backend::Milp => {
                        let near = margin < queries::decimal(TOLERANCE);
                        assert!(near, "seed {seed}: open at a margin of {margin}: {outcome:?}");
                    }
                    _ => {}
                }
            }
        }
    }
    for (way, open) in ways.iter().zip(&open) {
        println!(
            "{}: of {} that hold, {} open; of {} violated, {} open",
            way.name(),
            asked[0],
            open[0],
            asked[1],
            open[1]
        );
        // A third of all margins is zero or one unit in the last place, which no float multiplier can prove.
        assert!(2 * open[0] <= asked[0] && 5 * open[1] <= asked[1], "{way:?} leaves too much open");
    }
    assert!(asked.iter().all(|count| *count >= 80), "{asked:?} is no fair sample");
}

/// The embedded solver proves and finds as well, with multipliers from a dual program.
#[test]
fn the_embedded_solver_agrees() {
    let Some(solver) = milp::embedded() else {
        println!("skipped: built without the feature milp");
        return;
    };
    let mut answered = [0; 2];
    for seed in 0..100 {
        let (plan, query) = random(200_000 + seed, ["0.5", "0.1", "1e-3"]);
        let truth = oracle::decide(&plan, &query);
        let graph = onnx::model(&plan, Float::F64).graph();
        let network = plan.network();
        let problem = problem(&network, &query);
        let mut court = Court { graph: &graph, query: &query, confirmed: None };
        let budget = Budget::new(Some(Duration::from_secs(60)));
        let found = milp::decide(
            &problem,
            solver.as_ref(),
            Effort::default(),
            &mut court,
            &budget,
            &mut Vec::new(),
        );
        match found {
            Decision::Holds => assert!(!truth, "{seed}"),
            Decision::Confirmed => {
                assert!(truth, "{seed}");
                let point = court.confirmed.unwrap();
                assert!(query.regions[0].contains(&point));
                let outputs = oracle::evaluate(&plan, &point);
                assert!(
                    query.disjuncts[0]
                        .rows
                        .iter()
                        .all(|row| row.holds_at(&row.value(&point, &outputs)))
                );
            }
            _ => continue,
        }
        answered[usize::from(truth)] += 1;
    }
    println!("answered: {answered:?}");
    assert!(answered[0] >= 25 && answered[1] >= 25, "{answered:?} of 100 answered");
}

#[test]
fn a_missing_back_end_is_an_error_that_says_what_to_do() {
    let (plan, query) = random(0, ["1", "1", "1"]);
    let graph = onnx::model(&plan, Float::F32).graph();
    for backend in [Backend::Milp, Backend::Smt] {
        let answer = Verifier::new(options(backend)).verify(&graph, &query);
        assert_eq!(answer.is_ok(), backend.is_available());
        if let Err(error) = answer {
            assert_eq!(error.kind, plimsoll::Kind::UnsupportedQuery);
            assert!(error.message.contains(backend.name()), "{error}");
            assert!(error.help.unwrap().contains(&format!("--features {}", backend.name())));
        }
    }
}

#[test]
fn no_back_end_answers_about_float32() {
    let (plan, mut query) = random(0, ["1", "1", "1"]);
    let graph = onnx::model(&plan, Float::F32).graph();
    for typed in [false, true] {
        let mut options = options(Backend::Portfolio);
        if typed {
            query.arithmetic = Arithmetic::Float32;
        } else {
            options.semantics = Semantics::Float32;
        }
        for backend in [Backend::Milp, Backend::Smt] {
            if backend.is_available() {
                options.backend = backend;
                let outcome = Verifier::new(options.clone()).verify(&graph, &query).unwrap();
                assert_eq!(outcome.verdict, Verdict::Unknown(Reason::FloatSemantics));
            }
        }
    }
}

/// A flag that is raised from outside, or a time limit, ends a solver in the middle of its work.
#[test]
fn solvers_stop_when_they_are_told_to() {
    const SHORT: Duration = Duration::from_millis(300);
    let mut rng = Rng::with_seed(5);
    let plan = plan_of_layers(&[12, 60, 60, 1], &mut rng);
    let graph = onnx::model(&plan, Float::F64).graph();
    let network = plan.network();
    let points: Vec<f64> = (0..12 * 4000).map(|_| 2.0 * rng.f64() - 1.0).collect();
    let values = network.evaluate(&points, 4000).pop().unwrap();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let run = |backend, share: f64, limit: Option<Duration>| {
        // Below all that was sampled, and so hard to find; above what a bound says, and so hard to exclude.
        let threshold = least - share * (most - least);
        let row = queries::row(&[1.0], queries::number(-threshold), false);
        let region = queries::region(&[-1.0; 12], &[1.0; 12]);
        let query = queries::conjunction(region, vec![row], 1);
        let flag = Arc::new(AtomicBool::new(false));
        let options = Options { backend, timeout: limit, ..Options::default() };
        let started = Instant::now();
        let outcome = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(SHORT);
                flag.store(limit.is_none(), Ordering::Relaxed);
            });
            Verifier::new(options).cancel_with(flag.clone()).verify(&graph, &query).unwrap()
        });
        let taken = started.elapsed();
        assert!(taken < Duration::from_secs(10), "{backend:?} took {taken:?}");
        outcome.verdict
    };
    for backend in [Backend::Milp, Backend::Smt] {
        if !backend.is_available() {
            println!("skipped: {}", backend.name());
            continue;
        }
        let hard = [0.3, 0.5, 0.7, 1.0, 1.5]
            .into_iter()
            .find(|share| run(backend, *share, Some(SHORT)) == Verdict::Unknown(Reason::Timeout));
        let hard = hard.expect("some threshold takes longer than the limit");
        assert_eq!(run(backend, hard, None), Verdict::Unknown(Reason::Interrupted), "{backend:?}");
    }
}

/// A random network of dense layers with relus between them.
fn plan_of_layers(widths: &[usize], rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(widths[0]);
    for (layer, pair) in widths.windows(2).enumerate() {
        let from = if layer == 0 { 0 } else { plan.relu(plan.last()) };
        let mut line = || -> Vec<(u32, f64)> {
            (0..pair[0] as u32).map(|j| (j, Style::Plain.weight(pair[0], rng))).collect()
        };
        let lines = (0..pair[1]).map(|_| line()).collect();
        let bias = vec![0.1; pair[1]];
        plan.push(Step::Affine { terms: vec![(from, lines)], slack: Vec::new(), bias });
    }
    plan
}

/// What a function of its own makes of SMT-LIB texts: `sat` or `unsat`, one a line.
const PYTHON: &str = "
import sys, z3
for text in sys.stdin.read().split('(check-sat)')[:-1]:
    solver = z3.SolverFor('QF_LRA')
    solver.add(z3.parse_smt2_string(text))
    print(solver.check())
";

/// z3's Python package reads the exported texts and says of each what the oracle says.
#[test]
fn exported_texts_are_satisfiable_exactly_where_a_counterexample_exists() {
    let wheels = Path::new(env!("CARGO_MANIFEST_DIR")).join(".solvers/wheels");
    let python = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command.args(arguments).env("PYTHONPATH", &wheels);
        command
    };
    if !python(&["-c", "import z3"]).output().is_ok_and(|done| done.status.success()) {
        println!("skipped: python3 has no z3; scripts/setup fetches it");
        return;
    }
    let mut texts = String::new();
    let mut truths = Vec::new();
    for seed in 0..60 {
        let (plan, query) = random(300_000 + seed, ["0.5", "1e-3", "1e-7"]);
        texts += &smtlib::whole(&plan.network(), &query).unwrap();
        truths.push(if oracle::decide(&plan, &query) { "sat" } else { "unsat" });
    }
    let file = std::env::temp_dir().join(format!("plimsoll-smtlib-{}", std::process::id()));
    std::fs::write(&file, texts).unwrap();
    let done = python(&["-c", PYTHON]).stdin(std::fs::File::open(&file).unwrap()).output().unwrap();
    let _ = std::fs::remove_file(&file);
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        truths,
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(truths.contains(&"sat") && truths.contains(&"unsat"));
}

#[test]
fn networks_that_no_text_can_express_are_refused_by_name() {
    let mut plan = Plan::new(1);
    plan.push(Step::Affine {
        terms: vec![(0, vec![vec![(0, 1.0)]])],
        slack: vec![(0, vec![vec![(0, 1e-17)]])],
        bias: vec![0.0],
    });
    let region = queries::region(&[0.0], &[1.0]);
    let query = queries::conjunction(region, vec![queries::row(&[1.0], Rational::ZERO, false)], 1);
    let error = smtlib::whole(&plan.network(), &query).unwrap_err();
    assert!(error.message.contains("step 1") && error.message.contains("rounding"), "{error}");
}
