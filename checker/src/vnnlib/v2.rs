//! VNN-LIB 2.0 and 2.1 for one network: typed tensors, then assertions.
//!
//! The grammar and the static rules are the standard's, with these decisions where published texts and
//! the standard differ or the standard leaves room:
//!
//! - the type word `Real` is read as `real`, with a note; other unknown words are refused;
//! - an integer literal beside a tensor of floats or reals is read, with a note;
//! - a comparison of constants is evaluated;
//! - all tensors of a query have one element type: `real`, `float32` or `float64`.
//!
//! Several networks, hidden nodes and `initialized` inputs are refused by name.

use super::assertion::{Assertions, Dialect};
use super::formula::{OUTPUT, Relation};
use super::lexer::{Lexer, Token, quote};
use super::{canonical, check_count};
use crate::error::{Error, Kind};
use crate::query::{Arithmetic, Declaration, Language, Query};
use std::collections::HashMap;

/// Element types of the standard that no query is decided for.
const OTHER_TYPES: [&str; 22] = [
    "float16",
    "bfloat16",
    "float8e4m3fn",
    "float8e4m3fnuz",
    "float8e5m2",
    "float8e5m2fnuz",
    "float8e8m0",
    "float4e2m1",
    "int4",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint4",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bool",
    "string",
];

/// Words that cannot be names.
const RESERVED: [&str; 4] = ["and", "or", "assert", "initialized"];

/// Reads a whole text.
pub(super) fn read(text: &[u8]) -> Result<Query, Error> {
    let mut lexer = Lexer::new(text, Language::V2);
    let mut tensors = Tensors::default();
    version(&mut lexer, &mut tensors.notes)?;
    let network = network(&mut lexer, &mut tensors)?;
    let mut assertions = Assertions::new();
    let mut count = 0usize;
    loop {
        match lexer.next()? {
            Token::End => break,
            Token::Open => lexer.begin_form(),
            token => return Err(lexer.unexpected(token, "`(` of an assertion")),
        }
        match lexer.expect_word("`assert`")? {
            b"assert" => assertions.read(&mut lexer, &mut tensors)?,
            b"declare-network" => return Err(several(&lexer)),
            word => return Err(misplaced(&lexer, word)),
        }
        count += 1;
    }
    if count == 0 {
        return Err(lexer.unexpected(Token::End, "an assertion"));
    }
    let formula = assertions.builder.finish();
    let inputs = tensors.input_elements;
    let result =
        canonical::expand(&formula, inputs, &|input| element_name(&tensors.inputs, input))?;
    let mut notes = tensors.notes;
    if tensors.integer_literals > 0 {
        notes.push(format!(
            "{} integer literals, the first `{}`, are read as numbers of the tensors' type",
            tensors.integer_literals, tensors.first_integer
        ));
    }
    Ok(Query {
        language: Language::V2,
        arithmetic: tensors.arithmetic.unwrap_or(Arithmetic::Real),
        network: Some(network),
        inputs: tensors.inputs,
        outputs: tensors.outputs,
        regions: result.regions,
        disjuncts: result.disjuncts,
        dropped: result.dropped,
        notes,
    })
}

/// Reads `(vnnlib-version <2.x>)`.
fn version(lexer: &mut Lexer<'_>, notes: &mut Vec<String>) -> Result<(), Error> {
    lexer.expect_open("`vnnlib-version`")?;
    lexer.begin_form();
    lexer.expect_word("`vnnlib-version`")?;
    let word = lexer.expect_word("a version such as `<2.0>`")?;
    let at = lexer.start();
    let numbers = word
        .strip_prefix(b"<")
        .and_then(|word| word.strip_suffix(b">"))
        .and_then(|word| std::str::from_utf8(word).ok())
        .and_then(|word| word.split_once('.'))
        .filter(|(major, minor)| is_digits(major.as_bytes()) && is_digits(minor.as_bytes()));
    let Some((major, minor)) = numbers else {
        let message = format!("found {} where a version such as `<2.0>` is expected", quote(word));
        return Err(lexer.parse_error(at, message));
    };
    if major.trim_start_matches('0') != "2" {
        let message = format!("version {} of VNN-LIB is not supported", quote(word));
        let help = "`<2.0>` and `<2.1>` are; a text of VNN-LIB 1.0 has no version line";
        return Err(lexer.error(Kind::UnsupportedVersion, at, message).help(help));
    }
    if !matches!(minor.trim_start_matches('0'), "" | "1") {
        notes.push(format!("version {major}.{minor} is read as 2.1, the newest known"));
    }
    lexer.expect_close("the version")
}

