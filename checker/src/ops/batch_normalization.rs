//! Normalization with fixed statistics: BatchNormalization.

use super::evaluate::{Data, Undefined};
use super::{Application, Op, Reading, index_map};
use crate::error::Error;
use crate::number::Scalar;

/// The schema's default, a float32.
const EPSILON: f32 = 1e-5;

pub(super) fn batch(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.operand_count(5, 5)?;
    if application.results.iter().skip(1).any(|named| *named) {
        return Err(training(application));
    }
    let attributes = &mut application.attributes;
    let epsilon = attributes.float("epsilon")?.unwrap_or(EPSILON);
    attributes.ignore("momentum");
    if application.opset >= 14 {
        if attributes.flag("training_mode", false)? {
            return Err(training(application));
        }
    } else if application.opset < 9 && !attributes.flag("spatial", true)? {
        return Err(application
            .unsupported("with spatial = 0 each place has statistics of its own")
            .help("export with a newer opset"));
    }
    let data = application.float(0)?;
    application.same_element(&[0, 1, 2])?;
    application.same_element(&[3, 4])?;
    let channels = data.shape.get(1).copied().unwrap_or(1);
    if data.shape.is_empty() {
        return Err(application.contradiction(format!("`{}` is a scalar", data.name)));
    }
    for position in 1..5 {
        let operand = application.float(position)?;
        if operand.shape != [channels] {
            return Err(application.contradiction(format!(
                "`{}` has shape {:?}, but there are {channels} channels",
                operand.name, operand.shape
            )));
        }
    }
    let variance = application.operand(4)?;
    let Some(tensor) = variance.constant else {
        return Err(application.not_constant(variance, "the variances"));
    };
    let positive = |index: &usize| tensor.float(*index) + f64::from(epsilon) > 0.0;
    if let Some(index) = (0..tensor.len()).find(|index| !positive(index)) {
        return Err(application.contradiction(format!(
            "element {index} of the variances `{}` is {} and epsilon {epsilon}, which has no root",
            variance.name,
            tensor.float(index)
        )));
    }
    let shape = data.shape.to_vec();
    Ok(Reading::node(Op::BatchNormalization { epsilon }, [0, 1, 2, 3, 4], shape))
}

fn training(application: &Application<'_>) -> Error {
    application
        .unsupported("the operator is in training mode")
        .help("export the model in evaluation mode (`model.eval()` in PyTorch)")
}

/// `(x - mean) * (scale / sqrt(variance + epsilon)) + bias`, which reads x once.
pub(super) fn apply<S: Scalar>(
    operands: &[Data<'_, S>],
    epsilon: f32,
) -> Result<Vec<S>, Undefined> {
    let [values, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map(|at| operands[at].values());
    let epsilon = S::from_stored(f64::from(epsilon));
    let mut factors = Vec::with_capacity(scale.len());
    for (scale, variance) in scale.iter().zip(variance.iter()) {
        let deviation = variance.add(&epsilon).sqrt().ok_or(Undefined::Irrational)?;
        factors.push(scale.checked_div(&deviation).ok_or(Undefined::Division)?);
    }
    let inner = match operands[0].shape.len() {
        1 => 1,
        _ => index_map::around(operands[0].shape, 1).2,
    };
    let channel = |at: usize| at / inner.max(1) % scale.len().max(1);
    let normal = |(at, value): (usize, &S)| {
        let channel = channel(at);
        value.sub(&mean[channel]).mul(&factors[channel]).add(&bias[channel])
    };
    Ok(values.iter().enumerate().map(normal).collect())
}
