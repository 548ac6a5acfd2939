//! A network as a graph of operators on named values.
//!
//! Built by the ONNX reader and well formed from then on: every operator and attribute is known, every
//! shape is concrete, nodes stand in topological order, every stored number is finite.

use crate::ops::Op;
use std::sync::Arc;

/// Index into [`Graph::values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

impl ValueId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// float32.
    F32,
    /// float64.
    F64,
    /// int64, also for int32 tensors.
    I64,
    /// int8.
    I8,
    /// uint8.
    U8,
    /// bool.
    Bool,
}

impl ElementType {
    /// ONNX's word for it.
    pub fn name(self) -> &'static str {
        match self {
            ElementType::F32 => "float32",
            ElementType::F64 => "float64",
            ElementType::I64 => "int64",
            ElementType::I8 => "int8",
            ElementType::U8 => "uint8",
            ElementType::Bool => "bool",
        }
    }
}

/// The numbers of a constant tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// float32, all finite.
    F32(Arc<[f32]>),
    /// float64, all finite.
    F64(Arc<[f64]>),
    /// Integers.
    I64(Arc<[i64]>),
    /// 8-bit integers, as quantised numbers.
    I8(Arc<[i8]>),
    /// 8-bit integers without a sign, as quantised numbers.
    U8(Arc<[u8]>),
    /// Truth values.
    Bool(Arc<[bool]>),
}

/// A constant tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Dimensions; empty for a scalar.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: TensorData,
}

impl Tensor {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type.
    pub fn element(&self) -> ElementType {
        match self.data {
            TensorData::F32(_) => ElementType::F32,
            TensorData::F64(_) => ElementType::F64,
            TensorData::I64(_) => ElementType::I64,
            TensorData::I8(_) => ElementType::I8,
            TensorData::U8(_) => ElementType::U8,
            TensorData::Bool(_) => ElementType::Bool,
        }
    }

    /// Element `index` as a float64; exact for float32 and float64, and for integers below 2^53.
    pub fn float(&self, index: usize) -> f64 {
        match &self.data {
            TensorData::F32(data) => data[index] as f64,
            TensorData::F64(data) => data[index],
            TensorData::I64(data) => data[index] as f64,
            TensorData::I8(data) => f64::from(data[index]),
            TensorData::U8(data) => f64::from(data[index]),
            TensorData::Bool(data) => data[index] as u8 as f64,
        }
    }

    /// The elements, if they are integers.
    pub fn integers(&self) -> Option<&[i64]> {
        match &self.data {
            TensorData::I64(data) => Some(data),
            _ => None,
        }
    }
}

/// A named tensor that flows through the graph.
#[derive(Debug, Clone)]
pub struct Value {
    /// The name in the model.
    pub name: String,
    /// Concrete dimensions; a symbolic batch dimension became 1.
    pub shape: Vec<usize>,
    /// Element type.
    pub element: ElementType,
    /// The elements, when they do not depend on the inputs.
    pub constant: Option<Tensor>,
}

impl Value {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One operator application.
#[derive(Debug, Clone)]
pub struct Node {
    /// The node's name, or the name of its first output.
    pub name: String,
    /// The operator with its attributes.
    pub op: Op,
    /// Operands that carry data, in ONNX order; shapes, axes and indices are part of the operator.
    pub inputs: Vec<ValueId>,
    /// Results, in ONNX order.
    pub outputs: Vec<ValueId>,
}

/// A network.
#[derive(Debug, Clone)]
pub struct Graph {
    /// All values, constants included.
    pub values: Vec<Value>,
    /// Nodes in topological order, each needed by an output.
    ///
    /// Constant subgraphs are folded away where that is exact. Float arithmetic on constants whose
    /// result no number of the float type equals stays as a node, so a node may have constant operands
    /// only; [`Graph::depends_on_input`] tells which values are constants of this kind.
    pub nodes: Vec<Node>,
    /// Free inputs in the model's order.
    pub inputs: Vec<ValueId>,
    /// Outputs in the model's order.
    pub outputs: Vec<ValueId>,
    /// The element type of all inputs, float32 or float64.
    pub element: ElementType,
    /// Version of the standard operator set.
    pub opset: i64,
    /// Things that a user should know, in words (a symbolic dimension taken as 1, say).
    pub notes: Vec<String>,
}

impl Graph {
    /// The value with this id.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// Number of flat inputs.
    pub fn input_count(&self) -> usize {
        self.inputs.iter().map(|id| self.value(*id).len()).sum()
    }

    /// Number of flat outputs.
    pub fn output_count(&self) -> usize {
        self.outputs.iter().map(|id| self.value(*id).len()).sum()
    }

    /// For every value, whether some input of the graph has an influence on it.
    pub fn depends_on_input(&self) -> Vec<bool> {
        let mut depends = vec![false; self.values.len()];
        for id in &self.inputs {
            depends[id.index()] = true;
        }
        for node in &self.nodes {
            if node.inputs.iter().any(|id| depends[id.index()]) {
                for id in &node.outputs {
                    depends[id.index()] = true;
                }
            }
        }
        depends
    }

    /// Whether outputs are rational functions of the inputs, so that points can be evaluated exactly.
    pub fn is_rational(&self) -> bool {
        self.nodes.iter().all(|node| node.op.is_rational())
    }

    /// Number of stored weights.
    pub fn parameter_count(&self) -> usize {
        self.values.iter().filter_map(|value| value.constant.as_ref()).map(Tensor::len).sum()
    }
}
