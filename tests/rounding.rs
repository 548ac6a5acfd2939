//! Rounding, charge by charge: what each one covers, at magnitudes at which nothing else would.

mod common;

use common::dyadic::{Dyadic, dot};
use plimsoll::bound::Forms;
use plimsoll::search::refute_jointly;

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
fn products_of_multipliers_may_underflow() {
    let least = f64::from_bits(1);
    let forms = forms(&[&[-least], &[-least]], &[1.0e-30, 1.0e-30]);
    let (lower, upper) = ([0.0], [1.0e300]);
    let point = [Dyadic::new(upper[0])];
    for r in 0..2 {
        let value = dot(forms.row(r), &point).add(&Dyadic::new(forms.constant[r]));
        assert!(value.is_negative(), "both rows hold at the upper end");
    }
    assert!(!(refute_jointly(&forms, &[0, 1], &lower, &upper).0 > 0.0));
}
