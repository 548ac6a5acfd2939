//! Ctrl-C: the first asks for an answer with what is known, the second ends the process.

use super::terminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The shell's code for a process that SIGINT ended.
const KILLED: i32 = 130;

/// A flag that the first interruption (or request to terminate) raises.
///
/// Where no handler can be installed, the process ends at once instead.
pub fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    let _ = ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(KILLED);
        }
        terminal::eprint("\ninterrupted: answering with what is known; once more to end at once\n");
    });
    flag
}
