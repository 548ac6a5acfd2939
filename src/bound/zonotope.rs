//! Zonotopes (DeepZ), batched over boxes, with a cap on error symbols.
//!
//! Every element of a node is `c + sum_s G_s e_s + r e'` with `e_s, e'` in [-1, 1]: the symbols `e_s` are
//! shared by all elements, `e'` is its own. The first symbols are the inputs; a relu adds one for each
//! unstable neuron (Singh et al. 2018) until the cap is reached, and what is over goes into `r`, the
//! box remainder (Girard's order reduction, done at birth). Rounding goes into `r` too.

use super::relaxation::corners;
use super::{Bounds, Boxes, NodeBounds, Workspace};
use crate::kernel::rounding::{UNIT, gamma, underflow};
use crate::net::{Network, NodeIndex, Primitive, Term};
use plimsoll_check::number::Interval;
use plimsoll_check::ops::Function;

/// The zonotopes of one node over a batch of boxes.
#[derive(Debug, Clone)]
struct Batch {
    /// Symbols, the same for every box of the batch.
    symbols: usize,
    /// Per box `1 + symbols` rows of the node's length: the centre, then one row a symbol.
    rows: Vec<f64>,
    /// Per box one row: the remainder, not negative.
    remainder: Vec<f64>,
}

/// A forward sweep in progress: what later nodes still read.
pub struct Sweep<'n> {
    network: &'n Network,
    count: usize,
    keep: usize,
    used: usize,
    batches: Vec<Option<Batch>>,
    boxes: &'n Boxes,
}

