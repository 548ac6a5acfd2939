//! Pointwise, group and quantisation operators against what onnxruntime computed with them.
//!
//! The data are written by `scripts/function_cases.py`. Each output of onnxruntime must lie within the tabled float32 error
//! of the exact value, which an enclosure of a few units of float64 and, where there is one, the exact rational
//! stand for; so must our own evaluation in float32.

use plimsoll_check::graph::{ElementType, Graph};
use plimsoll_check::number::{Interval, Rational};
use plimsoll_check::ops::{
    DEQUANTIZE_ERROR, FloatError, Function, Normalization, Op, QUANTIZE_ERROR, evaluate,
    evaluate_exact, float32_error, normalization_float32_error, softmax_float32_error,
};
use std::path::{Path, PathBuf};

struct Case {
    name: String,
    graph: Graph,
    x: Vec<f32>,
    y: Vec<f32>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/functions")
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("cases.txt")).unwrap();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let words = |line: &str, key: &str| -> Vec<f32> {
        let words = line.strip_prefix(key).unwrap().split_whitespace();
        words.map(|word| f32::from_bits(u32::from_str_radix(word, 16).unwrap())).collect()
    };
    let mut cases = Vec::new();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix("case ").unwrap().to_string();
        let graph = plimsoll_check::read::model(folder().join(format!("{name}.onnx"))).unwrap();
        let (x, y) = (words(lines.next().unwrap(), "x"), words(lines.next().unwrap(), "y"));
        cases.push(Case { name, graph, x, y });
    }
    cases
}

/// `|executed - exact|` that is allowed for each output.
fn allowed(case: &Case, exact: &[Interval]) -> Vec<f64> {
    let x: Vec<f64> = case.x.iter().map(|x| f64::from(*x)).collect();
    let pointwise = |error: FloatError| -> Vec<f64> {
        let magnitude = |y: &Interval| y.lo.abs().max(y.hi.abs());
        let terms = exact.iter().zip(&x);
        terms
            .map(|(y, x)| error.relative * magnitude(y) + error.absolute + error.linear * x.abs())
            .collect()
    };
    match &case.graph.nodes[0].op {
        Op::Pointwise(function) => pointwise(float32_error(function)),
        Op::PRelu => pointwise(float32_error(&Function::LeakyRelu { alpha: 1.0 })),
        Op::Identity | Op::Relu => vec![0.0; exact.len()],
        Op::Softmax { grouping, logarithm } => {
            pointwise(softmax_float32_error(grouping.len(), *logarithm))
        }
        Op::Normalization(normalization) => normalized(case, normalization, &x, exact),
        Op::Quantize { .. } => quantized(case, &x, pointwise(DEQUANTIZE_ERROR)),
        other => panic!("{}: {other:?}", case.name),
    }
}

/// One level more where the quotient is within rounding of a half.
fn quantized(case: &Case, x: &[f64], mut allowed: Vec<f64>) -> Vec<f64> {
    let scale = case.graph.value(case.graph.nodes[0].inputs[1]).constant.as_ref().unwrap();
    for (at, allowed) in allowed.iter_mut().enumerate() {
        // Rows of eight, where there is an axis.
        let scale = scale.float(at / 8 % scale.len());
        let quotient = x[at] / scale;
        let from_half = (quotient - quotient.floor() - 0.5).abs();
        if from_half > 0.0 && from_half <= quotient.abs() * 2f64.powi(-23) {
            *allowed += QUANTIZE_ERROR * scale;
        }
    }
    allowed
}

