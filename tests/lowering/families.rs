//! Every family of operators with random attributes and shapes, between linear operators.

use crate::check::compare;
use crate::common::onnx::{Float, Model, float, int, ints};
use crate::common::sweeps::METHODS;
use fastrand::Rng;
use plimsoll::ops::{lower, lower_for_wide_regions, ordered};
use plimsoll_check::number::Interval;
use plimsoll_check::onnx::proto::AttributeProto;
use plimsoll_check::ops::evaluate;

/// A model with one input, of which operands of any shape are made.
struct Builder<'a> {
    model: Model,
    inputs: usize,
    count: usize,
    rng: &'a mut Rng,
}

impl Builder<'_> {
    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    fn below(&mut self, most: usize) -> usize {
        self.rng.usize(0..most)
    }

    fn numbers(&mut self, count: usize) -> Vec<f64> {
        (0..count)
            .map(|_| match self.rng.u8(0..4) {
                0 => [0.0, 1.0, -1.0, 0.5][self.rng.usize(0..4)],
                _ => 2.0 * self.rng.f64() - 1.0,
            })
            .collect()
    }

    fn weights(&mut self, shape: &[usize]) -> String {
        let name = self.fresh();
        let numbers = self.numbers(shape.iter().product());
        self.model.weights(&name, shape, &numbers);
        name
    }

    fn integers(&mut self, values: &[i64]) -> String {
        let name = self.fresh();
        self.model.integers(&name, values);
        name
    }

    fn node(&mut self, op: &str, operands: &[&str], attributes: Vec<AttributeProto>) -> String {
        let name = self.fresh();
        self.model.node(op, operands, &[&name], attributes);
        name
    }

    /// A value of this shape that varies: affine in the inputs, sometimes a node by a relu.
    fn operand(&mut self, shape: &[usize]) -> String {
        let len = shape.iter().product();
        let inputs = self.inputs;
        let (weights, bias) = (self.weights(&[inputs, len]), self.weights(&[len]));
        let product = self.node("MatMul", &["x", &weights], vec![]);
        let mut value = self.node("Add", &[&product, &bias], vec![]);
        if self.rng.u8(0..4) == 0 {
            value = self.node("Relu", &[&value], vec![]);
        }
        let shape: Vec<i64> = shape.iter().map(|d| *d as i64).collect();
        let shape = self.integers(&shape);
        self.node("Reshape", &[&value, &shape], vec![])
    }

    /// A constant without zeros that no float holds, of this shape.
    fn thirds(&mut self, shape: &[usize]) -> String {
        let (a, b) = (self.fresh(), self.fresh());
        let count = shape.iter().product();
        let numbers: Vec<f64> = (0..count).map(|_| 1.0 + self.rng.f64()).collect();
        self.model.weights(&a, shape, &numbers);
        self.model.weights(&b, &[], &[3.0]);
        self.node("Div", &[&a, &b], vec![])
    }

    fn shape(&mut self, rank: usize, most: usize) -> Vec<usize> {
        (0..rank).map(|_| self.rng.usize(1..=most)).collect()
    }

    /// Truth values of this shape.
    fn truths(&mut self, shape: &[usize]) -> String {
        let (a, b) = (self.operand(shape), self.operand(shape));
        let op = ["Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"][self.below(5)];
        self.node(op, &[&a, &b], vec![])
    }

    /// A float value that is truth, and so an output that has the model's type.
    fn number(&mut self, value: &str) -> String {
        self.node("Cast", &[value], vec![int("to", 1)])
    }

    /// Integers of this shape from `least` on, `count` of them.
    fn whole(&mut self, shape: &[usize], least: f64, count: usize) -> String {
        let value = self.operand(shape);
        let (low, high, scale) = (self.fresh(), self.fresh(), self.fresh());
        self.model.weights(&low, &[], &[least]);
        self.model.weights(&high, &[], &[least + count as f64 - 1.0]);
        self.model.weights(&scale, &[], &[count as f64]);
        let value = self.node("Mul", &[&value, &scale], vec![]);
        let value = self.node("Clip", &[&value, &low, &high], vec![]);
        self.node("Cast", &[&value], vec![int("to", 7)])
    }
}

