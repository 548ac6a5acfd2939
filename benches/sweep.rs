//! How near the backward sweep comes to the speed of a plain matrix product on this machine.
//!
//! `cargo bench --bench sweep`. One thread; every figure is the best of several runs, and shares are taken
//! from the same run, since machines differ and are noisy.

#![allow(clippy::print_stdout)]

use plimsoll::bound::{Boxes, Frame, Intermediate, Seeds, Workspace, backward, propagate};
use plimsoll::kernel::{Layout, product};
use plimsoll::net::{LinearMap, Network, Node, Primitive, Term};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// Fastest of `runs` timings, in seconds.
fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

/// Multiply-adds a second of a square product that fits the cache.
fn peak() -> f64 {
    let n = 384;
    let numbers: Vec<f64> = (0..n * n).map(|i| (i % 17) as f64 * 0.1 - 0.8).collect();
    let mut out = vec![0.0; n * n];
    let seconds = best(40, || {
        product(&mut out, &numbers, black_box(&numbers), (n, n, n), Layout::Plain, false);
    });
    (n * n * n) as f64 / seconds
}

/// A fully connected relu network with pseudo-random weights.
fn network(widths: &[usize]) -> Network {
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    };
    let name = String::new;
    let mut nodes = vec![Node { len: widths[0], primitive: Primitive::Input, name: name() }];
    for (layer, pair) in widths.windows(2).enumerate() {
        let (columns, rows) = (pair[0], pair[1]);
        let scale = 2.0 / (columns as f64).sqrt();
        let lines: Vec<Vec<(u32, f64)>> = (0..rows)
            .map(|_| (0..columns as u32).map(|j| (j, scale * random())).collect())
            .collect();
        let bias = (0..rows).map(|_| 0.1 * random()).collect();
        let map = Arc::new(LinearMap::from_rows(columns, &lines));
        let terms = vec![Term { from: nodes.len() - 1, map }];
        let primitive = Primitive::Affine { terms, bias, slack: Vec::new() };
        nodes.push(Node { len: rows, primitive, name: name() });
        if layer + 2 < widths.len() {
            let of = nodes.len() - 1;
            nodes.push(Node { len: rows, primitive: Primitive::Relu { of }, name: name() });
        }
    }
    Network::new(nodes)
}

fn main() {
    let peak = peak();
    println!("matrix product: {:.1} GFLOP/s in float64, one thread", 2e-9 * peak);
    for (widths, boxes) in [
        (vec![5, 50, 50, 50, 50, 50, 50, 5], 64),
        (vec![64, 256, 256, 256, 256, 10], 16),
        (vec![784, 512, 512, 10], 8),
    ] {
        sweep(&widths, boxes, peak);
    }
}

fn sweep(widths: &[usize], count: usize, peak: f64) {
    let network = network(widths);
    let mut boxes = Boxes::new(widths[0]);
    for b in 0..count {
        let middle = b as f64 / count as f64 - 0.5;
        boxes.push(&vec![middle - 0.05; widths[0]], &vec![middle + 0.05; widths[0]]);
    }
    let mut hull = Boxes::new(widths[0]);
    hull.push(&vec![-1.0; widths[0]], &vec![1.0; widths[0]]);
    let mut work = Workspace::default();
    let interval = Intermediate::Interval;
    let (bounds, _) = propagate(&network, None, &hull, None, interval, &mut work);
    let frame = Frame::new(&network, &bounds);
    let (_, relaxations) = propagate(&network, Some(&frame), &boxes, None, interval, &mut work);
    // Rows as bounding the last hidden layer has them: both ends of every neuron, for every box.
    let last = network.nodes.len() - 3;
    let len = network.nodes[last].len;
    let rows = 2 * len * count;
    let owner: Vec<u32> = (0..rows).map(|r| (r / (2 * len)) as u32).collect();
    let element: Vec<u32> = (0..rows).map(|r| (r / 2 % len) as u32).collect();
    let sign: Vec<f64> = (0..rows).map(|r| if r % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let seeds = Seeds::Units { owner, element, sign };
    let seconds = best(10, || {
        let forms = backward(&network, &frame, &relaxations, last, &seeds, None, &mut work);
        black_box(&forms.constant);
        forms.recycle(&mut work);
    });
    // The seed itself is a row of the last map: no product.
    let products: usize = widths[1..widths.len() - 2]
        .iter()
        .zip(&widths[..widths.len() - 3])
        .map(|(rows, columns)| rows * columns)
        .sum();
    let speed = (rows * products) as f64 / seconds;
    println!(
        "backward sweep through {widths:?}, {rows} rows: {:.1} GFLOP/s, {:.0} % of the product, \
         {:.2} us a row",
        2e-9 * speed,
        100.0 * speed / peak,
        1e6 * seconds / rows as f64
    );
}
