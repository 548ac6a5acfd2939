//! The files that a specification names: its model, tables of points, queries.

use super::finding::{Finding, Severity, has_errors};
use super::tree::exact;
use super::{Claim, Points, Span, Spec};
use plimsoll_check::graph::Graph;
use plimsoll_check::number::Rational;
use std::collections::{BTreeMap, HashSet};
use std::path::{Component, Path};

/// Most numbers of a table.
const MAX_NUMBERS: usize = 1 << 26;

/// What becomes of a file that is not the one that is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pins {
    /// It is refused.
    Enforce,
    /// It is noted and used: to say what an older result is still worth.
    Note,
}

impl Pins {
    /// Whether findings forbid the use of what was read.
    pub fn refuse(self, findings: &[Finding]) -> bool {
        match self {
            Pins::Enforce => has_errors(findings),
            Pins::Note => findings.iter().any(|finding| {
                finding.severity() == Severity::Error && !["PL101", "PL119"].contains(&finding.code)
            }),
        }
    }
}

/// What the files of a specification hold.
pub struct Loaded {
    /// The model's bytes.
    pub model_bytes: bytes::Bytes,
    /// Their digest.
    pub model_sha256: String,
    /// The model.
    pub graph: Graph,
    /// Points by the id of their set.
    pub points: BTreeMap<String, Table>,
    /// Texts of `vnnlib` properties by their id.
    pub texts: BTreeMap<String, Vec<u8>>,
}

/// Points of a set.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// SHA-256 of the file.
    pub sha256: String,
    /// The points that are used.
    pub rows: Vec<Point>,
}

/// One of the points.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its row in the file, from 0.
    pub row: usize,
    /// Physical values of all flat inputs.
    pub values: Vec<Rational>,
    /// Its label, by the output's labels.
    pub label: Option<usize>,
}

/// Opens everything that a specification names, and notes what does not fit; nothing if the model cannot
/// be used.
pub fn load(spec: &Spec, folder: &Path, pins: Pins, findings: &mut Vec<Finding>) -> Option<Loaded> {
    let model = model(spec, folder, pins, findings);
    let mut points = BTreeMap::new();
    let mut texts = BTreeMap::new();
    // Points are flat inputs: without inputs that make sense there is nothing to compare them with.
    if !pins.refuse(findings) {
        for set in &spec.points {
            if let Some(table) = table(spec, set, folder, pins, findings) {
                points.insert(set.id.clone(), table);
            }
        }
    }
    for property in &spec.properties {
        let Claim::VnnLib { file, sha256 } = &property.claim else { continue };
        let read = open(folder, file, sha256.as_deref(), &property.span, "PL119", pins, findings);
        if let Some((bytes, _)) = read {
            if let Err(error) = crate::read::query(&bytes) {
                let message = format!("`{file}` cannot be used: {error}");
                findings.push(Finding::new("PL116", property.span.clone(), message));
            }
            texts.insert(property.id.clone(), bytes.to_vec());
        }
    }
    let (model_bytes, model_sha256, graph) = model?;
    Some(Loaded { model_bytes, model_sha256, graph, points, texts })
}

fn model(
    spec: &Spec,
    folder: &Path,
    pins: Pins,
    findings: &mut Vec<Finding>,
) -> Option<(bytes::Bytes, String, Graph)> {
    if spec.model.path.is_empty() {
        return None;
    }
    let (path, span) = (&spec.model.path, &spec.model.span);
    let (bytes, sha256) =
        open(folder, path, spec.model.sha256.as_deref(), span, "PL101", pins, findings)?;
    let graph = match crate::read::model_bytes(bytes.clone()) {
        Ok(graph) => graph,
        Err(error) => {
            let mut finding =
                Finding::new("PL103", span.clone(), format!("`{path}` cannot be used: {error}"));
            finding.help = error.help;
            findings.push(finding);
            return None;
        }
    };
    let place = spec.inputs.first().map_or(span.clone(), |input| input.span.clone());
    for (what, said, has, span) in [
        ("input", spec.input_count(), graph.input_count(), place),
        ("output", spec.output.labels.len(), graph.output_count(), spec.output.span.clone()),
    ] {
        if said != has && said > 0 {
            let shape: Vec<String> = match what {
                "input" => &graph.inputs,
                _ => &graph.outputs,
            }
            .iter()
            .map(|id| format!("`{}` {:?}", graph.value(*id).name, graph.value(*id).shape))
            .collect();
            let message = format!(
                "the specification has {said} {what} elements, the model {has}: {}",
                shape.join(", ")
            );
            findings.push(
                Finding::new("PL103", span, message)
                    .help("elements are listed in the model's order, tensors with `shape`"),
            );
        }
    }
    Some((bytes, sha256, graph))
}

