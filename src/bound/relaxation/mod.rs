//! What stands for the nonlinear nodes in linear sweeps: lines and planes below and above them, a box at
//! a time.
//!
//! Slopes may be any floats; what makes a line a bound is its offset, which is computed from the slope as it
//! is stored. So slopes can come from sampling, or be optimised, without a proof.

mod envelope;
mod line;
mod plane;

use super::{Bounds, Workspace};
use crate::net::Primitive;
use plimsoll_check::ops::Function;

pub use plane::corners;

/// The lines or planes that replace one node, for a batch of boxes.
#[derive(Debug, Clone, Default)]
pub enum Relaxation {
    /// The node is linear.
    #[default]
    Exact,
    /// Of a relu node.
    Relu(Slopes),
    /// Of a pointwise function.
    Pointwise(Lines),
    /// Of products.
    Product(Planes),
}

/// Slopes of the lines around relus (each array `count x len`).
#[derive(Debug, Clone, Default)]
pub struct Slopes {
    /// Slope where the coefficient is not negative, in [0, 1].
    pub lower: Vec<f64>,
    /// Slope where the coefficient is negative, in [0, 1].
    pub upper: Vec<f64>,
    /// Lower end of the pre-activation where it is unstable, else 0.
    pub l: Vec<f64>,
    /// Upper end of the pre-activation where it is unstable, else 0.
    pub u: Vec<f64>,
}

/// A linear function below or above a nonlinear one (each array `count x len`).
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Slope along the pre-activation, or along the left factor.
    pub slope: Vec<f64>,
    /// Slope along the right factor; empty for functions of one variable.
    pub right: Vec<f64>,
    /// What is added; infinite where nothing is known.
    pub offset: Vec<f64>,
    /// What may be varied: for a function, where the line touches its envelope; for a product, the share of
    /// the second of McCormick's two planes.
    pub parameter: Vec<f64>,
}

/// Lines `slope z + offset` below and above a function.
#[derive(Debug, Clone)]
pub struct Lines {
    /// The function.
    pub function: Function,
    /// Lower ends of the pre-activation.
    pub l: Vec<f64>,
    /// Upper ends.
    pub u: Vec<f64>,
    /// The lines below.
    pub below: Side,
    /// The lines above.
    pub above: Side,
}

/// Planes `slope x + right y + offset` below and above products `x y`.
#[derive(Debug, Clone, Default)]
pub struct Planes {
    /// Lower and upper ends of the left and the right factors.
    pub ends: [Vec<f64>; 4],
    /// The planes below.
    pub below: Side,
    /// The planes above.
    pub above: Side,
}

impl Relaxation {
    /// Most arrays of one number an element.
    pub const ARRAYS: usize = 12;

    /// The relaxation of a node, from bounds of its operands for `count` boxes.
    pub fn new(
        primitive: &Primitive,
        bounds: &Bounds,
        count: usize,
        work: &mut Workspace,
    ) -> Relaxation {
        match primitive {
            Primitive::Input | Primitive::Affine { .. } => Relaxation::Exact,
            Primitive::Relu { of } => {
                let mut slopes = Slopes::default();
                slopes.arrays().for_each(|array| *array = work.take(bounds[*of].lower.len()));
                slopes.fill(&bounds[*of].lower, &bounds[*of].upper);
                Relaxation::Relu(slopes)
            }
            Primitive::Pointwise { of, function } => {
                Relaxation::Pointwise(Lines::new(*function, &bounds[*of], work))
            }
            Primitive::Product { left, right, pairs } => {
                let factors = (&bounds[*left], &bounds[*right]);
                Relaxation::Product(Planes::new(factors, pairs, count, work))
            }
        }
    }

    /// The relaxation of rows instead of boxes: row `r` has what box `owner[r]` has.
    pub fn per_row(&self, count: usize, owner: &[u32]) -> Relaxation {
        let mut copy = self.clone();
        copy.arrays().for_each(|array| {
            let len = array.len() / count.max(1);
            let rows = owner.iter().flat_map(|b| &array[*b as usize * len..][..len]);
            *array = rows.copied().collect();
        });
        copy
    }

    /// Gives the buffers back.
    pub fn recycle(mut self, work: &mut Workspace) {
        self.arrays().for_each(|array| work.give(std::mem::take(array)));
    }

    fn arrays(&mut self) -> Box<dyn Iterator<Item = &mut Vec<f64>> + '_> {
        match self {
            Relaxation::Exact => Box::new([].into_iter()),
            Relaxation::Relu(slopes) => Box::new(slopes.arrays()),
            Relaxation::Pointwise(lines) => Box::new(lines.arrays()),
            Relaxation::Product(planes) => Box::new(planes.arrays()),
        }
    }
}

impl Slopes {
    fn arrays(&mut self) -> impl Iterator<Item = &mut Vec<f64>> {
        [&mut self.lower, &mut self.upper, &mut self.l, &mut self.u].into_iter()
    }

    /// Chord above; below, the line of slope 0 or 1 that leaves the smaller area.
    fn fill(&mut self, lower_ends: &[f64], upper_ends: &[f64]) {
        for i in 0..lower_ends.len() {
            let (l, u) = (lower_ends[i], upper_ends[i]);
            let (lower, upper, l, u) = if l >= 0.0 {
                (1.0, 1.0, 0.0, 0.0)
            } else if u <= 0.0 {
                (0.0, 0.0, 0.0, 0.0)
            } else {
                // Any chord slope in [0, 1] is sound; `min` guards the last bit.
                let chord = (u / (u - l)).min(1.0);
                (if u > -l { 1.0 } else { 0.0 }, chord, l, u)
            };
            self.lower[i] = lower;
            self.upper[i] = upper;
            self.l[i] = l;
            self.u[i] = u;
        }
    }
}

impl Side {
    fn arrays(&mut self) -> impl Iterator<Item = &mut Vec<f64>> {
        [&mut self.slope, &mut self.right, &mut self.offset, &mut self.parameter].into_iter()
    }
}
