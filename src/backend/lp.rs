//! A mixed-integer linear program as plain data, encoded from a network over one box.
//!
//! The program is a relaxation with exact coefficients: every point of the box with the network's values
//! over the reals, and at which the rows of a disjunct hold, is a solution of it. So a program without
//! solutions excludes the disjunct on the box. The converse fails only where the network has functions
//! that are not piecewise linear, or weights that are known up to rounding.

use crate::bound::{Bounds, Relaxation, Side};
use crate::net::{Network, Primitive};
use crate::problem::Problem;
use std::ops::Range;

/// A number that a program asks for, between two finite ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variable {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Whether only integers count.
    pub integral: bool,
}

/// How the sum of a constraint compares with its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// At most.
    AtMost,
    /// Equal.
    Equal,
}

/// `sum coefficient * variable <= bound`, or `= bound`. A variable may occur more than once.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// Variables and coefficients.
    pub terms: Vec<(u32, f64)>,
    /// The comparison.
    pub sense: Sense,
    /// The right-hand side.
    pub bound: f64,
}

/// A relu neuron whose sign is open, and the variables that speak of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// 1 where the neuron is active, 0 where it is not.
    pub indicator: u32,
    /// The pre-activation.
    pub before: u32,
    /// The activation.
    pub after: u32,
}

/// A mixed-integer linear program without an objective.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Program {
    /// All variables; the inputs of the network come first.
    pub variables: Vec<Variable>,
    /// All constraints; those of the disjunct come last.
    pub constraints: Vec<Constraint>,
    /// The constraints that stand for rows of the disjunct, all of them [`Sense::AtMost`].
    pub goals: Range<usize>,
    /// Open neurons in topological order.
    pub phases: Vec<Phase>,
    /// Number of inputs.
    pub inputs: usize,
    /// The variable of each output; `None` where the output is zero.
    pub(super) outputs: Vec<Option<u32>>,
}

impl Program {
    fn variable(&mut self, lower: f64, upper: f64, integral: bool) -> u32 {
        self.variables.push(Variable { lower, upper, integral });
        (self.variables.len() - 1) as u32
    }

    fn constrain(&mut self, terms: Vec<(u32, f64)>, sense: Sense, bound: f64) {
        self.constraints.push(Constraint { terms, sense, bound });
    }

    /// `sum + offset <= value`, unless the offset says nothing.
    fn under(&mut self, value: Element, mut sum: Vec<(u32, f64)>, offset: f64) {
        if let Some(value) = value.filter(|_| offset.is_finite()) {
            sum.push((value, -1.0));
            self.constrain(sum, Sense::AtMost, -offset);
        }
    }

    /// `value <= sum + offset`, unless the offset says nothing.
    fn over(&mut self, value: Element, mut sum: Vec<(u32, f64)>, offset: f64) {
        if let Some(value) = value.filter(|_| offset.is_finite()) {
            sum.iter_mut().for_each(|term| term.1 = -term.1);
            sum.push((value, 1.0));
            self.constrain(sum, Sense::AtMost, offset);
        }
    }

    /// The program with the rows of a disjunct added, each as `row <= 0`.
    ///
    /// Compiled rows are lower bounds of the exact ones, so that nothing that satisfies these is lost.
    pub fn with_goals(&self, problem: &Problem, disjunct: u32) -> Program {
        let mut program = self.clone();
        let first = program.constraints.len();
        for row in &problem.disjuncts[disjunct as usize] {
            let row = &problem.rows[*row as usize];
            let outputs = row
                .outputs
                .iter()
                .filter_map(|(k, a)| program.outputs[*k as usize].map(|variable| (variable, *a)));
            let terms = outputs.chain(row.inputs.iter().copied()).collect();
            program.constraints.push(Constraint {
                terms,
                sense: Sense::AtMost,
                bound: -row.constant,
            });
        }
        program.goals = first..program.constraints.len();
        program
    }

    /// Nonzero coefficients.
    pub fn size(&self) -> usize {
        self.constraints.iter().map(|constraint| constraint.terms.len()).sum()
    }
}

/// What stands for one element of a node: a variable, or zero.
type Element = Option<u32>;

