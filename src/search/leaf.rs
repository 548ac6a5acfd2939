//! What the forms of one box decide: closed, clipped, or split.

use super::queue::{Inherited, Subproblem};
use super::trail::{Cut, Evidence, Mark};
use super::{Handled, Listener, Settings, branch};
use crate::attack::Seeker;
use crate::bound::{Forms, Relaxation, Seeds, Trace, Workspace, alpha, backward, minimum};
use crate::kernel::rounding::{UNIT, gamma, inflate, underflow};
use crate::problem::{CompiledRow, Problem};
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
pub(super) fn excludes(bound: f64, strict: bool) -> bool {
    // NaN compares false, which keeps the leaf open.
    bound > 0.0 || (strict && bound >= 0.0)
}

/// A disjunct that is open on a box, and what is known about it.
pub(super) struct Case {
    /// Position of the box in its chunk.
    pub b: usize,
    /// The disjunct.
    pub disjunct: u32,
    /// Lower faces of what clipping left of the box.
    pub lower: Vec<f64>,
    /// Upper faces.
    pub upper: Vec<f64>,
    /// The best lower bound of a row or of a combination of rows.
    pub bound: f64,
    /// The multipliers of that combination.
    pub multipliers: Vec<f64>,
    /// Coefficients of the form that gave the bound.
    pub form: Vec<f64>,
    /// Where that form is least.
    pub point: Vec<f64>,
}

impl Case {
    /// Where to look for a counterexample.
    pub fn seekers(&self) -> [Seeker<'_>; 2] {
        let faces = self.lower.iter().zip(&self.upper);
        let centre = faces.map(|(l, u)| 0.5 * l + 0.5 * u).collect();
        [self.point.clone(), centre].map(|point| Seeker {
            disjunct: self.disjunct,
            lower: &self.lower,
            upper: &self.upper,
            point,
        })
    }
}

/// The cases of a chunk that the separate bounds of the rows leave open.
pub(super) fn first_look(
    problem: &Problem,
    chunk: &[Subproblem],
    forms: &Forms,
    rows: &[u32],
    first: &[usize],
    marks: &mut [Mark],
) -> Vec<Case> {
    let mut cases = Vec::new();
    for (b, subproblem) in chunk.iter().enumerate() {
        let known = &rows[first[b]..first[b + 1]];
        for disjunct in &subproblem.open {
            let mine: Vec<usize> = problem.disjuncts[*disjunct as usize]
                .iter()
                .map(|row| {
                    let at = known.binary_search(row);
                    first[b] + at.expect("every row of an open disjunct is seeded")
                })
                .collect();
            let mut lower = subproblem.lower.clone();
            let mut upper = subproblem.upper.clone();
            let strict = |form: usize| problem.rows[rows[form] as usize].strict;
            let (closed, bound, multipliers) = close(forms, &mine, &strict, &mut lower, &mut upper);
            if let Some(closed) = closed {
                let multipliers = match closed {
                    Close::Joint(multipliers) => multipliers,
                    Close::Row | Close::Clip => Vec::new(),
                };
                marks[b].closed.push(Evidence::plain(*disjunct, multipliers));
                continue;
            }
            let mut form = vec![0.0; forms.dims];
            for (r, m) in mine.iter().zip(&multipliers) {
                for (f, a) in form.iter_mut().zip(forms.row(*r)) {
                    *f += m * a;
                }
            }
            let point = corner(&form, &lower, &upper);
            let disjunct = *disjunct;
            cases.push(Case { b, disjunct, lower, upper, bound, multipliers, form, point });
        }
    }
    cases
}

fn corner(form: &[f64], lower: &[f64], upper: &[f64]) -> Vec<f64> {
    let faces = lower.iter().zip(upper);
    form.iter().zip(faces).map(|(a, (l, u))| if *a >= 0.0 { *l } else { *u }).collect()
}

/// Bounds the combinations of rows as wholes, with slopes and multipliers of their own, and removes
/// the cases that this closes.
///
/// One row a case is swept instead of one a row of the query, and its relaxations need to serve that
/// combination only (alpha-CROWN with multipliers over the rows).
pub(super) fn sharpen(
    problem: &Problem,
    settings: &Settings,
    relaxations: &[Relaxation],
    cases: Vec<Case>,
    marks: &mut [Mark],
    work: &mut Workspace,
) -> Vec<Case> {
    let size = Relaxation::ARRAYS * problem.network.nonlinear_count() + problem.network.input_len();
    let block = (BLOCK / size.max(1)).max(1);
    let mut open = Vec::with_capacity(cases.len());
    let mut cases = cases.into_iter().peekable();
    while cases.peek().is_some() {
        let cases = cases.by_ref().take(block).collect();
        open.extend(sharpen_block(problem, settings, relaxations, cases, marks, work));
    }
    open
}

/// Numbers that the relaxations of cases treated side by side may have (16 MB).
const BLOCK: usize = 2 << 20;

