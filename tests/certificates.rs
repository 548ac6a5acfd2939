//! Certificates: what the prover writes the checker accepts, and nothing that is forged, edited or about
//! something else proves a false statement.

mod common;

use common::onnx::{self, Float};
use common::plan::Plan;
use fastrand::Rng;
use plimsoll::{Options, Verdict, Verifier};
use plimsoll_check::graph::Graph;
use plimsoll_check::number::Rational;
use plimsoll_check::ops::evaluate_exact;
use plimsoll_check::proof::{
    Bounding, Certificate, Conclusion, Face, Judgement, Node, Program, Rest, Signs, Split, check,
    digest, judge, trace,
};
use plimsoll_check::query::Query;

/// A small model and what its first output can be over the unit box.
struct Subject {
    bytes: Vec<u8>,
    graph: Graph,
    program: Program,
    dims: usize,
    /// The least output that sampling found, exactly.
    least: f64,
}

fn subject(seed: u64, dims: usize) -> Subject {
    let mut rng = Rng::with_seed(seed);
    let mut plan = Plan::new(dims);
    let mut from = 0;
    for width in [6, 6, 1] {
        let columns = plan.len(from);
        let rows: Vec<Vec<f64>> = (0..width)
            .map(|_| (0..columns).map(|_| f64::from(rng.f32()) * 2.0 - 1.0).collect())
            .collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let bias: Vec<f64> = (0..width).map(|_| f64::from(rng.f32()) - 0.5).collect();
        from = plan.affine(from, &rows, &bias);
        if width > 1 {
            from = plan.relu(from);
        }
    }
    let bytes = onnx::model(&plan, Float::F64).bytes();
    let graph = plimsoll_check::onnx::read(bytes.clone().into()).unwrap();
    let program = trace(&graph).unwrap();
    let mut least = f64::INFINITY;
    for p in 0..400 {
        let point: Vec<Rational> = (0..dims)
            .map(|d| match p % 2 {
                0 => Rational::from(i64::from((p >> (d + 1)) & 1 == 1)),
                _ => Rational::from_f64(rng.f64()).unwrap(),
            })
            .collect();
        least = least.min(evaluate_exact(&graph, &[point]).unwrap()[0][0].to_f64_up());
    }
    Subject { bytes, graph, program, dims, least }
}

/// Is there an input of the unit box whose output is at most this?
fn text(dims: usize, threshold: f64) -> Vec<u8> {
    let mut text = String::new();
    for d in 0..dims {
        text += &format!("(declare-const X_{d} Real)\n");
    }
    text += "(declare-const Y_0 Real)\n";
    for d in 0..dims {
        text += &format!("(assert (>= X_{d} 0.0))\n(assert (<= X_{d} 1.0))\n");
    }
    let (sign, magnitude) = if threshold < 0.0 { ("- ", -threshold) } else { ("", threshold) };
    let number = format!("{magnitude:.12}");
    let number = if sign.is_empty() { number } else { format!("(- {number})") };
    text += &format!("(assert (<= Y_0 {number}))\n");
    text.into_bytes()
}

fn query(dims: usize, threshold: f64) -> Query {
    plimsoll_check::vnnlib::read(&text(dims, threshold)).unwrap()
}

/// The trees of a proof.
fn prove(subject: &Subject, query: &Query) -> Option<Vec<Node>> {
    let boxes = Some(400);
    let options = Options { proof: true, threads: Some(1), boxes, ..Options::default() };
    let outcome = Verifier::new(options).verify(&subject.graph, query).unwrap();
    match outcome.verdict {
        Verdict::Holds => Some(outcome.proof.unwrap().unwrap()),
        _ => None,
    }
}

fn certificate(trees: Vec<Node>) -> Certificate {
    Certificate { model: [0; 32], query: [0; 32], trees }
}

/// A proof of the nearest threshold below the least output that is found to hold.
fn proved(subject: &Subject) -> (f64, Vec<Node>) {
    for gap in [0.02, 0.1, 0.3, 1.0, 3.0] {
        let threshold = subject.least - gap;
        if let Some(trees) = prove(subject, &query(subject.dims, threshold)) {
            return (threshold, trees);
        }
    }
    panic!("nothing holds")
}

