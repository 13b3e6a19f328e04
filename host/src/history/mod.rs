//! A system's past: the samples kept of it, and the inputs that plugins declared, computed from them and its heartbeat.
//!
//! A sample is one row of memory in its system's `ring`, so that taking it in touches few cache lines; columns
//! are made when a batch is gathered. Windows are accumulators (`window`) that rows enter and leave, so that an input
//! costs the same however long its window is.

mod absence;
mod input;
mod packing;
mod plan;
mod record;
mod ring;
mod silence;
mod system;
mod systems;
mod window;
#[cfg(test)]
mod window_laws;

pub use absence::Absence;
pub use input::{Aggregate, Extent, Input, Windowed};
pub use plan::Plan;
pub use record::{Chunk, ChunkRef, SystemRecord, SystemWriting};
pub use silence::SilenceClock;
pub use system::{Fate, KeptMark, System};
pub use systems::{SystemIndex, Systems, SystemsFull, WARMED};
