//! What is owed: new, restored, under other policies; and what of it has changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::canary::{Canaries, CanaryState};
use super::destination::{Approval, Destination};
use super::error::OutboxError;
use super::index::{Index, Tracked};
use super::owed::Owed;
use super::queue::Lane;
use super::record::{Record, Standing, State};
use crate::time::Millis;

/// The most that the outbox keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Actions that are not over: waiting, under way, awaiting a report or held. Beyond, nothing more is owed.
    pub live_max: usize,
    /// Dead letters. Beyond, the oldest go, and are counted.
    pub dead_max: usize,
    /// What is done or cancelled. Beyond, the oldest go.
    pub done_max: usize,
    /// How long what is done or cancelled is kept, in seconds.
    pub kept_done_s: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { live_max: 1_000_000, dead_max: 100_000, done_max: 100_000, kept_done_s: 604_800.0 }
    }
}

/// What must happen and has not yet. See the [room](super) for what holds.
#[derive(Debug, Default)]
pub struct Outbox {
    pub(super) limits: Limits,
    next_seq: u64,
    pub(super) jobs: BTreeMap<u64, Tracked>,
    keys: HashMap<String, u64>,
    pub(super) index: Index,
    pub(super) canaries: Canaries,
    /// Those that have changed.
    dirty: Vec<u64>,
    /// The last time that it was told.
    pub(super) clock: Millis,
}

impl Outbox {
    /// An outbox in which nothing is owed, with the policies of the actions by id.
    #[must_use]
    pub fn new(destinations: BTreeMap<String, Destination>) -> Self {
        let mut outbox = Self::default();
        outbox.set_up(destinations);
        outbox
    }

    /// Goes on from what was written down, by seq. What was under way waits for its next try at once; what awaits a
    /// report is given its whole time again, because nobody listened in between. Breakers are closed. What a blast
    /// radius counts is gathered from the records.
    #[must_use]
    pub fn restore(
        records: impl IntoIterator<Item = (u64, Record)>,
        destinations: BTreeMap<String, Destination>,
        now: Millis,
    ) -> Self {
        let mut outbox = Self { clock: now, ..Self::default() };
        for (seq, mut record) in records {
            outbox.next_seq = outbox.next_seq.max(seq.saturating_add(1));
            let state = &mut record.standing.state;
            let excused = match *state {
                State::UnderWay { .. } => Some(State::Waiting { not_before: None }),
                State::Awaiting { since, until } => {
                    let until = Millis(now.0.saturating_add(until.0.saturating_sub(since.0)));
                    Some(State::Awaiting { since: now, until })
                }
                _ => None,
            };
            let dirty = excused.is_some();
            if let Some(excused) = excused {
                *state = excused;
            }
            if dirty {
                outbox.dirty.push(seq);
            }
            if let Some(other) = outbox.keys.insert(record.owed.key.clone(), seq) {
                // A key is owed anew only after what it named was to be forgotten.
                outbox.keys.insert(record.owed.key.clone(), seq.max(other));
                let forgotten = seq.min(other);
                outbox.dirty.push(forgotten);
                outbox.jobs.remove(&forgotten);
                if forgotten == seq {
                    continue;
                }
            }
            let lane = Arc::from(record.owed.lane.as_str());
            outbox.jobs.insert(seq, Tracked { queue: 0, lane, record, dirty });
        }
        outbox.set_up(destinations);
        outbox
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self.trim();
        self
    }

    /// Goes on with the canaries as they were written down. Those of actions that are not configured are dropped.
    pub fn restore_canaries(&mut self, states: BTreeMap<String, CanaryState>) {
        self.canaries.restore(states);
    }

    /// Other policies are in force from now on. What is held stays held, what is let through stays let through. Jobs of
    /// an action that is not configured any more wait until it is again, or until they are given up.
    pub fn adopt(&mut self, destinations: BTreeMap<String, Destination>, now: Millis) {
        self.clock = now;
        self.set_up(destinations);
    }

