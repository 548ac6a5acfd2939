//! A query about a network as SMT-LIB 2 text, in the logic QF_LRA, with exact numbers.
//!
//! The text is satisfiable exactly where some input violates the property. Inputs are `X_0`, `X_1`, ... and
//! outputs `Y_0`, ..., flat in the model's order.

use crate::bound::{Bounds, NodeBounds};
use crate::net::{Network, Primitive};
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Query, Row};
use plimsoll_check::{Error, Kind};
use std::fmt::Write;

/// Most weights of a network that is written down; each takes some 40 bytes.
const LARGEST: usize = 20_000_000;

/// Whether a network can be written down exactly.
///
/// # Errors
/// If it has a function that is not piecewise linear, a weight that no float equals, or too many weights.
pub fn expressible(network: &Network) -> Result<(), Error> {
    let refuse = |message: String| {
        Err(Error::new(Kind::UnsupportedQuery, message).help(
            "--backend bab bounds such networks; SMT-LIB texts and z3 need exact linear arithmetic",
        ))
    };
    if network.multiply_adds > LARGEST {
        return refuse(format!(
            "not available: the network has {} weights, and at most {LARGEST} are written down",
            network.multiply_adds
        ));
    }
    for node in &network.nodes {
        match &node.primitive {
            Primitive::Affine { slack, .. } if slack.is_empty() => {}
            Primitive::Affine { .. } => {
                return refuse(format!(
                    "not available: `{}` has a weight that is no float, so that it is known up to rounding",
                    node.name
                ));
            }
            Primitive::Input | Primitive::Relu { .. } => {}
            Primitive::Pointwise { .. } | Primitive::Product { .. } => {
                return refuse(format!("not available: `{}` is not piecewise linear", node.name));
            }
        }
    }
    Ok(())
}

/// The query as a text of its own, without any bound that was computed here.
///
/// # Errors
/// As [`expressible`].
pub fn whole(network: &Network, query: &Query) -> Result<String, Error> {
    let all: Vec<usize> = (0..query.disjuncts.len()).collect();
    text(network, query, &all, None)
}

/// Some disjuncts of the query. `bounds`, if given, are proven over all their regions: neurons that they
/// prove stable are written as such, and the others with their ends, which spares a solver most of its work.
///
/// # Errors
/// As [`expressible`].
pub fn text(
    network: &Network,
    query: &Query,
    disjuncts: &[usize],
    bounds: Option<&Bounds>,
) -> Result<String, Error> {
    expressible(network)?;
    let bounds = bounds.filter(|bounds| bounds.iter().all(NodeBounds::is_finite));
    let mut out = String::from("(set-logic QF_LRA)\n");
    let names = names(network);
    for (index, node) in network.nodes.iter().enumerate() {
        for k in 0..node.len {
            let _ = writeln!(out, "(declare-const {} Real)", name(&names, index, k));
        }
        let known = bounds.map(|bounds| &bounds[index]);
        for k in 0..node.len {
            let own = name(&names, index, k);
            match &node.primitive {
                Primitive::Affine { terms, bias, .. } => {
                    let mut sum = vec![(None, exact(bias[k]))];
                    for term in terms {
                        for (column, weight) in term.map.row(k) {
                            let from = name(&names, term.from, column as usize);
                            sum.push((Some(from), exact(weight)));
                        }
                    }
                    let _ = writeln!(out, "(assert (= {own} {}))", linear(&sum));
                    if let Some(known) = known {
                        let (lower, upper) = (exact(known.lower[k]), exact(known.upper[k]));
                        let _ = writeln!(
                            out,
                            "(assert (and (<= {} {own}) (<= {own} {})))",
                            number(&lower),
                            number(&upper)
                        );
                    }
                }
                Primitive::Relu { of } => {
                    let z = name(&names, *of, k);
                    let ends = bounds.map(|bounds| (bounds[*of].lower[k], bounds[*of].upper[k]));
                    relu(&mut out, &own, &z, ends);
                }
                _ => {}
            }
        }
    }
    if network.nodes.len() == 1 {
        // The input is the output.
        for k in 0..network.input_len() {
            let _ = writeln!(out, "(declare-const Y_{k} Real) (assert (= Y_{k} X_{k}))");
        }
    }
    let cases: Vec<String> = disjuncts.iter().map(|at| case(query, *at)).collect();
    let _ = writeln!(out, "(assert {})", joined("or", &cases, "false"));
    out.push_str("(check-sat)\n");
    Ok(out)
}

