//! Lowering of Einsum: sums of products by labels.

use super::bounded::{MOST_ENTRIES, limit};
use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, Operand, middle, plus, times};
use plimsoll_check::Error;
use plimsoll_check::graph::Node;
use plimsoll_check::number::Interval;
use std::collections::BTreeMap;

/// Labels of operands and result, and their lengths.
pub(crate) struct Labels<'a> {
    pub operands: &'a [Vec<usize>],
    pub result: &'a [usize],
    pub lengths: &'a [usize],
}

impl Labels<'_> {
    /// For each label, the distance of neighbours along it in each operand.
    fn steps(&self, operands: &[Operand<'_>]) -> Vec<Vec<usize>> {
        let mut steps = vec![vec![0; operands.len()]; self.lengths.len()];
        for (position, operand) in operands.iter().enumerate() {
            let mut stride = 1;
            for (label, dim) in self.operands[position].iter().zip(operand.shape).rev() {
                steps[*label][position] += if *dim == 1 { 0 } else { stride };
                stride *= dim;
            }
        }
        steps
    }

    /// For each result, the places in all operands of every summand.
    ///
    /// # Errors
    ///
    /// If there are too many.
    pub fn visit(
        &self,
        node: &Node,
        operands: &[Operand<'_>],
        mut each: impl FnMut(usize, &[usize]),
    ) -> Result<(), Error> {
        let total = self.lengths.iter().fold(1usize, |total, n| total.saturating_mul(*n));
        limit(node, "summands", total, MOST_ENTRIES)?;
        let steps = self.steps(operands);
        let summed = (0..self.lengths.len()).filter(|label| !self.result.contains(label));
        let labels: Vec<usize> = self.result.iter().copied().chain(summed).collect();
        let results: usize = self.result.iter().map(|label| self.lengths[*label]).product();
        let mut counter = vec![0; labels.len()];
        let mut places = vec![0; operands.len()];
        for at in 0..total {
            each(at / (total / results), &places);
            for (count, label) in counter.iter_mut().zip(&labels).rev() {
                *count += 1;
                let back = *count == self.lengths[*label];
                for (place, step) in places.iter_mut().zip(&steps[*label]) {
                    *place = if back { *place - step * (*count - 1) } else { *place + step };
                }
                if !back {
                    break;
                }
                *count = 0;
            }
        }
        Ok(())
    }
}

impl Lowering<'_> {
    /// An Einsum of one operand that varies, at this position, and constants.
    ///
    /// # Errors
    ///
    /// If there are too many summands.
    pub fn constant_einsum(
        &mut self,
        node: &Node,
        labels: &Labels<'_>,
        varying: usize,
    ) -> Result<Expression, Error> {
        let operands = self.operands(node);
        let results: usize = labels.result.iter().map(|label| labels.lengths[*label]).product();
        let mut collector = Collector::new();
        let mut row = 0;
        let mut sums: BTreeMap<usize, Interval> = BTreeMap::new();
        let mut finish = |sums: &mut BTreeMap<usize, Interval>| {
            for (column, weight) in std::mem::take(sums) {
                collector.push(column as u32, middle(weight));
            }
            collector.end_row();
        };
        labels.visit(node, &operands, |result, places| {
            while row < result {
                finish(&mut sums);
                row += 1;
            }
            let mut weight = Interval::point(1.0);
            for (position, operand) in operands.iter().enumerate() {
                if position != varying {
                    weight = times(weight, operand.element(places[position]));
                }
            }
            let sum = sums.entry(places[varying]).or_insert(Interval::ZERO);
            *sum = plus(*sum, weight);
        })?;
        (row..results).for_each(|_| finish(&mut sums));
        let part = Part::new(Of::Value(node.inputs[varying]), collector.finish());
        Ok(self.combine(vec![part], &[], results))
    }
}
