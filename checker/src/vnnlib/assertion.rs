//! Assertions, the part that both languages share: nested `and` and `or` over linear comparisons.
//!
//! Neither formulas nor terms are read by recursion. A term is summed up while it is read: `+` and `-`
//! pass their sign down to the leaves, `*` scales what its one operand with variables left behind.

use super::formula::{Builder, Relation, Term};
use super::lexer::{Lexer, Token, quote};
use crate::error::{Error, Kind};
use crate::number::{ParseRationalError, Rational};

/// Most levels of `and` and `or` inside one assertion.
pub(super) const MAX_FORMULA_DEPTH: usize = 1000;
/// Most levels of arithmetic inside one comparison.
pub(super) const MAX_TERM_DEPTH: usize = 10_000;
/// Most bits of a single number's numerator and denominator.
const MAX_NUMBER_BITS: usize = 1 << 15;
/// Most bits of all numbers that do not fit 64 bits, written or computed, together; besides these 32 for
/// every byte of the text so far, of which a decimal literal uses seven.
const MAX_TOTAL_BITS: u64 = 1 << 28;
/// Most bytes of one literal.
const MAX_LITERAL: usize = 10_000;

/// What differs between the languages inside an assertion.
pub(super) trait Dialect<'a> {
    /// The relation that a word stands for.
    fn relation(&self, word: &[u8]) -> Option<Relation>;
    /// Whether `and` and `or` without children are allowed.
    fn allows_empty(&self) -> bool;
    /// The variable that a word, already read at this offset, and what follows it name.
    fn variable(&mut self, lexer: &mut Lexer<'a>, word: &'a [u8], at: usize) -> Result<u32, Error>;
    /// What is wrong with a literal, if the language does not write numbers so.
    fn literal_fault(&mut self, word: &[u8]) -> Option<&'static str>;
    /// What would help someone who wrote this word where a formula begins.
    fn help(&self, word: &[u8]) -> String;
}

/// Reads assertions into a formula.
#[derive(Debug)]
pub(super) struct Assertions {
    pub(super) builder: Builder,
    terms: Vec<Term>,
    frames: Vec<Frame>,
    total_bits: u64,
    rescaled: u64,
}

/// An arithmetic operator whose operands are being read.
#[derive(Debug)]
struct Frame {
    operator: Operator,
    operands: usize,
    /// Whether the whole term enters the sum negated.
    negated: bool,
    /// Number of terms that were there before the first operand.
    first_term: usize,
    /// The sum of constants outside, put aside while this frame collects its own.
    outside: Rational,
    product: Product,
}

/// A product so far: one linear operand at most, and the constants.
#[derive(Debug)]
struct Product {
    factor: Rational,
    /// The constant part of the operand that has variables.
    linear: Option<Rational>,
    /// Number of terms that were there before the current operand.
    operand_terms: usize,
    /// Offset of the current operand.
    operand_at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Sum,
    Difference,
    Product,
}

impl Assertions {
    /// No assertion yet.
    pub(super) fn new() -> Assertions {
        Assertions {
            builder: Builder::new(),
            terms: Vec::new(),
            frames: Vec::new(),
            total_bits: 0,
            rescaled: 0,
        }
    }

    /// Reads one assertion whose `(assert` has been read, up to its `)`.
    pub(super) fn read<'a, D: Dialect<'a>>(
        &mut self,
        lexer: &mut Lexer<'a>,
        dialect: &mut D,
    ) -> Result<(), Error> {
        lexer.expect_open("a formula")?;
        self.begin(lexer, dialect)?;
        while self.builder.depth() > 0 {
            match lexer.next()? {
                Token::Open => self.begin(lexer, dialect)?,
                Token::Close => {
                    let at = lexer.start();
                    if self.builder.close() == 0 && !dialect.allows_empty() {
                        let message = "found `)` where a formula is expected; `and` and `or` have \
                                       at least one operand";
                        return Err(lexer.parse_error(at, message));
                    }
                }
                token => return Err(lexer.unexpected(token, "`(` or `)`")),
            }
        }
        self.builder.check_room(lexer)?;
        lexer.expect_close("the formula of an assertion")
    }

    /// Reads what follows the `(` of a formula: opens `and` or `or`, or reads a whole comparison.
    #[inline]
    fn begin<'a, D: Dialect<'a>>(
        &mut self,
        lexer: &mut Lexer<'a>,
        dialect: &mut D,
    ) -> Result<(), Error> {
        let word = lexer.expect_word("`and`, `or` or a comparison")?;
        if let Some(relation) = dialect.relation(word) {
            return self.comparison(lexer, dialect, relation);
        }
        match word {
            b"and" => self.builder.open_and(),
            b"or" => self.builder.open_or(),
            _ => {
                let (at, name) = (lexer.start(), quote(word));
                let message = match word {
                    b"not" | b"=>" | b"xor" | b"ite" | b"let" | b"forall" | b"exists" => {
                        format!("the connective {name} is not part of VNN-LIB")
                    }
                    _ => format!("found {name} where `and`, `or` or a comparison is expected"),
                };
                return Err(lexer.parse_error(at, message).help(dialect.help(word)));
            }
        }
        if self.builder.depth() > MAX_FORMULA_DEPTH {
            let message =
                format!("`and` and `or` are nested more than {MAX_FORMULA_DEPTH} levels deep");
            return Err(lexer.error(Kind::TooLarge, lexer.start(), message));
        }
        Ok(())
    }

