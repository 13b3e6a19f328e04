//! When a plugin that fails is left alone, and when it is tried again.

use crate::limits::{QUARANTINE_FIRST_S, QUARANTINE_MAX_S, STRIKES_MAX};
use crate::sandbox::CallError;
use crate::time::Millis;

/// Out of the run for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// Since when, by the host's clock.
    pub since: Millis,
    /// When it is tried again.
    pub until: Millis,
    /// The last failure.
    pub reason: String,
    /// How often in a row it has been put here.
    pub times: u32,
}

/// Counts failures of one plugin in one rule.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    strikes: u32,
    quarantine: Option<Quarantine>,
    /// Tried again after a quarantine: the next failure sends it back at once.
    on_trial: bool,
    /// Quarantines in a row.
    times: u32,
}

impl Breaker {
    /// Why the plugin is left alone, if it is. `now` is the host's clock; once the time is over, it is tried again.
    pub(super) fn quarantine(&mut self, now: Millis) -> Option<&Quarantine> {
        if self.quarantine.as_ref().is_some_and(|quarantine| quarantine.until <= now) {
            self.quarantine = None;
            self.on_trial = true;
            self.strikes = 0;
        }
        self.quarantine.as_ref()
    }

    /// Why the plugin is left alone, as of the last look.
    pub(super) fn current(&self) -> Option<&Quarantine> {
        self.quarantine.as_ref()
    }

    /// A call failed. Says whether that was one too many.
    pub(super) fn strike(&mut self, error: &CallError, now: Millis) -> bool {
        self.strikes += 1;
        // A call that never ends, or an answer without end, costs every system of the shard its time: no second one.
        let enough = self.on_trial
            || self.strikes >= STRIKES_MAX
            || matches!(error, CallError::Deadline { .. } | CallError::TooLarge { .. });
        if enough && self.quarantine.is_none() {
            let wait_s = QUARANTINE_MAX_S.min(QUARANTINE_FIRST_S * 2_f64.powi(self.times.min(30) as i32));
            self.times += 1;
            self.on_trial = false;
            let (until, reason) = (now.plus_seconds(wait_s), error.to_string());
            self.quarantine = Some(Quarantine { since: now, until, reason, times: self.times });
        }
        enough
    }

    /// A batch went without a failure. Says whether that ends a trial.
    pub(super) fn clean(&mut self) -> bool {
        self.strikes = self.strikes.saturating_sub(1);
        std::mem::take(&mut self.on_trial)
    }

    /// Lifts the quarantine by hand.
    pub(super) fn release(&mut self) {
        *self = Self { on_trial: self.quarantine.is_some(), ..Self::default() };
    }
}
