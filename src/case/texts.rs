//! The case as Markdown with Mermaid, for gsn2x, and as LTAC.

use super::{Case, Kind, Node, Relation, Status};
use crate::gate::formats::{markdown as escape, plain};
use crate::gate::results::Results;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Longest text of a node in a diagram.
const LABEL: usize = 90;

/// A text for a quoted label of Mermaid: no quotes, no markup, no line breaks.
fn mermaid_label(text: &str) -> String {
    let mut label = String::new();
    for character in plain(text).chars().take(LABEL) {
        match character {
            '"' => label.push_str("#quot;"),
            '#' => label.push_str("#35;"),
            '&' => label.push_str("#amp;"),
            '<' => label.push_str("#lt;"),
            '>' => label.push_str("#gt;"),
            '`' => label.push('\''),
            ';' => label.push(','),
            _ => label.push(character),
        }
    }
    if text.chars().count() > LABEL {
        label.push_str("...");
    }
    label
}

fn status(node: &Node) -> &'static str {
    node.status.map_or("", Status::name)
}

fn mermaid(case: &Case) -> String {
    let mut text = String::from("flowchart TD\n");
    for node in &case.nodes {
        let words = format!("{}: {}", node.id, node.text);
        let mut label = mermaid_label(&words);
        if !status(node).is_empty() && node.kind == Kind::Goal {
            let _ = write!(label, " ({})", status(node));
        }
        let (open, close) = match node.kind {
            Kind::Goal => ("[\"", "\"]"),
            Kind::Strategy => ("[/\"", "\"/]"),
            Kind::Solution | Kind::CounterSolution => ("((\"", "\"))"),
            Kind::Context => ("(\"", "\")"),
            Kind::Assumption | Kind::Justification => ("([\"", "\"])"),
        };
        let class = match node.status {
            Some(status) if node.kind == Kind::Goal => format!(":::{}", status.name()),
            _ => String::new(),
        };
        let _ = writeln!(text, "  {}{open}{label}{close}{class}", node.id);
    }
    for edge in &case.edges {
        let arrow = match edge.kind {
            Relation::SupportedBy => "-->",
            Relation::InContextOf => "-.-",
            Relation::Challenges => "-. challenges .->",
        };
        let _ = writeln!(text, "  {} {arrow} {}", edge.from, edge.to);
    }
    text.push_str(
        "  classDef discharged stroke:#1a7f37,stroke-width:2px\n  \
         classDef residual stroke:#9a6700,stroke-width:2px\n  \
         classDef open stroke-dasharray: 4 3\n  \
         classDef stale stroke:#8250df,stroke-dasharray: 2 2\n  \
         classDef defeated stroke:#cf222e,stroke-width:3px\n",
    );
    text
}

/// The case as a page of Markdown.
pub fn markdown(case: &Case, results: &Results) -> String {
    let mut text = format!(
        "# Safety case {}: {}\n\n{}\n\n",
        escape(&case.id),
        escape(case.title.as_deref().unwrap_or("")),
        escape(&case.statement())
    );
    let _ = write!(
        text,
        "| | |\n|---|---|\n| model | `sha256:{}` |\n| specification | `sha256:{}` |\n| owner | {} |\n\
         | semantics | real: rounding of executions is not covered |\n| made by | {} on {} |\n\
         | certificates checked by | {} |\n\n",
        case.model_sha256,
        case.spec_sha256,
        escape(case.owner.as_deref().unwrap_or("not named")),
        escape(&case.tool),
        escape(&case.run.date),
        escape(&case.checker)
    );
    text.push_str("## Properties\n\n| property | severity | verdict | status | why |\n|---|---|---|---|---|\n");
    for property in &results.properties {
        let node = case
            .nodes
            .iter()
            .find(|n| n.kind == Kind::Goal && n.about.as_deref() == Some(&property.id));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            escape(&property.id),
            escape(property.severity.as_deref().unwrap_or("-")),
            escape(property.word()),
            node.map_or("", status),
            escape(&property.why)
        );
    }
    let _ = write!(text, "\n## Argument\n\n```mermaid\n{}```\n\n", mermaid(case));
    text.push_str(
        "## Assumptions\n\n| id | what | status | owner | review |\n|---|---|---|---|---|\n",
    );
    for entry in &case.assumptions {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            escape(&entry.id),
            escape(&entry.text),
            entry.status,
            escape(entry.owner.as_deref().unwrap_or("nobody")),
            entry.until.as_deref().unwrap_or("-")
        );
    }
    text.push_str(
        "\n## Doubts\n\n| id | what might be wrong | status | answer |\n|---|---|---|---|\n",
    );
    for doubt in &case.defeaters {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            doubt.id,
            escape(doubt.text),
            doubt.status,
            escape(&doubt.answer)
        );
    }
    text
}

