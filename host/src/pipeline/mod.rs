//! Puts samples in order, stamps them, and hands each to the shard that owns its system.
//!
//! The [`Intake`] cuts the stream into rounds; the [`Pipeline`] runs shards and the trainer and gives back what happened,
//! in an order that depends on the samples alone.

mod clock;
mod intake;
mod run;

pub use clock::VirtualClock;
pub use intake::{Cut, Intake, Sight, round};
pub use run::{Feed, Outcome, Pipeline, PipelineEnd, PipelineError, Results, Running, Shards};
