//! A small writer of ONNX models, so that tests go through bytes as users' models do.

use super::plan::{Plan, Step};
use plimsoll::read;
use plimsoll_check::Error;
use plimsoll_check::graph::Graph;
use plimsoll_check::onnx::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use prost::Message;

/// float32 or float64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Float {
    F32,
    F64,
}

impl Float {
    fn code(self) -> i32 {
        match self {
            Float::F32 => 1,
            Float::F64 => 11,
        }
    }
}

/// A model under construction.
pub struct Model {
    float: Float,
    graph: GraphProto,
}

impl Model {
    pub fn new(float: Float) -> Model {
        Model { float, graph: GraphProto::default() }
    }

    /// A free input of this shape.
    pub fn input(&mut self, name: &str, shape: &[usize]) {
        self.graph.input.push(info(name, self.float, Some(shape)));
    }

    /// A stored tensor; float32 models round the numbers.
    pub fn weights(&mut self, name: &str, shape: &[usize], values: &[f64]) {
        assert_eq!(shape.iter().product::<usize>(), values.len());
        let mut tensor = self.tensor(name, shape);
        match self.float {
            Float::F32 => tensor.float_data = values.iter().map(|v| *v as f32).collect(),
            Float::F64 => tensor.double_data = values.to_vec(),
        }
        self.graph.initializer.push(tensor);
    }

    /// Stored integers, as shapes and axes are.
    pub fn integers(&mut self, name: &str, values: &[i64]) {
        let mut tensor = self.tensor(name, &[values.len()]);
        tensor.data_type = 7;
        tensor.int64_data = values.to_vec();
        self.graph.initializer.push(tensor);
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> TensorProto {
        TensorProto {
            name: name.into(),
            dims: shape.iter().map(|d| *d as i64).collect(),
            data_type: self.float.code(),
            ..TensorProto::default()
        }
    }

    /// A node with results; gives the first result's name.
    pub fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) {
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_string()).collect();
        self.graph.node.push(NodeProto {
            op_type: op.into(),
            input: own(inputs),
            output: own(outputs),
            attribute: attributes,
            ..NodeProto::default()
        });
    }

    pub fn output(&mut self, name: &str) {
        self.graph.output.push(info(name, self.float, None));
    }

    /// The model's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let opset = OperatorSetIdProto { domain: String::new(), version: 13 };
        let model = ModelProto {
            ir_version: Some(8),
            graph: Some(self.graph.clone()),
            opset_import: vec![opset],
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    /// The model as the reader gives it.
    pub fn read(&self) -> Result<Graph, Error> {
        read::model_bytes(self.bytes().into())
    }

    pub fn graph(&self) -> Graph {
        self.read().unwrap_or_else(|error| panic!("{error}"))
    }
}

fn info(name: &str, float: Float, shape: Option<&[usize]>) -> ValueInfoProto {
    let shape = shape.map(|shape| TensorShapeProto {
        dim: shape
            .iter()
            .map(|d| DimensionProto { dim_value: Some(*d as i64), dim_param: None })
            .collect(),
    });
    let tensor_type = Some(TensorTypeProto { elem_type: float.code(), shape });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: Some(value), kind: 2, ..AttributeProto::default() }
}

pub fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f: Some(value), kind: 1, ..AttributeProto::default() }
}

pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: values.to_vec(),
        kind: 7,
        ..AttributeProto::default()
    }
}

/// A plan without slack as a model: a MatMul for each term, Add for sums and biases.
pub fn model(plan: &Plan, float: Float) -> Model {
    let mut model = Model::new(float);
    for (index, step) in plan.steps.iter().enumerate() {
        let name = format!("v{index}");
        match step {
            Step::Input(len) => model.input(&name, &[1, *len]),
            Step::Relu(of) => model.node("Relu", &[&format!("v{of}")], &[&name], vec![]),
            Step::Pointwise(..) | Step::Product { .. } => panic!("not piecewise linear"),
            Step::Affine { terms, slack, bias } => {
                assert!(slack.is_empty(), "a model's weights are exact");
                model.weights(&format!("b{index}"), &[bias.len()], bias);
                let mut sum = format!("b{index}");
                for (t, (from, lines)) in terms.iter().enumerate() {
                    let (rows, columns) = (bias.len(), plan.len(*from));
                    let mut transposed = vec![0.0; rows * columns];
                    for (k, line) in lines.iter().enumerate() {
                        for (column, weight) in line {
                            transposed[*column as usize * rows + k] = *weight;
                        }
                    }
                    model.weights(&format!("w{index}.{t}"), &[columns, rows], &transposed);
                    let product = format!("p{index}.{t}");
                    let operands = [format!("v{from}"), format!("w{index}.{t}")];
                    model.node("MatMul", &[&operands[0], &operands[1]], &[&product], vec![]);
                    let last = t + 1 == terms.len();
                    let next = if last { name.clone() } else { format!("s{index}.{t}") };
                    model.node("Add", &[&product, &sum], &[&next], vec![]);
                    sum = next;
                }
                assert!(!terms.is_empty(), "a step reads something");
            }
        }
    }
    model.output(&format!("v{}", plan.last()));
    model
}
