//! Random boxes and points in them: inner points, corners, faces, and points on the kinks of relus.

use super::dyadic::{Dyadic, dot};
use super::plan::{Plan, Step};
use fastrand::Rng;
use plimsoll::bound::Boxes;

/// What boxes look like.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// A few units wide, faces on small dyadics.
    Wide,
    /// Full mantissas, 1e-9 to 1 wide.
    Narrow,
    /// One unit in the last place in some directions.
    Ulp,
    /// A single point.
    Point,
    /// Subnormal numbers.
    Subnormal,
    /// Around 2^600, for weights that bring it down again.
    Huge,
}

impl Size {
    pub const ALL: [Size; 6] =
        [Size::Wide, Size::Narrow, Size::Ulp, Size::Point, Size::Subnormal, Size::Huge];
}

/// Lower and upper faces.
pub fn random(dims: usize, size: Size, rng: &mut Rng) -> (Vec<f64>, Vec<f64>) {
    let mut lower = Vec::new();
    let mut upper = Vec::new();
    for _ in 0..dims {
        let (l, u) = match size {
            Size::Wide => {
                let l = f64::from(rng.i32(-8..=4)) * 0.25;
                (l, l + f64::from(rng.i32(0..=8)) * 0.25)
            }
            Size::Narrow => {
                let l = 4.0 * rng.f64() - 2.0;
                (l, l + rng.f64() * 10f64.powi(rng.i32(-9..=0)))
            }
            Size::Ulp => {
                let l = 4.0 * rng.f64() - 2.0;
                (l, if rng.bool() { l.next_up() } else { l })
            }
            Size::Point => {
                let l = 4.0 * rng.f64() - 2.0;
                (l, l)
            }
            Size::Subnormal => {
                let unit = f64::from_bits(1);
                let l = f64::from(rng.i32(-9..=9)) * unit;
                (l, l + f64::from(rng.i32(0..=9)) * unit)
            }
            Size::Huge => {
                let l = (2.0 * rng.f64() - 1.0) * 2f64.powi(600);
                (l, l + rng.f64() * 2f64.powi(600))
            }
        };
        lower.push(l);
        upper.push(u);
    }
    (lower, upper)
}

/// A batch of random boxes of different sizes.
pub fn batch(dims: usize, sizes: &[Size], rng: &mut Rng) -> Boxes {
    let mut boxes = Boxes::new(dims);
    for size in sizes {
        let (lower, upper) = random(dims, *size, rng);
        boxes.push(&lower, &upper);
    }
    boxes
}

/// The smallest box around all boxes of a batch, as a batch of one.
pub fn hull(boxes: &Boxes) -> Boxes {
    let mut lower = boxes.lower_of(0).to_vec();
    let mut upper = boxes.upper_of(0).to_vec();
    for b in 1..boxes.count {
        for d in 0..boxes.dims {
            lower[d] = lower[d].min(boxes.lower_of(b)[d]);
            upper[d] = upper[d].max(boxes.upper_of(b)[d]);
        }
    }
    let mut hull = Boxes::new(boxes.dims);
    hull.push(&lower, &upper);
    hull
}

/// `count` random floats of a box: corners, faces, inner points.
pub fn points(lower: &[f64], upper: &[f64], count: usize, rng: &mut Rng) -> Vec<Vec<f64>> {
    (0..count)
        .map(|p| {
            let kind = if p % 4 == 0 { 0 } else { rng.u8(0..3) };
            lower
                .iter()
                .zip(upper)
                .map(|(l, u)| {
                    let inner = (l + rng.f64() * (u - l)).clamp(*l, *u);
                    match kind {
                        0 if rng.bool() => *l,
                        0 => *u,
                        1 => [*l, *u, inner, inner][rng.usize(0..4)],
                        _ => inner,
                    }
                })
                .collect()
        })
        .collect()
}

/// Points of the box at which a relu of an affine function of the inputs is exactly at its kink.
pub fn kinks(plan: &Plan, lower: &[f64], upper: &[f64], rng: &mut Rng) -> Vec<Vec<Dyadic>> {
    let mut found = Vec::new();
    for step in &plan.steps {
        let Step::Relu(of) = step else { continue };
        let Step::Affine { terms, bias, .. } = &plan.steps[*of] else { continue };
        let [(0, lines)] = terms.as_slice() else { continue };
        for (line, bias) in lines.iter().zip(bias) {
            let Some(&(free, weight)) = line.get(rng.usize(0..line.len().max(1))) else { continue };
            let point = &points(lower, upper, 1, rng)[0];
            let mut point: Vec<Dyadic> = point.iter().map(|x| Dyadic::new(*x)).collect();
            point[free as usize] = Dyadic::ZERO;
            let mut row = vec![0.0; lower.len()];
            for (column, w) in line {
                row[*column as usize] = *w;
            }
            let rest = dot(&row, &point).add(&Dyadic::new(*bias)).neg().rational();
            let weight = Dyadic::new(weight).rational();
            let Some(x) = rest.checked_div(&weight).and_then(|x| Dyadic::from_rational(&x)) else {
                continue;
            };
            let (l, u) = (lower[free as usize], upper[free as usize]);
            if Dyadic::new(l) <= x && x <= Dyadic::new(u) {
                point[free as usize] = x;
                found.push(point);
            }
        }
    }
    found
}
