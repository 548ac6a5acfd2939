//! Products: planes below and above (McCormick 1976) whose offsets hold for the slopes as
//! they are stored.
//!
//! `x y - p x - q y` is linear in each of `x` and `y`, so that it is least at a corner of their box, for
//! any `p` and `q`.

use super::Planes;
use crate::bound::{NodeBounds, Workspace};
use crate::kernel::rounding::UNIT;
use plimsoll_check::number::Interval;

/// Bounds on `x y - p x - q y` over a box; not finite where the box is not, or something overflows.
pub fn corners(x: Interval, y: Interval, p: f64, q: f64) -> Interval {
    let mut all = Interval { lo: f64::INFINITY, hi: f64::NEG_INFINITY };
    for x in [x.lo, x.hi] {
        for y in [y.lo, y.hi] {
            let parts = [x * y, p * x, q * y];
            let value = parts[0] - parts[1] - parts[2];
            let magnitude = parts[0].abs() + parts[1].abs() + parts[2].abs();
            // Three products and two differences, each rounded by a unit of at most the magnitude, and what
            // three products lose below the normal range.
            let error = 8.0 * UNIT * magnitude + f64::MIN_POSITIVE;
            let (lo, hi) = ((value - error).next_down(), (value + error).next_up());
            if lo.is_nan() || hi.is_nan() {
                return Interval::ALL;
            }
            all = Interval { lo: all.lo.min(lo), hi: all.hi.max(hi) };
        }
    }
    all
}

impl Planes {
    /// Of the two planes of McCormick on each side, the one whose own bound over the box is the better.
    pub(super) fn new(
        (left, right): (&NodeBounds, &NodeBounds),
        pairs: &[(u32, u32)],
        count: usize,
        work: &mut Workspace,
    ) -> Planes {
        let mut planes = Planes::default();
        planes.arrays().for_each(|array| *array = work.take(count * pairs.len()));
        let lens = (left.lower.len() / count.max(1), right.lower.len() / count.max(1));
        for b in 0..count {
            for (k, (i, j)) in pairs.iter().enumerate() {
                let at = b * pairs.len() + k;
                let x = left.interval(b * lens.0 + *i as usize);
                let y = right.interval(b * lens.1 + *j as usize);
                for (array, end) in planes.ends.iter_mut().zip([x.lo, x.hi, y.lo, y.hi]) {
                    array[at] = end;
                }
                for below in [true, false] {
                    let own = [0.0, 1.0].map(|share| own_bound(x, y, share, below));
                    let share = if own[1] > own[0] { 1.0 } else { 0.0 };
                    planes.mix(at, share, below);
                }
            }
        }
        planes
    }

    pub(super) fn arrays(&mut self) -> impl Iterator<Item = &mut Vec<f64>> {
        self.ends.iter_mut().chain(self.below.arrays()).chain(self.above.arrays())
    }

    /// Lays the plane below (or above) element `at` between McCormick's two, the second with this share; its
    /// offset is proved for the slopes as they are stored.
    pub fn mix(&mut self, at: usize, share: f64, below: bool) {
        let [x0, x1, y0, y1] = [0, 1, 2, 3].map(|end| self.ends[end][at]);
        let (x, y) = (Interval { lo: x0, hi: x1 }, Interval { lo: y0, hi: y1 });
        let (p, q) = slopes(x, y, share, below);
        let rest = corners(x, y, p, q);
        let (side, offset) =
            if below { (&mut self.below, rest.lo) } else { (&mut self.above, rest.hi) };
        side.slope[at] = p;
        side.right[at] = q;
        side.offset[at] = offset;
        side.parameter[at] = share;
    }

    /// How the value of the plane at `(x, y)` grows with its share.
    pub(in crate::bound) fn growth(&self, at: usize, (x, y): (f64, f64), below: bool) -> f64 {
        let [x0, x1, y0, y1] = [0, 1, 2, 3].map(|end| self.ends[end][at]);
        // From (x - x0)(y - y0) >= 0 to (x1 - x)(y1 - y) >= 0, or with the ends of x exchanged.
        let (x0, x1) = if below { (x0, x1) } else { (x1, x0) };
        (y1 - y0) * x + (x1 - x0) * y - (x1 * y1 - x0 * y0)
    }
}

/// Slopes of the plane between McCormick's two; zero where they are not finite.
fn slopes(x: Interval, y: Interval, share: f64, below: bool) -> (f64, f64) {
    let (first, second) = if below { (x.lo, x.hi) } else { (x.hi, x.lo) };
    let p = (1.0 - share) * y.lo + share * y.hi;
    let q = (1.0 - share) * first + share * second;
    if p.is_finite() && q.is_finite() { (p, q) } else { (0.0, 0.0) }
}

/// The bound of the plane's own over the box, the greater the better on both sides.
fn own_bound(x: Interval, y: Interval, share: f64, below: bool) -> f64 {
    let (p, q) = slopes(x, y, share, below);
    let least = |slope: f64, z: Interval| (slope * z.lo).min(slope * z.hi);
    if below { least(p, x) + least(q, y) - p * q } else { least(-p, x) + least(-q, y) + p * q }
}
