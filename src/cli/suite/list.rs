//! Lists of instances: VNN-COMP's rows without a header, or any CSV with the columns that are needed.

use super::super::args::seconds;
use super::super::diagnostic::Failure;
use plimsoll::{Error, Kind, Position};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One query of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Model, as the list writes it.
    pub model: String,
    /// Specification, as the list writes it.
    pub spec: String,
    /// Time limit, if the list has one.
    pub timeout: Option<Duration>,
    /// What it is summed up under: the column `family` or `category`, else the specification's folder.
    pub family: String,
}

/// Where the columns stand.
struct Columns {
    model: usize,
    spec: usize,
    timeout: Option<usize>,
    family: Option<usize>,
}

const HELP: &str = "a row is `model,spec,timeout`; a header may name the columns model or onnx, spec \
                    or vnnlib, timeout or timeout_s, family or category";

/// Reads a list.
pub fn read(path: &Path) -> Result<Vec<Instance>, Failure> {
    let bytes = plimsoll::read::file(path)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(&bytes[..]);
    let mut columns = None;
    let mut instances = Vec::new();
    for record in reader.records() {
        let record =
            record.map_err(|error| fault(path, line(error.position()), error.to_string()))?;
        let line = line(record.position());
        if columns.is_none() {
            let header = header(&record);
            let names = header.is_some();
            columns = Some(header.unwrap_or(Columns {
                model: 0,
                spec: 1,
                timeout: Some(2),
                family: None,
            }));
            if names {
                continue;
            }
        }
        let Some(columns) = &columns else { continue };
        instances.push(instance(&record, columns).map_err(|message| fault(path, line, message))?);
    }
    if instances.is_empty() {
        return Err(fault(path, None, "the list has no instances".to_string()));
    }
    Ok(instances)
}

/// The columns, if this record names them.
fn header(record: &csv::StringRecord) -> Option<Columns> {
    let find = |names: [&str; 2]| {
        record.iter().position(|field| names.iter().any(|name| field.eq_ignore_ascii_case(name)))
    };
    Some(Columns {
        model: find(["model", "onnx"])?,
        spec: find(["spec", "vnnlib"])?,
        timeout: find(["timeout", "timeout_s"]),
        family: find(["family", "category"]),
    })
}

fn instance(record: &csv::StringRecord, columns: &Columns) -> Result<Instance, String> {
    let field = |column: usize, what: &str| match record.get(column) {
        Some(text) if !text.is_empty() => Ok(text.to_string()),
        _ => Err(format!("the row has no {what}")),
    };
    let model = field(columns.model, "model")?;
    let spec = field(columns.spec, "specification")?;
    let timeout = columns.timeout.and_then(|column| record.get(column)).filter(|t| !t.is_empty());
    let timeout = timeout
        .map(|text| seconds(text).map_err(|help| format!("`{text}` is no time limit: {help}")))
        .transpose()?;
    let family = match columns.family.and_then(|column| record.get(column)) {
        Some(family) => family.to_string(),
        None => Path::new(&spec).parent().map(|p| p.display().to_string()).unwrap_or_default(),
    };
    Ok(Instance { model, spec, timeout, family })
}

fn line(position: Option<&csv::Position>) -> Option<usize> {
    position.and_then(|position| usize::try_from(position.line()).ok())
}

fn fault(path: &Path, line: Option<usize>, message: String) -> Failure {
    let error = Error::new(Kind::Parse, message).help(HELP).in_file(path);
    match line {
        Some(line) => error.at(Position { line, column: 1 }).into(),
        None => error.into(),
    }
}

/// A path of the list, relative to the list's folder; of a file that is there only compressed, as lists
/// often have it, the compressed one.
pub fn resolve(list: &Path, written: &str) -> PathBuf {
    let path = list.parent().unwrap_or(Path::new("")).join(written);
    if !path.exists() {
        let mut compressed = path.clone().into_os_string();
        compressed.push(".gz");
        if Path::new(&compressed).exists() {
            return compressed.into();
        }
    }
    path
}
