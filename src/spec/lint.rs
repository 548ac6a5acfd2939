//! What looks wrong with a specification whose files could all be read.

use super::expand::{Language, Problem, constraints, expand, outputs_at, violated_at};
use super::finding::Finding;
use super::linear::{Atom, Variable};
use super::normal::{Disjunction, Ties, unwanted};
use super::{Claim, OnUnknown, Property, SEVERITIES, World};
use plimsoll_check::number::Rational;
use std::collections::BTreeMap;

/// Largest scaled value that looks like a normalised one.
const NORMALISED: i64 = 20;

/// Everything that looks wrong; `today` is a date, `YYYY-MM-DD`.
pub fn lint(world: &World, today: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    model_and_inputs(world, &mut findings);
    registers(world, today, &mut findings);
    let mut texts: BTreeMap<String, &str> = BTreeMap::new();
    for property in &world.spec.properties {
        meaning(world, property, &mut findings);
        duties(world, property, today, &mut findings);
        // The text without its comments, which name the property.
        if let Ok(expansion) = expand(world, property, Language::Two) {
            let lines = expansion.parts.iter().flat_map(|part| part.text.lines());
            let body: String =
                lines.filter(|line| !line.starts_with(';')).collect::<Vec<&str>>().join("\n");
            if let Some(other) = texts.insert(body, &property.id) {
                let message = format!("`{}` and `{other}` ask the same", property.id);
                findings.push(Finding::new("PL217", property.span.clone(), message));
            }
        }
    }
    contradictions(world, &mut findings);
    coverage(world, &mut findings);
    findings
}

fn model_and_inputs(world: &World, findings: &mut Vec<Finding>) {
    let spec = &world.spec;
    if spec.model.sha256.is_none() {
        let message = "the model is not pinned";
        findings.push(
            Finding::new("PL102", spec.model.span.clone(), message)
                .help(format!("sha256 = \"{}\"", world.model_sha256)),
        );
    }
    let limit = Rational::from(NORMALISED);
    for input in &spec.inputs {
        let (low, high) = &input.range;
        let ends = [spec.to_model(input.first, low), spec.to_model(input.first, high)];
        let normalised = !input.mean.is_zero() || input.scale != Rational::ONE;
        if normalised && (input.mean < *low || input.mean > *high) {
            let message = format!("the mean of `{}` lies outside of its range", input.name);
            findings.push(
                Finding::new("PL105", input.span.clone(), message)
                    .help(format!("the model gets {} .. {}", ends[0], ends[1])),
            );
        } else if ends.iter().any(|end| end.abs() > limit) {
            let message =
                format!("the model gets `{}` from {} to {}", input.name, ends[0], ends[1]);
            findings.push(
                Finding::new("PL105", input.span.clone(), message).help(
                    "networks are usually given values between -1 and 1: is `scale` missing?",
                ),
            );
        }
        if low == high {
            let message = format!("the range of `{}` is a single value", input.name);
            findings.push(Finding::new("PL111", input.span.clone(), message));
            continue;
        }
        let used = spec.properties.iter().any(|property| {
            let perturbed = match &property.claim {
                Claim::Robustness { .. } | Claim::VnnLib { .. } => true,
                Claim::Reach(..) | Claim::Never(..) | Claim::Margin { .. } => false,
            };
            let places = input.first..input.first + input.len();
            let speaks =
                property.constraints.iter().any(|(text, _)| text.contains(input.name.as_str()));
            perturbed || speaks || property.named[places].iter().any(|named| *named)
        });
        if !used && !spec.properties.is_empty() {
            let message = format!("no property tells values of `{}` apart", input.name);
            findings.push(Finding::new("PL111", input.span.clone(), message));
        }
    }
}

fn registers(world: &World, today: &str, findings: &mut Vec<Finding>) {
    let spec = &world.spec;
    for requirement in &spec.requirements {
        if !spec.properties.iter().any(|p| p.requirements.contains(&requirement.id)) {
            let message = format!("no property serves requirement `{}`", requirement.id);
            findings.push(Finding::new("PL302", requirement.span.clone(), message));
        }
    }
    for assumption in &spec.assumptions {
        let id = &assumption.id;
        let used = spec.inputs.iter().any(|input| input.assume.contains(id))
            || spec.properties.iter().any(|property| property.assume.contains(id));
        if !used {
            let message = format!("nothing refers to assumption `{id}`");
            findings.push(Finding::new("PL408", assumption.span.clone(), message));
        }
        if let Some(until) = assumption.until.as_deref().filter(|until| *until < today) {
            let message = format!("assumption `{id}` was to be reviewed by {until}");
            findings.push(Finding::new("PL405", assumption.span.clone(), message));
        }
    }
    if let Some(span) = spec.domain.span.clone().filter(|_| spec.domain.uncovered.is_none()) {
        let message = "the domain does not say what it leaves out";
        findings.push(Finding::new("PL407", span, message).help("add `uncovered = \"...\"`"));
    }
}

