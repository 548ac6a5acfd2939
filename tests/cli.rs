//! What a user of the command line sees: the built program, run on the examples and on broken input.

#[path = "cli/backends.rs"]
mod backends;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/forms.rs"]
mod forms;
#[path = "cli/limits.rs"]
mod limits;
#[path = "cli/looks.rs"]
mod looks;
#[path = "cli/onnx.rs"]
mod onnx;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/standard.rs"]
mod standard;
#[path = "cli/suites.rs"]
mod suites;
