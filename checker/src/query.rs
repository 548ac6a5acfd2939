//! The canonical query: is there an input in some region whose outputs satisfy a conjunction of rows?
//!
//! VNN-LIB 1.0 and 2.0 are both read into this form. A [`Query`] asks whether one of its
//! [`Disjunct`]s can be met; a disjunct is a box of inputs (shared between disjuncts by index) and a
//! conjunction of linear [`Row`]s over flat inputs and outputs, each `expression <= 0` or `< 0`. All
//! numbers are exact.

use crate::error::{Error, Kind};
use crate::graph::{ElementType, Graph, ValueId};
use crate::number::Rational;

/// One face of a box: `x >= value` or `x <= value`, or the strict forms.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Face {
    /// Where the face stands.
    pub value: Rational,
    /// Whether points on the face lie outside.
    pub strict: bool,
}

/// A box of inputs; `lower[i]` and `upper[i]` are the faces of flat input `i`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region {
    /// Lower faces.
    pub lower: Vec<Face>,
    /// Upper faces.
    pub upper: Vec<Face>,
}

impl Region {
    /// Whether no point lies inside, decided exactly.
    pub fn is_empty(&self) -> bool {
        self.lower.iter().zip(&self.upper).any(|(lower, upper)| {
            lower.value > upper.value
                || (lower.value == upper.value && (lower.strict || upper.strict))
        })
    }

    /// Whether the point lies inside, decided exactly.
    pub fn contains(&self, point: &[Rational]) -> bool {
        point.len() == self.lower.len()
            && point.iter().enumerate().all(|(i, x)| {
                let (lower, upper) = (&self.lower[i], &self.upper[i]);
                let above = if lower.strict { *x > lower.value } else { *x >= lower.value };
                let below = if upper.strict { *x < upper.value } else { *x <= upper.value };
                above && below
            })
    }
}

/// A linear constraint `sum outputs_k y_k + sum inputs_i x_i + constant <= 0` (`< 0` when strict).
///
/// Indices are strictly increasing and coefficients are not zero. A row that no variable occurs in is
/// never stored: a true one is dropped, a false one drops its disjunct.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    /// Coefficients of flat outputs.
    pub outputs: Vec<(u32, Rational)>,
    /// Coefficients of flat inputs.
    pub inputs: Vec<(u32, Rational)>,
    /// The constant term.
    pub constant: Rational,
    /// Whether equality does not satisfy the row.
    pub strict: bool,
}

impl Row {
    /// Whether the row holds at this value of its left-hand side.
    pub fn holds_at(&self, value: &Rational) -> bool {
        if self.strict { value.signum() < 0 } else { value.signum() <= 0 }
    }

    /// The exact value of the left-hand side.
    pub fn value(&self, inputs: &[Rational], outputs: &[Rational]) -> Rational {
        let mut sum = self.constant.clone();
        for (index, coefficient) in &self.outputs {
            sum += &(coefficient * &outputs[*index as usize]);
        }
        for (index, coefficient) in &self.inputs {
            sum += &(coefficient * &inputs[*index as usize]);
        }
        sum
    }
}

/// One way to violate the property: a point of the region at which every row holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Disjunct {
    /// Index into [`Query::regions`].
    pub region: u32,
    /// The conjunction; empty when every point of the region violates.
    pub rows: Vec<Row>,
}

/// A tensor that the query declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The name in the text (`X`, `Y` for VNN-LIB 1.0).
    pub name: String,
    /// The type word as written; `Real` for VNN-LIB 1.0.
    pub element: String,
    /// The declared shape; flat for VNN-LIB 1.0.
    pub shape: Vec<usize>,
}

impl Declaration {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which arithmetic the query speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// The ideal function over the reals.
    Real,
    /// Executions in float32.
    Float32,
    /// Executions in float64.
    Float64,
}

/// Which language the query was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// VNN-LIB 1.0, the form of the competitions up to 2025.
    V1,
    /// VNN-LIB 2.x.
    V2,
}

