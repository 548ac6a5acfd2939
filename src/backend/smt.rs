//! A query decided by z3, in exact rationals.
//!
//! z3 gets the very text that [`super::smtlib`] writes, with bounds proven here. A point that it gives is exact,
//! and judged as it stands; that there is none is taken over as a [`super::Hole`].

use super::{Decision, Referee};
use crate::budget::Budget;
use crate::problem::Problem;
use plimsoll_check::query::Query;

/// Decides the query region by region, and says in words how.
///
/// Without the feature `smt` nothing is decided.
pub fn decide(
    problem: &Problem,
    query: &Query,
    referee: &mut dyn Referee,
    budget: &Budget,
    words: &mut Vec<String>,
) -> Decision {
    #[cfg(feature = "smt")]
    return solved::decide(problem, query, referee, budget, words);
    #[cfg(not(feature = "smt"))]
    {
        let _ = (problem, query, referee, budget, words);
        Decision::Undecided("this build has no smt back-end".to_string())
    }
}

#[cfg(feature = "smt")]
mod solved {
    use super::super::{Hole, LONG, smtlib};
    use super::{Budget, Decision, Problem, Query, Referee};
    use crate::bound::{Boxes, Intermediate, Workspace, propagate};
    use crate::problem::Candidate;
    use crate::read::sha256;
    use plimsoll_check::number::Rational;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::thread;
    use std::time::{Duration, Instant};
    use z3::ast::Real;
    use z3::{Context, Model, Params, SatResult, Solver};

    /// Time between two looks at the budget.
    const POLL: Duration = Duration::from_millis(10);

    /// How long z3 may take to stop.
    const PATIENCE: Duration = Duration::from_millis(300);

    /// Error symbols of the zonotopes that bound the network, at most.
    const SYMBOLS: usize = 256;

    /// What z3 says about one text.
    enum Answer {
        /// The inputs of a model, in order.
        Point(Vec<Rational>),
        Unsatisfiable,
        Unknown(String),
    }

    pub fn decide(
        problem: &Problem,
        query: &Query,
        referee: &mut dyn Referee,
        budget: &Budget,
        words: &mut Vec<String>,
    ) -> Decision {
        let network = problem.network;
        let mut digests: Vec<String> = Vec::new();
        let mut work = Workspace::within(budget);
        words.push("exact satisfiability by z3, a text for each region".to_string());
        for region in 0..problem.boxes.count {
            let disjuncts: Vec<usize> =
                problem.disjuncts_of(region).into_iter().map(|d| d as usize).collect();
            if disjuncts.is_empty() {
                continue;
            }
            if budget.is_exhausted() {
                return Decision::Late;
            }
            let mut boxes = Boxes::new(problem.boxes.dims);
            boxes.push(problem.boxes.lower_of(region), problem.boxes.upper_of(region));
            let method = Intermediate::All { keep: SYMBOLS };
            let (bounds, _) =
                propagate(network, Some(&problem.frame), &boxes, None, method, &mut work);
            let text = match smtlib::text(network, query, &disjuncts, Some(&bounds)) {
                Ok(text) => text,
                Err(error) => return Decision::Undecided(error.message),
            };
            digests.push(sha256(text.as_bytes()));
            match ask(text, boxes.dims, budget) {
                Answer::Unsatisfiable => {}
                Answer::Unknown(_) if budget.is_exhausted() => return Decision::Late,
                Answer::Unknown(why) => {
                    return Decision::Undecided(format!("z3 gave up: {why}"));
                }
                Answer::Point(inputs) => {
                    let point: Vec<f64> = inputs.iter().map(Rational::to_f64).collect();
                    let confirmed = disjuncts.iter().any(|disjunct| {
                        let disjunct = *disjunct as u32;
                        // A float nearby can be executed; the point itself is what was found.
                        referee.confirm(&Candidate { disjunct, point: point.clone() })
                            || referee.confirm_exactly(disjunct, &inputs)
                    });
                    return if confirmed {
                        Decision::Confirmed
                    } else {
                        Decision::Undecided(
                            "the point that z3 gave does not violate when it is evaluated"
                                .to_string(),
                        )
                    };
                }
            }
        }
        let digest = match digests.as_slice() {
            [one] => one.clone(),
            _ => sha256(digests.concat().as_bytes()),
        };
        Decision::Trusted(Hole { kind: "smt", digest })
    }

