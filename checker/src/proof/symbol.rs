//! A number type that records what is computed with it instead of computing it.
//!
//! A [`Symbol`] is a constant or an affine expression over variables of a [`Program`] that grows as
//! operators ask for more than sums. Every rewriting of an operation by others here is an identity over
//! the reals, and says which.

use super::program::{Definition, Program, Variable};
use crate::number::{Interval, Order, Rational, Scalar};
use crate::ops::{Analytic, Function, Statistics};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Where definitions are recorded.
#[derive(Debug, Default)]
pub(super) struct Tape {
    pub program: RefCell<Program>,
    /// Variables of nonlinear definitions, so that the same one is not made twice.
    known: RefCell<HashMap<(u32, Variable, Variable), Variable>>,
    /// Whether something was asked for that cannot be recorded.
    pub failed: Cell<bool>,
}

/// A term of an expression: a variable and an enclosure of its coefficient.
type Term = (Variable, Interval);

/// A constant, or an affine expression.
#[derive(Debug, Clone)]
pub(super) enum Symbol {
    Constant(Interval),
    Expression(Expression),
}

/// `sum terms + bias`. The vector may hold terms of longer expressions behind the `count` own ones, so
/// that a sum can be extended without copying it.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    tape: Rc<Tape>,
    terms: Rc<RefCell<Vec<Term>>>,
    count: usize,
    bias: Interval,
}

const ZERO: Interval = Interval::ZERO;
const ONE: Interval = Interval { lo: 1.0, hi: 1.0 };
const MINUS_ONE: Interval = Interval { lo: -1.0, hi: -1.0 };

/// Most terms of a program, some gigabyte.
const MOST_TERMS: usize = 80_000_000;

/// Keys of nonlinear definitions in [`Tape::known`] that are no functions.
const RELU: u32 = u32::MAX;
const PRODUCT: u32 = u32::MAX - 1;

impl Tape {
    /// A fresh variable with this definition.
    fn define(&self, definition: Definition) -> Variable {
        let mut program = self.program.borrow_mut();
        program.definitions.push(definition);
        program.definitions.len() as Variable - 1
    }

    fn nonlinear(&self, key: (u32, Variable, Variable), definition: Definition) -> Variable {
        if let Some(variable) = self.known.borrow().get(&key) {
            return *variable;
        }
        let variable = self.define(definition);
        self.known.borrow_mut().insert(key, variable);
        variable
    }

    fn function(&self, function: Function) -> u32 {
        let functions = &mut self.program.borrow_mut().functions;
        let at = functions.iter().position(|known| *known == function);
        at.unwrap_or_else(|| {
            functions.push(function);
            functions.len() - 1
        }) as u32
    }
}

impl Expression {
    pub fn variable(tape: &Rc<Tape>, variable: Variable) -> Expression {
        let terms = Rc::new(RefCell::new(vec![(variable, ONE)]));
        Expression { tape: tape.clone(), terms, count: 1, bias: ZERO }
    }

