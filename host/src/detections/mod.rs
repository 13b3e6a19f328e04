//! The life of a detection: when matches open one, what it says, when samples show that it is over.

mod confidence;
mod detection;
mod evidence;
mod summary;
mod watch;

pub use confidence::confidence;
pub use detection::{Detection, DetectionUpdate, Event, EventKind, Peak};
pub use evidence::{ConditionEvidence, Evidence, Outcome, PluginEvidence, Relation, ScoreEvidence, words};
pub use summary::{Summary, Tally};
pub use watch::{Gate, Transition, Watch};
