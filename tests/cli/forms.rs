//! Verdicts in every form: words for people, JSON, the competition's, events, results files.

use crate::onnx;
use crate::program::{HOLDS, Scratch, VIOLATED, plimsoll, read};
use serde_json::Value;

/// The value of a decimal that is short enough for a float, as all here are.
fn float(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn every_example_has_its_expected_verdict() {
    let expected = String::from_utf8(read("specs/expected.csv")).unwrap();
    let mut rows = 0;
    for row in expected.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let (spec, model) = (format!("specs/{}", fields[0]), format!("specs/{}", fields[1]));
        let ran = plimsoll(&["verify", &model, &spec, "--json", "--timeout", "60"]);
        let document = ran.json();
        let (verdict, vacuous, code) = match fields[2] {
            "holds" => ("holds", false, 0),
            "holds-vacuous" => ("holds", true, 0),
            "violated" => ("violated", false, 1),
            other => panic!("{other}"),
        };
        assert_eq!(document["schema"], "plimsoll.verify/1");
        assert_eq!(document["verdict"], verdict, "{row}");
        assert_eq!(document["vacuous"], vacuous, "{row}");
        assert_eq!(document["semantics"], "real");
        assert_eq!(document["proof"], "none");
        assert_eq!(document["reason"], Value::Null);
        assert_eq!(ran.code, code, "{row}");
        assert_eq!(ran.stderr, "", "{row}");
        assert_eq!(document["counterexample"].is_object(), verdict == "violated");
        rows += 1;
    }
    assert_eq!(rows, 20);
}

