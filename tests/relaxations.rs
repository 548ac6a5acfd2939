//! The lines and planes that stand for one nonlinear element, against exact values: no other charge of a
//! sweep covers what they miss.

mod common;

use common::dyadic::{Dyadic, dot};
use common::plan::{self, Plan, Step};
use common::sweeps;
use fastrand::Rng;
use plimsoll::bound::{Bounds, Intermediate, NodeBounds, Relaxation};

/// Ends of every kind: zero, one unit in the last place, subnormal, equal, far apart.
fn end(rng: &mut Rng) -> f64 {
    let least = f64::from_bits(1);
    let value = match rng.u8(0..9) {
        0 => 0.0,
        1 => least * f64::from(rng.u8(1..4)),
        2 => f64::MIN_POSITIVE * (1.0 + rng.f64()),
        3 => 1.0,
        4 => 1.0f64.next_up(),
        5 => rng.f64() * 1.0e300,
        6 => rng.f64() * 1.0e-300,
        _ => rng.f64(),
    };
    if rng.bool() { value } else { -value }
}

/// The lines that stand for one relu, for both signs of its coefficient, at the ends, the kink and between.
#[test]
fn relaxations_of_single_neurons_hold() {
    let mut rng = Rng::with_seed(11);
    let mut plan = Plan::new(1);
    plan.relu(0);
    let network = plan.network();
    for _ in 0..20_000 {
        let (a, b) = (end(&mut rng), if rng.u8(0..4) == 0 { 0.0 } else { end(&mut rng) });
        let (l, u) = (a.min(b), [a.max(b), a.min(b).next_up()][rng.usize(0..2)].max(a.min(b)));
        let bounds = NodeBounds { lower: vec![l], upper: vec![u] };
        let bounds: Bounds = vec![bounds];
        let relu = &network.nodes[1].primitive;
        let found = Relaxation::new(relu, &bounds, 1, &mut sweeps::dirty());
        let Relaxation::Relu(mut relaxation) = found else { panic!("a relu has slopes") };
        if rng.bool() && l < 0.0 && u > 0.0 {
            // Any other slopes are as good.
            relaxation.lower[0] = [0.0, 1.0, rng.f64()][rng.usize(0..3)];
            relaxation.upper[0] = [0.0, 1.0, rng.f64()][rng.usize(0..3)];
        }
        let boxes = sweeps::single(&[l], &[u]);
        let frame = sweeps::frame(&network, &boxes);
        let relaxations = [Relaxation::Exact, Relaxation::Relu(relaxation)];
        for coefficient in [1.0, -1.0, end(&mut rng), end(&mut rng)] {
            let seeds = sweeps::row(&[coefficient], 0.0);
            let forms = sweeps::pull(&network, &frame, &relaxations, 1, &seeds);
            for x in [l, u, 0.0, 0.5 * l + 0.5 * u, l.next_up(), u.next_down()] {
                if !(l <= x && x <= u) {
                    continue;
                }
                let point = [Dyadic::new(x)];
                let Some(form) = sweeps::form_value(&forms, 0, &point) else { continue };
                let value = dot(&[coefficient], &[point[0].relu()]);
                assert!(form <= value, "{coefficient} relu on [{l}, {u}] at {x}");
            }
        }
    }
}

/// Points of an interval: ends, middle, neighbours of the ends, and where a form may touch.
fn samples(l: f64, u: f64, rng: &mut Rng) -> Vec<f64> {
    let inner = l + rng.f64() * (u - l);
    let all = [l, u, 0.0, 0.5 * l + 0.5 * u, l.next_up(), u.next_down(), inner, inner.round()];
    all.into_iter().filter(|x| l <= *x && *x <= u).collect()
}

/// A moderate coefficient or end, with a full mantissa or few bits.
fn moderate(rng: &mut Rng) -> f64 {
    let value = 8.0 * rng.f64() - 4.0;
    if rng.bool() { value } else { (4.0 * value).round() / 4.0 }
}

