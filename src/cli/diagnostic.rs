//! Errors as rustc writes them: what, where with the source line, what would help.

use super::args::Talk;
use super::exit::Code;
use super::terminal::{self, Style};
use plimsoll::{Error, Kind, Position};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// Columns of a source line that are shown.
const WINDOW: usize = 100;

/// Why a command could not do its work: an error of the library, or one of the command line's own.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Boxed, since it is large and rare.
    error: Box<Error>,
    /// The text that the position speaks of, if it did not come from a file.
    text: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error: Box::new(error), text: None }
    }
}

impl Failure {
    /// A failure that has no place.
    pub fn new(kind: Kind, message: impl Into<String>, help: impl Into<String>) -> Failure {
        Error::new(kind, message).help(help).into()
    }

    /// A file that could not be written.
    pub fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
        Error::new(Kind::Io, format!("the file cannot be written: {error}")).in_file(path).into()
    }

    /// A failure at a column, counted from zero, of an argument that is called `name`.
    pub fn in_argument(
        name: &str,
        text: &str,
        column: usize,
        message: String,
        help: &str,
    ) -> Failure {
        let position = Position { line: 1, column: column + 1 };
        let error = Error::new(Kind::Parse, message).help(help).at(position).in_file(name);
        Failure { error: Box::new(error), text: Some(text.to_string()) }
    }

    /// The kebab-case category.
    pub fn kind(&self) -> &'static str {
        self.error.kind.name()
    }

    /// Whether it is about an operator that is not supported.
    pub fn is_unsupported_operator(&self) -> bool {
        self.error.kind == Kind::UnsupportedOperator
    }

    /// Names the file, unless it is known.
    pub fn in_file(mut self, path: &Path) -> Failure {
        *self.error = self.error.clone().in_file(path);
        self
    }

    /// Says what is wrong on stderr.
    pub fn report(&self, talk: &Talk) -> Code {
        terminal::eprint(&self.render(Style::stderr(talk.color)));
        Code::Input
    }

    /// The failure as part of a document.
    pub fn document(&self) -> ErrorDocument<'_> {
        ErrorDocument {
            kind: self.kind(),
            message: &self.error.message,
            file: self.error.file.as_ref().map(|file| file.display().to_string()),
            line: self.error.position.map(|position| position.line),
            column: self.error.position.map(|position| position.column),
            help: self.error.help.as_deref(),
        }
    }

    fn render(&self, style: Style) -> String {
        let Error { kind, message, file, position, help, .. } = &*self.error;
        let title = style.red(&format!("error[{}]", kind.name()));
        let mut text = format!("{title}{}\n", style.bold(&format!(": {message}")));
        let mut margin = String::from(" ");
        if let Some(file) = file {
            let arrow = style.blue("-->");
            let _ = match position {
                Some(Position { line, column }) => {
                    margin = " ".repeat(line.to_string().len());
                    writeln!(text, "{margin}{arrow} {}:{line}:{column}", file.display())
                }
                None => writeln!(text, "{margin}{arrow} {}", file.display()),
            };
            let source = position.and_then(|position| Some((position, self.line(position.line)?)));
            if let Some((position, source)) = source {
                let bar = style.blue("|");
                let (shown, blanks) = excerpt(&source, position.column);
                let number = style.blue(&position.line.to_string());
                let caret = style.red("^");
                let _ = writeln!(text, "{margin} {bar}\n{number} {bar} {shown}");
                let _ = writeln!(text, "{margin} {bar} {blanks}{caret}");
            }
        }
        if let Some(help) = help {
            let _ = writeln!(text, "{margin} {} {}: {help}", style.blue("="), style.bold("help"));
        }
        text
    }

    /// A line of the source, counted from one; it is read again, since this is rare.
    fn line(&self, number: usize) -> Option<Vec<u8>> {
        let bytes = match (&self.text, &self.error.file) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(file)) => plimsoll::read::file(file).ok()?.to_vec(),
            (None, None) => return None,
        };
        let line = bytes.split(|byte| *byte == b'\n').nth(number - 1)?;
        Some(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
    }
}

/// The part of a line around a column (in bytes, counted from one), and the blanks before the column.
fn excerpt(line: &[u8], column: usize) -> (String, String) {
    let at = (column - 1).min(line.len());
    let before = String::from_utf8_lossy(&line[..at]);
    let after = String::from_utf8_lossy(&line[at..]);
    let skipped = before.chars().count().saturating_sub(WINDOW / 2);
    let before: String = before.chars().skip(skipped).map(printable).collect();
    let before = if skipped > 0 { format!("...{before}") } else { before };
    let room = WINDOW - before.chars().count().min(WINDOW / 2);
    let mut shown: String = after.chars().take(room).map(printable).collect();
    if after.chars().count() > room {
        shown.push_str("...");
    }
    let blanks = " ".repeat(before.chars().count());
    (before + &shown, blanks)
}

/// A control character would move the caret or the terminal.
fn printable(character: char) -> char {
    if character.is_control() { ' ' } else { character }
}

/// The `error` of a document.
#[derive(Serialize)]
pub struct ErrorDocument<'a> {
    kind: &'a str,
    message: &'a str,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    help: Option<&'a str>,
}

/// What stands in place of a command's document when it failed.
#[derive(Serialize)]
pub struct FailureDocument<'a> {
    /// Name and version of the format.
    pub schema: &'a str,
    /// What is wrong.
    pub error: ErrorDocument<'a>,
}

#[cfg(test)]
mod tests {
    use super::super::args::Switch;
    use super::*;

    #[test]
    fn the_caret_stands_below_the_column() {
        let failure = Failure::in_argument("BOX", "X_0=[0,é?]", 9, "no number".into(), "write one");
        let text = failure.render(Style::stderr(Switch::Never));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "error[parse]: no number",
                " --> BOX:1:10",
                "  |",
                "1 | X_0=[0,é?]",
                "  |         ^",
                "  = help: write one",
            ]
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_column() {
        let line = [b" ".repeat(5000), b"\tbad".to_vec(), b"x".repeat(500)].concat();
        let (shown, blanks) = excerpt(&line, 5002);
        assert!(shown.len() < 120);
        assert_eq!(&shown[blanks.len()..][..3], "bad");
    }
}
