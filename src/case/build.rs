//! From results to the argument.

use super::evidence::Evidence;
use super::{Assumption, Case, Edge, Kind, Node, Relation, Run, SCHEMA, Status, doubts};
use crate::gate::position;
use crate::gate::results::{Property as Found, Results};
use crate::spec::{Property, World};
use std::collections::BTreeMap;

/// Builds the case of results whose evidence was judged; `date` is the day, `YYYY-MM-DD`.
pub fn build(
    world: &World,
    results: &Results,
    evidence: &[Evidence],
    date: &str,
    command: Vec<String>,
) -> Case {
    let mut builder = Builder {
        world,
        results,
        evidence,
        date,
        nodes: Vec::new(),
        edges: Vec::new(),
        counts: BTreeMap::new(),
        assumptions: Vec::new(),
    };
    let root = builder.argument();
    let defeaters = doubts::list(world, results, evidence, &builder.assumptions);
    let spec = &world.spec;
    let mut case = Case {
        schema: SCHEMA,
        id: spec.id.clone(),
        title: spec.title.clone(),
        owner: spec.owner.clone(),
        revision: spec.revision.clone(),
        model_sha256: world.model_sha256.clone(),
        spec_sha256: crate::read::sha256(world.source.as_bytes()),
        semantics: results.semantics.clone(),
        tool: format!("plimsoll {}", env!("CARGO_PKG_VERSION")),
        checker: results.checker.clone(),
        root,
        nodes: builder.nodes,
        edges: builder.edges,
        assumptions: builder.assumptions,
        defeaters,
        run: Run { date: date.to_string(), command },
    };
    propagate(&mut case);
    case
}

struct Builder<'b> {
    world: &'b World,
    results: &'b Results,
    evidence: &'b [Evidence],
    date: &'b str,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    counts: BTreeMap<&'static str, usize>,
    assumptions: Vec<Assumption>,
}

