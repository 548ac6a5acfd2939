//! Lowering of data movement: every element of a result is one element of one operand.

use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::broadcast;
use super::rows::Rows;
use plimsoll_check::graph::Node;
use plimsoll_check::ops::{Combination, Op, Source, index_map};

impl Lowering<'_> {
    /// One expression per result of the node; none if it does not just move data.
    pub fn movement(&mut self, node: &Node) -> Option<Vec<Expression>> {
        if matches!(node.op, Op::Identity | Op::Reshape) {
            return Some(vec![self.expression(node.inputs[0])]);
        }
        let inputs: Vec<&[usize]> =
            node.inputs.iter().map(|id| self.graph.value(*id).shape.as_slice()).collect();
        let outputs: Vec<&[usize]> =
            node.outputs.iter().map(|id| self.graph.value(*id).shape.as_slice()).collect();
        let maps = index_map(&node.op, &inputs, &outputs)?;
        Some(maps.iter().map(|sources| self.moved(node, sources)).collect())
    }

    /// Elements of operands and constants.
    fn moved(&mut self, node: &Node, sources: &[Source]) -> Expression {
        let (mut parts, mut constants) = (Vec::new(), Vec::new());
        let filled: Vec<f64> = sources
            .iter()
            .map(|source| match *source {
                Source::Constant(value) => f64::from(value),
                Source::Element { .. } => 0.0,
            })
            .collect();
        if filled.iter().any(|value| *value != 0.0) {
            constants.push(filled);
        }
        for (position, operand) in self.operands(node).iter().enumerate() {
            let mine = sources.iter().map(|source| match *source {
                Source::Element { operand, element } if operand as usize == position => {
                    Some(element as usize)
                }
                _ => None,
            });
            match operand.constant {
                Some(tensor) => {
                    let number = |element: Option<usize>| element.map_or(0.0, |e| tensor.float(e));
                    constants.push(mine.map(number).collect());
                }
                None => {
                    let rows = Rows::some_picks(mine);
                    if rows.size() > 0 {
                        parts.push(Part::exact(Of::Value(node.inputs[position]), rows));
                    }
                }
            }
        }
        self.combine(parts, &constants, sources.len())
    }

    /// The second operand where the first one, a constant, holds, else the third; `None` if the first
    /// one is no constant.
    pub fn constant_choice(&mut self, node: &Node) -> Option<Expression> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let operands = self.operands(node);
        let truths = operands[0].constant?;
        let [condition, yes, no] =
            [0, 1, 2].map(|position| broadcast(operands[position].shape, shape));
        let sources: Vec<Source> = condition
            .into_iter()
            .zip(yes.into_iter().zip(no))
            .map(|(at, (yes, no))| match truths.float(at) != 0.0 {
                true => Source::Element { operand: 1, element: yes as u32 },
                false => Source::Element { operand: 2, element: no as u32 },
            })
            .collect();
        Some(self.moved(node, &sources))
    }

    /// The first operand, with elements of the second combined into its elements.
    pub fn scatter(
        &mut self,
        node: &Node,
        targets: &[u32],
        combination: Combination,
    ) -> Expression {
        let [data, updates] = [node.inputs[0], node.inputs[1]];
        let len = self.graph.value(data).len();
        let mut by_target = vec![Vec::new(); len];
        for (update, target) in targets.iter().enumerate() {
            by_target[*target as usize].push(update);
        }
        if combination == Combination::Add {
            let rows = Rows::from_lists(
                by_target.iter().map(|all| all.iter().map(|u| (*u as u32, 1.0)).collect()),
            );
            let parts = vec![
                Part::exact(Of::Value(data), Rows::identity(len)),
                Part::exact(Of::Value(updates), rows),
            ];
            return self.combine(parts, &[], len);
        }
        let both = self.joined(&[data, updates]);
        let groups = by_target.iter().enumerate().map(|(at, updates)| {
            std::iter::once(at).chain(updates.iter().map(|update| len + update)).collect()
        });
        let groups = groups.collect();
        match combination {
            Combination::Multiply => self.products_of_groups(both, groups),
            _ => self.extremes(both, groups, combination == Combination::Max),
        }
    }

    /// The elements of some values, one after the other.
    pub fn joined(&mut self, ids: &[plimsoll_check::graph::ValueId]) -> Expression {
        let lengths: Vec<usize> = ids.iter().map(|id| self.graph.value(*id).len()).collect();
        let total = lengths.iter().sum();
        let mut offset = 0;
        let mut parts = Vec::new();
        for (id, len) in ids.iter().zip(lengths) {
            let place = |k: usize| (offset..offset + len).contains(&k).then(|| k - offset);
            parts.push(Part::exact(Of::Value(*id), Rows::some_picks((0..total).map(place))));
            offset += len;
        }
        self.combine(parts, &[], total)
    }
}
