//! Who judges certificates.

use crate::{Error, Kind};
use plimsoll_check::proof::{self, Judgement, Summary};
use std::fs;
use std::path::Path;

/// What a checker says about a certificate.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It proves the query.
    Valid(Summary),
    /// It proves nothing, and why.
    Invalid(String),
    /// It could not be checked, and why.
    Unusable(String),
}

/// The files of a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'f> {
    /// The model.
    pub model: &'f Path,
    /// The text.
    pub query: &'f Path,
    /// The certificate.
    pub certificate: &'f Path,
}

/// Judges certificates.
pub trait Checker: Sync {
    /// Judges one, by the files.
    fn check(&self, claimed: Claimed) -> Answer;

    /// What it is, for the record.
    fn name(&self) -> String;
}

/// The checker of this build, in this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltIn;

impl Checker for BuiltIn {
    fn check(&self, claimed: Claimed) -> Answer {
        let judged = (|| {
            let model = crate::read::file(claimed.model)?;
            let query = crate::read::file(claimed.query)?;
            let certificate = fs::read(claimed.certificate).map_err(|error| {
                Error::new(Kind::Io, error.to_string()).in_file(claimed.certificate)
            })?;
            proof::judge(model, &query, &certificate)
        })();
        match judged {
            Ok(Judgement::Valid(summary)) => Answer::Valid(summary),
            Ok(Judgement::Invalid(rejection)) => Answer::Invalid(rejection.to_string()),
            Err(error) if error.kind == Kind::Certificate => Answer::Invalid(error.to_string()),
            Err(error) => Answer::Unusable(error.to_string()),
        }
    }

    fn name(&self) -> String {
        format!("plimsoll-check {} (built in)", env!("CARGO_PKG_VERSION"))
    }
}
