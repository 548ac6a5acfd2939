//! Branch and bound on input boxes; [`neurons`] is that on signs of pre-activations.
//!
//! The queue holds boxes with the disjuncts that are still open on them. A round takes the worst boxes,
//! bounds them in parallel chunks, closes what a rule closes, clips the others by what a
//! counterexample would have to satisfy, and splits the rest. Rounds are synchronous and chunks are formed by
//! counting, so that a run's tree does not depend on the number of threads.

mod branch;
mod leaf;
pub mod neurons;
mod queue;
mod trail;

pub use leaf::{Close, STEPS, clip, refute_jointly};
pub use trail::{Cut, Evidence, Mark, Trail};

use crate::attack;
use crate::bound::{Boxes, Intermediate, Seeds, Workspace, backward, propagate};
use crate::budget::Budget;
use crate::kernel::rounding;
use crate::problem::{Candidate, Problem};
use queue::{Queue, Subproblem};
use rayon::prelude::*;
use std::sync::Arc;

/// What a search is asked to do, beside the problem itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How pre-activations are bounded in the tree.
    pub intermediate: Intermediate,
    /// Sweeps that optimise slopes and multipliers for what the first one leaves open.
    pub iterations: usize,
    /// Boxes per chunk; a chunk is bounded by one thread in one go.
    pub chunk: usize,
    /// Chunks per round.
    pub chunks: usize,
    /// Boxes of a chunk that exact arithmetic, some hundred times dearer, may be tried on.
    pub exact_tries: usize,
    /// Bytes that open subproblems may take.
    pub memory: usize,
    /// Boxes that may be bounded in all.
    pub boxes: u64,
    /// Whether to keep a trail for a proof.
    pub trail: bool,
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    /// Boxes bounded so far.
    pub boxes: u64,
    /// Boxes closed so far.
    pub closed: u64,
    /// Boxes open now.
    pub open: u64,
    /// Share of the regions' volume that is closed, each region counting alike, in [0, 1].
    pub share: f64,
    /// The worst lower bound among open boxes.
    pub worst: f64,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// Every box was closed by a rule.
    Closed,
    /// `confirm` accepted a point.
    Stopped,
    /// The budget ran out.
    Exhausted,
    /// As many boxes as allowed were bounded.
    Limited,
    /// Only boxes are left that can be neither closed nor split.
    Stuck,
}

/// What the search tells and asks while it runs.
pub trait Listener: Sync {
    /// Called after each round.
    fn progress(&self, progress: &Progress);
    /// Judges points that violate a disjunct in float64; `true` ends the search.
    fn confirm(&mut self, candidates: &[Candidate]) -> bool;
    /// Tries harder on a box that resists, by exact arithmetic; `true` if no point of it violates.
    /// `multipliers` of the disjunct's rows nearly close it.
    fn close_exactly(
        &self,
        lower: &[f64],
        upper: &[f64],
        disjunct: u32,
        multipliers: &[f64],
    ) -> bool;
}

/// Steps of gradient descent from the minimiser and the centre of every open case.
const DESCENT: usize = 3;

/// What became of one box.
struct Handled {
    children: Vec<Subproblem>,
    candidates: Vec<Candidate>,
    closed_share: f64,
    stuck: bool,
    mark: Mark,
}

/// Searches until every box is closed, a point is confirmed, or the budget ends.
pub fn search(
    problem: &Problem,
    settings: &Settings,
    budget: &Budget,
    listener: &mut dyn Listener,
) -> (End, Progress, Trail) {
    let mut trail = Trail::default();
    let mut queue = Queue::new(settings.memory);
    let regions = problem.boxes.count.max(1) as f64;
    for region in 0..problem.boxes.count {
        let open = problem.disjuncts_of(region);
        trail.marks.push(Mark::default());
        if !open.is_empty() {
            let mut root = Subproblem::root(problem, region, open, 1.0 / regions);
            root.mark = region;
            queue.push(root);
        }
    }
    let mut progress = Progress { open: queue.len() as u64, ..Progress::default() };
    let mut stuck = 0u64;
    while !queue.is_empty() {
        if budget.is_exhausted() {
            return (End::Exhausted, progress, trail);
        }
        if progress.boxes >= settings.boxes {
            return (End::Limited, progress, trail);
        }
        let round = queue.pop_round(settings.chunk * settings.chunks);
        let crowded = queue.len() + round.len() > settings.chunk * settings.chunks;
        let results: Vec<Vec<Handled>> = {
            let shared: &dyn Listener = listener;
            round
                .par_chunks(settings.chunk)
                .map_init(
                    || Workspace::within(budget),
                    |work, chunk| {
                        if budget.is_exhausted() || !rounding::arithmetic_is_standard() {
                            return Vec::new();
                        }
                        handle(problem, settings, chunk, crowded, shared, work)
                    },
                )
                .collect()
        };
        if results.iter().map(Vec::len).sum::<usize>() < round.len() {
            // The budget ended inside the round, or a thread's processor does not round as every proof
            // assumes: nothing of it counts as closed.
            return (End::Exhausted, progress, trail);
        }
        let mut candidates = Vec::new();
        for (subproblem, mut handled) in round.iter().zip(results.into_iter().flatten()) {
            progress.boxes += 1;
            // Rounded sums of shares may end a little above one.
            progress.share = (progress.share + handled.closed_share).min(1.0);
            stuck += handled.stuck as u64;
            if handled.children.is_empty() && !handled.stuck {
                progress.closed += 1;
            }
            candidates.extend(handled.candidates);
            if settings.trail {
                let first = trail.marks.len();
                handled.mark.cut = handled.mark.cut.renumber(&|child| first + child);
                trail.marks[subproblem.mark] = handled.mark;
                for child in &mut handled.children {
                    child.mark = trail.marks.len();
                    trail.marks.push(Mark::default());
                }
            }
            for child in handled.children {
                queue.push(child);
            }
        }
        progress.open = queue.len() as u64 + stuck;
        progress.worst = queue.worst();
        listener.progress(&progress);
        if !candidates.is_empty() && listener.confirm(&candidates) {
            return (End::Stopped, progress, trail);
        }
    }
    (if stuck == 0 { End::Closed } else { End::Stuck }, progress, trail)
}

