//! Rounding, charge by charge: what each one covers, at magnitudes at which nothing else would.
//!
//! Every charge was taken out of the code once, alone, and the tests were run. What failed:
//!
//! | taken out | fails |
//! |---|---|
//! | `backward`: row that an accumulating product adds to | `rows_that_a_product_adds_to_are_charged` |
//! | products with weights and biases | `products_with_weights_...`, `products_with_biases_...`, containment |
//! | the bias in `Frame::weight` | `products_with_biases_are_charged` |
//! | underflow of coefficients | `coefficients_that_underflow_are_charged` |
//! | sum of the relaxation's constants | `sums_of_relaxation_constants_are_charged` |
//! | join of two rows at a relu | `joins_are_charged` |
//! | additions to the constant | `sums_of_constants_are_charged` |
//! | slack, at the start and on the way | `weights_that_are_not_exact_are_charged`, containment |
//! | lower or upper vertex of a relaxation | `relaxations_of_single_neurons_hold`, `kernel::lanes` |
//! | `minimum`: products and their sum | `minima_of_forms_are_charged`, `bound::forms`, containment |
//! | `affine`: products with the centre | `products_of_points_are_charged`, containment |
//! | bias | `sums_onto_a_bias_are_charged` |
//! | sum of the radii | `sums_of_radii_are_rounded_up` |
//! | least number in the radius | `charges_that_underflow_are_rounded_up` |
//! | underflow of products | `products_that_underflow_are_charged` |
//! | slack | `weights_that_are_not_exact_are_charged`, containment |
//! | overflow | `overflow_knows_nothing` |
//! | `zonotope`: products with centre and symbols | `products_of_points_are_charged` |
//! | bias | `sums_onto_a_bias_are_charged` |
//! | remainder of an operand, of an active or of an unstable neuron | containment, lowering |
//! | least number in what a product can lose | `charges_that_underflow_are_rounded_up` |
//! | slack | `weights_that_are_not_exact_are_charged`, containment |
//! | half the reach of a relu, its own symbol, its share of the box | containment |
//! | `problem`: coefficients that are no floats | `coefficients_that_are_no_floats_are_charged` |
//! | constant rounded down; subtraction of a charge; a charge that underflows | the same |
//! | the row's own coefficients on inputs, and the subtraction there | `coefficients_on_inputs_are_charged` |
//! | combined rows: products and sums, underflow | `combinations_before_the_sweep_are_charged` |
//! | `leaf`: combined forms, underflow | `combinations_of_rows_...`, `products_with_multipliers_...` |
//! | `queue`: inherited bounds rounded outward | `search::queue` |
//! | `verify`: faces rounded outward, lower or upper | `faces_that_no_float_lies_on_count`, verdicts |
//! | `exact`: strict rows, strict faces that count | `margins_of_zero_...`, `exact_refutations_are_true` |
//! | `ops`: error of a product, of a reciprocal, of an enclosed constant | `tests/lowering.rs` |
//! | composition of products or sums that are not exact, slack on the way | `tests/lowering.rs` |
//!
//! Some charges are covered by others, so that none of them fails alone:
//!
//! - the factor 2 of the products in `backward` and `zonotope`: weight and bias, or product and remainder,
//!   share one sum of magnitudes;
//! - the last subtraction in `backward`, `minimum`, `affine`, `zonotope`, `combine` and `combination`, and
//!   the few units around a product of two numbers: sums are counted at least two terms too long;
//! - `inflate` around a sum of charges: `gamma` has the same factor inside, and charges do not cancel;
//! - the underflow of a relaxation's constants, of a minimum and of a zonotope: the least normal number,
//!   which `inflate` or the last step takes off, is 2^29 times what the longest sum can lose so;
//! - rounding at a relu, of an input's centre, of radius and remainder in a zonotope: the products around
//!   them are charged with the whole magnitude, remainder included;
//! - rounding of clipped faces: the minimum they come from is charged with more; and `>= 0` instead of
//!   `> 0`: a minimum of zero is never computed, since the least normal number is taken off.

mod common;

use common::dyadic::{Dyadic, dot};
use common::plan::{Error, Plan, Step};
use common::queries;
use common::sweeps::{self, METHODS, Problem};
use fastrand::Rng;
use plimsoll::bound::{Forms, Intermediate, Seeds, minimum};
use plimsoll::search::refute_jointly;
use plimsoll_check::number::Rational;

fn power(exponent: i32) -> f64 {
    2f64.powi(exponent)
}

