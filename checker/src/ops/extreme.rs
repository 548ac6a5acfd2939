//! Places of extreme elements: ArgMax, ArgMin, TopK.

use super::evaluate::{Data, Undefined};
use super::reduce::{kept, without};
use super::{Application, Op, Reading, index_map};
use crate::error::Error;
use crate::graph::ElementType;
use crate::number::Order;

pub(super) fn arg_max(application: &mut Application<'_>) -> Result<Reading, Error> {
    place(application, |axis, last| Op::ArgMax { axis, last })
}

pub(super) fn arg_min(application: &mut Application<'_>) -> Result<Reading, Error> {
    place(application, |axis, last| Op::ArgMin { axis, last })
}

fn place(
    application: &mut Application<'_>,
    op: impl Fn(usize, bool) -> Op,
) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let attributes = &mut application.attributes;
    let axis = attributes.int("axis")?.unwrap_or(0);
    let keep_dims = attributes.flag("keepdims", true)?;
    let last = application.opset >= 12 && attributes.flag("select_last_index", false)?;
    super::elementwise::numeric(application, 0)?;
    let data = application.operand(0)?;
    let axis = application.axis(axis, data.shape.len())?;
    if data.shape[axis] == 0 {
        return Err(application.contradiction(format!("axis {axis} of `{}` is empty", data.name)));
    }
    let shape = if keep_dims { kept(data.shape, &[axis]) } else { without(data.shape, &[axis]) };
    Ok(Reading::typed(op(axis, last), [0], shape, ElementType::I64))
}

pub(super) fn top_k(application: &mut Application<'_>) -> Result<Reading, Error> {
    let axis = application.attributes.int("axis")?.unwrap_or(-1);
    let (mut greatest, mut sorted) = (true, true);
    let count = if application.opset >= 10 {
        application.operand_count(2, 2)?;
        if application.opset >= 11 {
            greatest = application.attributes.flag("largest", true)?;
            sorted = application.attributes.flag("sorted", true)?;
        }
        application.integer(1, "the count")?
    } else {
        application.operand_count(1, 1)?;
        application.attributes.int("k")?
    };
    super::elementwise::numeric(application, 0)?;
    let data = application.operand(0)?;
    let axis = application.axis(axis, data.shape.len())?;
    let count = count
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| *count <= data.shape[axis])
        .ok_or_else(|| {
            application.contradiction(format!(
                "{count:?} elements are asked for of the {} on axis {axis}",
                data.shape[axis]
            ))
        })?;
    if !sorted && count > 1 {
        return Err(application
            .unsupported("with sorted = 0 the order of the results is not defined")
            .help("export with sorted = 1"));
    }
    let mut shape = data.shape.to_vec();
    shape[axis] = count;
    Ok(Reading::Node {
        op: Op::TopK { axis, greatest },
        operands: vec![0],
        shapes: vec![shape.clone(), shape],
        elements: vec![data.element, ElementType::I64],
    })
}

/// The lines along an axis: the first element of each, in row-major order, and the step.
fn lines(shape: &[usize], axis: usize) -> (impl Iterator<Item = usize>, usize) {
    let (outer, dim, inner) = index_map::around(shape, axis);
    ((0..outer).flat_map(move |o| (0..inner).map(move |i| o * dim * inner + i)), inner)
}

/// What `f` finds on each line along an axis.
pub(super) fn places<S: Order>(
    operand: &Data<'_, S>,
    axis: usize,
    last: bool,
    f: fn(&[S], bool) -> S,
) -> Vec<S> {
    let values = operand.values();
    let (starts, step) = lines(operand.shape, axis);
    starts
        .map(|start| {
            let line: Vec<S> =
                (0..operand.shape[axis]).map(|i| values[start + i * step].clone()).collect();
            f(&line, last)
        })
        .collect()
}

/// The first elements of each sorted line, and their places.
pub(super) fn first<S: Order>(
    operand: &Data<'_, S>,
    axis: usize,
    greatest: bool,
    shape: &[usize],
) -> Result<Vec<Vec<S>>, Undefined> {
    let values = operand.values();
    let (starts, step) = lines(operand.shape, axis);
    let (targets, _) = lines(shape, axis);
    let count: usize = shape.iter().product();
    let (mut numbers, mut indices) = (vec![S::zero(); count], vec![S::zero(); count]);
    for (start, target) in starts.zip(targets) {
        let line: Vec<S> =
            (0..operand.shape[axis]).map(|i| values[start + i * step].clone()).collect();
        let top = S::top(&line, shape[axis], greatest).ok_or(Undefined::Incomparable)?;
        for (rank, (number, index)) in top.into_iter().enumerate() {
            numbers[target + rank * step] = number;
            indices[target + rank * step] = index;
        }
    }
    Ok(vec![numbers, indices])
}
