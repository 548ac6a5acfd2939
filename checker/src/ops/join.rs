//! Operators that join, cut and pick along axes: Concat, Slice, Split, Gather.

use super::evaluate::{Data, Undefined};
use super::{Application, Op, Reading, index_map};
use crate::error::Error;
use crate::graph::ElementType;
use crate::number::Order;

pub(super) fn concat(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, usize::MAX)?;
    let axis = application
        .attributes
        .int("axis")?
        .ok_or_else(|| application.contradiction("the axis is missing"))?;
    let positions: Vec<usize> = (0..application.operands.len()).collect();
    application.same_element(&positions)?;
    let first = application.operand(0)?;
    let axis = application.axis(axis, first.shape.len())?;
    let mut shape = first.shape.to_vec();
    for position in 1..positions.len() {
        let operand = application.operand(position)?;
        let fits = operand.shape.len() == shape.len()
            && (0..shape.len()).all(|at| at == axis || operand.shape[at] == shape[at]);
        if !fits {
            return Err(application.contradiction(format!(
                "`{}` of shape {:?} does not fit `{}` of shape {:?} along axis {axis}",
                operand.name, operand.shape, first.name, first.shape
            )));
        }
        shape[axis] += operand.shape[axis];
        application.count(&shape)?;
    }
    Ok(Reading::node(Op::Concat { axis }, positions, shape))
}

pub(super) fn slice(application: &mut Application<'_>) -> Result<Reading, Error> {
    let (starts, ends, axes, steps);
    if application.opset < 10 {
        application.arity(1, 1)?;
        starts = application.attributes.ints("starts")?;
        ends = application.attributes.ints("ends")?;
        axes = application.attributes.ints("axes")?;
        steps = None;
    } else {
        application.arity(3, 5)?;
        starts = application.integers(1, "the starts")?;
        ends = application.integers(2, "the ends")?;
        axes = application.integers(3, "the axes")?;
        steps = application.integers(4, "the steps")?;
    }
    let (Some(starts), Some(ends)) = (starts, ends) else {
        return Err(application.contradiction("starts or ends are missing"));
    };
    let data = application.operand(0)?;
    let rank = data.shape.len();
    let axes = match axes {
        Some(axes) => {
            application.axes(axes, rank)?;
            axes.iter().map(|axis| application.axis(*axis, rank)).collect::<Result<Vec<_>, _>>()?
        }
        None => (0..starts.len()).collect(),
    };
    let lengths_agree = ends.len() == starts.len()
        && axes.len() == starts.len()
        && steps.is_none_or(|steps| steps.len() == starts.len());
    if !lengths_agree || starts.len() > rank {
        return Err(application.contradiction("starts, ends, axes and steps do not fit each other"));
    }
    let mut start = vec![0; rank];
    let mut step = vec![1; rank];
    let mut shape = data.shape.to_vec();
    for (at, &axis) in axes.iter().enumerate() {
        let by = steps.map_or(1, |steps| steps[at]);
        let cut = Cut::new(starts[at], ends[at], by, data.shape[axis])
            .ok_or_else(|| application.contradiction("a step is zero"))?;
        (start[axis], step[axis], shape[axis]) = (cut.start, cut.step, cut.count);
    }
    Ok(Reading::node(Op::Slice { start, step }, [0], shape))
}

/// The indices `start, start + step, ...`, `count` of them, all inside an axis.
#[derive(Debug, PartialEq)]
struct Cut {
    start: usize,
    step: isize,
    count: usize,
}

impl Cut {
    /// numpy's `start:end:step` on an axis of length `dim`: negative places count from the end, what
    /// reaches over an end is cut off. `None` when the step is zero.
    fn new(start: i64, end: i64, step: i64, dim: usize) -> Option<Cut> {
        let length = dim as i64;
        let from_end = |place: i64| if place < 0 { place.saturating_add(length) } else { place };
        let (start, end) = (from_end(start), from_end(end));
        let (start, span) = if step > 0 {
            let start = start.clamp(0, length);
            (start, end.clamp(0, length) - start)
        } else {
            let start = start.clamp(-1, length - 1);
            (start, start - end.clamp(-1, length - 1))
        };
        let stride = step.unsigned_abs();
        if stride == 0 {
            return None;
        }
        let count = (span.max(0) as u64).div_ceil(stride) as usize;
        if count == 0 {
            return Some(Cut { start: 0, step: 1, count });
        }
        // With one index the step does not matter; with more it is shorter than the axis.
        let step = if count == 1 { 1 } else { step as isize };
        Some(Cut { start: start as usize, step, count })
    }
}

