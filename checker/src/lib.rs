//! What must be trusted in Plimsoll, and nothing else.
//!
//! The readers turn bytes into a [`graph::Graph`] and a [`query::Query`]; [`number`] has the exact
//! rationals and the outward-rounded intervals in which both are evaluated. The verifier (package
//! `plimsoll`) uses these types; nothing here knows the verifier.
#![forbid(unsafe_code)]

pub mod error;
pub mod graph;
pub mod number;
pub mod onnx;
pub mod ops;
pub mod proof;
pub mod query;
pub mod read;
pub mod vnnlib;

pub use error::{Error, Kind, Position};
