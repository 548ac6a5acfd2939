//! Where to cut a box.

/// How much an input counts that the linear form does not use, as a share of the steepest one (of 0.01
/// to 1, values from 0.1 to 0.3 gave the smallest trees on collision-avoidance networks, 5 to 10 times
/// smaller than either end).
const SHARE: f64 = 0.15;

/// The input to split: the one along which the row's bound changes most.
///
/// `slopes[d]` is the magnitude of the bound's coefficient on input `d` (for several open rows, their
/// sum). Inputs that the linear form does not use still count a little, since halving them tightens
/// the relaxation. `None` if no input has a midpoint strictly inside.
pub fn dimension(lower: &[f64], upper: &[f64], slopes: &[f64]) -> Option<usize> {
    let steepest = slopes.iter().fold(0.0f64, |m, s| m.max(*s));
    let floor = if steepest > 0.0 { SHARE * steepest } else { 1.0 };
    let mut best = None;
    let mut best_score = 0.0;
    for d in 0..lower.len() {
        let width = upper[d] - lower[d];
        let score = width * slopes[d].max(floor);
        if score > best_score && midpoint(lower[d], upper[d]).is_some() {
            best = Some(d);
            best_score = score;
        }
    }
    best
}

/// A float strictly between two floats, near the middle; both children get it as a face.
pub fn midpoint(lower: f64, upper: f64) -> Option<f64> {
    let middle = 0.5 * lower + 0.5 * upper;
    (lower < middle && middle < upper).then_some(middle)
}
