//! Sliding windows: kernel, strides, dilations and padding of convolutions and pools.

use super::Application;
use super::broadcast::strides;
use crate::error::Error;
use std::ops::Range;

/// A window that slides over the spatial axes of a tensor.
///
/// Along each axis, place `k` of the window at position `o` lies on element
/// `o * stride + k * dilation - begin`, which is padding if there is no such element. All lists have one
/// entry per spatial axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Lengths.
    pub kernel: Vec<usize>,
    /// Steps between positions.
    pub strides: Vec<usize>,
    /// Steps between places of the window.
    pub dilations: Vec<usize>,
    /// Padding before the first element.
    pub begin: Vec<usize>,
    /// Padding behind the last element.
    pub end: Vec<usize>,
}

/// Consecutive positions of a window along the last axis, for one place of the window.
///
/// Flat position `output + i` lies on flat element `input + i * stride`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub output: usize,
    pub input: usize,
    pub count: usize,
}

impl Window {
    /// The length along an axis from the first to the last place.
    pub fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1).saturating_mul(self.dilations[axis]).saturating_add(1)
    }

    /// The positions on an axis for which a place of the window lies on an element.
    fn positions(&self, axis: usize, place: usize, input: usize, output: usize) -> Range<usize> {
        let shift = place * self.dilations[axis];
        let (begin, stride) = (self.begin[axis], self.strides[axis]);
        let first = begin.saturating_sub(shift).div_ceil(stride);
        let behind = (input + begin).saturating_sub(shift).div_ceil(stride).min(output);
        first.min(behind)..behind
    }

    /// For each place of the window in row-major order, the runs of positions that lie on elements.
    pub(super) fn runs(&self, input: &[usize], output: &[usize]) -> Vec<Vec<Run>> {
        let rank = self.kernel.len();
        let (of_input, of_output) = (strides(input), strides(output));
        let mut all = Vec::with_capacity(self.kernel.iter().product());
        let mut place = vec![0; rank];
        loop {
            let ranges: Vec<Range<usize>> = (0..rank)
                .map(|axis| self.positions(axis, place[axis], input[axis], output[axis]))
                .collect();
            let mut runs: Vec<Run> = Vec::new();
            if ranges.iter().all(|range| !range.is_empty()) {
                let mut at: Vec<usize> = ranges.iter().map(|range| range.start).collect();
                loop {
                    let element = |axis: usize| {
                        at[axis] * self.strides[axis] + place[axis] * self.dilations[axis]
                            - self.begin[axis]
                    };
                    let run = Run {
                        output: (0..rank).map(|axis| at[axis] * of_output[axis]).sum(),
                        input: (0..rank).map(|axis| element(axis) * of_input[axis]).sum(),
                        count: ranges[rank - 1].len(),
                    };
                    self.push(&mut runs, run);
                    if !advance(&mut at[..rank - 1], &ranges[..rank - 1]) {
                        break;
                    }
                }
            }
            all.push(runs);
            let whole: Vec<Range<usize>> = self.kernel.iter().map(|length| 0..*length).collect();
            if !advance(&mut place, &whole) {
                return all;
            }
        }
    }

    /// Adds a run, joined to the one before where it goes on from there.
    fn push(&self, runs: &mut Vec<Run>, run: Run) {
        let stride = self.strides[self.strides.len() - 1];
        match runs.last_mut() {
            Some(last)
                if last.output + last.count == run.output
                    && last.input + last.count * stride == run.input =>
            {
                last.count += run.count;
            }
            _ => runs.push(run),
        }
    }

    /// For each axis and position, how many places of the window lie on elements, or if `padding` on
    /// elements and padding.
    pub(super) fn counts(
        &self,
        input: &[usize],
        output: &[usize],
        padding: bool,
    ) -> Vec<Vec<usize>> {
        let count = |axis: usize, position: usize| {
            let first = position * self.strides[axis];
            let (least, behind) = match padding {
                true => (0, self.begin[axis] + input[axis] + self.end[axis]),
                false => (self.begin[axis], self.begin[axis] + input[axis]),
            };
            // The first place at or behind a point of the padded axis.
            let place = |at: usize| {
                at.saturating_sub(first).div_ceil(self.dilations[axis]).min(self.kernel[axis])
            };
            place(behind) - place(least)
        };
        (0..self.kernel.len())
            .map(|axis| (0..output[axis]).map(|position| count(axis, position)).collect())
            .collect()
    }
}

/// Steps a row-major counter; false if it was at its end.
fn advance(at: &mut [usize], ranges: &[Range<usize>]) -> bool {
    for axis in (0..at.len()).rev() {
        at[axis] += 1;
        if at[axis] < ranges[axis].end {
            return true;
        }
        at[axis] = ranges[axis].start;
    }
    false
}

/// How the padding is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AutoPad {
    /// By the attribute `pads`.
    Given,
    /// None.
    Valid,
    /// So that the positions are as many as strides fit, more behind if odd.
    SameUpper,
    /// So that the positions are as many as strides fit, more before if odd.
    SameLower,
}

/// The attributes that convolutions and pools share.
pub(super) struct Layout<'a> {
    pub auto_pad: AutoPad,
    pub kernel: Option<&'a [i64]>,
    strides: Option<&'a [i64]>,
    dilations: Option<&'a [i64]>,
    pads: Option<&'a [i64]>,
}

