//! Softmax and LogSoftmax.
//!
//! From opset 13 on a group is the elements along one axis; before, the operand was taken as a matrix whose
//! rows, all axes from the given one on, are the groups.

use super::evaluate::Data;
use super::grouping::Grouping;
use super::{Analytic, Application, Op, Reading};
use crate::error::Error;
use crate::number::Interval;
use crate::number::Scalar;
use crate::number::ball::Ball;
use crate::number::elementary::Elementary;

pub(super) fn softmax(application: &mut Application<'_>) -> Result<Reading, Error> {
    read(application, false)
}

pub(super) fn log_softmax(application: &mut Application<'_>) -> Result<Reading, Error> {
    read(application, true)
}

fn read(application: &mut Application<'_>, logarithm: bool) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let axis = application.attributes.int("axis")?;
    let shape = application.float(0)?.shape.to_vec();
    let rank = shape.len();
    let grouping = if application.opset >= 13 {
        let axis = application.axis(axis.unwrap_or(-1), rank)?;
        Grouping::new(shape.clone(), vec![axis])
    } else {
        // The axis may be the rank, counted from the front: then every group has one element.
        let axis = axis.unwrap_or(1);
        let axis = if axis == rank as i64 { rank } else { application.axis(axis, rank)? };
        Grouping::new(shape.clone(), (axis..rank).collect())
    };
    Ok(Reading::node(Op::Softmax { grouping, logarithm }, [0], shape))
}

pub(super) fn apply<S: Analytic>(
    operand: &Data<'_, S>,
    grouping: &Grouping,
    logarithm: bool,
) -> Vec<S> {
    grouping.map_groups(&operand.values(), |group| S::softmax(group, logarithm))
}

/// In a float type: differences to the greatest element, their exponentials, the sum in order, quotients.
pub(super) fn rounded<S: Scalar + PartialOrd>(
    group: &[S],
    logarithm: bool,
    exp: impl Fn(&S) -> S,
    log: impl Fn(&S) -> S,
) -> Vec<S> {
    let Some(first) = group.first() else { return Vec::new() };
    let greatest = group.iter().fold(first, |most, x| if x > most { x } else { most });
    let differences: Vec<S> = group.iter().map(|x| x.sub(greatest)).collect();
    let powers: Vec<S> = differences.iter().map(exp).collect();
    let sum = powers.iter().fold(S::zero(), |sum, power| sum.add(power));
    if logarithm {
        let log = log(&sum);
        return differences.iter().map(|d| d.sub(&log)).collect();
    }
    powers.iter().map(|power| power.div(&sum)).collect()
}

/// Enclosures: `y_i` falls in every `x_j` but `x_i`, in which it rises, so its least value is
/// `e^l_i / (e^l_i + sum_{j != i} e^u_j)` and its greatest has the ends exchanged.
///
/// All exponents are less the greatest upper end, exactly, so that nothing overflows; the sums without `i` are
/// sums of sums from either side, so that nothing cancels.
pub(super) fn enclosed(group: &[Interval], logarithm: bool) -> Vec<Interval> {
    let range = match logarithm {
        true => Interval { lo: f64::NEG_INFINITY, hi: 0.0 },
        false => Interval { lo: 0.0, hi: 1.0 },
    };
    if group.iter().any(|x| !x.lo.is_finite() || !x.hi.is_finite()) {
        return vec![range; group.len()];
    }
    let greatest = group.iter().fold(f64::NEG_INFINITY, |most, x| most.max(x.hi));
    let shifted = |x: f64| Ball::exact(x).sub(Ball::exact(greatest));
    let lower: Vec<Ball> = group.iter().map(|x| shifted(x.lo)).collect();
    let upper: Vec<Ball> = group.iter().map(|x| shifted(x.hi)).collect();
    let powers = |ends: &[Ball]| ends.iter().map(|x| Elementary::Exp.at(*x)).collect::<Vec<_>>();
    let (low_powers, high_powers) = (powers(&lower), powers(&upper));
    let (others_low, others_high) = (sums_without(&low_powers), sums_without(&high_powers));
    let value = |exponent: Ball, power: Ball, others: Ball| {
        let sum = power.add(others);
        match logarithm {
            true => exponent.sub(Elementary::Log.at(sum)),
            false => power.div(sum),
        }
        .interval()
    };
    (0..group.len())
        .map(|i| {
            let least = value(lower[i], low_powers[i], others_high[i]);
            let greatest = value(upper[i], high_powers[i], others_low[i]);
            Interval::new(least.lo, greatest.hi).meet(range)
        })
        .collect()
}

