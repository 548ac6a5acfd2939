//! One refused certificate, at least, for each side condition of `proofs/RULES.md`, beside the accepted ones.

use plimsoll_check::number::Interval;
use plimsoll_check::proof::{
    Bounding, Certificate, Conclusion, Definition, Face, MAX_DEPTH, Node, Open, Program, Rest,
    Scene, Signs, Split, Step, check,
};
use plimsoll_check::query::Query;
use plimsoll_check::vnnlib;

/// `y = max(0, x0 - x1) + x1 / 2 + 1/8` and `z = -y`, two relus so that places can be mistaken:
/// `max(0, x1 - 2)` is never active.
fn program() -> Program {
    let point = |value: f64| Interval { lo: value, hi: value };
    let mut program = Program { inputs: 2, ..Program::default() };
    program.definitions = vec![Definition::Input; 2];
    let mut affine = |terms: &[(u32, f64)], bias: f64| {
        let first = program.columns.len() as u32;
        for (column, weight) in terms {
            program.columns.push(*column);
            program.weights.push(*weight);
        }
        let bias = point(bias);
        Definition::Affine { first, count: terms.len() as u32, bias }
    };
    let definitions = [
        affine(&[(0, 1.0), (1, -1.0)], 0.0),
        Definition::Relu { of: 2 },
        affine(&[(1, 1.0)], -2.0),
        Definition::Relu { of: 4 },
        affine(&[(1, 0.5), (3, 1.0), (5, 1.0)], 0.125),
        affine(&[(6, -1.0)], 0.0),
    ];
    program.definitions.extend(definitions);
    program.outputs = vec![6, 7];
    program
}

/// Is there a point of the unit box with these constraints?
fn query(unwanted: &str) -> Query {
    let text = format!(
        "(declare-const X_0 Real) (declare-const X_1 Real)
         (declare-const Y_0 Real) (declare-const Y_1 Real)
         (assert (>= X_0 0)) (assert (<= X_0 1)) (assert (>= X_1 0)) (assert (<= X_1 1))
         (assert {unwanted})"
    );
    vnnlib::read(text.as_bytes()).unwrap()
}

fn step(disjunct: u32, multipliers: &[u16], conclusion: Conclusion) -> Step {
    let multipliers = multipliers.to_vec();
    Step { disjunct, multipliers, slopes: Vec::new(), signs: Vec::new(), conclusion }
}

fn close() -> Step {
    step(0, &[1], Conclusion::Close)
}

fn node(steps: Vec<Step>, rest: Rest) -> Node {
    Node { bounding: Bounding::Tighten, claims: Vec::new(), steps, rest }
}

fn leaf(steps: Vec<Step>) -> Node {
    node(steps, Rest::Nothing)
}

fn split(input: u32, at: f64, below: Node, above: Node) -> Node {
    node(Vec::new(), Rest::Split(Box::new(Split { input, at, below, above })))
}

fn signs(relu: u32, active: Node, inactive: Node) -> Node {
    node(Vec::new(), Rest::Sign(Box::new(Signs { relu, active, inactive })))
}

/// The rule that refuses, or nothing.
fn judge(unwanted: &str, trees: Vec<Node>) -> Option<&'static str> {
    let certificate = Certificate { model: [0; 32], query: [0; 32], trees };
    match check(&program(), &query(unwanted), &certificate) {
        Ok(_) => None,
        Err(rejection) => {
            assert!(!rejection.to_string().is_empty());
            Some(rejection.rule)
        }
    }
}

/// What holds: the least output is 1/8, at the origin.
const TRUE: &str = "(<= Y_0 0.124)";
/// The same, so that only exact arithmetic can say so.
const TIGHT: &str = "(< Y_0 0.125)";
/// What does not.
const FALSE: &str = "(<= Y_0 0.125)";
/// Two disjuncts, both of which hold nowhere.
const TWO: &str = "(or (<= Y_0 0.124) (>= Y_1 -0.12))";
/// Two rows that exclude each other, though each can hold.
const BOTH: &str = "(and (<= Y_0 0.5) (<= Y_1 -0.6))";
/// True, and not without splitting or choosing: where `x0 + x1 >= 1`, `y` is above 0.6.
const NEEDS_MORE: &str = "(<= Y_0 0.1249)";

fn with(mut step: Step, edit: impl FnOnce(&mut Step)) -> Step {
    edit(&mut step);
    step
}

fn face(input: u32, upper: bool, at: f64) -> Conclusion {
    Conclusion::Clip(vec![Face { input, upper, at }])
}

