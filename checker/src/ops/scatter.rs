//! Elements picked and replaced one by one: GatherElements, GatherND, ScatterElements, ScatterND, Trilu.

use super::broadcast::strides;
use super::evaluate::Data;
use super::{Application, Op, Operand, Reading, Source};
use crate::error::Error;
use crate::number::Order;

/// How an element is combined with what is scattered onto it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combination {
    /// The sum.
    Add,
    /// The product.
    Multiply,
    /// The greater one.
    Max,
    /// The smaller one.
    Min,
}

pub(super) fn gather_elements(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    let axis = application.attributes.int("axis")?.unwrap_or(0);
    let (data, indices) = (application.operand(0)?, application.operand(1)?);
    let targets = along_axis(application, data, indices, axis)?;
    let sources = targets.into_iter().map(|element| Source::Element { operand: 0, element });
    let shape = indices.shape.to_vec();
    Ok(Reading::node(Op::Move { sources: sources.collect() }, [0], shape))
}

pub(super) fn gather_nd(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    let batch = match application.opset {
        12.. => application.attributes.int("batch_dims")?.unwrap_or(0),
        _ => 0,
    };
    let (data, indices) = (application.operand(0)?, application.operand(1)?);
    let batch = usize::try_from(batch).unwrap_or(usize::MAX);
    let fits = batch < data.shape.len()
        && batch < indices.shape.len()
        && data.shape[..batch] == indices.shape[..batch];
    if !fits {
        return Err(application.contradiction(format!(
            "`{}` of shape {:?} and `{}` of shape {:?} have not {batch} batch axes in common",
            data.name, data.shape, indices.name, indices.shape
        )));
    }
    let (targets, run) = tuples(application, data, indices, batch)?;
    let depth = indices.shape[indices.shape.len() - 1];
    let shape = [&indices.shape[..indices.shape.len() - 1], &data.shape[batch + depth..]].concat();
    application.count(&shape)?;
    application.listed(shape.iter().product())?;
    let sources = targets.into_iter().flat_map(|first| {
        (first..first + run).map(|element| Source::Element { operand: 0, element })
    });
    Ok(Reading::node(Op::Move { sources: sources.collect() }, [0], shape))
}

/// ScatterElements, and Scatter as it was called before.
pub(super) fn scatter_elements(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(3, 3)?;
    let axis = application.attributes.int("axis")?.unwrap_or(0);
    let combination = combination(application)?;
    let (data, indices, updates) =
        (application.operand(0)?, application.operand(1)?, application.operand(2)?);
    if indices.shape != updates.shape {
        return Err(misfit(application, indices, updates));
    }
    let targets = along_axis(application, data, indices, axis)?;
    scattered(application, combination, targets)
}

pub(super) fn scatter_nd(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(3, 3)?;
    let combination = combination(application)?;
    let (data, indices, updates) =
        (application.operand(0)?, application.operand(1)?, application.operand(2)?);
    if indices.shape.is_empty() {
        return Err(misfit(application, indices, updates));
    }
    let (targets, run) = tuples(application, data, indices, 0)?;
    let (depth, outer) = (indices.shape[indices.shape.len() - 1], indices.shape.len() - 1);
    if [&indices.shape[..outer], &data.shape[depth..]].concat() != updates.shape {
        return Err(misfit(application, indices, updates));
    }
    application.listed(targets.len().saturating_mul(run as usize))?;
    let targets = targets.into_iter().flat_map(|first| first..first + run).collect();
    scattered(application, combination, targets)
}

/// The attribute `reduction`; `None` if elements are replaced.
fn combination(application: &mut Application<'_>) -> Result<Option<Combination>, Error> {
    let name = match application.opset {
        16.. => application.attributes.string("reduction")?.unwrap_or("none"),
        _ => "none",
    };
    match name {
        "none" => Ok(None),
        "add" => Ok(Some(Combination::Add)),
        "mul" => Ok(Some(Combination::Multiply)),
        "max" if application.opset >= 18 => Ok(Some(Combination::Max)),
        "min" if application.opset >= 18 => Ok(Some(Combination::Min)),
        other => Err(application.contradiction(format!("the reduction is {other:?}"))),
    }
}

/// The reading of a scatter whose updates go to the given elements.
fn scattered(
    application: &Application<'_>,
    combination: Option<Combination>,
    targets: Vec<u32>,
) -> Result<Reading, Error> {
    application.same_element(&[0, 2])?;
    let data = application.operand(0)?;
    let shape = data.shape.to_vec();
    application.listed(application.count(&shape)?)?;
    let Some(combination) = combination else {
        let mut sources: Vec<Source> = (0..application.count(&shape)? as u32)
            .map(|element| Source::Element { operand: 0, element })
            .collect();
        for (element, target) in targets.into_iter().enumerate() {
            let source = &mut sources[target as usize];
            if !matches!(source, Source::Element { operand: 0, .. }) {
                return Err(application
                    .unsupported(format!(
                        "element {target} of `{}` is replaced twice, in no defined order",
                        data.name
                    ))
                    .help("the standard asks for distinct indices"));
            }
            *source = Source::Element { operand: 1, element: element as u32 };
        }
        return Ok(Reading::node(Op::Move { sources: sources.into() }, [0, 2], shape));
    };
    super::elementwise::numeric(application, 0)?;
    Ok(Reading::node(Op::Scatter { targets: targets.into(), combination }, [0, 2], shape))
}

