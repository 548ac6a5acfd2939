//! Plimsoll: a formal verifier for neural networks.
//!
//! A *query* (VNN-LIB) describes a region of inputs and what must not come out; a *model* (ONNX) is the
//! network. [`Verifier::verify`] answers for every point of the region at once:
//!
//! - [`Verdict::Holds`]: no point gives an unwanted output, by bounds that account for every rounding
//!   error of their own computation, or by exact arithmetic;
//! - [`Verdict::Violated`]: this point does, proved in interval or rational arithmetic;
//! - [`Verdict::Unknown`]: neither was established, and why.
//!
//! The answer is about the network over the reals ([`Semantics`]); executions in float32 round, and
//! nothing is proved about them yet.
//!
//! # Example
//!
//! ```
//! use plimsoll::{Options, Verdict, Verifier};
//! use std::time::Duration;
//!
//! let model = plimsoll::read::model("models/thermostat/heat.onnx")?;
//! let options = Options { timeout: Some(Duration::from_secs(20)), ..Options::default() };
//! let verifier = Verifier::new(options);
//!
//! // A room at 14 C or colder is heated with more than 95 % of full power, whatever the weather.
//! let text = plimsoll::read::file("specs/thermostat/cold_room_heats.vnnlib")?;
//! let outcome = verifier.verify(&model, &plimsoll::read::query(&text)?)?;
//! assert_eq!(outcome.verdict, Verdict::Holds);
//!
//! // A room at 18.5 to 20 C is heated with more than 20 %: not when it is hot outside.
//! let text = plimsoll::read::file("specs/thermostat/cool_room_heats_in_summer.vnnlib")?;
//! let outcome = verifier.verify(&model, &plimsoll::read::query(&text)?)?;
//! let Verdict::Violated(found) = outcome.verdict else { panic!("a counterexample is known") };
//! assert_eq!(found.inputs.len(), 2);
//! assert!(found.outputs[0].to_f64() <= 0.2);
//! # Ok::<(), plimsoll::Error>(())
//! ```
//!
//! [`Options`] has limits, threads and the seed; an [`Observer`] is told how a search comes along, and
//! [`Verifier::cancel_with`] ends it from outside. [`ranges::output_ranges`] gives proven ranges of the
//! outputs without a property. The same input, options and seed give the same verdict with any number
//! of threads, as long as no limit ends the run. Nothing here prints, panics on any input, or reads the
//! environment.
//!
//! # Modules
//!
//! From the door down; a module uses only those below it.
//!
//! | module | what |
//! |---|---|
//! | [`case`] | the safety case: results and certificates as an argument |
//! | [`gate`] | all properties of a specification, with certificates that are checked |
//! | [`spec`] | specifications in TOML, and the VNN-LIB that they mean |
//! | (root) | [`Verifier`] and what it takes and gives |
//! | [`ranges`] | proven ranges of outputs |
//! | [`certify`] | from the trail of a search to a certificate |
//! | [`search`] | branch and bound on input boxes |
//! | [`backend`] | mixed-integer programs and z3, checked |
//! | [`attack`] | looking for counterexamples, and judging them |
//! | [`problem`] | a query compiled for a network |
//! | [`bound`] | sweeps: interval, zonotope, backward, exact |
//! | [`ops`] | from a model's operators to a [`net::Network`] |
//! | [`net`] | affine maps and relus on flat vectors |
//! | [`kernel`] | matrix products and error terms |
//! | [`budget`], [`read`] | limits of a run; reading models and queries |
//!
//! Models, queries and exact numbers are the types of the crate `plimsoll_check`. ARCHITECTURE.md in the
//! repository has the arguments why bounds are sound.
//!
//! # Features
//!
//! `cli` (default) builds the command line; the library does not need it. `milp`, `highs` and `smt` add
//! [`backend`]s; no feature changes what a verdict means.

pub mod attack;
pub mod backend;
pub mod bound;
pub mod budget;
#[cfg(feature = "spec")]
pub mod case;
pub mod certify;
#[cfg(feature = "spec")]
pub mod gate;
#[cfg(feature = "second-decoder")]
mod import;
pub mod kernel;
pub mod net;
pub mod ops;
pub mod problem;
pub mod ranges;
pub mod read;
pub mod search;
#[cfg(feature = "spec")]
pub mod spec;
mod verify;

pub use backend::{Backend, Hole};
pub use plimsoll_check::{Error, Kind, Position};
pub use verify::{Observer, Options, Outcome, Reason, Semantics, Verdict, Verifier};