fn is_digits(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

fn is_name(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_alphabetic)
        && word.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Reads a name that a declaration gives.
fn new_name(lexer: &mut Lexer<'_>, what: &str) -> Result<String, Error> {
    let word = lexer.expect_word(what)?;
    let name = String::from_utf8_lossy(word).into_owned();
    if !is_name(word) || RESERVED.contains(&name.as_str()) {
        let message = format!("found {} where {what} is expected", quote(word));
        return Err(lexer
            .parse_error(lexer.start(), message)
            .help("a name is a letter followed by letters, digits and `_`"));
    }
    Ok(name)
}

fn several(lexer: &Lexer<'_>) -> Error {
    let message = "queries over several networks are not supported";
    lexer
        .error(Kind::UnsupportedQuery, lexer.start(), message)
        .help("declare one network; copies can be joined into one model with several inputs")
}

fn misplaced(lexer: &Lexer<'_>, word: &[u8]) -> Error {
    let at = lexer.start();
    let found = quote(word);
    match word {
        b"vnnlib-version" => lexer.parse_error(at, "the version is given twice"),
        b"declare-input" | b"declare-output" | b"declare-hidden" => lexer
            .parse_error(at, format!("{found} stands outside `declare-network`"))
            .help("all tensors are declared inside `(declare-network NAME ...)`"),
        b"declare-const" | b"declare-fun" => lexer
            .parse_error(at, format!("{found} is a form of VNN-LIB 1.0"))
            .help("remove the version line, or declare tensors inside `(declare-network ...)`"),
        _ => lexer.parse_error(at, format!("found {found} where `assert` is expected")),
    }
}

/// Reads the declaration of the network and its tensors.
fn network(lexer: &mut Lexer<'_>, tensors: &mut Tensors) -> Result<String, Error> {
    lexer.expect_open("`declare-network`")?;
    lexer.begin_form();
    match lexer.expect_word("`declare-network`")? {
        b"declare-network" => {}
        b"assert" => {
            let message = "an assertion stands before the declaration of the network";
            return Err(lexer.parse_error(lexer.start(), message));
        }
        word => return Err(misplaced(lexer, word)),
    }
    let name = new_name(lexer, "the name of a network")?;
    loop {
        match lexer.next()? {
            Token::Open => {}
            Token::Close => break,
            token => return Err(lexer.unexpected(token, "`(` of a declaration, or `)`")),
        }
        let word = lexer.expect_word("`declare-input` or `declare-output`")?;
        let at = lexer.start();
        let form = quote(word);
        match word {
            b"declare-input" if !tensors.outputs.is_empty() => {
                let message = "inputs are declared before outputs";
                return Err(lexer.parse_error(at, message));
            }
            b"declare-input" => tensors.declare(lexer, Side::Input)?,
            b"declare-output" if tensors.inputs.is_empty() => {
                let message = "an input must be declared before the outputs";
                return Err(lexer.parse_error(at, message));
            }
            b"declare-output" => tensors.declare(lexer, Side::Output)?,
            b"declare-hidden" => {
                let message = format!("{form}: constraints on hidden values are not supported");
                return Err(lexer
                    .error(Kind::UnsupportedQuery, at, message)
                    .help("make the hidden value an output of the model and declare it as one"));
            }
            b"equal-to" | b"isomorphic-to" => {
                let message = format!("{form}: queries over several networks are not supported");
                return Err(lexer.error(Kind::UnsupportedQuery, at, message).help(
                    "declare one network; copies can be joined into one model with several inputs",
                ));
            }
            _ => {
                let message =
                    format!("found {form} where `declare-input` or `declare-output` is expected");
                return Err(lexer.parse_error(at, message));
            }
        }
    }
    if tensors.outputs.is_empty() {
        let message = "the network declares no output";
        let message =
            if tensors.inputs.is_empty() { "the network declares no input" } else { message };
        return Err(lexer.parse_error(lexer.start(), message));
    }
    Ok(name)
}

/// Which end of the network a tensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Input,
    Output,
}