    fn comparison<'a, D: Dialect<'a>>(
        &mut self,
        lexer: &mut Lexer<'a>,
        dialect: &mut D,
        relation: Relation,
    ) -> Result<(), Error> {
        self.terms.clear();
        let mut constant = Rational::ZERO;
        self.side(lexer, dialect, false, &mut constant)?;
        self.side(lexer, dialect, true, &mut constant)?;
        lexer.expect_close("the two sides of a comparison")?;
        self.builder.atom(&mut self.terms, constant, relation);
        Ok(())
    }

    /// Adds one side of a comparison, negated for the right-hand one, to the terms and the constant.
    #[inline]
    fn side<'a, D: Dialect<'a>>(
        &mut self,
        lexer: &mut Lexer<'a>,
        dialect: &mut D,
        negated: bool,
        constant: &mut Rational,
    ) -> Result<(), Error> {
        self.frames.clear();
        loop {
            let token = lexer.next()?;
            let at = lexer.start();
            let negated = self.begin_operand(at, negated, constant);
            match token {
                Token::Word(word) if starts_number(word) => {
                    let value = self.literal(lexer, dialect, word)?;
                    self.add(lexer, constant, if negated { -&value } else { value })?;
                }
                Token::Word(word) => {
                    let variable = dialect.variable(lexer, word, at)?;
                    let one = if negated { Rational::from(-1) } else { Rational::ONE };
                    self.terms.push((variable, one));
                }
                Token::Open => {
                    self.open(lexer, negated, constant)?;
                    continue;
                }
                _ => return Err(lexer.unexpected(token, "a number, a variable or `(`")),
            }
            self.end_operand(lexer, constant)?;
            while !self.frames.is_empty() && lexer.peek() == Some(b')') {
                lexer.next()?;
                self.close(lexer, constant)?;
                self.end_operand(lexer, constant)?;
            }
            if self.frames.is_empty() {
                return Ok(());
            }
        }
    }

    /// Counts an operand that begins and says whether it enters the sum negated.
    fn begin_operand(&mut self, at: usize, outermost: bool, constant: &mut Rational) -> bool {
        let Some(frame) = self.frames.last_mut() else {
            return outermost;
        };
        frame.operands += 1;
        match frame.operator {
            Operator::Sum => frame.negated,
            Operator::Difference => frame.negated != (frame.operands > 1),
            Operator::Product => {
                frame.product.operand_terms = self.terms.len();
                frame.product.operand_at = at;
                *constant = Rational::ZERO;
                false
            }
        }
    }

    /// Files an operand that has been read, if it belongs to a product.
    fn end_operand(&mut self, lexer: &Lexer<'_>, constant: &mut Rational) -> Result<(), Error> {
        let Some(Frame { operator: Operator::Product, product, .. }) = self.frames.last_mut()
        else {
            return Ok(());
        };
        let value = std::mem::replace(constant, Rational::ZERO);
        if self.terms.len() == product.operand_terms {
            product.factor = &product.factor * &value;
            return charge(&mut self.total_bits, lexer, &product.factor);
        }
        if product.linear.replace(value).is_some() {
            let at = product.operand_at;
            return Err(lexer
                .error(Kind::Nonlinear, at, "two operands of this product have variables")
                .help("only linear constraints are read; one factor at most may have variables"));
        }
        Ok(())
    }

    fn open(
        &mut self,
        lexer: &mut Lexer<'_>,
        negated: bool,
        constant: &mut Rational,
    ) -> Result<(), Error> {
        let word = lexer.expect_word("`+`, `-` or `*`")?;
        let at = lexer.start();
        let operator = match word {
            b"+" => Operator::Sum,
            b"-" => Operator::Difference,
            b"*" => Operator::Product,
            _ => {
                let message = format!("found {} where `+`, `-` or `*` is expected", quote(word));
                return Err(lexer
                    .parse_error(at, message)
                    .help("a term is a number, a variable, or a sum, difference or product"));
            }
        };
        if self.frames.len() >= MAX_TERM_DEPTH {
            let message = format!("arithmetic is nested more than {MAX_TERM_DEPTH} levels deep");
            return Err(lexer.error(Kind::TooLarge, at, message));
        }
        let first_term = self.terms.len();
        let outside = std::mem::replace(constant, Rational::ZERO);
        let product = Product {
            factor: Rational::ONE,
            linear: None,
            operand_terms: first_term,
            operand_at: at,
        };
        self.frames.push(Frame { operator, operands: 0, negated, first_term, outside, product });
        Ok(())
    }

