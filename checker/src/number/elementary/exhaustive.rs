//! Enclosures at every float32, against a second implementation in double-double arithmetic (about 100 bits).
//!
//! Where that is too coarse to place the value strictly inside, because the value lies next to an end of the
//! enclosure or is a float, the multiple-precision reference decides.

use super::reference::{self, inside};
use super::*;

/// An unevaluated sum of two floats, the second less than an ulp of the first.
#[derive(Clone, Copy)]
struct Double(f64, f64);

fn two_sum(a: f64, b: f64) -> Double {
    let s = a + b;
    let v = s - a;
    Double(s, (a - (s - v)) + (b - v))
}

impl Double {
    fn of(a: f64) -> Double {
        Double(a, 0.0)
    }

    fn add(self, other: Double) -> Double {
        let (high, low) = (two_sum(self.0, other.0), two_sum(self.1, other.1));
        let middle = two_sum(high.0, high.1 + low.0);
        two_sum(middle.0, middle.1 + low.1)
    }

    fn neg(self) -> Double {
        Double(-self.0, -self.1)
    }

    fn mul(self, other: Double) -> Double {
        let p = self.0 * other.0;
        let e = self.0.mul_add(other.0, -p) + (self.0 * other.1 + self.1 * other.0);
        two_sum(p, e)
    }

    fn div(self, other: Double) -> Double {
        let q = self.0 / other.0;
        let rest = self.add(other.mul(Double::of(-q)));
        let q2 = (rest.0 + rest.1) / other.0;
        let rest = rest.add(other.mul(Double::of(-q2)));
        two_sum(q, q2).add(Double::of(rest.0 / other.0))
    }

    /// Times a power of two that keeps it normal.
    fn scale(self, factor: f64) -> Double {
        Double(self.0 * factor, self.1 * factor)
    }
}

/// `ln 2` to three floats.
const LN_2: [f64; 3] = [std::f64::consts::LN_2, 2.3190468138462996e-17, 5.707708438416212e-34];

/// `e^x - 1` for `|x| < 0.4`: Taylor's series at a 64th, then six times `m (m + 2)`.
fn small_expm1(x: Double) -> Double {
    let r = x.scale(1.0 / 64.0);
    let mut sum = Double::of(0.0);
    for k in (1..=12).rev() {
        sum = sum.add(Double::of(1.0)).mul(r).div(Double::of(f64::from(k)));
    }
    for _ in 0..6 {
        sum = sum.mul(sum.add(Double::of(2.0)));
    }
    sum
}

/// `2^-k e^x` and `k`.
fn exp(x: Double) -> (Double, i32) {
    let k = (x.0 / LN_2[0]).round();
    let mut rest = x;
    for part in LN_2 {
        let p = -k * part;
        rest = rest.add(two_sum(p, (-k).mul_add(part, -p)));
    }
    (small_expm1(rest).add(Double::of(1.0)), k as i32)
}

fn expm1(x: Double) -> Double {
    if x.0.abs() < 0.3 {
        return small_expm1(x);
    }
    let (m, k) = exp(x);
    m.scale(2f64.powi(k)).add(Double::of(-1.0))
}

fn ln(x: f64) -> Double {
    let e = x.log2().round() as i32;
    let m = x / 2f64.powi(e);
    // Newton's step for e^y = m, from a float: the error is squared.
    let y = m.ln();
    let (power, k) = exp(Double::of(-y));
    let step = power.scale(2f64.powi(k)).mul(Double::of(m)).add(Double::of(-1.0));
    let half_square = step.mul(step).scale(0.5);
    let cube = step.mul(step).mul(step).div(Double::of(3.0));
    let mut sum = Double::of(y).add(step).add(half_square.neg()).add(cube);
    for part in LN_2 {
        let p = f64::from(e) * part;
        sum = sum.add(two_sum(p, f64::from(e).mul_add(part, -p)));
    }
    sum
}

/// By `2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!!`.
fn erf(x: f64) -> Double {
    let square = Double::of(x).mul(Double::of(x));
    let (mut term, mut sum) = (Double::of(x), Double::of(x));
    let mut n = 0.0;
    while term.0 > 1.0e-34 * sum.0 {
        n += 1.0;
        term = term.mul(square.scale(2.0)).div(Double::of(2.0 * n + 1.0));
        sum = sum.add(term);
    }
    let (power, k) = exp(square.neg());
    let two_over_root_pi = Double(std::f64::consts::FRAC_2_SQRT_PI, 1.533545961316588e-17);
    sum.mul(power.scale(2f64.powi(k))).mul(two_over_root_pi)
}

