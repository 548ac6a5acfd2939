//! Where an elementary function turns: extrema, inflections, and the pieces between.

use super::trigonometric::{LARGEST_ARGUMENT, quarter_turn};
use super::{Elementary, power};
use crate::number::Interval;
use crate::number::ball::Ball;
use crate::number::elementary::tables::HALF_PI;
use std::f64::consts::SQRT_2;

/// How a function bends on an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curvature {
    /// A line.
    Linear,
    /// Not above its chords.
    Convex,
    /// Not below its chords.
    Concave,
    /// Nothing is claimed.
    Unknown,
}

impl Curvature {
    /// That of the negated function.
    pub fn mirrored(self) -> Curvature {
        match self {
            Curvature::Convex => Curvature::Concave,
            Curvature::Concave => Curvature::Convex,
            other => other,
        }
    }
}

/// The turning points of a function that has finitely many, each in an interval of two floats or one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turning {
    /// Where an increasing stretch meets a decreasing one.
    pub extremum: Option<Interval>,
    /// Where the curvature changes, ascending; unused entries are [`Interval::ALL`].
    pub inflections: [Interval; 2],
    /// How many of `inflections` there are.
    pub count: usize,
    /// The curvature left of the first; it alternates.
    pub first: Curvature,
}

const fn between(lo: f64, hi: f64) -> Interval {
    Interval { lo, hi }
}

const fn symmetric(magnitude: Interval) -> [Interval; 2] {
    [between(-magnitude.hi, -magnitude.lo), magnitude]
}

impl Turning {
    const fn without(first: Curvature) -> Turning {
        Turning { extremum: None, inflections: [Interval::ALL; 2], count: 0, first }
    }

    /// One inflection, at zero.
    const fn at_zero(first: Curvature) -> Turning {
        Turning { extremum: None, inflections: [Interval::ZERO, Interval::ALL], count: 1, first }
    }

    /// Concave, convex, concave, with a minimum in the middle.
    const fn valley(extremum: Interval, inflections: [Interval; 2]) -> Turning {
        Turning { extremum: Some(extremum), inflections, count: 2, first: Curvature::Concave }
    }
}

impl Elementary {
    /// The turning points, for functions that have finitely many (all but sin, cos and tan). What is
    /// outside the domain of definition has no influence; a pole counts as an inflection.
    ///
    /// Why there are no others:
    /// - sigmoid, tanh, atan, erf, softsign: the slope is even and falls as `|x|` grows.
    /// - silu: the slope `s (1 + x (1 - s))` is positive for `x >= 0`, and on the left `|x| (1 - s)` rises with `|x|`.
    ///   The second derivative is `s' (2 - x tanh(x/2))`, and `x tanh(x/2)` is even and rises with `|x|`.
    /// - gelu: the second derivative is `phi(x) (2 - x^2)`; the slope falls from 0 at `-inf` to `-sqrt 2`,
    ///   rises to `sqrt 2` and falls to 1, so it has one zero.
    /// - tanh form of gelu: with `v = 2 u` the slope is `s (1 + x v' (1 - s(v)))`, and `|x| v'` and `1 - s(v)` rise to the left. The
    ///   second derivative is `s'(v) v' H`, `H = 2 + x v''/v' - x v' tanh(v/2)`, which is even. For `x > 0` and `k = 0.044715`,
    ///   `(x v''/v')' = 12 k x / (1 + 3 k x^2)^2` is below `0.54 x` and below 0.48; `(x v' tanh(v/2))'` is above
    ///   `v' tanh(v/2)`, which is above `1.04 x` up to `x = 1` and above 1.08 from there. So `H` falls.
    /// - mish: the slope has the sign of `w = 4 (x + 1) + 4 t^2 + t^3 + t (4 x + 6)` with `t = e^x`; for `x >= -1` that is
    ///   positive, and for `x < -1` its derivative is at least `4 - 4 e^-3.5 > 0`. The second derivative has the sign of
    ///   `R = 2 (1 - x) t^3 + 3 (2 - x) t^2 + 2 (x + 4) t + 2 (x + 2)`. For `x >= 0` the derivative of `R / t^3` is at most
    ///   `-2 + 3 x e^-x < 0`; on `[-2, 0]` all coefficients are non-negative; for `x < -2` the derivative
    ///   `(4 - 6 x) t^3 + (9 - 6 x) t^2 + (2 x + 10) t + 2` is positive.
    pub fn turning(self) -> Option<Turning> {
        Some(match self {
            Elementary::Exp | Elementary::Expm1 | Elementary::Softplus => {
                Turning::without(Curvature::Convex)
            }
            Elementary::Log | Elementary::Log1p | Elementary::Sqrt => {
                Turning::without(Curvature::Concave)
            }
            Elementary::Atan
            | Elementary::Tanh
            | Elementary::Sigmoid
            | Elementary::Softsign
            | Elementary::Erf => Turning::at_zero(Curvature::Convex),
            Elementary::Reciprocal => Turning::at_zero(Curvature::Concave),
            Elementary::Power(p) => power_turning(p),
            Elementary::Silu => Turning::valley(
                between(-1.278464542761074, -1.2784645427610737),
                symmetric(between(2.3993572805154675, 2.399357280515468)),
            ),
            Elementary::Mish => Turning::valley(
                between(-1.1924312145154954, -1.1924312145154952),
                [
                    between(-2.2563763963607935, -2.256376396360793),
                    between(1.4905711794854284, 1.4905711794854286),
                ],
            ),
            Elementary::Gelu => Turning::valley(
                between(-0.7517915246935645, -0.7517915246935644),
                symmetric(between(SQRT_2.next_down(), SQRT_2)),
            ),
            Elementary::GeluTanh => Turning::valley(
                between(-0.7524614220710163, -0.7524614220710162),
                symmetric(between(1.4185040087908283, 1.4185040087908285)),
            ),
            Elementary::Sin | Elementary::Cos | Elementary::Tan => return None,
        })
    }

