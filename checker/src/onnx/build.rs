//! Decoded messages to a [`Graph`]: values, nodes in order, constants folded, idle nodes dropped.

use super::is_standard_domain;
use super::order::{self, Producer, describe, node_name, order};
use super::proto::{GraphProto, NodeProto, TensorTypeProto, ValueInfoProto, type_name};
use super::tensor::{self, element_count, element_type};
use crate::error::{Error, Kind};
use crate::graph::{ElementType, Graph, Node, Tensor, Value, ValueId};
use crate::ops::{
    Application, Attributes, Budget, Folded, Known, LEARNED, Op, Operand, Reading, SUPPORTED,
    Unstored, fold, supported,
};
use std::collections::{HashMap, HashSet};

/// Builds the graph of a model that uses the given version of the standard operators.
pub(super) fn build(proto: &GraphProto, opset: i64) -> Result<Graph, Error> {
    let producers = order::producers(proto)?;
    if proto.output.is_empty() {
        return Err(Error::new(Kind::Model, "the model has no output"));
    }
    let order = order(proto, &producers)?;
    let mut builder = Builder {
        proto,
        opset,
        values: Vec::new(),
        ids: HashMap::new(),
        nodes: Vec::new(),
        budget: Budget::new(stored_bytes(proto)),
        notes: Vec::new(),
    };
    let inputs = builder.inputs(&producers)?;
    for index in order {
        builder.node(&proto.node[index], &producers)?;
    }
    let outputs = builder.outputs(&producers)?;
    let element = match inputs.first() {
        Some(input) => builder.values[input.index()].value.element,
        None => return Err(Error::new(Kind::Model, "the model has no input that is no constant")),
    };
    Ok(builder.finish(inputs, outputs, element))
}

/// How many bytes the tensors of a graph have in the file, about.
fn stored_bytes(proto: &GraphProto) -> usize {
    let attributes = proto.node.iter().flat_map(|node| &node.attribute);
    let tensors = proto.initializer.iter().chain(attributes.filter_map(|a| a.t.as_ref()));
    tensors
        .map(|tensor| {
            tensor.raw_data.as_ref().map_or(0, |raw| raw.len())
                + 4 * (tensor.float_data.len() + tensor.int32_data.len())
                + 8 * (tensor.double_data.len() + tensor.int64_data.len())
        })
        .sum()
}

/// A value while the graph is built.
struct Draft {
    value: Value,
    /// The elements of a constant that its float type does not hold.
    exact: Option<Unstored>,
    depends_on_input: bool,
}

struct Builder<'a> {
    proto: &'a GraphProto,
    opset: i64,
    values: Vec<Draft>,
    ids: HashMap<&'a str, ValueId>,
    nodes: Vec<Node>,
    budget: Budget,
    notes: Vec<String>,
}

impl<'a> Builder<'a> {
    fn push(&mut self, name: &'a str, draft: Draft) -> ValueId {
        let id = ValueId(self.values.len() as u32);
        self.values.push(draft);
        if !name.is_empty() {
            self.ids.insert(name, id);
        }
        id
    }

    fn push_constant(&mut self, name: &'a str, tensor: Tensor) -> ValueId {
        let value = Value {
            name: name.to_string(),
            shape: tensor.shape.clone(),
            element: tensor.element(),
            constant: Some(tensor),
        };
        self.push(name, Draft { value, exact: None, depends_on_input: false })
    }

    /// The free inputs, all of one float type.
    fn inputs(&mut self, producers: &HashMap<&str, Producer>) -> Result<Vec<ValueId>, Error> {
        let mut ids: Vec<ValueId> = Vec::new();
        for (index, input) in self.proto.input.iter().enumerate() {
            if producers.get(input.name.as_str()) != Some(&Producer::Input(index)) {
                continue;
            }
            let (element, shape) = self.input(input)?;
            let first = ids.first().map(|id| &self.values[id.index()].value);
            if let Some(first) = first.filter(|first| first.element != element) {
                return Err(Error::new(
                    Kind::UnsupportedOperator,
                    format!(
                        "the inputs `{}` and `{}` have different float types",
                        first.name, input.name
                    ),
                )
                .help("all inputs must be float, or all double"));
            }
            let value = Value { name: input.name.clone(), shape, element, constant: None };
            ids.push(self.push(&input.name, Draft { value, exact: None, depends_on_input: true }));
        }
        Ok(ids)
    }

