//! The steps of a backward sweep through nonlinear nodes.
//!
//! Each replaces a row over a node by one over its operands and adds to the constant, so that the new
//! expression is nowhere above the old one on the box of the row's owner.

use super::relaxation::{Lines, Planes, Relaxation, Slopes};
use super::{Frame, Workspace};
use crate::kernel::rounding::{gamma, underflow};
use crate::kernel::{charge_row, line_row, relax_row};
use crate::net::{Network, NodeIndex, Primitive};

/// A sum of contributions to a constant, with what it may have lost.
pub(super) struct Constants {
    pub sum: Vec<f64>,
    /// Magnitude of what was added to `sum`.
    pub added: Vec<f64>,
    /// Charges, all non-negative.
    pub charge: Vec<f64>,
}

impl Constants {
    fn add(&mut self, r: usize, constant: f64, charge: f64) {
        self.sum[r] += constant;
        self.added[r] += constant.abs();
        self.charge[r] += charge;
    }
}

/// Rows in flight: the box of each row, their constants, and the coefficients that wait at each node.
pub(super) type Flight<'f> = (&'f [u32], &'f mut Constants, &'f mut [Option<Vec<f64>>]);

/// Takes a batch of rows through a nonlinear node.
pub(super) fn nonlinear(
    network: &Network,
    frame: &Frame,
    index: NodeIndex,
    relaxation: &Relaxation,
    (mut row, added): (Vec<f64>, &[(u32, u32, f64)]),
    (owner, constants, pending): Flight<'_>,
    work: &mut Workspace,
) {
    match (&network.nodes[index].primitive, relaxation) {
        (Primitive::Relu { of }, Relaxation::Relu(slopes)) => {
            relu(slopes, owner, &mut row, constants);
            let magnitude = &frame.magnitude[*of];
            for (r, k, value) in added {
                let (r, k) = (*r as usize, *k as usize);
                let target = &mut row[r * magnitude.len() + k];
                *target += value;
                constants.charge[r] += gamma(2) * target.abs() * magnitude[k];
            }
            join(frame, *of, row, pending, constants, work);
        }
        (Primitive::Pointwise { of, .. }, Relaxation::Pointwise(lines)) => {
            pointwise(lines, frame, *of, owner, &mut row, constants);
            join(frame, *of, row, pending, constants, work);
        }
        (Primitive::Product { left, right, pairs }, Relaxation::Product(planes)) => {
            for of in [*left, *right] {
                if pending[of].is_none() {
                    let mut zero = work.take(owner.len() * network.nodes[of].len);
                    zero.fill(0.0);
                    pending[of] = Some(zero);
                }
            }
            product(planes, frame, (*left, *right), pairs, owner, &row, (constants, pending));
            work.give(row);
        }
        _ => {
            // No relaxation at hand: nothing is known of these rows.
            constants.sum.fill(f64::NEG_INFINITY);
            work.give(row);
        }
    }
}

fn relu(slopes: &Slopes, owner: &[u32], rows: &mut [f64], constants: &mut Constants) {
    let len = rows.len() / owner.len().max(1);
    for (r, a) in rows.chunks_exact_mut(len.max(1)).enumerate() {
        let at = owner[r] as usize * len..(owner[r] as usize + 1) * len;
        let constant = relax_row(
            a,
            &slopes.lower[at.clone()],
            &slopes.upper[at.clone()],
            &slopes.l[at.clone()],
            &slopes.u[at],
        );
        let charge = gamma(len + 3) * constant.abs() + underflow(2 * len, 1.0);
        constants.add(r, constant, charge);
    }
}

