//! Programs as models of good_lp, which speaks to the solvers.

use super::lp::{Program, Sense};
use good_lp::variable::UnsolvedProblem;
use good_lp::{
    Constraint, Expression, IntoAffineExpression, ProblemVariables, ResolutionError, Variable,
    variable,
};

/// A model without its constraints, which are added one by one.
pub struct Statement {
    /// Variables and objective: the greatest of the goals' left-hand sides, which is minimised.
    pub problem: UnsolvedProblem,
    /// The program's constraints, in order.
    pub constraints: Vec<Constraint>,
    /// The program's variables, in order.
    pub columns: Vec<Variable>,
}

/// States a program as `min t` subject to its constraints, each goal being `row - t <= 0`. With `integral`,
/// integers are asked for and `t <= 0`, so that there is a solution only where there is one of the program.
/// `ends`, if given, replace those of the variables.
pub fn state(program: &Program, integral: bool, ends: Option<(&[f64], &[f64])>) -> Statement {
    let mut variables = ProblemVariables::new();
    let columns: Vec<Variable> = program
        .variables
        .iter()
        .enumerate()
        .map(|(j, v)| {
            let (lower, upper) = ends.map_or((v.lower, v.upper), |(l, u)| (l[j], u[j]));
            let plain = variable().min(lower).max(upper);
            variables.add(if integral && v.integral { plain.integer() } else { plain })
        })
        .collect();
    let reach = reach(program);
    let top = variables.add(variable().min(-reach).max(if integral { 0.0 } else { reach }));
    let constraints = program
        .constraints
        .iter()
        .enumerate()
        .map(|(i, constraint)| {
            let mut sum = Expression::with_capacity(constraint.terms.len() + 1);
            for (column, coefficient) in &constraint.terms {
                sum.add_mul(*coefficient, columns[*column as usize]);
            }
            if program.goals.contains(&i) {
                sum.add_mul(-1.0, top);
            }
            match constraint.sense {
                Sense::AtMost => sum.leq(constraint.bound),
                Sense::Equal => sum.eq(constraint.bound),
            }
        })
        .collect();
    Statement { problem: variables.minimise(top.into_expression()), constraints, columns }
}

/// How large the left-hand side of a goal can be.
pub fn reach(program: &Program) -> f64 {
    let goals = &program.constraints[program.goals.clone()];
    let size = |goal: &super::lp::Constraint| {
        let terms = goal.terms.iter().map(|(column, coefficient)| {
            let ends = &program.variables[*column as usize];
            coefficient.abs() * ends.lower.abs().max(ends.upper.abs())
        });
        1.0 + goal.bound.abs() + terms.sum::<f64>()
    };
    goals.iter().map(size).fold(1.0, f64::max)
}

/// What an error of good_lp means.
pub fn said(error: &ResolutionError) -> super::milp::Said {
    use super::milp::Said;
    match error {
        ResolutionError::Infeasible => Said::Infeasible,
        // What good_lp says when a limit came before any solution.
        ResolutionError::Other(
            "NoSolutionFound" | "Time limit reached before finding a feasible solution",
        ) => Said::Late,
        other => Said::Failed(other.to_string()),
    }
}