/// A file beside the specification, with its digest.
fn open(
    folder: &Path,
    file: &str,
    pin: Option<&str>,
    span: &Span,
    code: &'static str,
    pins: Pins,
    findings: &mut Vec<Finding>,
) -> Option<(bytes::Bytes, String)> {
    let path = Path::new(file);
    if path.is_absolute() {
        let message = format!("`{file}` is an absolute path");
        findings.push(
            Finding::new("PL010", span.clone(), message)
                .help("paths are relative to the specification's folder"),
        );
    } else if path.components().filter(|part| matches!(part, Component::ParentDir)).count() > 2 {
        let message = format!("`{file}` is far outside of the specification's folder");
        findings.push(Finding::new("PL010", span.clone(), message));
    }
    let bytes = match crate::read::file(folder.join(path)) {
        Ok(bytes) => bytes,
        Err(error) => {
            let missing = if code == "PL101" { "PL103" } else { "PL116" };
            findings.push(
                Finding::new(missing, span.clone(), format!("`{file}`: {}", error.message))
                    .help("paths are relative to the specification's folder"),
            );
            return None;
        }
    };
    let digest = crate::read::sha256(&bytes);
    if let Some(pin) = pin.filter(|pin| *pin != digest) {
        let message = format!("`{file}` is not the file that is pinned");
        findings.push(
            Finding::new(code, span.clone(), message)
                .help(format!("pinned is {pin},\nthe file has  {digest}")),
        );
        if pins == Pins::Enforce {
            return None;
        }
    }
    Some((bytes, digest))
}

/// Rows as they stand in a file.
struct Raw {
    rows: Vec<Vec<Rational>>,
    labels: Option<Vec<String>>,
}

fn table(
    spec: &Spec,
    set: &Points,
    folder: &Path,
    pins: Pins,
    findings: &mut Vec<Finding>,
) -> Option<Table> {
    let opened = open(folder, &set.file, set.sha256.as_deref(), &set.span, "PL119", pins, findings);
    let (bytes, sha256) = opened?;
    let refuse = |message: String| {
        Finding::new("PL116", set.span.clone(), format!("`{}`: {message}", set.file))
            .help("`plimsoll explain PL116` says what can be read")
    };
    let width = spec.input_count();
    let kind = |file: &str| file.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    let raw = match kind(&set.file).as_deref() {
        Some("csv") => csv(spec, set, &bytes),
        Some("npy") => npy(&bytes, width).map(|rows| Raw { rows, labels: None }),
        Some(other) => Err(format!("files of type .{other} are not read")),
        None => Err("the file has no type in its name".to_string()),
    };
    let mut raw = match raw {
        Ok(raw) => raw,
        Err(message) => {
            findings.push(refuse(message));
            return None;
        }
    };
    if let (None, Some(file)) = (&raw.labels, &set.labels) {
        let (bytes, _) = open(folder, file, None, &set.span, "PL119", pins, findings)?;
        let labels = match kind(file).as_deref() {
            Some("npy") => {
                npy(&bytes, 1).map(|rows| rows.iter().map(|r| r[0].to_string()).collect())
            }
            _ => {
                Ok(String::from_utf8_lossy(&bytes).lines().map(|l| l.trim().to_string()).collect())
            }
        };
        match labels {
            Ok(labels) => raw.labels = Some(labels),
            Err(message) => findings.push(refuse(message)),
        }
    }
    let labels = &raw.labels;
    if labels.as_ref().is_some_and(|labels| labels.len() != raw.rows.len()) {
        findings.push(refuse("there are not as many labels as points".to_string()));
        return None;
    }
    let chosen: Vec<usize> = match &set.select {
        Some(rows) => rows.clone(),
        None => (0..raw.rows.len()).collect(),
    };
    if let Some(row) = chosen.iter().find(|row| **row >= raw.rows.len()) {
        let message = format!("row {row} is selected, and there are {} rows", raw.rows.len());
        findings.push(refuse(message));
        return None;
    }
    if chosen.is_empty() {
        findings.push(refuse("there are no points in it".to_string()));
        return None;
    }
    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    for row in chosen {
        let mut values = raw.rows[row].clone();
        if set.model_units {
            values = values.iter().enumerate().map(|(at, v)| spec.to_physical(at, v)).collect();
        }
        let label = match labels {
            None => None,
            Some(labels) => {
                let word = labels[row].as_str();
                let label =
                    spec.output.labels.iter().position(|label| label == word).or_else(|| {
                        let number = exact(word)?.to_integer()?;
                        usize::try_from(number).ok().filter(|n| *n < spec.output.labels.len())
                    });
                if label.is_none() {
                    let message = format!("row {row} of `{}` has the label `{word}`", set.file);
                    findings.push(
                        Finding::new("PL113", set.span.clone(), message)
                            .help("labels are those of [output], or their numbers from 0"),
                    );
                }
                label
            }
        };
        if !seen.insert(values.clone()) {
            let message = format!("row {row} of `{}` occurs before", set.file);
            findings.push(Finding::new("PL114", set.span.clone(), message));
        }
        rows.push(Point { row, values, label });
    }
    outside(spec, set, &rows, findings);
    Some(Table { sha256, rows })
}

