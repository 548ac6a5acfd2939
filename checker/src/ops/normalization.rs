//! LayerNormalization, InstanceNormalization, GroupNormalization, RMSNormalization.
//!
//! All of them divide the elements of groups, less their mean, by the root of their variance and
//! a small number, then scale and shift; they differ in what a group is and how scale and shift are spread.

use super::broadcast::broadcast;
use super::elementwise::spread;
use super::evaluate::{Data, Elements};
use super::grouping::Grouping;
use super::{Analytic, Application, Op, Reading};
use crate::error::Error;
use crate::number::{Interval, Scalar};

/// How a group is normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Whether the mean is subtracted.
    pub centred: bool,
    /// Added to the variance.
    pub epsilon: f32,
}

/// A normalisation with scale and, where there is a third operand, shift.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    /// The groups.
    pub grouping: Grouping,
    /// What is done in each.
    pub statistics: Statistics,
    /// The shape under which scale and shift broadcast to the view of the groups.
    pub affine: Vec<usize>,
}

fn statistics(application: &mut Application<'_>, centred: bool) -> Result<Statistics, Error> {
    let epsilon = application.attributes.float("epsilon")?.unwrap_or(1.0e-5);
    if epsilon < 0.0 {
        return Err(application.contradiction(format!("the attribute `epsilon` is {epsilon}")));
    }
    Ok(Statistics { centred, epsilon })
}

/// Computing in another type has no meaning over the reals, and float32 is the only one that is known.
fn stash_type(application: &mut Application<'_>) -> Result<(), Error> {
    match application.attributes.int("stash_type")? {
        None | Some(1) => Ok(()),
        Some(other) => Err(application
            .unsupported(format!("the attribute `stash_type` is {other}"))
            .help("1, that is float, is supported")),
    }
}

pub(super) fn layer(application: &mut Application<'_>) -> Result<Reading, Error> {
    if application.results.iter().skip(1).any(|named| *named) {
        return Err(application
            .unsupported("the results for mean and deviation are not supported")
            .help("they are used in training only; export the model for inference"));
    }
    application.operand_count(2, 3)?;
    from_axis(application, true)
}

pub(super) fn root_mean_square(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    from_axis(application, false)
}

/// Normalisation over all axes from one on.
fn from_axis(application: &mut Application<'_>, centred: bool) -> Result<Reading, Error> {
    let statistics = statistics(application, centred)?;
    stash_type(application)?;
    let axis = application.attributes.int("axis")?.unwrap_or(-1);
    application.same_element(&[0, 1, 2])?;
    let shape = application.float(0)?.shape.to_vec();
    let axis = application.axis(axis, shape.len())?;
    let affine = application.operand(1)?.shape.to_vec();
    for position in [1, 2] {
        let Some(operand) = application.optional(position) else { continue };
        if broadcast(&shape, operand.shape).as_deref() != Some(&shape[..]) {
            return Err(application.contradiction(format!(
                "`{}` of shape {:?} does not broadcast to the operand's shape {shape:?}",
                operand.name, operand.shape
            )));
        }
    }
    if application.optional(2).is_some_and(|shift| shift.shape != affine) {
        return Err(application.unsupported("scale and shift have different shapes"));
    }
    let grouping = Grouping::new(shape.clone(), (axis..shape.len()).collect());
    node(application, Normalization { grouping, statistics, affine }, shape)
}

pub(super) fn instance(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(3, 3)?;
    let statistics = statistics(application, true)?;
    application.same_element(&[0, 1, 2])?;
    let shape = application.float(0)?.shape.to_vec();
    if shape.len() < 2 {
        return Err(application.contradiction("the operand has no channels"));
    }
    per_channel(application, shape[1])?;
    let mut affine = vec![1; shape.len() - 1];
    affine[0] = shape[1];
    let grouping = Grouping::new(shape.clone(), (2..shape.len()).collect());
    node(application, Normalization { grouping, statistics, affine }, shape)
}