/// Forms over one nonlinear node whose relaxation comes from the library.
fn check(plan: &Plan, lower: &[f64], upper: &[f64], coefficients: &[f64], rng: &mut Rng) {
    let network = plan.network();
    let boxes = sweeps::single(lower, upper);
    let frame = sweeps::frame(&network, &boxes);
    let (_, mut relaxations) =
        sweeps::bounds(&network, &frame, &boxes, None, Intermediate::Interval);
    if rng.bool() {
        // Lines that touch elsewhere and planes between the two are as good.
        match relaxations.last_mut() {
            Some(Relaxation::Pointwise(lines)) => {
                let at = lower[0] + rng.f64() * (upper[0] - lower[0]);
                lines.touch(0, at, true);
                lines.touch(0, at, false);
            }
            Some(Relaxation::Product(planes)) => {
                for at in 0..coefficients.len() {
                    planes.mix(at, rng.f64(), true);
                    planes.mix(at, rng.f64(), false);
                }
            }
            _ => unreachable!("the last node is the nonlinear one"),
        }
    }
    let seeds = sweeps::row(coefficients, 0.0);
    let forms = sweeps::pull(&network, &frame, &relaxations, network.output(), &seeds);
    let axes: Vec<Vec<f64>> = lower.iter().zip(upper).map(|(l, u)| samples(*l, *u, rng)).collect();
    let most = axes.iter().map(Vec::len).max().unwrap();
    for p in 0..most * most {
        let pick = |(d, axis): (usize, &Vec<f64>)| {
            let at = if d == 0 { p } else { p / most + d };
            Dyadic::new(axis[at % axis.len()])
        };
        let point: Vec<Dyadic> = axes.iter().enumerate().map(pick).collect();
        let Some(form) = sweeps::form_value(&forms, 0, &point) else { continue };
        let values = plan.evaluate(&point, plan::Error::None);
        let value = dot(coefficients, &values[plan.last()]);
        assert!(form <= value, "{:?} over {lower:?} {upper:?}: {coefficients:?}", plan.last_step());
    }
}

/// Functions of one element, for both signs of the coefficient.
#[test]
fn lines_of_single_functions_hold() {
    let mut rng = Rng::with_seed(12);
    for round in 0..20_000 {
        let function = plan::FUNCTIONS[round % plan::FUNCTIONS.len()];
        let mut plan = Plan::new(1);
        plan.push(Step::Pointwise(0, function));
        let number = |rng: &mut Rng| if rng.bool() { end(rng) } else { moderate(rng) };
        let (a, b) = (number(&mut rng), number(&mut rng));
        let (l, mut u) = (a.min(b), a.max(b));
        if rng.u8(0..3) == 0 {
            u = l + 2f64.powi(-rng.i32(0..40)) * l.abs();
        }
        let coefficient = number(&mut rng);
        check(&plan, &[l], &[u.max(l)], &[coefficient], &mut rng);
    }
}

/// Products of two elements, some of them read twice, for both signs of the coefficients.
#[test]
fn planes_of_products_hold() {
    let mut rng = Rng::with_seed(13);
    for _ in 0..6_000 {
        let mut plan = Plan::new(3);
        let pairs: Vec<(u32, u32)> = match rng.u8(0..3) {
            0 => vec![(0, 1)],
            1 => vec![(0, 1), (0, 2)],
            _ => vec![(0, 1), (1, 2), (2, 2), (0, 1)],
        };
        let count = pairs.len();
        plan.push(Step::Product { left: 0, right: 0, pairs });
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        let wild = rng.bool();
        let number = |rng: &mut Rng| if wild { end(rng) } else { moderate(rng) };
        for _ in 0..3 {
            let (a, b) = (number(&mut rng), number(&mut rng));
            lower.push(a.min(b));
            upper.push(if rng.u8(0..3) == 0 { a.min(b) } else { a.max(b) });
        }
        let coefficients: Vec<f64> = (0..count).map(|_| number(&mut rng)).collect();
        check(&plan, &lower, &upper, &coefficients, &mut rng);
    }
}
