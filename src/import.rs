//! The second decoder: ONNX bytes by the crate `onnx-protobuf`, compared with the checker's records.
//!
//! Readers are where verifiers go wrong most. The checker decodes with messages of its own; here the
//! same bytes are decoded by generated code that shares nothing with them, put into the same records
//! ([`plimsoll_check::onnx::proto`]), and compared field by field. A model on which the two differ is
//! refused with the place. From the records on there is one path to a [`Graph`].
//!
//! What the two decoders do differently where the format leaves room is thereby refused too: a message
//! field that stands twice (one merges, the other takes the last), a dimension that is both a number
//! and a name.
//!
//! The library behind the second decoder recurses without limit on unknown groups (RUSTSEC-2024-0437).
//! The checker's scan has refused groups, deep nesting and disproportionate messages before either
//! decoder sees the bytes.

use bytes::Bytes;
use onnx_protobuf as second;
use onnx_protobuf::Message;
use plimsoll_check::graph::Graph;
use plimsoll_check::onnx::proto::*;
use plimsoll_check::{Error, Kind, onnx};
use std::fmt::Display;

/// Reads a model with both decoders.
///
/// # Errors
///
/// Those of [`onnx::read`], and [`Kind::Model`] when the second decoder refuses the bytes or reads
/// something else in them.
pub fn read(bytes: Bytes) -> Result<Graph, Error> {
    let first = onnx::decode(bytes.clone())?;
    agree(&first, &bytes)?;
    onnx::graph(&first)
}

/// Refuses bytes, already scanned and decoded once, in which the second decoder reads something else.
fn agree(first: &ModelProto, bytes: &[u8]) -> Result<(), Error> {
    let other = second::ModelProto::parse_from_bytes(bytes).map_err(|error| {
        Error::new(
            Kind::Model,
            format!("one of two ONNX decoders refuses the model, which the other reads: {error}"),
        )
        .help(EXPORT_AGAIN)
    })?;
    model(first, &record(other)).map_err(|difference| {
        Error::new(Kind::Model, format!("two ONNX decoders disagree: {difference}"))
            .help(EXPORT_AGAIN)
    })
}

const EXPORT_AGAIN: &str = "the file uses the format in a way that readers may take differently; load \
     it and save it again: `onnx.save(onnx.load(path), path)`";

/// The record of a model that the second decoder has read; nothing large is copied.
fn record(model: second::ModelProto) -> ModelProto {
    ModelProto {
        ir_version: Some(model.ir_version),
        graph: model.graph.into_option().map(graph_record),
        opset_import: model
            .opset_import
            .into_iter()
            .map(|set| OperatorSetIdProto { domain: set.domain, version: set.version })
            .collect(),
        functions: model
            .functions
            .into_iter()
            .map(|function| FunctionProto { name: function.name, domain: function.domain })
            .collect(),
    }
}

fn graph_record(graph: second::GraphProto) -> GraphProto {
    GraphProto {
        node: graph.node.into_iter().map(node_record).collect(),
        initializer: graph.initializer.into_iter().map(tensor_record).collect(),
        input: graph.input.into_iter().map(info_record).collect(),
        output: graph.output.into_iter().map(info_record).collect(),
        sparse_initializer: graph
            .sparse_initializer
            .into_iter()
            .map(|sparse| SparseTensorProto {
                values: sparse.values.into_option().map(tensor_record),
            })
            .collect(),
    }
}

fn node_record(node: second::NodeProto) -> NodeProto {
    NodeProto {
        input: node.input,
        output: node.output,
        name: node.name,
        op_type: node.op_type,
        attribute: node.attribute.into_iter().map(attribute_record).collect(),
        domain: node.domain,
    }
}

fn attribute_record(attribute: second::AttributeProto) -> AttributeProto {
    AttributeProto {
        name: attribute.name,
        f: Some(attribute.f),
        i: Some(attribute.i),
        s: Some(attribute.s.into()),
        t: attribute.t.into_option().map(tensor_record),
        // Only whether there is a graph is compared, since no operator that has one is read.
        g: attribute.g.is_some().then(Bytes::new),
        floats: attribute.floats,
        ints: attribute.ints,
        kind: attribute.type_.value(),
        ref_attr_name: attribute.ref_attr_name,
    }
}

