//! Pools: MaxPool, AveragePool and their global forms.

use super::evaluate::{Data, Undefined};
use super::window::{Layout, Run, sizes};
use super::{Application, Op, Reading, Reduction, Window};
use crate::error::{Error, Kind};
use crate::number::Order;

/// Most places of a window.
const MAX_PLACES: usize = 1 << 20;

pub(super) fn max_pool(application: &mut Application<'_>) -> Result<Reading, Error> {
    if application.results.get(1) == Some(&true) {
        return Err(application
            .unsupported("the second result, the indices, is not supported")
            .help("export without return_indices"));
    }
    application.operand_count(1, 1)?;
    if application.opset >= 8 {
        // It orders the indices, which are not read.
        application.attributes.int("storage_order")?;
    }
    let dilates = application.opset >= 10;
    let (window, shape) = windows(application, dilates)?;
    Ok(Reading::node(Op::MaxPool { window }, [0], shape))
}

pub(super) fn average_pool(application: &mut Application<'_>) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let include_padding = application.attributes.flag("count_include_pad", false)?;
    let dilates = application.opset >= 19;
    let (window, shape) = windows(application, dilates)?;
    Ok(Reading::node(Op::AveragePool { window, include_padding }, [0], shape))
}

/// Window and result's shape of a pool.
fn windows(
    application: &mut Application<'_>,
    dilates: bool,
) -> Result<(Window, Vec<usize>), Error> {
    let layout = Layout::read(application, dilates)?;
    let ceil = application.opset >= 10 && application.attributes.flag("ceil_mode", false)?;
    let data = application.float(0)?.shape;
    let Some(kernel) = layout.kernel else {
        return Err(application.contradiction("kernel_shape is missing"));
    };
    if data.len() < 3 {
        return Err(application.contradiction(format!("data of shape {data:?} cannot be pooled")));
    }
    let kernel = sizes(application, "kernel_shape", kernel, data.len() - 2, 1)?;
    let mut window = layout.window(application, kernel)?;
    let output = layout.positions(application, &mut window, &data[2..], ceil)?;
    let shape = [&data[..2], &output[..]].concat();
    application.count(&shape)?;
    application.listed(output.iter().sum())?;
    let places = window.kernel.iter().fold(1usize, |places, dim| places.saturating_mul(*dim));
    if places > MAX_PLACES {
        return Err(Error::new(
            Kind::TooLarge,
            format!("{}: a window has more than {MAX_PLACES} places", application.node),
        )
        .help("a global pool or a reduction has no window"));
    }
    if window.counts(&data[2..], &output, false).iter().flatten().any(|count| *count == 0) {
        return Err(application
            .unsupported("some window lies on padding only")
            .help("its result is not defined alike everywhere; use less padding"));
    }
    Ok((window, shape))
}

pub(super) fn global_average_pool(application: &mut Application<'_>) -> Result<Reading, Error> {
    global(application, Reduction::Mean)
}

pub(super) fn global_max_pool(application: &mut Application<'_>) -> Result<Reading, Error> {
    global(application, Reduction::Max)
}

fn global(application: &mut Application<'_>, reduction: Reduction) -> Result<Reading, Error> {
    application.arity(1, 1)?;
    let data = application.float(0)?.shape;
    if data.len() < 2 || data[2..].contains(&0) {
        return Err(application.contradiction(format!("data of shape {data:?} cannot be pooled")));
    }
    let axes: Vec<usize> = (2..data.len()).collect();
    let shape = super::reduce::kept(data, &axes);
    Ok(Reading::node(Op::Reduce { reduction, axes }, [0], shape))
}

/// The greatest element under each window.
pub(super) fn greatest<S: Order>(
    operand: &Data<'_, S>,
    window: &Window,
    shape: &[usize],
) -> Vec<S> {
    let best = combine(operand, window, shape, None, |best: &mut Option<S>, value| {
        *best = Some(best.as_ref().map_or_else(|| value.clone(), |best| best.max(value)));
    });
    // There is an element under every window.
    best.into_iter().map(|best| best.unwrap_or_else(S::zero)).collect()
}

/// The mean of the elements under each window.
pub(super) fn means<S: Order>(
    operand: &Data<'_, S>,
    window: &Window,
    include_padding: bool,
    shape: &[usize],
) -> Result<Vec<S>, Undefined> {
    let mut sums =
        combine(operand, window, shape, S::zero(), |sum: &mut S, value| *sum = sum.add(value));
    let counts = window.counts(&operand.shape[2..], &shape[2..], include_padding);
    let plane: Vec<usize> = counts.iter().fold(vec![1], |plane, counts| {
        plane.iter().flat_map(|before| counts.iter().map(move |count| before * count)).collect()
    });
    for sums in sums.chunks_mut(plane.len().max(1)) {
        for (sum, count) in sums.iter_mut().zip(&plane) {
            let count = S::from_integer(*count as i64);
            *sum = sum.checked_div(&count).ok_or(Undefined::Division)?;
        }
    }
    Ok(sums)
}

/// Combines the elements under each window, in the order of its places.
fn combine<S: Order, T: Clone>(
    operand: &Data<'_, S>,
    window: &Window,
    shape: &[usize],
    empty: T,
    step: impl Fn(&mut T, &S),
) -> Vec<T> {
    let values = operand.values();
    let (input, output) = (&operand.shape[2..], &shape[2..]);
    let (area, plane) = (input.iter().product::<usize>(), output.iter().product::<usize>());
    let stride = window.strides[window.strides.len() - 1];
    let runs = window.runs(input, output);
    let mut result = vec![empty; shape.iter().product()];
    let images = values.chunks(area.max(1));
    for (image, results) in images.zip(result.chunks_mut(plane.max(1))) {
        for Run { output, input, count } in runs.iter().flatten() {
            for i in 0..*count {
                step(&mut results[output + i], &image[input + i * stride]);
            }
        }
    }
    result
}
