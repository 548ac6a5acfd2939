//! The expression language: linear comparisons over labels, inputs and parameters.

use super::finding::nearest;
use super::linear::{Formula, Linear, Piece, Relation, Sum, Variable};
use plimsoll_check::number::Rational;
use std::collections::BTreeMap;

/// Deepest nesting; deeper expressions are refused.
const MAX_DEPTH: usize = 100;

/// What the words of an expression mean.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Labels of outputs, in order.
    pub labels: Vec<String>,
    /// Names of inputs with the places of their elements; more than one for a tensor.
    pub inputs: BTreeMap<String, Elements>,
    /// Named numbers.
    pub parameters: BTreeMap<String, Rational>,
    /// Whether the least score decides, if scores decide.
    pub decision: Option<bool>,
}

/// Consecutive flat inputs with a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elements {
    /// The first.
    pub first: usize,
    /// Dimensions; empty for a single element.
    pub shape: Vec<usize>,
}

/// Why an expression cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Code of the finding.
    pub code: &'static str,
    /// Where in the expression, in bytes.
    pub at: usize,
    /// How many bytes.
    pub len: usize,
    /// What is wrong.
    pub message: String,
    /// What would help.
    pub help: Option<String>,
}

/// Reads a formula.
///
/// # Errors
/// Where it is not in the language, not linear, or names what is not there.
pub fn formula(text: &str, names: &Names) -> Result<Formula, Problem> {
    whole(text, names, |parser| parser.formula())
}

/// Reads a sum.
///
/// # Errors
/// As [`formula`].
pub fn sum(text: &str, names: &Names) -> Result<Sum, Problem> {
    whole(text, names, |parser| parser.sum())
}

fn whole<T>(
    text: &str,
    names: &Names,
    parse: impl FnOnce(&mut Parser<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, names, tokens: &tokens, at: 0, depth: 0 };
    let result = parse(&mut parser)?;
    match parser.peek() {
        None => Ok(result),
        Some(_) => Err(parser.unexpected("the end, or `and`, `or`, `=>`, or an operator")),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Number,
    Word,
    Quoted(String),
    Parameter,
    Symbol,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    kind: Kind,
    at: usize,
    len: usize,
}

const SYMBOLS: [&str; 17] =
    ["=>", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "(", ")", "[", "]", ",", "%"];

const RESERVED: [&str; 11] =
    ["and", "or", "not", "in", "true", "false", "abs", "max", "min", "argmax", "argmin"];

fn tokens(text: &str) -> Result<Vec<Token>, Problem> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let byte = bytes[at];
        let run = |from: usize, more: fn(u8) -> bool| {
            bytes[from..].iter().take_while(|byte| more(**byte)).count()
        };
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let (kind, len) = if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        } else if byte.is_ascii_digit() || byte == b'.' {
            let mut len = run(at, |b| b.is_ascii_digit() || b == b'.');
            if matches!(bytes.get(at + len), Some(b'e' | b'E')) {
                let sign = usize::from(matches!(bytes.get(at + len + 1), Some(b'+' | b'-')));
                let digits = run((at + len + 1 + sign).min(bytes.len()), |b| b.is_ascii_digit());
                if digits > 0 {
                    len += 1 + sign + digits;
                }
            }
            (Kind::Number, len)
        } else if byte.is_ascii_alphabetic() || byte == b'_' {
            (Kind::Word, run(at, word))
        } else if byte == b'$' {
            (Kind::Parameter, 1 + run(at + 1, word))
        } else if byte == b'"' || byte == b'\'' {
            let Some(end) = text[at + 1..].find(char::from(byte)) else {
                return Err(problem(at, 1, "the quotation mark is never closed"));
            };
            (Kind::Quoted(text[at + 1..at + 1 + end].to_string()), end + 2)
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Kind::Symbol, symbol.len())
        } else {
            let character = rest.chars().next().map_or(1, char::len_utf8);
            return Err(problem(at, character, "this character is not part of the language")
                .help("`=` is written `==`, and labels with other characters stand in quotes"));
        };
        tokens.push(Token { kind, at, len });
        at += len;
    }
    Ok(tokens)
}

