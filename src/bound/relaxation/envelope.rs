//! Where to lay a line below or above a function: slopes of its envelopes, found by sampling.

use plimsoll_check::number::Interval;
use plimsoll_check::ops::Function;

/// Samples on each side of the middle.
const HALF: usize = 6;

/// Width of the difference quotient at the middle, as a share of the domain.
const STEP: f64 = 1.0 / 4096.0;

/// Slopes of lines that touch the convex and the concave envelope of a function above the middle of its
/// domain, nearly. Such lines leave the least area between them and the function.
pub(super) fn slopes(function: &Function, domain: Interval) -> (f64, f64) {
    let width = domain.hi - domain.lo;
    if !(width > 0.0 && width.is_finite()) {
        return (0.0, 0.0);
    }
    let middle = 0.5 * domain.lo + 0.5 * domain.hi;
    let reach = STEP * width;
    let rise = function.approximate(middle + reach) - function.approximate(middle - reach);
    // The ends that were taken, which rounding may have moved.
    let tangent = rise / ((middle + reach) - (middle - reach));
    let mut samples = [0.0; 2 * HALF + 1];
    for (k, sample) in samples.iter_mut().enumerate() {
        let t = k as f64 / (2 * HALF) as f64;
        *sample = function.approximate((domain.lo + t * width).min(domain.hi));
    }
    let below = support(&samples, width, tangent);
    samples.iter_mut().for_each(|sample| *sample = -*sample);
    let above = -support(&samples, width, -tangent);
    let usable = |slope: f64| if slope.is_finite() { slope } else { 0.0 };
    (usable(below), usable(above))
}

/// The slope of a line that touches the convex envelope of equidistant samples at the middle one; the
/// tangent's if that is one of them.
fn support(samples: &[f64; 2 * HALF + 1], width: f64, tangent: f64) -> f64 {
    let step = width / (2 * HALF) as f64;
    let mut lowest = samples[HALF];
    let mut chord = None;
    let (mut least, mut most) = (f64::NEG_INFINITY, f64::INFINITY);
    for i in 1..=HALF {
        let left = samples[HALF - i];
        least = least.max((samples[HALF] - left) / (i as f64 * step));
        most = most.min((samples[HALF + i] - samples[HALF]) / (i as f64 * step));
        for j in 1..=HALF {
            let rise = samples[HALF + j] - left;
            let at = left + rise * i as f64 / (i + j) as f64;
            if at < lowest {
                lowest = at;
                chord = Some(rise / ((i + j) as f64 * step));
            }
        }
    }
    chord.unwrap_or(if least <= most { tangent.clamp(least, most) } else { tangent })
}
