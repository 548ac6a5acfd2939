//! Deadlines, interruptions, progress, and readers that go away.

use crate::onnx::{tangle, tangled_question};
use crate::program::{HOLDS, Ran, Scratch, command, plimsoll};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn tangled(scratch: &Scratch) -> [String; 2] {
    [scratch.file("tangle.onnx", tangle()), scratch.file("tangle.vnnlib", tangled_question())]
}

/// Waits until a stream of events has this word.
#[cfg(unix)]
fn await_event(events: &str, word: &str) {
    let waiting = Instant::now();
    while !std::fs::read_to_string(events).unwrap_or_default().contains(word) {
        assert!(waiting.elapsed() < Duration::from_secs(60), "{word} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_timeout_is_unknown_and_on_time() {
    let scratch = Scratch::new("timeout");
    let [model, spec] = tangled(&scratch);
    let results = scratch.path("result.txt");
    let started = Instant::now();
    let args = ["verify", &model, &spec, "--timeout", "0.5", "--json", "--results", &results];
    let ran = plimsoll(&args);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let document = ran.json();
    assert_eq!(ran.code, 3);
    assert_eq!(document["verdict"], "unknown");
    assert_eq!(document["reason"], "timeout");
    assert_eq!(document["timeout_s"], 0.5);
    assert!(document["progress"]["share"].as_f64().unwrap() < 1.0);
    assert_eq!(std::fs::read_to_string(results).unwrap(), "timeout\n");
    let ran = plimsoll(&["verify", &model, &spec, "--timeout", "0.5"]);
    assert!(ran.stdout.starts_with("unknown"), "{ran:?}");
    assert!(ran.stdout.contains("try") && ran.stdout.contains("--timeout"), "{ran:?}");
}

#[test]
fn progress_is_shown_on_stderr_when_it_is_asked_for() {
    let scratch = Scratch::new("progress");
    let [model, spec] = tangled(&scratch);
    let shown = plimsoll(&["verify", &model, &spec, "--timeout", "2", "--progress", "always"]);
    assert!(shown.stderr.contains("of the region closed"), "{shown:?}");
    let silent = plimsoll(&["verify", &model, &spec, "--timeout", "0.5"]);
    assert_eq!(silent.stderr, "", "stderr is no terminal");
}

#[cfg(unix)]
#[test]
fn the_first_interruption_gives_an_answer() {
    let scratch = Scratch::new("interrupt");
    let [model, spec] = tangled(&scratch);
    let events = scratch.path("events.jsonl");
    let child = command(&["verify", &model, &spec, "--json", "--events", &events])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The search runs once it has reported progress.
    await_event(&events, "\"progress\"");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let started = Instant::now();
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(ran.json()["reason"], "interrupted");
    assert!(ran.json()["progress"]["boxes"].as_u64().unwrap() > 0);
    assert!(ran.stderr.contains("interrupted"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn the_second_interruption_ends_the_program() {
    let scratch = Scratch::new("killed");
    let spec = scratch.path("never.vnnlib");
    // Nobody ever writes into this pipe, so that reading it does not end.
    assert!(Command::new("mkfifo").arg(&spec).status().unwrap().success());
    let events = scratch.path("events.jsonl");
    let mut child = command(&["verify", HOLDS[0], &spec, "--events", &events])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    await_event(&events, "\"started\"");
    let id = child.id().to_string();
    let interrupt = || Command::new("kill").args(["-INT", &id]).status();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(interrupt().unwrap().success());
    while !said.next().unwrap().unwrap().contains("once more to end at once") {}
    assert!(interrupt().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command(&["verify", HOLDS[0], HOLDS[1]])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let ran: Ran = command(&["verify", HOLDS[0], HOLDS[1]]).stdout(full).output().unwrap().into();
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cannot be written"), "{ran:?}");
}