pub(super) fn group(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(3, 3)?;
    let statistics = statistics(application, true)?;
    if application.opset >= 21 {
        stash_type(application)?;
    }
    let groups = application.attributes.int("num_groups")?;
    application.same_element(&[0, 1, 2])?;
    let shape = application.float(0)?.shape.to_vec();
    if shape.len() < 2 {
        return Err(application.contradiction("the operand has no channels"));
    }
    let groups = groups
        .and_then(|groups| usize::try_from(groups).ok())
        .filter(|groups| *groups > 0 && shape[1] % groups == 0)
        .ok_or_else(|| {
            let count = shape[1];
            application.contradiction(format!("`num_groups` does not divide the {count} channels"))
        })?;
    let mut view = vec![shape[0], groups, shape[1] / groups];
    view.extend(&shape[2..]);
    let mut affine = vec![1; view.len() - 1];
    affine[0] = groups;
    if application.opset >= 21 {
        affine[1] = view[2];
        per_channel(application, shape[1])?;
    } else {
        per_channel(application, groups)?;
    }
    let grouping = Grouping::new(view.clone(), (2..view.len()).collect());
    node(application, Normalization { grouping, statistics, affine }, shape)
}

/// Refuses scales and shifts that are no vectors of the given length.
fn per_channel(application: &Application<'_>, count: usize) -> Result<(), Error> {
    for position in [1, 2] {
        let operand = application.operand(position)?;
        if operand.shape != [count] {
            return Err(application.contradiction(format!(
                "`{}` has shape {:?}, but one number for each of {count} is expected",
                operand.name, operand.shape
            )));
        }
    }
    Ok(())
}

fn node(
    application: &Application<'_>,
    normalization: Normalization,
    shape: Vec<usize>,
) -> Result<Reading, Error> {
    let operands: Vec<usize> = (0..application.operands.len()).collect();
    Ok(Reading::node(Op::Normalization(normalization), operands, shape))
}

pub(super) fn apply<S: Analytic>(
    normalization: &Normalization,
    operands: &[Data<'_, S>],
) -> Vec<S> {
    let grouping = &normalization.grouping;
    let normalized = grouping
        .map_groups(&operands[0].values(), |group| S::normalized(group, &normalization.statistics));
    let affine = |operand: &Data<'_, S>| {
        let values = operand.values();
        let data = Data { shape: &normalization.affine, elements: Elements::Values(&values) };
        spread(&data, &grouping.view).into_owned()
    };
    let scaled = normalized.iter().zip(affine(&operands[1])).map(|(x, scale)| x.mul(&scale));
    match operands.get(2) {
        Some(shift) => scaled.zip(affine(shift)).map(|(x, shift)| x.add(&shift)).collect(),
        None => scaled.collect(),
    }
}

/// In a float type: the mean, the mean square of differences, both summed in order, then quotients.
pub(super) fn rounded<S: Scalar>(
    group: &[S],
    statistics: &Statistics,
    sqrt: impl Fn(&S) -> S,
) -> Vec<S> {
    let count = S::from_stored(group.len() as f64);
    let sum = |values: &mut dyn Iterator<Item = S>| values.fold(S::zero(), |sum, x| sum.add(&x));
    let differences: Vec<S> = match statistics.centred {
        true => {
            let mean = sum(&mut group.iter().cloned()).div(&count);
            group.iter().map(|x| x.sub(&mean)).collect()
        }
        false => group.to_vec(),
    };
    let variance = sum(&mut differences.iter().map(|d| d.mul(d))).div(&count);
    let deviation = sqrt(&variance.add(&S::from_stored(f64::from(statistics.epsilon))));
    differences.iter().map(|d| d.div(&deviation)).collect()
}

