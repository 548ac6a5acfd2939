//! `plimsoll check`: the gate.

use super::args::{Limits, Switch, Talk, seconds};
use super::diagnostic::{Failure, FailureDocument};
use super::exit::Code;
use super::progress::Watcher;
use super::terminal::{self, Style};
use super::{document, files, findings, interrupt, today};
use clap::ValueEnum;
use plimsoll::gate::results::{Part, Results, SCHEMA};
use plimsoll::gate::{self, Answer, BuiltIn, Checker, Claimed, Gate, Listener, Settings, formats};
use plimsoll::search::Progress;
use plimsoll::spec::{self, Finding, OnUnknown, World};
use plimsoll::{Kind, Observer};
use plimsoll_check::proof::Summary;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Verify every property of a specification: the gate of a pipeline.
///
/// Each property is written as VNN-LIB, verified with a certificate, and the certificate is checked as it
/// lies in the output folder. What an earlier run proved is kept if its certificate is accepted again.
/// A property that holds without a certificate counts as undecided.
#[derive(clap::Args)]
#[command(after_long_help = CODES)]
pub struct Args {
    /// The specification, a TOML file.
    spec: PathBuf,
    /// The folder for queries, certificates and results [default: plimsoll-out beside the specification].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How strict to be: dev, staging, production, or a profile of the specification.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Only this property, or `tag:NAME`; may be repeated.
    #[arg(long, value_name = "ID")]
    select: Vec<String>,
    /// Seconds for each query; lowers the specification's own limits.
    #[arg(long, value_name = "S", value_parser = seconds)]
    timeout: Option<Duration>,
    #[command(flatten)]
    limits: Limits,
    /// Prove everything again.
    #[arg(long)]
    fresh: bool,
    /// A program that judges certificates instead of the checker that is built in, called as
    /// `PROGRAM MODEL QUERY CERTIFICATE`: plimsoll-check, built and kept apart.
    #[arg(long, value_name = "PROGRAM")]
    checker: Option<PathBuf>,
    /// The day for which allowances are judged [default: today, UTC].
    #[arg(long, value_name = "DATE", value_parser = today::parse)]
    today: Option<String>,
    /// What stdout gets: text, json, junit, sarif, github or markdown.
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true)]
    #[arg(default_value_t = Format::Text, hide_default_value = true, help_heading = "Output")]
    format: Format,
    /// Also write a form into a file: `junit=report.xml`; may be repeated.
    #[arg(long, value_name = "FORM=FILE", value_parser = report, help_heading = "Output")]
    report: Vec<(Format, PathBuf)>,
    /// Write events as JSON Lines into a file, schema plimsoll.event/1; the last line has the exit code.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    events: Option<PathBuf>,
    /// Whether stderr shows progress: auto, always or never [default: auto].
    #[arg(long, value_name = "WHEN", value_enum, hide_possible_values = true)]
    #[arg(default_value_t = Switch::Auto, hide_default_value = true, help_heading = "Output")]
    progress: Switch,
}

/// Forms of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// The record, schema plimsoll.check/1.
    Json,
    /// JUnit XML.
    Junit,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// A page for a step summary.
    Markdown,
}

const CODES: &str = "\
Exit codes:
  0  every property holds with an accepted certificate, or somebody signed for what is undecided
  1  a property is violated
  2  the specification or a file is wrong
  3  a property is undecided, or holds without a certificate, and nobody signed for it
  5  interrupted; run again, and what is proved is kept
  6  the checker refused a certificate that was just made";

fn report(text: &str) -> Result<(Format, PathBuf), String> {
    let (form, file) = text.split_once('=').ok_or("give FORM=FILE, such as junit=report.xml")?;
    let form = Format::from_str(form, true)
        .map_err(|_| "forms are text, json, junit, sarif, github and markdown")?;
    Ok((form, PathBuf::from(file)))
}

/// A checker that is a program of its own.
struct External(PathBuf);

impl Checker for External {
    fn check(&self, claimed: Claimed) -> Answer {
        let ran = Command::new(&self.0)
            .args([claimed.model, claimed.query, claimed.certificate])
            .stdin(Stdio::null())
            .output();
        match ran {
            Err(error) => Answer::Unusable(format!("`{}`: {error}", self.0.display())),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout);
                let said = said.lines().next().unwrap_or_default().to_string();
                match output.status.code() {
                    Some(0) => Answer::Valid(summary(&String::from_utf8_lossy(&output.stdout))),
                    Some(1) => Answer::Invalid(format!("`{}`: {said}", self.0.display())),
                    _ => Answer::Unusable(format!(
                        "`{}` ended with {}",
                        self.0.display(),
                        output.status
                    )),
                }
            }
        }
    }

    fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Counts as `plimsoll-check` says them: `7 nodes, 4 leaves, 9 conclusions, 1 of them by exact ...`.
