//! The words of competitions and of the standard's solver interface, and how a witness is written.
//!
//! Both judge a witness by executing the model in its float type, except where a text is typed `real`.
//! So an execution that violates is `sat` even if the real network does not violate there, and a real
//! counterexample that the execution does not confirm is no `sat`. An explicit `--semantics real` asks
//! for the answer about the ideal function instead.

use plimsoll::attack::Counterexample;
use plimsoll::{Outcome, Reason, Verdict};
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Arithmetic, Declaration, Language, Query};
use std::fmt::Write;

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer<'a> {
    /// No point satisfies the query.
    Unsat,
    /// This one does.
    Sat(Witness<'a>),
    /// Neither is known.
    Unknown,
    /// Neither is known, for lack of time.
    Timeout,
}

/// A point and under which arithmetic it satisfies the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Witness<'a> {
    point: &'a Counterexample,
    executed: bool,
}

impl Answer<'_> {
    /// The answer that an outcome gives; `real` if `--semantics real` was asked for.
    pub fn of<'a>(outcome: &'a Outcome, query: &Query, real: bool) -> Answer<'a> {
        let typed_real = query.language == Language::V2 && query.arithmetic == Arithmetic::Real;
        let by_execution = !real && !typed_real;
        let sat = |point| Answer::Sat(Witness { point, executed: by_execution });
        let executed = outcome.near_misses.iter().find(|point| point.execution_violates);
        if let Verdict::Violated(found) = &outcome.verdict
            && (!by_execution || found.execution_violates)
        {
            return sat(found);
        }
        match (&outcome.verdict, executed) {
            (_, Some(point)) if by_execution => sat(point),
            (Verdict::Holds, Some(_)) if !real => Answer::Unknown,
            (Verdict::Holds, _) => Answer::Unsat,
            (Verdict::Unknown(Reason::Timeout), _) => Answer::Timeout,
            (Verdict::Violated(_) | Verdict::Unknown(_), _) => Answer::Unknown,
        }
    }

    /// The competition's form, witness included.
    pub fn competition(&self, query: &Query) -> String {
        match self {
            Answer::Unsat => "unsat\n".to_string(),
            Answer::Unknown => "unknown\n".to_string(),
            Answer::Timeout => "timeout\n".to_string(),
            Answer::Sat(witness) => match query.language {
                Language::V1 => format!("sat\n{}", witness.pairs(query)),
                Language::V2 => format!("sat\n{}", witness.assignments(query)),
            },
        }
    }

    /// The standard's first line.
    pub fn word(&self) -> &'static str {
        match self {
            Answer::Unsat => "unsat",
            Answer::Sat(_) => "sat",
            Answer::Unknown => "unknown",
            Answer::Timeout => "timed-out",
        }
    }
}

