//! The life of a detection: when matches open one, what it says, when samples show that it is over.

mod case;
mod confidence;
mod deciding;
mod detection;
mod evidence;
mod summary;
mod watch;

pub use case::{AttachmentRef, Case, Closed, Entry, Misplaced, Move, Signed};
pub use confidence::confidence;
pub use deciding::{DecidingRow, remember};
pub use detection::{Detection, DetectionUpdate, Event, EventKind, Peak};
pub use evidence::{
    ConditionEvidence, Contribution, Evidence, GroupEvidence, InputEvidence, Outcome, PluginEvidence,
    ProbeEvidence, Relation, ScoreEvidence, words,
};
pub use summary::{Summary, Tally};
pub use watch::{Gate, Transition, Watch};