/// By input splits for few inputs, by assumed signs for many.
fn subjects() -> Vec<Subject> {
    let few = (0..10).map(|seed| subject(seed, 3));
    few.chain((100..110).map(|seed| subject(seed, 12))).collect()
}

#[test]
fn proofs_are_accepted_and_speak_of_their_model_and_query_only() {
    let (mut splits, mut signs) = (0, 0);
    for subject in subjects() {
        let (threshold, trees) = proved(&subject);
        let text = text(subject.dims, threshold);
        let certificate =
            Certificate { model: digest(&subject.bytes), query: digest(&text), trees };
        let mut bytes = Vec::new();
        certificate.write(&mut bytes).unwrap();
        assert_eq!(Certificate::read(&bytes).unwrap(), certificate);
        let judged = judge(subject.bytes.clone().into(), &text, &bytes).unwrap();
        let Judgement::Valid(summary) = judged else { panic!("{judged:?}") };
        assert_eq!(summary.leaves, certificate.trees.iter().map(Node::leaves).sum::<usize>());
        visit(&certificate.trees[0], &mut |node| match node.rest {
            Rest::Split(_) => splits += 1,
            Rest::Sign(_) => signs += 1,
            _ => {}
        });
        // One byte of the model or of the text, and the certificate is about another one.
        let mut other = text.clone();
        let at = other.iter().position(|b| *b == b'1').unwrap();
        other[at] = b'2';
        assert!(judge(subject.bytes.clone().into(), &other, &bytes).is_err());
        let mut model = subject.bytes.clone();
        *model.last_mut().unwrap() ^= 1;
        assert!(judge(model.into(), &text, &bytes).is_err());
    }
    assert!(splits > 10 && signs > 10, "{splits} splits, {signs} assumed signs");
}

/// Cut short, extended, or with any bit flipped: an error, or a certificate that says the same.
#[test]
fn damaged_bytes_are_refused() {
    let subject = subject(3, 3);
    let (threshold, trees) = proved(&subject);
    let text = text(subject.dims, threshold);
    let certificate = Certificate { model: digest(&subject.bytes), query: digest(&text), trees };
    let mut bytes = Vec::new();
    certificate.write(&mut bytes).unwrap();
    for length in 0..bytes.len() {
        assert!(Certificate::read(&bytes[..length]).is_err(), "{length}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            // What the gzip header may say without a difference.
            if let Ok(read) = Certificate::read(&damaged) {
                let same = read == certificate;
                assert!(same || read.model != certificate.model || read.query != certificate.query);
            }
        }
    }
    // A gigabyte of zeros behind a small header.
    let mut bomb = bytes[..73].to_vec();
    let mut encoder = flate2::write::GzEncoder::new(&mut bomb, flate2::Compression::best());
    let zeros = vec![0u8; 1 << 20];
    (0..64).for_each(|_| std::io::Write::write_all(&mut encoder, &zeros).unwrap());
    encoder.finish().unwrap();
    assert!(Certificate::read(&bomb).is_err());
}

fn visit<'n>(node: &'n Node, each: &mut impl FnMut(&'n Node)) {
    each(node);
    match &node.rest {
        Rest::Nothing => {}
        Rest::Split(split) => {
            visit(&split.below, each);
            visit(&split.above, each);
        }
        Rest::Again(node) => visit(node, each),
        Rest::Sign(signs) => {
            visit(&signs.active, each);
            visit(&signs.inactive, each);
        }
        Rest::Cases(cases) => cases.iter().for_each(|(_, node)| visit(node, each)),
    }
}

fn children(node: &mut Node) -> Vec<&mut Node> {
    match &mut node.rest {
        Rest::Nothing => Vec::new(),
        Rest::Split(split) => vec![&mut split.below, &mut split.above],
        Rest::Again(node) => vec![node],
        Rest::Sign(signs) => vec![&mut signs.active, &mut signs.inactive],
        Rest::Cases(cases) => cases.iter_mut().map(|(_, node)| node).collect(),
    }
}

