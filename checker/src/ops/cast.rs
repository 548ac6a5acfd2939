//! Conversions between element types: Cast and CastLike.

use super::{Application, Op, Reading};
use crate::error::Error;
use crate::graph::ElementType;
use crate::number::Order;
use crate::onnx::{element_type, proto::type_name};

pub(super) fn cast(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let to = application
        .attributes
        .int("to")?
        .ok_or_else(|| application.contradiction("the type is missing"))?;
    settings(application);
    let number = i32::try_from(to).unwrap_or(-1);
    match element_type(number) {
        Some(element) => converted(application, element),
        None => Err(application
            .unsupported(format!("a cast to {} is not supported", type_name(number)))
            .help("casts to float, double, int32, int64 and bool are read")),
    }
}

pub(super) fn cast_like(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    settings(application);
    let element = application.operand(1)?.element;
    converted(application, element)
}

/// Attributes that speak of 8-bit floats only.
fn settings(application: &mut Application<'_>) {
    application.attributes.ignore("saturate");
    application.attributes.ignore("round_mode");
}

fn converted(application: &Application<'_>, to: ElementType) -> Result<Reading, Error> {
    let data = application.operand(0)?;
    if matches!(to, ElementType::I8 | ElementType::U8) && data.element != to {
        return Err(application
            .unsupported("a cast to 8-bit integers is not supported")
            .help("casts to float, double, int32, int64 and bool are read"));
    }
    let op = if data.element == to { Op::Identity } else { Op::Cast { to } };
    Ok(Reading::typed(op, [0], data.shape.to_vec(), to))
}

/// What a cast does to a number.
pub(super) fn function<S: Order>(to: ElementType) -> fn(&S) -> S {
    match to {
        ElementType::F32 => S::to_single,
        ElementType::F64 => S::clone,
        ElementType::I64 | ElementType::I8 | ElementType::U8 => S::trunc,
        ElementType::Bool => S::nonzero,
    }
}
