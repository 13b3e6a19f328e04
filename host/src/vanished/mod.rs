//! When many systems vanish together: one detection, and what they have in common.
//!
//! A disconnection by silence waits a moment for company. If by then many are gone and a label explains it (a zone, a type,
//! a collector, a dependency), they are one detection with members, which grows and shrinks as they do; else each is
//! told by itself. Pure: told the time, it gives out what is to be told, and the records that changed.

mod config;
mod explain;
mod population;
mod room;
#[cfg(test)]
mod tests;

pub use config::GroupsConfig;
pub(crate) use population::split;
pub use population::{LabelChange, Population, labels_of};
pub use room::{Record, RecordKey, Suspect, Vanished};
