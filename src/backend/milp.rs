//! A query decided by mixed-integer linear programs, one a disjunct.
//!
//! The solver is asked for a point first. What it gives is judged; that it finds none proves nothing, and
//! [`tree`] proves it then, with multipliers from the solver's linear programs.

use super::lp::{self, Program};
use super::tree::{self, Relaxation, Size};
use super::{Decision, Referee};
use crate::bound::{Boxes, Intermediate, Workspace, propagate};
use crate::budget::Budget;
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

/// Nonzero coefficients beyond which no solver gets far.
const LARGEST: usize = 20_000_000;

/// Error symbols of the zonotopes that bound the network, at most.
const SYMBOLS: usize = 256;

/// Decides the problem region by region, and says in words how.
pub fn decide(
    problem: &Problem,
    solver: &dyn Solver,
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
                one(&program, problem, disjunct, solver, referee, budget, &mut size);
            match found {
                Decision::Holds => {}
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
    // Half of the time for the solver's own search, half for a proof.
    let limit = budget.remaining().map_or(super::LONG, |left| left / 2);
    if !program.phases.is_empty()
        && let Said::Point(point) = solver.integral(program, limit, budget)
        && point.len() == program.variables.len()
    {
        let inputs = point[..program.inputs].to_vec();
        if inputs.iter().all(|x| x.is_finite())
            && referee.confirm(&Candidate { disjunct, point: inputs })
        {
            return Decision::Confirmed;
        }
    }
    tree::decide(program, problem, disjunct, relaxation.as_mut(), referee, budget, size)
}