impl Builder<'_> {
    fn node(&mut self, kind: Kind, text: String) -> usize {
        let letters = match kind {
            Kind::Goal => "G",
            Kind::Strategy => "S",
            Kind::Solution => "Sn",
            Kind::CounterSolution => "CSn",
            Kind::Context => "C",
            Kind::Assumption => "A",
            Kind::Justification => "J",
        };
        let count = self.counts.entry(letters).or_default();
        *count += 1;
        self.nodes.push(Node {
            id: format!("{letters}{count}"),
            kind,
            text,
            status: None,
            worst: None,
            undeveloped: false,
            assumes: Vec::new(),
            evidence: Vec::new(),
            about: None,
            line: None,
        });
        self.nodes.len() - 1
    }

    fn edge(&mut self, from: usize, to: usize, kind: Relation) {
        let (from, to) = (self.nodes[from].id.clone(), self.nodes[to].id.clone());
        self.edges.push(Edge { from, to, kind });
    }

    fn context(&mut self, of: usize, kind: Kind, text: String) -> usize {
        let node = self.node(kind, text);
        self.edge(of, node, Relation::InContextOf);
        node
    }

    /// The whole argument; the id of its top.
    fn argument(&mut self) -> String {
        let spec = &self.world.spec;
        let title = spec.title.clone().unwrap_or_else(|| spec.id.clone());
        let root = self.node(
            Kind::Goal,
            format!(
                "The network of \"{title}\" has the properties that its requirements ask for, as a \
                 function over the reals on the regions that are named"
            ),
        );
        self.nodes[root].line = Some(1);
        self.context(
            root,
            Kind::Context,
            format!("Model {}, sha256:{}", spec.model.path, self.world.model_sha256),
        );
        let domain = spec.domain.text.clone().unwrap_or_else(|| "not described".into());
        let without = match &spec.domain.uncovered {
            Some(text) if !text.is_empty() => format!(" It leaves out: {text}"),
            _ => String::new(),
        };
        self.context(root, Kind::Context, format!("Operational domain: {domain}{without}"));
        self.context(
            root,
            Kind::Context,
            "Semantics: weights and constants are exact, the network is a function over the reals; \
             rounding of executions is not covered"
                .into(),
        );
        self.context(
            root,
            Kind::Context,
            format!(
                "Specification {}, sha256:{}; plimsoll {}; {}",
                self.results.spec.file,
                self.results.spec.sha256,
                self.results.plimsoll,
                self.results.checker
            ),
        );
        for (id, file) in &self.results.data {
            self.context(
                root,
                Kind::Context,
                format!("Data {id}: {}, sha256:{}", file.file, file.sha256),
            );
        }
        let nodes = self.register(root);
        let strategy = self.node(Kind::Strategy, "Argument over every requirement".into());
        self.edge(root, strategy, Relation::SupportedBy);
        // A property that serves two requirements is one goal with two parents.
        let mut goals: BTreeMap<String, usize> = BTreeMap::new();
        let real = |property: &&Property| !property.expect_violated;
        for requirement in &spec.requirements {
            let goal = self.node(Kind::Goal, format!("{}: {}", requirement.id, requirement.text));
            self.nodes[goal].about = Some(requirement.id.clone());
            self.nodes[goal].line = Some(position(&self.world.source, requirement.span.start).0);
            self.edge(strategy, goal, Relation::SupportedBy);
            let properties: Vec<&Property> = spec
                .properties
                .iter()
                .filter(real)
                .filter(|property| property.requirements.contains(&requirement.id))
                .collect();
            if properties.is_empty() {
                self.nodes[goal].undeveloped = true;
                self.nodes[goal].status = Some(Status::Open);
                continue;
            }
            let over = self.node(
                Kind::Strategy,
                format!("Argument over the properties derived from {}", requirement.id),
            );
            self.edge(goal, over, Relation::SupportedBy);
            for property in properties {
                self.property(over, property, &mut goals, &nodes);
            }
        }
        let free: Vec<&Property> =
            spec.properties.iter().filter(real).filter(|p| p.requirements.is_empty()).collect();
        if !free.is_empty() {
            let goal =
                self.node(Kind::Goal, "Properties that serve no requirement hold as well".into());
            self.edge(strategy, goal, Relation::SupportedBy);
            let over = self.node(Kind::Strategy, "Argument over these properties".into());
            self.edge(goal, over, Relation::SupportedBy);
            for property in free {
                self.property(over, property, &mut goals, &nodes);
            }
        }
        self.confidence(root);
        self.nodes[root].id.clone()
    }

    /// The register of assumptions, in context of the top; nodes by the specification's ids.
    fn register(&mut self, root: usize) -> BTreeMap<String, usize> {
        let spec = &self.world.spec;
        let owner = spec.owner.clone();
        let declared = |yes: bool| if yes { "declared" } else { "open" };
        let mut entries = vec![
            Assumption {
                node: String::new(),
                id: "A-MEANING".into(),
                text: "The properties of each requirement together say what its sentence says"
                    .into(),
                status: declared(owner.is_some()),
                owner: owner.clone(),
                until: None,
                why: match &owner {
                    Some(_) => "the owner of the specification answers for it".into(),
                    None => "the specification has no owner".into(),
                },
            },
            Assumption {
                node: String::new(),
                id: "A-DEPLOYED".into(),
                text: "What runs in the field computes the function of the model file".into(),
                status: declared(owner.is_some() && has(&spec.model.runtime)),
                owner: owner.clone(),
                until: None,
                why: match &spec.model.runtime {
                    Some(runtime) if !runtime.is_empty() => format!("stated to run in: {runtime}"),
                    _ => "`runtime` of the model is not stated".into(),
                },
            },
        ];
        for assumption in &spec.assumptions {
            let late = assumption.until.as_deref().is_some_and(|until| until < self.date);
            let shown = assumption.discharged_by.as_deref().filter(|id| self.is_shown(id));
            let (status, why) = match (shown, late, &assumption.owner) {
                (Some(id), ..) => ("discharged", format!("shown by {id}")),
                (None, true, _) => ("open", "its date of review has passed".to_string()),
                (None, false, Some(_)) => ("declared", "its owner answers for it".to_string()),
                (None, false, None) => ("open", "nobody answers for it".to_string()),
            };
            entries.push(Assumption {
                node: String::new(),
                id: assumption.id.clone(),
                text: assumption.text.clone(),
                status,
                owner: assumption.owner.clone(),
                until: assumption.until.clone(),
                why,
            });
        }
        let mut nodes = BTreeMap::new();
        for mut entry in entries {
            let node = self.node(Kind::Assumption, format!("{}: {}", entry.id, entry.text));
            // What is declared is neither shown nor open: the register says who answers for it.
            self.nodes[node].status = match entry.status {
                "open" => Some(Status::Open),
                "discharged" => Some(Status::Discharged),
                _ => None,
            };
            self.nodes[node].about = Some(entry.id.clone());
            entry.node = self.nodes[node].id.clone();
            // Those of inputs, and ours, are in force everywhere.
            let everywhere = entry.id.starts_with("A-")
                && !spec.assumptions.iter().any(|known| known.id == entry.id)
                || spec.inputs.iter().any(|input| input.assume.contains(&entry.id));
            let named = spec.properties.iter().any(|p| p.assume.contains(&entry.id));
            if everywhere || !named {
                self.edge(root, node, Relation::InContextOf);
            }
            nodes.insert(entry.id.clone(), node);
            self.assumptions.push(entry);
        }
        nodes
    }

    /// Whether a property of this id is proved by evidence that is accepted today.
    fn is_shown(&self, id: &str) -> bool {
        self.evidence
            .iter()
            .any(|evidence| evidence.id == id && status(evidence, self.date) == Status::Discharged)
    }

    fn property(
        &mut self,
        over: usize,
        property: &Property,
        goals: &mut BTreeMap<String, usize>,
        assumptions: &BTreeMap<String, usize>,
    ) {
        if let Some(goal) = goals.get(&property.id) {
            return self.edge(over, *goal, Relation::SupportedBy);
        }
        let says = property.text.clone().unwrap_or_else(|| property.claim.kind().to_string());
        let goal = self.node(
            Kind::Goal,
            format!("{} holds on every point of its region, over the reals: {says}", property.id),
        );
        goals.insert(property.id.clone(), goal);
        self.edge(over, goal, Relation::SupportedBy);
        self.nodes[goal].about = Some(property.id.clone());
        self.nodes[goal].line = Some(position(&self.world.source, property.span.start).0);
        if let Some(rationale) = &property.rationale {
            self.context(goal, Kind::Justification, rationale.clone());
        }
        if let Some(note) = &property.encoding_note {
            self.context(
                goal,
                Kind::Context,
                format!("How the formula reads the sentence: {note}"),
            );
        }
        for id in &property.assume {
            if let Some(node) = assumptions.get(id) {
                self.edge(goal, *node, Relation::InContextOf);
            }
        }
        self.conclude(goal, &property.id);
    }

    /// The evidence of a property's goal.
    fn conclude(&mut self, goal: usize, id: &str) {
        let evidence = self.evidence.iter().find(|evidence| evidence.id == id).cloned();
        let Some(Evidence { found: Some(found), .. }) = &evidence else {
            self.nodes[goal].undeveloped = true;
            self.nodes[goal].status = Some(Status::Open);
            return;
        };
        let Some(evidence) = &evidence else { return };
        let status = status(evidence, self.date);
        self.nodes[goal].status = Some(status);
        let certificates: Vec<String> = found
            .parts
            .iter()
            .filter_map(|part| part.certificate.as_ref())
            .map(|certificate| format!("sha256:{}", certificate.sha256))
            .collect();
        match status {
            Status::Discharged => {
                let text = match found.parts.as_slice() {
                    [part] => format!(
                        "Certificate {}, accepted by {}",
                        part.certificate.as_ref().map_or("", |c| c.file.as_str()),
                        self.results.checker
                    ),
                    parts => format!(
                        "{} certificates for {} queries, accepted by {}",
                        certificates.len(),
                        parts.len(),
                        self.results.checker
                    ),
                };
                let solution = self.node(Kind::Solution, text);
                self.nodes[solution].evidence = certificates;
                self.nodes[solution].status = Some(Status::Discharged);
                self.nodes[solution].about = Some(id.to_string());
                self.edge(goal, solution, Relation::SupportedBy);
            }
            Status::Defeated => {
                let part = found.parts.iter().find(|part| part.counterexample.is_some());
                let point = part.and_then(|part| part.counterexample.as_ref());
                let words = point.map(crate::gate::formats::point).unwrap_or_default();
                let counter =
                    self.node(Kind::CounterSolution, format!("Counterexample, replayed: {words}"));
                self.nodes[counter].about = Some(id.to_string());
                self.edge(counter, goal, Relation::Challenges);
                self.nodes[goal].undeveloped = true;
            }
            Status::Stale => {
                let why = evidence.stale.join("; ");
                self.context(goal, Kind::Context, format!("The evidence is stale: {why}"));
                self.nodes[goal].undeveloped = true;
            }
            Status::Open | Status::Residual => {
                self.nodes[goal].undeveloped = true;
                self.context(goal, Kind::Context, format!("What is known: {}", partial(found)));
            }
        }
    }

    /// Why verdicts can be relied on.
    fn confidence(&mut self, root: usize) {
        let accepted: usize = self.evidence.iter().map(|evidence| evidence.accepted).sum();
        let goal = self.node(
            Kind::Goal,
            "The verdicts that are cited are about these files and do not rest on the prover"
                .into(),
        );
        self.edge(root, goal, Relation::SupportedBy);
        let strategy = self.node(
            Kind::Strategy,
            "Argument over certificates that a separate checker judges, and over probes that must fail"
                .into(),
        );
        self.edge(goal, strategy, Relation::SupportedBy);
        let log = self.node(
            Kind::Goal,
            "Every certificate that is cited was accepted again when this case was made".into(),
        );
        self.edge(strategy, log, Relation::SupportedBy);
        let stale = self.evidence.iter().any(|evidence| !evidence.stale.is_empty());
        if accepted == 0 || stale {
            self.nodes[log].undeveloped = true;
            self.nodes[log].status = Some(if stale { Status::Stale } else { Status::Open });
        } else {
            let text =
                format!("Log of {}: certificates accepted: {accepted}", self.results.checker);
            let solution = self.node(Kind::Solution, text);
            self.nodes[solution].status = Some(Status::Discharged);
            self.edge(log, solution, Relation::SupportedBy);
        }
        for property in self.world.spec.properties.iter().filter(|p| p.expect_violated) {
            let probe = self.node(
                Kind::Goal,
                format!("The probe {} is found to be violated, as it must be", property.id),
            );
            self.edge(strategy, probe, Relation::SupportedBy);
            self.nodes[probe].about = Some(property.id.clone());
            self.nodes[probe].line = Some(position(&self.world.source, property.span.start).0);
            let evidence = self.evidence.iter().find(|evidence| evidence.id == property.id);
            let found = evidence.and_then(|evidence| evidence.found.as_ref());
            let part =
                found.and_then(|f| f.parts.iter().find(|part| part.counterexample.is_some()));
            let stale = evidence.is_some_and(|evidence| !evidence.stale.is_empty());
            match part.and_then(|part| part.counterexample.as_ref()) {
                Some(point) if !stale => {
                    let text =
                        format!("Counterexample, replayed: {}", crate::gate::formats::point(point));
                    let solution = self.node(Kind::Solution, text);
                    self.nodes[solution].status = Some(Status::Discharged);
                    self.nodes[probe].status = Some(Status::Discharged);
                    self.edge(probe, solution, Relation::SupportedBy);
                }
                _ => {
                    self.nodes[probe].undeveloped = true;
                    self.nodes[probe].status =
                        Some(if stale { Status::Stale } else { Status::Open });
                }
            }
        }
    }
}

