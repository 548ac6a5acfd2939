//! Long specifications are read at a speed and in a memory in proportion to their length.
//!
//! The texts are made here, as published ones of nn4sys are: thousands of boxes with a row each. One test
//! at a time, because the peak of memory is counted for the whole process; those of 100 MB run with
//! `cargo test --profile quick -p plimsoll-check --test large_texts -- --ignored --nocapture --test-threads 1`.
#![allow(clippy::print_stdout)]

#[path = "common/mutate.rs"]
mod mutate;

use mutate::Random;
use peak_alloc::PeakAlloc;
use plimsoll_check::vnnlib;
use std::fmt::Write;
use std::time::Instant;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// 1.0, one input, two disjuncts a box.
    Lines,
    /// 2.0, one input.
    Typed,
    /// 1.0, 300 inputs a box.
    Wide,
    /// 1.0, numbers as Python prints float64, up to 17 digits and with exponents.
    Digits,
    /// 1.0, one box around everything and a thousand weighted outputs in each row.
    Rows,
}

/// A text of about so many bytes, and its number of boxes.
fn text(form: Form, bytes: usize) -> (String, usize) {
    let mut random = Random::new(1);
    let mut number = |digits: usize| {
        let scale = 10u64.pow(digits as u32);
        random.next() % scale
    };
    let (inputs, outputs) = match form {
        Form::Wide => (300, 5),
        Form::Rows => (3, 1000),
        _ => (1, 1),
    };
    let mut text = String::with_capacity(bytes + 100_000);
    if form == Form::Typed {
        text.push_str("(vnnlib-version <2.0>)\n(declare-network f\n(declare-input X real [1])\n");
        text.push_str("(declare-output Y real [1])\n)\n");
    } else {
        for (letter, count) in [('X', inputs), ('Y', outputs)] {
            for index in 0..count {
                let _ = writeln!(text, "(declare-const {letter}_{index} Real)");
            }
        }
    }
    if form == Form::Rows {
        text.push_str("(assert (and (>= X_0 0) (<= X_0 1) (>= X_1 0) (<= X_1 1) (= X_2 0)))\n");
    }
    text.push_str("(assert (or\n");
    let (x, y) = if form == Form::Typed { ("X[0]", "Y[0]") } else { ("X_0", "Y_0") };
    let mut boxes = 0;
    while text.len() < bytes {
        let low = number(15);
        match form {
            Form::Lines | Form::Typed => {
                for relation in ["<=", ">="] {
                    let side = number(15);
                    let _ = writeln!(
                        text,
                        "  (and (>= {x} 0.{low:016}) (<= {x} 1.{low:016}) ({relation} {y} 0.{side:016}))"
                    );
                }
            }
            Form::Digits => {
                let (high, side) = (number(17), number(17));
                let _ = writeln!(
                    text,
                    "  (and (>= X_0 -{low}e-13) (<= X_0 0.{high:017}) (<= Y_0 {side}.5e-4))"
                );
            }
            Form::Wide => {
                text.push_str("  (and");
                for input in 0..inputs {
                    let low = number(6);
                    let _ = write!(text, " (>= X_{input} 0.{low:06}) (<= X_{input} 1.{low:06})");
                }
                text.push_str(" (<= Y_0 Y_1))\n");
            }
            Form::Rows => {
                text.push_str("  (and (<= (+");
                for output in 0..outputs {
                    let _ = write!(text, " (* 0.{:06} Y_{output})", number(6));
                }
                text.push_str(") 0.0))\n");
            }
        }
        boxes += 1;
    }
    text.push_str("))\n");
    (text, boxes)
}

/// Reads a text of each form; returns nothing, for it judges speed and memory itself.
fn read_all(bytes: usize, nanoseconds_a_byte: f64, bytes_a_byte: f64) {
    for form in [Form::Lines, Form::Typed, Form::Digits, Form::Wide, Form::Rows] {
        let (text, boxes) = text(form, bytes);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let begin = Instant::now();
        let query = vnnlib::read(text.as_bytes()).unwrap();
        let time = begin.elapsed();
        let memory = MEMORY.peak_usage() - before;
        println!(
            "{form:?}: {:.1} MB, {boxes} boxes, {} disjuncts: {:.1} ms, {:.1} bytes of memory a byte, {:.1} kept",
            text.len() as f64 / 1e6,
            query.disjuncts.len(),
            time.as_secs_f64() * 1e3,
            memory as f64 / text.len() as f64,
            (MEMORY.current_usage() - before) as f64 / text.len() as f64,
        );
        assert!(query.disjuncts.len() >= boxes);
        assert!(memory as f64 <= bytes_a_byte * text.len() as f64, "{form:?}: {memory} bytes");
        let nanoseconds = time.as_secs_f64() * 1e9 / text.len() as f64;
        assert!(nanoseconds < nanoseconds_a_byte, "{form:?}: {nanoseconds} ns a byte");
    }
}

#[test]
fn ten_megabytes() {
    // Generous in time, for unoptimised builds on a busy machine.
    read_all(10_000_000, 400.0, 9.0);
}

#[test]
#[ignore = "takes seconds and a gigabyte; run it by hand in a release build"]
fn a_hundred_megabytes() {
    read_all(100_000_000, 60.0, 9.0);
}