/// For each element, the sum of all others.
fn sums_without(values: &[Ball]) -> Vec<Ball> {
    let mut sums = vec![Ball::ZERO; values.len()];
    let mut sum = Ball::ZERO;
    for (target, value) in sums.iter_mut().zip(values) {
        *target = sum;
        sum = sum.add(*value);
    }
    sum = Ball::ZERO;
    for (target, value) in sums.iter_mut().zip(values).rev() {
        *target = target.add(sum);
        sum = sum.add(*value);
    }
    sums
}

/// What an execution in float32 is assumed to do: `|executed - exact| <= relative |exact| + absolute` for groups of
/// `count` elements. The exponent of `e^(x_i - max)` is rounded, which changes the result by no more than
/// `2^-24 |d| e^d`; each term and the sum add relative errors.
pub fn float32_error(count: usize, logarithm: bool) -> super::FloatError {
    let unit = 1.0 / (1u64 << 24) as f64;
    let terms = (2 * count + 32) as f64 * unit;
    match logarithm {
        true => super::FloatError { relative: 8.0 * unit, absolute: terms, linear: 0.0 },
        false => super::FloatError { relative: terms, absolute: 4.0 * unit, linear: 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_points_are_narrow_and_right() {
        let points = [0.5, -3.0, 7.25, 7.0].map(Interval::point);
        let exact: Vec<f64> = {
            let sum: f64 = [0.5f64, -3.0, 7.25, 7.0].iter().map(|x| x.exp()).sum();
            [0.5f64, -3.0, 7.25, 7.0].iter().map(|x| x.exp() / sum).collect()
        };
        for (enclosure, near) in enclosed(&points, false).iter().zip(&exact) {
            assert!(enclosure.hi - enclosure.lo <= 3.0 * (near.next_up() - near));
            assert!((enclosure.lo - near).abs() <= 4.0 * (near.next_up() - near));
        }
        for (enclosure, near) in enclosed(&points, true).iter().zip(&exact) {
            assert!((enclosure.lo - near.ln()).abs() <= 1.0e-14);
        }
    }

    #[test]
    fn boxes_contain_their_corners_and_extremes_do_not_overflow() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..300 {
            let count = rng.usize(1..6);
            let scale = 10f64.powi(rng.i32(-3..4));
            let boxes: Vec<Interval> = (0..count)
                .map(|_| {
                    let (a, b) = (rng.f64() * scale, (rng.f64() - 0.5) * scale);
                    Interval::new(a.min(b), a.max(b))
                })
                .collect();
            for logarithm in [false, true] {
                let image = enclosed(&boxes, logarithm);
                for _ in 0..20 {
                    let corner: Vec<Interval> = boxes
                        .iter()
                        .map(|x| Interval::point(if rng.bool() { x.lo } else { x.hi }))
                        .collect();
                    for (y, corner) in image.iter().zip(enclosed(&corner, logarithm)) {
                        assert!(y.lo <= corner.hi && corner.lo <= y.hi);
                        assert!(y.lo <= corner.lo.next_up() && corner.hi <= y.hi.next_up());
                    }
                }
            }
        }
        let far = [Interval::point(1.0e300), Interval::new(-1.0e300, 1.0e3), Interval::ALL];
        assert_eq!(enclosed(&far, false), vec![Interval::new(0.0, 1.0); 3]);
        let sure = enclosed(&far[..2], false);
        assert!(sure[0].lo >= 1.0f64.next_down() && sure[1].hi <= 5.0e-324);
        assert!(enclosed(&far[..2], true)[1].hi <= -1.0e299);
    }

    #[test]
    fn floats_sum_to_one() {
        let y = f32::softmax(&[1.0, 2.0, 1000.0, -1.0e30], false);
        assert_eq!(y, [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(f32::softmax(&[0.0, -104.0, -110.0], false), [1.0, 0.0, 0.0]);
        assert_eq!(f64::softmax(&[3.0], true), [0.0]);
        assert!(f32::softmax(&[], true).is_empty());
    }
}
