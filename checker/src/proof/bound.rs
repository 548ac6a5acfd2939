//! Bounds of a program's variables over boxes: intervals, and backward linear bounds.
//!
//! The rules are those of `proofs/RULES.md`; the names of functions are theirs. All arithmetic rounds to
//! nearest, and what that may lose is charged, as each function argues.

use super::curve::{self, Plane};
use super::frame::{Frame, Need, Structure, gamma, inflate};
use super::program::{Definition, Program, Variable};
use crate::number::Interval;

/// Enclosures of all variables over a box.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Lower ends, by variable.
    pub lower: Vec<f64>,
    /// Upper ends.
    pub upper: Vec<f64>,
    /// Planes below and above every curve and product, by place.
    planes: Vec<[Plane; 2]>,
}

/// A linear lower bound over the inputs.
#[derive(Debug, Clone)]
pub struct Form {
    /// Coefficients, one an input.
    pub coefficients: Vec<f64>,
    /// The constant, all charges taken off.
    pub constant: f64,
}

/// Rows that are swept side by side.
pub(super) const LANES: usize = 8;

/// A lane: what a row has gathered besides coefficients.
#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    constant: f64,
    /// Magnitudes of contributions to the constant.
    added: f64,
    /// Magnitudes of contributions to coefficients, each times that of its variable.
    contributed: f64,
    /// What inexact weights cost.
    slack: f64,
}

/// Where a sweep keeps its coefficients; reused, since most are zero again afterwards.
#[derive(Debug, Default)]
pub struct Scratch {
    many: Vec<[f64; LANES]>,
    one: Vec<[f64; 1]>,
}

/// What a sweep may choose at relus, by place; an empty list chooses nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'c> {
    /// Slopes of the lines below unstable ones; NaN leaves the default.
    pub slopes: &'c [f64],
    /// Signs that are assumed of pre-activations.
    pub signs: &'c [Sign],
}

/// What is assumed of a pre-activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sign {
    /// Nothing.
    #[default]
    Free,
    /// It is not negative.
    Active,
    /// It is not positive.
    Inactive,
}

impl Bounds {
    fn interval(&self, v: Variable) -> Interval {
        Interval { lo: self.lower[v as usize], hi: self.upper[v as usize] }
    }

    /// The frame of the box that these bounds are about.
    pub fn frame<'p>(program: &'p Program, lower: &[f64], upper: &[f64]) -> Frame<'p> {
        let structure = Structure::of(program);
        let bare = Frame::new(structure.clone(), program, &Bounds::nothing(program, 0));
        let bounds = bare.interval(lower, upper, None);
        Frame::new(structure, program, &bounds)
    }

    fn nothing(program: &Program, curves: usize) -> Bounds {
        Bounds {
            lower: vec![f64::NEG_INFINITY; program.len()],
            upper: vec![f64::INFINITY; program.len()],
            planes: vec![[Plane::NONE; 2]; curves],
        }
    }
}

