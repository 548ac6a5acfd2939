//! Comparisons, choices and order statistics in any number type.
//!
//! Everything is said in terms of the ends of a number. For a type whose numbers are their own ends the
//! results are the usual ones; on intervals they enclose: a comparison that is not decided is the
//! interval [0, 1], and a choice by it is the hull of what may be chosen.

use super::Scalar;
use std::cmp::Ordering;

/// What follows from the order of the reals, for every [`Scalar`].
pub trait Order: Scalar {
    /// A truth value as a number.
    fn truth(value: bool) -> Self {
        Self::from_integer(i64::from(value))
    }

    /// Truth or falsehood, undecided.
    fn undecided() -> Self {
        Self::truth(false).hull(&Self::truth(true))
    }

    /// Whether the number is smaller.
    fn less(&self, other: &Self) -> Self {
        if self.high() < other.low() {
            Self::truth(true)
        } else if self.low() < other.high() {
            Self::undecided()
        } else {
            Self::truth(false)
        }
    }

    /// Whether the number is smaller or equal.
    fn less_or_equal(&self, other: &Self) -> Self {
        if self.high() <= other.low() {
            Self::truth(true)
        } else if self.low() <= other.high() {
            Self::undecided()
        } else {
            Self::truth(false)
        }
    }

    /// Whether the numbers are equal.
    fn equal(&self, other: &Self) -> Self {
        let apart = !(self.low() <= other.high() && other.low() <= self.high());
        if apart {
            Self::truth(false)
        } else if self.low() == self.high() && other.low() == other.high() {
            Self::truth(true)
        } else {
            Self::undecided()
        }
    }

    /// Whether the number is not zero.
    fn nonzero(&self) -> Self {
        self.equal(&Self::zero()).not()
    }

    /// The negation of a truth value.
    fn not(&self) -> Self {
        let negated = |end: &Self::End| Self::truth(*Self::truth(false).low() == *end);
        negated(self.high()).hull(&negated(self.low()))
    }

    /// The greater number.
    fn max(&self, other: &Self) -> Self {
        Self::between(greater(self.low(), other.low()), greater(self.high(), other.high()))
    }

    /// The smaller number.
    fn min(&self, other: &Self) -> Self {
        Self::between(lesser(self.low(), other.low()), lesser(self.high(), other.high()))
    }

    /// A number that may be either; only intervals can say so for different ones.
    fn hull(&self, other: &Self) -> Self {
        Self::between(lesser(self.low(), other.low()), greater(self.high(), other.high()))
    }

    /// `a` where the truth value holds, else `b`.
    fn select(&self, a: &Self, b: &Self) -> Self {
        if *self.low() == *Self::truth(true).low() {
            a.clone()
        } else if *self.high() == *Self::truth(false).high() {
            b.clone()
        } else {
            a.hull(b)
        }
    }

    /// The absolute value.
    fn abs(&self) -> Self {
        let zero = Self::zero();
        let negated = self.neg();
        if self.low() >= zero.low() {
            self.clone()
        } else if self.high() <= zero.high() {
            negated
        } else {
            Self::between(zero.low().clone(), greater(self.high(), negated.high()))
        }
    }

    /// The square, which is never negative.
    fn square(&self) -> Self {
        let magnitude = self.abs();
        magnitude.mul(&magnitude).relu()
    }

    /// The place of the first (or last) greatest number, counted from zero.
    fn arg_max(values: &[Self], last: bool) -> Self {
        let mut best: Option<Self> = None;
        for (at, possible) in may_be_greatest(values, last).into_iter().enumerate() {
            if possible {
                let place = Self::from_integer(at as i64);
                best = Some(best.map_or(place.clone(), |best| best.hull(&place)));
            }
        }
        best.unwrap_or_else(Self::zero)
    }

    /// The place of the first (or last) smallest number, counted from zero.
    fn arg_min(values: &[Self], last: bool) -> Self {
        let negated: Vec<Self> = values.iter().map(Self::neg).collect();
        Self::arg_max(&negated, last)
    }

