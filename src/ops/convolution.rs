//! Lowering of convolutions and transposed convolutions with constant weights.
//!
//! Along one or two spatial axes they become convolutions of the network, in more a sparse matrix.

use super::bounded::{MOST_ENTRIES, limit};
use super::build::{Lowering, Of, Part};
use super::compose::Expression;
use super::operand::{Collector, middle};
use super::rows::Rows;
use crate::net::{Convolution, Field, LinearMap, Placement, Term};
use plimsoll_check::Error;
use plimsoll_check::graph::Node;
use plimsoll_check::ops::Window;
use std::sync::Arc;

/// A convolution from `wide` to `narrow` (shapes with batch and channels), in the direction in which
/// patches are read; a transposed one maps the other way.
struct Geometry<'a> {
    wide: &'a [usize],
    narrow: &'a [usize],
    window: &'a Window,
    group: usize,
}

impl Geometry<'_> {
    /// The convolution of the network; the batch is seen as groups of channels. `None` in more than two
    /// dimensions.
    fn convolution(&self, weights: &[f64]) -> Option<Convolution> {
        let window = self.window;
        let (wide, narrow) = (self.wide, self.narrow);
        let spatial = |shape: &[usize]| match shape[2..] {
            [width] => Some([1, width]),
            [height, width] => Some([height, width]),
            _ => None,
        };
        let pair = |list: &[usize], missing: usize| match *list {
            [only] => [missing, only],
            _ => [list[0], list[1]],
        };
        let field = |shape: &[usize]| {
            let [height, width] = spatial(shape)?;
            Some(Field { channels: shape[0] * shape[1], height, width })
        };
        let placement = Placement {
            kernel: pair(&window.kernel, 1),
            stride: pair(&window.strides, 1),
            dilation: pair(&window.dilations, 1),
            before: pair(&window.begin, 0),
        };
        let weights = weights.repeat(wide[0]);
        Some(Convolution::new(
            field(wide)?,
            field(narrow)?,
            self.group * wide[0],
            placement,
            weights,
        ))
    }

    /// Number of summands, those in the padding included.
    fn entries(&self) -> usize {
        let places: usize = self.window.kernel.iter().product();
        let results: usize = self.narrow.iter().product();
        results.saturating_mul(places).saturating_mul(self.wide[1] / self.group)
    }

    /// Calls `visit(narrow element, wide element, weight)` for every summand, narrow elements ascending.
    fn visit(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let window = self.window;
        let rank = window.kernel.len();
        let (from, to) = (&self.wide[2..], &self.narrow[2..]);
        let (area, plane): (usize, usize) = (from.iter().product(), to.iter().product());
        let (inner, outer) = (self.wide[1] / self.group, self.narrow[1] / self.group);
        let places: usize = window.kernel.iter().product();
        let digits = |mut flat: usize, shape: &[usize]| {
            let mut digits = vec![0; rank];
            for axis in (0..rank).rev() {
                digits[axis] = flat % shape[axis];
                flat /= shape[axis];
            }
            digits
        };
        let kernel: Vec<Vec<usize>> = (0..places).map(|q| digits(q, &window.kernel)).collect();
        for image in 0..self.narrow[0] * self.narrow[1] {
            let (batch, o) = (image / self.narrow[1], image % self.narrow[1]);
            let first = batch * self.wide[1] + o / outer * inner;
            for position in 0..plane {
                let at = digits(position, to);
                for channel in 0..inner {
                    for (q, place) in kernel.iter().enumerate() {
                        let element = (0..rank).try_fold(0, |flat, axis| {
                            let padded = at[axis] * window.strides[axis]
                                + place[axis] * window.dilations[axis];
                            let index = padded.checked_sub(window.begin[axis])?;
                            (index < from[axis]).then(|| flat * from[axis] + index)
                        });
                        if let Some(element) = element {
                            let weight = (o * inner + channel) * places + q;
                            let wide = (first + channel) * area + element;
                            visit(image * plane + position, wide, weight);
                        }
                    }
                }
            }
        }
    }
}

