//! From the text of a specification to a [`Spec`], with every mistake that it has.

use super::finding::{Finding, nearest};
use super::normal::Ties;
use super::tree::{Table, Walker};
use super::{
    Assumption, Domain, Input, Model, Output, Points, Profile, Requirement, SEVERITIES, Span, Spec,
    expression, properties,
};
use plimsoll_check::number::Rational;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// Most elements of all inputs.
const MAX_INPUTS: usize = 1 << 20;

/// Reads a specification; what cannot be read is left out and noted.
pub fn read(source: &str) -> (Spec, Vec<Finding>) {
    let mut findings = Vec::new();
    let (root, errors) = DeTable::parse_recoverable(source);
    for error in errors {
        findings.push(Finding {
            code: "PL002",
            message: error.message().to_string(),
            span: error.span(),
            help: None,
        });
    }
    let mut spec = Spec::default();
    if !findings.is_empty() {
        return (spec, findings);
    }
    let top = Table { table: root.get_ref(), span: 0..0, name: "the file".into() };
    let mut walker = Walker { findings: &mut findings, parameters: BTreeMap::new() };
    version(&mut walker, &top);
    walker.known(
        &top,
        &[
            "plimsoll",
            "title",
            "id",
            "owner",
            "revision",
            "date",
            "semantics",
            "params",
            "assumption",
            "model",
            "input",
            "domain",
            "output",
            "requirement",
            "point",
            "property",
            "profile",
        ],
    );
    spec.id = walker.text(&top, "id").unwrap_or_else(|| "SPEC".into());
    check_id(&mut walker, &spec.id, top.span_of("id"));
    spec.title = walker.text(&top, "title");
    spec.owner = walker.text(&top, "owner");
    spec.revision = walker.text(&top, "revision");
    spec.date = match top.get("date").map(|node| node.get_ref()) {
        Some(DeValue::String(_)) => walker.text(&top, "date"),
        _ => walker.date(&top, "date"),
    };
    if let Some(word) = walker.text(&top, "semantics").filter(|word| word != "real") {
        let message = format!("the semantics `{word}` is not decided");
        let help = "write \"real\": the network as a function over the reals; rounding at run time is then \
                    listed as an open doubt of the safety case";
        walker.note(Finding::new("PL220", top.span_of("semantics"), message).help(help));
    }
    parameters(&mut walker, &top);
    spec.parameters = walker.parameters.clone();
    spec.assumptions = assumptions(&mut walker, &top);
    spec.model = model(&mut walker, &top);
    spec.inputs = inputs(&mut walker, &top);
    spec.output = output(&mut walker, &top);
    spec.domain = domain(&mut walker, &top, &spec);
    spec.requirements = requirements(&mut walker, &top);
    spec.points = points(&mut walker, &top);
    spec.profiles = profiles(&mut walker, &top);
    spec.properties = properties::read(&mut walker, &top, source, &spec);
    references(&mut walker, &spec);
    (spec, findings)
}

fn version(walker: &mut Walker, top: &Table) {
    let help = "write `plimsoll = 1` as the first line";
    match top.get("plimsoll") {
        Some(node) if node.get_ref().as_integer().is_some_and(|number| number.as_str() == "1") => {}
        Some(node) => walker.note(
            Finding::new("PL001", node.span(), "this version of the format is not known")
                .help("this program reads `plimsoll = 1`"),
        ),
        None => {
            walker.note(Finding::new("PL001", 0..0, "the format version is missing").help(help))
        }
    }
}

/// Notes an id that could not name a file and a node.
pub(super) fn check_id(walker: &mut Walker, id: &str, span: Span) {
    let good = id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.len() <= 64
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !good {
        let shown: String = id.chars().take(64).collect();
        walker.note(
            Finding::new("PL005", span, format!("`{shown}` cannot be an id"))
                .help("a letter, then at most 63 letters, digits, `.`, `_` or `-`"),
        );
    }
}

fn parameters(walker: &mut Walker, top: &Table) {
    let Some(node) = top.get("params") else { return };
    let Some(table) = walker.table(node, "[params]") else { return };
    for (key, node) in table.table {
        let name = key.get_ref().to_string();
        let value = match node.get_ref() {
            DeValue::Table(_) => {
                let Some(inner) = walker.table(node, &format!("[params.{name}]")) else { continue };
                walker.known(&inner, &["value", "min", "max", "text"]);
                if inner.get("value").is_none() {
                    walker.missing(&inner, "value", "a number");
                }
                let value = walker.number_of(&inner, "value");
                let (min, max) = (walker.number_of(&inner, "min"), walker.number_of(&inner, "max"));
                let outside = value.as_ref().is_some_and(|value| {
                    min.is_some_and(|min| *value < min) || max.is_some_and(|max| *value > max)
                });
                if outside {
                    let message = format!("the value of `{name}` is not between its min and max");
                    walker.wrong("PL110", inner.span_of("value"), message);
                }
                value
            }
            _ => walker.number(node, &name),
        };
        if let Some(value) = value {
            walker.parameters.insert(name, value);
        }
    }
}