    /// The `count` greatest (or smallest) numbers in order, each with its place; of equal ones the
    /// first comes first. `None` if a number is not comparable (NaN).
    fn top(values: &[Self], count: usize, greatest: bool) -> Option<Vec<(Self, Self)>> {
        if !greatest {
            let negated: Vec<Self> = values.iter().map(Self::neg).collect();
            let top = Self::top(&negated, count, true)?;
            return Some(top.into_iter().map(|(value, place)| (value.neg(), place)).collect());
        }
        // The k-th greatest number grows with each of the numbers.
        let lows = descending(values.iter().map(Self::low))?;
        let highs = descending(values.iter().map(Self::high))?;
        let mut places: Vec<Option<Self>> = vec![None; count];
        for (at, value) in values.iter().enumerate() {
            // Numbers that come before this one whatever they are, and those that may.
            let before = |sorted: &[(Self::End, usize)], ours: &Self::End| {
                sorted.partition_point(|(end, other)| end > ours || (end == ours && *other < at))
            };
            let least = before(&lows, value.high());
            let itself = usize::from(value.high() > value.low());
            let most = before(&highs, value.low()) - itself;
            for place in places.iter_mut().take(most + 1).skip(least) {
                let here = Self::from_integer(at as i64);
                *place = Some(place.take().map_or(here.clone(), |place| place.hull(&here)));
            }
        }
        let numbers = lows.into_iter().zip(highs).map(|(low, high)| Self::between(low.0, high.0));
        numbers.zip(places).map(|(number, place)| Some((number, place?))).collect()
    }
}

impl Order for f32 {}
impl Order for f64 {}
impl Order for super::Interval {}
impl Order for super::Rational {}
impl Order for super::Exact {}

/// The greater end; an end that is not comparable wins.
fn greater<E: Clone + PartialOrd>(a: &E, b: &E) -> E {
    if a < b || b.partial_cmp(b).is_none() { b.clone() } else { a.clone() }
}

/// The smaller end; an end that is not comparable wins.
fn lesser<E: Clone + PartialOrd>(a: &E, b: &E) -> E {
    if b < a || b.partial_cmp(b).is_none() { b.clone() } else { a.clone() }
}

/// Which numbers may be the first (or last) greatest one.
///
/// A number may be that if, at its high end, it is above the low ends of those before it and not below
/// those behind it; the other way round for the last one.
fn may_be_greatest<S: Order>(values: &[S], last: bool) -> Vec<bool> {
    let mut possible = vec![true; values.len()];
    let mut bar: Option<S::End> = None;
    let mut pass = |at: usize, strict: bool, bar: &mut Option<S::End>| {
        if let Some(bar) = bar.as_ref() {
            let high = values[at].high();
            possible[at] &= !(high < bar || (strict && high == bar));
        }
        let low = values[at].low();
        *bar = Some(bar.take().map_or(low.clone(), |bar| greater(&bar, low)));
    };
    for at in 0..values.len() {
        pass(at, !last, &mut bar);
    }
    bar = None;
    for at in (0..values.len()).rev() {
        pass(at, last, &mut bar);
    }
    possible
}

/// The ends with their places, from the greatest to the smallest and equal ones in order, if all of them
/// are comparable.
fn descending<'a, E: Clone + PartialOrd + 'a>(
    ends: impl Iterator<Item = &'a E>,
) -> Option<Vec<(E, usize)>> {
    let mut sorted: Vec<(E, usize)> = ends.cloned().zip(0..).collect();
    if sorted.iter().any(|(end, _)| end.partial_cmp(end).is_none()) {
        return None;
    }
    // The sort is stable.
    sorted.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal));
    Some(sorted)
}

#[cfg(test)]
mod tests {
    use super::super::{Interval, Rational};
    use super::*;
    use proptest::prelude::*;

