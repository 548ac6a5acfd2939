//! What a text says and what its canonical query says, compared at points.
//!
//! Random formulas over two inputs and two outputs are written in both languages, read, and judged at
//! every point of a grid on which their numbers lie, so that strict and weak comparisons differ: the
//! formula by walking it, the query by its boxes and rows. Everything is exact.

#[path = "common/mutate.rs"]
mod mutate;

use mutate::Random;
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Language, Query};
use plimsoll_check::vnnlib;
use std::collections::HashSet;
use std::fmt::Write;

enum Term {
    Number(i64),
    /// 0 and 1 are inputs, 2 and 3 outputs.
    Variable(usize),
    Sum(Vec<Term>),
    Difference(Vec<Term>),
    /// Numbers, in halves, around one term.
    Product(Vec<i64>, Box<Term>, Vec<i64>),
}

enum Formula {
    And(Vec<Formula>),
    Or(Vec<Formula>),
    /// One of `<=`, `<`, `>=`, `>`, equal, unequal.
    Compare(usize, Term, Term),
}

const V1: [&str; 5] = ["<=", "<", ">=", ">", "="];
const V2: [&str; 6] = ["<=", "<", ">=", ">", "==", "!="];

fn half(number: i64) -> Rational {
    Rational::from(number).checked_div(&Rational::from(2)).unwrap()
}

impl Term {
    fn random(random: &mut Random, depth: usize) -> Term {
        let number = |random: &mut Random| random.below(5) as i64 - 2;
        match random.below(if depth == 0 { 4 } else { 8 }) {
            0 | 4 => Term::Number(number(random)),
            1..=3 => Term::Variable(random.below(4)),
            5 => Term::Sum(
                (0..1 + random.below(3)).map(|_| Term::random(random, depth - 1)).collect(),
            ),
            6 => {
                let count = 1 + random.below(3);
                Term::Difference((0..count).map(|_| Term::random(random, depth - 1)).collect())
            }
            _ => {
                let before = (0..random.below(3)).map(|_| number(random)).collect();
                let term = Term::random(random, depth - 1);
                Term::Product(
                    before,
                    Box::new(term),
                    (0..random.below(2)).map(|_| number(random)).collect(),
                )
            }
        }
    }

    fn value(&self, point: &[Rational; 4]) -> Rational {
        match self {
            Term::Number(number) => half(*number),
            Term::Variable(index) => point[*index].clone(),
            Term::Sum(terms) => {
                terms.iter().fold(Rational::ZERO, |sum, term| &sum + &term.value(point))
            }
            Term::Difference(terms) => match terms.as_slice() {
                [only] => -&only.value(point),
                [first, rest @ ..] => {
                    rest.iter().fold(first.value(point), |sum, term| &sum - &term.value(point))
                }
                [] => unreachable!("differences have an operand"),
            },
            Term::Product(before, term, after) => before
                .iter()
                .chain(after)
                .fold(term.value(point), |product, factor| &product * &half(*factor)),
        }
    }

    fn write(&self, text: &mut String, language: Language) {
        let list = |text: &mut String, operator: &str, terms: &[Term]| {
            let _ = write!(text, "({operator}");
            for term in terms {
                text.push(' ');
                term.write(text, language);
            }
            text.push(')');
        };
        match self {
            Term::Number(number) => {
                let _ = write!(text, "{:.1}", *number as f64 / 2.0);
            }
            Term::Variable(index) => {
                let letter = if *index < 2 { 'X' } else { 'Y' };
                let _ = match language {
                    Language::V1 => write!(text, "{letter}_{}", index % 2),
                    Language::V2 => write!(text, "{letter}[0,{}]", index % 2),
                };
            }
            Term::Sum(terms) => list(text, "+", terms),
            Term::Difference(terms) => list(text, "-", terms),
            Term::Product(before, term, after) => {
                text.push_str("(*");
                for number in before {
                    let _ = write!(text, " {:.1}", *number as f64 / 2.0);
                }
                text.push(' ');
                term.write(text, language);
                for number in after {
                    let _ = write!(text, " {:.1}", *number as f64 / 2.0);
                }
                text.push(')');
            }
        }
    }
}

impl Formula {
    fn random(random: &mut Random, depth: usize, language: Language) -> Formula {
        let kinds = if depth == 0 { 1 } else { 4 };
        let least = usize::from(language == Language::V2);
        match random.below(kinds) {
            kind @ (2 | 3) => {
                let count = if random.below(8) == 0 { least } else { 1 + random.below(3) };
                let children =
                    (0..count).map(|_| Formula::random(random, depth - 1, language)).collect();
                if kind == 2 { Formula::And(children) } else { Formula::Or(children) }
            }
            _ => {
                let relations = if language == Language::V1 { V1.len() } else { V2.len() };
                // Many faces among the rows.
                let (left, right) = match random.below(2) {
                    0 => {
                        (Term::Variable(random.below(2)), Term::Number(random.below(5) as i64 - 2))
                    }
                    _ => (Term::random(random, 3), Term::random(random, 2)),
                };
                Formula::Compare(random.below(relations), left, right)
            }
        }
    }

