//! Whether results are still about the present files.

use crate::gate::results::{Part, Property, Results};
use crate::gate::{Answer, Checker, Claimed, aggregate, key};
use crate::spec::{Allowance, Claim, Language, OnUnknown, World, expand};
use plimsoll_check::number::Rational;
use plimsoll_check::ops;
use std::path::Path;

/// What the results of a property are worth today.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The property's id.
    pub id: String,
    /// What was found about it, if anything was.
    pub found: Option<Property>,
    /// Why that is not about the present files; empty if it is.
    pub stale: Vec<String>,
    /// How many certificates were accepted just now.
    pub accepted: usize,
    /// Who signed for an undecided property, by the specification.
    pub allowance: Option<Allowance>,
}

impl Evidence {
    /// `fresh`, `stale` or `missing`.
    pub fn state(&self) -> &'static str {
        match (&self.found, self.stale.is_empty()) {
            (None, _) => "missing",
            (Some(_), true) => "fresh",
            (Some(_), false) => "stale",
        }
    }
}

/// Compares results with the present files, checks every certificate and replays every counterexample.
pub fn judge(world: &World, results: &Results, out: &Path, checker: &dyn Checker) -> Vec<Evidence> {
    let model_changed = results.model.sha256 != world.model_sha256;
    let folder = world.path.parent().unwrap_or(Path::new(""));
    let model = folder.join(&world.spec.model.path);
    world
        .spec
        .properties
        .iter()
        .map(|property| {
            let found = results.properties.iter().find(|found| found.id == property.id).cloned();
            let allowance = match &property.on_unknown {
                Some(OnUnknown::Allow(allowance)) => Some(allowance.clone()),
                _ => None,
            };
            let id = property.id.clone();
            let mut evidence = Evidence { id, found, stale: Vec::new(), accepted: 0, allowance };
            let Some(found) = evidence.found.clone() else { return evidence };
            if model_changed {
                evidence.stale.push(format!(
                    "the model changed: sha256 {} was verified, the file has {}",
                    brief(&results.model.sha256),
                    brief(&world.model_sha256)
                ));
                return evidence;
            }
            if let Claim::Robustness { points, .. } = &property.claim {
                let now = world.points.get(points).map(|table| table.sha256.as_str());
                let then = results.data.get(points).map(|file| file.sha256.as_str());
                if now != then {
                    evidence.stale.push(format!("the data of `{points}` changed"));
                }
            }
            let Ok(expansion) = expand(world, property, Language::Two) else {
                evidence.stale.push("the property cannot be written as queries any more".into());
                return evidence;
            };
            for part in &expansion.parts {
                let text = match world.texts.get(&property.id) {
                    Some(bytes) => bytes.as_slice(),
                    None => part.text.as_bytes(),
                };
                let key = key(&world.model_sha256, &crate::read::sha256(text));
                let Some(then) = found.parts.iter().find(|then| then.key == key) else {
                    if found.verdict != "error" {
                        evidence.stale.push(format!("the query `{}` changed", part.name));
                    }
                    continue;
                };
                match file_state(world, then, text, &model, out, checker) {
                    Ok(accepted) => evidence.accepted += usize::from(accepted),
                    Err(why) => evidence.stale.push(why),
                }
            }
            // Words of the record are believed only where they follow from what was just checked.
            let mut again = found.clone();
            if found.verdict != "error" {
                aggregate(property, &mut again);
            }
            let rows: Vec<usize> = found.skipped.iter().map(|skipped| skipped.row).collect();
            let left_out: Vec<usize> = expansion.skipped.iter().map(|(row, _)| *row).collect();
            let contradicts = (&again.verdict, &again.proof) != (&found.verdict, &found.proof);
            if (contradicts || rows != left_out) && evidence.stale.is_empty() {
                evidence.stale.push("the record contradicts itself".into());
            }
            if expansion.parts.len() < found.parts.len() {
                evidence
                    .stale
                    .push("queries were verified that the specification has no more".into());
            }
            evidence
        })
        .collect()
}

