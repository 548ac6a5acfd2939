//! Networks as plain lists of steps, from which the library's network and the exact values are made
//! independently of each other; and random ones.

use super::dyadic::Dyadic;
use fastrand::Rng;
use plimsoll::net::{LinearMap, Network, Node, Primitive, Term};
use plimsoll_check::ops::Function;
use std::sync::Arc;

/// Rows of `(column, weight)`, columns increasing.
pub type Lines = Vec<Vec<(u32, f64)>>;

/// One step of a network.
#[derive(Clone, Debug)]
pub enum Step {
    Input(usize),
    Affine {
        terms: Vec<(usize, Lines)>,
        slack: Vec<(usize, Lines)>,
        bias: Vec<f64>,
    },
    Relu(usize),
    /// A function whose values at dyadic numbers are dyadic: see [`FUNCTIONS`].
    Pointwise(usize, Function),
    Product {
        left: usize,
        right: usize,
        pairs: Vec<(u32, u32)>,
    },
}

/// Functions with kinks, jumps and curves that can be evaluated exactly.
pub const FUNCTIONS: [Function; 11] = [
    Function::Abs,
    Function::Sign,
    Function::Floor,
    Function::Ceil,
    Function::Round,
    Function::Pow { exponent: 2.0 },
    Function::Pow { exponent: 3.0 },
    Function::LeakyRelu { alpha: -0.25 },
    Function::ThresholdedRelu { alpha: 0.5 },
    Function::Clip { min: -0.75, max: 1.5 },
    Function::HardSigmoid { alpha: 0.25, beta: 0.5 },
];

/// A network as steps in order; the last one is the output.
#[derive(Clone, Debug)]
pub struct Plan {
    pub steps: Vec<Step>,
}

/// What the unknown error of an affine step is, as a share of what its slack allows.
#[derive(Clone, Copy, PartialEq)]
pub enum Error {
    None,
    Highest,
    Lowest,
}

impl Plan {
    /// A network of `inputs` inputs that does nothing yet.
    pub fn new(inputs: usize) -> Plan {
        Plan { steps: vec![Step::Input(inputs)] }
    }

    pub fn inputs(&self) -> usize {
        self.len(0)
    }

    pub fn last(&self) -> usize {
        self.steps.len() - 1
    }

    pub fn last_step(&self) -> &Step {
        &self.steps[self.last()]
    }

    /// Number of elements of a step.
    pub fn len(&self, step: usize) -> usize {
        match &self.steps[step] {
            Step::Input(len) => *len,
            Step::Affine { bias, .. } => bias.len(),
            Step::Relu(of) | Step::Pointwise(of, _) => self.len(*of),
            Step::Product { pairs, .. } => pairs.len(),
        }
    }

    /// Appends `W x + bias` and gives its index.
    pub fn affine(&mut self, from: usize, rows: &[&[f64]], bias: &[f64]) -> usize {
        self.sum(&[(from, rows)], bias)
    }

    /// Appends a sum of dense maps.
    pub fn sum(&mut self, terms: &[(usize, &[&[f64]])], bias: &[f64]) -> usize {
        let terms = terms
            .iter()
            .map(|(from, rows)| (*from, rows.iter().map(|row| entries(row)).collect()))
            .collect();
        self.push(Step::Affine { terms, slack: Vec::new(), bias: bias.to_vec() })
    }

    pub fn relu(&mut self, of: usize) -> usize {
        self.push(Step::Relu(of))
    }

