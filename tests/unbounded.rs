//! Operators that can be evaluated but not bounded are refused by name.

mod common;

use common::onnx::{Float, Model};
use plimsoll::{Kind, Verifier};
use plimsoll_check::ops::supported;

#[test]
fn what_can_be_bounded_is_read() {
    assert!(plimsoll::ops::BOUNDED.is_sorted());
    assert!(plimsoll::ops::BOUNDED.iter().all(|(name, _)| supported(name).is_some()));
}

#[test]
fn an_operator_that_cannot_be_bounded_is_an_error_that_names_it() {
    let mut model = Model::new(Float::F32);
    model.input("x", &[1, 1, 3]);
    model.node("Relu", &["x"], &["weights"], vec![]);
    model.node("Conv", &["x", "weights"], &["y"], vec![]);
    model.output("y");
    let mut text = String::new();
    for index in 0..3 {
        text += &format!("(declare-const X_{index} Real)\n");
        text += &format!("(assert (>= X_{index} 0)) (assert (<= X_{index} 1))\n");
    }
    text += "(declare-const Y_0 Real)\n(assert (>= Y_0 2))\n";
    let query = plimsoll::read::query(text.as_bytes()).unwrap();
    let error = Verifier::new(Default::default()).verify(&model.graph(), &query).unwrap_err();
    assert_eq!(error.kind, Kind::UnsupportedOperator);
    assert!(error.message.contains("convolution with weights") && error.message.contains("`y`"));
    assert!(error.help.is_some(), "{error}");
}
