//! Who produces which name, which nodes the outputs need, and an order in which operands come first.

use super::proto::{GraphProto, NodeProto};
use crate::error::{Error, Kind};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Producer {
    /// A free input, by index into `GraphProto::input`.
    Input(usize),
    /// A constant, by index into `GraphProto::initializer`.
    Initializer(usize),
    /// A node's result, by index into `GraphProto::node`.
    Node(usize),
}

/// The producer of every name.
///
/// An initializer that is also listed as an input is a constant, as files up to IR version 3 have it.
pub fn producers(graph: &GraphProto) -> Result<HashMap<&str, Producer>, Error> {
    let mut names: HashMap<&str, Producer> = HashMap::new();
    for (index, tensor) in graph.initializer.iter().enumerate() {
        if names.insert(&tensor.name, Producer::Initializer(index)).is_some() {
            return Err(duplicate(&tensor.name, "two initializers have it"));
        }
    }
    for (index, input) in graph.input.iter().enumerate() {
        match names.get(input.name.as_str()) {
            Some(Producer::Initializer(_)) => {}
            Some(Producer::Input(_) | Producer::Node(_)) => {
                return Err(duplicate(&input.name, "two inputs have it"));
            }
            None => {
                names.insert(&input.name, Producer::Input(index));
            }
        }
    }
    for (index, node) in graph.node.iter().enumerate() {
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            if names.insert(output, Producer::Node(index)).is_some() {
                return Err(duplicate(
                    output,
                    &format!("{} produces it a second time", describe(node)),
                ));
            }
        }
    }
    Ok(names)
}

fn duplicate(name: &str, why: &str) -> Error {
    Error::new(Kind::Model, format!("the name `{name}` stands for two tensors: {why}"))
        .help("every tensor of an ONNX graph has one producer; export the model again")
}

/// Operator and name of a node, in words.
pub fn describe(node: &NodeProto) -> String {
    format!("{} node `{}`", node.op_type, node_name(node))
}

/// The node's name, or the name of its first result.
pub fn node_name(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

/// The nodes that the outputs need, each after those that it needs itself; otherwise in file order.
pub fn order(graph: &GraphProto, producers: &HashMap<&str, Producer>) -> Result<Vec<usize>, Error> {
    let needed = needed(graph, producers)?;
    let mut waiting = vec![0usize; graph.node.len()];
    let mut consumers: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    for (index, node) in graph.node.iter().enumerate().filter(|(index, _)| needed[*index]) {
        for name in &node.input {
            if let Some(Producer::Node(producer)) = producers.get(name.as_str()) {
                waiting[index] += 1;
                consumers[*producer].push(index);
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> = (0..graph.node.len())
        .filter(|index| needed[*index] && waiting[*index] == 0)
        .map(Reverse)
        .collect();
    let mut sorted = Vec::new();
    while let Some(Reverse(index)) = ready.pop() {
        sorted.push(index);
        for consumer in &consumers[index] {
            waiting[*consumer] -= 1;
            if waiting[*consumer] == 0 {
                ready.push(Reverse(*consumer));
            }
        }
    }
    match (0..graph.node.len()).find(|index| needed[*index] && waiting[*index] > 0) {
        Some(stuck) => Err(Error::new(
            Kind::Model,
            format!(
                "the graph has a cycle: {} needs its own result",
                on_cycle(graph, producers, &waiting, stuck)
            ),
        )
        .help("loops over time must be unrolled before export")),
        None => Ok(sorted),
    }
}

/// A node on the cycle that keeps `stuck` waiting.
fn on_cycle(
    graph: &GraphProto,
    producers: &HashMap<&str, Producer>,
    waiting: &[usize],
    stuck: usize,
) -> String {
    // Every waiting node has a waiting producer, so walking back as many steps as there are nodes
    // ends on a cycle.
    let mut at = stuck;
    for _ in 0..graph.node.len() {
        let back =
            graph.node[at].input.iter().find_map(|name| match producers.get(name.as_str()) {
                Some(Producer::Node(index)) if waiting[*index] > 0 => Some(*index),
                _ => None,
            });
        at = back.unwrap_or(at);
    }
    describe(&graph.node[at])
}

/// Which nodes some output needs; every name on the way must have a producer.
fn needed(graph: &GraphProto, producers: &HashMap<&str, Producer>) -> Result<Vec<bool>, Error> {
    let mut needed = vec![false; graph.node.len()];
    let mut stack = Vec::new();
    for output in &graph.output {
        match producers.get(output.name.as_str()) {
            Some(Producer::Node(index)) => stack.push(*index),
            Some(Producer::Input(_) | Producer::Initializer(_)) => {}
            None => {
                return Err(Error::new(
                    Kind::Model,
                    format!("nothing produces the graph's output `{}`", output.name),
                ));
            }
        }
    }
    while let Some(index) = stack.pop() {
        if std::mem::replace(&mut needed[index], true) {
            continue;
        }
        let node = &graph.node[index];
        for name in node.input.iter().filter(|name| !name.is_empty()) {
            match producers.get(name.as_str()) {
                Some(Producer::Node(producer)) => stack.push(*producer),
                Some(Producer::Input(_) | Producer::Initializer(_)) => {}
                None => {
                    return Err(Error::new(
                        Kind::Model,
                        format!("nothing produces `{name}`, which {} uses", describe(node)),
                    )
                    .help("an initializer may have been lost; export the model again"));
                }
            }
        }
    }
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use super::super::proto::ValueInfoProto;
    use super::*;

    fn graph(nodes: &[(&str, &str)]) -> GraphProto {
        let info = |name: &str| ValueInfoProto { name: name.into(), r#type: None };
        GraphProto {
            node: nodes
                .iter()
                .map(|(from, to)| NodeProto {
                    input: from.split(' ').map(String::from).collect(),
                    output: vec![(*to).into()],
                    op_type: "Relu".into(),
                    ..NodeProto::default()
                })
                .collect(),
            input: vec![info("x")],
            output: vec![info("y")],
            ..GraphProto::default()
        }
    }

    fn sorted(nodes: &[(&str, &str)]) -> Result<Vec<usize>, Error> {
        let graph = graph(nodes);
        let producers = producers(&graph)?;
        order(&graph, &producers)
    }

    #[test]
    fn nodes_are_sorted_and_idle_ones_dropped() {
        assert_eq!(
            sorted(&[("b", "y"), ("a", "b"), ("x", "a"), ("a", "idle")]).unwrap(),
            [2, 1, 0]
        );
        assert_eq!(sorted(&[("x", "a"), ("x", "b"), ("a b a", "y")]).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn broken_graphs_are_refused_by_name() {
        for (nodes, part) in [
            (&[("x b", "a"), ("a", "b"), ("b", "y")][..], "cycle: Relu node `"),
            (&[("y", "y")], "cycle"),
            (&[("lost", "y")], "nothing produces `lost`, which Relu node `y` uses"),
            (&[("x", "a")], "output `y`"),
            (&[("x", "y"), ("x", "y")], "`y` stands for two tensors"),
            (&[("x", "x"), ("x", "y")], "`x` stands for two tensors"),
        ] {
            let error = sorted(nodes).unwrap_err();
            assert_eq!(error.kind, Kind::Model);
            assert!(error.message.contains(part), "{error}");
        }
    }
}
