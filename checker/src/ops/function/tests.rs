//! Values, shapes and lines of functions, against exact rationals and multiple precision.

use super::*;
use crate::number::elementary::Curvature;
use crate::number::elementary::reference::{self, Big, big, inside};
use crate::number::{Elementary, Interval, Rational};
use fastrand::Rng;

/// Every function, with several parameters.
const ALL: &[Function] = &[
    Function::LeakyRelu { alpha: 0.01 },
    Function::LeakyRelu { alpha: -0.5 },
    Function::LeakyRelu { alpha: 3.0 },
    Function::Elu { alpha: 1.0 },
    Function::Elu { alpha: 0.3 },
    Function::Elu { alpha: -2.0 },
    Function::Elu { alpha: 0.0 },
    Function::Selu { alpha: 1.6732632, gamma: 1.050701 },
    Function::Celu { alpha: 1.0 },
    Function::Celu { alpha: 0.7 },
    Function::ThresholdedRelu { alpha: 1.0 },
    Function::ThresholdedRelu { alpha: -0.7 },
    Function::ThresholdedRelu { alpha: 0.0 },
    Function::HardSigmoid { alpha: 0.2, beta: 0.5 },
    Function::HardSigmoid { alpha: -0.3, beta: 0.1 },
    Function::HardSigmoid { alpha: 0.0, beta: 1.5 },
    Function::HardSwish,
    Function::Clip { min: 0.0, max: 6.0 },
    Function::Clip { min: -1.25, max: f64::INFINITY },
    Function::Clip { min: f64::NEG_INFINITY, max: 0.1 },
    Function::Clip { min: 2.0, max: 2.0 },
    Function::Abs,
    Function::Sign,
    Function::Sigmoid,
    Function::Tanh,
    Function::Softplus,
    Function::Softsign,
    Function::Mish,
    Function::Gelu,
    Function::GeluTanh,
    Function::Swish { alpha: 1.0 },
    Function::Swish { alpha: 1.702 },
    Function::Swish { alpha: -0.4 },
    Function::Swish { alpha: 0.0 },
    Function::Erf,
    Function::Exp,
    Function::Log,
    Function::Sqrt,
    Function::Reciprocal,
    Function::Pow { exponent: 0.0 },
    Function::Pow { exponent: 1.0 },
    Function::Pow { exponent: 2.0 },
    Function::Pow { exponent: 3.0 },
    Function::Pow { exponent: -1.0 },
    Function::Pow { exponent: -2.0 },
    Function::Pow { exponent: 0.5 },
    Function::Pow { exponent: 1.5 },
    Function::Pow { exponent: -0.5 },
    Function::Sin,
    Function::Cos,
    Function::Tan,
    Function::Atan,
    Function::Floor,
    Function::Ceil,
    Function::Round,
];

fn exact_big(value: &Rational) -> Big {
    // All that occurs is within 320 bits of a quotient of integers that the text form shows.
    let text = value.to_string();
    let (numerator, denominator) = text.split_once('/').unwrap_or((&text, "1"));
    let part = |text: &str| {
        let (digits, places) = match text.split_once('.') {
            Some((whole, fraction)) => (format!("{whole}{fraction}"), fraction.len()),
            None => (text.to_string(), 0),
        };
        let integer: dashu_int::IBig = digits.parse().unwrap();
        let ten = dashu_int::IBig::from(10).pow(places);
        let big = |i: dashu_int::IBig| Big::from(i).with_precision(2400).value();
        big(integer) / big(ten)
    };
    part(numerator) / part(denominator)
}

