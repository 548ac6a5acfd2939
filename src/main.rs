//! The command line of Plimsoll.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