/// For each index, the element of the data at its place with the index along the axis.
fn along_axis(
    application: &Application<'_>,
    data: &Operand<'_>,
    indices: &Operand<'_>,
    axis: i64,
) -> Result<Vec<u32>, Error> {
    let axis = application.axis(axis, data.shape.len())?;
    let fits = indices.shape.len() == data.shape.len()
        && (0..data.shape.len()).all(|at| at == axis || indices.shape[at] <= data.shape[at]);
    if !fits {
        return Err(misfit(application, data, indices));
    }
    let picked = constant_indices(application, indices)?;
    let own = strides(data.shape);
    let mut place = vec![0; indices.shape.len()];
    let mut targets = Vec::with_capacity(picked.len());
    for index in picked {
        let index = inside(application, *index, data.shape[axis])?;
        let flat: usize =
            (0..place.len()).map(|at| own[at] * if at == axis { index } else { place[at] }).sum();
        targets.push(flat as u32);
        for at in (0..place.len()).rev() {
            place[at] += 1;
            if place[at] < indices.shape[at] {
                break;
            }
            place[at] = 0;
        }
    }
    Ok(targets)
}

/// For each tuple of indices (along the last axis of the indices), the first element that it names, and
/// how many elements follow each. The first `batch` axes of both are walked together.
fn tuples(
    application: &Application<'_>,
    data: &Operand<'_>,
    indices: &Operand<'_>,
    batch: usize,
) -> Result<(Vec<u32>, u32), Error> {
    let depth = indices.shape.last().copied().unwrap_or(0);
    if batch + depth > data.shape.len() {
        return Err(misfit(application, data, indices));
    }
    let own = strides(data.shape);
    let run: usize = data.shape[batch + depth..].iter().product();
    let picked = constant_indices(application, indices)?;
    let outer = &indices.shape[..indices.shape.len() - 1];
    let count: usize = outer.iter().product();
    let per_batch: usize = outer[batch..].iter().product();
    let stride: usize = data.shape[batch..].iter().product();
    let mut targets = Vec::with_capacity(count);
    for at in 0..count {
        let mut flat = at / per_batch.max(1) * stride;
        for level in 0..depth {
            let axis = batch + level;
            let index = inside(application, picked[at * depth + level], data.shape[axis])?;
            flat += index * own[axis];
        }
        targets.push(flat as u32);
    }
    Ok((targets, run as u32))
}

fn constant_indices<'a>(
    application: &Application<'a>,
    indices: &Operand<'a>,
) -> Result<&'a [i64], Error> {
    match indices.constant {
        Some(tensor) => tensor.integers().ok_or_else(|| {
            application.contradiction(format!("the indices `{}` are no integers", indices.name))
        }),
        None => Err(application.not_constant(indices, "the indices")),
    }
}

/// An index inside an axis, counted from the end when negative.
fn inside(application: &Application<'_>, index: i64, dim: usize) -> Result<usize, Error> {
    let counted = if index < 0 { index.saturating_add(dim as i64) } else { index };
    usize::try_from(counted).ok().filter(|index| *index < dim).ok_or_else(|| {
        application.contradiction(format!("index {index} lies outside an axis of length {dim}"))
    })
}

fn misfit(application: &Application<'_>, a: &Operand<'_>, b: &Operand<'_>) -> Error {
    application.contradiction(format!(
        "`{}` of shape {:?} does not fit `{}` of shape {:?}",
        a.name, a.shape, b.name, b.shape
    ))
}

/// Triangles of matrices; the rest is zero.
pub(super) fn trilu(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 2)?;
    let upper = application.attributes.flag("upper", true)?;
    let diagonal = application.integer(1, "the diagonal")?.unwrap_or(0);
    let shape = application.operand(0)?.shape;
    let &[.., rows, columns] = shape else {
        return Err(application.contradiction(format!("{shape:?} is no shape of matrices")));
    };
    let count = application.count(shape)?;
    application.listed(count)?;
    let source = |element: usize| {
        let (row, column) = (element / columns % rows, element % columns);
        let above = (column as i64 - row as i64).saturating_sub(diagonal);
        match if upper { above >= 0 } else { above <= 0 } {
            true => Source::Element { operand: 0, element: element as u32 },
            false => Source::Constant(0.0),
        }
    };
    let sources = (0..count).map(source).collect();
    Ok(Reading::node(Op::Move { sources }, [0], shape.to_vec()))
}

/// The first operand with the elements of the second combined into it, in their order.
pub(super) fn combined<S: Order>(
    operands: &[Data<'_, S>],
    targets: &[u32],
    combination: Combination,
) -> Vec<S> {
    let mut result = operands[0].values().into_owned();
    for (target, update) in targets.iter().zip(operands[1].values().iter()) {
        let element = &mut result[*target as usize];
        *element = match combination {
            Combination::Add => element.add(update),
            Combination::Multiply => element.mul(update),
            Combination::Max => element.max(update),
            Combination::Min => element.min(update),
        };
    }
    result
}
