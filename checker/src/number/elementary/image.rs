//! Images of intervals under elementary functions, and of their derivatives.

use super::Elementary;
use crate::number::Interval;
use crate::number::ball::Ball;

impl Elementary {
    /// An interval that contains the value at every point of `x`; all reals where one is not defined.
    pub fn image(self, x: Interval) -> Interval {
        if !self.is_defined_on(x) {
            return Interval::ALL;
        }
        if x.lo == x.hi {
            return self.value(x.lo);
        }
        if let Elementary::Sin | Elementary::Cos = self {
            return self.wave(x);
        }
        let mut image = self.value(x.lo).hull(self.value(x.hi));
        if let Some(extremum) = self.turning().and_then(|turning| turning.extremum)
            && x.lo < extremum.hi
            && extremum.lo < x.hi
        {
            image = image.hull(self.at(ball_around(extremum)).interval());
        }
        image
    }

    /// An interval that contains the derivative at every point of `x`; all reals where there is none.
    pub fn slopes(self, x: Interval) -> Interval {
        if !self.is_defined_on(x) {
            return Interval::ALL;
        }
        let slopes = match self {
            Elementary::Sin => Elementary::Cos.image(x),
            Elementary::Cos => Elementary::Sin.image(x).neg(),
            Elementary::Tan => {
                let tan = self.image(x);
                tan.square().add(Interval::point(1.0))
            }
            _ => {
                // Between inflections the slope is monotone.
                let mut slopes = self.slope_towards(x.lo).hull(self.slope_towards(x.hi));
                if let Some(turning) = self.turning() {
                    for at in &turning.inflections[..turning.count] {
                        if x.lo < at.hi && at.lo < x.hi {
                            slopes = slopes.hull(self.slope_at(ball_around(*at)).interval());
                        }
                    }
                }
                slopes
            }
        };
        if self.is_increasing() { Interval { lo: slopes.lo.max(0.0), ..slopes } } else { slopes }
    }

    /// Whether the function rises wherever it is defined.
    pub fn is_increasing(self) -> bool {
        matches!(
            self,
            Elementary::Exp
                | Elementary::Expm1
                | Elementary::Log
                | Elementary::Log1p
                | Elementary::Sqrt
                | Elementary::Tan
                | Elementary::Atan
                | Elementary::Tanh
                | Elementary::Sigmoid
                | Elementary::Softsign
                | Elementary::Erf
                | Elementary::Softplus
        )
    }

    /// The slope at a float, or its limit at an infinity.
    fn slope_towards(self, x: f64) -> Interval {
        let flat = |value: f64| Interval { lo: value, hi: value };
        match (self, x) {
            (Elementary::Exp | Elementary::Expm1 | Elementary::Softplus, f64::NEG_INFINITY) => {
                flat(0.0)
            }
            (Elementary::Softplus, f64::INFINITY) => flat(1.0),
            (
                Elementary::Atan
                | Elementary::Tanh
                | Elementary::Sigmoid
                | Elementary::Softsign
                | Elementary::Erf
                | Elementary::Reciprocal,
                f64::NEG_INFINITY | f64::INFINITY,
            ) => flat(0.0),
            (Elementary::Log | Elementary::Log1p | Elementary::Sqrt, f64::INFINITY) => flat(0.0),
            (
                Elementary::Silu | Elementary::Mish | Elementary::Gelu | Elementary::GeluTanh,
                f64::NEG_INFINITY | f64::INFINITY,
            ) => flat(if x > 0.0 { 1.0 } else { 0.0 }),
            _ => self.slope(x),
        }
    }

    /// The image of sine or cosine.
    fn wave(self, x: Interval) -> Interval {
        let whole = Interval { lo: -1.0, hi: 1.0 };
        let (Some(a), Some(b)) = (self.quarter(x.lo), self.quarter(x.hi)) else { return whole };
        if b - a >= 4 {
            return whole;
        }
        let mut image = self.value(x.lo).hull(self.value(x.hi));
        for quarter in a + 1..=b {
            match quarter.rem_euclid(4) {
                1 => image.hi = 1.0,
                3 => image.lo = -1.0,
                _ => {}
            }
        }
        image
    }
}

/// A ball around a narrow interval of normal floats.
fn ball_around(x: Interval) -> Ball {
    if x.lo == x.hi {
        return Ball::exact(x.lo);
    }
    let (lo, hi) = (Ball::exact(x.lo), Ball::exact(x.hi));
    let width = hi.sub(lo);
    let radius = Ball { mid: 0, err: width.mid.unsigned_abs() + width.err, exp: width.exp };
    lo.add(radius)
}
