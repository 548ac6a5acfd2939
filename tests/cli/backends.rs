//! `--backend` and `--smtlib`.

use crate::program::{HOLDS, Scratch, VIOLATED, plimsoll};

#[test]
fn every_back_end_answers_or_says_what_is_missing() {
    for (way, built) in [
        ("auto", true),
        ("bab", true),
        ("milp", cfg!(feature = "milp")),
        ("smt", cfg!(feature = "smt")),
        ("portfolio", true),
    ] {
        for ([model, spec], code, verdict) in [(HOLDS, 0, "holds"), (VIOLATED, 1, "violated")] {
            let ran = plimsoll(&["verify", model, spec, "--json", "--backend", way]);
            let document = ran.json();
            if built {
                assert_eq!(ran.code, code, "{way}: {ran:?}");
                assert_eq!(document["verdict"], verdict, "{way}");
            } else {
                assert_eq!(ran.code, 2, "{way}: {ran:?}");
                assert_eq!(document["error"]["kind"], "unsupported-query");
                let help = document["error"]["help"].as_str().unwrap();
                assert!(help.contains(&format!("--features {way}")), "{help}");
            }
        }
    }
    assert_eq!(plimsoll(&["verify", HOLDS[0], HOLDS[1], "--backend", "oracle"]).code, 2);
}

#[test]
fn what_z3_alone_says_is_marked() {
    if !cfg!(feature = "smt") {
        return;
    }
    let ran = plimsoll(&["verify", HOLDS[0], HOLDS[1], "--backend", "smt"]);
    assert!(ran.stdout.contains("decided by smt (z3), no certificate"), "{ran:?}");
    let document = plimsoll(&["verify", HOLDS[0], HOLDS[1], "--backend", "smt", "--json"]).json();
    assert_eq!(document["holes"][0]["kind"], "smt");
    assert_eq!(document["holes"][0]["digest"].as_str().unwrap().len(), 64);
}

#[test]
fn the_query_is_written_as_smt_lib() {
    let scratch = Scratch::new("smtlib");
    let path = scratch.path("query.smt2");
    let ran = plimsoll(&["verify", VIOLATED[0], VIOLATED[1], "--smtlib", &path]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("(set-logic QF_LRA)\n(declare-const X_0 Real)"), "{text}");
    assert!(text.contains("(<= (+ Y_0 (- 0.2)) 0.0)") && text.ends_with("(check-sat)\n"), "{text}");
    let opened = text.matches('(').count();
    assert_eq!(opened, text.matches(')').count());
}
