//! `plimsoll verify`: one query.

use super::args::{Asked, Limits, Switch, Talk, seconds};
use super::competition::Answer;
use super::diagnostic::{Failure, FailureDocument};
use super::document::{self, Document, SCHEMA};
use super::exit::Code;
use super::progress::Watcher;
use super::{files, interrupt, proof, report, standard, terminal};
use clap::ValueEnum;
use plimsoll::{Options, Outcome, Reason, Verdict, Verifier};
use plimsoll_check::graph::Graph;
use plimsoll_check::query::Query;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Decide one query: does a property hold for every input of a region?
///
/// The specification is a VNN-LIB text, which describes the unwanted: which inputs, and which outputs
/// must not occur. `holds` means that they occur nowhere, `violated` comes with an input where they do,
/// and `unknown` says why neither was established.
#[derive(clap::Args)]
#[command(
    override_usage = "plimsoll verify [OPTIONS] MODEL SPEC\n       \
                      plimsoll verify [OPTIONS] QUERY --network NAME=MODEL",
    after_long_help = EXAMPLES
)]
pub struct Args {
    /// The model, an ONNX file (with --network: the query).
    #[arg(value_name = "MODEL")]
    first: PathBuf,
    /// The specification, a VNN-LIB 1.0 or 2.0 file.
    #[arg(value_name = "SPEC", required_unless_present = "network", conflicts_with = "network")]
    second: Option<PathBuf>,
    /// The model of a network that the query declares; the output is then that of the standard's solver
    /// interface.
    #[arg(long, value_name = "NAME=MODEL", value_parser = standard::network)]
    network: Vec<(String, PathBuf)>,
    /// Write an assignment as NAME.pb files into this folder instead of stdout.
    #[arg(long, value_name = "DIR", requires = "network")]
    serialise_assignments: Option<PathBuf>,
    /// Seconds after which the answer is `unknown`, possibly with a fraction [default: no limit].
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    timeout: Option<Duration>,
    #[command(flatten)]
    limits: Limits,
    /// What stdout gets: `human`, or `vnncomp` for the competition's words and witness.
    #[arg(long, value_name = "FORM", value_enum, hide_possible_values = true)]
    #[arg(default_value_t = Format::Human, hide_default_value = true, help_heading = "Output")]
    #[arg(conflicts_with = "network")]
    format: Format,
    /// Write the competition's words and witness into a file.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    results: Option<PathBuf>,
    /// Print one JSON document, schema plimsoll.verify/1, and nothing else.
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,
    /// Write progress and result as JSON Lines into a file, or to stdout for `-`, which then gets
    /// nothing else.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    events: Option<PathBuf>,
    /// Write the query as SMT-LIB 2 text into a file: satisfiable where the property is violated.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    smtlib: Option<PathBuf>,
    /// Write the certificate of `holds` into a file, after the independent checker has accepted it;
    /// `plimsoll-check MODEL SPEC FILE` checks it again.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    proof: Option<PathBuf>,
    /// Say what was chosen, and why.
    #[arg(long, help_heading = "Output")]
    explain_strategy: bool,
    /// Whether stderr shows a line of progress: auto, always or never [default: auto].
    #[arg(long, value_name = "WHEN", value_enum, hide_possible_values = true)]
    #[arg(default_value_t = Switch::Auto, hide_default_value = true, help_heading = "Output")]
    progress: Switch,
}

/// Forms of stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// `unsat`, `sat` with a witness, `unknown`, `timeout` or `error`.
    Vnncomp,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll verify models/collision/avoid.onnx specs/collision/head_on_turns.vnnlib
  plimsoll verify models/digits/digits.onnx specs/digits/image187_is_2_eps0.06.vnnlib --timeout 20
  As a program reads it:
      plimsoll verify model.onnx spec.vnnlib --json
  As a competition calls it:
      plimsoll verify model.onnx spec.vnnlib --timeout 116 --results result.txt
  As the VNN-LIB standard has it (the query names its network `avoid`):
      plimsoll verify specs/collision/head_on_gain_v2.vnnlib \\
          --network avoid=models/collision/avoid.onnx

