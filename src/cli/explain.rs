//! `plimsoll explain`: the long form of a code.

use super::exit::Code;
use super::terminal;
use plimsoll::spec::codes::{CODES, find};

/// Explain a code of `plimsoll lint`, or list all of them.
#[derive(clap::Args)]
pub struct Args {
    /// The code, such as PL012.
    code: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Code {
    let Some(name) = &args.code else {
        let lines: Vec<String> = CODES
            .iter()
            .map(|code| format!("{}  {:7}  {}\n", code.name, code.severity.name(), code.title))
            .collect();
        terminal::print(&lines.concat());
        return Code::Fine;
    };
    match find(name) {
        Some(code) => {
            terminal::print(&format!(
                "{} ({}): {}\n\n{}\n",
                code.name,
                code.severity.name(),
                code.title,
                code.text
            ));
            Code::Fine
        }
        None => {
            terminal::eprint(&format!(
                "error[parse]: `{name}` is no code\n  = help: `plimsoll explain` lists them\n"
            ));
            Code::Input
        }
    }
}
