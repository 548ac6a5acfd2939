//! The main solver: HiGHS; mixed-integer programs through good_lp, linear ones below it, where a changed
//! end of a variable re-solves in milliseconds and multipliers can be read.
//!
//! This file has the only unsafe code outside of `kernel`: three functions of the C library that the
//! wrapper does not offer, to stop a solver and to read the multipliers of a program without solutions.

use super::lp::{Program, Sense};
use super::milp::{Said, Solver};
use super::model::{reach, said, state};
use super::tree::{Relaxation, Relaxed};
use crate::budget::Budget;
use good_lp::{ResolutionError, SolverModel, highs as by_highs};
use highs::{Col, HighsModelStatus, HighsSolutionStatus, Model, RowProblem, SolvedModel};
use highs_sys::{
    Highs_getDualRay, Highs_setCallback, Highs_startCallback, HighsCallbackDataIn,
    HighsCallbackDataOut, HighsInt, kHighsCallbackMipInterrupt, kHighsCallbackSimplexInterrupt,
};
use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// HiGHS.
pub struct Highs;

/// The gap to the best possible goal, relative to the best found, at which the search may end: a point
/// that satisfies the goals by something is wanted, not the best one.
const GAP: f64 = 0.9;

/// What a linear program may violate: the least that HiGHS admits is 1e-10. What multipliers prove does not
/// depend on it; how small a margin they can prove does.
const TOLERANCE: f64 = 1e-9;

/// A time limit that is none: HiGHS counts the time of all runs of one object, and the budget stops it anyway.
const NONE: f64 = 1e9;

impl Solver for Highs {
    fn name(&self) -> &'static str {
        "HiGHS"
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn integral(&self, program: &Program, limit: Duration, budget: &Budget) -> Said {
        let solve = || -> Result<Said, String> {
            let statement = state(program, true, None);
            let mut stated = statement.problem.using(by_highs);
            for constraint in statement.constraints {
                stated.add_constraint(constraint);
            }
            // Below good_lp, since it cannot be stopped above.
            let mut model = stated.try_into_inner().map_err(|error| error.to_string())?;
            settle(&mut model, limit.as_secs_f64())?;
            model.try_set_option("mip_rel_gap", GAP).map_err(|e| format!("{e:?}"))?;
            let solved = run_within(model, budget)?;
            if solved.primal_solution_status() == HighsSolutionStatus::Feasible {
                return Ok(Said::Point(
                    solved.get_solution().columns()[..program.variables.len()].to_vec(),
                ));
            }
            Ok(match solved.status() {
                HighsModelStatus::Infeasible => Said::Infeasible,
                HighsModelStatus::ReachedTimeLimit | HighsModelStatus::ReachedInterrupt => {
                    said(&ResolutionError::Other("NoSolutionFound"))
                }
                other => Said::Failed(format!("{other:?}")),
            })
        };
        caught(solve).unwrap_or_else(Said::Failed)
    }

    fn relaxation<'p>(&self, program: &'p Program) -> Box<dyn Relaxation + 'p> {
        let mut columns = Vec::new();
        let model = caught(|| linear(program, &mut columns)).ok();
        Box::new(Warm { program, columns, model })
    }
}

/// Runs third-party code: a failed assertion in it is a failure of the solver.
fn caught<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("it panicked".to_string()))
}

/// Options that all programs share: one thread, so that runs are alike.
fn settle(model: &mut Model, seconds: f64) -> Result<(), String> {
    model.make_quiet();
    let failed = |error| format!("{error:?}");
    model.try_set_option("threads", 1).map_err(failed)?;
    model.try_set_option("time_limit", seconds).map_err(failed)
}

/// Solves a model that the budget can stop.
fn run_within(mut model: Model, budget: &Budget) -> Result<SolvedModel, String> {
    let data = std::ptr::from_ref(budget).cast_mut().cast::<c_void>();
    // SAFETY: the pointer is that of a live HiGHS object. The callback is called inside of `try_solve`
    // only, during which `budget` is borrowed here, and it reads the budget through a shared reference.
    unsafe {
        let highs = model.as_mut_ptr();
        Highs_setCallback(highs, Some(stop), data);
        Highs_startCallback(highs, kHighsCallbackMipInterrupt as HighsInt);
        Highs_startCallback(highs, kHighsCallbackSimplexInterrupt as HighsInt);
    }
    let mut solved = model.try_solve().map_err(|status| format!("{status:?}"))?;
    // SAFETY: as above; no callback is left that could outlive the budget.
    unsafe {
        Highs_setCallback(solved.as_mut_ptr(), None, std::ptr::null_mut());
    }
    Ok(solved)
}

