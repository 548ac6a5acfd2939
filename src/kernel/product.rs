//! Matrix products on slices, by the crate `gemm`, one thread each.

/// How the second factor is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Row-major as it stands: `k` rows of `n`.
    Plain,
    /// Stored as its transpose: `n` rows of `k`.
    Transposed,
}

/// `out = left * right`, or `out += left * right` when `accumulate`.
///
/// `left` is `m x k`, `out` is `m x n`, both row-major; `right` is `k x n` in the given layout. Each
/// element is a sum of `k` products (`k + 1` terms when accumulating) in some order, fused or not, so
/// its error is covered by [`super::rounding::gamma`] of that count.
///
/// # Panics
/// If a slice does not have the length that its shape says.
pub fn product(
    out: &mut [f64],
    left: &[f64],
    right: &[f64],
    (m, k, n): (usize, usize, usize),
    layout: Layout,
    accumulate: bool,
) {
    assert_eq!(left.len(), m * k);
    assert_eq!(right.len(), k * n);
    assert_eq!(out.len(), m * n);
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        if !accumulate {
            out.fill(0.0);
        }
        return;
    }
    let (right_column, right_row) = match layout {
        Layout::Plain => (1, n as isize),
        Layout::Transposed => (k as isize, 1),
    };
    // SAFETY: the pointers and strides describe exactly the three slices, whose lengths were compared
    // with the shapes above; `out` is borrowed mutably, so it overlaps neither factor; every element of
    // `out` is initialised, also where it is not read.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            left.as_ptr(),
            1,
            k as isize,
            right.as_ptr(),
            right_column,
            right_row,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::rounding::gamma;
    use plimsoll_check::number::Rational;
    use proptest::prelude::*;

    fn exact(value: f64) -> Rational {
        Rational::from_f64(value).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_element_errs_by_gamma_at_most(
            m in 1usize..6, k in 1usize..40, n in 1usize..20, transposed: bool, accumulate: bool,
            seed in any::<u64>(),
        ) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let scale = ((state >> 20) % 41) as i32 - 20;
                ((state >> 33) as f64 / (1u64 << 31) as f64 - 0.5) * 10f64.powi(scale)
            };
            let left: Vec<f64> = (0..m * k).map(|_| next()).collect();
            let right: Vec<f64> = (0..k * n).map(|_| next()).collect();
            let before: Vec<f64> = (0..m * n).map(|_| next()).collect();
            let mut out = before.clone();
            let layout = if transposed { Layout::Transposed } else { Layout::Plain };
            product(&mut out, &left, &right, (m, k, n), layout, accumulate);
            for i in 0..m {
                for j in 0..n {
                    let mut sum = if accumulate { exact(before[i * n + j]) } else { Rational::ZERO };
                    let mut magnitude = sum.abs();
                    for t in 0..k {
                        let factor = if transposed { right[j * k + t] } else { right[t * n + j] };
                        let term = &exact(left[i * k + t]) * &exact(factor);
                        sum += &term;
                        magnitude += &term.abs();
                    }
                    let charge = &exact(gamma(k + 1)) * &magnitude;
                    prop_assert!((&exact(out[i * n + j]) - &sum).abs() <= charge);
                }
            }
        }
    }
}
