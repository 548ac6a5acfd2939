//! Shape: slopes, kinks, jumps, poles, inflections, and how the function bends between them.

use super::{Branches, Curve, Function};
use crate::number::ball::Ball;
use crate::number::elementary::{Curvature, cut};
use crate::number::{Elementary, Interval, Scalar};

/// A stretch of a function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Left end.
    pub lo: f64,
    /// Right end.
    pub hi: f64,
    /// How the function bends in between. At a jump the one-sided limit counts for the piece.
    pub curvature: Curvature,
}

/// What happens at a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakKind {
    /// The curvature changes, the slope does not.
    Inflection,
    /// The slope changes, the value does not.
    Kink,
    /// The value changes.
    Jump,
    /// The function is not defined there and has no bound next to it.
    Pole,
}

/// A place where a function changes its nature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Break {
    /// Where: a float, or the interval of a few floats that the place lies in.
    pub at: Interval,
    /// What happens there.
    pub kind: BreakKind,
}

/// Most breaks or pieces that are listed.
const MOST: usize = 64;

impl Curve {
    /// Cuts a domain where the curvature changes and visits the pieces from left to right.
    pub(super) fn pieces(&self, domain: Interval, mut visit: impl FnMut(f64, f64, Curvature)) {
        let Curve::Scaled { function, outer, inner } = *self else {
            let curvature = match *self {
                Curve::Parabola { square, .. } if square > 0.0 => Curvature::Convex,
                Curve::Parabola { .. } => Curvature::Concave,
                _ => Curvature::Linear,
            };
            return visit(domain.lo, domain.hi, curvature);
        };
        let bend = |c: Curvature| if outer.is_negative() { c.mirrored() } else { c };
        if inner == Ball::ONE {
            return function.pieces(domain, |a, b, curvature| visit(a, b, bend(curvature)));
        }
        let Some(turning) = function.turning() else {
            return visit(domain.lo, domain.hi, Curvature::Unknown);
        };
        // Inflections of f(inner x) are those of f over the factor; a negative one turns their order.
        let mut at = turning.inflections.map(|t| Scalar::div(&t, &inner.interval()));
        let mut first = turning.first;
        if inner.is_negative() {
            at[..turning.count].reverse();
            if turning.count % 2 == 1 {
                first = first.mirrored();
            }
        }
        cut(domain, bend(first), at[..turning.count].iter().copied(), visit);
    }

    /// The places where the curvature changes, in the whole of the curve.
    fn inflections(&self, domain: Interval, mut found: impl FnMut(Interval)) {
        let mut before: Option<(f64, Curvature)> = None;
        self.pieces(domain, |a, b, curvature| {
            if curvature == Curvature::Unknown {
                found(Interval { lo: a, hi: b });
            } else if let Some((end, Curvature::Convex | Curvature::Concave)) = before {
                found(Interval { lo: end, hi: end });
            }
            before = Some((b, curvature));
        });
    }
}

