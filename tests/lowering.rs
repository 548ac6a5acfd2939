//! The network that is swept computes what the model says, exactly: `ops::lower` against evaluation of
//! the graph in rationals.

// What is refused, and how long lowering takes, is for whoever runs the tests by hand.
#![allow(clippy::print_stdout)]

mod common;

#[path = "lowering/bench.rs"]
mod bench;
#[path = "lowering/cases.rs"]
mod cases;
#[path = "lowering/check.rs"]
mod check;
#[path = "lowering/families.rs"]
mod families;

use check::check;
use common::onnx::{Float, Model, float, int, ints};
use common::sweeps;
use fastrand::Rng;
use plimsoll::bound::{Boxes, Intermediate, Workspace, propagate};
use plimsoll::net::{Network, Primitive};

fn has_slack(network: &Network) -> bool {
    network
        .nodes
        .iter()
        .any(|node| matches!(&node.primitive, Primitive::Affine { slack, .. } if !slack.is_empty()))
}

/// `x`, and a constant `c = 1/3` that no float holds, as a node of the model.
fn third(shape: &[usize]) -> Model {
    let mut model = Model::new(Float::F32);
    model.input("x", &[1, 3]);
    model.weights("one", &[], &[1.0]);
    let count = shape.iter().product();
    let divisors: Vec<f64> = (0..count).map(|k| 3.0 + 4.0 * k as f64).collect();
    model.weights("divisors", shape, &divisors);
    model.node("Div", &["one", "divisors"], &["c"], vec![]);
    model
}

#[test]
fn a_factor_that_no_float_holds_is_not_dropped() {
    for operands in [["x", "c"], ["c", "x"]] {
        let mut model = third(&[1, 3]);
        model.node("Mul", &operands, &["y"], vec![]);
        model.output("y");
        assert!(has_slack(&check(&model.graph(), 1)));
    }
}

#[test]
fn a_divisor_that_no_float_holds_is_not_dropped() {
    let mut model = third(&[1, 3]);
    model.node("Div", &["x", "c"], &["y"], vec![]);
    model.output("y");
    check(&model.graph(), 2);
}

#[test]
fn a_matrix_that_no_float_holds_is_not_dropped() {
    let mut model = third(&[3, 2]);
    model.node("MatMul", &["x", "c"], &["y"], vec![]);
    model.output("y");
    check(&model.graph(), 3);

    let mut model = third(&[2, 3]);
    model.node("Transpose", &["x"], &["t"], vec![ints("perm", &[1, 0])]);
    model.node("MatMul", &["c", "t"], &["y"], vec![]);
    model.output("y");
    check(&model.graph(), 4);

    let mut model = third(&[2, 3]);
    model.weights("bias", &[2], &[0.1, -0.3]);
    let attributes = vec![float("alpha", 0.7), float("beta", 1.3), int("transB", 1)];
    model.node("Gemm", &["x", "c", "bias"], &["y"], attributes);
    model.output("y");
    check(&model.graph(), 5);
}

#[test]
fn a_product_of_two_stored_matrices_is_not_dropped() {
    // A low-rank correction `W + A B`, as adapters are exported.
    let mut model = Model::new(Float::F32);
    model.input("x", &[1, 2]);
    model.weights("w", &[2, 2], &[1.0, -0.5, 0.25, 2.0]);
    model.weights("a", &[2, 1], &[0.1, -0.7]);
    model.weights("b", &[1, 2], &[0.3, 0.9]);
    model.node("MatMul", &["a", "b"], &["ab"], vec![]);
    model.node("Add", &["w", "ab"], &["sum"], vec![]);
    model.node("MatMul", &["x", "sum"], &["z"], vec![]);
    model.node("Relu", &["z"], &["y"], vec![]);
    model.output("y");
    check(&model.graph(), 6);
}

#[test]
fn summands_that_no_float_holds_are_kept() {
    let mut model = third(&[1, 3]);
    model.node("Add", &["x", "c"], &["s"], vec![]);
    model.node("Sub", &["c", "s"], &["d"], vec![]);
    model.node("Concat", &["d", "c"], &["j"], vec![int("axis", 1)]);
    model.node("Relu", &["j"], &["r"], vec![]);
    model.node("Neg", &["r"], &["y"], vec![]);
    model.output("y");
    check(&model.graph(), 7);
}

