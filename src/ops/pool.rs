//! Lowering of average pools, and which elements lie under each window of a pool.

use super::bounded::{MOST_ENTRIES, limit};
use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, reciprocal};
use plimsoll_check::Error;
use plimsoll_check::graph::Node;
use plimsoll_check::number::Interval;
use plimsoll_check::ops::Window;

/// The elements along one axis under each position of a window, and how many places of the window lie
/// on elements or padding.
fn along(window: &Window, axis: usize, input: usize, output: usize) -> Vec<(Vec<usize>, usize)> {
    let (begin, end) = (window.begin[axis], window.end[axis]);
    let under = |position: usize| {
        let places = (0..window.kernel[axis])
            .map(|place| position * window.strides[axis] + place * window.dilations[axis])
            .filter(|at| *at < begin + input + end);
        let places: Vec<usize> = places.collect();
        let elements =
            places.iter().filter(|at| (begin..begin + input).contains(*at)).map(|at| at - begin);
        (elements.collect(), places.len())
    };
    (0..output).map(under).collect()
}

/// Visits every position of a window over every image: the elements under it, ascending, and how many of
/// its places lie on elements or padding.
fn visit(
    input: &[usize],
    output: &[usize],
    window: &Window,
    mut each: impl FnMut(Vec<usize>, usize),
) {
    let rank = window.kernel.len();
    let axes: Vec<Vec<(Vec<usize>, usize)>> =
        (0..rank).map(|axis| along(window, axis, input[2 + axis], output[2 + axis])).collect();
    let area: usize = input[2..].iter().product();
    let plane: usize = output[2..].iter().product();
    for image in 0..input[0] * input[1] {
        for position in 0..plane {
            let mut rest = position;
            let mut at = vec![0; rank];
            for axis in (0..rank).rev() {
                at[axis] = rest % output[2 + axis];
                rest /= output[2 + axis];
            }
            let (mut elements, mut places) = (vec![0], 1);
            for axis in 0..rank {
                let (here, count) = &axes[axis][at[axis]];
                elements = elements
                    .iter()
                    .flat_map(|before| here.iter().map(move |k| before * input[2 + axis] + k))
                    .collect();
                places *= count;
            }
            elements.iter_mut().for_each(|element| *element += image * area);
            each(elements, places);
        }
    }
}

/// Number of places of a window at all positions together.
pub(crate) fn places(output: &[usize], window: &Window) -> usize {
    let positions: usize = output.iter().product();
    window.kernel.iter().fold(positions, |places, length| places.saturating_mul(*length))
}

/// For each position of a window, the elements under it.
pub(crate) fn windows(input: &[usize], output: &[usize], window: &Window) -> Vec<Vec<usize>> {
    let mut groups = Vec::with_capacity(output.iter().product());
    visit(input, output, window, |elements, _| groups.push(elements));
    groups
}

impl Lowering<'_> {
    /// The mean of the elements under each window.
    ///
    /// # Errors
    ///
    /// If there are too many.
    pub fn average_pool(
        &mut self,
        node: &Node,
        window: &Window,
        include_padding: bool,
    ) -> Result<Expression, Error> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        limit(node, "summands", places(shape, window), MOST_ENTRIES)?;
        let mut collector = Collector::new();
        visit(self.operand(node, 0).shape, shape, window, |elements, places| {
            let count = if include_padding { places } else { elements.len() };
            let share = reciprocal(Interval::point(count as f64));
            elements.iter().for_each(|element| collector.push(*element as u32, share));
            collector.end_row();
        });
        let part = Part::new(Of::Value(node.inputs[0]), collector.finish());
        Ok(self.combine(vec![part], &[], shape.iter().product()))
    }
}
