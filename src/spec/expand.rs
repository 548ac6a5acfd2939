//! From properties to VNN-LIB texts, which are what is verified.

use super::linear::{Atom, Linear, Variable};
use super::normal::{Disjunction, TooMany, unwanted};
use super::{Claim, Keep, Misclassified, Property, World};
use plimsoll_check::graph::Graph;
use plimsoll_check::number::{Interval, Rational};
use plimsoll_check::ops;
use std::fmt::Write;

/// The version of the language that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// VNN-LIB 1.0.
    One,
    /// VNN-LIB 2.0.
    #[default]
    Two,
}

/// What a property comes to.
#[derive(Debug, Clone)]
pub struct Expansion {
    /// Queries; the property holds if none of their unwanted sets is met.
    pub parts: Vec<Part>,
    /// Points that are left out, with the reason.
    pub skipped: Vec<(usize, String)>,
}

/// One query of a property.
#[derive(Debug, Clone)]
pub struct Part {
    /// Name of its files: the property's id, with a number if there are several.
    pub name: String,
    /// The row of the point that it is about, if it is about one.
    pub row: Option<usize>,
    /// What it is about, for people.
    pub what: String,
    /// Physical bounds of each flat input; none for a query of its own.
    pub region: Vec<(Rational, Rational)>,
    /// What is unwanted, in physical units; none for a query of its own.
    pub unwanted: Disjunction,
    /// The constraints on inputs, in physical units.
    pub constraints: Vec<Atom>,
    /// The text.
    pub text: String,
}

/// Why a property cannot be written as queries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The formula has too many alternatives.
    #[error("its negation has more than 4096 alternatives")]
    TooMany,
    /// `where` is more than a conjunction.
    #[error("a constraint of `where` has alternatives; split the property into one for each")]
    Alternatives,
    /// The network's decision at a point is not known exactly.
    #[error(
        "the network's decision at row {0} cannot be determined; scores tie or are not rational"
    )]
    Undecided(usize),
    /// A point has no label.
    #[error("row {0} has no label, and `keep = \"label\"` needs one")]
    NoLabel(usize),
    /// A set of points is missing.
    #[error("its points cannot be read")]
    NoPoints,
}

/// Writes a property as queries.
///
/// # Errors
/// If it cannot be written so.
pub fn expand(
    world: &World,
    property: &Property,
    language: Language,
) -> Result<Expansion, Problem> {
    let spec = &world.spec;
    let ties = spec.output.ties;
    let too_many = |_: TooMany| Problem::TooMany;
    let constraints = constraints(property)?;
    let mut skipped = Vec::new();
    let whole = |unwanted: Disjunction, what: String| Part {
        name: property.id.clone(),
        row: None,
        what,
        region: property.region.clone(),
        unwanted,
        constraints: constraints.clone(),
        text: String::new(),
    };
    let mut parts = match &property.claim {
        Claim::Reach(text, formula) => {
            vec![whole(unwanted(formula, true, ties).map_err(too_many)?, format!("ensure {text}"))]
        }
        Claim::Never(text, formula) => {
            vec![whole(unwanted(formula, false, ties).map_err(too_many)?, format!("never {text}"))]
        }
        Claim::Margin { of, sum, bound, at_least } => {
            let bound_sum =
                super::linear::Sum { linear: Linear::constant(bound.clone()), pieces: Vec::new() };
            let minus = Rational::from(-1);
            // Unwanted: of < bound, or of > bound.
            let below = match at_least {
                true => sum.plus(&minus, &bound_sum),
                false => bound_sum.plus(&minus, sum),
            };
            let formula = super::linear::Formula::Compare(below, super::linear::Relation::Less);
            let relation = if *at_least { ">=" } else { "<=" };
            let what = format!("ensure {of} {relation} {bound}");
            vec![whole(unwanted(&formula, false, ties).map_err(too_many)?, what)]
        }
        Claim::Robustness { points, radii, keep, misclassified, .. } => {
            let table = world.points.get(points).ok_or(Problem::NoPoints)?;
            let mut parts = Vec::new();
            for (k, point) in table.rows.iter().enumerate() {
                let least = spec.output.decision.unwrap_or(false);
                let formula = match keep {
                    Keep::Formula(_, formula) => formula.clone(),
                    Keep::Label => {
                        decides(world, least, point.label.ok_or(Problem::NoLabel(point.row))?)
                    }
                    Keep::Decision => {
                        let decision =
                            decision(world, &point.values).ok_or(Problem::Undecided(point.row))?;
                        decides(world, least, decision)
                    }
                };
                let bad = unwanted(&formula, true, ties).map_err(too_many)?;
                if *misclassified == Misclassified::Skip && violated_at(world, &bad, &point.values)
                {
                    skipped.push((point.row, "wrong at the point itself".to_string()));
                    continue;
                }
                let mut part = whole(bad, String::new());
                part.what = match keep {
                    Keep::Formula(text, _) => format!("row {}: keep {text}", point.row),
                    Keep::Label | Keep::Decision => {
                        let label = match &formula {
                            super::linear::Formula::Decides { labels, .. } => labels[0],
                            _ => 0,
                        };
                        format!("row {}: keep `{}`", point.row, spec.output.labels[label])
                    }
                };
                part.row = Some(point.row);
                part.name = format!("{}-{}", property.id, k + 1);
                for (at, value) in point.values.iter().enumerate() {
                    let (low, high) = (value - &radii[at], value + &radii[at]);
                    let (least, most) = &property.region[at];
                    part.region[at] = (low.max(least.clone()), high.min(most.clone()));
                }
                parts.push(part);
            }
            parts
        }
        Claim::VnnLib { file, .. } => {
            let mut part = whole(Vec::new(), format!("the query of {file}"));
            part.region = Vec::new();
            let bytes = world.texts.get(&property.id).cloned().unwrap_or_default();
            part.text = String::from_utf8_lossy(&bytes).into_owned();
            return Ok(Expansion { parts: vec![part], skipped });
        }
    };
    for part in &mut parts {
        part.text = write(world, property, part, language);
    }
    Ok(Expansion { parts, skipped })
}