/// A scalar of YAML in double quotes, which is a string of JSON.
fn yaml(text: &str) -> String {
    serde_json::to_string(&plain(text)).unwrap_or_else(|_| "\"\"".into())
}

/// The case as YAML for gsn2x.
pub fn gsn2x(case: &Case) -> String {
    let mut text = format!(
        "module: {{name: {}, brief: {}}}\n",
        yaml(&case.id),
        yaml(case.title.as_deref().unwrap_or(&case.id))
    );
    for node in &case.nodes {
        let list = |kind| {
            let ids: Vec<&str> =
                case.targets(&node.id, kind).map(|node| node.id.as_str()).collect();
            ids.join(", ")
        };
        let _ = write!(text, "{}: {{text: {}", node.id, yaml(&node.text));
        for (key, ids) in [
            ("supportedBy", list(Relation::SupportedBy)),
            ("inContextOf", list(Relation::InContextOf)),
            ("challenges", list(Relation::Challenges)),
        ] {
            if !ids.is_empty() {
                // A challenge has one target; the others are lists.
                let _ = match key {
                    "challenges" => write!(text, ", {key}: {ids}"),
                    _ => write!(text, ", {key}: [{ids}]"),
                };
            }
        }
        if node.status == Some(Status::Defeated) {
            text.push_str(", defeated: true");
        }
        let supported = case.targets(&node.id, Relation::SupportedBy).next().is_some();
        if matches!(node.kind, Kind::Goal | Kind::Strategy) && !supported {
            text.push_str(", undeveloped: true");
        }
        text.push_str("}\n");
    }
    text
}

/// The case as LTAC, an outline of its argument.
pub fn ltac(case: &Case) -> String {
    let mut text = String::new();
    let mut written = BTreeSet::new();
    outline(case, &case.root, 0, &mut written, &mut text);
    text
}

fn outline<'c>(
    case: &'c Case,
    id: &'c str,
    depth: usize,
    written: &mut BTreeSet<&'c str>,
    text: &mut String,
) {
    let Some(node) = case.node(id) else { return };
    let indent = "  ".repeat(depth);
    if !written.insert(id) {
        let _ = writeln!(text, "{indent}- Link ^{id}");
        return;
    }
    let kind = match node.kind {
        Kind::Goal => "Claim",
        Kind::Strategy => "Strategy",
        Kind::Solution | Kind::CounterSolution => "Evidence",
        Kind::Context => "Context",
        Kind::Assumption => "Assumption",
        Kind::Justification => "Justification",
    };
    let supported = case.targets(id, Relation::SupportedBy).next().is_some();
    let option = match node.kind {
        Kind::Goal if node.status == Some(Status::Defeated) => " {defeated}",
        Kind::Goal if !supported => " {needssupport}",
        _ => "",
    };
    // Braces and parentheses at the end would be read as options and references.
    let words: String = plain(&node.text)
        .chars()
        .map(|c| match c {
            '{' | '[' => '<',
            '}' | ']' => '>',
            '(' => ',',
            ')' => ' ',
            '^' => ' ',
            _ => c,
        })
        .collect();
    let words = words.split_whitespace().collect::<Vec<&str>>().join(" ");
    let _ = writeln!(text, "{indent}- {kind} {id}: {words}{option}");
    for context in case.targets(id, Relation::InContextOf) {
        outline(case, &context.id, depth + 1, written, text);
    }
    for support in case.targets(id, Relation::SupportedBy) {
        outline(case, &support.id, depth + 1, written, text);
    }
}
