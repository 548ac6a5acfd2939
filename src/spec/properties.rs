//! Properties of a specification.

use super::expression::{self, Names};
use super::finding::{Finding, nearest};
use super::linear::{Formula, Sum};
use super::read::{check_id, digest, in_file};
use super::tree::{Table, Walker, duration};
use super::{Allowance, Claim, Keep, Misclassified, OnUnknown, Property, Spec};
use plimsoll_check::number::Rational;
use toml::de::DeValue;

const KINDS: [&str; 8] =
    ["reach", "never", "robustness", "margin", "vnnlib", "radius", "monotone", "fairness"];

/// Keys that every property may have.
const COMMON: [&str; 14] = [
    "id",
    "kind",
    "text",
    "requirement",
    "region",
    "where",
    "beyond_domain",
    "timeout",
    "on_unknown",
    "expect",
    "encoding_note",
    "rationale",
    "assume",
    "tags",
];

pub(super) fn read(walker: &mut Walker, top: &Table, source: &str, spec: &Spec) -> Vec<Property> {
    let names = spec.names();
    let mut properties: Vec<Property> = Vec::new();
    for table in walker.tables(top, "property") {
        if let Some(property) = property(walker, &table, source, spec, &names, &properties) {
            properties.push(property);
        }
    }
    if properties.is_empty() && top.get("property").is_none() {
        walker.note(
            Finding::new("PL004", 0..0, "there are no properties, so there is nothing to show")
                .help("add a [[property]]; `plimsoll init MODEL` writes one to begin with"),
        );
    }
    properties
}

fn property(
    walker: &mut Walker,
    table: &Table,
    source: &str,
    spec: &Spec,
    names: &Names,
    before: &[Property],
) -> Option<Property> {
    let id = walker.required(table, "id");
    check_id(walker, &id, table.span_of("id"));
    let table = &Table { name: format!("property `{id}`"), ..table.clone() };
    let kind = walker.required(table, "kind");
    let own: &[&str] = match kind.as_str() {
        "reach" => &["ensure", "bounds"],
        "never" => &["never"],
        "margin" => &["of", "at_least", "at_most"],
        "robustness" => &["points", "norm", "eps", "keep", "misclassified", "require", "units"],
        "vnnlib" => &["file", "sha256"],
        "radius" | "monotone" | "fairness" => {
            let message = format!("properties of kind `{kind}` are not decided");
            let help = "`plimsoll explain PL220` says what to write instead";
            walker.note(Finding::new("PL220", table.span_of("kind"), message).help(help));
            return None;
        }
        _ => {
            if table.get("kind").is_some() {
                let message = format!("`{kind}` is no kind of property");
                let help = match nearest(&kind, KINDS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "kinds are reach, never, robustness, margin and vnnlib".to_string(),
                };
                walker.note(Finding::new("PL004", table.span_of("kind"), message).help(help));
            }
            return None;
        }
    };
    let known: Vec<&str> = COMMON.iter().chain(own.iter()).copied().collect();
    walker.known(table, &known);
    let (region, named) = region(walker, table, spec, names, before);
    let beyond_domain = walker.boolean(table, "beyond_domain").unwrap_or(false);
    // A region that may leave the domain is not cut by the domain's constraints either.
    let mut constraints = match beyond_domain {
        true => Vec::new(),
        false => spec.domain.constraints.clone(),
    };
    constraints.extend(self::constraints(walker, table, names));
    let place = ["ensure", "never", "of", "keep"].into_iter().find(|key| table.get(key).is_some());
    let claim = match kind.as_str() {
        "reach" => reach(walker, table, source, names),
        "never" => {
            let text = walker.required(table, "never");
            let formula = formula(walker, table, "never", source, names);
            Some(Claim::Never(text, formula?))
        }
        "margin" => margin(walker, table, source, names),
        "robustness" => robustness(walker, table, source, spec, names),
        _ => {
            if table.get("region").is_some() || table.get("where").is_some() {
                let message = "a `vnnlib` property has its region in its own file";
                walker.wrong("PL004", table.span_of("region"), message);
            }
            let (file, sha256) = (walker.required(table, "file"), digest(walker, table));
            (!file.is_empty()).then_some(Claim::VnnLib { file, sha256 })
        }
    };
    let timeout = match table.get("timeout").map(|node| node.get_ref()) {
        None => None,
        Some(DeValue::String(text)) => {
            let limit = duration(text);
            if limit.is_none() {
                let message = "`timeout` is a time such as \"60s\" or \"10m\"";
                walker.wrong("PL004", table.span_of("timeout"), message);
            }
            limit
        }
        Some(_) => walker
            .number_of(table, "timeout")
            .and_then(|value| std::time::Duration::try_from_secs_f64(value.to_f64()).ok()),
    };
    let expect_violated = match walker.text(table, "expect").as_deref() {
        None | Some("holds") => false,
        Some("violated") => true,
        Some(_) => {
            let message = "`expect` is \"holds\" or \"violated\"";
            walker.wrong("PL004", table.span_of("expect"), message);
            false
        }
    };
    let text_list = |walker: &mut Walker, key: &str| -> Vec<String> {
        walker.texts(table, key).into_iter().map(|(text, _)| text).collect()
    };
    let property = Property {
        requirements: text_list(walker, "requirement"),
        assume: text_list(walker, "assume"),
        tags: text_list(walker, "tags"),
        text: walker.text(table, "text"),
        claim: claim?,
        region,
        named,
        constraints,
        beyond_domain,
        timeout,
        on_unknown: on_unknown(walker, table),
        expect_violated,
        encoding_note: walker.text(table, "encoding_note"),
        rationale: walker.text(table, "rationale"),
        span: table.span_of("id"),
        formula_span: table.span_of(place.unwrap_or("id")),
        id,
    };
    Some(property)
}

