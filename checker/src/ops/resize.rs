//! Resampling along axes: Resize and Upsample, to the nearest element or linearly.
//!
//! Where a place of the result lies on the operand's axis is a rational number, computed exactly from the
//! scale. An implementation computes it in float32; where that might choose another element, the
//! model is refused.

use super::evaluate::Data;
use super::{Application, Fill, Op, Reading, index_map};
use crate::error::Error;
use crate::number::{Rational, Scalar};

/// One summand of an interpolated element.
#[derive(Debug, Clone, PartialEq)]
pub struct Tap {
    /// Index along the axis.
    pub index: usize,
    /// Its weight, exactly.
    pub weight: Rational,
}

/// The attributes.
struct Settings<'a> {
    mode: &'a str,
    transform: &'a str,
    nearest: &'a str,
    extrapolation: f32,
}

/// One axis: its lengths, the scale, and the region for cropping.
struct Axis {
    from: usize,
    to: usize,
    scale: Rational,
    region: (Rational, Rational),
}

pub(super) fn upsample(application: &mut Application<'_>) -> Result<Reading, Error> {
    if application.opset >= 10 {
        return Err(application.contradiction("the operator left the standard with opset 10"));
    }
    let mode = application.attributes.string("mode")?.unwrap_or("nearest");
    let scales = if application.opset >= 9 {
        application.arity(2, 2)?;
        application.floats(1, "the scales")?
    } else {
        application.arity(1, 1)?;
        let scales = application.attributes.floats("scales")?;
        scales.map(|scales| scales.iter().map(|scale| f64::from(*scale)).collect())
    };
    resampled(application, old(mode), scales, None, None, None)
}

pub(super) fn resize(application: &mut Application<'_>) -> Result<Reading, Error> {
    let mode = application.attributes.string("mode")?.unwrap_or("nearest");
    if application.opset < 11 {
        application.arity(2, 2)?;
        let scales = application.floats(1, "the scales")?;
        return resampled(application, old(mode), scales, None, None, None);
    }
    application.arity(1, 4)?;
    let attributes = &mut application.attributes;
    let settings = Settings {
        mode,
        transform: attributes.string("coordinate_transformation_mode")?.unwrap_or("half_pixel"),
        nearest: attributes.string("nearest_mode")?.unwrap_or("round_prefer_floor"),
        extrapolation: attributes.float("extrapolation_value")?.unwrap_or(0.0),
    };
    // Both speak of cubic interpolation only.
    attributes.ignore("cubic_coeff_a");
    attributes.ignore("exclude_outside");
    let mut axes = None;
    if application.opset >= 18 {
        axes = attributes.ints("axes")?;
        if attributes.flag("antialias", false)? {
            return Err(application
                .unsupported("antialiasing is not supported")
                .help("export without antialias"));
        }
        let policy = attributes.string("keep_aspect_ratio_policy")?.unwrap_or("stretch");
        if policy != "stretch" {
            return Err(application
                .unsupported(format!("keep_aspect_ratio_policy = {policy} is not supported"))
                .help("export with the sizes that it leads to"));
        }
    }
    let region = match settings.transform {
        "tf_crop_and_resize" => application.floats(1, "the region")?,
        _ => None,
    };
    let scales = application.floats(2, "the scales")?;
    let sizes = application.integers(3, "the sizes")?.filter(|sizes| !sizes.is_empty());
    resampled(application, settings, scales, sizes, region, axes)
}

/// What was meant before there were attributes for it.
fn old(mode: &str) -> Settings<'_> {
    Settings { mode, transform: "asymmetric", nearest: "", extrapolation: 0.0 }
}

