//! Constraints of a query in the notation of people.

use super::number::short;
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Query, Row};

/// Most terms that are written out on one side.
const TERMS: usize = 8;

/// A row as `Y_0 <= Y_1 + 0.5`: terms with positive coefficients on the left, the others on the right.
pub fn constraint(query: &Query, row: &Row) -> String {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let outputs = row.outputs.iter().map(|(at, c)| (query.output_name(*at as usize), c));
    let inputs = row.inputs.iter().map(|(at, c)| (query.input_name(*at as usize), c));
    for (name, coefficient) in outputs.chain(inputs) {
        let side = if coefficient.signum() > 0 { &mut left } else { &mut right };
        side.push(term(&name, &coefficient.abs()));
    }
    let (less, greater) = if row.strict { ("<", ">") } else { ("<=", ">=") };
    let negated = -&row.constant;
    match (left.is_empty(), row.constant.signum()) {
        // 0.5 <= Y_0 reads better the other way round.
        (true, 0) => format!("{} {greater} 0", sum(right)),
        (true, _) => format!("{} {greater} {}", sum(right), short(&row.constant)),
        (false, _) if right.is_empty() => format!("{} {less} {}", sum(left), short(&negated)),
        (false, sign) => {
            if sign > 0 {
                left.push(short(&row.constant));
            } else if sign < 0 {
                right.push(short(&negated));
            }
            format!("{} {less} {}", sum(left), sum(right))
        }
    }
}

fn term(name: &str, coefficient: &Rational) -> String {
    if *coefficient == Rational::ONE {
        name.to_string()
    } else {
        format!("{} {name}", short(coefficient))
    }
}

fn sum(mut terms: Vec<String>) -> String {
    if terms.len() > TERMS {
        let more = terms.len() - TERMS;
        terms.truncate(TERMS);
        terms.push(format!("({more} more terms)"));
    }
    terms.join(" + ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(assertion: &str) -> Vec<String> {
        let text = format!(
            "(declare-const X_0 Real) (declare-const Y_0 Real) (declare-const Y_1 Real)
             (assert (and (>= X_0 0) (<= X_0 1))) (assert {assertion})"
        );
        let query = plimsoll::read::query(text.as_bytes()).unwrap();
        query.disjuncts[0].rows.iter().map(|row| constraint(&query, row)).collect()
    }

    #[test]
    fn rows_read_as_people_write_them() {
        assert_eq!(rows("(<= Y_0 0.5)"), ["Y_0 <= 0.5"]);
        assert_eq!(rows("(> Y_0 0.5)"), ["Y_0 > 0.5"]);
        assert_eq!(rows("(>= Y_0 0)"), ["Y_0 >= 0"]);
        assert_eq!(rows("(>= Y_0 Y_1)"), ["Y_1 <= Y_0"]);
        assert_eq!(rows("(>= Y_0 (+ Y_1 0.25))"), ["Y_1 + 0.25 <= Y_0"]);
        assert_eq!(rows("(<= (* 2 Y_0) (- X_0 1.5))"), ["2 Y_0 + 1.5 <= X_0"]);
    }
}
