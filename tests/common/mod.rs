//! What the tests share: exact numbers, networks written down twice, an ONNX writer, an exact oracle.
//!
//! Nothing here uses a rounded number to judge: [`dyadic`] and the oracle are exact, and networks are
//! evaluated from their own description, not from what the library stores.
#![allow(dead_code)]

pub mod boxes;
pub mod dyadic;
pub mod onnx;
pub mod oracle;

pub mod plan;
pub mod queries;

pub mod sweeps;
