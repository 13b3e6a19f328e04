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
    /// Samples before this one are gone.
    pub(super) begin: u64,
    pub(super) metrics: Vec<MetricId>,
    pub(super) texts: Vec<(MetricId, Box<str>)>,
    /// Where the samples are, oldest first.
    pub chunks: Vec<ChunkRef>,
}

/// A chunk of a system's samples, by its number among all chunks of the store. Chunks are numbered as they are written,
/// whosever they are, so that writing touches one end of the table and letting go the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRef {
    /// Its number.
    pub number: u64,
    /// The first sample in it, counted over the system's life.
    pub(super) first: u64,
    pub(super) rows: u32,
}

/// Consecutive samples of a system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chunk {
    pub(super) first: u64,
    /// Values of each sample.
    pub(super) width: u16,
    pub(super) times: Vec<Millis>,
    #[serde(with = "packed")]
    pub(super) values: Vec<f64>,
}

/// Numbers as their bytes, little end first: a restart reads a hundred million of them.
mod packed {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        let (numbers, _) = bytes.as_chunks::<8>();
        Ok(numbers.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect())
    }
}

/// What is to be written down of a system.
#[derive(Debug)]
pub struct SystemWriting {
    /// The system.
    pub record: SystemRecord,
    /// Samples that are not written down yet, if there are any, and the number of their chunk.
    pub chunk: Option<(u64, Chunk)>,
    /// Chunks that are no longer part of it.
    pub gone: Vec<u64>,
}

impl ChunkRef {
    pub(super) fn end(&self) -> u64 {
        self.first + u64::from(self.rows)
    }
}

impl SystemRecord {
    /// How many samples the chunks have.
    pub(super) fn rows(&self) -> usize {
        let end = self.chunks.last().map_or(self.begin, ChunkRef::end);
        end.saturating_sub(self.begin) as usize
    }

    /// The samples of a chunk that are still part of the system: when each was taken, and its known numbers.
    pub fn samples_of<'a>(
        &'a self,
        chunk: &'a Chunk,
    ) -> impl Iterator<Item = (Millis, impl Iterator<Item = (MetricId, f64)> + 'a)> + 'a {
        let width = usize::from(chunk.width);
        (0..chunk.times.len()).filter(|&place| chunk.first + place as u64 >= self.begin).map(move |place| {
            let values = &chunk.values[place * width..(place + 1) * width];
            let known = self.metrics.iter().copied().zip(values.iter().copied());
            (chunk.times[place], known.filter(|(_, value)| !value.is_nan()))
        })
    }
}