fn decides(world: &World, least: bool, label: usize) -> super::linear::Formula {
    let among = (0..world.spec.output.labels.len()).collect();
    super::linear::Formula::Decides { least, among, labels: vec![label] }
}

/// The constraints of `where` as atoms on inputs.
pub(super) fn constraints(property: &Property) -> Result<Vec<Atom>, Problem> {
    let mut atoms = Vec::new();
    for (_, formula) in &property.constraints {
        match unwanted(formula, false, super::normal::Ties::Adverse) {
            Ok(disjunction) => match disjunction.as_slice() {
                [conjunction] => atoms.extend(conjunction.iter().cloned()),
                // Always false: no point satisfies 1 <= 0.
                [] => atoms.push(Atom { form: Linear::constant(Rational::ONE), strict: false }),
                _ => return Err(Problem::Alternatives),
            },
            Err(TooMany) => return Err(Problem::TooMany),
        }
    }
    Ok(atoms)
}

/// The flat outputs over the reals at physical inputs, exactly; none if they are not rational.
pub fn outputs_at(world: &World, physical: &[Rational]) -> Option<Vec<Rational>> {
    let flat: Vec<Rational> =
        physical.iter().enumerate().map(|(at, value)| world.spec.to_model(at, value)).collect();
    let outputs = ops::evaluate_exact(&world.graph, &split(&world.graph, &flat))?;
    Some(outputs.into_iter().flatten().collect())
}

/// Flat inputs as the model's tensors.
fn split<T: Clone>(graph: &Graph, flat: &[T]) -> Vec<Vec<T>> {
    let mut from = 0;
    graph
        .inputs
        .iter()
        .map(|id| {
            let len = graph.value(*id).len();
            from += len;
            flat[from - len..from].to_vec()
        })
        .collect()
}

/// Narrow enclosures of the flat outputs, in physical units, at physical inputs.
fn enclosures_at(world: &World, physical: &[Rational]) -> Option<Vec<Interval>> {
    let flat: Vec<Interval> = physical
        .iter()
        .enumerate()
        .map(|(at, value)| Interval::around(&world.spec.to_model(at, value)))
        .collect();
    let outputs = ops::evaluate::<Interval>(&world.graph, &split(&world.graph, &flat)).ok()?;
    Some(outputs.into_iter().flatten().collect())
}

/// The label that the network decides for at a point, where that is certain.
fn decision(world: &World, physical: &[Rational]) -> Option<usize> {
    let least = world.spec.output.decision?;
    let scores = enclosures_at(world, physical)?;
    let better = |one: &Interval, other: &Interval| {
        if least { one.hi < other.lo } else { one.lo > other.hi }
    };
    (0..scores.len()).find(|winner| {
        (0..scores.len()).all(|other| other == *winner || better(&scores[*winner], &scores[other]))
    })
}

