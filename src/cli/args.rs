//! Flags that several commands share, and how their values are read.

use super::memory;
use clap::ValueEnum;
use plimsoll::{Backend, Options, Semantics};
use std::num::NonZeroUsize;
use std::time::Duration;

/// When something happens that depends on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// If the stream is a terminal.
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// How the program talks.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct Talk {
    /// Say the verdict and nothing else; errors are still explained.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: every input of a counterexample, what was chosen and why.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Whether to use colour.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Switch::Auto)]
    #[arg(hide_possible_values = true, help = "Colour: auto, always or never [default: auto]")]
    #[arg(hide_default_value = true)]
    pub color: Switch,
}

/// The arithmetic that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Asked {
    /// The ideal function over the reals.
    Real,
    /// Executions in float32.
    Float32,
}

/// How a query is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// Whichever way suits the query.
    Auto,
    /// Branch and bound.
    Bab,
    /// Mixed-integer programs.
    Milp,
    /// z3.
    Smt,
    /// All side by side.
    Portfolio,
}

impl From<Way> for Backend {
    fn from(way: Way) -> Backend {
        match way {
            Way::Auto => Backend::Auto,
            Way::Bab => Backend::Bab,
            Way::Milp => Backend::Milp,
            Way::Smt => Backend::Smt,
            Way::Portfolio => Backend::Portfolio,
        }
    }
}

/// What a run may use, and what it asks.
#[derive(Debug, Clone, clap::Args)]
pub struct Limits {
    /// Threads that work [default: all processors that the process may use].
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Memory for open subproblems, such as 4GiB or 500MB
    /// [default: 80 % of what the process may use].
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub memory: Option<usize>,
    /// Boxes that may be bounded; a run that ends here ends alike on every machine [default: no limit].
    #[arg(long, value_name = "N")]
    pub max_boxes: Option<u64>,
    /// Seed of everything that is random; same seed, same search.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Arithmetic that the verdict is about: `real` (weights and constants are exact, the network is a
    /// function over the reals) or `float32` (executions; not decided yet) [default: what the query's
    /// types say].
    #[arg(long, value_name = "WHICH", value_enum, hide_possible_values = true)]
    pub semantics: Option<Asked>,
    /// How to decide: `auto`, `bab` (branch and bound), `milp` (mixed-integer programs, checked), `smt` (z3, in
    /// exact rationals) or `portfolio` (all that this build has, side by side) [default: auto].
    #[arg(long, value_name = "WAY", value_enum, hide_possible_values = true)]
    #[arg(default_value_t = Way::Auto, hide_default_value = true)]
    pub backend: Way,
}

impl Limits {
    /// As options of the library.
    pub fn options(&self, timeout: Option<Duration>) -> Options {
        let default = Options::default();
        Options {
            timeout,
            boxes: self.max_boxes,
            threads: self.threads.map(NonZeroUsize::get),
            memory: self.memory.or_else(memory::default_limit).unwrap_or(default.memory),
            seed: self.seed,
            semantics: match self.semantics {
                None => Semantics::AsTyped,
                Some(Asked::Real) => Semantics::Real,
                Some(Asked::Float32) => Semantics::Float32,
            },
            backend: self.backend.into(),
            proof: false,
        }
    }
}

/// Reads a number of seconds, possibly with a fraction.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "give a number of seconds, such as 20 or 0.5")?;
    Duration::try_from_secs_f64(number)
        .map_err(|_| "give a number of seconds that is not negative".to_string())
}

/// Reads a number of bytes with a unit: powers of 1024 for KiB, K and the like, of 1000 for kB.
pub fn bytes(text: &str) -> Result<usize, String> {
    let help = "give a number of bytes, such as 500MB, 4GiB or 4294967296";
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..at].trim(), text[at..].to_ascii_lowercase());
    let number: f64 = number.parse().map_err(|_| help)?;
    let (letter, rest) = unit.split_at(usize::from(!unit.is_empty()));
    let power = match letter {
        "" | "b" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(help.into()),
    };
    let base: f64 = match (power, rest) {
        (0, "") | (1.., "" | "i" | "ib") => 1024.0,
        (1.., "b") => 1000.0,
        _ => return Err(help.into()),
    };
    let bytes = number * base.powi(power);
    if bytes >= 1.0 && bytes < usize::MAX as f64 { Ok(bytes as usize) } else { Err(help.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        for (text, value) in [
            ("1024", 1024),
            ("12b", 12),
            ("4GiB", 4 << 30),
            ("1.5 MiB", 3 << 19),
            ("2K", 2048),
            ("500MB", 500_000_000),
            ("1kB", 1000),
        ] {
            assert_eq!(bytes(text), Ok(value), "{text}");
        }
        for text in ["", "GiB", "-1", "0", "4Gi B", "4GiBs", "1e40", "nan", "4X", "1bb"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn seconds_may_have_a_fraction() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("20"), Ok(Duration::from_secs(20)));
        for text in ["-1", "nan", "inf", "soon", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
