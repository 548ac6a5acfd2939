//! Classical machine learning, the domain ai.onnx.ml: Scaler, Normalizer, linear models.

use super::evaluate::{Data, Undefined};
use super::{Application, Op, Reading};
use crate::error::Error;
use crate::graph::ElementType;
use crate::number::Order;

/// The norm by which a row is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// The greatest element.
    Max,
    /// The sum of |x|.
    L1,
    /// The square root of the sum of x^2.
    L2,
}

/// Rows and columns of the only operand, a float32 matrix or a vector that is one row.
fn matrix(application: &Application<'_>) -> Result<(usize, usize), Error> {
    application.operand_count(1, 1)?;
    let data = application.operand(0)?;
    if data.element != ElementType::F32 {
        return Err(application
            .unsupported(format!("the operand `{}` is not of type float", data.name))
            .help("cast it to float first"));
    }
    match data.shape {
        [columns] => Ok((1, *columns)),
        [rows, columns] => Ok((*rows, *columns)),
        shape => Err(application.contradiction(format!("{shape:?} is no shape of rows"))),
    }
}

pub(super) fn scaler(application: &mut Application<'_>) -> Result<Reading, Error> {
    let attributes = &mut application.attributes;
    let offset = attributes.floats("offset")?.unwrap_or(&[0.0]).to_vec();
    let scale = attributes.floats("scale")?.unwrap_or(&[1.0]).to_vec();
    let (_, columns) = matrix(application)?;
    if ![&offset, &scale].into_iter().all(|list| list.len() == 1 || list.len() == columns) {
        return Err(application.contradiction(format!(
            "{} offsets and {} scales are given for {columns} columns",
            offset.len(),
            scale.len()
        )));
    }
    let shape = application.operand(0)?.shape.to_vec();
    Ok(Reading::node(Op::Scaler { offset, scale }, [0], shape))
}

pub(super) fn normalizer(application: &mut Application<'_>) -> Result<Reading, Error> {
    let norm = match application.attributes.string("norm")?.unwrap_or("MAX") {
        "MAX" => Norm::Max,
        "L1" => Norm::L1,
        "L2" => Norm::L2,
        other => return Err(application.contradiction(format!("the norm is {other:?}"))),
    };
    let (_, columns) = matrix(application)?;
    if columns == 0 {
        return Err(application.contradiction("a row without elements has no norm"));
    }
    let shape = application.operand(0)?.shape.to_vec();
    Ok(Reading::node(Op::Normalizer { norm }, [0], shape))
}

pub(super) fn linear_regressor(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let targets = application.attributes.int("targets")?.unwrap_or(1);
    let targets = usize::try_from(targets).unwrap_or(0);
    let (weights, intercepts) = linear(application, targets)?;
    let (rows, _) = matrix(application)?;
    let op = Op::LinearRegressor { weights: weights.into(), intercepts };
    Ok(Reading::node(op, [0], vec![rows, targets]))
}

pub(super) fn linear_classifier(application: &mut Application<'_>) -> Result<Reading, Error> {
    let attributes = &mut application.attributes;
    // It says how the scores were trained, which has no influence on them without a post-transform.
    attributes.int("multi_class")?;
    let Some(labels) = attributes.ints("classlabels_ints")? else {
        return Err(application
            .unsupported("labels that are no integers are not supported")
            .help("train with integer labels"));
    };
    if labels.len() < 2 {
        return Err(application.contradiction("there are less than two labels"));
    }
    let (weights, intercepts) = linear(application, labels.len())?;
    let (rows, _) = matrix(application)?;
    let op = Op::LinearClassifier { weights: weights.into(), intercepts, labels: labels.to_vec() };
    Ok(Reading::Node {
        op,
        operands: vec![0],
        shapes: vec![vec![rows], vec![rows, labels.len()]],
        elements: vec![ElementType::I64, ElementType::F32],
    })
}

