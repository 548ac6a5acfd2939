//! Lines that are proved to lie below or above a function: for a given slope, the best offset.
//!
//! The slope may come from anywhere; what is proved is the offset, `min (f(z) - k z)` over the domain, from
//! below. For a piecewise linear function the minimum is at an end or a break. On a concave piece of a smooth one
//! it is at an end. On a convex piece, `g(z) = f(z) - k z` lies above its tangent at any `d`, so that
//! `g(z) >= g(d) + g'(d) (z - d)`; for a `d` found in floating-point arithmetic next to the place where `f'(d) = k`, that is the
//! minimum but for rounding. What is found is never trusted: `g(d)` and `g'(d)` are enclosed.

use super::{Curve, Function};
use crate::number::ball::Ball;
use crate::number::elementary::Curvature;
use crate::number::{Elementary, Interval};

/// A little more than `2 pi`.
const TURN: f64 = 6.283_185_307_179_587;

impl Function {
    /// A float `b` with `f(z) >= slope z + b` for all `z` of the domain, nearly the greatest; minus infinity
    /// if the domain is not finite or the function not defined on all of it.
    ///
    /// At a jump the one-sided limits count too.
    pub fn lowest_above(&self, slope: f64, domain: Interval) -> f64 {
        self.least(Side::Below, slope, domain)
    }

    /// A float `b` with `f(z) <= slope z + b` for all `z` of the domain, nearly the least; infinity if
    /// the domain is not finite or the function not defined on all of it.
    pub fn highest_below(&self, slope: f64, domain: Interval) -> f64 {
        -self.least(Side::Above, -slope, domain)
    }

    /// A lower bound on `s f(z) - k z` over the domain.
    fn least(&self, side: Side, k: f64, domain: Interval) -> f64 {
        let finite = k.is_finite() && domain.lo.is_finite() && domain.hi.is_finite();
        if !finite || !(domain.lo <= domain.hi) || !self.is_defined_on(domain) {
            return f64::NEG_INFINITY;
        }
        let gap = Gap { side, k };
        let Some(branches) = self.branches() else { return self.staircase(gap, domain) };
        let mut least = f64::INFINITY;
        for (stretch, curve) in branches.stretches(domain) {
            least = lower(least, curve.least(gap, stretch));
        }
        least
    }

    /// Sign, floor, ceil and round: level stretches `f = level` on `[a, b]`, of which only a few matter.
    fn staircase(&self, gap: Gap, domain: Interval) -> f64 {
        let level = |value: f64, a: f64, b: f64| {
            let line = Curve::Line { slope: 0.0, offset: value };
            line.least(gap, Interval { lo: a.max(domain.lo), hi: b.min(domain.hi) })
        };
        let mut least = f64::INFINITY;
        if *self == Function::Sign {
            if domain.lo < 0.0 {
                least = lower(least, level(-1.0, f64::NEG_INFINITY, 0.0));
            }
            if domain.lo <= 0.0 && domain.hi >= 0.0 {
                least = lower(least, level(0.0, 0.0, 0.0));
            }
            if domain.hi > 0.0 {
                least = lower(least, level(1.0, 0.0, f64::INFINITY));
            }
            return least;
        }
        // Step n is the stretch from n + before to n + after. Over whole steps the minimum is
        // linear in n, so that among those the first and the last decide.
        let (before, after, first, last) = match self {
            Function::Floor => (0.0, 1.0, domain.lo.floor(), domain.hi.floor()),
            Function::Ceil => (-1.0, 0.0, domain.lo.ceil(), domain.hi.ceil()),
            _ => (-0.5, 0.5, domain.lo.round_ties_even(), domain.hi.round_ties_even()),
        };
        if first.abs().max(last.abs()) > 4.0e15 {
            // Steps are no longer exact: all levels lie within one of the line f(z) = z.
            let line = Curve::Line { slope: 1.0, offset: 0.0 };
            return (line.least(gap, domain) - 1.0).next_down();
        }
        for n in [first, first + 1.0, last - 1.0, last] {
            if n >= first && n <= last {
                least = lower(least, level(n, n + before, n + after));
            }
        }
        least
    }
}

