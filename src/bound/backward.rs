//! Backward linear bounds (CROWN, DeepPoly), batched over boxes.
//!
//! A row asks for a lower bound of a linear expression over the elements of some node. Going backward,
//! the expression is rewritten over earlier nodes until only inputs are left; relu is replaced by a
//! line below or above it, whichever the sign of the coefficient asks for (Zhang et al. 2018; Singh et
//! al. 2019). In the vertex form that is used here the line is never built: any float `nu` may be the
//! new coefficient, and the constant receives the exact minimum of `a h - nu z` over the vertices of
//! the hull of relu's graph.

use super::pull::{self, Constants};
use super::{Boxes, Forms, Frame, NodeBounds, Relaxation, Workspace};
use crate::kernel::charge_row;
use crate::kernel::rounding::{UNIT, gamma, inflate, underflow};
use crate::net::{Network, NodeIndex, Primitive};

/// The rows that a sweep starts with; `owner[r]` is the box over which row `r` is bounded.
#[derive(Debug, Clone)]
pub enum Seeds {
    /// Row `r` is `sign * element`: one element of the node.
    Units {
        /// Box of each row.
        owner: Vec<u32>,
        /// Element of each row.
        element: Vec<u32>,
        /// 1.0 or -1.0.
        sign: Vec<f64>,
    },
    /// Row `r` has arbitrary coefficients.
    Rows {
        /// Box of each row.
        owner: Vec<u32>,
        /// `rows x len` coefficients.
        coefficients: Vec<f64>,
        /// A constant per row, already rounded down.
        constant: Vec<f64>,
    },
}

impl Seeds {
    fn owner(&self) -> &[u32] {
        match self {
            Seeds::Units { owner, .. } | Seeds::Rows { owner, .. } => owner,
        }
    }
}

/// For each nonlinear node, the coefficients that a sweep had on its elements (`rows x len`).
pub type Trace = Vec<Vec<f64>>;

/// What is added to rows where they leave a relu towards its pre-activation, by the relu's index: row, element,
/// and what is added to the coefficient (the multiplier of a split, see [`backward_split`]).
pub type Multipliers = Vec<Vec<(u32, u32, f64)>>;

/// Pulls the seeds, rows over node `start`, back to the inputs.
///
/// `relaxations` is indexed by node and holds an entry for every nonlinear node before `start`. The result
/// has one form per row: over the whole box of its owner, `row value >= coefficients . x + constant`,
/// exactly. A row that meets a value without finite bounds gets a constant that is not finite. A
/// `trace`, one entry per node, is filled at the relu nodes.
pub fn backward(
    network: &Network,
    frame: &Frame,
    relaxations: &[Relaxation],
    start: NodeIndex,
    seeds: &Seeds,
    trace: Option<&mut Trace>,
    work: &mut Workspace,
) -> Forms {
    backward_split(network, frame, relaxations, start, seeds, &Vec::new(), trace, work)
}

