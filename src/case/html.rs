//! The case as one page: no script, nothing loaded, fit for paper.

use super::build::{partial, status};
use super::evidence::Evidence;
use super::picture;
use super::{Case, Kind, Relation, Status};
use crate::gate::formats::{short, xml};
use crate::gate::results::{Property as Found, Results};
use crate::spec::{Property, SEVERITIES, World};
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");

/// The case as a page.
pub fn page(case: &Case, world: &World, results: &Results, evidence: &[Evidence]) -> String {
    let title = case.title.clone().unwrap_or_else(|| case.id.clone());
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Safety case {}: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        xml(&case.id),
        xml(&title)
    );
    let page = Page { case, world, results, evidence };
    page.top(&title, &mut text);
    page.scope(&mut text);
    page.requirements(&mut text);
    page.domain(&mut text);
    page.properties(&mut text);
    page.undecided(&mut text);
    page.method(&mut text);
    page.registers(&mut text);
    page.argument(&mut text);
    page.check_again(&mut text);
    text + "</body>\n</html>\n"
}

pub(super) struct Page<'p> {
    pub case: &'p Case,
    pub world: &'p World,
    results: &'p Results,
    evidence: &'p [Evidence],
}

pub(super) fn mark(word: &str) -> String {
    let sign = match word {
        "discharged" | "holds" | "refuted" => "\u{2713}",
        "residual" | "unchecked" | "assumed" | "declared" => "\u{25d0}",
        "defeated" | "violated" | "sustained" | "error" => "\u{2717}",
        "stale" => "\u{21bb}",
        _ => "\u{25cb}",
    };
    let word = xml(word);
    format!("<span class=\"status {word}\">{sign} {word}</span>")
}

fn heading(id: &str, title: &str) -> String {
    format!("<h2 id=\"{id}\">{title}</h2>\n")
}

/// Rows as a table; cells are markup.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let class = |name: &str| if name.starts_with('#') { " class=\"n\"" } else { "" };
    let mut text = String::from("<div class=\"scroll\"><table>\n<thead><tr>");
    for name in head {
        let _ = write!(text, "<th{}>{}</th>", class(name), name.trim_start_matches('#'));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        text.push_str("<tr>");
        for (name, cell) in head.iter().zip(row) {
            let _ = write!(text, "<td{}>{cell}</td>", class(name));
        }
        text.push_str("</tr>\n");
    }
    text + "</tbody></table></div>\n"
}

