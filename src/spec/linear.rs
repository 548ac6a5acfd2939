//! Linear forms over inputs and outputs, and what formulas are made of.

use plimsoll_check::number::Rational;
use std::collections::BTreeMap;

/// A variable, by its flat place in the model's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// A flat output.
    Output(usize),
    /// A flat input.
    Input(usize),
}

/// `sum terms + constant`; no coefficient is zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Linear {
    /// Coefficients.
    pub terms: BTreeMap<Variable, Rational>,
    /// The constant.
    pub constant: Rational,
}

impl Linear {
    /// A number.
    pub fn constant(value: Rational) -> Linear {
        Linear { terms: BTreeMap::new(), constant: value }
    }

    /// A variable.
    pub fn variable(variable: Variable) -> Linear {
        Linear { terms: BTreeMap::from([(variable, Rational::ONE)]), constant: Rational::ZERO }
    }

    /// The sum with a multiple of another form.
    pub fn plus(&self, factor: &Rational, other: &Linear) -> Linear {
        let mut sum = self.clone();
        sum.constant = &sum.constant + &(factor * &other.constant);
        for (variable, coefficient) in &other.terms {
            let entry = sum.terms.entry(*variable).or_default();
            *entry = &*entry + &(factor * coefficient);
        }
        sum.terms.retain(|_, coefficient| !coefficient.is_zero());
        sum
    }

    /// A multiple.
    pub fn times(&self, factor: &Rational) -> Linear {
        Linear::default().plus(factor, self)
    }

    /// The value at a point.
    pub fn value(&self, inputs: &[Rational], outputs: &[Rational]) -> Rational {
        let mut sum = self.constant.clone();
        for (variable, coefficient) in &self.terms {
            sum += &(coefficient
                * match variable {
                    Variable::Output(at) => &outputs[*at],
                    Variable::Input(at) => &inputs[*at],
                });
        }
        sum
    }

    /// Whether no output occurs in it.
    pub fn is_about_inputs(&self) -> bool {
        self.terms.keys().all(|variable| matches!(variable, Variable::Input(_)))
    }

    /// The least and the greatest value over a box of inputs, if no output occurs in it.
    pub fn range(&self, bounds: &[(Rational, Rational)]) -> Option<(Rational, Rational)> {
        let (mut low, mut high) = (self.constant.clone(), self.constant.clone());
        for (variable, coefficient) in &self.terms {
            let Variable::Input(at) = variable else { return None };
            let ends = [coefficient * &bounds[*at].0, coefficient * &bounds[*at].1];
            let (a, b) = if coefficient.signum() > 0 { (0, 1) } else { (1, 0) };
            low += &ends[a];
            high += &ends[b];
        }
        Some((low, high))
    }
}

/// `form <= 0`, or `< 0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atom {
    /// The left-hand side.
    pub form: Linear,
    /// Whether zero does not satisfy it.
    pub strict: bool,
}

impl Atom {
    /// Whether it is satisfied where its form has this value.
    pub fn holds_at(&self, value: &Rational) -> bool {
        if self.strict { value.signum() < 0 } else { value.signum() <= 0 }
    }
}

/// A sum with `abs`, `max` and `min` in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// The part without them.
    pub linear: Linear,
    /// The other terms.
    pub pieces: Vec<(Rational, Piece)>,
}

/// The greatest or the least of some sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Whether it is the greatest.
    pub greatest: bool,
    /// Of these.
    pub members: Vec<Sum>,
}

impl Sum {
    /// The sum with a multiple of another.
    pub fn plus(&self, factor: &Rational, other: &Sum) -> Sum {
        let mut sum = self.clone();
        sum.linear = sum.linear.plus(factor, &other.linear);
        for (coefficient, piece) in &other.pieces {
            let coefficient = factor * coefficient;
            if !coefficient.is_zero() {
                sum.pieces.push((coefficient, piece.clone()));
            }
        }
        sum
    }

    /// Its value, if it is a number.
    pub fn number(&self) -> Option<&Rational> {
        (self.pieces.is_empty() && self.linear.terms.is_empty()).then_some(&self.linear.constant)
    }
}

/// How two sums are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
}

/// A formula over inputs and outputs, in physical units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula {
    /// True or false.
    Constant(bool),
    /// Every member.
    All(Vec<Formula>),
    /// Some member.
    Any(Vec<Formula>),
    /// The opposite.
    Not(Box<Formula>),
    /// `sum relation 0`.
    Compare(Sum, Relation),
    /// The decision is one of the labels.
    Decides {
        /// Whether the least score wins.
        least: bool,
        /// Outputs that compete.
        among: Vec<usize>,
        /// Those that may win.
        labels: Vec<usize>,
    },
}