    /// Finishes the innermost operator; its `)` has been read.
    fn close(&mut self, lexer: &Lexer<'_>, constant: &mut Rational) -> Result<(), Error> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        match frame.operator {
            Operator::Sum => {}
            Operator::Difference if frame.operands > 1 => {}
            Operator::Difference => {
                let minus = Rational::from(-1);
                self.scale(lexer, frame.first_term, &minus)?;
                *constant = -&*constant;
            }
            Operator::Product => {
                let factor =
                    if frame.negated { -&frame.product.factor } else { frame.product.factor };
                self.scale(lexer, frame.first_term, &factor)?;
                *constant = match frame.product.linear {
                    Some(linear) => &linear * &factor,
                    None => factor,
                };
                charge(&mut self.total_bits, lexer, constant)?;
            }
        }
        let inside = std::mem::replace(constant, frame.outside);
        self.add(lexer, constant, inside)
    }

    /// Multiplies the terms from an index on. Nested operators can scale a term again and again, so the
    /// steps are counted and stay proportional to the length of the text.
    fn scale(&mut self, lexer: &Lexer<'_>, from: usize, factor: &Rational) -> Result<(), Error> {
        self.rescaled += (self.terms.len() - from) as u64;
        if self.rescaled > 64 * (lexer.consumed() as u64 + 10_000) {
            let message = "products and negations are nested too deeply around too many terms";
            return Err(lexer
                .error(Kind::TooLarge, lexer.start(), message)
                .help("multiply out the innermost terms"));
        }
        for (_, coefficient) in &mut self.terms[from..] {
            *coefficient =
                if *coefficient == Rational::ONE { factor.clone() } else { &*coefficient * factor };
            charge(&mut self.total_bits, lexer, coefficient)?;
        }
        Ok(())
    }

    #[inline]
    fn add(
        &mut self,
        lexer: &Lexer<'_>,
        constant: &mut Rational,
        value: Rational,
    ) -> Result<(), Error> {
        if constant.is_zero() {
            *constant = value;
            return Ok(());
        }
        *constant += &value;
        charge(&mut self.total_bits, lexer, constant)
    }

    #[inline]
    fn literal<'a, D: Dialect<'a>>(
        &mut self,
        lexer: &Lexer<'a>,
        dialect: &mut D,
        word: &[u8],
    ) -> Result<Rational, Error> {
        let at = lexer.start();
        if word.len() > MAX_LITERAL {
            let message = format!("this number has more than {MAX_LITERAL} digits");
            return Err(lexer.error(Kind::TooLarge, at, message));
        }
        if let Some(fault) = dialect.literal_fault(word) {
            let message = format!("{} is no number of this language", quote(word));
            return Err(lexer.parse_error(at, message).help(fault));
        }
        let text = std::str::from_utf8(word)
            .map_err(|_| lexer.parse_error(at, format!("{} is no number", quote(word))))?;
        let value = Rational::parse_decimal(text).map_err(|error| match error {
            ParseRationalError::NotANumber(_) => lexer
                .parse_error(at, format!("{} is no number", quote(word)))
                .help("a decimal such as `-1.5` is expected; a term is negated by `(- ...)`"),
            ParseRationalError::ExponentTooLarge(_) => {
                lexer.error(Kind::TooLarge, at, error.to_string())
            }
        })?;
        charge(&mut self.total_bits, lexer, &value)?;
        Ok(value)
    }
}

/// Counts a number that does not fit 64 bits towards the limits.
#[inline]
fn charge(total: &mut u64, lexer: &Lexer<'_>, value: &Rational) -> Result<(), Error> {
    let bits = value.heap_bits();
    if bits == 0 {
        return Ok(());
    }
    *total += bits as u64;
    let most = MAX_TOTAL_BITS + 32 * lexer.consumed() as u64;
    if bits > MAX_NUMBER_BITS || *total > most {
        let message = if bits > MAX_NUMBER_BITS {
            format!("a number here has {bits} bits; {MAX_NUMBER_BITS} are read")
        } else {
            format!("the numbers of this text have more than {most} bits together")
        };
        return Err(lexer
            .error(Kind::TooLarge, lexer.start(), message)
            .help("numbers are exact; shorter decimals or smaller exponents help"));
    }
    Ok(())
}

fn starts_number(word: &[u8]) -> bool {
    matches!(word.first(), Some(b'0'..=b'9' | b'-' | b'+' | b'.'))
}
