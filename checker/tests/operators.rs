//! Every operator against onnxruntime, on the cases of `tests/data/operators`.
//!
//! `scripts/operator_cases.py` makes the cases and says what their files hold. An evaluation in floats and
//! onnxruntime's must both lie within the proven error of the exact value, which is zero where nothing is
//! rounded; intervals must contain the exact values over points and boxes; rationals must equal them.

mod support;

use plimsoll_check::graph::{ElementType, Graph, Node};
use plimsoll_check::number::{Exact, Interval, Rational, Scalar};
use plimsoll_check::onnx::{self, proto};
use plimsoll_check::ops::{Op, SUPPORTED, Undefined, evaluate};
use std::collections::BTreeSet;
use std::path::Path;
use support::cases::{cases, graph, inputs};
use support::tracked::Tracked;

/// Roundings that an implementation may have beyond those of the definition: a normalization folded into
/// a factor and a shift, a mean taken by a rounded reciprocal, a factor applied to each term.
const MORE: u32 = 8;

fn map<S>(values: &[Vec<f64>], f: impl Fn(f64) -> S) -> Vec<Vec<S>> {
    values.iter().map(|values| values.iter().map(|value| f(*value)).collect()).collect()
}

fn exact(value: f64) -> Rational {
    Rational::from_f64(value).unwrap()
}

/// The exact outputs.
fn rational(graph: &Graph, inputs: &[Vec<f64>]) -> Result<Vec<Vec<Rational>>, Undefined> {
    let outputs = evaluate(graph, &map(inputs, |value| Exact::from(exact(value))))?;
    let values = |output: Vec<Exact>| output.into_iter().map(|value| value.0.unwrap()).collect();
    Ok(outputs.into_iter().map(values).collect())
}

/// Checks an execution, ours or onnxruntime's, against the exact values.
fn check(name: &str, who: &str, found: &[Vec<f64>], truth: &[Vec<Tracked>], unit: f64, slack: f64) {
    assert_eq!(found.len(), truth.len(), "{name}");
    for (output, (found, truth)) in found.iter().zip(truth).enumerate() {
        assert_eq!(found.len(), truth.len(), "{name}: length of output {output} of {who}");
        for (at, (found, truth)) in found.iter().zip(truth).enumerate() {
            let error = (&exact(*found) - &truth.value).abs();
            let allowed = &truth.error(&exact(unit), MORE) + &exact(slack);
            assert!(
                error <= allowed,
                "{name}: element {at} of output {output} is {found} by {who}, exactly {} ({allowed} allowed)",
                truth.value.to_f64()
            );
        }
    }
}

#[test]
fn executions_are_as_near_as_proven() {
    for case in cases().iter().filter(|case| case.refused.is_none()) {
        let graph = graph(case);
        let x = inputs(case, &graph);
        let truth = evaluate(&graph, &map(&x, Tracked::from_stored)).unwrap();
        let (unit, ours) = match graph.element {
            ElementType::F32 => {
                let y = evaluate(&graph, &map(&x, |v| v as f32)).unwrap();
                (
                    2f64.powi(-24),
                    y.iter().map(|y| y.iter().map(|v| f64::from(*v)).collect()).collect(),
                )
            }
            _ => (2f64.powi(-53), evaluate(&graph, &x).unwrap()),
        };
        check(&case.name, "our evaluation", &ours, &truth, unit, 0.0);
        check(&case.name, "onnxruntime", &case.outputs, &truth, unit, case.slack);
    }
}