impl Witness<'_> {
    /// The outputs of the execution or over the reals, whichever satisfies the query.
    fn outputs(&self) -> Vec<Rational> {
        let executed = self.point.executed.as_ref().filter(|_| self.executed);
        executed
            .and_then(|outputs| outputs.iter().map(|y| Rational::from_f64(*y)).collect())
            .unwrap_or_else(|| self.point.outputs.clone())
    }

    /// `((X_0 v) ... (Y_0 v) ...)`, one pair a line.
    fn pairs(&self, query: &Query) -> String {
        let outputs = self.outputs();
        let inputs = self.point.inputs.iter().enumerate();
        let pairs: Vec<String> = inputs
            .map(|(i, value)| format!("({} {value})", query.input_name(i)))
            .chain(
                outputs
                    .iter()
                    .enumerate()
                    .map(|(i, value)| format!("({} {value})", query.output_name(i))),
            )
            .collect();
        format!("({})\n", pairs.join("\n"))
    }

    /// The standard's form: for each tensor a line `name type [shape]`, then one element a line.
    pub fn assignments(&self, query: &Query) -> String {
        let mut text = String::new();
        for (tensor, values) in self.tensors(query) {
            let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
            let _ = writeln!(text, "{} {} [{}]", tensor.name, tensor.element, shape.join(","));
            for value in values {
                let _ = writeln!(text, "{value}");
            }
        }
        text
    }

    /// The declared tensors in order, each with its elements.
    pub fn tensors<'q>(&self, query: &'q Query) -> Vec<(&'q Declaration, Vec<Rational>)> {
        let mut values = self.point.inputs.iter().cloned().chain(self.outputs());
        let declared = query.inputs.iter().chain(&query.outputs);
        declared.map(|tensor| (tensor, values.by_ref().take(tensor.len()).collect())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll::search::Progress;
    use std::time::Duration;

    const V1: &str = "(declare-const X_0 Real) (declare-const Y_0 Real)
        (assert (and (>= X_0 0) (<= X_0 1))) (assert (<= Y_0 0))";
    const V2: &str = "(vnnlib-version <2.0>) (declare-network f (declare-input X real [1])
        (declare-output Y real [])) (assert (and (>= X[0] 0.0) (<= X[0] 1.0))) (assert (<= Y 0.0))";

    fn query(text: &str) -> Query {
        plimsoll::read::query(text.as_bytes()).unwrap()
    }

    fn point(execution_violates: bool) -> Counterexample {
        Counterexample {
            disjunct: 0,
            inputs: vec![Rational::from_f64(0.5).unwrap()],
            outputs: vec![Rational::parse_decimal("-0.25").unwrap()],
            exact: true,
            representable: true,
            executed: Some(vec![-0.375]),
            execution_violates,
        }
    }

    fn outcome(verdict: Verdict, near_misses: Vec<Counterexample>) -> Outcome {
        Outcome {
            verdict,
            semantics: Arithmetic::Real,
            vacuous: false,
            progress: Progress::default(),
            near_misses,
            holes: Vec::new(),
            strategy: Vec::new(),
            notes: Vec::new(),
            elapsed: Duration::ZERO,
            proof: None,
        }
    }

    #[test]
    fn executions_decide_unless_the_reals_were_asked_for() {
        let violated = |confirmed| Verdict::Violated(Box::new(point(confirmed)));
        let late = Verdict::Unknown(Reason::Timeout);
        for (verdict, near, untyped, typed, asked) in [
            (Verdict::Holds, false, "unsat", "unsat", "unsat"),
            (Verdict::Holds, true, "sat", "unknown", "unsat"),
            (violated(true), false, "sat", "sat", "sat"),
            (violated(false), false, "unknown", "sat", "sat"),
            (violated(false), true, "sat", "sat", "sat"),
            (late.clone(), false, "timed-out", "timed-out", "timed-out"),
            (late, true, "sat", "timed-out", "timed-out"),
            (Verdict::Unknown(Reason::Boundary), false, "unknown", "unknown", "unknown"),
        ] {
            let near = if near { vec![point(true)] } else { Vec::new() };
            let outcome = outcome(verdict, near);
            assert_eq!(Answer::of(&outcome, &query(V1), false).word(), untyped, "{outcome:?}");
            assert_eq!(Answer::of(&outcome, &query(V2), false).word(), typed, "{outcome:?}");
            assert_eq!(Answer::of(&outcome, &query(V1), true).word(), asked, "{outcome:?}");
        }
    }

    #[test]
    fn witnesses_are_written_in_the_form_of_their_language() {
        let outcome = outcome(Verdict::Violated(Box::new(point(true))), Vec::new());
        let (old, new) = (query(V1), query(V2));
        assert_eq!(
            Answer::of(&outcome, &old, false).competition(&old),
            "sat\n((X_0 0.5)\n(Y_0 -0.375))\n"
        );
        assert_eq!(
            Answer::of(&outcome, &new, false).competition(&new),
            "sat\nX real [1]\n0.5\nY real []\n-0.25\n"
        );
    }
}