    /// Whether the function is defined on all of an interval.
    pub fn is_defined_on(self, x: Interval) -> bool {
        match self {
            Elementary::Log => x.lo > 0.0,
            Elementary::Log1p => x.lo > -1.0,
            Elementary::Sqrt => x.lo >= 0.0,
            Elementary::Reciprocal => x.lo > 0.0 || x.hi < 0.0,
            Elementary::Power(p) => power::is_defined_on(x, p),
            // The poles are at odd multiples of pi/2.
            Elementary::Tan => match (self.quarter(x.lo), self.quarter(x.hi)) {
                (Some(a), Some(b)) => (a + 1).div_euclid(2) == (b + 1).div_euclid(2),
                _ => false,
            },
            _ => true,
        }
    }

    /// The quarter turn of `x`, shifted by one for the cosine, so that it counts from an upward zero.
    pub(super) fn quarter(self, x: f64) -> Option<i64> {
        if !(x.abs() <= LARGEST_ARGUMENT) {
            return None;
        }
        Some(quarter_turn(x)? + i64::from(self == Elementary::Cos))
    }

    /// Cuts `[lo, hi]`, on which the function is defined, where its curvature changes, and calls `visit` with
    /// each piece from left to right. An inflection that is no float lies in a piece of
    /// its own, a few floats wide and of unknown curvature.
    pub fn pieces(self, domain: Interval, mut visit: impl FnMut(f64, f64, Curvature)) {
        if let Some(turning) = self.turning() {
            let inflections = &turning.inflections[..turning.count];
            return cut(domain, turning.first, inflections.iter().copied(), visit);
        }
        let (first, last) = (self.quarter(domain.lo), self.quarter(domain.hi));
        let (Some(first), Some(last)) = (first, last) else {
            return visit(domain.lo, domain.hi, Curvature::Unknown);
        };
        // Inflections are the zeros, at half turns; the tangent's poles between them are not in the domain.
        let (first, last) = (first.div_euclid(2), last.div_euclid(2));
        if last - first > MOST_PIECES {
            return visit(domain.lo, domain.hi, Curvature::Unknown);
        }
        let start = match (self, first.rem_euclid(2)) {
            (Elementary::Tan, _) if first == last => match self.quarter(domain.lo) {
                Some(quarter) if quarter.rem_euclid(2) == 0 => Curvature::Convex,
                _ => Curvature::Concave,
            },
            (Elementary::Tan, _) | (_, 0) => Curvature::Concave,
            _ => Curvature::Convex,
        };
        let shift = i64::from(self == Elementary::Cos);
        let zeros = (first + 1..=last).map(|half| {
            // Below 2^52, so the conversion is exact.
            HALF_PI.mul(Ball::exact((2 * half - shift) as f64)).interval()
        });
        cut(domain, start, zeros, visit)
    }
}

/// Most pieces into which an interval is cut.
const MOST_PIECES: i64 = 16;

