//! Specifications: what is refused and where, and that what is written means what was said.

#[path = "cli/program.rs"]
#[allow(dead_code)]
mod program;

use plimsoll::spec::expand::outputs_at;
use plimsoll::spec::linear::Atom;
use plimsoll::spec::{Language, World, expand};
use plimsoll::{Options, Verdict, Verifier};
use plimsoll_check::number::Rational;
use program::{Scratch, plimsoll, read};
use std::path::Path;
use std::time::Duration;

const EXAMPLES: [&str; 10] = [
    "specs/thermostat.toml",
    "specs/thermostat-draft.toml",
    "specs/collision.toml",
    "specs/collision-scores.toml",
    "specs/digits.toml",
    "specs/digits-wide.toml",
    "specs/thermostat-gate.toml",
    "specs/collision-legacy.toml",
    "specs/collision-formulas.toml",
    "specs/digits-array.toml",
];

const GOOD: &str = r#"plimsoll = 1
id = "T"
[model]
path = "heat.onnx"
[[input]]
name = "room"
mean = 20
scale = 15
range = [5, 35]
[[input]]
name = "outside"
mean = 10
scale = 30
range = [-20, 40]
[output]
labels = ["power"]
[[requirement]]
id = "R-1"
text = "It heats."
[[property]]
id = "cold"
kind = "reach"
requirement = ["R-1"]
region = { room = [5, 14] }
ensure = "power > 0.95"
rationale = "r"
timeout = "60s"
"#;

fn world(path: &str) -> World {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    match World::load(&path) {
        Ok((world, _)) => world,
        Err(refusal) => panic!("{}: {refusal:?}", path.display()),
    }
}

/// What lint says of a text: the code of its exit, its findings as `CODE:line`, and stderr.
fn lint(scratch: &Scratch, text: &str) -> (i32, Vec<String>, String) {
    let path = scratch.file("spec.toml", text);
    let ran = plimsoll(&["lint", &path, "--json", "--today", "2026-11-25"]);
    let document = ran.json();
    let found = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| format!("{}:{}", f["code"].as_str().unwrap(), f["line"]))
        .collect();
    let people = plimsoll(&["lint", &path, "--today", "2026-11-25"]);
    assert_eq!(people.code, ran.code);
    (ran.code, found, people.stderr)
}

