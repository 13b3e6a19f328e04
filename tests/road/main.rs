//! The road of a sample, walked through the command's own door: the real binary, real components, real files.

mod bad_input;
mod components;
mod configuration;
mod determinism;
mod harness;
mod lifecycle;
mod scorers;
