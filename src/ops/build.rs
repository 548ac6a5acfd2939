//! The network under construction: expressions over its nodes, and the steps that add nodes.

use super::compose::Expression;
use super::operand::{Operand, middle};
use super::rows::Rows;
use crate::net::{Network, Node, NodeIndex, Primitive, Term};
use plimsoll_check::graph::{Graph, Node as GraphNode, ValueId};
use plimsoll_check::number::Interval;
use plimsoll_check::ops::Op;
use std::collections::HashMap;
use std::sync::Arc;

/// What a summand is a map of.
pub(crate) enum Of {
    /// A value of the graph, which others may read too.
    Value(ValueId),
    /// An expression of no other use.
    Made(Expression),
}

/// One summand of a linear operator.
pub(crate) struct Part {
    pub of: Of,
    /// One row of `(element of the operand, coefficient)` per element of the result.
    pub map: Arc<Rows>,
    /// Coefficients that are rounded: for entries of `map`, a bound on the error; empty if exact.
    pub errors: Arc<Rows>,
}

impl Part {
    /// A map that is exact.
    pub fn exact(of: Of, map: Rows) -> Part {
        Part::new(of, (map, Rows::new()))
    }

    /// A map and the errors of its coefficients.
    pub fn new(of: Of, (map, errors): (Rows, Rows)) -> Part {
        Part { of, map: Arc::new(map), errors: Arc::new(errors) }
    }
}

/// A network under construction.
pub(crate) struct Lowering<'g> {
    pub graph: &'g Graph,
    /// Constants that are no floats.
    pub enclosures: HashMap<ValueId, Arc<[Interval]>>,
    nodes: Vec<Node>,
    /// What each value of the graph is, once its node has been visited.
    expressions: Vec<Option<Expression>>,
    /// The node that is the number one, where errors of constants are hung up.
    one: Option<NodeIndex>,
    /// The value that is being lowered, by name.
    pub name: String,
    /// For values with one node that computes nothing else, the node.
    producers: HashMap<ValueId, u32>,
    /// For the places of extreme elements, the number of places and for each of them whether it is it.
    pub indicators: HashMap<ValueId, (usize, Expression)>,
    /// Whether powers that may overflow over a wide region are avoided.
    pub wide: bool,
}

impl<'g> Lowering<'g> {
    /// A network of its input only.
    pub fn new(graph: &'g Graph, enclosures: HashMap<ValueId, Arc<[Interval]>>) -> Lowering<'g> {
        let total = graph.input_count();
        let name = graph.inputs.iter().map(|id| graph.value(*id).name.as_str());
        let name = name.collect::<Vec<_>>().join(", ");
        let mut lowering = Lowering {
            graph,
            enclosures,
            nodes: vec![Node { len: total, primitive: Primitive::Input, name }],
            expressions: (0..graph.values.len()).map(|_| None).collect(),
            one: None,
            name: String::new(),
            producers: HashMap::new(),
            indicators: HashMap::new(),
            wide: false,
        };
        for (at, node) in graph.nodes.iter().enumerate() {
            if let [only] = node.outputs[..] {
                lowering.producers.insert(only, at as u32);
            }
        }
        let mut offset = 0;
        for id in &graph.inputs {
            let len = graph.value(*id).len();
            let window = lowering.pick(Expression::Node(0), offset..offset + len);
            lowering.expressions[id.index()] = Some(window);
            offset += len;
        }
        lowering
    }

    /// An operand of a node.
    pub fn operand(&self, node: &GraphNode, position: usize) -> Operand<'g> {
        let id = node.inputs[position];
        let value = self.graph.value(id);
        let enclosures = self.enclosures.get(&id).cloned();
        let constant = value.constant.as_ref().filter(|_| enclosures.is_none());
        Operand { shape: &value.shape, constant, enclosures }
    }

