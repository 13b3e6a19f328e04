//! The road of a sample, walked through the command's own door: the real binary, real components, real files.

#![allow(
    clippy::expect_used,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod bad_input;
mod components;
mod configuration;
mod determinism;
mod harness;
mod lifecycle;
mod scorers;
