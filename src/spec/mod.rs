//! Specifications: requirements, the inputs and outputs of a model in an engineer's words, and properties.
//!
//! [`read`] turns a TOML text into a [`Spec`]; [`World::load`] opens the files that it names; [`expand()`]
//! writes each property as VNN-LIB, which is what is verified; [`lint()`] says what looks wrong.

pub mod codes;
pub mod data;
pub mod expand;
pub mod expression;
pub mod finding;
pub mod linear;
pub mod lint;
pub mod normal;
mod properties;
mod read;
mod tree;
pub use tree::is_date;

pub use data::Pins;
pub use expand::{Expansion, Language, Part, expand};
pub use finding::{Finding, Severity, has_errors};
pub use lint::lint;
pub use read::read;

use expression::{Elements, Names};
use linear::{Formula, Sum};
use normal::Ties;
use plimsoll_check::graph::Graph;
use plimsoll_check::number::Rational;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A part of the file, in bytes.
pub type Span = Range<usize>;

/// A specification, as its file says it.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    /// Short name; prefix of nodes of the safety case.
    pub id: String,
    /// What it is about.
    pub title: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Its version.
    pub revision: Option<String>,
    /// Its date.
    pub date: Option<String>,
    /// The model.
    pub model: Model,
    /// Named numbers.
    pub parameters: BTreeMap<String, Rational>,
    /// What is taken for granted.
    pub assumptions: Vec<Assumption>,
    /// Inputs in the model's order.
    pub inputs: Vec<Input>,
    /// What the operational domain is.
    pub domain: Domain,
    /// The output.
    pub output: Output,
    /// What is required.
    pub requirements: Vec<Requirement>,
    /// Sets of points.
    pub points: Vec<Points>,
    /// What is to be shown.
    pub properties: Vec<Property>,
    /// Profiles of the gate.
    pub profiles: BTreeMap<String, Profile>,
}

/// The model that a specification is about.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Its file, relative to the specification's folder.
    pub path: String,
    /// SHA-256 that it must have.
    pub sha256: Option<String>,
    /// What runs it in the field.
    pub runtime: Option<String>,
    /// How it was trained.
    pub training: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Where the specification names it.
    pub span: Span,
}

/// Something taken for granted.
#[derive(Debug, Clone)]
pub struct Assumption {
    /// Its id.
    pub id: String,
    /// What is assumed.
    pub text: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Date of review, `YYYY-MM-DD`.
    pub until: Option<String>,
    /// What discharges it.
    pub discharged_by: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// An input: a number, or a tensor of numbers of one kind.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Unit of its physical values.
    pub unit: Option<String>,
    /// What it is.
    pub text: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// Dimensions; empty for a number.
    pub shape: Vec<usize>,
    /// First flat place in the model.
    pub first: usize,
    /// Subtracted from physical values.
    pub mean: Rational,
    /// Divides them then.
    pub scale: Rational,
    /// Operational range of physical values.
    pub range: (Rational, Rational),
    /// Assumptions that it rests on.
    pub assume: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

impl Input {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of an element, by its place.
    pub fn element(&self, mut at: usize) -> String {
        if self.shape.is_empty() {
            return self.name.clone();
        }
        let mut indices = Vec::new();
        for len in self.shape.iter().rev() {
            indices.push((at % len).to_string());
            at /= len;
        }
        indices.reverse();
        format!("{}[{}]", self.name, indices.join(","))
    }
}

/// The operational domain beyond the ranges of inputs.
#[derive(Debug, Clone, Default)]
pub struct Domain {
    /// Its id.
    pub id: Option<String>,
    /// What it is.
    pub text: Option<String>,
    /// Linear constraints on inputs, with their texts.
    pub constraints: Vec<(String, Formula)>,
    /// What it leaves out.
    pub uncovered: Option<String>,
    /// Where it stands.
    pub span: Option<Span>,
}

/// What comes out.
#[derive(Debug, Clone)]
pub struct Output {
    /// One label an element.
    pub labels: Vec<String>,
    /// Unit of physical values.
    pub unit: Option<String>,
    /// Added to scaled raw values.
    pub mean: Rational,
    /// Multiplied with raw values.
    pub scale: Rational,
    /// Whether the least score decides; none if no score does.
    pub decision: Option<bool>,
    /// Who wins a tie.
    pub ties: Ties,
    /// Where it stands.
    pub span: Span,
}

impl Default for Output {
    fn default() -> Output {
        Output {
            labels: Vec::new(),
            unit: None,
            mean: Rational::ZERO,
            scale: Rational::ONE,
            decision: None,
            ties: Ties::Adverse,
            span: 0..0,
        }
    }
}

/// How bad it is if a requirement is not met, from worst.
pub const SEVERITIES: [&str; 5] = ["catastrophic", "hazardous", "major", "minor", "info"];

/// What is required.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// Its id.
    pub id: String,
    /// The sentence.
    pub text: String,
    /// Where it comes from.
    pub source: Option<String>,
    /// Place in [`SEVERITIES`].
    pub severity: usize,
    /// Where it stands.
    pub span: Span,
}