fn resampled(
    application: &Application<'_>,
    settings: Settings<'_>,
    scales: Option<Vec<f64>>,
    sizes: Option<&[i64]>,
    region: Option<Vec<f64>>,
    axes: Option<&[i64]>,
) -> Result<Reading, Error> {
    let data = application.float(0)?;
    let rank = data.shape.len();
    let all: Vec<i64> = (0..rank as i64).collect();
    let axes = axes.unwrap_or(&all);
    application.axes(axes, rank)?;
    let asked = scales.as_ref().map(Vec::len).or(sizes.map(<[i64]>::len));
    let region_fits = match &region {
        Some(region) => region.len() == 2 * axes.len(),
        None => settings.transform != "tf_crop_and_resize",
    };
    if asked != Some(axes.len()) || scales.is_some() == sizes.is_some() || !region_fits {
        return Err(
            application.contradiction("scales, sizes, region and axes do not fit each other")
        );
    }
    let mut lines: Vec<Axis> = data
        .shape
        .iter()
        .map(|dim| Axis {
            from: *dim,
            to: *dim,
            scale: Rational::ONE,
            region: (Rational::ZERO, Rational::ONE),
        })
        .collect();
    for (at, axis) in axes.iter().enumerate() {
        let line = &mut lines[application.axis(*axis, rank)?];
        match (&scales, sizes) {
            (Some(scales), _) => line.scale_by(application, scales[at])?,
            (None, Some(sizes)) => line.resize_to(application, sizes[at])?,
            (None, None) => {}
        }
        if let Some(region) = &region {
            // Constants are finite.
            let exact = |value: f64| Rational::from_f64(value).unwrap_or_default();
            line.region = (exact(region[at]), exact(region[at + axes.len()]));
        }
    }
    let shape: Vec<usize> = lines.iter().map(|line| line.to).collect();
    application.count(&shape)?;
    application.listed(shape.iter().sum())?;
    if lines.iter().any(|line| line.from == 0 && line.to > 0) {
        return Err(application.contradiction(format!("`{}` has no elements", data.name)));
    }
    match settings.mode {
        "nearest" => {
            let mut indices = Vec::with_capacity(rank);
            for line in &lines {
                indices.push(line.nearest(application, &settings)?);
            }
            let fill = Fill::Constant(settings.extrapolation);
            Ok(Reading::node(Op::Pick { indices, fill }, [0], shape))
        }
        "linear" | "bilinear" => {
            let mut taps = Vec::with_capacity(rank);
            for line in &lines {
                taps.push(line.linear(application, &settings)?);
            }
            let fill = settings.extrapolation;
            Ok(Reading::node(Op::Interpolate { taps, fill }, [0], shape))
        }
        other => Err(application
            .unsupported(format!("the mode {other} is not supported"))
            .help("nearest and linear are read")),
    }
}

impl Axis {
    fn scale_by(&mut self, application: &Application<'_>, scale: f64) -> Result<(), Error> {
        let exact = Rational::from_f64(scale).filter(|scale| scale.signum() > 0);
        let Some(exact) = exact else {
            return Err(application.contradiction(format!("a scale is {scale}")));
        };
        let length = &Rational::from(self.from as i64) * &exact;
        let whole = length.trunc().to_integer().and_then(|length| usize::try_from(length).ok());
        let single = (scale as f32) * (self.from as f32);
        match whole.filter(|whole| *whole <= 1 << 31) {
            Some(whole) if single.trunc() as usize == whole => self.to = whole,
            _ => return Err(ambiguous(application)),
        }
        self.scale = exact;
        Ok(())
    }

    fn resize_to(&mut self, application: &Application<'_>, size: i64) -> Result<(), Error> {
        let to = usize::try_from(size).ok().filter(|to| (1..=1 << 31).contains(to));
        let Some(to) = to else {
            return Err(application.contradiction(format!("a size is {size}")));
        };
        self.to = to;
        let from = Rational::from(self.from.max(1) as i64);
        self.scale = Rational::from(size).checked_div(&from).unwrap_or(Rational::ONE);
        Ok(())
    }

