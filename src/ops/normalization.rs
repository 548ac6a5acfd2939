//! Lowering of normalisation by statistics of the values themselves, and of norms.

use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, broadcast, groups, reciprocal};
use super::rows::Rows;
use plimsoll_check::graph::Node;
use plimsoll_check::number::Interval;
use plimsoll_check::ops::{Function, Norm, Normalization};

impl Lowering<'_> {
    /// `(x - mean) / sqrt(variance + epsilon)` over each group, scaled and shifted.
    pub fn normalization(&mut self, node: &Node, normalization: &Normalization) -> Expression {
        let len = self.graph.value(node.outputs[0]).len();
        let grouping = &normalization.grouping;
        let groups = groups(&grouping.view, &grouping.axes);
        let mut group_of = vec![0; len];
        for (at, group) in groups.iter().enumerate() {
            group.iter().for_each(|element| group_of[*element] = at);
        }
        let share = reciprocal(Interval::point(grouping.len() as f64));
        let x = self.settled(node.inputs[0]);
        let differences = if normalization.statistics.centred {
            let means = self.sums(Of::Made(x.clone()), &groups, share);
            let means = self.settle(means);
            let parts = vec![
                Part::exact(Of::Made(x), Rows::identity(len)),
                Part::exact(Of::Made(means), Rows::scaled_picks(group_of.clone(), -1.0)),
            ];
            let differences = self.combine(parts, &[], len);
            self.settle(differences)
        } else {
            x
        };
        let squares = self.pointwise(differences.clone(), Function::Pow { exponent: 2.0 });
        let variances = self.sums(Of::Made(squares), &groups, share);
        let epsilon = f64::from(normalization.statistics.epsilon);
        let sums = self.weighted(&[(&variances, 1.0)], epsilon);
        // A mean of squares is not negative, which is lost where a bound of it is rounded.
        let sums = self.pointwise(sums, Function::Clip { min: epsilon, max: f64::INFINITY });
        let factors = self.pointwise(sums, Function::Pow { exponent: -0.5 });
        let pairs = group_of.iter().enumerate().map(|(at, group)| (at as u32, *group as u32));
        let normalized = self.products(differences, factors, pairs.collect());
        let places = broadcast(&normalization.affine, &grouping.view);
        let scale = self.operand(node, 1);
        let scaled = if scale.is_known() {
            let mut collector = Collector::new();
            for (at, place) in places.iter().enumerate() {
                collector.push(at as u32, scale.weight(*place, 1.0));
                collector.end_row();
            }
            Part::new(Of::Made(normalized), collector.finish())
        } else {
            let pairs = places.iter().enumerate().map(|(at, place)| (at as u32, *place as u32));
            let pairs = pairs.collect();
            let scale = self.settled(node.inputs[1]);
            Part::exact(Of::Made(self.products(normalized, scale, pairs)), Rows::identity(len))
        };
        let mut parts = vec![scaled];
        if let Some(shift) = node.inputs.get(2) {
            parts.push(Part::exact(Of::Value(*shift), Rows::picks(places)));
        }
        self.combine(parts, &[], len)
    }

    /// The square roots of the sums of squares over axes.
    pub fn euclidean(&mut self, x: Expression, groups: &[Vec<usize>]) -> Expression {
        let squares = self.pointwise(x, Function::Pow { exponent: 2.0 });
        let sums = self.sums(Of::Made(squares), groups, (1.0, 0.0));
        // A sum of squares is not negative, which is lost where a bound of it is rounded.
        let sums = self.pointwise(sums, Function::Clip { min: 0.0, max: f64::INFINITY });
        self.pointwise(sums, Function::Sqrt)
    }

    /// The elements of each row divided by a norm of it, or by one where that is zero.
    pub fn normalizer(&mut self, node: &Node, norm: Norm) -> Expression {
        let shape = self.operand(node, 0).shape;
        let x = self.settled(node.inputs[0]);
        let groups = groups(shape, &[shape.len() - 1]);
        let columns = shape[shape.len() - 1].max(1);
        let norms = match norm {
            Norm::Max => self.extremes(x.clone(), groups, true),
            Norm::L1 => {
                let magnitudes = self.absolute(x.clone());
                self.sums(Of::Made(magnitudes), &groups, (1.0, 0.0))
            }
            Norm::L2 => self.euclidean(x.clone(), &groups),
        };
        let norms = self.settle(norms);
        let nonzero = self.nonzero(norms.clone(), false);
        let divisors = self.weighted(&[(&norms, 1.0), (&nonzero, -1.0)], 1.0);
        let reciprocals = self.pointwise(divisors, Function::Reciprocal);
        let pairs = (0..self.len(&x)).map(|at| (at as u32, (at / columns) as u32)).collect();
        self.products(x, reciprocals, pairs)
    }
}