/// What a property means, and whether that can be meant.
fn meaning(world: &World, property: &Property, findings: &mut Vec<Finding>) {
    let span = property.formula_span.clone();
    let spec = &world.spec;
    if matches!(property.claim, Claim::VnnLib { .. }) {
        return;
    }
    if !property.beyond_domain {
        for (at, (low, high)) in property.region.iter().enumerate() {
            let Some((input, place)) = spec.input_at(at) else { continue };
            if *low < input.range.0 || *high > input.range.1 {
                let message = format!(
                    "the region of `{}` has {} from {low} to {high}, its operational range is {} to {}",
                    property.id,
                    input.element(place),
                    input.range.0,
                    input.range.1
                );
                findings.push(Finding::new("PL202", property.span.clone(), message));
                break;
            }
        }
    }
    let expansion = match expand(world, property, Language::Two) {
        Ok(expansion) => expansion,
        Err(problem) => {
            let code = match problem {
                Problem::TooMany => "PL208",
                Problem::NoLabel(_) => "PL113",
                Problem::Alternatives | Problem::Undecided(_) | Problem::NoPoints => "PL116",
            };
            let message = format!("`{}`: {problem}", property.id);
            findings.push(Finding::new(code, span, message));
            return;
        }
    };
    // Constraints are the same for all parts; a region is empty for a reason that does not depend on them.
    let mut centre_told = false;
    for part in &expansion.parts {
        if part.constraints.is_empty() {
        } else if let Some(atom) = clash(&part.constraints, &part.region) {
            let message = format!("the region of `{}` is empty: {atom}", part.name);
            findings.push(Finding::new("PL201", property.span.clone(), message));
            continue;
        } else if find_point(&part.constraints, &part.region).is_none() {
            let message = format!("no point of the region of `{}` was found", part.name);
            findings.push(Finding::new("PL203", property.span.clone(), message));
        }
        let possible: Vec<&Vec<Atom>> = part
            .unwanted
            .iter()
            .filter(|atoms| clash(atoms, &part.region).is_none() && !opposed(atoms, atoms))
            .collect();
        if possible.is_empty() {
            let message = format!("`{}` holds whatever the network computes", part.name);
            findings.push(Finding::new("PL204", span.clone(), message));
        } else if possible.iter().any(|conjunction| always(conjunction, &part.region)) {
            let message = format!("every point violates `{}`, whatever the network", part.name);
            findings.push(Finding::new("PL205", span.clone(), message));
        } else if part.row.is_none() && !centre_told && !property.expect_violated {
            let centre = find_point(&part.constraints, &part.region);
            if centre.is_some_and(|centre| violated_at(world, &part.unwanted, &centre)) {
                let message = format!("`{}` is violated in the middle of its region", part.name);
                findings.push(Finding::new("PL206", span.clone(), message));
                centre_told = true;
            }
        }
    }
    equality(property, findings);
    if let Claim::Robustness { radii, points, .. } = &property.claim {
        for (at, radius) in radii.iter().enumerate() {
            let Some((input, place)) = spec.input_at(at) else { continue };
            let width = &input.range.1 - &input.range.0;
            if *radius >= width && width.signum() > 0 {
                let name = input.element(place);
                let message = format!("the radius of {name} is as wide as its range");
                findings.push(Finding::new("PL213", property.span.clone(), message));
                break;
            }
        }
        misclassified(world, property, points, &expansion, findings);
    }
}

fn misclassified(
    world: &World,
    property: &Property,
    points: &str,
    expansion: &super::Expansion,
    findings: &mut Vec<Finding>,
) {
    let Some(table) = world.points.get(points) else { return };
    let wrong = expansion
        .parts
        .iter()
        .filter(|part| {
            let point = table.rows.iter().find(|point| Some(point.row) == part.row);
            point.is_some_and(|point| violated_at(world, &part.unwanted, &point.values))
        })
        .count()
        + expansion.skipped.len();
    if wrong > 0 {
        let done =
            if expansion.skipped.is_empty() { "violates the property" } else { "is left out" };
        let message = format!(
            "`{}`: {wrong} of {} points are wrong themselves; each {done}",
            property.id,
            table.rows.len()
        );
        findings.push(Finding::new("PL215", property.span.clone(), message));
    }
}

