//! The JSON document of `verify`, schema `plimsoll.verify/1`.
//!
//! Numbers that a verdict rests on are strings: exact decimals, or `p/q` where there is none.

use super::number;
use super::proof;
use super::rows;
use plimsoll::attack::Counterexample;
use plimsoll::search::Progress;
use plimsoll::{Outcome, Verdict};
use plimsoll_check::graph::{ElementType, Graph};
use plimsoll_check::number::Rational;
use plimsoll_check::query::Query;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// Name and version of the format.
pub const SCHEMA: &str = "plimsoll.verify/1";

/// The answer to one query.
#[derive(Serialize)]
pub struct Document<'a> {
    schema: &'a str,
    plimsoll: &'a str,
    model: String,
    spec: String,
    verdict: &'a str,
    semantics: &'a str,
    proof: &'a str,
    certificate: Option<proof::Document>,
    vacuous: bool,
    reason: Option<&'a str>,
    message: Option<String>,
    counterexample: Option<Point>,
    near_misses: Vec<Point>,
    /// What the verdict rests on and nothing has checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holes: Vec<Hole<'a>>,
    progress: Share,
    strategy: &'a [String],
    notes: &'a [String],
    seed: u64,
    timeout_s: Option<f64>,
    time_s: f64,
}

impl<'a> Document<'a> {
    /// The document of an outcome.
    pub fn new(
        (model, graph): (&Path, &Graph),
        (spec, query): (&Path, &Query),
        outcome: &'a Outcome,
        written: Option<&proof::Written>,
        seed: u64,
        timeout: Option<Duration>,
        time: Duration,
    ) -> Document<'a> {
        let point = |found: &Counterexample, violates| Point::new(graph, query, found, violates);
        let reason = match &outcome.verdict {
            Verdict::Unknown(reason) => Some(reason),
            Verdict::Holds | Verdict::Violated(_) => None,
        };
        Document {
            schema: SCHEMA,
            plimsoll: env!("CARGO_PKG_VERSION"),
            model: model.display().to_string(),
            spec: spec.display().to_string(),
            verdict: verdict(&outcome.verdict),
            semantics: outcome.semantics.name(),
            proof: if written.is_some() { "valid" } else { "none" },
            certificate: written.map(proof::Written::document),
            vacuous: outcome.vacuous,
            reason: reason.map(|reason| reason.name()),
            message: reason.map(ToString::to_string),
            counterexample: match &outcome.verdict {
                Verdict::Violated(found) => Some(point(found, true)),
                Verdict::Holds | Verdict::Unknown(_) => None,
            },
            near_misses: outcome.near_misses.iter().map(|found| point(found, false)).collect(),
            holes: outcome
                .holes
                .iter()
                .map(|hole| Hole { kind: hole.kind, digest: &hole.digest })
                .collect(),
            progress: Share::new(&outcome.progress),
            strategy: &outcome.strategy,
            notes: &outcome.notes,
            seed,
            timeout_s: timeout.map(|limit| limit.as_secs_f64()),
            time_s: time.as_secs_f64(),
        }
    }
}

/// A claim of a solver's, and the SHA-256 of what it was asked.
#[derive(Serialize)]
struct Hole<'a> {
    kind: &'a str,
    digest: &'a str,
}

/// The word for a verdict.
pub fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Violated(_) => "violated",
        Verdict::Unknown(_) => "unknown",
    }
}

/// A point, flat in the model's order, and what is known about it.
#[derive(Serialize)]
struct Point {
    disjunct: usize,
    inputs: Vec<String>,
    outputs: Vec<String>,
    representable: bool,
    real: Real,
    float32: Option<Execution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    float64: Option<Execution>,
    constraints: Vec<Constraint>,
}

/// What the function over the reals does there.
#[derive(Serialize)]
struct Real {
    violates: bool,
    exact: bool,
}

/// What an execution in the model's float type does there.
#[derive(Serialize)]
struct Execution {
    violates: bool,
    outputs: Vec<String>,
}

/// A constraint of the disjunct, and by how much its left-hand side is below zero over the reals.
#[derive(Serialize)]
struct Constraint {
    text: String,
    room: String,
}

impl Point {
    fn new(graph: &Graph, query: &Query, found: &Counterexample, violates: bool) -> Point {
        let execution = found.executed.as_ref().map(|outputs| Execution {
            violates: found.execution_violates,
            outputs: outputs.iter().map(|value| number::exact(*value)).collect(),
        });
        let (float32, float64) = match graph.element {
            ElementType::F64 => (None, execution),
            _ => (execution, None),
        };
        let text = |values: &[Rational]| values.iter().map(Rational::to_string).collect();
        let rows = query.disjuncts[found.disjunct].rows.iter();
        Point {
            disjunct: found.disjunct,
            inputs: text(&found.inputs),
            outputs: text(&found.outputs),
            representable: found.representable,
            real: Real { violates, exact: found.exact },
            float32,
            float64,
            constraints: rows
                .map(|row| Constraint {
                    text: rows::constraint(query, row),
                    room: (-&row.value(&found.inputs, &found.outputs)).to_string(),
                })
                .collect(),
        }
    }
}

/// How far a search has come.
#[derive(Serialize)]
pub struct Share {
    boxes: u64,
    closed: u64,
    open: u64,
    share: f64,
    /// The worst lower bound among open boxes, if there is one.
    worst: Option<String>,
}

impl Share {
    /// Of this progress.
    pub fn new(progress: &Progress) -> Share {
        Share {
            boxes: progress.boxes,
            closed: progress.closed,
            open: progress.open,
            share: progress.share.clamp(0.0, 1.0),
            worst: worst(progress).map(number::exact),
        }
    }
}

/// The worst open bound, if boxes are open and it is a number.
pub fn worst(progress: &Progress) -> Option<f64> {
    (progress.open > 0 && progress.worst.is_finite()).then_some(progress.worst)
}

/// A document as one line of text.
pub fn line(document: &impl Serialize) -> String {
    // Strings, numbers and lists only: nothing that JSON cannot hold.
    let mut text = serde_json::to_string(document).unwrap_or_default();
    text.push('\n');
    text
}
