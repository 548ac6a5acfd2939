//! When multipliers prove that a program has no solution, whoever found them.

use super::lp::{Program, Sense};
use crate::kernel::rounding::{arithmetic_is_standard, gamma, inflate, underflow};

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
/// the comparison fails. The processor is asked anew each time whether it rounds as all this assumes, since a
/// solver's library ran on this thread before.
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
    least - bound > charge && arithmetic_is_standard()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::lp::{Constraint, Variable};
    use fastrand::Rng;
    use plimsoll_check::number::Rational;

    fn exact(value: f64) -> Rational {
        Rational::from_f64(value).unwrap()
    }

    /// The same argument in rationals, where it has no charge.
    fn refutes_exactly(program: &Program, multipliers: &[f64]) -> bool {
        let mut sums = vec![Rational::ZERO; program.variables.len()];
        let mut bound = Rational::ZERO;
        for (constraint, multiplier) in program.constraints.iter().zip(multipliers) {
            if constraint.sense == Sense::AtMost && *multiplier < 0.0 {
                continue;
            }
            let multiplier = exact(*multiplier);
            for (column, coefficient) in &constraint.terms {
                sums[*column as usize] += &(&multiplier * &exact(*coefficient));
            }
            bound += &(&multiplier * &exact(constraint.bound));
        }
        let mut least = -&bound;
        for (sum, ends) in sums.iter().zip(&program.variables) {
            least += &(sum * &exact(ends.lower)).min(sum * &exact(ends.upper));
        }
        least.signum() > 0
    }

    fn refutes_as_it_stands(program: &Program, multipliers: &[f64]) -> bool {
        let lower: Vec<f64> = program.variables.iter().map(|v| v.lower).collect();
        let upper: Vec<f64> = program.variables.iter().map(|v| v.upper).collect();
        refutes(program, &lower, &upper, multipliers)
    }

    fn random(rng: &mut Rng) -> (Program, Vec<f64>) {
        let scales = [1e-300, 1e-20, 1.0, 1e3, 1e20];
        let scale = if rng.bool() { 1.0 } else { scales[rng.usize(0..5)] };
        let float = |rng: &mut Rng| scale * (2.0 * rng.f64() - 1.0);
        let columns = rng.usize(1..5);
        let variables = (0..columns)
            .map(|_| {
                let (a, b) = (float(rng), float(rng));
                Variable { lower: a.min(b), upper: a.max(b), integral: false }
            })
            .collect();
        let rows = rng.usize(1..6);
        let constraints = (0..rows)
            .map(|_| Constraint {
                terms: (0..rng.usize(0..6))
                    .map(|_| (rng.u32(0..columns as u32), float(rng)))
                    .collect(),
                sense: if rng.bool() { Sense::AtMost } else { Sense::Equal },
                bound: float(rng),
            })
            .collect();
        let multipliers = (0..rows).map(|_| 2.0 * rng.f64() - 0.7).collect();
        (Program { variables, constraints, ..Program::default() }, multipliers)
    }

    #[test]
    fn what_is_refuted_is_refuted_exactly() {
        let (mut both, mut lost) = (0, 0);
        for seed in 0..4000 {
            let mut rng = Rng::with_seed(seed);
            let (mut program, multipliers) = random(&mut rng);
            // Around the bound at which the exact value is zero, nothing but rounding decides.
            if let Some(last) = program.constraints.last().cloned()
                && seed % 2 == 0
                && multipliers[multipliers.len() - 1] > 0.0
            {
                let (mut low, mut high) = (-1e30, last.bound.abs() + 1e30);
                let at = program.constraints.len() - 1;
                for _ in 0..200 {
                    let middle = 0.5 * low + 0.5 * high;
                    program.constraints[at].bound = middle;
                    if refutes_exactly(&program, &multipliers) {
                        low = middle
                    } else {
                        high = middle
                    }
                }
                program.constraints[at].bound =
                    [low, high, low.next_down(), high.next_up()][rng.usize(0..4)];
            }
            let exactly = refutes_exactly(&program, &multipliers);
            let found = refutes_as_it_stands(&program, &multipliers);
            assert!(exactly || !found, "{seed}: {program:?} {multipliers:?}");
            both += usize::from(found);
            lost += usize::from(exactly && !found);
        }
        assert!(both > 200 && lost > 200, "{both} refuted, {lost} within the charge");
    }

    #[test]
    fn multipliers_that_are_no_numbers_prove_nothing() {
        let constraint = |sense, bound| Constraint { terms: vec![(0, 1.0)], sense, bound };
        let program = Program {
            variables: vec![Variable { lower: 1.0, upper: 2.0, integral: false }],
            constraints: vec![constraint(Sense::AtMost, 0.5), constraint(Sense::AtMost, 3.0)],
            ..Program::default()
        };
        assert!(refutes_as_it_stands(&program, &[1.0, 0.0]));
        assert!(refutes_as_it_stands(&program, &[1e-200, f64::NAN]));
        // A multiplier of the wrong sign is none.
        assert!(refutes_as_it_stands(&program, &[1.0, -1e9]));
        for wrong in [
            vec![],
            vec![1.0],
            vec![1.0, 0.0, 0.0],
            vec![-1.0, 0.0],
            vec![0.0, 1.0],
            vec![f64::NAN, 0.0],
            vec![f64::INFINITY, 0.0],
            vec![1e308, 1e308],
            vec![0.0, -1.0],
        ] {
            assert!(!refutes_as_it_stands(&program, &wrong), "{wrong:?}");
        }
        assert!(!refutes(&program, &[f64::NEG_INFINITY], &[2.0], &[1.0, 0.0]));
        assert!(!refutes(&program, &[f64::NAN], &[2.0], &[1.0, 0.0]));
    }
}