fn tensor_record(tensor: second::TensorProto) -> TensorProto {
    TensorProto {
        dims: tensor.dims,
        data_type: tensor.data_type,
        float_data: tensor.float_data,
        int32_data: tensor.int32_data,
        int64_data: tensor.int64_data,
        name: tensor.name,
        raw_data: Some(tensor.raw_data.into()),
        double_data: tensor.double_data,
        external_data: tensor
            .external_data
            .into_iter()
            .map(|entry| StringStringEntryProto { key: entry.key, value: entry.value })
            .collect(),
        data_location: tensor.data_location.value(),
    }
}

fn info_record(info: second::ValueInfoProto) -> ValueInfoProto {
    ValueInfoProto {
        name: info.name,
        r#type: info.type_.into_option().map(|kind| TypeProto {
            tensor_type: match kind.value {
                Some(second::type_proto::Value::TensorType(tensor)) => Some(TensorTypeProto {
                    elem_type: tensor.elem_type,
                    shape: tensor.shape.into_option().map(shape_record),
                }),
                _ => None,
            },
        }),
    }
}

fn shape_record(shape: second::TensorShapeProto) -> TensorShapeProto {
    use second::tensor_shape_proto::dimension::Value;
    let dimension = |value| match value {
        Some(Value::DimValue(number)) => {
            DimensionProto { dim_value: Some(number), dim_param: None }
        }
        Some(Value::DimParam(name)) => DimensionProto { dim_value: None, dim_param: Some(name) },
        _ => DimensionProto::default(),
    };
    TensorShapeProto { dim: shape.dim.into_iter().map(|dim| dimension(dim.value)).collect() }
}

/// `Ok`, or the first place at which two records differ, with both values.
type Same = Result<(), String>;

/// Compares two records of a model.
///
/// A number or byte string that is absent and one that is zero or empty are the same, because the second
/// decoder cannot tell them apart; the reader takes them for the same, too. Floats are compared by their
/// bits, so that NaN equals itself.
fn model(a: &ModelProto, b: &ModelProto) -> Same {
    number("ir_version", a.ir_version, b.ir_version)?;
    option("graph", &a.graph, &b.graph, graph)?;
    list("opset_import", &a.opset_import, &b.opset_import, |a, b| {
        equal("domain", &a.domain, &b.domain)?;
        equal("version", &a.version, &b.version)
    })?;
    list("functions", &a.functions, &b.functions, |a, b| {
        equal("name", &a.name, &b.name)?;
        equal("domain", &a.domain, &b.domain)
    })
}

fn graph(a: &GraphProto, b: &GraphProto) -> Same {
    list("node", &a.node, &b.node, node)?;
    list("initializer", &a.initializer, &b.initializer, tensor)?;
    list("input", &a.input, &b.input, info)?;
    list("output", &a.output, &b.output, info)?;
    list("sparse_initializer", &a.sparse_initializer, &b.sparse_initializer, |a, b| {
        option("values", &a.values, &b.values, tensor)
    })
}

fn node(a: &NodeProto, b: &NodeProto) -> Same {
    equal("op_type", &a.op_type, &b.op_type)?;
    equal("name", &a.name, &b.name)?;
    equal("domain", &a.domain, &b.domain)?;
    list("input", &a.input, &b.input, same)?;
    list("output", &a.output, &b.output, same)?;
    list("attribute", &a.attribute, &b.attribute, attribute)
}

fn attribute(a: &AttributeProto, b: &AttributeProto) -> Same {
    equal("name", &a.name, &b.name)?;
    equal("type", &a.kind, &b.kind)?;
    equal("ref_attr_name", &a.ref_attr_name, &b.ref_attr_name)?;
    equal("f", &a.f.unwrap_or(0.0).to_bits(), &b.f.unwrap_or(0.0).to_bits())?;
    number("i", a.i, b.i)?;
    bytes("s", &a.s, &b.s)?;
    option("t", &a.t, &b.t, tensor)?;
    option("g", &a.g, &b.g, |_, _| Ok(()))?;
    list("floats", &a.floats, &b.floats, |a, b| same(&a.to_bits(), &b.to_bits()))?;
    list("ints", &a.ints, &b.ints, same)
}

fn tensor(a: &TensorProto, b: &TensorProto) -> Same {
    equal("name", &a.name, &b.name)?;
    equal("data_type", &a.data_type, &b.data_type)?;
    list("dims", &a.dims, &b.dims, same)?;
    bytes("raw_data", &a.raw_data, &b.raw_data)?;
    list("float_data", &a.float_data, &b.float_data, |a, b| same(&a.to_bits(), &b.to_bits()))?;
    list("double_data", &a.double_data, &b.double_data, |a, b| same(&a.to_bits(), &b.to_bits()))?;
    list("int32_data", &a.int32_data, &b.int32_data, same)?;
    list("int64_data", &a.int64_data, &b.int64_data, same)?;
    equal("data_location", &a.data_location, &b.data_location)?;
    list("external_data", &a.external_data, &b.external_data, |a, b| {
        equal("key", &a.key, &b.key)?;
        equal("value", &a.value, &b.value)
    })
}

