//! Solvers that lie: what they say is refused.

use super::*;
use plimsoll::backend::tree::{Relaxation, Relaxed};
use std::cell::RefCell;

/// A solver that says what it was told to.
struct Stub {
    said: Said,
    relaxed: Option<Relaxed>,
    /// Whether it uses up the budget before it answers.
    late: bool,
    asked: RefCell<usize>,
}

impl Stub {
    fn new(said: Said, relaxed: Option<Relaxed>) -> Stub {
        Stub { said, relaxed, late: false, asked: RefCell::new(0) }
    }
}

impl Solver for Stub {
    fn name(&self) -> &'static str {
        "stub"
    }

    fn integral(&self, _: &Program, _: Duration, budget: &Budget) -> Said {
        *self.asked.borrow_mut() += 1;
        if self.late {
            budget.cancel();
        }
        self.said.clone()
    }

    fn relaxation<'p>(&self, _: &'p Program) -> Box<dyn Relaxation + 'p> {
        Box::new(Says(self.relaxed.clone()))
    }
}

struct Says(Option<Relaxed>);

impl Relaxation for Says {
    fn solve(&mut self, _: &[f64], _: &[f64], _: &Budget) -> Option<Relaxed> {
        self.0.clone()
    }
}

/// What comes of a stub's word, and whether a counterexample was confirmed.
fn outcome_of(stub: &Stub, plan: &Plan, query: &Query) -> (Decision, bool) {
    let graph = onnx::model(plan, Float::F64).graph();
    let network = plan.network();
    let problem = problem(&network, query);
    let mut court = Court { graph: &graph, query, confirmed: None };
    let budget = Budget::new(None);
    // The solver's own search comes first.
    let effort = Effort { small: 0, share: 2, brief: false };
    let decision = milp::decide(&problem, stub, effort, &mut court, &budget, &mut Vec::new());
    (decision, court.confirmed.is_some())
}

/// A network with open neurons, and a query on which the exact oracle says `truth`.
fn example(truth: bool, nth: usize) -> (Plan, Query, Program) {
    let mut found =
        (0..4000).map(|seed| random(seed, ["0.5", "0.1", "0.01"])).filter_map(|(plan, query)| {
            let network = plan.network();
            let problem = problem(&network, &query);
            let program = program(&problem).with_goals(&problem, 0);
            let fits = (1..=4).contains(&program.phases.len())
                && oracle::decide(&plan, &query) == truth
                && oracle::minimum(&plan, &query.regions[0], &query.disjuncts[0].rows[0]).abs()
                    > queries::decimal("1e-6");
            fits.then_some((plan, query, program))
        });
    found.nth(nth).expect("some seed gives an example")
}

#[test]
fn infeasible_is_not_believed() {
    for nth in 0..5 {
        for truth in [true, false] {
            let (plan, query, program) = example(truth, nth);
            // Nothing but the word; then with multipliers that prove nothing.
            let rows = program.constraints.len();
            let mut relaxed = vec![None, Some(Relaxed::default())];
            for value in [0.0, 1.0, -1.0, 1e300, f64::NAN, f64::INFINITY] {
                relaxed.push(Some(Relaxed { multipliers: vec![value; rows], point: None }));
                relaxed.push(Some(Relaxed { multipliers: vec![value; rows + 1], point: None }));
            }
            for relaxed in relaxed {
                let stub = Stub::new(Said::Infeasible, relaxed);
                let (decision, _) = outcome_of(&stub, &plan, &query);
                assert!(*stub.asked.borrow() == 1);
                // Equal multipliers may happen to be a proof where there is one; never where there is none.
                if truth {
                    assert!(matches!(decision, Decision::Undecided(_)), "{decision:?}");
                } else {
                    assert!(!matches!(decision, Decision::Confirmed), "{decision:?}");
                }
            }
        }
    }
}

#[test]
fn wrong_multipliers_do_not_close_a_satisfiable_query() {
    let mut rng = Rng::with_seed(1);
    for nth in 0..5 {
        let (plan, query, program) = example(true, nth);
        for _ in 0..200 {
            let multipliers = program
                .constraints
                .iter()
                .map(|_| (2.0 * rng.f64() - 1.0) * 10f64.powi(rng.i32(-8..9)))
                .collect();
            let stub = Stub::new(Said::Infeasible, Some(Relaxed { multipliers, point: None }));
            let (decision, _) = outcome_of(&stub, &plan, &query);
            assert!(matches!(decision, Decision::Undecided(_)), "{decision:?}");
        }
    }
}

#[test]
fn wrong_points_are_no_counterexamples() {
    for nth in 0..5 {
        let (plan, query, program) = example(false, nth);
        let centre: Vec<f64> =
            program.variables.iter().map(|v| 0.5 * v.lower + 0.5 * v.upper).collect();
        let outside: Vec<f64> = program.variables.iter().map(|v| v.upper + 1e3).collect();
        for point in
            [centre, outside, vec![f64::NAN; program.variables.len()], Vec::new(), vec![0.0]]
        {
            let stub = Stub::new(
                Said::Point(point.clone()),
                Some(Relaxed { multipliers: Vec::new(), point: Some(point) }),
            );
            let (decision, confirmed) = outcome_of(&stub, &plan, &query);
            assert!(!confirmed && matches!(decision, Decision::Undecided(_)), "{decision:?}");
        }
    }
}

#[test]
fn a_status_after_the_time_limit_is_no_answer() {
    for truth in [true, false] {
        let (plan, query, _) = example(truth, 0);
        for said in
            [Said::Infeasible, Said::Late, Said::Failed("it broke".into()), Said::Point(vec![0.0])]
        {
            let stub = Stub { late: true, ..Stub::new(said, None) };
            let (decision, confirmed) = outcome_of(&stub, &plan, &query);
            assert!(!confirmed && decision == Decision::Late, "{decision:?}");
        }
    }
}
