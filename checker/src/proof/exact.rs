//! Rule EXACT: backward bounds in rationals, for boxes whose true margin is zero or nearly so.
//!
//! No charge closes a box whose margin is zero under a strict constraint, and specifications have such boxes
//! (`max(x, y) >= x`).

use super::program::{Definition, Program, Variable};
use crate::number::Rational;
use crate::query::{Face, Region, Row};

/// Most multiply-adds, each weighted by the length of its numbers, that one application may take.
const COST_LIMIT: u64 = 60_000_000;

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

struct Sweep<'p> {
    program: &'p Program,
    lower: Vec<Face>,
    upper: Vec<Face>,
    /// Bounds of variables so far.
    low: Vec<Rational>,
    high: Vec<Rational>,
    cost: u64,
}

/// Whether no point of the region between the faces satisfies the combination of the rows, as far as an exact
/// backward bound can tell.
///
/// The combination is excluded if its bound is positive, or zero and not attained: a row with a positive
/// multiplier is strict, or the minimum lies on a strict face.
pub fn refutes(
    program: &Program,
    region: &Region,
    (lower, upper): (&[f64], &[f64]),
    rows: &[Row],
    multipliers: &[u16],
) -> bool {
    let face = |own: &Face, cut: f64, tighter: fn(&Rational, &Rational) -> bool| {
        let cut = Rational::from_f64(cut)?;
        Some(if tighter(&cut, &own.value) {
            Face { value: cut, strict: false }
        } else {
            own.clone()
        })
    };
    let faces = |all: &[Face], cuts: &[f64], tighter: fn(&Rational, &Rational) -> bool| {
        all.iter()
            .zip(cuts)
            .map(|(own, cut)| face(own, *cut, tighter))
            .collect::<Option<Vec<Face>>>()
    };
    let lower = faces(&region.lower, lower, |cut, own| cut > own);
    let upper = faces(&region.upper, upper, |cut, own| cut < own);
    let (Some(lower), Some(upper)) = (lower, upper) else { return false };
    let mut sweep =
        Sweep { program, lower, upper, low: Vec::new(), high: Vec::new(), cost: COST_LIMIT };
    if sweep.enclose().is_none() {
        return false;
    }
    [Below::Adaptive, Below::Flat, Below::Steep]
        .into_iter()
        .any(|below| sweep.excludes(rows, multipliers, below).unwrap_or(false))
}

