//! How to search: decided from features of the query, never from names.

use super::Options;
use crate::bound::{Bounds, Boxes, Intermediate, exact, is_open};
use crate::net::Primitive;
use crate::problem::Problem;
use crate::search::{Settings, neurons};

/// Error symbols of a zonotope that has to be cheap.
const FEW_SYMBOLS: usize = 4;

/// How many times dearer than zonotopes backward bounds may be before they are not worth it.
const DEAR: usize = 100;

/// Multiply-adds that one chunk of boxes should take: long enough to keep a thread busy, short enough for
/// progress and time limits.
const CHUNK: usize = 20_000_000;

/// Numbers that the widest layer's rows of a chunk may have, to stay within a core's cache (2 MB).
const CACHED: usize = 1 << 18;

/// Numbers that the rows of the query, one set a box, may have while they are swept (64 MB).
const HELD: usize = 8 << 20;

/// How a query is searched.
pub(super) enum Strategy {
    /// By splitting input boxes.
    Inputs(Settings),
    /// By assuming signs of pre-activations.
    Neurons(neurons::Settings),
    /// By either in turn, each time with four times the work.
    Both(Settings, neurons::Settings),
}

/// Up to so many inputs only they are split.
const FEW_INPUTS: usize = 9;

/// Most inputs that are split; with more of them, halving one says too little about the rest.
const MANY_INPUTS: usize = 100;

/// Multiply-adds of the first turn of either search.
const TURN: usize = 4_000_000_000;

/// Settings for a query whose hull of regions has these interval bounds; says why in `words`.
pub(super) fn choose(
    problem: &Problem,
    hull: &Boxes,
    bounds: &Bounds,
    options: &Options,
    words: &mut Vec<String>,
) -> Strategy {
    let network = problem.network;
    let free = (0..hull.dims).filter(|d| hull.lower[*d] < hull.upper[*d]).count();
    let backward = backward_cost(problem, bounds);
    let zonotope = (1 + free + FEW_SYMBOLS) * network.multiply_adds;
    words.push(format!(
        "{free} free inputs, {} relu neurons, {} multiply-adds a point, {} regions, {} disjuncts",
        network.relu_count(),
        network.multiply_adds,
        problem.boxes.count,
        problem.disjuncts.len(),
    ));
    let widest = network.nodes.iter().map(|node| node.len).max().unwrap_or(1);
    let (intermediate, cost, size) = if backward > DEAR * zonotope {
        words.push(format!(
            "branch and bound on the inputs with zonotopes: backward bounds of all unstable neurons \
             cost {} times as much",
            backward / zonotope.max(1)
        ));
        (Intermediate::Zonotope { keep: FEW_SYMBOLS }, zonotope, (1 + free + FEW_SYMBOLS) * widest)
    } else {
        words
            .push("branch and bound on the inputs with backward bounds of unstable neurons".into());
        (Intermediate::Backward, backward.max(network.multiply_adds), widest)
    };
    let rows = (0..problem.boxes.count).map(|region| problem.row_count(region)).max().unwrap_or(1);
    let chunk = (CHUNK / cost.max(1))
        .min(CACHED / size.max(1))
        .min(HELD / (widest * rows).max(1))
        .clamp(1, 64);
    let inputs = Settings {
        intermediate,
        iterations: 6,
        chunk,
        chunks: 8,
        exact_tries: exact::tries(network),
        memory: options.memory,
        boxes: options.boxes.unwrap_or(u64::MAX),
        trail: options.proof,
    };
    let only_relus = network.relu_count() == network.nonlinear_count();
    if free <= FEW_INPUTS || network.relu_count() == 0 || !only_relus {
        return Strategy::Inputs(inputs);
    }
    let neurons = neurons::Settings {
        intermediate,
        root_iterations: 20,
        iterations: 8,
        chunk: (CHUNK / network.multiply_adds.max(1)).clamp(1, 64),
        chunks: 4,
        memory: options.memory,
        subproblems: options.boxes.unwrap_or(u64::MAX),
        trail: options.proof,
    };
    // A limit on boxes is a limit on one tree.
    if free > MANY_INPUTS || options.boxes.is_some() {
        words.pop();
        words.push("branch and bound on the signs of pre-activations".into());
        return Strategy::Neurons(neurons);
    }
    words.push("and, in turn, on the signs of pre-activations".into());
    // A turn of either is as much work.
    let turn = |cost: usize| (TURN / cost.max(1)).max(100) as u64;
    let sweeps = 2 * neurons.iterations + 2 * neurons::CANDIDATES;
    // A small sweep of subproblems costs several times its multiply-adds.
    let first = (turn(cost), turn(4 * sweeps * network.multiply_adds));
    Strategy::Both(
        Settings { boxes: first.0, ..inputs },
        neurons::Settings { subproblems: first.1, ..neurons },
    )
}

/// Multiply-adds of backward sweeps for both ends of every pre-activation whose bounds matter.
fn backward_cost(problem: &Problem, bounds: &Bounds) -> usize {
    let network = problem.network;
    let mut prefix = 0;
    let mut cost = 0;
    for (index, node) in network.nodes.iter().enumerate() {
        if let Primitive::Affine { terms, .. } = &node.primitive {
            prefix += terms.iter().map(|t| t.map.multiply_adds()).sum::<usize>();
        }
        let bounds = &bounds[index];
        let open = |k: &usize| is_open(network.needs[index], bounds.lower[*k], bounds.upper[*k]);
        cost += 2 * (0..node.len).filter(open).count() * prefix;
    }
    cost
}
