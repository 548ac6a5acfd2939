//! Lists of queries: forms of the list, rows, resuming, and exit codes.

use crate::onnx::{tangle, tangled_question};
use crate::program::{HOLDS, Ran, Scratch, VIOLATED, plimsoll};
use std::fs;

const HEADER: &str = "model,spec,timeout_s,verdict,vacuous,reason,time_s,boxes,share,message";

/// An absolute path of a file in the repository, so that a list elsewhere can name it.
fn whole(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

fn row(instance: [&str; 2]) -> String {
    format!("{},{},20\n", whole(instance[0]), whole(instance[1]))
}

/// The verdicts of a file of results, in its order.
fn verdicts(path: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>().join(","), HEADER);
    reader.records().map(|row| row.unwrap()[3].to_string()).collect()
}

fn last_line(ran: &Ran) -> Vec<&str> {
    ran.stdout.lines().last().unwrap().split_whitespace().collect()
}

#[test]
fn the_examples_run_as_a_suite() {
    let scratch = Scratch::new("suite-examples");
    let csv = scratch.path("out.csv");
    let ran = plimsoll(&["suite", "specs/instances.csv", "--jobs", "2", "--csv", &csv]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(last_line(&ran)[..6], ["all", "20", "15", "5", "0", "0"]);
    assert_eq!(verdicts(&csv).len(), 20);
    let quiet = plimsoll(&["suite", "specs/expected.csv", "--cap", "20", "-q"]);
    assert_eq!(last_line(&quiet)[..6], ["all", "20", "15", "5", "0", "0"]);
    assert_eq!(quiet.stdout.lines().count(), 5, "a header, three families, the sum: {quiet:?}");
}

#[test]
fn nothing_that_happens_to_one_instance_ends_the_suite() {
    let scratch = Scratch::new("suite-mixed");
    let tangled = ["tangle.onnx", "tangle.vnnlib"];
    scratch.file(tangled[0], tangle());
    scratch.file(tangled[1], tangled_question());
    let list = scratch.file(
        "list.csv",
        format!(
            "family, onnx, vnnlib, timeout_s\nfirst,{}second,{},{},0.5\nsecond,no.onnx,no.vnnlib,1\n\
             second,\"[('f', 'a.onnx'), ('g', 'b.onnx')]\",q.vnnlib,1\nfirst,{}",
            row(HOLDS),
            tangled[0],
            tangled[1],
            row(VIOLATED)
        ),
    );
    let csv = scratch.path("out.csv");
    let ran = plimsoll(&["suite", &list, "--csv", &csv]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(verdicts(&csv), ["holds", "unknown", "error", "error", "violated"]);
    let text = fs::read_to_string(&csv).unwrap();
    for part in [",unknown,false,timeout,", ",error,false,io,", ",error,false,unsupported-query,"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let table: Vec<Vec<&str>> =
        lines[lines.len() - 3..].iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(table[0][..6], ["first", "2", "1", "1", "0", "0"]);
    assert_eq!(table[1][..6], ["second", "3", "0", "0", "1", "2"]);
    assert_eq!(table[2][..6], ["all", "5", "1", "1", "1", "2"]);
    let capped = plimsoll(&["suite", &list, "--cap", "0"]);
    assert_eq!(capped.code, 2);
}

#[test]
fn exit_codes_have_an_order() {
    let scratch = Scratch::new("suite-codes");
    scratch.file("tangle.onnx", tangle());
    scratch.file("tangle.vnnlib", tangled_question());
    let undecided = "tangle.onnx,tangle.vnnlib,0.2\n";
    for (rows, code) in [
        (row(HOLDS), 0),
        (row(HOLDS) + undecided, 3),
        (row(HOLDS) + undecided + &row(VIOLATED), 1),
        (row(VIOLATED) + "no.onnx,no.vnnlib,1\n", 2),
    ] {
        let list = scratch.file("list.csv", rows);
        assert_eq!(plimsoll(&["suite", &list]).code, code);
    }
}

#[test]
fn a_suite_goes_on_where_it_was_cut() {
    let scratch = Scratch::new("suite-resume");
    let list = scratch.file("list.csv", row(HOLDS) + &row(VIOLATED));
    let csv = scratch.path("out.csv");
    assert_eq!(plimsoll(&["suite", &list, "--csv", &csv, "--resume"]).code, 1, "no file yet");
    assert_eq!(verdicts(&csv), ["holds", "violated"]);

    // The first row says something that a run would not, and the second is cut.
    let text = fs::read_to_string(&csv).unwrap();
    let kept = text.replacen(",holds,", ",unknown,", 1);
    fs::write(&csv, &kept[..kept.len() - 9]).unwrap();
    let ran = plimsoll(&["suite", &list, "--csv", &csv, "--resume"]);
    assert_eq!(verdicts(&csv), ["unknown", "violated"], "{ran:?}");
    assert_eq!(last_line(&ran)[..6], ["all", "2", "0", "1", "1", "0"]);
    assert_eq!(ran.stdout.matches("[2/2]").count(), 1);
    assert!(!ran.stdout.contains("[1/2]"), "what is known is not run: {ran:?}");

    let again = plimsoll(&["suite", &list, "--csv", &csv]);
    assert_eq!(again.code, 1);
    assert_eq!(verdicts(&csv), ["holds", "violated"], "without --resume all is run again");
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let scratch = Scratch::new("suite-foreign");
    let list = scratch.file("list.csv", row(HOLDS));
    let before = fs::read(&list).unwrap();
    for flags in [&["--csv", list.as_str()][..], &["--csv", &list, "--resume"]] {
        let ran = plimsoll(&[&["suite", list.as_str()], flags].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert_eq!(fs::read(&list).unwrap(), before);
    }
}

#[test]
fn lists_that_cannot_be_read_are_refused_with_their_line() {
    let scratch = Scratch::new("suite-lists");
    for (text, place) in [
        ("a.onnx,b.vnnlib,soon\n", ":1:1"),
        ("model,spec\na.onnx,b.vnnlib\na.onnx\n", ":3:1"),
        ("", ""),
    ] {
        let list = scratch.file("list.csv", text);
        let ran = plimsoll(&["suite", &list]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{text}");
        assert!(ran.stderr.contains(&format!("--> {list}{place}\n")), "{ran:?}");
    }
    assert_eq!(plimsoll(&["suite", "no/such.csv"]).code, 2);
}

#[test]
fn compressed_files_are_found_under_their_plain_name() {
    let scratch = Scratch::new("suite-gz");
    // One stored block is gzip enough.
    let model = crate::program::read(HOLDS[0]);
    let plain = scratch.file("model.onnx.gz", gzip(&model));
    assert!(plain.ends_with(".gz"));
    let list = scratch.file("list.csv", format!("model.onnx,{},20\n", whole(HOLDS[1])));
    assert_eq!(plimsoll(&["suite", &list]).code, 0);
}

/// The bytes as gzip, uncompressed.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend_from_slice(bytes);
    out.extend((!crc).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}
