//! Operators: one file a family, each with definition, attributes, shapes and evaluation.

/// An operator with its attributes, all of them known and checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// `max(0, x)`, elementwise.
    Relu,
    /// The operand itself.
    Identity,
    /// `-x`, elementwise.
    Neg,
    /// `a + b` with broadcasting.
    Add,
    /// `a - b` with broadcasting.
    Sub,
    /// `a * b` with broadcasting; at least one side is constant.
    Mul,
    /// `a / b` with broadcasting; `b` is constant and has no zero.
    Div,
    /// `alpha * A' * B' + beta * C`.
    Gemm {
        /// Factor of the product.
        alpha: f32,
        /// Factor of the third operand.
        beta: f32,
        /// Whether the first operand is transposed.
        trans_a: bool,
        /// Whether the second operand is transposed.
        trans_b: bool,
    },
    /// numpy's `matmul`; at least one side is constant.
    MatMul,
    /// The same elements in row-major order under the output's shape: Reshape, Flatten, Squeeze, Unsqueeze.
    Reshape,
    /// Axes permuted: output axis `i` is input axis `perm[i]`.
    Transpose {
        /// The permutation.
        perm: Vec<usize>,
    },
    /// Operands joined along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// Elements `start, start + step, ...` of each axis; the output's shape says how many.
    Slice {
        /// First index of each axis.
        start: Vec<usize>,
        /// Step of each axis, not zero.
        step: Vec<isize>,
    },
    /// Consecutive pieces along an axis, one per output.
    Split {
        /// The axis.
        axis: usize,
    },
    /// Sum over axes.
    ReduceSum {
        /// Sorted axes that are summed over.
        axes: Vec<usize>,
    },
}
