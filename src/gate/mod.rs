//! The gate: all properties of a specification, verified with certificates that are checked at once.
//!
//! What is verified is the expanded VNN-LIB text, which is written into the output folder beside its
//! certificate. What an earlier run proved is kept if the certificate is accepted again.
//!
//! ```
//! use plimsoll::gate::{BuiltIn, Gate, Settings, Silent};
//! use plimsoll::{Options, spec::World};
//!
//! let Ok((world, _)) = World::load("specs/thermostat.toml".as_ref()) else { panic!("it is a good one") };
//! let out = std::env::temp_dir().join(format!("plimsoll-doc-{}", std::process::id()));
//! let settings = Settings {
//!     out: out.clone(),
//!     options: Options::default(),
//!     profile: world.spec.profile("staging").map(|profile| ("staging".to_string(), profile)),
//!     today: "2026-11-25".to_string(),
//!     select: vec!["hot-room-rests".to_string()],
//!     fresh: false,
//!     command: Vec::new(),
//! };
//! let gate = Gate {
//!     world: &world,
//!     settings: &settings,
//!     checker: &BuiltIn,
//!     listener: &Silent,
//!     cancelled: Default::default(),
//! };
//! let Ok(results) = gate.run() else { panic!("the folder can be written") };
//! assert_eq!((results.code, results.count("holds")), (0, 1));
//! # std::fs::remove_dir_all(&out).unwrap();
//! ```

mod checker;
mod conclude;
pub mod formats;
mod replay;
pub mod results;
pub mod store;

use crate::attack::Counterexample;
use crate::search::Progress;
use crate::spec::{self, Language, Profile, SEVERITIES, World, expand};
use crate::{Error, Kind, Observer, Options, Outcome, Verdict, Verifier};
pub use checker::{Answer, BuiltIn, Checker, Claimed};
use conclude::advice;
pub use conclude::aggregate;
use plimsoll_check::number::Rational;
use plimsoll_check::proof;
use plimsoll_check::query::Query;
use results::{Certificate, File, Part, Point, Property, Results, Run, SCHEMA, Skipped, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Settings of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The output folder.
    pub out: PathBuf,
    /// Limits of each query; its timeout lowers those of properties.
    pub options: Options,
    /// The profile's name and what it asks.
    pub profile: Option<(String, Profile)>,
    /// The day for which allowances are judged, `YYYY-MM-DD`.
    pub today: String,
    /// Ids or `tag:NAME`; empty for all.
    pub select: Vec<String>,
    /// Whether everything is proved again.
    pub fresh: bool,
    /// The command, for the record.
    pub command: Vec<String>,
}

/// Is told how a run comes along.
pub trait Listener: Observer {
    /// A query is begun: its name, its place and their number.
    fn began(&self, name: &str, place: usize, of: usize);
    /// A query is done.
    fn ended(&self, part: &Part);
}

/// Why a run has no results.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The input is wrong.
    Input(Error),
    /// A certificate that was just made is refused.
    Internal(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Input(error)
    }
}

/// The exit code of two findings together: an error outranks a finding.
pub fn worse(one: u8, other: u8) -> u8 {
    const ORDER: [u8; 7] = [6, 2, 5, 1, 3, 4, 0];
    let rank = |code: u8| ORDER.iter().position(|known| *known == code);
    if rank(one) <= rank(other) { one } else { other }
}