/// The lesser of two bounds; NaN is no bound.
fn lower(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NEG_INFINITY } else { a.min(b) }
}

/// On which side of the function the line is to lie.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Below,
    Above,
}

/// The function `g(z) = s f(z) - k z` whose minimum is sought, `s` being 1 below and -1 above.
#[derive(Debug, Clone, Copy)]
struct Gap {
    side: Side,
    k: f64,
}

impl Gap {
    fn signed(self, value: Ball) -> Ball {
        if self.side == Side::Below { value } else { value.neg() }
    }

    /// A lower bound on `g(z)`.
    fn at(self, curve: &Curve, z: f64) -> Ball {
        self.signed(curve.at(z)).sub(Ball::exact(z).mul(Ball::exact(self.k)))
    }

    /// The derivative of `g`.
    fn slope_at(self, curve: &Curve, z: f64) -> Interval {
        self.signed(curve.slope_at(z)).sub(Ball::exact(self.k)).interval()
    }
}

impl Curve {
    /// A lower bound on `g` over a finite domain.
    fn least(&self, gap: Gap, domain: Interval) -> f64 {
        match *self {
            Curve::Line { slope, offset } => {
                // One affine function: exact but for two roundings.
                let (slope, offset) = match gap.side {
                    Side::Below => (slope, offset),
                    Side::Above => (-slope, -offset),
                };
                let factor = slope - gap.k;
                // The difference of floats is a float if it is zero; else its error counts.
                let factor = if factor == 0.0 {
                    Ball::ZERO
                } else {
                    Ball::exact(slope).sub(Ball::exact(gap.k))
                };
                // The lesser end is where the factor's sign says.
                let z = if factor.mid > 0 { domain.lo } else { domain.hi };
                factor.mul(Ball::exact(z)).add(Ball::exact(offset)).interval().lo
            }
            Curve::Parabola { square, slope } => {
                let (square, slope) = match gap.side {
                    Side::Below => (square, slope),
                    Side::Above => (-square, -slope),
                };
                let ends = || lower(self.end(gap, domain.lo), self.end(gap, domain.hi));
                if square <= 0.0 {
                    return ends();
                }
                // Least at (k - slope) / (2 square), where it is -(k - slope)^2 / (4 square).
                let rise = Ball::exact(gap.k).sub(Ball::exact(slope));
                let square = Ball::exact(square);
                let apex = rise.div(square.scale(1)).interval();
                if apex.hi <= domain.lo || apex.lo >= domain.hi {
                    return ends();
                }
                rise.square().div(square.scale(2)).neg().interval().lo
            }
            Curve::Scaled { function, outer, inner } => {
                let mut domain = domain;
                if matches!(function, Elementary::Sin | Elementary::Cos) {
                    // g(z + 2 pi) = g(z) - 2 pi k: the last or the first turn decides.
                    if gap.k >= 0.0 {
                        domain.lo = domain.lo.max((domain.hi - TURN).next_down());
                    } else {
                        domain.hi = domain.hi.min((domain.lo + TURN).next_up());
                    }
                }
                let mut least = f64::INFINITY;
                self.pieces(domain, |a, b, curvature| {
                    let curvature = match gap.side {
                        Side::Below => curvature,
                        Side::Above => curvature.mirrored(),
                    };
                    let bound = match curvature {
                        Curvature::Linear | Curvature::Concave => {
                            lower(self.end(gap, a), self.end(gap, b))
                        }
                        Curvature::Convex => {
                            let d = self.tangent_point(gap, function, outer, inner, (a, b));
                            self.under_tangent(gap, d, (a, b))
                        }
                        Curvature::Unknown => self.unbent(gap, function, outer, inner, (a, b)),
                    };
                    least = lower(least, bound);
                });
                least
            }
        }
    }

    fn end(&self, gap: Gap, z: f64) -> f64 {
        gap.at(self, z).interval().lo
    }

