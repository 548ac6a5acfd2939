//! Optimised slopes of relaxations (alpha-CROWN, Xu et al. 2021; Shi et al. 2025 for other functions).
//!
//! A backward bound is, at its minimiser, the composition of the lines that the sweep chose. So one
//! forward pass along those lines gives the derivative of the bound by every slope (envelope theorem):
//! `a_i z_i` where the coefficient `a_i` on neuron `i` is positive. No tape is kept. Whatever slopes in
//! [0, 1] come out, the next sweep's bound is rigorous; nothing here needs a proof.

use super::{Forms, Lines, Planes, Relaxation, Slopes, Trace};
use crate::net::{Network, NodeIndex, Primitive};

/// Relaxations that belong to rows instead of `count` boxes: row `r` copies box `owner[r]`.
pub fn per_row(relaxations: &[Relaxation], count: usize, owner: &[u32]) -> Vec<Relaxation> {
    relaxations.iter().map(|relaxation| relaxation.per_row(count, owner)).collect()
}

/// The points at which the forms are least over their boxes (`rows x dims`).
pub fn minimisers<'b>(
    forms: &Forms,
    boxes: impl Iterator<Item = (&'b [f64], &'b [f64])>,
) -> Vec<f64> {
    let mut points = Vec::with_capacity(forms.coefficients.len());
    for (r, (lower, upper)) in boxes.enumerate() {
        let corner = forms.row(r).iter().zip(lower.iter().zip(upper));
        points.extend(corner.map(|(a, (l, u))| if *a >= 0.0 { *l } else { *u }));
    }
    points
}

/// Slopes are multiples of one over this, as a certificate writes them, so that a bound that is found here is
/// found there.
const STEPS: f64 = 255.0;

/// Steps of projected gradient ascent with momentum (Adam) on the slopes of a batch of rows.
pub struct Ascent {
    first: Vec<Vec<f64>>,
    second: Vec<Vec<f64>>,
    step: i32,
    rate: f64,
}

impl Ascent {
    /// Begins; the first step moves a slope by about `rate`.
    pub fn new(network: &Network, rate: f64) -> Ascent {
        let empty = vec![Vec::new(); network.nodes.len()];
        Ascent { first: empty.clone(), second: empty, step: 0, rate }
    }

    /// Follows the lines from `points` and moves the slopes of unstable neurons; returns the values
    /// of the last node along the lines (`rows x output_len`).
    pub fn step(
        &mut self,
        network: &Network,
        relaxations: &mut [Relaxation],
        trace: &Trace,
        points: Vec<f64>,
        rows: usize,
    ) -> Vec<f64> {
        self.forward(network, relaxations, trace, points, rows, true).pop().unwrap_or_default()
    }

    /// As [`Ascent::step`], for the values of all nodes; slopes stay where they are unless they are to `climb`.
    pub fn forward(
        &mut self,
        network: &Network,
        relaxations: &mut [Relaxation],
        trace: &Trace,
        points: Vec<f64>,
        rows: usize,
        climb: bool,
    ) -> Vec<Vec<f64>> {
        self.step += 1;
        let (beta1, beta2) = (0.7, 0.95);
        let rate = if climb { self.rate } else { 0.0 };
        self.rate *= 0.9;
        let mut values: Vec<Vec<f64>> = Vec::with_capacity(network.nodes.len());
        for (index, node) in network.nodes.iter().enumerate() {
            let value = match (&node.primitive, &mut relaxations[index]) {
                (Primitive::Input, _) => points.clone(),
                (Primitive::Affine { terms, bias, .. }, _) => {
                    network.affine(terms, bias, &values, rows)
                }
                (Primitive::Relu { of }, Relaxation::Relu(slopes)) => {
                    self.relu(index, slopes, &trace[index], &values[*of], [beta1, beta2], rate)
                }
                (Primitive::Pointwise { of, .. }, Relaxation::Pointwise(lines)) => {
                    pointwise(lines, &trace[index], &values[*of], rate)
                }
                (Primitive::Product { left, right, pairs }, Relaxation::Product(planes)) => {
                    let lens = [*left, *right].map(|node| network.nodes[node].len);
                    let pair = |at: usize| {
                        let (r, (i, j)) = (at / pairs.len(), pairs[at % pairs.len()]);
                        let x = values[*left][r * lens[0] + i as usize];
                        (x, values[*right][r * lens[1] + j as usize])
                    };
                    product(planes, &trace[index], pair, rows * pairs.len(), rate)
                }
                // Without a relaxation the sweep said nothing, and there is nothing to improve.
                _ => vec![0.0; rows * node.len],
            };
            values.push(value);
        }
        values
    }

