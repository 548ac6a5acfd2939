//! Attributes of a node, each read once by name and type; what is left over is refused.

use crate::error::{Error, Kind};
use crate::graph::Tensor;
use crate::onnx::proto::{AttributeProto, NodeProto};
use crate::onnx::read_tensor;

/// Numbers of `AttributeProto.AttributeType`.
const FLOAT: i32 = 1;
const INT: i32 = 2;
const STRING: i32 = 3;
const TENSOR: i32 = 4;
const FLOATS: i32 = 6;
const INTS: i32 = 7;

/// The attributes of one node.
pub(crate) struct Attributes<'a> {
    /// The node, in words.
    node: &'a str,
    left: Vec<&'a AttributeProto>,
}

impl<'a> Attributes<'a> {
    /// The attributes of `node`, which `described` says in words.
    pub fn new(node: &'a NodeProto, described: &'a str) -> Result<Attributes<'a>, Error> {
        let left: Vec<&AttributeProto> = node.attribute.iter().collect();
        for (index, attribute) in left.iter().enumerate() {
            if left[..index].iter().any(|earlier| earlier.name == attribute.name) {
                return Err(Error::new(
                    Kind::Model,
                    format!("{described} has the attribute `{}` twice", attribute.name),
                ));
            }
        }
        Ok(Attributes { node: described, left })
    }

    /// An integer.
    pub fn int(&mut self, name: &str) -> Result<Option<i64>, Error> {
        let Some(attribute) = self.take(name, INT, "an integer")? else { return Ok(None) };
        // An absent number is a zero that a writer did not bother to write.
        Ok(Some(attribute.i.unwrap_or(0)))
    }

    /// An integer that stands for a truth value.
    pub fn flag(&mut self, name: &str, default: bool) -> Result<bool, Error> {
        match self.int(name)? {
            None => Ok(default),
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(other) => Err(Error::new(
                Kind::Model,
                format!(
                    "{}: the attribute `{name}` is {other}, but only 0 and 1 have a meaning",
                    self.node
                ),
            )),
        }
    }

    /// A finite float.
    pub fn float(&mut self, name: &str) -> Result<Option<f32>, Error> {
        let Some(attribute) = self.take(name, FLOAT, "a float")? else { return Ok(None) };
        let value = attribute.f.unwrap_or(0.0);
        self.finite(name, &[value])?;
        Ok(Some(value))
    }

    /// Integers.
    pub fn ints(&mut self, name: &str) -> Result<Option<&'a [i64]>, Error> {
        Ok(self.take(name, INTS, "a list of integers")?.map(|attribute| &attribute.ints[..]))
    }

    /// Finite floats.
    pub fn floats(&mut self, name: &str) -> Result<Option<&'a [f32]>, Error> {
        let Some(attribute) = self.take(name, FLOATS, "a list of floats")? else { return Ok(None) };
        self.finite(name, &attribute.floats)?;
        Ok(Some(&attribute.floats))
    }

    /// A tensor.
    pub fn tensor(&mut self, name: &str) -> Result<Option<Tensor>, Error> {
        let Some(attribute) = self.take(name, TENSOR, "a tensor")? else { return Ok(None) };
        match &attribute.t {
            Some(tensor) => {
                read_tensor(tensor, &format!("attribute `{name}` of {}", self.node)).map(Some)
            }
            None => Err(Error::new(
                Kind::Model,
                format!("{}: the attribute `{name}` should hold a tensor and is empty", self.node),
            )),
        }
    }

    /// A text.
    pub fn string(&mut self, name: &str) -> Result<Option<&'a str>, Error> {
        let Some(attribute) = self.take(name, STRING, "a string")? else { return Ok(None) };
        let bytes = attribute.s.as_deref().unwrap_or_default();
        std::str::from_utf8(bytes).map(Some).map_err(|_| {
            Error::new(Kind::Model, format!("{}: the attribute `{name}` is no UTF-8", self.node))
        })
    }

    /// Drops an attribute that has no influence on inference.
    pub fn ignore(&mut self, name: &str) {
        self.left.retain(|attribute| attribute.name != name);
    }

    /// Refuses attributes that nobody asked for.
    pub fn finish(&self) -> Result<(), Error> {
        match self.left.first() {
            Some(attribute) => Err(Error::new(
                Kind::UnsupportedOperator,
                format!("{} has the attribute `{}`, which is not supported", self.node, attribute.name),
            )
            .help("the attribute does not belong to this operator in the model's opset, or is not read yet")),
            None => Ok(()),
        }
    }

    fn take(
        &mut self,
        name: &str,
        kind: i32,
        expected: &str,
    ) -> Result<Option<&'a AttributeProto>, Error> {
        let Some(at) = self.left.iter().position(|attribute| attribute.name == name) else {
            return Ok(None);
        };
        let attribute = self.left.remove(at);
        // The first files had no type; then the only field that is filled must be the right one.
        let untyped = match kind {
            FLOAT => attribute.f.is_some(),
            INT => attribute.i.is_some(),
            STRING => attribute.s.is_some(),
            TENSOR => attribute.t.is_some(),
            FLOATS => !attribute.floats.is_empty(),
            _ => !attribute.ints.is_empty(),
        };
        if attribute.kind != kind && !(attribute.kind == 0 && untyped) {
            return Err(Error::new(
                Kind::Model,
                format!("{}: the attribute `{name}` should be {expected}", self.node),
            ));
        }
        if !attribute.ref_attr_name.is_empty() {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "{}: the attribute `{name}` refers to a function's attribute outside a function",
                    self.node
                ),
            ));
        }
        Ok(Some(attribute))
    }

    fn finite(&self, name: &str, values: &[f32]) -> Result<(), Error> {
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(Error::new(
                Kind::NonFiniteWeight,
                format!("{}: the attribute `{name}` holds {value}", self.node),
            )),
            None => Ok(()),
        }
    }
}