impl Frame<'_> {
    /// Whether all variables are bounded over the region.
    pub fn is_finite(&self) -> bool {
        self.magnitude.iter().all(|m| m.is_finite())
    }

    /// Rule INTERVAL: enclosures from enclosures of the operands, cut by those of a box around this one.
    pub fn interval(&self, lower: &[f64], upper: &[f64], outer: Option<&Bounds>) -> Bounds {
        let mut bounds = self.begin(lower, upper);
        for level in &self.levels {
            level.iter().for_each(|v| self.step(*v, &mut bounds, outer));
        }
        bounds
    }

    /// Rule INTERVAL, and rule BACKWARD for every pre-activation that this leaves open, level by level.
    pub fn tightened(
        &self,
        lower: &[f64],
        upper: &[f64],
        outer: Option<&Bounds>,
        scratch: &mut Scratch,
    ) -> Bounds {
        let mut bounds = self.begin(lower, upper);
        for (depth, level) in self.levels.iter().enumerate() {
            level.iter().for_each(|v| self.step(*v, &mut bounds, outer));
            let open = |v: &&Variable| {
                let (l, u) = (bounds.lower[**v as usize], bounds.upper[**v as usize]);
                match self.need[**v as usize] {
                    Need::Nothing => false,
                    Need::Sign => l < 0.0 && u > 0.0,
                    Need::Range => l < u,
                }
            };
            // Without a nonlinear variable below, the interval is exact already.
            let open: Vec<Variable> = match depth {
                0 => Vec::new(),
                _ => level.iter().filter(open).copied().collect(),
            };
            for group in open.chunks(LANES / 2) {
                let seeds: Vec<(Variable, f64)> =
                    group.iter().flat_map(|v| [(*v, 1.0), (*v, -1.0)]).collect();
                let seeds: Vec<&[(Variable, f64)]> = seeds.chunks(1).collect();
                let forms = self.backward(&bounds, &seeds, Choice::default(), scratch);
                for (v, forms) in group.iter().zip(forms.chunks(2)) {
                    let low = forms[0].minimum(lower, upper);
                    let high = -forms[1].minimum(lower, upper);
                    let v = *v as usize;
                    // Comparisons with NaN are false.
                    if low > bounds.lower[v] {
                        bounds.lower[v] = low;
                    }
                    if high < bounds.upper[v] {
                        bounds.upper[v] = high;
                    }
                }
            }
        }
        bounds
    }

    fn begin(&self, lower: &[f64], upper: &[f64]) -> Bounds {
        let mut bounds = Bounds::nothing(self.program, self.curves);
        bounds.lower[..lower.len()].copy_from_slice(lower);
        bounds.upper[..upper.len()].copy_from_slice(upper);
        bounds
    }

    fn step(&self, v: Variable, bounds: &mut Bounds, outer: Option<&Bounds>) {
        let program = self.program;
        let found = match program.definitions[v as usize] {
            Definition::Input => return,
            Definition::Affine { first, count, bias } => {
                self.affine(program.terms(first, count), bias, bounds)
            }
            Definition::Relu { of } => bounds.interval(of).relu(),
            Definition::Pointwise { of, function } => {
                let (domain, function) =
                    (bounds.interval(of), &program.functions[function as usize]);
                bounds.planes[self.place[v as usize] as usize] = curve::lines(function, domain);
                function.image(domain)
            }
            Definition::Product { factors: [x, y] } => {
                let (x, y) = (bounds.interval(x), bounds.interval(y));
                bounds.planes[self.place[v as usize] as usize] = curve::planes(x, y);
                x.mul(y)
            }
        };
        let v = v as usize;
        let known = outer.map_or(Interval::ALL, |outer| outer.interval(v as Variable));
        // Comparisons with NaN are false, so that an end that is none is not taken.
        bounds.lower[v] = if found.lo > known.lo { found.lo } else { known.lo };
        bounds.upper[v] = if found.hi < known.hi { found.hi } else { known.hi };
    }

    /// `sum w_j x_j + bias` for `x_j` in their enclosures: ends chosen by the signs of the weights; the
    /// sum of `n + 1` rounded terms errs by `gamma(n + 2)` times their magnitudes, underflow apart.
    fn affine(
        &self,
        (columns, weights, radii): (&[Variable], &[f64], &[f64]),
        bias: Interval,
        bounds: &Bounds,
    ) -> Interval {
        let (mut low, mut high) = (bias.lo, bias.hi);
        let mut magnitude = bias.lo.abs().max(bias.hi.abs());
        for (column, w) in columns.iter().zip(weights) {
            let (l, u) = (bounds.lower[*column as usize], bounds.upper[*column as usize]);
            let (small, large) = if *w >= 0.0 { (w * l, w * u) } else { (w * u, w * l) };
            low += small;
            high += large;
            magnitude += small.abs().max(large.abs());
        }
        let mut slack = 0.0;
        for (column, radius) in columns.iter().zip(radii) {
            let (l, u) = (bounds.lower[*column as usize], bounds.upper[*column as usize]);
            slack += radius * l.abs().max(u.abs());
        }
        let n = columns.len();
        let error = inflate(gamma(n + 2) * magnitude + slack) + n as f64 * f64::MIN_POSITIVE;
        let (lo, hi) = ((low - error).next_down(), (high + error).next_up());
        if lo <= hi { Interval { lo, hi } } else { Interval::ALL }
    }

    /// Rule BACKWARD: for each seed, a combination of variables, a linear lower bound over the inputs that
    /// holds on the box of the bounds, where the assumed signs hold.
    ///
    /// A coefficient may be any float: each step keeps `row >= sum coefficients variables + constant` but for
    /// what rounding missed. A variable's coefficient is complete when the sweep arrives at it, a
    /// float sum of at most as many contributions as the variable has readers, and one of the seed; its error is
    /// `gamma` times the contributions' magnitudes, and meets the magnitude of the variable.
    pub fn backward(
        &self,
        bounds: &Bounds,
        seeds: &[&[(Variable, f64)]],
        choice: Choice<'_>,
        scratch: &mut Scratch,
    ) -> Vec<Form> {
        match seeds.len() {
            1 => self.sweep(bounds, seeds, choice, &mut scratch.one),
            _ => self.sweep(bounds, seeds, choice, &mut scratch.many),
        }
    }

    fn sweep<const N: usize>(
        &self,
        bounds: &Bounds,
        seeds: &[&[(Variable, f64)]],
        choice: Choice<'_>,
        rows: &mut Vec<[f64; N]>,
    ) -> Vec<Form> {
        debug_assert!(seeds.len() <= N);
        let program = self.program;
        rows.resize(program.len(), [0.0; N]);
        let mut lanes = [Lane::default(); N];
        let mut top = 0;
        for (r, seed) in seeds.iter().enumerate() {
            for (v, coefficient) in *seed {
                let v = *v as usize;
                rows[v][r] += coefficient;
                lanes[r].contributed += coefficient.abs() * self.magnitude[v];
                top = top.max(v + 1);
            }
        }
        for v in (program.inputs..top).rev() {
            let a = std::mem::replace(&mut rows[v], [0.0; N]);
            if a == [0.0; N] {
                continue;
            }
            match program.definitions[v] {
                Definition::Input => {}
                Definition::Affine { first, count, bias } => {
                    let middle = 0.5 * bias.lo + 0.5 * bias.hi;
                    for (lane, a) in lanes.iter_mut().zip(&a) {
                        let cost = a * middle;
                        lane.constant += cost;
                        lane.added += cost.abs();
                        lane.contributed += a.abs() * self.weight[v];
                        lane.slack += a.abs() * self.slack[v];
                    }
                    let (columns, weights, _) = program.terms(first, count);
                    spread(rows, &a, columns, weights);
                }
                Definition::Relu { of } => {
                    let place = self.place[v] as usize;
                    let slope = choice.slopes.get(place).copied().unwrap_or(f64::NAN);
                    let domain = assumed(bounds.interval(of), choice.signs.get(place));
                    for (r, a) in a.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        let (nu, constant) = relu(*a, domain, slope);
                        self.contribute(&mut lanes[r], &mut rows[of as usize][r], of, nu);
                        lanes[r].constant += constant;
                        lanes[r].added += constant.abs();
                    }
                }
                Definition::Pointwise { of, .. } => {
                    let planes = &bounds.planes[self.place[v] as usize];
                    for (r, a) in a.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        let plane = &planes[usize::from(*a < 0.0)];
                        let (nu, constant) = (a * plane.slope, a * plane.offset);
                        self.contribute(&mut lanes[r], &mut rows[of as usize][r], of, nu);
                        lanes[r].constant += constant;
                        lanes[r].added += constant.abs();
                    }
                }
                Definition::Product { factors: [x, y] } => {
                    let planes = &bounds.planes[self.place[v] as usize];
                    for (r, a) in a.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                        let plane = &planes[usize::from(*a < 0.0)];
                        let constant = a * plane.offset;
                        for (of, nu) in [(x, a * plane.slope), (y, a * plane.right)] {
                            self.contribute(&mut lanes[r], &mut rows[of as usize][r], of, nu);
                        }
                        lanes[r].constant += constant;
                        lanes[r].added += constant.abs();
                    }
                }
            }
        }
        let forms = (0..seeds.len()).map(|r| {
            let lane = &lanes[r];
            let charge = self.coefficient_error * lane.contributed
                + self.constant_error * lane.added
                + lane.slack;
            let constant = (lane.constant - inflate(charge) - self.lost).next_down();
            let coefficients = rows[..program.inputs].iter().map(|row| row[r]).collect();
            // Two more roundings of the constant, of at most two units.
            Form { coefficients, constant: constant - 4.0 * f64::EPSILON * constant.abs() }
        });
        let forms = forms.collect();
        rows[..program.inputs].fill([0.0; N]);
        forms
    }

    fn contribute(&self, lane: &mut Lane, target: &mut f64, of: Variable, nu: f64) {
        *target += nu;
        lane.contributed += nu.abs() * self.magnitude[of as usize];
    }
}