#[test]
fn factors_of_gemm_round_in_no_precision() {
    for float_type in [Float::F32, Float::F64] {
        let mut model = Model::new(float_type);
        model.input("x", &[1, 2]);
        model.weights("w", &[2, 2], &[0.1, 0.7, -0.3, 1.1]);
        model.weights("c", &[2], &[0.1, 1.0e-30]);
        let attributes = vec![float("alpha", 0.3), float("beta", 3.0)];
        model.node("Gemm", &["x", "w", "c"], &["y"], attributes);
        model.output("y");
        check(&model.graph(), 8);
    }
}

#[test]
fn one_value_may_be_two_operands() {
    let mut model = Model::new(Float::F64);
    model.input("x", &[1, 2]);
    model.weights("w", &[2, 2], &[1.0e-30, 0.7, -0.3, 1.0e25]);
    model.node("Gemm", &["x", "w", "x"], &["g"], vec![float("beta", 0.1)]);
    model.node("Relu", &["g"], &["r"], vec![]);
    model.node("Add", &["r", "r"], &["a"], vec![]);
    model.node("Sub", &["g", "g"], &["z"], vec![]);
    model.node("Concat", &["a", "z", "a"], &["y"], vec![int("axis", 1)]);
    model.output("y");
    check(&model.graph(), 9);
}

#[test]
fn values_without_elements_are_walked_past() {
    let mut model = Model::new(Float::F32);
    model.input("x", &[1, 2]);
    for (name, values) in [("zero", [0]), ("two", [2]), ("axis", [1])] {
        model.integers(name, &values);
    }
    model.node("Slice", &["x", "two", "two", "axis"], &["nothing"], vec![]);
    model.node("Relu", &["nothing"], &["still"], vec![]);
    model.node("Relu", &["x"], &["r"], vec![]);
    model.node("Concat", &["r", "still"], &["y"], vec![int("axis", 1)]);
    model.output("y");
    let network = check(&model.graph(), 10);
    let mut boxes = Boxes::new(2);
    boxes.push(&[-1.0, -1.0], &[1.0, 1.0]);
    let frame = sweeps::frame(&network, &boxes);
    let all = Intermediate::All { keep: 4 };
    let (_, relaxations) =
        propagate(&network, Some(&frame), &boxes, None, all, &mut Workspace::default());
    let seeds = sweeps::row(&[1.0, 1.0], 0.0);
    let forms = sweeps::pull(&network, &frame, &relaxations, network.output(), &seeds);
    assert!(forms.minimum(0, &[-1.0, -1.0], &[1.0, 1.0]) >= -1.0e-9);
}

#[test]
fn quotients_by_stored_constants_are_enclosed() {
    for float_type in [Float::F32, Float::F64] {
        let mut model = Model::new(float_type);
        model.input("x", &[1, 4]);
        model.weights("c", &[4], &[3.0, 0.25, -0.1, 1.0e-30]);
        model.node("Div", &["x", "c"], &["q"], vec![]);
        model.node("Neg", &["q"], &["n"], vec![]);
        model.node("Add", &["n", "q"], &["z"], vec![]);
        model.node("Concat", &["q", "z"], &["y"], vec![int("axis", 1)]);
        model.output("y");
        assert!(has_slack(&check(&model.graph(), 11)));
    }
}

/// Random graphs of every operator that is lowered, on values of the shape `[1, n]`.
struct Random {
    model: Model,
    float: Float,
    /// Names and lengths of what may be read.
    values: Vec<(String, usize)>,
    count: usize,
}

impl Random {
    fn new(float: Float, rng: &mut Rng) -> Random {
        let mut random = Random { model: Model::new(float), float, values: vec![], count: 0 };
        for name in ["x", "u"] {
            let len = rng.usize(2..5);
            random.model.input(name, &[1, len]);
            random.values.push((name.into(), len));
        }
        random
    }

    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    fn any(&self, rng: &mut Rng) -> (String, usize) {
        let recent = self.values.len().saturating_sub(4);
        let from = if rng.u8(0..3) == 0 { 0 } else { recent };
        self.values[rng.usize(from..self.values.len())].clone()
    }

    fn weights(&mut self, shape: &[usize], rng: &mut Rng) -> String {
        let name = self.fresh();
        let count = shape.iter().product();
        let values: Vec<f64> = (0..count)
            .map(|_| match (rng.u8(0..5), self.float) {
                (0, _) => [0.0, 1.0, -1.0, 0.5][rng.usize(0..4)],
                (1, _) => f64::from(rng.i32(-3..=3)),
                (2, Float::F64) => (rng.f64() - 0.5) * 10f64.powi(rng.i32(-30..30)),
                _ => 2.0 * rng.f64() - 1.0,
            })
            .collect();
        self.model.weights(&name, shape, &values);
        name
    }

