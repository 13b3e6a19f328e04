//! A stretch of the stream that all shards work on together.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::ingest::SampleBatch;
use crate::pipeline::Sight;
use crate::time::Millis;

/// Samples in the order of their arrival, and which shard owns which.
pub struct Round {
    /// From 0.
    pub number: u64,
    /// What is in force.
    pub catalog: Arc<Catalog>,
    /// The samples.
    pub samples: SampleBatch,
    /// A stamp for each sample.
    pub stamps: Vec<Stamp>,
    /// The rows of each shard, ascending.
    pub rows_of_shard: Vec<Vec<u32>>,
    /// How far the host could see.
    pub sight: Sight,
    /// The host's clock at the end of the round.
    pub clock: Millis,
}

/// What the host adds to a sample when it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The sample's time as the host believes it.
    pub time: Millis,
    /// When it arrived.
    pub arrival: Millis,
    /// Which models judge it; 0: none yet.
    pub generation: u32,
    /// Whether it joins its type's training set.
    pub learned: bool,
}
