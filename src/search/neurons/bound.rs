//! Bounds of a chunk of subproblems, slopes and multipliers optimised; closed ones, and children of the others.

use super::branch;
use super::{Root, Settings, Sign, Subproblem};
use crate::attack::{self, Seeker};
use crate::bound::{Multipliers, Relaxation, Seeds, Trace, Workspace, alpha, backward_split};
use crate::net::Primitive;
use crate::problem::{Candidate, CompiledRow, Problem};
use crate::search::Evidence;
use crate::search::leaf::{excludes, reweigh};
use std::sync::Arc;

/// What became of a chunk.
pub(super) struct Bounded {
    /// Of each subproblem.
    pub fates: Vec<Fate>,
    /// Points that seem to violate.
    pub candidates: Vec<Candidate>,
}

/// What became of a subproblem.
pub(super) enum Fate {
    /// It was closed, in this way if a trail is kept.
    Closed(Option<Evidence>),
    /// Its two children, of the active and of the inactive sign.
    Split([Subproblem; 2]),
    /// There is no sign left to assume.
    Stuck,
}

/// Where the search for counterexamples begins, and how far it goes.
const DESCENT: usize = 3;

/// The best that was found for one subproblem.
struct Best {
    bound: f64,
    rows: Vec<f64>,
    signs: Vec<Sign>,
    slopes: Arc<Vec<f32>>,
    point: Vec<f64>,
    scores: branch::Scores,
}

