//! Everything that is derived from how the jobs stand: queues, lanes, timers, and what is over.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::destination::Destination;
use super::owed::Owed;
use super::queue::Queue;
use super::record::{Record, State};
use crate::time::Millis;

/// An owed action in memory.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) record: Record,
    /// The place of its queue.
    pub(super) queue: usize,
    /// Its lane's name, shared with the lane.
    pub(super) lane: Arc<str>,
    /// Noted as changed.
    pub(super) dirty: bool,
}

/// What is to happen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The wait after a failure is over.
    Retry(u64),
    /// A job has waited for too long.
    GiveUp(u64),
    /// A report has not come.
    Report(u64),
    /// The breaker of the queue at a place lets a probe through.
    Probe(usize),
}

/// What is derived from how the jobs stand.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The places of the queues by action.
    pub(super) places: BTreeMap<String, usize>,
    pub(super) queues: Vec<Queue>,
    /// Places of the queues that may be able to give a job, in turn.
    pub(super) ring: VecDeque<usize>,
    pub(super) timers: BTreeSet<(Millis, Timer)>,
    /// Dead letters, by when they died.
    pub(super) dead: BTreeSet<(Millis, u64)>,
    /// Those that are done or cancelled, by when.
    pub(super) settled: BTreeSet<(Millis, u64)>,
    /// Those that are not over.
    pub(super) live: usize,
}

impl Index {
    /// The place of an action's queue. One that is not configured gets a queue in which all wait.
    pub(super) fn place(&mut self, action: &str) -> usize {
        if let Some(&place) = self.places.get(action) {
            return place;
        }
        self.places.insert(action.to_owned(), self.queues.len());
        self.queues.push(Queue::default());
        self.queues.len() - 1
    }

    /// When a waiting job is given up.
    pub(super) fn gives_up_at(&self, job: &Tracked) -> Millis {
        job.record.standing.counted_from.plus_seconds(self.queues[job.queue].policy.give_up_after_s)
    }

    /// Gives a job its place in its lane, where it is still owed.
    pub(super) fn enlist(&mut self, seq: u64, job: &Tracked) {
        if job.record.standing.state.kind().is_live() {
            self.live += 1;
            self.queues[job.queue].lane_mut(&job.lane).jobs.insert(seq);
        }
    }

    /// Takes a job out of its lane that is not owed any more.
    pub(super) fn discharge(&mut self, seq: u64, job: &Tracked) {
        self.live -= 1;
        let queue = &mut self.queues[job.queue];
        queue.lane_mut(&job.lane).jobs.remove(&seq);
        queue.let_go(&job.lane);
    }

    /// Counts a job in, and sets its timers, as it stands.
    pub(super) fn add(&mut self, seq: u64, job: &Tracked) {
        let give_up = (self.gives_up_at(job), Timer::GiveUp(seq));
        let queue = &mut self.queues[job.queue];
        let state = &job.record.standing.state;
        match *state {
            State::Waiting { .. } => {
                queue.waiting.insert(seq);
            }
            State::UnderWay { .. } => {
                queue.under_way += 1;
                queue.lane_mut(&job.lane).busy = Some(seq);
            }
            State::Awaiting { .. } => {
                queue.awaiting += 1;
                queue.lane_mut(&job.lane).busy = Some(seq);
            }
            State::Held { .. } => queue.held += 1,
            State::Dead { .. } => queue.dead += 1,
            State::Done { .. } | State::Cancelled { .. } => {}
        }
        match *state {
            State::Waiting { not_before } => {
                self.timers.insert(give_up);
                self.timers.extend(not_before.map(|due| (due, Timer::Retry(seq))));
            }
            State::Awaiting { until, .. } => {
                self.timers.insert((until, Timer::Report(seq)));
            }
            State::Dead { at, .. } => {
                self.dead.insert((at, seq));
            }
            State::Done { at, .. } | State::Cancelled { at, .. } => {
                self.settled.insert((at, seq));
            }
            State::UnderWay { .. } | State::Held { .. } => {}
        }
    }

    /// Counts a job out, as it was added.
    pub(super) fn remove(&mut self, seq: u64, job: &Tracked) {
        let give_up = (self.gives_up_at(job), Timer::GiveUp(seq));
        let queue = &mut self.queues[job.queue];
        let state = &job.record.standing.state;
        match *state {
            State::Waiting { not_before } => {
                queue.waiting.remove(&seq);
                self.timers.remove(&give_up);
                if let Some(due) = not_before {
                    self.timers.remove(&(due, Timer::Retry(seq)));
                }
            }
            State::UnderWay { .. } => {
                queue.under_way -= 1;
                queue.lane_mut(&job.lane).busy = None;
            }
            State::Awaiting { until, .. } => {
                queue.awaiting -= 1;
                queue.lane_mut(&job.lane).busy = None;
                self.timers.remove(&(until, Timer::Report(seq)));
            }
            State::Held { .. } => queue.held -= 1,
            State::Dead { at, .. } => {
                queue.dead -= 1;
                self.dead.remove(&(at, seq));
            }
            State::Done { at, .. } | State::Cancelled { at, .. } => {
                self.settled.remove(&(at, seq));
            }
        }
    }

    /// Notes that a system is touched, where that counts.
    pub(super) fn touch(&mut self, place: usize, owed: &Owed, at: Millis) {
        let queue = &mut self.queues[place];
        if let (Some(_), Some(system_id)) = (queue.policy.blast, owed.touches()) {
            queue.reach.touch(system_id, at);
        }
    }

    /// Puts a queue into the ring, if it can give a job.
    pub(super) fn offer(&mut self, place: usize) {
        let queue = &mut self.queues[place];
        if queue.can_take() && !queue.in_ring {
            queue.in_ring = true;
            self.ring.push_back(place);
        }
    }

    /// Applies a change of a breaker, and keeps the time at which it lets a probe through.
    pub(super) fn with_breaker(&mut self, place: usize, change: impl FnOnce(&mut Queue)) {
        let queue = &mut self.queues[place];
        let before = queue.breaker.open_until();
        change(queue);
        let after = queue.breaker.open_until();
        if before != after {
            if let Some(until) = before {
                self.timers.remove(&(until, Timer::Probe(place)));
            }
            self.timers.extend(after.map(|until| (until, Timer::Probe(place))));
        }
        self.offer(place);
    }

    /// The same destinations under other policies, with no jobs: those that are not configured any more and have
    /// nothing left go, and breakers stay as they are.
    pub(super) fn under(mut self, destinations: BTreeMap<String, Destination>) -> Self {
        let mut next = Self::default();
        for (action, policy) in destinations {
            let place = next.place(&action);
            next.queues[place] = Queue::new(policy);
        }
        for (action, place) in self.places {
            let old = std::mem::take(&mut self.queues[place]);
            let left = old.waiting.len() + old.under_way + old.awaiting + old.held + old.dead;
            if left == 0 && !next.places.contains_key(&action) {
                continue;
            }
            let place = next.place(&action);
            let queue = &mut next.queues[place];
            if !queue.configured {
                queue.policy = old.policy; // what is left goes by the policy that it was owed under
            }
            (queue.dead_dropped, queue.breaker, queue.reach) = (old.dead_dropped, old.breaker, old.reach);
            next.timers.extend(queue.breaker.open_until().map(|until| (until, Timer::Probe(place))));
        }
        next
    }
}
