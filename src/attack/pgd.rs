//! Projected gradient descent with restarts, after Madry et al. 2018, on a conjunction of rows.
//!
//! The loss of a disjunct is the greatest of its rows' values; the property is violated where it is at
//! most zero. Restarts begin at the centre, at corners, at random points, and at points driven apart by a
//! few steps towards random combinations of outputs (Tashiro et al. 2020).

use crate::budget::Budget;
use crate::problem::{Candidate, Problem};
use fastrand::Rng;

/// How long to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Points that descend side by side.
    pub restarts: usize,
    /// Steps of each.
    pub steps: usize,
}

/// Looks for points that violate one disjunct inside a box; the best ones first.
///
/// A point is pushed on for some steps after it first violates, since rounding eats small margins.
pub fn attack(
    problem: &Problem,
    disjunct: u32,
    (lower, upper): (&[f64], &[f64]),
    plan: Plan,
    rng: &mut Rng,
    budget: &Budget,
) -> Vec<Candidate> {
    let dims = lower.len();
    let count = plan.restarts;
    let mut points = start(problem, (lower, upper), count, rng);
    let mut best: Vec<(f64, Vec<f64>)> = Vec::new();
    let mut hits = 0;
    let mut reach = 0.5;
    let decay = (0.01f64 / reach).powf(1.0 / plan.steps.max(1) as f64);
    for step in 0..plan.steps {
        if budget.is_exhausted() {
            break;
        }
        let values = problem.network.evaluate(&points, count);
        let outputs = &values[problem.network.output()];
        let len = problem.network.output_len();
        let mut seeds = vec![0.0; count * len];
        let mut direct = vec![0.0; count * dims];
        for p in 0..count {
            let (x, y) = (&points[p * dims..(p + 1) * dims], &outputs[p * len..(p + 1) * len]);
            let margin = problem.margin(disjunct, x, y);
            if margin <= problem.doubt {
                best.push((margin, x.to_vec()));
            }
            let Some(row) = problem.steepest(disjunct, x, y) else { continue };
            for (index, value) in &problem.rows[row as usize].outputs {
                seeds[p * len + *index as usize] = *value;
            }
            for (index, value) in &problem.rows[row as usize].inputs {
                direct[p * dims + *index as usize] = *value;
            }
        }
        if !best.is_empty() {
            hits += usize::from(best.iter().any(|(margin, _)| *margin <= 0.0));
            best.sort_by(|a, b| a.0.total_cmp(&b.0));
            best.truncate(8);
            if hits > 10 {
                break;
            }
        }
        let gradient = problem.network.gradient(&values, seeds, count);
        for p in 0..count {
            for d in 0..dims {
                let at = p * dims + d;
                let slope = gradient[at] + direct[at];
                if slope != 0.0 {
                    let moved = points[at] - reach * 0.5 * (upper[d] - lower[d]) * slope.signum();
                    points[at] = moved.clamp(lower[d], upper[d]);
                }
            }
        }
        reach *= decay;
        if step % 16 == 15 && best.is_empty() {
            // The worse half starts anew, elsewhere.
            renew(problem, disjunct, &mut points, (lower, upper), rng);
        }
    }
    best.into_iter().map(|(_, point)| Candidate { disjunct, point }).collect()
}

/// A point on its way down, with the box that it keeps to.
#[derive(Debug, Clone)]
pub struct Seeker<'b> {
    /// The disjunct that it tries to violate.
    pub disjunct: u32,
    /// Lower faces.
    pub lower: &'b [f64],
    /// Upper faces.
    pub upper: &'b [f64],
    /// Where it is.
    pub point: Vec<f64>,
}

