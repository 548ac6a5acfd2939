//! Judging a point: does it lie exactly inside the region, and does the real network violate there?

use plimsoll_check::graph::{ElementType, Graph};
use plimsoll_check::number::{Interval, Rational};
use plimsoll_check::ops::{evaluate, evaluate_exact};
use plimsoll_check::query::{Face, Query, Region, Row};

/// Largest number of stored weights for which a point is evaluated in exact rationals (a few seconds).
const EXACT_LIMIT: usize = 2_000_000;

/// A point that violates a property, and how that was established.
#[derive(Debug, Clone, PartialEq)]
pub struct Counterexample {
    /// The disjunct of the query that it satisfies.
    pub disjunct: usize,
    /// The inputs, exactly.
    pub inputs: Vec<Rational>,
    /// The outputs over the reals: exact where `exact`, else the middle of a narrow enclosure.
    pub outputs: Vec<Rational>,
    /// Whether `outputs` are exact.
    pub exact: bool,
    /// Whether every input is a value of the model's own type.
    pub representable: bool,
    /// Outputs of an execution in the model's precision, if the point is representable.
    pub executed: Option<Vec<f64>>,
    /// Whether that execution violates the property too.
    pub execution_violates: bool,
}

/// What is known about a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// The real network violates the property here: proved.
    Violates(Box<Counterexample>),
    /// An execution in the model's precision violates it, the real network does not: proved.
    NearMiss(Box<Counterexample>),
    /// Neither.
    Harmless,
    /// The real network could not be decided here.
    Undecided,
}

/// Judges `point` against one disjunct, moved into the region if it lies outside by rounding.
///
/// Coordinates become the nearest value of the model's type that lies inside, or else the nearest
/// float64, or else a rational. Where that moved the point too far to violate, it is judged as it
/// stands, on the region's own faces where it lies on their rounded ones.
///
/// `ordered` is another graph whose outputs the query compares alike, where there is one: what an
/// exponential has pressed together is decided before it.
pub fn judge(
    graph: &Graph,
    ordered: Option<&Graph>,
    query: &Query,
    disjunct: usize,
    point: &[f64],
) -> Judgement {
    let region = &query.regions[query.disjuncts[disjunct].region as usize];
    let mut judgement = Judgement::Harmless;
    let mut judged = None;
    for inputs in [representable(region, point, graph.element), clamp(region, point)] {
        let Some(inputs) = inputs.filter(|inputs| judged.as_ref() != Some(inputs)) else {
            continue;
        };
        let found = judge_at(graph, ordered, query, disjunct, inputs.clone());
        if matches!(found, Judgement::Violates(_)) || judgement == Judgement::Harmless {
            judgement = found;
        }
        if matches!(judgement, Judgement::Violates(_)) {
            break;
        }
        judged = Some(inputs);
    }
    judgement
}

/// Judges the very point as [`judge`] does, without moving it; harmless if it lies outside of the region.
pub fn judge_exact(
    graph: &Graph,
    ordered: Option<&Graph>,
    query: &Query,
    disjunct: usize,
    inputs: &[Rational],
) -> Judgement {
    let region = &query.regions[query.disjuncts[disjunct].region as usize];
    if region.contains(inputs) {
        judge_at(graph, ordered, query, disjunct, inputs.to_vec())
    } else {
        Judgement::Harmless
    }
}

/// Judges a point of the region.
fn judge_at(
    graph: &Graph,
    ordered: Option<&Graph>,
    query: &Query,
    disjunct: usize,
    inputs: Vec<Rational>,
) -> Judgement {
    let case = &query.disjuncts[disjunct];
    let representable = inputs.iter().all(|x| is_representable(x, graph.element));
    let executed = if representable { execute(graph, &inputs) } else { None };
    let execution_violates = executed.as_ref().is_some_and(|outputs| {
        let outputs: Option<Vec<Rational>> =
            outputs.iter().map(|y| Rational::from_f64(*y)).collect();
        outputs.is_some_and(|outputs| {
            case.rows.iter().all(|row| row.holds_at(&row.value(&inputs, &outputs)))
        })
    });
    let decisive = ordered.unwrap_or(graph);
    let (violates, mut outputs, mut exact) = match on_intervals(decisive, &case.rows, &inputs) {
        (Some(violates), outputs) => (violates, outputs, false),
        (None, outputs) => {
            if decisive.parameter_count() > EXACT_LIMIT {
                return Judgement::Undecided;
            }
            drop(outputs);
            let Some(outputs) = evaluate_exact(decisive, &split(graph, &inputs)) else {
                return Judgement::Undecided;
            };
            let outputs = outputs.concat();
            let violates = case.rows.iter().all(|row| row.holds_at(&row.value(&inputs, &outputs)));
            (violates, outputs, true)
        }
    };
    if ordered.is_some() {
        // What is reported are the outputs of the model itself.
        (outputs, exact) = (on_intervals(graph, &case.rows, &inputs).1, false);
    }
    let found = || {
        Box::new(Counterexample {
            disjunct,
            inputs,
            outputs,
            exact,
            representable,
            executed,
            execution_violates,
        })
    };
    match (violates, execution_violates) {
        (true, _) => Judgement::Violates(found()),
        (false, true) => Judgement::NearMiss(found()),
        (false, false) => Judgement::Harmless,
    }
}