impl<'n> Sweep<'n> {
    /// A sweep that keeps at most `keep` error symbols beside those of the inputs.
    pub fn new(network: &'n Network, boxes: &'n Boxes, keep: usize) -> Sweep<'n> {
        let batches = vec![None; network.nodes.len()];
        Sweep { network, count: boxes.count, keep, used: 0, batches, boxes }
    }

    /// Goes through node `index`: `bounds` are those of all earlier nodes, `found` those of this one
    /// so far, which are tightened.
    pub fn step(
        &mut self,
        index: NodeIndex,
        bounds: &Bounds,
        found: &mut NodeBounds,
        work: &mut Workspace,
    ) {
        let len = self.network.nodes[index].len;
        let batch = match &self.network.nodes[index].primitive {
            Primitive::Input => self.input(),
            Primitive::Affine { terms, bias, slack } => {
                self.affine(terms, bias, slack, bounds, work)
            }
            _ => self.nonlinear(index, bounds),
        };
        let primitive = &self.network.nodes[index].primitive;
        if matches!(primitive, Primitive::Affine { .. } | Primitive::Product { .. }) {
            found.intersect(&concretise(&batch, self.count, len));
        }
        self.batches[index] = Some(batch);
    }

    fn input(&self) -> Batch {
        let (count, dims) = (self.count, self.boxes.dims);
        let mut rows = vec![0.0; count * (1 + dims) * dims];
        let mut remainder = vec![0.0; count * dims];
        for b in 0..count {
            for d in 0..dims {
                let (lower, upper) =
                    (self.boxes.lower[b * dims + d], self.boxes.upper[b * dims + d]);
                let centre = 0.5 * lower + 0.5 * upper;
                let reach = (upper - centre).max(centre - lower);
                rows[b * (1 + dims) * dims + d] = centre;
                rows[(b * (1 + dims) + 1 + d) * dims + d] = reach;
                // The subtraction rounds once.
                remainder[b * dims + d] = 2.0 * UNIT * reach + f64::MIN_POSITIVE;
                if reach == 0.0 {
                    remainder[b * dims + d] = 0.0;
                }
            }
        }
        Batch { symbols: dims, rows, remainder }
    }

    fn affine(
        &self,
        terms: &[Term],
        bias: &[f64],
        slack: &[Term],
        bounds: &Bounds,
        work: &mut Workspace,
    ) -> Batch {
        let (count, len) = (self.count, bias.len());
        let sources: Vec<&Batch> = terms
            .iter()
            .map(|t| self.batches[t.from].as_ref().expect("nodes are visited in topological order"))
            .collect();
        let symbols = sources.iter().map(|s| s.symbols).max().unwrap_or(0);
        let summed: usize =
            terms.iter().chain(slack).map(|t| t.map.columns() + 1).sum::<usize>() + 1;
        let charge = gamma(summed + 2);
        let mut rows = vec![0.0; count * (1 + symbols) * len];
        let mut remainder = vec![0.0; count * len];
        for b in 0..count {
            rows[b * (1 + symbols) * len..][..len].copy_from_slice(bias);
            for (r, value) in remainder[b * len..(b + 1) * len].iter_mut().zip(bias) {
                *r = charge * value.abs();
            }
        }
        for (term, source) in terms.iter().zip(&sources) {
            let width = term.map.columns();
            if source.symbols == symbols {
                term.map.push_forward(&source.rows, count * (1 + symbols), &mut rows, true);
            } else {
                for b in 0..count {
                    let from = &source.rows[b * (1 + source.symbols) * width..]
                        [..(1 + source.symbols) * width];
                    let to = &mut rows[b * (1 + symbols) * len..][..(1 + source.symbols) * len];
                    term.map.push_forward(from, 1 + source.symbols, to, true);
                }
            }
            // What every product of this term can lose, and the remainder itself, in one product.
            let mut spread = work.take(count * width);
            for b in 0..count {
                let magnitude = magnitudes(source, b, width);
                for (j, m) in magnitude.iter().enumerate() {
                    let r = source.remainder[b * width + j];
                    spread[b * width + j] =
                        (r + 2.0 * charge * (m + r)) * (1.0 + 8.0 * UNIT) + f64::MIN_POSITIVE;
                }
            }
            term.map.push_magnitude(&spread, count, &mut remainder, true);
            work.give(spread);
        }
        for term in slack {
            let source = &bounds[term.from];
            let magnitude: Vec<f64> =
                source.lower.iter().zip(&source.upper).map(|(l, u)| l.abs().max(u.abs())).collect();
            term.map.push_magnitude(&magnitude, count, &mut remainder, true);
        }
        let floor = underflow(summed * (2 + symbols), 1.0);
        for r in &mut remainder {
            *r = *r * (1.0 + 2.0 * charge) + floor;
        }
        Batch { symbols, rows, remainder }
    }

    /// A nonlinear node: every element is replaced by its band, whose width becomes an error symbol.
    fn nonlinear(&mut self, index: NodeIndex, bounds: &Bounds) -> Batch {
        let (count, len) = (self.count, self.network.nodes[index].len);
        let primitive = &self.network.nodes[index].primitive;
        let bands = bands(self.network, primitive, bounds, count);
        let operands: Vec<NodeIndex> = primitive.operands().collect();
        let sources: Vec<&Batch> = operands
            .iter()
            .map(|of| self.batches[*of].as_ref().expect("nodes are visited in topological order"))
            .collect();
        let old = sources.iter().map(|source| source.symbols).max().unwrap_or(0);
        let open = |bands: &[Band]| bands.iter().filter(|band| !band.is_exact()).count();
        let most_open = bands.chunks(len.max(1)).map(open).max().unwrap_or(0);
        // Symbols are numbered across the network; a parallel branch keeps its own numbers free.
        let first = self.boxes.dims + self.used;
        let fresh = most_open.min(self.keep - self.used);
        self.used += fresh;
        let symbols = if fresh > 0 { first + fresh } else { old };
        let mut rows = vec![0.0; count * (1 + symbols) * len];
        let mut remainder = vec![0.0; count * len];
        let widths = operands.iter().map(|of| self.network.nodes[*of].len).collect::<Vec<_>>();
        for b in 0..count {
            let magnitude: Vec<Vec<f64>> = sources
                .iter()
                .zip(&widths)
                .map(|(source, width)| magnitudes(source, b, *width))
                .collect();
            let mut errors: Vec<(f64, usize)> = Vec::new();
            for k in 0..len {
                let at = b * len + k;
                let band = &bands[at];
                // What products and sums with the slopes may lose, over all symbols.
                let mut lost = 0.0;
                let mut rest = 0.0;
                for (i, source) in sources.iter().enumerate() {
                    let slope = band.slopes[i];
                    if slope == 0.0 {
                        continue;
                    }
                    let element = element(primitive, i, k);
                    for s in 0..=source.symbols {
                        let from = (b * (1 + source.symbols) + s) * widths[i] + element;
                        rows[(b * (1 + symbols) + s) * len + k] += slope * source.rows[from];
                    }
                    rest += slope.abs() * source.remainder[b * widths[i] + element];
                    lost += slope.abs() * magnitude[i][element];
                }
                if band.is_exact() {
                    remainder[at] = rest;
                    continue;
                }
                let middle = 0.5 * band.lo + 0.5 * band.hi;
                let reach = (band.hi - middle).max(middle - band.lo);
                let half = reach * (1.0 + 4.0 * UNIT) + f64::MIN_POSITIVE;
                rows[b * (1 + symbols) * len + k] += middle;
                let rounding =
                    8.0 * UNIT * (lost + middle.abs() + half) + underflow(2 * old + 4, 1.0);
                remainder[at] = (rest + rounding) * (1.0 + 16.0 * UNIT) + f64::MIN_POSITIVE;
                errors.push((half, k));
            }
            // The largest errors get symbols of their own; ties by position, so that runs agree.
            errors.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
            for (slot, (half, k)) in errors.into_iter().enumerate() {
                if slot < fresh {
                    rows[(b * (1 + symbols) + 1 + first + slot) * len + k] = half;
                } else {
                    let at = b * len + k;
                    remainder[at] = (remainder[at] + half) * (1.0 + 2.0 * UNIT);
                }
            }
        }
        Batch { symbols, rows, remainder }
    }
}

/// A nonlinear element between two parallel lines or planes: its value less `sum slopes operand` lies in
/// `[lo, hi]`.
struct Band {
    slopes: [f64; 2],
    lo: f64,
    hi: f64,
}

