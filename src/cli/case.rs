//! `plimsoll case`: the safety case.

use super::args::Talk;
use super::diagnostic::Failure;
use super::exit::Code;
use super::status::{Judged, Unjudged, folder, load};
use super::{files, terminal, today};
use plimsoll::case;
use std::path::PathBuf;

/// Write a structured safety case from the results of `plimsoll check`.
///
/// Every certificate is checked again and every counterexample replayed first. The case is written as
/// case.json (the record), case.html (one page that needs nothing else), case.md (with a Mermaid diagram),
/// case.gsn.yaml (for gsn2x) and case.ltac. Exit code 4 if some evidence is stale; the page shows which
/// goals fell.
#[derive(clap::Args)]
pub struct Args {
    /// The specification, a TOML file.
    spec: PathBuf,
    /// The folder of the results, which gets the case [default: plimsoll-out beside the specification].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The date of the case [default: today, UTC].
    #[arg(long, value_name = "DATE", value_parser = today::parse)]
    today: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk) -> Code {
    let out = folder(&args.spec, &args.out);
    let Judged { world, results, evidence } = match load(&args.spec, &out, talk) {
        Ok(judged) => judged,
        Err(Unjudged::Said(code)) => return code,
        Err(Unjudged::Stale(why)) => {
            terminal::eprint(&format!("error[io]: no case was written: {why}\n"));
            return Code::Stale;
        }
    };
    let day = args.today.clone().unwrap_or_else(today::today);
    let mut command = vec!["plimsoll".to_string(), "case".to_string()];
    command.push(args.spec.display().to_string());
    if let Some(out) = &args.out {
        command.extend(["--out".to_string(), out.display().to_string()]);
    }
    let built = case::build(&world, &results, &evidence, &day, command);
    for (name, text) in [
        ("case.json", built.to_json()),
        ("case.html", case::page(&built, &world, &results, &evidence)),
        ("case.md", case::markdown(&built, &results)),
        ("case.gsn.yaml", case::gsn2x(&built)),
        ("case.ltac", case::ltac(&built)),
    ] {
        let path = out.join(name);
        if let Err(error) = files::write_whole(&path, text.as_bytes()) {
            return Failure::unwritable(&path, &error).report(talk);
        }
    }
    if !talk.quiet {
        let open = built.defeaters.iter().filter(|doubt| doubt.status == "open").count();
        terminal::print(&format!(
            "{}\n{open} doubts are open. Written: case.html, case.json, case.md, case.gsn.yaml and \
             case.ltac in {}\n",
            built.statement(),
            out.display()
        ));
    }
    match evidence.iter().any(|evidence| !evidence.stale.is_empty()) {
        true => Code::Stale,
        false => Code::Fine,
    }
}
