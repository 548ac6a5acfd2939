//! The command line: flags in, words out, no logic of verification.

mod args;
mod bounds;
mod case;
mod check;
mod competition;
mod diagnostic;
mod document;
mod exit;
mod expand;
mod explain;
mod files;
mod findings;
mod init;
mod inspect;
mod internal;
mod interrupt;
mod lint;
mod memory;
mod number;
mod progress;
mod proof;
mod report;
mod rows;
mod standard;
mod status;
mod suite;
mod supports;
mod table;
mod terminal;
mod today;
mod verify;

use args::Talk;
use clap::{Parser, Subcommand};
use exit::Code;
use std::process::ExitCode;
use std::time::Instant;

/// Formal verification of neural networks.
///
/// Plimsoll answers a question about every input of a region at once: the property holds, with a bound
/// that is rigorous about rounding, or here is an input that breaks it, or neither could be decided.
#[derive(Parser)]
#[command(
    name = "plimsoll",
    disable_version_flag = true,
    arg_required_else_help = true,
    after_long_help = EXAMPLES
)]
struct Cli {
    /// Print the program's name and exit.
    #[arg(long, exclusive = true)]
    name: bool,
    /// Print the program's version and exit.
    #[arg(short = 'V', long, exclusive = true)]
    version: bool,
    #[command(flatten)]
    talk: Talk,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Verify(verify::Args),
    Suite(suite::Args),
    Check(check::Args),
    Case(case::Args),
    Status(status::Args),
    Lint(lint::Args),
    Expand(expand::Args),
    Init(init::Args),
    Explain(explain::Args),
    Inspect(inspect::Args),
    Bounds(bounds::Args),
    Supports(supports::Args),
}

const EXAMPLES: &str = "\
Examples:
  What is in a model, and can it be verified?
      plimsoll inspect models/collision/avoid.onnx
  Does a property hold?
      plimsoll verify models/collision/avoid.onnx specs/collision/head_on_turns.vnnlib
  Where can the outputs go?
      plimsoll bounds models/thermostat/heat.onnx 'X_0=[-1,1],X_1=[-1,1]'
  Many queries:
      plimsoll suite specs/instances.csv --cap 10 --csv results.csv
  Do all requirements of a specification hold?
      plimsoll check specs/collision.toml --out plimsoll-out

Exit codes, the same for all commands:
  0  every property holds, or the command did its work
  1  a property is violated
  2  the input is wrong: flags, files, specification, an unsupported operator
  3  undecided
  4  evidence is stale
  5  interrupted
  6  internal error
When several apply, the first of 6, 2, 5, 1, 3, 4, 0 counts.";

/// Runs the program.
pub fn main() -> ExitCode {
    let started = Instant::now();
    internal::install_hook();
    let code = std::panic::catch_unwind(|| {
        let cli = Cli::parse();
        match cli.command {
            _ if cli.name => said(concat!(env!("CARGO_PKG_NAME"), "\n")),
            _ if cli.version => said(concat!(env!("CARGO_PKG_VERSION"), "\n")),
            Some(Command::Verify(args)) => verify::run(&args, &cli.talk, started),
            Some(Command::Suite(args)) => suite::run(&args, &cli.talk, started),
            Some(Command::Check(args)) => check::run(&args, &cli.talk),
            Some(Command::Case(args)) => case::run(&args, &cli.talk),
            Some(Command::Status(args)) => status::run(&args, &cli.talk),
            Some(Command::Lint(args)) => lint::run(&args, &cli.talk),
            Some(Command::Expand(args)) => expand::run(&args, &cli.talk),
            Some(Command::Init(args)) => init::run(&args, &cli.talk),
            Some(Command::Explain(args)) => explain::run(&args),
            Some(Command::Inspect(args)) => inspect::run(&args, &cli.talk),
            Some(Command::Bounds(args)) => bounds::run(&args, &cli.talk),
            Some(Command::Supports(args)) => said(&supports::answer(&args)),
            None => {
                terminal::eprint(
                    "error: a command is missing\n  = help: `plimsoll --help` lists them\n",
                );
                Code::Input
            }
        }
    });
    ExitCode::from(code.unwrap_or(Code::Internal) as u8)
}

fn said(text: &str) -> Code {
    terminal::print(text);
    Code::Fine
}
