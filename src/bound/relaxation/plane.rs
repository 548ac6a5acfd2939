//! Products: planes below and above (McCormick 1976) whose offsets hold for the slopes as
//! they are stored.
//!
//! `x y - p x - q y` is linear in each of `x` and `y`, so that it is least at a corner of their box, for
//! any `p` and `q`.

use super::Planes;
use crate::bound::NodeBounds;
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
    pub(super) fn fill(
        &mut self,
        (left, right): (&NodeBounds, &NodeBounds),
        pairs: &[(u32, u32)],
        count: usize,
    ) {
        let lens = (left.lower.len() / count.max(1), right.lower.len() / count.max(1));
        for b in 0..count {
            for (k, (i, j)) in pairs.iter().enumerate() {
                let at = b * pairs.len() + k;
                let x = left.interval(b * lens.0 + *i as usize);
                let y = right.interval(b * lens.1 + *j as usize);
                let (p, q) = steeper([(y.lo, x.lo), (y.hi, x.hi)], x, y);
                self.below_left[at] = p;
                self.below_right[at] = q;
                self.below_offset[at] = corners(x, y, p, q).lo;
                let mirrored = Interval { lo: -x.hi, hi: -x.lo };
                let (p, q) = steeper([(y.lo, -x.hi), (y.hi, -x.lo)], mirrored, y);
                let (p, q) = (p, -q);
                self.above_left[at] = p;
                self.above_right[at] = q;
                self.above_offset[at] = corners(x, y, p, q).hi;
            }
        }
    }
}

/// Of two planes `p x + q y - p q` below `x y`, the one with the greater minimum over the box; slopes that
/// are not finite become zero.
fn steeper(planes: [(f64, f64); 2], x: Interval, y: Interval) -> (f64, f64) {
    let least = |(p, q): (f64, f64)| (p * x.lo).min(p * x.hi) + (q * y.lo).min(q * y.hi) - p * q;
    let (p, q) = if least(planes[1]) > least(planes[0]) { planes[1] } else { planes[0] };
    if p.is_finite() && q.is_finite() { (p, q) } else { (0.0, 0.0) }
}