/// The prefix of each node's names.
fn names(network: &Network) -> Vec<String> {
    let last = network.nodes.len() - 1;
    (0..=last)
        .map(|index| match index {
            0 => "X".to_string(),
            _ if index == last => "Y".to_string(),
            _ => format!("n{index}"),
        })
        .collect()
}

fn name(names: &[String], node: usize, k: usize) -> String {
    format!("{}_{k}", names[node])
}

/// `r = max(0, z)` as inequalities and one choice, which leaves a solver the linear part in any case.
fn relu(out: &mut String, r: &str, z: &str, ends: Option<(f64, f64)>) {
    let _ = match ends {
        Some((lower, _)) if lower >= 0.0 => writeln!(out, "(assert (= {r} {z}))"),
        Some((_, upper)) if upper <= 0.0 => writeln!(out, "(assert (= {r} 0.0))"),
        _ => {
            if let Some((lower, upper)) = ends {
                // The chord u (z - l) / (u - l), without the division.
                let (l, u) = (exact(lower), exact(upper));
                let sum = [
                    (Some(z.to_string()), u.clone()),
                    (None, -&(&u * &l)),
                    (Some(r.to_string()), -&(&u - &l)),
                ];
                let _ = writeln!(out, "(assert (>= {} 0.0))", linear(&sum));
            }
            writeln!(
                out,
                "(assert (>= {r} 0.0)) (assert (>= {r} {z})) (assert (or (<= {r} 0.0) (<= {r} {z})))"
            )
        }
    };
}

/// A disjunct: its region and its rows.
fn case(query: &Query, at: usize) -> String {
    let disjunct = &query.disjuncts[at];
    let region = &query.regions[disjunct.region as usize];
    let mut parts = Vec::new();
    for (i, (lower, upper)) in region.lower.iter().zip(&region.upper).enumerate() {
        let less = |strict: bool| if strict { "<" } else { "<=" };
        parts.push(format!("({} {} X_{i})", less(lower.strict), number(&lower.value)));
        parts.push(format!("({} X_{i} {})", less(upper.strict), number(&upper.value)));
    }
    parts.extend(disjunct.rows.iter().map(row));
    joined("and", &parts, "true")
}

fn row(row: &Row) -> String {
    let outputs = row.outputs.iter().map(|(k, a)| (Some(format!("Y_{k}")), a.clone()));
    let inputs = row.inputs.iter().map(|(k, a)| (Some(format!("X_{k}")), a.clone()));
    let mut sum: Vec<_> = outputs.chain(inputs).collect();
    sum.push((None, row.constant.clone()));
    format!("({} {} 0.0)", if row.strict { "<" } else { "<=" }, linear(&sum))
}

/// A sum of multiples of variables and of constants.
fn linear(sum: &[(Option<String>, Rational)]) -> String {
    let parts: Vec<String> = sum
        .iter()
        .filter(|(_, factor)| !factor.is_zero())
        .map(|(variable, factor)| match variable {
            None => number(factor),
            Some(variable) if *factor == Rational::ONE => variable.clone(),
            Some(variable) => format!("(* {} {variable})", number(factor)),
        })
        .collect();
    joined("+", &parts, "0.0")
}

fn joined(operator: &str, parts: &[String], none: &str) -> String {
    match parts {
        [] => none.to_string(),
        [one] => one.clone(),
        _ => format!("({operator} {})", parts.join(" ")),
    }
}

/// A literal: a decimal, or a quotient of two.
fn number(value: &Rational) -> String {
    let magnitude = value.abs();
    let text = match magnitude.to_decimal() {
        Some(text) if text.contains('.') => text,
        Some(text) => format!("{text}.0"),
        // Anything else is written `p/q`.
        None => match magnitude.to_string().split_once('/') {
            Some((above, below)) => format!("(/ {above}.0 {below}.0)"),
            None => magnitude.to_string(),
        },
    };
    if value.signum() < 0 { format!("(- {text})") } else { text }
}

/// The exact value of a weight or a bound, all of which are finite.
fn exact(value: f64) -> Rational {
    Rational::from_f64(value).unwrap_or(Rational::ZERO)
}
