//! Plimsoll: a formal verifier for neural networks.

pub mod bound;
pub mod budget;
pub mod kernel;
pub mod net;
pub mod ops;
pub mod search;
