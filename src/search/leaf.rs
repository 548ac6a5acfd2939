//! What the forms of one box decide: closed, clipped, or split.

use super::queue::{Inherited, Subproblem};
use super::{Candidate, Handled, Listener, Problem, branch};
use crate::bound::{Forms, minimum};
use crate::kernel::rounding::{UNIT, gamma, inflate, underflow};
use std::sync::Arc;

/// Why a disjunct is impossible on a box.
#[derive(Debug, Clone, PartialEq)]
pub enum Close {
    /// One row's lower bound excludes it.
    Row,
    /// A combination of rows with non-negative multipliers excludes it.
    Joint(Vec<f64>),
    /// Clipping left no box.
    Clip,
}

/// Whether a lower bound of a row says that the row cannot hold.
fn excludes(bound: f64, strict: bool) -> bool {
    // NaN compares false, which keeps the leaf open.
    bound > 0.0 || (strict && bound >= 0.0)
}

pub(super) fn decide(
    problem: &Problem,
    subproblem: &Subproblem,
    forms: &Forms,
    first: usize,
    rows: &[u32],
    crowded: bool,
    listener: &dyn Listener,
    inherit: impl FnOnce() -> Arc<Inherited>,
) -> Handled {
    let mut handled =
        Handled { children: Vec::new(), candidates: Vec::new(), closed_share: 0.0, stuck: false };
    let dims = subproblem.lower.len();
    let mut hull: Option<(Vec<f64>, Vec<f64>)> = None;
    let mut open = Vec::new();
    let mut worst = f64::INFINITY;
    let mut slopes = vec![0.0; dims];
    for disjunct in &subproblem.open {
        let mine: Vec<usize> = problem.disjuncts[*disjunct as usize]
            .iter()
            .map(|row| {
                first + rows.binary_search(row).expect("every row of an open disjunct is seeded")
            })
            .collect();
        let mut lower = subproblem.lower.clone();
        let mut upper = subproblem.upper.clone();
        let strict = |form: usize| problem.rows[rows[form - first] as usize].strict;
        let (closed, bound) = close(forms, &mine, &strict, &mut lower, &mut upper);
        if closed.is_some() {
            continue;
        }
        if bound > -1.0e-6 * (1.0 + problem_scale(problem, forms, &mine))
            && listener.close_exactly(&lower, &upper, *disjunct)
        {
            continue;
        }
        open.push(*disjunct);
        let steepest = mine
            .iter()
            .max_by(|a, b| {
                let value = |r: usize| forms.minimum(r, &lower, &upper);
                value(**a).total_cmp(&value(**b))
            })
            .copied();
        if let Some(row) = steepest {
            for (s, a) in slopes.iter_mut().zip(forms.row(row)) {
                *s += a.abs();
            }
            let point: Vec<f64> = forms
                .row(row)
                .iter()
                .zip(lower.iter().zip(&upper))
                .map(|(a, (l, u))| if *a >= 0.0 { *l } else { *u })
                .collect();
            handled.candidates.push(Candidate { disjunct: *disjunct, point });
        }
        let centre = lower.iter().zip(&upper).map(|(l, u)| 0.5 * l + 0.5 * u).collect();
        handled.candidates.push(Candidate { disjunct: *disjunct, point: centre });
        worst = worst.min(bound);
        hull = Some(match hull {
            None => (lower, upper),
            Some((mut l, mut u)) => {
                for d in 0..dims {
                    l[d] = l[d].min(lower[d]);
                    u[d] = u[d].max(upper[d]);
                }
                (l, u)
            }
        });
    }
    let Some((lower, upper)) = hull else {
        handled.closed_share = subproblem.share;
        return handled;
    };
    keep_violating(problem, &mut handled.candidates);
    split(subproblem, lower, upper, open, worst, &slopes, crowded, inherit, &mut handled);
    handled
}

fn problem_scale(problem: &Problem, forms: &Forms, mine: &[usize]) -> f64 {
    let magnitude = &problem.frame.magnitude[0];
    mine.iter()
        .map(|r| forms.row(*r).iter().zip(magnitude).map(|(a, m)| a.abs() * m).sum::<f64>())
        .fold(0.0, f64::max)
}

