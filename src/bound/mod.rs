//! Bounds of a network over boxes: interval, zonotope and backward linear sweeps, all rigorous.
//!
//! A sweep serves a batch of [`Boxes`] at once, so that weights are read once for many of them, and
//! yields [`Bounds`]: for every node and box an enclosure of the exact real values. Rounding is
//! accounted for as ARCHITECTURE.md, "Rounding", says: coefficients may be any floats, and what their
//! computation can have lost is charged to the constant of the inequality.

mod affine;
pub mod alpha;
pub mod backward;
pub mod exact;
pub mod forms;
mod frame;
mod propagate;
mod pull;
mod relaxation;
pub mod zonotope;

pub use backward::{Multipliers, Seeds, Trace, backward, backward_split};
pub use forms::{Forms, minimum};
pub use frame::Frame;
pub use propagate::{Intermediate, is_open, propagate};
pub use relaxation::{Lines, Planes, Relaxation, Side, Slopes};

use crate::budget::Budget;
use plimsoll_check::number::Interval;

/// A batch of boxes, row-major: box `b` has the faces `lower[b * dims ..][..dims]` and likewise `upper`.
#[derive(Debug, Clone, Default)]
pub struct Boxes {
    /// Number of boxes.
    pub count: usize,
    /// Number of inputs.
    pub dims: usize,
    /// Lower faces, rounded down.
    pub lower: Vec<f64>,
    /// Upper faces, rounded up.
    pub upper: Vec<f64>,
}

impl Boxes {
    /// No boxes of `dims` inputs.
    pub fn new(dims: usize) -> Boxes {
        Boxes { count: 0, dims, lower: Vec::new(), upper: Vec::new() }
    }

    /// Appends a box.
    pub fn push(&mut self, lower: &[f64], upper: &[f64]) {
        debug_assert_eq!(lower.len(), self.dims);
        debug_assert_eq!(upper.len(), self.dims);
        self.lower.extend_from_slice(lower);
        self.upper.extend_from_slice(upper);
        self.count += 1;
    }

    /// Lower faces of box `b`.
    pub fn lower_of(&self, b: usize) -> &[f64] {
        &self.lower[b * self.dims..(b + 1) * self.dims]
    }

    /// Upper faces of box `b`.
    pub fn upper_of(&self, b: usize) -> &[f64] {
        &self.upper[b * self.dims..(b + 1) * self.dims]
    }
}

/// Enclosures of every element of one node, for a batch of boxes (row-major, `count x len`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeBounds {
    /// Lower ends.
    pub lower: Vec<f64>,
    /// Upper ends.
    pub upper: Vec<f64>,
}

impl NodeBounds {
    /// The enclosure at a position of the batch.
    pub fn interval(&self, at: usize) -> Interval {
        Interval { lo: self.lower[at], hi: self.upper[at] }
    }

    /// Keeps the tighter end of `self` and `other`; both enclose the same values.
    pub fn intersect(&mut self, other: &NodeBounds) {
        for (mine, theirs) in self.lower.iter_mut().zip(&other.lower) {
            if *theirs > *mine {
                *mine = *theirs;
            }
        }
        for (mine, theirs) in self.upper.iter_mut().zip(&other.upper) {
            if *theirs < *mine {
                *mine = *theirs;
            }
        }
    }

    /// Whether all ends are finite.
    pub fn is_finite(&self) -> bool {
        self.lower.iter().chain(&self.upper).all(|v| v.is_finite())
    }
}

/// Enclosures of all nodes, indexed as [`crate::net::Network::nodes`].
pub type Bounds = Vec<NodeBounds>;

/// What a thread sweeps with: reusable buffers, since sweeps over small networks would otherwise spend
/// more time in the allocator than in products, and the budget, since one sweep over a large network can
/// take longer than the time that is left.
#[derive(Debug, Default)]
pub struct Workspace {
    free: Vec<Vec<f64>>,
    budget: Option<Budget>,
    /// Where ends that were bounded with slopes of their own are taken down, for a proof.
    pub ends: Option<Vec<alpha::End>>,
}

impl Workspace {
    /// A workspace whose sweeps stop tightening when the budget ends.
    pub fn within(budget: &Budget) -> Workspace {
        Workspace { budget: Some(budget.clone()), ..Workspace::default() }
    }

    /// Whether the time is up: bounds that are still wider than they could be are sound all the same.
    pub fn is_late(&self) -> bool {
        self.budget.as_ref().is_some_and(Budget::is_exhausted)
    }

    /// A buffer of `len` numbers with unspecified content.
    pub fn take(&mut self, len: usize) -> Vec<f64> {
        let mut buffer = self.free.pop().unwrap_or_default();
        if buffer.len() > len {
            buffer.truncate(len);
        } else {
            buffer.resize(len, 0.0);
        }
        buffer
    }

    /// Gives a buffer back.
    pub fn give(&mut self, buffer: Vec<f64>) {
        if self.free.len() < 64 {
            self.free.push(buffer);
        }
    }
}
