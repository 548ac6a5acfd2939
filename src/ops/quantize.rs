//! Lowering of quantised numbers.

use super::build::Lowering;
use super::compose::Expression;
use super::operand::broadcast;
use plimsoll_check::graph::Node;
use plimsoll_check::number::Interval;

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
}