/// Makes models of a family and compares everything; gives the share of values that are sets of almost no
/// width.
fn family(name: &str, rounds: u64, build: impl Fn(&mut Builder<'_>) -> String) {
    let (mut points, mut values, mut narrow, mut bounded) = (0, 0, 0, 0);
    for seed in 0..rounds {
        let mut rng = Rng::with_seed(seed);
        let inputs = rng.usize(1..4);
        let mut model = Model::new(Float::F32);
        model.input("x", &[1, inputs]);
        let mut builder = Builder { model, inputs, count: 0, rng: &mut rng };
        let mut last = build(&mut builder);
        match builder.below(4) {
            0 => last = builder.node("Neg", &[&last], vec![]),
            1 => last = builder.node("Add", &[&last, &last], vec![]),
            2 => {
                let third = builder.thirds(&[1]);
                last = builder.node("Mul", &[&last, &third], vec![]);
            }
            _ => {}
        }
        builder.model.output(&last);
        let graph = builder.model.graph();
        let lower = if seed % 2 == 0 { lower } else { lower_for_wide_regions };
        let network = lower(&graph).unwrap_or_else(|error| panic!("{name} {seed}: {error}"));
        let corners: Vec<Vec<f64>> =
            (0..4).map(|_| (0..inputs).map(|_| 2.0 * rng.f64() - 1.0).collect()).collect();
        let name = format!("{name} {seed}");
        let compared = compare(&name, &graph, &network, &corners, 0.5, &mut rng);
        points += compared.points;
        values += compared.values;
        narrow += compared.narrow;
        bounded += compared.bounded;
    }
    assert!(points as u64 > 2 * rounds && values > 0 && bounded > 0, "{name}: {points} {values}");
    assert!(10 * narrow >= 8 * values, "{name}: {narrow} of {values} are narrow");
}

#[test]
fn convolutions() {
    for rank in 1..4 {
        for transposed in [false, true] {
            family(&format!("convolution {rank} {transposed}"), 12, |b| {
                let group = b.rng.usize(1..3);
                let (batch, inner, outer) =
                    (b.rng.usize(1..3), b.rng.usize(1..3), b.rng.usize(1..3));
                let kernel = b.shape(rank, 3);
                let steps = |b: &mut Builder<'_>| -> Vec<i64> {
                    (0..rank).map(|_| b.rng.i64(1..3)).collect()
                };
                let (strides, dilations) = (steps(b), steps(b));
                let most = if transposed { 1 } else { 3 };
                let pads: Vec<i64> = (0..2 * rank).map(|_| b.rng.i64(0..most)).collect();
                let least = if rank == 3 { 2 } else { 4 };
                // Long enough for a window of three places, dilated by two.
                let spatial: Vec<usize> = kernel
                    .iter()
                    .zip(&dilations)
                    .map(|(k, d)| ((k - 1) * *d as usize + 1).max(least - b.rng.usize(0..2)))
                    .collect();
                let data = [&[batch, group * inner][..], &spatial].concat();
                let first = if transposed { group * inner } else { group * outer };
                let second = if transposed { outer } else { inner };
                let weights = [&[first, second][..], &kernel].concat();
                let data = b.operand(&data);
                let weights =
                    if b.below(4) == 0 { b.thirds(&weights) } else { b.weights(&weights) };
                let attributes = vec![
                    int("group", group as i64),
                    ints("strides", &strides),
                    ints("dilations", &dilations),
                    ints("pads", &pads),
                ];
                let mut operands = vec![data, weights];
                match b.below(3) {
                    0 => {}
                    1 => operands.push(b.weights(&[group * outer])),
                    _ => operands.push(b.thirds(&[group * outer])),
                }
                let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
                b.node(if transposed { "ConvTranspose" } else { "Conv" }, &operands, attributes)
            });
        }
    }
}

