//! Intervals with outward-rounded ends.

use super::Rational;

/// A closed interval `[lo, hi]` of reals; an end may be infinite.
///
/// Every operation returns an interval that contains the exact result for every choice of reals in
/// its operands. Ends are computed in round-to-nearest and moved one float outward, which covers the
/// half unit of error of the operation, also in the subnormal range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Interval {
    /// Zero.
    pub const ZERO: Interval = Interval { lo: 0.0, hi: 0.0 };
    /// All reals: what an operation that overflowed or lost its meaning returns.
    pub const ALL: Interval = Interval { lo: f64::NEG_INFINITY, hi: f64::INFINITY };

    /// The interval with these ends; [`Interval::ALL`] if an end is NaN or they are out of order.
    pub fn new(lo: f64, hi: f64) -> Interval {
        if lo <= hi { Interval { lo, hi } } else { Interval::ALL }
    }

    /// The single float `value`.
    pub fn point(value: f64) -> Interval {
        Interval::new(value, value)
    }

    /// The narrowest interval of floats around a rational.
    pub fn around(value: &Rational) -> Interval {
        Interval::new(value.to_f64_down(), value.to_f64_up())
    }

    /// Sum.
    pub fn add(self, other: Interval) -> Interval {
        if self == Interval::ZERO {
            return other;
        }
        if other == Interval::ZERO {
            return self;
        }
        Interval::new((self.lo + other.lo).next_down(), (self.hi + other.hi).next_up())
    }

    /// The interval of negated values.
    pub fn neg(self) -> Interval {
        Interval { lo: -self.hi, hi: -self.lo }
    }

    /// Product.
    pub fn mul(self, other: Interval) -> Interval {
        if self == Interval::ZERO || other == Interval::ZERO {
            return Interval::ZERO;
        }
        let products =
            [self.lo * other.lo, self.lo * other.hi, self.hi * other.lo, self.hi * other.hi];
        if products.iter().any(|p| p.is_nan()) {
            return Interval::ALL;
        }
        let lo = products.iter().copied().fold(f64::INFINITY, f64::min);
        let hi = products.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Interval::new(lo.next_down(), hi.next_up())
    }

    /// The image under `max(0, .)`, which is exact.
    pub fn relu(self) -> Interval {
        Interval { lo: self.lo.max(0.0), hi: self.hi.max(0.0) }
    }

    /// The narrowest interval that contains both.
    pub fn hull(self, other: Interval) -> Interval {
        Interval { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// What lies in both, for two enclosures of the same number; `self` if they have nothing in common.
    pub fn meet(self, other: Interval) -> Interval {
        let (lo, hi) = (self.lo.max(other.lo), self.hi.min(other.hi));
        if lo <= hi { Interval { lo, hi } } else { self }
    }

    /// The squares of all numbers of the interval.
    pub fn square(self) -> Interval {
        let (a, b) = (self.lo * self.lo, self.hi * self.hi);
        let across = self.lo <= 0.0 && self.hi >= 0.0;
        let lo = if across { 0.0 } else { a.min(b).next_down().max(0.0) };
        // A square that is zero comes from zero or has been rounded.
        let most = a.max(b);
        Interval { lo, hi: if self == Interval::ZERO { 0.0 } else { most.next_up() } }
    }

    /// The square root; [`Interval::ALL`] if a number in the interval is negative.
    pub fn sqrt(self) -> Interval {
        if !(self.lo >= 0.0) {
            return Interval::ALL;
        }
        // The root of a float is correctly rounded, never negative, and zero for zero only.
        let high = if self.hi == 0.0 { 0.0 } else { self.hi.sqrt().next_up() };
        Interval::new(self.lo.sqrt().next_down().max(0.0), high)
    }

    /// `sums[i * sum_step] += weight * values[i * value_step]` for `count` values of i; `weight` is finite.
    ///
    /// Ends move outward by at least what [`Interval::add`] and [`Interval::mul`] move them, in plain
    /// float arithmetic that compilers vectorise. A float v errs by half a unit in the last place at
    /// most, and |v| * 2^-52, rounded, is at least a whole unit wherever v is normal. A product may
    /// also underflow; the least float covers that, unless a factor is zero and nothing is lost. A sum
    /// of two floats never errs when it is subnormal.
    ///
    /// # Panics
    ///
    /// If a slice is shorter than the steps need.
    pub fn add_scaled(
        sums: &mut [Interval],
        sum_step: usize,
        values: &[Interval],
        value_step: usize,
        count: usize,
        weight: f64,
    ) {
        const UNIT: f64 = f64::EPSILON;
        const LEAST: f64 = f64::from_bits(1);
        if weight == 0.0 {
            return;
        }
        let one = |sum: &mut Interval, value: &Interval| {
            let (a, b) = if weight > 0.0 { (value.lo, value.hi) } else { (value.hi, value.lo) };
            let (low, high) = (weight * a, weight * b);
            let low = low - (low.abs() * UNIT + if a == 0.0 { 0.0 } else { LEAST });
            let high = high + (high.abs() * UNIT + if b == 0.0 { 0.0 } else { LEAST });
            let (low, high) = (sum.lo + low, sum.hi + high);
            *sum = Interval::new(low - low.abs() * UNIT, high + high.abs() * UNIT);
        };
        if sum_step == 1 && value_step == 1 {
            sums[..count].iter_mut().zip(&values[..count]).for_each(|(s, v)| one(s, v));
        } else {
            (0..count).for_each(|i| one(&mut sums[i * sum_step], &values[i * value_step]));
        }
    }

    /// Whether the real number lies inside.
    pub fn contains(&self, value: &Rational) -> bool {
        let above = Rational::from_f64(self.lo).is_none_or(|lo| lo <= *value);
        let below = Rational::from_f64(self.hi).is_none_or(|hi| *value <= hi);
        above && below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Scalar;
    use proptest::prelude::*;

    fn any_float() -> impl Strategy<Value = f64> {
        prop_oneof![
            -1.0e3..1.0e3f64,
            any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |v| v.is_finite()),
            (-20i32..20).prop_map(|e| f64::from(e) * f64::MIN_POSITIVE),
        ]
    }

    proptest! {
        #[test]
        fn operations_enclose_the_exact_result(a in any_float(), b in any_float(), c in any_float(), d in any_float()) {
            let (x, y) = (Interval::new(a.min(b), a.max(b)), Interval::new(c.min(d), c.max(d)));
            for p in [a, b] {
                for q in [c, d] {
                    let (ep, eq) = (Rational::from_f64(p).unwrap(), Rational::from_f64(q).unwrap());
                    prop_assert!(x.add(y).contains(&(&ep + &eq)));
                    prop_assert!(x.mul(y).contains(&(&ep * &eq)));
                    prop_assert!(x.neg().contains(&-&ep));
                    if let Some(quotient) = ep.checked_div(&eq) {
                        prop_assert!(Scalar::div(&x, &y).contains(&quotient));
                    }
                }
            }
        }

        #[test]
        fn scaled_sums_enclose_the_exact_result(a in any_float(), b in any_float(), c in any_float(), weight in any_float()) {
            let (x, y) = (Interval::new(a.min(b), a.max(b)), Interval::point(c));
            let mut sums = [y];
            Interval::add_scaled(&mut sums, 1, &[x], 1, 1, weight);
            for p in [a, b] {
                let [ep, ec, ew] = [p, c, weight].map(|v| Rational::from_f64(v).unwrap());
                prop_assert!(sums[0].contains(&(&ec + &(&ew * &ep))));
            }
        }

        #[test]
        fn scaled_sums_survive_underflow(a in -40i64..40, weight in -1.0..1.0f64, subnormal in 1i32..60) {
            // Products of few units in the last place of the subnormal numbers.
            let value = a as f64 * f64::from_bits(1);
            let weight = weight * 2f64.powi(subnormal % 3);
            let mut sums = [Interval::ZERO];
            Interval::add_scaled(&mut sums, 1, &[Interval::point(value)], 1, 1, weight);
            let [value, weight] = [value, weight].map(|v| Rational::from_f64(v).unwrap());
            prop_assert!(sums[0].contains(&(&weight * &value)));
        }

        #[test]
        fn roots_are_enclosed(a in any_float(), b in any_float()) {
            let x = Interval::new(a.abs().min(b.abs()), a.abs().max(b.abs()));
            let root = x.sqrt();
            // The square of the lower end is not above, that of the upper end not below.
            let square = |v: f64| Rational::from_f64(v).map(|v| &v * &v);
            prop_assert!(square(root.lo).unwrap() <= Rational::from_f64(x.lo).unwrap());
            prop_assert!(square(root.hi).is_none_or(|s| s >= Rational::from_f64(x.hi).unwrap()));
            prop_assert_eq!(Interval::new(-1.0, 1.0).sqrt(), Interval::ALL);
        }
    }
}
