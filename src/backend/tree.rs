//! A proof that a program has no integral solution: a tree that branches on relu phases, each of whose
//! leaves is closed by multipliers.
//!
//! A solver proposes multipliers and points; [`farkas::refutes`] alone closes a leaf, and the referee alone
//! accepts a point. A solver that lies costs time and nothing else.

use super::lp::{Phase, Program};
use super::{Decision, Referee, farkas};
use crate::budget::Budget;
use crate::problem::{Candidate, Problem};

/// What a solver says about a program without integrality.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Relaxed {
    /// Multipliers, one a constraint, that may prove that there is no solution.
    pub multipliers: Vec<f64>,
    /// The variables at a solution, or at a point that nearly is one.
    pub point: Option<Vec<f64>>,
}

/// A linear program that is solved again and again with other ends of its variables.
pub trait Relaxation {
    /// Solves it with these ends; `None` if the solver failed or ran out of time.
    fn solve(&mut self, lower: &[f64], upper: &[f64], budget: &Budget) -> Option<Relaxed>;
}

/// How a tree was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Programs solved.
    pub nodes: u64,
    /// Leaves closed.
    pub closed: u64,
}

/// Branches until every leaf is closed, a counterexample is confirmed, or the budget ends.
///
/// The two phases of a neuron cover all points: its indicator may be chosen 1 where the pre-activation is
/// positive and 0 elsewhere, and the program holds with either choice that the point admits. So the
/// program has no integral solution, and no point of the box violates the disjunct, once every leaf
/// is refuted. A leaf whose phases are all fixed and that resists is left open; the others are still
/// searched, since one may hold a counterexample.
pub fn decide(
    program: &Program,
    problem: &Problem,
    disjunct: u32,
    relaxation: &mut dyn Relaxation,
    referee: &mut dyn Referee,
    budget: &Budget,
    size: &mut Size,
) -> Decision {
    let ends = |f: fn(&super::lp::Variable) -> f64| program.variables.iter().map(f).collect();
    let (lower, upper): (Vec<f64>, Vec<f64>) = (ends(|v| v.lower), ends(|v| v.upper));
    let mut stack: Vec<Vec<(usize, bool)>> = vec![Vec::new()];
    let mut resisting = 0u64;
    while let Some(fixed) = stack.pop() {
        if budget.is_exhausted() {
            return Decision::Late;
        }
        let (mut low, mut high) = (lower.clone(), upper.clone());
        let mut open = vec![true; program.phases.len()];
        for (phase, active) in &fixed {
            let indicator = program.phases[*phase].indicator as usize;
            let value = if *active { 1.0 } else { 0.0 };
            (low[indicator], high[indicator]) = (value, value);
            open[*phase] = false;
        }
        size.nodes += 1;
        let relaxed = relaxation.solve(&low, &high, budget).unwrap_or_default();
        if farkas::refutes(program, &low, &high, &relaxed.multipliers) {
            size.closed += 1;
            continue;
        }
        let point = relaxed.point.filter(|point| {
            point.len() == program.variables.len() && point.iter().all(|x| x.is_finite())
        });
        if let Some(point) = &point {
            let inputs = point[..program.inputs].to_vec();
            if looks_violating(problem, disjunct, &inputs)
                && referee.confirm(&Candidate { disjunct, point: inputs })
            {
                return Decision::Confirmed;
            }
        }
        let Some((phase, active)) = branch(program, &open, point.as_deref(), &relaxed.multipliers)
        else {
            resisting += 1;
            continue;
        };
        // The phase that the point suggests comes last, and so is searched first.
        for value in [!active, active] {
            let mut child = fixed.clone();
            child.push((phase, value));
            stack.push(child);
        }
    }
    if resisting == 0 {
        return Decision::Holds;
    }
    Decision::Undecided(format!(
        "{resisting} of {} leaves of the tree of relu phases have a margin too small for the multipliers \
         that the solver gave",
        resisting + size.closed
    ))
}

/// Whether the network, evaluated in floats, violates the disjunct or nearly does.
fn looks_violating(problem: &Problem, disjunct: u32, inputs: &[f64]) -> bool {
    let values = problem.network.evaluate(inputs, 1);
    problem.margin(disjunct, inputs, &values[problem.network.output()]) <= problem.doubt
}

/// The open neuron to branch on and the phase to look into first; `None` if all are fixed.
///
/// With a point, the neuron whose activation is furthest from the relu of its pre-activation; without,
/// or where all are exact, the one whose constraints have the largest multiplier on the widest gap.
fn branch(
    program: &Program,
    open: &[bool],
    point: Option<&[f64]>,
    multipliers: &[f64],
) -> Option<(usize, bool)> {
    let mut weights = vec![0.0f64; program.variables.len()];
    for (constraint, multiplier) in program.constraints.iter().zip(multipliers) {
        for (variable, coefficient) in &constraint.terms {
            weights[*variable as usize] += (multiplier * coefficient).abs();
        }
    }
    let score = |phase: &Phase| {
        let end = &program.variables[phase.after as usize];
        let gap = match point {
            Some(point) => {
                let relu = point[phase.before as usize].max(0.0);
                (point[phase.after as usize] - relu).abs()
            }
            None => 0.0,
        };
        (gap * (1e-6 + weights[phase.after as usize]), weights[phase.indicator as usize] * end.upper)
    };
    let candidates = program.phases.iter().enumerate().filter(|(k, _)| open[*k]);
    let (at, phase) = candidates.max_by(|(i, a), (j, b)| {
        let (a, b) = (score(a), score(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(j.cmp(i))
    })?;
    let active = point.is_none_or(|point| point[phase.before as usize] > 0.0);
    Some((at, active))
}
