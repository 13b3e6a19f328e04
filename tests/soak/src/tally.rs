//! What came of a load, counted.

use std::collections::BTreeMap;

use crate::latencies::Latencies;

/// What came of the load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Batches that were answered with 200.
    pub(crate) batches: u64,
    /// Rows that these say were accepted.
    pub(crate) accepted: u64,
    /// Rows that these say were refused.
    pub(crate) refused: u64,
    /// 429s.
    pub(crate) full: u64,
    /// 429s without `Retry-After`.
    pub(crate) full_without_retry_after: u64,
    /// Answers of other statuses.
    pub(crate) other: BTreeMap<u16, u64>,
    /// Connections that nobody took.
    pub(crate) unconnected: u64,
    /// Exchanges that broke without an answer: nobody knows whether their rows were accepted.
    pub(crate) broken: u64,
    /// How the last of them broke.
    pub(crate) broken_how: Option<String>,
    /// From the first byte sent to the last byte read, of batches answered with 200.
    pub(crate) accept: Latencies,
    /// The same, from the moment at which the pace would have had the batch sent.
    pub(crate) from_schedule: Latencies,
}

impl Tally {
    /// Adds another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.batches += other.batches;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.full += other.full;
        self.full_without_retry_after += other.full_without_retry_after;
        self.unconnected += other.unconnected;
        self.broken += other.broken;
        other.other.iter().for_each(|(&status, count)| *self.other.entry(status).or_default() += count);
        self.broken_how = other.broken_how.clone().or_else(|| self.broken_how.take());
        self.accept.extend(&other.accept);
        self.from_schedule.extend(&other.from_schedule);
    }

    /// What must hold of every load but one that meets crashes.
    ///
    /// # Errors
    /// Rows were refused, answers were of other statuses, or connections broke.
    pub(crate) fn clean(&self) -> Result<String, String> {
        let mut wrong = Vec::new();
        if self.refused > 0 {
            wrong.push(format!("{} good rows refused", self.refused));
        }
        if self.full_without_retry_after > 0 {
            wrong.push(format!("{} answers 429 without Retry-After", self.full_without_retry_after));
        }
        wrong.extend(self.other.iter().map(|(status, count)| format!("{count} answers {status}")));
        if self.broken > 0 {
            let how = self.broken_how.as_deref().unwrap_or_default();
            wrong.push(format!("{} exchanges broke, the last one: {how}", self.broken));
        }
        if self.unconnected > 0 {
            wrong.push(format!("{} connections not taken", self.unconnected));
        }
        if wrong.is_empty() { Ok(format!("{} batches", self.batches)) } else { Err(wrong.join("; ")) }
    }
}
