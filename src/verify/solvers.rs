//! Back-ends in place of the search, or beside it.

use super::judge::Judge;
use super::{Observer, Outcome, Question, Reason, Verdict, Verifier};
use crate::backend::tree::Size;
use crate::backend::{Backend, Decision, Referee, milp, smt, smtlib};
use crate::budget::Budget;
use crate::kernel::rounding;
use crate::problem::Candidate;
use crate::search::Progress;
use plimsoll_check::number::Rational;
use plimsoll_check::query::Arithmetic;
use plimsoll_check::{Error, Kind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Time between two looks at the caller's flag.
const POLL: Duration = Duration::from_millis(20);

/// Lets one back-end decide.
pub(super) fn alone(backend: Backend, question: &Question, budget: &Budget, outcome: &mut Outcome) {
    // Both are about exact numbers and say nothing about executions.
    if outcome.semantics != Arithmetic::Real {
        outcome.verdict = Verdict::Unknown(Reason::FloatSemantics);
        return;
    }
    let problem = question.problem;
    let mut judge = Judge::new(question.model, question.ordered, question.query, problem.network);
    let words = &mut outcome.strategy;
    let decision = match backend {
        Backend::Smt => smt::decide(problem, question.query, &mut judge, budget, words),
        _ => match milp::solver() {
            Some(solver) => {
                let effort = milp::Effort::default();
                milp::decide(problem, solver.as_ref(), effort, &mut judge, budget, words)
            }
            None => Decision::Undecided("this build has no milp back-end".to_string()),
        },
    };
    outcome.verdict = match decision {
        Decision::Holds => {
            outcome.progress.share = 1.0;
            Verdict::Holds
        }
        Decision::Trusted(hole) => {
            outcome.progress.share = 1.0;
            outcome.notes.push(format!(
                "decided by smt (z3), no certificate: nothing here has checked it; what z3 found unsatisfiable has \
                 the SHA-256 {}",
                hole.digest
            ));
            outcome.holes.push(hole);
            Verdict::Holds
        }
        Decision::Late if budget.is_cancelled() => Verdict::Unknown(Reason::Interrupted),
        Decision::Late => Verdict::Unknown(Reason::Timeout),
        Decision::Confirmed => Verdict::Unknown(Reason::Boundary),
        Decision::Undecided(why) => Verdict::Unknown(Reason::Solver(why)),
    };
    outcome.near_misses = judge.near_misses;
    if let Some(found) = judge.found {
        outcome.verdict = Verdict::Violated(found);
    }
    // A solver's library ran on this thread, and may have left it otherwise than it found it.
    if !rounding::arithmetic_is_standard() {
        outcome.verdict = Verdict::Unknown(Reason::Arithmetic);
    }
}

/// A judge whose observer hears of trees.
struct Watched<'a, 'b> {
    judge: &'a mut Judge<'b>,
    observer: &'a dyn Observer,
    /// How far the trees have come.
    progress: Progress,
}

impl Referee for Watched<'_, '_> {
    fn confirm(&mut self, candidate: &Candidate) -> bool {
        Referee::confirm(self.judge, candidate)
    }

    fn confirm_exactly(&mut self, disjunct: u32, inputs: &[Rational]) -> bool {
        self.judge.confirm_exactly(disjunct, inputs)
    }

    fn grown(&mut self, size: Size, open: usize) {
        let (boxes, closed, open) = (size.nodes, size.closed, open as u64);
        // What a tree of phases has closed is no share of the region's volume, and has no bound of its own.
        self.progress = Progress { boxes, closed, open, share: 0.0, worst: f64::NEG_INFINITY };
        self.observer.progress(&self.progress);
    }
}

/// A short tree of relu phases before the search, where features suggest it; `true` if that decided.
pub(super) fn before_search(
    question: &Question,
    judge: &mut Judge,
    observer: &dyn Observer,
    budget: &Budget,
    outcome: &mut Outcome,
) -> bool {
    let problem = question.problem;
    let faces = question.hull.lower.iter().zip(&question.hull.upper);
    let free = faces.filter(|(lower, upper)| lower < upper).count();
    let Some(solver) = milp::solver().filter(|solver| solver.is_quick()) else { return false };
    let Some(effort) = milp::short(problem, free, question.bounds) else { return false };
    let mut words = Vec::new();
    let mut watched = Watched { judge, observer, progress: Progress::default() };
    let decision = milp::decide(problem, solver.as_ref(), effort, &mut watched, budget, &mut words);
    outcome.strategy.push(format!(
        "{free} free inputs and few open neurons: a tree of relu phases first, of at most {} nodes",
        effort.small
    ));
    outcome.strategy.extend(words);
    match decision {
        Decision::Holds => {
            outcome.progress.share = 1.0;
            outcome.verdict = Verdict::Holds;
            true
        }
        Decision::Confirmed => true,
        // Unless the search comes further.
        Decision::Trusted(_) | Decision::Late | Decision::Undecided(_) => {
            outcome.progress = watched.progress;
            false
        }
    }
}

/// Where the search was left with margins too small for it, asks z3 for a point in exact rationals. That there
/// is none would be its word alone, and is not taken over unasked.
pub(super) fn after_search(
    question: &Question,
    judge: &mut Judge,
    budget: &Budget,
    outcome: &mut Outcome,
) {
    let network = question.problem.network;
    let small = network.relu_count() <= MOST_NEURONS && smtlib::expressible(network).is_ok();
    if !Backend::Smt.is_available() || !small {
        return;
    }
    let words = &mut outcome.strategy;
    match smt::decide(question.problem, question.query, judge, budget, words) {
        Decision::Trusted(_) => {
            words.push("z3 says that the property holds; --backend smt takes its word".to_string())
        }
        Decision::Undecided(why) => words.push(why),
        Decision::Holds | Decision::Confirmed | Decision::Late => {}
    }
}

/// Neurons beyond which z3 is not asked unless it was named.
const MOST_NEURONS: usize = 64;

/// Why there is no proof of what a back-end decided.
pub(super) fn no_proof(backend: Backend) -> Error {
    let message = format!("the back-end `{}` writes no certificate", backend.name());
    Error::new(Kind::UnsupportedQuery, message).help("--backend bab writes one")
}

impl Verifier<'_> {
    /// Lets all back-ends that were built in decide side by side, beside the search; the first answer ends
    /// the others.
    pub(super) fn together(&self, question: &Question, budget: &Budget, outcome: &mut Outcome) {
        let mut ways = vec![Backend::Bab];
        ways.extend(Some(Backend::Milp).filter(|way| way.is_available()));
        let smt = Backend::Smt.is_available();
        if smt && smtlib::expressible(question.problem.network).is_ok() {
            ways.push(Backend::Smt);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let own = budget.clone().with_flag(stop.clone());
        let (send, receive) = channel();
        let mut found: Vec<(Backend, Outcome)> = thread::scope(|scope| {
            for way in &ways {
                let (send, own, mut outcome) = (send.clone(), own.clone(), outcome.clone());
                scope.spawn(move || {
                    match way {
                        Backend::Bab => self.branch_and_bound(question, &own, &mut outcome),
                        _ => alone(*way, question, &own, &mut outcome),
                    }
                    // Nobody listens once another way has answered.
                    let _ = send.send((*way, outcome));
                });
            }
            drop(send);
            let mut found = Vec::new();
            loop {
                match receive.recv_timeout(POLL) {
                    Ok(answer) => {
                        if !matches!(answer.1.verdict, Verdict::Unknown(_)) {
                            stop.store(true, Ordering::Relaxed);
                        }
                        found.push(answer);
                    }
                    Err(RecvTimeoutError::Timeout) if budget.is_cancelled() => {
                        stop.store(true, Ordering::Relaxed);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return found,
                }
            }
        });
        // A counterexample is proved point by point; then comes what was proved here, then what was not.
        let rank = |outcome: &Outcome| match &outcome.verdict {
            Verdict::Violated(_) => 0,
            Verdict::Holds if outcome.holes.is_empty() => 1,
            Verdict::Holds => 2,
            Verdict::Unknown(_) => 3,
        };
        // Stable, and the search comes first among those that decided nothing.
        found.sort_by_key(|(way, outcome)| {
            let late = rank(outcome) == 3 && *way != Backend::Bab;
            (rank(outcome), late)
        });
        let names: Vec<&str> = ways.iter().map(|way| way.name()).collect();
        let asked = format!("side by side: {}", names.join(", "));
        if let Some((way, best)) = found.into_iter().next() {
            *outcome = best;
            if matches!(outcome.verdict, Verdict::Unknown(_)) {
                outcome.strategy.insert(0, format!("{asked}; none decided"));
            } else {
                outcome.strategy.insert(0, format!("{asked}; {} answered first", way.name()));
            }
        }
    }
}
