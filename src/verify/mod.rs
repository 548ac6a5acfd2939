//! One query: strategy, budget, verdict. The library's door.

mod judge;
mod solvers;
mod strategy;

use crate::attack::{self, Counterexample, Plan};
use crate::backend::{Backend, Hole, smtlib};
use crate::bound::{Bounds, Boxes, Frame, Intermediate, Workspace, propagate};
use crate::budget::Budget;
use crate::certify::certify;
use crate::kernel::rounding;
use crate::net::Network;
use crate::ops;
use crate::problem::{Candidate, Problem};
use crate::search::{self, End, Listener, Progress, Trail, neurons};
use fastrand::Rng;
use judge::Judge;
use plimsoll_check::graph::{ElementType, Graph};
use plimsoll_check::proof::Node;
use plimsoll_check::query::{Arithmetic, Query, Row};
use plimsoll_check::{Error, Kind};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use strategy::Strategy;

/// The arithmetic under which a verdict is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semantics {
    /// What the query's types ask for: the reals, unless it is typed with a float type.
    #[default]
    AsTyped,
    /// The weights and constants are exact rationals and the network is a function over the reals.
    Real,
    /// Executions in float32, whatever the query's types say.
    Float32,
}

impl Semantics {
    /// The arithmetic that a verdict on the query speaks about.
    pub fn of(self, query: &Query) -> Arithmetic {
        match self {
            Semantics::AsTyped => query.arithmetic,
            Semantics::Real => Arithmetic::Real,
            Semantics::Float32 => Arithmetic::Float32,
        }
    }
}

/// Settings of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time limit; none by default.
    pub timeout: Option<Duration>,
    /// Limit on the boxes that are bounded, for runs that end alike on every machine; none by default.
    pub boxes: Option<u64>,
    /// Worker threads; all processors by default.
    pub threads: Option<usize>,
    /// Bytes that open subproblems may take; 2 GiB by default.
    pub memory: usize,
    /// Seed of everything that is random; 0 by default.
    pub seed: u64,
    /// Semantics; as the query is typed by default.
    pub semantics: Semantics,
    /// How the query is decided; [`Backend::Auto`] by default.
    pub backend: Backend,
    /// Whether `holds` is to come with a proof; not by default.
    pub proof: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            timeout: None,
            boxes: None,
            threads: None,
            memory: 2 << 30,
            seed: 0,
            semantics: Semantics::AsTyped,
            backend: Backend::Auto,
            proof: false,
        }
    }
}

/// Why there is no verdict.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The time limit was reached.
    Timeout,
    /// As many boxes as allowed were bounded.
    Boxes,
    /// The run was cancelled.
    Interrupted,
    /// The question is about executions in a float type, for which no proof is available.
    FloatSemantics,
    /// A value may be too large for float64, so that nothing can be bounded.
    Overflow,
    /// Subregions are left whose margin is zero or too small for the arithmetic at hand.
    Boundary,
    /// The processor does not round as the proofs assume.
    Arithmetic,
    /// The back-end that was asked for gave no answer that could be confirmed; why, in words.
    Solver(String),
}

impl Reason {
    /// The stable word for machines.
    pub fn name(&self) -> &'static str {
        match self {
            Reason::Timeout => "timeout",
            Reason::Boxes => "boxes",
            Reason::Interrupted => "interrupted",
            Reason::FloatSemantics => "float-semantics",
            Reason::Overflow => "overflow",
            Reason::Boundary => "boundary",
            Reason::Arithmetic => "arithmetic",
            Reason::Solver(_) => "solver",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Timeout => "the time limit was reached; a longer --timeout continues the same search",
            Reason::Boxes => "the limit on boxes was reached",
            Reason::Interrupted => "the run was interrupted",
            Reason::FloatSemantics => {
                "the question is about float execution, whose rounding is not covered by a proof yet; \
                 --semantics real asks about the ideal function instead"
            }
            Reason::Overflow => "a value in the network may exceed the range of float64 over this region",
            Reason::Boundary => {
                "what is left lies so close to the property's boundary that neither a rounded bound nor \
                 exact arithmetic within its limits decides it"
            }
            Reason::Arithmetic => {
                "this processor does not round to nearest with subnormal numbers, which every proof assumes"
            }
            Reason::Solver(why) => why,
        })
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// No input of the region satisfies the query's unwanted constraints.
    Holds,
    /// This input does.
    Violated(Box<Counterexample>),
    /// Neither was established.
    Unknown(Reason),
}

