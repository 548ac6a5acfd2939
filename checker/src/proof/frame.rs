//! What a region says once for all its boxes: magnitudes of variables, and what rounding can cost.

use super::Bounds;
use super::program::{Definition, Program, Variable};

/// Unit roundoff of float64.
const UNIT: f64 = 1.0 / (1u64 << 53) as f64;

/// Bounds the relative error of a sum of `n` rounded products in any order (Higham 2002, 3.1), infinite
/// beyond the `n` for which the factor is argued: `1 / (1 - n u) < 1 + 2^-28` up to `2^24`.
pub(super) fn gamma(n: usize) -> f64 {
    if n > 1 << 24 { f64::INFINITY } else { n as f64 * UNIT * (1.0 + 1.0e-8) }
}

/// Makes a computed sum of at most `2^24` non-negative terms an upper bound of the exact one; the least
/// normal number stands for what underflowed.
pub(super) fn inflate(sum: f64) -> f64 {
    sum * (1.0 + 1.0e-8) + f64::MIN_POSITIVE
}

/// A program with magnitudes that hold over a whole region, and so over all boxes in it.
#[derive(Debug)]
pub struct Frame<'p> {
    /// The program.
    pub program: &'p Program,
    /// Of every variable, the greatest absolute value it can have.
    pub magnitude: Vec<f64>,
    /// Of every affine variable, `sum |w_j| M_j`, rounded up; else zero.
    pub(super) weight: Vec<f64>,
    /// Of every affine variable, what inexact coefficients can cost, `sum radius_j M_j` and that of the bias.
    pub(super) slack: Vec<f64>,
    /// Variables by nonlinear depth, each list ascending.
    pub(super) levels: Vec<Vec<Variable>>,
    /// What tighter bounds of a variable are good for.
    pub(super) need: Vec<Need>,
    /// For each variable, its place among those with lines or planes, or among relus.
    pub(super) place: Vec<u32>,
    /// Number of variables with lines or planes.
    pub(super) curves: usize,
    /// Error of a coefficient relative to the magnitudes of all contributions to it.
    pub(super) coefficient_error: f64,
    /// Error of a constant relative to the magnitudes of all contributions to it.
    pub(super) constant_error: f64,
    /// What underflow can cost a row in all.
    pub(super) lost: f64,
}

/// What tighter bounds of a variable are good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// Nothing.
    Nothing,
    /// A relu reads it.
    Sign,
    /// A curve or a product reads it.
    Range,
}

impl<'p> Frame<'p> {
    /// The frame of a region over which these bounds hold for all variables.
    pub(super) fn new(structure: Structure, program: &'p Program, bounds: &Bounds) -> Frame<'p> {
        let ends = bounds.lower.iter().zip(&bounds.upper);
        let magnitude: Vec<f64> = ends.map(|(l, u)| l.abs().max(u.abs())).collect();
        let mut weight = vec![0.0; program.len()];
        let mut slack = vec![0.0; program.len()];
        for (v, definition) in program.definitions.iter().enumerate() {
            if let Definition::Affine { first, count, bias } = *definition {
                let (columns, weights, radii) = program.terms(first, count);
                let mut sum = 0.0;
                for (column, w) in columns.iter().zip(weights) {
                    sum += w.abs() * magnitude[*column as usize];
                }
                weight[v] = inflate(sum);
                let mut sum = bias.hi - bias.lo;
                for (column, radius) in columns.iter().zip(radii) {
                    sum += radius * magnitude[*column as usize];
                }
                slack[v] = if sum == 0.0 { 0.0 } else { inflate(sum) };
            }
        }
        let Structure { levels, need, place, curves, most_readers, most_terms } = structure;
        // A coefficient is a sum of two seeds and one product for each reader, at most.
        let coefficient_error = gamma(most_readers + 4);
        let constant_error = gamma(program.len() + 4);
        // Every product, and every constant, may lose less than the least normal number, and what a
        // coefficient loses meets a magnitude.
        let largest =
            magnitude.iter().fold(1.0f64, |m, v| if *v > m || v.is_nan() { *v } else { m });
        let products = (program.columns.len() + 8 * program.len() + most_terms + 8) as f64;
        let lost = products * f64::MIN_POSITIVE * largest * 2.0;
        Frame {
            program,
            magnitude,
            weight,
            slack,
            levels,
            need,
            place,
            curves,
            coefficient_error,
            constant_error,
            lost,
        }
    }
}

/// What follows from a program alone.
#[derive(Debug, Clone)]
pub(super) struct Structure {
    levels: Vec<Vec<Variable>>,
    need: Vec<Need>,
    place: Vec<u32>,
    curves: usize,
    most_readers: usize,
    most_terms: usize,
}

impl Structure {
    pub fn of(program: &Program) -> Structure {
        let mut depth = vec![0usize; program.len()];
        let mut readers = vec![0usize; program.len()];
        let mut need = vec![Need::Nothing; program.len()];
        let mut place = vec![0; program.len()];
        let (mut curves, mut relus, mut most_terms) = (0, 0, 0);
        let mut levels: Vec<Vec<Variable>> = vec![Vec::new()];
        for (v, definition) in program.definitions.iter().enumerate() {
            let mut deepest = 0;
            program.operands(definition, |operand| {
                deepest = deepest.max(depth[operand as usize]);
                readers[operand as usize] += 1;
            });
            let asks = match definition {
                Definition::Input => Need::Nothing,
                Definition::Affine { count, .. } => {
                    most_terms = most_terms.max(*count as usize);
                    Need::Nothing
                }
                Definition::Relu { .. } => {
                    place[v] = relus;
                    relus += 1;
                    Need::Sign
                }
                Definition::Pointwise { .. } | Definition::Product { .. } => {
                    place[v] = curves;
                    curves += 1;
                    Need::Range
                }
            };
            if asks > Need::Nothing {
                deepest += 1;
                program.operands(definition, |operand| {
                    need[operand as usize] = asks.max(need[operand as usize]);
                });
            }
            depth[v] = deepest;
            if levels.len() <= deepest {
                levels.resize(deepest + 1, Vec::new());
            }
            levels[deepest].push(v as Variable);
        }
        Structure {
            levels,
            need,
            place,
            curves: curves as usize,
            most_readers: readers.into_iter().max().unwrap_or(0),
            most_terms,
        }
    }
}