/// Notes the first points outside of the operational ranges.
fn outside(spec: &Spec, set: &Points, rows: &[Point], findings: &mut Vec<Finding>) {
    let mut noted = 0;
    for point in rows {
        let place = point.values.iter().enumerate().find_map(|(at, value)| {
            let (input, _) = spec.input_at(at)?;
            let inside = *value >= input.range.0 && *value <= input.range.1;
            (!inside).then(|| (at, input.range.clone(), value.clone()))
        });
        let Some((at, (low, high), value)) = place else { continue };
        noted += 1;
        if noted <= 3 {
            let name = spec.input_name(at);
            let message = format!(
                "row {} of `{}` has {name} = {value}, outside of {low} .. {high}",
                point.row, set.file
            );
            findings.push(
                Finding::new("PL112", set.span.clone(), message)
                    .help("are the values in model units? write `units = \"model\"`"),
            );
        }
    }
}

fn csv(spec: &Spec, set: &Points, bytes: &[u8]) -> Result<Raw, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(bytes);
    let names: Vec<String> = (0..spec.input_count()).map(|at| spec.input_name(at)).collect();
    let label = set.labels.clone().unwrap_or_else(|| "label".to_string());
    // Columns of the inputs and of the label; by a header if there is one.
    let (mut columns, mut label_column) = ((0..names.len()).collect::<Vec<usize>>(), None);
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for (number, record) in reader.records().enumerate() {
        let record = record.map_err(|error| error.to_string())?;
        let fields: Vec<&str> = record.iter().collect();
        if number == 0 && fields.iter().any(|field| exact(field).is_none()) {
            let find = |name: &str| fields.iter().position(|field| *field == name);
            label_column = find(&label);
            let found: Option<Vec<usize>> = names.iter().map(|name| find(name)).collect();
            let plain = fields.len() - usize::from(label_column.is_some()) == names.len();
            columns = match found {
                Some(found) => found,
                // One tensor under names of its own: in the order of the file.
                None if plain && spec.inputs.len() == 1 => {
                    (0..fields.len()).filter(|at| Some(*at) != label_column).collect()
                }
                None => {
                    let missing = names.iter().find(|name| find(name).is_none());
                    return Err(format!(
                        "no column is called `{}`",
                        missing.cloned().unwrap_or_default()
                    ));
                }
            };
            continue;
        }
        if number == 0 && fields.len() == names.len() + 1 {
            label_column = Some(names.len());
        }
        let value = |at: &usize| {
            fields.get(*at).and_then(|field| exact(field)).ok_or_else(|| {
                let line = record.position().map_or(0, csv::Position::line);
                match fields.get(*at) {
                    Some(field) => format!("line {line}: `{field}` is no number"),
                    None => format!("line {line} has {} columns", fields.len()),
                }
            })
        };
        rows.push(columns.iter().map(value).collect::<Result<Vec<Rational>, String>>()?);
        if let Some(column) = label_column {
            labels.push(fields.get(column).copied().unwrap_or_default().to_string());
        }
        if rows.len().saturating_mul(names.len()) > MAX_NUMBERS {
            return Err("the file has more than 67 million numbers".to_string());
        }
    }
    Ok(Raw { rows, labels: label_column.map(|_| labels) })
}