    pub fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.last()
    }

    /// What the library sweeps.
    pub fn network(&self) -> Network {
        let build = |terms: &[(usize, Lines)]| -> Vec<Term> {
            terms
                .iter()
                .map(|(from, lines)| Term {
                    from: *from,
                    map: Arc::new(LinearMap::from_rows(self.len(*from), lines)),
                })
                .collect()
        };
        let nodes = self.steps.iter().enumerate().map(|(index, step)| Node {
            len: self.len(index),
            primitive: match step {
                Step::Input(_) => Primitive::Input,
                Step::Relu(of) => Primitive::Relu { of: *of },
                Step::Pointwise(of, function) => {
                    Primitive::Pointwise { of: *of, function: *function }
                }
                Step::Product { left, right, pairs } => {
                    Primitive::Product { left: *left, right: *right, pairs: pairs.clone() }
                }
                Step::Affine { terms, slack, bias } => Primitive::Affine {
                    terms: build(terms),
                    bias: bias.clone(),
                    slack: build(slack),
                },
            },
            name: format!("step {index}"),
        });
        Network::new(nodes.collect())
    }

    /// The exact values of all steps.
    pub fn evaluate(&self, point: &[Dyadic], error: Error) -> Vec<Vec<Dyadic>> {
        let mut values: Vec<Vec<Dyadic>> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let value = match step {
                Step::Input(_) => point.to_vec(),
                Step::Relu(of) => values[*of].iter().map(Dyadic::relu).collect(),
                Step::Pointwise(of, function) => {
                    values[*of].iter().map(|z| apply(function, z)).collect()
                }
                Step::Product { left, right, pairs } => pairs
                    .iter()
                    .map(|(i, j)| values[*left][*i as usize].mul(&values[*right][*j as usize]))
                    .collect(),
                Step::Affine { terms, slack, bias } => {
                    let mut sums: Vec<Dyadic> = bias.iter().map(|b| Dyadic::new(*b)).collect();
                    for (from, lines) in terms {
                        for (sum, line) in sums.iter_mut().zip(lines) {
                            for (column, weight) in line {
                                let x = &values[*from][*column as usize];
                                *sum = sum.add(&Dyadic::new(*weight).mul(x));
                            }
                        }
                    }
                    for (from, lines) in slack {
                        for (sum, line) in sums.iter_mut().zip(lines) {
                            for (column, weight) in line {
                                let x = values[*from][*column as usize].abs();
                                let most = Dyadic::new(*weight).mul(&x);
                                *sum = match error {
                                    Error::None => sum.clone(),
                                    Error::Highest => sum.add(&most),
                                    Error::Lowest => sum.sub(&most),
                                };
                            }
                        }
                    }
                    sums
                }
            };
            values.push(value);
        }
        values
    }
}

/// The exact value of one of [`FUNCTIONS`], written down a second time.
fn apply(function: &Function, z: &Dyadic) -> Dyadic {
    let number = Dyadic::new;
    let clip = |z: Dyadic, low: Dyadic, high: Dyadic| z.max(low).min(high);
    match *function {
        Function::Abs => z.abs(),
        Function::Sign if z.is_zero() => Dyadic::ZERO,
        Function::Sign => number(if z.is_negative() { -1.0 } else { 1.0 }),
        Function::Floor => z.floor(),
        Function::Ceil => z.neg().floor().neg(),
        Function::Round => {
            let up = z.add(&number(0.5)).floor();
            let tie = up.sub(z) == number(0.5);
            let half = up.mul(&number(0.5));
            if tie && half.floor() != half { up.sub(&number(1.0)) } else { up }
        }
        Function::Pow { exponent: 2.0 } => z.mul(z),
        Function::Pow { exponent: 3.0 } => z.mul(z).mul(z),
        Function::LeakyRelu { alpha } if z.is_negative() => z.mul(&number(f64::from(alpha))),
        Function::LeakyRelu { .. } => z.clone(),
        Function::ThresholdedRelu { alpha } if *z > number(f64::from(alpha)) => z.clone(),
        Function::ThresholdedRelu { .. } => Dyadic::ZERO,
        Function::Clip { min, max } => clip(z.clone(), number(min), number(max)),
        Function::HardSigmoid { alpha, beta } => {
            let ramp = z.mul(&number(f64::from(alpha))).add(&number(f64::from(beta)));
            clip(ramp, Dyadic::ZERO, number(1.0))
        }
        other => panic!("{other:?} has no dyadic values"),
    }
}

