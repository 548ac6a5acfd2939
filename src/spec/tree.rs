//! Walking a TOML document: typed values with their places, and every mistake noted.

use super::Span;
use super::finding::{Finding, nearest};
use plimsoll_check::number::Rational;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its place.
pub(super) type Node<'s> = Spanned<DeValue<'s>>;

/// A table with its place and what it is called in messages.
#[derive(Clone)]
pub(super) struct Table<'t, 's> {
    pub table: &'t DeTable<'s>,
    pub span: Span,
    pub name: String,
}

/// Reads values and notes what is wrong.
pub(super) struct Walker<'f> {
    pub findings: &'f mut Vec<Finding>,
    pub parameters: BTreeMap<String, Rational>,
}

impl<'t, 's> Table<'t, 's> {
    pub fn get(&self, key: &str) -> Option<&'t Node<'s>> {
        self.table.get(key)
    }

    /// The place of a key, or of the whole table.
    pub fn span_of(&self, key: &str) -> Span {
        self.get(key).map_or(self.span.clone(), Spanned::span)
    }
}

impl Walker<'_> {
    pub fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub fn wrong(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.note(Finding::new(code, span, message));
    }

    fn wrong_type(&mut self, node: &Node, key: &str, wanted: &str) {
        let found = match node.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.wrong("PL004", node.span(), format!("`{key}` is {found}, expected {wanted}"));
    }

    /// Notes every key that is not known.
    pub fn known(&mut self, table: &Table, keys: &[&str]) {
        for key in table.table.keys() {
            if !keys.contains(&key.get_ref().as_ref()) {
                let message = format!("unknown key `{}` in {}", key.get_ref(), table.name);
                let help = match nearest(key.get_ref(), keys.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known keys are {}", keys.join(", ")),
                };
                self.note(Finding::new("PL003", key.span(), message).help(help));
            }
        }
    }

    pub fn missing(&mut self, table: &Table, key: &str, wanted: &str) {
        let message = format!("{} lacks `{key}`, {wanted}", table.name);
        self.wrong("PL004", table.span.clone(), message);
    }

    pub fn table<'t, 's>(&mut self, node: &'t Node<'s>, name: &str) -> Option<Table<'t, 's>> {
        match node.get_ref() {
            DeValue::Table(table) => {
                Some(Table { table, span: node.span(), name: name.to_string() })
            }
            _ => {
                self.wrong_type(node, name, "a table");
                None
            }
        }
    }

    /// The tables of an array, which may be missing.
    pub fn tables<'t, 's>(&mut self, parent: &Table<'t, 's>, key: &str) -> Vec<Table<'t, 's>> {
        let Some(node) = parent.get(key) else { return Vec::new() };
        match node.get_ref() {
            DeValue::Array(array) => {
                array.iter().filter_map(|item| self.table(item, &format!("[[{key}]]"))).collect()
            }
            _ => {
                self.wrong_type(node, key, &format!("an array of tables, written [[{key}]]"));
                Vec::new()
            }
        }
    }

    pub fn text(&mut self, table: &Table, key: &str) -> Option<String> {
        let node = table.get(key)?;
        match node.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => {
                self.wrong_type(node, key, "a string");
                None
            }
        }
    }

    /// A text that must be there; empty after a finding.
    pub fn required(&mut self, table: &Table, key: &str) -> String {
        if table.get(key).is_none() {
            self.missing(table, key, "a string");
        }
        self.text(table, key).unwrap_or_default()
    }

    pub fn boolean(&mut self, table: &Table, key: &str) -> Option<bool> {
        let node = table.get(key)?;
        let value = node.get_ref().as_bool();
        if value.is_none() {
            self.wrong_type(node, key, "true or false");
        }
        value
    }

    pub fn array<'t, 's>(&mut self, table: &Table<'t, 's>, key: &str) -> Option<&'t [Node<'s>]> {
        let node = table.get(key)?;
        match node.get_ref() {
            DeValue::Array(array) => Some(array),
            _ => {
                self.wrong_type(node, key, "an array");
                None
            }
        }
    }

    /// Strings of an array, with their places.
    pub fn texts(&mut self, table: &Table, key: &str) -> Vec<(String, Span)> {
        let mut texts = Vec::new();
        for node in self.array(table, key).unwrap_or_default() {
            match node.get_ref() {
                DeValue::String(text) => texts.push((text.to_string(), node.span())),
                _ => self.wrong_type(node, key, "an array of strings"),
            }
        }
        texts
    }

    /// A date, as `YYYY-MM-DD`.
    pub fn date(&mut self, table: &Table, key: &str) -> Option<String> {
        let node = table.get(key)?;
        let text = match node.get_ref() {
            DeValue::Datetime(value) => value.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => String::new(),
        };
        if is_date(&text) {
            return Some(text);
        }
        self.wrong_type(node, key, "a date such as 2027-03-31");
        None
    }

    /// An exact number: a decimal, a fraction in a string, or a parameter.
    pub fn number(&mut self, node: &Node, key: &str) -> Option<Rational> {
        let text = match node.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().to_string(),
            DeValue::Integer(_) => String::new(),
            DeValue::Float(float) => float.as_str().to_string(),
            DeValue::String(text) => text.to_string(),
            _ => {
                self.wrong_type(node, key, "a number");
                return None;
            }
        };
        if let Some(name) = text.strip_prefix('$') {
            let value = self.parameters.get(name).cloned();
            if value.is_none() {
                self.wrong("PL006", node.span(), format!("no parameter is called `{name}`"));
            }
            return value;
        }
        let value = exact(&text);
        if value.is_none() {
            let message = format!("`{key}` is not an exact finite number");
            let help = "write a decimal such as -0.5 or 1e-3, or a fraction as a string: \"2/255\"";
            self.note(Finding::new("PL007", node.span(), message).help(help));
        }
        value
    }

    pub fn number_of(&mut self, table: &Table, key: &str) -> Option<Rational> {
        table.get(key).and_then(|node| self.number(node, key))
    }

    /// Two numbers, the lower first; a single one stands for both.
    pub fn interval(&mut self, node: &Node, key: &str) -> Option<(Rational, Rational)> {
        let DeValue::Array(array) = node.get_ref() else {
            let value = self.number(node, key)?;
            return Some((value.clone(), value));
        };
        let [low, high] = array.as_ref() else {
            self.wrong_type(node, key, "a number or [low, high]");
            return None;
        };
        let (low, high) = (self.number(low, key), self.number(high, key));
        let (low, high) = (low?, high?);
        if low > high {
            let message = format!("the range of `{key}` is reversed: {low} is above {high}");
            self.wrong("PL110", node.span(), message);
            return None;
        }
        Some((low, high))
    }
}

/// A decimal, a percentage or a fraction, exactly.
pub(super) fn exact(text: &str) -> Option<Rational> {
    let text = text.trim();
    if let Some((numerator, denominator)) = text.split_once('/') {
        return exact(numerator)?.checked_div(&exact(denominator)?);
    }
    if let Some(percent) = text.strip_suffix('%') {
        return exact(percent)?.checked_div(&Rational::from(100));
    }
    Rational::parse_decimal(&text.replace('_', "")).ok()
}

/// Whether a text is a calendar date in ISO form.
pub fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let digits = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
    digits(year, 4)
        && digits(month, 2)
        && digits(day, 2)
        && (1..=12).contains(&month.parse().unwrap_or(0))
        && (1..=31).contains(&day.parse().unwrap_or(0))
}

/// A number of seconds with a unit, such as `30s`, `10m` or `500ms`, or without one.
pub(super) fn duration(text: &str) -> Option<std::time::Duration> {
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds: f64 = number.trim().parse().ok()?;
    std::time::Duration::try_from_secs_f64(seconds * factor).ok()
}
