//! Blocks of space to channels and back: DepthToSpace and SpaceToDepth.

use super::{Application, Op, Reading};
use crate::error::Error;

pub(super) fn depth_to_space(application: &mut Application<'_>) -> Result<Reading, Error> {
    let mode = match application.opset {
        11.. => application.attributes.string("mode")?.unwrap_or("DCR"),
        _ => "DCR",
    };
    let ([batch, channels, height, width], block) = read(application)?;
    let outer = channels / (block * block);
    if outer * block * block != channels {
        return Err(misfit(application, block));
    }
    let (split, perm) = match mode {
        "DCR" => (vec![batch, block, block, outer, height, width], vec![0, 3, 4, 1, 5, 2]),
        "CRD" => (vec![batch, outer, block, block, height, width], vec![0, 1, 4, 2, 5, 3]),
        other => return Err(application.contradiction(format!("the mode is {other:?}"))),
    };
    let shape = vec![batch, outer, height * block, width * block];
    application.count(&shape)?;
    Ok(Reading::node(Op::Rearrange { split, perm }, [0], shape))
}

pub(super) fn space_to_depth(application: &mut Application<'_>) -> Result<Reading, Error> {
    let ([batch, channels, height, width], block) = read(application)?;
    let (rows, columns) = (height / block, width / block);
    if rows * block != height || columns * block != width {
        return Err(misfit(application, block));
    }
    let split = vec![batch, channels, rows, block, columns, block];
    let shape = vec![batch, channels * block * block, rows, columns];
    application.count(&shape)?;
    Ok(Reading::node(Op::Rearrange { split, perm: vec![0, 3, 5, 1, 2, 4] }, [0], shape))
}

/// The four dimensions and the length of a block.
fn read(application: &mut Application<'_>) -> Result<([usize; 4], usize), Error> {
    application.arity(1, 1)?;
    let block = application.attributes.int("blocksize")?;
    let data = application.operand(0)?;
    let shape = <[usize; 4]>::try_from(data.shape).map_err(|_| {
        application
            .contradiction(format!("`{}` of shape {:?} has not four axes", data.name, data.shape))
    })?;
    let block = block.and_then(|block| usize::try_from(block).ok());
    match block.filter(|block| (1..=1 << 15).contains(block)) {
        Some(block) => Ok((shape, block)),
        None => Err(application.contradiction("blocksize is no positive number")),
    }
}

fn misfit(application: &Application<'_>, block: usize) -> Error {
    application.contradiction(format!("blocks of length {block} do not fit"))
}
