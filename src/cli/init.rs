//! `plimsoll init`: a specification to begin with.

use super::args::Talk;
use super::diagnostic::Failure;
use super::exit::Code;
use super::{files, terminal};
use plimsoll_check::graph::Graph;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Write a commented specification for a model: its inputs, its outputs and one property to change.
#[derive(clap::Args)]
pub struct Args {
    /// The model, an ONNX file.
    model: PathBuf,
    /// Write into this file instead of stdout; paths in it are relative to its folder.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Write over a file that exists.
    #[arg(long, help_heading = "Output")]
    force: bool,
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk) -> Code {
    match write(args) {
        Ok(()) => Code::Fine,
        Err(failure) => failure.report(talk),
    }
}

fn write(args: &Args) -> Result<(), Failure> {
    let bytes = plimsoll::read::file(&args.model)?;
    let digest = plimsoll::read::sha256(&bytes);
    let graph = plimsoll::read::model(&args.model)?;
    let folder = args.out.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let text = text(&graph, &relative(&args.model, folder), &digest);
    let Some(path) = &args.out else {
        terminal::print(&text);
        return Ok(());
    };
    if path.exists() && !args.force {
        let message = format!("`{}` exists", path.display());
        let help = "--force writes over it";
        return Err(Failure::new(plimsoll::Kind::Io, message, help));
    }
    files::write_whole(path, text.as_bytes()).map_err(|error| Failure::unwritable(path, &error))
}

/// The model's path as seen from a folder.
fn relative(model: &Path, folder: &Path) -> String {
    let whole = |path: &Path| match path.as_os_str().is_empty() {
        true => std::path::absolute(".").ok(),
        false => std::path::absolute(path).ok(),
    };
    let (Some(model_path), Some(folder)) = (whole(model), whole(folder)) else {
        return model.display().to_string();
    };
    let shared = model_path
        .components()
        .zip(folder.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = folder.components().count() - shared;
    let mut path = PathBuf::new();
    for _ in 0..up {
        path.push("..");
    }
    path.extend(model_path.components().skip(shared));
    path.display().to_string()
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            _ if character.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}

fn text(graph: &Graph, path: &str, digest: &str) -> String {
    let mut text = format!(
        "# What the network has to do, in the units of the people who need it.\n\
         # `plimsoll lint` says what looks wrong, `plimsoll check` verifies.\n\
         plimsoll = 1\n\
         id = \"MODEL\"\n\
         title = \"What this network is for\"\n\
         owner = \"who answers for this file\"\n\n\
         [model]\npath = {}\n# The file that this was written for; another one is refused.\nsha256 = \"{digest}\"\n\
         # What runs it in the field, for the safety case.\nruntime = \"\"\n",
        quoted(path)
    );
    let mut place = 0;
    for id in &graph.inputs {
        let value = graph.value(*id);
        let _ = write!(
            text,
            "\n# Input {} {:?}, in the model's order. model = (physical - mean) / scale.\n\
             # The range is the operational domain, in physical units.\n",
            quoted(&value.name),
            value.shape
        );
        if value.len() <= 12 {
            for _ in 0..value.len() {
                let _ = write!(
                    text,
                    "[[input]]\nname = \"x{place}\"\nunit = \"\"\nmean = 0\nscale = 1\nrange = [-1, 1]\n\n"
                );
                place += 1;
            }
        } else {
            let _ = write!(
                text,
                "[[input]]\nname = \"x\"\nshape = {:?}\nunit = \"\"\nmean = 0\nscale = 1\nrange = [0, 1]\n\n",
                value.shape
            );
        }
    }
    let outputs = graph.output_count();
    let labels: Vec<String> = (0..outputs).map(|at| format!("\"y{at}\"")).collect();
    let decision = if outputs > 1 { "argmax" } else { "none" };
    let _ = write!(
        text,
        "[domain]\ntext = \"Where the network is used.\"\n\
         # What of the operational domain these ranges leave out.\nuncovered = \"\"\n\n\
         [output]\nlabels = [{}]\n# Who decides: argmax, argmin or none. A tie counts against the requirement.\n\
         decision = \"{decision}\"\n\n\
         [[requirement]]\nid = \"R-1\"\ntext = \"The requirement's sentence.\"\nsource = \"document and section\"\n\
         # catastrophic, hazardous, major, minor or info\nseverity = \"major\"\n\n",
        labels.join(", ")
    );
    let formula = match outputs {
        1 => "y0 >= -1000000 and y0 <= 1000000".to_string(),
        _ => "abs(y0 - y1) <= 1000000".to_string(),
    };
    let _ = write!(
        text,
        "[[property]]\nid = \"P-1\"\nkind = \"reach\"   # reach, never, margin, robustness or vnnlib\n\
         requirement = [\"R-1\"]\n\
         # Inputs that are not named take their whole range: region = {{ x0 = [0, 1] }}\n\
         region = {{}}\n\
         # Also: argmax == \"y0\", argmax not in [y0, y1], max(..), min(..), and, or, not, =>\n\
         ensure = {}\n\
         timeout = \"60s\"\n\
         rationale = \"why this region and these numbers show the requirement\"\n",
        quoted(&formula)
    );
    text
}
