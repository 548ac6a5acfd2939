//! VNN-LIB 1.0 as the competitions wrote it: flat reals `X_i` and `Y_i` in the style of SMT-LIB.
//!
//! No standard was ever enforced; what is read here is what published texts contain. The number in a
//! name is its place in the model's input or output, in whatever order the names are declared.

use super::assertion::{Assertions, Dialect};
use super::formula::{OUTPUT, Relation};
use super::lexer::{Lexer, Token, quote};
use super::{canonical, check_count};
use crate::error::{Error, Kind};
use crate::query::{Arithmetic, Declaration, Language, Query};

/// Commands of SMT-LIB that say nothing about the query.
const SKIPPED: [&str; 7] =
    ["check-sat", "set-logic", "set-info", "set-option", "get-model", "get-value", "exit"];

/// Reads a whole text.
pub(super) fn read(text: &[u8]) -> Result<Query, Error> {
    let mut lexer = Lexer::new(text, Language::V1);
    let mut names = Names::default();
    let mut assertions = Assertions::new();
    let mut notes = Vec::new();
    loop {
        match lexer.next()? {
            Token::End => break,
            Token::Open => lexer.begin_form(),
            token => return Err(lexer.unexpected(token, "`(` of a declaration or an assertion")),
        }
        match lexer.expect_word("`declare-const` or `assert`")? {
            b"assert" => assertions.read(&mut lexer, &mut names)?,
            b"declare-const" => names.declare(&mut lexer, Form::Constant)?,
            b"declare-fun" => names.declare(&mut lexer, Form::Function)?,
            word => {
                let at = lexer.start();
                let Some(command) = SKIPPED.iter().find(|name| name.as_bytes() == word) else {
                    let found = quote(word);
                    return Err(lexer
                        .parse_error(at, format!("{found} is no command of VNN-LIB 1.0"))
                        .help("a text has `declare-const` and `assert` only"));
                };
                lexer.skip_form()?;
                let note = format!("the command `{command}` is skipped");
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
    }
    let end = lexer.start();
    let inputs = names.inputs.count(&lexer)?;
    let outputs = names.outputs.count(&lexer)?;
    if inputs == 0 {
        return Err(lexer
            .parse_error(end, "the text ends without the declaration of an input")
            .help("declare inputs by `(declare-const X_0 Real)`"));
    }
    let formula = assertions.builder.finish();
    let result = canonical::expand(&formula, inputs, &|input| format!("X_{input}"))?;
    let flat = |name: &str, count: usize| Declaration {
        name: name.to_string(),
        element: "Real".to_string(),
        shape: vec![count],
    };
    Ok(Query {
        language: Language::V1,
        arithmetic: Arithmetic::Real,
        network: None,
        inputs: vec![flat("X", inputs)],
        outputs: vec![flat("Y", outputs)],
        regions: result.regions,
        disjuncts: result.disjuncts,
        dropped: result.dropped,
        notes,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `(declare-const X_0 Real)`
    Constant,
    /// `(declare-fun X_0 () Real)`
    Function,
}

/// The declared names.
#[derive(Debug, Default)]
struct Names {
    inputs: Family,
    outputs: Family,
}

/// The declared numbers of one letter.
#[derive(Debug, Default)]
struct Family {
    letter: char,
    declared: Vec<bool>,
    /// How many are declared.
    distinct: usize,
    /// Where the greatest number so far is declared.
    greatest_at: usize,
}

impl Family {
    fn declare(&mut self, lexer: &Lexer<'_>, letter: char, index: usize) -> Result<(), Error> {
        let at = lexer.start();
        self.letter = letter;
        check_count(lexer, at, index.saturating_add(1), "variables of one kind")?;
        if index >= self.declared.len() {
            self.declared.resize(index + 1, false);
            self.greatest_at = at;
        }
        if std::mem::replace(&mut self.declared[index], true) {
            return Err(lexer.parse_error(at, format!("`{letter}_{index}` is declared twice")));
        }
        self.distinct += 1;
        Ok(())
    }

    /// How many are declared, which must be all numbers from 0.
    fn count(&self, lexer: &Lexer<'_>) -> Result<usize, Error> {
        if self.distinct == self.declared.len() {
            return Ok(self.distinct);
        }
        let missing = self.declared.iter().position(|declared| !declared).unwrap_or(0);
        let (letter, last) = (self.letter, self.declared.len() - 1);
        let message = format!("`{letter}_{missing}` is not declared, but `{letter}_{last}` is");
        Err(lexer
            .error(Kind::UndeclaredVariable, self.greatest_at, message)
            .help("the numbers of the names count from 0 without a gap"))
    }
}

impl Names {
    fn declare(&mut self, lexer: &mut Lexer<'_>, form: Form) -> Result<(), Error> {
        let word = lexer.expect_word("the name of a variable")?;
        match split(word) {
            Some((Letter::X, index)) => self.inputs.declare(lexer, 'X', index)?,
            Some((Letter::Y, index)) => self.outputs.declare(lexer, 'Y', index)?,
            None => {
                let message = format!("the name {} is neither `X_i` nor `Y_i`", quote(word));
                return Err(lexer
                    .parse_error(lexer.start(), message)
                    .help("inputs are named `X_0`, `X_1`, ..., outputs `Y_0`, `Y_1`, ..."));
            }
        }
        if form == Form::Function {
            lexer.expect_open("the parameters of a function, of which there are none")?;
            lexer.expect_close("the parameters of a function, of which there are none")?;
        }
        let sort = lexer.expect_word("the sort `Real`")?;
        if sort != b"Real" {
            let message = format!("found {} where the sort `Real` is expected", quote(sort));
            return Err(lexer.parse_error(lexer.start(), message));
        }
        lexer.expect_close("a declaration")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letter {
    X,
    Y,
}

/// Takes `X_12` apart. A leading zero would make two names for one variable, so it is no such name.
#[inline]
fn split(word: &[u8]) -> Option<(Letter, usize)> {
    let (letter, digits) = match word {
        [b'X', b'_', digits @ ..] => (Letter::X, digits),
        [b'Y', b'_', digits @ ..] => (Letter::Y, digits),
        _ => return None,
    };
    if digits.is_empty() || digits.len() > 12 || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let mut index = 0usize;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        index = index * 10 + (byte - b'0') as usize;
    }
    Some((letter, index))
}

impl<'a> Dialect<'a> for Names {
    #[inline]
    fn relation(&self, word: &[u8]) -> Option<Relation> {
        match word {
            b"<=" => Some(Relation::LessEqual),
            b">=" => Some(Relation::GreaterEqual),
            b"<" => Some(Relation::Less),
            b">" => Some(Relation::Greater),
            b"=" => Some(Relation::Equal),
            _ => None,
        }
    }

    fn allows_empty(&self) -> bool {
        true
    }

    #[inline]
    fn variable(&mut self, lexer: &mut Lexer<'a>, word: &'a [u8], at: usize) -> Result<u32, Error> {
        let found = split(word).and_then(|(letter, index)| {
            let (family, mark) = match letter {
                Letter::X => (&self.inputs, 0),
                Letter::Y => (&self.outputs, OUTPUT),
            };
            (family.declared.get(index) == Some(&true)).then_some(index as u32 | mark)
        });
        found.ok_or_else(|| {
            let message = format!("the variable {} is not declared", quote(word));
            let error = lexer.error(Kind::UndeclaredVariable, at, message);
            match split(word) {
                Some(_) => error
                    .help(format!("add `(declare-const {} Real)`", String::from_utf8_lossy(word))),
                None => error.help("variables are named `X_0`, `X_1`, ... and `Y_0`, `Y_1`, ..."),
            }
        })
    }

    fn literal_fault(&mut self, _word: &[u8]) -> Option<&'static str> {
        None
    }

    fn help(&self, word: &[u8]) -> String {
        match word {
            b"==" => "VNN-LIB 1.0 writes `=`".to_string(),
            b"!=" | b"distinct" => "write `(or (< a b) (> a b))`".to_string(),
            b"not" | b"=>" => {
                "push the negation inwards: not (a <= b) is `(> a b)`, a => b is `(or (not a) b)`"
                    .to_string()
            }
            _ => "a formula is `and`, `or`, `<=`, `>=`, `<`, `>` or `=`".to_string(),
        }
    }
}
