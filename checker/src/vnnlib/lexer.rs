//! A tokenizer for S-expressions over bytes that never recurses and allocates nothing.
//!
//! Both languages share white space, parentheses and comments (`;` to the end of the line, wherever it
//! stands). VNN-LIB 2.0 has brackets and commas besides; in 1.0 those are ordinary bytes of a word.
//! A token knows its byte offset; lines and columns are counted only when an error needs them.

use crate::error::{Error, Kind, Position};
use crate::query::Language;

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`, in 2.0 only.
    OpenBracket,
    /// `]`, in 2.0 only.
    CloseBracket,
    /// `,`, in 2.0 only.
    Comma,
    /// A name, a number, a relation: whatever stands between delimiters.
    Word(&'a [u8]),
    /// A text in quotation marks, without them.
    Text(&'a [u8]),
    /// The end of the text.
    End,
}

/// A cursor over the text.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Offset of the token that was read last.
    start: usize,
    /// Offset of the top-level form that is being read, for the report of a missing parenthesis.
    form: usize,
    delimiters: &'static [bool; 256],
}

const fn delimiter_table(brackets: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let blanks = b" \t\r\n\x0b\x0c();\"";
    let mut i = 0;
    while i < blanks.len() {
        table[blanks[i] as usize] = true;
        i += 1;
    }
    if brackets {
        table[b'[' as usize] = true;
        table[b']' as usize] = true;
        table[b',' as usize] = true;
    }
    table
}

static DELIMITERS_V1: [bool; 256] = delimiter_table(false);
static DELIMITERS_V2: [bool; 256] = delimiter_table(true);

impl<'a> Lexer<'a> {
    /// A cursor at the beginning; a byte-order mark is stepped over.
    pub(super) fn new(text: &'a [u8], language: Language) -> Lexer<'a> {
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let delimiters = match language {
            Language::V1 => &DELIMITERS_V1,
            Language::V2 => &DELIMITERS_V2,
        };
        Lexer { text, at, start: at, form: at, delimiters }
    }

    /// Offset of the token that was read last.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Number of bytes read so far.
    pub(super) fn consumed(&self) -> usize {
        self.at
    }

    /// Remembers the token read last as the beginning of a top-level form.
    pub(super) fn begin_form(&mut self) {
        self.form = self.start;
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => self.at += 1,
                b';' => {
                    let rest = &self.text[self.at..];
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                _ => break,
            }
        }
    }

    /// The first byte of the next token, which stays unread.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.text.get(self.at).copied()
    }

    /// Reads the next token.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Token<'a>, Error> {
        self.skip_blanks();
        self.start = self.at;
        let Some(&byte) = self.text.get(self.at) else {
            return Ok(Token::End);
        };
        if !self.delimiters[byte as usize] {
            let mut end = self.at + 1;
            while self.text.get(end).is_some_and(|byte| !self.delimiters[*byte as usize]) {
                end += 1;
            }
            self.at = end;
            return Ok(Token::Word(&self.text[self.start..end]));
        }
        self.at += 1;
        Ok(match byte {
            b'(' => Token::Open,
            b')' => Token::Close,
            b'[' => Token::OpenBracket,
            b']' => Token::CloseBracket,
            b',' => Token::Comma,
            _ => return self.quoted(),
        })
    }

    /// A text in quotation marks; a backslash keeps the next byte from ending it.
    fn quoted(&mut self) -> Result<Token<'a>, Error> {
        let begin = self.at;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(Token::Text(&self.text[begin..self.at - 1]));
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = self.text.len();
        Err(self.parse_error(self.start, "this quotation mark is never closed"))
    }

    /// Reads a `(`.
    pub(super) fn expect_open(&mut self, before: &str) -> Result<(), Error> {
        match self.next()? {
            Token::Open => Ok(()),
            token => Err(self.unexpected(token, &format!("`(` before {before}"))),
        }
    }

    /// Reads a `)`.
    #[inline]
    pub(super) fn expect_close(&mut self, after: &str) -> Result<(), Error> {
        match self.next()? {
            Token::Close => Ok(()),
            token => Err(self.unexpected(token, &format!("`)` after {after}"))),
        }
    }

    /// Reads a word.
    pub(super) fn expect_word(&mut self, what: &str) -> Result<&'a [u8], Error> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            token => Err(self.unexpected(token, what)),
        }
    }

    /// Skips to the end of a form whose `(` has been read.
    pub(super) fn skip_form(&mut self) -> Result<(), Error> {
        let mut open = 1usize;
        while open > 0 {
            match self.next()? {
                Token::Open => open += 1,
                Token::Close => open -= 1,
                Token::End => return Err(self.unexpected(Token::End, "`)`")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Line and column of a byte offset.
    pub(super) fn position(&self, offset: usize) -> Position {
        let before = &self.text[..offset.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Position { line, column: before.len() - begin + 1 }
    }

    /// An error at a byte offset.
    pub(super) fn error(&self, kind: Kind, offset: usize, message: impl Into<String>) -> Error {
        Error::new(kind, message).at(self.position(offset))
    }

    /// A syntax error at a byte offset.
    pub(super) fn parse_error(&self, offset: usize, message: impl Into<String>) -> Error {
        self.error(Kind::Parse, offset, message)
    }

    /// The error for a token, the one read last, that cannot stand where it does.
    #[cold]
    pub(super) fn unexpected(&self, token: Token<'_>, expected: &str) -> Error {
        let found = match token {
            Token::Open => "`(`".to_string(),
            Token::Close => "`)`".to_string(),
            Token::OpenBracket => "`[`".to_string(),
            Token::CloseBracket => "`]`".to_string(),
            Token::Comma => "`,`".to_string(),
            Token::Word(word) => quote(word),
            Token::Text(text) => format!("the text {}", quote(text)),
            Token::End => {
                let message = format!("the text ends where {expected} is expected");
                let error = self.parse_error(self.text.len(), message);
                return if self.form < self.text.len() {
                    error.help(format!(
                        "the form that opens at {} is not closed; the file may be cut short",
                        self.position(self.form)
                    ))
                } else {
                    error
                };
            }
        };
        self.parse_error(self.start, format!("found {found} where {expected} is expected"))
    }
}

/// A word for a message: quoted, cut to a readable length, whatever bytes it holds.
pub(super) fn quote(word: &[u8]) -> String {
    const LONGEST: usize = 60;
    let text = String::from_utf8_lossy(&word[..word.len().min(4 * LONGEST)]);
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().count() > LONGEST || word.len() > 4 * LONGEST {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str, language: Language) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text.as_bytes(), language);
        let mut all = Vec::new();
        loop {
            match lexer.next().unwrap() {
                Token::End => return all,
                token => all.push(token),
            }
        }
    }

    #[test]
    fn comments_blanks_and_glued_parentheses() {
        use Token::*;
        let text = "(assert;)(\r\n\t(<= X_0 -1);((\n)";
        let expected =
            vec![Open, Word(b"assert"), Open, Word(b"<="), Word(b"X_0"), Word(b"-1"), Close, Close];
        assert_eq!(tokens(text, Language::V1), expected);
    }

    #[test]
    fn brackets_are_delimiters_in_2_0_only() {
        use Token::*;
        assert_eq!(tokens("X[0, 1]", Language::V1), vec![Word(b"X[0,"), Word(b"1]")]);
        assert_eq!(
            tokens("X[0, 1]", Language::V2),
            vec![Word(b"X"), OpenBracket, Word(b"0"), Comma, Word(b"1"), CloseBracket]
        );
    }

    #[test]
    fn positions_count_lines_and_bytes_from_one() {
        let lexer = Lexer::new(b"ab\ncd\n", Language::V1);
        assert_eq!(lexer.position(0), Position { line: 1, column: 1 });
        assert_eq!(lexer.position(4), Position { line: 2, column: 2 });
        assert_eq!(lexer.position(99), Position { line: 3, column: 1 });
    }

    #[test]
    fn an_open_quotation_mark_is_reported() {
        let mut lexer = Lexer::new(b"\"ab\\\"", Language::V1);
        assert_eq!(lexer.next().unwrap_err().kind, Kind::Parse);
    }
}