/// The answer with what led to it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answer.
    pub verdict: Verdict,
    /// The arithmetic under which it is true.
    pub semantics: Arithmetic,
    /// Whether the property holds only because no input meets the query's own constraints.
    pub vacuous: bool,
    /// How far the search had come.
    pub progress: Progress,
    /// Points where an execution in float violates a property that holds there over the reals.
    pub near_misses: Vec<Counterexample>,
    /// Claims that the verdict rests on and that nothing here has checked; nearly always none.
    pub holes: Vec<Hole>,
    /// What was chosen, and why, in words.
    pub strategy: Vec<String>,
    /// What a reader should know about model and query, in words.
    pub notes: Vec<String>,
    /// Time from the start of [`Verifier::verify`].
    pub elapsed: Duration,
    /// The proof of `holds`, if one was asked for: a tree for each region, accepted by the checker's rules;
    /// or why there is none.
    pub proof: Option<Result<Vec<Node>, Error>>,
}

/// Is told how a run comes along.
pub trait Observer: Sync {
    /// Called after each round of the search.
    fn progress(&self, progress: &Progress);
}

/// Sees nothing.
struct Silent;

impl Observer for Silent {
    fn progress(&self, _: &Progress) {}
}

/// Answers queries.
///
/// ```
/// use plimsoll::{Verdict, Verifier};
///
/// let model = plimsoll::read::model("models/thermostat/heat.onnx")?;
/// let text = b"(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real)
///     (assert (and (>= X_0 0) (<= X_0 1) (>= X_1 0) (<= X_1 1)))
///     (assert (>= Y_0 1000000))";
/// let query = plimsoll::read::query(text)?;
/// let outcome = Verifier::new(Default::default()).verify(&model, &query)?;
/// assert_eq!(outcome.verdict, Verdict::Holds);
/// # Ok::<(), plimsoll::Error>(())
/// ```
pub struct Verifier<'o> {
    options: Options,
    observer: &'o dyn Observer,
    cancelled: Arc<AtomicBool>,
}

