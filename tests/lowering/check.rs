//! A lowered network and its bounds against the values of the graph: exact where these are rational, by
//! enclosures elsewhere.

use crate::common::boxes;
use crate::common::sweeps::{self, METHODS};
use fastrand::Rng;
use plimsoll::net::{Network, Primitive};
use plimsoll::ops::lower;
use plimsoll_check::graph::Graph;
use plimsoll_check::number::{Interval, Rational};
use plimsoll_check::ops::{evaluate, evaluate_exact};

fn number(value: f64) -> Rational {
    Rational::from_f64(value).unwrap()
}

/// Two ends, the value being somewhere between them.
type Ends = (Rational, Rational);

/// A point by inputs.
fn split<S>(graph: &Graph, point: &[f64], convert: impl Fn(f64) -> S) -> Vec<Vec<S>> {
    let mut rest = point;
    let part = |id: &plimsoll_check::graph::ValueId| {
        let (mine, more) = rest.split_at(graph.value(*id).len());
        rest = more;
        mine.iter().map(|x| convert(*x)).collect()
    };
    graph.inputs.iter().map(part).collect()
}

/// The outputs of a graph at a point, exactly or enclosed; `None` where it has no value, or no finite
/// enclosure.
fn truth(graph: &Graph, point: &[f64]) -> Option<Vec<Ends>> {
    if graph.is_rational() {
        let outputs = evaluate_exact(graph, &split(graph, point, number))?.concat();
        return Some(outputs.into_iter().map(|y| (y.clone(), y)).collect());
    }
    let outputs = evaluate(graph, &split(graph, point, Interval::point)).ok()?.concat();
    outputs.iter().map(|y| Some((Rational::from_f64(y.lo)?, Rational::from_f64(y.hi)?))).collect()
}

/// The sets of values that a network with rounded weights and enclosed functions allows at a point; `None`
/// where one is not bounded.
fn allowed(network: &Network, point: &[f64]) -> Option<Vec<Ends>> {
    let mut values: Vec<Vec<Ends>> = Vec::new();
    for node in &network.nodes {
        let value = match &node.primitive {
            Primitive::Input => point.iter().map(|x| (number(*x), number(*x))).collect(),
            Primitive::Relu { of } => values[*of]
                .iter()
                .map(|(l, u)| (l.clone().max(Rational::ZERO), u.clone().max(Rational::ZERO)))
                .collect(),
            Primitive::Affine { terms, bias, slack } => {
                let mut sums: Vec<Ends> = bias.iter().map(|b| (number(*b), number(*b))).collect();
                for (k, (low, high)) in sums.iter_mut().enumerate() {
                    for term in terms {
                        for (j, w) in term.map.row(k) {
                            let (l, u) = &values[term.from][j as usize];
                            let w = number(w);
                            let ends = [&w * l, &w * u];
                            *low += ends.iter().min().unwrap();
                            *high += ends.iter().max().unwrap();
                        }
                    }
                    for term in slack {
                        for (j, w) in term.map.row(k) {
                            let (l, u) = &values[term.from][j as usize];
                            let most = &number(w) * &l.abs().max(u.abs());
                            *low += &-&most;
                            *high += &most;
                        }
                    }
                }
                sums
            }
            Primitive::Pointwise { of, function } => values[*of]
                .iter()
                .map(|(l, u)| {
                    if l == u
                        && let Some(y) = function.exact(l)
                    {
                        return Some((y.clone(), y));
                    }
                    let image = function.image(Interval { lo: l.to_f64_down(), hi: u.to_f64_up() });
                    Some((Rational::from_f64(image.lo)?, Rational::from_f64(image.hi)?))
                })
                .collect::<Option<_>>()?,
            Primitive::Product { left, right, pairs } => pairs
                .iter()
                .map(|(i, j)| {
                    let (x, y) = (&values[*left][*i as usize], &values[*right][*j as usize]);
                    let ends = [&x.0 * &y.0, &x.0 * &y.1, &x.1 * &y.0, &x.1 * &y.1];
                    let [least, most] = [ends.iter().min(), ends.iter().max()];
                    (least.unwrap().clone(), most.unwrap().clone())
                })
                .collect(),
        };
        values.push(value);
    }
    values.pop()
}

/// How much has been compared.
#[derive(Debug, Default)]
pub struct Compared {
    /// Points at which the graph has a value.
    pub points: usize,
    /// Values of which the network said something.
    pub values: usize,
    /// Of these, those that the network allows a width below 1e-6.
    pub narrow: usize,
    /// Bounds that were finite.
    pub bounded: usize,
}

/// Checks the sets that the network allows at points, and all bounds over boxes, against the values of the graph.
/// Boxes have a corner at a point of `corners` and random widths up to `width`.
pub fn compare(
    name: &str,
    graph: &Graph,
    network: &Network,
    corners: &[Vec<f64>],
    width: f64,
    rng: &mut Rng,
) -> Compared {
    let mut compared = Compared::default();
    for (p, lower) in corners.iter().enumerate() {
        let upper: Vec<f64> = match p % 4 {
            0 => lower.iter().map(|l| l + width * rng.f64()).collect(),
            _ => lower.clone(),
        };
        let boxes = sweeps::single(lower, &upper);
        let frame = sweeps::frame(network, &boxes);
        let found = METHODS.map(|method| sweeps::bounds(network, &frame, &boxes, None, method).0);
        let count = if p % 4 == 0 { 8 } else { 1 };
        for point in boxes::points(lower, &upper, count, rng) {
            let Some(outputs) = truth(graph, &point) else { continue };
            compared.points += 1;
            let sets = allowed(network, &point);
            assert_eq!(outputs.len(), network.output_len(), "{name}");
            for (k, (least, most)) in outputs.iter().enumerate() {
                if let Some(sets) = &sets {
                    let (low, high) = &sets[k];
                    assert!(
                        low <= most && least <= high,
                        "{name}: output {k} is {} to {}, allowed are {} to {}",
                        least.to_f64(),
                        most.to_f64(),
                        low.to_f64(),
                        high.to_f64()
                    );
                    compared.values += 1;
                    compared.narrow += usize::from((high - low).to_f64() < 1.0e-6);
                }
                for (bounds, method) in found.iter().zip(METHODS) {
                    let last = &bounds[network.output()];
                    let (l, u) = (last.lower[k], last.upper[k]);
                    let inside = Rational::from_f64(l).is_none_or(|l| l <= *most)
                        && Rational::from_f64(u).is_none_or(|u| *least <= u);
                    assert!(
                        inside,
                        "{name}: {method:?}: {} to {} outside {l} {u}",
                        least.to_f64(),
                        most.to_f64()
                    );
                    compared.bounded += usize::from(l.is_finite() && u.is_finite());
                }
            }
        }
    }
    compared
}

/// Lowers a rational graph and checks everything at random points.
pub fn check(graph: &Graph, seed: u64) -> Network {
    let network = lower(graph).unwrap_or_else(|error| panic!("{error}"));
    let dims = network.input_len();
    let mut rng = Rng::with_seed(seed);
    let corners: Vec<Vec<f64>> =
        (0..20).map(|_| (0..dims).map(|_| 4.0 * rng.f64() - 2.0).collect()).collect();
    let compared = compare("graph", graph, &network, &corners, 1.0, &mut rng);
    assert!(compared.points >= 20, "{compared:?}");
    assert_eq!(compared.bounded, METHODS.len() * compared.points * network.output_len());
    network
}