/// Tries to close one disjunct on a box, clipping the box on the way; also gives the best lower bound
/// of a single row or combination.
fn close(
    forms: &Forms,
    mine: &[usize],
    strict: &dyn Fn(usize) -> bool,
    lower: &mut [f64],
    upper: &mut [f64],
) -> (Option<Close>, f64) {
    let mut best = f64::NEG_INFINITY;
    for _ in 0..3 {
        best = f64::NEG_INFINITY;
        for form in mine {
            let bound = forms.minimum(*form, lower, upper);
            if excludes(bound, strict(*form)) {
                return (Some(Close::Row), bound);
            }
            if bound > best {
                best = bound;
            }
        }
        if mine.len() > 1 {
            let (bound, multipliers) = refute_jointly(forms, mine, lower, upper);
            if bound > 0.0 {
                return (Some(Close::Joint(multipliers)), bound);
            }
            if bound > best {
                best = bound;
            }
        }
        match clip(forms, mine, lower, upper) {
            None => return (Some(Close::Clip), f64::INFINITY),
            Some(moved) if moved < 0.1 => break,
            Some(_) => {}
        }
    }
    (None, best)
}

/// Lower bound of the best combination found of several forms with non-negative multipliers that sum
/// to about one, and those multipliers (Farkas: the conjunction needs every form to be `<= 0`).
///
/// The multipliers come from a few steps of exponentiated gradient ascent and need no proof; the bound
/// is evaluated rigorously for the multipliers as they are stored.
pub fn refute_jointly(
    forms: &Forms,
    mine: &[usize],
    lower: &[f64],
    upper: &[f64],
) -> (f64, Vec<f64>) {
    let dims = forms.dims;
    let count = mine.len();
    let mut multipliers = vec![1.0 / count as f64; count];
    let mut best = (f64::NEG_INFINITY, multipliers.clone());
    let mut combined = vec![0.0; dims];
    let mut rate = 4.0;
    for _ in 0..12 {
        combined.fill(0.0);
        for (form, multiplier) in mine.iter().zip(&multipliers) {
            for (c, a) in combined.iter_mut().zip(forms.row(*form)) {
                *c += multiplier * a;
            }
        }
        let bound = combination(forms, mine, &multipliers, &combined, lower, upper);
        if bound > best.0 {
            best = (bound, multipliers.clone());
        }
        if bound > 0.0 {
            break;
        }
        // Values of the forms at the minimiser: weight moves to the largest.
        let values: Vec<f64> = mine
            .iter()
            .map(|form| {
                let row = forms.row(*form);
                let mut value = forms.constant[*form];
                for d in 0..dims {
                    value += row[d] * if combined[d] >= 0.0 { lower[d] } else { upper[d] };
                }
                value
            })
            .collect();
        let spread = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        if !(spread > 0.0) {
            break;
        }
        let mut total = 0.0;
        for (m, v) in multipliers.iter_mut().zip(&values) {
            *m *= (rate * v / spread).exp();
            total += *m;
        }
        for m in &mut multipliers {
            *m /= total;
        }
        rate *= 0.8;
    }
    best
}

fn combination(
    forms: &Forms,
    mine: &[usize],
    multipliers: &[f64],
    combined: &[f64],
    lower: &[f64],
    upper: &[f64],
) -> f64 {
    let mut constant = 0.0;
    let mut magnitude = 0.0;
    let reach: f64 = lower.iter().zip(upper).map(|(l, u)| l.abs().max(u.abs())).sum();
    for (form, multiplier) in mine.iter().zip(multipliers) {
        constant += multiplier * forms.constant[*form];
        magnitude += (multiplier * forms.constant[*form]).abs();
        for ((a, l), u) in forms.row(*form).iter().zip(lower).zip(upper) {
            magnitude += (multiplier * a).abs() * l.abs().max(u.abs());
        }
    }
    // `combined` and `constant` are sums of `count` products each, any of which may underflow.
    let lost = underflow(mine.len(), reach);
    let charge = inflate(gamma(mine.len() + 1) * magnitude + lost);
    let constant = constant - charge;
    minimum(combined, constant - 2.0 * UNIT * constant.abs(), lower, upper)
}