/// Bounds a chunk of boxes and decides what becomes of each.
fn handle(
    problem: &Problem,
    settings: &Settings,
    chunk: &[Subproblem],
    crowded: bool,
    listener: &dyn Listener,
    work: &mut Workspace,
) -> Vec<Handled> {
    let mut boxes = Boxes::new(problem.network.input_len());
    for subproblem in chunk {
        boxes.push(&subproblem.lower, &subproblem.upper);
    }
    let inherited = queue::gather(problem.network, chunk);
    let (bounds, relaxations) = propagate(
        problem.network,
        Some(&problem.frame),
        &boxes,
        inherited.as_ref(),
        settings.intermediate,
        work,
    );
    let (seeds, first) = seeds(problem, chunk);
    let output = problem.network.output();
    let mut forms =
        backward(problem.network, &problem.frame, &relaxations, output, &seeds.seeds, None, work);
    let rows = seeds.rows.iter().map(|row| &problem.rows[*row as usize]);
    problem.add_input_parts(&mut forms, rows);
    let mut marks = vec![Mark::default(); chunk.len()];
    let cases = leaf::first_look(problem, chunk, &forms, &seeds.rows, &first, &mut marks);
    let cases = leaf::sharpen(problem, settings, &relaxations, cases, &mut marks, work);
    for relaxation in relaxations {
        relaxation.recycle(work);
    }
    let seekers = cases.iter().flat_map(|case| case.seekers()).collect();
    let candidates = attack::descend(problem, seekers, DESCENT);
    let mut exact_tries = settings.exact_tries;
    let mut rest = cases.as_slice();
    let mut handled: Vec<Handled> = chunk
        .iter()
        .enumerate()
        .map(|(b, subproblem)| {
            let (mine, more) = rest.split_at(rest.partition_point(|case| case.b <= b));
            rest = more;
            let mark = std::mem::take(&mut marks[b]);
            leaf::conclude(
                problem,
                subproblem,
                mine,
                crowded,
                listener,
                &mut exact_tries,
                mark,
                || Arc::new(queue::Inherited::new(problem.network, &bounds, b)),
            )
        })
        .collect();
    if let Some(handled) = handled.first_mut() {
        handled.candidates = candidates;
    }
    forms.recycle(work);
    for node in bounds {
        work.give(node.lower);
        work.give(node.upper);
    }
    handled
}

struct RowSeeds {
    seeds: Seeds,
    /// Row of the problem behind each seed.
    rows: Vec<u32>,
}

/// One seed per box and distinct row of its open disjuncts; `first[b]..first[b + 1]` are those of box `b`.
fn seeds(problem: &Problem, chunk: &[Subproblem]) -> (RowSeeds, Vec<usize>) {
    let mut rows = Vec::new();
    let mut owner = Vec::new();
    let mut first = vec![0];
    for (b, subproblem) in chunk.iter().enumerate() {
        let start = rows.len();
        for disjunct in &subproblem.open {
            rows.extend_from_slice(&problem.disjuncts[*disjunct as usize]);
        }
        rows[start..].sort_unstable();
        let mut keep = start;
        for i in start..rows.len() {
            if i == start || rows[i] != rows[keep - 1] {
                rows[keep] = rows[i];
                keep += 1;
            }
        }
        rows.truncate(keep);
        owner.resize(rows.len(), b as u32);
        first.push(rows.len());
    }
    let len = problem.network.output_len();
    let mut coefficients = vec![0.0; rows.len() * len];
    let mut constant = Vec::with_capacity(rows.len());
    for (r, row) in rows.iter().enumerate() {
        let row = &problem.rows[*row as usize];
        for (index, value) in &row.outputs {
            coefficients[r * len + *index as usize] = *value;
        }
        constant.push(row.constant);
    }
    (RowSeeds { seeds: Seeds::Rows { owner, coefficients, constant }, rows }, first)
}
