//! `plimsoll bounds`: proven ranges of the outputs over a box of inputs.

use super::args::Talk;
use super::diagnostic::{Failure, FailureDocument};
use super::exit::Code;
use super::number::{down, exact, up};
use super::report::seconds;
use super::table::table;
use super::terminal::Style;
use super::{document, terminal};
use clap::ValueEnum;
use plimsoll::bound::NodeBounds;
use plimsoll::ranges::{Method, output_ranges};
use plimsoll::{Error, Kind};
use plimsoll_check::graph::Graph;
use plimsoll_check::query::Region;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod region;

/// Bound the outputs over a box of inputs.
///
/// For every input of the box, every output of the network over the reals lies in the range that is
/// printed, whichever method found it. Ranges are not the tightest; numbers are rounded outward.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The model, an ONNX file.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The box: a VNN-LIB file, whose constraints on outputs are ignored, or `X_0=[0,1],X_1=0.5`;
    /// `X=[0,1]` stands for all inputs that are not named.
    #[arg(value_name = "BOX")]
    region: String,
    /// How to bound: `interval`, `zonotope`, `backward`, or `all` of them.
    #[arg(long, value_name = "HOW", value_enum, hide_possible_values = true)]
    #[arg(default_value_t = Which::All)]
    method: Which,
    /// Print one JSON document, schema plimsoll.bounds/1, and nothing else.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Interval,
    Zonotope,
    Backward,
    All,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll bounds models/thermostat/heat.onnx 'X_0=[-1,-0.4],X_1=[-1,1]'
  plimsoll bounds models/collision/avoid.onnx specs/collision/far_is_clear.vnnlib
  plimsoll bounds models/digits/digits.onnx 'X=[0,1]' --method zonotope --json";

/// Name and version of the format.
const SCHEMA: &str = "plimsoll.bounds/1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    model: String,
    r#box: String,
    semantics: &'static str,
    /// Boxes whose union the ranges cover.
    regions: usize,
    methods: Vec<MethodDocument>,
}

#[derive(Serialize)]
struct MethodDocument {
    method: &'static str,
    time_s: f64,
    outputs: Vec<RangeDocument>,
}

#[derive(Serialize)]
struct RangeDocument {
    name: String,
    /// Exactly what was proved; `-inf` and `inf` where nothing was.
    lower: String,
    upper: String,
}

/// What one method found.
struct Found {
    method: &'static str,
    ranges: NodeBounds,
    time: Duration,
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk) -> Code {
    match answer(args, talk) {
        Ok(text) => {
            if terminal::print(&text) {
                Code::Fine
            } else {
                Code::Input
            }
        }
        Err(failure) => {
            if args.json {
                let document = FailureDocument { schema: SCHEMA, error: failure.document() };
                terminal::print(&document::line(&document));
            }
            failure.report(talk)
        }
    }
}

fn answer(args: &Args, talk: &Talk) -> Result<String, Failure> {
    let model = plimsoll::read::model(&args.model)?;
    let (regions, names) = regions(&args.region, &model)?;
    let found: Vec<Found> = methods(args.method)
        .iter()
        // Nothing comes out of nothing: an empty box is said in words.
        .filter(|_| !regions.is_empty())
        .map(|(name, method)| {
            let started = Instant::now();
            let ranges = output_ranges(&model, &regions, *method)?;
            Ok(Found { method: name, ranges, time: started.elapsed() })
        })
        .collect::<Result<_, Error>>()?;
    Ok(match args.json {
        true => document::line(&Document {
            schema: SCHEMA,
            model: args.model.display().to_string(),
            r#box: args.region.clone(),
            semantics: "real",
            regions: regions.len(),
            methods: found.iter().map(|found| found.document(&names)).collect(),
        }),
        false => report(&found, &names, regions.len(), talk),
    })
}

fn methods(which: Which) -> &'static [(&'static str, Method)] {
    const ALL: [(&str, Method); 3] = [
        ("interval", Method::Interval),
        ("zonotope", Method::Zonotope),
        ("backward", Method::Backward),
    ];
    match which {
        Which::Interval => &ALL[..1],
        Which::Zonotope => &ALL[1..2],
        Which::Backward => &ALL[2..],
        Which::All => &ALL,
    }
}

/// The boxes, and the names of the outputs.
fn regions(text: &str, model: &Graph) -> Result<(Vec<Region>, Vec<String>), Failure> {
    let outputs = model.output_count();
    if text.contains('=') && !Path::new(text).exists() {
        let region = region::parse(text, model.input_count())?;
        let names = (0..outputs).map(|output| format!("Y_{output}")).collect();
        let regions = if region.is_empty() { Vec::new() } else { vec![region] };
        return Ok((regions, names));
    }
    let path = Path::new(text);
    let help = |error: Error| match (error.kind, &error.help) {
        (Kind::Io, _) if !text.contains("vnnlib") => {
            error.help("a box is a .vnnlib file or reads like X_0=[0,1],X_1=[-1,1]")
        }
        _ => error,
    };
    let bytes = plimsoll::read::file(path).map_err(help)?;
    let query = plimsoll::read::query(&bytes).map_err(|error| error.in_file(path))?;
    // Outputs are ignored, so that a text may declare others or none.
    let fits = query.input_count() == model.input_count();
    if let Some(error) = query.matches(model).err().filter(|_| !fits) {
        return Err(error.in_file(path).into());
    }
    let named = query.output_count() == outputs;
    let name = |output| if named { query.output_name(output) } else { format!("Y_{output}") };
    Ok((query.regions.clone(), (0..outputs).map(name).collect()))
}

impl Found {
    fn document(&self, names: &[String]) -> MethodDocument {
        let ends = self.ranges.lower.iter().zip(&self.ranges.upper);
        MethodDocument {
            method: self.method,
            time_s: self.time.as_secs_f64(),
            outputs: names
                .iter()
                .zip(ends)
                .map(|(name, (lower, upper))| RangeDocument {
                    name: name.clone(),
                    lower: exact(*lower),
                    upper: exact(*upper),
                })
                .collect(),
        }
    }
}

fn report(found: &[Found], names: &[String], regions: usize, talk: &Talk) -> String {
    if regions == 0 {
        return "no input satisfies the box's constraints, so that there is no output\n"
            .to_string();
    }
    let mut header = vec!["output".to_string()];
    header.extend(found.iter().map(|found| found.method.to_string()));
    let mut rows = vec![header];
    for (i, name) in names.iter().enumerate() {
        let ranges = found.iter().map(|found| {
            format!("[{}, {}]", down(found.ranges.lower[i]), up(found.ranges.upper[i]))
        });
        rows.push(std::iter::once(name.clone()).chain(ranges).collect());
    }
    let mut text = table(&rows, "", 0);
    if !talk.quiet {
        let style = Style::stdout(talk.color);
        let over = match regions {
            1 => "over the box".to_string(),
            _ => format!("over all {regions} boxes of the specification"),
        };
        let times: Vec<String> =
            found.iter().map(|found| format!("{} {}", found.method, seconds(found.time))).collect();
        let _ = writeln!(
            text,
            "{}: proved {over} for the network over the reals, rounded outward ({})",
            style.bold("note"),
            times.join(", ")
        );
    }
    text
}