/// Asks the solver to stop once the budget has ended.
unsafe extern "C" fn stop(
    _: c_int,
    _: *const c_char,
    _: *const HighsCallbackDataOut,
    answer: *mut HighsCallbackDataIn,
    budget: *mut c_void,
) {
    // SAFETY: `budget` is what `run_within` registered, alive for as long as the solver runs; `answer` is
    // HiGHS's own record for this call, or null.
    unsafe {
        if let (Some(answer), Some(budget)) = (answer.as_mut(), budget.cast::<Budget>().as_ref()) {
            answer.user_interrupt = c_int::from(budget.is_exhausted());
        }
    }
}

/// The program without integrality, as `min t` with goals `row - t <= 0`.
fn linear(program: &Program, columns: &mut Vec<Col>) -> Result<Model, String> {
    let mut problem = RowProblem::new();
    columns.extend(program.variables.iter().map(|v| problem.add_column(0.0, v.lower..=v.upper)));
    let reach = reach(program);
    let top = problem.add_column(1.0, -reach..=reach);
    let mut line: Vec<(Col, f64)> = Vec::new();
    for (i, constraint) in program.constraints.iter().enumerate() {
        line.clear();
        let mut terms = constraint.terms.clone();
        terms.sort_by_key(|term| term.0);
        for (column, coefficient) in terms {
            let column = columns[column as usize];
            match line.last_mut() {
                // HiGHS takes a variable once; what the sum's rounding costs is charged by nobody, and
                // need not be, since multipliers are evaluated on the program itself.
                Some(last) if last.0 == column => last.1 += coefficient,
                _ => line.push((column, coefficient)),
            }
        }
        if program.goals.contains(&i) {
            line.push((top, -1.0));
        }
        match constraint.sense {
            Sense::AtMost => problem.add_row(..=constraint.bound, line.iter().copied()),
            Sense::Equal => {
                problem.add_row(constraint.bound..=constraint.bound, line.iter().copied())
            }
        };
    }
    let mut model =
        problem.try_optimise(highs::Sense::Minimise).map_err(|status| format!("{status:?}"))?;
    settle(&mut model, NONE)?;
    for tolerance in ["primal_feasibility_tolerance", "dual_feasibility_tolerance"] {
        model.try_set_option(tolerance, TOLERANCE).map_err(|error| format!("{error:?}"))?;
    }
    // A ray is to be had only of the program as it stands.
    model.try_set_option("presolve", "off").map_err(|error| format!("{error:?}"))?;
    model.try_set_option("solver", "simplex").map_err(|error| format!("{error:?}"))?;
    Ok(model)
}

/// A linear program that starts from the basis of the last one.
struct Warm<'p> {
    program: &'p Program,
    columns: Vec<Col>,
    model: Option<Model>,
}

impl Relaxation for Warm<'_> {
    fn solve(&mut self, lower: &[f64], upper: &[f64], budget: &Budget) -> Option<Relaxed> {
        let mut model = self.model.take()?;
        let (program, columns) = (self.program, &self.columns);
        let solved = caught(|| {
            for phase in &program.phases {
                let at = phase.indicator as usize;
                model.change_column_bounds(columns[at], lower[at]..=upper[at]);
            }
            run_within(model, budget)
        })
        .ok()?;
        let relaxed = match solved.status() {
            HighsModelStatus::Infeasible => {
                Some(Relaxed { multipliers: ray(&solved, program), point: None })
            }
            HighsModelStatus::Optimal => {
                let solution = solved.get_solution();
                // HiGHS counts the multiplier of an upper end as negative.
                let multipliers = solution.dual_rows().iter().map(|y| -y).collect();
                let point = solution.columns()[..program.variables.len()].to_vec();
                Some(Relaxed { multipliers, point: Some(point) })
            }
            _ => None,
        };
        self.model = Some(Model::from(solved));
        relaxed
    }
}

/// Multipliers that prove that there is no solution, if HiGHS has any.
fn ray(solved: &SolvedModel, program: &Program) -> Vec<f64> {
    let mut has: HighsInt = 0;
    let mut ray = vec![0.0f64; program.constraints.len()];
    // SAFETY: the pointer is that of a live HiGHS object, whose number of rows is that of the program's
    // constraints, each of which became one row in `linear`; so many numbers are written at most.
    let status = unsafe { Highs_getDualRay(solved.as_ptr(), &mut has, ray.as_mut_ptr()) };
    if status < 0 || has == 0 {
        return Vec::new();
    }
    ray.iter_mut().for_each(|y| *y = -*y);
    ray
}
