//! How unusual a sample is: scorers per system type, their models, and when those are trained.
//!
//! Training happens on a thread of its own (`trainer`). Which model judges which sample is fixed by the order of the
//! samples alone ([`Schedule`]), so that a replay gives the same scores whatever the batch size, the number of shards or
//! the speed of the machine. A replay waits for a model that is due; a live run goes on with the one before.

mod memory;
mod models;
mod panel;
mod schedule;
mod trainer;

pub use memory::{Memory, ModelRecord};
pub use models::{Models, Patience};
pub use panel::{Panel, PanelCost, RowScores};
pub use schedule::{Counters, Schedule, Training, Turn};
pub use trainer::{FeatureRow, Features, Trainer, TrainerReport};
