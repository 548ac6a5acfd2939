//! One forward pass over the network that leaves proven bounds on every node.

use super::backward::tighten;
use super::{Bounds, Boxes, Frame, NodeBounds, Relaxation, Workspace, affine, alpha, zonotope};
use crate::net::{Need, Network, Primitive};
use plimsoll_check::number::Interval;

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
    /// As [`Intermediate::Backward`], with slopes of its own for each pre-activation that is still
    /// unstable, improved for so many sweeps.
    Alpha {
        /// Sweeps a pre-activation.
        iterations: usize,
    },
    /// All three, each making the next one cheaper.
    All {
        /// As in [`Intermediate::Zonotope`].
        keep: usize,
    },
}

/// Bounds all nodes over the boxes, and gives the relaxation of every nonlinear node.
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
        Intermediate::Interval | Intermediate::Backward | Intermediate::Alpha { .. } => None,
    };
    let sweeps = !matches!(method, Intermediate::Interval | Intermediate::Zonotope { .. });
    for (index, node) in network.nodes.iter().enumerate() {
        let mut found = match &node.primitive {
            Primitive::Input => {
                NodeBounds { lower: boxes.lower.clone(), upper: boxes.upper.clone() }
            }
            Primitive::Affine { terms, bias, slack } => {
                affine::enclose(terms, bias, slack, &bounds, boxes.count, work)
            }
            nonlinear => {
                relaxations[index] = Relaxation::new(nonlinear, &bounds, boxes.count, work);
                image(network, nonlinear, &bounds, boxes.count)
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
        let need = network.needs[index];
        let sweep = sweeps && need > Need::Nothing && may_be_loose(&node.primitive);
        if let Some(frame) = frame.filter(|_| sweep) {
            let wanted = wanted(need, &found, boxes.count, node.len);
            if !wanted.is_empty() {
                tighten(network, frame, &relaxations, index, boxes, &wanted, &mut found, work);
            }
            if let Intermediate::Alpha { iterations } = method {
                let wanted = self::wanted(need, &found, boxes.count, node.len);
                let batch = (boxes, wanted.as_slice());
                alpha::tighten(
                    network,
                    frame,
                    &relaxations,
                    index,
                    batch,
                    iterations,
                    &mut found,
                    work,
                );
            }
        }
        bounds.push(found);
    }
    (bounds, relaxations)
}

/// Whether a backward sweep may find tighter bounds than intervals do.
fn may_be_loose(primitive: &Primitive) -> bool {
    match primitive {
        // An affine function of the inputs alone is bounded exactly by intervals already.
        Primitive::Affine { terms, .. } => terms.iter().any(|term| term.from != 0),
        Primitive::Product { .. } => true,
        // The image of tight bounds is tight.
        Primitive::Input | Primitive::Relu { .. } | Primitive::Pointwise { .. } => false,
    }
}

/// Whether tighter bounds of such a value would make the relaxation of its readers tighter.
pub fn is_open(need: Need, lower: f64, upper: f64) -> bool {
    match need {
        Need::Nothing => false,
        Need::Sign => lower < 0.0 && upper > 0.0,
        Need::Range => lower < upper,
    }
}

/// The `(box, element)` pairs whose bounds should be tightened.
fn wanted(need: Need, bounds: &NodeBounds, count: usize, len: usize) -> Vec<(u32, u32)> {
    let mut wanted = Vec::new();
    for b in 0..count {
        for e in 0..len {
            let at = b * len + e;
            if is_open(need, bounds.lower[at], bounds.upper[at]) {
                wanted.push((b as u32, e as u32));
            }
        }
    }
    wanted
}

/// Intervals of a nonlinear node from those of its operands.
fn image(network: &Network, primitive: &Primitive, bounds: &Bounds, count: usize) -> NodeBounds {
    let mut found = NodeBounds::default();
    let mut push = |interval: Interval| {
        found.lower.push(interval.lo);
        found.upper.push(interval.hi);
    };
    match primitive {
        Primitive::Input | Primitive::Affine { .. } => {}
        Primitive::Relu { of } => return relu(&bounds[*of]),
        Primitive::Pointwise { of, function } => {
            let of = &bounds[*of];
            (0..of.lower.len()).for_each(|at| push(function.image(of.interval(at))));
        }
        Primitive::Product { left, right, pairs } => {
            let [m, n] = [*left, *right].map(|node| network.nodes[node].len);
            for b in 0..count {
                for (i, j) in pairs {
                    let x = bounds[*left].interval(b * m + *i as usize);
                    push(x.mul(bounds[*right].interval(b * n + *j as usize)));
                }
            }
        }
    }
    found
}

/// `max(0, .)` is monotone and exact.
fn relu(bounds: &NodeBounds) -> NodeBounds {
    NodeBounds {
        lower: bounds.lower.iter().map(|l| l.max(0.0)).collect(),
        upper: bounds.upper.iter().map(|u| u.max(0.0)).collect(),
    }
}
