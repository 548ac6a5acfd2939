//! Reading: ONNX operators to functions.

use super::Function;
use crate::error::{Error, Kind};
use crate::graph::ElementType;
use crate::ops::broadcast::broadcast;
use crate::ops::{Application, Op, Reading};

/// Reads an operator without attributes that is one function.
macro_rules! plain {
    ($($name:ident: $function:expr;)*) => {
        $(pub(crate) fn $name(application: &mut Application<'_>) -> Result<Reading, Error> {
            pointwise(application, $function)
        })*
    };
}

plain! {
    abs: Function::Abs;
    atan: Function::Atan;
    ceil: Function::Ceil;
    cos: Function::Cos;
    erf: Function::Erf;
    exp: Function::Exp;
    floor: Function::Floor;
    hard_swish: Function::HardSwish;
    log: Function::Log;
    mish: Function::Mish;
    reciprocal: Function::Reciprocal;
    round: Function::Round;
    sigmoid: Function::Sigmoid;
    sign: Function::Sign;
    sin: Function::Sin;
    softplus: Function::Softplus;
    softsign: Function::Softsign;
    sqrt: Function::Sqrt;
    tan: Function::Tan;
    tanh: Function::Tanh;
}

fn pointwise(application: &Application<'_>, function: Function) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    Ok(Reading::node(Op::Pointwise(function), [0], application.float(0)?.shape.to_vec()))
}

/// A float attribute, or its default in the operator's schema.
fn attribute(application: &mut Application<'_>, name: &str, default: f32) -> Result<f32, Error> {
    Ok(application.attributes.float(name)?.unwrap_or(default))
}

pub(crate) fn leaky_relu(application: &mut Application<'_>) -> Result<Reading, Error> {
    let alpha = attribute(application, "alpha", 0.01)?;
    pointwise(application, Function::LeakyRelu { alpha })
}

pub(crate) fn elu(application: &mut Application<'_>) -> Result<Reading, Error> {
    let alpha = attribute(application, "alpha", 1.0)?;
    pointwise(application, Function::Elu { alpha })
}

#[allow(clippy::excessive_precision)]
pub(crate) fn selu(application: &mut Application<'_>) -> Result<Reading, Error> {
    let alpha = attribute(application, "alpha", 1.67326319217681884765625)?;
    let gamma = attribute(application, "gamma", 1.05070102214813232421875)?;
    pointwise(application, Function::Selu { alpha, gamma })
}

pub(crate) fn celu(application: &mut Application<'_>) -> Result<Reading, Error> {
    let alpha = attribute(application, "alpha", 1.0)?;
    if alpha <= 0.0 {
        return Err(application
            .unsupported(format!("the attribute `alpha` is {alpha}"))
            .help("versions of the standard differ for numbers that are not positive"));
    }
    pointwise(application, Function::Celu { alpha })
}

pub(crate) fn thresholded_relu(application: &mut Application<'_>) -> Result<Reading, Error> {
    let alpha = attribute(application, "alpha", 1.0)?;
    pointwise(application, Function::ThresholdedRelu { alpha })
}

pub(crate) fn hard_sigmoid(application: &mut Application<'_>) -> Result<Reading, Error> {
    let alpha = attribute(application, "alpha", 0.2)?;
    let beta = attribute(application, "beta", 0.5)?;
    pointwise(application, Function::HardSigmoid { alpha, beta })
}

pub(crate) fn swish(application: &mut Application<'_>) -> Result<Reading, Error> {
    let alpha = attribute(application, "alpha", 1.0)?;
    pointwise(application, Function::Swish { alpha })
}

pub(crate) fn gelu(application: &mut Application<'_>) -> Result<Reading, Error> {
    let function = match application.attributes.string("approximate")? {
        None | Some("none") => Function::Gelu,
        Some("tanh") => Function::GeluTanh,
        Some(other) => {
            return Err(application
                .unsupported(format!("the attribute `approximate` is `{other}`"))
                .help("`none` and `tanh` are in the standard"));
        }
    };
    pointwise(application, function)
}