    /// All operands of a node.
    pub fn operands(&self, node: &GraphNode) -> Vec<Operand<'g>> {
        (0..node.inputs.len()).map(|position| self.operand(node, position)).collect()
    }

    /// A node so far.
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index]
    }

    /// The operator that computes a value, and its first operand.
    pub fn producer(&self, id: ValueId) -> Option<(&'g Op, ValueId)> {
        let at = (*self.producers.get(&id)?) as usize;
        let node = &self.graph.nodes[at];
        Some((&node.op, *node.inputs.first()?))
    }

    /// Whether a later node or an output of the graph is this value.
    pub fn is_read(&self, id: ValueId) -> bool {
        self.graph.outputs.contains(&id)
            || self.graph.nodes.iter().any(|node| node.inputs.contains(&id))
    }

    /// Number of elements of an expression.
    pub fn len(&self, expression: &Expression) -> usize {
        match expression {
            Expression::Node(index) => self.nodes[*index].len,
            Expression::Affine { bias, .. } => bias.len(),
        }
    }

    /// What a value is; a constant value has no terms.
    pub fn expression(&mut self, id: ValueId) -> Expression {
        if let Some(expression) = &self.expressions[id.index()] {
            return expression.clone();
        }
        let expression = match self.enclosures.get(&id).cloned() {
            Some(enclosures) => self.enclosed(&enclosures),
            None => {
                let value = self.graph.value(id);
                let number = |i| value.constant.as_ref().map_or(0.0, |tensor| tensor.float(i));
                Expression::constant((0..value.len()).map(number).collect())
            }
        };
        self.expressions[id.index()] = Some(expression.clone());
        expression
    }

    /// Says what a value is.
    pub fn set(&mut self, id: ValueId, expression: Expression) {
        self.expressions[id.index()] = Some(expression);
    }

    /// Constants of which enclosures are known.
    pub fn enclosed(&mut self, enclosures: &[Interval]) -> Expression {
        let weights = enclosures.iter().map(|interval| middle(*interval));
        let (bias, radii): (Vec<f64>, Vec<f64>) = weights.unzip();
        if radii.iter().all(|radius| *radius == 0.0) {
            return Expression::constant(bias);
        }
        let one = match self.one {
            Some(one) => one,
            None => {
                let name = std::mem::replace(&mut self.name, "one".to_string());
                let one = self.push(Expression::constant(vec![1.0]));
                self.name = name;
                *self.one.insert(one)
            }
        };
        let mut errors = Rows::with_capacity(radii.len(), radii.len());
        for radius in radii {
            // Written so that a radius that is NaN stays.
            let exact = radius == 0.0;
            if !exact {
                errors.push(0, radius);
            }
            errors.end_row();
        }
        let slack = [(one, Arc::new(errors))].into();
        Expression::Affine { terms: Default::default(), slack, bias }
    }

    /// The node that holds a value, made if there is none yet.
    pub fn node_of_value(&mut self, id: ValueId) -> NodeIndex {
        let expression = self.expression(id);
        if let Expression::Node(index) = expression {
            return index;
        }
        let name = std::mem::replace(&mut self.name, self.graph.value(id).name.clone());
        let index = self.push(expression);
        self.name = name;
        self.expressions[id.index()] = Some(Expression::Node(index));
        index
    }

    /// A value as a node.
    pub fn settled(&mut self, id: ValueId) -> Expression {
        Expression::Node(self.node_of_value(id))
    }

    /// The node that holds an expression.
    pub fn node_of(&mut self, expression: Expression) -> NodeIndex {
        match expression {
            Expression::Node(index) => index,
            affine => self.push(affine),
        }
    }

    /// An expression as a node, or as constants.
    pub fn settle(&mut self, expression: Expression) -> Expression {
        match expression.as_constant() {
            Some(_) => expression,
            None => Expression::Node(self.node_of(expression)),
        }
    }

    fn push(&mut self, expression: Expression) -> NodeIndex {
        let (terms, bias, slack) = expression.into_affine(&self.nodes);
        self.push_affine(terms, bias, slack)
    }

    /// Adds an affine node.
    pub fn push_affine(&mut self, terms: Vec<Term>, bias: Vec<f64>, slack: Vec<Term>) -> NodeIndex {
        let len = bias.len();
        self.push_node(len, Primitive::Affine { terms, bias, slack })
    }

    /// A function of each element of a node, which is computed once.
    pub fn function_of(&mut self, of: NodeIndex, primitive: Primitive) -> Expression {
        let same = |node: &Node| match (&node.primitive, &primitive) {
            (Primitive::Relu { of: a }, Primitive::Relu { of: b }) => a == b,
            (
                Primitive::Pointwise { of: a, function: f },
                Primitive::Pointwise { of: b, function: g },
            ) => a == b && f == g,
            _ => false,
        };
        if let Some(found) = self.nodes[of..].iter().position(same) {
            return Expression::Node(of + found);
        }
        Expression::Node(self.push_node(self.nodes[of].len, primitive))
    }

    /// Adds a node.
    pub fn push_node(&mut self, len: usize, primitive: Primitive) -> NodeIndex {
        self.nodes.push(Node { len, primitive, name: self.name.clone() });
        self.nodes.len() - 1
    }

    /// `max(0, z)` of each element.
    pub fn relu(&mut self, z: Expression) -> Expression {
        if let Some(constants) = z.as_constant() {
            return Expression::constant(
                constants.iter().map(|c| if *c <= 0.0 { 0.0 } else { *c }).collect(),
            );
        }
        let of = self.node_of(z);
        self.relu_of(of)
    }

    /// `max(0, z)` of each element of a node.
    pub fn relu_of(&mut self, of: NodeIndex) -> Expression {
        self.function_of(of, Primitive::Relu { of })
    }

    /// Some elements of an expression, in this order.
    pub fn pick(
        &mut self,
        of: Expression,
        elements: impl IntoIterator<Item = usize>,
    ) -> Expression {
        let map = Rows::picks(elements);
        let len = map.len();
        self.combine(vec![Part::exact(Of::Made(of), map)], &[], len)
    }

    /// `sum_i factors[i] operands[i]` of expressions of one length, plus a constant for all elements.
    pub fn weighted(&mut self, operands: &[(&Expression, f64)], constant: f64) -> Expression {
        let len = operands.first().map_or(0, |(operand, _)| self.len(operand));
        let part = |(operand, factor): &(&Expression, f64)| {
            Part::exact(Of::Made((*operand).clone()), Rows::scaled_picks(0..len, *factor))
        };
        let parts = operands.iter().map(part).collect();
        let constants = if constant == 0.0 { Vec::new() } else { vec![vec![constant; len]] };
        self.combine(parts, &constants, len)
    }

    /// The sum of maps of operands and of constants, all of `len` elements: one expression where that is
    /// exact and not too large, else with nodes between.
    pub fn combine(&mut self, parts: Vec<Part>, constants: &[Vec<f64>], len: usize) -> Expression {
        // Each part with its value, if it has one, and what that is.
        let mut operands: Vec<(Option<ValueId>, Expression)> = Vec::with_capacity(parts.len());
        let mut maps = Vec::with_capacity(parts.len());
        for part in parts {
            operands.push(match part.of {
                Of::Value(id) => (Some(id), self.expression(id)),
                Of::Made(expression) => (None, expression),
            });
            maps.push((part.map, part.errors));
        }
        let mut images: Vec<Option<Expression>> = Vec::with_capacity(maps.len());
        for (operand, (map, errors)) in operands.iter_mut().zip(&maps) {
            let mut image = operand.1.apply(&self.nodes, map, errors);
            if image.is_none() {
                self.settle_operand(operand);
                image = operand.1.apply(&self.nodes, map, errors);
            }
            images.push(image);
        }
        if let Some(images) = images.into_iter().collect::<Option<Vec<_>>>()
            && let Some(sum) = Expression::sum(&self.nodes, images, constants, len)
        {
            return sum;
        }
        // Not exact: all operands become nodes of their own.
        let mut summands: Vec<Expression> = Vec::new();
        for (operand, (map, errors)) in operands.iter_mut().zip(&maps) {
            self.settle_operand(operand);
            // A map of one node is taken as it stands.
            summands.extend(operand.1.apply(&self.nodes, map, errors));
        }
        if let Some(sum) = Expression::sum(&self.nodes, summands.clone(), constants, len) {
            return sum;
        }
        // Sums that are no floats: one node for what is summed so far, and the next summand on top.
        summands.extend(constants.iter().cloned().map(Expression::constant));
        let mut sum = Expression::constant(vec![0.0; len]);
        for summand in summands {
            let both = vec![sum.clone(), summand.clone()];
            sum = match Expression::sum(&self.nodes, both, &[], len) {
                Some(next) => next,
                None => {
                    let so_far = Expression::Node(self.push(sum));
                    // A new node has no matrix in common with the summand, and no bias.
                    Expression::sum(&self.nodes, vec![so_far, summand], &[], len)
                        .unwrap_or_else(|| Expression::constant(vec![f64::NAN; len]))
                }
            };
        }
        sum
    }

    fn settle_operand(&mut self, operand: &mut (Option<ValueId>, Expression)) {
        operand.1 = Expression::Node(match operand.0 {
            Some(id) => self.node_of_value(id),
            None => self.node_of(operand.1.clone()),
        });
    }

    /// Joins the outputs into one last node.
    pub fn finish(mut self) -> Network {
        let outputs = self.graph.outputs.clone();
        self.name = match outputs.as_slice() {
            [only] => self.graph.value(*only).name.clone(),
            _ => "outputs".to_string(),
        };
        let joined = match outputs.as_slice() {
            [only] => self.expression(*only),
            _ => {
                let total = outputs.iter().map(|id| self.graph.value(*id).len()).sum();
                let mut offset = 0;
                let mut parts = Vec::new();
                for id in &outputs {
                    let len = self.graph.value(*id).len();
                    // Each output is a node, so that it is computed once.
                    let node = self.settled(*id);
                    let place = |k: usize| (offset..offset + len).contains(&k).then(|| k - offset);
                    let map = Rows::some_picks((0..total).map(place));
                    offset += len;
                    parts.push(Part::exact(Of::Made(node), map));
                }
                self.combine(parts, &[], total)
            }
        };
        match joined {
            Expression::Node(index) if index > 0 && index + 1 == self.nodes.len() => {}
            joined => {
                self.push(joined);
            }
        }
        Network::new(live(self.nodes))
    }
}

