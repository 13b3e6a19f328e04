//! What is written down of a system, so that it survives.

use serde::{Deserialize, Serialize};

use super::heartbeat::Heartbeat;
use crate::model::{MetricId, TypeId};
use crate::time::Millis;

/// A system without its samples. Windows are not written down: they are computed anew from the samples.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SystemRecord {
    /// Its type, by its last sample.
    pub system_type: TypeId,
    pub(super) heartbeat: Heartbeat,
    pub(super) newest: Option<Millis>,
    pub(super) silence_check: Option<Millis>,
    /// The samples `begin..end` are in the chunks.
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) metrics: Vec<MetricId>,
    pub(super) texts: Vec<(MetricId, Box<str>)>,
}

/// Consecutive samples of a system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chunk {
    pub(super) first: u64,
    /// Values of each sample.
    pub(super) width: u16,
    pub(super) times: Vec<Millis>,
    pub(super) values: Vec<f64>,
}

impl SystemRecord {
    /// The samples of a chunk that are still part of the system: when each was taken, and its known numbers.
    pub fn samples_of<'a>(
        &'a self,
        chunk: &'a Chunk,
    ) -> impl Iterator<Item = (Millis, impl Iterator<Item = (MetricId, f64)> + 'a)> + 'a {
        let width = usize::from(chunk.width);
        (0..chunk.times.len())
            .filter(|&place| (self.begin..self.end).contains(&(chunk.first + place as u64)))
            .map(move |place| {
                let values = &chunk.values[place * width..(place + 1) * width];
                let known = self.metrics.iter().copied().zip(values.iter().copied());
                (chunk.times[place], known.filter(|(_, value)| !value.is_nan()))
            })
    }

    /// The numbers of the chunks that hold the samples.
    #[must_use]
    pub fn chunks(&self) -> std::ops::Range<u64> {
        self.begin / crate::limits::CHUNK_ROWS..self.end.div_ceil(crate::limits::CHUNK_ROWS)
    }
}