    /// Type and shape of a free input; dimensions that are no positive number become 1.
    fn input(&mut self, input: &ValueInfoProto) -> Result<(ElementType, Vec<usize>), Error> {
        let tensor = tensor_type(input, "input")?;
        let element = match element_type(tensor.elem_type) {
            Some(element @ (ElementType::F32 | ElementType::F64)) => element,
            Some(ElementType::I64 | ElementType::I8 | ElementType::U8 | ElementType::Bool)
            | None => {
                return Err(Error::new(
                    Kind::UnsupportedOperator,
                    format!(
                        "the input `{}` has element type {}",
                        input.name,
                        type_name(tensor.elem_type)
                    ),
                )
                .help("inputs of type float and double are supported"));
            }
        };
        let Some(declared) = &tensor.shape else {
            return Err(Error::new(
                Kind::Model,
                format!("the input `{}` has no shape", input.name),
            )
            .help("declare its shape, with a name for a dimension that may vary"));
        };
        let mut shape = Vec::with_capacity(declared.dim.len());
        let mut open = Vec::new();
        for (axis, dim) in declared.dim.iter().enumerate() {
            let known =
                dim.dim_value.and_then(|dim| usize::try_from(dim).ok()).filter(|dim| *dim > 0);
            if known.is_none() {
                let symbol = match &dim.dim_param {
                    Some(symbol) if !symbol.is_empty() => format!(" `{symbol}`"),
                    _ => String::new(),
                };
                open.push(format!("{axis}{symbol}"));
            }
            shape.push(known.unwrap_or(1));
        }
        if !open.is_empty() {
            let (what, verb) = match open.len() {
                1 => ("dimension", "is not fixed; it is"),
                _ => ("dimensions", "are not fixed; they are"),
            };
            self.notes.push(format!(
                "{what} {} of the input `{}` {verb} taken as 1",
                open.join(", "),
                input.name
            ));
        }
        element_count(&shape).map_err(|error| Error {
            message: format!("input `{}`: {}", input.name, error.message),
            ..error
        })?;
        Ok((element, shape))
    }

    /// The value of a name, reading the initializer when it is needed first.
    fn value(
        &mut self,
        name: &'a str,
        producers: &HashMap<&str, Producer>,
    ) -> Result<ValueId, Error> {
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        match producers.get(name) {
            Some(Producer::Initializer(index)) => {
                let tensor = &self.proto.initializer[*index];
                let tensor = tensor::read(tensor, &format!("initializer `{name}`"))?;
                Ok(self.push_constant(name, tensor))
            }
            // Inputs come first and nodes come in order, so that anything else is known by now.
            _ => Err(Error::new(Kind::Model, format!("nothing produces `{name}`"))),
        }
    }

