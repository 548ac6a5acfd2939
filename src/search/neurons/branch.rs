//! Which sign to assume next.

use super::{Root, Sign};
use crate::bound::Trace;
use crate::net::Primitive;
use crate::problem::Problem;

/// Candidates, best first.
pub(super) struct Scores(Vec<(f64, u32, u32)>);

/// Candidates for a split, whose children are bounded to choose among them.
pub const CANDIDATES: usize = 6;

impl Scores {
    /// Relu nodes and elements.
    pub fn candidates(&self) -> Vec<(u32, u32)> {
        self.0.iter().map(|(_, relu, element)| (*relu, *element)).collect()
    }
}

/// Scores of the unstable relus whose sign is not assumed yet, for row `r` of `rows`.
///
/// What replacing relu by its lines costs at the minimiser, `a (relu(z) - h)`, is what a split can win at once;
/// the intercept of the line above, `-a u l / (u - l)`, is what it can cost elsewhere (the score of Bunel et
/// al. 2020). Both are in the units of the bound.
pub(super) fn scores(
    problem: &Problem,
    root: &Root,
    signs: &[Sign],
    trace: &Trace,
    values: &[Vec<f64>],
    (r, rows): (usize, usize),
) -> Scores {
    let mut all: Vec<(f64, u32, u32)> = Vec::new();
    for (node, element) in &root.unstable {
        let (node, element) = (*node, *element);
        let Primitive::Relu { of } = problem.network.nodes[node].primitive else { continue };
        let known = |sign: &Sign| sign.relu as usize == node && sign.element == element;
        if trace[node].is_empty() || signs.iter().any(known) {
            continue;
        }
        let len = values[node].len() / rows;
        let at = r * len + element as usize;
        let (a, z, h) = (trace[node][at], values[of][at], values[node][at]);
        let (l, u) =
            (root.bounds[of].lower[element as usize], root.bounds[of].upper[element as usize]);
        let now = (a * (z.max(0.0) - h)).max(0.0);
        let intercept = a.abs() * u * -l / (u - l);
        let score = now + 0.1 * intercept;
        if score.is_finite() {
            all.push((score, node as u32, element));
        }
    }
    // Ties by position, so that runs agree.
    all.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    all.truncate(CANDIDATES);
    Scores(all)
}
