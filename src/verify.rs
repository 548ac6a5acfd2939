//! One query: strategy, budget, verdict. The library's door.

use crate::attack::{self, Counterexample, Judgement, Plan, judge};
use crate::bound::{Bounds, Boxes, Frame, Intermediate, Workspace, exact, propagate};
use crate::budget::Budget;
use crate::kernel::rounding;
use crate::net::Network;
use crate::ops;
use crate::search::{self, Candidate, End, Listener, Problem, Progress, Settings};
use fastrand::Rng;
use plimsoll_check::Error;
use plimsoll_check::graph::Graph;
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Arithmetic, Face, Query, Region};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The arithmetic under which a verdict is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semantics {
    /// What the query's types ask for: the reals, unless it is typed with a float type.
    #[default]
    AsTyped,
    /// The weights and constants are exact rationals and the network is a function over the reals.
    Real,
}

/// Settings of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time limit; none by default.
    pub timeout: Option<Duration>,
    /// Worker threads; all processors by default.
    pub threads: Option<usize>,
    /// Bytes that open subproblems may take; 2 GiB by default.
    pub memory: usize,
    /// Seed of everything that is random; 0 by default.
    pub seed: u64,
    /// Semantics; as the query is typed by default.
    pub semantics: Semantics,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            timeout: None,
            threads: None,
            memory: 2 << 30,
            seed: 0,
            semantics: Semantics::AsTyped,
        }
    }
}

/// Why there is no verdict.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The time limit was reached.
    Timeout,
    /// The run was cancelled.
    Interrupted,
    /// The query is typed for executions in a float type, for which no proof is available.
    FloatSemantics,
    /// A value may be too large for float64, so that nothing can be bounded.
    Overflow,
    /// Subregions are left whose margin is zero or too small for the arithmetic at hand.
    Boundary,
    /// The processor does not round as the proofs assume.
    Arithmetic,
}

