//! `plimsoll suite`: many queries, each in a process of its own.

mod child;
mod list;
mod record;
mod summary;

use super::args::{Asked, Limits, Switch, Talk, seconds};
use super::diagnostic::Failure;
use super::exit::Code;
use super::interrupt;
use super::memory;
use super::progress::Line;
use super::terminal::{self, Style};
use list::Instance;
use plimsoll::{Backend, Kind};
use record::{Record, Results};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Decide the queries of a list, one after another or side by side.
///
/// Each runs in a process of its own: whatever becomes of it, the suite goes on.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The list: rows `model,spec,timeout` without a header as VNN-COMP has them, or a CSV with the
    /// columns model (or onnx), spec (or vnnlib) and timeout (or timeout_s); paths are relative to it.
    #[arg(value_name = "INSTANCES.csv")]
    list: PathBuf,
    /// Most seconds an instance may take, whatever the list says.
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    cap: Option<Duration>,
    /// Instances that run side by side; threads and memory are shared between them.
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    #[command(flatten)]
    limits: Limits,
    /// Write a row into this file as each instance ends.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    csv: Option<PathBuf>,
    /// Do not run again what the file of --csv has; its rows count as they stand.
    #[arg(long, requires = "csv", help_heading = "Output")]
    resume: bool,
    /// Whether stderr shows a line of progress: auto, always or never [default: auto].
    #[arg(long, value_name = "WHEN", value_enum, hide_possible_values = true)]
    #[arg(default_value_t = Switch::Auto, hide_default_value = true, help_heading = "Output")]
    progress: Switch,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll suite specs/instances.csv
  plimsoll suite specs/instances.csv --cap 10 --jobs 2 --csv results.csv
  After an interruption:
      plimsoll suite specs/instances.csv --cap 10 --jobs 2 --csv results.csv --resume

Exit codes: 0 all hold, 1 some are violated, 2 some input is wrong, 3 some are undecided,
5 interrupted, 6 internal error; when several apply, the first of 6, 2, 5, 1, 3, 0.";

/// What all instances have in common.
pub struct Settings {
    program: PathBuf,
    list: PathBuf,
    cap: Option<Duration>,
    flags: Vec<String>,
    cancelled: Arc<AtomicBool>,
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk, started: Instant) -> Code {
    match suite(args, talk, started) {
        Ok(code) => code,
        Err(failure) => failure.report(talk),
    }
}

fn suite(args: &Args, talk: &Talk, started: Instant) -> Result<Code, Failure> {
    let instances = list::read(&args.list)?;
    let (results, known) = match &args.csv {
        None => (None, Vec::new()),
        Some(path) => {
            let (results, known) = Results::open(path, args.resume)?;
            (Some(results), known)
        }
    };
    let program = std::env::current_exe().map_err(|error| {
        let message = format!("the program's own file cannot be found: {error}");
        Failure::new(Kind::Io, message, "the suite starts it once for each instance")
    })?;
    let settings = Settings {
        program,
        list: args.list.clone(),
        cap: args.cap,
        flags: flags(args),
        cancelled: interrupt::flag(),
    };
    let known: HashMap<(&str, &str), &Record> =
        known.iter().map(|row| ((row.model.as_str(), row.spec.as_str()), row)).collect();
    let mut records: Vec<Option<Record>> = instances
        .iter()
        .map(|i| known.get(&(i.model.as_str(), i.spec.as_str())).map(|row| (*row).clone()))
        .collect();
    let left: Vec<usize> = (0..instances.len()).filter(|at| records[*at].is_none()).collect();
    let line = Line::new(args.progress).filter(|_| !talk.quiet);
    let run = Run {
        instances: &instances,
        settings: &settings,
        left: &left,
        next: AtomicUsize::new(0),
        style: Style::stdout(talk.color),
        quiet: talk.quiet,
        line,
        started,
    };
    run.all(&mut records, results, args)?;

    let rows: Vec<(&Instance, &Record)> = instances
        .iter()
        .zip(&records)
        .filter_map(|(instance, record)| Some((instance, record.as_ref()?)))
        .collect();
    let mut code = rows.iter().fold(Code::Fine, |code, (_, record)| code.and(record.code()));
    let mut text = String::from(if talk.quiet { "" } else { "\n" });
    text.push_str(&summary::summary(&rows));
    if rows.len() < instances.len() {
        let open = instances.len() - rows.len();
        text.push_str(&format!("interrupted: {open} of {} have no answer\n", instances.len()));
        code = code.and(Code::Interrupted);
    }
    Ok(if terminal::print(&text) { code } else { code.and(Code::Input) })
}

