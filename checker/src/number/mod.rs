//! Numbers whose every operation is exact or rounded outward.
//!
//! [`Rational`] is exact. [`Interval`] encloses: its ends are floats and every operation widens them
//! until the exact result is inside. [`Scalar`] is what an evaluation of a network needs, so that one
//! piece of code evaluates in a float type, on intervals and in rationals; [`Order`] compares and chooses.

pub(crate) mod ball;
pub mod elementary;
mod exact;
mod interval;
mod order;
mod rational;
mod scalar;

pub use elementary::Elementary;
pub use exact::Exact;
pub use interval::Interval;
pub use order::Order;
pub use rational::{ParseRationalError, Rational};
pub use scalar::Scalar;