fn summary(text: &str) -> Summary {
    let before = |word: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let at = words.iter().position(|found| found.trim_end_matches(',') == word);
        at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
    };
    Summary {
        nodes: before("nodes"),
        leaves: before("leaves"),
        steps: before("conclusions"),
        exact: before("of"),
    }
}

/// Says on stderr which query is at work.
struct Screen<'w> {
    watcher: &'w Watcher,
    shown: bool,
    events: Option<Mutex<File>>,
    started: Instant,
}

impl Screen<'_> {
    /// Writes an event; a disk that is full does not end the run.
    fn emit(&self, event: &str, more: serde_json::Value) {
        let Some(Ok(mut file)) = self.events.as_ref().map(Mutex::lock) else { return };
        let mut line = serde_json::json!({
            "schema": "plimsoll.event/1",
            "t": self.started.elapsed().as_secs_f64(),
            "event": event,
        });
        if let (Some(line), serde_json::Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        let _ = writeln!(file, "{line}").and_then(|()| file.flush());
    }
}

impl Observer for Screen<'_> {
    fn progress(&self, progress: &Progress) {
        self.watcher.progress(progress);
    }
}

impl Listener for Screen<'_> {
    fn began(&self, name: &str, place: usize, of: usize) {
        let found = serde_json::json!({"query": name, "place": place, "of": of});
        self.emit("query_started", found);
        if self.shown {
            self.watcher.clear();
            terminal::eprint(&format!("[{place}/{of}] {name}\n"));
        }
    }

    fn ended(&self, part: &Part) {
        let found = serde_json::json!({
            "query": part.name,
            "verdict": part.verdict,
            "proof": part.proof,
            "kept": part.kept,
            "reason": part.reason,
            "time_s": part.time_s,
        });
        self.emit("query_finished", found);
        if self.shown {
            self.watcher.clear();
            let kept = if part.kept { ", kept" } else { "" };
            terminal::eprint(&format!("        {}{kept}, {:.2} s\n", part.verdict, part.time_s));
        }
    }
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk) -> Code {
    match check(args, talk) {
        Ok(code) => code,
        Err(code) => code,
    }
}

fn fail(args: &Args, talk: &Talk, failure: &Failure) -> Code {
    if args.format == Format::Json {
        let document = FailureDocument { schema: SCHEMA, error: failure.document() };
        terminal::print(&document::line(&document));
    }
    failure.report(talk)
}

fn check(args: &Args, talk: &Talk) -> Result<Code, Code> {
    let cancelled = interrupt::flag();
    let day = args.today.clone().unwrap_or_else(today::today);
    let (world, found) = match World::load(&args.spec) {
        Ok(loaded) => loaded,
        Err(spec::Refusal::Unreadable(error)) => return Err(fail(args, talk, &error.into())),
        Err(spec::Refusal::Wrong { source, findings }) => {
            if args.format == Format::Json {
                let document = findings::document(SCHEMA, &args.spec, &source, &findings);
                terminal::print(&document::line(&document));
            }
            findings::report(&findings, &source, &args.spec, talk);
            return Err(Code::Input);
        }
    };
    let profile = match &args.profile {
        None => None,
        Some(name) => match world.spec.profile(name) {
            Some(profile) => Some((name.clone(), profile)),
            None => {
                let known: Vec<&str> = ["dev", "staging", "production"]
                    .into_iter()
                    .chain(world.spec.profiles.keys().map(String::as_str))
                    .collect();
                let help = format!("profiles are {}", known.join(", "));
                let message = format!("there is no profile `{name}`");
                return Err(fail(args, talk, &Failure::new(Kind::Parse, message, help)));
            }
        },
    };
    for word in &args.select {
        let known = world.spec.properties.iter().any(|property| match word.strip_prefix("tag:") {
            Some(tag) => property.tags.iter().any(|own| own == tag),
            None => property.id == *word,
        });
        if !known {
            let message = format!("`{word}` selects no property");
            let help = "give an id of a property, or tag:NAME";
            return Err(fail(args, talk, &Failure::new(Kind::Parse, message, help)));
        }
    }
    // Everything that makes a result worthless is an error before anything is verified; an allowance that
    // has ended is told by its property.
    let pins = profile.as_ref().is_some_and(|(_, profile)| profile.require_pins == Some(true));
    let mut all: Vec<Finding> = found;
    all.extend(spec::lint(&world, &day));
    all.retain(|finding| finding.code != "PL304");
    let unpinned = pins && all.iter().any(|finding| finding.code == "PL102");
    if spec::has_errors(&all) || unpinned {
        if args.format == Format::Json {
            let document = findings::document(SCHEMA, &args.spec, &world.source, &all);
            terminal::print(&document::line(&document));
        }
        findings::report(&all, &world.source, &args.spec, talk);
        if unpinned {
            terminal::eprint("error[PL102]: the profile asks for a pinned model\n");
        }
        return Err(Code::Input);
    }
    expired(&world, &day, talk);
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.spec.parent().unwrap_or(Path::new("")).join("plimsoll-out"));
    let settings = Settings {
        out: out.clone(),
        options: args.limits.options(args.timeout),
        profile,
        today: day,
        select: args.select.clone(),
        fresh: args.fresh,
        command: command(args),
    };
    let watcher = Watcher::new(Instant::now(), args.progress, None)
        .map_err(|failure| failure.report(talk))?;
    let shown = match args.progress {
        Switch::Always => true,
        Switch::Never => false,
        Switch::Auto => std::io::IsTerminal::is_terminal(&std::io::stderr()),
    } && !talk.quiet;
    let events = match &args.events {
        None => None,
        Some(path) => Some(Mutex::new(
            File::create(path).map_err(|error| Failure::unwritable(path, &error).report(talk))?,
        )),
    };
    let screen = Screen { watcher: &watcher, shown, events, started: Instant::now() };
    let external = args.checker.clone().map(External);
    let checker: &dyn Checker = match &external {
        Some(external) => external,
        None => &BuiltIn,
    };
    let gate = Gate { world: &world, settings: &settings, checker, listener: &screen, cancelled };
    let results = gate.run();
    watcher.clear();
    let code = match &results {
        Ok(results) => results.code,
        Err(gate::Failure::Input(_)) => Code::Input as u8,
        Err(gate::Failure::Internal(_)) => Code::Internal as u8,
    };
    screen.emit("gate_finished", serde_json::json!({"code": code}));
    let results = match results {
        Ok(results) => results,
        Err(gate::Failure::Input(error)) => return Err(fail(args, talk, &error.into())),
        Err(gate::Failure::Internal(why)) => {
            terminal::eprint(&format!(
                "internal error: {why}\n  = note: no verdict was given for it; prover and checker \
                 contradict each other\n  = help: please report it with the model and the query\n"
            ));
            return Err(Code::Internal);
        }
    };
    for note in &results.notes {
        terminal::eprint(&format!("note: {note}\n"));
    }
    for (form, path) in &args.report {
        let text = present(&results, *form, args, talk, &out);
        files::write_whole(path, text.as_bytes())
            .map_err(|error| Failure::unwritable(path, &error).report(talk))?;
    }
    if !terminal::print(&present(&results, args.format, args, talk, &out)) {
        return Err(Code::Input);
    }
    Ok(Code::of(results.code))
}

