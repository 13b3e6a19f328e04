//! Making and ending silences, and what one would hide.

use uuid::Uuid;

use super::decision::Decision;
use super::due::Due;
use super::matcher::Matchers;
use super::record::RecordKey;
use super::room::Alerts;
use super::silence::{NewSilence, Phase, Silence, SilenceError, forgotten};
use crate::time::Millis;

impl Alerts {
    /// Makes a silence. Alerts that it hides are noted; what was told stays told, and so will be its end.
    ///
    /// # Errors
    /// What is wrong with it; then there is none.
    pub fn add_silence(
        &mut self,
        silence: NewSilence,
        id: Uuid,
        now: Millis,
        out: &mut Vec<Decision>,
    ) -> Result<Silence, SilenceError> {
        self.tick(now, out);
        let silence = silence.check(id, now)?;
        if self.silences.get(id).is_some() {
            return Err(SilenceError::Taken { id });
        }
        if self.silences.is_full() {
            let oldest = self.silences.oldest_ended().ok_or(SilenceError::Full)?;
            self.forget_silence(oldest);
        }
        self.due.insert(silence.starts.max(now), Due::SilenceStarts(id));
        self.due.insert(silence.ends, Due::SilenceEnds(id));
        self.silences.insert(silence.clone(), Phase::Pending);
        self.dirty.insert(RecordKey::Silence(id));
        self.tick(now, out);
        Ok(silence)
    }

    /// Ends a silence before its time. What it hid and still fires is told.
    ///
    /// # Errors
    /// There is no such silence, or it is over already.
    pub fn end_silence(
        &mut self,
        id: Uuid,
        now: Millis,
        out: &mut Vec<Decision>,
    ) -> Result<Silence, SilenceError> {
        self.tick(now, out);
        let (silence, phase) = self.silences.get(id).ok_or(SilenceError::Unknown { id })?;
        if *phase == Phase::Ended {
            return Err(SilenceError::Ended { id, ends: silence.ends });
        }
        self.due.shift(Some(silence.ends), None, Due::SilenceEnds(id));
        if *phase == Phase::Pending {
            self.due.shift(Some(silence.starts), None, Due::SilenceStarts(id));
        }
        self.silences.end(id, now);
        self.silence_ends(id, now, out);
        self.tick(now, out);
        self.silences.get(id).map(|(silence, _)| silence.clone()).ok_or(SilenceError::Unknown { id })
    }

    /// All silences by id: those to come, those in force, and those that ended within a day.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.iter()
    }

    /// Alerts that fire and that a silence of these matchers would hide, in no order.
    pub fn preview(&self, matchers: &Matchers) -> impl Iterator<Item = Uuid> {
        let firing = self.standing.values().filter(|standing| standing.firing);
        firing.filter(|standing| matchers.matches(&standing.alert.labels)).map(|standing| standing.alert.id)
    }

    fn forget_silence(&mut self, id: Uuid) {
        let Some((silence, _)) = self.silences.get(id) else { return };
        self.due.shift(Some(forgotten(silence)), None, Due::Forget(id));
        self.silences.remove(id);
        self.dirty.insert(RecordKey::Silence(id));
    }
}
