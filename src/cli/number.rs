//! Numbers for people: short, and honest about the direction in which they were rounded.

use plimsoll_check::number::Rational;

/// Significant digits of a point's coordinate, enough to tell all float32 values apart.
const POINT_DIGITS: usize = 9;
/// Significant digits of a bound.
const BOUND_DIGITS: usize = 7;
/// Longest exact form that is shown as it is.
const SHORT: usize = 12;

/// An exact form if it is short, else the nearest decimal with nine digits.
pub fn short(value: &Rational) -> String {
    let exact = value.to_string();
    if exact.len() <= SHORT {
        return exact;
    }
    let near = value.to_f64();
    if near.is_finite() { nearest(near) } else { exact }
}

/// The nearest decimal with nine digits.
pub fn nearest(value: f64) -> String {
    match decimal(value, POINT_DIGITS) {
        Some((mantissa, exponent)) => write(mantissa, exponent),
        None => value.to_string(),
    }
}

/// A decimal with seven digits that is not above `value`.
pub fn down(value: f64) -> String {
    directed(value, |candidate, exact| candidate > exact, -1)
}

/// A decimal with seven digits that is not below `value`.
pub fn up(value: f64) -> String {
    directed(value, |candidate, exact| candidate < exact, 1)
}

/// A float exactly, also where it is infinite or no number.
pub fn exact(value: f64) -> String {
    Rational::from_f64(value).map_or_else(|| value.to_string(), |value| value.to_string())
}

/// Rounds to nearest and steps by one unit of the last digit if that was the wrong direction.
fn directed(value: f64, wrong: fn(&Rational, &Rational) -> bool, step: i64) -> String {
    let Some((mut mantissa, exponent)) = decimal(value, BOUND_DIGITS) else {
        return value.to_string();
    };
    let candidate = Rational::parse_decimal(&format!("{mantissa}e{exponent}"));
    match (candidate, Rational::from_f64(value)) {
        (Ok(candidate), Some(exact)) => {
            if wrong(&candidate, &exact) {
                mantissa += step;
            }
            write(mantissa, exponent)
        }
        _ => exact(value),
    }
}

/// `m` and `e` with `m * 10^e` nearest to a finite value and `m` of that many digits.
fn decimal(value: f64, digits: usize) -> Option<(i64, i32)> {
    if !value.is_finite() {
        return None;
    }
    let text = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = text.split_once('e')?;
    let mantissa: i64 = mantissa.replace('.', "").parse().ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    Some((mantissa, exponent - (digits as i32 - 1)))
}

/// `mantissa * 10^exponent` without trailing zeros, with a power of ten only far from one.
fn write(mut mantissa: i64, mut exponent: i32) -> String {
    if mantissa == 0 {
        return "0".to_string();
    }
    while mantissa % 10 == 0 {
        mantissa /= 10;
        exponent += 1;
    }
    let sign = if mantissa < 0 { "-" } else { "" };
    let digits = mantissa.unsigned_abs().to_string();
    // The place of the point, counted from before the first digit.
    let point = digits.len() as i32 + exponent;
    if !(-4..=12).contains(&point) {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{dot}{rest}e{}", point - 1);
    }
    if point <= 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(-point as usize));
    }
    let point = point as usize;
    if point >= digits.len() {
        return format!("{sign}{digits}{}", "0".repeat(point - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..point], &digits[point..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_rounded_outward() {
        assert_eq!(down(0.1), "0.1");
        assert_eq!(up(0.1), "0.1000001");
        assert_eq!(down(-0.1), "-0.1000001");
        assert_eq!(up(-0.1), "-0.1");
        assert_eq!((down(0.5), up(0.5)), ("0.5".into(), "0.5".into()));
        assert_eq!((down(0.0), up(-0.0)), ("0".into(), "0".into()));
        assert_eq!(up(9_999_999.5), "10000000");
        assert_eq!(down(f64::NEG_INFINITY), "-inf");
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let value = f64::from_bits(state);
            let Some(exact) = Rational::from_f64(value) else { continue };
            let low = Rational::parse_decimal(&down(value)).unwrap();
            let high = Rational::parse_decimal(&up(value)).unwrap();
            assert!(low <= exact && exact <= high, "{value:e}");
        }
    }

    #[test]
    fn points_are_short() {
        let short_of = |text: &str| short(&Rational::parse_decimal(text).unwrap());
        assert_eq!(short_of("-0.05"), "-0.05");
        assert_eq!(short_of("0.100000001490116119384765625"), "0.100000001");
        assert_eq!(short_of("-12345678.90123456789"), "-12345678.9");
        assert_eq!(nearest(1.5e-30), "1.5e-30");
        assert_eq!(nearest(2e20), "2e20");
        assert_eq!(nearest(f64::NAN), "NaN");
    }
}