/// The value to 200 bits and more, by the definition.
fn reference_value(function: &Function, x: f64) -> Big {
    if let Some(exact) = Rational::from_f64(x).and_then(|x| function.exact(&x)) {
        return exact_big(&exact);
    }
    let scaled_exponential = |alpha: f32, inner: Big| big(f64::from(alpha)) * expm1(inner);
    fn expm1(x: Big) -> Big {
        if x == big(0.0) { x } else { x.exp_m1() }
    }
    match *function {
        Function::Elu { .. } | Function::Celu { .. } if x >= 0.0 => big(x),
        Function::Elu { alpha } => scaled_exponential(alpha, big(x)),
        Function::Celu { alpha } => scaled_exponential(alpha, big(x) / big(f64::from(alpha))),
        Function::Selu { gamma, .. } if x > 0.0 => big(x) * big(f64::from(gamma)),
        Function::Selu { alpha, gamma } => {
            scaled_exponential(alpha, big(x)) * big(f64::from(gamma))
        }
        Function::Swish { alpha } => {
            let argument = big(x) * big(f64::from(alpha));
            big(x) / (big(1.0) + (-argument).exp())
        }
        _ => reference::value(function.elementary().unwrap(), x),
    }
}

/// Whether the reference can be computed here.
fn is_moderate(function: &Function, x: f64) -> bool {
    x.abs() < 600.0
        && function.is_defined_on(Interval::point(x))
        && (x == 0.0 || x.abs() > 1.0e-200)
}

fn argument(rng: &mut Rng) -> f64 {
    match rng.u32(0..6) {
        0 => f64::from(rng.i32(-20..20)) / 4.0,
        1 => (rng.f64() - 0.5) * 4.0,
        2 => (rng.f64() - 0.5) * 20.0,
        3 => (rng.f64() - 0.5) * 200.0,
        4 => (rng.f64() - 0.5) * 10f64.powi(-rng.i32(0..20)),
        _ => {
            let centres = [0.0, 1.0, -0.7, 2.5, -2.5, -3.0, 3.0, 6.0, 0.5, 1.5, -1.2785, 2.3994];
            centres[rng.usize(0..centres.len())] * (1.0 + f64::from(rng.i32(-3..4)) * f64::EPSILON)
        }
    }
}

#[test]
fn values_contain_the_exact_ones() {
    let mut rng = Rng::with_seed(11);
    for function in ALL {
        for _ in 0..600 {
            let x = argument(&mut rng);
            let value = function.value(x);
            if !is_moderate(function, x) {
                continue;
            }
            let exact = reference_value(function, x);
            assert!(inside(&exact, value.lo, value.hi), "{function:?} at {x:e}: {value:?}");
            if let Some(rational) = function.exact(&Rational::from_f64(x).unwrap()) {
                assert!(value.contains(&rational), "{function:?} at {x:e}: {value:?}");
                assert!(function.is_rational());
            } else {
                assert!(!function.is_rational() || x == 0.0);
            }
            let near = function.approximate(x);
            assert!(value.lo.next_down() <= near && near <= value.hi.next_up());
            let width = (value.hi - value.lo) / value.hi.abs().max(value.lo.abs()).max(1.0e-290);
            assert!(width <= 64.0 * f64::EPSILON, "{function:?} at {x:e}: {value:?}");
        }
    }
}

#[test]
fn images_and_slopes_contain_those_of_points() {
    let mut rng = Rng::with_seed(12);
    for function in ALL {
        for _ in 0..300 {
            let (a, b) = (argument(&mut rng), argument(&mut rng));
            let domain = Interval::new(a.min(b), a.max(b));
            let (image, slopes) = (function.image(domain), function.slopes(domain));
            if !function.is_defined_on(domain) {
                assert_eq!((image, slopes), (Interval::ALL, Interval::ALL));
                continue;
            }
            for x in points(function, domain, 12, &mut rng) {
                let value = function.value(x);
                assert!(
                    image.lo <= value.hi && value.lo <= image.hi,
                    "{function:?} {domain:?} {x}"
                );
                // A chord's slope between neighbouring points lies among the slopes.
                let y = (x + (domain.hi - x) * rng.f64() * 0.1).min(domain.hi);
                if y - x > 1.0e-3 {
                    let rise = function.value(y).add(value.neg());
                    let chord = crate::number::Scalar::div(&rise, &Interval::point(y - x));
                    let slack = 1.0e-9 * (1.0 + chord.hi.abs());
                    assert!(
                        slopes.lo <= chord.hi + slack && chord.lo - slack <= slopes.hi,
                        "{function:?}' {domain:?} {x} {y} {slopes:?} {chord:?}"
                    );
                }
            }
        }
    }
}

