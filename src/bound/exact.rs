//! Backward bounds in exact rationals, for boxes whose true margin is so small, or zero, that no
//! rounded bound can close them.
//!
//! No charge closes a leaf whose true margin is zero under a strict constraint, and specifications have
//! such leaves (`max(x, y) >= x`). The same sweep as [`super::backward()`] is done here on exact numbers, which
//! only small networks can afford.

use crate::net::{Network, NodeIndex, Primitive};
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Region, Row};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Largest number of exact multiply-adds that one call may take.
const WORK_LIMIT: usize = 400_000;

/// Most cost of one call: some 0.3 s. Numbers grow with each layer, and a multiply-add on long ones costs
/// as the square of their length.
const COST_LIMIT: u64 = 24_000_000;

/// What is left of [`COST_LIMIT`].
struct Meter(Cell<u64>);

impl Meter {
    /// Counts an operation that gave this number; `None` when nothing is left.
    fn count(&self, value: &Rational) -> Option<()> {
        let words = value.heap_bits() as u64 / 64;
        let left = self.0.get().checked_sub(8 + 4 * words + words * words / 4)?;
        self.0.set(left);
        Some(())
    }
}

/// Which line stands below an unstable relu.
#[derive(Clone, Copy)]
enum Below {
    /// Slope 1 where the positive part is wider, else 0.
    Adaptive,
    /// Slope 0.
    Flat,
    /// Slope 1.
    Steep,
}

type Enclosures = Vec<(Vec<Rational>, Vec<Rational>)>;

/// Whether no point of the region satisfies all rows, as far as one exact backward bound can tell.
///
/// `false` says nothing. Rows are tried one by one and in combination: with `multipliers` rounded to
/// 1/64, since those that meet a threshold exactly are mostly small fractions, and with equal ones. A row
/// closes the region if its exact lower bound is positive, or if it is
/// zero and cannot be attained: the row is strict, or the minimum lies on a strict face.
pub fn refutes(network: &Network, region: &Region, rows: &[Row], multipliers: &[f64]) -> bool {
    if region.is_empty() {
        return true;
    }
    // The intervals, and three sweeps a row.
    let certain = network.multiply_adds.saturating_mul(1 + 3 * (rows.len() + 2));
    if rows.is_empty() || certain > WORK_LIMIT {
        return false;
    }
    let meter = Meter(Cell::new(COST_LIMIT));
    let Some(bounds) = enclose(network, region, WORK_LIMIT - certain, &meter) else {
        return false;
    };
    let mut rows = rows.to_vec();
    if rows.len() > 1 {
        let coarse: Vec<i64> = multipliers.iter().map(|m| (64.0 * m).round() as i64).collect();
        rows.extend(combine(&rows, &coarse));
        rows.extend(combine(&rows, &vec![1; multipliers.len()]));
    }
    let faces = |v: &Rational, d: usize| {
        if v.signum() > 0 { &region.lower[d] } else { &region.upper[d] }
    };
    [Below::Adaptive, Below::Flat, Below::Steep].into_iter().any(|below| {
        rows.iter().any(|row| {
            let mut start = vec![Rational::ZERO; network.output_len()];
            for (index, coefficient) in &row.outputs {
                start[*index as usize] += coefficient;
            }
            let pulled = pull_back(network, &bounds, network.output(), start, below, &meter);
            let Some((mut v, mut least)) = pulled else { return false };
            least += &row.constant;
            for (index, coefficient) in &row.inputs {
                v[*index as usize] += coefficient;
            }
            let mut unattained = row.strict;
            for (d, v) in v.iter().enumerate() {
                if !v.is_zero() {
                    let face = faces(v, d);
                    least += &(v * &face.value);
                    unattained |= face.strict;
                }
            }
            least.signum() > 0 || (unattained && least.signum() == 0)
        })
    })
}

/// The combination of rows with these multipliers, none of them negative; strict if a strict row is part
/// of it.
fn combine(rows: &[Row], multipliers: &[i64]) -> Option<Row> {
    let mut outputs: BTreeMap<u32, Rational> = BTreeMap::new();
    let mut inputs: BTreeMap<u32, Rational> = BTreeMap::new();
    let mut constant = Rational::ZERO;
    let mut strict = false;
    for (row, multiplier) in rows.iter().zip(multipliers).filter(|(_, m)| **m > 0) {
        let multiplier = Rational::from(*multiplier);
        strict |= row.strict;
        constant += &(&multiplier * &row.constant);
        for (sum, terms) in [(&mut outputs, &row.outputs), (&mut inputs, &row.inputs)] {
            for (index, coefficient) in terms {
                *sum.entry(*index).or_insert(Rational::ZERO) += &(&multiplier * coefficient);
            }
        }
    }
    let any = multipliers.iter().any(|m| *m > 0);
    let terms = |sum: BTreeMap<u32, Rational>| sum.into_iter().collect();
    any.then(|| Row { outputs: terms(outputs), inputs: terms(inputs), constant, strict })
}

/// How many boxes of a chunk may be tried, so that exact arithmetic takes about as long as the sweeps.
pub fn tries(network: &Network) -> usize {
    // On most of the boxes that come here, few neurons are unstable.
    let sweeps = network.relu_count() / 4 + 10;
    (4 * WORK_LIMIT / network.multiply_adds.saturating_mul(sweeps).max(1)).clamp(2, 64)
}

