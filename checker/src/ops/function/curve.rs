//! The smooth parts of a function and the places where they meet.

use super::Function;
use crate::number::ball::Ball;
use crate::number::{Elementary, Interval};

/// A smooth part of a function, defined on more than the stretch that it is used on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Curve {
    /// `slope x + offset`.
    Line { slope: f64, offset: f64 },
    /// `square x^2 + slope x`.
    Parabola { square: f64, slope: f64 },
    /// `outer f(inner x)`, both factors known to be not zero.
    Scaled { function: Elementary, outer: Ball, inner: Ball },
}

/// The curves of a function from left to right and where they meet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Branches {
    /// Where curve `k` ends and `k + 1` begins, ascending. An interval if the place is no float.
    pub breaks: [Interval; 2],
    /// The curves.
    pub curves: [Curve; 3],
    /// How many curves there are.
    pub count: usize,
}

impl Branches {
    /// The stretches of a domain on which single curves hold. What is within a break counts for both sides,
    /// which is right for the functions whose breaks are no floats, as these are continuous. A float that is a break
    /// belongs to the curve on its left; the other holds on the stretch without its left end.
    pub fn stretches(&self, domain: Interval) -> impl Iterator<Item = (Interval, &Curve)> {
        let count = self.count;
        self.curves[..count].iter().enumerate().filter_map(move |(k, curve)| {
            let (mut lo, mut hi) = (domain.lo, domain.hi);
            if k > 0 {
                let start = self.breaks[k - 1];
                // An interval's middle is not known to be outside.
                if start.lo == start.hi && hi <= start.lo || hi < start.lo {
                    return None;
                }
                lo = lo.max(start.lo);
            }
            if k + 1 < count {
                let end = self.breaks[k];
                if lo > end.hi {
                    return None;
                }
                hi = hi.min(end.hi);
            }
            Some((Interval { lo, hi }, curve))
        })
    }
}

const fn line(slope: f64, offset: f64) -> Curve {
    Curve::Line { slope, offset }
}

fn scaled(function: Elementary, outer: Ball, inner: Ball) -> Curve {
    Curve::Scaled { function, outer, inner }
}

/// `1/6` as a float32.
pub(super) const SIXTH: f32 = 1.0 / 6.0;

impl Function {
    /// The curves; `None` for sign and the roundings.
    pub(crate) fn branches(&self) -> Option<Branches> {
        const NOWHERE: Interval = Interval::ALL;
        let one = |curve: Curve| Branches { breaks: [NOWHERE; 2], curves: [curve; 3], count: 1 };
        let two = |at: f64, left: Curve, right: Curve| Branches {
            breaks: [Interval { lo: at, hi: at }, NOWHERE],
            curves: [left, right, right],
            count: 2,
        };
        let three = |first: Interval, second: Interval, curves: [Curve; 3]| Branches {
            breaks: [first, second],
            curves,
            count: 3,
        };
        let identity = line(1.0, 0.0);
        Some(match *self {
            Function::Sign | Function::Floor | Function::Ceil | Function::Round => return None,
            Function::LeakyRelu { alpha } => two(0.0, line(f64::from(alpha), 0.0), identity),
            Function::Abs => two(0.0, line(-1.0, 0.0), identity),
            Function::ThresholdedRelu { alpha } => two(f64::from(alpha), line(0.0, 0.0), identity),
            Function::Elu { alpha } => two(0.0, exponential(alpha.into(), Ball::ONE), identity),
            // The product of two float32 numbers is a float64.
            Function::Selu { alpha, gamma } => two(
                0.0,
                exponential(f64::from(alpha) * f64::from(gamma), Ball::ONE),
                line(f64::from(gamma), 0.0),
            ),
            Function::Celu { alpha } => {
                let inner = Ball::ONE.div(Ball::exact(f64::from(alpha)));
                two(0.0, exponential(alpha.into(), inner), identity)
            }
            Function::Clip { min, max } => {
                let at = |value: f64| Interval { lo: value, hi: value };
                match (min > f64::NEG_INFINITY, max < f64::INFINITY) {
                    (false, false) => one(identity),
                    (true, false) => two(min, line(0.0, min), identity),
                    (false, true) => two(max, identity, line(0.0, max)),
                    (true, true) => {
                        three(at(min), at(max), [line(0.0, min), identity, line(0.0, max)])
                    }
                }
            }
            Function::HardSigmoid { alpha, beta } => {
                let (slope, offset) = (f64::from(alpha), f64::from(beta));
                if slope == 0.0 {
                    return Some(one(line(0.0, offset.clamp(0.0, 1.0))));
                }
                let (zero, one) = ramp(slope, offset);
                let middle = line(slope, offset);
                match slope > 0.0 {
                    true => three(zero, one, [line(0.0, 0.0), middle, line(0.0, 1.0)]),
                    false => three(one, zero, [line(0.0, 1.0), middle, line(0.0, 0.0)]),
                }
            }
            Function::HardSwish => {
                let (zero, one) = ramp(f64::from(SIXTH), 0.5);
                let middle = Curve::Parabola { square: f64::from(SIXTH), slope: 0.5 };
                three(zero, one, [line(0.0, 0.0), middle, identity])
            }
            Function::Swish { alpha: 0.0 } => one(line(0.5, 0.0)),
            // x sigmoid(a x) = (1/a) silu(a x).
            Function::Swish { alpha } => {
                let inner = Ball::exact(f64::from(alpha));
                one(scaled(Elementary::Silu, Ball::ONE.div(inner), inner))
            }
            Function::Pow { exponent: 0.0 } => one(line(0.0, 1.0)),
            Function::Pow { exponent: 1.0 } => one(identity),
            _ => one(scaled(self.elementary()?, Ball::ONE, Ball::ONE)),
        })
    }
}

/// Where `slope x + offset` is zero and where it is one.
fn ramp(slope: f64, offset: f64) -> (Interval, Interval) {
    let (slope, offset) = (Ball::exact(slope), Ball::exact(offset));
    let one_less = Ball::ONE.sub(offset);
    (offset.neg().div(slope).interval(), one_less.div(slope).interval())
}

/// `outer (e^(inner x) - 1)`.
fn exponential(outer: f64, inner: Ball) -> Curve {
    match outer {
        0.0 => line(0.0, 0.0),
        _ => scaled(Elementary::Expm1, Ball::exact(outer), inner),
    }
}