impl<'a> Layout<'a> {
    /// Reads the attributes.
    pub fn read(application: &mut Application<'a>, dilates: bool) -> Result<Layout<'a>, Error> {
        let attributes = &mut application.attributes;
        let auto_pad = attributes.string("auto_pad")?;
        let kernel = attributes.ints("kernel_shape")?;
        let strides = attributes.ints("strides")?;
        let dilations = if dilates { attributes.ints("dilations")? } else { None };
        let pads = attributes.ints("pads")?;
        let auto_pad = match auto_pad.unwrap_or("NOTSET") {
            "NOTSET" => AutoPad::Given,
            "VALID" => AutoPad::Valid,
            "SAME_UPPER" => AutoPad::SameUpper,
            "SAME_LOWER" => AutoPad::SameLower,
            other => return Err(application.contradiction(format!("auto_pad is {other:?}"))),
        };
        let used =
            auto_pad != AutoPad::Given && pads.is_some_and(|pads| pads.iter().any(|p| *p != 0));
        if used {
            return Err(application.contradiction("it has both pads and auto_pad"));
        }
        Ok(Layout { auto_pad, kernel, strides, dilations, pads })
    }

    /// The window with the given kernel, its padding as far as the attribute `pads` says it.
    pub fn window(
        &self,
        application: &Application<'_>,
        kernel: Vec<usize>,
    ) -> Result<Window, Error> {
        let rank = kernel.len();
        let steps = |name: &str, values: Option<&[i64]>| match values {
            None => Ok(vec![1; rank]),
            Some(values) => sizes(application, name, values, rank, 1),
        };
        let strides = steps("strides", self.strides)?;
        let dilations = steps("dilations", self.dilations)?;
        let pads = match self.pads.filter(|_| self.auto_pad == AutoPad::Given) {
            None => vec![0; 2 * rank],
            Some(pads) => sizes(application, "pads", pads, 2 * rank, 0)?,
        };
        let (begin, end) = (pads[..rank].to_vec(), pads[rank..].to_vec());
        Ok(Window { kernel, strides, dilations, begin, end })
    }

    /// Chooses the padding where that is automatic, and gives the number of positions on each axis.
    ///
    /// With `ceil` a window may reach over the end of the padding, if it begins before that.
    pub fn positions(
        &self,
        application: &Application<'_>,
        window: &mut Window,
        input: &[usize],
        ceil: bool,
    ) -> Result<Vec<usize>, Error> {
        let mut output = Vec::with_capacity(input.len());
        for (axis, &length) in input.iter().enumerate() {
            let (extent, stride) = (window.extent(axis), window.strides[axis]);
            if matches!(self.auto_pad, AutoPad::SameUpper | AutoPad::SameLower) {
                let positions = length.div_ceil(stride);
                let span = ((positions.max(1) - 1) * stride).saturating_add(extent);
                let total = span.saturating_sub(length);
                let more = total - total / 2;
                (window.begin[axis], window.end[axis]) = match self.auto_pad {
                    AutoPad::SameUpper => (total - more, more),
                    _ => (more, total - more),
                };
                output.push(positions);
                continue;
            }
            let padded = length + window.begin[axis] + window.end[axis];
            let Some(room) = padded.checked_sub(extent) else {
                return Err(application.contradiction(format!(
                    "a window of extent {extent} does not fit an axis of length {padded}, padding included"
                )));
            };
            let mut positions = room / stride + 1;
            if ceil && room % stride != 0 && positions * stride < length + window.begin[axis] {
                positions += 1;
            }
            output.push(positions);
        }
        Ok(output)
    }
}

/// Numbers of an attribute, as many as asked for and none too small.
pub(super) fn sizes(
    application: &Application<'_>,
    name: &str,
    values: &[i64],
    count: usize,
    least: usize,
) -> Result<Vec<usize>, Error> {
    let read = |value: &i64| usize::try_from(*value).ok().filter(|v| (least..=1 << 31).contains(v));
    match values.iter().map(read).collect::<Option<Vec<_>>>().filter(|v| v.len() == count) {
        Some(values) => Ok(values),
        None => Err(application.contradiction(format!(
            "{name} are {values:?}, but {count} numbers of at least {least} are expected"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_follow_the_definition() {
        let window = Window {
            kernel: vec![2, 3],
            strides: vec![2, 1],
            dilations: vec![1, 2],
            begin: vec![1, 1],
            end: vec![0, 2],
        };
        let (input, output) = ([4, 5], [2, 4]);
        let runs = window.runs(&input, &output);
        for (place, runs) in runs.iter().enumerate() {
            let (p, q) = (place / 3, place % 3);
            let mut expected = Vec::new();
            for (i, j) in (0..2).flat_map(|i| (0..4).map(move |j| (i, j))) {
                let (y, x) = (i * 2 + p, j + 2 * q);
                if (1..5).contains(&y) && (1..6).contains(&x) {
                    expected.push((i * 4 + j, (y - 1) * 5 + x - 1));
                }
            }
            let found: Vec<(usize, usize)> = runs
                .iter()
                .flat_map(|run| (0..run.count).map(|i| (run.output + i, run.input + i)))
                .collect();
            assert_eq!(found, expected, "place {place}");
        }
        let counts = window.counts(&input, &output, false);
        assert_eq!(counts, [vec![1, 2], vec![2, 3, 2, 2]]);
        assert_eq!(window.counts(&input, &output, true), [vec![2, 2], vec![3, 3, 3, 3]]);
    }

    #[test]
    fn whole_planes_are_one_run() {
        let window = Window {
            kernel: vec![1, 1],
            strides: vec![1, 1],
            dilations: vec![1, 1],
            begin: vec![0, 0],
            end: vec![0, 0],
        };
        let runs = window.runs(&[3, 4], &[3, 4]);
        assert_eq!(runs, [vec![Run { output: 0, input: 0, count: 12 }]]);
    }
}