    /// Where a place of the result lies on the operand's axis, exactly and in float32.
    fn coordinate(
        &self,
        application: &Application<'_>,
        transform: &str,
        place: usize,
    ) -> Result<(Rational, f32), Error> {
        let half = Rational::from_f64(0.5).unwrap_or_default();
        let integer = |value: usize| Rational::from(value as i64);
        let over = |a: &Rational, b: &Rational| a.checked_div(b).unwrap_or_default();
        let (from, to) = (integer(self.from), integer(self.to));
        let one = Rational::ONE;
        let x = integer(place);
        let (xf, sf) = (place as f32, self.scale.to_f64() as f32);
        let (fromf, tof) = (self.from as f32, self.to as f32);
        let whole = (&from * &self.scale).to_integer().is_some();
        let half_pixel = || (&over(&(&x + &half), &self.scale) - &half, (xf + 0.5) / sf - 0.5);
        Ok(match transform {
            "half_pixel" => half_pixel(),
            "pytorch_half_pixel" if self.to > 1 => half_pixel(),
            "pytorch_half_pixel" => (Rational::ZERO, 0.0),
            "half_pixel_symmetric" if application.opset >= 19 => {
                let adjustment = over(&to, &(&from * &self.scale));
                let offset = &(&from * &half) * &(&one - &adjustment);
                let (exact, single) = half_pixel();
                (&offset + &exact, fromf / 2.0 * (1.0 - tof / (fromf * sf)) + single)
            }
            "tf_half_pixel_for_nn" if application.opset < 13 => {
                (over(&(&x + &half), &self.scale), (xf + 0.5) / sf)
            }
            "asymmetric" => (over(&x, &self.scale), xf / sf),
            // With a fraction of an element at the end, implementations align differently.
            "align_corners" if !whole => return Err(ambiguous(application)),
            "align_corners" if self.to == 1 => (Rational::ZERO, 0.0),
            "align_corners" => {
                (over(&(&x * &(&from - &one)), &(&to - &one)), xf * (fromf - 1.0) / (tof - 1.0))
            }
            "tf_crop_and_resize" => {
                let (start, end) = &self.region;
                let (startf, endf) = (start.to_f64() as f32, end.to_f64() as f32);
                let last = &from - &one;
                if self.to > 1 {
                    let step = over(&(&(end - start) * &last), &(&to - &one));
                    let stepf = (endf - startf) * (fromf - 1.0) / (tof - 1.0);
                    (&(start * &last) + &(&x * &step), startf * (fromf - 1.0) + xf * stepf)
                } else {
                    (&(&half * &(start + end)) * &last, 0.5 * (startf + endf) * (fromf - 1.0))
                }
            }
            other => {
                return Err(application
                    .contradiction(format!("the coordinate_transformation_mode is {other:?}")));
            }
        })
    }

    /// The values of a step function of the coordinate, one per place of the result, refused where
    /// rounding might lead to another one.
    fn decide<T: PartialEq>(
        &self,
        application: &Application<'_>,
        transform: &str,
        decision: impl Fn(&Rational) -> T,
    ) -> Result<Vec<(T, Rational)>, Error> {
        // Implementations leave an axis alone whose length does not change, whatever the standard says.
        let kept = self.scale == Rational::ONE;
        (0..self.to)
            .map(|place| {
                let (exact, single) = self.coordinate(application, transform, place)?;
                let here = Rational::from(place as i64);
                if kept && decision(&exact) != decision(&here) {
                    return Err(application
                        .unsupported(
                            "an axis would be moved or cropped though its length does not change",
                        )
                        .help("do it with Slice or Pad before; implementations ignore it here"));
                }
                let decided = decision(&exact);
                // A coordinate that float32 holds is computed without rounding. Any other errs by a
                // few units in the last place of the numbers that it is computed from.
                if Rational::from_f64(f64::from(single)).as_ref() != Some(&exact) {
                    let margin = Rational::from_f64(2f64.powi(-19)).unwrap_or_default();
                    let size = &exact.abs() + &Rational::from(self.from as i64 + 1);
                    let radius = &margin * &size;
                    let stable = decision(&(&exact - &radius)) == decided
                        && decision(&(&exact + &radius)) == decided;
                    if !stable {
                        return Err(ambiguous(application));
                    }
                }
                Ok((decided, exact))
            })
            .collect()
    }

    /// Whether a coordinate is beyond the axis where that means extrapolation.
    fn outside(&self, settings: &Settings<'_>, x: &Rational) -> bool {
        let last = Rational::from(self.from as i64 - 1);
        settings.transform == "tf_crop_and_resize" && (x.signum() < 0 || *x > last)
    }

