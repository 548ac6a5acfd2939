//! The truth about small queries, found in another way than the library's: every combination of relu
//! phases that some input has is visited, and the linear system of each is decided by Fourier-Motzkin
//! elimination in rationals.

use super::plan::{Plan, Step};
use plimsoll_check::number::Rational;
use plimsoll_check::query::{Query, Region, Row};

/// `coefficients . x + constant`.
#[derive(Clone, Debug)]
pub struct Form {
    pub coefficients: Vec<Rational>,
    pub constant: Rational,
}

impl Form {
    fn zero(dims: usize) -> Form {
        Form { coefficients: vec![Rational::ZERO; dims], constant: Rational::ZERO }
    }

    fn add(&mut self, factor: &Rational, other: &Form) {
        for (mine, theirs) in self.coefficients.iter_mut().zip(&other.coefficients) {
            *mine += &(factor * theirs);
        }
        self.constant += &(factor * &other.constant);
    }

    fn negated(&self) -> Form {
        let mut negated = Form::zero(self.coefficients.len());
        negated.add(&Rational::from(-1), self);
        negated
    }
}

/// `form <= 0`, or `form < 0`.
#[derive(Clone, Debug)]
struct Constraint {
    form: Form,
    strict: bool,
}

/// Whether some point of the region satisfies all rows.
pub fn satisfiable(plan: &Plan, region: &Region, rows: &[Row]) -> bool {
    let faces = faces(region, 0);
    let found = phases(plan, &faces, region.lower.len(), &mut |known, outputs, inputs| {
        let mut all = known.to_vec();
        for row in rows {
            all.push(Constraint { form: row_form(row, outputs, inputs), strict: row.strict });
        }
        feasible(all)
    });
    found && !region.is_empty()
}

/// Whether the query is satisfiable.
pub fn decide(plan: &Plan, query: &Query) -> bool {
    query
        .disjuncts
        .iter()
        .any(|case| satisfiable(plan, &query.regions[case.region as usize], &case.rows))
}

/// The least value of a row's left-hand side over the closed region.
pub fn minimum(plan: &Plan, region: &Region, row: &Row) -> Rational {
    least_greatest(plan, region, std::slice::from_ref(row))
}

/// The least value over the closed region of the greatest of several left-hand sides.
pub fn least_greatest(plan: &Plan, region: &Region, rows: &[Row]) -> Rational {
    let dims = region.lower.len();
    // One variable more, `t >= row` for each row, whose least value is asked for.
    let faces = faces(region, 1);
    let mut least: Option<Rational> = None;
    phases(plan, &faces, dims + 1, &mut |known, outputs, inputs| {
        let mut all = known.to_vec();
        for row in rows {
            let mut form = row_form(row, outputs, inputs);
            form.coefficients[dims] = Rational::from(-1);
            all.push(Constraint { form, strict: false });
        }
        for constraint in &mut all {
            constraint.strict = false;
        }
        for variable in 0..dims {
            all = eliminate(all, variable);
        }
        let ends = all.iter().filter(|c| c.form.coefficients[dims].signum() < 0);
        let lowest = ends
            .filter_map(|c| (-&c.form.constant).checked_div(&c.form.coefficients[dims]))
            .max()
            .expect("the region is bounded");
        if least.as_ref().is_none_or(|least| lowest < *least) {
            least = Some(lowest);
        }
        false
    });
    least.expect("some phase has a point")
}

fn row_form(row: &Row, outputs: &[Form], inputs: &[Form]) -> Form {
    let mut form = Form::zero(inputs[0].coefficients.len());
    form.constant = row.constant.clone();
    for (index, coefficient) in &row.outputs {
        form.add(coefficient, &outputs[*index as usize]);
    }
    for (index, coefficient) in &row.inputs {
        form.add(coefficient, &inputs[*index as usize]);
    }
    form
}

/// The faces of a region as constraints on as many variables and some more.
fn faces(region: &Region, more: usize) -> Vec<Constraint> {
    let dims = region.lower.len();
    let mut all = Vec::new();
    for d in 0..dims {
        for (face, sign) in [(&region.lower[d], -1), (&region.upper[d], 1)] {
            let mut form = Form::zero(dims + more);
            form.coefficients[d] = Rational::from(sign);
            form.constant = &Rational::from(-sign) * &face.value;
            all.push(Constraint { form, strict: face.strict });
        }
    }
    all
}

type Visit<'a> = dyn FnMut(&[Constraint], &[Form], &[Form]) -> bool + 'a;

/// Visits every combination of phases that some point has, with its constraints and the forms of the
/// outputs and inputs, until a visit gives `true`.
fn phases(plan: &Plan, faces: &[Constraint], variables: usize, visit: &mut Visit<'_>) -> bool {
    let inputs: Vec<Form> = (0..plan.inputs())
        .map(|d| {
            let mut form = Form::zero(variables);
            form.coefficients[d] = Rational::ONE;
            form
        })
        .collect();
    walk(plan, vec![inputs], faces.to_vec(), visit)
}

