//! The verdict for people.

use super::args::Talk;
use super::document::worst;
use super::number::{nearest, short};
use super::proof::{Written, missing};
use super::rows::constraint;
use super::table::table;
use super::terminal::Style;
use plimsoll::attack::Counterexample;
use plimsoll::{Outcome, Reason, Verdict};
use plimsoll_check::graph::Graph;
use plimsoll_check::query::{Face, Query};
use std::fmt::Write;
use std::time::Duration;

/// Most inputs, outputs or constraints that are listed without `--verbose`.
const LISTED: usize = 24;

/// What is said about one query.
pub fn report(
    graph: &Graph,
    query: &Query,
    outcome: &Outcome,
    written: Option<&Written>,
    time: Duration,
    explain: bool,
    talk: &Talk,
) -> String {
    let style = Style::stdout(talk.color);
    let word = match &outcome.verdict {
        Verdict::Holds => style.green("holds"),
        Verdict::Violated(_) => style.red("violated"),
        Verdict::Unknown(_) => style.yellow("unknown"),
    };
    if talk.quiet {
        return word + "\n";
    }
    let mut text =
        format!("{word}  under {} semantics, in {}\n", outcome.semantics.name(), seconds(time));
    let listed = if talk.verbose { usize::MAX } else { LISTED };
    match &outcome.verdict {
        Verdict::Holds => {
            if outcome.vacuous {
                field(
                    &mut text,
                    style,
                    "vacuous",
                    "no input satisfies the query's own constraints",
                );
            } else {
                field(&mut text, style, "closed", &closed(outcome));
            }
            let words = match outcome.holes.first() {
                Some(hole) => {
                    format!("no certificate: {} says so, and nothing has checked it", hole.kind)
                }
                None => certificate(outcome, written),
            };
            field(&mut text, style, "certificate", &words);
        }
        Verdict::Violated(found) => {
            text.push_str(&point(graph, query, found, listed, style));
        }
        Verdict::Unknown(reason) => {
            field(&mut text, style, "reason", &reason.to_string());
            if outcome.progress.boxes > 0 {
                field(&mut text, style, "closed", &closed(outcome));
            }
            if let Some(worst) = worst(&outcome.progress) {
                let words = format!("{} among open boxes; above 0 closes one", nearest(worst));
                field(&mut text, style, "worst bound", &words);
            }
            for hint in hints(reason) {
                field(&mut text, style, "try", hint);
            }
        }
    }
    for near in &outcome.near_misses {
        text.push_str(&near_miss(query, near, listed, style));
    }
    if explain || talk.verbose {
        for words in &outcome.strategy {
            field(&mut text, style, "strategy", words);
        }
    }
    for note in &outcome.notes {
        field(&mut text, style, "note", note);
    }
    text
}

/// Who says so besides this run.
fn certificate(outcome: &Outcome, written: Option<&Written>) -> String {
    if let Some(why) = missing(outcome) {
        return format!("no certificate, though one was asked for: {why}");
    }
    let Some(Written { path, bytes, summary, check_time }) = written else {
        return "no certificate: nothing but this run says so; --proof FILE writes one".into();
    };
    let size =
        if *bytes < 10_000 { format!("{bytes} bytes") } else { format!("{} kB", bytes / 1000) };
    format!(
        "{}: {size}, {} leaves; the independent checker accepts it (in {})",
        path.display(),
        summary.leaves,
        seconds(*check_time)
    )
}

fn field(text: &mut String, style: Style, name: &str, words: &str) {
    let padding = " ".repeat(13usize.saturating_sub(name.len()));
    let _ = writeln!(text, "  {}{padding}{words}", style.bold(name));
}

/// A time with a unit that suits it.
pub fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", 1e3 * seconds) } else { format!("{seconds:.2} s") }
}

/// How much of the region is closed, and in how many boxes.
fn closed(outcome: &Outcome) -> String {
    let progress = &outcome.progress;
    let share = match outcome.verdict {
        Verdict::Holds => "the whole region".to_string(),
        // Rounded down, so that 100 % is never said of less.
        _ => format!("{:.2} % of the region", (1e4 * progress.share).floor() / 100.0),
    };
    match (progress.boxes, progress.open) {
        (0, _) => format!("{share}, without a search"),
        (1, 0) => format!("{share}, in one box"),
        (boxes, 0) => format!("{share}, in {} boxes; {boxes} were bounded", progress.closed),
        (boxes, open) => {
            format!("{share}, in {} boxes; {boxes} were bounded, {open} are open", progress.closed)
        }
    }
}