pub(super) fn split(application: &mut Application<'_>) -> Result<Reading, Error> {
    let axis = application.attributes.int("axis")?.unwrap_or(0);
    let pieces = application.results.len();
    let lengths;
    let mut uneven = false;
    if application.opset >= 13 {
        application.operand_count(1, 2)?;
        lengths = application.integers(1, "the lengths")?;
        if application.opset >= 18 {
            match application.attributes.int("num_outputs")? {
                Some(count) if count != pieces as i64 => {
                    return Err(application.contradiction(format!(
                        "num_outputs is {count}, but the node has {pieces} results"
                    )));
                }
                Some(_) if lengths.is_some() => {
                    return Err(application.contradiction("it has both lengths and num_outputs"));
                }
                Some(_) => uneven = true,
                None if lengths.is_none() => {
                    return Err(application.contradiction("it has neither lengths nor num_outputs"));
                }
                None => {}
            }
        }
    } else {
        application.operand_count(1, 1)?;
        lengths = application.attributes.ints("split")?;
    }
    let data = application.operand(0)?;
    let axis = application.axis(axis, data.shape.len())?;
    let dim = data.shape[axis];
    let lengths = match lengths {
        Some(lengths) => lengths
            .iter()
            .map(|length| usize::try_from(*length).ok())
            .collect::<Option<Vec<_>>>()
            .filter(|lengths| {
                lengths.len() == pieces
                    && lengths.iter().try_fold(0usize, |sum, n| sum.checked_add(*n)) == Some(dim)
            }),
        None => equal_pieces(dim, pieces, uneven),
    };
    let lengths = lengths.ok_or_else(|| {
        application.contradiction(format!(
            "axis {axis} of `{}` with shape {:?} cannot be split into the {pieces} pieces asked for",
            data.name, data.shape
        ))
    })?;
    let shapes = lengths
        .into_iter()
        .map(|length| {
            let mut shape = data.shape.to_vec();
            shape[axis] = length;
            shape
        })
        .collect();
    Ok(Reading::Node { op: Op::Split { axis }, operands: vec![0], shapes, elements: Vec::new() })
}

/// The lengths of equal pieces; the last one may be shorter if `uneven`.
fn equal_pieces(dim: usize, pieces: usize, uneven: bool) -> Option<Vec<usize>> {
    if pieces == 0 || !(uneven || dim.is_multiple_of(pieces)) {
        return None;
    }
    let length = dim.div_ceil(pieces);
    let last = dim.checked_sub(length.checked_mul(pieces - 1)?)?;
    let mut lengths = vec![length; pieces];
    lengths[pieces - 1] = last;
    Some(lengths)
}

pub(super) fn gather(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    let axis = application.attributes.int("axis")?.unwrap_or(0);
    let (data, picked) = (application.operand(0)?, application.operand(1)?);
    let axis = application.axis(axis, data.shape.len())?;
    let dim = data.shape[axis];
    let shape = [&data.shape[..axis], picked.shape, &data.shape[axis + 1..]].concat();
    application.count(&shape)?;
    if picked.depends_on_input && picked.element == ElementType::I64 {
        return Ok(Reading::node(Op::GatherAt { axis }, [0, 1], shape));
    }
    let indices = application.integers(1, "the indices")?.unwrap_or_default();
    let indices = indices
        .iter()
        .map(|index| {
            let counted = if *index < 0 { index.saturating_add(dim as i64) } else { *index };
            usize::try_from(counted).ok().filter(|index| *index < dim)
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| {
            application.contradiction(format!(
                "an index lies outside axis {axis} of `{}` with shape {:?}",
                data.name, data.shape
            ))
        })?;
    Ok(Reading::node(Op::Gather { axis, indices }, [0], shape))
}

/// Entries along an axis, picked by computed indices; the hull of all that an index may mean.
pub(super) fn gathered<S: Order>(
    data: &Data<'_, S>,
    indices: &Data<'_, S>,
    axis: usize,
) -> Result<Vec<S>, Undefined> {
    let (values, indices) = (data.values(), indices.values());
    let (outer, dim, inner) = index_map::around(data.shape, axis);
    let mut entries = Vec::with_capacity(indices.len());
    for index in indices.iter() {
        let (low, high) = index.integers().ok_or(Undefined::Index)?;
        if low < -(dim as i64) || high >= dim as i64 {
            return Err(Undefined::Index);
        }
        let mut candidates: Vec<usize> =
            (low..=high).map(|index| index.rem_euclid(dim as i64) as usize).collect();
        candidates.sort_unstable();
        candidates.dedup();
        entries.push(candidates);
    }
    let mut result = Vec::with_capacity(outer * entries.len() * inner);
    for before in 0..outer {
        for candidates in &entries {
            for behind in 0..inner {
                let at = |index: usize| &values[(before * dim + index) * inner + behind];
                let first = at(candidates[0]).clone();
                result
                    .push(candidates[1..].iter().fold(first, |hull, index| hull.hull(at(*index))));
            }
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_numpys() {
        let cut = |start, end, step, dim| {
            let cut = Cut::new(start, end, step, dim).unwrap();
            (0..cut.count).map(|i| cut.start as isize + i as isize * cut.step).collect::<Vec<_>>()
        };
        assert_eq!(cut(1, i64::MAX, 2, 6), [1, 3, 5]);
        assert_eq!(cut(-2, i64::MAX, 1, 6), [4, 5]);
        assert_eq!(cut(0, -1, 1, 3), [0, 1]);
        assert_eq!(cut(-1, i64::MIN, -1, 3), [2, 1, 0]);
        assert_eq!(cut(i64::MAX, 0, -2, 6), [5, 3, 1]);
        assert_eq!(cut(-100, 100, 1, 2), [0, 1]);
        assert_eq!(cut(0, 5, i64::MAX, 5), [0]);
        assert_eq!(cut(4, 0, i64::MIN, 5), [4]);
        assert!(cut(3, 1, 1, 5).is_empty());
        assert!(cut(0, 5, 1, 0).is_empty());
        assert!(cut(-1, i64::MIN, -1, 0).is_empty());
        assert_eq!(Cut::new(0, 1, 0, 5), None);
    }

    #[test]
    fn pieces_may_be_uneven() {
        assert_eq!(equal_pieces(7, 3, true), Some(vec![3, 3, 1]));
        assert_eq!(equal_pieces(7, 3, false), None);
        assert_eq!(equal_pieces(6, 3, false), Some(vec![2, 2, 2]));
        assert_eq!(equal_pieces(5, 4, true), None);
        assert_eq!(equal_pieces(5, 0, true), None);
    }
}
