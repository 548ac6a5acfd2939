//! The results in the forms that people and other programs read.

use super::results::{Point, Property, Results};
use crate::spec::Finding;
use serde_json::{Value, json};
use std::fmt::Write;

/// Longest text of one entry in a report for machines.
const MAX_BODY: usize = 64 << 10;

/// Counterexamples of a property that people are shown at once.
const SHOWN: usize = 3;

/// A text for an XML or HTML document: no markup, no control characters.
pub fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            // What XML 1.0 has no way to write.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A text for a cell of a Markdown table or a line of it.
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("&#64;"),
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A text on one line of a terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A point in words: `rho = 1512.5 ft, ...; outputs ...`.
pub fn point(point: &Point) -> String {
    let list = |values: &[super::results::Value], most: usize| {
        let mut words: Vec<String> = values
            .iter()
            .take(most)
            .map(|v| {
                let unit = v.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
                format!("{} = {}{unit}", v.name, short(&v.value))
            })
            .collect();
        if values.len() > most {
            words.push(format!("and {} more", values.len() - most));
        }
        words.join(", ")
    };
    let decision = point
        .decision
        .as_deref()
        .map(|label| format!("; the decision is `{label}`"))
        .unwrap_or_default();
    format!("{} gives {}{decision}", list(&point.inputs, 10), list(&point.outputs, 10))
}

/// A number that is exact in the record, with six digits where it is long.
pub fn short(exact: &str) -> String {
    if exact.len() <= 10 {
        return exact.to_string();
    }
    let value = match exact.split_once('/') {
        Some((p, q)) => p.parse::<f64>().unwrap_or(f64::NAN) / q.parse::<f64>().unwrap_or(f64::NAN),
        None => exact.parse().unwrap_or(f64::NAN),
    };
    let size = value.abs();
    if !value.is_finite() {
        return exact.chars().take(24).collect::<String>() + "...";
    }
    if size != 0.0 && !(1e-4..1e9).contains(&size) {
        return format!("{value:.5e}");
    }
    let digits = (5 - size.max(1e-9).log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// One line that says what came out.
pub fn summary(results: &Results) -> String {
    let mut words =
        vec![format!("{} of {} hold", results.count("holds"), results.properties.len())];
    for (verdict, word) in [
        ("violated", "violated"),
        ("unknown", "undecided"),
        ("unchecked", "hold unchecked"),
        ("error", "could not be verified"),
    ] {
        let count = results.count(verdict);
        if count > 0 {
            words.push(format!("{count} {word}"));
        }
    }
    let allowed: Vec<&Property> =
        results.properties.iter().filter(|property| property.gate == "allowed").collect();
    if let Some(next) =
        allowed.iter().filter_map(|p| p.allowance.as_ref()).min_by(|a, b| a.until.cmp(&b.until))
    {
        let count = allowed.len();
        words.push(format!("{count} allowed, the next until {} ({})", next.until, next.owner));
    }
    words.join(", ")
}

/// JUnit XML, as common readers of it have it.
pub fn junit(results: &Results) -> String {
    let class = xml(&results.id);
    let failures = results.properties.iter().filter(|p| kind(p) == "failure").count();
    let errors = results.properties.iter().filter(|p| kind(p) == "error").count();
    let skipped = results.properties.iter().filter(|p| kind(p) == "skipped").count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{:.3}\"",
        results.properties.len(),
        results.run.time_s
    );
    let _ = writeln!(text, "<testsuites {counts}>\n  <testsuite name=\"{class}\" {counts}>");
    for property in &results.properties {
        let title = match &property.text {
            Some(text) => format!("{} {text}", property.id),
            None => property.id.clone(),
        };
        let _ = write!(
            text,
            "    <testcase classname=\"{class}\" name=\"{}\" file=\"{}\" time=\"{:.3}\"",
            xml(&plain(&title)),
            xml(&results.spec.file),
            property.time_s
        );
        let body = xml(&cut(&body(property)));
        let why = xml(&plain(&property.why));
        let _ = match kind(property) {
            "" => writeln!(text, "/>"),
            "skipped" => writeln!(text, "><skipped message=\"{why}\"/></testcase>"),
            word => {
                let kind = property.word();
                writeln!(
                    text,
                    "><{word} message=\"{why}\" type=\"{kind}\">{body}</{word}></testcase>"
                )
            }
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn kind(property: &Property) -> &'static str {
    match (property.gate.as_str(), property.word()) {
        ("pass", _) => "",
        ("fail", "error") => "error",
        ("fail", _) => "failure",
        _ => "skipped",
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_BODY) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_string(),
    }
}

/// Everything about a property that is not well, in words.
fn body(property: &Property) -> String {
    let mut lines = vec![format!("{}: {}", property.word(), property.why)];
    for part in &property.parts {
        if let Some(found) = &part.counterexample {
            lines.push(format!("{} ({}): counterexample: {}", part.name, part.what, point(found)));
        } else if let Some(message) = &part.message {
            lines.push(format!(
                "{} ({}): {message}; {:.1} % of the region closed",
                part.name,
                part.what,
                100.0 * part.share
            ));
        }
    }
    if let Some(next) = &property.next {
        lines.push(format!("try: {next}"));
    }
    lines.join("\n")
}

/// The kinds of findings of the gate: name, title, level.
const RULES: [(&str, &str, &str); 4] = [
    ("PV001", "A property is violated", "error"),
    ("PV002", "A property is undecided", "error"),
    ("PV003", "A property could not be verified", "error"),
    ("PV004", "An undecided property is accepted", "warning"),
];

fn rule(property: &Property) -> Option<usize> {
    match (property.gate.as_str(), property.word()) {
        ("pass" | "ignored", _) => None,
        ("fail", "violated" | "holds") => Some(0),
        ("fail", "error") => Some(2),
        ("fail", _) => Some(1),
        _ => Some(3),
    }
}

/// SARIF 2.1.0, the part that code scanning shows.
pub fn sarif(results: &Results, uri: &str) -> String {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|(id, title, level)| {
            json!({
                "id": id,
                "shortDescription": {"text": title},
                "help": {"text": "plimsoll check writes the whole story into results.json"},
                "defaultConfiguration": {"level": level},
            })
        })
        .collect();
    let found: Vec<Value> = results
        .properties
        .iter()
        .filter_map(|property| {
            let at = rule(property)?;
            let (id, _, level) = RULES[at];
            let print =
                crate::read::sha256(format!("{}/{}/{id}", results.id, property.id).as_bytes());
            Some(json!({
                "ruleId": id,
                "ruleIndex": at,
                "level": level,
                "message": {"text": format!("{} {}", property.id, cut(&body(property)))},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": encode(uri)},
                    "region": {"startLine": property.line, "startColumn": 1},
                }}],
                "partialFingerprints": {"primaryLocationLineHash": format!("{}:1", &print[..16])},
            }))
        })
        .collect();
    let document = json!({
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [{
            "tool": {"driver": {
                "name": "plimsoll",
                "semanticVersion": results.plimsoll,
                "rules": rules,
            }},
            "automationDetails": {"id": format!("plimsoll/{}", results.id)},
            "results": found,
        }],
    });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