fn has(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| !text.is_empty())
}

/// What the evidence of a property is worth.
pub(super) fn status(evidence: &Evidence, date: &str) -> Status {
    let Some(found) = &evidence.found else { return Status::Open };
    if !evidence.stale.is_empty() {
        return Status::Stale;
    }
    match found.word() {
        "holds" if found.parts.iter().any(|part| part.proof == "valid") => Status::Discharged,
        "violated" => Status::Defeated,
        "unknown" | "unchecked"
            if evidence
                .allowance
                .as_ref()
                .is_some_and(|allowance| date <= allowance.until.as_str()) =>
        {
            Status::Residual
        }
        _ => Status::Open,
    }
}

/// What is known of a property that is not decided.
pub(super) fn partial(found: &Found) -> String {
    let mut words = found.why.clone();
    for part in found.parts.iter().filter(|part| part.verdict == "unknown").take(3) {
        words += &format!("; {}: {:.1} % of the region closed", part.name, 100.0 * part.share);
    }
    words
}

/// Carries statuses and assumptions from the leaves to the top.
pub(super) fn propagate(case: &mut Case) {
    // Supports come after what they support, but a goal may have several parents: settle by repetition.
    for _ in 0..case.nodes.len() {
        let mut changed = false;
        for at in 0..case.nodes.len() {
            let next = settle(case, at);
            let node = &mut case.nodes[at];
            if (node.status, node.worst, &node.assumes) != (next.0, next.1, &next.2) {
                (node.status, node.worst, node.assumes) = next;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
}

fn settle(case: &Case, at: usize) -> (Option<Status>, Option<Status>, Vec<String>) {
    let node = &case.nodes[at];
    match node.kind {
        Kind::Context | Kind::Justification | Kind::CounterSolution => {
            return (None, None, Vec::new());
        }
        Kind::Assumption => return (node.status, node.status, vec![name(node)]),
        Kind::Goal | Kind::Strategy | Kind::Solution => {}
    }
    let supports: Vec<&Node> = case.targets(&node.id, Relation::SupportedBy).collect();
    let context: Vec<&Node> = case
        .targets(&node.id, Relation::InContextOf)
        .filter(|node| node.kind == Kind::Assumption)
        .collect();
    let challenged = case.edges.iter().any(|e| e.kind == Relation::Challenges && e.to == node.id);
    let own = match (supports.is_empty(), challenged) {
        (_, true) => Status::Defeated,
        // No support: what its evidence was found to be worth, or nothing.
        (true, false) => node.status.unwrap_or(Status::Open),
        (false, false) => {
            // A property is a necessary part of its requirement, so that its defeat is the
            // requirement's; further up, lost support is missing, not false.
            let keeps = is_part(case, node);
            let values = supports.iter().filter_map(|support| support.status);
            values
                .map(|status| if keeps { status } else { status.as_support() })
                .max()
                .unwrap_or(Status::Open)
        }
    };
    let open = context.iter().any(|node| node.status == Some(Status::Open));
    let own = if open { own.max(Status::Open) } else { own };
    let below = supports.iter().filter_map(|support| support.worst);
    let worst = below.chain([own]).max();
    let mut assumes: Vec<String> = context.iter().map(|node| name(node)).collect();
    for support in supports {
        assumes.extend(support.assumes.iter().cloned());
    }
    assumes.sort();
    assumes.dedup();
    (Some(own), worst, assumes)
}

fn name(node: &Node) -> String {
    node.about.clone().unwrap_or_else(|| node.id.clone())
}

/// Whether a node is a requirement's goal or the strategy below one.
fn is_part(case: &Case, node: &Node) -> bool {
    match node.kind {
        Kind::Goal => node.about.is_some(),
        _ => case
            .edges
            .iter()
            .filter(|edge| edge.to == node.id && edge.kind == Relation::SupportedBy)
            .filter_map(|edge| case.node(&edge.from))
            .any(|parent| parent.about.is_some()),
    }
}