/// Points of a domain: its ends, breaks and their neighbours, and others.
fn points(function: &Function, domain: Interval, count: usize, rng: &mut Rng) -> Vec<f64> {
    let mut points = vec![domain.lo, domain.hi];
    for found in function.breaks(domain).into_iter().flatten().take(12) {
        for end in [found.at.lo, found.at.hi] {
            points.extend([end.next_down(), end, end.next_up()]);
        }
    }
    points.extend((0..count).map(|_| domain.lo + (domain.hi - domain.lo) * rng.f64()));
    points.retain(|x| *x >= domain.lo && *x <= domain.hi);
    points
}

/// Panics unless `s f(x) >= k x + b`, decided in exact arithmetic where enclosures are too wide for it.
fn assert_above(function: &Function, sign: f64, k: f64, b: f64, x: f64, domain: Interval) {
    let value = function.value(x);
    let value = if sign > 0.0 { value } else { value.neg() };
    let line = Interval::point(k).mul(Interval::point(x)).add(Interval::point(b));
    if value.lo >= line.hi {
        return;
    }
    let context =
        || format!("{function:?} sign {sign} slope {k:e} offset {b:e} at {x:e} on {domain:?}");
    assert!(value.hi >= line.lo, "{}", context());
    if is_moderate(function, x) {
        let precise = |v: f64| big(v).with_precision(2400).value();
        let exact = reference_value(function, x) * precise(sign);
        assert!(exact >= precise(k) * precise(x) + precise(b), "{}", context());
    }
}

fn domain(rng: &mut Rng) -> Interval {
    let a = argument(rng);
    let b = match rng.u32(0..6) {
        0 => a,
        1 => a.next_up(),
        2 => a + 10f64.powi(-rng.i32(1..18)),
        3 => a + 10f64.powi(rng.i32(0..12)),
        _ => argument(rng),
    };
    Interval::new(a.min(b), a.max(b))
}

fn slope(function: &Function, domain: Interval, rng: &mut Rng) -> f64 {
    let inner = domain.lo + (domain.hi - domain.lo) * rng.f64();
    match rng.u32(0..8) {
        0 => 0.0,
        1 => 10f64.powi(rng.i32(-12..12)) * if rng.bool() { 1.0 } else { -1.0 },
        2 => (rng.f64() - 0.5) * 4.0,
        3 if domain.hi > domain.lo => {
            let rise = function.approximate(domain.hi) - function.approximate(domain.lo);
            rise / (domain.hi - domain.lo)
        }
        _ => {
            let slopes = function.slopes(Interval::point(inner));
            if slopes.lo.is_finite() { slopes.lo } else { 1.0 }
        }
    }
}

#[test]
fn lines_lie_on_their_side() {
    check_lines(13, 120);
}

/// The same with many more domains and slopes.
#[test]
#[ignore = "some minutes"]
fn many_lines_lie_on_their_side() {
    check_lines(17, 4000);
}

fn check_lines(seed: u64, rounds: usize) {
    let mut rng = Rng::with_seed(seed);
    for function in ALL {
        for _ in 0..rounds {
            let domain = domain(&mut rng);
            let k = slope(function, domain, &mut rng);
            if !k.is_finite() {
                continue;
            }
            let (below, above) =
                (function.lowest_above(k, domain), function.highest_below(k, domain));
            assert!(below <= above, "{function:?} {k} {domain:?} {below} {above}");
            if !function.is_defined_on(domain) {
                assert_eq!((below, above), (f64::NEG_INFINITY, f64::INFINITY));
                continue;
            }
            for x in points(function, domain, 24, &mut rng) {
                if below > f64::NEG_INFINITY {
                    assert_above(function, 1.0, k, below, x, domain);
                }
                if above < f64::INFINITY {
                    assert_above(function, -1.0, -k, -above, x, domain);
                }
            }
        }
    }
}