/// `a f(z) >= a (k z + b)` with the line below where `a >= 0` and the one above elsewhere. The new
/// coefficient is `nu = fl(a k)`, and what that misses costs at most its error times the magnitude of z.
fn pointwise(
    lines: &Lines,
    frame: &Frame,
    of: NodeIndex,
    owner: &[u32],
    rows: &mut [f64],
    constants: &mut Constants,
) {
    let magnitude = &frame.magnitude[of];
    let len = magnitude.len();
    // Products of coefficients and slopes that fall below the normal range meet the magnitudes.
    let lost = underflow(2 * len, 1.0) + underflow(2, frame.magnitude_sum[of]);
    for (r, a) in rows.chunks_exact_mut(len.max(1)).enumerate() {
        let at = owner[r] as usize * len..(owner[r] as usize + 1) * len;
        let (constant, weight) = line_row(
            a,
            (&lines.below.slope[at.clone()], &lines.below.offset[at.clone()]),
            (&lines.above.slope[at.clone()], &lines.above.offset[at]),
            magnitude,
        );
        constants.add(r, constant, gamma(len + 2) * weight + lost);
    }
}

/// `a x y >= a (p x + q y + c)`, likewise. A factor may meet several others, so that its coefficients
/// are summed; the sum's error is charged with all magnitudes that took part.
fn product(
    planes: &Planes,
    frame: &Frame,
    (left, right): (NodeIndex, NodeIndex),
    pairs: &[(u32, u32)],
    owner: &[u32],
    rows: &[f64],
    (constants, pending): (&mut Constants, &mut [Option<Vec<f64>>]),
) {
    let len = pairs.len();
    let magnitudes = (&frame.magnitude[left], &frame.magnitude[right]);
    let lens = (magnitudes.0.len(), magnitudes.1.len());
    let mut uses = (vec![0u32; lens.0], vec![0u32; lens.1]);
    for (i, j) in pairs {
        uses.0[*i as usize] += 1;
        uses.1[*j as usize] += 1;
    }
    let most = |uses: &[u32]| uses.iter().copied().max().unwrap_or(0) as usize;
    // One product and as many sums as a factor is used, over both nodes if they are the same.
    let summed = gamma(most(&uses.0) + most(&uses.1) + 3);
    let sums = frame.magnitude_sum[left] + frame.magnitude_sum[right];
    let lost = underflow(2 * len, 1.0) + underflow(2 * len, sums);
    for (r, a) in rows.chunks_exact(len.max(1)).enumerate() {
        let mut held = 0.0;
        let nodes = if left == right { &[left][..] } else { &[left, right] };
        for of in nodes {
            let len = frame.magnitude[*of].len();
            if let Some(target) = &pending[*of] {
                let magnitude = &frame.magnitude[*of];
                held += charge_row(&target[r * len..(r + 1) * len], magnitude, magnitude).0;
            }
        }
        let first = owner[r] as usize * len;
        let (mut constant, mut offsets) = (0.0, 0.0);
        for (k, (a, (i, j))) in a.iter().zip(pairs).enumerate() {
            if *a == 0.0 {
                continue;
            }
            let (i, j) = (*i as usize, *j as usize);
            let side = if *a < 0.0 { &planes.above } else { &planes.below };
            let at = first + k;
            let (p, q, c) = (a * side.slope[at], a * side.right[at], a * side.offset[at]);
            if let Some(target) = &mut pending[left] {
                target[r * lens.0 + i] += p;
            }
            if let Some(target) = &mut pending[right] {
                target[r * lens.1 + j] += q;
            }
            constant += c;
            offsets += c.abs();
            held += p.abs() * magnitudes.0[i] + q.abs() * magnitudes.1[j];
        }
        constants.add(r, constant, summed * held + gamma(len + 2) * offsets + lost);
    }
}

/// Hands a coefficient row to a node that may have received one from another reader.
pub(super) fn join(
    frame: &Frame,
    node: NodeIndex,
    row: Vec<f64>,
    pending: &mut [Option<Vec<f64>>],
    constants: &mut Constants,
    work: &mut Workspace,
) {
    let Some(existing) = &mut pending[node] else {
        pending[node] = Some(row);
        return;
    };
    let magnitude = &frame.magnitude[node];
    let len = magnitude.len();
    for (r, (target, added)) in
        existing.chunks_exact_mut(len).zip(row.chunks_exact(len)).enumerate()
    {
        for (t, a) in target.iter_mut().zip(added) {
            *t += a;
        }
        let (held, _) = charge_row(target, magnitude, magnitude);
        // Relative error of one addition with respect to its result, with room.
        constants.charge[r] += gamma(2) * held;
    }
    work.give(row);
}