/// A set of points in a file.
#[derive(Debug, Clone)]
pub struct Points {
    /// Its id.
    pub id: String,
    /// The file, relative to the specification's folder.
    pub file: String,
    /// A column of the file, or another file.
    pub labels: Option<String>,
    /// Rows that are used, from 0; all if none.
    pub select: Option<Vec<usize>>,
    /// SHA-256 that the file must have.
    pub sha256: Option<String>,
    /// Whether values are in model units.
    pub model_units: bool,
    /// Where it stands.
    pub span: Span,
}

/// What becomes of a point that is decided wrongly at its centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misclassified {
    /// It violates the property.
    Violated,
    /// It is counted and left out.
    Skip,
}

/// What a perturbation must not change.
#[derive(Debug, Clone)]
pub enum Keep {
    /// The decision at the point.
    Decision,
    /// The label of the point.
    Label,
    /// The truth of a formula.
    Formula(String, Formula),
}

/// What a property says.
#[derive(Debug, Clone)]
pub enum Claim {
    /// A formula is true of every point of the region.
    Reach(String, Formula),
    /// A formula is false of every point of the region.
    Never(String, Formula),
    /// A quantity stays on one side of a number.
    Margin {
        /// Its text.
        of: String,
        /// The quantity.
        sum: Sum,
        /// The number.
        bound: Rational,
        /// Whether the quantity is at least the number.
        at_least: bool,
    },
    /// Around points, a perturbation changes nothing that counts.
    Robustness {
        /// Id of the set of points.
        points: String,
        /// Radius of each flat input, in physical units.
        radii: Vec<Rational>,
        /// What is kept.
        keep: Keep,
        /// What becomes of points that are wrong at the centre.
        misclassified: Misclassified,
        /// Share of points for which it must be shown.
        require: Rational,
    },
    /// A query of its own.
    VnnLib {
        /// The file, relative to the specification's folder.
        file: String,
        /// SHA-256 that it must have.
        sha256: Option<String>,
    },
}

impl Claim {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Claim::Reach(..) => "reach",
            Claim::Never(..) => "never",
            Claim::Margin { .. } => "margin",
            Claim::Robustness { .. } => "robustness",
            Claim::VnnLib { .. } => "vnnlib",
        }
    }
}

/// An undecided property is accepted, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Who answers for it.
    pub owner: String,
    /// The last day, `YYYY-MM-DD`.
    pub until: String,
    /// Why.
    pub reason: String,
    /// Where it is followed up.
    pub issue: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// What an undecided property means to the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnUnknown {
    /// It fails.
    Fail,
    /// It is said, and does not fail.
    Warn,
    /// Somebody signed for it.
    Allow(Allowance),
}

/// What is to be shown.
#[derive(Debug, Clone)]
pub struct Property {
    /// Its id; names files.
    pub id: String,
    /// What it says, for people.
    pub text: Option<String>,
    /// Requirements that it serves.
    pub requirements: Vec<String>,
    /// What it claims.
    pub claim: Claim,
    /// Physical bounds of each flat input.
    pub region: Vec<(Rational, Rational)>,
    /// Flat inputs that the region names.
    pub named: Vec<bool>,
    /// Linear constraints on inputs, the domain's among them, with their texts.
    pub constraints: Vec<(String, Formula)>,
    /// Whether the region may leave the operational domain.
    pub beyond_domain: bool,
    /// Time limit of each query.
    pub timeout: Option<Duration>,
    /// What an undecided property means, if the file says it.
    pub on_unknown: Option<OnUnknown>,
    /// Whether the property is expected to be violated.
    pub expect_violated: bool,
    /// How the formula differs from the sentence.
    pub encoding_note: Option<String>,
    /// Why this property, this region, this number.
    pub rationale: Option<String>,
    /// Assumptions that it rests on.
    pub assume: Vec<String>,
    /// Words by which it is selected.
    pub tags: Vec<String>,
    /// Where its id stands.
    pub span: Span,
    /// Where its formula stands, or its id.
    pub formula_span: Span,
}

/// How strict the gate is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Requirements below this severity do not fail the gate; a place in [`SEVERITIES`].
    pub min_severity: Option<usize>,
    /// What undecided means where a property does not say it; true for `warn`.
    pub warn_on_unknown: Option<bool>,
    /// Whether the model must be pinned.
    pub require_pins: Option<bool>,
    /// Whether `warn` and allowances are refused on the two highest severities.
    pub strict_on_severe: Option<bool>,
    /// Whether a property may hold only because nothing unwanted is possible.
    pub allow_vacuous: Option<bool>,
}

impl Spec {
    /// What words mean in expressions.
    pub fn names(&self) -> Names {
        Names {
            labels: self.output.labels.clone(),
            inputs: self
                .inputs
                .iter()
                .map(|input| {
                    let elements = Elements { first: input.first, shape: input.shape.clone() };
                    (input.name.clone(), elements)
                })
                .collect(),
            parameters: self.parameters.clone(),
            decision: self.output.decision,
        }
    }

    /// Number of flat inputs.
    pub fn input_count(&self) -> usize {
        self.inputs.iter().map(Input::len).sum()
    }

