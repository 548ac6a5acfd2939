//! `plimsoll inspect`: what is in a model, and whether it loads.

use super::args::Talk;
use super::diagnostic::{ErrorDocument, Failure};
use super::exit::Code;
use super::table::table;
use super::terminal::Style;
use super::{document, supports, terminal};
use plimsoll::net::Network;
use plimsoll::ops;
use plimsoll_check::graph::{Graph, Node, ValueId};
use plimsoll_check::onnx;
use plimsoll_check::ops::{Op, supported};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

/// Show what is in a model, and what of it is not supported.
///
/// Inputs and outputs with their shapes, operators, and sizes.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The model, an ONNX file, plain or gzip.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Print one JSON document, schema plimsoll.inspect/1, and nothing else.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll inspect models/collision/avoid.onnx
  plimsoll inspect models/digits/digits.onnx --json

A model that cannot be read gives exit code 2, the reason and the list of supported operators.";

/// Name and version of the format.
const SCHEMA: &str = "plimsoll.inspect/1";
/// Most nodes that are listed without `--verbose`.
const LISTED: usize = 60;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    model: String,
    opset: i64,
    element: &'static str,
    inputs: Vec<TensorDocument>,
    outputs: Vec<TensorDocument>,
    operators: BTreeMap<String, usize>,
    nodes: Vec<NodeDocument>,
    parameters: usize,
    /// `None` where an operator can be evaluated but not bounded.
    relus: Option<usize>,
    multiply_adds: Option<usize>,
    unbounded: Option<String>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct TensorDocument {
    name: String,
    element: &'static str,
    shape: Vec<usize>,
}

#[derive(Serialize)]
struct NodeDocument {
    operator: String,
    name: String,
    /// One shape per output.
    shapes: Vec<Vec<usize>>,
    /// Stored numbers among its operands.
    parameters: usize,
}

#[derive(Serialize)]
struct Refused<'a> {
    schema: &'static str,
    error: ErrorDocument<'a>,
    /// Operators of the model that are not supported, with the number of nodes that have them.
    unsupported_operators: BTreeMap<String, usize>,
    supported_operators: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args, talk: &Talk) -> Code {
    match plimsoll::read::model(&args.model) {
        Ok(graph) => {
            let document = describe(&args.model, &graph);
            let text = match args.json {
                true => document::line(&document),
                false => report(&document, talk),
            };
            if terminal::print(&text) { Code::Fine } else { Code::Input }
        }
        Err(error) => refuse(args, talk, &error.into()),
    }
}

fn describe(model: &Path, graph: &Graph) -> Document {
    let tensors = |ids: &[ValueId]| {
        ids.iter()
            .map(|id| graph.value(*id))
            .map(|value| TensorDocument {
                name: value.name.clone(),
                element: value.element.name(),
                shape: value.shape.clone(),
            })
            .collect()
    };
    let network = ops::lower(graph);
    let nodes: Vec<NodeDocument> = graph.nodes.iter().map(|node| node_of(graph, node)).collect();
    let mut operators = BTreeMap::new();
    for node in &nodes {
        *operators.entry(node.operator.clone()).or_default() += 1;
    }
    Document {
        schema: SCHEMA,
        model: model.display().to_string(),
        opset: graph.opset,
        element: graph.element.name(),
        inputs: tensors(&graph.inputs),
        outputs: tensors(&graph.outputs),
        operators,
        nodes,
        parameters: graph.parameter_count(),
        relus: network.as_ref().ok().map(Network::relu_count),
        multiply_adds: network.as_ref().ok().map(|network| network.multiply_adds),
        unbounded: network.err().map(|error| error.message),
        notes: graph.notes.clone(),
    }
}

fn node_of(graph: &Graph, node: &Node) -> NodeDocument {
    let constants = node.inputs.iter().filter_map(|id| graph.value(*id).constant.as_ref());
    NodeDocument {
        operator: operator_name(&node.op),
        name: node.name.clone(),
        shapes: node.outputs.iter().map(|id| graph.value(*id).shape.clone()).collect(),
        parameters: constants.map(|tensor| tensor.len()).sum(),
    }
}

