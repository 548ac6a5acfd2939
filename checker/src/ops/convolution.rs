//! Convolutions and transposed convolutions in any number of dimensions.

use super::evaluate::{Data, Elements};
use super::window::{AutoPad, Layout, Run, sizes};
use super::{Application, Op, Reading, Window};
use crate::error::Error;
use crate::graph::TensorData;
use crate::number::Scalar;
use std::borrow::Cow;

pub(super) fn conv(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 3)?;
    let layout = Layout::read(application, true)?;
    let (group, shapes) = shapes(application, &layout)?;
    let (data, weights) = (shapes.data, shapes.weights);
    let (channels, outputs) = (data[1], weights[0]);
    if weights[1].checked_mul(group) != Some(channels) || outputs % group != 0 {
        return Err(application.contradiction(format!(
            "weights of shape {weights:?} in {group} groups do not fit data of shape {data:?}"
        )));
    }
    let mut window = layout.window(application, weights[2..].to_vec())?;
    let mut shape = vec![data[0], outputs];
    shape.extend(layout.positions(application, &mut window, &data[2..], false)?);
    application.count(&shape)?;
    bias(application, outputs)?;
    let operands: Vec<usize> = (0..application.operands.len()).collect();
    Ok(Reading::node(Op::Conv { window, group }, operands, shape))
}

pub(super) fn conv_transpose(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 3)?;
    let layout = Layout::read(application, true)?;
    let output_padding = application.attributes.ints("output_padding")?;
    let output_shape = application.attributes.ints("output_shape")?;
    let (group, shapes) = shapes(application, &layout)?;
    let (data, weights) = (shapes.data, shapes.weights);
    let channels = data[1];
    let outputs = weights[1].checked_mul(group);
    let (Some(outputs), true) = (outputs, weights[0] == channels && channels % group == 0) else {
        return Err(application.contradiction(format!(
            "weights of shape {weights:?} in {group} groups do not fit data of shape {data:?}"
        )));
    };
    let mut window = layout.window(application, weights[2..].to_vec())?;
    let rank = data.len() - 2;
    let extra = match output_padding {
        None => vec![0; rank],
        Some(extra) => sizes(application, "output_padding", extra, rank, 0)?,
    };
    // Some exporters write the whole shape, with batch and channels.
    let wanted = match output_shape {
        None => None,
        Some(wanted) if wanted.len() == rank + 2 => {
            Some(sizes(application, "output_shape", &wanted[2..], rank, 1)?)
        }
        Some(wanted) => Some(sizes(application, "output_shape", wanted, rank, 1)?),
    };
    let mut shape = vec![data[0], outputs];
    for axis in 0..rank {
        let full = (data[2 + axis].max(1) - 1)
            .saturating_mul(window.strides[axis])
            .saturating_add(window.extent(axis))
            .saturating_add(extra[axis]);
        let wanted = match (&wanted, layout.auto_pad) {
            (Some(wanted), _) => Some(wanted[axis]),
            (None, AutoPad::SameUpper | AutoPad::SameLower) => {
                Some(data[2 + axis].saturating_mul(window.strides[axis]))
            }
            (None, AutoPad::Given | AutoPad::Valid) => None,
        };
        if let Some(wanted) = wanted {
            let total = full.checked_sub(wanted).ok_or_else(|| {
                application.unsupported(format!(
                    "the output length {wanted} of spatial axis {axis} is beyond the {full} that data and \
                     kernel reach"
                ))
                .help("ask for it by output_padding")
            })?;
            if total % 2 != 0 {
                // The standard has changed its mind about which end gets more.
                return Err(application
                    .unsupported(format!(
                        "an odd padding is to be distributed on spatial axis {axis}, which \
                         implementations do differently"
                    ))
                    .help("export with explicit pads and output_padding"));
            }
            (window.begin[axis], window.end[axis]) = (total / 2, total / 2);
        }
        let pads = window.begin[axis].saturating_add(window.end[axis]);
        shape.push(full.checked_sub(pads).ok_or_else(|| {
            application.contradiction(format!("the pads of spatial axis {axis} leave nothing"))
        })?);
    }
    application.count(&shape)?;
    bias(application, outputs)?;
    let operands: Vec<usize> = (0..application.operands.len()).collect();
    Ok(Reading::node(Op::ConvTranspose { window, group }, operands, shape))
}

struct Shapes<'a> {
    data: &'a [usize],
    weights: &'a [usize],
}

/// The number of groups, and the shapes of data and weights, which have the same spatial axes.
fn shapes<'a>(
    application: &mut Application<'a>,
    layout: &Layout<'_>,
) -> Result<(usize, Shapes<'a>), Error> {
    let group = application.attributes.int("group")?.unwrap_or(1);
    application.same_element(&[0, 1, 2])?;
    let data = application.float(0)?.shape;
    let weights = application.float(1)?.shape;
    if data.len() < 3 || weights.len() != data.len() || weights.contains(&0) {
        return Err(application.contradiction(format!(
            "data of shape {data:?} and weights of shape {weights:?} are none of a convolution"
        )));
    }
    if let Some(kernel) = layout.kernel
        && !kernel.iter().map(|length| *length as usize).eq(weights[2..].iter().copied())
    {
        return Err(application.contradiction(format!(
            "kernel_shape is {kernel:?}, but the weights have shape {weights:?}"
        )));
    }
    match usize::try_from(group) {
        Ok(group) if group > 0 => Ok((group, Shapes { data, weights })),
        _ => Err(application.contradiction(format!("the number of groups is {group}"))),
    }
}

