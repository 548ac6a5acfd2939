//! Every model of the benchmarks is lowered, or refused by name.

use plimsoll::Kind;
use plimsoll::ops::lower;
use plimsoll::read;
use std::path::PathBuf;
use std::time::Instant;

#[test]
fn models_are_lowered_or_refused_by_name() {
    let folder = std::env::var_os("PLIMSOLL_BENCH").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/bench")),
        PathBuf::from,
    );
    let Ok(families) = std::fs::read_dir(&folder) else {
        println!("there are no benchmarks at {}", folder.display());
        return;
    };
    let mut paths: Vec<PathBuf> = families
        .filter_map(|family| std::fs::read_dir(family.ok()?.path().join("onnx")).ok())
        .flat_map(|models| models.filter_map(|model| Some(model.ok()?.path())))
        .collect();
    paths.sort();
    let (mut lowered, mut refused) = (0, 0);
    for path in &paths {
        let name = path.strip_prefix(&folder).unwrap_or(path).display();
        let model = match read::model(path) {
            Ok(model) => model,
            Err(error) => {
                println!("{name}: not read: {error}");
                continue;
            }
        };
        let started = Instant::now();
        let result = lower(&model);
        let taken = started.elapsed().as_millis();
        match result {
            Ok(network) => {
                lowered += 1;
                assert_eq!(network.input_len(), model.input_count(), "{name}");
                assert_eq!(network.output_len(), model.output_count(), "{name}");
                let nodes = network.nodes.len();
                let work = network.multiply_adds;
                println!("{name}: {taken} ms, {nodes} nodes, {work} multiply-adds");
            }
            Err(error) => {
                refused += 1;
                assert!(matches!(error.kind, Kind::UnsupportedOperator | Kind::TooLarge));
                println!("{name}: refused after {taken} ms: {error}");
            }
        }
    }
    println!("{lowered} models lowered, {refused} refused");
    assert!(paths.is_empty() || lowered > refused);
}