#[test]
fn true_proofs_are_accepted() {
    let exactly = step(0, &[1], Conclusion::CloseExactly);
    let clipped = step(0, &[1], face(1, true, 0.75));
    // On what is left the line below the relu is the other one, unless the proof says so.
    let level = with(close(), |step| step.slopes = vec![(0, 0)]);
    let clip = node(vec![clipped], Rest::Again(Box::new(leaf(vec![level]))));
    let second = step(1, &[1], Conclusion::Close);
    let keep = Node { bounding: Bounding::Keep, ..leaf(vec![close()]) };
    // Where z >= 0 is assumed, the relu is z, and the multiplier takes it away again.
    let multiplied = with(close(), |step| step.signs = vec![(0, 1.0)]);
    let active = Node { bounding: Bounding::Keep, ..leaf(vec![multiplied.clone()]) };
    let cases = vec![
        (TRUE, vec![leaf(vec![close()])]),
        (NEEDS_MORE, vec![leaf(vec![close()])]),
        (TIGHT, vec![leaf(vec![exactly])]),
        (TRUE, vec![split(0, 0.5, leaf(vec![close()]), leaf(vec![close()]))]),
        // A cut outside of the box leaves nothing on one side.
        (TRUE, vec![split(0, 2.0, leaf(vec![close()]), leaf(Vec::new()))]),
        (TRUE, vec![signs(0, active, keep.clone())]),
        (TRUE, vec![signs(0, leaf(vec![multiplied.clone()]), keep)]),
        (TRUE, vec![clip]),
        (TWO, vec![leaf(vec![close(), second.clone()])]),
        (TWO, vec![node(vec![close()], Rest::Again(Box::new(leaf(vec![second.clone()]))))]),
        (
            TWO,
            vec![node(
                Vec::new(),
                Rest::Cases(vec![(1, leaf(vec![second])), (0, leaf(vec![close()]))]),
            )],
        ),
        (BOTH, vec![leaf(vec![step(0, &[1, 1], Conclusion::Close)])]),
        (TRUE, vec![leaf(vec![with(close(), |step| step.slopes = vec![(0, 3), (1, 255)])])]),
    ];
    for (at, (unwanted, trees)) in cases.into_iter().enumerate() {
        assert_eq!(judge(unwanted, trees), None, "case {at}");
    }
}

