//! What an operator sees when it is read: its operands, attributes and opset.

use super::{Attributes, Op};
use crate::error::{Error, Kind};
use crate::graph::{ElementType, Tensor};
use crate::number::Rational;
use crate::onnx::element_count;

/// An operand while its consumer is read.
pub(crate) struct Operand<'a> {
    /// Name in the model.
    pub name: &'a str,
    /// Shape.
    pub shape: &'a [usize],
    /// Element type.
    pub element: ElementType,
    /// The elements, if they are stored.
    pub constant: Option<&'a Tensor>,
    /// The exact elements of a constant that no float holds.
    pub exact: Option<&'a [Rational]>,
    /// Whether some input of the network has an influence.
    pub depends_on_input: bool,
}

/// What an operator reads itself as.
pub(crate) enum Reading {
    /// A constant, known at once.
    Constant(Tensor),
    /// An operator on operands.
    Node {
        /// The operator, resolved.
        op: Op,
        /// Positions of the operands that carry data.
        operands: Vec<usize>,
        /// The shape of each result.
        shapes: Vec<Vec<usize>>,
        /// The element type of each result; empty if all have that of the first of these operands.
        elements: Vec<ElementType>,
    },
}

impl Reading {
    /// An operator with one result.
    pub fn node(op: Op, operands: impl Into<Vec<usize>>, shape: Vec<usize>) -> Reading {
        Reading::Node { op, operands: operands.into(), shapes: vec![shape], elements: Vec::new() }
    }

    /// An operator with one result of the given type.
    pub fn typed(
        op: Op,
        operands: impl Into<Vec<usize>>,
        shape: Vec<usize>,
        element: ElementType,
    ) -> Reading {
        Reading::Node {
            op,
            operands: operands.into(),
            shapes: vec![shape],
            elements: vec![element],
        }
    }
}

/// One node of the model while it is read.
pub(crate) struct Application<'a> {
    /// Operator and name, in words.
    pub node: &'a str,
    /// Version of the standard operator set.
    pub opset: i64,
    /// Operands by position; `None` where an optional one is absent.
    pub operands: Vec<Option<Operand<'a>>>,
    /// Attributes that have not been read yet.
    pub attributes: Attributes<'a>,
    /// Which results have a name.
    pub results: Vec<bool>,
}

impl<'a> Application<'a> {
    /// Refuses any number of operands outside the range, and any number of results but one.
    pub fn arity(&self, least: usize, most: usize) -> Result<(), Error> {
        self.operand_count(least, most)?;
        if self.results.len() != 1 {
            return Err(
                self.contradiction(format!("one result is expected, not {}", self.results.len()))
            );
        }
        Ok(())
    }

    /// Refuses any number of operands outside the range.
    pub fn operand_count(&self, least: usize, most: usize) -> Result<(), Error> {
        let count = self.operands.len();
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let expected = match most {
            usize::MAX => format!("at least {least}"),
            _ if least == most => format!("{least}"),
            _ => format!("{least} to {most}"),
        };
        Err(self.contradiction(format!(
            "{expected} operands are expected in opset {}, not {count}",
            self.opset
        )))
    }

