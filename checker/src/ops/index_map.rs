//! Data movement as a map of indices: which element of which operand each result element is.

use super::Op;
use super::broadcast::{strides, walk};

/// Where an element comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source {
    /// An element of an operand.
    Element {
        /// Position of the operand.
        operand: u32,
        /// Flat index in the operand.
        element: u32,
    },
    /// A constant, as in padding.
    Constant(f32),
}

/// What stands where data movement finds no element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fill {
    /// A constant.
    Constant(f32),
    /// The only element of the second operand.
    Operand,
}

/// For operators that only move data, the source of every element of every result; `None` for others.
///
/// `inputs` and `outputs` are the shapes of the operands and results of a well-formed node.
pub fn index_map(op: &Op, inputs: &[&[usize]], outputs: &[&[usize]]) -> Option<Vec<Vec<Source>>> {
    match op {
        Op::Identity | Op::Reshape => {
            let count: usize = outputs[0].iter().product();
            Some(vec![(0..count).map(|element| source(0, element)).collect()])
        }
        Op::Transpose { perm } => {
            let own = strides(inputs[0]);
            let strides: Vec<isize> = perm.iter().map(|axis| own[*axis] as isize).collect();
            Some(vec![sources(outputs[0], &strides, 0)])
        }
        Op::Slice { start, step } => {
            let own = strides(inputs[0]);
            let steps: Vec<isize> =
                own.iter().zip(step).map(|(stride, step)| *stride as isize * step).collect();
            let first: usize = own.iter().zip(start).map(|(stride, start)| stride * start).sum();
            Some(vec![sources(outputs[0], &steps, first as isize)])
        }
        Op::Split { axis } => {
            let own = strides(inputs[0]);
            let steps: Vec<isize> = own.iter().map(|stride| *stride as isize).collect();
            let mut first = 0;
            let mut maps = Vec::with_capacity(outputs.len());
            for shape in outputs {
                maps.push(sources(shape, &steps, first as isize));
                first += shape[*axis] * own[*axis];
            }
            Some(maps)
        }
        Op::Gather { axis, indices } => {
            let (outer, dim, inner) = around(inputs[0], *axis);
            let mut map = Vec::with_capacity(outer * indices.len() * inner);
            for before in 0..outer {
                for index in indices {
                    let first = (before * dim + index) * inner;
                    map.extend((first..first + inner).map(|element| source(0, element)));
                }
            }
            Some(vec![map])
        }
        Op::Concat { axis } => {
            let (outer, _, _) = around(outputs[0], *axis);
            let mut map = Vec::with_capacity(outputs[0].iter().product());
            for before in 0..outer {
                for (operand, shape) in inputs.iter().enumerate() {
                    let (_, dim, inner) = around(shape, *axis);
                    let run = dim * inner;
                    map.extend((before * run..(before + 1) * run).map(|at| source(operand, at)));
                }
            }
            Some(vec![map])
        }
        Op::Pick { indices, fill } => Some(vec![picked(inputs[0], indices, *fill)]),
        Op::Rearrange { split, perm } => {
            let own = strides(split);
            let strides: Vec<isize> = perm.iter().map(|axis| own[*axis] as isize).collect();
            let permuted: Vec<usize> = perm.iter().map(|axis| split[*axis]).collect();
            Some(vec![sources(&permuted, &strides, 0)])
        }
        Op::Move { sources } => Some(vec![sources.to_vec()]),
        _ => None,
    }
}

/// The sources of [`Op::Pick`].
fn picked(shape: &[usize], indices: &[Vec<Option<u32>>], fill: Fill) -> Vec<Source> {
    let fill = match fill {
        Fill::Constant(value) => Source::Constant(value),
        Fill::Operand => source(1, 0),
    };
    let missing = indices.len() - shape.len();
    let own = strides(shape);
    // Flat index of each element so far, axis by axis.
    let mut places = vec![Some(0usize)];
    for (axis, picks) in indices.iter().enumerate() {
        let stride = axis.checked_sub(missing).map_or(0, |axis| own[axis]);
        let mut longer = Vec::with_capacity(places.len() * picks.len());
        for place in places {
            longer.extend(
                picks.iter().map(|pick| Some(place? + usize::try_from((*pick)?).ok()? * stride)),
            );
        }
        places = longer;
    }
    places.into_iter().map(|place| place.map_or(fill, |place| source(0, place))).collect()
}

/// A tensor holds at most 2^31 elements, so indices fit.
fn source(operand: usize, element: usize) -> Source {
    Source::Element { operand: operand as u32, element: element as u32 }
}

fn sources(shape: &[usize], strides: &[isize], start: isize) -> Vec<Source> {
    let mut map = Vec::with_capacity(shape.iter().product());
    walk(shape, strides, start, |element| map.push(source(0, element)));
    map
}

/// The products of the dimensions before, at and behind an axis.
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(op: Op, inputs: &[&[usize]], outputs: &[&[usize]]) -> Vec<Vec<(u32, u32)>> {
        let maps = index_map(&op, inputs, outputs).unwrap();
        let place = |source: &Source| match *source {
            Source::Element { operand, element } => (operand, element),
            Source::Constant(_) => (u32::MAX, 0),
        };
        maps.iter().map(|map| map.iter().map(place).collect()).collect()
    }

    fn of_first(op: Op, input: &[usize], output: &[usize]) -> Vec<u32> {
        elements(op, &[input], &[output])[0].iter().map(|source| source.1).collect()
    }

    #[test]
    fn maps_follow_the_definitions() {
        assert_eq!(
            of_first(Op::Transpose { perm: vec![1, 0] }, &[2, 3], &[3, 2]),
            [0, 3, 1, 4, 2, 5]
        );
        let slice = Op::Slice { start: vec![1, 2], step: vec![1, -2] };
        assert_eq!(of_first(slice, &[2, 3], &[1, 2]), [5, 3]);
        let gather = Op::Gather { axis: 1, indices: vec![2, 0, 2] };
        assert_eq!(of_first(gather, &[2, 3], &[2, 3]), [2, 0, 2, 5, 3, 5]);
        assert_eq!(
            elements(Op::Concat { axis: 1 }, &[&[2, 1], &[2, 2]], &[&[2, 3]]),
            [[(0, 0), (1, 0), (1, 1), (0, 1), (1, 2), (1, 3)]]
        );
        assert_eq!(
            elements(Op::Split { axis: 1 }, &[&[2, 3]], &[&[2, 1], &[2, 2]]),
            [vec![(0, 0), (0, 3)], vec![(0, 1), (0, 2), (0, 4), (0, 5)]]
        );
        assert!(of_first(Op::Transpose { perm: vec![1, 0] }, &[2, 0], &[0, 2]).is_empty());
        let indices = vec![vec![Some(0), Some(0)], vec![None, Some(1), Some(0)]];
        let pick = Op::Pick { indices, fill: Fill::Constant(0.5) };
        assert_eq!(
            elements(pick, &[&[2]], &[&[2, 3]])[0],
            [(u32::MAX, 0), (0, 1), (0, 0), (u32::MAX, 0), (0, 1), (0, 0)]
        );
        let rearrange = Op::Rearrange { split: vec![2, 2, 1], perm: vec![1, 2, 0] };
        assert_eq!(of_first(rearrange, &[4], &[2, 2]), [0, 2, 1, 3]);
    }
}