/// Notes a demand that a sum equals another.
fn equality(property: &Property, findings: &mut Vec<Finding>) {
    let (Claim::Reach(text, _) | Claim::Never(text, _)) = &property.claim else { return };
    // Decisions are compared by `==` too, and are not meant.
    let demanded = matches!(property.claim, Claim::Reach(..))
        && text.split("==").zip(text.split("==").skip(1)).any(|(before, _)| {
            !["argmax", "argmin", "decision", ")"].iter().any(|w| before.trim_end().ends_with(w))
        });
    if demanded {
        let message = format!("`{}` demands that real numbers are equal", property.id);
        findings.push(Finding::new("PL207", property.formula_span.clone(), message));
    }
}

/// What a property has to come with.
fn duties(world: &World, property: &Property, today: &str, findings: &mut Vec<Finding>) {
    let severity = world.spec.severity(property);
    let id = &property.id;
    if property.requirements.is_empty() && property.rationale.is_none() {
        let message = format!("`{id}` serves no requirement and has no rationale");
        findings.push(Finding::new("PL301", property.span.clone(), message));
    }
    if severity.is_some_and(|severity| severity <= 2) && property.rationale.is_none() {
        let word = severity.map_or("", |severity| SEVERITIES[severity]);
        let message = format!("`{id}` has no rationale, and serves a requirement that is {word}");
        findings.push(Finding::new("PL310", property.span.clone(), message));
    }
    if severity.is_some_and(|severity| severity <= 1)
        && matches!(property.on_unknown, Some(OnUnknown::Warn | OnUnknown::Allow(_)))
    {
        let message = format!("`{id}` may stay undecided, and serves a severe requirement");
        findings.push(Finding::new("PL307", property.span.clone(), message));
    }
    if property.timeout.is_none() {
        let message = format!("`{id}` has no timeout");
        findings.push(Finding::new("PL309", property.span.clone(), message));
    }
    if let Some(OnUnknown::Allow(allowance)) = &property.on_unknown
        && allowance.until.as_str() < today
    {
        let message = format!("the allowance of `{id}` ended on {}", allowance.until);
        findings.push(Finding::new("PL304", allowance.span.clone(), message));
    }
}

/// An atom that no point of the box satisfies, in words, if there is one.
fn clash(atoms: &[Atom], region: &[(Rational, Rational)]) -> Option<String> {
    atoms.iter().find_map(|atom| {
        let (low, _) = atom.form.range(region)?;
        (!atom.holds_at(&low))
            .then(|| format!("a constraint on its inputs misses the box by {low} at least"))
    })
}

/// Whether every point of the box satisfies the atoms, which then speak of inputs only.
fn always(atoms: &[Atom], region: &[(Rational, Rational)]) -> bool {
    atoms.iter().all(|atom| atom.form.range(region).is_some_and(|(_, high)| atom.holds_at(&high)))
}

/// A point of the box that satisfies constraints on inputs, exactly: the centre moved by projections.
pub fn find_point(atoms: &[Atom], region: &[(Rational, Rational)]) -> Option<Vec<Rational>> {
    let half = Rational::ONE.checked_div(&Rational::from(2))?;
    let mut point: Vec<Rational> = region.iter().map(|(low, high)| &(low + high) * &half).collect();
    for round in 0..200u32 {
        let broken = atoms
            .iter()
            .map(|atom| (atom, atom.form.value(&point, &[])))
            .find(|(atom, value)| !atom.holds_at(value));
        let Some((atom, value)) = broken else { return Some(point) };
        if round == 199 {
            break;
        }
        // Onto the plane in units of the box's widths, and a little further, so that strict ones hold.
        let width = |at: usize| &region[at].1 - &region[at].0;
        let mut norm = Rational::ZERO;
        for (variable, coefficient) in &atom.form.terms {
            let Variable::Input(at) = variable else { return None };
            let scaled = coefficient * &width(*at);
            norm += &(&scaled * &scaled);
        }
        let over = Rational::from_f64(1.0 + f64::from(round % 8) / 8.0)?;
        let step = (&value * &over).checked_div(&norm)?;
        for (variable, coefficient) in &atom.form.terms {
            let Variable::Input(at) = variable else { return None };
            let width = width(*at);
            let moved = &point[*at] - &(&(&(coefficient * &width) * &width) * &step);
            // Short numbers, so that rounds do not make them longer.
            let near = Rational::from_f64(moved.to_f64()).unwrap_or(moved);
            point[*at] = near.max(region[*at].0.clone()).min(region[*at].1.clone());
        }
    }
    None
}

