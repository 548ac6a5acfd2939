//! Lowering of piecewise linear functions of one variable to relus, exactly.

use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, Operand, broadcast, middle, plus};
use plimsoll_check::graph::Node;
use plimsoll_check::number::Interval;
use plimsoll_check::ops::Function;

impl Lowering<'_> {
    /// A piecewise linear function of each element; `None` for other functions.
    pub fn piecewise(&mut self, node: &Node, function: &Function) -> Option<Expression> {
        Some(match *function {
            Function::Abs => {
                let x = self.settled(node.inputs[0]);
                self.absolute(x)
            }
            Function::LeakyRelu { alpha } => {
                let count = self.graph.value(node.inputs[0]).len();
                self.kinked(node, &vec![Interval::point(f64::from(alpha)); count])
            }
            Function::ThresholdedRelu { alpha: 0.0 } => {
                let x = self.settled(node.inputs[0]);
                self.relu(x)
            }
            Function::Clip { min, max } => {
                let x = self.expression(node.inputs[0]);
                self.clipped(x, min, max)
            }
            Function::HardSigmoid { alpha, beta } => {
                let x = self.expression(node.inputs[0]);
                let line = self.weighted(&[(&x, f64::from(alpha))], f64::from(beta));
                self.clipped(line, 0.0, 1.0)
            }
            Function::Pow { exponent: 1.0 } => self.expression(node.inputs[0]),
            Function::Pow { exponent: 0.0 } => {
                Expression::constant(vec![1.0; self.graph.value(node.inputs[0]).len()])
            }
            _ => return None,
        })
    }

    /// `|x| = 2 relu(x) - x`.
    pub fn absolute(&mut self, x: Expression) -> Expression {
        let x = self.settle(x);
        let positive = self.relu(x.clone());
        self.weighted(&[(&positive, 2.0), (&x, -1.0)], 0.0)
    }

    /// `min(max, max(min, x))`: `t = max - relu(max - x)`, then `min + relu(t - min)`.
    pub fn clipped(&mut self, x: Expression, min: f64, max: f64) -> Expression {
        let mut value = x;
        if max < f64::INFINITY {
            let below = self.weighted(&[(&value, -1.0)], max);
            let below = self.relu(below);
            value = self.weighted(&[(&below, -1.0)], max);
        }
        if min > f64::NEG_INFINITY {
            let above = self.weighted(&[(&value, 1.0)], -min);
            let above = self.relu(above);
            value = self.weighted(&[(&above, 1.0)], min);
        }
        value
    }

    /// The first operand where it is not negative, `slope x` elsewhere: `slope x + (1 - slope) relu(x)`.
    fn kinked(&mut self, node: &Node, slopes: &[Interval]) -> Expression {
        let positive = self.node_of_value(node.inputs[0]);
        let positive = self.relu_of(positive);
        let (mut below, mut above) = (Collector::new(), Collector::new());
        for (k, slope) in slopes.iter().enumerate() {
            below.push(k as u32, middle(*slope));
            above.push(k as u32, middle(plus(Interval::point(1.0), slope.neg())));
            below.end_row();
            above.end_row();
        }
        let parts = vec![
            Part::new(Of::Value(node.inputs[0]), below.finish()),
            Part::new(Of::Made(positive), above.finish()),
        ];
        self.combine(parts, &[], slopes.len())
    }

    /// PRelu with constant slopes; `None` if they are none.
    pub fn p_relu(&mut self, node: &Node) -> Option<Expression> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let slope = Some(self.operand(node, 1)).filter(Operand::is_known)?;
        let slopes: Vec<Interval> =
            broadcast(slope.shape, shape).into_iter().map(|at| slope.element(at)).collect();
        Some(self.kinked(node, &slopes))
    }
}
