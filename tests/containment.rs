//! Every bound of every sweep contains the exact values of the network, without slack.

mod common;

use common::boxes::Size;
use common::plan::{self, Style};
use common::sweeps;
use fastrand::Rng;

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
    for seed in 0..60 {
        let mut rng = Rng::with_seed(seed);
        let style = Style::ALL[seed as usize % Style::ALL.len()];
        let (inputs, steps) = (rng.usize(1..6), rng.usize(2..14));
        let plan = plan::random(style, inputs, steps, &mut rng);
        sweeps::check(&plan, &Size::ALL, 40, &mut rng);
    }
}