/// Weights and intercepts of a linear model with so many scores.
fn linear(application: &mut Application<'_>, scores: usize) -> Result<(Vec<f32>, Vec<f32>), Error> {
    let attributes = &mut application.attributes;
    let weights = attributes.floats("coefficients")?.unwrap_or_default().to_vec();
    let intercepts = attributes.floats("intercepts")?.unwrap_or_default().to_vec();
    let transform = attributes.string("post_transform")?.unwrap_or("NONE");
    if transform != "NONE" {
        return Err(application
            .unsupported(format!("the post-transform {transform} is not supported"))
            .help("export raw scores (skl2onnx: options={'raw_scores': True})"));
    }
    let (_, columns) = matrix(application)?;
    let fits = scores > 0
        && columns > 0
        && columns.checked_mul(scores) == Some(weights.len())
        && (intercepts.is_empty() || intercepts.len() == scores);
    if !fits {
        return Err(application.unsupported(format!(
            "{} coefficients and {} intercepts for {scores} scores of {columns} columns are not supported",
            weights.len(),
            intercepts.len()
        ))
        .help("one row of coefficients per score is read"));
    }
    let intercepts = if intercepts.is_empty() { vec![0.0; scores] } else { intercepts };
    Ok((weights, intercepts))
}

/// `(x - offset) * scale` on rows.
pub(super) fn scaled<S: Order>(operand: &Data<'_, S>, offset: &[f32], scale: &[f32]) -> Vec<S> {
    let number = |list: &[f32]| -> Vec<S> {
        list.iter().map(|value| S::from_stored(f64::from(*value))).collect()
    };
    let (offset, scale) = (number(offset), number(scale));
    let columns = operand.shape.last().copied().unwrap_or(1).max(1);
    let of = |list: &[S], at: usize| list[if list.len() == 1 { 0 } else { at % columns }].clone();
    operand
        .values()
        .iter()
        .enumerate()
        .map(|(at, value)| value.sub(&of(&offset, at)).mul(&of(&scale, at)))
        .collect()
}

/// Rows divided by their norm, or by one where that is zero.
pub(super) fn normalized<S: Order>(operand: &Data<'_, S>, norm: Norm) -> Result<Vec<S>, Undefined> {
    let columns = operand.shape.last().copied().unwrap_or(1).max(1);
    let values = operand.values();
    let mut result = Vec::with_capacity(values.len());
    for row in values.chunks(columns) {
        let sum = |f: fn(&S) -> S| row.iter().fold(S::zero(), |sum, value| sum.add(&f(value)));
        let norm = match norm {
            Norm::Max => row.iter().skip(1).fold(row[0].clone(), |best, value| best.max(value)),
            Norm::L1 => sum(S::abs),
            Norm::L2 => sum(S::square).relu().sqrt().ok_or(Undefined::Irrational)?,
        };
        let divisor = norm.nonzero().select(&norm, &S::from_integer(1));
        for value in row {
            result.push(value.checked_div(&divisor).ok_or(Undefined::Division)?);
        }
    }
    Ok(result)
}

/// The scores of a linear model, row by row.
pub(super) fn scores<S: Order>(
    operand: &Data<'_, S>,
    weights: &[f32],
    intercepts: &[f32],
) -> Vec<S> {
    let columns = operand.shape.last().copied().unwrap_or(1).max(1);
    let mut scores = Vec::new();
    for row in operand.values().chunks(columns) {
        for (weights, intercept) in weights.chunks(columns).zip(intercepts) {
            let mut sum = [S::zero()];
            for (value, weight) in row.iter().zip(weights) {
                let value = std::slice::from_ref(value);
                S::add_scaled(&mut sum, 1, value, 1, 1, f64::from(*weight));
            }
            let [sum] = sum;
            scores.push(sum.add(&S::from_stored(f64::from(*intercept))));
        }
    }
    scores
}

/// The labels of the greatest scores, and the scores.
pub(super) fn classified<S: Order>(
    operand: &Data<'_, S>,
    weights: &[f32],
    intercepts: &[f32],
    labels: &[i64],
) -> Vec<Vec<S>> {
    let scores = scores(operand, weights, intercepts);
    let chosen = scores.chunks(labels.len()).map(|row| {
        let place = S::arg_max(row, false);
        // The label of the place, or the hull of those that may be.
        let mut label: Option<S> = None;
        for (at, number) in labels.iter().enumerate() {
            let here = place.equal(&S::from_integer(at as i64));
            if *here.high() == *S::truth(true).high() {
                let number = S::from_integer(*number);
                label = Some(label.map_or(number.clone(), |label| label.hull(&number)));
            }
        }
        label.unwrap_or_else(S::zero)
    });
    let chosen = chosen.collect();
    vec![chosen, scores]
}
