//! Lowering of data movement: every element of a result is one element of one operand.

use super::elementwise::Operand;
use super::{Contribution, Linear};
use plimsoll_check::graph::{Graph, Node};
use plimsoll_check::ops::{Source, index_map};

/// One [`Linear`] per result of the node.
pub(crate) fn linear(graph: &Graph, node: &Node, operands: &[Operand<'_>]) -> Vec<Linear> {
    let inputs: Vec<&[usize]> = operands.iter().map(|operand| operand.shape).collect();
    let outputs: Vec<&[usize]> =
        node.outputs.iter().map(|id| graph.value(*id).shape.as_slice()).collect();
    let maps = index_map(&node.op, &inputs, &outputs)
        .expect("only operators that move data are lowered here");
    maps.into_iter()
        .map(|sources| {
            let len = sources.len();
            let mut linear = Linear::default();
            let filled: Vec<f64> = sources
                .iter()
                .map(|source| match *source {
                    Source::Constant(value) => f64::from(value),
                    Source::Element { .. } => 0.0,
                })
                .collect();
            if filled.iter().any(|value| *value != 0.0) {
                linear.constants.push(filled);
            }
            for (position, operand) in operands.iter().enumerate() {
                let mine = sources.iter().enumerate().filter_map(|(k, source)| match *source {
                    Source::Element { operand, element } if operand as usize == position => {
                        Some((k, element))
                    }
                    _ => None,
                });
                match operand.constant {
                    Some(tensor) => {
                        let mut values = vec![0.0; len];
                        mine.for_each(|(k, element)| values[k] = tensor.float(element as usize));
                        linear.constants.push(values);
                    }
                    None => {
                        let mut lines = vec![Vec::new(); len];
                        mine.for_each(|(k, element)| lines[k].push((element, 1.0)));
                        linear.contributions.push(Contribution {
                            operand: position,
                            lines,
                            errors: Vec::new(),
                        });
                    }
                }
            }
            linear
        })
        .collect()
}
