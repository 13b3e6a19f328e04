//! What is written down of a system, so that it survives.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::absence::Absence;
use super::packing;
use crate::heartbeat::Heartbeat;
use crate::model::{MetricId, TypeId};
use crate::presence::Presence;
use crate::time::Millis;

/// A system without its samples. Windows are not written down: they are computed anew from the samples.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SystemRecord {
    /// Its type, by its last sample.
    pub system_type: TypeId,
    pub(super) heartbeat: Heartbeat,
    pub(super) absence: Option<Absence>,
    pub(super) starts_until: Millis,
    pub(super) presence: Presence,
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
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    pub(super) first: u64,
    /// Values of each sample.
    pub(super) width: u16,
    pub(super) times: Vec<Millis>,
    /// The values of one sample after those of another.
    pub(super) values: Vec<f64>,
}

/// A chunk as it is kept.
#[derive(Serialize, Deserialize)]
struct PackedChunk<'a> {
    first: u64,
    width: u16,
    rows: u32,
    #[serde(borrow)]
    samples: Cow<'a, [u8]>,
}

impl Serialize for Chunk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let samples = packing::pack(&self.times, &self.values, usize::from(self.width)).into();
        let rows = self.times.len() as u32;
        PackedChunk { first: self.first, width: self.width, rows, samples }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Chunk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PackedChunk { first, width, rows, samples } = PackedChunk::deserialize(deserializer)?;
        let (times, values) = packing::unpack(&samples, rows as usize, usize::from(width))
            .ok_or_else(|| D::Error::custom("the samples end too early"))?;
        Ok(Self { first, width, times, values })
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