/// Clip: bounds are attributes before opset 11 and constant operands from then on. A bound that is absent
/// is none; by the standard it is the largest number of the type, which no number of the type exceeds.
pub(crate) fn clip(application: &mut Application<'_>) -> Result<Reading, Error> {
    let (min, max) = if application.opset < 11 {
        application.arity(1, 1)?;
        // The defaults say that there is no bound.
        let bound = |value: Option<f32>| value.filter(|v| v.abs() < f32::MAX).map(f64::from);
        let (min, max) =
            (application.attributes.float("min")?, application.attributes.float("max")?);
        (bound(min), bound(max))
    } else {
        application.arity(1, 3)?;
        application.same_element(&[0, 1, 2])?;
        (number(application, 1, "the lower bound")?, number(application, 2, "the upper bound")?)
    };
    let max = max.unwrap_or(f64::INFINITY);
    // The upper bound is applied last.
    let min = min.unwrap_or(f64::NEG_INFINITY).min(max);
    let shape = application.float(0)?.shape.to_vec();
    Ok(Reading::node(Op::Pointwise(Function::Clip { min, max }), [0], shape))
}

/// The one number that a constant operand holds; `None` if the operand is absent.
fn number(
    application: &Application<'_>,
    position: usize,
    role: &str,
) -> Result<Option<f64>, Error> {
    let Some(operand) = application.optional(position) else { return Ok(None) };
    let Some(tensor) = operand.constant else {
        return Err(application
            .unsupported(format!("{role} (operand `{}`) is not a stored constant", operand.name)));
    };
    if tensor.len() != 1 {
        return Err(application.contradiction(format!(
            "{role} (operand `{}`) has shape {:?}, but a scalar is expected",
            operand.name, operand.shape
        )));
    }
    Ok(Some(tensor.float(0)))
}

/// Pow with a constant exponent that is the same for all elements.
pub(crate) fn pow(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    let (base, exponent) = (application.float(0)?, application.operand(1)?);
    let Some(tensor) = exponent.constant.filter(|_| exponent.element != ElementType::Bool) else {
        return Err(application
            .unsupported(format!("the exponent `{}` is not a stored constant", exponent.name))
            .help("powers with a constant exponent are supported"));
    };
    if broadcast(base.shape, exponent.shape).as_deref() != Some(base.shape) {
        return Err(application.unsupported(format!(
            "the exponent `{}` of shape {:?} makes the result larger than the base of shape {:?}",
            exponent.name, exponent.shape, base.shape
        )));
    }
    let value = if tensor.is_empty() { 1.0 } else { tensor.float(0) };
    if (1..tensor.len()).any(|index| tensor.float(index) != value) {
        return Err(application
            .unsupported(format!("the elements of the exponent `{}` differ", exponent.name))
            .help("one exponent for all elements is supported"));
    }
    let op = Op::Pointwise(Function::Pow { exponent: value });
    Ok(Reading::node(op, [0], base.shape.to_vec()))
}

/// PRelu with slopes that do not depend on the input, broadcast to the operand's shape.
pub(crate) fn p_relu(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(2, 2)?;
    application.same_element(&[0, 1])?;
    let (data, slope) = (application.float(0)?, application.operand(1)?);
    if slope.depends_on_input {
        return Err(application
            .unsupported(format!("the slope `{}` depends on the input", slope.name))
            .help("learned slopes are constants once training has ended"));
    }
    if broadcast(data.shape, slope.shape).as_deref() != Some(data.shape) {
        return Err(Error::new(
            Kind::Model,
            format!(
                "{}: the slope `{}` of shape {:?} does not broadcast to the operand's shape {:?}",
                application.node, slope.name, slope.shape, data.shape
            ),
        ));
    }
    Ok(Reading::node(Op::PRelu, [0, 1], data.shape.to_vec()))
}
