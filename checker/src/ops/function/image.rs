//! Values: enclosures at points and on intervals, floats near the value, exact rationals.

use super::curve::SIXTH;
use super::{Curve, Function};
use crate::number::ball::Ball;
use crate::number::{Interval, Rational};

/// Exponents up to this are done in rationals.
const LARGEST_RATIONAL_EXPONENT: f64 = 64.0;

/// The exponent as a small integer, if it is one.
pub(super) fn small_integer(exponent: f64) -> Option<i32> {
    let small = exponent == exponent.trunc() && exponent.abs() <= LARGEST_RATIONAL_EXPONENT;
    small.then_some(exponent as i32)
}

/// A product rounded outward; zero times anything is zero, also at infinite ends, and a factor of one is exact.
fn times(x: Interval, factor: f64) -> Interval {
    match factor {
        0.0 => Interval::ZERO,
        1.0 => x,
        -1.0 => x.neg(),
        _ => x.mul(Interval::point(factor)),
    }
}

/// An interval times a factor.
fn stretch(x: Interval, factor: Ball) -> Interval {
    if factor == Ball::ONE { x } else { x.mul(factor.interval()) }
}

/// `slope x + offset` at a float, rounded once if that is possible.
fn line_at(slope: f64, offset: f64, x: f64) -> Interval {
    if x.is_finite() {
        return Ball::exact(x).mul(Ball::exact(slope)).add(Ball::exact(offset)).interval();
    }
    times(Interval { lo: x, hi: x }, slope).add(Interval::point(offset))
}

impl Curve {
    /// The value at a finite float.
    pub(super) fn at(&self, x: f64) -> Ball {
        let z = Ball::exact(x);
        match *self {
            Curve::Line { slope, offset } => z.mul(Ball::exact(slope)).add(Ball::exact(offset)),
            Curve::Parabola { square, slope } => {
                z.mul(Ball::exact(square)).add(Ball::exact(slope)).mul(z)
            }
            Curve::Scaled { function, outer, inner } => {
                if outer == Ball::ONE && inner == Ball::ONE {
                    return function.at(z);
                }
                function.at(z.mul(inner)).mul(outer)
            }
        }
    }

    /// The derivative at a finite float.
    pub(super) fn slope_at(&self, x: f64) -> Ball {
        match *self {
            Curve::Line { slope, .. } => Ball::exact(slope),
            Curve::Parabola { square, slope } => {
                Ball::exact(x).mul(Ball::exact(square)).scale(1).add(Ball::exact(slope))
            }
            Curve::Scaled { function, outer, inner } => {
                if outer == Ball::ONE && inner == Ball::ONE {
                    return function.slope_at(Ball::exact(x));
                }
                function.slope_at(Ball::exact(x).mul(inner)).mul(outer).mul(inner)
            }
        }
    }

    /// The image of an interval.
    fn image(&self, x: Interval) -> Interval {
        match *self {
            Curve::Line { slope: 0.0, offset } => Interval { lo: offset, hi: offset },
            Curve::Line { slope: 1.0, offset: 0.0 } => x,
            Curve::Line { slope: -1.0, offset: 0.0 } => x.neg(),
            Curve::Line { slope, offset } => {
                line_at(slope, offset, x.lo).hull(line_at(slope, offset, x.hi))
            }
            Curve::Parabola { square, slope } => {
                let end = |x: f64| match x.is_finite() {
                    true => self.at(x).interval(),
                    false => Interval::ALL,
                };
                let mut image = end(x.lo).hull(end(x.hi));
                let apex = Ball::exact(slope).div(Ball::exact(square).scale(1)).neg().interval();
                if x.lo < apex.hi && apex.lo < x.hi {
                    // -slope^2 / (4 square), the extremum.
                    let extremum = Ball::exact(slope).square().div(Ball::exact(square).scale(2));
                    image = image.hull(extremum.neg().interval());
                }
                image
            }
            Curve::Scaled { function, outer, inner } => {
                if outer == Ball::ONE && inner == Ball::ONE {
                    return function.image(x);
                }
                if x.lo == x.hi && x.lo.is_finite() {
                    return self.at(x.lo).interval();
                }
                function.image(stretch(x, inner)).mul(outer.interval())
            }
        }
    }

    /// The derivatives on an interval.
    pub(super) fn slopes(&self, x: Interval) -> Interval {
        match *self {
            Curve::Line { slope, .. } => Interval { lo: slope, hi: slope },
            Curve::Parabola { square, slope } => times(x, 2.0 * square).add(Interval::point(slope)),
            Curve::Scaled { function, outer, inner } => {
                if outer == Ball::ONE && inner == Ball::ONE {
                    return function.slopes(x);
                }
                let slopes = function.slopes(stretch(x, inner));
                slopes.mul(outer.mul(inner).interval())
            }
        }
    }
}

/// The nearest integer, the even one of two.
fn round(x: f64) -> f64 {
    x.round_ties_even()
}

