//! `plimsoll supports`: the standard's questions about what a solver can do.

use clap::ArgGroup;
use plimsoll::ops;
use plimsoll_check::onnx::{MAX_OPSET, MIN_OPSET};
use plimsoll_check::ops::SUPPORTED;
use plimsoll_check::query::Arithmetic;
use plimsoll_check::vnnlib::VERSIONS;

/// Say what is supported, as the VNN-LIB standard asks a solver.
///
/// The answer has one identifier a line, followed by ` * ` and a note where support is partial.
#[derive(clap::Args)]
#[command(
    group = ArgGroup::new("capability").required(true),
    override_usage = "plimsoll supports CAPABILITY",
    after_long_help = EXAMPLES
)]
pub struct Args {
    /// Operators of ONNX.
    #[arg(long, group = "capability")]
    onnx_operators: bool,
    /// Oldest and newest version of the ONNX operator set.
    #[arg(long, group = "capability")]
    onnx_opset_versions: bool,
    /// Element types whose arithmetic is treated soundly.
    #[arg(long, group = "capability")]
    onnx_element_types: bool,
    /// Oldest and newest version of VNN-LIB.
    #[arg(long, group = "capability")]
    vnnlib_versions: bool,
    /// Whether hidden nodes may be constrained (H) or not (NH).
    #[arg(long, group = "capability")]
    hidden_node_theories: bool,
    /// Whether networks may have several inputs and outputs (MIO) or one of each (SIO).
    #[arg(long, group = "capability")]
    multiple_input_output_theories: bool,
    /// How many networks a query may have (SNET: one).
    #[arg(long, group = "capability")]
    multiple_network_theories: bool,
    /// Whether different nodes may be compared (MNC) or not (SNC).
    #[arg(long, group = "capability")]
    multiple_node_comparison_theories: bool,
    /// Bounds (BND), comparisons of outputs (OUTC), linear (LIN) or polynomial (POLY) arithmetic.
    #[arg(long, group = "capability")]
    arithmetic_complexity_theories: bool,
    /// Whether disjunctions are solved together instead of one by one.
    #[arg(long, group = "capability")]
    optimised_disjunctive_reasoning: bool,
    /// Whether assignments can be written as ONNX tensors.
    #[arg(long, group = "capability")]
    serialise_assignments: bool,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll supports --onnx-operators
  plimsoll supports --arithmetic-complexity-theories";

/// The answer to the one question that was asked.
pub fn answer(args: &Args) -> String {
    let lines = if args.onnx_operators {
        operators()
    } else if args.onnx_opset_versions {
        vec![MIN_OPSET.to_string(), MAX_OPSET.to_string()]
    } else if args.onnx_element_types {
        // Bounds are about the function over the reals; to claim a float type would promise executions.
        vec![Arithmetic::Real.name().to_string()]
    } else if args.vnnlib_versions {
        words(&VERSIONS)
    } else if args.hidden_node_theories {
        words(&["NH"])
    } else if args.multiple_input_output_theories {
        words(&["SIO", "MIO"])
    } else if args.multiple_network_theories {
        words(&["SNET"])
    } else if args.multiple_node_comparison_theories {
        words(&["SNC", "MNC"])
    } else if args.arithmetic_complexity_theories {
        words(&["BND", "OUTC", "LIN"])
    } else {
        // Optimised disjunctive reasoning, serialised assignments.
        words(&["true"])
    };
    lines.join("\n") + "\n"
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// The supported operators of ONNX, one a line.
pub fn operators() -> Vec<String> {
    SUPPORTED
        .iter()
        .map(|operator| {
            let bounded = ops::BOUNDED.iter().find(|(name, _)| *name == operator.name);
            let limit = bounded.map_or("evaluated, but not bounded yet", |(_, note)| note);
            let mut notes = vec![limit, operator.note];
            notes.retain(|note| !note.is_empty());
            notes.dedup();
            match notes.is_empty() {
                true => operator.name.to_string(),
                false => format!("{} * {}", operator.name, notes.join("; ")),
            }
        })
        .collect()
}
