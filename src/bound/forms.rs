//! Linear lower bounds over the inputs: their minimum over a box, alone and in combination.

use super::Workspace;
use crate::kernel::rounding::{UNIT, gamma, inflate, underflow};

/// Linear forms `coefficients . x + constant`, each a proven lower bound of some expression over the
/// box of its owner.
#[derive(Debug, Clone)]
pub struct Forms {
    /// Number of inputs.
    pub dims: usize,
    /// Box of each form.
    pub owner: Vec<u32>,
    /// `forms x dims` coefficients.
    pub coefficients: Vec<f64>,
    /// One constant per form, rounded down.
    pub constant: Vec<f64>,
}

impl Forms {
    /// The coefficients of form `r`.
    pub fn row(&self, r: usize) -> &[f64] {
        &self.coefficients[r * self.dims..(r + 1) * self.dims]
    }

    /// A lower bound of form `r` over a box.
    pub fn minimum(&self, r: usize, lower: &[f64], upper: &[f64]) -> f64 {
        minimum(self.row(r), self.constant[r], lower, upper)
    }

    /// Gives the large buffer back.
    pub fn recycle(self, work: &mut Workspace) {
        work.give(self.coefficients);
    }
}

/// A lower bound of `coefficients . x + constant` over a box; NaN or `-inf` where something overflowed.
///
/// Each term is the lesser of two products; the sum of `n + 1` rounded terms errs by `gamma(n + 2)`
/// times the sum of their magnitudes.
pub fn minimum(coefficients: &[f64], constant: f64, lower: &[f64], upper: &[f64]) -> f64 {
    let mut sum = constant;
    let mut magnitude = constant.abs();
    for ((a, l), u) in coefficients.iter().zip(lower).zip(upper) {
        // Written so that a NaN coefficient reaches the sum.
        let term = if *a >= 0.0 { a * l } else { a * u };
        sum += term;
        magnitude += term.abs();
    }
    let n = coefficients.len();
    let value = sum - inflate(gamma(n + 2) * magnitude + underflow(n, 1.0));
    value - 2.0 * UNIT * value.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_check::number::Rational;
    use proptest::prelude::*;

    fn exact(value: f64) -> Rational {
        Rational::from_f64(value).unwrap()
    }

    proptest! {
        #[test]
        fn the_minimum_is_below_every_corner(
            axes in prop::collection::vec((-1e3..1e3f64, -1e3..1e3f64, 0.0..10.0f64), 1..8),
            scale in -300i32..300, constant in -1e3..1e3f64, corners in any::<u64>(),
        ) {
            let scale = 2f64.powi(scale);
            let a: Vec<f64> = axes.iter().map(|x| x.0 * scale).collect();
            let lower: Vec<f64> = axes.iter().map(|x| x.1).collect();
            let upper: Vec<f64> = axes.iter().map(|x| x.1 + x.2).collect();
            let bound = minimum(&a, constant, &lower, &upper);
            let mut value = exact(constant);
            for i in 0..a.len() {
                let x = if corners >> i & 1 == 0 { lower[i] } else { upper[i] };
                value += &(&exact(a[i]) * &exact(x));
            }
            prop_assert!(exact(bound) <= value);
        }
    }
}