impl<'o> Verifier<'o> {
    /// A verifier with these options that tells nobody how it comes along.
    pub fn new(options: Options) -> Verifier<'o> {
        Verifier { options, observer: &Silent, cancelled: Arc::default() }
    }

    /// Sends progress to `observer`.
    pub fn observe(mut self, observer: &'o dyn Observer) -> Verifier<'o> {
        self.observer = observer;
        self
    }

    /// Ends runs early when the flag is raised.
    pub fn cancel_with(mut self, flag: Arc<AtomicBool>) -> Verifier<'o> {
        self.cancelled = flag;
        self
    }

    /// Answers one query about one model.
    ///
    /// # Errors
    /// If query and model do not fit each other, the model has another float type than the semantics
    /// that was asked for, it has an operator that cannot be bounded, or the back-end that was asked for
    /// was not built in or cannot express the network.
    pub fn verify(&self, model: &Graph, query: &Query) -> Result<Outcome, Error> {
        let budget = Budget::new(self.options.timeout).with_flag(self.cancelled.clone());
        self.options.backend.require()?;
        let mut notes = query.matches(model)?;
        notes.extend(query.notes.iter().cloned());
        notes.extend(model.notes.iter().cloned());
        let semantics = self.options.semantics.of(query);
        if semantics == Arithmetic::Float32 && model.element != ElementType::F32 {
            return Err(Error::new(
                Kind::UnsupportedQuery,
                "float32 semantics was asked for, and the model computes in float64",
            )
            .help("`real` semantics is independent of the model's float type"));
        }
        let mut outcome = Outcome {
            verdict: Verdict::Holds,
            semantics,
            vacuous: query.is_vacuous(),
            progress: Progress::default(),
            near_misses: Vec::new(),
            holes: Vec::new(),
            strategy: Vec::new(),
            notes,
            elapsed: Duration::ZERO,
            proof: None,
        };
        if !rounding::arithmetic_is_standard() {
            outcome.verdict = Verdict::Unknown(Reason::Arithmetic);
        } else if query.is_vacuous() {
            outcome.progress.share = 1.0;
            outcome.proof =
                self.options.proof.then(|| Ok(vec![Node::default(); query.regions.len()]));
            outcome.strategy.push("no input satisfies the query's own constraints".into());
        } else if semantics != Arithmetic::Real {
            outcome.verdict = Verdict::Unknown(Reason::FloatSemantics);
        } else {
            // A certificate speaks of the model as it stands.
            let ordered = if self.options.proof { None } else { ops::ordered(model) };
            let ordered = ordered.filter(|ordered| only_compares(query, &ordered.groups));
            if ordered.is_some() {
                let words =
                    "the last function keeps the order of outputs, which is all that counts";
                outcome.strategy.push(words.into());
            }
            let ordered = ordered.as_ref().map(|ordered| &ordered.graph);
            self.run(model, ordered, query, &budget, &mut outcome)?;
        }
        outcome.elapsed = budget.elapsed();
        Ok(outcome)
    }

    fn run(
        &self,
        model: &Graph,
        ordered: Option<&Graph>,
        query: &Query,
        budget: &Budget,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let subject = ordered.unwrap_or(model);
        let mut network = ops::lower(subject)?;
        let boxes = outward(query, network.input_len());
        let mut work = Workspace::within(budget);
        let (mut hull, mut bounds) = root(&network, &boxes, &mut work);
        if !bounds.iter().all(|node| node.is_finite()) {
            network = ops::lower_for_wide_regions(subject)?;
            (hull, bounds) = root(&network, &boxes, &mut work);
        }
        let network = &network;
        if self.options.backend == Backend::Smt {
            smtlib::expressible(network)?;
        }
        if !bounds.iter().all(|node| node.is_finite()) {
            outcome.verdict = Verdict::Unknown(Reason::Overflow);
            return Ok(());
        }
        let frame = Frame::new(network, &bounds);
        let problem = Problem::new(network, frame, boxes, query);
        let question =
            Question { problem: &problem, hull: &hull, bounds: &bounds, model, ordered, query };
        match self.options.backend {
            Backend::Auto | Backend::Bab => self.branch_and_bound(&question, budget, outcome),
            Backend::Milp | Backend::Smt => {
                solvers::alone(self.options.backend, &question, budget, outcome);
                outcome.proof = (self.options.proof && outcome.verdict == Verdict::Holds)
                    .then(|| Err(solvers::no_proof(self.options.backend)));
            }
            // Only the search writes proofs.
            Backend::Portfolio if self.options.proof => {
                self.branch_and_bound(&question, budget, outcome);
            }
            Backend::Portfolio => self.together(&question, budget, outcome),
        }
        Ok(())
    }

    /// Falsifies, then searches.
    fn branch_and_bound(&self, question: &Question, budget: &Budget, outcome: &mut Outcome) {
        let problem = question.problem;
        let mut judge =
            Judge::new(question.model, question.ordered, question.query, problem.network);
        // Only the search itself writes proofs.
        let auto = self.options.backend == Backend::Auto && !self.options.proof;
        if falsify(problem, self.options.seed, budget, &mut judge) {
            outcome
                .strategy
                .push("a counterexample was found by sampling and gradient descent".into());
        } else if auto
            && solvers::before_search(question, &mut judge, self.observer, budget, outcome)
        {
            // The tree of relu phases has decided.
        } else {
            let (hull, bounds) = (question.hull, question.bounds);
            let settings =
                strategy::choose(problem, hull, bounds, &self.options, &mut outcome.strategy);
            let mut listener = Reporter { judge: &mut judge, observer: self.observer };
            let mut run = || match &settings {
                Strategy::Inputs(settings) => {
                    search::search(problem, settings, budget, &mut listener)
                }
                Strategy::Neurons(settings) => {
                    neurons::search(problem, settings, budget, &mut listener)
                }
                Strategy::Both(inputs, neurons) => {
                    in_turn(problem, (inputs.clone(), neurons.clone()), budget, &mut listener)
                }
            };
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(self.options.threads.unwrap_or(0))
                .build();
            let (end, progress, trail) = match &pool {
                Ok(pool) => pool.install(run),
                // No threads to be had: the caller's own thread works alone.
                Err(_) => run(),
            };
            if end == End::Closed && self.options.proof {
                let write = || {
                    let program = plimsoll_check::proof::trace(question.model)?;
                    certify(problem.network, &program, question.query, &trail, budget)
                };
                outcome.proof = Some(match &pool {
                    Ok(pool) => pool.install(write),
                    Err(_) => write(),
                });
            }
            if progress.boxes > 0 || outcome.progress.boxes == 0 {
                outcome.progress = progress;
            }
            outcome.verdict = match end {
                End::Closed => Verdict::Holds,
                End::Stopped | End::Stuck => Verdict::Unknown(Reason::Boundary),
                End::Limited => Verdict::Unknown(Reason::Boxes),
                End::Exhausted if budget.is_cancelled() => Verdict::Unknown(Reason::Interrupted),
                End::Exhausted if !budget.is_exhausted() => Verdict::Unknown(Reason::Arithmetic),
                End::Exhausted => Verdict::Unknown(Reason::Timeout),
            };
            if auto && end == End::Stuck {
                solvers::after_search(question, &mut judge, budget, outcome);
            }
        }
        outcome.near_misses = judge.near_misses;
        if let Some(found) = judge.found {
            outcome.verdict = Verdict::Violated(found);
        }
    }
}