/// The first word of an operator's debug form; the rest, indices of a large Gather say, is not formatted.
fn operator_name(op: &Op) -> String {
    struct FirstWord(String);
    impl Write for FirstWord {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric());
            self.0.push_str(&text[..end.unwrap_or(text.len())]);
            if end.is_some() { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut word = FirstWord(String::new());
    // The error is how formatting is cut short.
    let _ = write!(word, "{op:?}");
    word.0
}

fn report(document: &Document, talk: &Talk) -> String {
    let style = Style::stdout(talk.color);
    let mut text = format!(
        "{}: ONNX with opset {}, computes in {}\n",
        style.bold(&document.model),
        document.opset,
        document.element
    );
    let mut ends = Vec::new();
    for (what, variable, tensors) in
        [("input", 'X', &document.inputs), ("output", 'Y', &document.outputs)]
    {
        let mut first = 0;
        for tensor in tensors {
            let len: usize = tensor.shape.iter().product();
            let flat = match len {
                0 => "no elements".to_string(),
                1 => format!("{variable}_{first}"),
                _ => format!("{variable}_{first} .. {variable}_{}", first + len - 1),
            };
            first += len;
            let shape = format!("{} {:?}", tensor.element, tensor.shape);
            ends.push(vec![what.to_string(), tensor.name.clone(), shape, flat]);
        }
    }
    text.push_str(&table(&ends, "llll", 2));
    if talk.quiet {
        return text;
    }
    let listed = if talk.verbose { usize::MAX } else { LISTED };
    let header = ["operator", "name", "shape", "parameters"];
    let mut rows = vec![header.map(String::from).to_vec()];
    for node in document.nodes.iter().take(listed) {
        let shapes: Vec<String> = node.shapes.iter().map(|shape| format!("{shape:?}")).collect();
        let parameters = match node.parameters {
            0 => String::new(),
            count => count.to_string(),
        };
        rows.push(vec![node.operator.clone(), node.name.clone(), shapes.join(", "), parameters]);
    }
    let _ = write!(text, "\n{}", table(&rows, "lllr", 2));
    if document.nodes.len() > listed {
        let _ = writeln!(text, "  and {} more; -v lists them", document.nodes.len() - listed);
    }
    let counts: Vec<String> =
        document.operators.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let _ = writeln!(text, "\n  {} nodes: {}", document.nodes.len(), counts.join(", "));
    let _ = write!(text, "  {} parameters", document.parameters);
    if let (Some(relus), Some(multiply_adds)) = (document.relus, document.multiply_adds) {
        let _ = write!(text, ", {relus} relu neurons, {multiply_adds} multiply-adds for one point");
    }
    text.push('\n');
    for note in &document.notes {
        let _ = writeln!(text, "  {}: {note}", style.bold("note"));
    }
    match &document.unbounded {
        None => text.push_str("  everything in it is supported\n"),
        Some(why) => {
            let _ = writeln!(text, "  it can be run, but not verified: {why}");
        }
    }
    text
}

fn refuse(args: &Args, talk: &Talk, failure: &Failure) -> Code {
    let code = failure.report(talk);
    let unsupported = unsupported(&args.model);
    if args.json {
        terminal::print(&document::line(&Refused {
            schema: SCHEMA,
            error: failure.document(),
            unsupported_operators: unsupported,
            supported_operators: supports::operators(),
        }));
    } else if failure.is_unsupported_operator() && !talk.quiet {
        let mut text = String::new();
        if !unsupported.is_empty() {
            let counts: Vec<String> =
                unsupported.iter().map(|(name, count)| format!("{count} {name}")).collect();
            let _ = writeln!(text, "not supported in this model: {}", counts.join(", "));
        }
        text.push_str("supported operators:\n");
        for line in supports::operators() {
            let _ = writeln!(text, "  {}", line.replace(" * ", ": "));
        }
        terminal::print(&text);
    }
    code
}

/// Operators of the model that are not in the table, if the file can be decoded at all.
fn unsupported(model: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let decoded = plimsoll::read::file(model).and_then(onnx::decode);
    let nodes = decoded.ok().and_then(|model| model.graph).map(|graph| graph.node);
    for node in nodes.unwrap_or_default() {
        let standard = matches!(node.domain.as_str(), "" | "ai.onnx");
        let name = match standard {
            true if supported(&node.op_type).is_some() => continue,
            true => node.op_type,
            false => format!("{}.{}", node.domain, node.op_type),
        };
        *counts.entry(name).or_default() += 1;
    }
    counts
}