/// Says which allowances cover nothing any more.
fn expired(world: &World, day: &str, talk: &Talk) {
    if talk.quiet {
        return;
    }
    for property in &world.spec.properties {
        if let Some(OnUnknown::Allow(allowance)) = &property.on_unknown
            && allowance.until.as_str() < day
        {
            terminal::eprint(&format!(
                "warning[PL304]: the allowance of `{}` ended on {} and covers nothing\n",
                property.id, allowance.until
            ));
        }
    }
}

/// The command without what is of this machine only.
fn command(args: &Args) -> Vec<String> {
    let mut words = vec!["plimsoll".to_string(), "check".to_string()];
    words.push(args.spec.display().to_string());
    if let Some(out) = &args.out {
        words.extend(["--out".to_string(), out.display().to_string()]);
    }
    if let Some(profile) = &args.profile {
        words.extend(["--profile".to_string(), profile.clone()]);
    }
    for word in &args.select {
        words.extend(["--select".to_string(), word.clone()]);
    }
    if let Some(limit) = args.timeout {
        words.extend(["--timeout".to_string(), limit.as_secs_f64().to_string()]);
    }
    words
}

fn present(results: &Results, form: Format, args: &Args, talk: &Talk, out: &Path) -> String {
    let spec = args.spec.display().to_string();
    match form {
        Format::Json => results.to_text(),
        Format::Junit => formats::junit(results),
        Format::Sarif => formats::sarif(results, &spec),
        Format::Github => formats::github(results, &spec),
        Format::Markdown => formats::report(results),
        Format::Text => people(results, talk, out),
    }
}

fn people(results: &Results, talk: &Talk, out: &Path) -> String {
    let style = Style::stdout(talk.color);
    let mut text = String::new();
    let lines = formats::text(results);
    let width = lines.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    for (property, (id, rest)) in results.properties.iter().zip(lines) {
        let word = format!("{:9}", property.word());
        let word = match (property.gate.as_str(), property.word()) {
            ("pass", _) => style.green(&word),
            ("fail", "violated" | "error") => style.red(&word),
            _ => style.yellow(&word),
        };
        if !talk.quiet || property.gate == "fail" {
            text += &format!("{word}  {id:width$}  {rest}\n");
        }
    }
    let verdict = match results.code {
        0 => style.green("pass"),
        _ => style.red("fail"),
    };
    text += &format!(
        "{verdict}: {} (code {})\n  real semantics; {}\n  evidence in {}\n",
        formats::plain(&formats::summary(results)),
        results.code,
        results.checker,
        out.display()
    );
    text
}