impl Band {
    /// Whether the element is zero or its operand, without any rounding.
    fn is_exact(&self) -> bool {
        let copies = (self.slopes[0] == 0.0 || self.slopes[0] == 1.0) && self.slopes[1] == 0.0;
        copies && self.lo == 0.0 && self.hi == 0.0
    }
}

/// The element of operand `i` that element `k` of a nonlinear node reads.
fn element(primitive: &Primitive, i: usize, k: usize) -> usize {
    match primitive {
        Primitive::Product { pairs, .. } if i == 0 => pairs[k].0 as usize,
        Primitive::Product { pairs, .. } => pairs[k].1 as usize,
        _ => k,
    }
}

/// The bands of all elements of a nonlinear node, box by box.
fn bands(network: &Network, primitive: &Primitive, bounds: &Bounds, count: usize) -> Vec<Band> {
    match primitive {
        Primitive::Input | Primitive::Affine { .. } => Vec::new(),
        Primitive::Relu { of } => {
            let ends = bounds[*of].lower.iter().zip(&bounds[*of].upper);
            ends.map(|(l, u)| relu(*l, *u)).collect()
        }
        Primitive::Pointwise { of, function } => {
            let of = &bounds[*of];
            (0..of.lower.len()).map(|at| pointwise(function, of.interval(at))).collect()
        }
        Primitive::Product { left, right, pairs } => {
            let [m, n] = [*left, *right].map(|node| network.nodes[node].len);
            let boxes = (0..count).flat_map(|b| pairs.iter().map(move |pair| (b, pair)));
            boxes
                .map(|(b, (i, j))| {
                    let x = bounds[*left].interval(b * m + *i as usize);
                    let y = bounds[*right].interval(b * n + *j as usize);
                    // Around the centre, x y - p x - q y varies by the product of both radii.
                    let (p, q) = (0.5 * y.lo + 0.5 * y.hi, 0.5 * x.lo + 0.5 * x.hi);
                    let slopes = if p.is_finite() && q.is_finite() { [p, q] } else { [0.0; 2] };
                    let Interval { lo, hi } = corners(x, y, slopes[0], slopes[1]);
                    Band { slopes, lo, hi }
                })
                .collect()
        }
    }
}

fn relu(l: f64, u: f64) -> Band {
    if u <= 0.0 {
        return Band { slopes: [0.0; 2], lo: 0.0, hi: 0.0 };
    }
    if l >= 0.0 {
        return Band { slopes: [1.0, 0.0], lo: 0.0, hi: 0.0 };
    }
    let slope = (u / (u - l)).min(1.0);
    // relu(z) - slope z lies in [0, max(-slope l, (1 - slope) u)] for any slope in [0, 1].
    let reach = (-slope * l).max((1.0 - slope) * u) * (1.0 + 4.0 * UNIT) + f64::MIN_POSITIVE;
    Band { slopes: [slope, 0.0], lo: 0.0, hi: reach }
}

/// Between parallels of the chord, which are the nearest ones where the function bends one way only.
fn pointwise(function: &Function, domain: Interval) -> Band {
    let rise = function.approximate(domain.hi) - function.approximate(domain.lo);
    let chord = rise / (domain.hi - domain.lo);
    let slope = if chord.is_finite() { chord } else { 0.0 };
    let (lo, hi) = (function.lowest_above(slope, domain), function.highest_below(slope, domain));
    Band { slopes: [slope, 0.0], lo, hi }
}

/// `|c| + sum_s |G_s|` of every element of box `b`, rounded up.
fn magnitudes(batch: &Batch, b: usize, len: usize) -> Vec<f64> {
    let mut sum = vec![0.0; len];
    for s in 0..=batch.symbols {
        let row = &batch.rows[(b * (1 + batch.symbols) + s) * len..][..len];
        for (m, g) in sum.iter_mut().zip(row) {
            *m += g.abs();
        }
    }
    let up = 1.0 + gamma(batch.symbols + 3);
    for m in &mut sum {
        *m *= up;
    }
    sum
}

fn concretise(batch: &Batch, count: usize, len: usize) -> NodeBounds {
    let mut bounds = NodeBounds { lower: Vec::new(), upper: Vec::new() };
    let up = 1.0 + gamma(batch.symbols + 4);
    for b in 0..count {
        let centre = &batch.rows[b * (1 + batch.symbols) * len..][..len];
        let mut radius = batch.remainder[b * len..(b + 1) * len].to_vec();
        for s in 1..=batch.symbols {
            let row = &batch.rows[(b * (1 + batch.symbols) + s) * len..][..len];
            for (r, g) in radius.iter_mut().zip(row) {
                *r += g.abs();
            }
        }
        for (c, r) in centre.iter().zip(&radius) {
            let around = r * up;
            let outward = around + 4.0 * UNIT * (c.abs() + around) + f64::MIN_POSITIVE;
            bounds.lower.push(c - outward);
            bounds.upper.push(c + outward);
        }
    }
    bounds
}
