//! numpy's broadcasting: shapes aligned at their last axis, ones stretched.

/// The common shape, or `None` if the shapes do not fit.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    (0..rank)
        .map(|axis| match (aligned(a, rank, axis), aligned(b, rank, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

fn aligned(shape: &[usize], rank: usize, axis: usize) -> usize {
    (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis])
}

/// Row-major strides.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Strides under which a tensor of shape `from` is walked as if it had the shape `to`.
pub(crate) fn stretched(from: &[usize], to: &[usize]) -> Vec<usize> {
    let own = strides(from);
    let offset = to.len() - from.len();
    (0..to.len())
        .map(|axis| match axis.checked_sub(offset) {
            Some(axis) if from[axis] != 1 => own[axis],
            _ => 0,
        })
        .collect()
}

/// Calls `visit` with the flat index under `strides` of every element of `shape`, in row-major order.
pub(crate) fn walk(shape: &[usize], strides: &[isize], start: isize, mut visit: impl FnMut(usize)) {
    if shape.contains(&0) {
        return;
    }
    let mut counter = vec![0; shape.len()];
    let mut at = start;
    loop {
        visit(at as usize);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            counter[axis] += 1;
            at += strides[axis];
            if counter[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis] as isize;
            counter[axis] = 0;
        }
    }
}

/// For every element of `to`, in order, the flat index of the element of `from` that it is stretched from.
pub(crate) fn stretched_indices(from: &[usize], to: &[usize]) -> Vec<u32> {
    let strides: Vec<isize> = stretched(from, to).iter().map(|stride| *stride as isize).collect();
    let mut indices = Vec::with_capacity(to.iter().product());
    walk(to, &strides, 0, |index| indices.push(index as u32));
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_broadcast_as_in_numpy() {
        assert_eq!(broadcast(&[2, 1, 3], &[4, 1]), Some(vec![2, 4, 3]));
        assert_eq!(broadcast(&[], &[2, 0]), Some(vec![2, 0]));
        assert_eq!(broadcast(&[1], &[0]), Some(vec![0]));
        assert_eq!(broadcast(&[2], &[3]), None);
        assert_eq!(stretched_indices(&[2, 1], &[2, 2, 3]), [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]);
        assert_eq!(stretched_indices(&[], &[2]), [0, 0]);
    }
}
