//! Limits on a run: a deadline and a flag that ends it early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a run may use. Cheap to clone; clones share the flag.
#[derive(Debug, Clone)]
pub struct Budget {
    started: Instant,
    deadline: Option<Instant>,
    cancelled: Arc<AtomicBool>,
}

impl Budget {
    /// A budget that starts now and ends after `limit`, if there is one.
    pub fn new(limit: Option<Duration>) -> Budget {
        let started = Instant::now();
        Budget {
            started,
            deadline: limit.and_then(|limit| started.checked_add(limit)),
            cancelled: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The same budget with another flag, which others may hold and raise.
    pub fn with_flag(mut self, flag: Arc<AtomicBool>) -> Budget {
        self.cancelled = flag;
        self
    }

    /// Ends the run at the next poll.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether the run must end now.
    pub fn is_exhausted(&self) -> bool {
        self.is_cancelled() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time left; `None` if there is no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}