#[test]
fn odd_questions_have_no_answer() {
    for function in ALL {
        for (k, domain) in [
            (f64::NAN, Interval::point(1.0)),
            (f64::INFINITY, Interval::point(1.0)),
            (1.0, Interval::ALL),
            (1.0, Interval { lo: 2.0, hi: 1.0 }),
            (1.0, Interval { lo: f64::NAN, hi: 1.0 }),
        ] {
            assert_eq!(function.lowest_above(k, domain), f64::NEG_INFINITY);
            assert_eq!(function.highest_below(k, domain), f64::INFINITY);
        }
        // Whatever overflows gives some answer, and no panic.
        for domain in [Interval::new(-1.0e300, 1.0e308), Interval::new(1.0, f64::MAX)] {
            for k in [0.0, 1.0, -1.0e300, f64::MAX, 5.0e-324] {
                assert!(function.lowest_above(k, domain) <= function.highest_below(k, domain));
                let image = function.image(domain);
                assert!(image.lo <= image.hi);
            }
        }
    }
}

/// The least of `f(x) - k x` over a grid, less the offset of the line, over the size of what is added up.
fn relative_gap(function: &Function, k: f64, domain: Interval) -> f64 {
    let below = function.lowest_above(k, domain);
    let (mut least, mut size) = (f64::INFINITY, 1.0e-300f64);
    let grid = (0..=2000)
        .map(|step| domain.lo + (domain.hi - domain.lo) * f64::from(step) / 2000.0)
        .chain(points(function, domain, 0, &mut Rng::with_seed(0)))
        .filter(|x| *x <= domain.hi);
    for x in grid {
        let value = function.approximate(x);
        least = least.min(value - k * x);
        size = size.max(value.abs()).max((k * x).abs());
    }
    (least - below) / size
}

/// Gaps over domains and slopes as a verifier asks for.
fn gaps(function: &Function) -> Vec<f64> {
    let mut rng = Rng::with_seed(14);
    let mut gaps = Vec::new();
    for _ in 0..300 {
        let (a, b) = ((rng.f64() - 0.5) * 12.0, (rng.f64() - 0.5) * 12.0);
        let domain = Interval::new(a.min(b), a.max(b));
        if !function.is_defined_on(domain) {
            continue;
        }
        let k = slope(function, domain, &mut rng);
        if k.abs() < 1.0e3 {
            gaps.push(relative_gap(function, k, domain));
        }
    }
    gaps.sort_by(f64::total_cmp);
    gaps
}

#[test]
fn lines_are_tight() {
    for function in ALL {
        let gaps = gaps(function);
        // What is left at the median is what the grid misses; at jumps the limit is no value.
        let stairs =
            function.branches().is_none() || matches!(function, Function::ThresholdedRelu { .. });
        let limit = if stairs { 1.0e-2 } else { 1.0e-6 };
        assert!(gaps[gaps.len() / 2] < limit, "{function:?}: {:e}", gaps[gaps.len() / 2]);
        let most = gaps[gaps.len() - 1];
        assert!(stairs || most < 1.0e-3, "{function:?}: {most:e}");
        assert!(gaps[0] > -1.0e-13, "{function:?}: {:e}", gaps[0]);
    }
}

#[test]
fn the_best_lines_are_met_exactly() {
    let domain = Interval::new(-1.0, 2.0);
    let relu = Function::Clip { min: 0.0, max: f64::INFINITY };
    assert_eq!(relu.lowest_above(0.5, domain), 0.0);
    assert_eq!(relu.lowest_above(1.0, domain), 0.0);
    assert_eq!(Function::Abs.lowest_above(-1.0, domain), 0.0);
    assert_eq!(Function::Abs.highest_below(0.5, domain), 1.5);
    assert_eq!(Function::Sign.lowest_above(0.0, domain), -1.0);
    assert_eq!(Function::Floor.lowest_above(1.0, Interval::new(0.0, 10.0)), -1.0);
    assert_eq!(Function::Floor.lowest_above(1.0, Interval::new(0.0, 0.5)), -0.5);
    assert_eq!(Function::Round.highest_below(0.0, Interval::new(-0.5, 0.5)), 0.0);
    assert_eq!(Function::Exp.highest_below(0.0, Interval::new(-1.0, 0.0)), 1.0);
    assert_eq!(Function::Pow { exponent: 2.0 }.lowest_above(2.0, domain), -1.0);
    let tangent = Function::Exp.lowest_above(1.0, domain);
    assert!(tangent <= 1.0 && tangent > 1.0 - 1.0e-15, "{tangent}");
}