#[test]
fn each_side_condition_refuses_something() {
    let exactly = step(0, &[1], Conclusion::CloseExactly);
    let second = step(1, &[1], Conclusion::Close);
    let good = || leaf(vec![close()]);
    let active = || leaf(vec![with(close(), |step| step.signs = vec![(0, 1.0)])]);
    let cases: Vec<(&str, &str, Vec<Node>)> = vec![
        // Every region, every disjunct, every leaf.
        ("COVER", TRUE, Vec::new()),
        ("COVER", TRUE, vec![good(), good()]),
        ("COVER", TRUE, vec![leaf(Vec::new())]),
        ("COVER", TWO, vec![leaf(vec![close()])]),
        ("COVER", TRUE, vec![split(0, 0.5, good(), leaf(Vec::new()))]),
        ("COVER", TRUE, vec![signs(0, active(), leaf(Vec::new()))]),
        // A bound that is not positive, or zero under a row that is not strict.
        ("CLOSE", FALSE, vec![good()]),
        ("CLOSE", TIGHT, vec![good()]),
        ("CLOSE", FALSE, vec![split(0, 0.5, good(), good())]),
        ("CLOSE", TRUE, vec![signs(0, good(), good())]),
        ("CLOSE", FALSE, vec![signs(0, active(), good())]),
        ("EXACT", FALSE, vec![leaf(vec![exactly.clone()])]),
        ("EXACT", "(<= Y_0 0.2)", vec![leaf(vec![exactly.clone()])]),
        // A disjunct that is not open: another's, closed before, or none.
        ("CLOSE", TRUE, vec![leaf(vec![second.clone()])]),
        ("CLOSE", TRUE, vec![leaf(vec![close(), close()])]),
        ("CLOSE", TRUE, vec![leaf(vec![step(7, &[1], Conclusion::Close)])]),
        ("CLOSE", TRUE, vec![split(0, 2.0, good(), good())]),
        // Multipliers: as many as rows, not all zero, and the right ones.
        ("COMBINE", TRUE, vec![leaf(vec![step(0, &[], Conclusion::Close)])]),
        ("COMBINE", TRUE, vec![leaf(vec![step(0, &[1, 1], Conclusion::Close)])]),
        ("COMBINE", TRUE, vec![leaf(vec![step(0, &[0], Conclusion::Close)])]),
        ("CLOSE", BOTH, vec![leaf(vec![step(0, &[1, 0], Conclusion::Close)])]),
        ("CLOSE", BOTH, vec![leaf(vec![step(0, &[0, 1], Conclusion::Close)])]),
        // Slopes and signs of relus that exist, multipliers of signs that are assumed.
        ("RELU", TRUE, vec![leaf(vec![with(close(), |step| step.slopes = vec![(2, 3)])])]),
        ("SIGN", TRUE, vec![leaf(vec![with(close(), |step| step.signs = vec![(0, 1.0)])])]),
        ("SIGN", TRUE, vec![signs(2, good(), good())]),
        (
            "SIGN",
            TRUE,
            vec![signs(0, leaf(vec![with(close(), |step| step.signs = vec![(1, 1.0)])]), good())],
        ),
        (
            "SIGN",
            TRUE,
            vec![signs(0, leaf(vec![with(close(), |step| step.signs = vec![(0, -1.0)])]), good())],
        ),
        (
            "SIGN",
            TRUE,
            vec![signs(0, leaf(vec![with(close(), |s| s.signs = vec![(0, f32::NAN)])]), good())],
        ),
        (
            "SIGN",
            TRUE,
            vec![signs(
                0,
                leaf(vec![with(close(), |s| s.signs = vec![(0, 1.0), (0, 1.0), (0, 1.0)])]),
                good(),
            )],
        ),
        // A huge multiplier makes the bound worse, not true.
        (
            "CLOSE",
            FALSE,
            vec![signs(0, leaf(vec![with(close(), |s| s.signs = vec![(0, 1.0e9)])]), good())],
        ),
        // Faces: of inputs that exist, not further than the form allows, and something is left.
        ("CLIP", FALSE, vec![leaf(vec![step(0, &[1], face(2, true, 0.5))])]),
        ("CLIP", "(<= Y_0 0.7)", vec![leaf(vec![step(0, &[1], face(0, true, 0.1))])]),
        ("CLIP", "(<= Y_0 0.7)", vec![leaf(vec![step(0, &[1], face(1, false, 0.9))])]),
        ("CLIP", TRUE, vec![leaf(vec![step(0, &[1], face(0, true, -0.5))])]),
        // What holds at the old face has to hold on the way to the new one.
        ("CLIP", "(<= Y_0 0.4)", vec![leaf(vec![step(0, &[1], face(1, true, 0.3))])]),
        (
            "CLIP",
            "(<= Y_0 -0.2)",
            vec![leaf(vec![with(step(0, &[1], face(1, false, 0.9)), |step| {
                step.slopes = vec![(0, 255)];
            })])],
        ),
        // A clip closes nothing by itself.
        ("COVER", TRUE, vec![leaf(vec![step(0, &[1], face(0, true, 0.5))])]),
        // Cuts of inputs that exist, and of something that is open.
        ("SPLIT", TRUE, vec![split(2, 0.5, good(), good())]),
        (
            "SPLIT",
            TRUE,
            vec![node(
                vec![close()],
                Rest::Split(Box::new(Split { input: 0, at: 0.5, below: good(), above: good() })),
            )],
        ),
        // One node for each open disjunct, no more and no other.
        ("CASES", TWO, vec![node(Vec::new(), Rest::Cases(vec![(0, good())]))]),
        ("CASES", TWO, vec![node(Vec::new(), Rest::Cases(vec![(0, good()), (0, good())]))]),
        ("CASES", TRUE, vec![node(Vec::new(), Rest::Cases(vec![(1, leaf(vec![second]))]))]),
        // Bounds that are kept have to be there.
        ("INTERVAL", TRUE, vec![Node { bounding: Bounding::Keep, ..good() }]),
    ];
    for (at, (rule, unwanted, trees)) in cases.into_iter().enumerate() {
        assert_eq!(judge(unwanted, trees), Some(rule), "case {at}");
    }
}

/// As deep as certificates may be, and of more threads than one: an answer, whatever it is.
#[test]
fn the_deepest_trees_are_walked() {
    let mut left = leaf(vec![close()]);
    let mut again = leaf(vec![close()]);
    for depth in 0..MAX_DEPTH as i32 - 1 {
        left = split(0, 2f64.powi(-depth), left, leaf(vec![close()]));
        again = node(Vec::new(), Rest::Again(Box::new(again)));
    }
    assert_eq!(judge(TRUE, vec![again.clone()]), None);
    assert_eq!(judge(TRUE, vec![split(0, 0.5, again.clone(), again)]), None);
    let certificate = Certificate { model: [0; 32], query: [0; 32], trees: vec![left.clone()] };
    let mut bytes = Vec::new();
    certificate.write(&mut bytes).unwrap();
    assert_eq!(Certificate::read(&bytes).unwrap(), certificate);
    judge(TRUE, vec![left]);
}

/// Both halves of a cut contain it, so that no point is between them.
#[test]
fn halves_meet_at_the_cut() {
    let open = Open { disjunct: 0, lower: vec![0.0, -1.0], upper: vec![1.0, 2.0] };
    let [below, above] = Scene::halves(std::slice::from_ref(&open), 0, 0.5);
    assert_eq!((&below[0].lower, &below[0].upper), (&open.lower, &vec![0.5, 2.0]));
    assert_eq!((&above[0].lower, &above[0].upper), (&vec![0.5, -1.0], &open.upper));
    // A cut at a face leaves that face on its other side.
    let [below, above] = Scene::halves(std::slice::from_ref(&open), 1, -1.0);
    assert_eq!((below[0].upper[1], above[0].lower[1]), (-1.0, -1.0));
}
