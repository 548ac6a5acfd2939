//! When multipliers prove that a program has no solution, whoever found them.

use super::lp::{Program, Sense};
use crate::kernel::rounding::{gamma, inflate, underflow};

/// Whether the multipliers, one a constraint, prove that no solution of the program lies between `lower`
/// and `upper` (ends of the variables), integrality left aside. `false` says nothing.
///
/// With `w_i >= 0` for every `a_i x <= b_i` and any `w_i` for every `a_i x = b_i`, a solution `x` has
/// `sum_i w_i a_i x <= sum_i w_i b_i`. The left-hand side is `sum_j c_j x_j` with `c_j = sum_i w_i a_ij`, and
/// that is at least `sum_j min(c_j l_j, c_j u_j)`. If this minimum is above `sum_i w_i b_i`, there is no
/// solution. Nothing is asked of the multipliers: a negative one of an inequality, or one that is no
/// number, is taken as zero.
///
/// All of it is computed in floats and charged for. With `t` the sum of the magnitudes `|w_i a_ij| B_j`,
/// `B_j = max(|l_j|, |u_j|)`, and `|w_i b_i|`:
/// - the computed `c_j` errs by at most `gamma(n_j) sum_i |w_i a_ij|` for a column of `n_j` entries, so that
///   the minimum over `x_j` errs by that times `B_j`, whichever end the computed sign chose;
/// - each of the terms of the two sums over variables and constraints passes one more product and at
///   most `columns + rows` additions.
///
/// Together that is below `gamma(n) t` with `n = 2 (longest column + columns + rows + 4)`, the factor of two
/// covering second-order terms. Products that underflow add at most `underflow` of their number times the
/// greatest `B_j`. An end or a sum that is not finite makes the charge infinite or the difference NaN, and
/// the comparison fails.
pub fn refutes(program: &Program, lower: &[f64], upper: &[f64], multipliers: &[f64]) -> bool {
    let columns = program.variables.len();
    let rows = program.constraints.len();
    if multipliers.len() != rows || lower.len() != columns || upper.len() != columns {
        return false;
    }
    let mut sums = vec![0.0f64; columns];
    let mut magnitudes = vec![0.0f64; columns];
    let mut lengths = vec![0usize; columns];
    let (mut bound, mut total, mut products) = (0.0f64, 0.0f64, 2 * columns);
    for (constraint, multiplier) in program.constraints.iter().zip(multipliers) {
        let admitted = constraint.sense == Sense::Equal || *multiplier > 0.0;
        if !admitted || !multiplier.is_finite() || *multiplier == 0.0 {
            continue;
        }
        for (column, coefficient) in &constraint.terms {
            let product = multiplier * coefficient;
            sums[*column as usize] += product;
            magnitudes[*column as usize] += product.abs();
            lengths[*column as usize] += 1;
        }
        bound += multiplier * constraint.bound;
        total += (multiplier * constraint.bound).abs();
        products += constraint.terms.len() + 1;
    }
    let (mut least, mut reach) = (0.0f64, 0.0f64);
    for j in 0..columns {
        // Not `min`, which would drop a NaN.
        let (below, above) = (sums[j] * lower[j], sums[j] * upper[j]);
        least += if above < below { above } else { below };
        let size = lower[j].abs().max(upper[j].abs());
        reach = reach.max(size);
        total += magnitudes[j] * size;
    }
    let longest = lengths.into_iter().max().unwrap_or(0);
    let n = 2 * (longest + columns + rows + 4);
    let charge = inflate(gamma(n) * inflate(total) + underflow(products, reach));
    least - bound > charge
}
