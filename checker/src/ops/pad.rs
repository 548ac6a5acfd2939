//! Padding along axes: Pad.

use super::{Application, Fill, Op, Reading};
use crate::error::Error;

/// What is put around the elements.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Constant,
    Edge,
    Reflect,
    Wrap,
}

pub(super) fn pad(application: &mut Application<'_>) -> Result<Reading, Error> {
    let mode = match application.attributes.string("mode")?.unwrap_or("constant") {
        "constant" => Mode::Constant,
        "edge" => Mode::Edge,
        "reflect" => Mode::Reflect,
        "wrap" if application.opset >= 19 => Mode::Wrap,
        other => return Err(application.contradiction(format!("the mode is {other:?}"))),
    };
    let (pads, mut fill, mut axes);
    if application.opset >= 11 {
        application.arity(2, if application.opset >= 18 { 4 } else { 3 })?;
        pads = application.integers(1, "the pads")?;
        axes = application.integers(3, "the axes")?;
        fill = Fill::Constant(0.0);
    } else {
        application.arity(1, 1)?;
        pads = application.attributes.ints("pads")?;
        axes = None;
        fill = Fill::Constant(application.attributes.float("value")?.unwrap_or(0.0));
    }
    let mut operands = vec![0];
    let value = application.optional(2).filter(|value| !value.shape.contains(&0));
    if let Some(value) = value.filter(|_| mode == Mode::Constant) {
        application.same_element(&[0, 2])?;
        if value.shape.iter().product::<usize>() != 1 {
            return Err(application.contradiction(format!(
                "the value `{}` of shape {:?} is not one number",
                value.name, value.shape
            )));
        }
        operands.push(2);
        fill = Fill::Operand;
    }
    let data = application.operand(0)?;
    let rank = data.shape.len();
    let all: Vec<i64> = (0..rank as i64).collect();
    let axes = axes.get_or_insert(&all);
    application.axes(axes, rank)?;
    let pads = pads.filter(|pads| pads.len() == 2 * axes.len()).ok_or_else(|| {
        application.contradiction(format!("the pads are {pads:?} for {} axes", axes.len()))
    })?;
    application.listed(data.shape.iter().sum())?;
    let mut indices: Vec<Vec<Option<u32>>> =
        data.shape.iter().map(|dim| super::pick::picks(0..*dim)).collect();
    for (at, axis) in axes.iter().enumerate() {
        let axis = application.axis(*axis, rank)?;
        let (begin, end) = (pads[at], pads[at + axes.len()]);
        let dim = data.shape[axis] as i64;
        let longer = begin.saturating_add(end).saturating_add(dim);
        let moderate = |pad: i64| (-(1 << 31)..=1 << 31).contains(&pad);
        if !(0..=1 << 31).contains(&longer) || !moderate(begin) || !moderate(end) {
            return Err(application.contradiction(format!(
                "an axis of length {dim} cannot be padded by {begin} and {end}"
            )));
        }
        application.listed(longer as usize)?;
        let padded = padded(mode, dim, begin, end).ok_or_else(|| {
            application
                .unsupported(format!(
                    "an axis of length {dim} is too short to be padded by {begin} and {end}"
                ))
                .help("a reflection repeats each element once at most")
        })?;
        indices[axis] = padded;
    }
    let shape: Vec<usize> = indices.iter().map(Vec::len).collect();
    application.count(&shape)?;
    Ok(Reading::node(Op::Pick { indices, fill }, operands, shape))
}

/// The elements along a padded axis; negative pads cut off first. `None` if there are too few to repeat.
fn padded(mode: Mode, dim: i64, begin: i64, end: i64) -> Option<Vec<Option<u32>>> {
    let first = (-begin).max(0).min(dim);
    let behind = (dim - (-end).max(0)).max(first);
    let length = behind - first;
    let (before, after) = (begin.max(0), end.max(0));
    let wanted = dim + begin + end;
    let short = match mode {
        Mode::Constant => false,
        Mode::Edge | Mode::Wrap => length == 0 && wanted > 0,
        Mode::Reflect => before.max(after) >= length.max(1),
    };
    if short {
        return None;
    }
    let element = |place: i64| {
        let place = match mode {
            Mode::Constant => Some(place).filter(|place| (0..length).contains(place))?,
            Mode::Edge => place.clamp(0, length - 1),
            Mode::Wrap => place.rem_euclid(length),
            Mode::Reflect if place < 0 => -place,
            Mode::Reflect if place >= length => 2 * (length - 1) - place,
            Mode::Reflect => place,
        };
        u32::try_from(first + place).ok()
    };
    Some((-before..wanted - before).map(element).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_follow_the_modes() {
        let line = |mode, dim, begin, end| {
            padded(mode, dim, begin, end)
                .map(|line| line.iter().map(|i| i.map_or(-1, |i| i as i32)).collect::<Vec<_>>())
        };
        assert_eq!(line(Mode::Constant, 3, 1, 2).unwrap(), [-1, 0, 1, 2, -1, -1]);
        assert_eq!(line(Mode::Constant, 3, -1, 1).unwrap(), [1, 2, -1]);
        assert_eq!(line(Mode::Constant, 3, -4, 5).unwrap(), [-1, -1, -1, -1]);
        assert_eq!(line(Mode::Edge, 3, 2, -1).unwrap(), [0, 0, 0, 1]);
        assert_eq!(line(Mode::Reflect, 3, 2, 2).unwrap(), [2, 1, 0, 1, 2, 1, 0]);
        assert_eq!(line(Mode::Reflect, 3, 3, 0), None);
        assert_eq!(line(Mode::Wrap, 3, 4, 1).unwrap(), [2, 0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(line(Mode::Edge, 0, 1, 0), None);
    }
}