fn entries(row: &[f64]) -> Vec<(u32, f64)> {
    let present = row.iter().enumerate().filter(|(_, w)| **w != 0.0);
    present.map(|(column, w)| (column as u32, *w)).collect()
}

/// What the weights of a random network look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Style {
    /// Around one, full mantissas.
    Plain,
    /// Small multiples of a power of two, so that sums are exact and ties and kinks are met.
    Dyadic,
    /// From 1e-20 to 1e20.
    Wide,
    /// Pairs that nearly cancel.
    Cancelling,
    /// Products underflow.
    Tiny,
}

impl Style {
    pub const ALL: [Style; 5] =
        [Style::Plain, Style::Dyadic, Style::Wide, Style::Cancelling, Style::Tiny];

    /// A weight for a sum of `n` terms.
    pub fn weight(self, n: usize, rng: &mut Rng) -> f64 {
        let unit = 2.0 * rng.f64() - 1.0;
        let scale = 1.5 / (n as f64).sqrt();
        match self {
            Style::Plain => unit * scale,
            Style::Dyadic => [0.0, 0.5, 1.0, -0.5, -1.0, 2.0, -2.0, 0.25][rng.usize(0..8)],
            Style::Wide => unit * 10f64.powi(rng.i32(-20..=20)),
            Style::Cancelling => {
                let sign = if rng.bool() { 1.0 } else { -1.0 };
                sign * (f64::from(1u32 << 30) + unit * [1.0, 1.0e-6][rng.usize(0..2)])
            }
            Style::Tiny => unit * 2f64.powi([-600, -500, -30, 300, 500][rng.usize(0..5)]),
        }
    }

    fn bias(self, rng: &mut Rng) -> f64 {
        match self {
            Style::Cancelling => 2.0 * rng.f64() - 1.0,
            Style::Tiny => 0.0,
            _ => self.weight(4, rng),
        }
    }
}

/// A random network: fully connected stretches, several readers of one value, joins, pieces put
/// together and cut apart, sparse maps, relus of inputs and of relus, and slack now and then.
pub fn random(style: Style, inputs: usize, steps: usize, rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(inputs);
    while plan.steps.len() < steps {
        let last = plan.last();
        match rng.usize(0..8) {
            0..=2 if matches!(plan.steps[last], Step::Affine { .. }) => {
                plan.relu(last);
            }
            3 => {
                let of = rng.usize(0..plan.steps.len());
                plan.relu(of);
            }
            4 => pieces(&mut plan, rng),
            5 => sparse(&mut plan, style, rng),
            _ => joined(&mut plan, style, rng),
        }
    }
    let outputs = rng.usize(1..4);
    let all: Vec<usize> = (0..plan.steps.len()).collect();
    let from = if rng.bool() { vec![plan.last()] } else { some(&all, 3, rng) };
    let step = dense(&plan, style, &from, outputs, rng);
    plan.push(step);
    plan
}

/// A random network in which functions and products stand where others have relus.
pub fn curved(style: Style, inputs: usize, steps: usize, rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(inputs);
    let mut products = 0;
    while plan.steps.len() < steps {
        let of = plan.last();
        match rng.usize(0..6) {
            0 | 1 => {
                let function = FUNCTIONS[rng.usize(0..FUNCTIONS.len())];
                plan.push(Step::Pointwise(of, function));
            }
            // Exact numbers double their length with each product.
            2 if products < 2 => {
                products += 1;
                let (left, right) = (rng.usize(0..of + 1), of);
                let pair = |rng: &mut Rng| {
                    let (m, n) = (plan.len(left) as u32, plan.len(right) as u32);
                    (rng.u32(0..m), rng.u32(0..n))
                };
                let pairs = (0..rng.usize(1..8)).map(|_| pair(rng)).collect();
                plan.push(Step::Product { left, right, pairs });
            }
            3 => {
                plan.relu(of);
            }
            _ => joined(&mut plan, style, rng),
        }
    }
    let outputs = rng.usize(1..4);
    let step = dense(&plan, style, &[plan.last()], outputs, rng);
    plan.push(step);
    plan
}

