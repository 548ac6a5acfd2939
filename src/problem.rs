//! A query compiled for sweeps and attacks: boxes rounded outward, rows in floats with their charge.

use crate::bound::{Boxes, Forms, Frame};
use crate::kernel::rounding::{UNIT, gamma, inflate, underflow};
use crate::net::Network;
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Query, Row};
use std::collections::HashMap;

/// A row `outputs . y + inputs . x + constant`, in floats: a lower bound of the exact row wherever the
/// frame's magnitudes hold.
#[derive(Debug, Clone)]
pub struct CompiledRow {
    /// Coefficients of outputs.
    pub outputs: Vec<(u32, f64)>,
    /// Coefficients of inputs.
    pub inputs: Vec<(u32, f64)>,
    /// The constant, rounded down, minus what the rounding of the coefficients can cost.
    pub constant: f64,
    /// Whether a value of zero does not violate.
    pub strict: bool,
}

/// A point that seems to violate a disjunct, by evaluation in float64.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The disjunct.
    pub disjunct: u32,
    /// The inputs.
    pub point: Vec<f64>,
}

/// One query against one network.
#[derive(Debug)]
pub struct Problem<'a> {
    /// The network.
    pub network: &'a Network,
    /// Magnitudes over the hull of all regions.
    pub frame: Frame,
    /// The query's regions.
    pub boxes: Boxes,
    /// Distinct rows.
    pub rows: Vec<CompiledRow>,
    /// Each disjunct as indices into `rows`, increasing.
    pub disjuncts: Vec<Vec<u32>>,
    /// Region of each disjunct.
    pub region_of: Vec<u32>,
    /// Row values up to which a point found in float64 deserves an exact look.
    pub doubt: f64,
    members: Vec<Vec<u32>>,
}

impl<'a> Problem<'a> {
    /// Compiles a query; `frame` must be valid over all of `boxes`, which are the query's regions
    /// rounded outward.
    pub fn new(network: &'a Network, frame: Frame, boxes: Boxes, query: &Query) -> Problem<'a> {
        let mut rows = Vec::new();
        let mut known: HashMap<&Row, u32> = HashMap::new();
        let mut members = vec![Vec::new(); boxes.count];
        let mut disjuncts = Vec::with_capacity(query.disjuncts.len());
        let mut region_of = Vec::with_capacity(query.disjuncts.len());
        for (index, disjunct) in query.disjuncts.iter().enumerate() {
            let mut ids: Vec<u32> = disjunct
                .rows
                .iter()
                .map(|row| {
                    *known.entry(row).or_insert_with(|| {
                        rows.push(compile(row, &frame, network));
                        rows.len() as u32 - 1
                    })
                })
                .collect();
            ids.sort_unstable();
            ids.dedup();
            disjuncts.push(ids);
            region_of.push(disjunct.region);
            members[disjunct.region as usize].push(index as u32);
        }
        let largest = rows.iter().fold(1.0f64, |m, row: &CompiledRow| m.max(row.constant.abs()));
        let doubt = 1.0e-11 * largest;
        Problem { network, frame, boxes, rows, disjuncts, region_of, doubt, members }
    }

    /// The disjuncts of a region.
    pub fn disjuncts_of(&self, region: usize) -> Vec<u32> {
        self.members[region].clone()
    }

    /// How many rows the disjuncts of a region have, those that they share counted again.
    pub fn row_count(&self, region: usize) -> usize {
        self.members[region].iter().map(|d| self.disjuncts[*d as usize].len()).sum()
    }

    /// Adds the rows' own coefficients on inputs to forms that bound their output parts.
    pub fn add_input_parts<'r>(
        &self,
        forms: &mut Forms,
        rows: impl IntoIterator<Item = &'r CompiledRow>,
    ) {
        let dims = forms.dims;
        for (r, row) in rows.into_iter().enumerate() {
            let mut charge = 0.0;
            for (index, value) in &row.inputs {
                let target = &mut forms.coefficients[r * dims + *index as usize];
                *target += value;
                charge += gamma(2) * target.abs() * self.frame.magnitude[0][*index as usize];
            }
            // Not asked of the charge, which may underflow.
            if !row.inputs.is_empty() {
                let constant = forms.constant[r] - inflate(charge);
                forms.constant[r] = constant - 2.0 * UNIT * constant.abs();
            }
        }
    }
}