/// A query in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The language of the text.
    pub language: Language,
    /// The arithmetic that the declared types ask for.
    pub arithmetic: Arithmetic,
    /// The network's name in a 2.0 text.
    pub network: Option<String>,
    /// Declared inputs, in order; flat indices count through them.
    pub inputs: Vec<Declaration>,
    /// Declared outputs, in order.
    pub outputs: Vec<Declaration>,
    /// Distinct input boxes, none of them empty, in order of first use.
    pub regions: Vec<Region>,
    /// Disjuncts in source order, without those that are empty by themselves.
    pub disjuncts: Vec<Disjunct>,
    /// How many disjuncts were dropped because their region is empty or a constant row is false.
    pub dropped: usize,
    /// What a reader of the text should know, in words.
    pub notes: Vec<String>,
}

impl Query {
    /// Number of flat inputs.
    pub fn input_count(&self) -> usize {
        self.inputs.iter().map(Declaration::len).sum()
    }

    /// Number of flat outputs.
    pub fn output_count(&self) -> usize {
        self.outputs.iter().map(Declaration::len).sum()
    }

    /// Whether the query is unsatisfiable for a reason that has nothing to do with the network:
    /// every disjunct has an empty region or a false constant row.
    pub fn is_vacuous(&self) -> bool {
        self.disjuncts.is_empty()
    }

    /// Checks that the query speaks about this model, and says in words what was tolerated.
    ///
    /// A 1.0 query counts flat inputs and outputs only. A 2.0 query declares every tensor of the model
    /// in the model's order; a shape that differs with as many elements is tolerated, since published
    /// texts write it. A query typed by a machine type asks for a model of that type.
    pub fn matches(&self, graph: &Graph) -> Result<Vec<String>, Error> {
        let sides = [
            (Kind::InputCount, "input", &self.inputs, &graph.inputs, graph.input_count()),
            (Kind::OutputCount, "output", &self.outputs, &graph.outputs, graph.output_count()),
        ];
        let mut notes = Vec::new();
        for (kind, what, declared, values, model) in sides {
            let query: usize = declared.iter().map(Declaration::len).sum();
            if query != model {
                return Err(Error::new(
                    kind,
                    format!(
                        "the query declares {}, the model has {model}",
                        counted(query, &format!("{what} element")),
                    ),
                )
                .help("check that the specification was written for this model"));
            }
            if self.language == Language::V2 {
                compare_tensors(kind, what, declared, values, graph, &mut notes)?;
            }
        }
        let (typed, fits) = match self.arithmetic {
            Arithmetic::Real => return Ok(notes),
            Arithmetic::Float32 => ("float32", graph.element == ElementType::F32),
            Arithmetic::Float64 => ("float64", graph.element == ElementType::F64),
        };
        if !fits {
            let model = element_name(graph.element);
            return Err(Error::new(
                Kind::UnsupportedQuery,
                format!("the query's tensors have type {typed}, the model computes in {model}"),
            )
            .help("declare the tensors with the model's type, or with `real`"));
        }
        Ok(notes)
    }
}

/// Compares declared tensors with the model's one by one; the elements agree in total.
fn compare_tensors(
    kind: Kind,
    what: &str,
    declared: &[Declaration],
    values: &[ValueId],
    graph: &Graph,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    if declared.len() != values.len() {
        return Err(Error::new(
            kind,
            format!(
                "the query declares {}, the model has {}",
                counted(declared.len(), &format!("{what} tensor")),
                values.len()
            ),
        )
        .help("every tensor of the model is declared, in the model's order"));
    }
    for (tensor, id) in declared.iter().zip(values) {
        let value = graph.value(*id);
        let (name, shape) = (&tensor.name, &tensor.shape);
        if tensor.len() != value.len() {
            return Err(Error::new(
                kind,
                format!(
                    "the {what} `{name}` has shape {shape:?}, `{}` in the model {:?}",
                    value.name, value.shape
                ),
            )
            .help("tensors are declared in the model's order"));
        }
        if *shape != value.shape {
            notes.push(format!(
                "the {what} `{name}` is declared with shape {shape:?}; the model's `{}` has {:?}, \
                 which is as many elements, in row-major order",
                value.name, value.shape
            ));
        }
    }
    Ok(())
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn element_name(element: ElementType) -> &'static str {
    match element {
        ElementType::F32 => "float32",
        ElementType::F64 => "float64",
        ElementType::I64 => "int64",
        ElementType::I8 => "int8",
        ElementType::U8 => "uint8",
        ElementType::Bool => "bool",
    }
}