    /// The variable that the expression is, a new one if it is none yet.
    pub fn materialise(&self) -> Variable {
        let terms = self.terms.borrow();
        let own = &terms[..self.count];
        if let ([(variable, coefficient)], true) = (own, self.bias == ZERO)
            && *coefficient == ONE
        {
            return *variable;
        }
        // One term a variable, in their order.
        let mut sorted = own.to_vec();
        sorted.sort_by_key(|term| term.0);
        sorted.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = plus(kept.1, next.1);
            }
            same
        });
        sorted.retain(|term| term.1 != ZERO);
        let mut program = self.tape.program.borrow_mut();
        if program.columns.len() + sorted.len() > MOST_TERMS {
            self.tape.failed.set(true);
            sorted.clear();
        }
        let (first, count) = (program.columns.len() as u32, sorted.len() as u32);
        let exact = |term: &Term| term.1.lo == term.1.hi;
        if program.radii.is_empty() && !sorted.iter().all(exact) {
            program.radii = vec![0.0; program.columns.len()];
        }
        let tracked = !program.radii.is_empty();
        for (variable, coefficient) in sorted {
            let middle = 0.5 * coefficient.lo + 0.5 * coefficient.hi;
            let radius = (coefficient.hi - middle).max(middle - coefficient.lo);
            let exact = coefficient.lo == coefficient.hi;
            program.columns.push(variable);
            program.weights.push(if exact { coefficient.lo } else { middle });
            if tracked {
                // The differences round once; NaN stays.
                program.radii.push(if exact { 0.0 } else { radius.next_up() });
            }
        }
        drop(program);
        self.tape.define(Definition::Affine { first, count, bias: self.bias })
    }

    fn scale(&self, factor: Interval) -> Symbol {
        if factor == ONE {
            return Symbol::Expression(self.clone());
        }
        if factor == ZERO {
            return Symbol::Constant(ZERO);
        }
        let terms = self.terms.borrow();
        let scaled = terms[..self.count].iter().map(|(v, c)| (*v, times(*c, factor))).collect();
        Symbol::Expression(Expression {
            tape: self.tape.clone(),
            terms: Rc::new(RefCell::new(scaled)),
            count: self.count,
            bias: times(self.bias, factor),
        })
    }

    fn shift(&self, by: Interval) -> Symbol {
        Symbol::Expression(Expression { bias: plus(self.bias, by), ..self.clone() })
    }

    fn plus(&self, other: &Expression) -> Symbol {
        let bias = plus(self.bias, other.bias);
        let more = other.terms.borrow()[..other.count].to_vec();
        let mut terms = self.terms.clone();
        if terms.borrow().len() != self.count {
            // Another expression has extended the vector already.
            let own = terms.borrow()[..self.count].to_vec();
            terms = Rc::new(RefCell::new(own));
        }
        terms.borrow_mut().extend(more);
        let count = self.count + other.count;
        Symbol::Expression(Expression { tape: self.tape.clone(), terms, count, bias })
    }
}

/// A product that is exact where the factor is plus or minus one, or both are floats with a float product.
fn times(a: Interval, b: Interval) -> Interval {
    if a.lo == a.hi && b.lo == b.hi {
        let product = a.lo * b.lo;
        let normal = product.abs() > 1.0e-250 || a.lo == 0.0 || b.lo == 0.0;
        if normal && product.is_finite() && a.lo.mul_add(b.lo, -product) == 0.0 {
            return Interval { lo: product, hi: product };
        }
    }
    a.mul(b)
}

/// A sum that is exact where it is a float (Knuth's two-sum finds the error of a sum of floats).
fn plus(a: Interval, b: Interval) -> Interval {
    if a.lo == a.hi && b.lo == b.hi {
        let sum = a.lo + b.lo;
        let shadow = sum - a.lo;
        let error = (a.lo - (sum - shadow)) + (b.lo - shadow);
        if sum.is_finite() && error == 0.0 {
            return Interval { lo: sum, hi: sum };
        }
    }
    a.add(b)
}

impl Symbol {
    fn tape(&self) -> Option<&Rc<Tape>> {
        match self {
            Symbol::Constant(_) => None,
            Symbol::Expression(expression) => Some(&expression.tape),
        }
    }

    /// What cannot be recorded: the tape is marked, and the number says nothing.
    fn fail(&self, other: Option<&Symbol>) -> Symbol {
        if let Some(tape) = self.tape().or(other.and_then(Symbol::tape)) {
            tape.failed.set(true);
        }
        Symbol::Constant(Interval::ALL)
    }

    /// A function of one variable as a variable of its own.
    fn apply(&self, function: Function) -> Symbol {
        match self {
            Symbol::Constant(value) => Symbol::Constant(function.image(*value)),
            Symbol::Expression(expression) => {
                let of = expression.materialise();
                let tape = &expression.tape;
                let function = tape.function(function);
                let definition = Definition::Pointwise { of, function };
                let variable = tape.nonlinear((function, of, of), definition);
                Symbol::Expression(Expression::variable(tape, variable))
            }
        }
    }

    fn both(&self, other: &Symbol) -> Option<(Interval, Interval)> {
        match (self, other) {
            (Symbol::Constant(a), Symbol::Constant(b)) => Some((*a, *b)),
            _ => None,
        }
    }

    fn constant(value: f64) -> Symbol {
        Symbol::Constant(Interval::point(value))
    }

    /// `1` where the number is positive, else `0`: the positive part of its sign.
    fn positive(&self) -> Symbol {
        self.apply(Function::Sign).relu()
    }

