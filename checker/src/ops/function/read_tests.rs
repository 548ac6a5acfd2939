//! What the readers of functions, groups and quantisation accept, and what they refuse by name.

use super::Function;
use crate::error::{Error, Kind};
use crate::graph::{ElementType, Graph};
use crate::onnx;
use crate::onnx::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::ops::Op;
use prost::Message;

fn value(name: &str, shape: &[i64]) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|dim| DimensionProto { dim_value: Some(*dim), ..DimensionProto::default() })
        .collect();
    let tensor_type = Some(TensorTypeProto { elem_type: 1, shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

fn floats(values: &[f32]) -> TensorProto {
    let dims = if values.len() == 1 { Vec::new() } else { vec![values.len() as i64] };
    TensorProto { dims, data_type: 1, float_data: values.to_vec(), ..TensorProto::default() }
}

fn integers(data_type: i32, value: i32) -> TensorProto {
    TensorProto { data_type, int32_data: vec![value], ..TensorProto::default() }
}

fn number(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), kind: 1, f: Some(value), ..AttributeProto::default() }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), kind: 2, i: Some(value), ..AttributeProto::default() }
}

fn text(name: &str, value: &'static str) -> AttributeProto {
    let s = Some(bytes::Bytes::from_static(value.as_bytes()));
    AttributeProto { name: name.into(), kind: 3, s, ..AttributeProto::default() }
}

/// One operator on `x` of shape `[2, 3]` and constants; an operand `x` is named by an empty tensor.
fn read(
    op: &str,
    opset: i64,
    constants: Vec<TensorProto>,
    attribute: Vec<AttributeProto>,
) -> Result<Graph, Error> {
    let mut input = vec!["x".to_string()];
    let mut initializer = Vec::new();
    for (at, constant) in constants.into_iter().enumerate() {
        if constant == TensorProto::default() {
            input.push("x".to_string());
            continue;
        }
        let name = format!("c{at}");
        input.push(name.clone());
        initializer.push(TensorProto { name, ..constant });
    }
    let node = NodeProto {
        input,
        output: vec!["y".into()],
        name: "node".into(),
        op_type: op.into(),
        attribute,
        ..NodeProto::default()
    };
    let graph = GraphProto {
        node: vec![node],
        initializer,
        input: vec![value("x", &[2, 3])],
        output: vec![ValueInfoProto { name: "y".into(), r#type: None }],
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: opset }],
        ..ModelProto::default()
    };
    onnx::read(model.encode_to_vec().into())
}

fn function(op: &str, opset: i64, attribute: Vec<AttributeProto>) -> Function {
    match read(op, opset, Vec::new(), attribute).unwrap().nodes[0].op {
        Op::Pointwise(function) => function,
        ref other => panic!("{other:?}"),
    }
}

fn refusal(result: Result<Graph, Error>, kind: Kind, part: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.message.contains(part), "{error}");
    assert!(error.message.contains("node"), "{error}");
}

#[test]
fn defaults_are_the_schemas_float32_values() {
    assert_eq!(function("LeakyRelu", 16, vec![]), Function::LeakyRelu { alpha: 0.01 });
    assert_eq!(
        function("Selu", 22, vec![]),
        Function::Selu { alpha: f32::from_bits(0x3fd6_2d7d), gamma: f32::from_bits(0x3f86_7d5f) }
    );
    assert_eq!(function("HardSigmoid", 7, vec![]), Function::HardSigmoid { alpha: 0.2, beta: 0.5 });
    assert_eq!(function("Celu", 12, vec![number("alpha", 2.0)]), Function::Celu { alpha: 2.0 });
    assert_eq!(function("Swish", 24, vec![]), Function::Swish { alpha: 1.0 });
    assert_eq!(function("Gelu", 20, vec![]), Function::Gelu);
    assert_eq!(function("Gelu", 20, vec![text("approximate", "tanh")]), Function::GeluTanh);
}