/// `max(0, min(1, slope x + offset))`, rounded once.
fn ramp(x: f64, slope: f64, offset: f64) -> f64 {
    slope.mul_add(x, offset).clamp(0.0, 1.0)
}

/// -1, 0 or 1; NaN stays.
fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x
    }
}

impl Function {
    /// The value at a float as a narrow interval; limits at infinities; all reals where the function is not
    /// defined.
    pub fn value(&self, x: f64) -> Interval {
        self.image(Interval { lo: x, hi: x })
    }

    /// An interval that contains the value at every point of `x`; all reals where one is not defined.
    pub fn image(&self, x: Interval) -> Interval {
        if !(x.lo <= x.hi) {
            return Interval::ALL;
        }
        let rising = |f: fn(f64) -> f64| Interval { lo: f(x.lo), hi: f(x.hi) };
        let Some(branches) = self.branches() else {
            return match self {
                Function::Sign => rising(|x| sign(x) + 0.0),
                Function::Floor => rising(f64::floor),
                Function::Ceil => rising(f64::ceil),
                _ => rising(round),
            };
        };
        let mut image: Option<Interval> = None;
        for (stretch, curve) in branches.stretches(x) {
            let part = curve.image(stretch);
            image = Some(image.map_or(part, |image| image.hull(part)));
        }
        let image = image.unwrap_or(Interval::ALL);
        match self {
            Function::HardSigmoid { .. } => image.meet(Interval { lo: 0.0, hi: 1.0 }),
            _ => image,
        }
    }

    /// A float near the value: within one unit in the last place, or exact where the value is a float; a few
    /// units for HardSwish and for powers that are done by logarithms. NaN where the function is not defined
    /// (and for sin, cos and tan beyond 1e15). The same on every machine.
    pub fn approximate(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        match *self {
            Function::Sign => return sign(x),
            Function::Floor => return x.floor(),
            Function::Ceil => return x.ceil(),
            Function::Round => return round(x),
            Function::Abs => return x.abs(),
            Function::Clip { min, max } => return x.max(min).min(max),
            // One rounding: next to an end of the ramp, where terms cancel and the end is no float, an
            // enclosure's middle may be far off in units of the last place.
            Function::HardSigmoid { alpha, beta } if x.is_finite() => {
                return ramp(x, alpha.into(), beta.into());
            }
            Function::HardSwish if x.is_finite() => {
                // No negative zero.
                return x * ramp(x, SIXTH.into(), 0.5) + 0.0;
            }
            _ => {}
        }
        if let Some(elementary) = self.elementary() {
            return elementary.approximate(x);
        }
        let value = self.value(x);
        match value.lo.is_finite() && value.hi.is_finite() {
            true => value.lo + 0.5 * (value.hi - value.lo),
            false if value.lo > f64::NEG_INFINITY => value.hi,
            false if value.hi < f64::INFINITY => value.lo,
            false => f64::NAN,
        }
    }

    /// The exact value; `None` where there is none or it is not known to be rational.
    pub fn exact(&self, x: &Rational) -> Option<Rational> {
        let rational = |value: f64| Rational::from_f64(value);
        let one = || Rational::ONE;
        Some(match *self {
            Function::LeakyRelu { alpha } if x.signum() < 0 => x * &rational(alpha.into())?,
            Function::LeakyRelu { .. } => x.clone(),
            Function::ThresholdedRelu { alpha } => match *x > rational(alpha.into())? {
                true => x.clone(),
                false => Rational::ZERO,
            },
            Function::HardSigmoid { alpha, beta } => {
                let ramp = &(x * &rational(alpha.into())?) + &rational(beta.into())?;
                ramp.relu().min(one())
            }
            Function::HardSwish => {
                let gate = Function::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 }.exact(x)?;
                x * &gate
            }
            Function::Clip { min, max } => {
                let mut value = x.clone();
                if let Some(min) = rational(min) {
                    value = value.max(min);
                }
                if let Some(max) = rational(max) {
                    value = value.min(max);
                }
                value
            }
            Function::Abs => x.abs(),
            Function::Sign => Rational::from(i64::from(x.signum())),
            Function::Softsign => x.checked_div(&(&x.abs() + &one()))?,
            Function::Reciprocal => one().checked_div(x)?,
            Function::Pow { exponent } => {
                let exponent = small_integer(exponent)?;
                let power = (0..exponent.unsigned_abs()).fold(one(), |power, _| &power * x);
                if exponent < 0 { one().checked_div(&power)? } else { power }
            }
            Function::Floor => x.floor(),
            Function::Ceil => -&(-x).floor(),
            Function::Round => {
                let half = rational(0.5)?;
                let up = (x + &half).floor();
                // Half way between two integers, and the upper one is odd.
                let tie = &up - x == half;
                let odd = &(&up * &half).floor() + &(&up * &half).floor() != up;
                if tie && odd { &up - &one() } else { up }
            }
            _ => return None,
        })
    }
}