/// Rule SIGN: the domain of a pre-activation whose sign is assumed.
fn assumed(domain: Interval, sign: Option<&Sign>) -> Interval {
    match sign {
        None | Some(Sign::Free) => domain,
        Some(Sign::Active) => Interval { lo: domain.lo.max(0.0), hi: domain.hi.max(0.0) },
        Some(Sign::Inactive) => Interval { lo: domain.lo.min(0.0), hi: domain.hi.min(0.0) },
    }
}

/// Rule RELU: `a max(0, z) >= nu z + constant` for `z` in the domain, whatever float `nu` is, as the
/// constant is the least of `a h - nu z` over the corners `(l, 0)`, `(0, 0)`, `(u, u)` of the hull.
fn relu(a: f64, domain: Interval, slope: f64) -> (f64, f64) {
    let (l, u) = (domain.lo, domain.hi);
    if l >= 0.0 {
        return (a, 0.0);
    }
    if u <= 0.0 {
        return (0.0, 0.0);
    }
    let slope = if a < 0.0 {
        u / (u - l)
    } else if slope.is_nan() {
        if u > -l { 1.0 } else { 0.0 }
    } else {
        slope
    };
    let nu = a * slope;
    let (at_lower, at_upper) = (-nu * l, (a - nu) * u);
    let least = if at_lower < at_upper { at_lower } else { at_upper };
    // NaN, as an infinite end gives it, stays.
    (nu, if least >= 0.0 { 0.0 } else { least })
}