impl Page<'_> {
    pub(super) fn evidence_of(&self, id: &str) -> Option<&Evidence> {
        self.evidence.iter().find(|evidence| evidence.id == id)
    }

    pub(super) fn found(&self, id: &str) -> Option<&Found> {
        self.evidence_of(id).and_then(|evidence| evidence.found.as_ref())
    }

    pub(super) fn status_of(&self, property: &Property) -> Status {
        let goal =
            self.case.nodes.iter().find(|node| {
                node.kind == Kind::Goal && node.about.as_deref() == Some(&property.id)
            });
        goal.and_then(|goal| goal.status)
            .or_else(|| {
                self.evidence_of(&property.id).map(|evidence| status(evidence, &self.case.run.date))
            })
            .unwrap_or(Status::Open)
    }

    fn top(&self, title: &str, text: &mut String) {
        let case = self.case;
        let root = case.node(&case.root);
        let status = root.and_then(|root| root.status).unwrap_or(Status::Open);
        let worst = root.and_then(|root| root.worst).unwrap_or(status);
        let _ = write!(
            text,
            "<p class=\"soft\">Safety case {}</p>\n<h1>{}</h1>\n<div class=\"verdict {}\">{}<p>{}</p>\n",
            xml(&case.id),
            xml(title),
            worst.name(),
            mark(status.name()),
            xml(&case.statement())
        );
        // The worst first.
        let mut properties: Vec<&Property> = self.world.spec.properties.iter().collect();
        properties.sort_by_key(|property| {
            (std::cmp::Reverse(self.status_of(property)), self.world.spec.severity(property))
        });
        let counts: Vec<String> =
            [Status::Defeated, Status::Stale, Status::Open, Status::Residual, Status::Discharged]
                .iter()
                .filter_map(|status| {
                    let count = properties.iter().filter(|p| self.status_of(p) == *status).count();
                    (count > 0).then(|| format!("{count} {}", mark(status.name())))
                })
                .collect();
        let open = case.defeaters.iter().filter(|doubt| doubt.status == "open").count();
        let assumed = case.assumptions.iter().filter(|entry| entry.status == "declared").count();
        let _ = write!(
            text,
            "<p>{} properties: {}. {} assumptions, {assumed} of them declared. {open} doubts are open.</p>\n</div>\n",
            properties.len(),
            counts.join(", "),
            case.assumptions.len()
        );
        let rows: Vec<Vec<String>> = properties
            .iter()
            .map(|property| {
                let found = self.found(&property.id);
                vec![
                    format!("<a href=\"#p-{0}\">{0}</a>", xml(&property.id)),
                    xml(self.world.spec.severity(property).map_or("-", |at| SEVERITIES[at])),
                    found.map_or_else(|| mark("open"), |found| mark(found.word())),
                    mark(self.status_of(property).name()),
                    xml(found.map_or("not verified yet", |found| found.why.as_str())),
                ]
            })
            .collect();
        text.push_str(&table(&["property", "severity", "verdict", "status", "why"], &rows));
        text.push_str("<nav><a href=\"#scope\">Scope</a><br><a href=\"#requirements\">Requirements</a><br><a href=\"#domain\">Model and domain</a><br><a href=\"#properties\">Properties</a><br><a href=\"#undecided\">Undecided</a><br><a href=\"#method\">Method</a><br><a href=\"#assumptions\">Assumptions</a><br><a href=\"#doubts\">Doubts</a><br><a href=\"#argument\">Argument</a><br><a href=\"#again\">How to check again</a></nav>\n");
        let rows = [
            (
                "model",
                format!(
                    "<code>{}</code><br><code>sha256:{}</code>",
                    xml(&self.world.spec.model.path),
                    case.model_sha256
                ),
            ),
            (
                "specification",
                format!(
                    "<code>{}</code>, revision {}<br><code>sha256:{}</code>",
                    xml(&self.results.spec.file),
                    xml(case.revision.as_deref().unwrap_or("not stated")),
                    case.spec_sha256
                ),
            ),
            ("owner", xml(case.owner.as_deref().unwrap_or("not named"))),
            ("made by", format!("{} on {}", xml(&case.tool), xml(&case.run.date))),
            ("certificates checked by", xml(&case.checker)),
            ("command", format!("<code>{}</code>", xml(&case.run.command.join(" ")))),
        ];
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|(name, cell)| vec![name.to_string(), cell]).collect();
        text.push_str(&table(&["", ""], &rows));
        text.push_str(
            &table(
                &["", "name", "signature", "date"],
                &["author", "reviewer", "approver"]
                    .map(|who| vec![who.to_string(), String::new(), String::new(), String::new()]),
            )
            .replace("<table>", "<table class=\"sign\">"),
        );
    }

    fn scope(&self, text: &mut String) {
        text.push_str(&heading("scope", "Scope, and what is not claimed"));
        let domain = &self.world.spec.domain;
        let _ = write!(
            text,
            "<p>A property that <em>holds</em> says: the function that these weights and the ONNX operators \
             define over the reals has, at every point of the region that is named, outputs outside of the \
             unwanted set. Nothing else. Not covered are inputs outside of the regions, rounding of \
             executions, the sensors and programs that compute the inputs, and whether a formula says what \
             its requirement means.</p>\n<p>Operational domain: {}</p>\n<p>Left out of it: {}</p>\n",
            xml(domain.text.as_deref().unwrap_or("not described")),
            xml(domain.uncovered.as_deref().filter(|t| !t.is_empty()).unwrap_or("not stated"))
        );
    }

    fn requirements(&self, text: &mut String) {
        text.push_str(&heading("requirements", "Requirements and their properties"));
        let spec = &self.world.spec;
        let rows: Vec<Vec<String>> = spec
            .requirements
            .iter()
            .map(|requirement| {
                let properties: Vec<String> = spec
                    .properties
                    .iter()
                    .filter(|property| property.requirements.contains(&requirement.id))
                    .map(|property| {
                        let probe = if property.expect_violated { "a probe, " } else { "" };
                        format!(
                            "<a href=\"#p-{0}\">{0}</a> {probe}{1}",
                            xml(&property.id),
                            mark(self.status_of(property).name())
                        )
                    })
                    .collect();
                let goal = self.case.nodes.iter().find(|node| {
                    node.kind == Kind::Goal && node.about.as_deref() == Some(&requirement.id)
                });
                let status = goal.and_then(|goal| goal.status).unwrap_or(Status::Open);
                vec![
                    xml(&requirement.id),
                    xml(&requirement.text),
                    xml(requirement.source.as_deref().unwrap_or("not stated")),
                    xml(SEVERITIES[requirement.severity]),
                    match properties.is_empty() {
                        true => "none".to_string(),
                        false => properties.join("<br>"),
                    },
                    mark(status.name()),
                ]
            })
            .collect();
        text.push_str(&table(
            &["id", "requirement", "source", "severity", "properties", "status"],
            &rows,
        ));
    }

    fn domain(&self, text: &mut String) {
        text.push_str(&heading("domain", "Model and operational domain"));
        let spec = &self.world.spec;
        let graph = &self.world.graph;
        let shapes = |ids: &[plimsoll_check::graph::ValueId]| {
            let words: Vec<String> = ids
                .iter()
                .map(|id| format!("{} {:?}", xml(&graph.value(*id).name), graph.value(*id).shape))
                .collect();
            words.join(", ")
        };
        let _ = writeln!(
            text,
            "<p>{} operators, {} parameters, opset {}, {}. Inputs: {}. Outputs: {}. Runs in the field in: {}. \
             Training: {}.</p>",
            graph.nodes.len(),
            graph.parameter_count(),
            graph.opset,
            graph.element.name(),
            shapes(&graph.inputs),
            shapes(&graph.outputs),
            xml(spec.model.runtime.as_deref().filter(|t| !t.is_empty()).unwrap_or("not stated")),
            xml(spec.model.training.as_deref().unwrap_or("not stated"))
        );
        let rows: Vec<Vec<String>> = spec
            .inputs
            .iter()
            .map(|input| {
                let (low, high) = &input.range;
                vec![
                    xml(&input.name),
                    xml(input.text.as_deref().unwrap_or("")),
                    match input.shape.is_empty() {
                        true => String::new(),
                        false => format!("{:?}", input.shape),
                    },
                    format!("{low} .. {high}"),
                    xml(input.unit.as_deref().unwrap_or("")),
                    format!("(x - {}) / {}", input.mean, input.scale),
                    format!(
                        "{} .. {}",
                        short(&spec.to_model(input.first, low).to_string()),
                        short(&spec.to_model(input.first, high).to_string())
                    ),
                ]
            })
            .collect();
        text.push_str(&table(
            &["input", "what", "shape", "#range", "unit", "model input", "#model range"],
            &rows,
        ));
        for (words, _) in &spec.domain.constraints {
            let _ = writeln!(text, "<p>Constraint: <code>{}</code></p>", xml(words));
        }
        let labels: Vec<String> = spec.output.labels.iter().map(|label| xml(label)).collect();
        let decides = match spec.output.decision {
            Some(false) => "The largest decides; a tie counts against the property.",
            Some(true) => "The least decides; a tie counts against the property.",
            None => "No decision rule.",
        };
        let _ = writeln!(text, "<p>Outputs: {}. {decides}</p>", labels.join(", "));
    }

    fn properties(&self, text: &mut String) {
        text.push_str(&heading("properties", "Properties and results"));
        for property in &self.world.spec.properties {
            self.property(property, text);
        }
    }

    fn undecided(&self, text: &mut String) {
        text.push_str(&heading("undecided", "What is not shown"));
        let mut rows = Vec::new();
        for property in &self.world.spec.properties {
            let status = self.status_of(property);
            if matches!(status, Status::Discharged | Status::Defeated) {
                continue;
            }
            let found = self.found(&property.id);
            let signed = self.evidence_of(&property.id).and_then(|e| e.allowance.as_ref());
            rows.push(vec![
                xml(&property.id),
                mark(status.name()),
                xml(&found.map_or_else(|| "not verified yet".to_string(), partial)),
                xml(found.and_then(|found| found.next.as_deref()).unwrap_or("")),
                signed.map_or("nobody".to_string(), |a| {
                    let covers = self.case.run.date <= a.until;
                    let state = if covers { "" } else { " (ended)" };
                    format!("{} until {}{state}: {}", xml(&a.owner), xml(&a.until), xml(&a.reason))
                }),
            ]);
        }
        match rows.is_empty() {
            true => text.push_str("<p>Every property was decided, with evidence.</p>\n"),
            false => text.push_str(&table(
                &["property", "status", "what is known", "what to try", "who signed for it"],
                &rows,
            )),
        }
    }

    fn method(&self, text: &mut String) {
        text.push_str(&heading("method", "Method"));
        let _ = writeln!(
            text,
            "<p>Each property is written as a VNN-LIB query with exact decimals, and that text is verified. The \
             prover bounds the network over boxes, outward of every rounding error of its own arithmetic, and \
             splits boxes until each is decided; what it finds is written as a certificate. The checker (here: \
             {}) follows the certificate by its own rules and its own arithmetic, without searching. A proof \
             is about real arithmetic. The search is complete up to its limits, and the same input, options \
             and seed give the same verdict as long as no limit ends it. A counterexample is a point that \
             lies in the region and meets the unwanted exactly. To be trusted are the checker, its compiler \
             and processor, and the readers of the files.</p>",
            xml(&self.case.checker)
        );
    }

    fn registers(&self, text: &mut String) {
        text.push_str(&heading("assumptions", "Assumptions"));
        let rows: Vec<Vec<String>> = self
            .case
            .assumptions
            .iter()
            .map(|entry| {
                vec![
                    xml(&entry.id),
                    xml(&entry.text),
                    mark(entry.status),
                    xml(entry.owner.as_deref().unwrap_or("nobody")),
                    xml(entry.until.as_deref().unwrap_or("-")),
                    xml(&entry.why),
                ]
            })
            .collect();
        text.push_str(&table(
            &["id", "what is assumed", "status", "owner", "review", "why"],
            &rows,
        ));
        text.push_str(&heading("doubts", "Doubts"));
        text.push_str(
            "<p>What a reviewer should doubt. Open doubts stay open here until people answer them; they do \
             not change the statuses above, which speak of the function over the reals only.</p>\n",
        );
        let rows: Vec<Vec<String>> = self
            .case
            .defeaters
            .iter()
            .map(|doubt| {
                vec![doubt.id.into(), xml(doubt.text), mark(doubt.status), xml(&doubt.answer)]
            })
            .collect();
        text.push_str(&table(&["id", "what might be wrong", "status", "answer"], &rows));
    }

    fn argument(&self, text: &mut String) {
        text.push_str(&heading("argument", "Argument"));
        text.push_str(
            "<p>A goal structure: rectangles are goals, slanted boxes strategies, round boxes evidence. A \
             diamond marks what is not argued further, a cross what is defeated.</p>\n<div class=\"scroll\">",
        );
        text.push_str(&picture::argument(self.case));
        text.push_str("</div>\n<details open><summary>The same as a list, with its contexts</summary>\n<ul class=\"tree\">\n");
        self.branch(&self.case.root, 0, text);
        text.push_str("</ul></details>\n");
    }

    fn branch(&self, id: &str, depth: usize, text: &mut String) {
        let Some(node) = self.case.node(id) else { return };
        let entry = self.case.assumptions.iter().find(|entry| entry.node == id);
        let status = match (entry, node.status) {
            (Some(entry), _) => mark(entry.status),
            (None, Some(status)) => mark(status.name()),
            (None, None) => String::new(),
        };
        let kind = match node.kind {
            Kind::Goal => "Goal",
            Kind::Strategy => "Strategy",
            Kind::Solution => "Evidence",
            Kind::CounterSolution => "Counter-evidence",
            Kind::Context => "Context",
            Kind::Assumption => "Assumption",
            Kind::Justification => "Justification",
        };
        let undeveloped = if node.undeveloped { " (undeveloped)" } else { "" };
        let given = match (node.kind, node.assumes.as_slice()) {
            (Kind::Goal, [_, ..]) => {
                format!(" <span class=\"soft\">given {}</span>", xml(&node.assumes.join(", ")))
            }
            _ => String::new(),
        };
        let _ = write!(
            text,
            "<li><strong>{}</strong> {kind}{undeveloped}: {} {status}{given}",
            xml(&node.id),
            xml(&node.text)
        );
        let mut children: Vec<&str> = Vec::new();
        children.extend(
            self.case
                .edges
                .iter()
                .filter(|edge| edge.kind == Relation::Challenges && edge.to == id)
                .map(|edge| edge.from.as_str()),
        );
        children.extend(self.case.targets(id, Relation::InContextOf).map(|n| n.id.as_str()));
        children.extend(self.case.targets(id, Relation::SupportedBy).map(|n| n.id.as_str()));
        if !children.is_empty() && depth < 20 {
            text.push_str("\n<ul class=\"tree\">\n");
            for child in children {
                self.branch(child, depth + 1, text);
            }
            text.push_str("</ul>\n");
        }
        text.push_str("</li>\n");
    }

    fn check_again(&self, text: &mut String) {
        text.push_str(&heading("again", "How to check again"));
        let model = xml(&self.world.spec.model.path);
        let spec = xml(&self.results.spec.file);
        let first = self
            .results
            .properties
            .iter()
            .flat_map(|property| &property.parts)
            .find_map(|part| Some((part.query.file.clone(), part.certificate.clone()?.file)));
        let mut lines = vec![
            format!("sha256sum {model}    # {}", self.case.model_sha256),
            format!(
                "plimsoll status {spec} --out OUT    # code 0: everything is about these files"
            ),
        ];
        if let Some((query, certificate)) = first {
            lines.push(format!(
                "plimsoll-check {model} OUT/{} OUT/{}    # valid",
                xml(&query),
                xml(&certificate)
            ));
        }
        let _ = writeln!(
            text,
            "<p>In the specification's folder; OUT is the folder of the results.</p>\n<pre>{}</pre>\n\
             <p class=\"soft\">Goals, strategies and evidence are meant as in the GSN Community Standard, \
             version 3. A certificate is a proof that a program follows; a region is a set of inputs; a \
             margin is the distance of outputs from what is unwanted.</p>",
            lines.join("\n")
        );
    }
}