    /// Reads one node.
    fn node(
        &mut self,
        node: &'a NodeProto,
        producers: &HashMap<&str, Producer>,
    ) -> Result<(), Error> {
        let described = describe(node);
        let operator = supported(&node.op_type)
            .filter(|operator| match node.domain.as_str() {
                LEARNED => operator.domain == LEARNED,
                domain => {
                    is_standard_domain(domain)
                        && operator.domain.is_empty()
                        && operator.since <= self.opset
                }
            })
            .ok_or_else(|| self.unsupported(node))?;
        let mut ids = Vec::with_capacity(node.input.len());
        for name in &node.input {
            ids.push(if name.is_empty() { None } else { Some(self.value(name, producers)?) });
        }
        // An optional operand that is named at the end by nothing is absent.
        while ids.last() == Some(&None) {
            ids.pop();
        }
        let mut results: Vec<&str> = node.output.iter().map(String::as_str).collect();
        while results.len() > 1 && results.last() == Some(&"") && node.op_type != "Split" {
            results.pop();
        }
        let operands =
            ids.iter().map(|id| id.map(|id| operand(&self.values[id.index()]))).collect();
        let mut application = Application {
            node: &described,
            opset: self.opset,
            operands,
            attributes: Attributes::new(node, &described)?,
            results: results.iter().map(|name| !name.is_empty()).collect(),
        };
        let reading = operator.read(&mut application)?;
        application.attributes.finish()?;
        match reading {
            Reading::Constant(tensor) => {
                if !self.budget.make(tensor.len()) {
                    return Err(self.too_much_folded(&described));
                }
                self.push_constant(results.first().copied().unwrap_or_default(), tensor);
            }
            Reading::Node { op, operands, shapes, elements } => {
                let mut inputs = Vec::with_capacity(operands.len());
                for position in operands {
                    inputs.extend(ids[position]);
                }
                for shape in &shapes {
                    application.count(shape)?;
                }
                let values = &self.values;
                let draft = |id: &ValueId| &values[id.index()];
                let depends_on_input = inputs.iter().any(|id| draft(id).depends_on_input);
                let first = draft(&inputs[0]).value.element;
                if let Op::Cast { to: to @ (ElementType::F32 | ElementType::F64) } = op
                    && matches!(first, ElementType::F32 | ElementType::F64)
                {
                    self.notes.push(format!(
                        "{described}: the cast from {first:?} to {to:?} changes nothing over the reals"
                    ));
                }
                let otherwise = op.result_element(first);
                let typed: Vec<(Vec<usize>, ElementType)> = shapes
                    .into_iter()
                    .enumerate()
                    .map(|(at, shape)| (shape, elements.get(at).copied().unwrap_or(otherwise)))
                    .collect();
                let folded = if depends_on_input {
                    typed.iter().map(|_| Folded::Unknown).collect()
                } else {
                    let known: Vec<Known<'_>> = inputs.iter().map(|id| known(draft(id))).collect();
                    if !self.budget.movement(&op, &known, &typed) {
                        return Err(self.too_much_folded(&described));
                    }
                    fold(&op, &known, &typed, &mut self.budget).map_err(|(kind, what)| {
                        Error::new(kind, format!("{described}: {what}"))
                            .help("store the result as a constant; onnx-simplifier does that")
                    })?
                };
                let mut outputs = Vec::with_capacity(typed.len());
                let mut needs_node = false;
                for (at, ((shape, element), folded)) in typed.into_iter().zip(folded).enumerate() {
                    let name = results.get(at).copied().unwrap_or_default();
                    let exact = match folded {
                        Folded::Stored(tensor) => {
                            outputs.push(self.push_constant(name, tensor));
                            continue;
                        }
                        Folded::Unstored(exact) => Some(exact),
                        Folded::Unknown => None,
                    };
                    needs_node = true;
                    let value = Value { name: name.to_string(), shape, element, constant: None };
                    outputs.push(self.push(name, Draft { value, exact, depends_on_input }));
                }
                if needs_node {
                    self.nodes.push(Node {
                        name: node_name(node).to_string(),
                        op,
                        inputs,
                        outputs,
                    });
                }
            }
        }
        Ok(())
    }

    fn too_much_folded(&self, described: &str) -> Error {
        let most = self.budget.most();
        Error::new(
            Kind::TooLarge,
            format!("{described}: constants computed from others exceed {most} elements"),
        )
        .help(
            "the limit is four elements for every float that the file stores, and 16 million more",
        )
    }

    fn unsupported(&self, node: &NodeProto) -> Error {
        let mut name = node.op_type.clone();
        if !is_standard_domain(&node.domain) {
            name = format!("{}.{name}", node.domain);
        }
        // Not `join`: on a table that is known at compile time its checked sum of lengths sends LLVM
        // 22's constraint elimination into a search that does not end.
        let mut all = String::new();
        for operator in SUPPORTED {
            all.push_str(if all.is_empty() { "" } else { ", " });
            all.push_str(operator.name);
        }
        Error::new(
            Kind::UnsupportedOperator,
            format!(
                "the operator {name} (node `{}`, opset {}) is not supported",
                node_name(node),
                self.opset
            ),
        )
        .help(format!("supported operators: {all}"))
    }