/// Cuts a domain at inflections, ascending, between which the curvature alternates from `first` on.
pub(crate) fn cut(
    domain: Interval,
    first: Curvature,
    inflections: impl Iterator<Item = Interval>,
    mut visit: impl FnMut(f64, f64, Curvature),
) {
    let (mut from, mut curvature) = (domain.lo, first);
    for at in inflections {
        if at.hi <= domain.lo {
            curvature = curvature.mirrored();
            continue;
        }
        if at.lo >= domain.hi {
            break;
        }
        if from < at.lo {
            visit(from, at.lo, curvature);
        }
        let (a, b) = (from.max(at.lo), domain.hi.min(at.hi));
        if a < b {
            visit(a, b, Curvature::Unknown);
        }
        (from, curvature) = (b, curvature.mirrored());
    }
    if from < domain.hi || domain.lo == domain.hi {
        visit(from, domain.hi, curvature);
    }
}

fn power_turning(p: f64) -> Turning {
    use Curvature::{Concave, Convex};
    if p == 0.0 || p == 1.0 {
        return Turning::without(Curvature::Linear);
    }
    if p != p.trunc() {
        // Only x >= 0 counts.
        return Turning::without(if 0.0 < p && p < 1.0 { Concave } else { Convex });
    }
    match (power::is_odd(p), p > 0.0) {
        (true, _) => Turning::at_zero(Concave),
        (false, true) => Turning { extremum: Some(Interval::ZERO), ..Turning::without(Convex) },
        (false, false) => Turning::without(Convex),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sign of the second derivative by the formulas of [`Elementary::turning`].
    fn bend(function: Elementary, x: f64) -> Ball {
        let x = Ball::exact(x);
        match function {
            Elementary::Silu => Ball::TWO.sub(x.mul(Elementary::Tanh.at(x.scale(-1)))),
            Elementary::Gelu => Ball::TWO.sub(x.square()),
            Elementary::Mish => {
                let t = Elementary::Exp.at(x);
                let one_less = Ball::ONE.sub(x).scale(1).mul(t);
                let two_less = Ball::integer(3).mul(Ball::TWO.sub(x));
                let four_more = x.add(Ball::integer(4)).scale(1);
                let two_more = x.add(Ball::TWO).scale(1);
                one_less.add(two_less).mul(t).add(four_more).mul(t).add(two_more)
            }
            Elementary::GeluTanh => {
                let k = Ball::integer(44_715).div(Ball::integer(1_000_000));
                let a = super::super::tables::SQRT_TWO_OVER_PI;
                let kxx = k.mul(x.square());
                let u = a.mul(x).mul(Ball::ONE.add(kxx));
                let p = Ball::ONE.add(kxx.mul(Ball::integer(3)));
                let rise = kxx.mul(Ball::integer(6)).div(p);
                let fall = x.mul(a.scale(1)).mul(p).mul(Elementary::Tanh.at(u));
                Ball::TWO.add(rise).sub(fall)
            }
            _ => unreachable!(),
        }
    }

    #[test]
    fn turning_points_lie_where_they_are_said_to() {
        for function in [Elementary::Silu, Elementary::Mish, Elementary::Gelu, Elementary::GeluTanh]
        {
            let turning = function.turning().unwrap();
            let extremum = turning.extremum.unwrap();
            assert!(function.slope_at(Ball::exact(extremum.lo)).is_negative(), "{function:?}");
            assert!(function.slope_at(Ball::exact(extremum.hi)).is_positive(), "{function:?}");
            let [left, right] = turning.inflections;
            assert!(bend(function, left.lo).is_negative() && bend(function, left.hi).is_positive());
            assert!(
                bend(function, right.lo).is_positive() && bend(function, right.hi).is_negative()
            );
            assert!([extremum, left, right].iter().all(|i| i.lo.next_up() == i.hi));
        }
    }

    #[test]
    fn pieces_cover_the_domain() {
        let all = [
            Elementary::Sin,
            Elementary::Cos,
            Elementary::Silu,
            Elementary::Mish,
            Elementary::Tanh,
            Elementary::Power(3.0),
        ];
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let width = 10f64.powi(rng.i32(-17..2));
            let lo = (rng.f64() - 0.5) * 30.0;
            let hi = lo + width * rng.f64();
            for function in all {
                let mut at = lo;
                function.pieces(Interval::new(lo, hi), |a, b, curvature| {
                    assert_eq!(a, at);
                    assert!(a < b || lo == hi);
                    at = b;
                    // The middle against the chord, by enclosures.
                    let middle = 0.5 * a + 0.5 * b;
                    let chord = function.value(a).add(function.value(b)).mul(Interval::point(0.5));
                    let value = function.value(middle);
                    // The middle may be rounded; then the test proves nothing.
                    if middle - a == b - middle {
                        match curvature {
                            Curvature::Convex => assert!(value.lo <= chord.hi),
                            Curvature::Concave => assert!(value.hi >= chord.lo),
                            _ => {}
                        }
                    }
                });
                assert_eq!(at, hi, "{function:?} {lo} {hi}");
            }
        }
    }
}
