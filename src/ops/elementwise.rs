//! Lowering of elementwise linear operators: Neg, Add, Sub, Sum, Mean, and Mul and Div by constants.

use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, broadcast, reciprocal};
use super::rows::Rows;
use plimsoll_check::graph::Node;
use plimsoll_check::number::Interval;

impl Lowering<'_> {
    /// `sum_i factors[i] * operand_i` with broadcasting, factors being 1 or -1.
    pub fn scaled(&mut self, node: &Node, factors: &[f64]) -> Expression {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let len = shape.iter().product();
        let (mut parts, mut constants) = (Vec::new(), Vec::new());
        for (operand, (id, factor)) in
            self.operands(node).iter().zip(node.inputs.iter().zip(factors))
        {
            let map = broadcast(operand.shape, shape);
            match operand.constant {
                Some(tensor) => {
                    constants.push(map.iter().map(|i| factor * tensor.float(*i)).collect());
                }
                None => parts.push(Part::exact(Of::Value(*id), Rows::scaled_picks(map, *factor))),
            }
        }
        self.combine(parts, &constants, len)
    }

    /// The mean of the operands with broadcasting.
    pub fn mean_of_operands(&mut self, node: &Node) -> Expression {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let len = shape.iter().product();
        let share = reciprocal(Interval::point(node.inputs.len() as f64));
        let mut parts = Vec::new();
        for (operand, id) in self.operands(node).iter().zip(&node.inputs) {
            let mut collector = Collector::new();
            for element in broadcast(operand.shape, shape) {
                collector.push(element as u32, share);
                collector.end_row();
            }
            parts.push(Part::new(Of::Value(*id), collector.finish()));
        }
        self.combine(parts, &[], len)
    }

    /// The product of an operand and a constant; `None` if neither is one.
    pub fn constant_product(&mut self, node: &Node) -> Option<Expression> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let operands = self.operands(node);
        let known = operands.iter().position(|operand| operand.is_known())?;
        let (factor, varying) = (&operands[known], &operands[1 - known]);
        let mut collector = Collector::new();
        let places = broadcast(varying.shape, shape).into_iter();
        for (i, j) in places.zip(broadcast(factor.shape, shape)) {
            collector.push(i as u32, factor.weight(j, 1.0));
            collector.end_row();
        }
        let part = Part::new(Of::Value(node.inputs[1 - known]), collector.finish());
        Some(self.combine(vec![part], &[], shape.iter().product()))
    }

    /// The quotient of an operand and a constant without zeros; `None` if the divisor is none.
    pub fn constant_quotient(&mut self, node: &Node) -> Option<Expression> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let divisor = Some(self.operand(node, 1)).filter(|divisor| divisor.is_known())?;
        let mut collector = Collector::new();
        let places = broadcast(self.operand(node, 0).shape, shape).into_iter();
        for (i, j) in places.zip(broadcast(divisor.shape, shape)) {
            collector.push(i as u32, divisor.reciprocal(j));
            collector.end_row();
        }
        let part = Part::new(Of::Value(node.inputs[0]), collector.finish());
        Some(self.combine(vec![part], &[], shape.iter().product()))
    }
}