Exit codes: 0 holds, 1 violated, 2 wrong input, 3 unknown, 5 interrupted, 6 internal error.
Ctrl-C ends the search and answers with what is known; a second one ends at once.";

/// What stdout is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stdout {
    People,
    Competition,
    Standard,
    Json,
    Events,
}

impl Args {
    fn stdout(&self) -> Stdout {
        if self.events.as_deref() == Some(Path::new("-")) {
            Stdout::Events
        } else if self.json {
            Stdout::Json
        } else if !self.network.is_empty() {
            Stdout::Standard
        } else if self.format == Format::Vnncomp {
            Stdout::Competition
        } else {
            Stdout::People
        }
    }

    fn asks_for_reals(&self) -> bool {
        self.limits.semantics == Some(Asked::Real)
    }
}

/// A query that was answered.
struct Answered {
    model: PathBuf,
    spec: PathBuf,
    graph: Graph,
    query: Query,
    outcome: Outcome,
    proof: Option<proof::Written>,
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk, started: Instant) -> Code {
    let watcher = match Watcher::new(started, args.progress, args.events.as_deref()) {
        Ok(watcher) => watcher,
        Err(failure) => return failure.report(talk),
    };
    let result = catch_unwind(AssertUnwindSafe(|| answer(args, &watcher, started)));
    watcher.clear();
    let result = result.unwrap_or_else(|panic| {
        write_error(args);
        resume_unwind(panic)
    });
    let presented = result.and_then(|answered| present(args, talk, &answered, &watcher, started));
    presented.unwrap_or_else(|failure| {
        write_error(args);
        if args.stdout() == Stdout::Json {
            let document = FailureDocument { schema: SCHEMA, error: failure.document() };
            terminal::print(&document::line(&document));
        }
        watcher.fail(&failure, Code::Input);
        failure.report(talk)
    })
}

/// The competition's word for a failure, where it is wanted.
fn write_error(args: &Args) {
    if args.stdout() == Stdout::Competition {
        terminal::print("error\n");
    }
    if let Some(path) = &args.results {
        // The failure itself is what is reported.
        let _ = files::write_whole(path, b"error\n");
    }
}

fn answer(args: &Args, watcher: &Watcher, started: Instant) -> Result<Answered, Failure> {
    let cancelled = interrupt::flag();
    let (model, spec) = match &args.second {
        Some(spec) => (args.first.clone(), spec.clone()),
        None => (standard::single(&args.network)?, args.first.clone()),
    };
    watcher.begin(&model, &spec);
    let text = plimsoll::read::file(&spec)?;
    let query = plimsoll::read::query(&text).map_err(|error| error.in_file(&spec))?;
    if !args.network.is_empty() {
        standard::accept(&query, &args.network, args.limits.options(None).semantics)
            .map_err(|failure| failure.in_file(&spec))?;
    }
    let graph = plimsoll::read::model(&model)?;
    if let Some(path) = &args.smtlib {
        query.matches(&graph).map_err(|error| error.in_file(&spec))?;
        let network = plimsoll::ops::lower(&graph).map_err(|error| error.in_file(&model))?;
        let text = plimsoll::backend::smtlib::whole(&network, &query)
            .map_err(|error| error.in_file(&model))?;
        files::write_whole(path, text.as_bytes())
            .map_err(|error| Failure::unwritable(path, &error))?;
    }
    // The limit is the user's, who does not count from the end of reading.
    let left = args.timeout.map(|limit| limit.saturating_sub(started.elapsed()));
    let options = Options { proof: args.proof.is_some(), ..args.limits.options(left) };
    let outcome = Verifier::new(options)
        .observe(watcher)
        .cancel_with(cancelled)
        .verify(&graph, &query)
        .map_err(|error| error.in_file(&spec))?;
    let proof = match &args.proof {
        Some(path) => proof::write(path, (&model, &spec), &outcome)?,
        None => None,
    };
    Ok(Answered { model, spec, graph, query, outcome, proof })
}

