//! Reading models and queries: the checker's readers, and a second decoder for models.

use plimsoll_check::Error;
use plimsoll_check::graph::Graph;
use std::path::Path;

#[cfg(feature = "second-decoder")]
pub use crate::import::read as model_bytes;
#[cfg(not(feature = "second-decoder"))]
pub use plimsoll_check::onnx::read as model_bytes;
pub use plimsoll_check::read::{MAX_BYTES, file, sha256};
pub use plimsoll_check::vnnlib::read as query;

/// The model in a file, plain or gzip.
///
/// # Errors
///
/// If the file cannot be read, is no ONNX model, is not supported, or if the two decoders differ (with
/// the feature `second-decoder`).
pub fn model(path: impl AsRef<Path>) -> Result<Graph, Error> {
    let path = path.as_ref();
    model_bytes(file(path)?).map_err(|error| error.in_file(path))
}
