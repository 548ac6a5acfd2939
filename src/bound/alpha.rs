//! Optimised slopes of the lines below relus (alpha-CROWN, Xu et al. 2021).
//!
//! A backward bound is, at its minimiser, the composition of the lines that the sweep chose. So one
//! forward pass along those lines gives the derivative of the bound by every slope (envelope theorem):
//! `a_i z_i` where the coefficient `a_i` on neuron `i` is positive. No tape is kept. Whatever slopes in
//! [0, 1] come out, the next sweep's bound is rigorous; nothing here needs a proof.

use super::{Forms, Relaxation, Trace};
use crate::net::{Network, Primitive};

/// Relaxations that belong to rows instead of boxes: row `r` copies box `owner[r]`.
pub fn per_row(network: &Network, relaxations: &[Relaxation], owner: &[u32]) -> Vec<Relaxation> {
    let copy = |values: &[f64], len: usize| -> Vec<f64> {
        let mut all = Vec::with_capacity(owner.len() * len);
        for b in owner {
            all.extend_from_slice(&values[*b as usize * len..(*b as usize + 1) * len]);
        }
        all
    };
    relaxations
        .iter()
        .zip(&network.nodes)
        .map(|(relaxation, node)| match node.primitive {
            Primitive::Relu { .. } => Relaxation {
                lower: copy(&relaxation.lower, node.len),
                upper: copy(&relaxation.upper, node.len),
                l: copy(&relaxation.l, node.len),
                u: copy(&relaxation.u, node.len),
            },
            _ => Relaxation::default(),
        })
        .collect()
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
        self.step += 1;
        let (beta1, beta2) = (0.7, 0.95);
        let correction1 = 1.0 - f64::powi(beta1, self.step);
        let correction2 = 1.0 - f64::powi(beta2, self.step);
        let rate = self.rate;
        self.rate *= 0.9;
        let mut values: Vec<Vec<f64>> = Vec::with_capacity(network.nodes.len());
        for (index, node) in network.nodes.iter().enumerate() {
            let value = match &node.primitive {
                Primitive::Input => points.clone(),
                Primitive::Affine { terms, bias, .. } => network.affine(terms, bias, &values, rows),
                Primitive::Relu { of } => {
                    let z = &values[*of];
                    let a = &trace[index];
                    let relaxation = &mut relaxations[index];
                    let mut h = vec![0.0; z.len()];
                    self.first[index].resize(z.len(), 0.0);
                    self.second[index].resize(z.len(), 0.0);
                    let (first, second) = (&mut self.first[index], &mut self.second[index]);
                    for i in 0..z.len() {
                        if relaxation.u[i] == 0.0 {
                            h[i] = relaxation.lower[i] * z[i];
                        } else if !a.is_empty() && a[i] >= 0.0 {
                            h[i] = relaxation.lower[i] * z[i];
                            let gradient = a[i] * z[i];
                            first[i] = beta1 * first[i] + (1.0 - beta1) * gradient;
                            second[i] = beta2 * second[i] + (1.0 - beta2) * gradient * gradient;
                            let scale = (second[i] / correction2).sqrt() + 1.0e-12;
                            let moved =
                                relaxation.lower[i] + rate * (first[i] / correction1) / scale;
                            if moved.is_finite() {
                                relaxation.lower[i] = moved.clamp(0.0, 1.0);
                            }
                        } else {
                            h[i] = relaxation.upper[i] * (z[i] - relaxation.l[i]);
                        }
                    }
                    h
                }
            };
            values.push(value);
        }
        values.pop().unwrap_or_default()
    }
}
