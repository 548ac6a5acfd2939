//! Enclosures against a second implementation of higher precision.

use super::reference::{self, Big, inside};
use super::*;
use fastrand::Rng;

/// Every function, with powers of all kinds.
pub(super) const ALL: &[Elementary] = &[
    Elementary::Exp,
    Elementary::Expm1,
    Elementary::Log,
    Elementary::Log1p,
    Elementary::Sqrt,
    Elementary::Reciprocal,
    Elementary::Power(0.0),
    Elementary::Power(1.0),
    Elementary::Power(2.0),
    Elementary::Power(3.0),
    Elementary::Power(7.0),
    Elementary::Power(-1.0),
    Elementary::Power(-2.0),
    Elementary::Power(0.5),
    Elementary::Power(0.3),
    Elementary::Power(-0.5),
    Elementary::Power(1.5),
    Elementary::Power(2.5),
    Elementary::Power(100.0),
    Elementary::Power(101.0),
    Elementary::Power(-77.0),
    Elementary::Sin,
    Elementary::Cos,
    Elementary::Tan,
    Elementary::Atan,
    Elementary::Tanh,
    Elementary::Sigmoid,
    Elementary::Softsign,
    Elementary::Erf,
    Elementary::Softplus,
    Elementary::Silu,
    Elementary::Mish,
    Elementary::Gelu,
    Elementary::GeluTanh,
];

/// Whether the reference can say something here: the function is defined and the result is moderate.
fn is_covered(function: Elementary, x: f64) -> bool {
    let log = x.abs().ln();
    x.is_finite()
        && function.is_defined_on(Interval::point(x))
        && match function {
            Elementary::Exp | Elementary::Expm1 => x < 700.0,
            Elementary::Sin | Elementary::Cos | Elementary::Tan => x.abs() <= 1.0e15,
            Elementary::Power(p) => x == 0.0 || (p * log).abs() < 700.0,
            _ => true,
        }
}

/// Floats of all sizes, and many where functions saturate, turn, or are reduced.
pub(super) fn argument(rng: &mut Rng) -> f64 {
    let near = |rng: &mut Rng, centre: f64| {
        let scale = 10f64.powi(-rng.i32(0..17));
        centre + scale * (rng.f64() - 0.5) * centre.abs().max(1.0e-3)
    };
    match rng.u32(0..13) {
        0 | 1 => f64::from_bits(rng.u64(..)),
        2 => rng.f64() * 2.0 - 1.0,
        3 => rng.f64() * 20.0 - 10.0,
        4 => rng.f64() * 100.0 - 50.0,
        5 => rng.f64() * 1500.0 - 750.0,
        6 => f64::from(rng.i32(-60..60)) / 16.0,
        7 => {
            let turning = [
                -2.39936,
                2.39936,
                -2.25638,
                1.49057,
                std::f64::consts::SQRT_2,
                -1.41850,
                -1.2784645,
            ];
            let centre = turning[rng.usize(0..turning.len())];
            near(rng, centre)
        }
        8 => near(rng, 1.0),
        9 => {
            // Next to multiples of pi/2.
            let k = (2f64.powf(rng.f64() * 49.0)).round();
            let x = k * std::f64::consts::FRAC_PI_2;
            f64::from_bits(x.to_bits().wrapping_add_signed(rng.i64(-2..3)))
        }
        10 => {
            let ends = [5.92, 6.0625, 27.2, -8.4, -38.5, 0.5625, 19.06];
            let centre = ends[rng.usize(0..ends.len())];
            near(rng, centre)
        }
        11 => f64::from_bits(rng.u64(0..1 << 54)) * if rng.bool() { -1.0 } else { 1.0 },
        _ => f64::from(f32::from_bits(rng.u32(..))),
    }
}

const SPECIAL: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    f64::MIN_POSITIVE,
    -f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    f64::MAX,
    f64::MIN,
    1.0e15,
    -1.0e15,
    709.78,
    709.79,
    710.0,
    -745.0,
    -745.2,
    -746.0,
    2048.0,
    -2048.0,
    4096.0,
    -4096.0,
    8192.5,
    -8192.5,
    1e5,
    -1e5,
];

