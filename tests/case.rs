//! The safety case: statuses, forms, and what happens when files change.

#[path = "cli/program.rs"]
#[allow(dead_code)]
mod program;

use program::{Ran, Scratch, plimsoll, read};
use serde_json::Value;
use std::fs;

const HEAD: &str = r#"plimsoll = 1
id = "T"
title = "A heater"
owner = "me"
[model]
path = "heat.onnx"
runtime = "a runtime"
[assumption.A1]
text = "Scaling is done as written."
owner = "host"
until = 2028-01-01
[[input]]
name = "room"
unit = "C"
mean = 20
scale = 15
range = [5, 35]
assume = ["A1"]
[[input]]
name = "outside"
unit = "C"
mean = 10
scale = 30
range = [-20, 40]
assume = ["A1"]
[domain]
text = "A room."
uncovered = "Fires."
[output]
labels = ["power"]
[[requirement]]
id = "R-1"
text = "A cold room is heated."
severity = "hazardous"
[[requirement]]
id = "R-2"
text = "A mild room is heated."
severity = "minor"
[[property]]
id = "cold"
kind = "reach"
requirement = ["R-1"]
region = { room = [5, 14] }
ensure = "power > 0.95"
rationale = "r"
timeout = "60s"
"#;

const MILD: &str = r#"
[[property]]
id = "mild"
kind = "reach"
requirement = ["R-2"]
region = { room = [18.5, 20] }
ensure = "power > 0.2"
rationale = "r"
timeout = "60s"
"#;

struct Case(Scratch);

impl Case {
    fn new(name: &str, body: &str) -> Case {
        let scratch = Scratch::new(&format!("case-{name}"));
        scratch.file("heat.onnx", read("models/thermostat/heat.onnx"));
        scratch.file("spec.toml", format!("{HEAD}{body}"));
        Case(scratch)
    }

    fn run(&self, command: &str, more: &[&str]) -> Ran {
        let (spec, out) = (self.0.path("spec.toml"), self.0.path("out"));
        let mut args = vec![command, &spec, "--out", &out];
        args.extend(more);
        plimsoll(&args)
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.0.path(&format!("out/{name}"))).unwrap()
    }

    fn record(&self) -> Value {
        serde_json::from_str(&self.file("case.json")).unwrap()
    }

    /// Status and worst status of the goal about this, or of the top.
    fn goal(&self, about: Option<&str>) -> (String, String) {
        let record = self.record();
        let node = record["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|node| {
                node["kind"] == "goal"
                    && match about {
                        Some(about) => node["about"] == about,
                        None => node["id"] == record["root"],
                    }
            })
            .unwrap()
            .clone();
        let word = |key: &str| node[key].as_str().unwrap().to_string();
        (word("status"), word("worst"))
    }

    fn doubt(&self, id: &str) -> String {
        let record = self.record();
        let list = record["defeaters"].as_array().unwrap();
        let doubt = list.iter().find(|doubt| doubt["id"] == id).unwrap();
        doubt["status"].as_str().unwrap().to_string()
    }
}

fn words(status: &str, worst: &str) -> (String, String) {
    (status.to_string(), worst.to_string())
}

#[test]
fn what_is_proved_is_discharged_and_what_is_violated_is_defeated() {
    let without = HEAD.replace(
        "[[requirement]]\nid = \"R-2\"\ntext = \"A mild room is heated.\"\nseverity = \"minor\"\n",
        "",
    );
    let case = Case::new("good", "");
    case.0.file("spec.toml", &without);
    assert_eq!(case.run("check", &[]).code, 0);
    assert_eq!(case.run("case", &["--today", "2026-11-25"]).code, 0);
    assert_eq!(case.goal(None), words("discharged", "discharged"));
    let root = case.record()["nodes"][0].clone();
    assert_eq!(root["assumes"], serde_json::json!(["A-DEPLOYED", "A-MEANING", "A1"]));
    for (doubt, status) in [
        ("D-EMPTY", "refuted"),
        ("D-INTEG", "refuted"),
        ("D-TOOL", "refuted"),
        ("D-COVER", "refuted"),
        ("D-UNKNOWN", "refuted"),
        ("D-NORM", "assumed"),
        ("D-FLOAT", "open"),
        ("D-ODD", "residual"),
    ] {
        assert_eq!(case.doubt(doubt), status, "{doubt}");
    }
    // The review of an assumption is overdue: what rests on it is open.
    assert_eq!(case.run("case", &["--today", "2028-01-02"]).code, 0);
    assert_eq!(case.goal(None), words("open", "open"));

    let case = Case::new("bad", MILD);
    assert_eq!(case.run("check", &[]).code, 1);
    assert_eq!(case.run("case", &["--today", "2026-11-25"]).code, 0);
    assert_eq!(case.goal(Some("cold")), words("discharged", "discharged"));
    assert_eq!(case.goal(Some("mild")), words("defeated", "defeated"));
    assert_eq!(case.goal(Some("R-1")), words("discharged", "discharged"));
    assert_eq!(case.goal(Some("R-2")), words("defeated", "defeated"));
    assert_eq!(case.goal(None), words("open", "defeated"));
    let page = case.file("case.html");
    assert!(page.contains("something that it rests on was shown to be wrong"));
    assert!(case.file("case.ltac").contains("{defeated}"));
    assert!(case.file("case.gsn.yaml").contains("challenges: G"));
}