#[test]
fn pools() {
    for op in ["MaxPool", "AveragePool"] {
        family(op, 30, |b| {
            let rank = b.rng.usize(1..4);
            let kernel: Vec<usize> = (0..rank).map(|_| b.rng.usize(1..4)).collect();
            let spatial: Vec<usize> = kernel.iter().map(|k| k + b.rng.usize(0..3)).collect();
            // Padding is less than the kernel, so that there is an element under every window.
            let pads: Vec<i64> =
                (0..2 * rank).map(|at| b.rng.i64(0..kernel[at % rank] as i64)).collect();
            let kernel: Vec<i64> = kernel.iter().map(|k| *k as i64).collect();
            let strides: Vec<i64> = (0..rank).map(|_| b.rng.i64(1..3)).collect();
            let mut attributes = vec![
                ints("kernel_shape", &kernel),
                ints("strides", &strides),
                ints("pads", &pads),
                int("ceil_mode", 0),
            ];
            if op == "AveragePool" {
                attributes.push(int("count_include_pad", b.rng.i64(0..2)));
            }
            let shape = [&[1, b.rng.usize(1..3)][..], &spatial].concat();
            let data = b.operand(&shape);
            b.node(op, &[&data], attributes)
        });
    }
    family("global", 10, |b| {
        let shape = [&[1, 2][..], &b.shape(2, 3)].concat();
        let data = b.operand(&shape);
        let op = ["GlobalMaxPool", "GlobalAveragePool"][b.below(2)];
        b.node(op, &[&data], vec![])
    });
}

#[test]
fn normalisations() {
    family("batch", 20, |b| {
        let channels = b.rng.usize(1..4);
        let shape = [&[1, channels][..], &b.shape(2, 3)[..b.rng.usize(0..3)]].concat();
        let data = b.operand(&shape);
        let [scale, bias, mean] = [0; 3].map(|_| b.weights(&[channels]));
        let scale = if b.below(3) == 0 { b.thirds(&[channels]) } else { scale };
        let variance = b.fresh();
        let numbers: Vec<f64> = (0..channels).map(|_| b.rng.f64()).collect();
        b.model.weights(&variance, &[channels], &numbers);
        let operands = [&data[..], &scale, &bias, &mean, &variance];
        b.node("BatchNormalization", &operands, vec![float("epsilon", 0.01)])
    });
    family("instance", 10, |b| {
        let shape = [&[1, 2][..], &[b.rng.usize(1..6)]].concat();
        let data = b.operand(&shape);
        let (scale, bias) = (b.weights(&[2]), b.operand(&[2]));
        b.node("InstanceNormalization", &[&data, &scale, &bias], vec![])
    });
    for op in ["Softmax", "LogSoftmax"] {
        family(op, 40, |b| {
            let shape = b.shape(3, 4);
            let data = b.operand(&shape);
            let axis = b.rng.i64(-3..3);
            b.node(op, &[&data], vec![int("axis", axis)])
        });
    }
}

#[test]
fn piecewise_linear_functions() {
    family("pieces", 80, |b| {
        let shape = b.shape(2, 3);
        let data = b.operand(&shape);
        match b.below(7) {
            0 => b.node("Abs", &[&data], vec![]),
            1 => {
                let alpha = b.rng.f32() * 3.0 - 1.0;
                b.node("LeakyRelu", &[&data], vec![float("alpha", alpha)])
            }
            2 => {
                let slope = [&[1][..], &shape[1..]].concat();
                let slope = if b.rng.bool() { b.weights(&slope) } else { b.thirds(&slope) };
                b.node("PRelu", &[&data, &slope], vec![])
            }
            3 => {
                let (low, high) = (b.fresh(), b.fresh());
                let least = b.rng.f64() - 0.8;
                let width = b.rng.f64() - 0.1;
                b.model.weights(&low, &[], &[least]);
                b.model.weights(&high, &[], &[least + width]);
                let operands = [[&data[..], &low, &high], [&data, "", &high], [&data, &low, ""]];
                let operands = operands[b.below(3)];
                b.node("Clip", &operands, vec![])
            }
            4 => {
                let attributes =
                    vec![float("alpha", b.rng.f32() * 4.0 - 2.0), float("beta", b.rng.f32())];
                b.node("HardSigmoid", &[&data], attributes)
            }
            5 => b.node("ThresholdedRelu", &[&data], vec![float("alpha", 0.0)]),
            _ => b.node("Sign", &[&data], vec![]),
        }
    });
}

