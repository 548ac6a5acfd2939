//! What a run of the gate found, as the record that is written and read again.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name and version of the format.
pub const SCHEMA: &str = "plimsoll.check/1";

/// The file in the output folder that has the results.
pub const FILE: &str = "results.json";

/// Everything about a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of Plimsoll.
    pub plimsoll: String,
    /// Whether the run came to its end.
    pub complete: bool,
    /// The exit code.
    pub code: u8,
    /// The specification's id.
    pub id: String,
    /// The specification's title.
    pub title: Option<String>,
    /// The specification.
    pub spec: File,
    /// The model.
    pub model: File,
    /// Other files by their ids.
    pub data: BTreeMap<String, File>,
    /// The arithmetic under which verdicts are true.
    pub semantics: String,
    /// The profile, if one was asked for.
    pub profile: Option<String>,
    /// What is selected, if not everything is.
    pub select: Option<String>,
    /// The day for which allowances were judged.
    pub today: String,
    /// Who checked the certificates.
    pub checker: String,
    /// What was found, in the specification's order.
    pub properties: Vec<Property>,
    /// What an earlier run proved and this one has not come to yet; empty at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<Part>,
    /// What a reader should know, in words.
    pub notes: Vec<String>,
    /// What differs from run to run.
    pub run: Run,
}

/// A file by its digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name, relative to the folder that is meant.
    pub file: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// What differs from run to run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Run {
    /// Seconds.
    pub time_s: f64,
    /// The command.
    pub command: Vec<String>,
}

/// What was found about a property.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Property {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it says.
    pub text: Option<String>,
    /// Requirements that it serves.
    pub requirements: Vec<String>,
    /// The worst severity of them.
    pub severity: Option<String>,
    /// Its line in the specification.
    pub line: usize,
    /// `holds`, `violated`, `unknown` or `error`.
    pub verdict: String,
    /// Whether all that holds has a certificate that was accepted: `valid` or `none`.
    pub proof: String,
    /// Whether it holds only because nothing unwanted is possible whatever the network computes.
    pub vacuous: bool,
    /// `pass`, `fail`, `warn`, `allowed` or `ignored`.
    pub gate: String,
    /// Why, in words.
    pub why: String,
    /// What to try next.
    pub next: Option<String>,
    /// Who signed for an undecided property, and until when.
    pub allowance: Option<Allowance>,
    /// Its queries.
    pub parts: Vec<Part>,
    /// Points that were left out, with reasons.
    pub skipped: Vec<Skipped>,
    /// Seconds.
    pub time_s: f64,
}

/// Somebody signed for an undecided property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Who.
    pub owner: String,
    /// Until when.
    pub until: String,
    /// Why.
    pub reason: String,
    /// Where it is followed up.
    pub issue: Option<String>,
    /// Whether it covers the day of the run.
    pub covers: bool,
}

/// A point that was left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Skipped {
    /// Its row.
    pub row: usize,
    /// Why.
    pub why: String,
}

/// What was found about a query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub what: String,
    /// The row of its point.
    pub row: Option<usize>,
    /// The text that was verified, in the output folder.
    pub query: File,
    /// The digest of what the verdict means: model, query and semantics.
    pub key: String,
    /// `holds`, `violated` or `unknown`.
    pub verdict: String,
    /// Whether it holds only because nothing unwanted is possible.
    pub vacuous: bool,
    /// `valid` or `none`.
    pub proof: String,
    /// The certificate.
    pub certificate: Option<Certificate>,
    /// Why a verdict has no certificate.
    pub unchecked: Option<String>,
    /// The word for why nothing was decided.
    pub reason: Option<String>,
    /// Why nothing was decided.
    pub message: Option<String>,
    /// What to try next.
    pub next: Option<String>,
    /// Share of the region that was closed.
    pub share: f64,
    /// Boxes that were bounded.
    pub boxes: u64,
    /// The worst bound of what is open; none if nothing is.
    pub worst: Option<f64>,
    /// An input that violates it.
    pub counterexample: Option<Point>,
    /// Points where executions violate it and the network over the reals does not.
    pub near_misses: Vec<Point>,
    /// What was chosen, and why.
    pub strategy: Vec<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Whether it was kept from an earlier run, its certificate checked again.
    pub kept: bool,
    /// Seconds.
    pub time_s: f64,
}

/// A certificate that was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its file in the output folder.
    pub file: String,
    /// SHA-256.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
    /// Nodes of its trees.
    pub nodes: usize,
    /// Leaves of its trees.
    pub leaves: usize,
    /// Conclusions.
    pub steps: usize,
    /// Those by exact arithmetic.
    pub exact_steps: usize,
    /// Seconds that the check took.
    pub check_s: f64,
}

/// A point in the user's terms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Inputs in the model's order.
    pub inputs: Vec<Value>,
    /// Outputs in the model's order.
    pub outputs: Vec<Value>,
    /// The label that wins, if the output has a decision rule and one does.
    pub decision: Option<String>,
    /// Whether the outputs are exact.
    pub exact: bool,
    /// Whether every input is a value of the model's float type.
    pub representable: bool,
    /// Whether an execution in the model's float type violates too.
    pub execution_violates: bool,
}

/// A number by its name; exact decimals or `p/q`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// Name of the input, or label of the output.
    pub name: String,
    /// Unit of the physical value.
    pub unit: Option<String>,
    /// The physical value.
    pub value: String,
    /// What goes into the model, or comes out of it.
    pub model: String,
}

impl Results {
    /// Reads a record; the message says why it is none.
    ///
    /// # Errors
    /// If it is damaged, or of another version.
    pub fn read(bytes: &[u8]) -> Result<Results, String> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let head: Head = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is damaged or was written halfway: {error}"))?;
        if head.schema != SCHEMA {
            return Err(format!("it has the format `{}`, and `{SCHEMA}` is read", head.schema));
        }
        serde_json::from_slice(bytes)
            .map_err(|error| format!("it is damaged or was written halfway: {error}"))
    }

    /// The record as text.
    pub fn to_text(&self) -> String {
        // The types hold nothing that has no JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// How many properties have this verdict; `unchecked` are those that hold without a certificate.
    pub fn count(&self, verdict: &str) -> usize {
        self.properties.iter().filter(|property| property.word() == verdict).count()
    }
}

impl Property {
    /// The verdict, with `unchecked` for what holds without a certificate.
    pub fn word(&self) -> &str {
        match (self.verdict.as_str(), self.proof.as_str()) {
            ("holds", "none") => "unchecked",
            (verdict, _) => verdict,
        }
    }
}