fn info(a: &ValueInfoProto, b: &ValueInfoProto) -> Same {
    equal("name", &a.name, &b.name)?;
    option("type", &a.r#type, &b.r#type, |a, b| {
        option("tensor_type", &a.tensor_type, &b.tensor_type, |a, b| {
            equal("elem_type", &a.elem_type, &b.elem_type)?;
            option("shape", &a.shape, &b.shape, |a, b| {
                list("dim", &a.dim, &b.dim, |a, b| {
                    option("dim_value", &a.dim_value, &b.dim_value, same)?;
                    option("dim_param", &a.dim_param, &b.dim_param, same)
                })
            })
        })
    })
}

fn same<T: PartialEq + Display>(a: &T, b: &T) -> Same {
    if a == b {
        return Ok(());
    }
    // Names may be of any length.
    let shown = |value: &T| value.to_string().chars().take(60).collect::<String>();
    Err(format!(" is `{}` in one and `{}` in the other", shown(a), shown(b)))
}

fn equal<T: PartialEq + Display>(name: &str, a: &T, b: &T) -> Same {
    inside(name, same(a, b))
}

fn number(name: &str, a: Option<i64>, b: Option<i64>) -> Same {
    equal(name, &a.unwrap_or(0), &b.unwrap_or(0))
}

fn bytes(name: &str, a: &Option<Bytes>, b: &Option<Bytes>) -> Same {
    let (a, b) = (a.as_deref().unwrap_or_default(), b.as_deref().unwrap_or_default());
    if a == b {
        return Ok(());
    }
    inside(name, list("", a, b, same))
}

fn option<T>(name: &str, a: &Option<T>, b: &Option<T>, each: impl FnOnce(&T, &T) -> Same) -> Same {
    match (a, b) {
        (Some(a), Some(b)) => inside(name, each(a, b)),
        (None, None) => Ok(()),
        _ => Err(format!("{name} is there in one and absent in the other")),
    }
}

fn list<T>(name: &str, a: &[T], b: &[T], each: impl Fn(&T, &T) -> Same) -> Same {
    if a.len() != b.len() {
        return Err(format!("{name} has {} elements in one and {} in the other", a.len(), b.len()));
    }
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        if let Err(rest) = each(a, b) {
            return inside(&format!("{name}[{index}]"), Err(rest));
        }
    }
    Ok(())
}