/// Shrinks a box to where every form can be `<= 0` (Clip-and-Verify); `None` if nothing is left, else the
/// largest relative change of a width.
///
/// With `L <= min (A x + c)` over the box, a point with `A x + c <= 0` has `A_d (x_d - l_d) <= -L`, so
/// that `x_d <= l_d - L / A_d` where `A_d > 0`, and the mirror image where `A_d < 0`. Rounded outward.
pub fn clip(forms: &Forms, mine: &[usize], lower: &mut [f64], upper: &mut [f64]) -> Option<f64> {
    let mut moved = 0.0f64;
    for form in mine {
        let least = forms.minimum(*form, lower, upper);
        if least > 0.0 {
            return None;
        }
        if !least.is_finite() {
            continue;
        }
        let row = forms.row(*form);
        for d in 0..row.len() {
            let width = upper[d] - lower[d];
            // Only a steep enough coefficient can move the face.
            if !(row[d].abs() * width > -least) {
                continue;
            }
            let reach = (-least / row[d].abs()) * (1.0 + 4.0 * UNIT) + f64::MIN_POSITIVE;
            if row[d] > 0.0 {
                let face = lower[d] + reach;
                let face = face + 2.0 * UNIT * face.abs() + f64::MIN_POSITIVE;
                if face < upper[d] {
                    upper[d] = face;
                }
            } else {
                let face = upper[d] - reach;
                let face = face - 2.0 * UNIT * face.abs() - f64::MIN_POSITIVE;
                if face > lower[d] {
                    lower[d] = face;
                }
            }
            moved = moved.max(1.0 - (upper[d] - lower[d]) / width);
        }
    }
    Some(moved)
}

/// Drops candidates that do not violate their disjunct in float64.
fn keep_violating(problem: &Problem, candidates: &mut Vec<Candidate>) {
    let points: Vec<f64> = candidates.iter().flat_map(|c| c.point.iter().copied()).collect();
    let values = problem.network.evaluate(&points, candidates.len());
    let outputs = &values[problem.network.output()];
    let len = problem.network.output_len();
    let mut index = 0;
    candidates.retain(|candidate| {
        let y = &outputs[index * len..(index + 1) * len];
        index += 1;
        problem.margin(candidate.disjunct, &candidate.point, y) <= 0.0
    });
}

fn split(
    subproblem: &Subproblem,
    lower: Vec<f64>,
    upper: Vec<f64>,
    open: Vec<u32>,
    bound: f64,
    slopes: &[f64],
    crowded: bool,
    inherit: impl FnOnce() -> Arc<Inherited>,
    handled: &mut Handled,
) {
    let dims = lower.len();
    let volume = |l: &[f64], u: &[f64]| -> f64 {
        (0..dims)
            .filter(|d| subproblem.upper[*d] > subproblem.lower[*d])
            .map(|d| ((u[d] - l[d]) / (subproblem.upper[d] - subproblem.lower[d])).clamp(0.0, 1.0))
            .product()
    };
    let kept = volume(&lower, &upper);
    handled.closed_share = subproblem.share * (1.0 - kept);
    let inherited = Some(inherit());
    let child = |lower: Vec<f64>, upper: Vec<f64>, share: f64, depth: u32| Subproblem {
        lower,
        upper,
        open: open.clone(),
        bound: bound.max(subproblem.bound),
        inherited: inherited.clone(),
        share,
        depth,
        id: 0,
    };
    let mut pieces = vec![(lower, upper)];
    // A clip that took away most of the box is worth a new bound before it is cut.
    let cuts = if kept < 0.25 {
        0
    } else if crowded {
        1
    } else {
        2
    };
    for _ in 0..cuts {
        let mut next = Vec::with_capacity(2 * pieces.len());
        for (lower, upper) in pieces {
            let Some(d) = branch::dimension(&lower, &upper, slopes) else {
                next.push((lower, upper));
                continue;
            };
            let middle = branch::midpoint(lower[d], upper[d])
                .expect("the dimension was chosen because it has a midpoint");
            let (mut left, mut right) = (upper.clone(), lower.clone());
            left[d] = middle;
            right[d] = middle;
            next.push((lower, left));
            next.push((right, upper));
        }
        pieces = next;
    }
    if cuts > 0 && pieces.len() == 1 {
        handled.stuck = true;
        return;
    }
    let share = subproblem.share * kept / pieces.len() as f64;
    for (lower, upper) in pieces {
        handled.children.push(child(lower, upper, share, subproblem.depth + 1));
    }
}