/// Whether what is unwanted is certainly met at a point.
pub fn violated_at(world: &World, unwanted: &Disjunction, physical: &[Rational]) -> bool {
    let Some(scores) = enclosures_at(world, physical) else { return false };
    let scale = Interval::around(&world.spec.output.scale);
    let mean = Interval::around(&world.spec.output.mean);
    let scores: Vec<Interval> = scores.iter().map(|score| score.mul(scale).add(mean)).collect();
    unwanted.iter().any(|conjunction| {
        conjunction.iter().all(|atom| {
            let mut sum = Interval::around(&atom.form.constant);
            for (variable, coefficient) in &atom.form.terms {
                let value = match variable {
                    Variable::Output(at) => scores[*at],
                    Variable::Input(at) => Interval::around(&physical[*at]),
                };
                sum = sum.add(Interval::around(coefficient).mul(value));
            }
            if atom.strict { sum.hi < 0.0 } else { sum.hi <= 0.0 }
        })
    })
}

/// A form over physical values as one over what goes into the model and comes out of it.
fn in_model_units(world: &World, form: &Linear) -> Linear {
    let spec = &world.spec;
    let mut result = Linear::constant(form.constant.clone());
    for (variable, coefficient) in &form.terms {
        let (scale, mean) = match variable {
            Variable::Output(_) => (&spec.output.scale, &spec.output.mean),
            Variable::Input(at) => match spec.input_at(*at) {
                Some((input, _)) => (&input.scale, &input.mean),
                None => continue,
            },
        };
        let physical = Linear::variable(*variable)
            .times(scale)
            .plus(&Rational::ONE, &Linear::constant(mean.clone()));
        result = result.plus(coefficient, &physical);
    }
    result
}

/// A comment's words: one line, whatever a label has in it.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn write(world: &World, property: &Property, part: &Part, language: Language) -> String {
    let spec = &world.spec;
    let graph = &world.graph;
    let mut text = String::new();
    let _ = writeln!(text, "; Property {} of {}: {}", property.id, spec.id, comment(&part.what));
    let _ = writeln!(
        text,
        "; Model sha256 {}.\n; Written from the specification; inputs are in model units, and what is\n\
         ; asserted of outputs is the unwanted.\n",
        world.model_sha256
    );
    let names = Names::new(graph, language);
    names.declare(graph, language, &mut text);
    for (at, (low, high)) in part.region.iter().enumerate() {
        if let Some((input, place)) = spec.input_at(at) {
            let unit = input.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
            let name = input.element(place);
            let words = format!("{name}: {low} .. {high}{unit}");
            let _ = writeln!(text, "\n; {}", comment(&words));
        }
        for (bound, sign) in [(low, -1), (high, 1)] {
            // x - bound <= 0, or bound - x <= 0.
            let form = Linear::variable(Variable::Input(at))
                .plus(&Rational::from(-1), &Linear::constant(spec.to_model(at, bound)))
                .times(&Rational::from(sign));
            let atom = Atom { form, strict: false };
            let _ = writeln!(text, "(assert {})", names.atom(&atom));
        }
    }
    if !part.constraints.is_empty() {
        let words: Vec<String> =
            property.constraints.iter().map(|(words, _)| comment(words)).collect();
        let _ = writeln!(text, "\n; Constraints: {}", words.join("; "));
        for atom in &part.constraints {
            let _ = writeln!(text, "(assert {})", names.atom(&in_model(world, atom)));
        }
    }
    text.push_str("\n; Unwanted.\n");
    let conjunctions: Vec<String> = part
        .unwanted
        .iter()
        .map(|conjunction| {
            let atoms: Vec<String> =
                conjunction.iter().map(|atom| names.atom(&in_model(world, atom))).collect();
            match atoms.as_slice() {
                // True at every point: an atom that is true by itself.
                [] => "(and (<= 0.0 0.0))".to_string(),
                _ => format!("(and {})", atoms.join(" ")),
            }
        })
        .collect();
    let _ = match conjunctions.as_slice() {
        [] => writeln!(text, "(assert (< 1.0 0.0))"),
        [one] => writeln!(text, "(assert {one})"),
        _ => writeln!(text, "(assert (or\n    {}\n))", conjunctions.join("\n    ")),
    };
    text
}

fn in_model(world: &World, atom: &Atom) -> Atom {
    Atom { form: in_model_units(world, &atom.form), strict: atom.strict }
}