/// Notes pairs of properties that no outputs satisfy where their regions overlap.
fn contradictions(world: &World, findings: &mut Vec<Finding>) {
    // A tie counts against both, so that what is wanted of a decision is strict.
    let ties = match world.spec.output.ties {
        Ties::First => Ties::First,
        Ties::Adverse | Ties::Nobody => Ties::Nobody,
    };
    let wanted: Vec<(&Property, Disjunction)> = world
        .spec
        .properties
        .iter()
        .filter(|property| !property.expect_violated)
        .filter_map(|property| {
            let wanted = match &property.claim {
                Claim::Reach(_, formula) => unwanted(formula, false, ties),
                Claim::Never(_, formula) => unwanted(formula, true, ties),
                _ => return None,
            };
            Some((property, wanted.ok()?))
        })
        .collect();
    for (place, (one, first)) in wanted.iter().enumerate() {
        for (other, second) in &wanted[place + 1..] {
            if first.len() * second.len() > 4096 || !overlap(one, other) {
                continue;
            }
            let meet = first.iter().any(|left| second.iter().any(|right| !opposed(left, right)));
            if !meet {
                let message = format!(
                    "`{}` and `{}` contradict each other where their regions overlap",
                    one.id, other.id
                );
                findings.push(Finding::new("PL221", other.span.clone(), message));
            }
        }
    }
}

fn overlap(one: &Property, other: &Property) -> bool {
    let mut region = Vec::new();
    for ((low, high), (least, most)) in one.region.iter().zip(&other.region) {
        let (low, high) = (low.max(least).clone(), high.min(most).clone());
        if low > high {
            return false;
        }
        region.push((low, high));
    }
    let (Ok(mut atoms), Ok(more)) = (constraints(one), constraints(other)) else { return false };
    atoms.extend(more);
    // Only an overlap that is certain is worth an error.
    find_point(&atoms, &region).is_some()
}

/// Whether two of the atoms exclude each other: they add up to a number that is not negative.
fn opposed(left: &[Atom], right: &[Atom]) -> bool {
    left.iter().any(|one| {
        right.iter().any(|other| {
            let (Some((variable, a)), true) =
                (one.form.terms.first_key_value(), one.form.terms.len() == other.form.terms.len())
            else {
                return false;
            };
            let Some(b) = other.form.terms.get(variable) else { return false };
            if a.signum() == b.signum() {
                return false;
            }
            // a * other - b * one, both factors positive after taking the signs away.
            let sum = one.form.times(&b.abs()).plus(&a.abs(), &other.form);
            let strict = one.strict || other.strict;
            sum.terms.is_empty() && !Atom { form: sum.clone(), strict }.holds_at(&sum.constant)
        })
    })
}

/// Notes parts of the ranges of inputs that no region of a property covers.
fn coverage(world: &World, findings: &mut Vec<Finding>) {
    let spec = &world.spec;
    let regions: Vec<&Property> = spec
        .properties
        .iter()
        .filter(|p| matches!(p.claim, Claim::Reach(..) | Claim::Never(..) | Claim::Margin { .. }))
        .collect();
    if regions.is_empty() {
        return;
    }
    for input in spec.inputs.iter().filter(|input| input.shape.is_empty()) {
        let mut intervals: Vec<&(Rational, Rational)> =
            regions.iter().map(|property| &property.region[input.first]).collect();
        intervals.sort();
        let mut reached = input.range.0.clone();
        let mut gaps = Vec::new();
        for (low, high) in intervals {
            if *low > reached {
                gaps.push(format!("{reached} .. {low}"));
            }
            reached = reached.max(high.clone());
        }
        if reached < input.range.1 {
            gaps.push(format!("{reached} .. {}", input.range.1));
        }
        if !gaps.is_empty() {
            let message =
                format!("no property speaks of `{}` in {}", input.name, gaps.join(" and "));
            findings.push(Finding::new("PL222", input.span.clone(), message));
        }
    }
}

/// A point of a property's region with its outputs, for the record that the region is not empty.
pub fn witness(world: &World, property: &Property) -> Option<(Vec<Rational>, Vec<Rational>)> {
    let atoms = constraints(property).ok()?;
    let point = find_point(&atoms, &property.region)?;
    let outputs = outputs_at(world, &point)?;
    Some((point, outputs))
}