impl Reason {
    /// The stable word for machines.
    pub fn name(&self) -> &'static str {
        match self {
            Reason::Timeout => "timeout",
            Reason::Interrupted => "interrupted",
            Reason::FloatSemantics => "float-semantics",
            Reason::Overflow => "overflow",
            Reason::Boundary => "boundary",
            Reason::Arithmetic => "arithmetic",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Timeout => "the time limit was reached; a longer --timeout continues the same search",
            Reason::Interrupted => "the run was interrupted",
            Reason::FloatSemantics => {
                "the query is typed for float execution, whose rounding is not covered by a proof yet; \
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
    /// Whether the property holds only because no input meets the query's own constraints.
    pub vacuous: bool,
    /// How far the search had come.
    pub progress: Progress,
    /// Points where an execution in float violates a property that holds there over the reals.
    pub near_misses: Vec<Counterexample>,
    /// What was chosen, and why, in words.
    pub strategy: Vec<String>,
    /// What a reader should know about model and query, in words.
    pub notes: Vec<String>,
    /// Time from the start of [`Verifier::verify`].
    pub elapsed: Duration,
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
    /// If query and model do not fit each other.
    pub fn verify(&self, model: &Graph, query: &Query) -> Result<Outcome, Error> {
        let budget = Budget::new(self.options.timeout).with_flag(self.cancelled.clone());
        let mut notes = query.matches(model)?;
        notes.extend(query.notes.iter().cloned());
        notes.extend(model.notes.iter().cloned());
        let mut outcome = Outcome {
            verdict: Verdict::Holds,
            vacuous: query.is_vacuous(),
            progress: Progress::default(),
            near_misses: Vec::new(),
            strategy: Vec::new(),
            notes,
            elapsed: Duration::ZERO,
        };
        let real =
            self.options.semantics == Semantics::Real || query.arithmetic == Arithmetic::Real;
        if !rounding::arithmetic_is_standard() {
            outcome.verdict = Verdict::Unknown(Reason::Arithmetic);
        } else if query.is_vacuous() {
            outcome.progress.share = 1.0;
            outcome.strategy.push("no input satisfies the query's own constraints".into());
        } else if !real {
            outcome.verdict = Verdict::Unknown(Reason::FloatSemantics);
        } else {
            self.run(model, query, &budget, &mut outcome)?;
        }
        outcome.elapsed = budget.elapsed();
        Ok(outcome)
    }

    fn run(
        &self,
        model: &Graph,
        query: &Query,
        budget: &Budget,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let network = ops::lower(model)?;
        let boxes = outward(query, network.input_len());
        let mut work = Workspace::default();
        let (hull, bounds) = root(&network, &boxes, &mut work);
        if !bounds.iter().all(|node| node.is_finite()) {
            outcome.verdict = Verdict::Unknown(Reason::Overflow);
            return Ok(());
        }
        let frame = Frame::new(&network, &bounds);
        let problem = Problem::new(&network, frame, boxes, query);
        let mut judge =
            Judge { model, query, network: &network, found: None, near_misses: Vec::new() };
        if falsify(&problem, self.options.seed, budget, &mut judge) {
            outcome
                .strategy
                .push("a counterexample was found by sampling and gradient descent".into());
        } else {
            let settings =
                strategy(&problem, &hull, &bounds, self.options.memory, &mut outcome.strategy);
            let mut listener = Reporter { judge: &mut judge, observer: self.observer };
            let mut run = || search::search(&problem, &settings, budget, &mut listener);
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(self.options.threads.unwrap_or(0))
                .build();
            let (end, progress) = match pool {
                Ok(pool) => pool.install(run),
                // No threads to be had: the caller's own thread works alone.
                Err(_) => run(),
            };
            outcome.progress = progress;
            outcome.verdict = match end {
                End::Closed => Verdict::Holds,
                End::Stopped | End::Stuck => Verdict::Unknown(Reason::Boundary),
                End::Exhausted if budget.is_cancelled() => Verdict::Unknown(Reason::Interrupted),
                End::Exhausted => Verdict::Unknown(Reason::Timeout),
            };
        }
        outcome.near_misses = judge.near_misses;
        if let Some(found) = judge.found {
            outcome.verdict = Verdict::Violated(found);
        }
        Ok(())
    }
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

/// Decides how to search, from the query's features alone.
fn strategy(
    problem: &Problem,
    hull: &Boxes,
    bounds: &Bounds,
    memory: usize,
    words: &mut Vec<String>,
) -> Settings {
    let network = problem.network;
    let free = (0..hull.dims).filter(|d| hull.lower[*d] < hull.upper[*d]).count();
    let mut prefix = 0usize;
    let mut backward = 0usize;
    for (index, node) in network.nodes.iter().enumerate() {
        if let crate::net::Primitive::Affine { terms, .. } = &node.primitive {
            prefix += terms.iter().map(|t| t.map.multiply_adds()).sum::<usize>();
        }
        if let crate::net::Primitive::Relu { of } = node.primitive {
            let unstable = (0..node.len)
                .filter(|k| bounds[of].lower[*k] < 0.0 && bounds[of].upper[*k] > 0.0)
                .count();
            backward += 2 * unstable * prefix;
        }
        let _ = index;
    }
    words.push(format!(
        "{free} free inputs, {} relu neurons, {} multiply-adds a point, {} regions, {} disjuncts",
        network.neuron_count(),
        network.multiply_adds,
        problem.boxes.count,
        problem.disjuncts.len(),
    ));
    let intermediate = if backward > 200_000_000 {
        words.push(
            "backward bounds of all unstable neurons are too dear: intervals and zonotopes instead"
                .into(),
        );
        Intermediate::Zonotope { keep: 16 }
    } else {
        words
            .push("branch and bound on the inputs with backward bounds of unstable neurons".into());
        Intermediate::Backward
    };
    let chunk = (20_000_000 / backward.max(network.multiply_adds).max(1)).clamp(1, 64);
    Settings { intermediate, chunk, chunks: 8, memory }
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

/// Decides on points and on boxes by exact arithmetic, and keeps what it found.
struct Judge<'a> {
    model: &'a Graph,
    query: &'a Query,
    network: &'a Network,
    found: Option<Box<Counterexample>>,
    near_misses: Vec<Counterexample>,
}

/// Near misses that are kept.
const NEAR_MISSES: usize = 4;

impl Judge<'_> {
    /// Judges candidates; `true` once a proved counterexample is at hand, preferably one that an
    /// execution in the model's precision confirms.
    fn confirm(&mut self, candidates: &[Candidate]) -> bool {
        for candidate in candidates.iter().take(16) {
            match judge(self.model, self.query, candidate.disjunct as usize, &candidate.point) {
                Judgement::Violates(found) => {
                    let confirmed = found.execution_violates;
                    if confirmed || self.found.is_none() {
                        self.found = Some(found);
                    }
                    if confirmed {
                        return true;
                    }
                }
                Judgement::NearMiss(found) => {
                    if self.near_misses.len() < NEAR_MISSES {
                        self.near_misses.push(*found);
                    }
                }
                Judgement::Harmless | Judgement::Undecided => {}
            }
        }
        self.found.is_some()
    }

    /// Whether exact arithmetic shows that no point of the box violates the disjunct.
    fn refutes(&self, lower: &[f64], upper: &[f64], disjunct: usize) -> bool {
        let case = &self.query.disjuncts[disjunct];
        let region = &self.query.regions[case.region as usize];
        let face = |outer: &Face, value: f64, upward: bool| -> Option<Face> {
            let exact = Rational::from_f64(value)?;
            let tighter = if upward { exact < outer.value } else { exact > outer.value };
            Some(if tighter { Face { value: exact, strict: false } } else { outer.clone() })
        };
        let lower: Option<Vec<Face>> =
            region.lower.iter().zip(lower).map(|(f, v)| face(f, *v, false)).collect();
        let upper: Option<Vec<Face>> =
            region.upper.iter().zip(upper).map(|(f, v)| face(f, *v, true)).collect();
        match (lower, upper) {
            (Some(lower), Some(upper)) => {
                exact::refutes(self.network, &Region { lower, upper }, &case.rows)
            }
            _ => false,
        }
    }
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

    fn close_exactly(&self, lower: &[f64], upper: &[f64], disjunct: u32) -> bool {
        self.judge.refutes(lower, upper, disjunct as usize)
    }
}