/// Moves all seekers down by a few steps of halving length, side by side, until some violate; those
/// that do, or come as near to it as rounding can tell, best first.
pub fn descend(problem: &Problem, mut seekers: Vec<Seeker<'_>>, steps: usize) -> Vec<Candidate> {
    let dims = problem.network.input_len();
    let len = problem.network.output_len();
    let count = seekers.len();
    let mut found: Vec<(f64, Candidate)> = Vec::new();
    let mut reach = 0.5;
    let mut hit = false;
    for step in 0..=steps {
        let points: Vec<f64> = seekers.iter().flat_map(|s| s.point.iter().copied()).collect();
        let values = problem.network.evaluate(&points, count);
        let outputs = &values[problem.network.output()];
        let mut seeds = vec![0.0; count * len];
        let mut direct = vec![0.0; count * dims];
        for (s, seeker) in seekers.iter().enumerate() {
            let y = &outputs[s * len..(s + 1) * len];
            let margin = problem.margin(seeker.disjunct, &seeker.point, y);
            if margin <= problem.doubt {
                let point = seeker.point.clone();
                found.push((margin, Candidate { disjunct: seeker.disjunct, point }));
                hit |= margin <= 0.0;
            }
            if let Some(row) = problem.steepest(seeker.disjunct, &seeker.point, y) {
                for (index, value) in &problem.rows[row as usize].outputs {
                    seeds[s * len + *index as usize] = *value;
                }
                for (index, value) in &problem.rows[row as usize].inputs {
                    direct[s * dims + *index as usize] = *value;
                }
            }
        }
        if step == steps || hit {
            break;
        }
        let gradient = problem.network.gradient(&values, seeds, count);
        for (s, seeker) in seekers.iter_mut().enumerate() {
            for d in 0..dims {
                let slope = gradient[s * dims + d] + direct[s * dims + d];
                if slope != 0.0 {
                    let width = seeker.upper[d] - seeker.lower[d];
                    let moved = seeker.point[d] - reach * width * slope.signum();
                    seeker.point[d] = moved.clamp(seeker.lower[d], seeker.upper[d]);
                }
            }
        }
        reach *= 0.5;
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

fn start(
    problem: &Problem,
    (lower, upper): (&[f64], &[f64]),
    count: usize,
    rng: &mut Rng,
) -> Vec<f64> {
    let dims = lower.len();
    let mut points = Vec::with_capacity(count * dims);
    for p in 0..count {
        for d in 0..dims {
            let t = match p {
                0 => 0.5,
                _ if p % 4 == 1 => f64::from(rng.u8(0..2)),
                _ => rng.f64(),
            };
            points.push((lower[d] + t * (upper[d] - lower[d])).clamp(lower[d], upper[d]));
        }
    }
    // A third of the points is spread over the outputs first.
    let (len, spread) = (problem.network.output_len(), count / 3);
    if spread == 0 || len < 2 {
        return points;
    }
    let first = (count - spread) * dims;
    let seeds: Vec<f64> = (0..spread * len).map(|_| 2.0 * rng.f64() - 1.0).collect();
    for _ in 0..4 {
        let values = problem.network.evaluate(&points[first..], spread);
        let gradient = problem.network.gradient(&values, seeds.clone(), spread);
        for (i, g) in gradient.iter().enumerate().filter(|(_, g)| **g != 0.0) {
            let d = i % dims;
            let moved = points[first + i] + 0.25 * (upper[d] - lower[d]) * g.signum();
            points[first + i] = moved.clamp(lower[d], upper[d]);
        }
    }
    points
}

fn renew(
    problem: &Problem,
    disjunct: u32,
    points: &mut [f64],
    (lower, upper): (&[f64], &[f64]),
    rng: &mut Rng,
) {
    let dims = lower.len();
    let count = points.len() / dims.max(1);
    let values = problem.network.evaluate(points, count);
    let outputs = &values[problem.network.output()];
    let len = problem.network.output_len();
    let mut order: Vec<(f64, usize)> = (0..count)
        .map(|p| {
            let x = &points[p * dims..(p + 1) * dims];
            (problem.margin(disjunct, x, &outputs[p * len..(p + 1) * len]), p)
        })
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (_, p) in &order[count - count / 2..] {
        for d in 0..dims {
            points[p * dims + d] =
                (lower[d] + rng.f64() * (upper[d] - lower[d])).clamp(lower[d], upper[d]);
        }
    }
}
