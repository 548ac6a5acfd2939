//! What several tests of the checker share.
#![allow(dead_code)]

pub mod cases;
pub mod tracked;