/// A few distinct entries, increasing, the last among them.
fn some(all: &[usize], most: usize, rng: &mut Rng) -> Vec<usize> {
    let mut chosen = vec![all[all.len() - 1]];
    for _ in 0..rng.usize(0..most) {
        chosen.push(all[rng.usize(0..all.len())]);
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

fn dense(plan: &Plan, style: Style, from: &[usize], len: usize, rng: &mut Rng) -> Step {
    let summed: usize = from.iter().map(|step| plan.len(*step)).sum();
    let terms = from
        .iter()
        .map(|step| {
            let line = |rng: &mut Rng| -> Vec<(u32, f64)> {
                let row: Vec<f64> =
                    (0..plan.len(*step)).map(|_| style.weight(summed, rng)).collect();
                entries(&row)
            };
            (*step, (0..len).map(|_| line(rng)).collect())
        })
        .collect();
    let bias = (0..len).map(|_| style.bias(rng)).collect();
    let mut slack = Vec::new();
    if rng.u8(0..6) == 0 {
        let step = from[0];
        let small = [1.0e-16, 1.0e-3][rng.usize(0..2)];
        let line = |rng: &mut Rng| vec![(rng.usize(0..plan.len(step)) as u32, small)];
        slack.push((step, (0..len).map(|_| line(rng)).collect()));
    }
    Step::Affine { terms, slack, bias }
}

fn joined(plan: &mut Plan, style: Style, rng: &mut Rng) {
    let all: Vec<usize> = (0..plan.steps.len()).collect();
    let from = some(&all, 3, rng);
    let len = rng.usize(1..9);
    let step = dense(plan, style, &from, len, rng);
    plan.push(step);
}

/// Elements of earlier steps in some order: concatenation and cutting in one.
fn pieces(plan: &mut Plan, rng: &mut Rng) {
    let all: Vec<usize> = (0..plan.steps.len()).collect();
    let from = some(&all, 3, rng);
    let len: usize = from.iter().map(|step| plan.len(*step).min(3)).sum();
    let mut terms = Vec::new();
    let mut at = 0;
    for step in from {
        let mut lines: Lines = vec![Vec::new(); len];
        for _ in 0..plan.len(step).min(3) {
            lines[at].push((rng.usize(0..plan.len(step)) as u32, 1.0));
            at += 1;
        }
        terms.push((step, lines));
    }
    plan.push(Step::Affine { terms, slack: Vec::new(), bias: vec![0.0; len] });
}

/// A wide step with few weights, then one that gathers it again.
fn sparse(plan: &mut Plan, style: Style, rng: &mut Rng) {
    let from = plan.last();
    let (columns, wide) = (plan.len(from), 24);
    let spread =
        (0..wide).map(|_| vec![(rng.usize(0..columns) as u32, style.weight(1, rng))]).collect();
    let bias = (0..wide).map(|_| style.bias(rng)).collect();
    let wide_step =
        plan.push(Step::Affine { terms: vec![(from, spread)], slack: Vec::new(), bias });
    let relu = plan.relu(wide_step);
    let gather = (0..6)
        .map(|k| {
            let mut columns = [rng.u32(0..12), rng.u32(12..24)];
            columns.sort_unstable();
            let count = if k == 0 { 2 } else { rng.usize(0..3) };
            columns[..count].iter().map(|column| (*column, style.weight(2, rng))).collect()
        })
        .collect();
    let bias = (0..6).map(|_| style.bias(rng)).collect();
    plan.push(Step::Affine { terms: vec![(relu, gather)], slack: Vec::new(), bias });
}