#[test]
fn bounds_of_clip_come_in_both_forms() {
    let open = f64::INFINITY;
    assert_eq!(function("Clip", 7, vec![]), Function::Clip { min: -open, max: open });
    assert_eq!(
        function("Clip", 10, vec![number("min", -1.0), number("max", f32::MAX)]),
        Function::Clip { min: -1.0, max: open }
    );
    let graph = read("Clip", 13, vec![floats(&[2.0]), floats(&[-1.0])], vec![]).unwrap();
    assert_eq!(graph.nodes[0].op, Op::Pointwise(Function::Clip { min: -1.0, max: -1.0 }));
    refusal(read("Clip", 10, vec![floats(&[2.0])], vec![]), Kind::Model, "operands");
    let variable = vec![TensorProto::default()];
    refusal(read("Clip", 13, variable, vec![]), Kind::UnsupportedOperator, "lower bound");
    refusal(read("Clip", 13, vec![floats(&[1.0, 2.0])], vec![]), Kind::Model, "scalar");
    refusal(read("Clip", 13, vec![], vec![number("min", 1.0)]), Kind::UnsupportedOperator, "`min`");
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let unsupported = Kind::UnsupportedOperator;
    refusal(read("Celu", 12, vec![], vec![number("alpha", -1.0)]), unsupported, "alpha");
    refusal(read("Gelu", 20, vec![], vec![text("approximate", "sinh")]), unsupported, "sinh");
    refusal(read("Gelu", 19, vec![], vec![]), unsupported, "Gelu");
    refusal(read("Pow", 13, vec![TensorProto::default()], vec![]), unsupported, "exponent");
    refusal(read("Pow", 13, vec![floats(&[1.0, 2.0, 3.0])], vec![]), unsupported, "differ");
    refusal(read("PRelu", 16, vec![TensorProto::default()], vec![]), unsupported, "slope");
    refusal(read("PRelu", 16, vec![floats(&[1.0, 2.0])], vec![]), Kind::Model, "broadcast");
    refusal(read("Sigmoid", 13, vec![], vec![number("alpha", 1.0)]), unsupported, "alpha");
    refusal(read("Softmax", 13, vec![], vec![integer("axis", 2)]), Kind::Model, "axis 2");
    refusal(
        read("LayerNormalization", 17, vec![floats(&[1.0; 3])], vec![integer("stash_type", 10)]),
        unsupported,
        "stash_type",
    );
    refusal(
        read("InstanceNormalization", 7, vec![floats(&[1.0; 2]), floats(&[1.0; 2])], vec![]),
        Kind::Model,
        "one number for each of 3",
    );
    let groups = vec![floats(&[1.0; 3]), floats(&[1.0; 3])];
    refusal(
        read("GroupNormalization", 21, groups, vec![integer("num_groups", 2)]),
        Kind::Model,
        "does not divide",
    );
}

#[test]
fn quantisation_has_its_limits() {
    let unsupported = Kind::UnsupportedOperator;
    let with = |scale: TensorProto, zero: TensorProto| vec![scale, zero];
    let quantize = |constants| read("QuantizeLinear", 13, constants, vec![]);
    let graph = quantize(with(floats(&[0.5]), integers(2, 3))).unwrap();
    assert_eq!(graph.value(graph.outputs[0]).element, ElementType::U8);
    refusal(quantize(with(floats(&[-0.5]), integers(2, 3))), unsupported, "not positive");
    refusal(quantize(with(floats(&[0.5]), integers(6, 3))), unsupported, "type");
    refusal(quantize(vec![TensorProto::default()]), unsupported, "not a stored constant");
    refusal(quantize(vec![floats(&[0.5, 0.5])]), Kind::Model, "2 scales for 3 indices");
    let range = quantize(with(floats(&[0.5]), integers(3, 200))).unwrap_err();
    assert!(range.kind == Kind::Model && range.message.contains("200"), "{range}");
    refusal(
        read("DequantizeLinear", 13, vec![floats(&[0.5])], vec![]),
        Kind::Model,
        "holds no integers",
    );
}

#[test]
fn softmax_before_opset_13_takes_rows_of_a_matrix() {
    let groups = |opset, axis: Option<i64>| {
        let attributes = axis.map(|axis| integer("axis", axis)).into_iter().collect();
        match &read("Softmax", opset, vec![], attributes).unwrap().nodes[0].op {
            Op::Softmax { grouping, .. } => grouping.axes.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(groups(11, Some(0)), [0, 1]);
    assert_eq!(groups(11, None), [1]);
    assert_eq!(groups(11, Some(2)), [0usize; 0]);
    assert_eq!(groups(13, Some(0)), [0]);
    assert_eq!(groups(13, None), [1]);
}

#[test]
fn a_graph_knows_whether_it_is_rational() {
    assert!(read("HardSwish", 14, vec![], vec![]).unwrap().is_rational());
    assert!(read("Pow", 13, vec![floats(&[3.0])], vec![]).unwrap().is_rational());
    assert!(!read("Pow", 13, vec![floats(&[0.5])], vec![]).unwrap().is_rational());
    assert!(!read("Softmax", 13, vec![], vec![]).unwrap().is_rational());
}
