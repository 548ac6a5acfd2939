//! Lowering of Resize with linear interpolation.

use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, middle, times};
use plimsoll_check::graph::Node;
use plimsoll_check::number::Interval;
use plimsoll_check::ops::Tap;

impl Lowering<'_> {
    /// A weighted mean of few elements along each axis.
    pub fn interpolated(&mut self, node: &Node, taps: &[Vec<Vec<Tap>>], fill: f32) -> Expression {
        let input = self.operand(node, 0).shape;
        let shape = &self.graph.value(node.outputs[0]).shape;
        let len: usize = shape.iter().product();
        // A weight is a share of the distance of two elements; as a rational it is enclosed.
        let weights: Vec<Vec<Vec<(usize, Interval)>>> = taps
            .iter()
            .map(|places| {
                let tap = |tap: &Tap| (tap.index, Interval::around(&tap.weight));
                places.iter().map(|taps| taps.iter().map(tap).collect()).collect()
            })
            .collect();
        let mut collector = Collector::new();
        let mut bias = vec![0.0; len];
        let mut place = vec![0; shape.len()];
        for at in 0..len {
            let mut summands = vec![(0usize, Interval::point(1.0))];
            for axis in 0..shape.len() {
                let here = &weights[axis][place[axis]];
                if here.is_empty() {
                    bias[at] = f64::from(fill);
                }
                summands = summands
                    .iter()
                    .flat_map(|(before, share)| {
                        here.iter().map(move |(index, weight)| {
                            (before * input[axis] + index, times(*share, *weight))
                        })
                    })
                    .collect();
            }
            for (element, weight) in summands {
                collector.push(element as u32, middle(weight));
            }
            collector.end_row();
            for axis in (0..shape.len()).rev() {
                place[axis] += 1;
                if place[axis] < shape[axis] {
                    break;
                }
                place[axis] = 0;
            }
        }
        let part = Part::new(Of::Value(node.inputs[0]), collector.finish());
        self.combine(vec![part], &[bias], len)
    }
}
