//! Values and slopes of the elementary functions to 200 bits and more, for tests: written independently on
//! another library's multiple-precision arithmetic, from the definitions.

use super::Elementary;
use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;

pub(crate) type Big = FBig<HalfEven, 2>;

/// Bits to which results are good, at least.
const PRECISION: usize = 320;

pub(crate) fn big(x: f64) -> Big {
    Big::try_from(x).unwrap().with_precision(PRECISION).value()
}

fn precise(x: &Big, bits: usize) -> Big {
    x.clone().with_precision(bits).value()
}

fn pi(bits: usize) -> Big {
    Big::pi(bits)
}

fn sqrt(x: &Big) -> Big {
    x.sqrt()
}

/// `e^x`, with underflow to zero.
fn exp(x: &Big) -> Big {
    if *x < big(-1.0e5) { big(0.0) } else { x.exp() }
}

/// `erf(x)` by `2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!!`, whose terms are positive.
fn erf(x: &Big) -> Big {
    let x_abs = if *x < big(0.0) { -x } else { x.clone() };
    if x_abs > big(40.0) {
        return if *x < big(0.0) { big(-1.0) } else { big(1.0) };
    }
    // 1 - erf(x) is above e^-x^2 / (2 x + 2): that many bits more.
    let extra = 3 * x_abs.to_f64().value().powi(2) as usize / 2;
    let bits = PRECISION + extra + 20;
    let x = precise(x, bits);
    let square = &x * &x;
    let (mut term, mut sum, mut n) = (x.clone(), x.clone(), 0u32);
    loop {
        n += 1;
        term = &term * &square * Big::from(2u32) / precise(&Big::from(2 * n + 1), bits);
        let next = &sum + &term;
        if next == sum {
            break;
        }
        sum = next;
    }
    sum * (-square).exp() * Big::from(2u32) / sqrt(&pi(bits))
}

/// `erfc(x)` for tests of the tables.
pub(crate) fn complement(x: f64) -> Big {
    erfc(&big(x))
}

fn erfc(x: &Big) -> Big {
    let bits = PRECISION + 3000;
    precise(&(precise(&big(1.0), bits) - erf(x)), PRECISION)
}

fn ln_1p(x: &Big) -> Big {
    // The tests' exact zeros come with either sign and no precision.
    if x.to_f64().value() == 0.0 && x.repr().significand().is_zero() {
        return big(0.0);
    }
    precise(x, PRECISION).ln_1p()
}

fn sigmoid(x: &Big) -> Big {
    if *x < big(-1.0e5) {
        return big(0.0);
    }
    big(1.0) / (big(1.0) + exp(&-x))
}

fn sigmoid_slope(x: &Big) -> Big {
    let e = exp(&if *x < big(0.0) { x.clone() } else { -x });
    let below = big(1.0) + &e;
    e / (&below * &below)
}

fn normal(x: &Big) -> Big {
    erfc(&(-x / sqrt(&big(2.0)))) / big(2.0)
}

fn density(x: &Big) -> Big {
    exp(&(-(x * x) / big(2.0))) / sqrt(&(pi(PRECISION) * big(2.0)))
}

fn cubic() -> Big {
    big(44715.0) / big(1.0e6)
}

fn tanh_form(x: &Big) -> Big {
    big(2.0) * sqrt(&(big(2.0) / pi(PRECISION))) * (x + cubic() * x * x * x)
}

fn integer_power(x: &Big, p: i64) -> Big {
    let mut result = big(1.0);
    for _ in 0..p.abs() {
        result *= x;
    }
    if p < 0 { big(1.0) / result } else { result }
}

fn power(x: &Big, p: f64) -> Big {
    if p == p.trunc() && p.abs() < 1000.0 {
        return integer_power(x, p as i64);
    }
    if (p - 0.5).fract() == 0.0 && p.abs() < 10.0 {
        // Exact where the result is.
        return sqrt(x) * integer_power(x, (p - 0.5) as i64);
    }
    if *x == big(0.0) { big(0.0) } else { (x.ln() * big(p)).exp() }
}