/// Where the elements of a tensor are among the variables.
#[derive(Debug, Clone)]
struct Place {
    side: Side,
    number: usize,
    /// Flat index of the first element.
    first: usize,
}

/// The declared tensors and what there is to note about the text.
#[derive(Debug, Default)]
struct Tensors {
    inputs: Vec<Declaration>,
    outputs: Vec<Declaration>,
    input_elements: usize,
    output_elements: usize,
    places: HashMap<String, Place>,
    arithmetic: Option<Arithmetic>,
    notes: Vec<String>,
    integer_literals: usize,
    first_integer: String,
}

impl Tensors {
    /// Reads a declaration up to its `)`.
    fn declare(&mut self, lexer: &mut Lexer<'_>, side: Side) -> Result<(), Error> {
        let name = new_name(lexer, "the name of a tensor")?;
        if self.places.contains_key(&name) {
            let message = format!("`{name}` is declared twice");
            return Err(lexer.parse_error(lexer.start(), message));
        }
        let element = self.element_type(lexer)?;
        let shape = shape(lexer)?;
        let at = lexer.start();
        match lexer.next()? {
            Token::Close => {}
            Token::Word(b"initialized") => {
                let message = "`initialized` inputs are not supported";
                return Err(lexer.error(Kind::UnsupportedQuery, lexer.start(), message).help(
                    "remove the declaration, and store the values in the model as an initializer",
                ));
            }
            Token::Text(_) => {
                let message = "only hidden values have an ONNX name";
                return Err(lexer.parse_error(lexer.start(), message));
            }
            token => return Err(lexer.unexpected(token, "`)` after a declaration")),
        }
        let total = match side {
            Side::Input => &mut self.input_elements,
            Side::Output => &mut self.output_elements,
        };
        let first = *total;
        let elements = shape
            .iter()
            .try_fold(1usize, |product, dimension| product.checked_mul(*dimension))
            .and_then(|elements| elements.checked_add(first))
            .unwrap_or(usize::MAX);
        check_count(lexer, at, elements, "elements of inputs or of outputs")?;
        *total = elements;
        let list = match side {
            Side::Input => &mut self.inputs,
            Side::Output => &mut self.outputs,
        };
        self.places.insert(name.clone(), Place { side, number: list.len(), first });
        list.push(Declaration { name, element, shape });
        Ok(())
    }

