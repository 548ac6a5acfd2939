//! Rows of a suite's results, and the file that they are kept in.

use super::super::diagnostic::Failure;
use super::super::exit::Code;
use super::list::Instance;
use plimsoll::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

/// First line of a file of results.
const HEADER: &str = "model,spec,timeout_s,verdict,vacuous,reason,time_s,boxes,share,message";

/// What became of one instance; the fields are the columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Model, as the list writes it.
    pub model: String,
    /// Specification, as the list writes it.
    pub spec: String,
    /// The limit that was in force.
    pub timeout_s: Option<f64>,
    /// `holds`, `violated`, `unknown` or `error`.
    pub verdict: String,
    /// Whether it holds only because no input satisfies the query's own constraints.
    pub vacuous: bool,
    /// Why it is unknown or an error: the reason's or the error's stable word, or `crash`.
    pub reason: String,
    /// Wall-clock time of the process.
    pub time_s: f64,
    /// Boxes that were bounded.
    pub boxes: u64,
    /// Share of the region that was closed.
    pub share: f64,
    /// The reason in words.
    pub message: String,
}

impl Record {
    /// A row without a verdict.
    pub fn new(instance: &Instance, timeout: Option<Duration>) -> Record {
        Record {
            model: instance.model.clone(),
            spec: instance.spec.clone(),
            timeout_s: timeout.map(|limit| limit.as_secs_f64()),
            verdict: String::new(),
            vacuous: false,
            reason: String::new(),
            time_s: 0.0,
            boxes: 0,
            share: 0.0,
            message: String::new(),
        }
    }

    /// An error.
    pub fn fail(&mut self, reason: &str, message: &str) {
        self.verdict = "error".to_string();
        self.reason = reason.to_string();
        self.message = message.to_string();
    }

    /// Takes over what the document of `verify` says.
    pub fn fill(&mut self, document: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let error = &document["error"];
        if error.is_object() {
            let message = text(&error["message"]);
            let place = match (error["file"].as_str(), error["line"].as_u64()) {
                (Some(file), Some(line)) => format!("{file}:{line}: "),
                (Some(file), None) => format!("{file}: "),
                (None, _) => String::new(),
            };
            self.fail(&text(&error["kind"]), &(place + &message));
            return;
        }
        self.verdict = text(&document["verdict"]);
        self.vacuous = document["vacuous"].as_bool().unwrap_or(false);
        self.reason = text(&document["reason"]);
        self.message = text(&document["message"]);
        self.boxes = document["progress"]["boxes"].as_u64().unwrap_or(0);
        self.share = document["progress"]["share"].as_f64().unwrap_or(0.0);
        if !matches!(self.verdict.as_str(), "holds" | "violated" | "unknown") {
            self.fail("crash", "the answer cannot be read");
        }
    }

    /// The exit code of `verify` for this instance.
    pub fn code(&self) -> Code {
        match (self.verdict.as_str(), self.reason.as_str()) {
            ("holds", _) => Code::Fine,
            ("violated", _) => Code::Violated,
            ("unknown", _) => Code::Undecided,
            (_, "crash") => Code::Internal,
            _ => Code::Input,
        }
    }
}

/// A file of results that grows by a row as each instance ends.
pub struct Results {
    writer: csv::Writer<File>,
}

impl Results {
    /// Opens the file; with `resume`, keeps and returns the rows that it has.
    ///
    /// A last row without its end was cut off, and is dropped. A file that is not of this form is left
    /// alone.
    pub fn open(path: &Path, resume: bool) -> Result<(Results, Vec<Record>), Failure> {
        let unwritable = |error: io::Error| Failure::unwritable(path, &error);
        let known = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => "binary".to_string(),
            Err(error) => return Err(unwritable(error)),
        };
        if !known.is_empty() && known.lines().next() != Some(HEADER) {
            let message = "the file is there and is no result of a suite";
            let help = "choose another name for --csv, or remove the file";
            return Err(Failure::new(Kind::Io, message, help).in_file(path));
        }
        if !resume || known.is_empty() {
            fs::write(path, format!("{HEADER}\n")).map_err(unwritable)?;
            return Ok((Results { writer: append(path).map_err(unwritable)? }, Vec::new()));
        }
        let whole = known.rfind('\n').map_or(0, |at| at + 1);
        let rows = csv::Reader::from_reader(&known.as_bytes()[..whole])
            .deserialize()
            .collect::<Result<Vec<Record>, csv::Error>>()
            .map_err(|error| {
                let help = "remove the row, and its instance is run again";
                Failure::new(Kind::Parse, format!("a row cannot be read: {error}"), help)
                    .in_file(path)
            })?;
        let file = OpenOptions::new().write(true).open(path).map_err(unwritable)?;
        file.set_len(whole as u64).map_err(unwritable)?;
        Ok((Results { writer: append(path).map_err(unwritable)? }, rows))
    }

    /// Adds a row, at once.
    pub fn add(&mut self, record: &Record) -> io::Result<()> {
        self.writer.serialize(record).map_err(io::Error::other)?;
        self.writer.flush()
    }
}

fn append(path: &Path) -> io::Result<csv::Writer<File>> {
    let file = OpenOptions::new().append(true).open(path)?;
    Ok(csv::WriterBuilder::new().has_headers(false).from_writer(file))
}