    /// The least value on `[a, b]` of the tangent of `g` at `d`, a lower bound if `g` is convex.
    fn under_tangent(&self, gap: Gap, d: f64, (a, b): (f64, f64)) -> f64 {
        let value = self.end(gap, d);
        let slope = gap.slope_at(self, d);
        let mut drop = 0.0f64;
        // Distances and products are rounded so that the drop is no less than it is.
        if slope.hi > 0.0 && a < d {
            drop = drop.max((slope.hi * (d - a).next_up()).next_up());
        }
        if slope.lo < 0.0 && d < b {
            drop = drop.max((-slope.lo * (b - d).next_up()).next_up());
        }
        match drop > 0.0 {
            true => (value - drop).next_down(),
            false if drop == 0.0 => value,
            false => f64::NEG_INFINITY,
        }
    }

    /// A lower bound on `g` over `[a, b]` where the curvature is not known: from the range of the slope next to
    /// an inflection, from the range of the function on a long stretch.
    fn unbent(
        &self,
        gap: Gap,
        function: Elementary,
        outer: Ball,
        inner: Ball,
        (a, b): (f64, f64),
    ) -> f64 {
        let signed = |x: Interval| if gap.side == Side::Below { x } else { x.neg() };
        let domain = Interval { lo: a, hi: b };
        if b - a < 1.0e-6 * a.abs().max(1.0e-6) {
            let k = Interval::point(gap.k);
            let slope = signed(self.slopes(domain)).add(k.neg());
            let drop = if slope.lo < 0.0 { (-slope.lo * (b - a).next_up()).next_up() } else { 0.0 };
            return (self.end(gap, a) - drop).next_down();
        }
        let argument = if inner == Ball::ONE { domain } else { domain.mul(inner.interval()) };
        let image = signed(function.image(argument).mul(outer.interval()));
        image.add(domain.mul(Interval::point(gap.k)).neg()).lo
    }

    /// A float in `[a, b]` next to the place where `g` has its minimum, `g` being convex there. Nothing
    /// depends on how near.
    fn tangent_point(
        &self,
        gap: Gap,
        function: Elementary,
        outer: Ball,
        inner: Ball,
        (a, b): (f64, f64),
    ) -> f64 {
        if a == b {
            return a;
        }
        let sign = if gap.side == Side::Below { 1.0 } else { -1.0 };
        let (outer, inner) = (outer.nearest(), inner.nearest());
        let slope = sign * gap.k / (outer * inner);
        let middle = 0.5 * a + 0.5 * b;
        if let Some(y) = function.where_slope_is(slope, middle * inner) {
            let z = y / inner;
            return if z.is_nan() { middle } else { z.clamp(a, b) };
        }
        // g' rises on [a, b]: regula falsi in the Illinois variant.
        let rise = |z: f64| sign * self.slope_at(z).nearest() - gap.k;
        let (mut left, mut right) = ((a, rise(a)), (b, rise(b)));
        if !(left.1 < 0.0) {
            return a;
        }
        if !(right.1 > 0.0) {
            return b;
        }
        let (mut z, mut before) = (middle, None);
        // What is lost by ending early is the slope that is left times the width.
        let enough = 4.0e-13 * gap.k.abs().max(0.1) / (b - a);
        for round in 0..40 {
            let secant = (left.0 * right.1 - right.0 * left.1) / (right.1 - left.1);
            // If that is slow, as on a long flat stretch, every other step halves.
            let slow = round >= 8 && round % 2 == 0;
            z = match secant > left.0 && secant < right.0 && !slow {
                true => secant,
                false => 0.5 * left.0 + 0.5 * right.0,
            };
            let value = rise(z);
            if value.abs() <= enough || z <= left.0 || z >= right.0 {
                break;
            }
            let leftward = value > 0.0;
            if leftward {
                right = (z, value);
            } else {
                left = (z, value);
            }
            // An end that stays twice loses weight.
            if before == Some(leftward) {
                let kept = if leftward { &mut left } else { &mut right };
                kept.1 *= 0.5;
            }
            before = Some(leftward);
        }
        z
    }
}