fn check(function: Elementary, x: f64) {
    if is_covered(function, x) {
        let value = function.value(x);
        let expected = reference::value(function, x);
        assert!(inside(&expected, value.lo, value.hi), "{function:?} at {x:e}: {value:?}");
        let near = function.approximate(x);
        assert!(value.lo.next_down() <= near && near <= value.hi.next_up(), "{function:?} {x:e}");
        let has_slope = !matches!(function, Elementary::Power(_) | Elementary::Sqrt) || x != 0.0;
        if has_slope {
            let slope = function.slope(x);
            let expected = reference::slope(function, x);
            assert!(inside(&expected, slope.lo, slope.hi), "{function:?}' at {x:e}: {slope:?}");
        }
    } else if x.is_finite() && !function.is_defined_on(Interval::point(x)) {
        assert_eq!(function.value(x), Interval::ALL, "{function:?} {x:e}");
    } else {
        let value = function.value(x);
        assert!(value.lo <= value.hi, "{function:?} {x:e}");
    }
}

#[test]
fn enclosures_contain_the_value_and_the_slope() {
    let mut rng = Rng::with_seed(1);
    for function in ALL {
        for x in SPECIAL {
            check(*function, *x);
        }
        for _ in 0..1500 {
            check(*function, argument(&mut rng));
        }
    }
}

/// The same with many more points.
#[test]
#[ignore = "some minutes"]
fn enclosures_contain_the_value_and_the_slope_at_many_points() {
    for function in ALL {
        let mut rng = Rng::with_seed(2);
        for _ in 0..60_000 {
            check(*function, argument(&mut rng));
        }
    }
}

/// A ball around a float that is not its middle, of any width, also across zero.
fn ball_with(x: f64, rng: &mut Rng) -> Ball {
    let size = Ball::exact(x).scale(-rng.i32(0..64)).add(Ball::exact(match rng.u32(0..4) {
        0 => 10f64.powi(-rng.i32(0..20)),
        _ => 0.0,
    }));
    let away = size.mul(Ball::exact(2.0 * rng.f64() - 1.0));
    let radius = Ball { mid: 0, err: away.mid.unsigned_abs() + away.err, exp: away.exp };
    Ball::exact(x).add(away).add(radius)
}

#[test]
fn balls_give_the_values_of_their_points() {
    let mut rng = Rng::with_seed(9);
    for function in ALL {
        for _ in 0..20_000 {
            let x = argument(&mut rng);
            let ball = ball_with(x, &mut rng);
            // What is known of the float itself is narrow and tested against the reference.
            let overlap = |a: Interval, b: Interval| a.lo <= b.hi && b.lo <= a.hi;
            let value = function.at(ball).interval();
            assert!(
                value == Interval::ALL || overlap(value, function.value(x)),
                "{function:?} at {x:e} in {ball:?}: {value:?} {:?}",
                function.value(x)
            );
            let slope = function.slope_at(ball).interval();
            assert!(
                slope == Interval::ALL || overlap(slope, function.slope(x)),
                "{function:?}' at {x:e} in {ball:?}: {slope:?} {:?}",
                function.slope(x)
            );
        }
    }
}

#[test]
fn infinities_and_poles_give_limits_or_nothing() {
    let inf = f64::INFINITY;
    for function in ALL {
        for x in [inf, -inf, f64::NAN] {
            let value = function.value(x);
            assert!(value.lo <= value.hi, "{function:?} {x}");
        }
    }
    assert_eq!(Elementary::Exp.value(-inf), Interval::ZERO);
    assert_eq!(Elementary::Sigmoid.value(inf), Interval::point(1.0));
    assert_eq!(Elementary::Log.value(0.0), Interval::ALL);
    assert_eq!(Elementary::Power(0.5).value(-1.0), Interval::ALL);
    assert_eq!(Elementary::Power(-1.0).value(0.0), Interval::ALL);
    assert_eq!(Elementary::Power(-2.0).image(Interval::new(-1.0, 1.0)), Interval::ALL);
    assert_eq!(Elementary::Tan.image(Interval::new(1.0, 2.0)), Interval::ALL);
    assert_eq!(Elementary::Sin.value(1.0e16), Interval::new(-1.0, 1.0));
    assert_eq!(Elementary::Exp.value(1.0e4), Interval::new(f64::MAX, inf));
    assert_eq!(Elementary::Exp.value(-1.0e4), Interval::new(0.0, 5e-324));
    assert!(
        Elementary::Log.approximate(-1.0).is_nan() && Elementary::Sin.approximate(1e16).is_nan()
    );
    let quarter = Elementary::Atan.value(inf);
    assert!(quarter.lo < quarter.hi && quarter.lo == std::f64::consts::FRAC_PI_2);
}

