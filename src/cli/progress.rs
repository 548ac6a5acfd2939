//! How a run comes along: a line on the terminal, and a stream of events for machines.

use super::args::Switch;
use super::diagnostic::{ErrorDocument, Failure};
use super::document::{Document, Share, worst};
use super::exit::Code;
use super::{document, number, terminal};
use plimsoll::Observer;
use plimsoll::search::Progress;
use serde::Serialize;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Name and version of the format of an event.
const SCHEMA: &str = "plimsoll.event/1";
/// Least time between two updates of the line, and between two progress events.
const PAUSE: Duration = Duration::from_millis(100);
/// The same where stderr is no terminal, so that lines pile up.
const PILED_PAUSE: Duration = Duration::from_secs(1);
/// A run that ends sooner shows no line.
const PATIENCE: Duration = Duration::from_millis(300);

/// A line on stderr that replaces itself.
pub struct Line {
    terminal: bool,
    last: Mutex<Option<Instant>>,
}

impl Line {
    /// A line, if one is wanted.
    pub fn new(wanted: Switch) -> Option<Line> {
        let terminal = io::stderr().is_terminal();
        let shown = match wanted {
            Switch::Auto => terminal,
            Switch::Always => true,
            Switch::Never => false,
        };
        shown.then(|| Line { terminal, last: Mutex::new(None) })
    }

    /// Shows the text unless another was shown just before.
    pub fn show(&self, text: impl FnOnce() -> String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = if self.terminal { PAUSE } else { PILED_PAUSE };
        if last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        *last = Some(Instant::now());
        let text = text();
        terminal::eprint(&if self.terminal { format!("\r\x1b[2K{text}") } else { text + "\n" });
    }

    /// Takes the line away.
    pub fn clear(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if self.terminal && last.take().is_some() {
            terminal::eprint("\r\x1b[2K");
        }
    }
}

/// One event; `event` names what happened.
#[derive(Serialize)]
struct Event<'a> {
    schema: &'a str,
    /// Seconds since the program started.
    t: f64,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Document<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<u8>,
}

impl<'a> Event<'a> {
    fn new(event: &'a str, started: Instant) -> Event<'a> {
        Event {
            schema: SCHEMA,
            t: started.elapsed().as_secs_f64(),
            event,
            model: None,
            spec: None,
            progress: None,
            result: None,
            error: None,
            exit: None,
        }
    }
}

/// Tells people and machines about one run.
pub struct Watcher {
    started: Instant,
    line: Option<Line>,
    patient: bool,
    events: Option<Mutex<Stream>>,
}

struct Stream {
    out: Box<dyn Write + Send>,
    last: Option<Instant>,
}

impl Watcher {
    /// Opens the stream of events, a file or `-` for stdout.
    pub fn new(
        started: Instant,
        progress: Switch,
        events: Option<&Path>,
    ) -> Result<Watcher, Failure> {
        let events = match events {
            None => None,
            Some(path) if path == Path::new("-") => {
                Some(Box::new(io::stdout()) as Box<dyn Write + Send>)
            }
            Some(path) => {
                let file = File::create(path).map_err(|error| Failure::unwritable(path, &error))?;
                Some(Box::new(file) as Box<dyn Write + Send>)
            }
        };
        Ok(Watcher {
            started,
            line: Line::new(progress),
            patient: progress != Switch::Always,
            events: events.map(|out| Mutex::new(Stream { out, last: None })),
        })
    }

    /// The run begins.
    pub fn begin(&self, model: &Path, spec: &Path) {
        let mut event = Event::new("started", self.started);
        event.model = Some(model.display().to_string());
        event.spec = Some(spec.display().to_string());
        self.emit(&event);
    }

    /// The run ended with an answer.
    pub fn end(&self, result: &Document, code: Code) {
        let mut event = Event::new("finished", self.started);
        event.result = Some(result);
        event.exit = Some(code as u8);
        self.emit(&event);
    }

    /// The run ended without one.
    pub fn fail(&self, failure: &Failure, code: Code) {
        let mut event = Event::new("finished", self.started);
        event.error = Some(failure.document());
        event.exit = Some(code as u8);
        self.emit(&event);
    }

    /// Takes the line away, so that other text can be written.
    pub fn clear(&self) {
        if let Some(line) = &self.line {
            line.clear();
        }
    }

    /// Writes one line at once. A reader that went away loses what follows: a stream without its
    /// `finished` is one that was cut.
    fn emit(&self, event: &Event) {
        if let Some(stream) = &self.events {
            let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
            let text = document::line(event);
            let _ = stream.out.write_all(text.as_bytes()).and_then(|()| stream.out.flush());
        }
    }

    fn is_due(&self) -> bool {
        let Some(stream) = &self.events else { return false };
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        let due = stream.last.is_none_or(|last| last.elapsed() >= PAUSE);
        if due {
            stream.last = Some(Instant::now());
        }
        due
    }
}

impl Observer for Watcher {
    fn progress(&self, progress: &Progress) {
        if self.is_due() {
            let mut event = Event::new("progress", self.started);
            event.progress = Some(Share::new(progress));
            self.emit(&event);
        }
        let elapsed = self.started.elapsed();
        if let Some(line) = self.line.as_ref().filter(|_| !self.patient || elapsed > PATIENCE) {
            line.show(|| words(elapsed, progress));
        }
    }
}

fn words(elapsed: Duration, progress: &Progress) -> String {
    let worst = match worst(progress) {
        Some(worst) => format!(", worst bound {}", number::down(worst)),
        None => String::new(),
    };
    format!(
        "{:.1} s: {} boxes, {} open, {:.2} % of the region closed{worst}",
        elapsed.as_secs_f64(),
        progress.boxes,
        progress.open,
        100.0 * progress.share,
    )
}
