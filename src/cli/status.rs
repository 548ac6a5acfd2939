//! `plimsoll status`: which evidence is still about the present files.

use super::args::Talk;
use super::diagnostic::Failure;
use super::exit::Code;
use super::terminal::{self, Style};
use super::{document, findings};
use plimsoll::case::evidence::{Evidence, judge};
use plimsoll::gate::results::{FILE, Results};
use plimsoll::gate::{BuiltIn, formats};
use plimsoll::spec::{Finding, Pins, Refusal, World};
use plimsoll::{Error, Kind};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The schema of `--json`.
const SCHEMA: &str = "plimsoll.status/1";

/// Say which results are still about the present model, data and specification.
///
/// Every digest is computed again, every certificate checked again, every counterexample replayed.
/// Exit code 4 if something is stale.
#[derive(clap::Args)]
pub struct Args {
    /// The specification, a TOML file.
    spec: PathBuf,
    /// The folder of the results [default: plimsoll-out beside the specification].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON document, schema plimsoll.status/1, and nothing else.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Results with what they are worth.
pub struct Judged {
    pub world: World,
    pub results: Results,
    pub evidence: Vec<Evidence>,
}

/// Why nothing can be judged property by property.
pub enum Unjudged {
    /// Said already.
    Said(Code),
    /// The model cannot be read any more, or is another kind of model.
    Stale(String),
}

/// The folder of results of a specification.
pub fn folder(spec: &Path, out: &Option<PathBuf>) -> PathBuf {
    out.clone().unwrap_or_else(|| spec.parent().unwrap_or(Path::new("")).join("plimsoll-out"))
}

/// Reads results and judges them.
pub fn load(spec: &Path, out: &Path, talk: &Talk) -> Result<Judged, Unjudged> {
    let say = |error: Error| Unjudged::Said(Failure::from(error).report(talk));
    let path = out.join(FILE);
    let bytes = std::fs::read(&path).map_err(|error| {
        let message = format!("the results cannot be read: {error}");
        say(Error::new(Kind::Io, message)
            .in_file(&path)
            .help("`plimsoll check` writes them; --out names their folder"))
    })?;
    let results = Results::read(&bytes).map_err(|why| {
        say(Error::new(Kind::Parse, format!("the results cannot be used: {why}"))
            .in_file(&path)
            .help("run `plimsoll check` again; what is proved is kept where it can be"))
    })?;
    let world = match World::load_with(spec, Pins::Note) {
        Ok((world, found)) => {
            let pins: Vec<Finding> =
                found.into_iter().filter(|f| ["PL101", "PL119"].contains(&f.code)).collect();
            findings::report(&pins, &world.source, spec, talk);
            world
        }
        Err(Refusal::Unreadable(error)) => return Err(say(error)),
        Err(Refusal::Wrong { source, findings: found }) => {
            findings::report(&found, &source, spec, talk);
            // A specification that says itself is one thing, files that changed below it another.
            let files = ["PL101", "PL103", "PL112", "PL113", "PL114", "PL116", "PL119", "PL010"];
            let changed = found.iter().all(|finding| files.contains(&finding.code));
            return Err(match changed {
                true => {
                    Unjudged::Stale("a file of the specification cannot be used any more".into())
                }
                false => Unjudged::Said(Code::Input),
            });
        }
    };
    let evidence = judge(&world, &results, out, &BuiltIn);
    Ok(Judged { world, results, evidence })
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk) -> Code {
    let out = folder(&args.spec, &args.out);
    let Judged { results, evidence, .. } = match load(&args.spec, &out, talk) {
        Ok(judged) => judged,
        Err(Unjudged::Said(code)) => return code,
        Err(Unjudged::Stale(why)) => {
            if args.json {
                let found = json!({"schema": SCHEMA, "stale": true, "why": why, "properties": []});
                terminal::print(&document::line(&found));
            } else {
                terminal::print(&format!("stale: everything; {why}\n"));
            }
            return Code::Stale;
        }
    };
    let stale = evidence.iter().any(|evidence| !evidence.stale.is_empty());
    if args.json {
        let properties: Vec<serde_json::Value> = evidence
            .iter()
            .map(|evidence| {
                json!({
                    "id": evidence.id,
                    "state": evidence.state(),
                    "verdict": evidence.found.as_ref().map(|found| found.word()),
                    "accepted": evidence.accepted,
                    "why": evidence.stale,
                })
            })
            .collect();
        let document = json!({"schema": SCHEMA, "stale": stale, "properties": properties});
        terminal::print(&document::line(&document));
    } else {
        let style = Style::stdout(talk.color);
        let width = evidence.iter().map(|evidence| evidence.id.len()).max().unwrap_or(0);
        let mut text = String::new();
        for evidence in &evidence {
            let word = format!("{:7}", evidence.state());
            let word = match evidence.state() {
                "fresh" => style.green(&word),
                "stale" => style.red(&word),
                _ => style.yellow(&word),
            };
            let verdict = evidence.found.as_ref().map_or("never verified", |found| found.word());
            let mut line = format!("{word}  {:width$}  {verdict}", evidence.id);
            if evidence.accepted > 0 {
                line += &format!(
                    ", {} accepted again",
                    findings::counted(evidence.accepted, "certificate")
                );
            }
            for why in &evidence.stale {
                line += &format!("\n    {}", formats::plain(why));
            }
            text += &line;
            text.push('\n');
        }
        if !results.complete {
            text += "the run that wrote the results did not come to its end\n";
        }
        terminal::print(&text);
    }
    if stale { Code::Stale } else { Code::Fine }
}