fn problem(at: usize, len: usize, message: impl Into<String>) -> Problem {
    Problem { code: "PL020", at, len, message: message.into(), help: None }
}

impl Problem {
    fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    fn code(mut self, code: &'static str) -> Problem {
        self.code = code;
        self
    }
}

struct Parser<'t> {
    text: &'t str,
    names: &'t Names,
    tokens: &'t [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(|token| match &token.kind {
            // No word and no symbol has a quotation mark in it.
            Kind::Quoted(_) => "\"",
            _ => &self.text[token.at..token.at + token.len],
        })
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), Problem> {
        if self.take(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> Problem {
        match self.tokens.get(self.at) {
            Some(token) => problem(
                token.at,
                token.len,
                format!(
                    "expected {wanted}, found `{}`",
                    &self.text[token.at..token.at + token.len]
                ),
            ),
            None => problem(self.text.len(), 0, format!("expected {wanted}, found the end")),
        }
    }

    fn deeper(&mut self) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.unexpected(&format!("at most {MAX_DEPTH} levels of nesting")));
        }
        Ok(())
    }

    fn formula(&mut self) -> Result<Formula, Problem> {
        self.deeper()?;
        let left = self.either()?;
        let result = if self.take("=>") {
            Formula::Any(vec![Formula::Not(Box::new(left)), self.formula()?])
        } else {
            left
        };
        self.depth -= 1;
        Ok(result)
    }

    fn either(&mut self) -> Result<Formula, Problem> {
        let mut members = vec![self.both()?];
        while self.take("or") {
            members.push(self.both()?);
        }
        Ok(if members.len() == 1 { members.remove(0) } else { Formula::Any(members) })
    }

    fn both(&mut self) -> Result<Formula, Problem> {
        let mut members = vec![self.unary()?];
        while self.take("and") {
            members.push(self.unary()?);
        }
        Ok(if members.len() == 1 { members.remove(0) } else { Formula::All(members) })
    }

    fn unary(&mut self) -> Result<Formula, Problem> {
        if self.take("not") {
            self.deeper()?;
            let inner = self.unary()?;
            self.depth -= 1;
            return Ok(Formula::Not(Box::new(inner)));
        }
        for (word, value) in [("true", true), ("false", false)] {
            if self.take(word) {
                return Ok(Formula::Constant(value));
            }
        }
        if matches!(self.peek(), Some("argmax" | "argmin" | "decision")) {
            return self.decision();
        }
        if self.peek() == Some("(") {
            // A parenthesis opens a formula or a sum. It is a sum if a comparison or an operator follows
            // its end, which is found without reading what is inside.
            if !self.parenthesis_is_sum() {
                self.at += 1;
                let inner = self.formula()?;
                self.expect(")")?;
                return Ok(inner);
            }
        }
        self.compare()
    }

    fn parenthesis_is_sum(&self) -> bool {
        let mut open = 0usize;
        for (at, token) in self.tokens.iter().enumerate().skip(self.at) {
            if token.kind != Kind::Symbol {
                continue;
            }
            match &self.text[token.at..token.at + token.len] {
                "(" => open += 1,
                ")" => {
                    open -= 1;
                    if open == 0 {
                        let next = self.tokens.get(at + 1);
                        return next.is_some_and(|token| {
                            let text = &self.text[token.at..token.at + token.len];
                            token.kind == Kind::Symbol && !matches!(text, ")" | "=>" | "]" | ",")
                        });
                    }
                }
                _ => {}
            }
        }
        false
    }

    fn decision(&mut self) -> Result<Formula, Problem> {
        let place = &self.tokens[self.at];
        let least = match (self.peek(), self.names.decision) {
            (Some("argmax"), _) => false,
            (Some("argmin"), _) => true,
            (_, Some(least)) => least,
            (_, None) => {
                let message = "`decision` is used, and the output has no decision rule";
                return Err(problem(place.at, place.len, message)
                    .code("PL216")
                    .help("write `decision = \"argmax\"` in [output]"));
            }
        };
        self.at += 1;
        let mut among: Vec<usize> = (0..self.names.labels.len()).collect();
        if self.take("(") {
            among = vec![self.label()?];
            while self.take(",") {
                among.push(self.label()?);
            }
            self.expect(")")?;
        }
        let negated = match self.peek() {
            Some("==") => false,
            Some("!=") => true,
            Some("in") | Some("not") => {
                let negated = self.take("not");
                self.expect("in")?;
                self.expect("[")?;
                let mut labels = vec![self.label()?];
                while self.take(",") {
                    labels.push(self.label()?);
                }
                self.expect("]")?;
                let formula = Formula::Decides { least, among, labels };
                return Ok(if negated { Formula::Not(Box::new(formula)) } else { formula });
            }
            _ => return Err(self.unexpected("`==`, `!=`, `in` or `not in`")),
        };
        self.at += 1;
        let formula = Formula::Decides { least, among, labels: vec![self.label()?] };
        Ok(if negated { Formula::Not(Box::new(formula)) } else { formula })
    }

    fn label(&mut self) -> Result<usize, Problem> {
        let Some(token) = self.tokens.get(self.at) else {
            return Err(self.unexpected("a label"));
        };
        let text = match &token.kind {
            Kind::Quoted(text) => text.as_str(),
            Kind::Word | Kind::Number => &self.text[token.at..token.at + token.len],
            Kind::Parameter | Kind::Symbol => return Err(self.unexpected("a label")),
        };
        let found = self.names.labels.iter().position(|label| label == text);
        let Some(found) = found else {
            let near = nearest(text, self.names.labels.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the labels are {}", listed(&self.names.labels)),
            };
            let message = format!("`{text}` is none of the output's labels");
            return Err(problem(token.at, token.len, message).code("PL210").help(help));
        };
        self.at += 1;
        Ok(found)
    }

    fn compare(&mut self) -> Result<Formula, Problem> {
        let mut left = self.sum()?;
        let mut members = Vec::new();
        let mut direction = None;
        while let Some(symbol @ ("<" | "<=" | ">" | ">=" | "==" | "!=")) = self.peek() {
            let symbol = symbol.to_string();
            let way = symbol.chars().next();
            if !members.is_empty() && (direction != way || matches!(way, Some('=' | '!'))) {
                return Err(self.unexpected("a chain whose comparisons point one way"));
            }
            direction = way;
            self.at += 1;
            let right = self.sum()?;
            let minus = Rational::from(-1);
            let (less, greater) = (left.plus(&minus, &right), right.plus(&minus, &left));
            members.push(match symbol.as_str() {
                "<" => Formula::Compare(less, Relation::Less),
                "<=" => Formula::Compare(less, Relation::AtMost),
                ">" => Formula::Compare(greater, Relation::Less),
                ">=" => Formula::Compare(greater, Relation::AtMost),
                "==" => Formula::Compare(less, Relation::Equal),
                _ => Formula::Not(Box::new(Formula::Compare(less, Relation::Equal))),
            });
            left = right;
        }
        match members.len() {
            0 => Err(self.unexpected("a comparison such as `<=`")),
            1 => Ok(members.remove(0)),
            _ => Ok(Formula::All(members)),
        }
    }

    fn sum(&mut self) -> Result<Sum, Problem> {
        self.deeper()?;
        let mut sum = self.product()?;
        loop {
            let factor = match self.peek() {
                Some("+") => Rational::ONE,
                Some("-") => Rational::from(-1),
                _ => break,
            };
            self.at += 1;
            let next = self.product()?;
            sum = sum.plus(&factor, &next);
        }
        self.depth -= 1;
        Ok(sum)
    }

    fn product(&mut self) -> Result<Sum, Problem> {
        let mut product = self.factor()?;
        while let Some(symbol @ ("*" | "/")) = self.peek() {
            let divides = symbol == "/";
            let place = self.tokens[self.at].clone();
            self.at += 1;
            let next = self.factor()?;
            let not_linear = |message| problem(place.at, place.len, message).code("PL209");
            if divides {
                let Some(number) = next.number() else {
                    return Err(not_linear("the divisor is not a number"));
                };
                let Some(factor) = Rational::ONE.checked_div(number) else {
                    return Err(not_linear("the divisor is zero"));
                };
                product = Sum::default().plus(&factor, &product);
            } else if let Some(number) = next.number() {
                product = Sum::default().plus(number, &product);
            } else if let Some(number) = product.number() {
                product = Sum::default().plus(number, &next);
            } else {
                return Err(not_linear("two quantities are multiplied, and only one may vary"));
            }
        }
        Ok(product)
    }

    fn factor(&mut self) -> Result<Sum, Problem> {
        let Some(token) = self.tokens.get(self.at).cloned() else {
            return Err(self.unexpected("a number or a name"));
        };
        let text = &self.text[token.at..token.at + token.len];
        let constant = |value| Sum { linear: Linear::constant(value), pieces: Vec::new() };
        match &token.kind {
            Kind::Number => {
                let value = Rational::parse_decimal(text).map_err(|error| {
                    problem(token.at, token.len, error.to_string()).code("PL007")
                })?;
                self.at += 1;
                let percent = Rational::ONE.checked_div(&Rational::from(100)).unwrap_or_default();
                Ok(constant(if self.take("%") { &value * &percent } else { value }))
            }
            Kind::Parameter => {
                let Some(value) = self.names.parameters.get(&text[1..]) else {
                    let message = format!("no parameter is called `{text}`");
                    return Err(problem(token.at, token.len, message)
                        .code("PL006")
                        .help("parameters are defined by [params]"));
                };
                self.at += 1;
                Ok(constant(value.clone()))
            }
            Kind::Word if matches!(text, "abs" | "max" | "min") => {
                let which = text.to_string();
                self.at += 1;
                self.expect("(")?;
                let mut members = vec![self.sum()?];
                if which == "abs" {
                    members.push(Sum::default().plus(&Rational::from(-1), &members[0]));
                } else {
                    while self.take(",") {
                        members.push(self.sum()?);
                    }
                }
                self.expect(")")?;
                let piece = Piece { greatest: which != "min", members };
                Ok(Sum { linear: Linear::default(), pieces: vec![(Rational::ONE, piece)] })
            }
            Kind::Word if RESERVED.contains(&text) => Err(self.unexpected("a number or a name")),
            Kind::Word | Kind::Quoted(_) => self.name(),
            Kind::Symbol if text == "-" => {
                self.deeper()?;
                self.at += 1;
                let inner = self.factor()?;
                self.depth -= 1;
                Ok(Sum::default().plus(&Rational::from(-1), &inner))
            }
            Kind::Symbol if text == "(" => {
                self.at += 1;
                let inner = self.sum()?;
                self.expect(")")?;
                Ok(inner)
            }
            Kind::Symbol => Err(self.unexpected("a number or a name")),
        }
    }

    fn name(&mut self) -> Result<Sum, Problem> {
        let token = self.tokens[self.at].clone();
        let text = match &token.kind {
            Kind::Quoted(text) => text.clone(),
            _ => self.text[token.at..token.at + token.len].to_string(),
        };
        let variable = |variable| Sum { linear: Linear::variable(variable), pieces: Vec::new() };
        if let Some(output) = self.names.labels.iter().position(|label| *label == text) {
            self.at += 1;
            return Ok(variable(Variable::Output(output)));
        }
        let Some(elements) = self.names.inputs.get(&text) else {
            let known = self.names.labels.iter().chain(self.names.inputs.keys());
            let help = match nearest(&text, known.clone().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known names are {}", listed(known)),
            };
            let message = format!("`{text}` is neither a label nor an input");
            return Err(problem(token.at, token.len, message).code("PL210").help(help));
        };
        self.at += 1;
        let mut indices = Vec::new();
        if self.take("[") {
            loop {
                let place = self.tokens.get(self.at).cloned();
                let number = self.peek().and_then(|text| text.parse::<usize>().ok());
                let (Some(number), Some(place)) = (number, place) else {
                    return Err(self.unexpected("an index"));
                };
                let limit = elements.shape.get(indices.len());
                if limit.is_none_or(|limit| number >= *limit) {
                    let message = format!("`{text}` has shape {:?}", elements.shape);
                    return Err(problem(place.at, place.len, message).code("PL210"));
                }
                indices.push(number);
                self.at += 1;
                if !self.take(",") {
                    break;
                }
            }
            self.expect("]")?;
        }
        if indices.len() != elements.shape.len() {
            let message = format!("`{text}` has shape {:?}; name one element", elements.shape);
            return Err(problem(token.at, token.len, message).code("PL210"));
        }
        let offset = indices
            .iter()
            .zip(&elements.shape)
            .fold(0, |offset, (index, len)| offset * len + index);
        Ok(variable(Variable::Input(elements.first + offset)))
    }
}