    /// Reads an element type and settles the arithmetic of the query.
    fn element_type(&mut self, lexer: &mut Lexer<'_>) -> Result<String, Error> {
        let word = lexer.expect_word("an element type")?;
        let at = lexer.start();
        let arithmetic = match word {
            b"real" => Arithmetic::Real,
            b"Real" => {
                let note = "the type `Real` is read as `real`, as the standard writes it";
                if !self.notes.iter().any(|known| known == note) {
                    self.notes.push(note.to_string());
                }
                Arithmetic::Real
            }
            b"float32" => Arithmetic::Float32,
            b"float64" => Arithmetic::Float64,
            _ => {
                let name = quote(word);
                let help = "`real`, `float32` and `float64` are supported";
                let error = if OTHER_TYPES.iter().any(|known| known.as_bytes() == word) {
                    let message = format!("the element type {name} is not supported");
                    lexer.error(Kind::UnsupportedQuery, at, message)
                } else {
                    lexer.parse_error(at, format!("{name} is no element type"))
                };
                return Err(error.help(help));
            }
        };
        match self.arithmetic {
            Some(other) if other != arithmetic => {
                let message = "the tensors of this query have different element types";
                let kind = if other == Arithmetic::Real || arithmetic == Arithmetic::Real {
                    Kind::Parse
                } else {
                    Kind::UnsupportedQuery
                };
                return Err(lexer
                    .error(kind, at, message)
                    .help("`real` cannot be mixed with machine types; use one type throughout"));
            }
            _ => self.arithmetic = Some(arithmetic),
        }
        Ok(String::from_utf8_lossy(word).into_owned())
    }

    /// Reads the indices of an element, if the name is followed by any, and returns the variable.
    fn element(
        &self,
        lexer: &mut Lexer<'_>,
        word: &[u8],
        at: usize,
        place: &Place,
    ) -> Result<u32, Error> {
        let (declaration, mark) = match place.side {
            Side::Input => (&self.inputs[place.number], 0),
            Side::Output => (&self.outputs[place.number], OUTPUT),
        };
        let rank = declaration.shape.len();
        let mut given = 0usize;
        let mut flat = 0usize;
        if lexer.peek() == Some(b'[') {
            lexer.next()?;
            loop {
                let index = lexer.expect_word("an index")?;
                let value = index_value(lexer, index)?;
                if let Some(dimension) = declaration.shape.get(given) {
                    match value {
                        Some(value) if value < *dimension => flat = flat * dimension + value,
                        _ => {
                            let message = format!(
                                "index {} of {} is not below {dimension}",
                                quote(index),
                                quote(word)
                            );
                            let shape = shape_text(&declaration.shape);
                            return Err(lexer.error(Kind::Index, lexer.start(), message).help(
                                format!("{} has shape {shape}, counted from 0", quote(word)),
                            ));
                        }
                    }
                }
                given += 1;
                match lexer.next()? {
                    Token::Comma => {}
                    Token::CloseBracket => break,
                    token => return Err(lexer.unexpected(token, "`,` or `]` after an index")),
                }
            }
        }
        if given != rank {
            let message = format!("{} has rank {rank} and is given {given} indices", quote(word));
            let shape = shape_text(&declaration.shape);
            let help = if rank == 0 {
                "a scalar is named without brackets".to_string()
            } else {
                format!("its shape is {shape}; give one index for each dimension")
            };
            return Err(lexer.error(Kind::Index, at, message).help(help));
        }
        Ok((place.first + flat) as u32 | mark)
    }
}

/// An index; `None` when it is beyond all dimensions, or negative.
fn index_value(lexer: &Lexer<'_>, word: &[u8]) -> Result<Option<usize>, Error> {
    if is_digits(word) {
        let value = word.iter().try_fold(0usize, |value, byte| {
            value.checked_mul(10)?.checked_add((byte - b'0') as usize)
        });
        return Ok(value);
    }
    if word.strip_prefix(b"-").is_some_and(is_digits) {
        return Ok(None);
    }
    let message = format!("found {} where an index is expected", quote(word));
    Err(lexer.parse_error(lexer.start(), message).help("an index is a whole number"))
}