/// Physical bounds of every flat input, and which of them the property names.
fn region(
    walker: &mut Walker,
    table: &Table,
    spec: &Spec,
    names: &Names,
    before: &[Property],
) -> (Vec<(Rational, Rational)>, Vec<bool>) {
    let mut bounds = Vec::new();
    for input in &spec.inputs {
        bounds.extend(std::iter::repeat_n(input.range.clone(), input.len()));
    }
    let mut named = vec![false; bounds.len()];
    let Some(node) = table.get("region") else { return (bounds, named) };
    let Some(inner) = walker.table(node, "region") else { return (bounds, named) };
    if let Some(node) = inner.get("same_as") {
        let other = node.get_ref().as_str().unwrap_or_default();
        match before.iter().find(|property| property.id == other) {
            Some(property) => (bounds, named) = (property.region.clone(), property.named.clone()),
            None => walker.wrong(
                "PL006",
                node.span(),
                format!("no property before this one has the id `{other}`"),
            ),
        }
    }
    for (key, node) in inner.table {
        let name = key.get_ref().as_ref();
        if name == "same_as" {
            continue;
        }
        let (base, index) = match name.split_once('[') {
            Some((base, _)) if !names.inputs.contains_key(name) => (base, true),
            _ => (name, false),
        };
        let Some(elements) = names.inputs.get(base) else {
            let message = format!("`{name}` is no input");
            let mut finding = Finding::new("PL210", key.span(), message);
            if let Some(near) = nearest(name, names.inputs.keys().map(String::as_str)) {
                finding = finding.help(format!("did you mean `{near}`?"));
            }
            walker.note(finding);
            continue;
        };
        let Some(interval) = walker.interval(node, name) else { continue };
        let places = if index {
            // The same words as in an expression name an element.
            match expression::sum(name, names) {
                Ok(Sum { linear, .. }) => linear
                    .terms
                    .keys()
                    .filter_map(|variable| match variable {
                        super::linear::Variable::Input(at) => Some(*at..*at + 1),
                        super::linear::Variable::Output(_) => None,
                    })
                    .next()
                    .unwrap_or(0..0),
                Err(problem) => {
                    walker.wrong("PL210", key.span(), problem.message);
                    continue;
                }
            }
        } else {
            elements.first..elements.first + elements.shape.iter().product::<usize>()
        };
        for at in places {
            bounds[at] = interval.clone();
            named[at] = true;
        }
    }
    (bounds, named)
}

