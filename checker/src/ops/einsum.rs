//! Sums of products by labels: Einsum.

use super::broadcast::strides;
use super::evaluate::Data;
use super::{Application, Op, Reading};
use crate::error::{Error, Kind};
use crate::number::Scalar;
use std::collections::BTreeMap;

/// A label of the equation; the axes under an ellipsis are counted from the last one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Ellipsis(usize),
    Letter(char),
}

pub(super) fn einsum(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, usize::MAX)?;
    let equation = application
        .attributes
        .string("equation")?
        .ok_or_else(|| application.contradiction("the equation is missing"))?;
    let positions: Vec<usize> = (0..application.operands.len()).collect();
    application.same_element(&positions)?;
    super::elementwise::numeric(application, 0)?;
    let malformed = || {
        application.contradiction(format!("the equation {equation:?} does not fit the operands"))
    };
    let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (text.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != positions.len() {
        return Err(malformed());
    }
    let mut lengths: BTreeMap<Label, usize> = BTreeMap::new();
    let mut uses: BTreeMap<Label, usize> = BTreeMap::new();
    let mut labelled = Vec::with_capacity(terms.len());
    for (position, term) in terms.iter().enumerate() {
        let shape = application.operand(position)?.shape;
        let labels = labels(term, Some(shape.len())).ok_or_else(malformed)?;
        for (label, dim) in labels.iter().zip(shape) {
            *uses.entry(*label).or_default() += 1;
            let length = lengths.entry(*label).or_insert(1);
            match (*length, *dim) {
                (a, b) if a == b => {}
                (1, dim) => *length = dim,
                // Only what stands under an ellipsis is broadcast by the standard, and a length of one
                // under a longer label is taken the same way by all.
                (_, 1) => {}
                _ => return Err(malformed()),
            }
        }
        labelled.push(labels);
    }
    let widest = lengths.keys().filter(|label| matches!(label, Label::Ellipsis(_))).count();
    let result = match right {
        Some(right) if right.contains("...") => {
            let letters = right.chars().filter(|c| *c != '.').count();
            labels(right, Some(letters + widest)).ok_or_else(malformed)?
        }
        Some(right) => labels(right, None).ok_or_else(malformed)?,
        // Without an arrow: the ellipsis, then every label that occurs once, in the alphabet's order.
        None => {
            let ellipsis = (0..widest).rev().map(Label::Ellipsis);
            let single = uses
                .iter()
                .filter(|(label, uses)| matches!(label, Label::Letter(_)) && **uses == 1);
            ellipsis.chain(single.map(|(label, _)| *label)).collect()
        }
    };
    let names: Vec<Label> = lengths.keys().copied().collect();
    let number = |label: &Label| names.binary_search(label).ok();
    let result = result.iter().map(number).collect::<Option<Vec<_>>>().ok_or_else(malformed)?;
    if (1..result.len()).any(|at| result[..at].contains(&result[at])) {
        return Err(malformed());
    }
    let operands: Option<Vec<Vec<usize>>> =
        labelled.iter().map(|labels| labels.iter().map(number).collect()).collect();
    let operands = operands.ok_or_else(malformed)?;
    let lengths: Vec<usize> = lengths.into_values().collect();
    let terms = lengths.iter().try_fold(1usize, |terms, length| terms.checked_mul(*length));
    if terms.is_none_or(|terms| terms > 1 << 40) {
        return Err(Error::new(
            Kind::TooLarge,
            format!("{}: the labels have too many values in all", application.node),
        ));
    }
    let shape: Vec<usize> = result.iter().map(|label| lengths[*label]).collect();
    application.count(&shape)?;
    Ok(Reading::node(Op::Einsum { operands, result, lengths }, positions, shape))
}

/// The labels of one term for a tensor of the given rank; without one an ellipsis is refused.
fn labels(term: &str, rank: Option<usize>) -> Option<Vec<Label>> {
    let (before, behind) = match term.split_once("...") {
        Some((before, behind)) => (before, Some(behind)),
        None => (term, None),
    };
    let letters = |part: &str| {
        part.chars()
            .map(|c| c.is_ascii_alphabetic().then_some(Label::Letter(c)))
            .collect::<Option<Vec<_>>>()
    };
    let mut all = letters(before)?;
    if let Some(behind) = behind {
        let behind = letters(behind)?;
        let under = rank?.checked_sub(all.len() + behind.len())?;
        all.extend((0..under).rev().map(Label::Ellipsis));
        all.extend(behind);
    }
    rank.is_none_or(|rank| rank == all.len()).then_some(all)
}

/// The contraction; each sum runs in row-major order of the labels that are summed.
pub(super) fn contract<S: Scalar>(
    operands: &[Data<'_, S>],
    labels: &[Vec<usize>],
    result: &[usize],
    lengths: &[usize],
) -> Vec<S> {
    let summed: Vec<usize> = (0..lengths.len()).filter(|label| !result.contains(label)).collect();
    let values: Vec<_> = operands.iter().map(Data::values).collect();
    // For each label and operand, the distance between neighbours along the label.
    let mut steps = vec![vec![0; operands.len()]; lengths.len()];
    for (position, operand) in operands.iter().enumerate() {
        for ((label, stride), dim) in
            labels[position].iter().zip(strides(operand.shape)).zip(operand.shape)
        {
            steps[*label][position] += if *dim == 1 { 0 } else { stride };
        }
    }
    let count: usize = result.iter().map(|label| lengths[*label]).product();
    let terms: usize = summed.iter().map(|label| lengths[*label]).product();
    let mut sums = Vec::with_capacity(count);
    let mut outer = vec![0; operands.len()];
    let mut at_result = vec![0; result.len()];
    for _ in 0..count {
        let mut sum = S::zero();
        let mut inner = outer.clone();
        let mut at_summed = vec![0; summed.len()];
        for _ in 0..terms {
            let mut product = values[0][inner[0]].clone();
            for (values, at) in values.iter().zip(&inner).skip(1) {
                product = product.mul(&values[*at]);
            }
            sum = sum.add(&product);
            advance(&mut at_summed, &summed, lengths, &steps, &mut inner);
        }
        sums.push(sum);
        advance(&mut at_result, result, lengths, &steps, &mut outer);
    }
    sums
}

/// Steps a row-major counter over labels and moves the places in all operands along.
fn advance(
    counter: &mut [usize],
    labels: &[usize],
    lengths: &[usize],
    steps: &[Vec<usize>],
    places: &mut [usize],
) {
    for (count, label) in counter.iter_mut().zip(labels).rev() {
        *count += 1;
        let back = *count == lengths[*label];
        for (place, step) in places.iter_mut().zip(&steps[*label]) {
            *place = if back { *place - step * (*count - 1) } else { *place + step };
        }
        if !back {
            return;
        }
        *count = 0;
    }
}