/// Enclosures. A difference to the mean is `x_i (n - 1)/n` less an `n`-th of the others, which depend on nothing
/// in common; a square is not negative. Whatever the variance is, `|x_i - m| <= sqrt(n - 1) sqrt(v)`, and
/// `|x_i| <= sqrt(n) sqrt(v)` without the mean, by Cauchy's inequality.
pub(super) fn enclosed(group: &[Interval], statistics: &Statistics) -> Vec<Interval> {
    let count = group.len() as f64;
    let share = |x: Interval| Scalar::div(&x, &Interval::point(count));
    let differences: Vec<Interval> = match statistics.centred {
        true => {
            let total = group.iter().fold(Interval::ZERO, |sum, x| sum.add(*x));
            let difference = |x: &Interval| {
                // Ends of the sum of the others, rounded outward.
                let others =
                    Interval::new((total.lo - x.lo).next_down(), (total.hi - x.hi).next_up());
                share(Interval::mul(*x, Interval::point(count - 1.0)).add(others.neg()))
            };
            group.iter().map(difference).collect()
        }
        false => group.to_vec(),
    };
    let squares = differences.iter().fold(Interval::ZERO, |sum, d| sum.add(d.square()));
    let variance = share(squares);
    let variance = Interval { lo: variance.lo.max(0.0), ..variance };
    let sum = variance.add(Interval::point(f64::from(statistics.epsilon)));
    if !(sum.lo > 0.0) {
        return vec![Interval::ALL; group.len()];
    }
    let deviation = Interval { lo: sum.lo.sqrt().next_down(), hi: sum.hi.sqrt().next_up() };
    let most = (count - if statistics.centred { 1.0 } else { 0.0 }).sqrt().next_up();
    let bound = Interval { lo: -most, hi: most };
    differences.iter().map(|d| Scalar::div(d, &deviation).meet(bound)).collect()
}

/// What an execution in float32 is assumed to do for a group of `count` elements: the normalised values are off by
/// at most this. `spread` is the greatest magnitude in the group over `sqrt(v + epsilon)`: runtimes that take
/// the variance as the mean square less the squared mean lose digits by its square.
pub fn float32_error(count: usize, spread: f64) -> f64 {
    let unit = 1.0 / (1u64 << 24) as f64;
    (2 * count + 32) as f64 * unit * (1.0 + spread) * (1.0 + spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::{Elementary, Rational};

    #[test]
    fn points_are_enclosed() {
        let mut rng = fastrand::Rng::with_seed(2);
        for round in 0..200 {
            let count = rng.usize(1..9);
            let centred = round % 2 == 0;
            let statistics = Statistics { centred, epsilon: 1.0e-5 };
            let x: Vec<f64> = (0..count).map(|_| (rng.f64() - 0.3) * 10.0).collect();
            let points: Vec<Interval> = x.iter().map(|x| Interval::point(*x)).collect();
            let boxes: Vec<Interval> =
                x.iter().map(|x| Interval::new(x - rng.f64(), x + rng.f64() * 1.0e-3)).collect();
            let (narrow, wide) = (enclosed(&points, &statistics), enclosed(&boxes, &statistics));
            // Exactly, but for the root: y^2 (v + epsilon) = d^2.
            let exact: Vec<Rational> = x.iter().map(|x| Rational::from_f64(*x).unwrap()).collect();
            let n = Rational::from(count as i64);
            let mut mean = exact.iter().fold(Rational::ZERO, |sum, x| &sum + x);
            mean = if centred { mean.checked_div(&n).unwrap() } else { Rational::ZERO };
            let squares =
                exact.iter().map(|x| x - &mean).fold(Rational::ZERO, |sum, d| &sum + &(&d * &d));
            let variance = &squares.checked_div(&n).unwrap()
                + &Rational::from_f64(f64::from(statistics.epsilon)).unwrap();
            for (i, y) in narrow.iter().enumerate() {
                let d = &exact[i] - &mean;
                let square = (&d * &d).checked_div(&variance).unwrap();
                let root = Elementary::Sqrt.image(Interval::around(&square));
                let root = if d.signum() < 0 { root.neg() } else { root };
                assert!(y.lo <= root.lo && root.hi <= y.hi, "{y:?} {root:?}");
                assert!(y.hi - y.lo <= 1.0e-12, "{y:?}");
                assert!(wide[i].lo <= y.lo.next_up() && y.hi <= wide[i].hi.next_up());
            }
        }
    }

    #[test]
    fn nothing_is_claimed_where_nothing_is_defined() {
        let none = Statistics { centred: true, epsilon: 0.0 };
        let flat = [Interval::point(2.0), Interval::point(2.0)];
        assert_eq!(enclosed(&flat, &none), [Interval::ALL; 2]);
        let some = Statistics { centred: true, epsilon: 1.0e-5 };
        let bounded = enclosed(&[Interval::ALL, Interval::point(1.0)], &some);
        assert!(bounded.iter().all(|y| y.lo >= -1.0f64.next_up() && y.hi <= 1.0f64.next_up()));
    }
}
