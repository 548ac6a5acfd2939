//! A canonical query as a text of its own language, which reads back as the same query.
//!
//! What is not part of the canonical form is lost: notes, dropped disjuncts, duplicates. A query without
//! disjuncts becomes one that no input satisfies.

use super::v2::{element_name, shape_text};
use crate::number::Rational;
use crate::query::{Language, Query, Region, Row};
use std::fmt::Write;

impl Query {
    /// The query as VNN-LIB 1.0 or 2.0 text, whichever it was read from; reading that text gives the
    /// same query but for notes and the count of dropped disjuncts.
    pub fn to_vnnlib(&self) -> String {
        let mut text = self.declarations();
        match self.disjuncts.as_slice() {
            [] => text.push_str("(assert (< 1.0 0.0))\n"),
            disjuncts => {
                let names = Names::new(self);
                let shared = self.regions.len() == 1;
                if shared {
                    for face in names.faces(&self.regions[0]) {
                        let _ = writeln!(text, "(assert {face})");
                    }
                }
                let bodies: Vec<String> = disjuncts
                    .iter()
                    .map(|disjunct| {
                        let mut atoms = Vec::new();
                        if !shared {
                            atoms = names.faces(&self.regions[disjunct.region as usize]);
                        }
                        atoms.extend(disjunct.rows.iter().map(|row| names.row(row)));
                        if atoms.is_empty() {
                            // A true atom, since 2.0 has no empty conjunction.
                            atoms.push("(<= 0.0 0.0)".to_string());
                        }
                        format!("(and {})", atoms.join(" "))
                    })
                    .collect();
                match bodies.as_slice() {
                    [body] => {
                        let _ = writeln!(text, "(assert {body})");
                    }
                    _ => {
                        let _ = writeln!(text, "(assert (or\n  {}))", bodies.join("\n  "));
                    }
                }
            }
        }
        text
    }

    /// Flat input `input` as the query's language writes it: `X_3` or `X[0,3]`.
    pub fn input_name(&self, input: usize) -> String {
        match self.language {
            Language::V1 => format!("X_{input}"),
            Language::V2 => element_name(&self.inputs, input),
        }
    }

    /// Flat output `output` as the query's language writes it.
    pub fn output_name(&self, output: usize) -> String {
        match self.language {
            Language::V1 => format!("Y_{output}"),
            Language::V2 => element_name(&self.outputs, output),
        }
    }

    fn declarations(&self) -> String {
        let mut text = String::new();
        match self.language {
            Language::V1 => {
                for input in 0..self.input_count() {
                    let _ = writeln!(text, "(declare-const X_{input} Real)");
                }
                for output in 0..self.output_count() {
                    let _ = writeln!(text, "(declare-const Y_{output} Real)");
                }
            }
            Language::V2 => {
                let network = self.network.as_deref().unwrap_or("network");
                let _ = writeln!(text, "(vnnlib-version <2.0>)\n(declare-network {network}");
                for (form, tensors) in [("input", &self.inputs), ("output", &self.outputs)] {
                    for tensor in tensors {
                        let (name, element) = (&tensor.name, &tensor.element);
                        let shape = shape_text(&tensor.shape);
                        let _ = writeln!(text, "  (declare-{form} {name} {element} {shape})");
                    }
                }
                text.push_str(")\n");
            }
        }
        text
    }
}

/// The variables as the query's language writes them.
struct Names {
    inputs: Vec<String>,
    outputs: Vec<String>,
}

impl Names {
    fn new(query: &Query) -> Names {
        Names {
            inputs: (0..query.input_count()).map(|input| query.input_name(input)).collect(),
            outputs: (0..query.output_count()).map(|output| query.output_name(output)).collect(),
        }
    }

    fn faces(&self, region: &Region) -> Vec<String> {
        let mut faces = Vec::new();
        for (input, name) in self.inputs.iter().enumerate() {
            let sides = [(&region.lower[input], ">"), (&region.upper[input], "<")];
            for (face, relation) in sides {
                let equal = if face.strict { "" } else { "=" };
                // A third is no decimal: 3 x <= 1 is written then.
                let (numerator, denominator) = fraction(&face.value);
                faces.push(match denominator {
                    None => format!("({relation}{equal} {name} {numerator})"),
                    Some(factor) => {
                        format!("({relation}{equal} (* {factor} {name}) {numerator})")
                    }
                });
            }
        }
        faces
    }

    fn row(&self, row: &Row) -> String {
        let mut sum = Vec::new();
        for (terms, names) in [(&row.outputs, &self.outputs), (&row.inputs, &self.inputs)] {
            for (index, coefficient) in terms {
                let name = &names[*index as usize];
                sum.push(if *coefficient == Rational::ONE {
                    name.clone()
                } else {
                    format!("(* {} {name})", decimal(coefficient))
                });
            }
        }
        if !row.constant.is_zero() {
            sum.push(decimal(&row.constant));
        }
        let relation = if row.strict { "<" } else { "<=" };
        format!("({relation} (+ {}) 0.0)", sum.join(" "))
    }
}

/// A finite decimal with a point; coefficients of a text are nothing else.
fn decimal(value: &Rational) -> String {
    let mut text = value.to_string();
    if !text.contains(['.', '/']) {
        text.push_str(".0");
    }
    text
}

/// A value as a decimal, or as a quotient of two integers when it has no finite expansion.
fn fraction(value: &Rational) -> (String, Option<String>) {
    let text = decimal(value);
    match text.split_once('/') {
        None => (text, None),
        Some((numerator, denominator)) => {
            (format!("{numerator}.0"), Some(format!("{denominator}.0")))
        }
    }
}