fn exact(point: &[f64]) -> Vec<Dyadic> {
    point.iter().map(|x| Dyadic::new(*x)).collect()
}

/// Element 0 of the last step, for which the first product is exact and costs nothing.
fn unit() -> Seeds {
    Seeds::Units { owner: vec![0], element: vec![0], sign: vec![1.0] }
}

/// Checks that the form of a row over the last step lies below the row at the points, exactly.
fn check_form(plan: &Plan, (lower, upper): (&[f64], &[f64]), seeds: &Seeds, points: &[&[f64]]) {
    let network = plan.network();
    let boxes = sweeps::single(lower, upper);
    let frame = sweeps::frame(&network, &boxes);
    let interval = Intermediate::Interval;
    let (_, relaxations) = sweeps::bounds(&network, &frame, &boxes, None, interval);
    let forms = sweeps::pull(&network, &frame, &relaxations, network.output(), seeds);
    for point in points {
        let point = exact(point);
        let form = sweeps::form_value(&forms, 0, &point).expect("the row is not void");
        for error in [Error::None, Error::Lowest, Error::Highest] {
            let y = plan.evaluate(&point, error).pop().unwrap();
            let value = match seeds {
                Seeds::Rows { coefficients, constant, .. } => {
                    dot(coefficients, &y).add(&Dyadic::new(constant[0]))
                }
                Seeds::Units { element, sign, .. } => {
                    Dyadic::new(sign[0]).mul(&y[element[0] as usize])
                }
            };
            assert!(form <= value, "the form is above its row at {point:?}");
        }
    }
}

/// Checks that all methods bound all steps at a point.
fn check_point(plan: &Plan, point: &[f64]) {
    let network = plan.network();
    let boxes = sweeps::single(point, point);
    let frame = sweeps::frame(&network, &boxes);
    let all = Error::None;
    for error in [all, Error::Lowest, Error::Highest] {
        let values = plan.evaluate(&exact(point), error);
        for method in METHODS {
            let (bounds, _) = sweeps::bounds(&network, &frame, &boxes, None, method);
            for (step, values) in values.iter().enumerate() {
                for (k, value) in values.iter().enumerate() {
                    let (l, u) = (bounds[step].lower[k], bounds[step].upper[k]);
                    let inside = (l == f64::NEG_INFINITY || Dyadic::new(l) <= *value)
                        && (u == f64::INFINITY || *value <= Dyadic::new(u));
                    assert!(inside, "{method:?}: element {k} of step {step} outside [{l}, {u}]");
                }
            }
        }
    }
}

/// Two factors and two others whose products nearly cancel.
fn cancelling(scale: f64, rng: &mut Rng) -> ([f64; 2], [f64; 2]) {
    let (a, w, b) = (1.0 + rng.f64(), 1.0 + rng.f64(), 1.0 + rng.f64());
    ([a, b], [w * scale, -(a * w / b) * scale])
}

// Backward sweeps.

/// `x + 2^-55 x`, in which the second summand vanishes when the two coefficients are added up by a product
/// that accumulates.
#[test]
fn rows_that_a_product_adds_to_are_charged() {
    let mut plan = Plan::new(1);
    let small = plan.affine(0, &[&[power(-55)]], &[0.0]);
    plan.sum(&[(0, &[&[1.0]]), (small, &[&[1.0]])], &[0.0]);
    check_form(&plan, (&[-1.0], &[1.0]), &unit(), &[&[-1.0], &[1.0]]);
}

/// `relu(x) + 2^-55 x` on an active neuron, in which the second summand vanishes at the join.
#[test]
fn joins_are_charged() {
    let mut plan = Plan::new(1);
    let relu = plan.relu(0);
    plan.sum(&[(0, &[&[-power(-55)]]), (relu, &[&[1.0]])], &[0.0]);
    check_form(&plan, (&[1.0], &[2.0]), &unit(), &[&[1.0], &[2.0]]);
    let Step::Affine { terms, .. } = &mut plan.steps[2] else { unreachable!() };
    terms[0].1[0][0].1 = power(-55);
    check_form(&plan, (&[-2.0], &[-1.0]), &unit(), &[&[-2.0], &[-1.0]]);
    check_form(&plan, (&[1.0], &[2.0]), &unit(), &[&[1.0], &[2.0]]);
}