/// Relative error that is allowed for.
const ERROR: f64 = 1.0e-27;

/// Whether a number within [`ERROR`] of `value` is surely inside.
fn surely_inside(value: Double, enclosure: Interval) -> bool {
    let error = value.0.abs() * ERROR;
    let from_lo = value.add(Double::of(-enclosure.lo));
    let to_hi = value.neg().add(Double::of(enclosure.hi));
    from_lo.0 + from_lo.1 > error && to_hi.0 + to_hi.1 > error
}

/// Checks all float32 numbers for which `double` is not `None`; returns how many needed the reference.
#[allow(clippy::print_stdout)]
fn all_floats(function: Elementary, double: impl Fn(f64) -> Option<Double>) {
    let (mut checked, mut by_reference) = (0u64, 0u64);
    let start = std::time::Instant::now();
    for bits in 0..=u32::MAX {
        let x = f64::from(f32::from_bits(bits));
        let Some(value) = double(x) else { continue };
        let enclosure = function.value(x);
        checked += 1;
        if !surely_inside(value, enclosure) {
            by_reference += 1;
            let exact = reference::value(function, x);
            assert!(
                inside(&exact, enclosure.lo, enclosure.hi),
                "{function:?} at {x:e}: {enclosure:?}"
            );
        }
    }
    println!("{function:?}: {checked} checked, {by_reference} by reference, {:?}", start.elapsed());
}

#[test]
#[ignore = "all 2^32 inputs"]
fn exp_at_every_float32() {
    all_floats(Elementary::Exp, |x| {
        if !(x.abs() < 700.0) {
            return None;
        }
        let (m, k) = exp(Double::of(x));
        Some(m.scale(2f64.powi(k)))
    });
}

#[test]
#[ignore = "all 2^32 inputs"]
fn sigmoid_at_every_float32() {
    all_floats(Elementary::Sigmoid, |x| {
        if !(x.abs() < 700.0) {
            return None;
        }
        let (m, k) = exp(Double::of(-x.abs()));
        let e = m.scale(2f64.powi(k));
        let below = e.add(Double::of(1.0));
        Some(if x < 0.0 { e.div(below) } else { Double::of(1.0).div(below) })
    });
}

#[test]
#[ignore = "all 2^31 magnitudes"]
fn tanh_at_every_float32() {
    all_floats(Elementary::Tanh, |x| {
        if !(x > 0.0 && x < 40.0) {
            return None;
        }
        let m = expm1(Double::of(-2.0 * x));
        Some(m.neg().div(m.add(Double::of(2.0))))
    });
}

#[test]
#[ignore = "all 2^31 magnitudes"]
fn erf_at_every_float32() {
    all_floats(Elementary::Erf, |x| (x > 0.0 && x < 6.5).then(|| erf(x)));
}

#[test]
#[ignore = "all 2^31 positive inputs"]
fn ln_at_every_float32() {
    all_floats(Elementary::Log, |x| (x > 0.0 && x.is_finite()).then(|| ln(x)));
}

/// The second implementation itself, against the reference.
#[test]
fn double_double_is_as_good_as_it_says() {
    let mut rng = fastrand::Rng::with_seed(9);
    for _ in 0..3000 {
        let x = f64::from(((rng.f64() - 0.5) * 20.0 * 10f64.powi(-rng.i32(0..30))) as f32);
        let near = |value: Double, function: Elementary, at: f64| {
            let exact = reference::value(function, at);
            let sum = reference::big(value.0) + reference::big(value.1);
            let distance = (sum - &exact).to_f64().value().abs();
            assert!(distance <= 0.5 * ERROR * exact.to_f64().value().abs(), "{function:?} {at:e}");
        };
        let (m, k) = exp(Double::of(x));
        near(m.scale(2f64.powi(k)), Elementary::Exp, x);
        near(expm1(Double::of(x)), Elementary::Expm1, x);
        if x > 0.0 {
            near(ln(x), Elementary::Log, x);
            near(erf(x), Elementary::Erf, x);
        }
    }
}
