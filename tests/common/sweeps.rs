//! The library's sweeps as the tests call them, and the comparison with exact values.

use super::boxes::{self, Size};
use super::dyadic::{Dyadic, dot};
use super::plan::{Error, Plan};
use fastrand::Rng;
use plimsoll::bound::{
    Bounds, Boxes, Forms, Frame, Intermediate, Relaxation, Seeds, Workspace, backward, propagate,
};
use plimsoll::net::{Network, NodeIndex};
pub use plimsoll::problem::Problem;
pub use plimsoll::search::Settings;

/// Every way of bounding pre-activations.
pub const METHODS: [Intermediate; 8] = [
    Intermediate::Interval,
    Intermediate::Zonotope { keep: 0 },
    Intermediate::Zonotope { keep: 3 },
    Intermediate::Zonotope { keep: 1000 },
    Intermediate::Backward,
    Intermediate::All { keep: 0 },
    Intermediate::All { keep: 5 },
    Intermediate::All { keep: 1000 },
];

/// The frame of the hull of a batch.
pub fn frame(network: &Network, boxes: &Boxes) -> Frame {
    let hull = boxes::hull(boxes);
    let mut work = dirty();
    let (bounds, _) = propagate(network, None, &hull, None, Intermediate::Interval, &mut work);
    Frame::new(network, &bounds)
}

/// Bounds and relaxations of a batch.
pub fn bounds(
    network: &Network,
    frame: &Frame,
    boxes: &Boxes,
    inherited: Option<&Bounds>,
    method: Intermediate,
) -> (Bounds, Vec<Relaxation>) {
    propagate(network, Some(frame), boxes, inherited, method, &mut dirty())
}

/// The seeds as forms over the inputs.
pub fn pull(
    network: &Network,
    frame: &Frame,
    relaxations: &[Relaxation],
    start: NodeIndex,
    seeds: &Seeds,
) -> Forms {
    backward(network, frame, relaxations, start, seeds, None, &mut dirty())
}

/// A workspace with used buffers in it: what they hold must not matter.
pub fn dirty() -> Workspace {
    let mut work = Workspace::default();
    for len in [7, 1000, 3, 64, 5000, 1] {
        work.give(vec![f64::NAN; len]);
    }
    work
}

/// Seeds with one row, owned by box 0.
pub fn row(coefficients: &[f64], constant: f64) -> Seeds {
    Seeds::Rows { owner: vec![0], coefficients: coefficients.to_vec(), constant: vec![constant] }
}

/// A box as a batch.
pub fn single(lower: &[f64], upper: &[f64]) -> Boxes {
    let mut boxes = Boxes::new(lower.len());
    boxes.push(lower, upper);
    boxes
}

/// What form `r` is at a point, exactly; `None` if it says nothing.
pub fn form_value(forms: &Forms, r: usize, point: &[Dyadic]) -> Option<Dyadic> {
    let finite = forms.constant[r].is_finite() && forms.row(r).iter().all(|a| a.is_finite());
    finite.then(|| dot(forms.row(r), point).add(&Dyadic::new(forms.constant[r])))
}

/// Random rows over the last step of a plan, a few for each box.
fn random_seeds(plan: &Plan, count: usize, rng: &mut Rng) -> Seeds {
    let len = plan.len(plan.last());
    let (mut owner, mut coefficients, mut constant) = (vec![], vec![], vec![]);
    for b in 0..count {
        for _ in 0..3 {
            owner.push(b as u32);
            coefficients.extend((0..len).map(|_| 2.0 * rng.f64() - 1.0));
            constant.push(2.0 * rng.f64() - 1.0);
        }
    }
    Seeds::Rows { owner, coefficients, constant }
}

/// Checks all sweeps over a batch of boxes of these sizes against exact values at `count` points of
/// each: every node of every point lies inside every bound, and every form lies below its row.
pub fn check(plan: &Plan, sizes: &[Size], count: usize, rng: &mut Rng) {
    check_network(plan, &plan.network(), sizes, count, rng);
}