    fn holds(&self, point: &[Rational; 4]) -> bool {
        match self {
            Formula::And(children) => children.iter().all(|child| child.holds(point)),
            Formula::Or(children) => children.iter().any(|child| child.holds(point)),
            Formula::Compare(relation, left, right) => {
                let order = left.value(point).cmp(&right.value(point));
                match relation {
                    0 => order.is_le(),
                    1 => order.is_lt(),
                    2 => order.is_ge(),
                    3 => order.is_gt(),
                    4 => order.is_eq(),
                    _ => order.is_ne(),
                }
            }
        }
    }

    fn write(&self, text: &mut String, language: Language) {
        match self {
            Formula::And(children) | Formula::Or(children) => {
                text.push_str(if matches!(self, Formula::And(_)) { "(and" } else { "(or" });
                for child in children {
                    text.push(' ');
                    child.write(text, language);
                }
            }
            Formula::Compare(relation, left, right) => {
                let relations = if language == Language::V1 { &V1[..] } else { &V2[..] };
                let _ = write!(text, "({} ", relations[*relation]);
                left.write(text, language);
                text.push(' ');
                right.write(text, language);
            }
        }
        text.push(')');
    }
}

/// Whether a point satisfies the query.
fn satisfies(query: &Query, point: &[Rational; 4]) -> bool {
    let (inputs, outputs) = point.split_at(2);
    query.disjuncts.iter().any(|disjunct| {
        query.regions[disjunct.region as usize].contains(inputs)
            && disjunct.rows.iter().all(|row| row.holds_at(&row.value(inputs, outputs)))
    })
}

#[test]
fn a_query_says_what_its_text_says() {
    let half_steps: Vec<Rational> = (-2..=2).map(half).collect();
    let mut points = Vec::new();
    for number in 0..5usize.pow(4) {
        let digit = |place: u32| half_steps[number / 5usize.pow(place) % 5].clone();
        points.push([digit(0), digit(1), digit(2), digit(3)]);
    }
    let (mut satisfied, mut disjuncts) = (0, 0);
    for seed in 0..3_000 {
        let random = &mut Random::new(seed);
        let language = if seed % 2 == 0 { Language::V1 } else { Language::V2 };
        let assertions: Vec<Formula> =
            (0..1 + random.below(3)).map(|_| Formula::random(random, 3, language)).collect();
        let (mut text, x) = match language {
            Language::V1 => {
                let declarations = ["X_0", "X_1", "Y_0", "Y_1"]
                    .map(|name| format!("(declare-const {name} Real)\n"));
                (declarations.concat(), ["X_0", "X_1"])
            }
            Language::V2 => {
                let declarations = "(vnnlib-version <2.0>)\n(declare-network f\n\
                     (declare-input X real [1,2])\n(declare-output Y real [1,2]))\n";
                (declarations.to_string(), ["X[0,0]", "X[0,1]"])
            }
        };
        // Every input has bounds, before or after everything else.
        let mut bounds = String::new();
        for name in x {
            let _ = writeln!(bounds, "(assert (and (>= {name} -1.0) (<= {name} 1.0)))");
        }
        let first = random.below(2) == 0;
        if first {
            text.push_str(&bounds);
        }
        for assertion in &assertions {
            text.push_str("(assert ");
            assertion.write(&mut text, language);
            text.push_str(")\n");
        }
        if !first {
            text.push_str(&bounds);
        }
        let query =
            vnnlib::read(text.as_bytes()).unwrap_or_else(|error| panic!("{seed}: {error}\n{text}"));
        for point in &points {
            let holds = assertions.iter().all(|assertion| assertion.holds(point));
            assert_eq!(satisfies(&query, point), holds, "{seed} at {point:?}\n{text}");
            satisfied += usize::from(holds);
        }
        disjuncts += query.disjuncts.len();
        let distinct: HashSet<_> = query.disjuncts.iter().collect();
        assert_eq!(distinct.len(), query.disjuncts.len(), "{seed}: equal disjuncts\n{text}");
        let distinct: HashSet<_> = query.regions.iter().collect();
        assert_eq!(distinct.len(), query.regions.len(), "{seed}: equal regions\n{text}");
        assert!(query.regions.iter().all(|region| !region.is_empty()), "{seed}: an empty region");
        let again = vnnlib::read(query.to_vnnlib().as_bytes()).unwrap();
        assert_eq!(
            (&again.regions, &again.disjuncts),
            (&query.regions, &query.disjuncts),
            "{seed}"
        );
    }
    // The formulas are neither always true nor always false.
    let judged = 3_000 * points.len();
    assert!(satisfied > judged / 20 && satisfied < judged / 2, "{satisfied} of {judged}");
    assert!(disjuncts > 3_000, "{disjuncts}");
}
