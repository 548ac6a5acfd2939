//! The calculus of proofs against exact values: programs say what graphs do, and no rule concludes more than is
//! true at any point.

mod support;

use fastrand::Rng;
use plimsoll_check::graph::Graph;
use plimsoll_check::number::{Interval, Rational};
use plimsoll_check::ops::{Function, evaluate, evaluate_exact};
use plimsoll_check::proof::{Bounds, Choice, Definition, Program, Scratch, trace};
use support::cases::{cases, graph, inputs};

fn exact(value: f64) -> Rational {
    Rational::from_f64(value).unwrap()
}

/// Flat inputs as one vector for each input of the graph.
fn shaped<T: Clone>(graph: &Graph, flat: &[T]) -> Vec<Vec<T>> {
    let mut rest = flat;
    let mut take = |len: usize| {
        let (mine, more) = rest.split_at(len);
        rest = more;
        mine.to_vec()
    };
    graph.inputs.iter().map(|id| take(graph.value(*id).len())).collect()
}

/// Exact outputs at a point where there are any, else enclosures of them.
fn outputs(graph: &Graph, point: &[f64]) -> Option<Vec<Interval>> {
    let rational: Vec<Rational> = point.iter().map(|x| exact(*x)).collect();
    if let Some(values) = evaluate_exact(graph, &shaped(graph, &rational)) {
        return Some(values.concat().iter().map(Interval::around).collect());
    }
    let points: Vec<Interval> = point.iter().map(|x| Interval::point(*x)).collect();
    evaluate(graph, &shaped(graph, &points)).ok().map(|values| values.concat())
}

/// Whether results jump where an enclosure of a number cannot say on which side it is.
fn is_discrete(program: &Program) -> bool {
    let jumps = |f: &Function| {
        matches!(f, Function::Sign | Function::Floor | Function::Ceil | Function::Round)
    };
    program.functions.iter().any(jumps)
}

/// The programs of hundreds of models have the models' values: at a point every bound is an enclosure of it.
#[test]
fn programs_compute_what_graphs_do() {
    let (mut compared, mut refused) = (0, Vec::new());
    for case in cases().iter().filter(|case| case.refused.is_none()) {
        let graph = graph(case);
        let program = match trace(&graph) {
            Ok(program) => program,
            Err(error) => {
                assert!(error.help.is_some(), "{}: {error}", case.name);
                refused.push(case.name.clone());
                continue;
            }
        };
        let point = inputs(case, &graph).concat();
        let Some(values) = outputs(&graph, &point) else { continue };
        let frame = Bounds::frame(&program, &point, &point);
        let bounds = frame.interval(&point, &point, None);
        assert_eq!(program.outputs.len(), values.len(), "{}", case.name);
        for (variable, value) in program.outputs.iter().zip(&values) {
            let (low, high) = (bounds.lower[*variable as usize], bounds.upper[*variable as usize]);
            assert!(low <= value.hi && value.lo <= high, "{}: {value:?} {low} {high}", case.name);
            // Near where nothing jumps.
            let near = 1.0e-9 * (1.0 + value.hi.abs());
            assert!(is_discrete(&program) || high - low <= near, "{}: {low} {high}", case.name);
            compared += 1;
        }
    }
    assert!(compared > 3000, "{compared} outputs");
    // Indices that are computed, and whole orders.
    assert!(refused.len() < 25, "{refused:?}");
}

/// Values of all variables of a piecewise linear program with exact weights, exactly.
fn values(program: &Program, point: &[Rational]) -> Option<Vec<Rational>> {
    let mut values = point.to_vec();
    for definition in &program.definitions[program.inputs..] {
        values.push(match *definition {
            Definition::Input => return None,
            Definition::Affine { first, count, bias } => {
                let (columns, weights, radii) = program.terms(first, count);
                if bias.lo != bias.hi || radii.iter().any(|radius| *radius != 0.0) {
                    return None;
                }
                let mut sum = exact(bias.lo);
                for (column, w) in columns.iter().zip(weights) {
                    sum += &(&exact(*w) * &values[*column as usize]);
                }
                sum
            }
            Definition::Relu { of } => values[of as usize].relu(),
            Definition::Pointwise { of, function } => {
                program.functions[function as usize].exact(&values[of as usize])?
            }
            Definition::Product { factors: [x, y] } => &values[x as usize] * &values[y as usize],
        });
    }
    Some(values)
}

