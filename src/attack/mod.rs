//! Looking for counterexamples: sampling, corners, projected gradient descent; and judging them.
//!
//! Searching is done in float64 on the lowered network and proves nothing. What it finds is handed to
//! [`replay`], which alone decides.

mod pgd;
pub mod replay;

pub use pgd::{Plan, Seeker, attack, descend};
pub use replay::{Counterexample, Judgement, judge, judge_exact};
