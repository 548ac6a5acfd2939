//! Writes into the program where the solvers' shared libraries lie, so that it finds them when it runs.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PLIMSOLL_SOLVER_LIBS");
    let wanted = ["CARGO_FEATURE_HIGHS", "CARGO_FEATURE_SMT"];
    if wanted.iter().any(|feature| env::var_os(feature).is_some()) {
        let folders = env::var_os("PLIMSOLL_SOLVER_LIBS").unwrap_or_default();
        for folder in env::split_paths(&folders) {
            println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
        }
    }
}