    /// Intervals with small integer ends, and an integer point of each.
    fn boxes(count: usize) -> impl Strategy<Value = Vec<(Interval, i64)>> {
        let one = (-3i64..4, 0i64..4, 0i64..4).prop_map(|(low, width, at)| {
            (Interval::new(low as f64, (low + width) as f64), low + at.min(width))
        });
        proptest::collection::vec(one, count)
    }

    fn holds(enclosure: &Interval, value: &Rational) -> bool {
        enclosure.contains(value)
    }

    proptest! {
        #[test]
        fn intervals_enclose_what_points_give(all in boxes(5)) {
            let intervals: Vec<Interval> = all.iter().map(|(i, _)| *i).collect();
            let points: Vec<Rational> = all.iter().map(|(_, p)| Rational::from(*p)).collect();
            let (a, b) = (&intervals[0], &intervals[1]);
            let (x, y) = (&points[0], &points[1]);
            prop_assert!(holds(&a.less(b), &x.less(y)));
            prop_assert!(holds(&a.less_or_equal(b), &x.less_or_equal(y)));
            prop_assert!(holds(&a.equal(b), &x.equal(y)));
            prop_assert!(holds(&a.nonzero(), &x.nonzero()));
            prop_assert!(holds(&Order::max(a, b), &Order::max(x, y)));
            prop_assert!(holds(&Order::min(a, b), &Order::min(x, y)));
            prop_assert!(holds(&Order::abs(a), &Order::abs(x)));
            prop_assert!(holds(&a.square(), &x.square()));
            let chosen = x.less(y).select(&points[2], &points[3]);
            prop_assert!(holds(&a.less(b).select(&intervals[2], &intervals[3]), &chosen));
            prop_assert!(holds(&a.less(b).not(), &x.less(y).not()));
            for last in [false, true] {
                prop_assert!(holds(&Order::arg_max(&intervals, last), &Order::arg_max(&points, last)));
                prop_assert!(holds(&Order::arg_min(&intervals, last), &Order::arg_min(&points, last)));
            }
            for greatest in [false, true] {
                let wide = Order::top(&intervals, 3, greatest).unwrap();
                let exact = Order::top(&points, 3, greatest).unwrap();
                for (wide, exact) in wide.iter().zip(&exact) {
                    prop_assert!(holds(&wide.0, &exact.0) && holds(&wide.1, &exact.1));
                }
            }
        }
    }

    #[test]
    fn ties_are_broken_by_place() {
        let values = [1.0f32, 3.0, 3.0, 2.0];
        assert_eq!(Order::arg_max(&values, false), 1.0);
        assert_eq!(Order::arg_max(&values, true), 2.0);
        assert_eq!(Order::top(&values, 3, true).unwrap(), [(3.0, 1.0), (3.0, 2.0), (2.0, 3.0)]);
        assert_eq!(Order::top(&values, 2, false).unwrap(), [(1.0, 0.0), (2.0, 3.0)]);
        // On intervals a place is excluded only if no choice of numbers leads to it.
        let intervals = [Interval::new(0.0, 1.0), Interval::point(1.0), Interval::new(0.0, 2.0)];
        assert_eq!(Order::arg_max(&intervals, false), Interval::new(0.0, 2.0));
        let intervals = [Interval::point(1.0), Interval::new(0.0, 1.0), Interval::point(1.0)];
        assert_eq!(Order::arg_max(&intervals, false), Interval::ZERO);
    }

    #[test]
    fn what_is_not_a_number_stays_that() {
        let nan = f32::NAN;
        assert!(Order::max(&nan, &1.0).is_nan() && Order::max(&1.0, &nan).is_nan());
        assert!(Order::min(&nan, &1.0).is_nan() && Order::abs(&nan).is_nan());
        assert_eq!(nan.less(&1.0), 0.0);
        assert_eq!(nan.equal(&nan), 0.0);
        assert!(Order::top(&[nan, 1.0], 1, true).is_none());
    }
}