    /// Asks z3 about a text with so many inputs, until the budget ends.
    ///
    /// z3 has a thread of its own. Some of its steps do not notice that they should stop; the thread is then
    /// left alone and ends by itself.
    fn ask(text: String, inputs: usize, budget: &Budget) -> Answer {
        let stop = Arc::new(AtomicBool::new(false));
        let (send, receive) = channel();
        let (left, told) = (budget.remaining().unwrap_or(LONG).min(LONG), stop.clone());
        let spawned = thread::Builder::new().spawn(move || {
            // Nobody listens any more where z3 came too late.
            let _ = send.send(solve(&text, inputs, left, &told));
        });
        if let Err(error) = spawned {
            return Answer::Unknown(error.to_string());
        }
        let mut late: Option<Instant> = None;
        loop {
            match receive.recv_timeout(POLL) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => {
                    return Answer::Unknown("its thread has ended".to_string());
                }
                Err(RecvTimeoutError::Timeout) if budget.is_exhausted() => {
                    stop.store(true, Ordering::Relaxed);
                    if late.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                        return Answer::Unknown("it does not stop".to_string());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Lets z3 solve a text on this thread, until the flag is raised.
    fn solve(text: &str, inputs: usize, limit: Duration, stop: &AtomicBool) -> Answer {
        let context = Context::thread_local();
        let handle = context.handle();
        let Some(solver) = Solver::new_for_logic("QF_LRA") else {
            return Answer::Unknown("it does not know the logic QF_LRA".to_string());
        };
        let mut parameters = Params::new();
        parameters.set_u32("timeout", limit.as_millis().min(u128::from(u32::MAX - 1)) as u32);
        solver.set_params(&parameters);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    if stop.load(Ordering::Relaxed) {
                        handle.interrupt();
                    }
                    thread::sleep(POLL);
                }
            });
            solver.from_string(text);
            let result = solver.check();
            done.store(true, Ordering::Relaxed);
            match result {
                // A text that was not read in full would be satisfiable, never unsatisfiable.
                SatResult::Unsat => Answer::Unsatisfiable,
                SatResult::Unknown => {
                    Answer::Unknown(solver.get_reason_unknown().unwrap_or_default())
                }
                SatResult::Sat => {
                    let point = solver.get_model().and_then(|model| read(&model, inputs));
                    point.map_or_else(
                        || Answer::Unknown("its model has no numbers".to_string()),
                        Answer::Point,
                    )
                }
            }
        })
    }

    /// The inputs' values, which z3 writes as `a`, `(- a)`, `(/ a b)` or `(- (/ a b))`.
    fn read(model: &Model, inputs: usize) -> Option<Vec<Rational>> {
        (0..inputs)
            .map(|i| {
                let value = model.eval(&Real::new_const(format!("X_{i}")), true)?;
                rational(&value.to_string())
            })
            .collect()
    }

    /// Reads a numeral of z3's.
    pub fn rational(text: &str) -> Option<Rational> {
        let text = text.trim();
        let inner = |prefix: &str| text.strip_prefix(prefix)?.strip_suffix(')');
        if let Some(rest) = inner("(- ") {
            return rational(rest).map(|value| -&value);
        }
        if let Some(rest) = inner("(/ ") {
            let (above, below) = rest.trim().rsplit_once(' ')?;
            return rational(above)?.checked_div(&rational(below)?);
        }
        Rational::parse_decimal(text).ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn numerals_are_read_exactly() {
            let third = Rational::ONE.checked_div(&Rational::from(3)).unwrap();
            for (text, value) in [
                ("2.0", Rational::from(2)),
                ("(- 2.0)", Rational::from(-2)),
                ("(/ 1.0 3.0)", third.clone()),
                ("(- (/ 1.0 3.0))", -&third),
                ("(/ (- 1.0) 3.0)", -&third),
            ] {
                assert_eq!(rational(text), Some(value), "{text}");
            }
            for text in ["", "x", "(/ 1.0 0.0)", "(root-obj (+ (^ x 2) (- 2)) 1)"] {
                assert_eq!(rational(text), None, "{text}");
            }
        }
    }
}