/// A random program: affine maps of several earlier variables, relus, curves and products.
fn random(rng: &mut Rng) -> Program {
    let inputs = rng.usize(1..4);
    let functions = vec![
        Function::Pow { exponent: 2.0 },
        Function::Sign,
        Function::Floor,
        Function::HardSigmoid { alpha: 0.25, beta: 0.5 },
    ];
    let mut program = Program {
        inputs,
        definitions: vec![Definition::Input; inputs],
        functions,
        ..Program::default()
    };
    let scale = [1.0, 1.0, 1.0e-160, 1.0e12][rng.usize(0..4)];
    let mut products = 0;
    while program.len() < inputs + rng.usize(4..40) {
        let any = |rng: &mut Rng| rng.u32(0..program.len() as u32);
        let definition = match rng.u8(0..8) {
            0 | 1 => Definition::Relu { of: any(rng) },
            2 => Definition::Pointwise { of: any(rng), function: rng.u32(0..4) },
            3 if products < 2 => {
                products += 1;
                let (x, y) = (any(rng), any(rng));
                Definition::Product { factors: [x.min(y), x.max(y)] }
            }
            _ => {
                let first = program.columns.len() as u32;
                let mut columns: Vec<u32> = (0..rng.usize(1..6)).map(|_| any(rng)).collect();
                columns.sort_unstable();
                columns.dedup();
                for column in &columns {
                    program.columns.push(*column);
                    program.weights.push((2.0 * rng.f64() - 1.0) * scale);
                }
                let bias = (2.0 * rng.f64() - 1.0) * if rng.bool() { scale } else { 0.0 };
                let bias = Interval { lo: bias, hi: bias };
                Definition::Affine { first, count: columns.len() as u32, bias }
            }
        };
        program.definitions.push(definition);
    }
    program.outputs = vec![program.len() as u32 - 1];
    program
}