/// The formulas of `where`, which speak of inputs only.
pub(super) fn constraints(
    walker: &mut Walker,
    table: &Table,
    names: &Names,
) -> Vec<(String, Formula)> {
    let mut constraints = Vec::new();
    let only_inputs = Names { labels: Vec::new(), ..names.clone() };
    for (text, span) in walker.texts(table, "where") {
        match expression::formula(&text, &only_inputs) {
            Ok(formula) => constraints.push((text, formula)),
            Err(problem) => {
                let mut finding = Finding::new(problem.code, span, problem.message)
                    .help(problem.help.unwrap_or_default());
                if names.labels.iter().any(|label| text.contains(label.as_str())) {
                    finding = finding.help("`where` speaks of inputs, not of outputs");
                }
                walker.note(finding);
            }
        }
    }
    constraints
}

fn formula(
    walker: &mut Walker,
    table: &Table,
    key: &str,
    source: &str,
    names: &Names,
) -> Option<Formula> {
    let text = walker.text(table, key)?;
    match expression::formula(&text, names) {
        Ok(formula) => Some(formula),
        Err(problem) => {
            walker.note(in_file(problem, source, &table.span_of(key), &text));
            None
        }
    }
}

fn reach(walker: &mut Walker, table: &Table, source: &str, names: &Names) -> Option<Claim> {
    let Some(node) = table.get("bounds") else {
        let text = walker.required(table, "ensure");
        return Some(Claim::Reach(text, formula(walker, table, "ensure", source, names)?));
    };
    if table.get("ensure").is_some() {
        walker.wrong("PL004", node.span(), "give `ensure` or `bounds`, not both");
    }
    let inner = walker.table(node, "bounds")?;
    let mut parts = Vec::new();
    for (key, node) in inner.table {
        let interval = walker.interval(node, key.get_ref());
        let label = key.get_ref();
        if !names.labels.iter().any(|known| known == label) {
            let message = format!("`{label}` is none of the output's labels");
            walker.wrong("PL210", key.span(), message);
        } else if let Some((low, high)) = interval {
            // A decimal stays one; anything else is a quotient, which the language knows.
            let quote = if label.contains('"') { '\'' } else { '"' };
            parts.push(format!("{low} <= {quote}{label}{quote} <= {high}"));
        }
    }
    let text = parts.join(" and ");
    match expression::formula(&text, names) {
        Ok(formula) => Some(Claim::Reach(text, formula)),
        Err(problem) => {
            walker.note(Finding::new(problem.code, node.span(), problem.message));
            None
        }
    }
}

fn margin(walker: &mut Walker, table: &Table, source: &str, names: &Names) -> Option<Claim> {
    let of = walker.required(table, "of");
    let (least, most) = (walker.number_of(table, "at_least"), walker.number_of(table, "at_most"));
    let sum = match expression::sum(&of, names) {
        Ok(sum) => Some(sum),
        Err(problem) => {
            walker.note(in_file(problem, source, &table.span_of("of"), &of));
            None
        }
    };
    let (bound, at_least) = match (least, most) {
        (Some(bound), None) => (bound, true),
        (None, Some(bound)) => (bound, false),
        _ => {
            let message = format!("{} needs either `at_least` or `at_most`", table.name);
            walker.wrong("PL004", table.span.clone(), message);
            return None;
        }
    };
    Some(Claim::Margin { of, sum: sum?, bound, at_least })
}