/// Products whose sum is a rounding error.
#[test]
fn products_with_weights_are_charged() {
    let mut rng = Rng::with_seed(1);
    for _ in 0..50 {
        let (row, weights) = cancelling(1.0, &mut rng);
        let mut plan = Plan::new(1);
        plan.affine(0, &[&[weights[0]], &[weights[1]]], &[0.0, 0.0]);
        check_form(&plan, (&[-1.0], &[1.0]), &sweeps::row(&row, 0.0), &[&[-1.0], &[1.0]]);
    }
}

/// Products with biases whose sum is a rounding error.
#[test]
fn products_with_biases_are_charged() {
    let mut rng = Rng::with_seed(2);
    for _ in 0..50 {
        let (row, bias) = cancelling(1.0, &mut rng);
        let mut plan = Plan::new(1);
        plan.affine(0, &[&[power(-70)], &[power(-70)]], &bias);
        check_form(&plan, (&[-1.0], &[1.0]), &sweeps::row(&row, 0.0), &[&[0.0]]);
    }
}

/// `2^-600 2^-600 2^1000`: the first product is zero in floats.
#[test]
fn coefficients_that_underflow_are_charged() {
    let mut plan = Plan::new(1);
    plan.affine(0, &[&[power(-600)]], &[0.0]);
    let (lower, upper) = ([-power(1000)], [power(1000)]);
    let row = sweeps::row(&[power(-600)], 0.0);
    check_form(&plan, (&lower, &upper), &row, &[&lower, &upper]);
}

/// Eight large constants of neurons and thousands that vanish beside them.
#[test]
fn sums_of_relaxation_constants_are_charged() {
    const COUNT: usize = 2048;
    let mut plan = Plan::new(COUNT);
    plan.relu(0);
    let upper: Vec<f64> = (0..COUNT).map(|k| if k < 8 { 2.0 } else { power(-53) }).collect();
    let lower: Vec<f64> = upper.iter().map(|u| -u).collect();
    let row = sweeps::row(&[-1.0; COUNT], 0.0);
    check_form(&plan, (&lower, &upper), &row, &[&lower, &upper]);
}

/// `2^60 - 60 - 60 - ...`, in which every single 60 vanishes.
#[test]
fn sums_of_constants_are_charged() {
    let mut plan = Plan::new(1);
    let mut last = 0;
    for _ in 0..64 {
        last = plan.affine(last, &[&[1.0]], &[-60.0]);
    }
    check_form(&plan, (&[-1.0], &[1.0]), &sweeps::row(&[1.0], power(60)), &[&[-1.0], &[1.0]]);
}

/// A weight that is known up to an error, at the start of a sweep and inside it.
#[test]
fn weights_that_are_not_exact_are_charged() {
    for slack in [0.5, power(-50)] {
        let mut plan = Plan::new(1);
        let (terms, slack) = (vec![(0, vec![vec![(0, 1.0)]])], vec![(0, vec![vec![(0, slack)]])]);
        plan.push(Step::Affine { terms, slack, bias: vec![0.0] });
        let ends: [&[f64]; 2] = [&[-1.0], &[1.0]];
        let faces = (ends[0], ends[1]);
        check_form(&plan, faces, &unit(), &ends);
        check_form(&plan, faces, &sweeps::row(&[-1.0], 0.0), &ends);
        check_point(&plan, &[0.75]);
        let relu = plan.relu(1);
        plan.affine(relu, &[&[1.0]], &[0.0]);
        check_form(&plan, (&[0.5], &[1.0]), &sweeps::row(&[1.0], 0.0), &[&[0.5], &[1.0]]);
        check_point(&plan, &[0.75]);
    }
}

/// Rows that are random but for what they sum up to, on boxes of every kind, keep below their minimum.
#[test]
fn minima_of_forms_are_charged() {
    let mut rng = Rng::with_seed(3);
    for _ in 0..2000 {
        let scale = power(rng.i32(-500..500));
        let (a, x) = cancelling(scale, &mut rng);
        let constant = [0.0, power(-60), -scale][rng.usize(0..3)];
        let bound = minimum(&a, constant, &x, &x);
        let value = dot(&a, &exact(&x)).add(&Dyadic::new(constant));
        assert!(Dyadic::new(bound) <= value, "{a:?} {x:?} {constant}");
    }
    let least = f64::from_bits(1);
    assert!(minimum(&[-least], 0.0, &[0.5], &[0.5]) < 0.0, "half of the least float is no zero");
}

// Forward sweeps.

