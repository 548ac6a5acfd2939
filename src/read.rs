//! Reading models and queries: the checker's readers, which the prover shares.

pub use plimsoll_check::onnx::read as model_bytes;
pub use plimsoll_check::read::{MAX_BYTES, file, model, sha256};
pub use plimsoll_check::vnnlib::read as query;