/// Puts a name before the place of a difference.
fn inside(name: &str, inner: Same) -> Same {
    inner.map_err(|rest| match rest.starts_with(['[', ' ']) {
        true => format!("{name}{rest}"),
        false => format!("{name}.{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of bytes, a message say.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        [bytes, content.to_vec()].concat()
    }

    /// `y = x + w` over two floats, with the parts of the graph that the tests change.
    fn add(node: &[u8], weight: &[u8], dimension: &[u8]) -> Vec<u8> {
        let info = |name: &[u8]| {
            let shape = field(2, &field(1, dimension));
            let tensor = field(1, &[&[0x08, 1][..], &shape].concat());
            [field(1, name), field(2, &tensor)].concat()
        };
        let graph =
            [field(1, node), field(5, weight), field(11, &info(b"x")), field(12, &info(b"y"))];
        [vec![0x08, 7], field(7, &graph.concat()), field(8, &[0x10, 13])].concat()
    }

    fn node() -> Vec<u8> {
        [field(1, b"x"), field(1, b"w"), field(2, b"y"), field(4, b"Add")].concat()
    }

    fn weight() -> Vec<u8> {
        let raw = [1.5f32, -2.0].map(f32::to_le_bytes).concat();
        [vec![0x08, 2, 0x10, 1], field(8, b"w"), field(9, &raw)].concat()
    }

    const TWO: [u8; 2] = [0x08, 2];

    fn refusal(bytes: Vec<u8>) -> String {
        let error = read(bytes.into()).unwrap_err();
        assert_eq!(error.kind, Kind::Model, "{error}");
        error.message
    }

    #[test]
    fn a_plain_model_is_read_alike() {
        let graph = read(add(&node(), &weight(), &TWO).into()).unwrap();
        assert_eq!((graph.input_count(), graph.output_count()), (2, 2));
    }

    #[test]
    fn what_decoders_take_differently_is_refused_with_its_place() {
        let plain = add(&node(), &weight(), &TWO);
        let graph_again = [plain.clone(), field(7, &[])].concat();
        assert!(onnx::read(graph_again.clone().into()).is_ok(), "the checker's decoder merges");
        let message = refusal(graph_again);
        assert!(message.contains("graph.node has 1 elements in one and 0"), "{message}");
        // A dimension that is a number and, the last wins in the other decoder, a name.
        let both = [&TWO[..], &field(2, b"batch")].concat();
        let message = refusal(add(&node(), &weight(), &both));
        assert!(message.contains("graph.input[0].type.tensor_type.shape.dim[0]"), "{message}");
        // An attribute's tensor in two parts.
        let parts = [field(5, &[0x10, 1]), field(5, &[0x08, 1])].concat();
        let attribute = field(5, &[field(1, b"value"), parts].concat());
        let message = refusal(add(&[node(), attribute].concat(), &weight(), &TWO));
        assert!(message.contains("graph.node[0].attribute[0].t."), "{message}");
        // Text that is no UTF-8 in a field that the checker does not decode.
        let message = refusal([plain, field(6, b"\xff")].concat());
        assert!(message.contains("one of two ONNX decoders refuses"), "{message}");
    }

    #[test]
    fn nan_weights_are_named_as_such() {
        let raw = [f32::NAN, 0.0].map(f32::to_le_bytes).concat();
        let weight = [vec![0x08, 2, 0x10, 1], field(8, b"w"), field(9, &raw)].concat();
        let error = read(add(&node(), &weight, &TWO).into()).unwrap_err();
        assert_eq!(error.kind, Kind::NonFiniteWeight);
    }

    #[test]
    fn a_million_nested_groups_overflow_no_stack() {
        let bomb = [[0x9b, 0x06].repeat(1_000_000), [0x9c, 0x06].repeat(1_000_000)];
        for model in [bomb.concat(), field(7, &field(13, &bomb.concat()))] {
            assert!(refusal(model).contains("group"));
        }
    }

    /// A record in which every field has a value.
    fn full() -> ModelProto {
        let tensor = TensorProto {
            dims: vec![2],
            data_type: 1,
            float_data: vec![1.0],
            int32_data: vec![1],
            int64_data: vec![1],
            name: "w".into(),
            raw_data: Some(Bytes::from_static(&[1, 2])),
            double_data: vec![1.0],
            external_data: vec![StringStringEntryProto { key: "k".into(), value: "v".into() }],
            data_location: 0,
        };
        let attribute = AttributeProto {
            name: "a".into(),
            f: Some(1.0),
            i: Some(1),
            s: Some(Bytes::from_static(b"s")),
            t: Some(tensor.clone()),
            g: None,
            floats: vec![f32::NAN],
            ints: vec![1],
            kind: 1,
            ref_attr_name: "r".into(),
        };
        let shape =
            TensorShapeProto { dim: vec![DimensionProto { dim_value: Some(1), dim_param: None }] };
        let info = ValueInfoProto {
            name: "x".into(),
            r#type: Some(TypeProto {
                tensor_type: Some(TensorTypeProto { elem_type: 1, shape: Some(shape) }),
            }),
        };
        ModelProto {
            ir_version: Some(8),
            graph: Some(GraphProto {
                node: vec![NodeProto {
                    input: vec!["x".into()],
                    output: vec!["y".into()],
                    name: "n".into(),
                    op_type: "Add".into(),
                    attribute: vec![attribute],
                    domain: String::new(),
                }],
                initializer: vec![tensor.clone()],
                input: vec![info.clone()],
                output: vec![info],
                sparse_initializer: vec![SparseTensorProto { values: Some(tensor) }],
            }),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
            functions: vec![FunctionProto { name: "f".into(), domain: "d".into() }],
        }
    }

    #[test]
    fn every_field_is_compared() {
        type Fault = fn(&mut ModelProto);
        fn graph(model: &mut ModelProto) -> &mut GraphProto {
            model.graph.as_mut().unwrap()
        }
        fn attribute(model: &mut ModelProto) -> &mut AttributeProto {
            &mut graph(model).node[0].attribute[0]
        }
        fn tensor(model: &mut ModelProto) -> &mut TensorProto {
            &mut graph(model).initializer[0]
        }
        fn tensor_type(model: &mut ModelProto) -> &mut TensorTypeProto {
            graph(model).input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap()
        }
        fn dimension(model: &mut ModelProto) -> &mut DimensionProto {
            &mut tensor_type(model).shape.as_mut().unwrap().dim[0]
        }
        let faults: [(&str, Fault); 49] = [
            ("ir_version is", |m| m.ir_version = None),
            ("graph is there", |m| m.graph = None),
            ("opset_import has", |m| m.opset_import.clear()),
            ("opset_import[0].domain", |m| m.opset_import[0].domain = "d".into()),
            ("opset_import[0].version", |m| m.opset_import[0].version = 1),
            ("functions has", |m| m.functions.clear()),
            ("functions[0].name", |m| m.functions[0].name.clear()),
            ("functions[0].domain", |m| m.functions[0].domain.clear()),
            ("graph.node has", |m| graph(m).node.clear()),
            ("graph.initializer has", |m| graph(m).initializer.clear()),
            ("graph.input has", |m| graph(m).input.clear()),
            ("graph.output has", |m| graph(m).output.clear()),
            ("graph.sparse_initializer has", |m| graph(m).sparse_initializer.clear()),
            ("graph.sparse_initializer[0].values", |m| {
                graph(m).sparse_initializer[0].values = None
            }),
            ("graph.node[0].input has", |m| graph(m).node[0].input.clear()),
            ("graph.node[0].input[0] is", |m| graph(m).node[0].input[0].clear()),
            ("graph.node[0].output[0] is", |m| graph(m).node[0].output[0].clear()),
            ("graph.node[0].name", |m| graph(m).node[0].name.clear()),
            ("graph.node[0].op_type", |m| graph(m).node[0].op_type.clear()),
            ("graph.node[0].domain", |m| graph(m).node[0].domain = "d".into()),
            ("graph.node[0].attribute has", |m| graph(m).node[0].attribute.clear()),
            ("graph.node[0].attribute[0].name", |m| attribute(m).name.clear()),
            ("attribute[0].f is", |m| attribute(m).f = Some(2.0)),
            ("attribute[0].i is", |m| attribute(m).i = Some(2)),
            ("attribute[0].s[0] is", |m| attribute(m).s = Some(Bytes::from_static(b"t"))),
            ("attribute[0].t is", |m| attribute(m).t = None),
            ("attribute[0].g is", |m| attribute(m).g = Some(Bytes::new())),
            ("attribute[0].floats[0]", |m| attribute(m).floats[0] = 1.0),
            ("attribute[0].ints has", |m| attribute(m).ints.push(1)),
            ("attribute[0].type is", |m| attribute(m).kind = 2),
            ("attribute[0].ref_attr_name", |m| attribute(m).ref_attr_name.clear()),
            ("attribute[0].t.dims has", |m| attribute(m).t.as_mut().unwrap().dims.clear()),
            ("initializer[0].dims[0]", |m| tensor(m).dims[0] = 3),
            ("initializer[0].data_type", |m| tensor(m).data_type = 11),
            ("initializer[0].float_data[0]", |m| tensor(m).float_data[0] = 2.0),
            ("initializer[0].int32_data[0]", |m| tensor(m).int32_data[0] = 2),
            ("initializer[0].int64_data[0]", |m| tensor(m).int64_data[0] = 2),
            ("initializer[0].name", |m| tensor(m).name.clear()),
            ("initializer[0].raw_data[1] is `2`", |m| {
                tensor(m).raw_data = Some(Bytes::from_static(&[1, 3]));
            }),
            ("initializer[0].raw_data has 2", |m| tensor(m).raw_data = None),
            ("initializer[0].double_data[0]", |m| tensor(m).double_data[0] = 2.0),
            ("initializer[0].external_data[0].key", |m| tensor(m).external_data[0].key.clear()),
            ("initializer[0].external_data[0].value", |m| tensor(m).external_data[0].value.clear()),
            ("initializer[0].data_location", |m| tensor(m).data_location = 1),
            ("graph.input[0].name", |m| graph(m).input[0].name.clear()),
            ("input[0].type.tensor_type.elem_type", |m| tensor_type(m).elem_type = 11),
            ("input[0].type.tensor_type.shape is", |m| tensor_type(m).shape = None),
            ("shape.dim[0].dim_value", |m| dimension(m).dim_value = None),
            ("shape.dim[0].dim_param", |m| dimension(m).dim_param = Some("n".into())),
        ];
        let right = full();
        assert_eq!(model(&right, &full()), Ok(()));
        for (part, fault) in faults {
            let mut wrong = full();
            fault(&mut wrong);
            let difference = model(&right, &wrong).expect_err(part);
            assert!(difference.contains(part), "{part}: {difference}");
            assert!(model(&wrong, &right).is_err(), "{part}");
        }
    }
}