/// The flags that every process gets: each its share of threads and memory.
fn flags(args: &Args) -> Vec<String> {
    let jobs = args.jobs.get();
    let share = |whole: usize| (whole / jobs).max(1).to_string();
    let mut flags = vec!["--seed".to_string(), args.limits.seed.to_string()];
    let threads = args.limits.threads.or_else(|| thread::available_parallelism().ok());
    if let Some(threads) = threads {
        flags.extend(["--threads".to_string(), share(threads.get())]);
    }
    if let Some(memory) = args.limits.memory.or_else(memory::default_limit) {
        flags.extend(["--memory".to_string(), share(memory)]);
    }
    if let Some(semantics) = args.limits.semantics {
        let word = match semantics {
            Asked::Real => "real",
            Asked::Float32 => "float32",
        };
        flags.extend(["--semantics".to_string(), word.to_string()]);
    }
    flags.extend(["--backend".to_string(), Backend::from(args.limits.backend).name().to_string()]);
    flags
}

/// The instances that are left, and who says what about them.
struct Run<'a> {
    instances: &'a [Instance],
    settings: &'a Settings,
    left: &'a [usize],
    next: AtomicUsize,
    style: Style,
    quiet: bool,
    line: Option<Line>,
    started: Instant,
}

/// What the workers share.
struct Shared<'a> {
    records: &'a mut [Option<Record>],
    results: Option<Results>,
    failure: Option<Failure>,
}

impl Run<'_> {
    /// Runs what is left.
    fn all(
        &self,
        records: &mut [Option<Record>],
        results: Option<Results>,
        args: &Args,
    ) -> Result<(), Failure> {
        let shared = Mutex::new(Shared { records, results, failure: None });
        thread::scope(|scope| {
            for _ in 0..args.jobs.get().min(self.left.len()) {
                scope.spawn(|| self.work(&shared, args.csv.as_deref()));
            }
        });
        if let Some(line) = &self.line {
            line.clear();
        }
        let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        shared.failure.map_or(Ok(()), Err)
    }

    fn work(&self, shared: &Mutex<Shared>, csv: Option<&Path>) {
        loop {
            let Some(at) = self.left.get(self.next.fetch_add(1, Ordering::Relaxed)) else { return };
            if self.settings.cancelled.load(Ordering::Relaxed) {
                return;
            }
            let Some(record) = child::run(&self.instances[*at], self.settings) else { return };
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if let (Some(results), Some(path)) = (&mut shared.results, csv)
                && let Err(error) = results.add(&record)
            {
                // Nothing that could not be kept is worth computing.
                shared.failure = Some(Failure::unwritable(path, &error));
                self.settings.cancelled.store(true, Ordering::Relaxed);
            }
            shared.records[*at] = Some(record);
            self.tell(*at, &shared);
        }
    }

    /// Says that an instance has ended.
    fn tell(&self, at: usize, shared: &Shared) {
        let done = shared.records.iter().flatten().count();
        let total = self.instances.len();
        if let Some(line) = &self.line {
            line.clear();
        }
        if let Some(record) = shared.records[at].as_ref().filter(|_| !self.quiet) {
            terminal::print(&summary::line(done, total, record, self.style));
        }
        if let Some(line) = &self.line {
            let undecided = shared.records.iter().flatten().filter(|r| r.verdict == "unknown");
            let seconds = self.started.elapsed().as_secs_f64();
            let unknown = undecided.count();
            line.show(|| format!("{seconds:.1} s: {done} of {total} done, {unknown} undecided"));
        }
    }
}