impl Problem<'_> {
    /// `sum_k multipliers[k] * row_k` over the rows of a disjunct, for non-negative multipliers: where
    /// the disjunct holds, this is at most zero.
    ///
    /// Products and sums of coefficients are rounded; what that can cost is taken off the constant.
    pub fn combine(&self, disjunct: u32, multipliers: &[f64]) -> CompiledRow {
        let rows = &self.disjuncts[disjunct as usize];
        let mut constant = 0.0;
        let mut constant_magnitude = 0.0;
        let mut outputs: Vec<(u32, f64)> = Vec::new();
        let mut inputs: Vec<(u32, f64)> = Vec::new();
        let mut strict = false;
        let mut coefficient_magnitude = 0.0;
        for (row, multiplier) in rows.iter().zip(multipliers).filter(|(_, m)| **m > 0.0) {
            let row = &self.rows[*row as usize];
            strict |= row.strict;
            constant += multiplier * row.constant;
            constant_magnitude += (multiplier * row.constant).abs();
            for (index, value) in &row.outputs {
                coefficient_magnitude += (multiplier * value).abs()
                    * self.frame.magnitude[self.network.output()][*index as usize];
                outputs.push((*index, multiplier * value));
            }
            for (index, value) in &row.inputs {
                coefficient_magnitude +=
                    (multiplier * value).abs() * self.frame.magnitude[0][*index as usize];
                inputs.push((*index, multiplier * value));
            }
        }
        merge(&mut outputs);
        merge(&mut inputs);
        // Every coefficient, and the constant, is a sum of at most `rows` rounded products.
        let charge = gamma(rows.len() + 1) * (coefficient_magnitude + constant_magnitude);
        let underflows = underflow(
            rows.len() * (outputs.len() + inputs.len() + 1),
            self.frame.magnitude_sum[self.network.output()] + self.frame.magnitude_sum[0],
        );
        constant -= inflate(charge + underflows);
        constant -= 2.0 * UNIT * constant.abs();
        CompiledRow { outputs, inputs, constant, strict }
    }
}

/// Adds up the values of equal indices.
fn merge(terms: &mut Vec<(u32, f64)>) {
    terms.sort_by_key(|term| term.0);
    terms.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}

fn compile(row: &Row, frame: &Frame, network: &Network) -> CompiledRow {
    let (mut charge, mut rounded) = (0.0, false);
    let mut convert = |terms: &[(u32, Rational)], magnitude: &[f64]| -> Vec<(u32, f64)> {
        terms
            .iter()
            .map(|(index, coefficient)| {
                let near = coefficient.to_f64();
                if coefficient.to_f64_exact() != Some(near) {
                    // |c - fl(c)| <= one unit in the last place of fl(c).
                    rounded = true;
                    charge += (near.next_up() - near).abs().max((near - near.next_down()).abs())
                        * magnitude[*index as usize];
                }
                (*index, near)
            })
            .collect()
    };
    let outputs = convert(&row.outputs, &frame.magnitude[network.output()]);
    let inputs = convert(&row.inputs, &frame.magnitude[0]);
    let mut constant = row.constant.to_f64_down();
    // Not asked of the charge, which may underflow.
    if rounded {
        constant = (constant - inflate(charge)).next_down();
    }
    CompiledRow { outputs, inputs, constant, strict: row.strict }
}

impl Problem<'_> {
    /// The greatest row value of a disjunct at a point, in float64: at most 0 where it is violated.
    pub fn margin(&self, disjunct: u32, point: &[f64], outputs: &[f64]) -> f64 {
        let mut worst = f64::NEG_INFINITY;
        for row in &self.disjuncts[disjunct as usize] {
            let value = self.rows[*row as usize].value(point, outputs);
            worst = if value > worst || value.is_nan() { value } else { worst };
        }
        worst
    }
}

impl Problem<'_> {
    /// The row of a disjunct whose value at a point is greatest; `None` if there is no row.
    pub fn steepest(&self, disjunct: u32, point: &[f64], outputs: &[f64]) -> Option<u32> {
        let value = |row: &u32| self.rows[*row as usize].value(point, outputs);
        self.disjuncts[disjunct as usize]
            .iter()
            .max_by(|a, b| value(a).total_cmp(&value(b)))
            .copied()
    }
}

impl CompiledRow {
    /// The row's value in float64.
    pub fn value(&self, point: &[f64], outputs: &[f64]) -> f64 {
        let mut value = self.constant;
        for (index, coefficient) in &self.outputs {
            value += coefficient * outputs[*index as usize];
        }
        for (index, coefficient) in &self.inputs {
            value += coefficient * point[*index as usize];
        }
        value
    }
}
