//! Lowering of products and quotients of values that both depend on the inputs.

use super::bounded::limit;
use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::einsum::Labels;
use super::linear::Product;
use super::operand::{Collector, broadcast, middle, times, weight};
use super::rows::Rows;
use crate::net::Primitive;
use plimsoll_check::Error;
use plimsoll_check::graph::{Node, ValueId};
use plimsoll_check::number::Interval;
use plimsoll_check::ops::{Function, Op};

/// Most products or comparisons of one operator.
pub(crate) const MOST_PRODUCTS: usize = 1 << 22;

impl Lowering<'_> {
    /// A function of each element.
    pub fn pointwise(&mut self, of: Expression, function: Function) -> Expression {
        if let Some(constants) = of.as_constant() {
            let images: Vec<Interval> =
                constants.iter().map(|c| function.image(Interval::point(*c))).collect();
            return self.enclosed(&images);
        }
        let of = self.node_of(of);
        self.function_of(of, Primitive::Pointwise { of, function })
    }

    /// Products of pairs of elements; those of an element with itself are squares.
    pub fn products(&mut self, a: Expression, b: Expression, pairs: Vec<(u32, u32)>) -> Expression {
        for (constants, other, first) in [(&a, &b, true), (&b, &a, false)] {
            let Some(constants) = constants.as_constant() else { continue };
            let mut collector = Collector::new();
            for (i, j) in &pairs {
                let (known, varying) = if first { (*i, *j) } else { (*j, *i) };
                collector.push(varying, weight(Interval::point(constants[known as usize]), 1.0));
                collector.end_row();
            }
            let part = Part::new(Of::Made(other.clone()), collector.finish());
            return self.combine(vec![part], &[], pairs.len());
        }
        let (left, right) = (self.node_of(a), self.node_of(b));
        let square = |pair: &(u32, u32)| left == right && pair.0 == pair.1;
        let squares = pairs.iter().filter(|pair| square(pair)).count();
        if squares == 0 {
            let len = pairs.len();
            return Expression::Node(
                self.push_node(len, Primitive::Product { left, right, pairs }),
            );
        }
        let places = pairs.iter().filter(|pair| square(pair)).map(|pair| pair.0 as usize);
        let base = self.pick(Expression::Node(left), places);
        let squared = self.pointwise(base, Function::Pow { exponent: 2.0 });
        if squares == pairs.len() {
            return squared;
        }
        let others = pairs.iter().copied().filter(|pair| !square(pair)).collect::<Vec<_>>();
        let (mut from_squares, mut from_others) = (Rows::new(), Rows::new());
        let (mut s, mut o) = (0, 0);
        for pair in &pairs {
            if square(pair) {
                from_squares.push(s, 1.0);
                s += 1;
            } else {
                from_others.push(o, 1.0);
                o += 1;
            }
            from_squares.end_row();
            from_others.end_row();
        }
        let others = Primitive::Product { left, right, pairs: others };
        let others = Expression::Node(self.push_node(o as usize, others));
        let parts = vec![
            Part::exact(Of::Made(squared), from_squares),
            Part::exact(Of::Made(others), from_others),
        ];
        self.combine(parts, &[], pairs.len())
    }

    /// Products element by element.
    pub fn multiplied(&mut self, a: Expression, b: Expression) -> Expression {
        let len = self.len(&a) as u32;
        self.products(a, b, (0..len).map(|k| (k, k)).collect())
    }

    /// The pairs of elements of two operands that broadcasting brings together.
    fn broadcast_pairs(&self, node: &Node) -> Vec<(u32, u32)> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let [a, b] = [0, 1].map(|position| broadcast(self.operand(node, position).shape, shape));
        a.into_iter().zip(b).map(|(i, j)| (i as u32, j as u32)).collect()
    }

    /// `a * b` with broadcasting.
    pub fn product(&mut self, node: &Node) -> Expression {
        if let Some(product) = self.constant_product(node) {
            return product;
        }
        if let Some(function) = self.gated(node.inputs[0], node.inputs[1]) {
            let x = self.settled(node.inputs[0]);
            return self.pointwise(x, function);
        }
        if let Some(function) = self.gated(node.inputs[1], node.inputs[0]) {
            let x = self.settled(node.inputs[1]);
            return self.pointwise(x, function);
        }
        let pairs = self.broadcast_pairs(node);
        let [a, b] = [0, 1].map(|position| self.settled(node.inputs[position]));
        self.products(a, b, pairs)
    }

    /// The function that `x` times a function of `x` is, where it has a name.
    fn gated(&self, x: ValueId, gate: ValueId) -> Option<Function> {
        let (op, of) = self.producer(gate)?;
        match op {
            Op::Pointwise(Function::Sigmoid) if of == x => Some(Function::Swish { alpha: 1.0 }),
            Op::Pointwise(Function::Tanh) => match self.producer(of)? {
                (Op::Pointwise(Function::Softplus), of) if of == x => Some(Function::Mish),
                _ => None,
            },
            _ => None,
        }
    }

    /// `a / b` of floats with broadcasting.
    pub fn quotient(&mut self, node: &Node) -> Expression {
        if let Some(quotient) = self.constant_quotient(node) {
            return quotient;
        }
        let pairs = self.broadcast_pairs(node);
        let divisor = self.settled(node.inputs[1]);
        let reciprocal = self.guarded(divisor, Function::Reciprocal);
        let dividend = self.expression(node.inputs[0]);
        self.products(dividend, reciprocal, pairs)
    }

    /// `a / b` of integers with broadcasting, rounded toward zero.
    pub fn integer_quotient(&mut self, node: &Node) -> Expression {
        let divisor = self.operand(node, 1);
        if !divisor.is_known() {
            let quotient = self.quotient(node);
            return self.truncated(quotient);
        }
        // With a positive divisor b the floor of n / b is that of (n + 1/2) / b, which is no integer and so
        // not near a jump, whatever is lost when b is inverted.
        let shape = &self.graph.value(node.outputs[0]).shape;
        let len = shape.iter().product();
        let dividend = Rows::picks(broadcast(self.operand(node, 0).shape, shape));
        let places = broadcast(divisor.shape, shape);
        let dividend =
            self.combine(vec![Part::exact(Of::Value(node.inputs[0]), dividend)], &[], len);
        let dividend = self.settle(dividend);
        let mut parts = Vec::new();
        for sign in [1.0, -1.0] {
            let side = self.weighted(&[(&dividend, sign)], 0.0);
            let side = self.relu(side);
            let side = self.weighted(&[(&side, 1.0)], 0.5);
            let side = self.settle(side);
            let (mut shares, mut signs) = (Collector::new(), Rows::new());
            for (k, at) in places.iter().enumerate() {
                let element = divisor.element(*at);
                let negative = element.hi < 0.0;
                let share = if negative { element.neg() } else { element };
                shares.push(k as u32, super::operand::reciprocal(share));
                shares.end_row();
                signs.push(k as u32, if negative { -sign } else { sign });
                signs.end_row();
            }
            let share = vec![Part::new(Of::Made(side), shares.finish())];
            let share = self.combine(share, &[], len);
            let floor = self.pointwise(share, Function::Floor);
            parts.push(Part::exact(Of::Made(floor), signs));
        }
        self.combine(parts, &[], len)
    }

    /// The integers next to the elements on the way to zero: `floor(relu(x)) - floor(relu(-x))`.
    pub fn truncated(&mut self, x: Expression) -> Expression {
        let x = self.settle(x);
        let positive = self.relu(x.clone());
        let positive = self.pointwise(positive, Function::Floor);
        let negative = self.weighted(&[(&x, -1.0)], 0.0);
        let negative = self.relu(negative);
        let negative = self.pointwise(negative, Function::Floor);
        self.weighted(&[(&positive, 1.0), (&negative, -1.0)], 0.0)
    }

    /// A batch of matrix products of two sides that vary.
    ///
    /// # Errors
    ///
    /// If there are too many products.
    fn matrix_products(
        &mut self,
        node: &Node,
        product: &Product,
        factor: f64,
    ) -> Result<Expression, Error> {
        let inner = product.inner;
        limit(node, "products", product.len().saturating_mul(inner), MOST_PRODUCTS)?;
        let mut pairs = Vec::with_capacity(product.len() * inner);
        for group in 0..product.left.len() {
            for i in 0..product.rows {
                for j in 0..product.columns {
                    let left = product.left[group] + i * product.row;
                    let right = product.right[group] + j * product.column;
                    pairs.extend((0..inner).map(|t| {
                        let (along_left, along_right) = product.along;
                        ((left + t * along_left) as u32, (right + t * along_right) as u32)
                    }));
                }
            }
        }
        let [a, b] = [0, 1].map(|position| self.settled(node.inputs[position]));
        let products = self.products(a, b, pairs);
        let groups: Vec<Vec<usize>> =
            (0..product.len()).map(|k| (k * inner..(k + 1) * inner).collect()).collect();
        Ok(self.sums(Of::Made(products), &groups, (factor, 0.0)))
    }

    /// numpy's matmul.
    ///
    /// # Errors
    ///
    /// If there are too many products of values that both vary.
    pub fn matmul(&mut self, node: &Node) -> Result<Expression, Error> {
        if let Some(product) = self.constant_matmul(node)? {
            return Ok(product);
        }
        let shape = &self.graph.value(node.outputs[0]).shape;
        let [a, b] = [0, 1].map(|position| self.operand(node, position).shape);
        self.matrix_products(node, &Product::matmul(a, b, shape), 1.0)
    }

    /// `alpha A' B' + beta C`.
    ///
    /// # Errors
    ///
    /// If there are too many products of values that both vary.
    pub fn gemm(
        &mut self,
        node: &Node,
        (alpha, beta): (f64, f64),
        (trans_a, trans_b): (bool, bool),
    ) -> Result<Expression, Error> {
        if let Some(product) = self.constant_gemm(node, (alpha, beta), (trans_a, trans_b))? {
            return Ok(product);
        }
        let shape = &self.graph.value(node.outputs[0]).shape;
        let product = Product::gemm(self.operand(node, 0).shape, shape, trans_a, trans_b);
        let len = product.len();
        let product = self.matrix_products(node, &product, alpha)?;
        if node.inputs.len() < 3 {
            return Ok(product);
        }
        let (part, constant) = self.third(node, beta);
        let mut parts = vec![Part::exact(Of::Made(product), Rows::identity(len))];
        parts.extend(part);
        let constants: Vec<Vec<f64>> = constant.into_iter().collect();
        Ok(self.combine(parts, &constants, len))
    }

    /// An Einsum of operands that vary, at these positions (two at least), and constants.
    ///
    /// # Errors
    ///
    /// If there are too many products.
    pub fn einsum_of_many(
        &mut self,
        node: &Node,
        labels: &Labels<'_>,
        varying: &[usize],
    ) -> Result<Expression, Error> {
        let operands = self.operands(node);
        let total: usize = labels.lengths.iter().fold(1, |total, n| total.saturating_mul(*n));
        limit(node, "products", total.saturating_mul(varying.len()), MOST_PRODUCTS)?;
        let results: usize = labels.result.iter().map(|label| labels.lengths[*label]).product();
        // For each varying operand the element in each summand, and what the constants make of it.
        let mut places = vec![Vec::with_capacity(total); varying.len()];
        let mut factors = Vec::with_capacity(total);
        labels.visit(node, &operands, |_, at| {
            for (places, position) in places.iter_mut().zip(varying) {
                places.push(at[*position] as u32);
            }
            let mut factor = Interval::point(1.0);
            for (position, operand) in operands.iter().enumerate() {
                if !varying.contains(&position) {
                    factor = times(factor, operand.element(at[position]));
                }
            }
            factors.push(factor);
        })?;
        // Products of the first two, of these and the third, and so on.
        let mut products = self.settled(node.inputs[varying[0]]);
        for at in 1..varying.len() {
            let operand = self.settled(node.inputs[varying[at]]);
            let pair = |k: usize| (if at == 1 { places[0][k] } else { k as u32 }, places[at][k]);
            products = self.products(products, operand, (0..total).map(pair).collect());
        }
        let mut collector = Collector::new();
        let terms = total.checked_div(results).unwrap_or(0);
        for result in 0..results {
            for at in result * terms..(result + 1) * terms {
                collector.push(at as u32, middle(factors[at]));
            }
            collector.end_row();
        }
        let part = Part::new(Of::Made(products), collector.finish());
        Ok(self.combine(vec![part], &[], results))
    }

    /// For each group of elements, their product, which is one where there is none.
    pub fn products_of_groups(&mut self, of: Expression, groups: Vec<Vec<usize>>) -> Expression {
        let (mut values, mut groups) = (self.settle(of), groups);
        while groups.iter().any(|group| group.len() > 1) {
            let (mut pairs, mut single) = (Vec::new(), Vec::new());
            // Where each element of the next level comes from: a product or an element.
            let mut places = Vec::new();
            for group in &mut groups {
                let next = group.chunks(2).map(|pair| {
                    if let [a, b] = pair {
                        pairs.push((*a as u32, *b as u32));
                        places.push((true, pairs.len() - 1));
                    } else {
                        single.push(pair[0]);
                        places.push((false, pair[0]));
                    }
                    places.len() - 1
                });
                *group = next.collect();
            }
            let products = self.products(values.clone(), values.clone(), pairs);
            let rows = |wanted: bool| {
                let place = |(product, at): &(bool, usize)| (*product == wanted).then_some(*at);
                Rows::some_picks(places.iter().map(place))
            };
            let parts = vec![
                Part::exact(Of::Made(products), rows(true)),
                Part::exact(Of::Made(values), rows(false)),
            ];
            values = self.combine(parts, &[], places.len());
            values = self.settle(values);
        }
        let ones = groups.iter().map(|group| if group.is_empty() { 1.0 } else { 0.0 }).collect();
        let rows = Rows::some_picks(groups.iter().map(|group| group.first().copied()));
        let len = groups.len();
        self.combine(vec![Part::exact(Of::Made(values), rows)], &[ones], len)
    }
}
