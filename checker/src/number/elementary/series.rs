//! Fixed-point arithmetic and the coefficients of power series.
//!
//! A product of two fixed-point numbers is a 128-bit integer of which the upper half is kept: the loss is
//! less than one unit. Coefficients are quotients of integers, rounded down when the program is compiled,
//! so there is no table of them to trust.

/// One in the fixed-point format of sums of series, 62 bits behind the point.
pub(super) const ONE_62: i64 = 1 << 62;

/// `a b 2^-64`, rounded down.
#[inline(always)]
pub(super) fn high(a: i64, b: i64) -> i64 {
    ((i128::from(a) * i128::from(b)) >> 64) as i64
}

/// `a b 2^-64`, rounded down.
#[inline(always)]
pub(super) fn high_unsigned(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// `2^62 / n!` for `n` from `first` in steps of `step`, each rounded down.
pub(super) const fn inverse_factorials<const N: usize>(first: u64, step: u64) -> [i64; N] {
    let mut coefficients = [0; N];
    let (mut factorial, mut n, mut at) = (1i64, 1, 0);
    while at < N {
        while n <= first + step * at as u64 {
            factorial *= n as i64;
            n += 1;
        }
        coefficients[at] = ONE_62 / factorial;
        at += 1;
    }
    coefficients
}

/// `2^62 / (2k + 1)`, each rounded down.
pub(super) const fn inverse_odds<const N: usize>() -> [i64; N] {
    let mut coefficients = [0; N];
    let mut k = 0;
    while k < N {
        coefficients[k] = ONE_62 / (2 * k as i64 + 1);
        k += 1;
    }
    coefficients
}

/// `2^62 / (k! (2k + 1))`, each rounded down.
pub(super) const fn erf_coefficients<const N: usize>() -> [i64; N] {
    let mut coefficients = [0; N];
    let (mut factorial, mut k) = (1i64, 0);
    while k < N {
        if k > 0 {
            factorial *= k as i64;
        }
        coefficients[k] = ONE_62 / (factorial * (2 * k as i64 + 1));
        k += 1;
    }
    coefficients
}

/// `c_0 + c_1 w + c_2 w^2 + ...` for `0 <= w < 1` in units of `2^-64`, the result in those of `c`.
///
/// With coefficients off by less than one unit, each step adds less than two units and multiplies what was
/// lost before by `w`: less than `2 / (1 - w)` units are lost in all. The partial sums are in `[0, 2)`.
#[inline(always)]
pub(super) fn horner(coefficients: &[i64], w: u64) -> i64 {
    let mut sum = 0u64;
    for c in coefficients.iter().rev() {
        sum = *c as u64 + high_unsigned(sum, w);
    }
    sum as i64
}

/// `c_0 - c_1 w + c_2 w^2 - ...`, for falling coefficients; otherwise as [`horner`].
///
/// The partial sums are at least zero: `c_k - w s >= 0` as `s <= c_{k+1} < c_k`.
#[inline(always)]
pub(super) fn alternating(coefficients: &[i64], w: u64) -> i64 {
    let mut sum = 0u64;
    for c in coefficients.iter().rev() {
        sum = *c as u64 - high_unsigned(sum, w);
    }
    sum as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_are_what_they_should_be() {
        assert_eq!(inverse_factorials::<4>(1, 1), [1, 2, 6, 24].map(|n| ONE_62 / n));
        assert_eq!(inverse_factorials::<3>(0, 2), [1, 2, 24].map(|n| ONE_62 / n));
        assert_eq!(inverse_factorials::<3>(1, 2), [1, 6, 120].map(|n| ONE_62 / n));
        assert_eq!(inverse_odds::<3>(), [1, 3, 5].map(|n| ONE_62 / n));
        assert_eq!(erf_coefficients::<4>(), [1, 3, 10, 42].map(|n| ONE_62 / n));
        assert!(inverse_factorials::<10>(1, 2).is_sorted_by(|a, b| a > b));
    }
}
