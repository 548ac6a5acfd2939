//! A query decided by mixed-integer linear programs, one a disjunct.
//!
//! The proof is a [`Tree`] of relu phases, closed by multipliers from the solver's linear programs. A tree that
//! does not close soon waits while the solver searches for a point in its own way. What that gives is
//! judged; that there is none proves nothing, and the tree goes on.

use super::lp::{self, Program};
use super::tree::{Relaxation, Size, Tree};
use super::{Decision, Referee};
use crate::bound::{Bounds, Boxes, Intermediate, Workspace, propagate};
use crate::budget::Budget;
use crate::net::Primitive;
use crate::problem::{Candidate, Problem};
use std::time::Duration;

/// What a solver says about a program.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// These variables are a solution.
    Point(Vec<f64>),
    /// There is no solution.
    Infeasible,
    /// The time was up.
    Late,
    /// It failed, in its own words.
    Failed(String),
}

/// A solver of mixed-integer linear programs. Nothing it says is believed.
pub trait Solver {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Whether linear programs of one tree start from each other, so that trees of thousands of nodes are cheap.
    fn is_quick(&self) -> bool {
        false
    }
    /// Looks for a solution within the limit, one that satisfies the goals by far if it can.
    fn integral(&self, program: &Program, limit: Duration, budget: &Budget) -> Said;
    /// The program without integrality, to be solved often.
    fn relaxation<'p>(&self, program: &'p Program) -> Box<dyn Relaxation + 'p>;
}

/// The best solver that was built in.
pub fn solver() -> Option<Box<dyn Solver>> {
    #[cfg(feature = "highs")]
    return Some(Box::new(super::highs::Highs));
    #[cfg(all(feature = "milp", not(feature = "highs")))]
    return Some(Box::new(super::microlp::Microlp));
    #[cfg(not(feature = "milp"))]
    None
}

/// The solver in Rust, if it was built in.
pub fn embedded() -> Option<Box<dyn Solver>> {
    #[cfg(feature = "milp")]
    return Some(Box::new(super::microlp::Microlp));
    #[cfg(not(feature = "milp"))]
    None
}

/// Open neurons of a region beyond which a short tree is hopeless.
const MOST_OPEN: usize = 600;

/// Nonzero coefficients, times nodes, that a short tree may cost.
const SHORT: usize = 6_000_000;

/// How to try a short tree before branch and bound on inputs, where that pays: `None` where the inputs are few
/// enough to be split, the network is large, has other functions than relus, or too much of it is open.
pub fn short(problem: &Problem, free_inputs: usize, bounds: &Bounds) -> Option<Effort> {
    let network = problem.network;
    let mut open = 0;
    for node in &network.nodes {
        match &node.primitive {
            Primitive::Pointwise { .. } | Primitive::Product { .. } => return None,
            Primitive::Relu { of } => {
                let ends = bounds[*of].lower.iter().zip(&bounds[*of].upper);
                open += ends.filter(|(l, u)| **l < 0.0 && **u > 0.0).count();
            }
            Primitive::Input | Primitive::Affine { .. } => {}
        }
    }
    let small = (SHORT / network.multiply_adds.max(1)).min(8000) as u64;
    let cases = problem.disjuncts.len() <= MOST_CASES;
    let suits = cases && free_inputs >= FEW_INPUTS && open <= MOST_OPEN && small >= 10;
    suits.then_some(Effort { small, brief: true, ..Effort::default() })
}

/// Disjuncts for each of which a short tree is grown.
const MOST_CASES: usize = 64;

/// Inputs that branch and bound splits well.
const FEW_INPUTS: usize = 8;

/// Nonzero coefficients beyond which no solver gets far.
const LARGEST: usize = 20_000_000;

/// How a solver is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Nodes of a tree, for each disjunct, after which the solver's own search is asked.
    pub small: u64,
    /// The share of the time left that the solver's own search may take is one over this.
    pub share: u32,
    /// Whether to end with the small tree, undecided: a run of counted length.
    pub brief: bool,
}

impl Default for Effort {
    fn default() -> Effort {
        Effort { small: 2000, share: 4, brief: false }
    }
}

/// Error symbols of the zonotopes that bound the network, at most.
const SYMBOLS: usize = 256;