    fn sum(numbers: impl IntoIterator<Item = Symbol>) -> Symbol {
        numbers.into_iter().fold(Symbol::zero(), |sum, number| sum.add(&number))
    }
}

impl Scalar for Symbol {
    type End = Unordered;
    fn from_stored(value: f64) -> Self {
        Symbol::constant(value)
    }
    fn from_integer(value: i64) -> Self {
        Symbol::Constant(Interval::from_integer(value))
    }
    fn from_rational(value: &Rational) -> Self {
        Symbol::Constant(Interval::around(value))
    }
    fn zero() -> Self {
        Symbol::Constant(ZERO)
    }
    fn add(&self, other: &Self) -> Self {
        match (self, other) {
            (Symbol::Constant(a), Symbol::Constant(b)) => Symbol::Constant(plus(*a, *b)),
            (Symbol::Expression(a), Symbol::Expression(b)) => a.plus(b),
            (Symbol::Expression(a), Symbol::Constant(b))
            | (Symbol::Constant(b), Symbol::Expression(a)) => a.shift(*b),
        }
    }
    fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }
    fn mul(&self, other: &Self) -> Self {
        match (self, other) {
            (Symbol::Constant(a), Symbol::Constant(b)) => Symbol::Constant(times(*a, *b)),
            (Symbol::Expression(a), Symbol::Constant(b))
            | (Symbol::Constant(b), Symbol::Expression(a)) => a.scale(*b),
            (Symbol::Expression(a), Symbol::Expression(b)) => {
                let (x, y) = (a.materialise(), b.materialise());
                if x == y {
                    return self.square();
                }
                let factors = [x.min(y), x.max(y)];
                let key = (PRODUCT, factors[0], factors[1]);
                let variable = a.tape.nonlinear(key, Definition::Product { factors });
                Symbol::Expression(Expression::variable(&a.tape, variable))
            }
        }
    }
    fn div(&self, other: &Self) -> Self {
        match other {
            Symbol::Constant(divisor) => match self {
                Symbol::Constant(value) => Symbol::Constant(Scalar::div(value, divisor)),
                Symbol::Expression(expression) => expression.scale(Scalar::div(&ONE, divisor)),
            },
            Symbol::Expression(_) => self.mul(&other.apply(Function::Reciprocal)),
        }
    }
    fn checked_div(&self, other: &Self) -> Option<Self> {
        Some(self.div(other))
    }
    fn sqrt(&self) -> Option<Self> {
        Some(match self {
            Symbol::Constant(value) => Symbol::Constant(Interval::sqrt(*value)),
            Symbol::Expression(_) => self.apply(Function::Sqrt),
        })
    }
    fn neg(&self) -> Self {
        match self {
            Symbol::Constant(value) => Symbol::Constant(value.neg()),
            Symbol::Expression(expression) => expression.scale(MINUS_ONE),
        }
    }
    fn relu(&self) -> Self {
        match self {
            Symbol::Constant(value) => Symbol::Constant(value.relu()),
            Symbol::Expression(expression) => {
                let (of, tape) = (expression.materialise(), &expression.tape);
                let variable = tape.nonlinear((RELU, of, of), Definition::Relu { of });
                Symbol::Expression(Expression::variable(tape, variable))
            }
        }
    }
    /// Toward zero: the floor of the positive part less that of the negative part.
    fn trunc(&self) -> Self {
        match self {
            Symbol::Constant(value) => Symbol::Constant(value.trunc()),
            Symbol::Expression(_) => {
                let floor = |part: Symbol| part.apply(Function::Floor);
                floor(self.relu()).sub(&floor(self.neg().relu()))
            }
        }
    }
    fn to_single(&self) -> Self {
        self.clone()
    }
    fn low(&self) -> &Unordered {
        &Unordered
    }
    fn high(&self) -> &Unordered {
        &Unordered
    }
    fn between(_: Unordered, _: Unordered) -> Self {
        Symbol::Constant(Interval::ALL)
    }
    fn integers(&self) -> Option<(i64, i64)> {
        match self {
            Symbol::Constant(value) => value.integers(),
            Symbol::Expression(_) => None,
        }
    }
    fn integer(&self) -> Option<Self> {
        match self {
            Symbol::Constant(value) => value.integer().map(Symbol::Constant),
            Symbol::Expression(_) => Some(self.clone()),
        }
    }
}

