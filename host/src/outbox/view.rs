//! What the outbox shows: what happened to what was owed, and what stands before each destination.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use super::breaker::BreakerState;
use super::owing::Outbox;
use super::record::{Record, StateKind};
use crate::time::Millis;

/// Which of the owed actions to list. What is none selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this action.
    pub action: Option<String>,
    /// Of this lane.
    pub lane: Option<String>,
    /// Touching this system.
    pub system_id: Option<String>,
    /// About this detection.
    pub detection_id: Option<Uuid>,
    /// In this state.
    pub state: Option<StateKind>,
    /// Owed before this seq: where the last page ended.
    pub before: Option<u64>,
}

/// What stands before a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Depth {
    /// Jobs that wait.
    pub waiting: usize,
    /// Jobs that run.
    pub under_way: usize,
    /// Jobs whose report is awaited.
    pub awaiting: usize,
    /// Jobs that somebody has to approve.
    pub held: usize,
    /// Dead letters.
    pub dead: usize,
    /// Dead letters that were let go because there were too many, since the start.
    pub dead_dropped: u64,
    /// How its breaker stands.
    pub breaker: BreakerState,
    /// Since when the first of those that wait is owed.
    pub oldest_waiting: Option<Millis>,
    /// False: the configuration does not name it any more, and nothing of it is run.
    pub configured: bool,
}

impl Outbox {
    /// What is known of a key, and its seq.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<(u64, &Record)> {
        let seq = self.seq_of(key)?;
        self.jobs.get(&seq).map(|job| (seq, &job.record))
    }

    /// What was owed, newest first. Looks at each until the caller has enough.
    pub fn list<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = (u64, &'a Record)> {
        let before = filter.before.unwrap_or(u64::MAX);
        self.jobs.range(..before).rev().map(|(&seq, job)| (seq, &job.record)).filter(|(_, record)| {
            let owed = &record.owed;
            filter.action.as_ref().is_none_or(|action| *action == owed.action)
                && filter.lane.as_ref().is_none_or(|lane| *lane == owed.lane)
                && filter.system_id.as_ref().is_none_or(|id| owed.system_id.as_ref() == Some(id))
                && filter.detection_id.is_none_or(|id| owed.detection_id == Some(id))
                && filter.state.is_none_or(|state| record.standing.state.kind() == state)
        })
    }

    /// The dead letters, those that died last first.
    pub fn dead(&self) -> impl Iterator<Item = (u64, &Record)> {
        let dead = self.index.dead.iter().rev();
        dead.filter_map(|&(_, seq)| self.jobs.get(&seq).map(|job| (seq, &job.record)))
    }

    /// What stands before each destination, by action.
    #[must_use]
    pub fn depths(&self) -> BTreeMap<String, Depth> {
        let depths = self.index.places.iter().map(|(action, &place)| {
            let queue = &self.index.queues[place];
            let oldest = queue.waiting.first().and_then(|seq| self.jobs.get(seq));
            let depth = Depth {
                waiting: queue.waiting.len(),
                under_way: queue.under_way,
                awaiting: queue.awaiting,
                held: queue.held,
                dead: queue.dead,
                dead_dropped: queue.dead_dropped,
                breaker: queue.breaker.state(),
                oldest_waiting: oldest.map(|job| job.record.owed.owed_at),
                configured: queue.configured,
            };
            (action.clone(), depth)
        });
        depths.collect()
    }
}