#[test]
fn extremes_and_reductions() {
    family("operands", 40, |b| {
        let shape = b.shape(2, 3);
        let count = b.rng.usize(1..5);
        let mut operands = Vec::new();
        for _ in 0..count {
            let shape = match b.below(3) {
                0 => vec![shape[1]],
                1 => vec![shape[0], 1],
                _ => shape.clone(),
            };
            operands.push(match b.below(4) {
                0 => b.weights(&shape),
                1 => b.thirds(&shape),
                _ => b.operand(&shape),
            });
        }
        operands.push(b.operand(&shape));
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        let op = ["Max", "Min", "Sum", "Mean"][b.rng.usize(0..4)];
        b.node(op, &operands, vec![])
    });
    family("reductions", 60, |b| {
        let shape = b.shape(3, 3);
        let data = b.operand(&shape);
        let ops = ["Max", "Min", "Mean", "Prod", "L1", "L2", "SumSquare"];
        let op = format!("Reduce{}", ops[b.below(ops.len())]);
        let axes: Vec<i64> = (0..3).filter(|_| b.rng.bool()).collect();
        let mut attributes = vec![int("keepdims", b.rng.i64(0..2))];
        if !axes.is_empty() {
            attributes.push(ints("axes", &axes));
        }
        b.node(&op, &[&data], attributes)
    });
    family("sums", 20, |b| {
        let shape = b.shape(3, 3);
        let data = b.operand(&shape);
        let axis = b.fresh();
        b.model.integers(&axis, &[b.rng.i64(0..3)]);
        let attributes = vec![int("exclusive", b.rng.i64(0..2)), int("reverse", b.rng.i64(0..2))];
        b.node("CumSum", &[&data, &axis], attributes)
    });
}

#[test]
fn products() {
    family("elements", 40, |b| {
        let shape = b.shape(2, 3);
        let a = b.operand(&shape);
        let other = [vec![shape[1]], vec![1, 1], shape.clone()][b.below(3)].clone();
        let c = if b.below(4) == 0 { a.clone() } else { b.operand(&other) };
        let operands = if b.rng.bool() { [&a[..], &c] } else { [&c[..], &a] };
        if b.rng.bool() {
            return b.node("Mul", &operands, vec![]);
        }
        // A divisor that is not zero.
        let two = b.fresh();
        b.model.weights(&two, &[], &[0.5]);
        let divisor = b.node("Abs", &[operands[1]], vec![]);
        let divisor = b.node("Add", &[&divisor, &two], vec![]);
        b.node("Div", &[operands[0], &divisor], vec![])
    });
    family("matrices", 40, |b| {
        let (m, k, n) = (b.rng.usize(1..4), b.rng.usize(1..4), b.rng.usize(1..4));
        if b.rng.bool() {
            let left = [vec![2, m, k], vec![m, k], vec![k]][b.below(3)].clone();
            let right = [vec![2, k, n], vec![k, n], vec![k]][b.below(3)].clone();
            let (a, c) = (b.operand(&left), b.operand(&right));
            let c = if b.below(4) == 0 { b.thirds(&right) } else { c };
            return b.node("MatMul", &[&a, &c], vec![]);
        }
        let (trans_a, trans_b) = (b.rng.bool(), b.rng.bool());
        let a = b.operand(&if trans_a { [k, m] } else { [m, k] });
        let c = b.operand(&if trans_b { [n, k] } else { [k, n] });
        let bias = if b.rng.bool() { b.operand(&[n]) } else { b.weights(&[m, 1]) };
        let attributes = vec![
            int("transA", i64::from(trans_a)),
            int("transB", i64::from(trans_b)),
            float("alpha", b.rng.f32()),
            float("beta", b.rng.f32()),
        ];
        b.node("Gemm", &[&a, &c, &bias], attributes)
    });
    family("labels", 40, |b| {
        let cases: [(&str, &[&[usize]]); 7] = [
            ("bij,bjk->bik", &[&[2, 2, 3], &[2, 3, 2]]),
            ("ij,ij->", &[&[2, 3], &[2, 3]]),
            ("ii,ij->j", &[&[2, 2], &[2, 3]]),
            ("i,j,ij->i", &[&[2], &[3], &[2, 3]]),
            ("...i,i->...", &[&[2, 3], &[3]]),
            ("ij->ji", &[&[2, 3]]),
            ("i,j->ij", &[&[2], &[3]]),
        ];
        let (equation, shapes) = cases[b.below(cases.len())];
        let mut operands: Vec<String> = Vec::new();
        for shape in shapes {
            operands.push(match b.below(4) {
                0 => b.weights(shape),
                1 => b.thirds(shape),
                _ => b.operand(shape),
            });
        }
        operands[0] = b.operand(shapes[0]);
        let text = AttributeProto {
            name: "equation".into(),
            s: Some(equation.as_bytes().to_vec().into()),
            kind: 3,
            ..AttributeProto::default()
        };
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        b.node("Einsum", &operands, vec![text])
    });
}