/// Symbols have no ends; whatever is said in terms of them is defined anew below.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unordered;

impl PartialOrd for Unordered {
    fn partial_cmp(&self, _: &Unordered) -> Option<std::cmp::Ordering> {
        None
    }
}

impl Order for Symbol {
    fn undecided() -> Self {
        Symbol::Constant(Interval { lo: 0.0, hi: 1.0 })
    }
    /// `a < b` where `b - a` is positive.
    fn less(&self, other: &Self) -> Self {
        match self.both(other) {
            Some((a, b)) => Symbol::Constant(a.less(&b)),
            None => other.sub(self).positive(),
        }
    }
    /// Not `b < a`.
    fn less_or_equal(&self, other: &Self) -> Self {
        match self.both(other) {
            Some((a, b)) => Symbol::Constant(a.less_or_equal(&b)),
            None => other.less(self).not(),
        }
    }
    /// The difference has sign zero.
    fn equal(&self, other: &Self) -> Self {
        match self.both(other) {
            Some((a, b)) => Symbol::Constant(a.equal(&b)),
            None => self.sub(other).apply(Function::Sign).abs().not(),
        }
    }
    fn nonzero(&self) -> Self {
        self.equal(&Symbol::zero()).not()
    }
    /// `1 - t` for a truth value.
    fn not(&self) -> Self {
        Symbol::constant(1.0).sub(self)
    }
    /// `a + max(0, b - a)`.
    fn max(&self, other: &Self) -> Self {
        match self.both(other) {
            Some((a, b)) => Symbol::Constant(Order::max(&a, &b)),
            None => self.add(&other.sub(self).relu()),
        }
    }
    /// `a - max(0, a - b)`.
    fn min(&self, other: &Self) -> Self {
        match self.both(other) {
            Some((a, b)) => Symbol::Constant(Order::min(&a, &b)),
            None => self.sub(&self.sub(other).relu()),
        }
    }
    fn hull(&self, other: &Self) -> Self {
        match self.both(other) {
            Some((a, b)) => Symbol::Constant(Order::hull(&a, &b)),
            None => self.fail(Some(other)),
        }
    }
    /// `b + t (a - b)`.
    fn select(&self, a: &Self, b: &Self) -> Self {
        match self {
            Symbol::Constant(truth) if *truth == ONE => a.clone(),
            Symbol::Constant(truth) if *truth == ZERO => b.clone(),
            _ => b.add(&self.mul(&a.sub(b))),
        }
    }
    /// `2 max(0, x) - x`.
    fn abs(&self) -> Self {
        match self {
            Symbol::Constant(value) => Symbol::Constant(Order::abs(value)),
            Symbol::Expression(_) => Symbol::constant(2.0).mul(&self.relu()).sub(self),
        }
    }
    fn square(&self) -> Self {
        match self {
            Symbol::Constant(value) => Symbol::Constant(Order::square(value)),
            Symbol::Expression(_) => self.apply(Function::Pow { exponent: 2.0 }),
        }
    }
    /// The sum of the places, each times the truth that its number is the greatest: that is so where
    /// all `n - 1` comparisons hold, of which there are `n - 1` or fewer, so that the positive part of
    /// their sum less `n - 2` says it.
    fn arg_max(values: &[Self], last: bool) -> Self {
        let most = values.len() as f64 - 2.0;
        let place = |(at, value): (usize, &Symbol)| {
            let beats = |(other, rival): (usize, &Symbol)| match (other < at) == last {
                true => rival.less_or_equal(value),
                false => rival.less(value),
            };
            let rivals = values.iter().enumerate().filter(|(other, _)| *other != at);
            let hits = Symbol::sum(rivals.map(beats));
            let greatest = hits.sub(&Symbol::constant(most)).relu();
            Symbol::constant(at as f64).mul(&greatest)
        };
        match values.len() {
            0 | 1 => Symbol::zero(),
            _ => Symbol::sum(values.iter().enumerate().map(place)),
        }
    }
    fn top(values: &[Self], count: usize, greatest: bool) -> Option<Vec<(Self, Self)>> {
        let constants: Option<Vec<Interval>> = values
            .iter()
            .map(|value| match value {
                Symbol::Constant(value) => Some(*value),
                Symbol::Expression(_) => None,
            })
            .collect();
        let Some(constants) = constants else {
            values.iter().for_each(|value| drop(value.fail(None)));
            return None;
        };
        let top = Order::top(&constants, count, greatest)?;
        Some(top.into_iter().map(|(v, at)| (Symbol::Constant(v), Symbol::Constant(at))).collect())
    }
}

