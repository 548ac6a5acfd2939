//! Lines below and above functions of one variable.

use super::{Lines, envelope};
use crate::bound::{NodeBounds, Workspace};
use plimsoll_check::number::Interval;
use plimsoll_check::ops::Function;

impl Lines {
    /// The lines that touch the function's convex and concave envelopes in the middle, nearly.
    pub(super) fn new(function: Function, bounds: &NodeBounds, work: &mut Workspace) -> Lines {
        let mut lines = Lines {
            function,
            l: Vec::new(),
            u: Vec::new(),
            below: Default::default(),
            above: Default::default(),
        };
        let len = bounds.lower.len();
        for array in lines.arrays() {
            *array = work.take(len);
        }
        lines.l.copy_from_slice(&bounds.lower);
        lines.u.copy_from_slice(&bounds.upper);
        for i in 0..len {
            let middle = 0.5 * lines.l[i] + 0.5 * lines.u[i];
            lines.touch(i, middle, true);
            lines.touch(i, middle, false);
        }
        lines
    }

    pub(super) fn arrays(&mut self) -> impl Iterator<Item = &mut Vec<f64>> {
        let below = [&mut self.below.slope, &mut self.below.offset, &mut self.below.parameter];
        let above = [&mut self.above.slope, &mut self.above.offset, &mut self.above.parameter];
        [&mut self.l, &mut self.u].into_iter().chain(below).chain(above)
    }

    /// Lays the line below (or above) element `i` so that it touches the envelope at `at`, nearly; its
    /// offset is proved for the slope as it is stored.
    pub fn touch(&mut self, i: usize, at: f64, below: bool) {
        let domain = Interval { lo: self.l[i], hi: self.u[i] };
        let slope = envelope::slope(&self.function, domain, at, below);
        let (side, offset) = match below {
            true => (&mut self.below, self.function.lowest_above(slope, domain)),
            false => (&mut self.above, self.function.highest_below(slope, domain)),
        };
        side.slope[i] = slope;
        side.offset[i] = offset;
        side.parameter[i] = at;
    }
}
