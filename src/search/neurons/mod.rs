//! Branch and bound on the signs of pre-activations, for networks with more inputs than can be split.
//!
//! Pre-activations are bounded once for a region, and relus that are stable there stay linear for good. A
//! subproblem is a list of assumed signs; what a split costs enters its row as a multiplier (beta-CROWN, Wang et
//! al. 2021), which is improved together with slopes and the multipliers of the rows. The worst
//! subproblems are bounded first, many at once, so that weights are read once for all of them.

mod bound;
mod branch;

pub use branch::CANDIDATES;

use super::{Cut, End, Listener, Mark, Progress, Trail};
use crate::bound::{Bounds, Boxes, Intermediate, Relaxation, Workspace, propagate};
use crate::budget::Budget;
use crate::kernel::rounding;
use crate::net::{NodeIndex, Primitive};
use crate::problem::Problem;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// What a search is asked to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How pre-activations are bounded over the regions.
    pub intermediate: Intermediate,
    /// Sweeps that optimise slopes and multipliers of a whole region.
    pub root_iterations: usize,
    /// Sweeps that do so for a subproblem.
    pub iterations: usize,
    /// Subproblems that a thread bounds side by side.
    pub chunk: usize,
    /// Chunks per round.
    pub chunks: usize,
    /// Bytes that open subproblems may take.
    pub memory: usize,
    /// Subproblems that may be bounded in all.
    pub subproblems: u64,
    /// Whether to keep a trail for a proof.
    pub trail: bool,
}

/// A sign that is assumed of a pre-activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sign {
    /// The relu node that reads it.
    pub relu: u32,
    /// The element.
    pub element: u32,
    /// Whether it is assumed not to be negative, or not to be positive.
    pub active: bool,
    /// The multiplier of the assumption so far, not negative.
    pub multiplier: f32,
}

/// A part of a region where some pre-activations have known signs.
#[derive(Debug, Clone)]
pub(super) struct Subproblem {
    /// The disjunct that is to be excluded.
    pub disjunct: u32,
    /// Assumed signs.
    pub signs: Vec<Sign>,
    /// The best lower bound known.
    pub bound: f64,
    /// Multipliers of the disjunct's rows; empty at the root.
    pub rows: Vec<f64>,
    /// Slopes below the region's unstable relus, to begin with; empty at the root.
    pub slopes: Arc<Vec<f32>>,
    /// Share of the whole query.
    pub share: f64,
    /// Position in the order of creation.
    pub id: u64,
    /// Where the trail tells of it.
    pub mark: usize,
}

impl Subproblem {
    fn bytes(&self) -> usize {
        // Two children share the slopes.
        size_of::<Subproblem>()
            + size_of::<Sign>() * self.signs.len()
            + 8 * self.rows.len()
            + 2 * self.slopes.len()
            + 64
    }
}

/// What is known of a whole region.
pub(super) struct Root {
    /// The region as a batch of one box.
    pub boxes: Boxes,
    /// Bounds of all nodes.
    pub bounds: Bounds,
    /// Relaxations of all nodes.
    pub relaxations: Vec<Relaxation>,
    /// Unstable relus: node and element, in order.
    pub unstable: Vec<(NodeIndex, u32)>,
}

impl Root {
    fn new(problem: &Problem, region: usize, settings: &Settings, work: &mut Workspace) -> Root {
        let mut boxes = Boxes::new(problem.network.input_len());
        boxes.push(problem.boxes.lower_of(region), problem.boxes.upper_of(region));
        let (bounds, relaxations) = propagate(
            problem.network,
            Some(&problem.frame),
            &boxes,
            None,
            settings.intermediate,
            work,
        );
        let mut unstable = Vec::new();
        for (index, node) in problem.network.nodes.iter().enumerate() {
            let Primitive::Relu { of } = node.primitive else { continue };
            let open = |k: &usize| bounds[of].lower[*k] < 0.0 && bounds[of].upper[*k] > 0.0;
            unstable.extend((0..node.len).filter(open).map(|k| (index, k as u32)));
        }
        Root { boxes, bounds, relaxations, unstable }
    }

    /// Numbers that the relaxations of one subproblem take.
    fn size(&self, problem: &Problem) -> usize {
        Relaxation::ARRAYS * problem.network.nonlinear_count() + problem.network.input_len()
    }
}

struct Ranked(Subproblem);

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Ranked {}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ranked {
    /// The worst bound first, then the older one.
    fn cmp(&self, other: &Ranked) -> Ordering {
        other.0.bound.total_cmp(&self.0.bound).then(other.0.id.cmp(&self.0.id))
    }
}

/// Open subproblems: the worst first, and the newest first when memory is short.
struct Queue {
    heap: BinaryHeap<Ranked>,
    stack: Vec<Subproblem>,
    bytes: usize,
    limit: usize,
    created: u64,
}

impl Queue {
    fn push(&mut self, mut subproblem: Subproblem) {
        self.created += 1;
        subproblem.id = self.created;
        self.bytes += subproblem.bytes();
        if self.bytes > self.limit {
            self.stack.push(subproblem);
        } else {
            self.heap.push(Ranked(subproblem));
        }
    }