impl Analytic for Symbol {
    fn pointwise(&self, function: &Function) -> Self {
        if let Symbol::Constant(value) = self {
            return Symbol::Constant(function.image(*value));
        }
        match *function {
            Function::Abs => self.abs(),
            // min(max, .) then max(min, .), which is the same as long as min <= max.
            Function::Clip { min, max } => {
                let below = match max < f64::INFINITY {
                    true => self.min(&Symbol::constant(max)),
                    false => self.clone(),
                };
                match min > f64::NEG_INFINITY {
                    true => Symbol::constant(min).max(&below),
                    false => below,
                }
            }
            Function::LeakyRelu { alpha } => self.p_relu(&Symbol::constant(f64::from(alpha))),
            Function::ThresholdedRelu { alpha: 0.0 } => self.relu(),
            other => self.apply(other),
        }
    }
    /// `s x + (1 - s) max(0, x)`.
    fn p_relu(&self, slope: &Self) -> Self {
        match (self, slope) {
            (Symbol::Constant(value), Symbol::Constant(slope)) => {
                Symbol::Constant(value.p_relu(slope))
            }
            (_, Symbol::Constant(_)) => {
                let rest = Symbol::constant(1.0).sub(slope);
                slope.mul(self).add(&rest.mul(&self.relu()))
            }
            _ => self.fail(Some(slope)),
        }
    }
    /// `1 / sum_j e^(x_j - x_i)`; for the logarithm `x_i - (x_0 + ln sum_j e^(x_j - x_0))`, whose
    /// second part all elements share.
    fn softmax(group: &[Self], logarithm: bool) -> Vec<Self> {
        let above = |base: &Symbol, at: usize| {
            let rest = group.iter().enumerate().filter(|(j, _)| *j != at);
            let powers = rest.map(|(_, x)| x.sub(base).pointwise(&Function::Exp));
            Symbol::constant(1.0).add(&Symbol::sum(powers))
        };
        let Some(first) = group.first() else { return Vec::new() };
        if logarithm {
            let shared = first.add(&above(first, 0).pointwise(&Function::Log));
            return group.iter().map(|x| x.sub(&shared)).collect();
        }
        let share = |(at, x): (usize, &Symbol)| above(x, at).pointwise(&Function::Reciprocal);
        group.iter().enumerate().map(share).collect()
    }
    /// `(x_i - m) (v + epsilon)^(-1/2)`.
    fn normalized(group: &[Self], statistics: &Statistics) -> Vec<Self> {
        let count = Symbol::from_integer(group.len() as i64);
        let mean = match statistics.centred {
            true => Symbol::sum(group.iter().cloned()).div(&count),
            false => Symbol::zero(),
        };
        // As variables of their own, since each is used twice.
        let centred: Vec<Symbol> = group.iter().map(|x| x.sub(&mean).held()).collect();
        let variance = Symbol::sum(centred.iter().map(Symbol::square)).div(&count);
        let shifted = variance.add(&Symbol::constant(f64::from(statistics.epsilon)));
        let scale = shifted.pointwise(&Function::Pow { exponent: -0.5 });
        centred.iter().map(|x| x.mul(&scale)).collect()
    }
}

impl Symbol {
    /// The variable of what [`Symbol::held`] returned; none for a constant.
    pub fn variable(&self) -> Option<Variable> {
        match self {
            Symbol::Constant(_) => None,
            Symbol::Expression(expression) => Some(expression.materialise()),
        }
    }

    /// The number as a variable, if it is no constant.
    pub fn held(&self) -> Symbol {
        match self {
            Symbol::Constant(_) => self.clone(),
            Symbol::Expression(expression) => {
                let variable = expression.materialise();
                Symbol::Expression(Expression::variable(&expression.tape, variable))
            }
        }
    }
}