#[test]
fn products_of_points_are_charged() {
    let mut rng = Rng::with_seed(4);
    for _ in 0..50 {
        let (x, weights) = cancelling(1.0, &mut rng);
        let mut plan = Plan::new(2);
        plan.affine(0, &[&weights], &[0.0]);
        check_point(&plan, &x);
    }
}

/// A bias of 2^60 and many summands that vanish beside it.
#[test]
fn sums_onto_a_bias_are_charged() {
    let mut plan = Plan::new(1);
    let many: Vec<usize> = (0..40).map(|_| plan.affine(0, &[&[1.0]], &[-60.0])).collect();
    let terms = many.iter().map(|step| (*step, vec![vec![(0, 1.0)]])).collect();
    plan.push(Step::Affine { terms, slack: Vec::new(), bias: vec![power(60)] });
    check_point(&plan, &[0.0]);
}

#[test]
fn products_that_underflow_are_charged() {
    for sign in [1.0, -1.0] {
        let mut plan = Plan::new(1);
        plan.affine(0, &[&[sign * power(-600)]], &[0.0]);
        check_point(&plan, &[power(-600)]);
    }
}

/// Inputs so small that a share of them is zero, times weights that make it large again.
#[test]
fn charges_that_underflow_are_rounded_up() {
    let mut rng = Rng::with_seed(5);
    let least = f64::from_bits(1);
    for _ in 0..200 {
        let x = [0; 2].map(|_| rng.u64((1 << 40)..(1 << 41)) as f64 * least);
        let w = (1.0 + rng.f64()) * power(1000);
        let mut plan = Plan::new(2);
        plan.affine(0, &[&[w, -(w * x[0] / x[1])]], &[0.0]);
        check_point(&plan, &x);
    }
}

/// A wide input and many that vanish beside it.
#[test]
fn sums_of_radii_are_rounded_up() {
    const COUNT: usize = 513;
    let mut plan = Plan::new(COUNT);
    plan.affine(0, &[&[1.0; COUNT]], &[0.0]);
    let upper: Vec<f64> = (0..COUNT).map(|k| if k == 0 { 1.0 } else { power(-54) }).collect();
    let lower: Vec<f64> = upper.iter().map(|u| -u).collect();
    let network = plan.network();
    let boxes = sweeps::single(&lower, &upper);
    let frame = sweeps::frame(&network, &boxes);
    for method in METHODS {
        let (bounds, _) = sweeps::bounds(&network, &frame, &boxes, None, method);
        for corner in [&lower, &upper] {
            let y = &plan.evaluate(&exact(corner), Error::None)[1][0];
            let inside =
                Dyadic::new(bounds[1].lower[0]) <= *y && *y <= Dyadic::new(bounds[1].upper[0]);
            assert!(inside, "{method:?}");
        }
    }
}

/// An overflow gives no bound, rather than an end at infinity on the wrong side.
#[test]
fn overflow_knows_nothing() {
    for weights in [[1.0e308, 1.0e308], [1.0e308, -1.0e308], [-1.0e308, -1.0e308]] {
        let mut plan = Plan::new(2);
        let sum = plan.affine(0, &[&weights], &[0.0]);
        let relu = plan.relu(sum);
        plan.affine(relu, &[&[1.0]], &[1.0]);
        check_point(&plan, &[100.0, 100.0]);
        check_point(&plan, &[0.5, 100.0]);
    }
}

// Rows of the query.

/// A network `y = x` and one row of a query about it.
fn one_row(
    row: plimsoll_check::query::Row,
    magnitude: f64,
) -> (Plan, plimsoll_check::query::Query) {
    let mut plan = Plan::new(1);
    plan.affine(0, &[&[1.0]], &[0.0]);
    let region = queries::region(&[-magnitude], &[magnitude]);
    (plan, queries::conjunction(region, vec![row], 1))
}

/// A compiled row lies below the exact one wherever the magnitudes hold.
#[test]
fn coefficients_that_are_no_floats_are_charged() {
    let texts = ["0.1", "0.3", "-0.7", "1e-3", "123456.789", "0.5", "1e-400", "3e-320"];
    for coefficient in texts {
        for (constant, own) in texts.iter().flat_map(|text| [(text, "0.2"), (text, "0.25")]) {
            let mut row = queries::row(&[1.0], queries::decimal(constant), false);
            row.outputs[0].1 = queries::decimal(coefficient);
            row.inputs = vec![(0, queries::decimal(own))];
            for magnitude in [1.0e6, 1.0e-3] {
                let (plan, query) = one_row(row.clone(), magnitude);
                let network = plan.network();
                let boxes = sweeps::single(&[-magnitude], &[magnitude]);
                let frame = sweeps::frame(&network, &boxes);
                let problem = Problem::new(&network, frame, boxes, &query);
                let compiled = &problem.rows[0];
                for x in [-magnitude, -1.0e-4, 0.0, 1.0e-4, magnitude] {
                    let mut value = queries::number(compiled.constant);
                    for (_, c) in compiled.outputs.iter().chain(&compiled.inputs) {
                        value += &(&queries::number(*c) * &queries::number(x));
                    }
                    let point = [queries::number(x)];
                    assert!(
                        value <= row.value(&point, &point),
                        "{coefficient} y + {constant} at {x}"
                    );
                }
            }
        }
    }
}

