//! Writing to the terminal: stdout for data, stderr for talk, colour where it helps.

use super::args::Switch;
use std::env;
use std::io::{self, IsTerminal, Write};

/// Writes data to stdout; `false` if it could not be written.
///
/// A reader that has gone away wants no more and is no error; anything else is reported.
pub fn print(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => true,
        Err(error) => {
            eprint(&format!("error[io]: the output cannot be written: {error}\n"));
            false
        }
    }
}

/// Writes talk to stderr; whether anybody hears it does not matter.
pub fn eprint(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// How text is painted on one stream.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    colored: bool,
}

impl Style {
    /// For what goes to stdout.
    pub fn stdout(color: Switch) -> Style {
        Style { colored: wanted(color, io::stdout().is_terminal()) }
    }

    /// For what goes to stderr.
    pub fn stderr(color: Switch) -> Style {
        Style { colored: wanted(color, io::stderr().is_terminal()) }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colored { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// Important.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Good.
    pub fn green(self, text: &str) -> String {
        self.paint("1;32", text)
    }

    /// Bad.
    pub fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// Neither.
    pub fn yellow(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    /// Structure.
    pub fn blue(self, text: &str) -> String {
        self.paint("1;34", text)
    }
}

/// The flag decides; then the environment, as other programs have it; then the terminal.
fn wanted(color: Switch, terminal: bool) -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Switch::Always => true,
        Switch::Never => false,
        Switch::Auto if set("NO_COLOR") => false,
        Switch::Auto
            if env::var_os("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0") =>
        {
            true
        }
        Switch::Auto => terminal && env::var_os("TERM").is_none_or(|term| term != "dumb"),
    }
}
