//! What a model's last function leaves in order: for queries that only compare outputs, a softmax or another
//! increasing function at the end need not be bounded.

use plimsoll_check::graph::Graph;
use plimsoll_check::ops::{Function, Op};

/// A graph without the increasing function at the end of another one.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// Its outputs are as many, in the same places.
    pub graph: Graph,
    /// For each output, its group: two outputs of one group compare like those of the other graph, equal
    /// where these are equal and strictly less where these are.
    pub groups: Vec<u32>,
}

/// The graph without a last softmax, logarithm of a softmax, or strictly increasing function that is defined
/// everywhere; `None` if there is none, or several outputs.
pub fn ordered(graph: &Graph) -> Option<Ordered> {
    let &[output] = graph.outputs.as_slice() else { return None };
    let mut value = output;
    loop {
        let node = graph.nodes.iter().find(|node| node.outputs.contains(&value))?;
        let groups = match &node.op {
            // The same elements in the same order.
            Op::Identity | Op::Reshape => {
                value = node.inputs[0];
                continue;
            }
            Op::Softmax { grouping, .. } => {
                let mut groups = vec![0; graph.value(value).len()];
                let members = super::operand::groups(&grouping.view, &grouping.axes);
                for (at, group) in members.iter().enumerate() {
                    group.iter().for_each(|element| groups[*element] = at as u32);
                }
                groups
            }
            Op::Pointwise(
                Function::Sigmoid
                | Function::Tanh
                | Function::Softplus
                | Function::Softsign
                | Function::Erf
                | Function::Exp
                | Function::Atan,
            ) => vec![0; graph.value(value).len()],
            _ => return None,
        };
        let before = node.inputs[0];
        // An operand that does not vary has no node that could be bounded.
        graph.value(before).constant.is_none().then_some(())?;
        let mut needed = vec![false; graph.values.len()];
        needed[before.index()] = true;
        let mut nodes = Vec::new();
        for node in graph.nodes.iter().rev() {
            if node.outputs.iter().any(|id| needed[id.index()]) {
                node.inputs.iter().for_each(|id| needed[id.index()] = true);
                nodes.push(node.clone());
            }
        }
        nodes.reverse();
        let graph = Graph { nodes, outputs: vec![before], ..graph.clone() };
        return Some(Ordered { graph, groups });
    }
}