impl Sweep<'_> {
    /// Counts an operation that gave this number; `None` when nothing is left.
    fn count(&mut self, bits: usize) -> Option<()> {
        let words = bits as u64 / 64;
        self.cost = self.cost.checked_sub(8 + 4 * words + words * words / 4)?;
        Some(())
    }

    /// Bounds of all variables, those of unstable pre-activations by backward sweeps; `None` if the program
    /// is not piecewise linear with exact weights, or the numbers become too long.
    fn enclose(&mut self) -> Option<()> {
        let program = self.program;
        if !program.radii.is_empty() {
            return None;
        }
        let mut feeds = vec![false; program.len()];
        for definition in &program.definitions {
            if let Definition::Relu { of } = definition {
                feeds[*of as usize] = true;
            }
        }
        for (v, definition) in program.definitions.iter().enumerate() {
            let (low, high) = match *definition {
                Definition::Input => (self.lower[v].value.clone(), self.upper[v].value.clone()),
                Definition::Relu { of } => {
                    (self.low[of as usize].relu(), self.high[of as usize].relu())
                }
                Definition::Pointwise { .. } | Definition::Product { .. } => return None,
                Definition::Affine { first, count, bias } => {
                    if bias.lo != bias.hi {
                        return None;
                    }
                    let mut low = Rational::from_f64(bias.lo)?;
                    let mut high = low.clone();
                    let (columns, weights, _) = program.terms(first, count);
                    for (column, w) in columns.iter().zip(weights) {
                        let (w, j) = (Rational::from_f64(*w)?, *column as usize);
                        let ends = (&self.low[j], &self.high[j]);
                        let (small, large) = if w.signum() > 0 { ends } else { (ends.1, ends.0) };
                        low += &(&w * small);
                        high += &(&w * large);
                        self.count(high.heap_bits())?;
                    }
                    (low, high)
                }
            };
            self.low.push(low);
            self.high.push(high);
            if feeds[v] && self.low[v].signum() < 0 && self.high[v].signum() > 0 {
                for sign in [1, -1] {
                    let seed = vec![(v as Variable, Rational::from(sign))];
                    let (coefficients, constant) =
                        self.pull_back(seed, Rational::ZERO, Below::Adaptive)?;
                    let least = self.minimum(&coefficients, constant).0;
                    if sign == 1 {
                        self.low[v] = least.max(self.low[v].clone());
                    } else {
                        self.high[v] = (-&least).min(self.high[v].clone());
                    }
                }
            }
        }
        Some(())
    }

    fn excludes(&mut self, rows: &[Row], multipliers: &[u16], below: Below) -> Option<bool> {
        let mut seed = Vec::new();
        let mut constant = Rational::ZERO;
        let mut strict = false;
        for (row, multiplier) in rows.iter().zip(multipliers).filter(|(_, m)| **m > 0) {
            let multiplier = Rational::from(i64::from(*multiplier));
            strict |= row.strict;
            constant += &(&multiplier * &row.constant);
            for (index, coefficient) in &row.outputs {
                seed.push((self.program.outputs[*index as usize], &multiplier * coefficient));
            }
            for (index, coefficient) in &row.inputs {
                seed.push((*index, &multiplier * coefficient));
            }
        }
        let (coefficients, constant) = self.pull_back(seed, constant, below)?;
        let (least, on_strict_face) = self.minimum(&coefficients, constant);
        Some(least.signum() > 0 || (least.signum() == 0 && (strict || on_strict_face)))
    }

    /// The least value of a form over the box, and whether it lies on a strict face.
    fn minimum(&self, coefficients: &[Rational], constant: Rational) -> (Rational, bool) {
        let mut least = constant;
        let mut strict = false;
        for (d, c) in coefficients.iter().enumerate().filter(|(_, c)| !c.is_zero()) {
            let face = if c.signum() > 0 { &self.lower[d] } else { &self.upper[d] };
            strict |= face.strict;
            least += &(c * &face.value);
        }
        (least, strict)
    }

    /// Coefficients over the inputs and a constant, below the combination of variables.
    fn pull_back(
        &mut self,
        seed: Vec<(Variable, Rational)>,
        mut constant: Rational,
        below: Below,
    ) -> Option<(Vec<Rational>, Rational)> {
        let program = self.program;
        let top = seed.iter().map(|(v, _)| *v as usize + 1).max().unwrap_or(0).max(program.inputs);
        let mut rows = vec![Rational::ZERO; top];
        for (v, coefficient) in seed {
            rows[v as usize] += &coefficient;
        }
        for v in (program.inputs..top).rev() {
            let a = std::mem::replace(&mut rows[v], Rational::ZERO);
            if a.is_zero() {
                continue;
            }
            match program.definitions[v] {
                Definition::Input => {}
                Definition::Pointwise { .. } | Definition::Product { .. } => return None,
                Definition::Affine { first, count, bias } => {
                    constant += &(&a * &Rational::from_f64(bias.lo)?);
                    let (columns, weights, _) = program.terms(first, count);
                    for (column, w) in columns.iter().zip(weights) {
                        let target = &mut rows[*column as usize];
                        *target += &(&a * &Rational::from_f64(*w)?);
                        let bits = target.heap_bits();
                        self.count(bits)?;
                    }
                }
                Definition::Relu { of } => {
                    let of = of as usize;
                    let (l, u) = (&self.low[of], &self.high[of]);
                    if l.signum() >= 0 {
                        rows[of] += &a;
                    } else if u.signum() > 0 && a.signum() > 0 {
                        let steep = match below {
                            Below::Adaptive => *u > -l,
                            Below::Flat => false,
                            Below::Steep => true,
                        };
                        if steep {
                            rows[of] += &a;
                        }
                    } else if u.signum() > 0 {
                        // The chord u (z - l) / (u - l).
                        let nu = &a * &u.checked_div(&(u - l))?;
                        constant += &-&(&nu * l);
                        rows[of] += &nu;
                        let bits = constant.heap_bits();
                        self.count(bits)?;
                    }
                }
            }
        }
        rows.truncate(program.inputs);
        Some((rows, constant))
    }
}