    /// The input that a flat place belongs to, and the place in it.
    pub fn input_at(&self, flat: usize) -> Option<(&Input, usize)> {
        self.inputs
            .iter()
            .find(|input| (input.first..input.first + input.len()).contains(&flat))
            .map(|input| (input, flat - input.first))
    }

    /// The name of a flat input.
    pub fn input_name(&self, flat: usize) -> String {
        self.input_at(flat).map_or_else(|| format!("input {flat}"), |(input, at)| input.element(at))
    }

    /// A physical value of a flat input as the model gets it.
    pub fn to_model(&self, flat: usize, value: &Rational) -> Rational {
        match self.input_at(flat) {
            Some((input, _)) => (value - &input.mean).checked_div(&input.scale).unwrap_or_default(),
            None => value.clone(),
        }
    }

    /// The physical value of what the model gets.
    pub fn to_physical(&self, flat: usize, value: &Rational) -> Rational {
        match self.input_at(flat) {
            Some((input, _)) => &(value * &input.scale) + &input.mean,
            None => value.clone(),
        }
    }

    /// The physical value of a raw output.
    pub fn output_physical(&self, value: &Rational) -> Rational {
        &(value * &self.output.scale) + &self.output.mean
    }

    /// The worst severity of a property's requirements.
    pub fn severity(&self, property: &Property) -> Option<usize> {
        self.requirements
            .iter()
            .filter(|requirement| property.requirements.contains(&requirement.id))
            .map(|requirement| requirement.severity)
            .min()
    }

    /// What a profile asks, with what those before it ask: `dev`, `staging`, `production`, in this order.
    pub fn profile(&self, name: &str) -> Option<Profile> {
        const ORDER: [&str; 3] = ["dev", "staging", "production"];
        let known = ORDER.iter().position(|other| *other == name);
        if known.is_none() && !self.profiles.contains_key(name) {
            return None;
        }
        let chain: Vec<&str> = match known {
            Some(last) => ORDER[..=last].to_vec(),
            None => vec![name],
        };
        let mut profile = Profile::default();
        for name in chain {
            if name == "production" {
                profile.strict_on_severe = Some(true);
                profile.require_pins = Some(true);
                profile.allow_vacuous = Some(false);
            }
            if let Some(own) = self.profiles.get(name) {
                profile.min_severity = own.min_severity.or(profile.min_severity);
                profile.warn_on_unknown = own.warn_on_unknown.or(profile.warn_on_unknown);
                profile.require_pins = own.require_pins.or(profile.require_pins);
                profile.strict_on_severe = own.strict_on_severe.or(profile.strict_on_severe);
                profile.allow_vacuous = own.allow_vacuous.or(profile.allow_vacuous);
            }
        }
        Some(profile)
    }
}

/// A specification with the files that it names.
pub struct World {
    /// Its own file.
    pub path: PathBuf,
    /// Its text.
    pub source: String,
    /// What it says.
    pub spec: Spec,
    /// The model's bytes.
    pub model_bytes: bytes::Bytes,
    /// SHA-256 of the model.
    pub model_sha256: String,
    /// The model.
    pub graph: Graph,
    /// Points by the id of their set.
    pub points: BTreeMap<String, data::Table>,
    /// Texts of `vnnlib` properties by their id.
    pub texts: BTreeMap<String, Vec<u8>>,
}

/// Why a specification could not be opened: its own file, or what stands in it.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// The file cannot be read.
    Unreadable(crate::Error),
    /// What stands in it is wrong; warnings are among the findings too.
    Wrong {
        /// The text.
        source: String,
        /// What is wrong with it.
        findings: Vec<Finding>,
    },
}

impl World {
    /// Reads a specification and everything that it names.
    ///
    /// # Errors
    /// If something cannot be read or does not fit; all that is wrong is said at once.
    pub fn load(path: &Path) -> Result<(World, Vec<Finding>), Refusal> {
        World::load_with(path, Pins::Enforce)
    }

    /// As [`World::load`]; with [`Pins::Note`], files that are not the pinned ones are used and noted.
    ///
    /// # Errors
    /// As [`World::load`].
    pub fn load_with(path: &Path, pins: Pins) -> Result<(World, Vec<Finding>), Refusal> {
        let bytes = crate::read::file(path).map_err(Refusal::Unreadable)?;
        let source = String::from_utf8(bytes.to_vec()).map_err(|_| {
            let error = crate::Error::new(crate::Kind::Parse, "the file is not UTF-8 text");
            Refusal::Unreadable(error.in_file(path))
        })?;
        let (spec, mut findings) = read(&source);
        let folder = path.parent().unwrap_or(Path::new(""));
        let loaded = data::load(&spec, folder, pins, &mut findings);
        match (loaded, pins.refuse(&findings)) {
            (Some(loaded), false) => {
                let data::Loaded { model_bytes, model_sha256, graph, points, texts } = loaded;
                let path = path.to_path_buf();
                let world =
                    World { path, source, spec, model_bytes, model_sha256, graph, points, texts };
                Ok((world, findings))
            }
            _ => Err(Refusal::Wrong { source, findings }),
        }
    }
}