#[test]
fn rationals_and_intervals_agree() {
    let mut irrational = BTreeSet::new();
    for case in cases().iter().filter(|case| case.refused.is_none()) {
        let (name, graph) = (&case.name, graph(case));
        let x = inputs(case, &graph);
        let truth = evaluate(&graph, &map(&x, Tracked::from_stored)).unwrap();
        match rational(&graph, &x) {
            Ok(rational) => {
                for (y, truth) in rational.iter().flatten().zip(truth.iter().flatten()) {
                    assert_eq!(*y, truth.value, "{name}");
                }
            }
            Err(reason) => {
                assert_eq!(reason, Undefined::Irrational, "{name}");
                irrational.insert(name.split('/').next().unwrap().to_string());
            }
        }
        let points = evaluate(&graph, &map(&x, Interval::point)).unwrap();
        for (y, truth) in points.iter().flatten().zip(truth.iter().flatten()) {
            assert!(y.contains(&truth.value), "{name}: {y:?} is without {}", truth.value.to_f64());
            let width = y.hi - y.lo;
            assert!(width <= 1.0e-12 * truth.size.to_f64() + 1.0e-300, "{name}: {y:?} is wide");
        }
    }
    let known = ["BatchNormalization", "Normalizer", "ReduceL2"];
    assert!(irrational.iter().eq(known), "{irrational:?}");
}

#[test]
fn intervals_enclose_boxes() {
    // A generator is enough whose numbers are the same everywhere.
    let mut state = 1u64;
    let mut below = move |count: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % count
    };
    let mut decided = 0;
    for case in cases().iter().filter(|case| case.refused.is_none()) {
        let (name, graph) = (&case.name, graph(case));
        let x = inputs(case, &graph);
        for round in 0..3 {
            // Boxes around the case's inputs, some of whose sides have no width.
            let widths = map(&x, |_| 0.0);
            let widths: Vec<Vec<(f64, f64)>> = widths
                .iter()
                .map(|w| {
                    w.iter().map(|_| (0.25 * below(5) as f64, 0.25 * below(5) as f64)).collect()
                })
                .collect();
            let side = |w: (f64, f64)| if round == 0 { (w.0 * 0.25, w.1 * 0.25) } else { w };
            let boxes: Vec<Vec<Interval>> = x
                .iter()
                .zip(&widths)
                .map(|(x, w)| {
                    let around = x.iter().zip(w).map(|(x, w)| (*x, side(*w)));
                    around.map(|(x, w)| Interval::new(x - w.0, x + w.1)).collect()
                })
                .collect();
            let enclosed = match evaluate(&graph, &boxes) {
                Ok(enclosed) => enclosed,
                // A computed index may leave its axis in the box.
                Err(Undefined::Index) => continue,
                Err(reason) => panic!("{name}: {reason}"),
            };
            for _ in 0..3 {
                let point: Vec<Vec<f64>> = boxes
                    .iter()
                    .map(|b| {
                        b.iter().map(|i| i.lo + (i.hi - i.lo) * 0.25 * below(5) as f64).collect()
                    })
                    .collect();
                let values = match rational(&graph, &point) {
                    Ok(values) => values,
                    Err(Undefined::Irrational) => {
                        let values = evaluate(&graph, &map(&point, Tracked::from_stored)).unwrap();
                        values
                            .into_iter()
                            .map(|y| y.into_iter().map(|t| t.value).collect())
                            .collect()
                    }
                    Err(Undefined::Division) => continue,
                    Err(reason) => panic!("{name}: {reason}"),
                };
                for (y, value) in enclosed.iter().flatten().zip(values.iter().flatten()) {
                    assert!(y.contains(value), "{name}: {y:?} is without {}", value.to_f64());
                    decided += usize::from(y.lo > f64::NEG_INFINITY && y.hi < f64::INFINITY);
                }
            }
        }
    }
    assert!(decided > 50_000, "{decided}");
}

