//! Lowering of comparisons, truth values, choices and conversions. Truth values are 0 and 1.
//!
//! `[z > 0]` is `relu(sign(z))` of a real, and `min(1, relu(z))` of an integer, which has no jump; every
//! integer of the model is one at every input.

use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::broadcast;
use super::rows::Rows;
use plimsoll_check::graph::{ElementType, Node};
use plimsoll_check::ops::{Connective, Function, Relation};

/// Whether values of this type are whole numbers.
pub(crate) fn is_whole(element: ElementType) -> bool {
    !matches!(element, ElementType::F32 | ElementType::F64)
}

impl Lowering<'_> {
    /// `[z > 0]`.
    pub fn positive(&mut self, z: Expression, whole: bool) -> Expression {
        if whole {
            return self.clipped_to_one(z);
        }
        let sign = self.pointwise(z, Function::Sign);
        self.relu(sign)
    }

    /// `min(1, relu(z))`.
    fn clipped_to_one(&mut self, z: Expression) -> Expression {
        let positive = self.relu(z);
        let rest = self.weighted(&[(&positive, -1.0)], 1.0);
        let rest = self.relu(rest);
        self.weighted(&[(&rest, -1.0)], 1.0)
    }

    /// `[z >= 0]`, that is not `[-z > 0]`.
    pub fn not_negative(&mut self, z: Expression, whole: bool) -> Expression {
        let negated = self.weighted(&[(&z, -1.0)], 0.0);
        let negative = self.positive(negated, whole);
        self.weighted(&[(&negative, -1.0)], 1.0)
    }

    /// `[z != 0]`.
    pub fn nonzero(&mut self, z: Expression, whole: bool) -> Expression {
        if whole {
            let magnitude = self.absolute(z);
            return self.clipped_to_one(magnitude);
        }
        let sign = self.pointwise(z, Function::Sign);
        self.absolute(sign)
    }

    /// Both operands under the shape of the result, as `sum_i factors[i] operands[i] + constant`.
    fn both(&mut self, node: &Node, factors: [f64; 2], constant: f64) -> Expression {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let len = shape.iter().product();
        let parts = [0, 1].map(|position| {
            let map = broadcast(self.operand(node, position).shape, shape);
            let rows = Rows::scaled_picks(map, factors[position]);
            Part::exact(Of::Value(node.inputs[position]), rows)
        });
        self.combine(parts.into(), &[vec![constant; len]], len)
    }

    /// A comparison.
    pub fn comparison(&mut self, node: &Node, relation: Relation) -> Expression {
        let whole = is_whole(self.graph.value(node.inputs[0]).element);
        let difference = self.both(node, [-1.0, 1.0], 0.0);
        match relation {
            Relation::Less => self.positive(difference, whole),
            Relation::LessOrEqual => self.not_negative(difference, whole),
            Relation::Equal => {
                let differs = self.nonzero(difference, whole);
                self.weighted(&[(&differs, -1.0)], 1.0)
            }
        }
    }

    /// The negation of truth values.
    pub fn negation(&mut self, node: &Node) -> Expression {
        let truth = self.expression(node.inputs[0]);
        self.weighted(&[(&truth, -1.0)], 1.0)
    }

    /// Two truth values: `relu(a + b - 1)`, `1 - relu(1 - a - b)`, `|a - b|`.
    pub fn connection(&mut self, node: &Node, connective: Connective) -> Expression {
        match connective {
            Connective::And => {
                let both = self.both(node, [1.0, 1.0], -1.0);
                self.relu(both)
            }
            Connective::Or => {
                let neither = self.both(node, [-1.0, -1.0], 1.0);
                let neither = self.relu(neither);
                self.weighted(&[(&neither, -1.0)], 1.0)
            }
            Connective::Xor => {
                let difference = self.both(node, [1.0, -1.0], 0.0);
                self.absolute(difference)
            }
        }
    }

    /// The second operand where the first one holds, else the third: `b + truth (a - b)`.
    pub fn choice(&mut self, node: &Node) -> Expression {
        if let Some(choice) = self.constant_choice(node) {
            return choice;
        }
        let shape = &self.graph.value(node.outputs[0]).shape;
        let len: usize = shape.iter().product();
        let [truths, a, b] =
            [0, 1, 2].map(|position| broadcast(self.operand(node, position).shape, shape));
        let part = |position: usize, map: &[usize], factor: f64| {
            let rows = Rows::scaled_picks(map.iter().copied(), factor);
            Part::exact(Of::Value(node.inputs[position]), rows)
        };
        let difference = vec![part(1, &a, 1.0), part(2, &b, -1.0)];
        let difference = self.combine(difference, &[], len);
        let pairs = truths.iter().enumerate().map(|(k, truth)| (*truth as u32, k as u32));
        let truth = self.settled(node.inputs[0]);
        let product = self.products(truth, difference, pairs.collect());
        let parts = vec![Part::exact(Of::Made(product), Rows::identity(len)), part(2, &b, 1.0)];
        self.combine(parts, &[], len)
    }

    /// A conversion: floats to integers toward zero, anything to a truth value by whether it is not zero.
    pub fn cast(&mut self, node: &Node, to: ElementType) -> Expression {
        let from = self.graph.value(node.inputs[0]).element;
        let x = self.expression(node.inputs[0]);
        match to {
            ElementType::F32 | ElementType::F64 => x,
            ElementType::Bool if from == ElementType::Bool => x,
            ElementType::Bool => self.nonzero(x, is_whole(from)),
            ElementType::I64 | ElementType::I8 | ElementType::U8 if is_whole(from) => x,
            ElementType::I64 | ElementType::I8 | ElementType::U8 => self.truncated(x),
        }
    }
}
