//! Lowering of quantised numbers.

use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, broadcast};
use super::rows::Rows;
use plimsoll_check::graph::Node;
use plimsoll_check::number::Interval;
use plimsoll_check::ops::{Function, Range};

impl Lowering<'_> {
    /// `(x - zero) scale`; `None` if zero point or scale is no constant.
    pub fn dequantize(&mut self, node: &Node, affine: &[usize]) -> Option<Expression> {
        let operands = self.operands(node);
        if !(1..operands.len()).all(|position| operands[position].is_known()) {
            return None;
        }
        let places = broadcast(affine, operands[0].shape);
        let spread = |position: usize| -> Vec<Interval> {
            match operands.get(position) {
                Some(operand) => places.iter().map(|at| operand.element(*at)).collect(),
                None => vec![Interval::ZERO; places.len()],
            }
        };
        Some(self.offset_and_scaled(node, &spread(2), &spread(1)))
    }

    /// `saturate(round(x / scale) + zero)`, halves to even; `None` if zero point or scale is no constant.
    pub fn quantize(&mut self, node: &Node, affine: &[usize], range: Range) -> Option<Expression> {
        let operands = self.operands(node);
        if !(1..operands.len()).all(|position| operands[position].is_known()) {
            return None;
        }
        let places = broadcast(affine, operands[0].shape);
        let len = places.len();
        let mut collector = Collector::new();
        for (at, place) in places.iter().enumerate() {
            collector.push(at as u32, operands[1].reciprocal(*place));
            collector.end_row();
        }
        let part = Part::new(Of::Value(node.inputs[0]), collector.finish());
        let quotients = self.combine(vec![part], &[], len);
        let levels = self.pointwise(quotients, Function::Round);
        let mut parts = vec![Part::exact(Of::Made(levels), Rows::identity(len))];
        if let Some(zero) = node.inputs.get(2) {
            parts.push(Part::exact(Of::Value(*zero), Rows::picks(places)));
        }
        let shifted = self.combine(parts, &[], len);
        Some(self.clipped(shifted, f64::from(range.min), f64::from(range.max)))
    }
}