/// The variables as the language writes them.
struct Names {
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl Names {
    fn new(graph: &Graph, language: Language) -> Names {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for (ids, letter, names) in
            [(&graph.inputs, "X", &mut inputs), (&graph.outputs, "Y", &mut outputs)]
        {
            for (tensor, id) in ids.iter().enumerate() {
                let shape = &graph.value(*id).shape;
                for element in 0..graph.value(*id).len() {
                    names.push(match language {
                        Language::One => format!("{letter}_{}", names.len()),
                        Language::Two => {
                            let (mut at, mut indices) = (element, Vec::new());
                            for len in shape.iter().rev() {
                                indices.push((at % len).to_string());
                                at /= len;
                            }
                            indices.reverse();
                            let name = tensor_name(letter, tensor, ids.len());
                            match shape.is_empty() {
                                true => name,
                                false => format!("{name}[{}]", indices.join(",")),
                            }
                        }
                    });
                }
            }
        }
        Names { inputs, outputs }
    }

    fn declare(&self, graph: &Graph, language: Language, text: &mut String) {
        match language {
            Language::One => {
                for name in self.inputs.iter().chain(&self.outputs) {
                    let _ = writeln!(text, "(declare-const {name} Real)");
                }
            }
            Language::Two => {
                let _ = writeln!(text, "(vnnlib-version <2.0>)\n\n(declare-network N");
                for (ids, letter, word) in
                    [(&graph.inputs, "X", "input"), (&graph.outputs, "Y", "output")]
                {
                    for (tensor, id) in ids.iter().enumerate() {
                        let shape: Vec<String> =
                            graph.value(*id).shape.iter().map(usize::to_string).collect();
                        let name = tensor_name(letter, tensor, ids.len());
                        let _ = writeln!(
                            text,
                            "    (declare-{word} {name} real [{}])",
                            shape.join(",")
                        );
                    }
                }
                text.push_str(")\n");
            }
        }
    }

    /// `form <= 0` with all numbers as finite decimals: multiplied out where they are none.
    fn atom(&self, atom: &Atom) -> String {
        let mut form = atom.form.clone();
        let numbers = form.terms.values().chain([&form.constant]);
        let mut factor = Rational::ONE;
        for number in numbers {
            factor = &factor * &denominator(&(number * &factor));
        }
        form = form.times(&factor);
        let relation = if atom.strict { "<" } else { "<=" };
        let name = |variable: &Variable| match variable {
            Variable::Output(at) => self.outputs[*at].as_str(),
            Variable::Input(at) => self.inputs[*at].as_str(),
        };
        // Terms with positive coefficients on the left, the others on the right.
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (variable, coefficient) in &form.terms {
            let side = if coefficient.signum() > 0 { &mut left } else { &mut right };
            let size = coefficient.abs();
            side.push(match size == Rational::ONE {
                true => name(variable).to_string(),
                false => format!("(* {} {})", decimal(&size), name(variable)),
            });
        }
        if form.constant.signum() > 0 && !left.is_empty() && !right.is_empty() {
            left.push(decimal(&form.constant));
        } else if form.constant.signum() < 0 && !left.is_empty() && !right.is_empty() {
            right.push(decimal(&-&form.constant));
        }
        let sum = |terms: Vec<String>, otherwise: String| match terms.as_slice() {
            [] => otherwise,
            [one] => one.clone(),
            _ => format!("(+ {})", terms.join(" ")),
        };
        // A lone side is compared with the constant: x >= c reads better than c <= x.
        if left.is_empty() && !right.is_empty() {
            let flipped = if atom.strict { ">" } else { ">=" };
            return format!(
                "({flipped} {} {})",
                sum(right, String::new()),
                decimal(&form.constant)
            );
        }
        let right = sum(right, decimal(&-&form.constant));
        format!("({relation} {} {right})", sum(left, "0.0".to_string()))
    }
}

fn tensor_name(letter: &str, tensor: usize, of: usize) -> String {
    if of == 1 { letter.to_string() } else { format!("{letter}{tensor}") }
}

/// What a number has to be multiplied with to be a finite decimal.
fn denominator(value: &Rational) -> Rational {
    let text = value.to_string();
    text.split_once('/').map_or(Rational::ONE, |(_, denominator)| {
        Rational::parse_decimal(denominator).unwrap_or(Rational::ONE)
    })
}

fn decimal(value: &Rational) -> String {
    let mut text = value.to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}