/// A node of the tree, by a random walk.
fn some_node<'n>(node: &'n mut Node, rng: &mut Rng) -> &'n mut Node {
    let count = children(node).len();
    if count == 0 || rng.u8(0..4) == 0 {
        return node;
    }
    let next = rng.usize(0..count);
    some_node(children(node).swap_remove(next), rng)
}

/// One edit of a decoded certificate.
fn mutate(trees: &mut [Node], dims: usize, rng: &mut Rng) {
    let donor = some_node(&mut trees[0].clone(), rng).clone();
    let node = some_node(&mut trees[0], rng);
    match rng.u8(0..16) {
        0 => node.rest = Rest::Nothing,
        1 => {
            node.bounding = [Bounding::Interval, Bounding::Tighten, Bounding::Keep][rng.usize(0..3)]
        }
        2 => *node = donor,
        3 => node.steps.clear(),
        4 => {
            if let Rest::Split(split) = &mut node.rest {
                split.at += [0.1, -0.1, 1.0, -1.0, 1.0e300][rng.usize(0..5)];
            }
        }
        5 => {
            if let Rest::Split(split) = &mut node.rest {
                split.input = rng.u32(0..dims as u32 + 1);
            }
        }
        6 => {
            let at = rng.f64();
            let (below, above) = (donor.clone(), donor);
            let input = rng.u32(0..dims as u32);
            node.rest = Rest::Split(Box::new(Split { input, at, below, above }));
        }
        7 => {
            let relu = rng.u32(0..14);
            let (active, inactive) = (donor.clone(), donor);
            node.rest = Rest::Sign(Box::new(Signs { relu, active, inactive }));
        }
        8 => node.rest = Rest::Again(Box::new(donor)),
        9 => {
            if let Rest::Sign(signs) = &mut node.rest {
                let Signs { active, inactive, relu } = &mut **signs;
                match rng.bool() {
                    true => std::mem::swap(active, inactive),
                    false => *relu = rng.u32(0..14),
                }
            }
        }
        10 => {
            let steps = &mut node.steps;
            steps.extend(donor.steps);
        }
        _ => {
            let Some(step) = node.steps.first_mut() else { return };
            match rng.u8(0..6) {
                0 => step.multipliers.iter_mut().for_each(|m| *m = rng.u16(0..9)),
                1 => step.slopes.push((step.slopes.last().map_or(0, |s| s.0 + 1), rng.u8(..))),
                2 => step.signs.push((rng.u32(0..4), 10f32.powi(rng.i32(-3..12)))),
                3 => step.signs.iter_mut().for_each(|sign| sign.1 *= 10f32.powi(rng.i32(-2..9))),
                4 => {
                    let face =
                        Face { input: rng.u32(0..dims as u32), upper: rng.bool(), at: rng.f64() };
                    step.conclusion = Conclusion::Clip(vec![face]);
                }
                _ => step.conclusion = Conclusion::CloseExactly,
            }
        }
    }
}

/// No edit of a true proof is a proof of the false statement next to it; and most edits are noticed.
#[test]
fn no_mutant_proves_what_is_false() {
    let mut rng = Rng::with_seed(7);
    let (mut mutants, mut valid) = (0, 0);
    for subject in subjects() {
        let (threshold, trees) = proved(&subject);
        let truth = query(subject.dims, threshold);
        let falsehood = query(subject.dims, subject.least + 1.0e-6);
        assert!(check(&subject.program, &truth, &certificate(trees.clone())).is_ok());
        assert!(check(&subject.program, &falsehood, &certificate(trees.clone())).is_err());
        for _ in 0..500 {
            let mut mutant = trees.clone();
            for _ in 0..rng.usize(1..4) {
                mutate(&mut mutant, subject.dims, &mut rng);
            }
            let mutant = certificate(mutant);
            mutants += 1;
            valid += usize::from(check(&subject.program, &truth, &mutant).is_ok());
            let forged = check(&subject.program, &falsehood, &mutant);
            assert!(forged.is_err(), "a false statement is proved: {mutant:?}");
        }
    }
    // Edits that change nothing that matters are accepted, and prove what is true.
    assert!(mutants == 10_000 && valid < mutants / 2, "{valid} of {mutants}");
}
