//! What folding may cost in all, so that a small file cannot ask for much memory or time.

use super::Op;
use super::fold::Known;
use crate::graph::ElementType;
use crate::number::Rational;

/// Elements that constants made from others may have in all, besides four for every float32 that the file
/// stores.
const MAX_MADE: usize = 1 << 24;
/// Additions and multiplications in rationals, those of long numbers counted as many.
const MAX_STEPS: usize = 1 << 22;
/// Most bits of a result, where an operand has elements that no float type holds.
const MAX_BITS: usize = 1 << 14;

/// What is left to spend on one model.
pub(crate) struct Budget {
    most: usize,
    elements: usize,
    steps: usize,
}

impl Budget {
    /// The budget of a model whose tensors have so many bytes in the file.
    pub fn new(stored_bytes: usize) -> Budget {
        let most = MAX_MADE.saturating_add(stored_bytes);
        Budget { most, elements: most, steps: MAX_STEPS }
    }

    /// The elements that constants may have in all.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Pays for a constant of so many elements, if that much is left.
    pub fn make(&mut self, elements: usize) -> bool {
        match self.elements.checked_sub(elements) {
            Some(left) => {
                self.elements = left;
                true
            }
            None => false,
        }
    }

    /// Pays, beforehand, for what moving data and integer arithmetic make of stored constants.
    pub fn movement(
        &mut self,
        op: &Op,
        operands: &[Known<'_>],
        results: &[(Vec<usize>, ElementType)],
    ) -> bool {
        if operands.iter().any(|operand| operand.tensor.is_none()) {
            return true;
        }
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let results = results.iter().map(|(shape, _)| count(shape)).sum();
        let elements = match op {
            // The elements are shared.
            Op::Identity | Op::Reshape => 0,
            Op::Transpose { .. }
            | Op::Concat { .. }
            | Op::Slice { .. }
            | Op::Split { .. }
            | Op::Gather { .. }
            | Op::Pick { .. }
            | Op::Rearrange { .. }
            | Op::Move { .. } => results,
            _ if operands.iter().all(|operand| operand.element == ElementType::I64) => {
                operands.iter().map(|operand| count(operand.shape)).fold(results, usize::max)
            }
            _ => 0,
        };
        self.make(elements)
    }

    /// Pays for arithmetic in rationals that takes so many operations, if that much is left.
    pub fn arithmetic(
        &mut self,
        op: &Op,
        operands: &[Known<'_>],
        shapes: &[&[usize]],
        work: usize,
    ) -> bool {
        if work > self.steps {
            return false;
        }
        // Sums of floats stay short, as all denominators are powers of two; else each term may add its own.
        let bits = operands
            .iter()
            .filter_map(|operand| operand.exact)
            .map(|exact| exact.values.iter().map(Rational::heap_bits).max().unwrap_or(0).max(128))
            .sum::<usize>()
            .saturating_mul(terms(op, operands, shapes));
        if bits > MAX_BITS {
            return false;
        }
        let cost = work.saturating_mul(1 + (bits / 512) * (bits / 512));
        match self.steps.checked_sub(cost) {
            Some(left) => {
                self.steps = left;
                true
            }
            None => false,
        }
    }
}

/// How many products or elements are summed up to one element of the result.
fn terms(op: &Op, operands: &[Known<'_>], shapes: &[&[usize]]) -> usize {
    match op {
        Op::MatMul => operands[0].shape.last().copied().unwrap_or(1),
        Op::Gemm { trans_a, .. } => operands[0].shape[if *trans_a { 0 } else { 1 }] + 1,
        Op::ReduceSum { .. } | Op::Reduce { .. } => {
            let results: usize = shapes[0].iter().product();
            operands[0].shape.iter().product::<usize>() / results.max(1)
        }
        Op::Sum | Op::Mean => operands.len(),
        Op::CumSum { axis, .. } => operands[0].shape[*axis],
        Op::Conv { .. } => operands[1].shape[1..].iter().product::<usize>() + 1,
        Op::ConvTranspose { .. } => operands[1].shape.iter().product::<usize>() + 1,
        Op::AveragePool { window, .. } => window.kernel.iter().product(),
        Op::Interpolate { .. } => 1 << operands[0].shape.len().min(30),
        Op::Scatter { targets, .. } => targets.len() + 1,
        Op::Normalizer { .. } | Op::LinearClassifier { .. } | Op::LinearRegressor { .. } => {
            operands[0].shape.last().copied().unwrap_or(1) + 1
        }
        // Products of all operands, summed.
        Op::Einsum { lengths, result, .. } => (0..lengths.len())
            .filter(|label| !result.contains(label))
            .fold(1usize, |product, label| product.saturating_mul(lengths[label])),
        _ => 1,
    }
}