    /// The values of a relu node along its lines; moves the slopes below.
    fn relu(
        &mut self,
        index: NodeIndex,
        slopes: &mut Slopes,
        a: &[f64],
        z: &[f64],
        [beta1, beta2]: [f64; 2],
        rate: f64,
    ) -> Vec<f64> {
        let correction1 = 1.0 - f64::powi(beta1, self.step);
        let correction2 = 1.0 - f64::powi(beta2, self.step);
        let mut h = vec![0.0; z.len()];
        self.first[index].resize(z.len(), 0.0);
        self.second[index].resize(z.len(), 0.0);
        let (first, second) = (&mut self.first[index], &mut self.second[index]);
        for i in 0..z.len() {
            if slopes.u[i] == 0.0 {
                h[i] = slopes.lower[i] * z[i];
            } else if !a.is_empty() && a[i] >= 0.0 {
                h[i] = slopes.lower[i] * z[i];
                let gradient = a[i] * z[i];
                first[i] = beta1 * first[i] + (1.0 - beta1) * gradient;
                second[i] = beta2 * second[i] + (1.0 - beta2) * gradient * gradient;
                let scale = (second[i] / correction2).sqrt() + 1.0e-12;
                let moved = slopes.lower[i] + rate * (first[i] / correction1) / scale;
                if moved.is_finite() {
                    slopes.lower[i] = (moved.clamp(0.0, 1.0) * STEPS).round() / STEPS;
                }
            } else {
                h[i] = slopes.upper[i] * (z[i] - slopes.l[i]);
            }
        }
        h
    }
}

/// The values of a function along its lines; moves those lines to touch nearer to where the sweep's minimum
/// has the pre-activation, which is where a bound can rise.
fn pointwise(lines: &mut Lines, a: &[f64], z: &[f64], rate: f64) -> Vec<f64> {
    let mut h = Vec::with_capacity(z.len());
    for (i, z) in z.iter().enumerate() {
        let below = !is_above(a, i);
        let side = if below { &lines.below } else { &lines.above };
        h.push(side.slope[i] * z + side.offset[i]);
        let (at, width) = (side.parameter[i], lines.u[i] - lines.l[i]);
        if used(a, i) && (z - at).abs() > 1.0e-3 * width {
            let moved = (at + rate * (z - at)).clamp(lines.l[i], lines.u[i]);
            lines.touch(i, moved, below);
        }
    }
    h
}

/// The values of products along their planes; moves the planes' shares uphill.
fn product(
    planes: &mut Planes,
    a: &[f64],
    pair: impl Fn(usize) -> (f64, f64),
    count: usize,
    rate: f64,
) -> Vec<f64> {
    let mut h = Vec::with_capacity(count);
    for at in 0..count {
        let below = !is_above(a, at);
        let side = if below { &planes.below } else { &planes.above };
        let (x, y) = pair(at);
        h.push(side.slope[at] * x + side.right[at] * y + side.offset[at]);
        if used(a, at) {
            // The bound grows with `a` times the plane's value, and both are negative above.
            let growth = a[at] * planes.growth(at, (x, y), below);
            let step = if growth > 0.0 { rate } else { -rate };
            let share = (side.parameter[at] + step).clamp(0.0, 1.0);
            if growth != 0.0 && share != side.parameter[at] {
                planes.mix(at, share, below);
            }
        }
    }
    h
}

/// Whether a sweep had a coefficient on an element.
fn used(trace: &[f64], at: usize) -> bool {
    trace.get(at).is_some_and(|a| *a != 0.0)
}

/// Whether a sweep replaced an element from above: its coefficient was negative.
fn is_above(trace: &[f64], at: usize) -> bool {
    trace.get(at).is_some_and(|a| *a < 0.0)
}