fn sharpen_block(
    problem: &Problem,
    settings: &Settings,
    relaxations: &[Relaxation],
    mut cases: Vec<Case>,
    marks: &mut [Mark],
    work: &mut Workspace,
) -> Vec<Case> {
    let network = problem.network;
    let (len, output) = (network.output_len(), network.output());
    let owner: Vec<u32> = cases.iter().map(|case| case.b as u32).collect();
    let mut relaxations = alpha::per_row(relaxations, marks.len(), &owner);
    let iterations = settings.iterations;
    let owner: Vec<u32> = (0..cases.len() as u32).collect();
    let mut ascent = alpha::Ascent::new(network, 0.4);
    let mut multipliers: Vec<Vec<f64>> = cases.iter().map(|c| c.multipliers.clone()).collect();
    let mut trace: Trace = vec![Vec::new(); network.nodes.len()];
    let mut closed = vec![false; cases.len()];
    let mut rate = 2.0;
    for iteration in 0..iterations {
        if work.is_late() {
            break;
        }
        let combined: Vec<CompiledRow> = cases
            .iter()
            .zip(&multipliers)
            .map(|(case, multipliers)| problem.combine(case.disjunct, multipliers))
            .collect();
        let mut coefficients = vec![0.0; cases.len() * len];
        for (row, out) in combined.iter().zip(coefficients.chunks_exact_mut(len)) {
            for (index, value) in &row.outputs {
                out[*index as usize] = *value;
            }
        }
        let constant = combined.iter().map(|row| row.constant).collect();
        let seeds = Seeds::Rows { owner: owner.clone(), coefficients, constant };
        let (frame, trace_into) = (&problem.frame, Some(&mut trace));
        let mut forms = backward(network, frame, &relaxations, output, &seeds, trace_into, work);
        problem.add_input_parts(&mut forms, &combined);
        for (r, case) in cases.iter_mut().enumerate() {
            if closed[r] {
                continue;
            }
            let bound = forms.minimum(r, &case.lower, &case.upper);
            if excludes(bound, combined[r].strict)
                || clip(&forms, &[r], &mut case.lower, &mut case.upper).is_none()
            {
                closed[r] = true;
                if settings.trail {
                    let slopes = Evidence::slopes_of(&relaxations, r, closed.len());
                    let plain = Evidence::plain(case.disjunct, multipliers[r].clone());
                    marks[case.b].closed.push(Evidence { slopes, ..plain });
                }
                continue;
            }
            if bound > case.bound {
                case.bound = bound;
                case.multipliers.clone_from(&multipliers[r]);
                // The optimised form is flat along the inputs that matter most, since its minimum is
                // balanced there: branching keeps to the slopes of the first look.
                case.point = corner(forms.row(r), &case.lower, &case.upper);
            }
        }
        if iteration + 1 == iterations || closed.iter().all(|c| *c) {
            forms.recycle(work);
            break;
        }
        let boxes = cases.iter().map(|case| (case.lower.as_slice(), case.upper.as_slice()));
        let points = alpha::minimisers(&forms, boxes);
        let dims = forms.dims;
        let values = ascent.step(network, &mut relaxations, &trace, points.clone(), cases.len());
        for (r, case) in cases.iter().enumerate() {
            let (x, y) = (&points[r * dims..(r + 1) * dims], &values[r * len..(r + 1) * len]);
            let rows = &problem.disjuncts[case.disjunct as usize];
            let at = rows.iter().map(|row| problem.rows[*row as usize].value(x, y));
            reweigh(&mut multipliers[r], &at.collect::<Vec<f64>>(), rate);
        }
        rate *= 0.8;
        forms.recycle(work);
    }
    let mut keep = closed.iter();
    cases.retain(|_| !keep.next().expect("one flag a case"));
    cases
}

/// Moves weight to the rows whose value at the minimiser is greatest (exponentiated gradient ascent).
pub(super) fn reweigh(multipliers: &mut [f64], values: &[f64], rate: f64) {
    let spread = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if !(spread > 0.0) || multipliers.len() < 2 {
        return;
    }
    let mut total = 0.0;
    for (m, v) in multipliers.iter_mut().zip(values) {
        *m *= (rate * v / spread).exp();
        total += *m;
    }
    for m in multipliers.iter_mut() {
        *m /= total;
    }
    round(multipliers);
}

/// Scales multipliers to a greatest one of 1 and rounds them as a certificate does, so that a bound that is
/// found here is found there.
pub(super) fn round(multipliers: &mut [f64]) {
    let most = multipliers.iter().fold(0.0f64, |most, m| most.max(*m));
    if most > 0.0 {
        for m in multipliers {
            *m = (*m / most * STEPS).round() / STEPS;
        }
    }
}

/// Greatest multiplier of a row in a certificate, where all are integers.
pub const STEPS: f64 = 4096.0;