/// Decides the problem region by region, and says in words how.
pub fn decide(
    problem: &Problem,
    solver: &dyn Solver,
    effort: Effort,
    referee: &mut dyn Referee,
    budget: &Budget,
    words: &mut Vec<String>,
) -> Decision {
    let network = problem.network;
    if network.multiply_adds > LARGEST {
        return Decision::Undecided(format!(
            "the network has {} weights; mixed-integer programs are written for at most {LARGEST}",
            network.multiply_adds
        ));
    }
    let mut open: Option<String> = None;
    let mut size = Size::default();
    let mut neurons = 0;
    for region in 0..problem.boxes.count {
        let disjuncts = problem.disjuncts_of(region);
        if disjuncts.is_empty() {
            continue;
        }
        let network_program = encode(problem, region, budget);
        neurons = neurons.max(network_program.phases.len());
        for disjunct in disjuncts {
            let program = network_program.with_goals(problem, disjunct);
            let found =
                one(&program, problem, disjunct, solver, effort, referee, budget, &mut size);
            match found {
                Decision::Holds => {}
                Decision::Undecided(_) if effort.brief => return found,
                Decision::Undecided(why) => open = Some(why),
                Decision::Late | Decision::Confirmed | Decision::Trusted(_) => {
                    words.push(told(solver, neurons, size));
                    return found;
                }
            }
        }
    }
    words.push(told(solver, neurons, size));
    open.map_or(Decision::Holds, Decision::Undecided)
}

fn told(solver: &dyn Solver, neurons: usize, size: Size) -> String {
    format!(
        "mixed-integer programs by {} with up to {neurons} open neurons; trees of {} nodes, {} leaves closed \
         by multipliers that were checked",
        solver.name(),
        size.nodes,
        size.closed
    )
}

/// The network over a region.
fn encode(problem: &Problem, region: usize, budget: &Budget) -> Program {
    let mut boxes = Boxes::new(problem.boxes.dims);
    boxes.push(problem.boxes.lower_of(region), problem.boxes.upper_of(region));
    let mut work = Workspace::within(budget);
    let method = Intermediate::All { keep: SYMBOLS };
    let network = problem.network;
    let (bounds, relaxations) =
        propagate(network, Some(&problem.frame), &boxes, None, method, &mut work);
    lp::encode(network, &bounds, &relaxations)
}

fn one(
    program: &Program,
    problem: &Problem,
    disjunct: u32,
    solver: &dyn Solver,
    effort: Effort,
    referee: &mut dyn Referee,
    budget: &Budget,
    size: &mut Size,
) -> Decision {
    if budget.is_exhausted() {
        return Decision::Late;
    }
    // A disjunct without rows is violated by every point.
    if program.goals.is_empty() {
        let region = problem.region_of[disjunct as usize] as usize;
        let faces = problem.boxes.lower_of(region).iter().zip(problem.boxes.upper_of(region));
        let point = faces.map(|(l, u)| 0.5 * l + 0.5 * u).collect();
        if referee.confirm(&Candidate { disjunct, point }) {
            return Decision::Confirmed;
        }
    }
    let mut relaxation = solver.relaxation(program);
    let mut tree = Tree::new(program, problem, disjunct);
    let mut grow = |tree: &mut Tree, nodes, referee: &mut dyn Referee| {
        tree.grow(nodes, relaxation.as_mut(), referee, budget)
    };
    // A small tree first: most of what is easy ends here, and a solver's own search takes longer to begin.
    let mut found = grow(&mut tree, effort.small, referee);
    if found.is_none() && effort.brief {
        found = Some(Decision::Undecided("the tree of relu phases did not close soon".to_string()));
    }
    if found.is_none() {
        let limit = budget.remaining().map_or(super::LONG, |left| left / effort.share.max(1));
        found = match solver.integral(program, limit, budget) {
            Said::Point(point) if confirms(program, disjunct, &point, referee) => {
                Some(Decision::Confirmed)
            }
            // Whatever else it says counts for nothing.
            _ => grow(&mut tree, u64::MAX, referee),
        };
    }
    *size = size.and(tree.size);
    found.unwrap_or(Decision::Late)
}

/// Whether a solver's point is a counterexample.
fn confirms(program: &Program, disjunct: u32, point: &[f64], referee: &mut dyn Referee) -> bool {
    if point.len() != program.variables.len() || point.iter().any(|x| !x.is_finite()) {
        return false;
    }
    referee.confirm(&Candidate { disjunct, point: point[..program.inputs].to_vec() })
}