#[test]
fn pieces_and_breaks_describe_the_function() {
    let domain = Interval::new(-5.0, 4.0);
    let mut rng = Rng::with_seed(15);
    for function in ALL {
        let Some(pieces) = function.pieces(domain) else {
            assert!(!function.is_defined_on(domain), "{function:?}");
            continue;
        };
        assert_eq!((pieces[0].lo, pieces[pieces.len() - 1].hi), (domain.lo, domain.hi));
        for pair in pieces.windows(2) {
            assert_eq!(pair[0].hi, pair[1].lo, "{function:?}");
        }
        for piece in pieces {
            if piece.curvature == Curvature::Unknown {
                assert!(piece.hi - piece.lo < 1.0e-14);
                continue;
            }
            // The middle of three points inside lies on the side of the chord that it should.
            for _ in 0..40 {
                let at = |t: f64| piece.lo + (piece.hi - piece.lo) * t;
                let (a, b) = (at(0.01 + 0.4 * rng.f64()), at(0.59 + 0.4 * rng.f64()));
                let middle = 0.5 * (a + b);
                let chord = 0.5 * (function.approximate(a) + function.approximate(b));
                let above = function.approximate(middle) - chord;
                let slack = 1.0e-12;
                let fits = match piece.curvature {
                    Curvature::Linear => above.abs() <= slack,
                    Curvature::Convex => above <= slack,
                    Curvature::Concave => above >= -slack,
                    Curvature::Unknown => true,
                };
                assert!(fits, "{function:?} {piece:?} {a} {b} {above:e}");
            }
        }
    }
    let kinds = |function: Function| -> Vec<(f64, BreakKind)> {
        function.breaks(domain).unwrap().iter().map(|found| (found.at.lo, found.kind)).collect()
    };
    assert_eq!(kinds(Function::Abs), [(0.0, BreakKind::Kink)]);
    assert_eq!(kinds(Function::Sign), [(0.0, BreakKind::Jump)]);
    assert_eq!(kinds(Function::Tanh), [(0.0, BreakKind::Inflection)]);
    assert_eq!(kinds(Function::Reciprocal), [(0.0, BreakKind::Pole)]);
    assert_eq!(kinds(Function::ThresholdedRelu { alpha: 1.0 }), [(1.0, BreakKind::Jump)]);
    assert_eq!(kinds(Function::ThresholdedRelu { alpha: 0.0 }), [(0.0, BreakKind::Kink)]);
    assert_eq!(kinds(Function::Floor).len(), 8);
    assert_eq!(kinds(Function::Round).len(), 9);
    assert_eq!(kinds(Function::Exp), []);
    assert_eq!(kinds(Function::Gelu).len(), 2);
    assert_eq!(kinds(Function::Swish { alpha: -2.0 }).len(), 2);
    assert_eq!(kinds(Function::Sin).len(), 3);
    assert_eq!(kinds(Function::HardSwish)[0].1, BreakKind::Kink);
    assert!(Function::Floor.breaks(Interval::new(0.0, 1.0e6)).is_none());
    assert!(Function::Log.breaks(domain).is_none());
    assert_eq!(Function::Abs.slopes(domain), Interval::new(-1.0, 1.0));
    assert_eq!(Function::Floor.slopes(Interval::new(0.5, 0.7)), Interval::ZERO);
    assert_eq!(Function::Floor.slopes(Interval::new(0.5, 1.0)), Interval::ALL);
}