#[test]
fn mistakes_are_named_with_their_place() {
    let scratch = Scratch::new("spec-bad");
    scratch.file("heat.onnx", read("models/thermostat/heat.onnx"));
    scratch.file("points.csv", "room,outside,label\n10,0,power\n12,1,powder\n99,0,0\n");
    scratch.file("ragged.csv", "10,0\n12\n");
    let set = |file: &str| {
        format!(
            "[[point]]\nid = \"set\"\nfile = \"{file}\"\n{}",
            "[[property]]\nid = \"cold\"\nkind = \"reach\"\n"
        )
    };
    assert_eq!(lint(&scratch, GOOD).0, 0, "{:?}", lint(&scratch, GOOD));
    let pin = format!("path = \"heat.onnx\"\nsha256 = \"{}\"", "0".repeat(64));
    let mut missed = Vec::new();
    let with_point =
        |file: &str| GOOD.replace("[[property]]\nid = \"cold\"\nkind = \"reach\"\n", &set(file));
    for (text, finding) in [
        (GOOD.replace("plimsoll = 1", "plimsoll = 2"), "PL001:1"),
        (GOOD.replace("plimsoll = 1\n", ""), "PL001:1"),
        (GOOD.replace("labels = [", "labels = "), "PL002:16"),
        (GOOD.replace("timeout =", "timout ="), "PL003:27"),
        (GOOD.replace("[output]", "[outputs]"), "PL003:15"),
        (GOOD.replace("\"60s\"", "true"), "PL004:27"),
        (GOOD.replace("[5, 14]", "\"cold\""), "PL007:24"),
        (GOOD.replace("[\"power\"]", "\"power\""), "PL004:16"),
        (GOOD.replace("\"reach\"", "\"reech\""), "PL004:22"),
        (GOOD.replace("id = \"cold\"", "id = \"../cold\""), "PL005:21"),
        (GOOD.replace("id = \"cold\"", "id = \"r-1\""), "PL005:21"),
        (GOOD.replace("[\"R-1\"]", "[\"R-2\"]"), "PL006:21"),
        (GOOD.replace("mean = 20", "mean = inf"), "PL007:7"),
        (GOOD.replace("mean = 20", "mean = 0x14"), "PL007:7"),
        (GOOD.replace("power > 0.95", "power >"), "PL020:25"),
        (GOOD.replace("power > 0.95", "powder > 0.95"), "PL210:25"),
        (GOOD.replace("power > 0.95", "power * room > 0.95"), "PL209:25"),
        (GOOD.replace("power > 0.95", "decision == power"), "PL216:25"),
        (GOOD.replace("path = \"heat.onnx\"", &pin), "PL101:4"),
        (GOOD.replace("heat.onnx", "cold.onnx"), "PL103:4"),
        (GOOD.replace("[\"power\"]", "[\"power\", \"more\"]"), "PL103:16"),
        (GOOD.replace("scale = 15", "scale = 0"), "PL104:8"),
        (GOOD.replace("[5, 35]", "[35, 5]"), "PL110:9"),
        (GOOD.replace("[5, 14]", "[4, 14]"), "PL202:21"),
        (GOOD.replace("room = [5, 14]", "rome = [5, 14]"), "PL210:24"),
        (GOOD.replace("\"reach\"", "\"monotone\""), "PL220:22"),
        (GOOD.replace("id = \"T\"", "semantics = \"float32\""), "PL220:2"),
        (GOOD.replace("ensure =", "where = [\"room + outside >= 1000\"]\nensure ="), "PL201:21"),
        (GOOD.replace("ensure =", "where = [\"power >= 0\"]\nensure ="), "PL210:25"),
        (with_point("nowhere.csv"), "PL116:22"),
        (with_point("points.csv"), "PL112:22"),
        (with_point("points.csv"), "PL113:22"),
        (with_point("ragged.csv"), "PL116:22"),
        (with_point("heat.onnx"), "PL116:22"),
    ] {
        let (code, found, people) = lint(&scratch, &text);
        if code != 2 || !found.iter().any(|f| f == finding) {
            missed.push(format!("{finding}: {code} {found:?}"));
            continue;
        }
        let code = &finding[..5];
        assert!(people.contains(&format!("error[{code}]")), "{finding}: {people}");
        assert_eq!(plimsoll(&["explain", code]).code, 0, "{code}");
        // The gate refuses it too.
        let (path, out) = (scratch.path("spec.toml"), scratch.path("out"));
        assert_eq!(plimsoll(&["check", &path, "--out", &out]).code, 2, "{finding}");
    }
    assert!(missed.is_empty(), "{missed:#?}");
    assert_eq!(plimsoll(&["lint", &scratch.path("none.toml")]).code, 2);
    assert_eq!(plimsoll(&["explain", "PL999"]).code, 2);
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let scratch = Scratch::new("spec-all");
    scratch.file("heat.onnx", read("models/thermostat/heat.onnx"));
    let text = GOOD
        .replace("timeout =", "timout =")
        .replace("scale = 30", "scale = -1")
        .replace("power > 0.95", "powr > 0.95")
        .replace("R-1\"\ntext", "R 1\"\ntext");
    let (_, found, people) = lint(&scratch, &text);
    for code in ["PL003", "PL104", "PL210", "PL005"] {
        assert!(found.iter().any(|finding| finding.starts_with(code)), "{code}: {found:?}");
    }
    assert!(people.contains("did you mean `timeout`?") && people.contains("did you mean `power`?"));
    let place = people.lines().position(|line| line.contains("powr > 0.95")).unwrap();
    let carets = people.lines().nth(place + 1).unwrap();
    assert!(carets.ends_with("^^^^"), "{people}");
}

