//! A proof that a program has no integral solution: a tree that branches on relu phases, each of whose
//! leaves is closed by multipliers.
//!
//! A solver proposes multipliers and points; [`farkas::refutes`] alone closes a leaf, and the referee alone
//! accepts a point. A solver that lies costs time and nothing else.

use super::lp::Program;
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

/// Nodes from one report to the next.
const TOLD: u64 = 32;

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
    /// Open nodes; the last one is visited next.
    stack: Vec<Node>,
    gains: Gains,
    failures: usize,
    visits: u64,
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
            stack: vec![Node::default()],
            gains: Gains::new(program.phases.len()),
            failures: 0,
            visits: 0,
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
        while let Some(node) = self.stack.pop() {
            if budget.is_exhausted() {
                return Some(Decision::Late);
            }
            if self.size.nodes >= nodes {
                self.stack.push(node);
                return None;
            }
            let decision = self.visit(&node, relaxation, referee, budget);
            if self.visits.is_multiple_of(TOLD) {
                referee.grown(self.size, self.stack.len());
            }
            self.visits += 1;
            if let Some(decision) = decision {
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
        node: &Node,
        relaxation: &mut dyn Relaxation,
        referee: &mut dyn Referee,
        budget: &Budget,
    ) -> Option<Decision> {
        let program = self.program;
        let (closed, relaxed) = self.solve(&node.fixed, relaxation, budget);
        if self.failures > PATIENCE {
            let why = "the solver fails on linear programs".to_string();
            return Some(Decision::Undecided(why));
        }
        let value = self.value(closed, &relaxed);
        if let Some((phase, active)) = node.fixed.last() {
            self.gains.learn(*phase, *active, node.gap, value - node.value);
        }
        if closed {
            return None;
        }
        if let Some(point) = &relaxed.point {
            let inputs = point[..program.inputs].to_vec();
            let candidate = Candidate { disjunct: self.disjunct, point: inputs };
            if looks_violating(self.problem, &candidate) && referee.confirm(&candidate) {
                return Some(Decision::Confirmed);
            }
        }
        let mut open: Vec<Choice> = choices(program, &node.fixed, &relaxed);
        if open.is_empty() {
            self.size.resisting += 1;
            return None;
        }
        self.gains.rank(&mut open);
        // The best ones are tried out, unless it is known what they bring.
        for choice in open.iter().take(TRIED) {
            for active in [false, true] {
                if self.gains.is_known(choice.phase, active) || choice.gap == 0.0 {
                    continue;
                }
                let child = node.with(choice, active, value);
                let (closed, tried) = self.solve(&child.fixed, relaxation, budget);
                let reached = self.value(closed, &tried);
                self.gains.learn(choice.phase, active, choice.gap, reached - value);
                if closed {
                    // So the other phase is the only one left.
                    self.stack.push(node.with(choice, !active, value));
                    return None;
                }
                if budget.is_exhausted() {
                    return Some(Decision::Late);
                }
            }
        }
        self.gains.rank(&mut open);
        let best = &open[0];
        // The phase that the point suggests comes last, and so is visited first.
        self.stack.extend([!best.active, best.active].map(|active| node.with(best, active, value)));
        None
    }

    /// Solves the program with these phases; whether that closes the node, and what the solver said.
    fn solve(
        &mut self,
        fixed: &[(usize, bool)],
        relaxation: &mut dyn Relaxation,
        budget: &Budget,
    ) -> (bool, Relaxed) {
        let program = self.program;
        let (mut low, mut high) = (self.lower.clone(), self.upper.clone());
        for (phase, active) in fixed {
            let indicator = program.phases[*phase].indicator as usize;
            let value = if *active { 1.0 } else { 0.0 };
            (low[indicator], high[indicator]) = (value, value);
        }
        self.size.nodes += 1;
        let solved = relaxation.solve(&low, &high, budget);
        self.failures = if solved.is_some() { 0 } else { self.failures + 1 };
        let mut relaxed = solved.unwrap_or_default();
        relaxed.point = relaxed.point.filter(|point| {
            point.len() == program.variables.len() && point.iter().all(|x| x.is_finite())
        });
        let closed = farkas::refutes(program, &low, &high, &relaxed.multipliers);
        self.size.closed += u64::from(closed);
        (closed, relaxed)
    }

    /// By how much the goals are missed at the point, negative where they are met; a closed node without a
    /// point counts as barely missed. For choosing only.
    fn value(&self, closed: bool, relaxed: &Relaxed) -> f64 {
        let Some(point) = &relaxed.point else { return if closed { 0.0 } else { f64::NAN } };
        let goals = &self.program.constraints[self.program.goals.clone()];
        let missed = goals.iter().map(|goal| {
            let terms = goal.terms.iter();
            terms.map(|(v, a)| a * point[*v as usize]).sum::<f64>() - goal.bound
        });
        missed.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Choices at a node that are tried out before one is made.
const TRIED: usize = 8;

/// A node of the tree.
#[derive(Debug, Clone, Default)]
struct Node {
    /// Phases that are fixed, the latest last.
    fixed: Vec<(usize, bool)>,
    /// The parent's value.
    value: f64,
    /// The gap in the parent of the phase that was fixed last.
    gap: f64,
}

impl Node {
    fn with(&self, choice: &Choice, active: bool, value: f64) -> Node {
        let mut fixed = self.fixed.clone();
        fixed.push((choice.phase, active));
        Node { fixed, value, gap: choice.gap }
    }
}

/// An open neuron at a node.
#[derive(Debug, Clone)]
struct Choice {
    phase: usize,
    /// The phase that the point suggests.
    active: bool,
    /// How far its activation is from the relu of its pre-activation.
    gap: f64,
    /// What the multipliers let expect of closing the gap; where there is none, of the neuron.
    expected: f64,
    /// What is expected in the end.
    score: f64,
}

/// What fixing a phase has brought so far for each unit of its gap (Achterberg, Koch and Martin 2005), for the
/// inactive and the active phase.
#[derive(Debug)]
struct Gains {
    sums: Vec<[f64; 2]>,
    counts: Vec<[u32; 2]>,
}

impl Gains {
    fn new(phases: usize) -> Gains {
        Gains { sums: vec![[0.0; 2]; phases], counts: vec![[0; 2]; phases] }
    }

    fn learn(&mut self, phase: usize, active: bool, gap: f64, gain: f64) {
        if gain.is_finite() && gap > 0.0 {
            self.sums[phase][usize::from(active)] += gain.max(0.0) / gap;
            self.counts[phase][usize::from(active)] += 1;
        }
    }

    fn is_known(&self, phase: usize, active: bool) -> bool {
        self.counts[phase][usize::from(active)] > 0
    }

    /// Puts the most promising choice first: both phases should bring something, so that the product
    /// counts.
    fn rank(&self, choices: &mut [Choice]) {
        for choice in choices.iter_mut() {
            let gains = [0, 1].map(|side| {
                let count = self.counts[choice.phase][side];
                let each = self.sums[choice.phase][side] / f64::from(count.max(1));
                if count == 0 { choice.expected } else { each * choice.gap }
            });
            choice.score = gains[0].max(LEAST) * gains[1].max(LEAST);
        }
        choices.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.phase.cmp(&b.phase)));
    }
}