/// Whether the files of a query are what was recorded; `true` if a certificate was accepted.
fn file_state(
    world: &World,
    then: &Part,
    text: &[u8],
    model: &Path,
    out: &Path,
    checker: &dyn Checker,
) -> Result<bool, String> {
    // Names come from a file that anybody can write: nothing outside of the folder is opened.
    let inside = |name: &str| {
        let path = Path::new(name);
        let plain = path.components().count() == 1
            && path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        plain.then(|| out.join(path)).ok_or(format!("`{name}` is no file of the folder"))
    };
    if then.verdict != "violated" && then.counterexample.is_some() {
        return Err(format!("`{}` has a counterexample and is not said to be violated", then.name));
    }
    if then.verdict == "unknown" {
        return Ok(false);
    }
    if then.verdict == "violated" {
        let Some(point) = &then.counterexample else {
            return Err(format!("`{}` is said to be violated without a point", then.name));
        };
        let inputs: Option<Vec<Rational>> =
            point.inputs.iter().map(|value| number(&value.model)).collect();
        return match inputs.is_some_and(|inputs| violates(world, text, &inputs)) {
            true => Ok(false),
            false => Err(format!("the counterexample of `{}` does not violate it", then.name)),
        };
    }
    if then.verdict != "holds" {
        return Err(format!("`{}` has no verdict that is known", then.name));
    }
    let Some(certificate) = &then.certificate else {
        return match then.proof.as_str() {
            "none" => Ok(false),
            _ => Err(format!("`{}` is said to have a certificate and names none", then.name)),
        };
    };
    let (query, path) = (inside(&then.query.file)?, inside(&certificate.file)?);
    let bytes = std::fs::read(&path).map_err(|error| {
        format!("the certificate `{}` cannot be read: {error}", certificate.file)
    })?;
    if crate::read::sha256(&bytes) != certificate.sha256 {
        return Err(format!("the certificate `{}` was changed after the run", certificate.file));
    }
    let written = std::fs::read(&query)
        .map_err(|error| format!("the query `{}` cannot be read: {error}", then.query.file))?;
    if written != text {
        return Err(format!("the query `{}` in the folder was changed", then.query.file));
    }
    match checker.check(Claimed { model, query: &query, certificate: &path }) {
        Answer::Valid(_) => Ok(true),
        Answer::Invalid(why) | Answer::Unusable(why) => {
            Err(format!("the certificate `{}` is not accepted: {why}", certificate.file))
        }
    }
}

/// An exact number of a record.
pub fn number(text: &str) -> Option<Rational> {
    match text.split_once('/') {
        Some((p, q)) => {
            Rational::parse_decimal(p).ok()?.checked_div(&Rational::parse_decimal(q).ok()?)
        }
        None => Rational::parse_decimal(text).ok(),
    }
}

/// Whether the point lies in a region of the query and meets its unwanted rows, exactly; where the network
/// has no exact outputs, by enclosures.
fn violates(world: &World, text: &[u8], inputs: &[Rational]) -> bool {
    let Ok(query) = crate::read::query(text) else { return false };
    if inputs.len() != world.graph.input_count() || query.matches(&world.graph).is_err() {
        return false;
    }
    let split = |flat: &[Rational]| -> Vec<Vec<Rational>> {
        let mut from = 0;
        world
            .graph
            .inputs
            .iter()
            .map(|id| {
                let len = world.graph.value(*id).len();
                from += len;
                flat[from - len..from].to_vec()
            })
            .collect()
    };
    if let Some(outputs) = ops::evaluate_exact(&world.graph, &split(inputs)) {
        let outputs: Vec<Rational> = outputs.into_iter().flatten().collect();
        return query.disjuncts.iter().any(|disjunct| {
            query.regions[disjunct.region as usize].contains(inputs)
                && disjunct.rows.iter().all(|row| row.holds_at(&row.value(inputs, &outputs)))
        });
    }
    // The judge of the search, which encloses; the point is taken as it stands if it is a float.
    let floats: Vec<f64> = inputs.iter().map(Rational::to_f64).collect();
    (0..query.disjuncts.len()).any(|disjunct| {
        matches!(
            crate::attack::judge(&world.graph, None, &query, disjunct, &floats),
            crate::attack::Judgement::Violates(_)
        )
    })
}

/// The first digits of a digest.
pub fn brief(digest: &str) -> String {
    digest.chars().take(12).collect()
}