    fn pop(&mut self) -> Option<Subproblem> {
        let next = self.stack.pop().or_else(|| self.heap.pop().map(|ranked| ranked.0))?;
        self.bytes -= next.bytes();
        Some(next)
    }

    fn len(&self) -> usize {
        self.heap.len() + self.stack.len()
    }

    fn worst(&self) -> f64 {
        let top = self.heap.peek().map_or(f64::INFINITY, |ranked| ranked.0.bound);
        self.stack.iter().fold(top, |worst, subproblem| worst.min(subproblem.bound))
    }
}

/// Searches region by region until every subproblem is closed, a point is confirmed, or the budget ends.
pub fn search(
    problem: &Problem,
    settings: &Settings,
    budget: &Budget,
    listener: &mut dyn Listener,
) -> (End, Progress, Trail) {
    let mut progress = Progress::default();
    // The regions' own marks come first.
    let mut trail = Trail { marks: vec![Mark::default(); problem.boxes.count] };
    let mut stuck = 0;
    let all = problem.disjuncts.len().max(1) as f64;
    for region in 0..problem.boxes.count {
        let disjuncts = problem.disjuncts_of(region);
        if disjuncts.is_empty() {
            continue;
        }
        let mut work = Workspace::within(budget);
        let root = Root::new(problem, region, settings, &mut work);
        let mut queue = Queue {
            heap: BinaryHeap::new(),
            stack: Vec::new(),
            bytes: 0,
            limit: settings.memory,
            created: 0,
        };
        let mut cases = Vec::new();
        for disjunct in disjuncts {
            let mark = trail.marks.len();
            trail.marks.push(Mark::default());
            cases.push((disjunct, Cut::Box(mark)));
            queue.push(Subproblem {
                disjunct,
                signs: Vec::new(),
                bound: f64::NEG_INFINITY,
                rows: Vec::new(),
                slopes: Arc::default(),
                share: 1.0 / all,
                id: 0,
                mark,
            });
        }
        trail.marks[region].cut = Cut::Cases(cases);
        progress.open = queue.len() as u64;
        let end = region_search(
            problem,
            settings,
            &root,
            &mut queue,
            (&mut progress, &mut trail),
            &mut stuck,
            budget,
            listener,
        );
        if let Some(end) = end {
            return (end, progress, trail);
        }
    }
    (if stuck == 0 { End::Closed } else { End::Stuck }, progress, trail)
}

/// Searches one region; `None` if nothing of it is open any more that could be split.
fn region_search(
    problem: &Problem,
    settings: &Settings,
    root: &Root,
    queue: &mut Queue,
    (progress, trail): (&mut Progress, &mut Trail),
    stuck: &mut u64,
    budget: &Budget,
    listener: &mut dyn Listener,
) -> Option<End> {
    // Relaxations of subproblems that are bounded side by side stay within 64 MB a thread.
    let most = ((8 << 20) / root.size(problem).max(1)).max(1);
    let chunk = settings.chunk.min(most);
    while queue.len() > 0 {
        if budget.is_exhausted() {
            return Some(End::Exhausted);
        }
        if progress.boxes >= settings.subproblems {
            return Some(End::Limited);
        }
        let round: Vec<Subproblem> =
            std::iter::from_fn(|| queue.pop()).take(chunk * settings.chunks).collect();
        let results: Vec<Option<bound::Bounded>> = round
            .par_chunks(chunk)
            .map_init(
                || Workspace::within(budget),
                |work, chunk| {
                    if budget.is_exhausted() || !rounding::arithmetic_is_standard() {
                        return None;
                    }
                    Some(bound::bound(problem, settings, root, chunk, work))
                },
            )
            .collect();
        if results.iter().any(Option::is_none) {
            // The budget ended inside the round, or a thread's processor does not round as every proof
            // assumes: nothing of it counts as closed.
            return Some(End::Exhausted);
        }
        let mut candidates = Vec::new();
        let mut parents = round.iter();
        for bounded in results.into_iter().flatten() {
            candidates.extend(bounded.candidates);
            // The fates first: the shorter side must end the loop before a parent is taken.
            for (fate, parent) in bounded.fates.into_iter().zip(parents.by_ref()) {
                progress.boxes += 1;
                match fate {
                    bound::Fate::Closed(evidence) => {
                        progress.closed += 1;
                        progress.share = (progress.share + parent.share).min(1.0);
                        trail.marks[parent.mark].closed.extend(evidence);
                    }
                    bound::Fate::Stuck => *stuck += 1,
                    bound::Fate::Split(mut children) => {
                        if settings.trail {
                            let first = trail.marks.len();
                            let sign = children[0].signs[parent.signs.len()];
                            children[0].mark = first;
                            children[1].mark = first + 1;
                            trail.marks.extend([Mark::default(), Mark::default()]);
                            trail.marks[parent.mark].cut = Cut::Sign {
                                relu: sign.relu as usize,
                                element: sign.element,
                                halves: Box::new([Cut::Box(first), Cut::Box(first + 1)]),
                            };
                        }
                        children.into_iter().for_each(|child| queue.push(child));
                    }
                }
            }
        }
        progress.open = queue.len() as u64 + *stuck;
        progress.worst = queue.worst();
        listener.progress(progress);
        if !candidates.is_empty() && listener.confirm(&candidates) {
            return Some(End::Stopped);
        }
    }
    None
}
