//! What exact arithmetic says about points and boxes that floats cannot decide.

use crate::attack::{Counterexample, Judgement, judge, judge_exact};
use crate::backend::Referee;
use crate::bound::exact;
use crate::net::Network;
use crate::problem::Candidate;
use plimsoll_check::graph::Graph;
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Face, Query, Region};

/// Decides on points and on boxes by exact arithmetic, and keeps what it found.
pub(super) struct Judge<'a> {
    model: &'a Graph,
    ordered: Option<&'a Graph>,
    query: &'a Query,
    network: &'a Network,
    /// The best counterexample so far.
    pub found: Option<Box<Counterexample>>,
    /// Points where only an execution in floats violates.
    pub near_misses: Vec<Counterexample>,
    /// Candidates that turned out to do no harm.
    harmless: usize,
}

/// Near misses that are kept.
const NEAR_MISSES: usize = 4;

/// Candidates of one round that are judged, until so many in all were harmless that exact arithmetic
/// is better spared for the first of each round.
const PATIENCE: (usize, usize) = (16, 256);

impl<'a> Judge<'a> {
    /// For a network that computes the model, or the graph that is ordered like it.
    pub fn new(
        model: &'a Graph,
        ordered: Option<&'a Graph>,
        query: &'a Query,
        network: &'a Network,
    ) -> Judge<'a> {
        Judge { model, ordered, query, network, found: None, near_misses: Vec::new(), harmless: 0 }
    }

    /// Judges candidates; `true` once a proved counterexample is at hand, preferably one that an
    /// execution in the model's precision confirms.
    pub fn confirm(&mut self, candidates: &[Candidate]) -> bool {
        let many = if self.harmless > PATIENCE.1 { 1 } else { PATIENCE.0 };
        for candidate in candidates.iter().take(many) {
            let disjunct = candidate.disjunct as usize;
            if self.keep(judge(self.model, self.ordered, self.query, disjunct, &candidate.point)) {
                return true;
            }
        }
        self.found.is_some()
    }

    /// Keeps what a judgement found; `true` if an execution confirms it.
    fn keep(&mut self, judgement: Judgement) -> bool {
        match judgement {
            Judgement::Violates(found) => {
                let confirmed = found.execution_violates;
                if confirmed || self.found.is_none() {
                    self.found = Some(found);
                }
                return confirmed;
            }
            Judgement::NearMiss(found) => {
                if self.near_misses.len() < NEAR_MISSES {
                    self.near_misses.push(*found);
                }
            }
            Judgement::Harmless | Judgement::Undecided => self.harmless += 1,
        }
        false
    }

    /// Whether exact arithmetic shows that no point of the box violates the disjunct.
    pub fn refutes(
        &self,
        lower: &[f64],
        upper: &[f64],
        disjunct: usize,
        multipliers: &[f64],
    ) -> bool {
        let case = &self.query.disjuncts[disjunct];
        let region = &self.query.regions[case.region as usize];
        let face = |outer: &Face, value: f64, upward: bool| -> Option<Face> {
            let exact = Rational::from_f64(value)?;
            let tighter = if upward { exact < outer.value } else { exact > outer.value };
            Some(if tighter { Face { value: exact, strict: false } } else { outer.clone() })
        };
        let lower: Option<Vec<Face>> =
            region.lower.iter().zip(lower).map(|(f, v)| face(f, *v, false)).collect();
        let upper: Option<Vec<Face>> =
            region.upper.iter().zip(upper).map(|(f, v)| face(f, *v, true)).collect();
        match (lower, upper) {
            (Some(lower), Some(upper)) => {
                exact::refutes(self.network, &Region { lower, upper }, &case.rows, multipliers)
            }
            _ => false,
        }
    }
}

impl Referee for Judge<'_> {
    fn confirm(&mut self, candidate: &Candidate) -> bool {
        Judge::confirm(self, std::slice::from_ref(candidate))
    }

    fn confirm_exactly(&mut self, disjunct: u32, inputs: &[Rational]) -> bool {
        let judgement =
            judge_exact(self.model, self.ordered, self.query, disjunct as usize, inputs);
        self.keep(judgement) || self.found.is_some()
    }
}
