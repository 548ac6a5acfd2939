//! The part of the page about one property: what it says, what was found, pictures of counterexamples.

use super::evidence::number;
use super::html::{Page, mark, table};
use super::picture;
use crate::gate::formats::{short, xml};
use crate::gate::results::{Part, Point};
use crate::spec::{Claim, Keep, Language, Property, expand};
use plimsoll_check::number::Rational;
use std::fmt::Write;

/// Most counterexamples of a property that are shown in full.
const SHOWN: usize = 4;

/// Most rows of a table of inputs.
const ROWS: usize = 40;

impl Page<'_> {
    pub(super) fn property(&self, property: &Property, text: &mut String) {
        let found = self.found(&property.id);
        let evidence = self.evidence_of(&property.id);
        let _ = write!(
            text,
            "<h3 id=\"p-{0}\">{0} {1}</h3>\n<p>{2}</p>\n",
            xml(&property.id),
            mark(self.status_of(property).name()),
            xml(property.text.as_deref().unwrap_or(""))
        );
        let claim = match &property.claim {
            Claim::Reach(words, _) => {
                format!("For every point of the region: <code>{}</code>", xml(words))
            }
            Claim::Never(words, _) => {
                format!("At no point of the region: <code>{}</code>", xml(words))
            }
            Claim::Margin { of, bound, at_least, .. } => format!(
                "For every point of the region: <code>{} {} {bound}</code>",
                xml(of),
                if *at_least { "&gt;=" } else { "&lt;=" }
            ),
            Claim::Robustness { points, require, keep, .. } => format!(
                "Around each point of <code>{}</code>, within the radius below, cut to the operational \
                 range, {}; required for {}",
                xml(points),
                match keep {
                    Keep::Label => "the label is the decision".to_string(),
                    Keep::Decision => "the decision is that of the point".to_string(),
                    Keep::Formula(words, _) => format!("<code>{}</code>", xml(words)),
                },
                match *require == Rational::ONE {
                    true => "all points".to_string(),
                    false => format!("a share of {require} of the points"),
                }
            ),
            Claim::VnnLib { file, .. } => {
                format!("No input meets the query <code>{}</code>", xml(file))
            }
        };
        let _ = writeln!(text, "<p>{claim}.</p>");
        if property.expect_violated {
            text.push_str("<p>A probe: it is expected to be violated.</p>\n");
        }
        self.region(property, text);
        for (name, words) in [
            ("Rationale", &property.rationale),
            ("How the formula reads the sentence", &property.encoding_note),
        ] {
            if let Some(words) = words {
                let _ = writeln!(text, "<p>{name}: {}</p>", xml(words));
            }
        }
        let Some(found) = found else {
            text.push_str("<p>Not verified yet.</p>\n");
            return;
        };
        if let Some(evidence) = evidence.filter(|evidence| !evidence.stale.is_empty()) {
            let _ = writeln!(
                text,
                "<p>{} What was found is about other files: {}.</p>",
                mark("stale"),
                xml(&evidence.stale.join("; "))
            );
        }
        let mut rows = Vec::new();
        for part in found.parts.iter().take(ROWS) {
            let certificate = match &part.certificate {
                Some(c) => format!(
                    "<code>{}</code><br><code>sha256:{}</code><br>{} leaves, {} bytes",
                    xml(&c.file),
                    xml(&c.sha256),
                    c.leaves,
                    c.bytes
                ),
                None => xml(part.unchecked.as_deref().or(part.message.as_deref()).unwrap_or("")),
            };
            rows.push(vec![
                format!("<code>{}</code><br>{}", xml(&part.query.file), xml(&part.what)),
                mark(match (part.verdict.as_str(), part.proof.as_str()) {
                    ("holds", "none") => "unchecked",
                    ("holds", _) => "holds",
                    ("violated", _) => "violated",
                    _ => "unknown",
                }),
                format!("{:.1} %", 100.0 * if part.verdict == "holds" { 1.0 } else { part.share }),
                format!("{:.2}", part.time_s),
                certificate,
            ]);
        }
        text.push_str(&table(&["query", "verdict", "#closed", "#seconds", "certificate"], &rows));
        if found.parts.len() > ROWS {
            let _ =
                writeln!(text, "<p>And {} more, in results.json.</p>", found.parts.len() - ROWS);
        }
        for skipped in &found.skipped {
            let _ =
                writeln!(text, "<p>Row {} is left out: {}.</p>", skipped.row, xml(&skipped.why));
        }
        let violated = found.parts.iter().filter_map(|p| Some((p, p.counterexample.as_ref()?)));
        for (part, point) in violated.take(SHOWN) {
            self.counterexample(property, part, point, text);
        }
        if let Claim::VnnLib { .. } = property.claim {
            return;
        }
        if let Some(part) = expand(self.world, property, Language::Two)
            .ok()
            .and_then(|expansion| expansion.parts.into_iter().next())
        {
            let lines = part.text.lines().count();
            if lines <= 120 {
                let _ = writeln!(
                    text,
                    "<details><summary>The query as it is verified, {lines} lines of VNN-LIB</summary>\
                     <pre>{}</pre></details>",
                    xml(&part.text)
                );
            }
        }
    }

    fn region(&self, property: &Property, text: &mut String) {
        let spec = &self.world.spec;
        let mut rows = Vec::new();
        match &property.claim {
            Claim::VnnLib { .. } => return,
            Claim::Robustness { radii, .. } => {
                for input in &spec.inputs {
                    let own = &radii[input.first..input.first + input.len()];
                    let same = own.iter().all(|radius| Some(radius) == own.first());
                    let radius = own.first().map(ToString::to_string).unwrap_or_default();
                    let model = own.first().and_then(|r| r.checked_div(&input.scale));
                    rows.push(vec![
                        xml(&input.name),
                        if same {
                            format!("&plusmn; {radius}")
                        } else {
                            "differs by element".into()
                        },
                        xml(input.unit.as_deref().unwrap_or("")),
                        model
                            .map(|m| format!("&plusmn; {}", short(&m.to_string())))
                            .unwrap_or_default(),
                    ]);
                }
            }
            _ => {
                for (at, (low, high)) in property.region.iter().enumerate().take(ROWS) {
                    let unit = spec.input_at(at).and_then(|(input, _)| input.unit.clone());
                    rows.push(vec![
                        xml(&spec.input_name(at)),
                        if low == high { low.to_string() } else { format!("{low} .. {high}") },
                        xml(&unit.unwrap_or_default()),
                        format!(
                            "{} .. {}",
                            short(&spec.to_model(at, low).to_string()),
                            short(&spec.to_model(at, high).to_string())
                        ),
                    ]);
                }
            }
        }
        text.push_str(&table(&["input", "#region", "unit", "#model units"], &rows));
        for (words, _) in &property.constraints {
            let _ = writeln!(text, "<p>where <code>{}</code></p>", xml(words));
        }
    }

    fn counterexample(&self, property: &Property, part: &Part, point: &Point, text: &mut String) {
        let spec = &self.world.spec;
        let decision = match &point.decision {
            Some(label) => format!(" The decision there is <strong>{}</strong>.", xml(label)),
            None => String::new(),
        };
        let ran = match (point.representable, point.execution_violates) {
            (true, true) => "An execution in the model's float type violates it too.",
            (true, false) => "An execution in the model's float type does not violate it there.",
            (false, _) => "The point is no vector of the model's float type.",
        };
        let _ = writeln!(
            text,
            "<p>{} {}: a point that violates it, proved by {} arithmetic.{decision} {ran}</p>",
            mark("violated"),
            xml(&part.what),
            if point.exact { "exact" } else { "interval" }
        );
        // An input with two or more dimensions is shown as a picture beside the original.
        let original = match &property.claim {
            Claim::Robustness { points, .. } => self
                .world
                .points
                .get(points)
                .and_then(|table| table.rows.iter().find(|row| Some(row.row) == part.row)),
            _ => None,
        };
        let value = |at: usize| {
            point.inputs.get(at).and_then(|v| number(&v.value)).map_or(f64::NAN, |v| v.to_f64())
        };
        let mut pictured = false;
        for input in spec.inputs.iter().filter(|input| input.shape.len() >= 2) {
            let columns = input.shape[input.shape.len() - 1];
            let places = input.first..input.first + input.len();
            if places.len() > 4096 || places.end > point.inputs.len() {
                continue;
            }
            pictured = true;
            let ends = (input.range.0.to_f64(), input.range.1.to_f64());
            let found: Vec<f64> = places.clone().map(value).collect();
            if let Some(original) = original {
                let before: Vec<f64> =
                    places.clone().map(|at| original.values[at].to_f64()).collect();
                let change: Vec<f64> = found.iter().zip(&before).map(|(a, b)| a - b).collect();
                let most = change.iter().fold(0.0f64, |most, c| most.max(c.abs()));
                text.push_str(&picture::image(&before, columns, ends, "the original"));
                text.push_str(&picture::image(&found, columns, ends, "the counterexample"));
                let caption = format!(
                    "the difference: grey is none, white +{0}, black -{0} {1}",
                    short(&most.to_string()),
                    input.unit.as_deref().unwrap_or("")
                );
                text.push_str(&picture::image(&change, columns, (-most, most), &caption));
            } else {
                text.push_str(&picture::image(&found, columns, ends, "the counterexample"));
            }
        }
        let value_rows = |values: &[crate::gate::results::Value]| -> Vec<Vec<String>> {
            values
                .iter()
                .take(ROWS)
                .map(|v| {
                    vec![
                        xml(&v.name),
                        xml(&short(&v.value)),
                        xml(v.unit.as_deref().unwrap_or("")),
                        xml(&short(&v.model)),
                    ]
                })
                .collect()
        };
        if !pictured {
            text.push_str(&table(
                &["input", "#value", "unit", "#model input"],
                &value_rows(&point.inputs),
            ));
        }
        text.push_str(&table(&["output", "#value", "unit", "#raw"], &value_rows(&point.outputs)));
        text.push_str("<p class=\"soft\">Six digits; the exact numbers are in results.json.</p>\n");
    }
}
