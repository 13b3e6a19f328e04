//! What stands before one destination: its lanes, which take turns, and its places.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::blast::Reach;
use super::breaker::Breaker;
use super::destination::Destination;

/// What stands before one destination.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) policy: Destination,
    /// False: the configuration does not name it any more, and nothing is run.
    pub(super) configured: bool,
    pub(super) lanes: HashMap<Arc<str>, Lane>,
    /// Lanes whose first job may be due, in turn.
    ready: VecDeque<Arc<str>>,
    pub(super) waiting: BTreeSet<u64>,
    pub(super) under_way: usize,
    pub(super) awaiting: usize,
    pub(super) held: usize,
    pub(super) dead: usize,
    /// Dead letters that were let go because there were too many.
    pub(super) dead_dropped: u64,
    pub(super) breaker: Breaker,
    pub(super) reach: Reach,
    /// Stands in the ring of destinations that can take a job.
    pub(super) in_ring: bool,
}

/// Jobs that happen one after another.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Those that are owed still, in the order owed.
    pub(super) jobs: BTreeSet<u64>,
    /// The one that is under way, or awaits a report.
    pub(super) busy: Option<u64>,
    /// Stands in `ready`.
    queued: bool,
}

impl Lane {
    /// The job whose turn it is, if none is under way.
    pub(super) fn head(&self) -> Option<u64> {
        if self.busy.is_some() { None } else { self.jobs.first().copied() }
    }
}

impl Queue {
    pub(super) fn new(policy: Destination) -> Self {
        Self { policy, configured: true, ..Self::default() }
    }

    /// Whether a job may be taken now, if one is due.
    pub(super) fn can_take(&self) -> bool {
        self.configured
            && self.under_way < self.policy.concurrency
            && !self.ready.is_empty()
            && self.breaker.lets_through()
    }

    /// A lane's job may be due: gives the lane its turn, after the others.
    pub(super) fn line_up(&mut self, name: &Arc<str>) {
        if let Some(lane) = self.lanes.get_mut(name)
            && !lane.queued
        {
            lane.queued = true;
            self.ready.push_back(Arc::clone(name));
        }
    }

    /// Gives every lane its turn whose job is due, in the order in which those came.
    pub(super) fn line_up_all(&mut self, is_due: impl Fn(u64) -> bool) {
        let heads = self.lanes.iter().filter_map(|(name, lane)| Some((lane.head()?, Arc::clone(name))));
        let mut heads: Vec<(u64, Arc<str>)> = heads.filter(|(head, _)| is_due(*head)).collect();
        heads.sort_unstable();
        for (_, name) in heads {
            self.line_up(&name);
        }
    }

    /// The first job of the lane whose turn it is. The lane has had its turn, and is not lined up any more.
    pub(super) fn next_head(&mut self) -> Option<u64> {
        while let Some(name) = self.ready.pop_front() {
            let Some(lane) = self.lanes.get_mut(&name) else { continue };
            lane.queued = false;
            if let Some(head) = lane.head() {
                return Some(head);
            }
            self.let_go(&name);
        }
        None
    }

    /// The lane of a name, which need not be there yet, and the name as it is shared.
    pub(super) fn lane_mut(&mut self, name: &Arc<str>) -> &mut Lane {
        self.lanes.entry(Arc::clone(name)).or_default()
    }

    /// The shared form of a lane's name.
    pub(super) fn lane_name(&self, name: &str) -> Arc<str> {
        self.lanes.get_key_value(name).map_or_else(|| Arc::from(name), |(known, _)| Arc::clone(known))
    }

    /// Forgets a lane that has nothing more.
    pub(super) fn let_go(&mut self, name: &str) {
        if self.lanes.get(name).is_some_and(|lane| lane.jobs.is_empty() && !lane.queued) {
            self.lanes.remove(name);
        }
    }
}