/// The line and the column of a byte, both from 1.
pub fn position(source: &str, offset: usize) -> (usize, usize) {
    let before = &source.as_bytes()[..offset.min(source.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (line, before.len() - start + 1)
}

/// The digest of what a verdict means.
pub fn key(model_sha256: &str, query_sha256: &str) -> String {
    let text = format!("plimsoll result 1\nmodel {model_sha256}\nquery {query_sha256}\nreal\n");
    crate::read::sha256(text.as_bytes())
}

/// A run of the gate.
pub struct Gate<'g> {
    /// The specification with its files.
    pub world: &'g World,
    /// Settings.
    pub settings: &'g Settings,
    /// Who judges certificates.
    pub checker: &'g dyn Checker,
    /// Who is told how it comes along.
    pub listener: &'g dyn Listener,
    /// Ends the run early when raised.
    pub cancelled: Arc<AtomicBool>,
}

impl Gate<'_> {
    /// Verifies every selected property, and writes the results after each query.
    ///
    /// # Errors
    /// If nothing is selected, the output folder cannot be written, or a certificate that was just made
    /// is refused.
    pub fn run(&self) -> Result<Results, Failure> {
        let started = Instant::now();
        let settings = self.settings;
        let world = self.world;
        let unwritable = |path: &Path, error: &std::io::Error| {
            let message = format!("the output folder cannot be written: {error}");
            Error::new(Kind::Io, message).in_file(path)
        };
        fs::create_dir_all(&settings.out).map_err(|error| unwritable(&settings.out, &error))?;
        let mut results = self.blank();
        let mut before = self.before(&mut results.notes);
        let selected: Vec<&spec::Property> =
            world.spec.properties.iter().filter(|p| self.is_selected(p)).collect();
        if selected.is_empty() {
            let error =
                Error::new(Kind::Parse, "no property is selected, so nothing would be shown");
            return Err(error.help("ids and tags are those of the specification").into());
        }
        let path = settings.out.join(results::FILE);
        let save = |results: &Results| {
            store::write(&path, results.to_text().as_bytes())
                .map_err(|error| unwritable(&path, &error))
        };
        let carried = |before: &BTreeMap<String, Part>| -> Vec<Part> {
            before.values().filter(|part| part.certificate.is_some()).cloned().collect()
        };
        results.carried = carried(&before);
        save(&results)?;
        let mut work = Vec::new();
        for property in selected {
            work.push((property, expand(world, property, Language::Two)));
        }
        let total: usize = work.iter().map(|(_, e)| e.as_ref().map_or(0, |e| e.parts.len())).sum();
        let mut done = 0;
        for (property, expansion) in work {
            let begun = Instant::now();
            let mut found = self.blank_property(property);
            match expansion {
                Err(problem) => {
                    found.verdict = "error".into();
                    found.why = problem.to_string();
                }
                Ok(expansion) => {
                    found.skipped = expansion
                        .skipped
                        .into_iter()
                        .map(|(row, why)| Skipped { row, why })
                        .collect();
                    for part in &expansion.parts {
                        done += 1;
                        self.listener.began(&part.name, done, total);
                        match self.part(property, part, &mut before) {
                            Ok(part) => {
                                self.listener.ended(&part);
                                found.parts.push(part);
                            }
                            Err(Failure::Input(error)) => {
                                found.verdict = "error".into();
                                found.why = error.to_string();
                                found.next = error.help;
                            }
                            Err(internal) => return Err(internal),
                        }
                        // What is known so far survives whatever comes next.
                        results.properties.push(found.clone());
                        results.carried = carried(&before);
                        save(&results)?;
                        results.properties.pop();
                    }
                }
            }
            self.conclude(property, &mut found);
            found.time_s = begun.elapsed().as_secs_f64();
            results.code = worse(results.code, self.code(&found));
            results.properties.push(found);
            save(&results)?;
        }
        // A run over a part of the properties keeps what is known of the others.
        results.carried = match settings.select.is_empty() {
            true => Vec::new(),
            false => carried(&before),
        };
        results.complete = !self.cancelled.load(Ordering::Relaxed);
        results.run.time_s = started.elapsed().as_secs_f64();
        save(&results)?;
        Ok(results)
    }

    fn is_selected(&self, property: &spec::Property) -> bool {
        let select = &self.settings.select;
        select.is_empty()
            || select.iter().any(|word| match word.strip_prefix("tag:") {
                Some(tag) => property.tags.iter().any(|own| own == tag),
                None => *word == property.id,
            })
    }

    fn blank(&self) -> Results {
        let World { spec, .. } = self.world;
        let settings = self.settings;
        let file =
            |name: &Path| name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut data: BTreeMap<String, File> = BTreeMap::new();
        for set in &spec.points {
            if let Some(table) = self.world.points.get(&set.id) {
                let entry = File { file: set.file.clone(), sha256: table.sha256.clone() };
                data.insert(set.id.clone(), entry);
            }
        }
        Results {
            schema: SCHEMA.into(),
            plimsoll: env!("CARGO_PKG_VERSION").into(),
            complete: false,
            code: 0,
            id: spec.id.clone(),
            title: spec.title.clone(),
            spec: File {
                file: file(&self.world.path),
                sha256: crate::read::sha256(self.world.source.as_bytes()),
            },
            model: File { file: spec.model.path.clone(), sha256: self.world.model_sha256.clone() },
            data,
            semantics: "real".into(),
            profile: settings.profile.as_ref().map(|(name, _)| name.clone()),
            select: (!settings.select.is_empty()).then(|| settings.select.join(",")),
            today: settings.today.clone(),
            checker: self.checker.name(),
            properties: Vec::new(),
            carried: Vec::new(),
            notes: Vec::new(),
            run: Run { time_s: 0.0, command: settings.command.clone() },
        }
    }

    /// What an earlier run left in the output folder, by what it means.
    fn before(&self, notes: &mut Vec<String>) -> BTreeMap<String, Part> {
        let path = self.settings.out.join(results::FILE);
        let Ok(bytes) = fs::read(&path) else { return BTreeMap::new() };
        if self.settings.fresh {
            return BTreeMap::new();
        }
        match Results::read(&bytes) {
            Ok(results) => results
                .properties
                .into_iter()
                .flat_map(|property| property.parts)
                .chain(results.carried)
                .map(|part| (part.key.clone(), part))
                .collect(),
            Err(why) => {
                notes.push(format!("an earlier {} was not used: {why}", results::FILE));
                BTreeMap::new()
            }
        }
    }

    fn blank_property(&self, property: &spec::Property) -> Property {
        Property {
            id: property.id.clone(),
            kind: property.claim.kind().into(),
            text: property.text.clone(),
            requirements: property.requirements.clone(),
            severity: self.world.spec.severity(property).map(|at| SEVERITIES[at].to_string()),
            line: position(&self.world.source, property.span.start).0,
            verdict: "unknown".into(),
            proof: "none".into(),
            vacuous: false,
            gate: "fail".into(),
            why: String::new(),
            next: None,
            allowance: None,
            parts: Vec::new(),
            skipped: Vec::new(),
            time_s: 0.0,
        }
    }

    /// Verifies one query.
    fn part(
        &self,
        property: &spec::Property,
        part: &spec::Part,
        before: &mut BTreeMap<String, Part>,
    ) -> Result<Part, Failure> {
        let begun = Instant::now();
        let folder = &self.settings.out;
        let query_path = folder.join(format!("{}.vnnlib", part.name));
        let certificate_path = folder.join(format!("{}.plim", part.name));
        let unwritable = |path: &Path, error: &std::io::Error| {
            Error::new(Kind::Io, format!("the file cannot be written: {error}")).in_file(path)
        };
        let text = match self.world.texts.get(&property.id) {
            Some(bytes) => bytes.as_slice(),
            None => part.text.as_bytes(),
        };
        store::write(&query_path, text).map_err(|error| unwritable(&query_path, &error))?;
        let sha256 = crate::read::sha256(text);
        let mut found = Part {
            name: part.name.clone(),
            what: part.what.clone(),
            row: part.row,
            key: key(&self.world.model_sha256, &sha256),
            query: File { file: format!("{}.vnnlib", part.name), sha256 },
            verdict: "unknown".into(),
            vacuous: false,
            proof: "none".into(),
            certificate: None,
            unchecked: None,
            reason: None,
            message: None,
            next: None,
            share: 0.0,
            boxes: 0,
            worst: None,
            counterexample: None,
            near_misses: Vec::new(),
            strategy: Vec::new(),
            notes: Vec::new(),
            kept: false,
            time_s: 0.0,
        };
        let model_path = self.model_path();
        let claimed =
            Claimed { model: &model_path, query: &query_path, certificate: &certificate_path };
        let query = crate::read::query(text).map_err(|error| error.in_file(&query_path))?;
        found.vacuous = query.is_vacuous();
        if let Some(kept) = self.keep(before.remove(&found.key), &found, claimed) {
            return Ok(kept);
        }
        // A certificate of something else must not lie beside this query.
        if certificate_path.is_file() {
            fs::remove_file(&certificate_path)
                .map_err(|error| unwritable(&certificate_path, &error))?;
        }
        let outcome = self.verify(property, &query)?;
        found.share = outcome.progress.share;
        found.boxes = outcome.progress.boxes;
        found.worst = outcome.progress.worst.is_finite().then_some(outcome.progress.worst);
        found.vacuous = outcome.vacuous;
        found.strategy = outcome.strategy.clone();
        found.notes = outcome.notes.clone();
        found.near_misses = outcome.near_misses.iter().map(|point| self.point(point)).collect();
        match &outcome.verdict {
            Verdict::Holds => {
                found.verdict = "holds".into();
                self.certify(&outcome, text, claimed, &mut found)?;
            }
            Verdict::Violated(point) => {
                found.verdict = "violated".into();
                let point = self.point(point);
                let path = folder.join(format!("{}.replay.py", found.name));
                let script = replay::script(self.world, &found.name, &point);
                store::write(&path, script.as_bytes())
                    .map_err(|error| unwritable(&path, &error))?;
                found.counterexample = Some(point);
            }
            Verdict::Unknown(reason) => {
                found.reason = Some(reason.name().into());
                found.message = Some(reason.to_string());
                found.next = Some(advice(reason).into());
            }
        }
        found.time_s = begun.elapsed().as_secs_f64();
        Ok(found)
    }

    fn model_path(&self) -> PathBuf {
        let folder = self.world.path.parent().unwrap_or(Path::new(""));
        folder.join(&self.world.spec.model.path)
    }

    /// A verdict of an earlier run, if its certificate is accepted again.
    fn keep(&self, before: Option<Part>, now: &Part, claimed: Claimed) -> Option<Part> {
        let mut before = before?;
        let certificate = before.certificate.clone()?;
        let same = before.verdict == "holds" && before.name == now.name;
        if !same || certificate.file != format!("{}.plim", now.name) {
            return None;
        }
        let begun = Instant::now();
        let Answer::Valid(_) = self.checker.check(claimed) else { return None };
        let bytes = fs::read(claimed.certificate).ok()?;
        before.certificate = Some(Certificate {
            sha256: crate::read::sha256(&bytes),
            bytes: bytes.len() as u64,
            check_s: begun.elapsed().as_secs_f64(),
            ..certificate
        });
        before.kept = true;
        // What the checker has not seen is not taken from the record.
        Some(Part {
            what: now.what.clone(),
            query: now.query.clone(),
            row: now.row,
            vacuous: now.vacuous,
            proof: "valid".into(),
            unchecked: None,
            reason: None,
            message: None,
            next: None,
            share: 1.0,
            counterexample: None,
            ..before
        })
    }

    /// Searches with a proof.
    fn verify(&self, property: &spec::Property, query: &Query) -> Result<Outcome, Error> {
        let limit = [property.timeout, self.settings.options.timeout].into_iter().flatten().min();
        let options = Options { timeout: limit, proof: true, ..self.settings.options.clone() };
        Verifier::new(options)
            .observe(self.listener)
            .cancel_with(self.cancelled.clone())
            .verify(&self.world.graph, query)
    }

    /// Writes the certificate of `holds` and has it judged as it lies in the folder.
    fn certify(
        &self,
        outcome: &Outcome,
        text: &[u8],
        claimed: Claimed,
        found: &mut Part,
    ) -> Result<(), Failure> {
        if let Some(hole) = outcome.holes.first() {
            found.unchecked = Some(format!("{} says so, and nothing has checked it", hole.kind));
            found.next = Some("let another back-end decide: --backend auto".into());
            return Ok(());
        }
        let trees = match &outcome.proof {
            Some(Ok(trees)) => trees.clone(),
            Some(Err(error)) => {
                found.unchecked = Some(error.to_string());
                found.next = error.help.clone().or_else(|| {
                    Some("a smaller region, or a share of it, may have a certificate".into())
                });
                return Ok(());
            }
            None => {
                found.unchecked = Some("the search that decided it writes no certificate".into());
                found.next = Some("let another back-end decide: --backend auto".into());
                return Ok(());
            }
        };
        let certificate = proof::Certificate {
            model: proof::digest(&self.world.model_bytes),
            query: proof::digest(text),
            trees,
        };
        let path = claimed.certificate;
        let unwritable = |error: std::io::Error| {
            Error::new(Kind::Io, format!("the file cannot be written: {error}")).in_file(path)
        };
        let mut bytes = Vec::new();
        certificate.write(&mut bytes).map_err(unwritable)?;
        store::write(path, &bytes).map_err(unwritable)?;
        let begun = Instant::now();
        match self.checker.check(claimed) {
            Answer::Valid(summary) => {
                found.proof = "valid".into();
                found.certificate = Some(Certificate {
                    file: format!("{}.plim", found.name),
                    sha256: crate::read::sha256(&bytes),
                    bytes: bytes.len() as u64,
                    nodes: summary.nodes,
                    leaves: summary.leaves,
                    steps: summary.steps,
                    exact_steps: summary.exact,
                    check_s: begun.elapsed().as_secs_f64(),
                });
                Ok(())
            }
            Answer::Invalid(why) => Err(Failure::Internal(format!(
                "the checker refuses the certificate of `{}`: {why}",
                found.name
            ))),
            Answer::Unusable(why) => {
                let message = format!("the checker cannot be used: {why}");
                Err(Error::new(Kind::Io, message).into())
            }
        }
    }

    /// A point in the user's terms.
    fn point(&self, found: &Counterexample) -> Point {
        let spec = &self.world.spec;
        let inputs = found.inputs.iter().enumerate().map(|(at, value)| Value {
            name: spec.input_name(at),
            unit: spec.input_at(at).and_then(|(input, _)| input.unit.clone()),
            value: spec.to_physical(at, value).to_string(),
            model: value.to_string(),
        });
        let outputs = found.outputs.iter().enumerate().map(|(at, value)| Value {
            name: spec.output.labels.get(at).cloned().unwrap_or_else(|| format!("output {at}")),
            unit: spec.output.unit.clone(),
            value: spec.output_physical(value).to_string(),
            model: value.to_string(),
        });
        let decision = spec.output.decision.and_then(|least| {
            let better = |a: &Rational, b: &Rational| if least { a < b } else { a > b };
            let outputs = &found.outputs;
            (0..outputs.len())
                .find(|w| (0..outputs.len()).all(|o| o == *w || better(&outputs[*w], &outputs[o])))
        });
        Point {
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            decision: decision.and_then(|at| spec.output.labels.get(at).cloned()),
            exact: found.exact,
            representable: found.representable,
            execution_violates: found.execution_violates,
        }
    }
}

/// Sees nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn progress(&self, _: &Progress) {}
}

impl Listener for Silent {
    fn began(&self, _: &str, _: usize, _: usize) {}
    fn ended(&self, _: &Part) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_outranks_a_finding() {
        let order = [6, 2, 5, 1, 3, 4, 0];
        for (place, code) in order.iter().enumerate() {
            for other in &order[place..] {
                assert_eq!(worse(*code, *other), *code);
                assert_eq!(worse(*other, *code), *code);
            }
        }
    }

    #[test]
    fn places_are_counted_from_one() {
        assert_eq!(position("ab\nc", 0), (1, 1));
        assert_eq!(position("ab\nc", 2), (1, 3));
        assert_eq!(position("ab\nc", 3), (2, 1));
        assert_eq!(position("ab\nc", 99), (2, 2));
    }
}