/// Reads `[2, 3]`.
fn shape(lexer: &mut Lexer<'_>) -> Result<Vec<usize>, Error> {
    match lexer.next()? {
        Token::OpenBracket => {}
        token => {
            return Err(lexer
                .unexpected(token, "`[` of a shape")
                .help("a shape is written `[1,3]`; `[]` is a scalar"));
        }
    }
    let mut shape = Vec::new();
    if lexer.peek() == Some(b']') {
        lexer.next()?;
        return Ok(shape);
    }
    loop {
        let word = lexer.expect_word("a dimension")?;
        let dimension = match index_value(lexer, word) {
            Ok(Some(dimension)) if dimension > 0 => dimension,
            Ok(None) if is_digits(word) => usize::MAX,
            _ => {
                let message = format!("{} is no dimension", quote(word));
                return Err(lexer
                    .parse_error(lexer.start(), message)
                    .help("dimensions are positive whole numbers"));
            }
        };
        shape.push(dimension);
        match lexer.next()? {
            Token::Comma => {}
            Token::CloseBracket => return Ok(shape),
            token => return Err(lexer.unexpected(token, "`,` or `]` after a dimension")),
        }
    }
}

/// A shape as the language writes it.
pub(super) fn shape_text(shape: &[usize]) -> String {
    let dimensions: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", dimensions.join(","))
}

/// The flat element of these tensors as the language writes it, `X[0,1]`.
pub(super) fn element_name(tensors: &[Declaration], flat: usize) -> String {
    let mut rest = flat;
    for tensor in tensors {
        if rest >= tensor.len() {
            rest -= tensor.len();
            continue;
        }
        if tensor.shape.is_empty() {
            return tensor.name.clone();
        }
        let mut indices = vec![0; tensor.shape.len()];
        for (index, dimension) in indices.iter_mut().zip(&tensor.shape).rev() {
            *index = rest % dimension;
            rest /= dimension;
        }
        return format!("{}{}", tensor.name, shape_text(&indices));
    }
    format!("element {flat}")
}

impl<'a> Dialect<'a> for Tensors {
    #[inline]
    fn relation(&self, word: &[u8]) -> Option<Relation> {
        match word {
            b"<=" => Some(Relation::LessEqual),
            b">=" => Some(Relation::GreaterEqual),
            b"<" => Some(Relation::Less),
            b">" => Some(Relation::Greater),
            b"==" => Some(Relation::Equal),
            b"!=" => Some(Relation::NotEqual),
            _ => None,
        }
    }

    fn allows_empty(&self) -> bool {
        false
    }

    #[inline]
    fn variable(&mut self, lexer: &mut Lexer<'a>, word: &'a [u8], at: usize) -> Result<u32, Error> {
        let place = std::str::from_utf8(word).ok().and_then(|name| self.places.get(name));
        match place {
            Some(place) => self.element(lexer, word, at, place),
            None => {
                let message = format!("the tensor {} is not declared", quote(word));
                Err(lexer
                    .error(Kind::UndeclaredVariable, at, message)
                    .help("tensors are declared inside `(declare-network ...)`"))
            }
        }
    }

    #[inline]
    fn literal_fault(&mut self, word: &[u8]) -> Option<&'static str> {
        let unsigned = word.strip_prefix(b"-").unwrap_or(word);
        let point = unsigned.iter().position(|byte| *byte == b'.');
        let fits = match point {
            None => is_digits(unsigned),
            Some(at) => is_digits(&unsigned[..at]) && is_digits(&unsigned[at + 1..]),
        };
        if !fits {
            return Some(
                "VNN-LIB 2.0 writes digits, or digits around a point: no exponent, no plus sign, \
                 no point at either end",
            );
        }
        if point.is_none() {
            if self.integer_literals == 0 {
                self.first_integer = quote(word).trim_matches('`').to_string();
            }
            self.integer_literals += 1;
        }
        None
    }

    fn help(&self, word: &[u8]) -> String {
        match word {
            b"=" => "VNN-LIB 2.0 writes `==`".to_string(),
            b"not" | b"=>" => {
                "push the negation inwards: not (a <= b) is `(> a b)`, a => b is `(or (not a) b)`"
                    .to_string()
            }
            _ => "a formula is `and`, `or`, `<=`, `>=`, `<`, `>`, `==` or `!=`".to_string(),
        }
    }
}
