//! `plimsoll expand`: the VNN-LIB that a specification means.

use super::args::Talk;
use super::diagnostic::Failure;
use super::exit::Code;
use super::{files, findings, terminal};
use plimsoll::Kind;
use plimsoll::spec::{Language, expand};
use std::path::PathBuf;

/// Write each property of a specification as VNN-LIB, as it would be verified.
#[derive(clap::Args)]
pub struct Args {
    /// The specification, a TOML file.
    spec: PathBuf,
    /// Only these properties; may be repeated.
    #[arg(long, value_name = "ID")]
    select: Vec<String>,
    /// Write ID.vnnlib files into this folder instead of stdout.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Version of the language: 1.0 or 2.0. `check` verifies 2.0.
    #[arg(long, value_name = "VERSION", default_value = "2.0", help_heading = "Output")]
    vnnlib: String,
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk) -> Code {
    match write(args, talk) {
        Ok(()) => Code::Fine,
        Err(code) => code,
    }
}

fn write(args: &Args, talk: &Talk) -> Result<(), Code> {
    let language = match args.vnnlib.as_str() {
        "1.0" | "1" => Language::One,
        "2.0" | "2" => Language::Two,
        other => {
            let message = format!("`{other}` is no version of VNN-LIB that can be written");
            return Err(Failure::new(Kind::Parse, message, "versions are 1.0 and 2.0").report(talk));
        }
    };
    let (world, _) = findings::load(&args.spec, talk, false)?;
    let properties = &world.spec.properties;
    if let Some(id) = args.select.iter().find(|id| !properties.iter().any(|p| p.id == **id)) {
        let message = format!("no property has the id `{id}`");
        return Err(
            Failure::new(Kind::Parse, message, "ids stand in the specification").report(talk)
        );
    }
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::unwritable(folder, &error).report(talk))?;
    }
    for property in properties {
        if !args.select.is_empty() && !args.select.contains(&property.id) {
            continue;
        }
        let expansion = expand(&world, property, language).map_err(|problem| {
            let message = format!("`{}`: {problem}", property.id);
            Failure::new(Kind::UnsupportedQuery, message, "`plimsoll lint` says more").report(talk)
        })?;
        for part in &expansion.parts {
            match &args.out {
                None => {
                    terminal::print(&format!("; ---- {}.vnnlib\n{}\n", part.name, part.text));
                }
                Some(folder) => {
                    let path = folder.join(format!("{}.vnnlib", part.name));
                    files::write_whole(&path, part.text.as_bytes())
                        .map_err(|error| Failure::unwritable(&path, &error).report(talk))?;
                }
            }
        }
        for (row, why) in &expansion.skipped {
            terminal::eprint(&format!("note: {}: row {row} is left out: {why}\n", property.id));
        }
    }
    Ok(())
}