fn assumptions(walker: &mut Walker, top: &Table) -> Vec<Assumption> {
    let Some(node) = top.get("assumption") else { return Vec::new() };
    let Some(table) = walker.table(node, "[assumption]") else { return Vec::new() };
    let mut assumptions = Vec::new();
    for (key, node) in table.table {
        let id = key.get_ref().to_string();
        check_id(walker, &id, key.span());
        let Some(inner) = walker.table(node, &format!("[assumption.{id}]")) else { continue };
        walker.known(&inner, &["text", "owner", "until", "discharged_by"]);
        let owner = walker.text(&inner, "owner");
        if owner.is_none() {
            let message = format!("nobody answers for assumption `{id}`");
            let help = "add `owner = \"...\"`";
            walker.note(Finding::new("PL404", key.span(), message).help(help));
        }
        assumptions.push(Assumption {
            text: walker.required(&inner, "text"),
            owner,
            until: walker.date(&inner, "until"),
            discharged_by: walker.text(&inner, "discharged_by"),
            id,
            span: key.span(),
        });
    }
    assumptions
}

fn model(walker: &mut Walker, top: &Table) -> Model {
    let Some(node) = top.get("model") else {
        walker.missing(top, "model", "a table with `path`");
        return Model::default();
    };
    let Some(table) = walker.table(node, "[model]") else { return Model::default() };
    walker.known(&table, &["path", "sha256", "runtime", "training", "version", "preprocessing"]);
    if let Some(word) = walker.text(&table, "preprocessing")
        && word != "outside"
        && word != "inside"
    {
        let message = "`preprocessing` is \"outside\" or \"inside\"";
        walker.wrong("PL004", table.span_of("preprocessing"), message);
    }
    Model {
        path: walker.required(&table, "path"),
        sha256: digest(walker, &table),
        runtime: walker.text(&table, "runtime"),
        training: walker.text(&table, "training"),
        version: walker.text(&table, "version"),
        span: table.span_of("path"),
    }
}

/// A pinned digest, in lower case.
pub(super) fn digest(walker: &mut Walker, table: &Table) -> Option<String> {
    let text = walker.text(table, "sha256")?;
    let text = text.strip_prefix("sha256:").unwrap_or(&text).to_lowercase();
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some(text);
    }
    let message = "`sha256` is not 64 hexadecimal digits";
    walker.wrong("PL004", table.span_of("sha256"), message);
    None
}

fn inputs(walker: &mut Walker, top: &Table) -> Vec<Input> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut first = 0usize;
    for table in walker.tables(top, "input") {
        walker.known(
            &table,
            &["name", "unit", "text", "source", "shape", "mean", "scale", "range", "assume"],
        );
        let name = walker.required(&table, "name");
        let named = table.span_of("name");
        if inputs.iter().any(|other| other.name == name) {
            walker.wrong("PL005", named.clone(), format!("two inputs are called `{name}`"));
        }
        let mut shape = Vec::new();
        for node in walker.array(&table, "shape").unwrap_or_default() {
            let number = walker.number(node, "shape").and_then(|value| value.to_integer());
            match number.and_then(|number| usize::try_from(number).ok()).filter(|len| *len > 0) {
                Some(len) => shape.push(len),
                None => walker.wrong("PL004", node.span(), "`shape` has positive integers"),
            }
        }
        let elements = shape.iter().try_fold(1usize, |product, len| product.checked_mul(*len));
        let elements = elements.filter(|elements| first.saturating_add(*elements) <= MAX_INPUTS);
        let Some(elements) = elements else {
            let message = format!("there are more than {MAX_INPUTS} inputs");
            walker.wrong("PL103", table.span_of("shape"), message);
            continue;
        };
        let mean = walker.number_of(&table, "mean").unwrap_or_default();
        let mut scale = walker.number_of(&table, "scale").unwrap_or(Rational::ONE);
        if scale.signum() <= 0 {
            let message = format!("the scale of `{name}` is not positive");
            walker.wrong("PL104", table.span_of("scale"), message);
            scale = Rational::ONE;
        }
        let range = match table.get("range") {
            Some(node) => walker.interval(node, "range"),
            None => {
                walker.missing(&table, "range", "[low, high] in physical units");
                None
            }
        };
        inputs.push(Input {
            unit: walker.text(&table, "unit"),
            text: walker.text(&table, "text"),
            source: walker.text(&table, "source"),
            first,
            mean,
            scale,
            range: range.unwrap_or((Rational::ZERO, Rational::ONE)),
            assume: walker.texts(&table, "assume").into_iter().map(|(text, _)| text).collect(),
            name,
            shape,
            span: named,
        });
        first += elements;
    }
    if inputs.is_empty() && top.get("input").is_none() {
        walker.missing(top, "input", "one [[input]] for each number or tensor that goes in");
    }
    inputs
}