/// Intervals, tightened bounds and forms of random programs, at random points, ends and centres of boxes.
#[test]
fn bounds_and_forms_hold_at_every_point() {
    let mut scratch = Scratch::default();
    let mut checked = 0;
    for seed in 0..600 {
        let mut rng = Rng::with_seed(seed);
        let program = random(&mut rng);
        let dims = program.inputs;
        let lower: Vec<f64> = (0..dims).map(|_| 4.0 * rng.f64() - 2.0).collect();
        let width = [2.0, 0.01, 1.0e-12, 0.0][rng.usize(0..4)];
        let upper: Vec<f64> = lower.iter().map(|l| l + width * rng.f64()).collect();
        let frame = Bounds::frame(&program, &lower, &upper);
        let plain = frame.interval(&lower, &upper, None);
        let tight = frame.tightened(&lower, &upper, Some(&plain), &[], &mut scratch);
        // Any slopes are as good as the usual ones.
        let slopes: Vec<f64> = (0..program.len())
            .map(|_| [f64::NAN, 0.0, 1.0, rng.f64(), 3.0 * rng.f64() - 1.0][rng.usize(0..5)])
            .collect();
        let seeds: Vec<Vec<(u32, f64)>> = (0..3)
            .map(|_| {
                let pick = |rng: &mut Rng| rng.u32(0..program.len() as u32);
                let mut seed: Vec<(u32, f64)> =
                    (0..3).map(|_| (pick(&mut rng), 2.0 * rng.f64() - 1.0)).collect();
                seed.dedup_by_key(|term| term.0);
                seed
            })
            .collect();
        let all: Vec<&[(u32, f64)]> = seeds.iter().map(Vec::as_slice).collect();
        let mut forms = Vec::new();
        for (bounds, slopes) in [(&plain, &[][..]), (&tight, &[]), (&tight, &slopes[..])] {
            let choice = Choice { slopes, ..Choice::default() };
            forms.push(frame.backward(bounds, &all, choice, &mut scratch));
        }
        for p in 0..12 {
            let point: Vec<f64> = lower
                .iter()
                .zip(&upper)
                .map(|(l, u)| match p % 3 {
                    0 => [*l, *u][rng.usize(0..2)],
                    1 => 0.5 * l + 0.5 * u,
                    _ => (l + rng.f64() * (u - l)).clamp(*l, *u),
                })
                .collect();
            let point: Vec<Rational> = point.iter().map(|x| exact(*x)).collect();
            let Some(values) = values(&program, &point) else { continue };
            for bounds in [&plain, &tight] {
                for (v, value) in values.iter().enumerate() {
                    let interval = Interval { lo: bounds.lower[v], hi: bounds.upper[v] };
                    assert!(interval.contains(value), "seed {seed}, variable {v}: {interval:?}");
                    checked += 1;
                }
            }
            for (r, seed_row) in seeds.iter().enumerate() {
                let mut truth = Rational::ZERO;
                for (v, coefficient) in seed_row {
                    truth += &(&exact(*coefficient) * &values[*v as usize]);
                }
                for forms in &forms {
                    let form = &forms[r];
                    let finite = form.coefficients.iter().all(|c| c.is_finite());
                    let Some(mut below) = Rational::from_f64(form.constant).filter(|_| finite)
                    else {
                        continue;
                    };
                    for (c, x) in form.coefficients.iter().zip(&point) {
                        below += &(&exact(*c) * x);
                    }
                    assert!(below <= truth, "seed {seed}, row {r}");
                    let least = form.minimum(&lower, &upper);
                    assert!(Rational::from_f64(least).is_none_or(|least| least <= below));
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 100_000, "{checked}");
}

/// A program of affine variables, each given by its terms and bias.
fn affine(inputs: usize, variables: &[(&[(u32, f64)], f64)]) -> Program {
    let mut program = Program { inputs, ..Program::default() };
    program.definitions = vec![Definition::Input; inputs];
    for (terms, bias) in variables {
        let first = program.columns.len() as u32;
        for (column, weight) in *terms {
            program.columns.push(*column);
            program.weights.push(*weight);
        }
        let bias = Interval { lo: *bias, hi: *bias };
        program.definitions.push(Definition::Affine { first, count: terms.len() as u32, bias });
    }
    program.outputs = vec![program.len() as u32 - 1];
    program
}

/// A form of the last variable, at a point, is below its exact value.
fn assert_below(program: &Program, lower: &[f64], upper: &[f64], point: &[f64]) {
    let frame = Bounds::frame(program, lower, upper);
    let bounds = frame.interval(lower, upper, None);
    let seed = [(program.outputs[0], 1.0)];
    let forms = frame.backward(&bounds, &[&seed], Choice::default(), &mut Scratch::default());
    let point: Vec<Rational> = point.iter().map(|x| exact(*x)).collect();
    let truth = values(program, &point).unwrap().pop().unwrap();
    let mut below = exact(forms[0].constant);
    for (c, x) in forms[0].coefficients.iter().zip(&point) {
        below += &(&exact(*c) * x);
    }
    assert!(below <= truth, "{below} is above {truth}");
}

/// Constants that each round up by half a unit: no other charge of a sweep covers hundreds of them.
#[test]
fn sums_of_many_constants_are_charged() {
    let small = 2f64.powi(-53) + 2f64.powi(-100);
    let mut variables: Vec<(&[(u32, f64)], f64)> = vec![(&[], small); 400];
    variables.push((&[], 1.0));
    let all: Vec<(u32, f64)> = (1..402).map(|column| (column, 1.0)).collect();
    variables.push((&all, 0.0));
    assert_below(&affine(1, &variables), &[0.0], &[1.0], &[0.5]);
}

/// A product of coefficients that is zero in floats, and meets a large variable.
#[test]
fn coefficients_that_underflow_are_charged() {
    let (a, b, large) = (2f64.powi(-500), 2f64.powi(-600), 2f64.powi(1000));
    let variables: [(&[(u32, f64)], f64); 2] = [(&[(0, a)], 0.0), (&[(1, b)], 0.0)];
    assert_below(&affine(1, &variables), &[-large], &[large], &[-large]);
}
