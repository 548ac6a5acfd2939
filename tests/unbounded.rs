//! Operators that can be evaluated but not bounded are refused by name.

use plimsoll::{Kind, Verifier};
use plimsoll_check::ops::supported;

#[test]
fn what_can_be_bounded_is_read() {
    assert!(plimsoll::ops::BOUNDED.is_sorted());
    assert!(plimsoll::ops::BOUNDED.iter().all(|(name, _)| supported(name).is_some()));
}

#[test]
fn a_function_without_a_relaxation_is_an_error_that_names_it() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/checker/tests/data/functions");
    for (name, part) in [("tanh", "Tanh"), ("softmax_13", "softmax"), ("qdq_10", "quantisation")] {
        let model = plimsoll::read::model(format!("{folder}/{name}.onnx")).unwrap();
        let mut text = String::new();
        for index in 0..model.input_count() {
            text += &format!("(declare-const X_{index} Real)\n");
            text += &format!("(assert (>= X_{index} 0)) (assert (<= X_{index} 1))\n");
        }
        for index in 0..model.output_count() {
            text += &format!("(declare-const Y_{index} Real)\n");
        }
        text += "(assert (>= Y_0 2))\n";
        let query = plimsoll::read::query(text.as_bytes()).unwrap();
        let error = Verifier::new(Default::default()).verify(&model, &query).unwrap_err();
        assert_eq!(error.kind, Kind::UnsupportedOperator);
        assert!(error.message.contains(part) && error.message.contains("node"), "{error}");
    }
}