/// The network over a box as a program without goals. `bounds` are proven over the box (a batch of one),
/// and finite; `relaxations` are those that came with them.
///
/// A neuron that the bounds prove stable costs nothing. An open one has an activation `r` and an
/// indicator `a`, with `r >= z`, `r <= u a`, `r <= z - l (1 - a)` and `0 <= r <= u`, where `l < 0 < u` are
/// the bounds of the pre-activation `z`: for `a = [z > 0]` these hold at `r = max(0, z)`, and for either
/// value of `a` they force `r` to be what the phase says. All coefficients are floats as they stand.
/// Of other functions and of products, a line or plane on either side is encoded, whose offset is proven for the
/// slopes as they are stored.
pub fn encode(network: &Network, bounds: &Bounds, relaxations: &[Relaxation]) -> Program {
    let mut program = Program { inputs: network.input_len(), ..Program::default() };
    let mut elements: Vec<Vec<Element>> = Vec::with_capacity(network.nodes.len());
    for (index, node) in network.nodes.iter().enumerate() {
        let found: Vec<Element> = if let Primitive::Relu { of } = &node.primitive {
            (0..node.len)
                .map(|k| {
                    let (lower, upper) = (bounds[*of].lower[k], bounds[*of].upper[k]);
                    relu(&mut program, elements[*of][k], lower, upper)
                })
                .collect()
        } else {
            let own = &bounds[index];
            (0..node.len)
                .map(|k| Some(program.variable(own.lower[k], own.upper[k], false)))
                .collect()
        };
        if let Primitive::Affine { terms, bias, slack } = &node.primitive {
            for (k, bias) in bias.iter().enumerate() {
                let mut line = vec![(found[k].unwrap_or(0), -1.0)];
                for term in terms {
                    for (column, weight) in term.map.row(k) {
                        if let Some(variable) = elements[term.from][column as usize] {
                            line.push((variable, weight));
                        }
                    }
                }
                // What rounding the weights can have lost, rounded up.
                let mut lost = 0.0;
                for term in slack {
                    for (column, weight) in term.map.row(k) {
                        let source = &bounds[term.from];
                        let at = column as usize;
                        let magnitude = source.lower[at].abs().max(source.upper[at].abs());
                        lost = (lost + (weight.abs() * magnitude).next_up()).next_up();
                    }
                }
                if lost > 0.0 {
                    let negated = line.iter().map(|(v, a)| (*v, -a)).collect();
                    program.constrain(negated, Sense::AtMost, (bias + lost).next_up());
                    program.constrain(line, Sense::AtMost, (lost - bias).next_up());
                } else {
                    program.constrain(line, Sense::Equal, -bias);
                }
            }
        }
        match (&node.primitive, &relaxations[index]) {
            (Primitive::Pointwise { of, .. }, Relaxation::Pointwise(lines)) => {
                for k in 0..node.len {
                    let line = |side: &Side| -> Vec<(u32, f64)> {
                        elements[*of][k].map(|z| (z, side.slope[k])).into_iter().collect()
                    };
                    program.under(found[k], line(&lines.below), lines.below.offset[k]);
                    program.over(found[k], line(&lines.above), lines.above.offset[k]);
                }
            }
            (Primitive::Product { left, right, pairs }, Relaxation::Product(planes)) => {
                for (k, (i, j)) in pairs.iter().enumerate() {
                    let factors = (elements[*left][*i as usize], elements[*right][*j as usize]);
                    let plane = |side: &Side| -> Vec<(u32, f64)> {
                        let x = factors.0.map(|x| (x, side.slope[k]));
                        let y = factors.1.map(|y| (y, side.right[k]));
                        x.into_iter().chain(y).collect()
                    };
                    program.under(found[k], plane(&planes.below), planes.below.offset[k]);
                    program.over(found[k], plane(&planes.above), planes.above.offset[k]);
                }
            }
            _ => {}
        }
        elements.push(found);
    }
    program.outputs = elements.pop().unwrap_or_default();
    program.goals = program.constraints.len()..program.constraints.len();
    program
}

fn relu(program: &mut Program, before: Element, lower: f64, upper: f64) -> Element {
    // A pre-activation that is zero is so after the relu, too.
    let before = before?;
    if lower >= 0.0 {
        return Some(before);
    }
    if upper <= 0.0 {
        return None;
    }
    let after = program.variable(0.0, upper, false);
    let indicator = program.variable(0.0, 1.0, true);
    program.constrain(vec![(before, 1.0), (after, -1.0)], Sense::AtMost, 0.0);
    program.constrain(vec![(after, 1.0), (indicator, -upper)], Sense::AtMost, 0.0);
    let line = vec![(after, 1.0), (before, -1.0), (indicator, -lower)];
    program.constrain(line, Sense::AtMost, -lower);
    program.phases.push(Phase { indicator, before, after });
    Some(after)
}