/// With the inputs stored in the model instead, everything is folded or kept as a constant.
#[test]
fn constants_fold_to_the_same_values() {
    for case in cases().iter().filter(|case| case.refused.is_none()) {
        let name = &case.name;
        let original = graph(case);
        let x = inputs(case, &original);
        let Ok(expected) = rational(&original, &x) else { continue };
        let mut model = onnx::decode(case.model.clone().into()).unwrap();
        let network = model.graph.as_mut().unwrap();
        let free = std::mem::take(&mut network.input);
        for (input, raw) in free.iter().zip(&case.inputs) {
            let tensor = input.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
            let dims = &tensor.shape.as_ref().unwrap().dim;
            network.initializer.push(proto::TensorProto {
                name: input.name.clone(),
                data_type: tensor.elem_type,
                dims: dims.iter().map(|dim| dim.dim_value.unwrap()).collect(),
                raw_data: Some(raw.clone().into()),
                ..proto::TensorProto::default()
            });
        }
        let mut unused = free[0].clone();
        unused.name = "unused".into();
        let count = original.value(original.inputs[0]).len();
        network.input.push(unused);
        let folded = match onnx::graph(&model) {
            Ok(folded) => folded,
            Err(error) => panic!("{name}: {error}"),
        };
        let found = rational(&folded, &[vec![0.0; count]]).unwrap();
        assert_eq!(found, expected, "{name}");
        for id in &folded.outputs {
            let value = folded.value(*id);
            let integers = matches!(value.element, ElementType::I64 | ElementType::Bool);
            assert!(!integers || value.constant.is_some(), "{name}");
        }
    }
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    for case in cases() {
        let Some(part) = &case.refused else { continue };
        match onnx::read(case.model.clone().into()) {
            Ok(_) => panic!("{} is read", case.name),
            Err(error) => {
                assert!(error.message.contains(part.as_str()), "{}: {error}", case.name);
                assert!(error.help.is_some(), "{}: {error}", case.name);
            }
        }
    }
}

/// Whatever a file says, it is read or refused, and what is read can be evaluated.
#[test]
fn damaged_models_do_no_harm() {
    let mut state = 7u64;
    let mut below = move |count: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % count
    };
    let mut read = 0;
    for case in cases() {
        for _ in 0..25 {
            let mut bytes = case.model.clone();
            for _ in 0..1 + below(3) {
                let at = below(bytes.len());
                bytes[at] = match below(3) {
                    0 => bytes[at] ^ (1 << below(8)),
                    1 => [0, 1, 2, 0x7f, 0x80, 0xff][below(6)],
                    _ => below(256) as u8,
                };
            }
            let Ok(graph) = onnx::read(bytes.into()) else { continue };
            let elements: usize = graph.values.iter().map(|value| value.len()).sum();
            let costly = |node: &Node| matches!(node.op, Op::Einsum { .. });
            if elements < 20_000 && !graph.nodes.iter().any(costly) {
                let inputs = graph.inputs.iter().map(|id| vec![0.5f32; graph.value(*id).len()]);
                let inputs: Vec<Vec<f32>> = inputs.collect();
                if let Ok(outputs) = evaluate(&graph, &inputs) {
                    let found: usize = outputs.iter().map(Vec::len).sum();
                    assert_eq!(found, graph.output_count(), "{}", case.name);
                }
                read += 1;
            }
        }
    }
    assert!(read > 400, "{read}");
}

#[test]
fn every_operator_has_a_case() {
    let mut models: Vec<Vec<u8>> = cases().into_iter().map(|case| case.model).collect();
    // Functions have cases of their own, in `tests/functions.rs`.
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/functions");
    for file in std::fs::read_dir(functions).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "onnx") {
            models.push(std::fs::read(file).unwrap());
        }
    }
    let names: BTreeSet<String> = models
        .into_iter()
        .flat_map(|model| {
            let model = onnx::decode(model.into()).unwrap();
            model.graph.unwrap().node.into_iter().map(|node| node.op_type)
        })
        .collect();
    // Read before these cases were made, and tested beside their definitions.
    let older = [
        "Constant",
        "ConstantOfShape",
        "Dropout",
        "Flatten",
        "Identity",
        "Neg",
        "Relu",
        "Split",
        "Squeeze",
        "Unsqueeze",
    ];
    for operator in SUPPORTED {
        let known = names.contains(operator.name) || older.contains(&operator.name);
        assert!(known, "{} has no case", operator.name);
    }
}
