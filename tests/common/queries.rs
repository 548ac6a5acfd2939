//! Queries put together by hand and at random, and the check of an answer.

use super::oracle;
use super::plan::{Plan, Step, Style};
use fastrand::Rng;
use plimsoll::{Outcome, Verdict};
use plimsoll_check::number::Rational;
use plimsoll_check::query::{
    Arithmetic, Declaration, Disjunct, Face, Language, Query, Region, Row,
};

pub fn number(value: f64) -> Rational {
    Rational::from_f64(value).expect("a finite float")
}

pub fn decimal(text: &str) -> Rational {
    Rational::parse_decimal(text).expect("a decimal")
}

/// A closed box of floats.
pub fn region(lower: &[f64], upper: &[f64]) -> Region {
    let face = |value: &f64| Face { value: number(*value), strict: false };
    Region { lower: lower.iter().map(face).collect(), upper: upper.iter().map(face).collect() }
}

/// `sum a_k y_k + constant <= 0`, or `< 0`.
pub fn row(outputs: &[f64], constant: Rational, strict: bool) -> Row {
    let present = outputs.iter().enumerate().filter(|(_, a)| **a != 0.0);
    Row {
        outputs: present.map(|(k, a)| (k as u32, number(*a))).collect(),
        inputs: Vec::new(),
        constant,
        strict,
    }
}

/// A query over the reals about a network with these numbers of inputs and outputs.
pub fn query(regions: Vec<Region>, disjuncts: Vec<Disjunct>, outputs: usize) -> Query {
    let tensor = |name: &str, len: usize| Declaration {
        name: name.into(),
        element: "Real".into(),
        shape: vec![len],
    };
    Query {
        language: Language::V1,
        arithmetic: Arithmetic::Real,
        network: None,
        inputs: vec![tensor("X", regions[0].lower.len())],
        outputs: vec![tensor("Y", outputs)],
        regions,
        disjuncts,
        dropped: 0,
        notes: Vec::new(),
    }
}

/// A query with one disjunct.
pub fn conjunction(region: Region, rows: Vec<Row>, outputs: usize) -> Query {
    query(vec![region], vec![Disjunct { region: 0, rows }], outputs)
}

/// A random network whose float32 model is exactly it: a few layers, sometimes with a shortcut.
pub fn network(style: Style, inputs: usize, neurons: usize, rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(inputs);
    let mut left = neurons;
    let mut from = 0;
    while left > 0 {
        let width = rng.usize(1..=left);
        left -= width;
        let shortcut = if from != 0 && rng.u8(0..3) == 0 { Some(0) } else { None };
        let pre = layer(&mut plan, style, from, shortcut, width, rng);
        from = plan.relu(pre);
    }
    let shortcut = if rng.u8(0..3) == 0 { Some(0) } else { None };
    let outputs = rng.usize(1..4);
    layer(&mut plan, style, from, shortcut, outputs, rng);
    plan
}

fn layer(
    plan: &mut Plan,
    style: Style,
    from: usize,
    shortcut: Option<usize>,
    width: usize,
    rng: &mut Rng,
) -> usize {
    let mut sources = vec![from];
    sources.extend(shortcut.filter(|s| *s != from));
    let mut terms = Vec::new();
    for source in sources {
        let columns = plan.len(source);
        let lines = (0..width)
            .map(|_| {
                let row = (0..columns as u32).map(|column| (column, single(style, columns, rng)));
                row.filter(|(_, w)| *w != 0.0).collect()
            })
            .collect();
        terms.push((source, lines));
    }
    terms.sort_by_key(|(source, _)| *source);
    let bias = (0..width).map(|_| single(style, 4, rng)).collect();
    plan.push(Step::Affine { terms, slack: Vec::new(), bias })
}

/// A weight that a float32 holds.
fn single(style: Style, n: usize, rng: &mut Rng) -> f64 {
    f64::from(style.weight(n, rng) as f32)
}

/// A random box: decimals and dyadics, open and closed faces, now and then a fixed input.
pub fn random_region(dims: usize, rng: &mut Rng) -> Region {
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    for _ in 0..dims {
        let low = &Rational::from(rng.i64(-20..=10)) * &decimal(["0.1", "0.125"][rng.usize(0..2)]);
        let fixed = rng.u8(0..8) == 0;
        let width = if fixed { Rational::ZERO } else { decimal(&format!("0.{}", rng.u32(1..20))) };
        let high = &low + &width;
        let mut strict = || !fixed && rng.u8(0..6) == 0;
        lower.push(Face { value: low, strict: strict() });
        upper.push(Face { value: high, strict: strict() });
    }
    Region { lower, upper }
}

/// What the least value of a row's left-hand side over its region is.
#[derive(Clone, Debug)]
pub enum Margin {
    /// This number.
    Exactly(Rational),
    /// Zero but for the rounding of the row's constant, and so many units in its last place.
    Ulps(i32),
}

impl Margin {
    /// The constant that a row with this least value without a constant must have.
    fn constant(&self, least: &Rational) -> Rational {
        match self {
            Margin::Exactly(margin) => margin - least,
            Margin::Ulps(count) => {
                let mut constant = -least.to_f64();
                for _ in 0..count.abs() {
                    constant = if *count > 0 { constant.next_up() } else { constant.next_down() };
                }
                number(constant)
            }
        }
    }
}

/// A random row with this margin.
pub fn random_row(plan: &Plan, region: &Region, margin: &Margin, rng: &mut Rng) -> Row {
    let outputs = plan.len(plan.last()) as u32;
    let mut coefficient = || match rng.u8(0..6) {
        0 => decimal("0.3"),
        1 => decimal("-1.7"),
        2 | 3 => Rational::ONE,
        _ => Rational::from(-1),
    };
    let mut row = Row {
        outputs: vec![(0, coefficient())],
        inputs: Vec::new(),
        constant: Rational::ZERO,
        strict: false,
    };
    if outputs > 1 {
        row.outputs.push((1, coefficient()));
    }
    let first = coefficient();
    row.strict = rng.bool();
    if rng.u8(0..4) == 0 {
        row.inputs.push((0, first));
    }
    let least = oracle::minimum(plan, region, &row);
    row.constant = margin.constant(&least);
    row
}

/// Panics unless the answer agrees with the truth and a counterexample is one; tells whether there was
/// an answer.
pub fn agrees(plan: &Plan, query: &Query, outcome: &Outcome, truth: bool) -> bool {
    match &outcome.verdict {
        Verdict::Unknown(_) => false,
        Verdict::Holds => {
            assert!(!truth, "holds, but a counterexample exists: {query:?} {plan:?}");
            true
        }
        Verdict::Violated(found) => {
            let case = &query.disjuncts[found.disjunct];
            let region = &query.regions[case.region as usize];
            assert!(region.contains(&found.inputs), "outside the region: {:?}", found.inputs);
            let outputs = oracle::evaluate(plan, &found.inputs);
            for row in &case.rows {
                let value = row.value(&found.inputs, &outputs);
                assert!(row.holds_at(&value), "{value} violates {row:?} at {:?}", found.inputs);
            }
            if found.exact {
                assert_eq!(found.outputs, outputs);
            }
            assert!(truth, "the oracle knows no counterexample: {query:?} {plan:?}");
            true
        }
    }
}