/// Normalised values times the scale, whose rounding adds as much as a product and a sum do.
fn normalized(
    case: &Case,
    normalization: &Normalization,
    x: &[f64],
    exact: &[Interval],
) -> Vec<f64> {
    let count = normalization.grouping.len();
    // In all these cases a group is a stretch of the data.
    let stretches = x.chunks(count).map(|group| {
        let mean = group.iter().sum::<f64>() / count as f64;
        let mean = if normalization.statistics.centred { mean } else { 0.0 };
        let variance = group.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
        let most = group.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let spread = most / (variance + f64::from(normalization.statistics.epsilon)).sqrt();
        normalization_float32_error(count, spread)
    });
    let scale = case.graph.value(case.graph.nodes[0].inputs[1]).constant.as_ref().unwrap();
    let most = (0..scale.len()).fold(0.0f64, |most, index| most.max(scale.float(index).abs()));
    let unit = 2f64.powi(-22);
    stretches
        .flat_map(|error| vec![error; count])
        .zip(exact)
        .map(|(error, y)| most * error + unit * (most * (count as f64).sqrt() + y.hi.abs() + 1.0))
        .collect()
}

#[test]
fn onnxruntime_and_the_evaluator_keep_within_the_tabled_error() {
    let cases = cases();
    assert!(cases.len() > 70);
    for case in &cases {
        assert_eq!(case.graph.element, ElementType::F32);
        let points: Vec<Interval> = case.x.iter().map(|x| Interval::point(f64::from(*x))).collect();
        let exact = evaluate(&case.graph, &[points]).unwrap().concat();
        let ours = evaluate(&case.graph, std::slice::from_ref(&case.x)).unwrap().concat();
        assert_eq!((exact.len(), ours.len()), (case.y.len(), case.y.len()), "{}", case.name);
        let allowed = allowed(case, &exact);
        for (at, enclosure) in exact.iter().enumerate() {
            let context = || format!("{} at {:e}", case.name, case.x[at]);
            assert!(enclosure.lo.is_finite() && enclosure.hi.is_finite(), "{}", context());
            for (who, y) in [("onnxruntime", case.y[at]), ("evaluator", ours[at])] {
                // The exact value is inside the enclosure: the nearer end shows least, the farther most.
                let y = f64::from(y);
                let most = (y - enclosure.lo).abs().max((y - enclosure.hi).abs());
                let least = (enclosure.lo - y).max(y - enclosure.hi).max(0.0);
                assert!(
                    least <= allowed[at],
                    "{}: {who} is off by {least:e}, allowed {:e}",
                    context(),
                    allowed[at]
                );
                let blur = enclosure.hi - enclosure.lo;
                assert!(most <= allowed[at] + blur, "{}: {who}", context());
            }
        }
    }
}

#[test]
fn enclosures_contain_the_exact_rationals() {
    let mut rational = 0;
    for case in cases() {
        let x: Vec<Rational> =
            case.x.iter().map(|x| Rational::from_f64(f64::from(*x)).unwrap()).collect();
        let exact = evaluate_exact(&case.graph, &[x]);
        assert_eq!(exact.is_some(), case.graph.is_rational(), "{}", case.name);
        let Some(exact) = exact else { continue };
        rational += 1;
        let points: Vec<Interval> = case.x.iter().map(|x| Interval::point(f64::from(*x))).collect();
        for (y, enclosure) in
            exact.concat().iter().zip(evaluate(&case.graph, &[points]).unwrap().concat())
        {
            assert!(enclosure.contains(y), "{}", case.name);
        }
    }
    assert!(rational > 25);
}

#[test]
fn boxes_contain_the_values_of_their_points() {
    let mut state = 88172645463325252u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    for case in cases() {
        let x: Vec<f64> = case.x.iter().map(|x| f64::from(*x)).collect();
        let boxes: Vec<Interval> = x
            .iter()
            .map(|x| Interval::new(x - random() * x.abs() * 0.5, x + random() * x.abs() * 0.5))
            .collect();
        let image = evaluate(&case.graph, &[boxes]).unwrap().concat();
        let points = x.iter().map(|x| Interval::point(*x)).collect();
        for (wide, narrow) in image.iter().zip(evaluate(&case.graph, &[points]).unwrap().concat()) {
            assert!(wide.lo <= narrow.hi && narrow.lo <= wide.hi, "{}", case.name);
            assert!(
                wide.lo <= narrow.lo.next_up() && narrow.hi.next_down() <= wide.hi,
                "{}",
                case.name
            );
        }
    }
}