/// Bounds a chunk of subproblems of one region.
pub(super) fn bound(
    problem: &Problem,
    settings: &Settings,
    root: &Root,
    chunk: &[Subproblem],
    work: &mut Workspace,
) -> Bounded {
    let network = problem.network;
    let (len, output, dims) = (network.output_len(), network.output(), network.input_len());
    let rows = chunk.len();
    let owner: Vec<u32> = (0..rows as u32).collect();
    let mut relaxations = alpha::per_row(&root.relaxations, 1, &vec![0; rows]);
    let mut now: Vec<(Vec<f64>, Vec<Sign>)> =
        chunk.iter().map(|s| (begin(problem, s), s.signs.clone())).collect();
    for (r, subproblem) in chunk.iter().enumerate() {
        assume(problem, root, &mut relaxations, r, subproblem);
    }
    let mut best: Vec<Option<Best>> = (0..rows).map(|_| None).collect();
    let mut closed = vec![false; rows];
    let mut evidence: Vec<Option<Evidence>> = vec![None; rows];
    let mut trace: Trace = vec![Vec::new(); network.nodes.len()];
    let is_root = chunk.iter().all(|s| s.signs.is_empty());
    let iterations = if is_root { settings.root_iterations } else { settings.iterations };
    let mut ascent = alpha::Ascent::new(network, if is_root { 0.4 } else { 0.25 });
    let mut momentum: Vec<Vec<(f64, f64)>> =
        now.iter().map(|(_, signs)| vec![(0.0, 0.0); signs.len()]).collect();
    let mut rate = 1.0;
    let (lower, upper) = (root.boxes.lower_of(0), root.boxes.upper_of(0));
    for iteration in 0..iterations {
        if iteration > 0 && work.is_late() {
            break;
        }
        let combined: Vec<CompiledRow> = chunk
            .iter()
            .zip(&now)
            .map(|(subproblem, (rows, _))| problem.combine(subproblem.disjunct, rows))
            .collect();
        let mut coefficients = vec![0.0; rows * len];
        for (row, out) in combined.iter().zip(coefficients.chunks_exact_mut(len)) {
            for (index, value) in &row.outputs {
                out[*index as usize] = *value;
            }
        }
        let constant = combined.iter().map(|row| row.constant).collect();
        let seeds = Seeds::Rows { owner: owner.clone(), coefficients, constant };
        let multipliers = multipliers(network.nodes.len(), now.iter().map(|(_, signs)| &signs[..]));
        let mut forms = backward_split(
            network,
            &problem.frame,
            &relaxations,
            output,
            &seeds,
            &multipliers,
            Some(&mut trace),
            work,
        );
        problem.add_input_parts(&mut forms, &combined);
        let last = iteration + 1 == iterations;
        let bounds: Vec<f64> = (0..rows).map(|r| forms.minimum(r, lower, upper)).collect();
        for r in 0..rows {
            if closed[r] || !excludes(bounds[r], combined[r].strict) {
                continue;
            }
            closed[r] = true;
            if settings.trail {
                evidence[r] = Some(Evidence {
                    slopes: Evidence::slopes_of(&relaxations, r, rows),
                    signs: now[r].1.iter().map(|sign| sign.multiplier).collect(),
                    ..Evidence::plain(chunk[r].disjunct, now[r].0.clone())
                });
            }
        }
        if closed.iter().all(|closed| *closed) {
            forms.recycle(work);
            break;
        }
        let boxes = (0..rows).map(|_| (lower, upper));
        let points = alpha::minimisers(&forms, boxes);
        forms.recycle(work);
        // The slopes that gave these bounds, before they are moved.
        let improved: Vec<bool> = (0..rows)
            .map(|r| !closed[r] && best[r].as_ref().is_none_or(|best| bounds[r] > best.bound))
            .collect();
        let kept: Vec<Vec<f32>> = (0..rows)
            .map(|r| if improved[r] { slopes(root, &relaxations, r, rows) } else { Vec::new() })
            .collect();
        let values = ascent.forward(network, &mut relaxations, &trace, points.clone(), rows, !last);
        for (r, kept) in kept.into_iter().enumerate() {
            if improved[r] {
                let scores =
                    branch::scores(problem, root, &chunk[r].signs, &trace, &values, (r, rows));
                best[r] = Some(Best {
                    bound: bounds[r],
                    rows: now[r].0.clone(),
                    signs: now[r].1.clone(),
                    slopes: Arc::new(kept),
                    point: points[r * dims..(r + 1) * dims].to_vec(),
                    scores,
                });
            }
        }
        if last {
            break;
        }
        let outputs = &values[output];
        for (r, subproblem) in chunk.iter().enumerate() {
            let (x, y) = (&points[r * dims..(r + 1) * dims], &outputs[r * len..(r + 1) * len]);
            let all = &problem.disjuncts[subproblem.disjunct as usize];
            let at = all.iter().map(|row| problem.rows[*row as usize].value(x, y));
            reweigh(&mut now[r].0, &at.collect::<Vec<f64>>(), 2.0 * rate);
            climb(
                problem,
                &mut now[r].1,
                &mut momentum[r],
                &trace,
                &values,
                (r, rows),
                iteration,
                rate,
            );
        }
        rate *= 0.85;
    }
    let mut bounded = Bounded { fates: Vec::new(), candidates: Vec::new() };
    let mut seekers = Vec::new();
    for (r, subproblem) in chunk.iter().enumerate() {
        let fate = match (&best[r], closed[r]) {
            (_, true) => Fate::Closed(evidence[r].take()),
            (Some(best), false) => {
                seekers.push(Seeker {
                    disjunct: subproblem.disjunct,
                    lower,
                    upper,
                    point: best.point.clone(),
                });
                choose(problem, root, subproblem, best, work).map_or(Fate::Stuck, Fate::Split)
            }
            // No bound that is a number.
            (None, false) => Fate::Stuck,
        };
        bounded.fates.push(fate);
    }
    bounded.candidates = attack::descend(problem, seekers, DESCENT);
    for relaxation in relaxations {
        relaxation.recycle(work);
    }
    bounded
}

/// Multipliers of the rows to begin with.
fn begin(problem: &Problem, subproblem: &Subproblem) -> Vec<f64> {
    let count = problem.disjuncts[subproblem.disjunct as usize].len();
    match subproblem.rows.len() == count {
        true => subproblem.rows.clone(),
        false => vec![1.0; count],
    }
}

