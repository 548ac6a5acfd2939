//! Plimsoll: a formal verifier for neural networks.

pub mod attack;
pub mod bound;
pub mod budget;
#[cfg(feature = "second-decoder")]
mod import;
pub mod kernel;
pub mod net;
pub mod ops;
pub mod read;
pub mod search;
mod verify;

pub use plimsoll_check::{Error, Kind, Position};
pub use verify::{Observer, Options, Outcome, Reason, Semantics, Verdict, Verifier};