fn output(walker: &mut Walker, top: &Table) -> Output {
    let mut output = Output::default();
    let Some(node) = top.get("output") else {
        walker.missing(top, "output", "a table with `labels`");
        return output;
    };
    if let DeValue::Array(_) = node.get_ref() {
        let message = "several outputs are not supported: give the labels of all their elements in one [output]";
        walker.wrong("PL004", node.span(), message);
        return output;
    }
    let Some(table) = walker.table(node, "[output]") else { return output };
    walker.known(&table, &["labels", "unit", "mean", "scale", "decision", "ties"]);
    output.span = table.span_of("labels");
    if table.get("labels").is_none() {
        walker.missing(&table, "labels", "an array with one string for each output");
    }
    for (label, span) in walker.texts(&table, "labels") {
        if output.labels.contains(&label) {
            walker.wrong("PL005", span, format!("two outputs are labelled `{label}`"));
        }
        output.labels.push(label);
    }
    output.unit = walker.text(&table, "unit");
    output.mean = walker.number_of(&table, "mean").unwrap_or_default();
    output.scale = walker.number_of(&table, "scale").unwrap_or(Rational::ONE);
    if output.scale.signum() <= 0 {
        walker.wrong("PL104", table.span_of("scale"), "the scale of the output is not positive");
        output.scale = Rational::ONE;
    }
    if let Some(node) = table.get("decision") {
        output.decision = match node.get_ref().as_str() {
            Some("argmax") => Some(false),
            Some("argmin") => Some(true),
            Some("none") => None,
            _ => {
                let message = "`decision` is \"argmax\", \"argmin\" or \"none\"";
                let help = "write a threshold as a comparison in the properties: score >= 0.5";
                walker.note(Finding::new("PL004", node.span(), message).help(help));
                None
            }
        };
    }
    match walker.text(&table, "ties").as_deref() {
        None | Some("adverse") => {}
        Some("first") => output.ties = Ties::First,
        Some(_) => {
            walker.wrong("PL004", table.span_of("ties"), "`ties` is \"adverse\" or \"first\"");
        }
    }
    output
}

fn domain(walker: &mut Walker, top: &Table, spec: &Spec) -> Domain {
    let Some(node) = top.get("domain") else { return Domain::default() };
    let Some(table) = walker.table(node, "[domain]") else { return Domain::default() };
    walker.known(&table, &["id", "text", "where", "uncovered"]);
    Domain {
        id: walker.text(&table, "id"),
        text: walker.text(&table, "text"),
        constraints: properties::constraints(walker, &table, &spec.names()),
        uncovered: walker.text(&table, "uncovered"),
        span: Some(node.span()),
    }
}

fn requirements(walker: &mut Walker, top: &Table) -> Vec<Requirement> {
    let mut requirements = Vec::new();
    for table in walker.tables(top, "requirement") {
        walker.known(&table, &["id", "text", "source", "severity"]);
        let id = walker.required(&table, "id");
        check_id(walker, &id, table.span_of("id"));
        requirements.push(Requirement {
            id,
            text: walker.required(&table, "text"),
            source: walker.text(&table, "source"),
            severity: severity(walker, &table, "severity").unwrap_or(2),
            span: table.span_of("id"),
        });
    }
    requirements
}

fn severity(walker: &mut Walker, table: &Table, key: &str) -> Option<usize> {
    let word = walker.text(table, key)?;
    let place = SEVERITIES.iter().position(|known| *known == word);
    if place.is_none() {
        let message = format!("`{word}` is no severity");
        let help = match nearest(&word, SEVERITIES) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("severities are {}", SEVERITIES.join(", ")),
        };
        walker.note(Finding::new("PL004", table.span_of(key), message).help(help));
    }
    place
}

fn points(walker: &mut Walker, top: &Table) -> Vec<Points> {
    let mut sets = Vec::new();
    for table in walker.tables(top, "point") {
        walker.known(&table, &["id", "file", "labels", "select", "sha256", "units"]);
        let id = walker.required(&table, "id");
        check_id(walker, &id, table.span_of("id"));
        let model_units = match walker.text(&table, "units").as_deref() {
            None | Some("physical") => false,
            Some("model") => true,
            Some(_) => {
                let message = "`units` is \"physical\" or \"model\"";
                walker.wrong("PL004", table.span_of("units"), message);
                false
            }
        };
        let select = walker.text(&table, "select").and_then(|text| {
            let rows = rows(&text);
            if rows.is_none() {
                let message =
                    "`select` is a list of rows from 0 such as \"0..19, 25\", ends included";
                walker.wrong("PL004", table.span_of("select"), message);
            }
            rows
        });
        sets.push(Points {
            id,
            file: walker.required(&table, "file"),
            labels: walker.text(&table, "labels"),
            select,
            sha256: digest(walker, &table),
            model_units,
            span: table.span_of("file"),
        });
    }
    sets
}

