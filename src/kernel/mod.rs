//! Matrix products, vector loops with run-time dispatch, and the error terms that make them rigorous.
//!
//! All unsafe code of the package is in this folder.

mod lanes;
mod product;
pub mod rounding;

pub use lanes::{charge_row, line_row, relax_row};
pub use product::{Layout, product};