#[test]
fn images_contain_values_and_slopes_of_points() {
    let mut rng = Rng::with_seed(3);
    for function in ALL {
        for _ in 0..400 {
            let (a, b) = (argument(&mut rng), argument(&mut rng));
            let b = if rng.bool() { a + (b - a) * 10f64.powi(-rng.i32(0..15)) } else { b };
            if !a.is_finite() || !b.is_finite() {
                continue;
            }
            let x = Interval::new(a.min(b), a.max(b));
            let (image, slopes) = (function.image(x), function.slopes(x));
            if !function.is_defined_on(x) {
                assert_eq!(image, Interval::ALL);
                continue;
            }
            for k in 0..12 {
                let t = if k < 2 { f64::from(k) } else { rng.f64() };
                let at = ((1.0 - t) * x.lo + t * x.hi).clamp(x.lo, x.hi);
                let (value, slope) = (function.value(at), function.slope(at));
                // The point's own enclosure is not empty, so it meets any that contains the value.
                assert!(image.lo <= value.hi && value.lo <= image.hi, "{function:?} {x:?} {at}");
                assert!(slopes.lo <= slope.hi && slope.lo <= slopes.hi, "{function:?}' {x:?} {at}");
                if is_covered(*function, at) && k < 4 {
                    let expected = reference::value(*function, at);
                    assert!(inside(&expected, image.lo, image.hi), "{function:?} {x:?} {at}");
                }
            }
        }
    }
}

#[test]
fn images_reach_extrema_and_no_further() {
    let x = Interval::new(-3.0, 3.0);
    assert_eq!(Elementary::Sin.image(Interval::new(0.0, 2.0)).hi, 1.0);
    assert_eq!(Elementary::Sin.image(Interval::new(-2.0, 0.5)).lo, -1.0);
    assert_eq!(Elementary::Cos.image(Interval::new(3.0, 3.5)).lo, -1.0);
    assert!(Elementary::Cos.image(Interval::new(3.0, 3.5)).hi < -0.9);
    assert_eq!(Elementary::Power(2.0).image(x), Interval::new(0.0, 9.0));
    let gelu = Elementary::Gelu.image(x).lo;
    assert!((-0.16997120747990375..-0.16997120747990363).contains(&gelu));
    let slopes = Elementary::Silu.slopes(x);
    assert!(slopes.hi > 1.0998 && slopes.hi < 1.0999 && slopes.lo < -0.0998 && slopes.lo > -0.0999);
    assert_eq!(Elementary::Sigmoid.slopes(Interval::new(f64::NEG_INFINITY, 1.0)).hi, 0.25);
}

/// Width of an enclosure in units of the last place of its larger end.
fn width(value: Interval) -> f64 {
    let end = value.lo.abs().max(value.hi.abs());
    (value.hi - value.lo) / (end - end.next_down())
}

/// The widest enclosures in units of the last place, for normal results: claims of the documentation.
fn widest(function: Elementary) -> f64 {
    match function {
        Elementary::Power(p) if p != p.trunc() && p != 0.5 => 64.0,
        Elementary::Power(p) if p.abs() > 64.0 => 64.0,
        // In the left tails an exponent up to 745 is rounded to 63 bits.
        Elementary::Gelu => 64.0,
        Elementary::GeluTanh => 128.0,
        _ => 2.0,
    }
}

#[test]
fn enclosures_are_narrow() {
    for function in ALL {
        let mut rng = Rng::with_seed(4);
        for _ in 0..20_000 {
            let x = argument(&mut rng);
            if !is_covered(*function, x) {
                continue;
            }
            let value = function.value(x);
            let magnitude = value.lo.abs().min(value.hi.abs());
            if (f64::MIN_POSITIVE..f64::MAX).contains(&magnitude) {
                assert!(width(value) <= widest(*function), "{function:?} at {x:e}: {value:?}");
            }
        }
    }
}