#[test]
fn the_counterexample_lies_in_the_region_and_violates() {
    let document = plimsoll(&["verify", VIOLATED[0], VIOLATED[1], "--json"]).json();
    let found = &document["counterexample"];
    let inputs = found["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 2);
    assert!((-0.1..=0.0).contains(&float(&inputs[0])));
    assert!((-1.0..=1.0).contains(&float(&inputs[1])));
    assert!(float(&found["outputs"][0]) <= 0.2);
    assert_eq!(found["representable"], true);
    assert_eq!(found["real"]["violates"], true);
    assert_eq!(found["float32"]["violates"], true);
    assert!(float(&found["float32"]["outputs"][0]) <= 0.2);
    assert_eq!(found["constraints"][0]["text"], "Y_0 <= 0.2");
    assert!(float(&found["constraints"][0]["room"]) >= 0.0);
}

#[test]
fn people_are_told_what_was_found() {
    let violated = plimsoll(&["verify", VIOLATED[0], VIOLATED[1]]);
    assert_eq!(violated.code, 1);
    assert!(violated.stdout.starts_with("violated  under real semantics"), "{violated:?}");
    for part in ["X_0", "[-0.1, 0]", "executed in float32", "Y_0 <= 0.2"] {
        assert!(violated.stdout.contains(part), "{part}: {violated:?}");
    }
    let holds = plimsoll(&["verify", HOLDS[0], HOLDS[1]]);
    assert_eq!(holds.code, 0);
    assert!(holds.stdout.starts_with("holds  under real semantics"), "{holds:?}");
    assert!(holds.stdout.contains("no certificate"), "{holds:?}");
    assert!(!holds.stdout.contains("strategy"), "{holds:?}");
    let explained = plimsoll(&["verify", HOLDS[0], HOLDS[1], "--explain-strategy"]);
    assert!(explained.stdout.contains("strategy"), "{explained:?}");
    let quiet = plimsoll(&["verify", HOLDS[0], HOLDS[1], "-q"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("holds\n", ""));
}

#[test]
fn an_empty_region_holds_vacuously() {
    let model = "models/collision/avoid.onnx";
    let ran = plimsoll(&["verify", model, "specs/collision/empty_region.vnnlib"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("vacuous"), "{ran:?}");
}

#[test]
fn competitions_get_their_words_and_a_witness() {
    let scratch = Scratch::new("results");
    let results = scratch.path("result.txt");
    let written = || std::fs::read_to_string(&results).unwrap();

    let ran = plimsoll(&["verify", VIOLATED[0], VIOLATED[1], "--format", "vnncomp"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    let (word, witness) = ran.stdout.split_once('\n').unwrap();
    assert_eq!(word, "sat");
    assert!(witness.starts_with("((X_0 ") && witness.ends_with("))\n"), "{witness}");
    let pairs: Vec<&str> = witness.trim_matches(['(', ')', '\n']).split(")\n(").collect();
    let names: Vec<&str> = pairs.iter().map(|pair| pair.split_once(' ').unwrap().0).collect();
    assert_eq!(names, ["X_0", "X_1", "Y_0"]);
    assert!(pairs[2].split_once(' ').unwrap().1.parse::<f64>().unwrap() <= 0.2);

    let to_file = plimsoll(&["verify", VIOLATED[0], VIOLATED[1], "--results", &results]);
    assert!(to_file.stdout.starts_with("violated"));
    assert_eq!(written(), ran.stdout);
    assert_eq!(plimsoll(&["verify", HOLDS[0], HOLDS[1], "--results", &results]).code, 0);
    assert_eq!(written(), "unsat\n");
    let args = ["verify", HOLDS[0], HOLDS[1], "--semantics", "float32", "--results", &results];
    assert_eq!(plimsoll(&args).code, 3);
    assert_eq!(written(), "unknown\n");
    let args = ["verify", HOLDS[0], "no.vnnlib", "--format", "vnncomp", "--results", &results];
    let ran = plimsoll(&args);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, "error\n"));
    assert_eq!(written(), "error\n");
    let left: Vec<_> = std::fs::read_dir(scratch.path("")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside the file");
}

#[test]
fn a_counterexample_that_no_float_confirms_is_no_witness_for_a_competition() {
    let scratch = Scratch::new("third");
    let model = scratch.file("identity.onnx", onnx::product(1.0));
    // 0.1 is no float32: the only point of the region cannot be executed.
    let spec = scratch.file(
        "tenth.vnnlib",
        "(declare-const X_0 Real) (declare-const Y_0 Real)
         (assert (>= X_0 0.1)) (assert (<= X_0 0.1)) (assert (>= Y_0 0.1))",
    );
    let document = plimsoll(&["verify", &model, &spec, "--json"]).json();
    assert_eq!(document["verdict"], "violated");
    assert_eq!(document["counterexample"]["representable"], false);
    assert_eq!(document["counterexample"]["inputs"][0], "0.1");
    assert_eq!(document["counterexample"]["outputs"][0], "0.1");
    assert_eq!(document["counterexample"]["float32"], Value::Null);
    let ran = plimsoll(&["verify", &model, &spec, "--format", "vnncomp"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "unknown\n"));
    assert!(ran.stderr.contains("--semantics real"), "{ran:?}");
    let ran = plimsoll(&["verify", &model, &spec, "--format", "vnncomp", "--semantics", "real"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "sat\n((X_0 0.1)\n(Y_0 0.1))\n"));
}

#[test]
fn events_are_json_lines_that_end_with_the_result() {
    let scratch = Scratch::new("events");
    let file = scratch.path("events.jsonl");
    let model = "models/collision/avoid.onnx";
    let spec = "specs/collision/receding_is_clear.vnnlib";
    let lines = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let ran = plimsoll(&["verify", model, spec, "--events", &file]);
    assert!(ran.stdout.starts_with("holds"));
    let events = lines(&std::fs::read_to_string(&file).unwrap());
    assert!(events.iter().all(|event| event["schema"] == "plimsoll.event/1"));
    assert_eq!(events[0]["event"], "started");
    assert!(events[1..events.len() - 1].iter().all(|event| event["event"] == "progress"));
    assert!(events[1]["progress"]["boxes"].as_u64().unwrap() > 0);
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["exit"]), (&"finished".into(), &0.into()));
    assert_eq!(last["result"]["verdict"], "holds");

    let ran = plimsoll(&["verify", VIOLATED[0], VIOLATED[1], "--events", "-"]);
    assert_eq!(ran.code, 1);
    assert_eq!(lines(&ran.stdout).last().unwrap()["result"]["verdict"], "violated");
    let ran = plimsoll(&["verify", VIOLATED[0], "no.vnnlib", "--events", "-"]);
    let events = lines(&ran.stdout);
    assert_eq!(events.last().unwrap()["error"]["kind"], "io");
    assert_eq!(events.last().unwrap()["exit"], 2);
}

#[test]
fn float32_semantics_is_not_decided_yet() {
    let ran = plimsoll(&["verify", HOLDS[0], HOLDS[1], "--semantics", "float32", "--json"]);
    let document = ran.json();
    assert_eq!(ran.code, 3);
    assert_eq!(document["verdict"], "unknown");
    assert_eq!(document["semantics"], "float32");
    assert_eq!(document["reason"], "float-semantics");
    let ran = plimsoll(&["verify", HOLDS[0], HOLDS[1], "--semantics", "float32"]);
    assert!(ran.stdout.starts_with("unknown"), "{ran:?}");
    assert!(ran.stdout.contains("try"), "{ran:?}");
}