    /// The outputs, compared with what the model declares about them.
    fn outputs(&mut self, producers: &HashMap<&str, Producer>) -> Result<Vec<ValueId>, Error> {
        let mut ids: Vec<ValueId> = Vec::new();
        let mut listed = HashSet::new();
        for output in &self.proto.output {
            let id = self.value(&output.name, producers)?;
            let value = &self.values[id.index()].value;
            if !listed.insert(id) {
                return Err(Error::new(
                    Kind::Model,
                    format!("the output `{}` is listed twice", output.name),
                ));
            }
            compare_declared(output, value)?;
            ids.push(id);
        }
        Ok(ids)
    }

    /// The graph, without nodes and values that no output needs.
    fn finish(
        self,
        mut inputs: Vec<ValueId>,
        mut outputs: Vec<ValueId>,
        element: ElementType,
    ) -> Graph {
        let mut kept = vec![false; self.values.len()];
        for id in inputs.iter().chain(&outputs) {
            kept[id.index()] = true;
        }
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for node in self.nodes.into_iter().rev() {
            if node.outputs.iter().any(|id| kept[id.index()]) {
                for id in node.inputs.iter().chain(&node.outputs) {
                    kept[id.index()] = true;
                }
                nodes.push(node);
            }
        }
        nodes.reverse();
        let mut renamed = Vec::with_capacity(kept.len());
        let mut values = Vec::new();
        for (draft, kept) in self.values.into_iter().zip(kept) {
            renamed.push(ValueId(values.len() as u32));
            if kept {
                values.push(draft.value);
            }
        }
        let rename = |id: &mut ValueId| *id = renamed[id.index()];
        inputs.iter_mut().chain(&mut outputs).for_each(rename);
        for node in &mut nodes {
            node.inputs.iter_mut().chain(&mut node.outputs).for_each(rename);
        }
        Graph { values, nodes, inputs, outputs, element, opset: self.opset, notes: self.notes }
    }
}

fn operand(draft: &Draft) -> Operand<'_> {
    Operand {
        name: &draft.value.name,
        shape: &draft.value.shape,
        element: draft.value.element,
        constant: draft.value.constant.as_ref(),
        exact: draft.exact.as_ref().map(|exact| &exact.values[..]),
        depends_on_input: draft.depends_on_input,
    }
}

fn known(draft: &Draft) -> Known<'_> {
    Known {
        shape: &draft.value.shape,
        element: draft.value.element,
        tensor: draft.value.constant.as_ref(),
        exact: draft.exact.as_ref(),
    }
}

fn tensor_type<'a>(info: &'a ValueInfoProto, role: &str) -> Result<&'a TensorTypeProto, Error> {
    info.r#type.as_ref().and_then(|declared| declared.tensor_type.as_ref()).ok_or_else(|| {
        Error::new(Kind::Model, format!("the {role} `{}` is not declared as a tensor", info.name))
            .help("sequences, maps and optional values are not supported")
    })
}

/// Refuses a declared output that contradicts what was inferred; what is not declared may be anything.
fn compare_declared(output: &ValueInfoProto, value: &Value) -> Result<(), Error> {
    let Some(declared) = output.r#type.as_ref().and_then(|declared| declared.tensor_type.as_ref())
    else {
        return Ok(());
    };
    let contradiction = |declared: String| {
        Error::new(
            Kind::Model,
            format!(
                "the output `{}` is declared as {declared}, but has {:?} and shape {:?}",
                output.name, value.element, value.shape
            ),
        )
        .help("the model contradicts itself; export it again")
    };
    if declared.elem_type != 0 && element_type(declared.elem_type) != Some(value.element) {
        return Err(contradiction(type_name(declared.elem_type)));
    }
    let Some(shape) = &declared.shape else { return Ok(()) };
    let fits = shape.dim.len() == value.shape.len()
        && shape.dim.iter().zip(&value.shape).all(|(declared, dim)| {
            // Zero and negative numbers stand for unknown ones in some exporters' files.
            declared.dim_value.is_none_or(|declared| declared <= 0 || declared == *dim as i64)
        });
    if fits {
        return Ok(());
    }
    let dims: Vec<i64> = shape.dim.iter().map(|dim| dim.dim_value.unwrap_or(-1)).collect();
    Err(contradiction(format!("shape {dims:?}")))
}