/// Exact enclosures of all nodes; `None` if the network is not piecewise linear or has a weight that is only
/// known up to rounding, if sweeps for unstable neurons would take more than `left` multiply-adds, or if the numbers become too long.
fn enclose(
    network: &Network,
    region: &Region,
    mut left: usize,
    meter: &Meter,
) -> Option<Enclosures> {
    let mut bounds: Enclosures = Vec::with_capacity(network.nodes.len());
    let pre_activations = network.pre_activations();
    for (index, node) in network.nodes.iter().enumerate() {
        let found = match &node.primitive {
            Primitive::Input => (
                region.lower.iter().map(|f| f.value.clone()).collect(),
                region.upper.iter().map(|f| f.value.clone()).collect(),
            ),
            Primitive::Relu { of } => {
                let relu = |v: &Rational| v.clone().max(Rational::ZERO);
                let (lower, upper) = &bounds[*of];
                (lower.iter().map(relu).collect(), upper.iter().map(relu).collect())
            }
            Primitive::Pointwise { .. } | Primitive::Product { .. } => return None,
            Primitive::Affine { slack, .. } if !slack.is_empty() => return None,
            Primitive::Affine { terms, bias, .. } => {
                let mut lower: Vec<Rational> = bias.iter().map(|b| exact(*b)).collect();
                let mut upper = lower.clone();
                for term in terms {
                    let (below, above) = &bounds[term.from];
                    for k in 0..node.len {
                        for (j, w) in term.map.row(k) {
                            let (w, j) = (exact(w), j as usize);
                            let (small, large) = if w.signum() > 0 {
                                (&below[j], &above[j])
                            } else {
                                (&above[j], &below[j])
                            };
                            lower[k] += &(&w * small);
                            upper[k] += &(&w * large);
                            meter.count(&upper[k])?;
                        }
                    }
                }
                (lower, upper)
            }
        };
        bounds.push(found);
        if pre_activations.contains(&index) {
            for k in 0..node.len {
                let (lower, upper) = (&bounds[index].0[k], &bounds[index].1[k]);
                if lower.signum() < 0 && upper.signum() > 0 {
                    left = left.checked_sub(2 * network.multiply_adds)?;
                    for sign in [1, -1] {
                        let mut start = vec![Rational::ZERO; node.len];
                        start[k] = Rational::from(sign);
                        let (v, constant) =
                            pull_back(network, &bounds, index, start, Below::Adaptive, meter)?;
                        let least = minimum(&v, constant, region);
                        if sign == 1 {
                            let lower = &mut bounds[index].0[k];
                            *lower = least.max(lower.clone());
                        } else {
                            let upper = &mut bounds[index].1[k];
                            *upper = (-&least).min(upper.clone());
                        }
                    }
                }
            }
        }
    }
    Some(bounds)
}

fn exact(value: f64) -> Rational {
    Rational::from_f64(value).expect("weights are checked to be finite when the model is read")
}

fn minimum(v: &[Rational], constant: Rational, region: &Region) -> Rational {
    let mut least = constant;
    for (d, v) in v.iter().enumerate() {
        let face = if v.signum() > 0 { &region.lower[d] } else { &region.upper[d] };
        least += &(v * &face.value);
    }
    least
}

/// Coefficients over the inputs and a constant, below the given expression over node `start`; `None` if
/// the numbers become too long.
fn pull_back(
    network: &Network,
    bounds: &Enclosures,
    start: NodeIndex,
    coefficients: Vec<Rational>,
    below: Below,
    meter: &Meter,
) -> Option<(Vec<Rational>, Rational)> {
    let mut pending: Vec<Option<Vec<Rational>>> = vec![None; start + 1];
    pending[start] = Some(coefficients);
    let mut constant = Rational::ZERO;
    for index in (1..=start).rev() {
        let Some(a) = pending[index].take() else { continue };
        match &network.nodes[index].primitive {
            Primitive::Input => {}
            Primitive::Pointwise { .. } | Primitive::Product { .. } => return None,
            Primitive::Relu { of } => {
                let (lower, upper) = &bounds[*of];
                let target = pending[*of].get_or_insert_with(|| vec![Rational::ZERO; a.len()]);
                for (k, a) in a.iter().enumerate() {
                    let (l, u) = (&lower[k], &upper[k]);
                    if u.signum() <= 0 || a.is_zero() {
                        continue;
                    }
                    if l.signum() >= 0 {
                        target[k] += a;
                    } else if a.signum() > 0 {
                        let steep = match below {
                            Below::Adaptive => *u > -l,
                            Below::Flat => false,
                            Below::Steep => true,
                        };
                        if steep {
                            target[k] += a;
                        }
                    } else {
                        // The chord u (z - l) / (u - l).
                        let slope = u.checked_div(&(u - l)).expect("l < 0 < u");
                        let nu = a * &slope;
                        constant += &-&(&nu * l);
                        meter.count(&constant)?;
                        target[k] += &nu;
                    }
                }
            }
            Primitive::Affine { terms, bias, .. } => {
                for (a, b) in a.iter().zip(bias) {
                    constant += &(a * &exact(*b));
                }
                for term in terms {
                    let target = pending[term.from]
                        .get_or_insert_with(|| vec![Rational::ZERO; term.map.columns()]);
                    for (k, a) in a.iter().enumerate().filter(|(_, a)| !a.is_zero()) {
                        for (j, w) in term.map.row(k) {
                            target[j as usize] += &(a * &exact(w));
                            meter.count(&target[j as usize])?;
                        }
                    }
                }
            }
        }
    }
    let v = pending[0].take().unwrap_or_else(|| vec![Rational::ZERO; network.input_len()]);
    Some((v, constant))
}