/// A path as part of a URI.
fn encode(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// Annotations on lines of the specification, the worst first.
pub fn github(results: &Results, path: &str) -> String {
    let value = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let field = |text: &str| value(text).replace(':', "%3A").replace(',', "%2C");
    let mut found: Vec<(usize, &Property)> =
        results.properties.iter().filter_map(|p| Some((rule(p)?, p))).collect();
    found.sort_by_key(|(rule, _)| *rule);
    let mut text = String::new();
    for (rule, property) in found {
        let (id, title, level) = RULES[rule];
        let _ = writeln!(
            text,
            "::{level} file={},line={},title={}::{}",
            field(path),
            property.line,
            field(&format!("{id} {title}: {}", property.id)),
            value(&cut(&body(property)))
        );
    }
    let level = if results.code == 0 { "notice" } else { "error" };
    let _ = writeln!(
        text,
        "::{level} title=plimsoll {}::{}",
        field(&results.id),
        value(&summary(results))
    );
    text
}

/// A page for a summary of a pipeline's step.
pub fn report(results: &Results) -> String {
    let mut text = format!("## {}", markdown(&results.id));
    if let Some(title) = &results.title {
        let _ = write!(text, ": {}", markdown(title));
    }
    let _ = write!(
        text,
        "\n\n{}. Model `sha256:{}`, real semantics, {}.\n\n\
         | property | severity | verdict | gate | why |\n|---|---|---|---|---|\n",
        markdown(&summary(results)),
        results.model.sha256,
        markdown(&results.checker)
    );
    for property in &results.properties {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            markdown(&property.id),
            property.severity.as_deref().unwrap_or("-"),
            property.word(),
            property.gate,
            markdown(&property.why)
        );
    }
    for property in results.properties.iter().filter(|p| p.gate != "pass") {
        let _ = write!(
            text,
            "\n<details><summary>{}</summary>\n\n{}\n\n</details>\n",
            markdown(&property.id),
            body(property).lines().map(markdown).collect::<Vec<String>>().join("\n\n")
        );
    }
    text
}

/// For people.
pub fn text(results: &Results) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for property in &results.properties {
        let mut rest = plain(&property.why);
        let kept = property.parts.iter().filter(|part| part.kept).count();
        if kept > 0 {
            let _ = write!(rest, " (kept from an earlier run, checked again: {kept})");
        }
        let violated: Vec<(&str, &Point)> = property
            .parts
            .iter()
            .filter_map(|part| Some((part.what.as_str(), part.counterexample.as_ref()?)))
            .collect();
        for (what, found) in violated.iter().take(SHOWN) {
            let _ = write!(rest, "\n    {}: {}", plain(what), plain(&point(found)));
        }
        if violated.len() > SHOWN {
            let _ = write!(rest, "\n    and {} more, in results.json", violated.len() - SHOWN);
        }
        if property.gate != "pass"
            && let Some(next) = &property.next
        {
            let _ = write!(rest, "\n    try: {}", plain(next));
        }
        lines.push((property.id.clone(), rest));
    }
    lines
}

/// A finding as one line for machines.
pub fn finding(finding: &Finding, source: &str) -> Value {
    let place = finding.span.as_ref().map(|span| super::position(source, span.start));
    json!({
        "code": finding.code,
        "severity": finding.severity().name(),
        "message": finding.message,
        "line": place.map(|(line, _)| line),
        "column": place.map(|(_, column)| column),
        "help": finding.help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_labels_stays_text() {
        let hostile = "</testcase><script>alert('x')</script>&\u{1}|`*";
        assert!(!xml(hostile).contains('<') && !xml(hostile).contains('\u{1}'));
        let cell = markdown(hostile);
        assert!(!cell.contains('<') && !cell.contains("\n") && cell.contains("\\|"));
    }

    #[test]
    fn long_numbers_are_shortened() {
        for (exact, text) in [
            ("0.5", "0.5"),
            ("0.100000001490116119384765625", "0.1"),
            ("-1234.567890123456", "-1234.57"),
            ("100/3000000001", "3.33333e-8"),
            ("123456789012345678", "1.23457e17"),
        ] {
            assert_eq!(short(exact), text);
        }
    }
}
