//! The one error type of the readers: what is wrong, where, and what would help.

use std::fmt;
use std::path::PathBuf;

/// A place in a text, both numbers counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column in bytes.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The stable category of an [`Error`]; its text form stands in `--json` output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A file could not be read or decompressed.
    Io,
    /// The bytes are no ONNX model, or one that contradicts itself.
    Model,
    /// The model has an operator, attribute, type or opset that is not supported.
    UnsupportedOperator,
    /// A stored weight is NaN or infinite.
    NonFiniteWeight,
    /// The text is no VNN-LIB.
    Parse,
    /// The VNN-LIB version, or a part of the standard, is not supported.
    UnsupportedVersion,
    /// A variable is used but not declared.
    UndeclaredVariable,
    /// An index is out of range or has the wrong rank.
    Index,
    /// Two variables are multiplied.
    Nonlinear,
    /// An input has no lower or no upper bound.
    UnboundedInput,
    /// Query and model disagree on the inputs.
    InputCount,
    /// Query and model disagree on the outputs.
    OutputCount,
    /// The input is valid but beyond a documented limit.
    TooLarge,
    /// A form of the standard that is read but cannot be decided yet.
    UnsupportedQuery,
    /// The bytes are no certificate, or one about something else.
    Certificate,
}

impl Kind {
    /// The kebab-case name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Io => "io",
            Kind::Model => "model",
            Kind::UnsupportedOperator => "unsupported-operator",
            Kind::NonFiniteWeight => "non-finite-weight",
            Kind::Parse => "parse",
            Kind::UnsupportedVersion => "unsupported-version",
            Kind::UndeclaredVariable => "undeclared-variable",
            Kind::Index => "index",
            Kind::Nonlinear => "nonlinear",
            Kind::UnboundedInput => "unbounded-input",
            Kind::InputCount => "input-count",
            Kind::OutputCount => "output-count",
            Kind::TooLarge => "too-large",
            Kind::UnsupportedQuery => "unsupported-query",
            Kind::Certificate => "certificate",
        }
    }
}

/// Why something could not be read.
#[derive(Debug, Clone)]
pub struct Error {
    /// Stable category.
    pub kind: Kind,
    /// What is wrong: lower case, no final stop, the offending thing named.
    pub message: String,
    /// The file, once a caller that knows it has added it.
    pub file: Option<PathBuf>,
    /// Where in the text.
    pub position: Option<Position>,
    /// What would help.
    pub help: Option<String>,
}

impl Error {
    /// An error without a place.
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into(), file: None, position: None, help: None }
    }

    /// Adds the place in the text.
    pub fn at(mut self, position: Position) -> Error {
        self.position = Some(position);
        self
    }

    /// Adds what would help.
    pub fn help(mut self, help: impl Into<String>) -> Error {
        self.help = Some(help.into());
        self
    }

    /// Adds the file, unless an inner layer has named one.
    pub fn in_file(mut self, file: impl Into<PathBuf>) -> Error {
        self.file.get_or_insert_with(|| file.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(position) = self.position {
                write!(f, ":{}:{}", position.line, position.column)?;
            }
            f.write_str(": ")?;
        } else if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
