//! The gate as a pipeline sees it: exit codes, what is kept, what is refused.

#[path = "cli/program.rs"]
#[allow(dead_code)]
mod program;

use program::{Scratch, command, plimsoll, read};
use serde_json::Value;
use std::fs;
use std::path::Path;

const HEAD: &str = r#"plimsoll = 1
id = "T"
[model]
path = "heat.onnx"
[[input]]
name = "room"
unit = "C"
mean = 20
scale = 15
range = [5, 35]
[[input]]
name = "outside"
unit = "C"
mean = 10
scale = 30
range = [-20, 40]
[output]
labels = ["power"]
[[requirement]]
id = "R-1"
text = "It heats."
severity = "hazardous"
"#;

const HOLDS: &str = r#"
[[property]]
id = "cold"
kind = "reach"
requirement = ["R-1"]
region = { room = [5, 14] }
ensure = "power > 0.95"
timeout = "60s"
rationale = "r"
"#;

const VIOLATED: &str = r#"
[[property]]
id = "mild"
kind = "reach"
requirement = ["R-1"]
region = { room = [18.5, 20] }
ensure = "power > 0.2"
timeout = "60s"
rationale = "r"
"#;

/// A specification in a folder of its own, with the model beside it.
struct Case {
    scratch: Scratch,
}

impl Case {
    fn new(name: &str, body: &str) -> Case {
        let scratch = Scratch::new(&format!("gate-{name}"));
        scratch.file("heat.onnx", read("models/thermostat/heat.onnx"));
        scratch.file("spec.toml", format!("{HEAD}{body}"));
        Case { scratch }
    }

    fn out(&self) -> String {
        self.scratch.path("out")
    }

    fn check(&self, more: &[&str]) -> program::Ran {
        let (spec, out) = (self.scratch.path("spec.toml"), self.out());
        let mut args = vec!["check", &spec, "--out", &out, "--today", "2026-11-25"];
        args.extend(more);
        plimsoll(&args)
    }

    fn results(&self) -> Value {
        serde_json::from_slice(&fs::read(self.out() + "/results.json").unwrap()).unwrap()
    }
}

/// An undecided property: the box is split less often than it takes.
fn undecided(on_unknown: &str) -> String {
    // Exactly the greatest value of the power over the box, so that no bound decides it soon.
    format!(
        r#"
[[property]]
id = "open"
kind = "reach"
requirement = ["R-1"]
ensure = "power <= 1.0024"
timeout = "60s"
rationale = "r"
{on_unknown}
"#
    )
}

#[test]
fn code_0_all_hold() {
    let case = Case::new("holds", HOLDS);
    let ran = case.check(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("pass: 1 of 1 hold"), "{ran:?}");
    let results = case.results();
    assert_eq!(results["schema"], "plimsoll.check/1");
    assert_eq!(results["complete"], true);
    let part = &results["properties"][0]["parts"][0];
    assert_eq!((&part["verdict"], &part["proof"]), (&"holds".into(), &"valid".into()));
    for file in ["cold.vnnlib", "cold.plim"] {
        assert!(Path::new(&case.out()).join(file).is_file(), "{file}");
    }
    // A stranger verifies the archived text and gets the same.
    let (model, text) = (case.scratch.path("heat.onnx"), case.out() + "/cold.vnnlib");
    assert_eq!(plimsoll(&["verify", &model, &text]).code, 0);
}