fn listed<'w>(words: impl IntoIterator<Item = &'w String>) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    if words.len() > 12 {
        let more = words.len() - 12;
        words.truncate(12);
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::normal::{Ties, unwanted};
    use super::*;

    fn names() -> Names {
        let element = |first| Elements { first, shape: Vec::new() };
        Names {
            labels: vec!["clear".into(), "weak left".into(), "3".into()],
            inputs: BTreeMap::from([
                ("rho".to_string(), element(0)),
                ("img".to_string(), Elements { first: 1, shape: vec![2, 3] }),
            ]),
            parameters: BTreeMap::from([("far".to_string(), Rational::from(7))]),
            decision: Some(false),
        }
    }

    /// Whether the formula is true at rho = 2, img[i] = 10 + i, scores (1, 4, 3).
    fn at(text: &str) -> bool {
        let inputs: Vec<Rational> = [2, 10, 11, 12, 13, 14, 15].map(Rational::from).to_vec();
        let outputs: Vec<Rational> = [1, 4, 3].map(Rational::from).to_vec();
        let formula = formula(text, &names()).unwrap_or_else(|p| panic!("{text}: {p:?}"));
        let met = |negated| {
            unwanted(&formula, negated, Ties::Adverse).unwrap().iter().any(|atoms| {
                atoms.iter().all(|atom| atom.holds_at(&atom.form.value(&inputs, &outputs)))
            })
        };
        assert_ne!(met(false), met(true), "{text}");
        met(false)
    }

    #[test]
    fn formulas_mean_what_they_say() {
        for text in [
            "clear == 1",
            "2 * clear + 1.5 <= \"weak left\" - 0.5",
            "argmax == \"weak left\" and argmin == clear",
            "argmax(clear, 3) == 3",
            "argmax not in [clear, 3]",
            "decision != clear",
            "abs(clear - \"weak left\") <= 3",
            "max(clear, 2, rho) == 2 and min(clear, -1) == -1",
            "0 <= rho < 3 <= 50 %  * 7",
            "not (rho > 2) and (rho + 1) * 2 == 6",
            "rho > 5 => false",
            "(rho > 5 or img[1,2] == 15) and img[0,0] == 10",
            "rho / 4 == 0.5 and 1e1 == 10 and $far == 7",
            "((rho)) - -1 > 2 => (true)",
        ] {
            assert!(at(text), "{text}");
            assert!(!at(&format!("not ({text})")), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, code, at) in [
            ("claer <= 1", "PL210", 0),
            ("clear <= $fra", "PL006", 9),
            ("clear * rho <= 1", "PL209", 6),
            ("clear / 0 <= 1", "PL209", 6),
            ("clear <= 1 >= 0", "PL020", 11),
            ("argmax == clera", "PL210", 10),
            ("clear", "PL020", 5),
            ("clear = 1", "PL020", 6),
            ("img <= 1", "PL210", 0),
            ("img[2,0] <= 1", "PL210", 4),
            ("(clear <= 1", "PL020", 11),
            ("clear <= 1 extra", "PL020", 11),
            ("1.2.3 <= clear", "PL007", 0),
            ("\"open <= 1", "PL020", 0),
            ("", "PL020", 0),
            ("clear <= é", "PL020", 9),
        ] {
            let found = formula(text, &names()).unwrap_err();
            assert_eq!((found.code, found.at), (code, at), "{text}: {}", found.message);
        }
        let deep = format!("{}clear <= 1{}", "(".repeat(5000), ")".repeat(5000));
        assert!(formula(&deep, &names()).is_err());
        assert!(formula(&format!("{}clear <= 1", "not ".repeat(5000)), &names()).is_err());
        assert!(formula(&format!("{}1 <= 1", "-".repeat(5000)), &names()).is_err());
    }
}