#[test]
fn comparisons_and_choices() {
    family("truths", 40, |b| {
        let shape = b.shape(2, 3);
        let (p, q) = (b.truths(&shape), b.truths(&shape[1..]));
        let op = ["And", "Or", "Xor", "Equal"][b.below(4)];
        let both = b.node(op, &[&p, &q], vec![]);
        let both = if b.rng.bool() { both } else { b.node("Not", &[&both], vec![]) };
        b.number(&both)
    });
    family("choices", 40, |b| {
        let shape = b.shape(2, 3);
        let condition = b.truths(&shape[1..]);
        let c = if b.rng.bool() { b.operand(&shape) } else { b.weights(&shape) };
        let d = if b.rng.bool() { b.operand(&[1]) } else { b.thirds(&shape) };
        b.node("Where", &[&condition, &c, &d], vec![])
    });
    family("integers", 40, |b| {
        let shape = b.shape(2, 3);
        let (p, q) = (b.whole(&shape, -2.0, 5), b.whole(&shape[1..], 1.0, 3));
        match b.below(4) {
            0 => {
                let op = ["Less", "Equal", "GreaterOrEqual"][b.below(3)];
                let truth = b.node(op, &[&p, &q], vec![]);
                b.number(&truth)
            }
            1 => {
                let quotient = b.node("Div", &[&p, &q], vec![]);
                b.number(&quotient)
            }
            2 => {
                let divisor = [-3, 2, 3][b.below(3)];
                let divisor = b.integers(&[divisor]);
                let quotient = b.node("Div", &[&p, &divisor], vec![]);
                b.number(&quotient)
            }
            _ => {
                let truth = b.node("Cast", &[&p], vec![int("to", 9)]);
                b.number(&truth)
            }
        }
    });
}

