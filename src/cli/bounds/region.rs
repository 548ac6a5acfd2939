//! Boxes written on the command line: `X_0=[0,1],X_1=0.5,X=[-1,1]`.

use super::super::diagnostic::Failure;
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Face, Region};

const NAME: &str = "BOX";
const HELP: &str =
    "a box reads like X_0=[0,1],X_1=0.5; X=[-1,1] stands for all inputs that are not named";

/// The box, with one interval for each of `inputs` inputs.
pub fn parse(text: &str, inputs: usize) -> Result<Region, Failure> {
    let mut reader = Reader { text, at: 0 };
    let mut intervals: Vec<Option<[Rational; 2]>> = vec![None; inputs];
    let mut others = None;
    loop {
        let (at, target) = (reader.at, reader.variable(inputs)?);
        let slot = match target {
            Some(input) => &mut intervals[input],
            None => &mut others,
        };
        reader.expect('=')?;
        if slot.replace(reader.interval()?).is_some() {
            return Err(reader.error(at, "this input has two intervals".to_string()));
        }
        if reader.rest().is_empty() {
            break;
        }
        reader.expect(',')?;
    }
    let (mut lower, mut upper) = (Vec::with_capacity(inputs), Vec::with_capacity(inputs));
    for (input, interval) in intervals.into_iter().enumerate() {
        let Some([low, high]) = interval.or_else(|| others.clone()) else {
            return Err(reader.error(text.len(), format!("the input X_{input} has no interval")));
        };
        lower.push(Face { value: low, strict: false });
        upper.push(Face { value: high, strict: false });
    }
    Ok(Region { lower, upper })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    /// What is left, without blanks before it.
    fn rest(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn error(&self, at: usize, message: String) -> Failure {
        Failure::in_argument(NAME, self.text, at, message, HELP)
    }

    /// Goes past a character, or says that it is missing.
    fn expect(&mut self, wanted: char) -> Result<(), Failure> {
        match self.rest().chars().next() {
            Some(found) if found == wanted => {
                self.at += found.len_utf8();
                Ok(())
            }
            Some(found) => {
                Err(self.error(self.at, format!("found `{found}` where `{wanted}` is expected")))
            }
            None => Err(self.error(self.at, format!("the box ends where `{wanted}` is expected"))),
        }
    }

    /// `X_3` gives its number, `X` nothing.
    fn variable(&mut self, inputs: usize) -> Result<Option<usize>, Failure> {
        let rest = self.rest();
        let end = rest.find(['=', ',']).unwrap_or(rest.len());
        let name = rest[..end].trim_end().to_string();
        let number = name.strip_prefix("X_").and_then(|digits| digits.parse::<usize>().ok());
        let target = match number {
            Some(input) if input < inputs => Some(input),
            Some(_) => {
                let message =
                    format!("`{name}` is no input: the model has X_0 to X_{}", inputs.max(1) - 1);
                return Err(self.error(self.at, message));
            }
            None if name == "X" => None,
            None => {
                let message = format!("found `{name}` where an input such as X_0 is expected");
                return Err(self.error(self.at, message));
            }
        };
        self.at += name.len();
        Ok(target)
    }

    /// `[0,1]`, or a single number.
    fn interval(&mut self) -> Result<[Rational; 2], Failure> {
        if !self.rest().starts_with('[') {
            let value = self.number()?;
            return Ok([value.clone(), value]);
        }
        self.expect('[')?;
        let low = self.number()?;
        self.expect(',')?;
        let high = self.number()?;
        self.expect(']')?;
        Ok([low, high])
    }

    fn number(&mut self) -> Result<Rational, Failure> {
        let rest = self.rest();
        let end = rest.find([',', ']', '[', '=']).unwrap_or(rest.len());
        let word = rest[..end].trim_end().to_string();
        match Rational::parse_decimal(&word) {
            Ok(value) => {
                self.at += word.len();
                Ok(value)
            }
            Err(_) => Err(self.error(self.at, format!("`{word}` is no number"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_numbers_and_defaults_are_read() {
        let region = parse(" X_1 = [ -1 , 2.5e-1 ], X=0.1 ", 3).unwrap();
        let text = |face: &Face| face.value.to_string();
        assert_eq!(region.lower.iter().map(text).collect::<Vec<_>>(), ["0.1", "-1", "0.1"]);
        assert_eq!(region.upper.iter().map(text).collect::<Vec<_>>(), ["0.1", "0.25", "0.1"]);
    }

    #[test]
    fn faults_are_named() {
        for text in [
            "X_0=[0,1]",
            "X_0=[0,1],X_0=0,X_1=0",
            "X_2=0",
            "Y_0=[0,1],X=0",
            "X_0=[0;1],X=0",
            "X_0=[0,1,X=0",
            "X_0=[0,inf],X=0",
            "X_0=,X=0",
            "X=[0,1],",
            "=",
            "X_é=1",
        ] {
            let failure = parse(text, 2).unwrap_err();
            assert_eq!(failure.kind(), "parse", "{text}");
        }
    }
}