/// Nanoseconds that this thread has run, so that other work on the machine does not count.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Prints the widest and the mean width in units of the last place, and the time of an enclosure.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn measure_widths_and_times() {
    for function in ALL {
        let mut rng = Rng::with_seed(5);
        let (mut most, mut at, mut sum, mut count, mut slope_most) = (0.0, 0.0, 0.0, 0, 0.0f64);
        for _ in 0..400_000 {
            let x = argument(&mut rng);
            if !is_covered(*function, x) {
                continue;
            }
            let value = function.value(x);
            let magnitude = value.lo.abs().min(value.hi.abs());
            if magnitude < f64::MIN_POSITIVE || magnitude == f64::MAX {
                continue;
            }
            let width = width(value);
            sum += width;
            count += 1;
            if width > most {
                (most, at) = (width, x);
            }
            let slope = function.slope(x);
            let least = slope.lo.abs().min(slope.hi.abs());
            if least > 1e-300 && slope.hi.is_finite() {
                slope_most = slope_most.max(self::width(slope));
            }
        }
        let points: Vec<f64> = (0..4096).map(|_| rng.f64() * 8.0).collect();
        let mut total = 0.0;
        let start = processor_time();
        for _ in 0..20 {
            for x in &points {
                total += function.value(std::hint::black_box(*x)).lo;
            }
        }
        let value_time = (processor_time() - start) / (20.0 * 4096.0);
        let start = processor_time();
        for _ in 0..20 {
            for x in &points {
                total += function.slope(std::hint::black_box(*x)).lo;
            }
        }
        let slope_time = (processor_time() - start) / (20.0 * 4096.0);
        println!(
            "{function:?}: widest {most} at {at:e}, mean {:.3}, slope {slope_most}; {value_time:.0} ns, slope {slope_time:.0} ns ({})",
            sum / f64::from(count),
            total.is_nan()
        );
    }
}

#[test]
fn tables_hold_what_they_say() {
    use super::tables::*;
    let within = |value: &Big, mid: i64, exp: i32| {
        let low = big_scaled(mid, exp);
        let high = big_scaled(mid + 1, exp);
        low <= *value && *value <= high
    };
    for (i, (mid, exp)) in ATAN.iter().enumerate() {
        let angle = reference::value(Elementary::Atan, (i as f64 + 1.0) / 16.0);
        assert!(within(&angle, *mid, *exp), "{i}");
    }
    for (at, [(slope, slope_exp), (quotient, quotient_exp)]) in ERFC.iter().enumerate() {
        let c = (at as f64 + 4.0) / 8.0;
        let density = reference::slope(Elementary::Erf, c);
        assert!(within(&density, *slope, *slope_exp), "{c}");
        let complement = reference::complement(c) / density;
        assert!(within(&complement, *quotient, *quotient_exp), "{c}");
    }
    assert!(reference::complement(6.0) < reference::big(2f64.powi(-55)));
    let ln_2 = reference::value(Elementary::Log, 2.0);
    assert!(within(&ln_2, LN_2.mid, LN_2.exp));
    let low = Big::from(LN_2_FIXED) >> 112;
    assert!(low <= ln_2 && ln_2 <= (Big::from(LN_2_FIXED + 1) >> 112));
    let half_pi = Big::pi(320) / Big::from(2u32);
    assert!(within(&half_pi, HALF_PI.mid, HALF_PI.exp));
    let limbs = HALF_PI_LIMBS
        .iter()
        .rev()
        .fold(Big::ZERO.with_precision(320).value(), |sum, limb| (sum << 64) + Big::from(*limb));
    let distance = (half_pi.clone() << 192) - limbs;
    assert!(distance >= Big::ZERO && distance <= Big::ONE);
    let turns = (reference::big(1.0) / &half_pi) << 64;
    let distance = turns - Big::from(TWO_OVER_PI_64);
    assert!(distance >= Big::ZERO && distance <= Big::ONE);
    let root = reference::value(Elementary::Sqrt, 0.5);
    assert!(within(&root, SQRT_HALF.mid, SQRT_HALF.exp));
    let slope = reference::slope(Elementary::Erf, 0.0);
    assert!(within(&slope, TWO_OVER_SQRT_PI.mid, TWO_OVER_SQRT_PI.exp));
    assert!(within(&(slope * root), SQRT_TWO_OVER_PI.mid, SQRT_TWO_OVER_PI.exp));
}

fn big_scaled(mid: i64, exp: i32) -> Big {
    let mid = Big::from(mid);
    if exp >= 0 { mid << exp as isize } else { mid >> exp.unsigned_abs() as isize }
}
