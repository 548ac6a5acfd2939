//! Lowering of normalisation with fixed statistics: BatchNormalization.

use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, middle, plus, times};
use super::rows::Rows;
use plimsoll_check::graph::Node;
use plimsoll_check::number::{Interval, Scalar};

impl Lowering<'_> {
    /// `(x - mean) scale / sqrt(variance + epsilon) + bias` per channel, which is axis 1; `None` if scale or
    /// variance is no constant.
    ///
    /// The factor is enclosed, as it is irrational mostly; the shift `bias - mean factor` is a constant with
    /// an enclosure where bias and mean are constants.
    pub fn batch_normalization(&mut self, node: &Node, epsilon: f32) -> Option<Expression> {
        let operands = self.operands(node);
        let (scale, variance) = (&operands[1], &operands[4]);
        if !scale.is_known() || !variance.is_known() {
            return None;
        }
        let shape = operands[0].shape;
        let len: usize = shape.iter().product();
        let inner: usize = if shape.len() == 1 { 1 } else { shape[2..].iter().product() };
        let channels = self.graph.value(node.inputs[1]).len();
        let channel = |at: usize| at / inner.max(1) % channels.max(1);
        let epsilon = Interval::point(f64::from(epsilon));
        let factors: Vec<Interval> = (0..channels)
            .map(|at| {
                let deviation = plus(variance.element(at), epsilon).sqrt();
                Scalar::div(&scale.element(at), &deviation)
            })
            .collect();
        let weights = |sign: f64| {
            let mut collector = Collector::new();
            for at in 0..len {
                let factor = factors[channel(at)];
                let factor = if sign < 0.0 { factor.neg() } else { factor };
                collector.push(if sign < 0.0 { channel(at) } else { at } as u32, middle(factor));
                collector.end_row();
            }
            collector.finish()
        };
        let mut parts = vec![Part::new(Of::Value(node.inputs[0]), weights(1.0))];
        let (bias, mean) = (&operands[2], &operands[3]);
        if bias.is_known() && mean.is_known() {
            let shifts: Vec<Interval> = (0..channels)
                .map(|at| plus(bias.element(at), times(mean.element(at), factors[at]).neg()))
                .collect();
            let shift = self.enclosed(&shifts);
            parts.push(Part::exact(Of::Made(shift), Rows::picks((0..len).map(channel))));
        } else {
            parts.push(Part::new(Of::Value(node.inputs[3]), weights(-1.0)));
            let spread = Rows::picks((0..len).map(channel));
            parts.push(Part::exact(Of::Value(node.inputs[2]), spread));
        }
        Some(self.combine(parts, &[], len))
    }
}