    /// Derives everything anew from how the jobs stand.
    fn set_up(&mut self, destinations: BTreeMap<String, Destination>) {
        self.canaries.adopt(&destinations);
        self.index = std::mem::take(&mut self.index).under(destinations);
        for (&seq, job) in &mut self.jobs {
            let (owed, standing) = (&job.record.owed, &job.record.standing);
            job.queue = self.index.place(&owed.action);
            let queue = &mut self.index.queues[job.queue];
            job.lane = queue.lane_name(&owed.lane);
            if let (State::Held { .. }, Some(_), Some(system_id)) =
                (&standing.state, queue.policy.blast, owed.touches())
            {
                queue.reach.hold(system_id, owed.owed_at);
            }
            if let Some(at) = standing.let_through {
                self.index.touch(job.queue, owed, at);
            }
            if owed.canary && standing.state.kind().is_live() {
                self.canaries.outstanding(&owed.action, seq);
            }
            self.index.enlist(seq, job);
            self.index.add(seq, job);
        }
        for place in 0..self.index.queues.len() {
            self.index.queues[place].line_up_all(|seq| is_due(&self.jobs, seq, self.clock));
            self.index.offer(place);
        }
    }

    /// Owes an action. `fleet_size` is the number of known systems, of which a blast radius allows a share. False: the
    /// key is known already, and nothing has changed. A key is known as long as something is kept of it: what is done,
    /// for [`Limits::kept_done_s`].
    ///
    /// # Errors
    /// The action is not configured, or too much is owed.
    pub fn owe(&mut self, owed: Owed, now: Millis, fleet_size: usize) -> Result<bool, OutboxError> {
        self.clock = now;
        if self.keys.contains_key(&owed.key) {
            return Ok(false);
        }
        let place = self.index.places.get(&owed.action).copied();
        let Some(place) = place.filter(|&place| self.index.queues[place].configured) else {
            return Err(OutboxError::UnknownAction { action: owed.action });
        };
        self.has_room()?;
        let queue = &mut self.index.queues[place];
        let held = match (queue.policy.approval, queue.policy.blast, owed.touches()) {
            (Approval::SecondPerson, ..) => Some("needs the approval of a second person".to_owned()),
            (Approval::None, Some(blast), Some(system_id)) => {
                queue.reach.refusal(&blast, system_id, fleet_size, now)
            }
            (Approval::None, ..) => None,
        };
        let lane = queue.lane_name(&owed.lane);
        if let (Some(_), Some(_), Some(system_id)) = (&held, queue.policy.blast, owed.touches()) {
            queue.reach.hold(system_id, now);
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        if held.is_none() {
            self.index.touch(place, &owed, now);
        }
        if owed.canary {
            self.canaries.sent(&owed.action, seq, now);
        }
        let standing = Standing {
            let_through: held.is_none().then_some(now),
            state: held.map_or(State::Waiting { not_before: None }, |reason| State::Held { reason }),
            attempts: 0,
            forgiven: 0,
            counted_from: owed.owed_at,
            approved_by: None,
            last_failure: None,
            progress: None,
            early: None,
        };
        self.keys.insert(owed.key.clone(), seq);
        let job = Tracked {
            record: Record { owed: Arc::new(owed), standing },
            queue: place,
            lane: Arc::clone(&lane),
            dirty: false,
        };
        self.index.enlist(seq, &job);
        self.index.add(seq, &job);
        self.jobs.insert(seq, job);
        self.note_change(seq);
        self.wake(place, &lane, now);
        Ok(true)
    }

    /// What has changed since the last call, by seq: how it stands now, or nothing if it is to be forgotten. Written
    /// down before the jobs of [`next_jobs`](Self::next_jobs) are run, no try is numbered twice.
    pub fn changed(&mut self) -> Vec<(u64, Option<Record>)> {
        let mut seqs = std::mem::take(&mut self.dirty);
        seqs.sort_unstable();
        seqs.dedup();
        let mut record = |seq| {
            let job = self.jobs.get_mut(&seq)?;
            job.dirty = false;
            Some(job.record.clone())
        };
        seqs.into_iter().map(|seq| (seq, record(seq))).collect()
    }

    /// Whether one more may be owed.
    pub(super) fn has_room(&self) -> Result<(), OutboxError> {
        let limit = self.limits.live_max;
        if self.index.live < limit { Ok(()) } else { Err(OutboxError::Full { limit }) }
    }

    /// The job of a key.
    pub(super) fn find_mut(&mut self, key: &str) -> Result<(u64, &mut Tracked), OutboxError> {
        let unknown = || OutboxError::UnknownKey { key: key.to_owned() };
        let &seq = self.keys.get(key).ok_or_else(unknown)?;
        self.jobs.get_mut(&seq).map(|job| (seq, job)).ok_or_else(unknown)
    }

    /// The seq of a key.
    pub(super) fn seq_of(&self, key: &str) -> Option<u64> {
        self.keys.get(key).copied()
    }

    /// Notes that a job has changed.
    pub(super) fn note_change(&mut self, seq: u64) {
        if let Some(job) = self.jobs.get_mut(&seq)
            && !job.dirty
        {
            job.dirty = true;
            self.dirty.push(seq);
        }
    }

    /// Moves a job on to another state, and everything that is derived from it.
    pub(super) fn shift(&mut self, seq: u64, next: State, now: Millis) {
        let Some(job) = self.jobs.get_mut(&seq) else { return };
        self.index.remove(seq, job);
        let standing = &mut job.record.standing;
        let was_live = standing.state.kind().is_live();
        standing.state = next;
        let is_live = standing.state.kind().is_live();
        match standing.state {
            State::Done { .. } | State::Cancelled { .. } => {
                standing.early = None;
                job.record.owed = Arc::new(job.record.owed.without_occasion());
            }
            _ => {}
        }
        if job.record.owed.canary {
            self.canaries.moved(&job.record.owed, seq, &job.record.standing.state);
        }
        let (queue, lane) = (job.queue, Arc::clone(&job.lane));
        self.index.add(seq, job);
        match (was_live, is_live) {
            (true, false) => self.index.discharge(seq, job),
            (false, true) => self.index.enlist(seq, job),
            _ => {}
        }
        self.note_change(seq);
        self.wake(queue, &lane, now);
        self.trim();
    }

    /// Gives a lane its turn if the job at its head is due.
    pub(super) fn wake(&mut self, place: usize, lane: &Arc<str>, now: Millis) {
        let queue = &mut self.index.queues[place];
        let head = queue.lanes.get(lane).and_then(Lane::head);
        if head.is_some_and(|head| is_due(&self.jobs, head, now)) {
            queue.line_up(lane);
        }
        self.index.offer(place);
    }

    /// Lets go of what is over and one too many.
    pub(super) fn trim(&mut self) {
        while self.index.settled.len() > self.limits.done_max {
            let Some(&(_, seq)) = self.index.settled.first() else { return };
            self.forget(seq);
        }
        while self.index.dead.len() > self.limits.dead_max {
            let Some(&(_, seq)) = self.index.dead.first() else { return };
            if let Some(job) = self.jobs.get(&seq) {
                self.index.queues[job.queue].dead_dropped += 1;
            }
            self.forget(seq);
        }
    }

    /// Lets go of what has been over for long enough.
    pub(super) fn forget_old(&mut self, now: Millis) {
        let before = now.plus_seconds(-self.limits.kept_done_s);
        while let Some(&(_, seq)) = self.index.settled.first().filter(|(at, _)| *at <= before) {
            self.forget(seq);
        }
    }

    fn forget(&mut self, seq: u64) {
        if let Some(job) = self.jobs.remove(&seq) {
            self.index.remove(seq, &job);
            self.keys.remove(&job.record.owed.key);
            self.dirty.push(seq);
        }
    }
}

/// Whether a job waits for nothing but its turn.
pub(super) fn is_due(jobs: &BTreeMap<u64, Tracked>, seq: u64, now: Millis) -> bool {
    jobs.get(&seq).is_some_and(|job| match job.record.standing.state {
        State::Waiting { not_before } => not_before.is_none_or(|due| due <= now),
        _ => false,
    })
}
