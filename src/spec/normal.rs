//! From a formula to the disjunction of conjunctions in which a query is written.

use super::linear::{Atom, Formula, Linear, Piece, Relation, Sum, Variable};
use plimsoll_check::number::Rational;

/// Most conjunctions of a disjunction.
pub const MAX_DISJUNCTS: usize = 4096;

/// More than [`MAX_DISJUNCTS`] conjunctions would be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// Conjunctions of which one has to be met.
pub type Disjunction = Vec<Vec<Atom>>;

/// Who wins a tie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ties {
    /// Whoever is unwanted.
    #[default]
    Adverse,
    /// The first.
    First,
    /// Nobody: a decision needs a score that is better than all others.
    Nobody,
}

/// The formula, or its negation, as *unwanted* conjunctions: what is wanted is that none is met.
///
/// Decisions are read adversely: where scores tie, each of the tied labels counts as decided.
///
/// # Errors
/// If there would be too many conjunctions.
pub fn unwanted(formula: &Formula, negated: bool, ties: Ties) -> Result<Disjunction, TooMany> {
    match formula {
        Formula::Constant(value) => {
            Ok(if *value == negated { Vec::new() } else { vec![Vec::new()] })
        }
        Formula::Not(inner) => unwanted(inner, !negated, ties),
        Formula::All(members) | Formula::Any(members) => {
            let parts = members.iter().map(|member| unwanted(member, negated, ties));
            let conjunction = matches!(formula, Formula::All(_)) != negated;
            if conjunction { all(parts) } else { any(parts) }
        }
        Formula::Compare(sum, relation) => {
            let minus = Rational::from(-1);
            let opposite = Sum::default().plus(&minus, sum);
            match (relation, negated) {
                (Relation::Less, false) => below(sum, true),
                (Relation::Less, true) => below(&opposite, false),
                (Relation::AtMost, false) => below(sum, false),
                (Relation::AtMost, true) => below(&opposite, true),
                (Relation::Equal, false) => {
                    all([below(sum, false), below(&opposite, false)].into_iter())
                }
                (Relation::Equal, true) => {
                    any([below(sum, true), below(&opposite, true)].into_iter())
                }
            }
        }
        Formula::Decides { least, among, labels } => decides(*least, among, labels, negated, ties),
    }
}

/// `sum <= 0`: a greatest with a positive coefficient is below if all are, a least if one is.
fn below(sum: &Sum, strict: bool) -> Result<Disjunction, TooMany> {
    let mut rest = sum.clone();
    let Some((coefficient, Piece { greatest, members })) = rest.pieces.pop() else {
        return Ok(atom(rest.linear, strict));
    };
    let parts = members.iter().map(|member| below(&rest.plus(&coefficient, member), strict));
    if greatest == (coefficient.signum() > 0) { all(parts) } else { any(parts) }
}

/// One atom, or its truth if no variable occurs in it.
fn atom(form: Linear, strict: bool) -> Disjunction {
    let atom = Atom { form, strict };
    if !atom.form.terms.is_empty() {
        vec![vec![atom]]
    } else if atom.holds_at(&atom.form.constant) {
        vec![Vec::new()]
    } else {
        Vec::new()
    }
}

fn any(parts: impl Iterator<Item = Result<Disjunction, TooMany>>) -> Result<Disjunction, TooMany> {
    let mut result = Disjunction::new();
    for part in parts {
        for conjunction in part? {
            if !result.contains(&conjunction) {
                result.push(conjunction);
            }
        }
        if result.len() > MAX_DISJUNCTS {
            return Err(TooMany);
        }
    }
    Ok(result)
}

fn all(parts: impl Iterator<Item = Result<Disjunction, TooMany>>) -> Result<Disjunction, TooMany> {
    let mut result = vec![Vec::new()];
    for part in parts {
        let part = part?;
        if part.len().saturating_mul(result.len()) > MAX_DISJUNCTS {
            return Err(TooMany);
        }
        let mut product = Disjunction::new();
        for left in &result {
            for right in &part {
                let mut conjunction: Vec<Atom> = left.clone();
                for atom in right {
                    if !conjunction.contains(atom) {
                        conjunction.push(atom.clone());
                    }
                }
                product.push(conjunction);
            }
        }
        result = product;
    }
    Ok(result)
}

