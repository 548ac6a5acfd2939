//! A network as a list of definitions, one a number: what proofs speak of.
//!
//! Variables `0..inputs` are the inputs of the model; each later one is an affine combination of earlier
//! variables or a nonlinear function of one or two of them. [`super::trace`] makes it from a graph by
//! running the definition of every operator.

use crate::number::Interval;
use crate::ops::Function;
use std::collections::HashMap;

/// Index of a variable.
pub type Variable = u32;

/// How a variable follows from earlier ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Definition {
    /// An input of the model.
    Input,
    /// `sum_j w_j x_j + bias`; the terms are `terms[first..first + count]`.
    Affine {
        /// First term.
        first: u32,
        /// Number of terms.
        count: u32,
        /// What is added: a number in this interval.
        bias: Interval,
    },
    /// `max(0, x)`.
    Relu {
        /// The pre-activation.
        of: Variable,
    },
    /// Another function of one variable.
    Pointwise {
        /// The pre-activation.
        of: Variable,
        /// Index into [`Program::functions`].
        function: u32,
    },
    /// The product of two variables.
    Product {
        /// The factors.
        factors: [Variable; 2],
    },
}

/// A definition for every variable, in an order in which each uses earlier ones only.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Number of inputs.
    pub inputs: usize,
    /// How each variable is defined, inputs included.
    pub definitions: Vec<Definition>,
    /// The variables of all terms.
    pub columns: Vec<Variable>,
    /// Their coefficients.
    pub weights: Vec<f64>,
    /// For each term, how far the true coefficient may be from the stored one; empty if none is.
    pub radii: Vec<f64>,
    /// Functions in use.
    pub functions: Vec<Function>,
    /// The outputs of the model, one after the other.
    pub outputs: Vec<Variable>,
    /// The variables of the results of Relu operators, by the name of the value; so that a prover can say
    /// which neuron it means.
    pub named: HashMap<String, Vec<Variable>>,
}

impl Program {
    /// Number of variables.
    pub fn len(&self) -> usize {
        self.definitions.len()
    }

    /// Whether there is no variable.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    /// The terms of an affine definition: variables, coefficients and, if some are not exact, radii.
    pub fn terms(&self, first: u32, count: u32) -> (&[Variable], &[f64], &[f64]) {
        let at = first as usize..first as usize + count as usize;
        let radii = if self.radii.is_empty() { &[][..] } else { &self.radii[at.clone()] };
        (&self.columns[at.clone()], &self.weights[at], radii)
    }

    /// Calls `visit` with every earlier variable that a definition uses.
    pub fn operands(&self, definition: &Definition, mut visit: impl FnMut(Variable)) {
        match *definition {
            Definition::Input => {}
            Definition::Affine { first, count, .. } => {
                self.terms(first, count).0.iter().copied().for_each(visit);
            }
            Definition::Relu { of } | Definition::Pointwise { of, .. } => visit(of),
            Definition::Product { factors } => factors.into_iter().for_each(visit),
        }
    }

    /// For each relu variable its place among them, by which certificates number neurons.
    pub fn places(&self) -> HashMap<Variable, u32> {
        let all = self.definitions.iter().enumerate();
        all.filter(|(_, definition)| matches!(definition, Definition::Relu { .. }))
            .map(|(variable, _)| variable as Variable)
            .zip(0..)
            .collect()
    }
}