/// The rows of an array in NumPy's format, `width` numbers each, whatever its shape beyond the first axis.
fn npy(bytes: &[u8], width: usize) -> Result<Vec<Vec<Rational>>, String> {
    let cut = || "the file is cut short".to_string();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("this is no .npy file")?;
    let (version, rest) = rest.split_at_checked(2).ok_or_else(cut)?;
    let (len, rest) = match version[0] {
        1 => {
            let (len, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
            (usize::from(u16::from_le_bytes(*len)), rest)
        }
        2 | 3 => {
            let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            (u32::from_le_bytes(*len) as usize, rest)
        }
        other => return Err(format!("version {other} of .npy is not read")),
    };
    let (header, body) = rest.split_at_checked(len).ok_or_else(cut)?;
    let header = String::from_utf8_lossy(header);
    let field = |key: &str| {
        let (_, rest) = header.split_once(&format!("'{key}':"))?;
        Some(rest.trim_start().to_string())
    };
    let broken = || "its header is damaged".to_string();
    if !field("fortran_order").ok_or_else(broken)?.starts_with("False") {
        return Err("its numbers are in Fortran order; save np.ascontiguousarray(a)".to_string());
    }
    let kind = field("descr").ok_or_else(broken)?;
    let kind: String = kind.trim_start_matches('\'').chars().take_while(|c| *c != '\'').collect();
    let shape = field("shape").ok_or_else(broken)?;
    let shape: Option<Vec<usize>> = shape
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .ok_or_else(broken)?
        .0
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok())
        .collect();
    let shape = shape.ok_or_else(broken)?;
    let size: usize = match kind.as_str() {
        "|u1" | "|i1" => 1,
        "<u2" | "<i2" => 2,
        "<f4" | "<i4" | "<u4" => 4,
        "<f8" | "<i8" => 8,
        other => return Err(format!("numbers of type `{other}` are not read")),
    };
    let count = shape.iter().try_fold(1usize, |product, len| product.checked_mul(*len));
    let count = count.filter(|count| *count <= MAX_NUMBERS).ok_or("it is too large")?;
    if body.len() != count * size {
        return Err(cut());
    }
    let rows = match shape.as_slice() {
        [] => 1,
        [_] if width > 1 && count == width => 1,
        [rows, ..] => *rows,
    };
    if rows == 0 || rows.checked_mul(width) != Some(count) {
        return Err(format!("its shape is {shape:?}, and a point has {width} numbers"));
    }
    let number = |chunk: &[u8]| -> Option<Rational> {
        let mut eight = [0; 8];
        eight[..size].copy_from_slice(chunk);
        let four = [eight[0], eight[1], eight[2], eight[3]];
        match kind.as_str() {
            "|u1" => Some(Rational::from(i64::from(eight[0]))),
            "|i1" => Some(Rational::from(i64::from(eight[0] as i8))),
            "<u2" => Some(Rational::from(i64::from(u16::from_le_bytes([eight[0], eight[1]])))),
            "<i2" => Some(Rational::from(i64::from(i16::from_le_bytes([eight[0], eight[1]])))),
            "<i4" => Some(Rational::from(i64::from(i32::from_le_bytes(four)))),
            "<u4" => Some(Rational::from(i64::from(u32::from_le_bytes(four)))),
            "<i8" => Some(Rational::from(i64::from_le_bytes(eight))),
            "<f4" => Rational::from_f64(f64::from(f32::from_le_bytes(four))),
            _ => Rational::from_f64(f64::from_le_bytes(eight)),
        }
    };
    let values: Option<Vec<Rational>> = body.chunks_exact(size).map(number).collect();
    let values = values.ok_or("a number in it is NaN or infinite")?;
    Ok(values.chunks_exact(width).map(<[Rational]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(descr: &str, order: &str, shape: &str, body: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({shape}), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn arrays_are_read_exactly() {
        let body: Vec<u8> = [0.1f32, 2.0, -3.5, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let rows = npy(&file("<f4", "False", "2, 2, 1", &body), 2).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0][0], Rational::from_f64(f64::from(0.1f32)).unwrap());
        assert_eq!(rows[1][0].to_string(), "-3.5");
        let labels = npy(&file("|u1", "False", "3,", &[7, 0, 255]), 1).unwrap();
        assert_eq!(labels[2][0], Rational::from(255));
        for (bytes, part) in [
            (file("<f4", "True", "2, 2", &body), "Fortran"),
            (file("<f4", "False", "2, 3", &body), "cut short"),
            (file("<f4", "False", "4, 1", &body), "shape"),
            (file("<c8", "False", "2, 2", &body), "<c8"),
            (file("<f4", "False", "2, 2", &[0, 0, 0xc0, 0x7f].repeat(4)), "NaN"),
            (file("<f4", "False", "99999999999, 99999999999", &body), "too large"),
            (b"PK\x03\x04".to_vec(), "no .npy"),
            (b"\x93NUMPY".to_vec(), "cut short"),
        ] {
            let error = npy(&bytes, 2).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