fn decides(
    least: bool,
    among: &[usize],
    labels: &[usize],
    negated: bool,
    ties: Ties,
) -> Result<Disjunction, TooMany> {
    // The score of `loser` is at most that of `winner`; a strict order wherever the first wins ties and
    // the winner is not it.
    let beats = |winner: usize, loser: usize| {
        let sign = Rational::from(if least { -1 } else { 1 });
        let form = Linear::variable(Variable::Output(loser))
            .times(&sign)
            .plus(&-&sign, &Linear::variable(Variable::Output(winner)));
        let place = |output| among.iter().position(|candidate| *candidate == output);
        Atom {
            form,
            strict: match ties {
                Ties::Adverse => false,
                Ties::First => place(loser) < place(winner),
                Ties::Nobody => true,
            },
        }
    };
    let wins = |winner: usize, against: &mut dyn Iterator<Item = usize>| {
        against.filter(|loser| *loser != winner).map(|loser| beats(winner, loser)).collect()
    };
    let winners: Vec<usize> =
        among.iter().copied().filter(|output| labels.contains(output) != negated).collect();
    let mut result = Disjunction::new();
    for winner in winners {
        // Of those that are not in the list, one that is not beaten by the list is as good as one that
        // is not beaten by anybody: the best of them is neither.
        let conjunction: Vec<Atom> = if negated {
            wins(winner, &mut labels.iter().copied().filter(|label| among.contains(label)))
        } else {
            wins(winner, &mut among.iter().copied())
        };
        result.push(conjunction);
    }
    if result.len() > MAX_DISJUNCTS { Err(TooMany) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All outputs of three with values in 0..=2.
    fn points() -> Vec<Vec<i64>> {
        (0..27).map(|n| vec![n % 3, n / 3 % 3, n / 9]).collect()
    }

    fn met(disjunction: &Disjunction, outputs: &[i64]) -> bool {
        let outputs: Vec<Rational> = outputs.iter().map(|y| Rational::from(*y)).collect();
        disjunction
            .iter()
            .any(|atoms| atoms.iter().all(|atom| atom.holds_at(&atom.form.value(&[], &outputs))))
    }

    #[test]
    fn decisions_by_all_small_scores() {
        for labels in [vec![0], vec![1], vec![2], vec![0, 2], vec![1, 2]] {
            let formula =
                Formula::Decides { least: false, among: vec![0, 1, 2], labels: labels.clone() };
            for outputs in points() {
                let top = *outputs.iter().max().unwrap();
                let best: Vec<usize> = (0..3).filter(|i| outputs[*i] == top).collect();
                let adverse =
                    |negated| met(&unwanted(&formula, negated, Ties::Adverse).unwrap(), &outputs);
                assert_eq!(adverse(false), best.iter().any(|b| labels.contains(b)), "{outputs:?}");
                assert_eq!(adverse(true), best.iter().any(|b| !labels.contains(b)), "{outputs:?}");
                let first =
                    |negated| met(&unwanted(&formula, negated, Ties::First).unwrap(), &outputs);
                assert_eq!(first(false), labels.contains(&best[0]), "{outputs:?} {labels:?}");
                assert_eq!(first(true), !labels.contains(&best[0]), "{outputs:?} {labels:?}");
            }
        }
    }

    #[test]
    fn pieces_by_all_small_scores() {
        let y = |i| Sum { linear: Linear::variable(Variable::Output(i)), pieces: Vec::new() };
        let piece = |greatest, members| Sum {
            linear: Linear::default(),
            pieces: vec![(Rational::ONE, Piece { greatest, members })],
        };
        // max(y0, min(y1, y2)) - max(y1, y2) compared with 0.
        let inner = piece(false, vec![y(1), y(2)]);
        let sum = piece(true, vec![y(0), inner])
            .plus(&Rational::from(-1), &piece(true, vec![y(1), y(2)]));
        for relation in [Relation::Less, Relation::AtMost, Relation::Equal] {
            let formula = Formula::Compare(sum.clone(), relation);
            let yes = unwanted(&formula, false, Ties::Adverse).unwrap();
            let no = unwanted(&formula, true, Ties::Adverse).unwrap();
            for p in points() {
                let value = p[0].max(p[1].min(p[2])) - p[1].max(p[2]);
                let expected = match relation {
                    Relation::Less => value < 0,
                    Relation::AtMost => value <= 0,
                    Relation::Equal => value == 0,
                };
                assert_eq!(met(&yes, &p), expected, "{p:?} {relation:?}");
                assert_eq!(met(&no, &p), !expected, "{p:?} {relation:?}");
            }
        }
    }

    #[test]
    fn too_many_alternatives_are_refused() {
        let either = |i| {
            let y = Sum { linear: Linear::variable(Variable::Output(i)), pieces: Vec::new() };
            Formula::Not(Box::new(Formula::Compare(y, Relation::Equal)))
        };
        let formula = Formula::All((0..13).map(either).collect());
        assert_eq!(unwanted(&formula, false, Ties::Adverse), Err(TooMany));
    }
}