fn bias(application: &Application<'_>, outputs: usize) -> Result<(), Error> {
    match application.optional(2) {
        Some(bias) if bias.shape != [outputs] => Err(application.contradiction(format!(
            "the bias `{}` has shape {:?}, but there are {outputs} output channels",
            bias.name, bias.shape
        ))),
        _ => Ok(()),
    }
}

/// Weights, converted to numbers one by one where they are stored.
enum Weights<'a, S: Clone> {
    Single(&'a [f32]),
    Double(&'a [f64]),
    Values(Cow<'a, [S]>),
}

impl<'a, S: Scalar> Weights<'a, S> {
    fn of(data: &Data<'a, S>) -> Weights<'a, S> {
        match data.elements {
            Elements::Stored(tensor) => match &tensor.data {
                TensorData::F32(weights) => Weights::Single(weights),
                TensorData::F64(weights) => Weights::Double(weights),
                // Convolutions are read on float operands only.
                TensorData::I64(_)
                | TensorData::I8(_)
                | TensorData::U8(_)
                | TensorData::Bool(_) => Weights::Values(data.values()),
            },
            Elements::Values(values) => Weights::Values(Cow::Borrowed(values)),
        }
    }

    /// Adds weight times value along a run; zero weights are skipped.
    fn add(
        &self,
        index: usize,
        sums: &mut [S],
        sum_step: usize,
        values: &[S],
        value_step: usize,
        count: usize,
    ) {
        let weight = match self {
            Weights::Single(weights) => f64::from(weights[index]),
            Weights::Double(weights) => weights[index],
            Weights::Values(weights) => {
                let weight = &weights[index];
                for i in 0..count {
                    let sum = &mut sums[i * sum_step];
                    *sum = sum.add(&weight.mul(&values[i * value_step]));
                }
                return;
            }
        };
        if weight != 0.0 {
            S::add_scaled(sums, sum_step, values, value_step, count, weight);
        }
    }
}

/// The convolution; each sum runs over channels and places of the kernel in ascending order.
pub(super) fn forward<S: Scalar>(
    operands: &[Data<'_, S>],
    window: &Window,
    group: usize,
    shape: &[usize],
) -> Vec<S> {
    let values = operands[0].values();
    let weights = Weights::of(&operands[1]);
    let (input, output) = (&operands[0].shape[2..], &shape[2..]);
    let (channels, outputs) = (operands[0].shape[1], shape[1]);
    let (from, to) = (channels / group, outputs / group);
    let (area, plane) = (input.iter().product::<usize>(), output.iter().product::<usize>());
    let runs = window.runs(input, output);
    let stride = window.strides[window.strides.len() - 1];
    let places = runs.len();
    let mut result = vec![S::zero(); shape.iter().product()];
    for batch in 0..shape[0] {
        for out in 0..outputs {
            let at = (batch * outputs + out) * plane;
            let sums = &mut result[at..at + plane];
            for channel in 0..from {
                let source = batch * channels + out / to * from + channel;
                let image = &values[source * area..(source + 1) * area];
                for (place, runs) in runs.iter().enumerate() {
                    let index = (out * from + channel) * places + place;
                    for Run { output, input, count } in runs {
                        weights.add(
                            index,
                            &mut sums[*output..],
                            1,
                            &image[*input..],
                            stride,
                            *count,
                        );
                    }
                }
            }
        }
    }
    add_bias(&mut result, operands.get(2), outputs, plane);
    result
}

/// The transposed convolution; each sum runs over channels and places of the kernel in ascending order.
pub(super) fn transposed<S: Scalar>(
    operands: &[Data<'_, S>],
    window: &Window,
    group: usize,
    shape: &[usize],
) -> Vec<S> {
    let values = operands[0].values();
    let weights = Weights::of(&operands[1]);
    let (input, output) = (&operands[0].shape[2..], &shape[2..]);
    let (channels, outputs) = (operands[0].shape[1], shape[1]);
    let (from, to) = (channels / group, outputs / group);
    let (area, plane) = (input.iter().product::<usize>(), output.iter().product::<usize>());
    // The window slides over the result, and its positions are the elements of the data.
    let runs = window.runs(output, input);
    let stride = window.strides[window.strides.len() - 1];
    let places = runs.len();
    let mut result = vec![S::zero(); shape.iter().product()];
    for batch in 0..shape[0] {
        for out in 0..outputs {
            let at = (batch * outputs + out) * plane;
            let sums = &mut result[at..at + plane];
            for channel in 0..from {
                let of_group = out / to * from + channel;
                let source = batch * channels + of_group;
                let image = &values[source * area..(source + 1) * area];
                for (place, runs) in runs.iter().enumerate() {
                    let index = (of_group * to + out % to) * places + place;
                    for Run { output, input, count } in runs {
                        weights.add(
                            index,
                            &mut sums[*input..],
                            stride,
                            &image[*output..],
                            1,
                            *count,
                        );
                    }
                }
            }
        }
    }
    add_bias(&mut result, operands.get(2), outputs, plane);
    result
}

fn add_bias<S: Scalar>(result: &mut [S], bias: Option<&Data<'_, S>>, outputs: usize, plane: usize) {
    let Some(bias) = bias else { return };
    let bias = bias.values();
    for (at, sums) in result.chunks_mut(plane.max(1)).enumerate() {
        let addend = &bias[at % outputs];
        sums.iter_mut().for_each(|sum| *sum = sum.add(addend));
    }
}