/// Rows such as `0..19, 25`, ends included.
fn rows(text: &str) -> Option<Vec<usize>> {
    let mut rows = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once("..").unwrap_or((part, part));
        let (from, to): (usize, usize) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        if from > to || to - from > 1_000_000 || rows.len() > 1_000_000 {
            return None;
        }
        rows.extend(from..=to);
    }
    Some(rows)
}

fn profiles(walker: &mut Walker, top: &Table) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::new();
    let Some(node) = top.get("profile") else { return profiles };
    let Some(table) = walker.table(node, "[profile]") else { return profiles };
    for (key, node) in table.table {
        let name = key.get_ref().to_string();
        let Some(inner) = walker.table(node, &format!("[profile.{name}]")) else { continue };
        walker.known(
            &inner,
            &["min_severity", "on_unknown", "require_pins", "strict_on_severe", "allow_vacuous"],
        );
        let warn_on_unknown = match walker.text(&inner, "on_unknown").as_deref() {
            None => None,
            Some("fail") => Some(false),
            Some("warn") => Some(true),
            Some(_) => {
                let message = "`on_unknown` of a profile is \"fail\" or \"warn\"";
                walker.wrong("PL004", inner.span_of("on_unknown"), message);
                None
            }
        };
        let profile = Profile {
            min_severity: severity(walker, &inner, "min_severity"),
            warn_on_unknown,
            require_pins: walker.boolean(&inner, "require_pins"),
            strict_on_severe: walker.boolean(&inner, "strict_on_severe"),
            allow_vacuous: walker.boolean(&inner, "allow_vacuous"),
        };
        profiles.insert(name, profile);
    }
    profiles
}

/// Notes ids that occur twice and references to what is not there.
fn references(walker: &mut Walker, spec: &Spec) {
    let ids = (spec.requirements.iter().map(|r| (&r.id, &r.span)))
        .chain(spec.points.iter().map(|p| (&p.id, &p.span)))
        .chain(spec.properties.iter().map(|p| (&p.id, &p.span)))
        .chain(spec.assumptions.iter().map(|a| (&a.id, &a.span)));
    // Ids name files, and some file systems do not tell case.
    let mut seen = BTreeMap::new();
    for (id, span) in ids {
        if seen.insert(id.to_lowercase(), ()).is_some() && !id.is_empty() {
            walker.wrong("PL005", span.clone(), format!("the id `{id}` is used twice"));
        }
    }
    let known = |walker: &mut Walker, ids: &[&str], id: &str, what: &str, span: &Span| {
        if !ids.contains(&id) {
            let message = format!("no {what} has the id `{id}`");
            let mut finding = Finding::new("PL006", span.clone(), message);
            if let Some(near) = nearest(id, ids.iter().copied()) {
                finding = finding.help(format!("did you mean `{near}`?"));
            }
            walker.note(finding);
        }
    };
    let assumptions: Vec<&str> = spec.assumptions.iter().map(|a| a.id.as_str()).collect();
    let requirements: Vec<&str> = spec.requirements.iter().map(|r| r.id.as_str()).collect();
    for input in &spec.inputs {
        for id in &input.assume {
            known(walker, &assumptions, id, "assumption", &input.span);
        }
    }
    for property in &spec.properties {
        for id in &property.assume {
            known(walker, &assumptions, id, "assumption", &property.span);
        }
        for id in &property.requirements {
            known(walker, &requirements, id, "requirement", &property.span);
        }
    }
    let names = spec.names();
    for label in &spec.output.labels {
        if names.inputs.contains_key(label) {
            let message = format!("`{label}` is both a label and an input");
            walker.wrong("PL012", spec.output.span.clone(), message);
        }
    }
}

/// A problem of an expression as a finding at its place in the file.
pub(super) fn in_file(
    problem: expression::Problem,
    source: &str,
    span: &Span,
    text: &str,
) -> Finding {
    // The text of the file between the quotation marks is the expression, unless it has escapes.
    let raw = source.get(span.clone()).unwrap_or_default();
    let place = match raw.find(text) {
        Some(offset) if !text.is_empty() => {
            let from = span.start + offset + problem.at;
            from..(from + problem.len).min(span.end)
        }
        _ => span.clone(),
    };
    Finding { code: problem.code, message: problem.message, span: Some(place), help: problem.help }
}
