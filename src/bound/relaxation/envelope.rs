//! Where to lay a line below or above a function: slopes of its envelopes, found by sampling.

use plimsoll_check::number::Interval;
use plimsoll_check::ops::Function;

/// Samples on each side of the place in question.
const HALF: usize = 6;

/// Width of the difference quotient, as a share of the domain.
const STEP: f64 = 1.0 / 4096.0;

/// The slope of a line that touches the convex envelope of a function over the domain above `at`, nearly; of the
/// concave one if not `below`. Where `at` is the middle, no line leaves less area.
pub(super) fn slope(function: &Function, domain: Interval, at: f64, below: bool) -> f64 {
    let width = domain.hi - domain.lo;
    if !(width > 0.0 && width.is_finite()) {
        return 0.0;
    }
    // A place at an end would leave no samples on that side.
    let at = at.clamp(domain.lo + 0.01 * width, domain.hi - 0.01 * width);
    let sign = if below { 1.0 } else { -1.0 };
    let value = |x: f64| sign * function.approximate(x);
    let reach = STEP * width;
    let (from, to) = (at - reach, at + reach);
    // Divided by the distance of what was taken, which rounding may have moved.
    let tangent = (value(to) - value(from)) / (to - from);
    let mut left = [(0.0, 0.0); HALF];
    let mut right = [(0.0, 0.0); HALF];
    for k in 0..HALF {
        let t = (k + 1) as f64 / HALF as f64;
        let (x, y) = (
            (at - t * (at - domain.lo)).max(domain.lo),
            (at + t * (domain.hi - at)).min(domain.hi),
        );
        left[k] = (x, value(x));
        right[k] = (y, value(y));
    }
    let slope = sign * support((at, value(at)), &left, &right, tangent);
    if slope.is_finite() { slope } else { 0.0 }
}

/// The slope of a line that touches the convex envelope of the samples at the one between left and right; the
/// tangent's, as far as that touches, if the sample itself lies on the envelope.
fn support(at: (f64, f64), left: &[(f64, f64)], right: &[(f64, f64)], tangent: f64) -> f64 {
    let mut lowest = at.1;
    let mut chord = None;
    for (x, f) in left {
        for (y, g) in right {
            let slope = (g - f) / (y - x);
            let between = f + slope * (at.0 - x);
            if between < lowest {
                lowest = between;
                chord = Some(slope);
            }
        }
    }
    let least = left.iter().fold(f64::NEG_INFINITY, |m, (x, f)| m.max((at.1 - f) / (at.0 - x)));
    let most = right.iter().fold(f64::INFINITY, |m, (y, g)| m.min((g - at.1) / (y - at.0)));
    chord.unwrap_or(if least <= most { tangent.clamp(least, most) } else { tangent })
}
