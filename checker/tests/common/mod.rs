//! Where tests find the benchmarks, and what is in them.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

/// The folder of benchmarks: the variable `PLIMSOLL_BENCH`, or `shared/bench` beside the sources; a note
/// and `None` where it is missing.
pub fn bench() -> Option<PathBuf> {
    let folder = match std::env::var_os("PLIMSOLL_BENCH") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/bench"),
    };
    let found = folder.join("instances.csv").exists();
    if !found {
        println!("skipped: no benchmarks in {}", folder.display());
    }
    found.then_some(folder)
}

/// A row of a list of instances; paths are relative to the folder of benchmarks.
pub struct Instance {
    pub family: String,
    pub model: String,
    pub spec: String,
    /// The reference answer; in `spec_edge` what is expected.
    pub reference: String,
}

/// All instances, those of `spec_edge` last.
pub fn instances(folder: &Path) -> Vec<Instance> {
    let mut all = Vec::new();
    for (list, prefix) in [("instances.csv", ""), ("spec_edge/instances.csv", "spec_edge/")] {
        let text = std::fs::read_to_string(folder.join(list)).expect(list);
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            all.push(Instance {
                family: fields[0].to_string(),
                model: format!("{prefix}{}", fields[1]),
                spec: format!("{prefix}{}", fields[2]),
                reference: fields[4].to_string(),
            });
        }
    }
    all
}
