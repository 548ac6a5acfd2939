//! Proven ranges of a model's outputs over regions of its inputs, method by method.

use crate::bound::backward::tighten;
use crate::bound::{Boxes, Frame, Intermediate, NodeBounds, Workspace, propagate};
use crate::kernel::rounding;
use crate::net::Network;
use crate::ops;
use plimsoll_check::Error;
use plimsoll_check::graph::Graph;
use plimsoll_check::query::Region;

/// How the outputs are bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Interval arithmetic.
    Interval,
    /// A zonotope, intersected with intervals.
    Zonotope,
    /// Backward linear bounds of every unstable neuron and of every output.
    Backward,
}

/// Most error generators of a zonotope.
const GENERATORS: usize = 256;

/// Ranges of all outputs, flat in the model's order, over the union of the regions.
///
/// For every point of a region the network over the reals has output `i` in `[lower[i], upper[i]]`. An
/// end is infinite where nothing could be proved. Without regions every range is empty: its lower end
/// is above its upper one.
///
/// # Errors
/// If the model has an operator that cannot be bounded.
pub fn output_ranges(
    model: &Graph,
    regions: &[Region],
    method: Method,
) -> Result<NodeBounds, Error> {
    let network = ops::lower(model)?;
    let len = network.output_len();
    let mut ranges =
        NodeBounds { lower: vec![f64::INFINITY; len], upper: vec![f64::NEG_INFINITY; len] };
    if !rounding::arithmetic_is_standard() {
        ranges.lower.fill(f64::NEG_INFINITY);
        ranges.upper.fill(f64::INFINITY);
        return Ok(ranges);
    }
    let mut work = Workspace::default();
    for region in regions {
        let over_region = one_region(&network, region, method, &mut work);
        for i in 0..len {
            let (lower, upper) = (over_region.lower[i], over_region.upper[i]);
            // A NaN says nothing.
            let lower = if lower.is_nan() { f64::NEG_INFINITY } else { lower };
            let upper = if upper.is_nan() { f64::INFINITY } else { upper };
            ranges.lower[i] = ranges.lower[i].min(lower);
            ranges.upper[i] = ranges.upper[i].max(upper);
        }
    }
    Ok(ranges)
}

fn one_region(
    network: &Network,
    region: &Region,
    method: Method,
    work: &mut Workspace,
) -> NodeBounds {
    let lower: Vec<f64> = region.lower.iter().map(|face| face.value.to_f64_down()).collect();
    let upper: Vec<f64> = region.upper.iter().map(|face| face.value.to_f64_up()).collect();
    let mut boxes = Boxes::new(network.input_len());
    boxes.push(&lower, &upper);
    let output = network.output();
    let (mut intervals, _) = propagate(network, None, &boxes, None, Intermediate::Interval, work);
    match method {
        Method::Interval => intervals.swap_remove(output),
        Method::Zonotope => {
            let keep = network.nonlinear_count().clamp(1, GENERATORS);
            let zonotope = Intermediate::Zonotope { keep };
            let (mut bounds, _) = propagate(network, None, &boxes, None, zonotope, work);
            bounds.swap_remove(output)
        }
        Method::Backward => {
            let frame = Frame::new(network, &intervals);
            let (mut bounds, relaxations) =
                propagate(network, Some(&frame), &boxes, None, Intermediate::Backward, work);
            let mut outputs = bounds.swap_remove(output);
            let all: Vec<(u32, u32)> = (0..network.output_len() as u32).map(|e| (0, e)).collect();
            tighten(network, &frame, &relaxations, output, &boxes, &all, &mut outputs, work);
            outputs
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;
    use plimsoll_check::number::Rational;
    use plimsoll_check::ops::evaluate_exact;
    use plimsoll_check::query::Face;

    fn face(value: f64) -> Face {
        Face { value: Rational::from_f64(value).unwrap(), strict: false }
    }

    fn region(faces: &[(f64, f64)]) -> Region {
        Region {
            lower: faces.iter().map(|f| face(f.0)).collect(),
            upper: faces.iter().map(|f| face(f.1)).collect(),
        }
    }

    #[test]
    fn exact_outputs_of_random_points_lie_in_the_ranges_of_every_method() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/thermostat/heat.onnx");
        let model = crate::read::model(path).unwrap();
        let mut rng = Rng::with_seed(3);
        let faces = [[(-1.0, -0.4), (-1.0, 1.0)], [(0.25, 0.5), (0.0, 0.125)]];
        let regions = faces.map(|faces| region(&faces));
        for method in [Method::Interval, Method::Zonotope, Method::Backward] {
            let ranges = output_ranges(&model, &regions, method).unwrap();
            assert!(ranges.is_finite());
            for _ in 0..200 {
                let faces = &faces[rng.usize(0..2)];
                let point = faces
                    .iter()
                    .map(|(l, u)| {
                        let value = match rng.u8(0..4) {
                            0 => *l,
                            1 => *u,
                            _ => (l + (u - l) * rng.f64()).clamp(*l, *u),
                        };
                        Rational::from_f64(value).unwrap()
                    })
                    .collect();
                let output = &evaluate_exact(&model, &[point]).unwrap()[0][0];
                assert!(Rational::from_f64(ranges.lower[0]).unwrap() <= *output);
                assert!(Rational::from_f64(ranges.upper[0]).unwrap() >= *output);
            }
        }
    }

    #[test]
    fn no_region_gives_empty_ranges() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/thermostat/heat.onnx");
        let model = crate::read::model(path).unwrap();
        let ranges = output_ranges(&model, &[], Method::Interval).unwrap();
        assert!(ranges.lower[0] > ranges.upper[0]);
    }
}
