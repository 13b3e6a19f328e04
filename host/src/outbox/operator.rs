//! What people decide: approve, cancel, replay.

use super::error::OutboxError;
use super::owing::Outbox;
use super::record::{State, StateKind, clip};
use crate::time::Millis;

impl Outbox {
    /// Lets through what is held.
    ///
    /// # Errors
    /// The key is unknown or not held, or `by` is who asked for it.
    pub fn approve(&mut self, key: &str, by: &str, now: Millis) -> Result<(), OutboxError> {
        self.clock = now;
        let seq = self.expect(key, &[StateKind::Held], "held")?;
        let (_, job) = self.find_mut(key)?;
        if job.record.owed.asked_by.as_deref() == Some(by) {
            return Err(OutboxError::SamePerson { key: key.to_owned(), by: by.to_owned() });
        }
        job.record.standing.approved_by = Some(by.to_owned());
        self.let_through(seq, now);
        Ok(())
    }

    /// Takes back what is owed. Of a dead letter, that is how it is put away.
    ///
    /// # Errors
    /// The key is unknown, or it is under way just now, or it is over.
    pub fn cancel(&mut self, key: &str, by: &str, reason: &str, now: Millis) -> Result<(), OutboxError> {
        self.clock = now;
        let allowed = [StateKind::Waiting, StateKind::Held, StateKind::Awaiting, StateKind::Dead];
        let seq = self.expect(key, &allowed, "waiting, held, awaiting a report or dead")?;
        let (by, reason) = (by.to_owned(), clip(reason.to_owned()));
        self.shift(seq, State::Cancelled { at: now, by, reason }, now);
        Ok(())
    }

    /// Owes a dead letter again, with the same key, in its old place before those that still wait. Attempts are numbered
    /// on, and counted anew.
    ///
    /// # Errors
    /// The key is unknown or not dead, or too much is owed.
    pub fn replay(&mut self, key: &str, now: Millis) -> Result<(), OutboxError> {
        self.clock = now;
        let seq = self.expect(key, &[StateKind::Dead], "dead")?;
        self.has_room()?;
        let (_, job) = self.find_mut(key)?;
        let standing = &mut job.record.standing;
        standing.forgiven = standing.attempts;
        standing.early = None;
        self.let_through(seq, now);
        Ok(())
    }

    /// A person lets a job go on from now, as if it were owed now. Its system counts as touched.
    fn let_through(&mut self, seq: u64, now: Millis) {
        let Some(job) = self.jobs.get_mut(&seq) else { return };
        let standing = &mut job.record.standing;
        (standing.counted_from, standing.let_through) = (now, Some(now));
        self.index.touch(job.queue, &job.record.owed, now);
        self.shift(seq, State::Waiting { not_before: None }, now);
    }

    /// The seq of a key that has to be in one of some states.
    fn expect(
        &mut self,
        key: &str,
        allowed: &[StateKind],
        expected: &'static str,
    ) -> Result<u64, OutboxError> {
        let (seq, job) = self.find_mut(key)?;
        let found = job.record.standing.state.kind();
        if allowed.contains(&found) {
            return Ok(seq);
        }
        Err(OutboxError::WrongState { key: key.to_owned(), found, expected })
    }
}