/// The least that is expected of a phase.
const LEAST: f64 = 1e-9;

/// The open neurons of a node. Those without a gap are left out as long as others have one.
fn choices(program: &Program, fixed: &[(usize, bool)], relaxed: &Relaxed) -> Vec<Choice> {
    let mut open = vec![true; program.phases.len()];
    fixed.iter().for_each(|(phase, _)| open[*phase] = false);
    let mut weights = vec![0.0f64; program.variables.len()];
    for (constraint, multiplier) in program.constraints.iter().zip(&relaxed.multipliers) {
        for (variable, coefficient) in &constraint.terms {
            weights[*variable as usize] += (multiplier * coefficient).abs();
        }
    }
    let all = program.phases.iter().enumerate().filter(|(k, _)| open[*k]);
    let mut choices: Vec<Choice> = all
        .map(|(k, phase)| {
            let (z, r) = (phase.before as usize, phase.after as usize);
            let ends = program.variables[r];
            let (active, gap) = match &relaxed.point {
                Some(point) => (point[z] > 0.0, (point[r] - point[z].max(0.0)).abs()),
                None => (true, 0.0),
            };
            let expected = weights[r] * if gap > 0.0 { gap } else { 1e-6 * ends.upper };
            Choice { phase: k, active, gap, expected, score: 0.0 }
        })
        .collect();
    if choices.iter().any(|choice| choice.gap > SMALL_GAP) {
        choices.retain(|choice| choice.gap > SMALL_GAP);
    }
    choices
}

/// A gap that is rounding.
const SMALL_GAP: f64 = 1e-8;

/// Whether the network, evaluated in floats, violates the disjunct or nearly does.
fn looks_violating(problem: &Problem, candidate: &Candidate) -> bool {
    let values = problem.network.evaluate(&candidate.point, 1);
    let outputs = &values[problem.network.output()];
    problem.margin(candidate.disjunct, &candidate.point, outputs) <= problem.doubt
}
