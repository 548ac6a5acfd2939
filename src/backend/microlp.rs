//! The embedded solver: microlp, in Rust, through good_lp.
//!
//! It gives no dual values. The multipliers of a linear program without a solution are found as the
//! solution of another one, the dual.

use super::farkas;
use super::lp::{Program, Sense};
use super::milp::{Said, Solver};
use super::model::{said, state};
use super::tree::{Relaxation, Relaxed};
use crate::budget::Budget;
use good_lp::{
    Expression, ProblemVariables, Solution, SolverModel, WithTimeLimit, microlp, variable,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// microlp.
pub struct Microlp;

impl Solver for Microlp {
    fn name(&self) -> &'static str {
        "microlp"
    }

    fn integral(&self, program: &Program, limit: Duration, _: &Budget) -> Said {
        let solve = || {
            let statement = state(program, true, None);
            let mut model = statement.problem.using(microlp).with_time_limit(limit.as_secs_f64());
            for constraint in statement.constraints {
                model.add_constraint(constraint);
            }
            match model.solve() {
                Ok(found) => {
                    Said::Point(statement.columns.iter().map(|v| found.value(*v)).collect())
                }
                Err(error) => said(&error),
            }
        };
        // A failed assertion inside the solver is a failure of the solver.
        catch_unwind(AssertUnwindSafe(solve))
            .unwrap_or_else(|_| Said::Failed("it panicked".to_string()))
    }

    fn relaxation<'p>(&self, program: &'p Program) -> Box<dyn Relaxation + 'p> {
        Box::new(Dual { program })
    }
}

/// Finds multipliers as the solution of the dual.
struct Dual<'p> {
    program: &'p Program,
}

impl Relaxation for Dual<'_> {
    /// Maximises `sum_j min(c_j l_j, c_j u_j) - sum_i w_i b_i` over `0 <= w_i <= 1` for inequalities and
    /// `-1 <= w_i <= 1` for equations. Any proof can be scaled to such multipliers, so that the maximum
    /// is positive exactly where there is no solution. `c_j = p_j - n_j` with parts that are not negative.
    fn solve(&mut self, lower: &[f64], upper: &[f64], budget: &Budget) -> Option<Relaxed> {
        let program = self.program;
        let limit = budget.remaining().unwrap_or(super::LONG);
        let solve = || {
            let mut variables = ProblemVariables::new();
            let mut value = Expression::default();
            let mut columns = vec![Expression::default(); program.variables.len()];
            let mut sizes = vec![0.0f64; program.variables.len()];
            let mut multipliers = Vec::with_capacity(program.constraints.len());
            for constraint in &program.constraints {
                let least = if constraint.sense == Sense::Equal { -1.0 } else { 0.0 };
                let w = variables.add(variable().min(least).max(1.0));
                value.add_mul(-constraint.bound, w);
                for (column, coefficient) in &constraint.terms {
                    columns[*column as usize].add_mul(*coefficient, w);
                    sizes[*column as usize] += coefficient.abs();
                }
                multipliers.push(w);
            }
            let mut equations = Vec::with_capacity(columns.len());
            for (j, mut sum) in columns.into_iter().enumerate() {
                let positive = variables.add(variable().min(0.0).max(sizes[j]));
                let negative = variables.add(variable().min(0.0).max(sizes[j]));
                value.add_mul(lower[j], positive);
                value.add_mul(-upper[j], negative);
                sum.add_mul(-1.0, positive);
                sum.add_mul(1.0, negative);
                equations.push(sum.eq(0.0));
            }
            let problem = variables.maximise(value);
            let mut model = problem.using(microlp).with_time_limit(limit.as_secs_f64());
            for equation in equations {
                model.add_constraint(equation);
            }
            let found = model.solve().ok()?;
            let multipliers: Vec<f64> = multipliers.iter().map(|w| found.value(*w)).collect();
            // Only where these prove nothing is there a point to look for.
            let proves = farkas::refutes(program, lower, upper, &multipliers);
            let point = if proves { None } else { point(program, lower, upper, limit) };
            Some(Relaxed { multipliers, point })
        };
        catch_unwind(AssertUnwindSafe(solve)).ok().flatten()
    }
}

/// The variables where the goals are met best, or missed least, without integrality.
fn point(program: &Program, lower: &[f64], upper: &[f64], limit: Duration) -> Option<Vec<f64>> {
    let statement = state(program, false, Some((lower, upper)));
    let mut model = statement.problem.using(microlp).with_time_limit(limit.as_secs_f64());
    for constraint in statement.constraints {
        model.add_constraint(constraint);
    }
    let found = model.solve().ok()?;
    Some(statement.columns.iter().map(|v| found.value(*v)).collect())
}