#[test]
fn places() {
    family("extremes", 40, |b| {
        let shape = b.shape(3, 4);
        let data = if b.below(3) == 0 { b.whole(&shape, 0.0, 3) } else { b.operand(&shape) };
        let attributes = vec![
            int("axis", b.rng.i64(0..3)),
            int("keepdims", b.rng.i64(0..2)),
            int("select_last_index", b.rng.i64(0..2)),
        ];
        let op = ["ArgMax", "ArgMin"][b.below(2)];
        let place = b.node(op, &[&data], attributes);
        b.number(&place)
    });
    family("sorted", 40, |b| {
        let shape = b.shape(3, 4);
        let axis = b.below(3);
        let data = if b.below(3) == 0 { b.whole(&shape, 0.0, 3) } else { b.operand(&shape) };
        let count = b.rng.i64(1..=shape[axis] as i64);
        let count = b.integers(&[count]);
        let (values, places) = (b.fresh(), b.fresh());
        let attributes = vec![int("axis", axis as i64), int("largest", b.rng.i64(0..2))];
        b.model.node("TopK", &[&data, &count], &[&values, &places], attributes);
        let wanted = if b.rng.bool() { values } else { places };
        b.number(&wanted)
    });
    family("picked", 40, |b| {
        let shape = b.shape(3, 3);
        let axis = b.below(3);
        let dim = shape[axis];
        let data = if b.rng.bool() { b.operand(&shape) } else { b.weights(&shape) };
        let indices = b.whole(&[2], -(dim as f64), 2 * dim);
        b.node("Gather", &[&data, &indices], vec![int("axis", axis as i64)])
    });
    family("one hot", 30, |b| {
        let depth = b.integers(&[3]);
        let indices = if b.rng.bool() { b.whole(&[2, 2], -4.0, 8) } else { b.operand(&[2, 2]) };
        let values = if b.rng.bool() { b.operand(&[2]) } else { b.weights(&[2]) };
        let attributes = vec![int("axis", b.rng.i64(-1..2))];
        b.node("OneHot", &[&indices, &depth, &values], attributes)
    });
}

#[test]
fn what_stands_together_is_seen_together() {
    family("gates", 20, |b| {
        let shape = b.shape(2, 3);
        let x = b.operand(&shape);
        let gate = match b.below(3) {
            0 => b.node("Sigmoid", &[&x], vec![]),
            1 => {
                let other = b.operand(&shape);
                b.node("Sigmoid", &[&other], vec![])
            }
            _ => {
                let softplus = b.node("Softplus", &[&x], vec![]);
                b.node("Tanh", &[&softplus], vec![])
            }
        };
        let operands = if b.rng.bool() { [&x[..], &gate] } else { [&gate[..], &x] };
        b.node("Mul", &operands, vec![])
    });
    family("places of softmax", 30, |b| {
        let shape = [b.rng.usize(1..3), b.rng.usize(1..5)];
        let x = b.operand(&shape);
        let (of, along) = (b.rng.i64(0..2), b.rng.i64(0..2));
        let softmax = b.node("Softmax", &[&x], vec![int("axis", of)]);
        // Only along the same axis the order is that of the operand.
        let x = if of == along { softmax } else { x };
        let attributes = vec![int("axis", along), int("keepdims", b.rng.i64(0..2))];
        let place = b.node("ArgMax", &[&x], attributes);
        if b.rng.bool() {
            return b.number(&place);
        }
        let flat = b.integers(&[-1]);
        let place = b.node("Reshape", &[&place, &flat], vec![]);
        let depth = b.rng.i64(1..6);
        let depth = b.integers(&[depth]);
        let values = b.weights(&[2]);
        b.node("OneHot", &[&place, &depth, &values], vec![])
    });
    family("picked by places", 20, |b| {
        let x = b.operand(&[2, 3]);
        let place = b.node("ArgMin", &[&x], vec![int("axis", 1)]);
        let data = if b.rng.bool() { b.operand(&[3, 2]) } else { b.weights(&[4]) };
        b.node("Gather", &[&data, &place], vec![])
    });
    family("written out normalisations", 20, |b| {
        let shape = b.shape(2, 4);
        let x = b.operand(&shape);
        let two = b.fresh();
        b.model.weights(&two, &[], &[2.0]);
        let axes = vec![ints("axes", &[1])];
        let mean = b.node("ReduceMean", &[&x], axes.clone());
        let difference = b.node("Sub", &[&x, &mean], vec![]);
        let square = b.node("Pow", &[&difference, &two], vec![]);
        let variance = b.node("ReduceMean", &[&square], axes);
        let epsilon = b.fresh();
        b.model.weights(&epsilon, &[], &[1.0e-12]);
        let sum = b.node("Add", &[&variance, &epsilon], vec![]);
        let root = b.node("Sqrt", &[&sum], vec![]);
        b.node("Div", &[&difference, &root], vec![])
    });
}

