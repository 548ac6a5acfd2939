//! The codes of findings: stable, never reused, each with a long form for `plimsoll explain`.

use super::finding::Severity::{self, Error, Note, Warning};

/// A kind of finding.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// `PL` and three digits.
    pub name: &'static str,
    /// How much such a finding weighs.
    pub severity: Severity,
    /// One line.
    pub title: &'static str,
    /// Why it matters, and what to do.
    pub text: &'static str,
}

/// The code with this name, whatever its case.
pub fn find(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name.eq_ignore_ascii_case(name))
}

const fn code(
    name: &'static str,
    severity: Severity,
    title: &'static str,
    text: &'static str,
) -> Code {
    Code { name, severity, title, text }
}

/// All codes, in order.
pub const CODES: &[Code] = &[
    code(
        "PL001",
        Error,
        "format version missing or unknown",
        "The first key of a specification is `plimsoll = 1`. It says by which rules the rest is read, so that\n\
         a file written for another version is never given another meaning in silence.",
    ),
    code(
        "PL002",
        Error,
        "the file is not TOML",
        "The text does not parse. The message is the TOML parser's; the place is where it gave up.\n\
         A date is written 2027-03-31, a number 0.5 and not .5, a table of properties [[property]].",
    ),
    code(
        "PL003",
        Error,
        "unknown key",
        "A key that nobody reads would be a requirement that nobody checks, so it is an error rather than\n\
         a warning. The nearest known key is suggested.",
    ),
    code(
        "PL004",
        Error,
        "key missing, or a value of the wrong type",
        "What is required is named with the type that is expected.",
    ),
    code(
        "PL005",
        Error,
        "an id is used twice or has a wrong form",
        "Ids name files and nodes of the safety case: a letter, then letters, digits, `.`, `_` or `-`, unique\n\
         among all requirements, properties, points and assumptions of the file.",
    ),
    code(
        "PL006",
        Error,
        "reference to something that is not there",
        "A requirement, point set, assumption, parameter or property is named that the file does not define.",
    ),
    code(
        "PL007",
        Error,
        "not an exact number",
        "Every number that enters a query is the exact decimal of the file's text, or a fraction written as a\n\
         string: \"2/255\". Infinity, NaN, hexadecimal and other bases have no place in a proof.",
    ),
    code(
        "PL010",
        Warning,
        "path is absolute or leaves the folder",
        "Evidence travels with the specification's folder. A path that leaves it will not resolve elsewhere.",
    ),
    code(
        "PL012",
        Warning,
        "a name is both label and input",
        "Expressions would be ambiguous; the output's label wins. Rename one of the two.",
    ),
    code(
        "PL020",
        Error,
        "expression does not parse",
        "Formulas are linear comparisons over labels and inputs, joined by `and`, `or`, `not` and `=>`;\n\
         `argmax == \"label\"`, `argmax in [a, b]`, `abs(..)`, `max(..)`, `min(..)`. Example:\n\
         abs(power - 0.5) <= 0.1 and argmax != clear",
    ),
    code(
        "PL101",
        Error,
        "the model's digest differs from the pin",
        "`sha256` in [model] pins the file that the requirements were written for. The file found is another.\n\
         If the change is intended, review the specification and write the new digest.",
    ),
    code(
        "PL102",
        Warning,
        "the model is not pinned",
        "Without `sha256` in [model], whatever file lies at the path is verified. Gates that count should pin:\n\
         `plimsoll init MODEL` writes the digest. A profile with `require_pins` makes this an error.",
    ),
    code(
        "PL103",
        Error,
        "inputs or labels do not match the model",
        "The [[input]]s together have as many elements as the model's inputs, in the model's order, and `labels`\n\
         as many as its outputs.",
    ),
    code(
        "PL104",
        Error,
        "scale is zero or negative",
        "model = (physical - mean) / scale; order must be kept, so the scale is positive.",
    ),
    code(
        "PL105",
        Warning,
        "normalised values look wrong",
        "`mean` lies outside of `range`, or the scaled range exceeds +-20. Usually the normalisation is applied\n\
         twice, or not at all, or range and mean are in different units.",
    ),
    code("PL110", Error, "range reversed", "The first number of a range is its lower end."),
    code(
        "PL111",
        Warning,
        "an input is fixed or never used",
        "The operational range is a single point, or no region of any property names the input, so that\n\
         nothing distinguishes its values.",
    ),
    code(
        "PL112",
        Error,
        "data point outside of the operational domain",
        "A point of a [[point]] set does not lie in the ranges of the inputs. Either the data have other units\n\
         (`units = \"model\"`), or the range is too narrow, or the point is no operating condition.",
    ),
    code(
        "PL113",
        Error,
        "label in the data is unknown",
        "A label must be one of the output's labels, or its number from 0.",
    ),
    code(
        "PL114",
        Warning,
        "data points occur twice",
        "A duplicate is proved twice and counted twice.",
    ),
    code(
        "PL116",
        Error,
        "data file cannot be used",
        "It is missing, of a format that is not read, or of another shape than the inputs ask for. Read are\n\
         .csv and .npy; convert pictures and .npz archives to .npy.",
    ),
    code(
        "PL119",
        Error,
        "the data file's digest differs from the pin",
        "`sha256` of a [[point]] set or of a `vnnlib` property pins the file; the file found is another.",
    ),
    code(
        "PL201",
        Error,
        "region is empty",
        "A statement about no point is true of every network. An empty region is always a mistake.",
    ),
    code(
        "PL202",
        Error,
        "region leaves the operational domain",
        "If that is meant, write `beyond_domain = true` and say why in `rationale`.",
    ),
    code(
        "PL203",
        Warning,
        "no point of the region was found",
        "The region is cut by linear constraints (`where`), and no exact point was found that satisfies them\n\
         all. It may be empty, and then the property says nothing.",
    ),
    code(
        "PL204",
        Warning,
        "trivially holds",
        "Whatever the network computes, the unwanted cannot occur: the formula is true by itself.",
    ),
    code(
        "PL205",
        Warning,
        "nothing can satisfy it",
        "Whatever the network computes, every point of the region violates the formula.",
    ),
    code(
        "PL206",
        Warning,
        "violated at the centre of the region",
        "The network already violates the property in the middle of its region. Often a slip of polarity:\n\
         `never` states what must not come out, `ensure` what must.",
    ),
    code(
        "PL207",
        Warning,
        "demands equality of real numbers",
        "`==` between sums is satisfied on a set without interior; a network will hardly meet it.\n\
         Write abs(a - b) <= e.",
    ),
    code(
        "PL208",
        Error,
        "too many alternatives",
        "The negation of the formula in disjunctive form has more than 4096 members. Cut the property in parts.",
    ),
    code(
        "PL209",
        Error,
        "not linear",
        "Products and quotients of inputs and outputs are outside of what can be proved here.",
    ),
    code(
        "PL210",
        Error,
        "unknown name in an expression",
        "Names are labels of outputs, names of inputs, and $parameters.",
    ),
    code(
        "PL213",
        Warning,
        "ball is wider than the operational range",
        "The perturbation covers the whole range of an input, whatever the point.",
    ),
    code(
        "PL215",
        Note,
        "points whose decision is wrong at the centre",
        "The network's decision at the point itself differs from the label. With `misclassified = \"violated\"`\n\
         (the default) such a point violates the property; with \"skip\" it is counted and left out.",
    ),
    code(
        "PL216",
        Error,
        "the property needs a decision rule",
        "`keep` and `argmax` need `decision = \"argmax\"` or `\"argmin\"` in [output].",
    ),
    code("PL217", Note, "two properties ask the same", "Their queries are identical."),
    code(
        "PL220",
        Error,
        "kind of property that is not decided",
        "Such a property would be half a promise, so it is refused. `radius`: write `robustness` with the\n\
         radius that you need. `monotone` and `fairness` compare two runs of the network; with a smooth enough\n\
         network, bound the output's change by `reach` on narrow regions, or give a product network and its\n\
         query by kind `vnnlib`.",
    ),
    code(
        "PL221",
        Error,
        "two properties contradict each other",
        "On the part where their regions overlap, no output satisfies both, whatever the network.",
    ),
    code(
        "PL222",
        Note,
        "part of the domain that no property constrains",
        "For the input that is named, no property speaks of some values of its range. What is claimed nowhere\n\
         should be known to nobody as claimed.",
    ),
    code(
        "PL301",
        Warning,
        "property without requirement",
        "Name the requirement that it serves, or say in `rationale` why it is there.",
    ),
    code("PL302", Warning, "requirement without property", "Nothing in the file shows it."),
    code(
        "PL303",
        Error,
        "allowance is incomplete",
        "`allow` needs `owner`, `until` and `reason`: somebody signs for the gap, and for how long.",
    ),
    code(
        "PL304",
        Error,
        "allowance has expired",
        "After its date an allowance covers nothing: the gate ends with 3 if the property is still undecided.",
    ),
    code(
        "PL307",
        Warning,
        "undecided is accepted on a severe requirement",
        "`warn` or `allow` on a property that serves a requirement of one of the two highest severities.",
    ),
    code(
        "PL309",
        Note,
        "no timeout",
        "A search without limit may not end; `--timeout` sets one for all properties.",
    ),
    code(
        "PL310",
        Warning,
        "no rationale",
        "A property of a requirement of severity major or above should say why this region, this number.",
    ),
    code("PL404", Error, "assumption without owner", "Somebody answers for an assumption."),
    code(
        "PL405",
        Warning,
        "assumption past its review date",
        "It counts as open until it is looked at again.",
    ),
    code(
        "PL407",
        Note,
        "what the domain leaves out is not said",
        "`uncovered` in [domain] says what of the operational domain the model of it leaves out.",
    ),
    code(
        "PL408",
        Warning,
        "assumption that nothing refers to",
        "Name it in `assume` of the inputs or properties that rest on it.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_unique() {
        for pair in CODES.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} {}", pair[0].name, pair[1].name);
        }
        assert_eq!(find("pl012").map(|code| code.name), Some("PL012"));
        assert!(find("PL999").is_none());
    }
}
