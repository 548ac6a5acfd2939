//! Groups of elements that an operator treats together: all that agree outside some axes.

use super::broadcast::{strides, walk};

/// Which elements of a tensor form groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// The shape under which the tensor is seen, which may split or join its own axes.
    pub view: Vec<usize>,
    /// Ascending axes of the view that run through a group.
    pub axes: Vec<usize>,
}

impl Grouping {
    pub(super) fn new(view: Vec<usize>, axes: Vec<usize>) -> Grouping {
        Grouping { view, axes }
    }

    /// Number of elements of a group.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|axis| self.view[*axis]).product()
    }

    /// Whether groups have no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flat indices of the elements along some axes.
    fn offsets(&self, inside: bool) -> Vec<usize> {
        let all = strides(&self.view);
        let axes = (0..self.view.len()).filter(|axis| self.axes.contains(axis) == inside);
        let (mut shape, mut steps) = (Vec::new(), Vec::new());
        for axis in axes {
            shape.push(self.view[axis]);
            steps.push(all[axis] as isize);
        }
        let mut offsets = Vec::new();
        walk(&shape, &steps, 0, |index| offsets.push(index));
        offsets
    }

    /// Applies a function of groups, in row-major order within each, to all groups of a tensor.
    pub(super) fn map_groups<S: Clone>(&self, values: &[S], f: impl Fn(&[S]) -> Vec<S>) -> Vec<S> {
        let mut results = values.to_vec();
        let members = self.offsets(true);
        let mut group = Vec::with_capacity(members.len());
        for start in self.offsets(false) {
            group.clear();
            group.extend(members.iter().map(|member| values[start + member].clone()));
            for (member, result) in members.iter().zip(f(&group)) {
                results[start + member] = result;
            }
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_run_through_their_axes() {
        let values: Vec<i32> = (0..12).collect();
        let sums = |view: &[usize], axes: &[usize]| {
            Grouping::new(view.to_vec(), axes.to_vec())
                .map_groups(&values, |group| vec![group.iter().sum(); group.len()])
        };
        assert_eq!(sums(&[2, 3, 2], &[1])[..4], [6, 9, 6, 9]);
        assert_eq!(sums(&[2, 6], &[1])[5..7], [15, 51]);
        assert_eq!(sums(&[2, 3, 2], &[0, 2])[..3], [14, 14, 22]);
        assert_eq!(sums(&[12], &[]), values);
        assert_eq!(Grouping::new(vec![2, 3, 2], vec![0, 2]).len(), 4);
    }
}