/// Whether the real network violates, as far as interval arithmetic can tell, with the middles of the
/// outputs' enclosures.
fn on_intervals(graph: &Graph, rows: &[Row], inputs: &[Rational]) -> (Option<bool>, Vec<Rational>) {
    let x: Vec<Interval> = inputs.iter().map(Interval::around).collect();
    let Ok(y) = evaluate(graph, &split(graph, &x)) else { return (None, Vec::new()) };
    let y = y.concat();
    let middles = y
        .iter()
        .map(|i| Rational::from_f64(0.5 * i.lo + 0.5 * i.hi).unwrap_or(Rational::ZERO))
        .collect();
    let mut all = true;
    for row in rows {
        let value = enclose_row(row, &x, &y);
        let refuted = if row.strict { value.lo >= 0.0 } else { value.lo > 0.0 };
        let proved = if row.strict { value.hi < 0.0 } else { value.hi <= 0.0 };
        if refuted {
            return (Some(false), middles);
        }
        all &= proved;
    }
    (all.then_some(true), middles)
}

fn enclose_row(row: &Row, x: &[Interval], y: &[Interval]) -> Interval {
    let mut sum = Interval::around(&row.constant);
    for (index, coefficient) in &row.outputs {
        sum = sum.add(Interval::around(coefficient).mul(y[*index as usize]));
    }
    for (index, coefficient) in &row.inputs {
        sum = sum.add(Interval::around(coefficient).mul(x[*index as usize]));
    }
    sum
}

/// Outputs of the model, executed in its own precision, if it has any at the point.
pub fn execute(graph: &Graph, inputs: &[Rational]) -> Option<Vec<f64>> {
    let near: Vec<f64> = inputs.iter().map(Rational::to_f64).collect();
    match graph.element {
        ElementType::F32 => {
            let x: Vec<f32> = near.iter().map(|v| *v as f32).collect();
            let outputs = evaluate(graph, &split(graph, &x)).ok()?;
            Some(outputs.concat().into_iter().map(f64::from).collect())
        }
        _ => evaluate(graph, &split(graph, &near)).ok().map(|outputs| outputs.concat()),
    }
}

/// Cuts a flat vector into one per input of the graph.
fn split<T: Clone>(graph: &Graph, flat: &[T]) -> Vec<Vec<T>> {
    let mut rest = flat;
    graph
        .inputs
        .iter()
        .map(|id| {
            let (mine, more) = rest.split_at(graph.value(*id).len());
            rest = more;
            mine.to_vec()
        })
        .collect()
}

/// Whether a number is a value of the model's type.
fn is_representable(value: &Rational, element: ElementType) -> bool {
    value.to_f64_exact().is_some_and(|v| element != ElementType::F32 || f64::from(v as f32) == v)
}

/// Whether a number lies between two faces.
fn between(value: &Rational, lower: &Face, upper: &Face) -> bool {
    let above = if lower.strict { *value > lower.value } else { *value >= lower.value };
    let below = if upper.strict { *value < upper.value } else { *value <= upper.value };
    above && below
}

/// The point inside the region that is nearest to `point` and as representable as can be.
fn representable(region: &Region, point: &[f64], element: ElementType) -> Option<Vec<Rational>> {
    let axes = region.lower.iter().zip(&region.upper).zip(point);
    axes.map(|((lower, upper), x)| {
        let near = *x as f32;
        let single = [near, near.next_up(), near.next_down()].map(f64::from);
        let double = [*x, x.next_up(), x.next_down()];
        let candidates = if element == ElementType::F32 { &single[..] } else { &[] };
        candidates
            .iter()
            .chain(&double)
            .filter_map(|value| Rational::from_f64(*value))
            .find(|value| between(value, lower, upper))
            .or_else(|| inner(lower, upper))
    })
    .collect()
}

/// The point itself where it lies inside the region, and the nearest face where it does not; just inside of
/// a face that is not part of the region.
fn clamp(region: &Region, point: &[f64]) -> Option<Vec<Rational>> {
    let little = Rational::from_f64(2f64.powi(-40))?;
    let axes = region.lower.iter().zip(&region.upper).zip(point);
    axes.map(|((lower, upper), x)| {
        let nearest = Rational::from_f64(*x)?.max(lower.value.clone()).min(upper.value.clone());
        if between(&nearest, lower, upper) {
            return Some(nearest);
        }
        let step = &little * &(&upper.value - &lower.value);
        let inside =
            if nearest == lower.value { &lower.value + &step } else { &upper.value - &step };
        if between(&inside, lower, upper) { Some(inside) } else { inner(lower, upper) }
    })
    .collect()
}

/// Some number between two faces: an end, or the middle.
fn inner(lower: &Face, upper: &Face) -> Option<Rational> {
    let middle = &(&lower.value + &upper.value) * &Rational::from_f64(0.5)?;
    let ends = [lower.value.clone(), upper.value.clone(), middle];
    ends.into_iter().find(|value| between(value, lower, upper))
}