#[test]
fn domain_errors_give_all_reals_and_no_nan() {
    for (function, x) in [
        (Function::Log, Interval::new(-1.0, 2.0)),
        (Function::Log, Interval::point(0.0)),
        (Function::Sqrt, Interval::new(-1.0e-300, 2.0)),
        (Function::Reciprocal, Interval::new(-1.0, 1.0)),
        (Function::Pow { exponent: -2.0 }, Interval::new(-1.0, 1.0)),
        (Function::Pow { exponent: 0.5 }, Interval::new(-1.0, 1.0)),
        (Function::Tan, Interval::new(1.0, 2.0)),
    ] {
        assert_eq!(function.image(x), Interval::ALL, "{function:?}");
    }
    for function in ALL {
        for x in [
            Interval::ALL,
            Interval::new(0.0, f64::INFINITY),
            Interval::new(f64::NEG_INFINITY, -1.0),
        ] {
            let image = function.image(x);
            assert!(image.lo <= image.hi, "{function:?} {x:?}");
            let slopes = function.slopes(x);
            assert!(slopes.lo <= slopes.hi, "{function:?} {x:?}");
        }
    }
    assert_eq!(Function::Sigmoid.image(Interval::ALL), Interval::new(0.0, 1.0));
    assert_eq!(Function::Clip { min: 0.0, max: 6.0 }.image(Interval::ALL), Interval::new(0.0, 6.0));
    assert_eq!(Function::Reciprocal.exact(&Rational::ZERO), None);
    assert!(Function::Log.approximate(-1.0).is_nan());
}

#[test]
fn ramps_are_near_next_to_their_ends() {
    for function in [
        Function::HardSwish,
        Function::HardSigmoid { alpha: 0.2, beta: 0.5 },
        Function::HardSigmoid { alpha: -0.3, beta: 0.1 },
        Function::HardSigmoid { alpha: 3.0, beta: -7.0 },
    ] {
        for found in function.breaks(Interval::new(-9.0, 9.0)).unwrap() {
            let mut x = found.at.lo;
            (0..20).for_each(|_| x = x.next_down());
            for _ in 0..40 {
                let near = Rational::from_f64(function.approximate(x)).unwrap();
                let exact = function.exact(&Rational::from_f64(x).unwrap()).unwrap();
                let few = Rational::from_f64(2.0 * f64::EPSILON).unwrap();
                assert!((&near - &exact).abs() <= &exact.abs() * &few, "{function:?} {x:e}");
                x = x.next_up();
            }
        }
    }
}

#[test]
fn halves_round_to_even() {
    for (x, rounded) in
        [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (-2.5, -2), (2.4, 2), (-2.6, -3)]
    {
        let exact = Function::Round.exact(&Rational::from_f64(x).unwrap()).unwrap();
        assert_eq!(exact, Rational::from(rounded), "{x}");
        assert_eq!(Function::Round.approximate(x), rounded as f64);
    }
}

fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Prints how far offsets are from a grid's best and how long they take.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn measure_gaps_and_times() {
    for function in ALL {
        let gaps = gaps(function);
        let mut rng = Rng::with_seed(16);
        let mut questions = Vec::new();
        while questions.len() < 1000 {
            let (a, b) = ((rng.f64() - 0.5) * 12.0, (rng.f64() - 0.5) * 12.0);
            let domain = Interval::new(a.min(b), a.max(b));
            let domain = if function.is_defined_on(domain) {
                domain
            } else {
                Interval::new(0.5, 0.5 + rng.f64())
            };
            questions.push((slope(function, domain, &mut rng), domain));
        }
        let start = processor_time();
        let mut sum = 0.0;
        let rounds = 60;
        for _ in 0..rounds {
            for (k, domain) in &questions {
                sum += function.lowest_above(*k, *domain).max(-1.0e9);
            }
        }
        let time = (processor_time() - start) / f64::from(rounds) / 1000.0;
        let (median, most) = (gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
        println!(
            "{function:?}: median gap {median:.1e}, most {most:.1e}; {time:.0} ns ({})",
            sum > 0.0
        );
    }
}

#[test]
fn elementary_functions_are_named_once() {
    assert_eq!(Function::Pow { exponent: 2.0 }.elementary(), Some(Elementary::Power(2.0)));
    assert!(Function::HardSwish.elementary().is_none());
}
