//! Other ways to decide a query: mixed-integer programs and exact satisfiability, each by a solver whose
//! word counts for nothing until it was checked here.
//!
//! | module | what | needs |
//! |---|---|---|
//! | [`lp`] | a network over a box as a mixed-integer linear program | |
//! | [`farkas`] | when multipliers prove that a program has no solution | |
//! | [`tree`] | a proof by branching on relu phases, each leaf closed by multipliers | |
//! | [`milp`] | a query by mixed-integer programs | feature `milp`, or `highs` |
//! | [`smtlib`] | a query as SMT-LIB 2 text | |
//! | [`smt`] | a query by z3, in exact rationals | feature `smt` |
//!
//! A point that a solver gives is judged like any other candidate. That there is none is believed of a
//! mixed-integer solver never, and proved by [`tree`] instead; of z3, which computes exactly, it is taken
//! over and recorded as a [`Hole`].

pub mod farkas;
#[cfg(feature = "highs")]
mod highs;
pub mod lp;
#[cfg(feature = "milp")]
mod microlp;
pub mod milp;
#[cfg(feature = "milp")]
mod model;
pub mod smt;
pub mod smtlib;
pub mod tree;

use crate::problem::Candidate;
use plimsoll_check::number::Rational;
use plimsoll_check::{Error, Kind};
use std::time::Duration;

/// How a query is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// Whichever way the query's features suggest, among those that were built in.
    #[default]
    Auto,
    /// Branch and bound on the inputs.
    Bab,
    /// Mixed-integer linear programs.
    Milp,
    /// z3, in exact rationals.
    Smt,
    /// All that were built in, side by side; the first answer counts.
    Portfolio,
}

impl Backend {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Auto => "auto",
            Backend::Bab => "bab",
            Backend::Milp => "milp",
            Backend::Smt => "smt",
            Backend::Portfolio => "portfolio",
        }
    }

    /// Whether it was built in.
    pub fn is_available(self) -> bool {
        match self {
            Backend::Auto | Backend::Bab | Backend::Portfolio => true,
            Backend::Milp => cfg!(feature = "milp"),
            Backend::Smt => cfg!(feature = "smt"),
        }
    }

    /// # Errors
    /// If it was not built in: which feature is missing, and which commands build it.
    pub fn require(self) -> Result<(), Error> {
        if self.is_available() {
            return Ok(());
        }
        let name = self.name();
        let help = match self {
            Backend::Smt => {
                "build it with: scripts/setup && . .solvers/env && cargo build --release --features smt"
            }
            _ => {
                "build it with: cargo build --release --features milp (a solver in Rust), or: scripts/setup \
                 && . .solvers/env && cargo build --release --features highs"
            }
        };
        let message =
            format!("this build has no `{name}` back-end: the feature `{name}` is missing");
        Err(Error::new(Kind::UnsupportedQuery, message).help(help))
    }
}

/// How a back-end ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// No point of any region violates, by our own proof.
    Holds,
    /// No point of any region violates; the solver alone says so.
    Trusted(Hole),
    /// The referee confirmed a counterexample.
    Confirmed,
    /// The budget ran out.
    Late,
    /// Neither was established, and why.
    Undecided(String),
}

/// A claim that nothing here has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Who claims it: `smt`.
    pub kind: &'static str,
    /// The SHA-256 of the SMT-LIB text that the solver found unsatisfiable, in hexadecimal; of several texts
    /// that of their digests, one after another.
    pub digest: String,
}

/// Judges what a solver calls a counterexample.
pub trait Referee {
    /// Whether the float point, or one that rounds to it, is proved to violate its disjunct.
    fn confirm(&mut self, candidate: &Candidate) -> bool;
    /// Whether this very point is.
    fn confirm_exactly(&mut self, disjunct: u32, inputs: &[Rational]) -> bool;
    /// Is told now and then how a tree has grown, with its open nodes.
    fn grown(&mut self, _size: tree::Size, _open: usize) {}
}

/// A limit that no solver finds too large.
const LONG: Duration = Duration::from_secs(1_000_000);