/// As [`check`], for a network that stores the plan's maps in another form.
pub fn check_network(plan: &Plan, network: &Network, sizes: &[Size], count: usize, rng: &mut Rng) {
    let boxes = boxes::batch(plan.inputs(), sizes, rng);
    let frame = frame(network, &boxes);
    let mut parents = Boxes::new(boxes.dims);
    for b in 0..boxes.count {
        let lower: Vec<f64> = boxes.lower_of(b).iter().map(|l| l - 0.1 * l.abs()).collect();
        let upper: Vec<f64> = boxes.upper_of(b).iter().map(|u| u + 0.1 * u.abs()).collect();
        parents.push(&lower, &upper);
    }
    let wider = self::frame(network, &parents);
    let (inherited, _) = bounds(network, &wider, &parents, None, Intermediate::Backward);
    let seeds = random_seeds(plan, boxes.count, rng);
    let (start, mut found) = (network.output(), Vec::new());
    for method in METHODS {
        for known in [None, Some(&inherited)] {
            let (bounds, relaxations) = bounds(network, &frame, &boxes, known, method);
            let forms = pull(network, &frame, &relaxations, start, &seeds);
            found.push((method, bounds, forms));
        }
    }
    let Seeds::Rows { owner, coefficients, constant } = &seeds else { unreachable!() };
    for b in 0..boxes.count {
        let (lower, upper) = (boxes.lower_of(b), boxes.upper_of(b));
        let mut all: Vec<Vec<Dyadic>> = boxes::points(lower, upper, count, rng)
            .iter()
            .map(|point| point.iter().map(|x| Dyadic::new(*x)).collect())
            .collect();
        all.extend(boxes::kinks(plan, lower, upper, rng));
        for (_, _, forms) in &found {
            for r in (0..owner.len()).filter(|r| owner[*r] as usize == b) {
                all.push(minimiser(forms.row(r), lower, upper));
            }
        }
        let tightest = tightest(&found, b, plan);
        for (p, point) in all.iter().enumerate() {
            let error = [Error::None, Error::Highest, Error::Lowest][p % 3];
            let values = plan.evaluate(point, error);
            inside(plan, &tightest, &found, b, &values, point);
            let y = &values[plan.last()];
            for r in (0..owner.len()).filter(|r| owner[*r] as usize == b) {
                let len = y.len();
                let row = dot(&coefficients[r * len..(r + 1) * len], y);
                let value = row.add(&Dyadic::new(constant[r]));
                for (method, _, forms) in &found {
                    if let Some(form) = form_value(forms, r, point) {
                        assert!(
                            form <= value,
                            "{method:?}: form {r} is above its row at {point:?}"
                        );
                    }
                }
            }
        }
        for (method, _, forms) in &found {
            for r in (0..owner.len()).filter(|r| owner[*r] as usize == b) {
                let minimum = forms.minimum(r, lower, upper);
                let point = minimiser(forms.row(r), lower, upper);
                let value = form_value(forms, r, &point);
                if let Some(value) = value.filter(|_| minimum.is_finite()) {
                    assert!(Dyadic::new(minimum) <= value, "{method:?}: the minimum of form {r}");
                } else {
                    assert!(!(minimum > f64::NEG_INFINITY), "{method:?}: {minimum} from nothing");
                }
            }
        }
    }
}

/// The corner at which a form is least.
pub fn minimiser(row: &[f64], lower: &[f64], upper: &[f64]) -> Vec<Dyadic> {
    row.iter()
        .zip(lower.iter().zip(upper))
        .map(|(a, (l, u))| Dyadic::new(if *a >= 0.0 { *l } else { *u }))
        .collect()
}

type Found = (Intermediate, Bounds, Forms);

/// Per step and element, the tightest finite ends that any method found for box `b`.
fn tightest(found: &[Found], b: usize, plan: &Plan) -> Vec<Vec<(Option<Dyadic>, Option<Dyadic>)>> {
    let end = |value: f64| value.is_finite().then(|| Dyadic::new(value));
    (0..plan.steps.len())
        .map(|step| {
            let len = plan.len(step);
            (0..len)
                .map(|k| {
                    let at = b * len + k;
                    let lowers = found.iter().map(|(_, bounds, _)| bounds[step].lower[at]);
                    let uppers = found.iter().map(|(_, bounds, _)| bounds[step].upper[at]);
                    assert!(
                        lowers.clone().zip(uppers.clone()).all(|(l, u)| l <= u),
                        "out of order"
                    );
                    (
                        end(lowers.fold(f64::NEG_INFINITY, f64::max)),
                        end(uppers.fold(f64::INFINITY, f64::min)),
                    )
                })
                .collect()
        })
        .collect()
}

fn inside(
    plan: &Plan,
    tightest: &[Vec<(Option<Dyadic>, Option<Dyadic>)>],
    found: &[Found],
    b: usize,
    values: &[Vec<Dyadic>],
    point: &[Dyadic],
) {
    for (step, (ends, values)) in tightest.iter().zip(values).enumerate() {
        for (k, ((lower, upper), value)) in ends.iter().zip(values).enumerate() {
            let below = lower.as_ref().is_some_and(|lower| value < lower);
            let above = upper.as_ref().is_some_and(|upper| value > upper);
            if below || above {
                let at = b * plan.len(step) + k;
                let all: Vec<String> = found
                    .iter()
                    .map(|(m, bounds, _)| {
                        format!("{m:?}: [{}, {}]", bounds[step].lower[at], bounds[step].upper[at])
                    })
                    .collect();
                panic!(
                    "element {k} of step {step} in box {b} is {value:?} at {point:?}, outside {}",
                    all.join("; ")
                );
            }
        }
    }
}

/// Adds a row's own coefficients on inputs to the only form.
pub fn add_input_parts(problem: &Problem<'_>, forms: &mut Forms, row: u32) {
    problem.add_input_parts(forms, [&problem.rows[row as usize]]);
}

/// What a search is asked to do.
pub fn settings(
    intermediate: Intermediate,
    chunk: usize,
    chunks: usize,
    memory: usize,
) -> Settings {
    let (iterations, exact_tries, boxes) = (6, 2, 200);
    Settings { intermediate, iterations, chunk, chunks, exact_tries, memory, boxes, trail: false }
}
