//! `--proof`: the certificate of `holds`, written and checked.

use super::diagnostic::Failure;
use super::files;
use plimsoll::{Outcome, Verdict};
use plimsoll_check::proof::{self, Certificate, Judgement, Summary};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A certificate that was written and that the checker accepts.
#[derive(Debug, Clone)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it consists of.
    pub summary: Summary,
    /// How long the check took.
    pub check_time: Duration,
}

/// The certificate in a JSON document.
#[derive(Serialize)]
pub struct Document {
    file: String,
    sha256: String,
    bytes: u64,
    nodes: usize,
    leaves: usize,
    steps: usize,
    exact_steps: usize,
    check_s: f64,
}

impl Written {
    /// For a JSON document.
    pub fn document(&self) -> Document {
        Document {
            file: self.path.display().to_string(),
            sha256: plimsoll::read::file(&self.path)
                .map_or(String::new(), |bytes| plimsoll::read::sha256(&bytes)),
            bytes: self.bytes,
            nodes: self.summary.nodes,
            leaves: self.summary.leaves,
            steps: self.summary.steps,
            exact_steps: self.summary.exact,
            check_s: self.check_time.as_secs_f64(),
        }
    }
}

/// Why `holds` comes without the proof that was asked for.
pub fn missing(outcome: &Outcome) -> Option<String> {
    match (&outcome.verdict, &outcome.proof) {
        (Verdict::Holds, Some(Err(error))) => Some(error.message.clone()),
        _ => None,
    }
}

/// Writes the certificate of an outcome, reads it back and checks it; none if the verdict is not `holds` or if
/// it comes without a proof, which [`missing`] explains.
pub fn write(
    path: &Path,
    (model, spec): (&Path, &Path),
    outcome: &Outcome,
) -> Result<Option<Written>, Failure> {
    let (Verdict::Holds, Some(Ok(trees))) = (&outcome.verdict, &outcome.proof) else {
        return Ok(None);
    };
    let trees = trees.clone();
    let (model, spec) = (plimsoll::read::file(model)?, plimsoll::read::file(spec)?);
    let certificate =
        Certificate { model: proof::digest(&model), query: proof::digest(&spec), trees };
    let mut bytes = Vec::new();
    certificate.write(&mut bytes).map_err(|error| Failure::unwritable(path, &error))?;
    files::write_whole(path, &bytes).map_err(|error| Failure::unwritable(path, &error))?;
    let started = Instant::now();
    match proof::judge(model, &spec, &bytes)? {
        Judgement::Valid(summary) => Ok(Some(Written {
            path: path.to_path_buf(),
            bytes: bytes.len() as u64,
            summary,
            check_time: started.elapsed(),
        })),
        // Never told as a verdict: prover and checker contradict each other.
        Judgement::Invalid(rejection) => {
            panic!("the checker rejects the certificate of a verdict: {rejection}")
        }
    }
}