    /// The operand at a position.
    pub fn operand(&self, position: usize) -> Result<&Operand<'a>, Error> {
        self.optional(position)
            .ok_or_else(|| self.contradiction(format!("operand {position} is absent")))
    }

    /// The operand at a position, if it is there.
    pub fn optional(&self, position: usize) -> Option<&Operand<'a>> {
        self.operands.get(position).and_then(Option::as_ref)
    }

    /// The operand at a position, which must be of a float type.
    pub fn float(&self, position: usize) -> Result<&Operand<'a>, Error> {
        let operand = self.operand(position)?;
        match operand.element {
            ElementType::F32 | ElementType::F64 => Ok(operand),
            ElementType::I64 | ElementType::I8 | ElementType::U8 | ElementType::Bool => {
                Err(self
                    .unsupported(format!("the operand `{}` has no float elements", operand.name)))
            }
        }
    }

    /// Refuses operands of different element types.
    pub fn same_element(&self, positions: &[usize]) -> Result<(), Error> {
        let mut present = positions.iter().filter_map(|position| self.optional(*position));
        let Some(first) = present.next() else { return Ok(()) };
        match present.find(|operand| operand.element != first.element) {
            Some(other) => Err(self.contradiction(format!(
                "the operands `{}` and `{}` have different element types",
                first.name, other.name
            ))),
            None => Ok(()),
        }
    }

    /// The constant integers at a position, as shapes, axes and indices come; `None` if absent.
    pub fn integers(&self, position: usize, role: &str) -> Result<Option<&'a [i64]>, Error> {
        let Some(operand) = self.optional(position) else { return Ok(None) };
        let Some(tensor) = operand.constant else {
            return Err(self.not_constant(operand, role));
        };
        match tensor.integers() {
            Some(integers) => Ok(Some(integers)),
            None => {
                Err(self
                    .contradiction(format!("{role} (operand `{}`) are no integers", operand.name)))
            }
        }
    }

    /// The constant floats at a position; `None` if absent or empty.
    pub fn floats(&self, position: usize, role: &str) -> Result<Option<Vec<f64>>, Error> {
        let Some(operand) = self.optional(position).filter(|operand| !operand.shape.contains(&0))
        else {
            return Ok(None);
        };
        self.float(position)?;
        match operand.constant {
            Some(tensor) => Ok(Some((0..tensor.len()).map(|index| tensor.float(index)).collect())),
            None => Err(self.not_constant(operand, role)),
        }
    }

    /// The constant integer at a position, as an axis or a count comes; `None` if absent.
    pub fn integer(&self, position: usize, role: &str) -> Result<Option<i64>, Error> {
        match self.integers(position, role)? {
            None => Ok(None),
            Some([integer]) => Ok(Some(*integer)),
            Some(_) => Err(self.contradiction(format!("{role} should be one integer"))),
        }
    }

    /// An error: an operand should be known when the model is read.
    pub fn not_constant(&self, operand: &Operand<'_>, role: &str) -> Error {
        let name = operand.name;
        if operand.depends_on_input {
            return self
                .unsupported(format!("{role} (operand `{name}`) depend on the input"))
                .help("export with fixed shapes; onnx-simplifier may fold the computation");
        }
        self.unsupported(format!(
            "{role} (operand `{name}`) come from constants by a computation that no float type holds exactly"
        ))
        .help("store them in the model; onnx-simplifier does that")
    }

    /// The axis that an integer means, counted from the end when negative.
    pub fn axis(&self, axis: i64, rank: usize) -> Result<usize, Error> {
        let counted = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
        counted.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank).ok_or_else(
            || self.contradiction(format!("axis {axis} does not exist in a tensor of rank {rank}")),
        )
    }

    /// Distinct axes, sorted.
    pub fn axes(&self, axes: &[i64], rank: usize) -> Result<Vec<usize>, Error> {
        let mut sorted =
            axes.iter().map(|axis| self.axis(*axis, rank)).collect::<Result<Vec<_>, _>>()?;
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.contradiction(format!("the axes {axes:?} repeat one")));
        }
        Ok(sorted)
    }

    /// The number of elements of a shape, within the limit of one tensor.
    pub fn count(&self, shape: &[usize]) -> Result<usize, Error> {
        element_count(shape).map_err(|error| Error {
            message: format!("{}: {}", self.node, error.message),
            ..error
        })
    }

    /// Refuses to list more elements one by one, while the model is read, than memory is meant for.
    pub fn listed(&self, count: usize) -> Result<(), Error> {
        const MOST: usize = 1 << 22;
        if count > MOST {
            return Err(Error::new(
                Kind::TooLarge,
                format!("{} moves {count} elements; at most {MOST} are supported", self.node),
            )
            .help("split the tensor, or leave the operator out of the model"));
        }
        Ok(())
    }

    /// An error: the model contradicts the standard or itself at this node.
    pub fn contradiction(&self, what: impl AsRef<str>) -> Error {
        Error::new(Kind::Model, format!("{}: {}", self.node, what.as_ref()))
            .help("the model is not well formed; export it again")
    }

    /// An error: valid, but not supported.
    pub fn unsupported(&self, what: impl AsRef<str>) -> Error {
        Error::new(Kind::UnsupportedOperator, format!("{}: {}", self.node, what.as_ref()))
    }
}
