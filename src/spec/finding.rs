//! What is wrong with a specification: findings with a stable code and a place in the file.

use super::codes;
use std::ops::Range;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably a mistake; the specification can be used.
    Warning,
    /// The specification cannot be used.
    Error,
}

impl Severity {
    /// The word that a diagnostic begins with.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// Something that a reader of the specification should hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The stable code, such as `PL012`.
    pub code: &'static str,
    /// What is wrong: lower case, no final stop, the offending thing named.
    pub message: String,
    /// The bytes of the file that it is about.
    pub span: Option<Range<usize>>,
    /// What would help.
    pub help: Option<String>,
}

impl Finding {
    /// A finding at these bytes of the file.
    pub fn new(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Finding {
        Finding { code, message: message.into(), span: Some(span), help: None }
    }

    /// Adds what would help.
    pub fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// How much it weighs, which its code decides.
    pub fn severity(&self) -> Severity {
        codes::find(self.code).map_or(Severity::Error, |code| code.severity)
    }
}

/// Whether one of them is an error.
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity() == Severity::Error)
}

/// The word of `known` that `word` was probably meant to be.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and substitutions between two words; long ones count as far apart.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) =
        (one.to_lowercase().chars().collect(), other.to_lowercase().chars().collect());
    if one.len().max(other.len()) > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        assert_eq!(nearest("timout", ["timeout", "title"]), Some("timeout"));
        assert_eq!(nearest("weak_lefd", ["weak_left", "weak_right"]), Some("weak_left"));
        assert_eq!(nearest("colour", ["timeout", "title"]), None);
        assert_eq!(nearest("kind", []), None);
    }
}