#[test]
fn code_1_violated() {
    let case = Case::new("violated", &format!("{HOLDS}{VIOLATED}"));
    let ran = case.check(&["--format", "json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let results: Value = serde_json::from_str(&ran.stdout).unwrap();
    let point = &results["properties"][1]["parts"][0]["counterexample"];
    let number = |value: &Value| value["value"].as_str().unwrap().parse::<f64>().unwrap();
    assert!((18.5..=20.0).contains(&number(&point["inputs"][0])), "{point}");
    assert_eq!(point["inputs"][0]["unit"], "C");
    assert!(number(&point["outputs"][0]) <= 0.2);
    let script = fs::read_to_string(case.out() + "/mild.replay.py").unwrap();
    assert!(script.contains("temperatures") && script.contains("InferenceSession"));
    // Expected, it passes; and what is expected and does not come fails.
    let case =
        Case::new("expected", &VIOLATED.replace("rationale", "expect = \"violated\"\nrationale"));
    assert_eq!(case.check(&[]).code, 0);
    let case =
        Case::new("unexpected", &HOLDS.replace("rationale", "expect = \"violated\"\nrationale"));
    assert_eq!(case.check(&[]).code, 1);
}

#[test]
fn code_2_wrong_input() {
    // No properties, an unknown profile, a selection of nothing, a folder that cannot be written.
    let case = Case::new("empty", "");
    let ran = case.check(&["--format", "json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("no properties"), "{ran:?}");
    assert_eq!(ran.json()["findings"][0]["code"], "PL004");
    let case = Case::new("wrong", HOLDS);
    assert_eq!(case.check(&["--profile", "nightly"]).code, 2);
    assert_eq!(case.check(&["--select", "warm"]).code, 2);
    assert_eq!(case.check(&["--checker", "/no/such/program"]).code, 2);
    let file = case.scratch.file("file", "a file, not a folder");
    let ran = plimsoll(&["check", &case.scratch.path("spec.toml"), "--out", &file]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("cannot be written"), "{ran:?}");
}

#[test]
fn code_3_undecided_unless_somebody_signs() {
    let allow = |until: &str| {
        undecided(&format!(
            "on_unknown = {{ allow = {{ owner = \"me\", until = {until}, reason = \"later\" }} }}"
        ))
    };
    for (name, body, code, gate) in [
        ("fail", undecided(""), 3, "fail"),
        ("warn", undecided("on_unknown = \"warn\""), 0, "warn"),
        ("allow", allow("2026-11-25"), 0, "allowed"),
        ("expired", allow("2026-11-24"), 3, "fail"),
    ] {
        let case = Case::new(name, &body);
        let ran = case.check(&["--max-boxes", "1"]);
        assert_eq!(ran.code, code, "{name}: {ran:?}");
        let property = &case.results()["properties"][0];
        assert_eq!((&property["gate"], &property["verdict"]), (&gate.into(), &"unknown".into()));
        assert!(property["next"].as_str().unwrap().len() > 10, "says what to try: {property}");
        if name == "expired" {
            assert!(ran.stderr.contains("PL304"), "{ran:?}");
        }
        if name == "allow" {
            // Production accepts no allowance on a severe requirement, and wants pins.
            let ran = case.check(&["--max-boxes", "1", "--profile", "production"]);
            assert_eq!(ran.code, 2, "{ran:?}");
            let pin = format!(
                "path = \"heat.onnx\"\nsha256 = \"{}\"",
                plimsoll::read::sha256(&read("models/thermostat/heat.onnx"))
            );
            let text = format!("{HEAD}{body}").replace("path = \"heat.onnx\"", &pin);
            case.scratch.file("spec.toml", text);
            assert_eq!(case.check(&["--max-boxes", "1", "--profile", "production"]).code, 3);
            assert_eq!(case.check(&["--max-boxes", "1", "--profile", "staging"]).code, 0);
        }
    }
}

#[cfg(unix)]
#[test]
fn code_5_interrupted_and_what_is_proved_is_kept() {
    // Over the whole domain, a score stays below what is just above its greatest value: a long search.
    let whole = fs::read_to_string("specs/collision.toml").unwrap();
    let head = whole[..whole.find("[[property]]").unwrap()].to_string();
    let first = whole[whole.find("[[property]]").unwrap()..].split("[[property]]").nth(1).unwrap();
    let long = "id = \"long\"\nkind = \"reach\"\nrequirement = [\"SR-3\"]\nensure = \"clear <= 0.2\"\n\
                timeout = \"10m\"\nrationale = \"r\"\n";
    let scratch = Scratch::new("gate-interrupted");
    scratch.file("avoid.onnx", read("models/collision/avoid.onnx"));
    let head = head.replace("../models/collision/avoid.onnx", "avoid.onnx");
    let spec = scratch.file("spec.toml", format!("{head}[[property]]{first}[[property]]\n{long}"));
    let out = scratch.path("out");
    let mut child =
        command(&["check", &spec, "--out", &out, "--progress", "never"]).spawn().unwrap();
    let begun = Path::new(&out).join("long.vnnlib");
    for _ in 0..2400 {
        if begun.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(begun.exists(), "the second property is at work");
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(5));
    let results = || -> Value {
        serde_json::from_slice(&fs::read(format!("{out}/results.json")).unwrap()).unwrap()
    };
    assert_eq!(results()["complete"], false);
    assert_eq!(results()["code"], 5);
    assert_eq!(results()["properties"][1]["parts"][0]["reason"], "interrupted");
    let ran = plimsoll(&["check", &spec, "--out", &out, "--max-boxes", "1"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(results()["properties"][0]["parts"][0]["kept"], true);
}

#[cfg(unix)]
#[test]
fn code_6_a_certificate_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let case = Case::new("refused", HOLDS);
    let script = case.scratch.file("refuses", "#!/bin/sh\necho 'invalid  at the root'\nexit 1\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = case.check(&["--checker", &script]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.stderr.contains("at the root") && !ran.stdout.contains("holds"), "{ran:?}");
    // A real one of another build is believed.
    let script = case.scratch.file("accepts", "#!/bin/sh\necho 'valid'\nexit 0\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(case.check(&["--checker", &script]).code, 0);
    assert_eq!(case.results()["checker"], "accepts");
}

#[test]
fn proofs_are_kept_and_changed_ones_are_not() {
    let case = Case::new("kept", HOLDS);
    assert_eq!(case.check(&[]).code, 0);
    let kept = || case.results()["properties"][0]["parts"][0]["kept"] == true;
    assert!(!kept());
    assert_eq!(case.check(&[]).code, 0);
    assert!(kept());
    assert_eq!(case.check(&["--fresh"]).code, 0);
    assert!(!kept());
    // An edited certificate is proved again.
    let path = case.out() + "/cold.plim";
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 0x10;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(case.check(&[]).code, 0);
    assert!(!kept());
    assert_eq!(case.check(&[]).code, 0);
    assert!(kept());
    // Results that were written halfway are said to be so, and not used.
    let results = case.out() + "/results.json";
    let text = fs::read_to_string(&results).unwrap();
    fs::write(&results, &text[..text.len() / 2]).unwrap();
    let ran = case.check(&[]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("halfway") && !kept(), "{ran:?}");
    // Another region is another query.
    let text = format!("{HEAD}{HOLDS}").replace("[5, 14]", "[5, 13]");
    case.scratch.file("spec.toml", text);
    assert_eq!(case.check(&[]).code, 0);
    assert!(!kept());
}

#[test]
fn profiles_refuse_what_says_nothing() {
    let pin = format!(
        "path = \"heat.onnx\"\nsha256 = \"{}\"",
        plimsoll::read::sha256(&read("models/thermostat/heat.onnx"))
    );
    let case = Case::new("vacuous", "");
    let body = HOLDS.replace("power > 0.95", "room <= 14");
    let text = format!("{HEAD}{body}").replace("path = \"heat.onnx\"", &pin);
    case.scratch.file("spec.toml", &text);
    let ran = case.check(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(case.results()["properties"][0]["vacuous"], true);
    assert_eq!(case.check(&["--profile", "production"]).code, 3);
    let minor = format!("{text}\n[profile.lax]\nmin_severity = \"catastrophic\"\n");
    case.scratch.file("spec.toml", minor.replace("room <= 14", "power > 2"));
    assert_eq!(case.check(&[]).code, 1);
    assert_eq!(case.check(&["--profile", "lax"]).code, 0);
    assert_eq!(case.results()["properties"][0]["gate"], "ignored");
}

#[test]
fn a_part_of_the_properties_keeps_what_is_known_of_the_others() {
    let case = Case::new("select", &format!("{HOLDS}{VIOLATED}"));
    assert_eq!(case.check(&[]).code, 1);
    assert_eq!(case.check(&["--select", "mild"]).code, 1);
    assert_eq!(case.results()["properties"].as_array().unwrap().len(), 1);
    assert_eq!(case.check(&[]).code, 1);
    assert_eq!(case.results()["properties"][0]["parts"][0]["kept"], true);
}

#[test]
fn every_form_is_well_formed_with_hostile_words() {
    let evil = "</testcase><script>alert(1)</script> %0A::error::x | \\\" ]]>";
    let body = format!("{HOLDS}{VIOLATED}{}", undecided("on_unknown = \"warn\""))
        .replace("kind =", &format!("text = '''{evil}'''\nkind ="));
    let case = Case::new("hostile", &body);
    let report = case.scratch.path("report.xml");
    let form = format!("junit={report}");
    let ran = case.check(&["--max-boxes", "1", "--format", "sarif", "--report", &form]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let sarif: Value = serde_json::from_str(&ran.stdout).unwrap();
    let found = &sarif["runs"][0]["results"];
    let rules: Vec<&str> =
        found.as_array().unwrap().iter().map(|found| found["ruleId"].as_str().unwrap()).collect();
    assert_eq!(rules, ["PV002", "PV001", "PV004"]);
    assert!(
        found[0]["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64() > Some(20)
    );
    let junit = fs::read_to_string(&report).unwrap();
    assert!(!junit.contains("<script"), "{junit}");
    assert_eq!(junit.matches("<testcase ").count(), 3);
    assert_eq!(junit.matches("<failure ").count(), 2);
    assert_eq!(junit.matches("<skipped ").count(), 1);
    let events = case.scratch.path("events.jsonl");
    let ran = case.check(&["--max-boxes", "1", "--format", "github", "--events", &events]);
    let events: Vec<Value> = fs::read_to_string(&events)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 7);
    assert_eq!((&events[6]["event"], &events[6]["code"]), (&"gate_finished".into(), &1.into()));
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines.iter().all(|line| line.starts_with("::")), "{ran:?}");
    assert!(lines[0].starts_with("::error file="), "the worst first: {ran:?}");
    let ran = case.check(&["--max-boxes", "1", "--format", "markdown"]);
    assert!(!ran.stdout.contains("<script"), "{ran:?}");
}

#[test]
fn examples_end_as_they_say() {
    for (name, profile, code) in [
        ("thermostat", "production", 0),
        ("thermostat-draft", "dev", 1),
        ("thermostat-gate", "dev", 1),
        ("thermostat-gate", "staging", 0),
        ("collision", "production", 0),
        ("collision-scores", "staging", 0),
        ("collision-legacy", "production", 0),
        ("collision-formulas", "staging", 0),
        ("digits", "production", 0),
        ("digits-array", "staging", 0),
        ("digits-wide", "staging", 0),
    ] {
        let scratch = Scratch::new(&format!("gate-example-{name}-{profile}"));
        let spec = format!("specs/{name}.toml");
        let out = scratch.path("out");
        let flags = ["check", &spec, "--out", &out, "--profile", profile, "--today", "2026-11-25"];
        let ran = plimsoll(&flags);
        assert_eq!(ran.code, code, "{name}: {ran:?}");
        assert_eq!(plimsoll(&["status", &spec, "--out", &out]).code, 0, "{name}");
        assert_eq!(
            plimsoll(&["case", &spec, "--out", &out, "--today", "2026-11-25"]).code,
            0,
            "{name}"
        );
    }
}

#[test]
fn what_holds_without_a_certificate_is_undecided() {
    let case = Case::new("unchecked", HOLDS);
    assert_eq!(case.check(&[]).code, 0);
    let path = case.out() + "/results.json";
    let record = plimsoll::gate::results::Results::read(&fs::read(&path).unwrap()).unwrap();
    let spec = case.scratch.path("spec.toml");
    let Ok((world, _)) = plimsoll::spec::World::load(Path::new(&spec)) else { panic!() };
    let mut found = record.properties[0].clone();
    plimsoll::gate::aggregate(&world.spec.properties[0], &mut found);
    assert_eq!(found.word(), "holds");
    found.parts[0].proof = "none".into();
    found.parts[0].certificate = None;
    found.parts[0].unchecked = Some("for a test".into());
    plimsoll::gate::aggregate(&world.spec.properties[0], &mut found);
    assert_eq!((found.word(), found.verdict.as_str()), ("unchecked", "holds"));
    assert!(found.why.contains("unchecked: for a test"));
    // The case takes such a record for what it is: nothing is shown.
    let mut record = record;
    record.properties[0] = found;
    fs::write(&path, record.to_text()).unwrap();
    assert_eq!(plimsoll(&["case", &spec, "--out", &case.out()]).code, 0);
    let text = fs::read_to_string(case.out() + "/case.json").unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    let goal = written["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["kind"] == "goal" && node["about"] == "cold")
        .unwrap();
    assert_eq!((&goal["status"], &goal["undeveloped"]), (&"open".into(), &true.into()));
}
