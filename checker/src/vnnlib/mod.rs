//! Readers of VNN-LIB 1.0 and 2.0: from the bytes of a text to a canonical [`Query`].
//!
//! The language is told from the text alone: a 2.0 text begins with `(vnnlib-version <2.0>)`, anything
//! else is 1.0. Numbers are exact decimals, strict comparisons stay strict, and what the languages allow
//! but Plimsoll does not decide is refused by name with line and column.
//!
//! Limits, each refused by name: 4 million inputs; `and` and `or` nested 1000 levels deep, arithmetic
//! 10 000; 4 million disjuncts; 8 million box faces and 8 million row terms over all disjuncts, and four
//! times as many as the text writes.

mod assertion;
mod by_hash;
mod canonical;
mod formula;
mod lexer;
mod print;
mod v1;
mod v2;

use crate::error::{Error, Kind};
use crate::query::{Language, Query};
use lexer::{Lexer, Token, quote};

/// The oldest and the newest version of the language that are read in full.
pub const VERSIONS: [&str; 2] = ["1.0", "2.0"];

/// Most flat inputs, and as many names of 1.0 outputs.
const MAX_VARIABLES: usize = 1 << 22;

/// Reads a text in either language.
pub fn read(text: &[u8]) -> Result<Query, Error> {
    let mut lexer = Lexer::new(text, Language::V1);
    let first = lexer.next()?;
    let at = lexer.start();
    match first {
        Token::Open => {}
        Token::End => {
            return Err(lexer.parse_error(at, "the text is empty").help(
                "a query begins with `(vnnlib-version <2.0>)` or `(declare-const X_0 Real)`",
            ));
        }
        token => {
            let error = lexer.unexpected(token, "`(` at the beginning of a query");
            return Err(if text.starts_with(b"\x1f\x8b") {
                error.help("the bytes are compressed; decompress them first")
            } else {
                error
            });
        }
    }
    lexer.begin_form();
    let word = lexer.expect_word("a declaration, an assertion or `vnnlib-version`")?;
    match word {
        b"vnnlib-version" => v2::read(text),
        b"declare-network" | b"declare-input" | b"declare-hidden" | b"declare-output" => Err(lexer
            .parse_error(at, format!("a text with {} must begin with its version", quote(word)))
            .help("put `(vnnlib-version <2.0>)` before everything else")),
        _ => v1::read(text),
    }
}

/// Refuses a number of variables that is beyond the limit.
fn check_count(lexer: &Lexer<'_>, at: usize, count: usize, what: &str) -> Result<(), Error> {
    if count > MAX_VARIABLES {
        let message = format!("more than {MAX_VARIABLES} {what} are declared");
        return Err(lexer.error(Kind::TooLarge, at, message));
    }
    Ok(())
}
