//! Lower ends that values have by the way they are computed: sums of squares are not negative.
//!
//! Bounds of such a sum may be a little below its least value, as rounding is charged. Roots, logarithms
//! and reciprocals are not defined there; what is known beforehand is said once more before them.

use super::build::Lowering;
use super::compose::{Expression, Maps};
use crate::net::{NodeIndex, Primitive};
use plimsoll_check::ops::Function;

impl Lowering<'_> {
    /// A function of each element. Where it is not defined everywhere and the operand has a lower end that lies in
    /// its domain, the operand is cut off there, which changes nothing.
    pub fn guarded(&mut self, of: Expression, function: Function) -> Expression {
        let floor = match function {
            Function::Sqrt => self.floor(&of, 8),
            Function::Pow { exponent } if exponent != exponent.trunc() => self.floor(&of, 8),
            Function::Log | Function::Reciprocal => self.floor(&of, 8).filter(|f| *f > 0.0),
            Function::Pow { exponent } if exponent < 0.0 => self.floor(&of, 8).filter(|f| *f > 0.0),
            _ => None,
        };
        let of = match floor {
            Some(min) => self.pointwise(of, Function::Clip { min, max: f64::INFINITY }),
            None => of,
        };
        self.pointwise(of, function)
    }

    /// A number, not negative, that no element of the expression is below, if that is seen at once: looking back
    /// over `depth` nodes at most.
    fn floor(&self, expression: &Expression, depth: usize) -> Option<f64> {
        match expression {
            Expression::Node(index) => self.floor_of_node(*index, depth),
            Expression::Affine { terms, slack, bias } => {
                let least = bias.iter().copied().fold(f64::INFINITY, f64::min);
                for node in terms.keys().chain(slack.keys()) {
                    self.floor_of_node(*node, depth.checked_sub(1)?)?;
                }
                ((0.0..f64::INFINITY).contains(&least) && outweighs(terms, slack)).then_some(least)
            }
        }
    }

    fn floor_of_node(&self, index: NodeIndex, depth: usize) -> Option<f64> {
        match &self.node(index).primitive {
            Primitive::Relu { .. } => Some(0.0),
            Primitive::Pointwise { function, .. } => match *function {
                Function::Exp
                | Function::Sigmoid
                | Function::Softplus
                | Function::Sqrt
                | Function::Abs => Some(0.0),
                Function::Pow { exponent } if exponent % 2.0 == 0.0 => Some(0.0),
                Function::Clip { min, .. } if min >= 0.0 => Some(min),
                _ => None,
            },
            Primitive::Affine { terms, bias, slack } => {
                let least = bias.iter().copied().fold(f64::INFINITY, f64::min);
                let depth = depth.checked_sub(1)?;
                if !(0.0..f64::INFINITY).contains(&least) {
                    return None;
                }
                for term in terms {
                    self.floor_of_node(term.from, depth)?;
                }
                let weight = |terms: &[crate::net::Term], k: usize, from: NodeIndex, j: u32| {
                    let term = terms.iter().find(|term| term.from == from);
                    let row = term.map(|term| term.map.row(k)).unwrap_or_default();
                    row.iter().find(|entry| entry.0 == j).map_or(0.0, |entry| entry.1)
                };
                for k in 0..bias.len() {
                    let rows = terms.iter().map(|term| term.map.row(k));
                    if rows.flatten().any(|entry| entry.1 < 0.0) {
                        return None;
                    }
                    for term in slack {
                        let loses =
                            |(j, error): &(u32, f64)| !(weight(terms, k, term.from, *j) >= *error);
                        if term.map.row(k).iter().any(loses) {
                            return None;
                        }
                    }
                }
                Some(least)
            }
            Primitive::Input | Primitive::Product { .. } => None,
        }
    }
}

/// Whether all weights are not negative, whatever their errors are.
fn outweighs(terms: &Maps, slack: &Maps) -> bool {
    let positive = |rows: &super::rows::Rows| rows.parts().1.iter().all(|entry| entry.1 >= 0.0);
    let covered = |(node, errors): (&NodeIndex, &std::sync::Arc<super::rows::Rows>)| {
        let Some(rows) = terms.get(node) else { return false };
        errors.iter().zip(rows.iter()).all(|(errors, row)| {
            errors.iter().all(|(j, error)| {
                row.binary_search_by_key(j, |entry| entry.0).is_ok_and(|at| row[at].1 >= *error)
            })
        })
    };
    terms.values().all(|rows| positive(rows)) && slack.iter().all(covered)
}
