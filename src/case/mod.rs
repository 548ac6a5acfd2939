//! The safety case: a structured argument from results and certificates, after GSN and AMLAS stage 5.
//!
//! Statuses are computed, never written by hand. A goal is `discharged` if its property was proved and the
//! certificate is accepted today; what is undecided stays undeveloped; a violation defeats its goal and
//! the requirement above it; assumptions stand as what they are.

mod build;
mod doubts;
pub mod evidence;
mod html;
mod picture;
mod sheet;
mod texts;

pub use build::build;
pub use html::page;
pub use texts::{gsn2x, ltac, markdown};

use serde::Serialize;

/// Name and version of the format.
pub const SCHEMA: &str = "plimsoll.case/1";

/// What is known of a node, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Shown, under the assumptions that it names.
    Discharged,
    /// A known gap that somebody signed for.
    Residual,
    /// Nothing is claimed.
    Open,
    /// The evidence is about other files.
    Stale,
    /// Shown to be wrong.
    Defeated,
}

impl Status {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Status::Discharged => "discharged",
            Status::Residual => "residual",
            Status::Open => "open",
            Status::Stale => "stale",
            Status::Defeated => "defeated",
        }
    }

    /// What a lost support is worth to the claim above it: missing, not false.
    fn as_support(self) -> Status {
        if self == Status::Defeated { Status::Open } else { self }
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A claim.
    Goal,
    /// How a claim follows from others.
    Strategy,
    /// Evidence.
    Solution,
    /// Evidence against a claim.
    CounterSolution,
    /// What a claim depends on.
    Context,
    /// What is taken for granted.
    Assumption,
    /// Why a claim is worded or argued so.
    Justification,
}

/// An element of the argument.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// Its id, unique; the letters in front tell its kind.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// What it states.
    pub text: String,
    /// What is known of it; none for context and justification.
    pub status: Option<Status>,
    /// The worst status of what it rests on, itself included.
    pub worst: Option<Status>,
    /// Whether it is not argued further.
    pub undeveloped: bool,
    /// Assumptions that it rests on.
    pub assumes: Vec<String>,
    /// Digests of evidence.
    pub evidence: Vec<String>,
    /// The property or the requirement of the specification that it is about.
    pub about: Option<String>,
    /// Its line in the specification.
    pub line: Option<usize>,
}

/// How two nodes are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The first rests on the second.
    SupportedBy,
    /// The first is to be read with the second.
    InContextOf,
    /// The first speaks against the second.
    Challenges,
}

/// A connection.
#[derive(Debug, Clone, Serialize)]
pub struct Edge {
    /// From this node.
    pub from: String,
    /// To this one.
    pub to: String,
    /// How.
    pub kind: Relation,
}

/// An entry of the register of assumptions.
#[derive(Debug, Clone, Serialize)]
pub struct Assumption {
    /// Its node.
    pub node: String,
    /// Its id in the specification, or a name of ours.
    pub id: String,
    /// What is assumed.
    pub text: String,
    /// `discharged`, `declared` or `open`.
    pub status: &'static str,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Date of review.
    pub until: Option<String>,
    /// Why it has its status.
    pub why: String,
}

/// A doubt.
#[derive(Debug, Clone, Serialize)]
pub struct Doubt {
    /// Its id, such as `D-EMPTY`.
    pub id: &'static str,
    /// What might be wrong.
    pub text: &'static str,
    /// `refuted`, `assumed`, `residual`, `open` or `sustained`.
    pub status: &'static str,
    /// What answers it.
    pub answer: String,
}

/// The whole case.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The specification's id.
    pub id: String,
    /// The specification's title.
    pub title: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Its revision.
    pub revision: Option<String>,
    /// SHA-256 of model and specification, and what made the case.
    pub model_sha256: String,
    /// SHA-256 of the specification.
    pub spec_sha256: String,
    /// The arithmetic of verdicts.
    pub semantics: String,
    /// The program and its version.
    pub tool: String,
    /// Who checked the certificates.
    pub checker: String,
    /// The top goal.
    pub root: String,
    /// Elements of the argument.
    pub nodes: Vec<Node>,
    /// Their connections.
    pub edges: Vec<Edge>,
    /// What is taken for granted.
    pub assumptions: Vec<Assumption>,
    /// Doubts and what answers them.
    pub defeaters: Vec<Doubt>,
    /// What differs from run to run.
    pub run: Run,
}

/// What differs from run to run.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The day, `YYYY-MM-DD`.
    pub date: String,
    /// The command.
    pub command: Vec<String>,
}

impl Case {
    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The nodes that a node is connected to in this way.
    pub fn targets<'c>(&'c self, id: &'c str, kind: Relation) -> impl Iterator<Item = &'c Node> {
        self.edges
            .iter()
            .filter(move |edge| edge.from == id && edge.kind == kind)
            .filter_map(|edge| self.node(&edge.to))
    }

    /// The record as text.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The sentence that the case comes to.
    pub fn statement(&self) -> String {
        let Some(root) = self.node(&self.root) else { return String::new() };
        let status = root.status.unwrap_or(Status::Open);
        let worst = root.worst.unwrap_or(status);
        let given = match root.assumes.as_slice() {
            [] => String::new(),
            ids => format!(", given {}", ids.join(", ")),
        };
        match status {
            Status::Discharged => format!("The top goal is discharged{given}."),
            Status::Residual => {
                format!("The top goal is discharged but for gaps that somebody signed for{given}.")
            }
            _ if worst == Status::Defeated => {
                "The top goal is open: something that it rests on was shown to be wrong.".into()
            }
            Status::Stale => "The top goal rests on evidence about other files.".into(),
            _ => "The top goal is open: something that it rests on is not shown.".into(),
        }
    }
}