fn tanh(x: &Big) -> Big {
    if x.to_f64().value().abs() > 1.0e4 {
        sigmoid(&(x * big(2.0))) * big(2.0) - big(1.0)
    } else {
        x.tanh()
    }
}

/// The value at `x`, where the function is defined and the result is not beyond all bounds.
pub(crate) fn value(function: Elementary, x: f64) -> Big {
    let z = big(x);
    match function {
        Elementary::Exp => exp(&z),
        Elementary::Expm1 => {
            if x < -1000.0 {
                exp(&z) - big(1.0)
            } else {
                z.exp_m1()
            }
        }
        Elementary::Log => z.ln(),
        Elementary::Log1p => ln_1p(&z),
        Elementary::Sqrt => sqrt(&z),
        Elementary::Reciprocal => big(1.0) / z,
        Elementary::Power(p) => power(&z, p),
        Elementary::Sin => precise(&z, 1600).sin(),
        Elementary::Cos => precise(&z, 1600).cos(),
        Elementary::Tan => precise(&z, 1600).tan(),
        Elementary::Atan => z.atan(),
        Elementary::Tanh => tanh(&z),
        Elementary::Sigmoid => sigmoid(&z),
        Elementary::Softsign => &z / (big(1.0) + if x < 0.0 { -&z } else { z.clone() }),
        Elementary::Erf => erf(&z),
        Elementary::Softplus => {
            let e = exp(&if x < 0.0 { z.clone() } else { -&z });
            ln_1p(&e) + big(x.max(0.0))
        }
        Elementary::Silu => &z * sigmoid(&z),
        Elementary::Mish => &z * tanh(&value(Elementary::Softplus, x)),
        Elementary::Gelu => &z * normal(&z),
        Elementary::GeluTanh => &z * sigmoid(&tanh_form(&z)),
    }
}

/// The derivative at `x`, where there is one.
pub(crate) fn slope(function: Elementary, x: f64) -> Big {
    let z = big(x);
    let one = big(1.0);
    match function {
        Elementary::Exp | Elementary::Expm1 => exp(&z),
        Elementary::Log => one / z,
        Elementary::Log1p => &one / (&one + z),
        Elementary::Sqrt => one / (big(2.0) * sqrt(&z)),
        Elementary::Reciprocal => -one / (&z * &z),
        Elementary::Power(0.0) => big(0.0),
        Elementary::Power(p) => big(p) * power(&z, p) / z,
        Elementary::Sin => precise(&z, 1600).cos(),
        Elementary::Cos => -precise(&z, 1600).sin(),
        Elementary::Tan => {
            let cos = precise(&z, 1600).cos();
            one / (&cos * &cos)
        }
        Elementary::Atan => &one / (&one + &z * &z),
        Elementary::Tanh => big(4.0) * sigmoid_slope(&(z * big(2.0))),
        Elementary::Sigmoid => sigmoid_slope(&z),
        Elementary::Softsign => {
            let below = &one + if x < 0.0 { -&z } else { z.clone() };
            one / (&below * &below)
        }
        Elementary::Erf => exp(&-(&z * &z)) * big(2.0) / sqrt(&pi(PRECISION)),
        Elementary::Softplus => sigmoid(&z),
        Elementary::Silu => sigmoid(&z) + &z * sigmoid_slope(&z),
        Elementary::Mish => {
            let softplus = value(Elementary::Softplus, x);
            tanh(&softplus) + &z * sigmoid(&z) * big(4.0) * sigmoid_slope(&(softplus * big(2.0)))
        }
        Elementary::Gelu => normal(&z) + &z * density(&z),
        Elementary::GeluTanh => {
            let u = tanh_form(&z);
            let inner =
                big(2.0) * sqrt(&(big(2.0) / pi(PRECISION))) * (one + big(3.0) * cubic() * &z * &z);
            sigmoid(&u) + z * sigmoid_slope(&u) * inner
        }
    }
}

/// Whether a number lies in `[lo, hi]`, compared exactly.
pub(crate) fn inside(value: &Big, lo: f64, hi: f64) -> bool {
    let above = lo == f64::NEG_INFINITY || Big::try_from(lo).unwrap() <= *value;
    let below = hi == f64::INFINITY || *value <= Big::try_from(hi).unwrap();
    above && below
}