/// A root of a sum of squares is bounded over boxes of any size, though bounds of the sum are rounded.
#[test]
fn roots_of_sums_of_squares_are_bounded() {
    let mut model = Model::new(Float::F32);
    model.input("x", &[1, 3]);
    model.weights("w", &[3, 2], &[0.1, 0.3, -0.7, 0.2, 0.9, -0.3]);
    model.weights("two", &[], &[2.0]);
    model.weights("epsilon", &[], &[1.0e-9]);
    model.node("MatMul", &["x", "w"], &["z"], vec![]);
    model.node("Pow", &["z", "two"], &["squares"], vec![]);
    model.node("ReduceMean", &["squares"], &["mean"], vec![ints("axes", &[1])]);
    model.node("Add", &["mean", "epsilon"], &["sum"], vec![]);
    model.node("Sqrt", &["sum"], &["root"], vec![]);
    model.node("Div", &["z", "root"], &["y"], vec![]);
    model.output("y");
    let graph = model.graph();
    let network = lower(&graph).unwrap();
    let mut rng = Rng::with_seed(4);
    let corners: Vec<Vec<f64>> = vec![vec![-1.0e4; 3]; 8];
    let compared = compare("root", &graph, &network, &corners, 2.0e4, &mut rng);
    assert_eq!(compared.bounded, METHODS.len() * 2 * compared.points, "{compared:?}");
}

#[test]
fn wide_regions_do_not_overflow() {
    for op in ["Softmax", "LogSoftmax"] {
        let mut model = Model::new(Float::F32);
        model.input("x", &[1, 5]);
        model.node(op, &["x"], &["y"], vec![int("axis", 1)]);
        model.output("y");
        let network = lower_for_wide_regions(&model.graph()).unwrap();
        let corners: Vec<Vec<f64>> = vec![vec![-1.0e6, 3.0e5, 2.0, 0.0, 1.0e6]; 8];
        let mut rng = Rng::with_seed(3);
        let compared = compare(op, &model.graph(), &network, &corners, 2.0e6, &mut rng);
        assert_eq!(compared.bounded, METHODS.len() * 5 * compared.points);
    }
}

#[test]
fn order_survives_the_last_function() {
    let mut rng = Rng::with_seed(5);
    for (op, groups) in [
        ("Softmax", Some(vec![0, 0, 0, 1, 1, 1])),
        ("LogSoftmax", Some(vec![0, 0, 0, 1, 1, 1])),
        ("Sigmoid", Some(vec![0; 6])),
        ("Exp", Some(vec![0; 6])),
        ("Relu", None),
        ("Sin", None),
    ] {
        let mut model = Model::new(Float::F32);
        model.input("x", &[2, 3]);
        model.node("Neg", &["x"], &["n"], vec![]);
        let attributes = if op.contains("max") { vec![int("axis", 1)] } else { vec![] };
        model.node(op, &["n"], &["s"], attributes);
        model.node("Flatten", &["s"], &["y"], vec![int("axis", 0)]);
        model.output("y");
        let graph = model.graph();
        let found = ordered(&graph);
        assert_eq!(found.as_ref().map(|found| found.groups.clone()), groups, "{op}");
        let Some(found) = found else { continue };
        assert_eq!(found.graph.nodes.len(), 1);
        for _ in 0..20 {
            let x: Vec<Interval> =
                (0..6).map(|_| Interval::point(f64::from(rng.i8(-3..3)))).collect();
            let full = evaluate(&graph, std::slice::from_ref(&x)).unwrap().concat();
            let short = evaluate(&found.graph, &[x]).unwrap().concat();
            for (i, j) in (0..6).flat_map(|i| (0..6).map(move |j| (i, j))) {
                if found.groups[i] == found.groups[j] {
                    assert_eq!(full[i].hi < full[j].lo, short[i].hi < short[j].lo, "{op}");
                }
            }
        }
    }
}