#[test]
fn suspicions_are_warnings() {
    let scratch = Scratch::new("spec-warn");
    scratch.file("heat.onnx", read("models/thermostat/heat.onnx"));
    let mut missed = Vec::new();
    let add = |more: &str| format!("{GOOD}[[property]]\nid = \"more\"\nkind = \"reach\"\n{more}");
    for (text, code, worst) in [
        (GOOD.to_string(), "PL102", 0),
        (GOOD.replace("mean = 20", "mean = 200"), "PL105", 0),
        (GOOD.replace("scale = 15", "scale = 0.5"), "PL105", 0),
        (GOOD.replace("power > 0.95", "power > 0.95 or power <= 1"), "PL204", 0),
        (GOOD.replace("power > 0.95", "room >= 15"), "PL205", 0),
        (GOOD.replace("power > 0.95", "power < 0.5"), "PL206", 0),
        (GOOD.replace("power > 0.95", "power == 1"), "PL207", 0),
        (GOOD.replace("[\"R-1\"]", "[]").replace("rationale = \"r\"\n", ""), "PL301", 0),
        (GOOD.replace("[\"R-1\"]", "[]"), "PL302", 0),
        (GOOD.replace("timeout = \"60s\"\n", ""), "PL309", 0),
        (GOOD.replace("rationale = \"r\"\n", ""), "PL310", 0),
        (GOOD.to_string(), "PL222", 0),
        (add("region = { room = [5, 14] }\nensure = \"power > 0.95\"\n"), "PL217", 0),
        (add("region = { room = [13, 20] }\nensure = \"power <= 0.95\"\n"), "PL221", 2),
        (add("region = { room = [15, 20] }\nensure = \"power <= 0.95\"\n"), "PL301", 0),
        (
            format!("{GOOD}[assumption.A]\ntext = \"x\"\nowner = \"me\"\nuntil = 2020-01-01\n"),
            "PL405",
            0,
        ),
        (format!("{GOOD}[assumption.A]\ntext = \"x\"\nowner = \"me\"\n"), "PL408", 0),
        (format!("{GOOD}[assumption.A]\ntext = \"x\"\n"), "PL404", 2),
        (format!("{GOOD}[domain]\ntext = \"x\"\n"), "PL407", 0),
    ] {
        let (exit, found, _) = lint(&scratch, &text);
        if exit != worst || !found.iter().any(|finding| finding.starts_with(code)) {
            missed.push(format!("{code}: {exit} {found:?}"));
        }
        if code == "PL301" && text.contains("[15, 20]") {
            assert!(!found.iter().any(|finding| finding.starts_with("PL221")), "{found:?}");
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    let path = scratch.file("spec.toml", GOOD);
    assert_eq!(plimsoll(&["lint", &path, "--deny", "PL102"]).code, 2);
    assert_eq!(plimsoll(&["lint", &path, "--deny", "PL102", "--allow", "PL102"]).code, 0);
    assert_eq!(plimsoll(&["lint", &path, "--deny", "PL1"]).code, 2);
}

#[test]
fn what_is_written_means_what_was_said() {
    let mut rng = 1u64;
    let mut random = move || {
        rng = rng.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (rng >> 44) as i64
    };
    let (mut met_often, mut missed_often) = (0, 0);
    for path in EXAMPLES {
        let world = world(path);
        for property in &world.spec.properties {
            for language in [Language::One, Language::Two] {
                let expansion = expand(&world, property, language).unwrap();
                assert!(!expansion.parts.is_empty());
                for part in expansion.parts.iter().take(2) {
                    let query = plimsoll::read::query(part.text.as_bytes())
                        .unwrap_or_else(|error| panic!("{}: {error}\n{}", part.name, part.text));
                    query.matches(&world.graph).unwrap();
                    if part.region.is_empty() {
                        continue;
                    }
                    for _ in 0..60 {
                        let point: Vec<Rational> = part
                            .region
                            .iter()
                            .map(|(low, high)| {
                                // Beyond the faces too, and on them.
                                let share = Rational::from(random() % 14 - 2);
                                let tenth = Rational::parse_decimal("0.1").unwrap();
                                low + &(&(&share * &tenth) * &(high - low))
                            })
                            .collect();
                        let outputs = outputs_at(&world, &point).unwrap();
                        let physical: Vec<Rational> =
                            outputs.iter().map(|y| world.spec.output_physical(y)).collect();
                        let holds =
                            |atom: &Atom| atom.holds_at(&atom.form.value(&point, &physical));
                        let inside = point
                            .iter()
                            .zip(&part.region)
                            .all(|(x, (low, high))| x >= low && x <= high);
                        let said = inside
                            && part.constraints.iter().all(holds)
                            && part.unwanted.iter().any(|atoms| atoms.iter().all(holds));
                        let flat: Vec<Rational> = point
                            .iter()
                            .enumerate()
                            .map(|(at, value)| world.spec.to_model(at, value))
                            .collect();
                        let written = query.disjuncts.iter().any(|disjunct| {
                            query.regions[disjunct.region as usize].contains(&flat)
                                && disjunct
                                    .rows
                                    .iter()
                                    .all(|row| row.holds_at(&row.value(&flat, &outputs)))
                        });
                        assert_eq!(said, written, "{} {language:?}", part.name);
                        if said { met_often += 1 } else { missed_often += 1 }
                    }
                }
            }
        }
    }
    assert!(met_often > 20 && missed_often > 20, "{met_often} {missed_often}");
}

#[test]
fn both_languages_give_the_same_verdict() {
    let options =
        Options { timeout: Some(Duration::from_secs(60)), proof: true, ..Options::default() };
    for path in &EXAMPLES[..2] {
        let world = world(path);
        for property in &world.spec.properties {
            let verdicts = [Language::One, Language::Two].map(|language| {
                let expansion = expand(&world, property, language).unwrap();
                let query = plimsoll::read::query(expansion.parts[0].text.as_bytes()).unwrap();
                let outcome = Verifier::new(options.clone()).verify(&world.graph, &query).unwrap();
                match outcome.verdict {
                    Verdict::Holds => "holds",
                    Verdict::Violated(_) => "violated",
                    Verdict::Unknown(_) => "unknown",
                }
            });
            let expected = if property.id == "mild-room" { "violated" } else { "holds" };
            assert_eq!(verdicts, [expected; 2], "{}", property.id);
        }
    }
}

#[test]
fn numbers_without_a_decimal_are_multiplied_out() {
    let scratch = Scratch::new("spec-thirds");
    scratch.file("heat.onnx", read("models/thermostat/heat.onnx"));
    let text = GOOD
        .replace("scale = 15", "scale = 7")
        .replace("[5, 14]", "[\"16/3\", 14.1]")
        .replace("power > 0.95", "power / 3 > \"nothing\"");
    let path = scratch.file("spec.toml", text.replace(" > \"nothing\"", " - outside / 7 > -1e3"));
    let ran = plimsoll(&["expand", &path]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // (16/3 - 20) / 7 = -44/21.
    assert!(ran.stdout.contains("(>= (* 21.0 X[0,0]) -44.0)"), "{}", ran.stdout);
    assert!(
        !ran.stdout.lines().any(|l| l.starts_with("(assert") && l.contains('/')),
        "{}",
        ran.stdout
    );
    plimsoll::read::query(ran.stdout.as_bytes()).unwrap();
}

#[test]
fn a_first_specification_can_be_used() {
    let scratch = Scratch::new("spec-init");
    for (model, name) in [
        ("models/collision/avoid.onnx", "a"),
        ("models/digits/digits.onnx", "b"),
        ("models/thermostat/heat.onnx", "c"),
    ] {
        let path = scratch.path(&format!("{name}.toml"));
        let ran = plimsoll(&["init", model, "--out", &path]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(plimsoll(&["init", model, "--out", &path]).code, 2, "is not written over");
        let ran = plimsoll(&["lint", &path]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let ran = plimsoll(&["check", &scratch.path("c.toml"), "--out", &scratch.path("out")]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn labels_cannot_leave_a_comment_or_a_name() {
    let scratch = Scratch::new("spec-hostile");
    scratch.file("heat.onnx", read("models/thermostat/heat.onnx"));
    let evil = "x\\n(assert (>= X_0 99.0))";
    let text = GOOD
        .replace("labels = [\"power\"]", &format!("labels = [\"{evil}\"]"))
        .replace("power > 0.95", "true")
        .replace("ensure =", &format!("text = \"{evil}\"\nensure ="))
        .replace("room", "ro om")
        .replace("ro om = [", &format!("\"{evil}\" = ["))
        .replace("name = \"ro om\"", &format!("name = \"{evil}\"\nunit = \"{evil}\""));
    let path = scratch.file("spec.toml", text);
    let ran = plimsoll(&["expand", &path]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stdout.lines().any(|line| line.starts_with("(assert (>= X_0 99")), "{ran:?}");
}

#[test]
fn no_text_makes_the_reader_panic() {
    let mut state = 7u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let pieces = [
        "[[",
        "]]",
        "\"",
        "'",
        "=",
        "$",
        "(",
        ")",
        "argmax",
        "1e999999",
        "-",
        "é",
        "\u{0}",
        "{",
        "not ",
        "nan",
        "\\",
        "/0",
        "[0,0]",
        "same_as",
        "\n",
        "9999999999999999999999",
    ];
    let (mut wrong, mut right) = (0, 0);
    for round in 0..3000 {
        let mut text = read(EXAMPLES[round % EXAMPLES.len()]);
        for _ in 0..1 + random(4) {
            let at = random(text.len());
            let piece = pieces[random(pieces.len())].as_bytes();
            match random(3) {
                0 => drop(text.splice(at..at, piece.iter().copied())),
                1 => drop(text.splice(at..(at + 1 + random(40)).min(text.len()), [])),
                _ => text[at] = 32 + random(95) as u8,
            }
        }
        let text = String::from_utf8_lossy(&text);
        let (_, findings) = plimsoll::spec::read(&text);
        for finding in &findings {
            let span = finding.span.clone().unwrap_or(0..0);
            assert!(text.get(span.clone()).is_some(), "{span:?} of {}", finding.message);
        }
        if findings.is_empty() { right += 1 } else { wrong += 1 }
    }
    assert!(wrong > 100 && right > 100, "{wrong} {right}");
}
