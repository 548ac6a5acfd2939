//! `plimsoll lint`: what looks wrong with a specification.

use super::args::Talk;
use super::diagnostic::{Failure, FailureDocument};
use super::exit::Code;
use super::{document, findings, terminal, today};
use plimsoll::spec::{self, Refusal, World, codes, has_errors};
use std::path::PathBuf;

/// The schema of `--json`.
const SCHEMA: &str = "plimsoll.lint/1";

/// Read a specification and say everything that looks wrong with it.
///
/// Mistakes that make it unusable are errors (code 2); what is probably a mistake is a warning. Every
/// finding has a stable code, which `plimsoll explain` explains.
#[derive(clap::Args)]
pub struct Args {
    /// The specification, a TOML file.
    spec: PathBuf,
    /// Treat findings of this code, or all warnings for `warnings`, as errors; may be repeated.
    #[arg(long, value_name = "CODE")]
    deny: Vec<String>,
    /// Say nothing about findings of this code unless they are errors; may be repeated.
    #[arg(long, value_name = "CODE")]
    allow: Vec<String>,
    /// The day for which dates are judged [default: today, UTC].
    #[arg(long, value_name = "DATE", value_parser = today::parse)]
    today: Option<String>,
    /// Print one JSON document, schema plimsoll.lint/1, and nothing else.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk) -> Code {
    for word in args.deny.iter().chain(&args.allow) {
        if codes::find(word).is_none() && word != "warnings" {
            let help = "codes are those of `plimsoll explain`";
            let message = format!("`{word}` is no code");
            return Failure::new(plimsoll::Kind::Parse, message, help).report(talk);
        }
    }
    let day = args.today.clone().unwrap_or_else(today::today);
    let (source, mut found) = match World::load(&args.spec) {
        Ok((world, mut found)) => {
            found.extend(spec::lint(&world, &day));
            (world.source, found)
        }
        Err(Refusal::Wrong { source, findings }) => (source, findings),
        Err(Refusal::Unreadable(error)) => {
            let failure = Failure::from(error);
            if args.json {
                let document = FailureDocument { schema: SCHEMA, error: failure.document() };
                terminal::print(&document::line(&document));
            }
            return failure.report(talk);
        }
    };
    let allowed = |finding: &spec::Finding| {
        args.allow.iter().any(|word| {
            word.eq_ignore_ascii_case(finding.code) && finding.severity() != spec::Severity::Error
        })
    };
    found.retain(|finding| !allowed(finding));
    let denied = found.iter().any(|finding| {
        args.deny.iter().any(|word| {
            word.eq_ignore_ascii_case(finding.code)
                || word == "warnings" && finding.severity() == spec::Severity::Warning
        })
    });
    if args.json {
        let document = findings::document(SCHEMA, &args.spec, &source, &found);
        terminal::print(&document::line(&document));
    } else {
        findings::report(&found, &source, &args.spec, talk);
    }
    if has_errors(&found) || denied {
        return Code::Input;
    }
    if !args.json && !talk.quiet {
        let text = match found.len() {
            0 => "nothing looks wrong\n".to_string(),
            count => format!("{}, no errors\n", findings::counted(count, "finding")),
        };
        terminal::print(&text);
    }
    Code::Fine
}