impl Elementary {
    /// A float next to the point `y` with `f'(y) = slope`, on the side of zero (for waves, in the half turn) where `near` lies;
    /// if there is none, the point or infinity where the slope comes nearest. `None` for functions
    /// without a formula.
    fn where_slope_is(self, slope: f64, near: f64) -> Option<f64> {
        let log = |x: f64| Elementary::Log.approximate(x);
        // For slopes that fall from `most` at zero to zero at infinities.
        let falling = |most: f64, magnitude: &dyn Fn() -> f64| {
            if slope <= 0.0 {
                f64::INFINITY.copysign(near)
            } else if slope >= most {
                0.0
            } else {
                magnitude().copysign(near)
            }
        };
        Some(match self {
            Elementary::Exp | Elementary::Expm1 => {
                if slope > 0.0 {
                    log(slope)
                } else {
                    f64::NEG_INFINITY
                }
            }
            Elementary::Softplus => match slope {
                _ if slope <= 0.0 => f64::NEG_INFINITY,
                _ if slope >= 1.0 => f64::INFINITY,
                _ => log(slope / (1.0 - slope)),
            },
            Elementary::Log if slope > 0.0 => 1.0 / slope,
            Elementary::Log1p if slope > 0.0 => 1.0 / slope - 1.0,
            Elementary::Sqrt if slope > 0.0 => (0.25 / (slope * slope)).max(5.0e-324),
            Elementary::Log | Elementary::Log1p | Elementary::Sqrt => f64::INFINITY,
            Elementary::Reciprocal => match slope < 0.0 {
                true => (-1.0 / slope).sqrt().copysign(near),
                false => f64::INFINITY.copysign(near),
            },
            Elementary::Power(p) => {
                // x^(p-1) = slope / p. An odd power has the sign of x.
                let odd = (p - 1.0).rem_euclid(2.0) == 1.0;
                let ratio = slope / p;
                let root = |ratio: f64| Elementary::Power(1.0 / (p - 1.0)).approximate(ratio);
                if odd && p > 1.0 {
                    root(ratio.abs()).copysign(ratio)
                } else {
                    let ratio = if odd && near < 0.0 { -ratio } else { ratio };
                    let magnitude = match ratio > 0.0 {
                        true => root(ratio),
                        // The power comes nearest to zero at one end.
                        false if p > 1.0 => 0.0,
                        false => f64::INFINITY,
                    };
                    magnitude.copysign(near)
                }
            }
            Elementary::Sigmoid => falling(0.25, &|| {
                let root = (1.0 - 4.0 * slope).sqrt();
                log((1.0 + root) * (1.0 + root) / (4.0 * slope))
            }),
            Elementary::Tanh => falling(1.0, &|| {
                let root = (1.0 - slope).sqrt();
                0.5 * log((1.0 + root) * (1.0 + root) / slope)
            }),
            Elementary::Atan => falling(1.0, &|| (1.0 / slope - 1.0).sqrt()),
            Elementary::Softsign => falling(1.0, &|| 1.0 / slope.sqrt() - 1.0),
            Elementary::Erf => falling(std::f64::consts::FRAC_2_SQRT_PI, &|| {
                (-log(slope / std::f64::consts::FRAC_2_SQRT_PI)).max(0.0).sqrt()
            }),
            Elementary::Sin | Elementary::Cos => {
                // In half turn h from its upward or downward zero on, the slope is cos or -cos of the rest.
                let shift = if self == Elementary::Cos { 0.5 } else { 0.0 };
                let half = (near / std::f64::consts::PI + shift).floor();
                let sign = if half.rem_euclid(2.0) == 0.0 { 1.0 } else { -1.0 };
                let cos = (sign * slope).clamp(-1.0, 1.0);
                // acos c = 2 atan(sqrt((1 - c) / (1 + c))).
                let rest = 2.0 * Elementary::Atan.approximate(((1.0 - cos) / (1.0 + cos)).sqrt());
                (half - shift) * std::f64::consts::PI + rest
            }
            Elementary::Tan => match slope > 1.0 {
                true => {
                    // 1 + tan^2 = slope.
                    let half = (near / std::f64::consts::PI).round();
                    let from = Elementary::Atan.approximate((slope - 1.0).sqrt());
                    half * std::f64::consts::PI + from.copysign(near - half * std::f64::consts::PI)
                }
                false => (near / std::f64::consts::PI).round() * std::f64::consts::PI,
            },
            Elementary::Silu | Elementary::Mish | Elementary::Gelu | Elementary::GeluTanh => {
                return None;
            }
        })
    }
}