    fn nearest(
        &self,
        application: &Application<'_>,
        settings: &Settings<'_>,
    ) -> Result<Vec<Option<u32>>, Error> {
        let rounding: fn(&Rational) -> Option<Rational> = match settings.nearest {
            "round_prefer_floor" => |x| Some(ceil(&(x - &half()))),
            "round_prefer_ceil" => |x| Some(floor(&(x + &half()))),
            "floor" => |x| Some(floor(x)),
            "ceil" => |x| Some(ceil(x)),
            // Before opset 11 the standard does not say; all agree where nothing is to be rounded, and
            // where places are repeated.
            "" if self.scale >= Rational::ONE => |x| Some(floor(x)),
            "" => |x| Some(floor(x)).filter(|floor| floor == x),
            other => {
                return Err(application.contradiction(format!("the nearest_mode is {other:?}")));
            }
        };
        let last = self.from as i64 - 1;
        let decided = self.decide(application, settings.transform, |x| {
            if self.outside(settings, x) {
                return Some(None);
            }
            let index = rounding(x)?.to_integer()?.clamp(0, last);
            Some(u32::try_from(index).ok())
        })?;
        let decided: Option<Vec<_>> = decided.into_iter().map(|(index, _)| index).collect();
        decided.ok_or_else(|| {
            application
                .unsupported(
                    "implementations round differently when they shrink an axis in this opset",
                )
                .help("export with opset 11 or newer")
        })
    }

    fn linear(
        &self,
        application: &Application<'_>,
        settings: &Settings<'_>,
    ) -> Result<Vec<Vec<Tap>>, Error> {
        let last = Rational::from(self.from as i64 - 1);
        // Interpolation is continuous; only where it ends must float32 agree, and on an axis that is kept.
        let kept = self.scale == Rational::ONE;
        let places = self.decide(application, settings.transform, |x| {
            (self.outside(settings, x), kept.then(|| x.clone()))
        })?;
        let places = places.into_iter().map(|((outside, _), x)| (outside, x));
        let taps = places.map(|(outside, x)| {
            if outside {
                return Vec::new();
            }
            let x = x.max(Rational::ZERO).min(last.clone());
            let below = x.trunc();
            let share = &x - &below;
            let index = below.to_integer().and_then(|i| usize::try_from(i).ok()).unwrap_or(0);
            let mut taps = vec![Tap { index, weight: &Rational::ONE - &share }];
            if !share.is_zero() {
                taps.push(Tap { index: index + 1, weight: share });
            }
            taps
        });
        Ok(taps.collect())
    }
}

fn half() -> Rational {
    Rational::from_f64(0.5).unwrap_or_default()
}

fn floor(x: &Rational) -> Rational {
    let whole = x.trunc();
    if whole > *x { &whole - &Rational::ONE } else { whole }
}

fn ceil(x: &Rational) -> Rational {
    -&floor(&-x)
}

fn ambiguous(application: &Application<'_>) -> Error {
    application
        .unsupported(
            "the scales lead to other elements in exact arithmetic than they may in float32",
        )
        .help(
            "export with sizes instead of scales, or with scales that are ratios of small integers",
        )
}

/// Interpolates along one axis after the other.
pub(super) fn interpolate<S: Scalar>(
    operand: &Data<'_, S>,
    taps: &[Vec<Vec<Tap>>],
    fill: f32,
    shape: &[usize],
) -> Vec<S> {
    let mut values = operand.values().into_owned();
    let mut current = operand.shape.to_vec();
    for (axis, places) in taps.iter().enumerate() {
        let moves = |(at, taps): (usize, &Vec<Tap>)| {
            !(taps.len() == 1 && taps[0].index == at && taps[0].weight == Rational::ONE)
        };
        if places.len() == current[axis] && !places.iter().enumerate().any(moves) {
            continue;
        }
        let (outer, dim, inner) = index_map::around(&current, axis);
        let weights: Vec<Vec<(usize, S)>> = places
            .iter()
            .map(|taps| taps.iter().map(|t| (t.index, S::from_rational(&t.weight))).collect())
            .collect();
        let mut result = Vec::with_capacity(outer * places.len() * inner);
        for before in 0..outer {
            for taps in &weights {
                for behind in 0..inner {
                    let value = |index: usize| &values[(before * dim + index) * inner + behind];
                    result.push(match &taps[..] {
                        [(index, weight)] => value(*index).mul(weight),
                        [(i, v), (j, w)] => value(*i).mul(v).add(&value(*j).mul(w)),
                        _ => S::zero(),
                    });
                }
            }
        }
        values = result;
        current[axis] = places.len();
    }
    if taps.iter().flatten().any(Vec::is_empty) {
        for (at, value) in values.iter_mut().enumerate() {
            let mut rest = at;
            for (places, dim) in taps.iter().zip(shape).rev() {
                if places[rest % dim].is_empty() {
                    *value = S::from_stored(f64::from(fill));
                }
                rest /= dim;
            }
        }
    }
    values
}