/// The nodes that the last one depends on, and the input.
fn live(nodes: Vec<Node>) -> Vec<Node> {
    let mut needed = vec![false; nodes.len()];
    needed[0] = true;
    needed[nodes.len() - 1] = true;
    for index in (0..nodes.len()).rev().filter(|index| *index > 0) {
        if needed[index] {
            let slack = match &nodes[index].primitive {
                Primitive::Affine { slack, .. } => &slack[..],
                _ => &[],
            };
            let operands = nodes[index].primitive.operands();
            operands.chain(slack.iter().map(|term| term.from)).for_each(|of| needed[of] = true);
        }
    }
    if needed.iter().all(|needed| *needed) {
        return nodes;
    }
    let mut place = Vec::with_capacity(nodes.len());
    let mut kept = 0;
    for needed in &needed {
        place.push(kept);
        kept += usize::from(*needed);
    }
    let mut all = nodes;
    let mut next = needed.iter();
    all.retain(|_| next.next().is_some_and(|needed| *needed));
    for node in &mut all {
        match &mut node.primitive {
            Primitive::Input => {}
            Primitive::Affine { terms, slack, .. } => {
                terms.iter_mut().chain(slack).for_each(|term| term.from = place[term.from]);
            }
            Primitive::Relu { of } | Primitive::Pointwise { of, .. } => *of = place[*of],
            Primitive::Product { left, right, .. } => {
                (*left, *right) = (place[*left], place[*right]);
            }
        }
    }
    all
}
