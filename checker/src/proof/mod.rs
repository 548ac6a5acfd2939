//! Proofs: what a certificate says, and the rules by which it is believed.
//!
//! [`trace`] turns a graph into a [`Program`]; [`Bounds`] and [`Form`] are what the rules of
//! `proofs/RULES.md` conclude about its variables.

use crate::error::{Error, Kind};
use crate::query::Arithmetic;
use crate::{onnx, vnnlib};
use bytes::Bytes;
use sha2::{Digest, Sha256};

mod bound;
mod certificate;
mod check;
mod curve;
mod exact;
mod frame;
mod program;
mod symbol;
mod trace;

pub use bound::{Bounds, Choice, Form, Scratch, Sign};
pub use certificate::{
    Bounding, Certificate, Conclusion, Face, MAX_DEPTH, Node, Rest, Signs, Split, Step, slope,
};
pub use check::{Open, Rejection, Scene, Summary, Target, check};
pub use exact::refutes as refutes_exactly;
pub use frame::Frame;
pub use program::{Definition, Program, Variable};
pub use trace::trace;

/// What is known about a certificate.
#[derive(Debug, Clone)]
pub enum Judgement {
    /// It proves that the query holds over the reals.
    Valid(Summary),
    /// It proves nothing: some conclusion does not follow.
    Invalid(Rejection),
}

/// The digest by which a certificate names bytes.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Judges a certificate by the bytes of the model and of the query's text, decompressed, and its own.
///
/// # Errors
///
/// If one of the three cannot be read, or the certificate is about another model or query.
pub fn judge(model: Bytes, query: &[u8], certificate: &[u8]) -> Result<Judgement, Error> {
    let certificate = Certificate::read(certificate)?;
    for (what, named, found) in
        [("model", certificate.model, digest(&model)), ("query", certificate.query, digest(query))]
    {
        if named != found {
            return Err(Error::new(
                Kind::Certificate,
                format!("the certificate is about another {what}: the SHA-256 digests differ"),
            )
            .help(format!("check it with the {what} that was verified, or prove again")));
        }
    }
    let graph = onnx::read(model)?;
    let query = vnnlib::read(query)?;
    query.matches(&graph)?;
    let program = trace(&graph)?;
    Ok(match check(&program, &query, &certificate) {
        Ok(summary) => Judgement::Valid(summary),
        Err(rejection) => Judgement::Invalid(rejection),
    })
}

/// The arithmetic that a valid certificate speaks about.
pub const SEMANTICS: Arithmetic = Arithmetic::Real;