impl Function {
    /// The pieces of a finite domain from left to right, each of one curvature; the places between that
    /// are no floats are in pieces of their own, of unknown curvature. `None` if there are more than 64 or if the
    /// function is not defined on all of the domain.
    ///
    /// Where a piece ends at a jump, also at an end of the domain, the value there need not fit the piece: bounds
    /// that hold at every point are those of [`Function::image`] and [`Function::lowest_above`].
    pub fn pieces(&self, domain: Interval) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        if !self.is_defined_on(domain) || !finite(domain) {
            return None;
        }
        if let Some(branches) = self.branches() {
            for (stretch, curve) in joined(&branches, domain) {
                let mut push = |lo, hi, curvature| pieces.push(Piece { lo, hi, curvature });
                match curve {
                    Some(curve) => curve.pieces(stretch, push),
                    None => push(stretch.lo, stretch.hi, Curvature::Unknown),
                }
            }
            return (pieces.len() <= MOST).then_some(pieces);
        }
        let mut from = domain.lo;
        for at in self.jumps(domain)? {
            if at > from {
                pieces.push(Piece { lo: from, hi: at, curvature: Curvature::Linear });
                from = at;
            }
        }
        if from < domain.hi || pieces.is_empty() {
            pieces.push(Piece { lo: from, hi: domain.hi, curvature: Curvature::Linear });
        }
        Some(pieces)
    }

    /// The breaks strictly inside a finite domain, ascending: a jump or a pole at an end is none. `None` if
    /// there are more than 64, or if the function is not defined on all of the domain for another reason than a
    /// pole at zero.
    pub fn breaks(&self, domain: Interval) -> Option<Vec<Break>> {
        if !finite(domain) {
            return None;
        }
        let inside = |at: Interval| domain.lo < at.hi && at.lo < domain.hi;
        let mut breaks = Vec::new();
        let Some(branches) = self.branches() else {
            let jumps = self.jumps(domain)?;
            let jump = |at| Break { at: Interval { lo: at, hi: at }, kind: BreakKind::Jump };
            breaks.extend(jumps.into_iter().map(jump).filter(|found| inside(found.at)));
            return Some(breaks);
        };
        if !self.is_defined_on(domain) {
            let has_pole = match self.elementary()? {
                Elementary::Reciprocal => true,
                Elementary::Power(p) => p < 0.0 && p == p.trunc(),
                _ => false,
            };
            let pole = Break { at: Interval::ZERO, kind: BreakKind::Pole };
            return has_pole.then(|| if inside(pole.at) { vec![pole] } else { Vec::new() });
        }
        for (k, at) in branches.breaks[..branches.count - 1].iter().enumerate() {
            if inside(*at) {
                let kind = meeting(*at, &branches.curves[k], &branches.curves[k + 1]);
                breaks.push(Break { at: *at, kind });
            }
        }
        for (stretch, curve) in joined(&branches, domain) {
            if let Some(curve) = curve {
                curve.inflections(stretch, |at| {
                    breaks.push(Break { at, kind: BreakKind::Inflection });
                });
            }
        }
        breaks.sort_by(|a, b| a.at.lo.total_cmp(&b.at.lo));
        (breaks.len() <= MOST).then_some(breaks)
    }

    /// An interval that contains the derivative at every point of `x`, both one-sided ones at a kink; all reals
    /// where there is none, as at a jump.
    pub fn slopes(&self, x: Interval) -> Interval {
        if !(x.lo <= x.hi) {
            return Interval::ALL;
        }
        let Some(branches) = self.branches() else {
            let level = match self {
                Function::Sign => x.lo > 0.0 || x.hi < 0.0,
                Function::Floor => x.lo.floor() == x.hi.floor() && x.lo != x.lo.floor(),
                Function::Ceil => x.lo.ceil() == x.hi.ceil() && x.hi != x.hi.ceil(),
                // The halves themselves are left out on both sides.
                _ => {
                    let near = x.lo.round_ties_even();
                    let (below, above) = (near - 0.5, near + 0.5);
                    near == x.hi.round_ties_even() && x.lo != below && x.hi != above
                }
            };
            return if level { Interval::ZERO } else { Interval::ALL };
        };
        // A kink or jump belongs to its left side here; both sides count.
        let mut slopes: Option<Interval> = None;
        for k in 0..branches.count {
            let start = if k > 0 { branches.breaks[k - 1].lo } else { f64::NEG_INFINITY };
            let end = if k + 1 < branches.count { branches.breaks[k].hi } else { f64::INFINITY };
            let stretch = Interval { lo: x.lo.max(start), hi: x.hi.min(end) };
            if stretch.lo <= stretch.hi {
                let part = branches.curves[k].slopes(stretch);
                slopes = Some(slopes.map_or(part, |slopes| slopes.hull(part)));
            }
        }
        for (k, at) in branches.breaks[..branches.count - 1].iter().enumerate() {
            let touched = x.lo <= at.hi && at.lo <= x.hi;
            let meeting = || meeting(*at, &branches.curves[k], &branches.curves[k + 1]);
            if touched && meeting() == BreakKind::Jump {
                return Interval::ALL;
            }
        }
        slopes.unwrap_or(Interval::ALL)
    }

    /// Whether the function is defined on all of an interval.
    pub fn is_defined_on(&self, x: Interval) -> bool {
        self.elementary().is_none_or(|elementary| elementary.is_defined_on(x))
    }

    /// Where a staircase jumps within a domain, ends included; `None` if there are too many places.
    fn jumps(&self, domain: Interval) -> Option<Vec<f64>> {
        if *self == Function::Sign {
            let inside = domain.lo <= 0.0 && domain.hi >= 0.0;
            return Some(if inside { vec![0.0] } else { Vec::new() });
        }
        let shift = if *self == Function::Round { 0.5 } else { 0.0 };
        // Beyond 2^52 every float is an integer and there are jumps everywhere.
        let most = domain.lo.abs().max(domain.hi.abs());
        if most > 4.0e15 || domain.hi - domain.lo > MOST as f64 {
            return None;
        }
        let first = (domain.lo - shift).ceil();
        let places = (0..=MOST).map(|k| first + k as f64 + shift);
        Some(places.take_while(|at| *at <= domain.hi).filter(|at| *at >= domain.lo).collect())
    }
}

fn finite(domain: Interval) -> bool {
    domain.lo <= domain.hi && domain.lo.is_finite() && domain.hi.is_finite()
}

/// The stretches of single curves, and between them the breaks that are no floats (`None`): all of the
/// domain, nothing twice.
fn joined(branches: &Branches, domain: Interval) -> Vec<(Interval, Option<Curve>)> {
    let mut all = Vec::with_capacity(5);
    let mut from = domain.lo;
    for k in 0..branches.count {
        let at = if k + 1 < branches.count { branches.breaks[k] } else { Interval::ALL };
        let end = if k + 1 < branches.count { at.lo.min(domain.hi) } else { domain.hi };
        if from < end || from == end && domain.lo == domain.hi && all.is_empty() {
            all.push((Interval { lo: from, hi: end }, Some(branches.curves[k])));
            from = end;
        }
        if k + 1 < branches.count && at.lo < at.hi && from >= at.lo {
            let end = at.hi.min(domain.hi);
            if from < end {
                all.push((Interval { lo: from, hi: end }, None));
                from = end;
            }
        }
    }
    all
}

/// How two curves meet.
fn meeting(at: Interval, left: &Curve, right: &Curve) -> BreakKind {
    if at.lo < at.hi {
        // Ramps meet level parts.
        return BreakKind::Kink;
    }
    let (a, b) = (left.at(at.lo).interval(), right.at(at.lo).interval());
    if a.hi < b.lo || b.hi < a.lo {
        return BreakKind::Jump;
    }
    let (a, b) = (left.slope_at(at.lo).interval(), right.slope_at(at.lo).interval());
    if a.hi < b.lo || b.hi < a.lo { BreakKind::Kink } else { BreakKind::Inflection }
}
