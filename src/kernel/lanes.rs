//! Vector loops: one plain definition, compiled for several instruction sets.
//!
//! The loops below keep eight partial sums, which the compiler turns into vector registers of the
//! width that the enclosing function's target features allow. The definition for an old processor is
//! the same code without extra features, so a binary runs everywhere. Partial sums are combined in a
//! fixed order, but their number of roundings may differ between instruction sets (fused or not);
//! every caller charges an error that covers any order and any fusing.

const LANES: usize = 8;

macro_rules! dispatch {
    ($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $ret:ty = $body:ident) => {
        $(#[$doc])*
        pub fn $name($($arg: $type),*) -> $ret {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,fma")]
                unsafe fn wide($($arg: $type),*) -> $ret {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                unsafe fn medium($($arg: $type),*) -> $ret {
                    $body($($arg),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                {
                    // SAFETY: the processor has just been found to have these instructions.
                    return unsafe { wide($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the processor has just been found to have these instructions.
                    return unsafe { medium($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}

dispatch! {
    /// Pulls a row of coefficients `a` on post-activations `h = relu(z)` back to the pre-activations,
    /// in place, and returns the constant that this costs.
    ///
    /// For every neuron `nu = a * lower` when `a >= 0` and `nu = a * upper` otherwise, and
    /// `a h >= nu z + phi` on `l <= z <= u`, where `phi` is the minimum of `a h - nu z` over the
    /// vertices `(l, 0)`, `(0, 0)`, `(u, u)` of the hull of relu's graph on `[l, u]`. The sum of all
    /// `phi` is returned; it is never positive and its relative error is at most `gamma(n + 3)`: each
    /// `phi` is one or two rounded operations on the *stored* `nu`, so that the slopes themselves need
    /// no rounding rule.
    ///
    /// Requirements: for an unstable neuron `l < 0 < u` bound z and `0 <= lower <= 1`, so that
    /// rounding keeps `0 <= nu <= a` and `phi = 0` where `a >= 0`; for a stable one `lower = upper` is
    /// exactly 0 or 1 and `l = u = 0` is passed, which makes `phi = 0` exactly. All slices have one
    /// length.
    pub fn relax_row(
        coefficients: &mut [f64], lower: &[f64], upper: &[f64], l: &[f64], u: &[f64],
    ) -> f64 = relax_row_lanes
}

#[inline(always)]
fn relax_one(a: f64, lower: f64, upper: f64, l: f64, u: f64) -> (f64, f64) {
    let nu = a * if a >= 0.0 { lower } else { upper };
    let at_lower = -nu * l;
    let at_upper = (a - nu) * u;
    let least = if at_lower < at_upper { at_lower } else { at_upper };
    // Written so that a NaN, as an infinite end gives it, reaches the constant.
    (nu, if least >= 0.0 { 0.0 } else { least })
}

#[inline(always)]
fn relax_row_lanes(
    coefficients: &mut [f64],
    lower: &[f64],
    upper: &[f64],
    l: &[f64],
    u: &[f64],
) -> f64 {
    let n = coefficients.len();
    let (lower, upper, l, u) = (&lower[..n], &upper[..n], &l[..n], &u[..n]);
    let mut constant = [0.0f64; LANES];
    let whole = n - n % LANES;
    let mut start = 0;
    while start < whole {
        for lane in 0..LANES {
            let i = start + lane;
            let (nu, phi) = relax_one(coefficients[i], lower[i], upper[i], l[i], u[i]);
            constant[lane] += phi;
            coefficients[i] = nu;
        }
        start += LANES;
    }
    for i in whole..n {
        let (nu, phi) = relax_one(coefficients[i], lower[i], upper[i], l[i], u[i]);
        constant[i - whole] += phi;
        coefficients[i] = nu;
    }
    total(&constant)
}

dispatch! {
    /// Pulls a row of coefficients `a` on values `f(z)` back to `z`, in place, along lines `(slope, offset)`
    /// of which `below` counts where `a >= 0` and `above` elsewhere.
    ///
    /// The new coefficient is `nu = fl(a slope)`. Returned are `sum a offset`, rounded, and the weight of the error,
    /// `sum |nu| magnitude + |a offset|`: what `nu` misses at a `z` within the magnitude and what
    /// the sum loses are at most `gamma(n + 2)` times that, underflow apart.
    pub fn line_row(
        coefficients: &mut [f64], below: (&[f64], &[f64]), above: (&[f64], &[f64]), magnitude: &[f64],
    ) -> (f64, f64) = line_row_lanes
}

#[inline(always)]
fn line_row_lanes(
    coefficients: &mut [f64],
    below: (&[f64], &[f64]),
    above: (&[f64], &[f64]),
    magnitude: &[f64],
) -> (f64, f64) {
    let n = coefficients.len();
    let (below, above) = ((&below.0[..n], &below.1[..n]), (&above.0[..n], &above.1[..n]));
    let magnitude = &magnitude[..n];
    let mut constant = [0.0f64; LANES];
    let mut weight = [0.0f64; LANES];
    let mut one = |i: usize, lane: usize| {
        let a = coefficients[i];
        let rising = a >= 0.0;
        let slope = if rising { below.0[i] } else { above.0[i] };
        let offset = if rising { below.1[i] } else { above.1[i] };
        let nu = a * slope;
        // An element that the row does not use costs nothing, even if nothing is known of it.
        let cost = if a == 0.0 { 0.0 } else { a * offset };
        constant[lane] += cost;
        weight[lane] += nu.abs() * magnitude[i] + cost.abs();
        coefficients[i] = nu;
    };
    let whole = n - n % LANES;
    let mut start = 0;
    while start < whole {
        for lane in 0..LANES {
            one(start + lane, lane);
        }
        start += LANES;
    }
    for i in whole..n {
        one(i, i - whole);
    }
    (total(&constant), total(&weight))
}

dispatch! {
    /// `sum |a_k| weight_k` and `sum a_k bias_k`, rounded: both err by at most `gamma(n + 1)` times
    /// the sum of their terms' magnitudes.
    pub fn charge_row(a: &[f64], weight: &[f64], bias: &[f64]) -> (f64, f64) = charge_row_lanes
}

#[inline(always)]
fn charge_row_lanes(a: &[f64], weight: &[f64], bias: &[f64]) -> (f64, f64) {
    let n = a.len();
    let (weight, bias) = (&weight[..n], &bias[..n]);
    let mut charge = [0.0f64; LANES];
    let mut product = [0.0f64; LANES];
    let whole = n - n % LANES;
    let mut start = 0;
    while start < whole {
        for lane in 0..LANES {
            let i = start + lane;
            charge[lane] += a[i].abs() * weight[i];
            product[lane] += a[i] * bias[i];
        }
        start += LANES;
    }
    for i in whole..n {
        charge[i - whole] += a[i].abs() * weight[i];
        product[i - whole] += a[i] * bias[i];
    }
    (total(&charge), total(&product))
}

#[inline(always)]
fn total(lanes: &[f64; LANES]) -> f64 {
    ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6]))
        + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_check::number::Rational;
    use proptest::prelude::*;

    fn exact(value: f64) -> Rational {
        Rational::from_f64(value).unwrap()
    }

    /// A coefficient, an interval around zero or on one side of it, and a slope.
    fn neuron() -> impl Strategy<Value = (f64, f64, f64, f64)> {
        let coefficient = prop_oneof![-4.0..4.0f64, Just(0.0), Just(-1.0e20), Just(3.0e-310)];
        let end = prop_oneof![0.0..3.0f64, Just(0.0), Just(1.0e-300), Just(1.0e15)];
        (coefficient, end.clone(), end, prop_oneof![0.0..=1.0f64, Just(0.0), Just(1.0)])
    }

    /// A product of zero and an infinite end is NaN and must not be taken for nothing.
    #[test]
    fn an_infinite_end_voids_the_row() {
        for (a, slope, l, u) in [(-1.0, 1.0, -2.0, f64::INFINITY), (1.0, 1.0, -2.0, f64::INFINITY)]
        {
            let constant = relax_row(&mut [a], &[slope], &[slope], &[l], &[u]);
            assert!(!(constant > -f64::MAX), "{a}: {constant}");
        }
    }

    proptest! {
        /// `a relu(z) >= nu z + phi` at the vertices, in exact rationals, for the charged sum.
        #[test]
        fn the_relaxation_is_below_every_vertex(neurons in prop::collection::vec(neuron(), 1..40)) {
            let (mut a, mut lower, mut upper, mut l, mut u) = (vec![], vec![], vec![], vec![], vec![]);
            for (coefficient, below, above, slope) in &neurons {
                a.push(*coefficient);
                if *below > 0.0 && *above > 0.0 {
                    l.push(-below);
                    u.push(*above);
                    lower.push(*slope);
                    upper.push(above / (above + below));
                } else {
                    let active = if *above > 0.0 { 1.0 } else { 0.0 };
                    l.push(0.0);
                    u.push(0.0);
                    lower.push(active);
                    upper.push(active);
                }
            }
            let before = a.clone();
            let constant = relax_row(&mut a, &lower, &upper, &l, &u);
            let mut exact_constant = Rational::ZERO;
            for i in 0..a.len() {
                let (coefficient, nu) = (exact(before[i]), exact(a[i]));
                if l[i] == 0.0 {
                    prop_assert_eq!(a[i], before[i] * lower[i]);
                    continue;
                }
                let mut phi = Rational::ZERO;
                phi = phi.min(-&(&nu * &exact(l[i])));
                phi = phi.min(&(&coefficient - &nu) * &exact(u[i]));
                exact_constant += &phi;
            }
            let charge = crate::kernel::rounding::gamma(a.len() + 3) * constant.abs();
            let slack = crate::kernel::rounding::underflow(2 * a.len(), 1.0);
            let lowest = &(&exact(constant) - &exact(charge)) - &exact(slack);
            prop_assert!(lowest <= exact_constant);
        }
    }
}