/// Searches by signs and by inputs in turn, each time from the start with four times the work, until one of
/// them decides; so that a query takes a small multiple of what the better one needs.
fn in_turn(
    problem: &Problem,
    (mut inputs, mut neurons): (search::Settings, neurons::Settings),
    budget: &Budget,
    listener: &mut dyn Listener,
) -> (End, Progress, Trail) {
    let limit = (inputs.boxes, neurons.subproblems);
    let mut growth = 1u64;
    loop {
        neurons.subproblems = limit.1.saturating_mul(growth);
        let by_signs = neurons::search(problem, &neurons, budget, listener);
        if !matches!(by_signs.0, End::Limited | End::Stuck) {
            return by_signs;
        }
        inputs.boxes = limit.0.saturating_mul(growth);
        let by_inputs = search::search(problem, &inputs, budget, listener);
        if !matches!(by_inputs.0, End::Limited | End::Stuck) {
            return by_inputs;
        }
        if by_signs.0 == End::Stuck && by_inputs.0 == End::Stuck {
            return by_inputs;
        }
        growth = growth.saturating_mul(4);
    }
}

/// A query over a network, compiled, with what it came from.
struct Question<'a> {
    problem: &'a Problem<'a>,
    /// The hull of all regions.
    hull: &'a Boxes,
    /// Interval bounds over the hull.
    bounds: &'a Bounds,
    model: &'a Graph,
    /// What the network computes instead, if the query only asks for the order of outputs.
    ordered: Option<&'a Graph>,
    query: &'a Query,
}

/// Whether every row of a query compares two outputs of one group.
fn only_compares(query: &Query, groups: &[u32]) -> bool {
    let compares = |row: &Row| match row.outputs.as_slice() {
        [(i, a), (j, b)] => {
            let same = groups.get(*i as usize).is_some_and(|i| groups.get(*j as usize) == Some(i));
            same && row.inputs.is_empty() && row.constant.is_zero() && *a == -b
        }
        _ => false,
    };
    query.disjuncts.iter().all(|disjunct| disjunct.rows.iter().all(compares))
}

/// The regions of a query, rounded outward.
fn outward(query: &Query, dims: usize) -> Boxes {
    let mut boxes = Boxes::new(dims);
    for region in &query.regions {
        let lower: Vec<f64> = region.lower.iter().map(|f| f.value.to_f64_down()).collect();
        let upper: Vec<f64> = region.upper.iter().map(|f| f.value.to_f64_up()).collect();
        boxes.push(&lower, &upper);
    }
    boxes
}

/// The hull of all boxes, and interval bounds of all nodes over it.
fn root(network: &Network, boxes: &Boxes, work: &mut Workspace) -> (Boxes, Bounds) {
    let mut lower = boxes.lower_of(0).to_vec();
    let mut upper = boxes.upper_of(0).to_vec();
    for b in 1..boxes.count {
        for d in 0..boxes.dims {
            lower[d] = lower[d].min(boxes.lower_of(b)[d]);
            upper[d] = upper[d].max(boxes.upper_of(b)[d]);
        }
    }
    let mut hull = Boxes::new(boxes.dims);
    hull.push(&lower, &upper);
    let (bounds, _) = propagate(network, None, &hull, None, Intermediate::Interval, work);
    (hull, bounds)
}

/// A short search for counterexamples before any bound; `true` if one was confirmed.
fn falsify(problem: &Problem, seed: u64, budget: &Budget, judge: &mut Judge) -> bool {
    let mut rng = Rng::with_seed(seed);
    // Counted work, so that the same run is made on every machine.
    let mut left = 400_000_000usize;
    let per_point = 3 * problem.network.multiply_adds.max(1);
    let cases = problem.disjuncts.len();
    let share = (left / cases.max(1) / per_point).clamp(1, 4000);
    let plan = Plan { restarts: share.clamp(1, 64), steps: (share / 64).clamp(1, 60) };
    for disjunct in 0..cases {
        let cost = plan.restarts * plan.steps * per_point;
        if left < cost || budget.is_exhausted() {
            return false;
        }
        left -= cost;
        let region = problem.region_of[disjunct] as usize;
        let faces = (problem.boxes.lower_of(region), problem.boxes.upper_of(region));
        let found = attack::attack(problem, disjunct as u32, faces, plan, &mut rng, budget);
        if judge.confirm(&found) {
            return true;
        }
    }
    false
}

/// Connects the search with the judge and the observer.
struct Reporter<'a, 'b> {
    judge: &'a mut Judge<'b>,
    observer: &'a dyn Observer,
}

impl Listener for Reporter<'_, '_> {
    fn progress(&self, progress: &Progress) {
        self.observer.progress(progress);
    }

    fn confirm(&mut self, candidates: &[Candidate]) -> bool {
        self.judge.confirm(candidates)
    }

    fn close_exactly(
        &self,
        lower: &[f64],
        upper: &[f64],
        disjunct: u32,
        multipliers: &[f64],
    ) -> bool {
        self.judge.refutes(lower, upper, disjunct as usize, multipliers)
    }
}