/// Adds `a` times every weight to the coefficients of its variable.
fn spread<const N: usize>(
    rows: &mut [[f64; N]],
    a: &[f64; N],
    columns: &[Variable],
    weights: &[f64],
) {
    let Some((first, last)) = columns.first().zip(columns.last()) else { return };
    let (first, last) = (*first as usize, *last as usize);
    let add = |row: &mut [f64; N], w: f64| {
        for (c, a) in row.iter_mut().zip(a) {
            *c += a * w;
        }
    };
    if last - first + 1 == columns.len() {
        // Columns ascend, so that these are all between.
        rows[first..=last].iter_mut().zip(weights).for_each(|(row, w)| add(row, *w));
    } else {
        columns.iter().zip(weights).for_each(|(column, w)| add(&mut rows[*column as usize], *w));
    }
}

impl Form {
    /// A lower bound of the form over a box: each term is the lesser of two products, and the sum of `n + 1`
    /// rounded terms errs by `gamma(n + 2)` times their magnitudes. Not finite, or NaN, if it says nothing.
    pub fn minimum(&self, lower: &[f64], upper: &[f64]) -> f64 {
        let (mut sum, mut magnitude) = (self.constant, self.constant.abs());
        for ((c, l), u) in self.coefficients.iter().zip(lower).zip(upper) {
            let term = if *c >= 0.0 { c * l } else { c * u };
            sum += term;
            magnitude += term.abs();
        }
        let n = self.coefficients.len();
        let error = inflate(gamma(n + 2) * magnitude) + n as f64 * f64::MIN_POSITIVE;
        let value = sum - error;
        value - 4.0 * f64::EPSILON * value.abs()
    }
}
