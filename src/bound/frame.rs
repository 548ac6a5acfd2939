//! What a region says once for all its subregions: magnitudes, and the charges that follow from them.

use super::Bounds;
use crate::kernel::rounding::inflate;
use crate::net::{Network, Primitive};

/// Bounds on the magnitudes of all values over a region, valid for every box inside it.
///
/// A row `a` pulled back through `W` in floats becomes some `a'`; over the region,
/// `|(a W - a') x| <= gamma_n sum_k |a_k| w_k` with `w_k = sum_j |W_kj| M_j + |b_k|`, where `M_j` bounds
/// `|x_j|`. Both `M` and `w` are computed here, once: subregions only make `M` smaller, and the charge
/// is so small that a looser `M` costs nothing (measured on ACAS Xu: 1e-11 against margins of 1e-3).
#[derive(Debug, Clone)]
pub struct Frame {
    /// Per node and element, an upper bound of the magnitude; not finite where nothing is known.
    pub magnitude: Vec<Vec<f64>>,
    /// Per node, the sum of its magnitudes, rounded up.
    pub magnitude_sum: Vec<f64>,
    /// Per affine node and element, `w_k`; empty for other nodes.
    pub weight: Vec<Vec<f64>>,
    /// Per affine node with rounded weights and per element, what they can cost; else empty.
    pub slack: Vec<Vec<f64>>,
}

impl Frame {
    /// The frame of a region with these bounds (a batch of one box).
    pub fn new(network: &Network, bounds: &Bounds) -> Frame {
        let magnitude: Vec<Vec<f64>> = bounds
            .iter()
            .map(|node| {
                node.lower.iter().zip(&node.upper).map(|(l, u)| l.abs().max(u.abs())).collect()
            })
            .collect();
        let magnitude_sum = magnitude.iter().map(|m: &Vec<f64>| inflate(m.iter().sum())).collect();
        let weight = network
            .nodes
            .iter()
            .map(|node| match &node.primitive {
                Primitive::Affine { terms, bias, .. } => {
                    let mut weight: Vec<f64> = bias.iter().map(|b| b.abs()).collect();
                    for term in terms {
                        term.map.push_magnitude(&magnitude[term.from], 1, &mut weight, true);
                    }
                    weight.into_iter().map(inflate).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        let slack = network
            .nodes
            .iter()
            .map(|node| match &node.primitive {
                Primitive::Affine { slack, .. } if !slack.is_empty() => {
                    let mut cost = vec![0.0; node.len];
                    for term in slack {
                        term.map.push_magnitude(&magnitude[term.from], 1, &mut cost, true);
                    }
                    cost.into_iter().map(inflate).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        Frame { magnitude, magnitude_sum, weight, slack }
    }
}
