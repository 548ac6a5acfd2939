//! One forward pass over the network that leaves proven bounds on every node.

use super::backward::tighten;
use super::{Bounds, Boxes, Frame, NodeBounds, Relaxation, Workspace, affine, zonotope};
use crate::net::{Network, Primitive};

/// How pre-activations are bounded on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intermediate {
    /// Interval arithmetic only.
    Interval,
    /// Interval arithmetic intersected with a zonotope of at most this many error generators.
    Zonotope {
        /// Error generators kept beside those of the inputs; the rest is a box.
        keep: usize,
    },
    /// Interval arithmetic, then one backward sweep per pre-activation that is still unstable.
    Backward,
    /// All three, each making the next one cheaper.
    All {
        /// As in [`Intermediate::Zonotope`].
        keep: usize,
    },
}

/// Bounds all nodes over the boxes, and gives the relaxation of every relu node.
///
/// `inherited`, if given, holds proven bounds of pre-activations over supersets of the boxes, indexed
/// by node (an empty entry says nothing); what it proves stable is not bounded again.
pub fn propagate(
    network: &Network,
    frame: Option<&Frame>,
    boxes: &Boxes,
    inherited: Option<&Bounds>,
    method: Intermediate,
    work: &mut Workspace,
) -> (Bounds, Vec<Relaxation>) {
    let mut bounds: Bounds = Vec::with_capacity(network.nodes.len());
    let mut relaxations: Vec<Relaxation> = vec![Relaxation::default(); network.nodes.len()];
    let mut zonotope = match method {
        Intermediate::Zonotope { keep } | Intermediate::All { keep } => {
            Some(zonotope::Sweep::new(network, boxes, keep))
        }
        Intermediate::Interval | Intermediate::Backward => None,
    };
    let sweeps = matches!(method, Intermediate::Backward | Intermediate::All { .. });
    let feeds_relu = feeds_relu(network);
    for (index, node) in network.nodes.iter().enumerate() {
        let mut found = match &node.primitive {
            Primitive::Input => {
                NodeBounds { lower: boxes.lower.clone(), upper: boxes.upper.clone() }
            }
            Primitive::Affine { terms, bias, slack } => {
                affine::enclose(terms, bias, slack, &bounds, boxes.count, work)
            }
            Primitive::Relu { of } => {
                relaxations[index] = Relaxation::new(&bounds[*of], work);
                relu(&bounds[*of])
            }
        };
        if let Some(known) =
            inherited.map(|all| &all[index]).filter(|known| !known.lower.is_empty())
        {
            found.intersect(known);
        }
        if let Some(sweep) = &mut zonotope {
            sweep.step(index, &bounds, &mut found, work);
        }
        if let Some(frame) = frame.filter(|_| sweeps && feeds_relu[index]) {
            // An affine function of the inputs alone is bounded exactly by intervals already.
            if !reads_only_inputs(&node.primitive) {
                let wanted = unstable(&found, boxes.count, node.len);
                if !wanted.is_empty() {
                    tighten(network, frame, &relaxations, index, boxes, &wanted, &mut found, work);
                }
            }
        }
        bounds.push(found);
    }
    (bounds, relaxations)
}

fn feeds_relu(network: &Network) -> Vec<bool> {
    let mut feeds = vec![false; network.nodes.len()];
    for node in network.pre_activations() {
        feeds[node] = true;
    }
    feeds
}

fn reads_only_inputs(primitive: &Primitive) -> bool {
    match primitive {
        Primitive::Affine { terms, .. } => terms.iter().all(|term| term.from == 0),
        Primitive::Input | Primitive::Relu { .. } => false,
    }
}

/// The `(box, element)` pairs whose sign is not decided.
fn unstable(bounds: &NodeBounds, count: usize, len: usize) -> Vec<(u32, u32)> {
    let mut wanted = Vec::new();
    for b in 0..count {
        for e in 0..len {
            let at = b * len + e;
            if bounds.lower[at] < 0.0 && bounds.upper[at] > 0.0 {
                wanted.push((b as u32, e as u32));
            }
        }
    }
    wanted
}

/// `max(0, .)` is monotone and exact.
fn relu(bounds: &NodeBounds) -> NodeBounds {
    NodeBounds {
        lower: bounds.lower.iter().map(|l| l.max(0.0)).collect(),
        upper: bounds.upper.iter().map(|u| u.max(0.0)).collect(),
    }
}