/// As [`backward`], on the part of a box where split pre-activations have the sign that was assumed.
///
/// Where `z >= 0` is assumed, `-b z` with `b >= 0` may be added to a row, as that makes it no greater there
/// (beta-CROWN, Wang et al. 2021); where `z <= 0`, `b z`. `multipliers` has these `-b` and `b`; the resulting
/// forms are lower bounds where all assumptions hold that they are about.
pub fn backward_split(
    network: &Network,
    frame: &Frame,
    relaxations: &[Relaxation],
    start: NodeIndex,
    seeds: &Seeds,
    multipliers: &Multipliers,
    mut trace: Option<&mut Trace>,
    work: &mut Workspace,
) -> Forms {
    let owner = seeds.owner().to_vec();
    let rows = owner.len();
    let mut constants =
        Constants { sum: vec![0.0; rows], added: vec![0.0; rows], charge: vec![0.0; rows] };
    let mut pending: Vec<Option<Vec<f64>>> = vec![None; start + 1];
    let mut from = start;
    match seeds {
        Seeds::Rows { coefficients, constant, .. } => {
            let mut buffer = work.take(coefficients.len());
            buffer.copy_from_slice(coefficients);
            pending[start] = Some(buffer);
            for r in 0..rows {
                constants.sum[r] = constant[r];
                constants.added[r] = constant[r].abs();
            }
        }
        Seeds::Units { element, sign, .. } => match &network.nodes[start].primitive {
            // One row of the weights times +-1 is exact: the first product is saved.
            Primitive::Affine { terms, bias, .. } => {
                for term in terms {
                    let len = network.nodes[term.from].len;
                    if len == 0 {
                        continue;
                    }
                    let mut buffer = work.take(rows * len);
                    buffer.fill(0.0);
                    for (r, out) in buffer.chunks_exact_mut(len).enumerate() {
                        term.map.add_row(element[r] as usize, sign[r], out);
                    }
                    pending[term.from] = Some(buffer);
                }
                for r in 0..rows {
                    constants.sum[r] = sign[r] * bias[element[r] as usize];
                    constants.added[r] = constants.sum[r].abs();
                    if let Some(cost) = frame.slack[start].get(element[r] as usize) {
                        constants.charge[r] += cost;
                    }
                }
                from = start.saturating_sub(1);
            }
            _ => {
                let len = network.nodes[start].len;
                let mut buffer = work.take(rows * len);
                buffer.fill(0.0);
                for r in 0..rows {
                    buffer[r * len + element[r] as usize] = sign[r];
                }
                pending[start] = Some(buffer);
            }
        },
    }
    for index in (1..=from).rev() {
        // A value without elements has no coefficients.
        let Some(row) = pending[index].take().filter(|row| !row.is_empty()) else { continue };
        match &network.nodes[index].primitive {
            Primitive::Input => {}
            Primitive::Relu { .. } | Primitive::Pointwise { .. } | Primitive::Product { .. } => {
                if let Some(trace) = &mut trace {
                    trace[index].clone_from(&row);
                }
                let batch = (owner.as_slice(), &mut constants, pending.as_mut_slice());
                let added = multipliers.get(index).map_or(&[][..], Vec::as_slice);
                pull::nonlinear(
                    network,
                    frame,
                    index,
                    &relaxations[index],
                    (row, added),
                    batch,
                    work,
                );
            }
            Primitive::Affine { terms, bias, .. } => {
                let len = bias.len();
                let weight = &frame.weight[index];
                let mut lost = 0.0;
                for term in terms {
                    let target_len = network.nodes[term.from].len;
                    if target_len == 0 {
                        continue;
                    }
                    let accumulate = pending[term.from].is_some();
                    let mut target = match pending[term.from].take() {
                        Some(target) => target,
                        None => work.take(rows * target_len),
                    };
                    if accumulate {
                        // The row that is added to takes part in the rounding of the sums.
                        let magnitude = &frame.magnitude[term.from];
                        for (r, existing) in target.chunks_exact(target_len).enumerate() {
                            let (held, _) = charge_row(existing, magnitude, magnitude);
                            constants.charge[r] += gamma(len + 1) * held;
                        }
                    }
                    term.map.pull_back(&row, rows, &mut target, accumulate);
                    pending[term.from] = Some(target);
                    lost += underflow(len + 1, frame.magnitude_sum[term.from]);
                }
                if !frame.slack[index].is_empty() {
                    for (r, a) in row.chunks_exact(len).enumerate() {
                        constants.charge[r] += charge_row(a, &frame.slack[index], bias).0;
                    }
                }
                for (r, a) in row.chunks_exact(len).enumerate() {
                    let (charge, product) = charge_row(a, weight, bias);
                    constants.sum[r] += product;
                    constants.added[r] += product.abs();
                    // Once for the products with the weights, once for the sum with the bias.
                    constants.charge[r] += 2.0 * gamma(len + 1) * charge + lost;
                }
                work.give(row);
            }
        }
    }
    let coefficients = pending[0].take().unwrap_or_else(|| {
        let mut zero = work.take(rows * network.input_len());
        zero.fill(0.0);
        zero
    });
    let additions = 3 * network.nodes.len() + 4;
    let constant = (0..rows)
        .map(|r| {
            let charge = constants.charge[r] + gamma(additions) * constants.added[r];
            let value = constants.sum[r] - inflate(charge);
            value - 2.0 * UNIT * value.abs() - f64::MIN_POSITIVE
        })
        .collect();
    Forms { dims: network.input_len(), owner, coefficients, constant }
}

/// Tightens the bounds of node `index` on those elements that `wanted` names, by one sweep.
///
/// `wanted` lists `(box, element)` pairs; both ends of each are bounded.
pub fn tighten(
    network: &Network,
    frame: &Frame,
    relaxations: &[Relaxation],
    index: NodeIndex,
    boxes: &Boxes,
    wanted: &[(u32, u32)],
    bounds: &mut NodeBounds,
    work: &mut Workspace,
) {
    let widest = network.nodes[..=index].iter().map(|node| node.len).max().unwrap_or(1);
    let block = (BLOCK / widest.max(1) / 2).max(1);
    for wanted in wanted.chunks(block) {
        if work.is_late() {
            return;
        }
        tighten_block(network, frame, relaxations, index, boxes, wanted, bounds, work);
    }
}

/// Coefficients in the largest matrix of rows that one sweep carries (16 MB: what two cores' caches
/// hold, and little enough for the time limit to be noticed between blocks).
const BLOCK: usize = 2 << 20;

fn tighten_block(
    network: &Network,
    frame: &Frame,
    relaxations: &[Relaxation],
    index: NodeIndex,
    boxes: &Boxes,
    wanted: &[(u32, u32)],
    bounds: &mut NodeBounds,
    work: &mut Workspace,
) {
    let len = network.nodes[index].len;
    let rows = 2 * wanted.len();
    let (mut owner, mut element) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let mut sign = Vec::with_capacity(rows);
    for (b, e) in wanted {
        owner.extend([*b, *b]);
        element.extend([*e, *e]);
        sign.extend([1.0, -1.0]);
    }
    let seeds = Seeds::Units { owner, element, sign };
    let forms = backward(network, frame, relaxations, index, &seeds, None, work);
    for (w, (b, e)) in wanted.iter().enumerate() {
        let at = *b as usize * len + *e as usize;
        let (lower, upper) = (boxes.lower_of(*b as usize), boxes.upper_of(*b as usize));
        let low = forms.minimum(2 * w, lower, upper);
        let high = -forms.minimum(2 * w + 1, lower, upper);
        // Comparisons with NaN are false, so that a void row changes nothing.
        if low > bounds.lower[at] {
            bounds.lower[at] = low;
        }
        if high < bounds.upper[at] {
            bounds.upper[at] = high;
        }
    }
    forms.recycle(work);
}