#[test]
fn what_is_undecided_stays_undeveloped() {
    let open = MILD
        .replace("power > 0.2", "power <= 1.0024")
        .replace("region = { room = [18.5, 20] }\n", "");
    let case = Case::new("open", &open);
    assert_eq!(case.run("check", &["--select", "mild", "--max-boxes", "1"]).code, 3);
    assert_eq!(case.run("case", &[]).code, 0);
    assert_eq!(case.goal(Some("mild")), words("open", "open"));
    // Never verified is open too.
    assert_eq!(case.goal(Some("cold")), words("open", "open"));
    assert_eq!(case.doubt("D-UNKNOWN"), "open");
    let node = case.record()["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|n| n["about"] == "mild")
        .unwrap()
        .clone();
    assert_eq!(node["undeveloped"], true);
    let signed = open.replace("rationale", "on_unknown = { allow = { owner = \"me\", until = 2099-01-01, reason = \"later\" } }\nrationale");
    let case = Case::new("signed", &signed);
    assert_eq!(case.run("check", &["--select", "mild", "--max-boxes", "1"]).code, 0);
    assert_eq!(case.run("case", &[]).code, 0);
    assert_eq!(case.goal(Some("mild")), words("residual", "residual"));
    assert!(case.file("case.html").contains("me until 2099-01-01"));
}

#[test]
fn code_4_files_changed() {
    let case = Case::new("stale", MILD);
    assert_eq!(case.run("status", &[]).code, 2, "no results yet");
    assert_eq!(case.run("check", &[]).code, 1);
    let ran = case.run("status", &["--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let found = ran.json();
    assert_eq!((&found["properties"][0]["accepted"], &found["stale"]), (&1.into(), &false.into()));

    // A word of a comment changes nothing; a region does, for its property alone.
    let text = format!("{HEAD}{MILD}");
    case.0.file("spec.toml", format!("# hello\n{text}"));
    assert_eq!(case.run("status", &[]).code, 0);
    case.0.file("spec.toml", text.replace("[5, 14]", "[5, 13.5]"));
    let ran = case.run("status", &["--json"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(ran.json()["properties"][0]["state"], "stale");
    assert_eq!(ran.json()["properties"][1]["state"], "fresh");
    assert_eq!(case.run("case", &[]).code, 4);
    assert_eq!(case.goal(Some("cold")), words("stale", "stale"));
    assert_eq!(case.goal(None).0, "stale");
    case.0.file("spec.toml", &text);

    // An edited certificate, and one of another query.
    let path = case.0.path("out/cold.plim");
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    let at = bad.len() - 20;
    bad[at] ^= 1;
    fs::write(&path, &bad).unwrap();
    let ran = case.run("status", &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("changed after the run"), "{ran:?}");
    fs::write(&path, &good).unwrap();
    assert_eq!(case.run("status", &[]).code, 0);

    // A counterexample that is none.
    let results = case.0.path("out/results.json");
    let record = fs::read_to_string(&results).unwrap();
    let mut edited: Value = serde_json::from_str(&record).unwrap();
    let inputs = &mut edited["properties"][1]["parts"][0]["counterexample"]["inputs"];
    inputs[0]["model"] = "-0.05".into();
    inputs[1]["model"] = "-1".into();
    fs::write(&results, edited.to_string()).unwrap();
    let ran = case.run("status", &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("does not violate"), "{ran:?}");
    // Words that nothing backs: a certificate that is not there, a verdict that no query has.
    let forge = |change: &dyn Fn(&mut Value)| {
        let mut edited: Value = serde_json::from_str(&record).unwrap();
        change(&mut edited);
        fs::write(&results, edited.to_string()).unwrap();
        let code = case.run("status", &[]).code;
        assert_eq!(case.run("case", &[]).code, code);
        code
    };
    assert_eq!(forge(&|_| ()), 0);
    assert_eq!(forge(&|r| r["properties"][0]["parts"][0]["certificate"] = Value::Null), 4);
    assert_eq!(forge(&|r| r["properties"][1]["verdict"] = "holds".into()), 4);
    assert_eq!(
        forge(&|r| {
            r["properties"][1]["verdict"] = "holds".into();
            r["properties"][1]["proof"] = "valid".into();
            let part = &mut r["properties"][1]["parts"][0];
            part["verdict"] = "holds".into();
            part["proof"] = "valid".into();
        }),
        4
    );
    assert_eq!(forge(&|r| r["properties"][1]["verdict"] = "<script>".into()), 4);
    assert!(!case.file("case.html").contains("<script"));
    assert_eq!(
        forge(&|r| {
            let other = r["properties"][0]["parts"][0]["certificate"].clone();
            let part = &mut r["properties"][1]["parts"][0];
            part["verdict"] = "holds".into();
            part["proof"] = "valid".into();
            part["certificate"] = other;
            r["properties"][1]["verdict"] = "holds".into();
            r["properties"][1]["proof"] = "valid".into();
        }),
        4
    );
    // Results that name a file outside of their folder.
    fs::write(&results, record.replace("\"cold.plim\"", "\"../out/cold.plim\"")).unwrap();
    assert_eq!(case.run("status", &[]).code, 4);
    // Half of them, or another format.
    fs::write(&results, &record[..record.len() / 2]).unwrap();
    assert_eq!(case.run("status", &[]).code, 2);
    fs::write(&results, record.replace("plimsoll.check/1", "plimsoll.check/9")).unwrap();
    assert_eq!(case.run("case", &[]).code, 2);
    fs::write(&results, &record).unwrap();

    // One byte of the model: a weight near its end.
    let model = case.0.path("heat.onnx");
    let whole = fs::read(&model).unwrap();
    let weights = (0..whole.len() - 1).rev().step_by(7);
    let mut told = false;
    for at in weights.take(40) {
        let mut other = whole.clone();
        other[at] ^= 1;
        fs::write(&model, &other).unwrap();
        let ran = case.run("status", &["--json"]);
        assert_eq!(ran.code, 4, "byte {at}: {ran:?}");
        told |= ran.json()["properties"][0]["state"] == "stale";
    }
    assert!(told, "some of the changed models can be read");
}

#[test]
fn a_pinned_model_that_changed_falls_on_the_page() {
    let case = Case::new("pinned", "");
    let model = read("models/thermostat/heat.onnx");
    let pin = format!("path = \"heat.onnx\"\nsha256 = \"{}\"", plimsoll::read::sha256(&model));
    case.0.file("spec.toml", HEAD.replace("path = \"heat.onnx\"", &pin));
    assert_eq!(case.run("check", &[]).code, 0);
    // The first weight whose change leaves a model.
    let mut other = model.clone();
    let at = model.windows(9).position(|bytes| bytes.iter().all(|b| *b > 0x30)).unwrap_or(200) + 4;
    for place in at..model.len() {
        other = model.clone();
        other[place] ^= 2;
        if plimsoll::read::model_bytes(other.clone().into()).is_ok() {
            break;
        }
    }
    case.0.file("heat.onnx", &other);
    assert_eq!(case.run("check", &[]).code, 2);
    let ran = case.run("status", &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(case.run("case", &[]).code, 4);
    assert_eq!(case.goal(Some("cold")).0, "stale");
    assert!(case.file("case.html").contains("the model changed"));
}

#[test]
fn hostile_words_stay_words() {
    let evil =
        "</p><script>alert(1)</script>\\\"]]>--> `x` {defeated} (y) : ^G1 | end\\nG9: {text: x}";
    let text = format!("{HEAD}{MILD}")
        .replace("A mild room is heated.", evil)
        .replace("title = \"A heater\"", &format!("title = \"{evil}\""))
        .replace("rationale = \"r\"", &format!("rationale = \"{evil}\"\ntext = \"{evil}\""))
        .replace("labels = [\"power\"]", &format!("labels = [\"{evil}\"]"))
        .replace("power > 0.95", "true or room > 0")
        .replace("power > 0.2", "room > 19");
    let case = Case::new("hostile", "");
    case.0.file("spec.toml", &text);
    let ran = case.run("check", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(case.run("case", &[]).code, 0);
    let page = case.file("case.html");
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    let record = case.record();
    let nodes = record["nodes"].as_array().unwrap().len();
    // As many lines as elements: nothing broke out of its own.
    let yaml = case.file("case.gsn.yaml");
    assert_eq!(yaml.lines().count(), nodes + 1, "{yaml}");
    let ltac = case.file("case.ltac");
    assert!(ltac.lines().all(|line| line.trim_start().starts_with("- ")), "{ltac}");
    assert_eq!(ltac.matches("{defeated}").count(), 2, "{ltac}");
    let markdown = case.file("case.md");
    assert!(!markdown.contains("<script"));
    let start = markdown.find("```mermaid").unwrap();
    let diagram = &markdown[start..start + markdown[start + 5..].find("```\n").unwrap() + 5];
    assert!(diagram.lines().skip(2).all(|line| line.starts_with("  ")), "{diagram}");
}

#[test]
fn the_same_results_give_the_same_bytes() {
    let case = Case::new("same", MILD);
    assert_eq!(case.run("check", &[]).code, 1);
    let mut before = Vec::new();
    for _ in 0..2 {
        assert_eq!(case.run("case", &["--today", "2026-11-25"]).code, 0);
        let files: Vec<String> =
            ["case.json", "case.html", "case.md", "case.gsn.yaml", "case.ltac"]
                .iter()
                .map(|name| case.file(name))
                .collect();
        if !before.is_empty() {
            assert_eq!(before, files);
        }
        before = files;
    }
}