/// `x + 2^-55 x`, the second summand being the row's own, alone and beside a constant that is larger.
#[test]
fn coefficients_on_inputs_are_charged() {
    let cases = [(1.0, 0.0), (power(-20), 1.0), (power(-20), -1.0)];
    for (small, (magnitude, constant)) in
        [power(-55), -power(-55)].into_iter().flat_map(|small| cases.map(|case| (small, case)))
    {
        let mut row = queries::row(&[1.0], Rational::ZERO, false);
        row.inputs = vec![(0, queries::number(small))];
        let (plan, query) = one_row(row, magnitude);
        let network = plan.network();
        let boxes = sweeps::single(&[-magnitude], &[magnitude]);
        let problem = Problem::new(&network, sweeps::frame(&network, &boxes), boxes, &query);
        let mut forms = forms(&[&[1.0]], &[constant]);
        sweeps::add_input_parts(&problem, &mut forms, 0);
        for x in [-magnitude, magnitude] {
            let form = sweeps::form_value(&forms, 0, &exact(&[x])).unwrap();
            let exact = Dyadic::new(x).add(&Dyadic::new(small * x)).add(&Dyadic::new(constant));
            assert!(form <= exact, "{small} {magnitude} {constant}");
        }
    }
}

fn forms(rows: &[&[f64]], constant: &[f64]) -> Forms {
    Forms {
        dims: rows[0].len(),
        owner: vec![0; rows.len()],
        coefficients: rows.concat(),
        constant: constant.to_vec(),
    }
}

/// Half of the least float is zero, and a large input makes a difference of that.
#[test]
fn products_with_multipliers_may_underflow() {
    let least = f64::from_bits(1);
    let forms = forms(&[&[-least], &[-least]], &[1.0e-30, 1.0e-30]);
    let (lower, upper) = ([0.0], [1.0e300]);
    let point = exact(&upper);
    for r in 0..2 {
        let value = sweeps::form_value(&forms, r, &point).unwrap();
        assert!(value.is_negative(), "both rows hold at the upper end");
    }
    assert!(!(refute_jointly(&forms, &[0, 1], &lower, &upper).0 > 0.0));
}

/// The bound of a combination is below its value at the minimiser for the multipliers that it came with.
#[test]
fn combinations_of_rows_are_charged() {
    let mut rng = Rng::with_seed(6);
    for k in 0..3000 {
        // Thirds of three forms that cancel: what is left is rounding, and no other combination is as good.
        let (a, b) = (1.0 + rng.f64(), 1.0 + rng.f64());
        let scale = power(rng.i32(-40..40));
        let constant = match k % 3 {
            0 => [0.0, 0.0, 0.0],
            1 => [a * scale, b * scale, -(a + b) * scale],
            _ => [rng.f64(), rng.f64(), rng.f64()].map(|c| c * scale),
        };
        let forms = forms(&[&[a, 1.0], &[b, -0.5], &[-(a + b), -0.5]], &constant);
        let lower = [-1.0, -1.0].map(|x: f64| x * power(rng.i32(-3..40)));
        let upper = lower.map(|x| x + [0.0, x.abs() * rng.f64()][rng.usize(0..2)]);
        let (bound, multipliers) = refute_jointly(&forms, &[0, 1, 2], &lower, &upper);
        let mut combined = [Dyadic::ZERO, Dyadic::ZERO];
        let mut value = Dyadic::ZERO;
        for (r, m) in multipliers.iter().enumerate() {
            assert!(*m >= 0.0);
            let m = Dyadic::new(*m);
            for d in 0..2 {
                combined[d] = combined[d].add(&m.mul(&Dyadic::new(forms.row(r)[d])));
            }
            value = value.add(&m.mul(&Dyadic::new(forms.constant[r])));
        }
        for d in 0..2 {
            let face = if combined[d].is_negative() { upper[d] } else { lower[d] };
            value = value.add(&combined[d].mul(&Dyadic::new(face)));
        }
        assert!(Dyadic::new(bound) <= value, "{forms:?} {lower:?} {upper:?} {multipliers:?}");
    }
}

