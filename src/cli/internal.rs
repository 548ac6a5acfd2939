//! What is said when Plimsoll itself fails.

use super::terminal;

/// Makes a panic read as what it is: a fault of Plimsoll, not of its input.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload();
        let message = what
            .downcast_ref::<&str>()
            .map(|text| (*text).to_string())
            .or_else(|| what.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_string());
        let place = panic.location().map(|at| format!("\n  --> {at}")).unwrap_or_default();
        terminal::eprint(&format!(
            "internal error: {message}{place}\n  \
             = note: this is a fault in plimsoll {}, not in your input; no verdict was given\n  \
             = help: please report it with the command line and, if you can, the model and the specification\n",
            env!("CARGO_PKG_VERSION")
        ));
    }));
}