/// Puts slopes and assumed signs of a subproblem into its row of the relaxations.
fn assume(
    problem: &Problem,
    root: &Root,
    relaxations: &mut [Relaxation],
    r: usize,
    subproblem: &Subproblem,
) {
    let network = problem.network;
    if subproblem.slopes.len() == root.unstable.len() {
        for ((node, element), slope) in root.unstable.iter().zip(subproblem.slopes.iter()) {
            if let Relaxation::Relu(lines) = &mut relaxations[*node] {
                let at = r * network.nodes[*node].len + *element as usize;
                lines.lower[at] = f64::from(*slope).clamp(0.0, 1.0);
            }
        }
    }
    for sign in &subproblem.signs {
        let node = sign.relu as usize;
        if let Relaxation::Relu(lines) = &mut relaxations[node] {
            let at = r * network.nodes[node].len + sign.element as usize;
            let slope = if sign.active { 1.0 } else { 0.0 };
            // Where the sign holds, relu is this line, without any constant.
            (lines.lower[at], lines.upper[at]) = (slope, slope);
            (lines.l[at], lines.u[at]) = (0.0, 0.0);
        }
    }
}

/// The slopes of a row, by unstable relu.
fn slopes(root: &Root, relaxations: &[Relaxation], r: usize, rows: usize) -> Vec<f32> {
    let slope = |(node, element): &(usize, u32)| match &relaxations[*node] {
        Relaxation::Relu(lines) => {
            let len = lines.lower.len() / rows;
            lines.lower[r * len + *element as usize] as f32
        }
        _ => 0.0,
    };
    root.unstable.iter().map(slope).collect()
}

/// The multipliers of all assumptions as a sweep takes them.
fn multipliers<'s>(nodes: usize, signs: impl Iterator<Item = &'s [Sign]>) -> Multipliers {
    let mut all: Multipliers = vec![Vec::new(); nodes];
    for (r, signs) in signs.enumerate() {
        for sign in signs.iter().filter(|sign| sign.multiplier > 0.0) {
            let value = f64::from(sign.multiplier);
            let added = if sign.active { -value } else { value };
            all[sign.relu as usize].push((r as u32, sign.element, added));
        }
    }
    all
}

/// One step of projected gradient ascent with momentum on the multipliers of assumptions: the bound grows with one
/// where the minimiser breaks the assumption.
fn climb(
    problem: &Problem,
    signs: &mut [Sign],
    momentum: &mut [(f64, f64)],
    trace: &Trace,
    values: &[Vec<f64>],
    (r, rows): (usize, usize),
    iteration: usize,
    rate: f64,
) {
    let (beta1, beta2) = (0.7, 0.95);
    for (sign, (first, second)) in signs.iter_mut().zip(momentum) {
        let relu = sign.relu as usize;
        let Primitive::Relu { of } = problem.network.nodes[relu].primitive else { continue };
        let len = values[of].len() / rows;
        let z = values[of][r * len + sign.element as usize];
        let gradient = if sign.active { -z } else { z };
        *first = beta1 * *first + (1.0 - beta1) * gradient;
        *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
        let step = iteration as i32 + 1;
        let mean = *first / (1.0 - f64::powi(beta1, step));
        let scale = (*second / (1.0 - f64::powi(beta2, step))).sqrt() + 1.0e-12;
        // In units of what the sweep has on such neurons.
        let row = &trace[relu];
        let unit = match row.is_empty() {
            true => 1.0,
            false => row[r * len..(r + 1) * len].iter().fold(0.0f64, |m, a| m.max(a.abs())),
        };
        let moved = f64::from(sign.multiplier) + 0.2 * rate * unit * mean / scale;
        if moved.is_finite() {
            sign.multiplier = moved.max(0.0) as f32;
        }
    }
}

