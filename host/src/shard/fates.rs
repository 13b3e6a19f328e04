//! What became of samples, counted.

use crate::history::Fate;

/// How many samples met which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Fates {
    /// Judged.
    pub judged: u64,
    /// There already.
    pub duplicate: u64,
    /// Older than the lateness bound allows.
    pub too_late: u64,
    /// Of a system with too many distinct metrics.
    pub too_many_metrics: u64,
    /// Of one system too many.
    pub too_many_systems: u64,
}

impl Fates {
    pub(super) fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Judged => self.judged += 1,
            Fate::Duplicate => self.duplicate += 1,
            Fate::TooLate => self.too_late += 1,
            Fate::TooManyMetrics => self.too_many_metrics += 1,
        }
    }

    /// Adds the counts of another shard or round.
    pub fn add(&mut self, other: &Self) {
        self.judged += other.judged;
        self.duplicate += other.duplicate;
        self.too_late += other.too_late;
        self.too_many_metrics += other.too_many_metrics;
        self.too_many_systems += other.too_many_systems;
    }
}
