//! One owner for each system: a shard takes its systems' samples in, asks rules and scorers about them in batches, and
//! moves their detections on. It shares nothing with other shards but read-only settings and finished models.
//!
//! The order of a batch, which is the order of the files here: take in (`batch`), `judge`, score, `decide`.

mod batch;
mod decide;
mod fates;
mod judge;
mod owner;
mod report;
mod round;
mod watched;

pub use fates::Fates;
pub use owner::Shard;
pub use report::{EventKey, RuleCost, ShardEnd, ShardReport};
pub use round::{Round, Stamp};
