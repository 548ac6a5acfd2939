//! What several tests of the checker share.

pub mod tracked;