/// The two children of a subproblem, by the split that promises most; none if no sign can be assumed.
///
/// The scores pick candidates, and one sweep over the children of each says which is best (filtered smart
/// branching, De Palma et al. 2021).
fn choose(
    problem: &Problem,
    root: &Root,
    subproblem: &Subproblem,
    best: &Best,
    work: &mut Workspace,
) -> Option<[Subproblem; 2]> {
    let candidates = best.scores.candidates();
    let mut pairs: Vec<[Subproblem; 2]> =
        candidates.iter().map(|candidate| children(subproblem, best, *candidate)).collect();
    if pairs.len() < 2 || work.is_late() {
        return pairs.into_iter().next();
    }
    let all: Vec<&Subproblem> = pairs.iter().flatten().collect();
    let bounds = look(problem, root, &all, work);
    // NaN counts as nothing.
    let known = |bound: f64| if bound.is_nan() { f64::NEG_INFINITY } else { bound };
    // What both children win together; what is closed is closed, however far above. (Of the lesser gain, mixtures,
    // the product and the sum, the sum gave the smallest trees on image classifiers and on shallow networks.)
    let promise = |k: usize| -> f64 {
        let gain = |bound: &f64| (known(*bound).min(0.0) - best.bound).max(0.0);
        bounds[2 * k..2 * k + 2].iter().map(gain).sum()
    };
    let mut chosen = 0;
    for k in 1..pairs.len() {
        if promise(k) > promise(chosen) {
            chosen = k;
        }
    }
    let mut pair = pairs.swap_remove(chosen);
    for (child, bound) in pair.iter_mut().zip(&bounds[2 * chosen..]) {
        child.bound = child.bound.max(known(*bound));
    }
    Some(pair)
}

/// Bounds of subproblems by one sweep each, with the slopes and multipliers that they begin with.
fn look(
    problem: &Problem,
    root: &Root,
    subproblems: &[&Subproblem],
    work: &mut Workspace,
) -> Vec<f64> {
    let network = problem.network;
    let (len, output, rows) = (network.output_len(), network.output(), subproblems.len());
    let mut relaxations = alpha::per_row(&root.relaxations, 1, &vec![0; rows]);
    for (r, subproblem) in subproblems.iter().enumerate() {
        assume(problem, root, &mut relaxations, r, subproblem);
    }
    let combined: Vec<CompiledRow> =
        subproblems.iter().map(|s| problem.combine(s.disjunct, &s.rows)).collect();
    let mut coefficients = vec![0.0; rows * len];
    for (row, out) in combined.iter().zip(coefficients.chunks_exact_mut(len)) {
        for (index, value) in &row.outputs {
            out[*index as usize] = *value;
        }
    }
    let constant = combined.iter().map(|row| row.constant).collect();
    let seeds = Seeds::Rows { owner: (0..rows as u32).collect(), coefficients, constant };
    let multipliers = multipliers(network.nodes.len(), subproblems.iter().map(|s| &s.signs[..]));
    let (frame, nothing) = (&problem.frame, None);
    let mut forms =
        backward_split(network, frame, &relaxations, output, &seeds, &multipliers, nothing, work);
    problem.add_input_parts(&mut forms, &combined);
    let (lower, upper) = (root.boxes.lower_of(0), root.boxes.upper_of(0));
    let bounds = (0..rows).map(|r| forms.minimum(r, lower, upper)).collect();
    forms.recycle(work);
    for relaxation in relaxations {
        relaxation.recycle(work);
    }
    bounds
}

/// The two children of a subproblem by the sign that an element of a relu reads.
fn children(subproblem: &Subproblem, best: &Best, (relu, element): (u32, u32)) -> [Subproblem; 2] {
    [true, false].map(|active| {
        let mut signs = best.signs.clone();
        signs.push(Sign { relu, element, active, multiplier: 0.0 });
        Subproblem {
            signs,
            bound: best.bound.max(subproblem.bound),
            rows: best.rows.clone(),
            slopes: best.slopes.clone(),
            share: 0.5 * subproblem.share,
            ..subproblem.clone()
        }
    })
}