fn robustness(
    walker: &mut Walker,
    table: &Table,
    source: &str,
    spec: &Spec,
    names: &Names,
) -> Option<Claim> {
    let points = walker.required(table, "points");
    if !points.is_empty() && !spec.points.iter().any(|set| set.id == points) {
        let message = format!("no [[point]] set has the id `{points}`");
        walker.wrong("PL006", table.span_of("points"), message);
    }
    match walker.text(table, "norm").as_deref() {
        None | Some("linf") => {}
        Some("brightness") => {
            let message = "the norm `brightness` is not decided";
            let help = "one shift of all values is a network with the shift as its input: export that \
                        network, or bound the values one by one with \"linf\"";
            walker.note(Finding::new("PL220", table.span_of("norm"), message).help(help));
        }
        Some(_) => walker.wrong("PL004", table.span_of("norm"), "`norm` is \"linf\""),
    }
    let model_units = match walker.text(table, "units").as_deref() {
        None | Some("physical") => false,
        Some("model") => true,
        Some(_) => {
            let message = "`units` is \"physical\" or \"model\"";
            walker.wrong("PL004", table.span_of("units"), message);
            false
        }
    };
    let radii = radii(walker, table, spec, names, model_units);
    let keep = match walker.text(table, "keep").as_deref() {
        None | Some("label") => Some(Keep::Label),
        Some("decision") => Some(Keep::Decision),
        Some(text) => formula(walker, table, "keep", source, names)
            .map(|formula| Keep::Formula(text.to_string(), formula)),
    };
    if matches!(keep, Some(Keep::Label | Keep::Decision)) && spec.output.decision.is_none() {
        walker.note(
            Finding::new("PL216", table.span_of("keep"), "the output has no decision rule")
                .help("write `decision = \"argmax\"` in [output], or keep a formula"),
        );
    }
    let misclassified = match walker.text(table, "misclassified").as_deref() {
        None | Some("violated") => Misclassified::Violated,
        Some("skip") => Misclassified::Skip,
        Some(_) => {
            let message = "`misclassified` is \"violated\" or \"skip\"";
            walker.wrong("PL004", table.span_of("misclassified"), message);
            Misclassified::Violated
        }
    };
    let require = match walker.text(table, "require").as_deref() {
        None | Some("all") => Rational::ONE,
        Some(_) => walker.number_of(table, "require").unwrap_or(Rational::ONE),
    };
    if require.signum() <= 0 || require > Rational::ONE {
        let message = "`require` is \"all\" or a share such as \"95 %\"";
        walker.wrong("PL004", table.span_of("require"), message);
    }
    Some(Claim::Robustness { points, radii: radii?, keep: keep?, misclassified, require })
}

/// The radius of each flat input, in physical units.
fn radii(
    walker: &mut Walker,
    table: &Table,
    spec: &Spec,
    names: &Names,
    model_units: bool,
) -> Option<Vec<Rational>> {
    let Some(node) = table.get("eps") else {
        walker.missing(table, "eps", "a radius, or a table of radii by input");
        return None;
    };
    let mut radii = vec![Rational::ZERO; spec.input_count()];
    let mut set = |walker: &mut Walker, name: Option<&str>, node: &super::tree::Node| {
        let Some(value) = walker.number(node, "eps") else { return };
        if value.signum() < 0 {
            walker.wrong("PL110", node.span(), "a radius is not negative");
            return;
        }
        for input in &spec.inputs {
            if name.is_none_or(|name| name == input.name) {
                let value = if model_units { &value * &input.scale } else { value.clone() };
                radii[input.first..input.first + input.len()].fill(value);
            }
        }
    };
    match node.get_ref() {
        DeValue::Table(inner) => {
            for (key, node) in inner {
                let name = key.get_ref().as_ref();
                if names.inputs.contains_key(name) {
                    set(walker, Some(name), node);
                } else {
                    walker.wrong("PL210", key.span(), format!("`{name}` is no input"));
                }
            }
        }
        _ => set(walker, None, node),
    }
    Some(radii)
}

fn on_unknown(walker: &mut Walker, table: &Table) -> Option<OnUnknown> {
    let node = table.get("on_unknown")?;
    match node.get_ref() {
        DeValue::String(text) if text == "fail" => Some(OnUnknown::Fail),
        DeValue::String(text) if text == "warn" => Some(OnUnknown::Warn),
        DeValue::Table(_) => {
            let outer = walker.table(node, "on_unknown")?;
            walker.known(&outer, &["allow"]);
            let inner = walker.table(outer.get("allow")?, "allow")?;
            walker.known(&inner, &["owner", "until", "reason", "issue"]);
            let missing: Vec<&str> = ["owner", "until", "reason"]
                .into_iter()
                .filter(|k| inner.get(k).is_none())
                .collect();
            if !missing.is_empty() {
                let message = format!("the allowance lacks {}", missing.join(", "));
                let help = "allow = { owner = \"who\", until = 2027-03-31, reason = \"why\" }";
                walker.note(Finding::new("PL303", inner.span.clone(), message).help(help));
                return None;
            }
            Some(OnUnknown::Allow(Allowance {
                owner: walker.text(&inner, "owner")?,
                until: walker.date(&inner, "until")?,
                reason: walker.text(&inner, "reason")?,
                issue: walker.text(&inner, "issue"),
                span: inner.span.clone(),
            }))
        }
        _ => {
            let message =
                "`on_unknown` is \"fail\", \"warn\" or { allow = { owner, until, reason } }";
            walker.wrong("PL004", node.span(), message);
            None
        }
    }
}