/// Rows combined before they are swept: the sum of their exact multiples is nowhere below.
#[test]
fn combinations_before_the_sweep_are_charged() {
    let mut rng = Rng::with_seed(8);
    let least = f64::from_bits(1);
    for k in 0..2000 {
        let (a, b) = (1.0 + rng.f64(), 1.0 + rng.f64());
        let magnitude = [1.0, power(-30), power(900)][rng.usize(0..3)];
        let coefficients = match k % 3 {
            0 => [a, b, -(a + b)],
            1 => [least, 3.0 * least, -least],
            _ => [a, b, rng.f64()],
        };
        let constants = match rng.u8(0..3) {
            0 => [0.0; 3],
            1 => [b, a, -(a + b)],
            _ => [1.0, 0.0, 0.0],
        };
        let rows: Vec<_> = (0..3)
            .map(|r| {
                let mut row =
                    queries::row(&[coefficients[r]], queries::number(constants[r]), false);
                row.inputs = vec![(0, queries::number(coefficients[(r + 1) % 3]))];
                row
            })
            .collect();
        let mut plan = Plan::new(1);
        plan.affine(0, &[&[1.0]], &[0.0]);
        let region = queries::region(&[-magnitude], &[magnitude]);
        let query = queries::conjunction(region, rows, 1);
        let network = plan.network();
        let boxes = sweeps::single(&[-magnitude], &[magnitude]);
        let problem = Problem::new(&network, sweeps::frame(&network, &boxes), boxes, &query);
        let third = 1.0 / 3.0;
        let multipliers = [[third; 3], [0.5; 3], [rng.f64(), rng.f64(), 0.0]][rng.usize(0..3)];
        let combined = problem.combine(0, &multipliers);
        for (y, x) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            let (y, x) = (Dyadic::new(y * magnitude), Dyadic::new(x * magnitude));
            let value = |row: &plimsoll::problem::CompiledRow| {
                let mut value = Dyadic::new(row.constant);
                for (terms, point) in [(&row.outputs, &y), (&row.inputs, &x)] {
                    for (_, coefficient) in terms {
                        value = value.add(&Dyadic::new(*coefficient).mul(point));
                    }
                }
                value
            };
            let mut sum = Dyadic::ZERO;
            for (row, multiplier) in problem.disjuncts[0].iter().zip(&multipliers) {
                let row = value(&problem.rows[*row as usize]);
                sum = sum.add(&Dyadic::new(*multiplier).mul(&row));
            }
            assert!(value(&combined) <= sum, "{coefficients:?} {constants:?} {multipliers:?}");
        }
    }
}

/// Clipping keeps every point at which the forms can hold.
#[test]
fn clipped_boxes_keep_what_satisfies_the_rows() {
    let mut rng = Rng::with_seed(7);
    let mut moved = 0;
    for _ in 0..3000 {
        let scale = power(rng.i32(-1060..900));
        let l = (2.0 * rng.f64() - 1.0) * scale;
        let width = rng.f64() * power(rng.i32(-40..3)) * scale;
        let sign = if rng.bool() { 1.0 } else { -1.0 };
        let slope = sign * (0.5 + rng.f64()) * power(rng.i32(-20..20));
        let inside = l + rng.f64() * width;
        let forms = forms(&[&[slope]], &[-(slope * inside)]);
        let (mut lower, mut upper) = ([l], [l + width]);
        let before = (lower, upper);
        let left = plimsoll::search::clip(&forms, &[0], &mut lower, &mut upper).is_some();
        moved += usize::from((lower, upper) != before);
        // Where the form is exactly zero, a rational.
        let zero = (-&queries::number(forms.constant[0])).checked_div(&queries::number(slope));
        let zero = zero.unwrap();
        let kept =
            |x: &Rational| queries::number(lower[0]) <= *x && *x <= queries::number(upper[0]);
        if queries::number(before.0[0]) <= zero && zero <= queries::number(before.1[0]) {
            assert!(
                left && kept(&zero),
                "{forms:?}: {zero} is not in [{}, {}]",
                lower[0],
                upper[0]
            );
        }
    }
    assert!(moved > 1000, "{moved} boxes were clipped");
}