/// Splits a box on which some cases are open; none open closes it.
pub(super) fn conclude(
    problem: &Problem,
    subproblem: &Subproblem,
    cases: &[Case],
    crowded: bool,
    listener: &dyn Listener,
    exact_tries: &mut usize,
    mark: Mark,
    inherit: impl FnOnce() -> Arc<Inherited>,
) -> Handled {
    let mut handled = Handled {
        children: Vec::new(),
        candidates: Vec::new(),
        closed_share: 0.0,
        stuck: false,
        mark,
    };
    let dims = subproblem.lower.len();
    let mut hull: Option<(Vec<f64>, Vec<f64>)> = None;
    let mut open = Vec::new();
    let mut worst = f64::INFINITY;
    let mut slopes = vec![0.0; dims];
    for case in cases {
        let (lower, upper) = (&case.lower, &case.upper);
        let near = -1.0e-6 * (1.0 + scale(problem, &case.form));
        // A parent as near shows that splitting alone does not help; where no split is left, nothing
        // else can.
        let last = branch::dimension(lower, upper, &case.form).is_none();
        if last || (case.bound > near && subproblem.bound > near && *exact_tries > 0) {
            *exact_tries = exact_tries.saturating_sub(1);
            if listener.close_exactly(lower, upper, case.disjunct, &case.multipliers) {
                let plain = Evidence::plain(case.disjunct, case.multipliers.clone());
                handled.mark.closed.push(Evidence { exact: true, ..plain });
                continue;
            }
        }
        let evidence = Evidence::plain(case.disjunct, case.multipliers.clone());
        handled.mark.open.push(evidence);
        open.push(case.disjunct);
        for (s, a) in slopes.iter_mut().zip(&case.form) {
            *s += a.abs();
        }
        worst = worst.min(case.bound);
        hull = Some(match hull {
            None => (lower.clone(), upper.clone()),
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
    split(subproblem, lower, upper, open, worst, &slopes, crowded, inherit, &mut handled);
    handled
}

fn scale(problem: &Problem, form: &[f64]) -> f64 {
    form.iter().zip(&problem.frame.magnitude[0]).map(|(a, m)| a.abs() * m).sum()
}

/// Tries to close one disjunct on a box, clipping the box on the way; also gives the best lower bound
/// of a single row or combination.
fn close(
    forms: &Forms,
    mine: &[usize],
    strict: &dyn Fn(usize) -> bool,
    lower: &mut [f64],
    upper: &mut [f64],
) -> (Option<Close>, f64, Vec<f64>) {
    let mut best = f64::NEG_INFINITY;
    let mut weights = vec![0.0; mine.len()];
    for _ in 0..3 {
        best = f64::NEG_INFINITY;
        for (k, form) in mine.iter().enumerate() {
            let bound = forms.minimum(*form, lower, upper);
            if excludes(bound, strict(*form)) {
                return (Some(Close::Row), bound, Vec::new());
            }
            if bound > best {
                best = bound;
                weights.fill(0.0);
                weights[k] = 1.0;
            }
        }
        if mine.len() > 1 {
            let (bound, multipliers) = refute_jointly(forms, mine, lower, upper);
            if bound > 0.0 {
                return (Some(Close::Joint(multipliers)), bound, Vec::new());
            }
            if bound > best {
                best = bound;
                weights = multipliers;
            }
        }
        match clip(forms, mine, lower, upper) {
            None => return (Some(Close::Clip), f64::INFINITY, Vec::new()),
            Some(moved) if moved < 0.1 => break,
            Some(_) => {}
        }
    }
    (None, best, weights)
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
        reweigh(&mut multipliers, &values, rate);
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
    // A clip that took away most of the box is worth a new bound before it is cut.
    let cuts = if kept < 0.25 {
        0
    } else if crowded {
        1
    } else {
        2
    };
    let mut pieces = Vec::new();
    handled.mark.cut = halve(lower, upper, slopes, cuts, &mut pieces);
    if cuts > 0 && pieces.len() == 1 {
        handled.stuck = true;
        return;
    }
    let share = subproblem.share * kept / pieces.len() as f64;
    for (lower, upper) in pieces {
        handled.children.push(Subproblem {
            lower,
            upper,
            open: open.clone(),
            bound: bound.max(subproblem.bound),
            inherited: inherited.clone(),
            share,
            depth: subproblem.depth + 1,
            id: 0,
            mark: 0,
        });
    }
}

/// Halves a box so many times, where it can be halved.
fn halve(
    lower: Vec<f64>,
    upper: Vec<f64>,
    slopes: &[f64],
    times: usize,
    pieces: &mut Vec<(Vec<f64>, Vec<f64>)>,
) -> Cut {
    let input = if times > 0 { branch::dimension(&lower, &upper, slopes) } else { None };
    let cut = input.and_then(|d| Some((d, branch::midpoint(lower[d], upper[d])?)));
    let Some((input, at)) = cut else {
        pieces.push((lower, upper));
        return Cut::Box(pieces.len() - 1);
    };
    let (mut left, mut right) = (upper.clone(), lower.clone());
    left[input] = at;
    right[input] = at;
    let below = halve(lower, left, slopes, times - 1, pieces);
    let above = halve(right, upper, slopes, times - 1, pieces);
    Cut::Split { input, at, halves: Box::new([below, above]) }
}
