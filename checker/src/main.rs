//! `plimsoll-check`: judges the certificate of a verdict without trusting who made it.

use plimsoll_check::proof::{self, Judgement};
use plimsoll_check::{Error, Kind, read};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "\
Judges a certificate that `plimsoll verify --proof FILE` wrote.

Usage: plimsoll-check MODEL SPEC CERTIFICATE

The answer is `valid` if the certificate proves, by the rules of proofs/RULES.md, that no input of the
specification's region satisfies its unwanted constraints, over the reals; else `invalid`, with the
place and the rule that does not apply. The certificate's SHA-256 digests must be those of the model and
of the specification. Files may be gzip.

Exit codes: 0 valid, 1 invalid, 2 wrong input.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match text.as_slice() {
        ["-h" | "--help"] => say(USAGE, 0),
        ["-V" | "--version"] => say(concat!("plimsoll-check ", env!("CARGO_PKG_VERSION"), "\n"), 0),
        [model, spec, certificate] if !text.iter().any(|t| t.starts_with("--")) => {
            judge([*model, *spec, *certificate].map(PathBuf::from))
        }
        _ => complain(USAGE),
    }
}

fn judge([model, spec, certificate]: [PathBuf; 3]) -> ExitCode {
    let started = Instant::now();
    let judgement = (|| {
        let (model, spec) = (read::file(&model)?, read::file(&spec)?);
        // Certificates are compressed inside.
        let bytes = std::fs::read(&certificate).map_err(|error| {
            let message = format!("the certificate cannot be read: {error}");
            Error::new(Kind::Io, message).in_file(&certificate)
        })?;
        proof::judge(model, &spec, &bytes)
    })();
    match judgement {
        Ok(Judgement::Valid(summary)) => {
            let proof::Summary { nodes, leaves, steps, exact } = summary;
            let text = format!(
                "valid  under real semantics, in {:.3} s\n  {nodes} nodes, {leaves} leaves, {steps} \
                 conclusions, {exact} of them by exact arithmetic\n",
                started.elapsed().as_secs_f64()
            );
            say(&text, 0)
        }
        Ok(Judgement::Invalid(rejection)) => say(&format!("invalid  {rejection}\n"), 1),
        Err(error) => complain(&format!("error: {error}\n")),
    }
}

fn say(text: &str, code: u8) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(2),
    }
}

fn complain(text: &str) -> ExitCode {
    // Nobody is left to hear of a closed stderr.
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(2)
}
