//! One owner for each system: a shard takes its systems' samples in, asks rules and scorers about them in batches, and
//! moves their detections on. It shares nothing with other shards but read-only settings and finished models.
//!
//! The order of a batch, which is the order of the files here: take in (`batch`), `judge`, score, `decide`.

mod batch;
mod breaker;
mod decide;
mod fates;
mod judge;
mod keep;
mod owner;
mod report;
mod round;
mod shadow;
mod watched;

pub use breaker::Quarantine;
pub use fates::Fates;
pub use keep::{Keeping, Kept, SystemState};
pub use owner::Shard;
pub use report::{DeadRow, EventKey, Incident, RuleCost, ShardEnd, ShardReport, ShardStatus, Updates};
pub use round::{Round, Stamp};
pub use shadow::Comparison;
