//! Every bound of every sweep contains the exact values of the network, without slack.

mod common;

use common::boxes::Size;
use common::dyadic::Dyadic;
use common::plan::{self, Plan, Step, Style};
use common::sweeps;
use fastrand::Rng;
use plimsoll::bound::{Intermediate, NodeBounds};
use plimsoll::net::{Convolution, Field, LinearMap, Network, Placement, Primitive};
use std::sync::Arc;

/// Ten thousand points for one network of each style.
#[test]
fn sweeps_contain_ten_thousand_points() {
    for (seed, style) in Style::ALL.into_iter().enumerate() {
        let mut rng = Rng::with_seed(1000 + seed as u64);
        let plan = plan::random(style, 4, 9, &mut rng);
        sweeps::check(&plan, &[Size::Wide, Size::Narrow, Size::Wide], 3334, &mut rng);
    }
}

/// Many networks of every shape and many boxes of every size, a few points each.
#[test]
fn sweeps_contain_values_of_many_networks() {
    for seed in 0..120 {
        let mut rng = Rng::with_seed(seed);
        let style = Style::ALL[seed as usize % Style::ALL.len()];
        let (inputs, steps) = (rng.usize(1..6), rng.usize(2..14));
        let plan = plan::random(style, inputs, steps, &mut rng);
        sweeps::check(&plan, &Size::ALL, 40, &mut rng);
    }
}

/// Functions with kinks, jumps and curves, and products, in networks of every style.
#[test]
fn sweeps_contain_values_of_curved_networks() {
    for seed in 0..160 {
        let mut rng = Rng::with_seed(3000 + seed);
        let style = Style::ALL[seed as usize % Style::ALL.len()];
        let (inputs, steps) = (rng.usize(1..5), rng.usize(2..9));
        let plan = plan::curved(style, inputs, steps, &mut rng);
        sweeps::check(&plan, &Size::ALL, 30, &mut rng);
    }
}

/// Convolutions are swept by their filters; the exact values come from the rows of their matrices.
#[test]
fn convolutions_contain_exact_values() {
    for seed in 0..30 {
        let mut rng = Rng::with_seed(900 + seed);
        let style = Style::ALL[seed as usize % Style::ALL.len()];
        let groups = rng.usize(1..3);
        let from = Field { channels: groups, height: rng.usize(1..4), width: rng.usize(1..4) };
        let placement = Placement {
            kernel: [rng.usize(1..4), rng.usize(1..4)],
            stride: [rng.usize(1..3), rng.usize(1..3)],
            dilation: [rng.usize(1..3), 1],
            before: [rng.usize(0..3), rng.usize(0..3)],
        };
        // As many rows and columns of results as there are with padding on both sides, one at least.
        let results = |i: usize, full: usize| {
            let reach = placement.dilation[i] * (placement.kernel[i] - 1) + 1;
            (full + 2 * placement.before[i]).saturating_sub(reach) / placement.stride[i] + 1
        };
        let (height, width) = (results(0, from.height), results(1, from.width));
        let to = Field { channels: 2 * groups, height, width };
        let depth = placement.kernel[0] * placement.kernel[1];
        let weights = (0..to.channels * depth).map(|_| style.weight(depth, &mut rng)).collect();
        let convolution = Convolution::new(from, to, groups, placement, weights);
        let lines = (0..to.len()).map(|k| convolution.row(k)).collect();
        let mut plan = Plan::new(from.len());
        let bias = (0..to.len()).map(|_| style.weight(4, &mut rng)).collect();
        let terms = vec![(0, lines)];
        let step = plan.push(Step::Affine { terms, slack: Vec::new(), bias });
        let relu = plan.relu(step);
        // Back to the inputs' field, so that the same convolution can be read twice.
        let fold: Vec<Vec<f64>> = (0..from.len())
            .map(|_| (0..to.len()).map(|_| style.weight(to.len(), &mut rng)).collect())
            .collect();
        let rows: Vec<&[f64]> = fold.iter().map(Vec::as_slice).collect();
        let middle = plan.affine(relu, &rows, &vec![0.0; from.len()]);
        let Step::Affine { terms, bias, .. } = plan.steps[step].clone() else { unreachable!() };
        let lines = terms[0].1.clone();
        let terms = vec![(0, lines.clone()), (middle, lines)];
        let last = plan.push(Step::Affine { terms, slack: Vec::new(), bias });
        let mut nodes = plan.network().nodes;
        let map = Arc::new(LinearMap::Convolution(convolution));
        for node in [step, last] {
            let Primitive::Affine { terms, .. } = &mut nodes[node].primitive else {
                unreachable!()
            };
            terms.iter_mut().for_each(|term| term.map = map.clone());
        }
        let sizes = [Size::Wide, Size::Narrow, Size::Point, Size::Subnormal];
        sweeps::check_network(&plan, &Network::new(nodes), &sizes, 20, &mut rng);
    }
}

/// A form that says nothing is no form: where values are moderate, every row has one.
#[test]
fn moderate_networks_have_no_void_rows() {
    for seed in 0..20 {
        let mut rng = Rng::with_seed(500 + seed);
        let plan = plan::random(Style::Plain, 3, 8, &mut rng);
        let network = plan.network();
        let boxes = sweeps::single(&[-1.0; 3], &[1.0; 3]);
        let frame = sweeps::frame(&network, &boxes);
        for method in sweeps::METHODS {
            let (bounds, relaxations) = sweeps::bounds(&network, &frame, &boxes, None, method);
            assert!(bounds.iter().all(NodeBounds::is_finite));
            let seeds = sweeps::row(&vec![1.0; network.output_len()], 0.0);
            let forms = sweeps::pull(&network, &frame, &relaxations, network.output(), &seeds);
            let minimum = forms.minimum(0, &[-1.0; 3], &[1.0; 3]);
            assert!(minimum.is_finite(), "{method:?}");
            if method == Intermediate::Backward {
                let point = sweeps::minimiser(forms.row(0), &[-1.0; 3], &[1.0; 3]);
                let close = sweeps::form_value(&forms, 0, &point).unwrap();
                let slack = Dyadic::new(1.0e-9 * (1.0 + minimum.abs()));
                assert!(close <= Dyadic::new(minimum).add(&slack), "charges stay small");
            }
        }
    }
}