fn walk(
    plan: &Plan,
    mut values: Vec<Vec<Form>>,
    known: Vec<Constraint>,
    visit: &mut Visit<'_>,
) -> bool {
    while values.len() < plan.steps.len() {
        match &plan.steps[values.len()] {
            Step::Relu(of) => {
                let pre_activations = values[*of].clone();
                return neuron(plan, values, pre_activations, Vec::new(), known, visit);
            }
            Step::Affine { terms, bias, .. } => {
                let variables = values[0][0].coefficients.len();
                let mut forms = Vec::new();
                for (k, bias) in bias.iter().enumerate() {
                    let mut form = Form::zero(variables);
                    form.constant = exact(*bias);
                    for (from, lines) in terms {
                        for (column, weight) in &lines[k] {
                            form.add(&exact(*weight), &values[*from][*column as usize]);
                        }
                    }
                    forms.push(form);
                }
                values.push(forms);
            }
            Step::Input(_) => unreachable!("only the first step is the input"),
            Step::Pointwise(..) | Step::Product { .. } => panic!("not piecewise linear"),
        }
    }
    visit(&known, values.last().expect("there is an output"), &values[0])
}

/// Branches on the phase of the next neuron of a relu step.
fn neuron(
    plan: &Plan,
    mut values: Vec<Vec<Form>>,
    pre_activations: Vec<Form>,
    done: Vec<Form>,
    known: Vec<Constraint>,
    visit: &mut Visit<'_>,
) -> bool {
    let Some(z) = pre_activations.get(done.len()) else {
        values.push(done);
        return walk(plan, values, known, visit);
    };
    for active in [false, true] {
        let form = if active { z.negated() } else { z.clone() };
        let mut all = known.clone();
        all.push(Constraint { form, strict: false });
        if !feasible(all.clone()) {
            continue;
        }
        let mut next = done.clone();
        next.push(if active { z.clone() } else { Form::zero(z.coefficients.len()) });
        if neuron(plan, values.clone(), pre_activations.clone(), next, all, visit) {
            return true;
        }
    }
    false
}

/// Whether some point satisfies all constraints.
fn feasible(mut all: Vec<Constraint>) -> bool {
    let variables = all.first().map_or(0, |c| c.form.coefficients.len());
    for variable in 0..variables {
        if contradicts(&all) {
            return false;
        }
        all = eliminate(all, variable);
    }
    !contradicts(&all)
}

/// Whether a constraint without variables is false.
fn contradicts(all: &[Constraint]) -> bool {
    all.iter().any(|c| {
        let constant = c.form.coefficients.iter().all(Rational::is_zero);
        let sign = c.form.constant.signum();
        constant && (sign > 0 || (c.strict && sign == 0))
    })
}

/// The constraints that the others imply without this variable: each upper end with each lower end.
fn eliminate(all: Vec<Constraint>, variable: usize) -> Vec<Constraint> {
    let mut kept = Vec::new();
    let (mut uppers, mut lowers): (Vec<Constraint>, Vec<Constraint>) = (Vec::new(), Vec::new());
    for mut constraint in all {
        let coefficient = constraint.form.coefficients[variable].clone();
        if coefficient.is_zero() {
            kept.push(constraint);
            continue;
        }
        // Scaled so that the coefficient is 1 or -1.
        let scale = Rational::ONE.checked_div(&coefficient.abs()).expect("not zero");
        let mut form = Form::zero(constraint.form.coefficients.len());
        form.add(&scale, &constraint.form);
        constraint.form = form;
        if coefficient.signum() > 0 { &mut uppers } else { &mut lowers }.push(constraint);
    }
    for upper in &uppers {
        for lower in &lowers {
            let mut form = upper.form.clone();
            form.add(&Rational::ONE, &lower.form);
            kept.push(Constraint { form, strict: upper.strict || lower.strict });
        }
    }
    slim(kept)
}

/// Drops constraints without variables that hold, and all but the tightest of those that are parallel.
fn slim(all: Vec<Constraint>) -> Vec<Constraint> {
    let mut kept: Vec<Constraint> = Vec::new();
    for mut constraint in all {
        let first = constraint.form.coefficients.iter().find(|a| !a.is_zero()).map(Rational::abs);
        let Some(first) = first else {
            let sign = constraint.form.constant.signum();
            if sign > 0 || (constraint.strict && sign == 0) {
                return vec![constraint];
            }
            continue;
        };
        let scale = Rational::ONE.checked_div(&first).expect("not zero");
        let mut form = Form::zero(constraint.form.coefficients.len());
        form.add(&scale, &constraint.form);
        constraint.form = form;
        let parallel =
            kept.iter_mut().find(|k| k.form.coefficients == constraint.form.coefficients);
        match parallel {
            None => kept.push(constraint),
            Some(known) => {
                let order = constraint.form.constant.cmp(&known.form.constant);
                if order.is_gt() || (order.is_eq() && constraint.strict) {
                    *known = constraint;
                }
            }
        }
    }
    kept
}

fn exact(value: f64) -> Rational {
    Rational::from_f64(value).expect("weights are finite")
}

/// The exact outputs at a rational point.
pub fn evaluate(plan: &Plan, point: &[Rational]) -> Vec<Rational> {
    let mut values: Vec<Vec<Rational>> = Vec::new();
    for step in &plan.steps {
        let value = match step {
            Step::Input(_) => point.to_vec(),
            Step::Relu(of) => values[*of].iter().map(|z| z.clone().max(Rational::ZERO)).collect(),
            Step::Affine { terms, bias, .. } => bias
                .iter()
                .enumerate()
                .map(|(k, bias)| {
                    let mut sum = exact(*bias);
                    for (from, lines) in terms {
                        for (column, weight) in &lines[k] {
                            sum += &(&exact(*weight) * &values[*from][*column as usize]);
                        }
                    }
                    sum
                })
                .collect(),
            Step::Pointwise(..) | Step::Product { .. } => panic!("not piecewise linear"),
        };
        values.push(value);
    }
    values.pop().expect("there is an output")
}
