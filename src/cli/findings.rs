//! Findings about a specification, as rustc writes them.

use super::args::Talk;
use super::diagnostic::Failure;
use super::exit::Code;
use super::terminal::{self, Style};
use plimsoll::gate::position;
use plimsoll::spec::{Finding, Refusal, Severity, World};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// Columns of a source line that are shown.
const WINDOW: usize = 100;

/// Most findings that are shown of one code.
const MOST: usize = 20;

/// Reads a specification; what is wrong is said on stderr, warnings only if they are wanted.
pub fn load(path: &Path, talk: &Talk, warnings: bool) -> Result<(World, Vec<Finding>), Code> {
    match World::load(path) {
        Ok((world, found)) => {
            if warnings && !talk.quiet {
                report(&found, &world.source, path, talk);
            }
            Ok((world, found))
        }
        Err(Refusal::Unreadable(error)) => Err(Failure::from(error).report(talk)),
        Err(Refusal::Wrong { source, findings }) => {
            report(&findings, &source, path, talk);
            Err(Code::Input)
        }
    }
}

/// Says findings on stderr, errors last, where the eye is.
pub fn report(findings: &[Finding], source: &str, path: &Path, talk: &Talk) {
    let style = Style::stderr(talk.color);
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| {
        (finding.severity(), finding.span.as_ref().map_or(0, |span| span.start))
    });
    let mut text = String::new();
    for (place, finding) in sorted.iter().enumerate() {
        let before = sorted[..place].iter().filter(|other| other.code == finding.code).count();
        if before < MOST {
            text.push_str(&render(finding, source, path, style));
        }
    }
    let count = |severity| findings.iter().filter(|f| f.severity() == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors > 0 {
        let _ = writeln!(
            text,
            "{}: {}, {}; `plimsoll explain CODE` says more",
            style.red("error"),
            counted(errors, "error"),
            counted(warnings, "warning")
        );
    }
    terminal::eprint(&text);
}

/// A number of things.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn render(finding: &Finding, source: &str, path: &Path, style: Style) -> String {
    let word = finding.severity().name();
    let paint = |text: &str| match finding.severity() {
        Severity::Error => style.red(text),
        Severity::Warning => style.yellow(text),
        Severity::Note => style.blue(text),
    };
    let title = paint(&format!("{word}[{}]", finding.code));
    let mut text = format!("{title}{}\n", style.bold(&format!(": {}", clean(&finding.message))));
    let mut margin = String::from(" ");
    let (arrow, bar) = (style.blue("-->"), style.blue("|"));
    match &finding.span {
        Some(span) if *span != (0..0) => {
            let (line, column) = position(source, span.start);
            margin = " ".repeat(line.to_string().len());
            let _ = writeln!(text, "{margin}{arrow} {}:{line}:{column}", path.display());
            let whole = source.lines().nth(line - 1).unwrap_or_default();
            let before: String = whole.get(..column - 1).unwrap_or_default().to_string();
            let skip = before.chars().count().saturating_sub(WINDOW / 2);
            let shown: String = clean(whole).chars().skip(skip).take(WINDOW).collect();
            let blanks = " ".repeat(before.chars().count() - skip);
            // The first line of what is meant, at least one column.
            let meant = source.get(span.clone()).unwrap_or_default();
            let meant = meant.lines().next().unwrap_or_default().chars().count();
            let room = WINDOW.saturating_sub(before.chars().count() - skip).max(1);
            let carets = paint(&"^".repeat(meant.clamp(1, room)));
            let number = style.blue(&line.to_string());
            let _ = writeln!(text, "{margin} {bar}\n{number} {bar} {shown}");
            let _ = writeln!(text, "{margin} {bar} {blanks}{carets}");
        }
        _ => {
            let _ = writeln!(text, "{margin}{arrow} {}", path.display());
        }
    }
    if let Some(help) = &finding.help {
        let indent = format!("\n{margin}         ");
        let help = help.lines().map(clean).collect::<Vec<String>>().join(&indent);
        let _ = writeln!(text, "{margin} {} {}: {help}", style.blue("="), style.bold("help"));
    }
    text
}

/// A control character would move the caret or the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Findings as a document.
pub fn document(schema: &str, path: &Path, source: &str, findings: &[Finding]) -> Value {
    json!({
        "schema": schema,
        "spec": path.display().to_string(),
        "errors": findings.iter().filter(|f| f.severity() == Severity::Error).count(),
        "findings": findings
            .iter()
            .map(|finding| plimsoll::gate::formats::finding(finding, source))
            .collect::<Vec<Value>>(),
    })
}
