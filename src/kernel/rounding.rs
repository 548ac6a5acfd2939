//! Error terms of floating-point sums, after Higham, *Accuracy and Stability*, chapter 3.
//!
//! Nothing here changes the rounding mode. A computation is done in round-to-nearest and its result
//! is accompanied by a number that its error cannot exceed, whatever the order of summation and
//! whether or not products were fused into sums.

/// Unit roundoff of float64.
pub const UNIT: f64 = 1.0 / (1u64 << 53) as f64;

/// Longest sum for which the constants below are argued.
pub const LONGEST_SUM: usize = 1 << 24;

/// An upper bound of `gamma_n = n u / (1 - n u)`, the relative error of a sum of `n` products with
/// respect to the sum of their magnitudes, for every order of summation.
///
/// For `n <= 2^24`, `1 / (1 - n u) < 1 + 2^-28`; the factor below covers that and the rounding of the
/// product itself. A longer sum, for which nothing here is argued, has an infinite bound.
pub fn gamma(n: usize) -> f64 {
    if n > LONGEST_SUM { f64::INFINITY } else { n as f64 * UNIT * (1.0 + 1.0e-8) }
}

/// What `n` underflows can add to a sum whose terms are multiplied by at most `magnitude` afterwards.
///
/// Each underflow errs by less than 2^-1074; the smallest normal number is charged instead, so that
/// the charge itself does not underflow.
pub fn underflow(n: usize, magnitude: f64) -> f64 {
    // Not `max`, which would drop a NaN.
    n as f64 * f64::MIN_POSITIVE * if magnitude <= 1.0 { 1.0 } else { magnitude }
}

/// Makes a computed sum of non-negative terms an upper bound of the exact one.
///
/// A sum of at most 2^24 non-negative terms, each rounded a few times, errs by a relative 2^-28 at
/// most; the factor is larger than that, and the least positive number covers underflow.
pub fn inflate(sum: f64) -> f64 {
    sum * (1.0 + 1.0e-8) + f64::MIN_POSITIVE
}

/// Whether this thread's processor rounds to nearest and keeps subnormal numbers.
///
/// Every argument of this module assumes both. Some libraries switch them off for speed and forget to
/// switch them on again, so that each worker thread asks before it computes a bound.
pub fn arithmetic_is_standard() -> bool {
    use std::hint::black_box;
    let half_ulp = black_box(UNIT);
    let one = black_box(1.0f64);
    let to_even = one + half_ulp == 1.0 && one + 3.0 * half_ulp == 1.0 + 4.0 * half_ulp;
    let symmetric = -one - half_ulp == -1.0 && -one - 3.0 * half_ulp == -1.0 - 4.0 * half_ulp;
    let tiny = black_box(f64::MIN_POSITIVE);
    let gradual = tiny * black_box(0.5) > 0.0 && black_box(5.0e-324f64) * one > 0.0;
    let tiny32 = black_box(f32::MIN_POSITIVE);
    let gradual32 = tiny32 * black_box(0.5f32) > 0.0;
    to_even && symmetric && gradual && gradual32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_rounds_to_nearest() {
        assert!(arithmetic_is_standard());
    }

    #[test]
    fn gamma_is_above_its_definition() {
        for n in [1usize, 2, 3, 50, 784, 1 << 20, 1 << 24] {
            // n u / (1 - n u) <= g  <=>  n u <= g (1 - n u), compared as exact dyadics.
            let nu = plimsoll_check::number::Rational::from_f64(n as f64 * UNIT).unwrap();
            let g = plimsoll_check::number::Rational::from_f64(gamma(n)).unwrap();
            let one = plimsoll_check::number::Rational::ONE;
            assert!(nu <= &g * &(&one - &nu), "{n}");
        }
        assert_eq!(gamma((1 << 24) + 1), f64::INFINITY);
    }
}