/// Says the answer in every form that was asked for.
fn present(
    args: &Args,
    talk: &Talk,
    answered: &Answered,
    watcher: &Watcher,
    started: Instant,
) -> Result<Code, Failure> {
    let Answered { model, spec, graph, query, outcome, proof: written } = answered;
    let words = Answer::of(outcome, query, args.asks_for_reals());
    let time = started.elapsed();
    if let Some(path) = &args.results {
        files::write_whole(path, words.competition(query).as_bytes())
            .map_err(|error| Failure::unwritable(path, &error))?;
    }
    let (seed, timeout) = (args.limits.seed, args.timeout);
    let document = Document::new(
        (model, graph),
        (spec, query),
        outcome,
        written.as_ref(),
        seed,
        timeout,
        time,
    );
    let stdout = args.stdout();
    let (text, code) = match stdout {
        Stdout::People => {
            let explain = args.explain_strategy;
            (
                report::report(graph, query, outcome, written.as_ref(), time, explain, talk),
                code_of(&outcome.verdict),
            )
        }
        Stdout::Json => (document::line(&document), code_of(&outcome.verdict)),
        Stdout::Events => (String::new(), code_of(&outcome.verdict)),
        Stdout::Competition => (words.competition(query), code_of_words(&words, outcome)),
        Stdout::Standard => {
            let folder = args.serialise_assignments.as_deref();
            (standard::text(&words, query, folder)?, code_of_words(&words, outcome))
        }
    };
    if matches!(stdout, Stdout::Competition | Stdout::Standard) {
        talk_beside(args, talk, answered, &words);
    }
    // A proof was asked for, and there is none: what was asked is not decided.
    let code = if proof::missing(outcome).is_some() { code.and(Code::Undecided) } else { code };
    let code = if terminal::print(&text) { code } else { Code::Input };
    watcher.end(&document, code);
    Ok(code)
}

/// What stdout has no room for.
fn talk_beside(args: &Args, talk: &Talk, answered: &Answered, words: &Answer) {
    if talk.quiet {
        return;
    }
    let outcome = &answered.outcome;
    let mut lines = Vec::new();
    match (&outcome.verdict, words) {
        (Verdict::Violated(_), Answer::Unknown) => lines.push(
            "violated over the reals, but no execution confirms it; --semantics real says `sat`"
                .to_string(),
        ),
        (Verdict::Holds, Answer::Unknown) => lines.push(
            "holds over the reals, but an execution comes out otherwise; --semantics real says \
             `unsat`"
                .to_string(),
        ),
        (Verdict::Holds | Verdict::Unknown(_), Answer::Sat(_)) => lines.push(
            "an execution in the model's float type violates; the real network does not there"
                .to_string(),
        ),
        (Verdict::Unknown(reason), _) => lines.push(reason.to_string()),
        _ => {}
    }
    lines.extend(outcome.notes.iter().cloned());
    if args.explain_strategy || talk.verbose {
        lines.extend(outcome.strategy.iter().cloned());
    }
    for line in lines {
        terminal::eprint(&format!("note: {line}\n"));
    }
}

/// The exit code of a verdict.
fn code_of(verdict: &Verdict) -> Code {
    match verdict {
        Verdict::Holds => Code::Fine,
        Verdict::Violated(_) => Code::Violated,
        Verdict::Unknown(Reason::Interrupted) => Code::Interrupted,
        Verdict::Unknown(_) => Code::Undecided,
    }
}

/// The exit code that goes with the words on stdout.
fn code_of_words(words: &Answer, outcome: &Outcome) -> Code {
    match words {
        Answer::Unsat => Code::Fine,
        Answer::Sat(_) => Code::Violated,
        Answer::Unknown | Answer::Timeout => match code_of(&outcome.verdict) {
            Code::Interrupted => Code::Interrupted,
            _ => Code::Undecided,
        },
    }
}