impl Lowering<'_> {
    /// A convolution with constant weights; `None` if they are none.
    ///
    /// # Errors
    ///
    /// If it has more than two spatial axes and too many summands.
    pub fn convolution(
        &mut self,
        node: &Node,
        window: &Window,
        group: usize,
        transposed: bool,
    ) -> Result<Option<Expression>, Error> {
        let shape = &self.graph.value(node.outputs[0]).shape;
        let data = self.operand(node, 0).shape;
        let weights = self.operand(node, 1);
        if !weights.is_known() {
            return Ok(None);
        }
        let len: usize = shape.iter().product();
        if len == 0 || data.contains(&0) {
            let parts = self.channel_bias(node, shape).into_iter().collect();
            return Ok(Some(self.combine(parts, &[], len)));
        }
        let (wide, narrow) = if transposed { (&shape[..], data) } else { (data, &shape[..]) };
        let geometry = Geometry { wide, narrow, window, group };
        let count = self.graph.value(node.inputs[1]).len();
        let (values, errors): (Vec<f64>, Vec<f64>) =
            (0..count).map(|at| middle(weights.element(at))).unzip();
        if window.kernel.len() > 2 {
            let map = self.written_out(node, &geometry, &values, &errors, transposed)?;
            let mut parts = vec![Part::new(Of::Value(node.inputs[0]), map)];
            parts.extend(self.channel_bias(node, shape));
            return Ok(Some(self.combine(parts, &[], len)));
        }
        let from = self.node_of_value(node.inputs[0]);
        let term = |weights: &[f64]| {
            let convolution = geometry.convolution(weights)?;
            let map = match transposed {
                true => LinearMap::Transposed(convolution),
                false => LinearMap::Convolution(convolution),
            };
            Some(Term { from, map: Arc::new(map) })
        };
        let rounded = errors.iter().any(|error| *error != 0.0);
        let slack = if rounded { term(&errors).into_iter().collect() } else { Vec::new() };
        let stored = (node.inputs.len() > 2).then(|| self.operand(node, 2).constant).flatten();
        let plane: usize = shape[2..].iter().product();
        let bias = match stored {
            Some(tensor) => (0..len).map(|at| tensor.float(at / plane % shape[1])).collect(),
            None => vec![0.0; len],
        };
        let index = self.push_affine(term(&values).into_iter().collect(), bias, slack);
        let result = Expression::Node(index);
        Ok(Some(match self.channel_bias(node, shape).filter(|_| stored.is_none()) {
            None => result,
            Some(bias) => {
                let identity = Rows::identity(len);
                self.combine(vec![Part::exact(Of::Made(result), identity), bias], &[], len)
            }
        }))
    }

    /// The third operand, one number a channel, spread over the result.
    fn channel_bias(&self, node: &Node, shape: &[usize]) -> Option<Part> {
        let id = *node.inputs.get(2)?;
        let plane: usize = shape[2..].iter().product();
        let len: usize = shape.iter().product();
        let rows = Rows::picks((0..len).map(|at| at / plane % shape[1]));
        Some(Part::exact(Of::Value(id), rows))
    }

    /// The matrix of a convolution and the errors of its entries.
    fn written_out(
        &self,
        node: &Node,
        geometry: &Geometry<'_>,
        values: &[f64],
        errors: &[f64],
        transposed: bool,
    ) -> Result<(Rows, Rows), Error> {
        limit(node, "summands along three axes", geometry.entries(), MOST_ENTRIES)?;
        let mut collector = Collector::new();
        if !transposed {
            let mut row = 0;
            geometry.visit(|narrow, wide, weight| {
                while row < narrow {
                    collector.end_row();
                    row += 1;
                }
                collector.push(wide as u32, (values[weight], errors[weight]));
            });
            let rows: usize = geometry.narrow.iter().product();
            (row..rows).for_each(|_| collector.end_row());
            return Ok(collector.finish());
        }
        let mut columns = vec![Vec::new(); geometry.wide.iter().product()];
        geometry.visit(|narrow, wide, weight| columns[wide].push((narrow as u32, weight)));
        for column in columns {
            for (narrow, weight) in column {
                collector.push(narrow, (values[weight], errors[weight]));
            }
            collector.end_row();
        }
        Ok(collector.finish())
    }
}