/// What a reader may do about an unknown.
fn hints(reason: &Reason) -> &'static [&'static str] {
    match reason.name() {
        "timeout" => &[
            "a longer --timeout, or more --threads",
            "several specifications with a part of the region each, as a suite",
            "--explain-strategy says how the search was set up",
        ],
        "interrupted" => &["the same command again; the same seed takes the same way"],
        "float-semantics" => &[
            "--semantics real: an answer about the ideal function, which promises nothing about executions",
        ],
        "overflow" => &["a smaller region: are the bounds in the units that the model expects?"],
        "boundary" => {
            &["a threshold with some room: the property and its violation meet in a point here"]
        }
        "arithmetic" => &["a process in which nobody has switched subnormal numbers off"],
        _ => &[],
    }
}

fn interval(lower: &Face, upper: &Face) -> String {
    if lower.value == upper.value {
        return format!("= {}", short(&lower.value));
    }
    let open = if lower.strict { '(' } else { '[' };
    let close = if upper.strict { ')' } else { ']' };
    format!("{open}{}, {}{close}", short(&lower.value), short(&upper.value))
}

/// A counterexample as tables.
fn point(
    graph: &Graph,
    query: &Query,
    found: &Counterexample,
    listed: usize,
    style: Style,
) -> String {
    let disjunct = &query.disjuncts[found.disjunct];
    let region = &query.regions[disjunct.region as usize];
    let mut text = String::new();

    let mut inputs = vec![["input", "value", "region"].map(String::from).to_vec()];
    for (i, value) in found.inputs.iter().enumerate().take(listed) {
        let faces = interval(&region.lower[i], &region.upper[i]);
        inputs.push(vec![query.input_name(i), short(value), faces]);
    }
    let _ = write!(text, "\n{}", table(&inputs, "lrl", 2));
    more(&mut text, found.inputs.len(), listed, "inputs");

    let type_name = graph.element.name();
    let mut header = vec!["output".to_string(), "over the reals".to_string()];
    if found.executed.is_some() {
        header.push(format!("executed in {type_name}"));
    }
    let mut outputs = vec![header];
    for (i, value) in found.outputs.iter().enumerate().take(listed) {
        let mut row = vec![query.output_name(i), short(value)];
        row.extend(found.executed.as_ref().map(|values| nearest(values[i])));
        outputs.push(row);
    }
    let _ = write!(text, "\n{}", table(&outputs, "lrr", 2));
    more(&mut text, found.outputs.len(), listed, "outputs");

    let mut rows = Vec::new();
    for row in disjunct.rows.iter().take(listed) {
        let room = -&row.value(&found.inputs, &found.outputs);
        let words = if room.is_zero() {
            "exactly on the boundary".to_string()
        } else {
            format!("by {}", short(&room))
        };
        rows.push(vec![constraint(query, row), words]);
    }
    let _ = match rows.is_empty() {
        true => writeln!(text, "\n  every output is unwanted in this part of the region"),
        false => write!(text, "\n  unwanted, and true here:\n{}", table(&rows, "ll", 4)),
    };
    more(&mut text, disjunct.rows.len(), listed, "constraints");

    text.push('\n');
    let proof = match found.exact {
        true => "evaluated in exact rationals at this point",
        false => "evaluated in intervals that leave no doubt; outputs are their middles",
    };
    field(&mut text, style, "proof", proof);
    let execution = match (found.representable, found.execution_violates) {
        (false, _) => format!("none: the point is no {type_name} vector"),
        (true, true) => format!("an execution in {type_name} violates the property too"),
        (true, false) => format!("an execution in {type_name} does not violate the property here"),
    };
    field(&mut text, style, "execution", &execution);
    if found.inputs.iter().chain(&found.outputs).any(|value| short(value) != value.to_string()) {
        field(&mut text, style, "digits", "shortened here; --json has all of them");
    }
    text
}

fn more(text: &mut String, count: usize, listed: usize, what: &str) {
    if count > listed {
        let _ = writeln!(text, "  and {} {what} more; -v lists them", count - listed);
    }
}

/// A near miss in two lines.
fn near_miss(query: &Query, near: &Counterexample, listed: usize, style: Style) -> String {
    let mut text = String::new();
    let words = "an execution in the model's float type violates here, the real network does not:";
    field(&mut text, style, "near miss", words);
    let mut values: Vec<String> = near
        .inputs
        .iter()
        .enumerate()
        .take(listed.max(1))
        .map(|(i, value)| format!("{} = {}", query.input_name(i), short(value)))
        .collect();
    if near.inputs.len() > values.len() {
        values.push(format!("and {} more", near.inputs.len() - values.len()));
    }
    field(&mut text, style, "", &values.join(", "));
    text
}