    /// A constant without zeros, stored or computed by the model.
    fn divisor(&mut self, len: usize, rng: &mut Rng) -> String {
        let name = self.fresh();
        let values: Vec<f64> = (0..len).map(|_| 0.5 + rng.f64()).collect();
        self.model.weights(&name, &[len], &values);
        if rng.bool() {
            return name;
        }
        let (other, quotient) = (self.fresh(), self.fresh());
        self.model.weights(&other, &[1], &[3.0]);
        self.model.node("Div", &[&name, &other], &[&quotient], vec![]);
        quotient
    }

    fn node(&mut self, op: &str, operands: &[&str], len: usize) {
        self.attributed(op, operands, len, vec![]);
    }

    fn attributed(
        &mut self,
        op: &str,
        operands: &[&str],
        len: usize,
        attributes: Vec<plimsoll_check::onnx::proto::AttributeProto>,
    ) {
        let name = self.fresh();
        self.model.node(op, operands, &[&name], attributes);
        self.values.push((name, len));
    }

    fn step(&mut self, rng: &mut Rng) {
        let (a, len) = self.any(rng);
        match rng.u8(0..14) {
            0 | 1 => self.node("Relu", &[&a], len),
            2 => self.node("Neg", &[&a], len),
            3 | 4 => {
                let same: Vec<String> =
                    self.values.iter().filter(|v| v.1 == len).map(|v| v.0.clone()).collect();
                let b = &same[rng.usize(0..same.len())];
                self.node(["Add", "Sub"][rng.usize(0..2)], &[&a, b], len);
            }
            5 => {
                let c = self.divisor(len, rng);
                let operands = if rng.bool() { [&a, &c] } else { [&c, &a] };
                self.node(["Add", "Sub", "Mul"][rng.usize(0..3)], &operands.map(|o| &o[..]), len);
            }
            6 => {
                let c = self.divisor(len, rng);
                self.node("Div", &[&a, &c], len);
            }
            7 | 8 => {
                let columns = rng.usize(1..5);
                let w = self.weights(&[len, columns], rng);
                self.node("MatMul", &[&a, &w], columns);
            }
            9 => {
                let columns = rng.usize(1..5);
                let w = self.weights(&[columns, len], rng);
                let mut attributes = vec![int("transB", 1)];
                attributes.push(float("alpha", [1.0, 0.7, -2.0][rng.usize(0..3)]));
                attributes.push(float("beta", [1.0, 0.3, 0.0][rng.usize(0..3)]));
                let c = self.weights(&[1, columns], rng);
                self.attributed("Gemm", &[&a, &w, &c], columns, attributes);
            }
            10 => {
                let (b, other) = self.any(rng);
                if len + other <= 12 {
                    self.attributed("Concat", &[&a, &b], len + other, vec![int("axis", 1)]);
                }
            }
            11 => {
                let picked: Vec<i64> =
                    (0..rng.usize(1..5)).map(|_| rng.i64(0..len as i64)).collect();
                let indices = self.fresh();
                self.model.integers(&indices, &picked);
                self.attributed("Gather", &[&a, &indices], picked.len(), vec![int("axis", 1)]);
            }
            12 => {
                let [starts, ends, axes, steps] = [0; 4].map(|_| self.fresh());
                let (start, step) = (rng.usize(0..len), rng.usize(1..3));
                self.model.integers(&starts, &[start as i64]);
                self.model.integers(&ends, &[i64::MAX]);
                self.model.integers(&axes, &[1]);
                self.model.integers(&steps, &[step as i64]);
                let operands = [&a[..], &starts, &ends, &axes, &steps];
                self.node("Slice", &operands, (len - start).div_ceil(step));
            }
            _ => {
                let axes = self.fresh();
                self.model.integers(&axes, &[1]);
                self.node("ReduceSum", &[&a, &axes], 1);
            }
        }
    }
}

#[test]
fn random_graphs_are_lowered_exactly() {
    let (mut slack, mut shared) = (0, 0);
    for seed in 0..150 {
        let mut rng = Rng::with_seed(seed);
        let float = [Float::F32, Float::F64][rng.usize(0..2)];
        let mut random = Random::new(float, &mut rng);
        for _ in 0..rng.usize(3..16) {
            random.step(&mut rng);
        }
        let last = random.values.last().unwrap().0.clone();
        let (other, _) = random.any(&mut rng);
        random.model.output(&last);
        if other != last && random.count > 0 && other.starts_with('v') {
            random.model.output(&other);
            shared += 1;
        }
        let network = check(&random.model.graph(), seed);
        slack += usize::from(has_slack(&network));
    }
    assert!(slack > 20 && shared > 20, "{slack} with slack, {shared} with two outputs");
}
