//! Jobs for the host: which come next, and how they went.

use std::sync::Arc;

use super::backoff::wait_s;
use super::error::OutboxError;
use super::index::Timer;
use super::owed::Owed;
use super::owing::{Outbox, is_due};
use super::record::{State, StateKind, clip};
use crate::time::Millis;

/// A try that the host is to make. It ends with [`Outbox::finish`], in any case: a try that takes longer than `timeout_s`
/// is ended by the host, and has failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Names the job until the outbox forgets it.
    pub seq: u64,
    /// Which try it is, from 1.
    pub attempt: u32,
    /// What is owed.
    pub owed: Arc<Owed>,
    /// Nothing may leave.
    pub dry_run: bool,
    /// How long it may take, in seconds.
    pub timeout_s: f64,
}

/// How a try went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It is done.
    Done {
        /// What was done, in a sentence.
        summary: String,
    },
    /// It was handed over, and the other side is to report how it ended.
    AwaitReport {
        /// It is a dead letter if no report has come by then.
        until: Millis,
    },
    /// It failed.
    Failed {
        /// Why.
        reason: String,
        /// Whether trying again may help. If not, it is a dead letter, and the breaker does not count it.
        retry: bool,
        /// Not before this time, where the other side said so.
        after: Option<Millis>,
    },
}

impl Outbox {
    /// Adds every job that may be taken now to `jobs`: of each destination as many as there are places, destinations and
    /// lanes in turn. To be called after everything that may let a job go on, and at [`next_due`](Self::next_due).
    pub fn next_jobs(&mut self, now: Millis, jobs: &mut Vec<Job>) {
        self.clock = now;
        self.run_timers(now);
        self.forget_old(now);
        while let Some(place) = self.index.ring.pop_front() {
            let queue = &mut self.index.queues[place];
            queue.in_ring = false;
            if !queue.can_take() {
                continue;
            }
            // A lane may have been lined up for a job that has been overtaken since by one that is not due.
            if let Some(seq) = queue.next_head()
                && is_due(&self.jobs, seq, now)
            {
                jobs.extend(self.start(seq, now));
            }
            self.index.offer(place);
        }
    }

    fn start(&mut self, seq: u64, now: Millis) -> Option<Job> {
        let standing = &mut self.jobs.get_mut(&seq)?.record.standing;
        standing.attempts = standing.attempts.saturating_add(1);
        let attempt = standing.attempts;
        self.shift(seq, State::UnderWay { since: now }, now);
        let job = self.jobs.get(&seq)?;
        let owed = Arc::clone(&job.record.owed);
        let queue = &mut self.index.queues[job.queue];
        queue.breaker.took(seq);
        let (dry_run, timeout_s) = (queue.policy.dry_run, queue.policy.timeout_s);
        Some(Job { seq, attempt, owed, dry_run, timeout_s })
    }

    /// The next time at which there is something to do without anything happening: a job may be taken, is given up, or
    /// a canary is due. None: not before something is owed.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        let at_once = (!self.index.ring.is_empty()).then_some(self.clock);
        let timer = self.index.timers.first().map(|(due, _)| *due);
        [at_once, timer, self.canaries.next_due()].into_iter().flatten().min()
    }

    fn run_timers(&mut self, now: Millis) {
        while self.index.timers.first().is_some_and(|(due, _)| *due <= now) {
            match self.index.timers.pop_first() {
                Some((_, Timer::Retry(seq))) => {
                    if let Some(job) = self.jobs.get(&seq) {
                        let (queue, lane) = (job.queue, Arc::clone(&job.lane));
                        self.wake(queue, &lane, now);
                    }
                }
                Some((_, Timer::GiveUp(seq))) => self.give_up(seq, now),
                Some((_, Timer::Report(seq))) => {
                    let reason = "no report came within the time given".to_owned();
                    self.shift(seq, State::Dead { at: now, reason }, now);
                }
                Some((_, Timer::Probe(place))) => {
                    self.index.with_breaker(place, |queue| queue.breaker.half_open());
                }
                None => return,
            }
        }
    }

    /// A job has waited for too long.
    fn give_up(&mut self, seq: u64, now: Millis) {
        let Some(job) = self.jobs.get(&seq) else { return };
        let queue = &self.index.queues[job.queue];
        let why = match &job.record.standing.last_failure {
            _ if !queue.configured => "its action is not set up any more".to_owned(),
            Some(failure) => failure.clone(),
            None => "its turn did not come".to_owned(),
        };
        let reason = clip(format!("given up after {} s: {why}", queue.policy.give_up_after_s));
        self.shift(seq, State::Dead { at: now, reason }, now);
    }

    /// A job has ended.
    ///
    /// # Errors
    /// It is not under way.
    pub fn finish(&mut self, seq: u64, finish: Finish, now: Millis) -> Result<(), OutboxError> {
        self.clock = now;
        let under_way = self.jobs.get_mut(&seq);
        let Some(job) = under_way.filter(|job| job.record.standing.state.kind() == StateKind::UnderWay)
        else {
            return Err(OutboxError::NotUnderWay { seq });
        };
        let (owed, queue) = (Arc::clone(&job.record.owed), job.queue);
        match finish {
            Finish::Done { summary } => {
                self.index.with_breaker(queue, |queue| queue.breaker.succeeded());
                self.shift(seq, State::Done { at: now, summary: clip(summary) }, now);
            }
            Finish::AwaitReport { until } => {
                let early = job.record.standing.early.take();
                self.index.with_breaker(queue, |queue| queue.breaker.succeeded());
                match early {
                    Some(report) => self.conclude(seq, report, now),
                    None => self.shift(seq, State::Awaiting { since: now, until }, now),
                }
            }
            Finish::Failed { reason, retry, after } => {
                let reason = clip(reason);
                job.record.standing.last_failure = Some(reason.clone());
                self.index.with_breaker(queue, |queue| match retry {
                    true => queue.breaker.failed(seq, &queue.policy, now),
                    false => queue.breaker.undecided(seq),
                });
                if owed.canary {
                    self.canaries.failed(&owed.action, now);
                }
                let next = self.after_failure(seq, reason, retry, after, now);
                self.shift(seq, next, now);
            }
        }
        Ok(())
    }

    /// Where a job goes that failed.
    fn after_failure(
        &self,
        seq: u64,
        reason: String,
        retry: bool,
        after: Option<Millis>,
        now: Millis,
    ) -> State {
        let dead = |reason: String| State::Dead { at: now, reason: clip(reason) };
        if !retry {
            return dead(reason);
        }
        let Some(job) = self.jobs.get(&seq) else { return dead(reason) };
        let tries = job.record.standing.attempts.saturating_sub(job.record.standing.forgiven);
        let policy = &self.index.queues[job.queue].policy;
        if tries >= policy.attempts_max {
            return dead(format!("given up after {tries} attempts: {reason}"));
        }
        let not_before =
            now.plus_seconds(wait_s(policy, &job.record.owed.key, tries)).max(after.unwrap_or(now));
        if not_before >= self.index.gives_up_at(job) {
            let give_up_after_s = policy.give_up_after_s;
            return dead(format!(
                "given up, since the next attempt would come more than {give_up_after_s} s after it was owed: {reason}"
            ));
        }
        State::Waiting { not_before: Some(not_before) }
    }
}
