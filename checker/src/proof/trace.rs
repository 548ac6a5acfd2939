//! From a graph to a [`Program`], by running the operators' own definitions on symbols.
//!
//! There is no second description of any operator here: what [`crate::ops`] computes on numbers is
//! computed on expressions, and what comes out is what a proof is about.

use super::program::{Definition, Program};
use super::symbol::{Expression, Symbol, Tape};
use crate::error::{Error, Kind};
use crate::graph::Graph;
use crate::number::Interval;
use crate::ops::{Op, evaluate_each};
use std::rc::Rc;

/// The program of a graph.
///
/// # Errors
///
/// If an operator cannot be described by sums, products and functions of one variable, as where an index
/// is computed from the inputs.
pub fn trace(graph: &Graph) -> Result<Program, Error> {
    let tape = Rc::new(Tape::default());
    let total = graph.input_count();
    tape.program.borrow_mut().inputs = total;
    tape.program.borrow_mut().definitions = vec![Definition::Input; total];
    let mut next = 0;
    let inputs: Vec<Vec<Symbol>> = graph
        .inputs
        .iter()
        .map(|id| {
            let mut fresh = || {
                next += 1;
                Symbol::Expression(Expression::variable(&tape, next - 1))
            };
            (0..graph.value(*id).len()).map(|_| fresh()).collect()
        })
        .collect();
    // Each result becomes variables at once, so that expressions stay as long as one operator makes them.
    let mut stuck = None;
    let outputs = evaluate_each(graph, &inputs, |node, results: &mut Vec<Symbol>| {
        results.iter_mut().for_each(|result| *result = result.held());
        if let (Op::Relu, [id]) = (&node.op, node.outputs.as_slice()) {
            let variables = results.iter().filter_map(Symbol::variable).collect::<Vec<_>>();
            let name = graph.value(*id).name.clone();
            tape.program.borrow_mut().named.insert(name, variables);
        }
        if tape.failed.get() && stuck.is_none() {
            stuck = Some(node.name.clone());
        }
    });
    let refusal = |what: String| {
        Error::new(Kind::UnsupportedOperator, format!("{what} cannot be described in a proof"))
            .help("the verdict is available without a certificate")
    };
    if let Some(name) = stuck {
        return Err(refusal(format!("the node `{name}`")));
    }
    let outputs = outputs.map_err(|undefined| refusal(format!("the network ({undefined})")))?;
    let outputs: Vec<_> = outputs
        .concat()
        .into_iter()
        .map(|output| match output {
            Symbol::Expression(expression) => expression.materialise(),
            Symbol::Constant(bias) => define(&tape, bias),
        })
        .collect();
    drop(inputs);
    let mut program = tape.program.take();
    program.outputs = outputs;
    Ok(program)
}

/// A variable that is a constant.
fn define(tape: &Tape, bias: Interval) -> u32 {
    let mut program = tape.program.borrow_mut();
    let first = program.columns.len() as u32;
    program.definitions.push(Definition::Affine { first, count: 0, bias });
    program.definitions.len() as u32 - 1
}
