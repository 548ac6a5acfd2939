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
    /// Leaves that could be neither closed nor branched on.
    pub resisting: u64,
}

impl Size {
    /// Both together.
    pub fn and(self, other: Size) -> Size {
        Size {
            nodes: self.nodes + other.nodes,
            closed: self.closed + other.closed,
            resisting: self.resisting + other.resisting,
        }
    }
}

/// Failures of the solver in a row after which it is given up.
const PATIENCE: usize = 64;

/// A tree of relu phases over one program, which grows until it is closed.
///
/// The two phases of a neuron cover all points: its indicator may be chosen 1 where the pre-activation is
/// positive and 0 elsewhere, and the program holds with either choice that the point admits. So the
/// program has no integral solution, and no point of the box violates the disjunct, once every leaf
/// is refuted. A leaf whose phases are all fixed and that resists is left open; the others are still
/// searched, since one may hold a counterexample.
pub struct Tree<'p> {
    program: &'p Program,
    problem: &'p Problem<'p>,
    disjunct: u32,
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// Open nodes, each with the phases that are fixed in it.
    stack: Vec<Vec<(usize, bool)>>,
    failures: usize,
    /// How far it has grown.
    pub size: Size,
}

impl<'p> Tree<'p> {
    /// A tree of one open node.
    pub fn new(program: &'p Program, problem: &'p Problem<'p>, disjunct: u32) -> Tree<'p> {
        Tree {
            program,
            problem,
            disjunct,
            lower: program.variables.iter().map(|v| v.lower).collect(),
            upper: program.variables.iter().map(|v| v.upper).collect(),
            stack: vec![Vec::new()],
            failures: 0,
            size: Size::default(),
        }
    }

    /// Grows the tree until every leaf is closed, a counterexample is confirmed, the budget ends, or so many
    /// nodes have been visited in all; `None` in the last case.
    pub fn grow(
        &mut self,
        nodes: u64,
        relaxation: &mut dyn Relaxation,
        referee: &mut dyn Referee,
        budget: &Budget,
    ) -> Option<Decision> {
        while let Some(fixed) = self.stack.pop() {
            if budget.is_exhausted() {
                return Some(Decision::Late);
            }
            if self.size.nodes >= nodes {
                self.stack.push(fixed);
                return None;
            }
            if let Some(decision) = self.visit(fixed, relaxation, referee, budget) {
                return Some(decision);
            }
        }
        let Size { closed, resisting, .. } = self.size;
        if resisting == 0 {
            return Some(Decision::Holds);
        }
        Some(Decision::Undecided(format!(
            "{resisting} of {} leaves of the tree of relu phases have a margin too small for the multipliers \
             that the solver gave",
            resisting + closed
        )))
    }

    /// Closes a node, or puts its children on the stack.
    fn visit(
        &mut self,
        fixed: Vec<(usize, bool)>,
        relaxation: &mut dyn Relaxation,
        referee: &mut dyn Referee,
        budget: &Budget,
    ) -> Option<Decision> {
        let program = self.program;
        let (mut low, mut high) = (self.lower.clone(), self.upper.clone());
        let mut open = vec![true; program.phases.len()];
        for (phase, active) in &fixed {
            let indicator = program.phases[*phase].indicator as usize;
            let value = if *active { 1.0 } else { 0.0 };
            (low[indicator], high[indicator]) = (value, value);
            open[*phase] = false;
        }
        self.size.nodes += 1;
        let solved = relaxation.solve(&low, &high, budget);
        self.failures = if solved.is_some() { 0 } else { self.failures + 1 };
        if self.failures > PATIENCE {
            let why = "the solver fails on linear programs".to_string();
            return Some(Decision::Undecided(why));
        }
        let relaxed = solved.unwrap_or_default();
        if farkas::refutes(program, &low, &high, &relaxed.multipliers) {
            self.size.closed += 1;
            return None;
        }
        let point = relaxed.point.filter(|point| {
            point.len() == program.variables.len() && point.iter().all(|x| x.is_finite())
        });
        if let Some(point) = &point {
            let inputs = point[..program.inputs].to_vec();
            let candidate = Candidate { disjunct: self.disjunct, point: inputs };
            if looks_violating(self.problem, &candidate) && referee.confirm(&candidate) {
                return Some(Decision::Confirmed);
            }
        }
        match branch(program, &open, point.as_deref(), &relaxed.multipliers) {
            None => self.size.resisting += 1,
            // The phase that the point suggests comes last, and so is visited first.
            Some((phase, active)) => self.stack.extend([!active, active].map(|value| {
                let mut child = fixed.clone();
                child.push((phase, value));
                child
            })),
        }
        None
    }
}

/// Whether the network, evaluated in floats, violates the disjunct or nearly does.
fn looks_violating(problem: &Problem, candidate: &Candidate) -> bool {
    let values = problem.network.evaluate(&candidate.point, 1);
    let outputs = &values[problem.network.output()];
    problem.margin(candidate.disjunct, &candidate.point, outputs) <= problem.doubt
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
        (
            gap * (1e-6 + weights[phase.after as usize]),
            weights[phase.indicator as usize] * end.upper,
        )
    };
    let candidates = program.phases.iter().enumerate().filter(|(k, _)| open[*k]);
    let (at, phase) = candidates.max_by(|(i, a), (j, b)| {
        let (a, b) = (score(a), score(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(j.cmp(i))
    })?;
    let active = point.is_none_or(|point| point[phase.before as usize] > 0.0);
    Some((at, active))
}
