//! What a suite says: a line as each instance ends, and a table at the end.

use super::super::report::seconds;
use super::super::table::table;
use super::super::terminal::Style;
use super::list::Instance;
use super::record::Record;
use std::collections::BTreeMap;
use std::time::Duration;

/// `[ 3/20] holds     12.3 ms  spec  model`.
pub fn line(number: usize, total: usize, record: &Record, style: Style) -> String {
    let word = format!("{:<8}", record.verdict);
    let word = match record.verdict.as_str() {
        "holds" => style.green(&word),
        "violated" => style.red(&word),
        "unknown" => style.yellow(&word),
        _ => style.red(&word),
    };
    let mut line = format!(
        "[{number:>width$}/{total}] {word} {:>9}  {}  {}",
        seconds(Duration::from_secs_f64(record.time_s)),
        record.spec,
        record.model,
        width = total.to_string().len(),
    );
    if record.vacuous {
        line.push_str("  (vacuous)");
    }
    if !record.reason.is_empty() {
        line.push_str(&format!("  ({})", record.reason));
    }
    if record.verdict == "error" {
        line.push_str(&format!(": {}", record.message));
    }
    line + "\n"
}

/// Counts and times by family; times are those of instances that were decided.
pub fn summary(rows: &[(&Instance, &Record)]) -> String {
    let mut families: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for (instance, record) in rows {
        families.entry(&instance.family).or_default().push(record);
    }
    let header = ["", "total", "holds", "violated", "unknown", "error", "median", "slowest"];
    let mut lines = vec![header.map(String::from).to_vec()];
    if families.len() > 1 {
        for (family, records) in &families {
            lines.push(row(family, records));
        }
    }
    let all: Vec<&Record> = rows.iter().map(|(_, record)| *record).collect();
    lines.push(row("all", &all));
    table(&lines, "lrrrrrrr", 0)
}

fn row(name: &str, records: &[&Record]) -> Vec<String> {
    let count = |verdict: &str| records.iter().filter(|r| r.verdict == verdict).count();
    let mut times: Vec<f64> = records
        .iter()
        .filter(|record| matches!(record.verdict.as_str(), "holds" | "violated"))
        .map(|record| record.time_s)
        .collect();
    times.sort_by(f64::total_cmp);
    let time = |at: Option<&f64>| match at {
        Some(time) => seconds(Duration::from_secs_f64(*time)),
        None => "-".to_string(),
    };
    let mut row = vec![name.to_string(), records.len().to_string()];
    row.extend(["holds", "violated", "unknown", "error"].map(|verdict| count(verdict).to_string()));
    row.extend([time(times.get(times.len() / 2)), time(times.last())]);
    row
}
