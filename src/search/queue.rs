//! Open subproblems: best first while there is room, depth first when there is not.

use super::Problem;
use crate::bound::{Bounds, NodeBounds};
use crate::net::Network;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// A box with the disjuncts that are open on it.
#[derive(Debug, Clone)]
pub struct Subproblem {
    /// Lower faces, rounded down.
    pub lower: Vec<f64>,
    /// Upper faces, rounded up.
    pub upper: Vec<f64>,
    /// Indices of open disjuncts.
    pub open: Vec<u32>,
    /// The best lower bound known: the least over open disjuncts of the greatest over rows.
    pub bound: f64,
    /// Bounds of pre-activations over a superset of the box.
    pub inherited: Option<Arc<Inherited>>,
    /// Share of the whole query's volume.
    pub share: f64,
    /// Number of splits above.
    pub depth: u32,
    /// Position in the order of creation.
    pub id: u64,
    /// Where the trail tells of this box.
    pub mark: usize,
}

impl Subproblem {
    /// The whole region.
    pub fn root(problem: &Problem, region: usize, open: Vec<u32>, share: f64) -> Subproblem {
        Subproblem {
            lower: problem.boxes.lower_of(region).to_vec(),
            upper: problem.boxes.upper_of(region).to_vec(),
            open,
            bound: f64::NEG_INFINITY,
            inherited: None,
            share,
            depth: 0,
            id: 0,
            mark: 0,
        }
    }

    fn bytes(&self) -> usize {
        let shared = self.inherited.as_ref().map_or(0, |i| i.bytes / 2);
        size_of::<Subproblem>() + 16 * self.lower.len() + 4 * self.open.len() + 64 + shared
    }
}

/// Bounds of pre-activations that a parent proved, in float32 rounded outward.
#[derive(Debug)]
pub struct Inherited {
    nodes: Vec<(usize, Vec<f32>, Vec<f32>)>,
    bytes: usize,
}

impl Inherited {
    /// Keeps the pre-activation bounds of box `b`.
    pub fn new(network: &Network, bounds: &Bounds, b: usize) -> Inherited {
        let mut bytes = 0;
        let nodes = network
            .pre_activations()
            .into_iter()
            .map(|index| {
                let len = network.nodes[index].len;
                bytes += 8 * len;
                let at = b * len..(b + 1) * len;
                let lower = bounds[index].lower[at.clone()].iter().map(|v| down32(*v)).collect();
                let upper = bounds[index].upper[at].iter().map(|v| -down32(-*v)).collect();
                (index, lower, upper)
            })
            .collect();
        Inherited { nodes, bytes }
    }
}

/// The greatest float32 that is not above `value`.
fn down32(value: f64) -> f32 {
    let near = value as f32;
    if near as f64 <= value { near } else { near.next_down() }
}

/// The inherited bounds of a chunk as a batch; an empty entry where nothing was inherited.
pub fn gather(network: &Network, chunk: &[Subproblem]) -> Option<Bounds> {
    if chunk.iter().all(|s| s.inherited.is_none()) {
        return None;
    }
    let mut all: Bounds = vec![NodeBounds::default(); network.nodes.len()];
    for index in network.pre_activations() {
        let len = network.nodes[index].len;
        all[index].lower = vec![f64::NEG_INFINITY; chunk.len() * len];
        all[index].upper = vec![f64::INFINITY; chunk.len() * len];
    }
    for (b, subproblem) in chunk.iter().enumerate() {
        for (index, lower, upper) in subproblem.inherited.iter().flat_map(|i| &i.nodes) {
            let at = b * lower.len();
            for (k, (l, u)) in lower.iter().zip(upper).enumerate() {
                all[*index].lower[at + k] = *l as f64;
                all[*index].upper[at + k] = *u as f64;
            }
        }
    }
    Some(all)
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

/// The open subproblems.
pub struct Queue {
    heap: BinaryHeap<Ranked>,
    /// What came in while memory was short; taken last in, first out, before the heap.
    stack: Vec<Subproblem>,
    bytes: usize,
    limit: usize,
    created: u64,
}

impl Queue {
    /// An empty queue that keeps to `limit` bytes, roughly.
    pub fn new(limit: usize) -> Queue {
        Queue { heap: BinaryHeap::new(), stack: Vec::new(), bytes: 0, limit, created: 0 }
    }

    /// Number of subproblems.
    pub fn len(&self) -> usize {
        self.heap.len() + self.stack.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The worst bound in the queue, `inf` if it is empty.
    pub fn worst(&self) -> f64 {
        let top = self.heap.peek().map_or(f64::INFINITY, |r| r.0.bound);
        self.stack.iter().fold(top, |worst, s| worst.min(s.bound))
    }

    /// Adds a subproblem.
    pub fn push(&mut self, mut subproblem: Subproblem) {
        self.created += 1;
        subproblem.id = self.created;
        if self.bytes > self.limit / 2 {
            subproblem.inherited = None;
        }
        self.bytes += subproblem.bytes();
        if self.bytes > self.limit {
            self.stack.push(subproblem);
        } else {
            self.heap.push(Ranked(subproblem));
        }
    }

    /// Takes up to `count` subproblems.
    pub fn pop_round(&mut self, count: usize) -> Vec<Subproblem> {
        let mut round = Vec::new();
        while round.len() < count {
            let Some(next) = self.stack.pop().or_else(|| self.heap.pop().map(|r| r.0)) else {
                break;
            };
            self.bytes -= next.bytes();
            round.push(next);
        }
        round
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_float() -> impl Strategy<Value = f64> {
        prop_oneof![
            -10.0..10.0f64,
            any::<u64>().prop_map(f64::from_bits).prop_filter("a number", |v| !v.is_nan()),
        ]
    }

    proptest! {
        /// What a child inherits is never tighter than what its parent proved.
        #[test]
        fn inherited_bounds_are_rounded_outward(value in any_float()) {
            prop_assert!(f64::from(down32(value)) <= value);
            prop_assert!(f64::from(-down32(-value)) >= value);
            let near = f64::from(value as f32);
            prop_assert!(near != value || f64::from(down32(value)) == value);
        }
    }
}
