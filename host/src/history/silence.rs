//! Which systems are overdue, and when to look at them.

use super::systems::{SystemIndex, Systems};
use crate::heartbeat::Wheel;
use crate::time::Millis;

/// A silence is looked at once it exceeds so many usual intervals of the system, or what is agreed for it.
const OVERDUE_INTERVALS: f64 = 2.0;
/// And again after this share of it: rarely enough that a system gone for a day costs next to nothing.
const RECHECK_SHARE: f64 = 1.0 / 16.0;
/// But not more often than this.
const RECHECK_MIN_S: f64 = 0.25;
/// After a day nothing more is to be learned from a silence until it ends.
const WATCHED_S_MAX: f64 = 86_400.0;

/// Wakes for systems that should have reported. One a system, looked at again when it comes up.
#[derive(Debug, Default)]
pub struct SilenceClock {
    wheel: Option<Wheel>,
}

impl SilenceClock {
    /// The host listens from `now` on: whatever silence there was before was not the systems'.
    pub fn listen_from(&mut self, now: Millis, systems: &mut Systems) {
        let overdue_s = systems.agreements().overdue_s;
        for (place, system) in systems.all_mut().iter_mut().enumerate() {
            system.listen_from(now);
            system.silence_check = system.overdue_at(overdue_s);
            if let Some(due) = system.silence_check {
                self.wake(SystemIndex(place as u32), due);
            }
        }
    }

    /// A sign of life of the system has arrived.
    #[inline]
    pub fn heard(&mut self, index: SystemIndex, systems: &mut Systems) {
        let overdue_s = systems.agreements().overdue_s;
        let system = systems.get_mut(index);
        if let Some(overdue) = system.overdue_at(overdue_s)
            && system.silence_check.is_none_or(|scheduled| overdue < scheduled)
        {
            system.silence_check = Some(overdue);
            self.wake(index, overdue);
        }
    }

    /// Adds the moments up to `until` at which systems are silent to `found`, in order.
    pub fn silent(&mut self, until: Millis, systems: &mut Systems, found: &mut Vec<(Millis, SystemIndex)>) {
        if let Some(wheel) = &mut self.wheel {
            let (overdue_s, turned) = (systems.agreements().overdue_s, Wheel::turned(until));
            wheel.turn(until, |place| {
                let index = SystemIndex(place);
                let system = systems.get_mut(index);
                let mut due = system.silence_check?;
                // All moments are found, however rarely somebody looks: the same samples give the same.
                while due <= turned {
                    let Some(overdue) = system.overdue_at(overdue_s) else {
                        system.silence_check = None;
                        return None;
                    };
                    if overdue > due {
                        due = overdue;
                        continue;
                    }
                    found.push((due, index));
                    let silence_s = due.seconds_since(system.last_arrival());
                    if silence_s > WATCHED_S_MAX {
                        system.silence_check = None;
                        return None;
                    }
                    let again = due.plus_seconds((silence_s * RECHECK_SHARE).max(RECHECK_MIN_S));
                    let limit = system.gone_at().filter(|&gone| gone > due && gone < again);
                    due = limit.unwrap_or(again);
                }
                system.silence_check = Some(due);
                system.silence_check
            });
        }
        found.sort_unstable();
    }

    fn wake(&mut self, index: SystemIndex, due: Millis) {
        self.wheel.get_or_insert_with(|| Wheel::new(due)).wake(index.0, due);
    }
}

impl super::System {
    /// When its silence is first looked at; `None` until its interval is known. One that is away is missed `overdue_s`
    /// after its announced return.
    #[inline]
    fn overdue_at(&self, overdue_s: f64) -> Option<Millis> {
        if let Some(missed_at) = self.missed_at(overdue_s) {
            return Some(Millis(missed_at.0 + 1));
        }
        let limit_s = self.silence_limit_s();
        let silence_s = (OVERDUE_INTERVALS * self.expected_interval_s()).min(limit_s);
        (silence_s > 0.0).then(|| self.last_arrival().plus_seconds(silence_s).max(self.starts_until()))
    }

    /// Whether it has been silent for longer than is allowed.
    #[must_use]
    pub fn is_gone(&self, now: Millis) -> bool {
        self.gone_at().is_some_and(|gone| gone <= now)
    }

    /// The first moment at which it counts as gone.
    fn gone_at(&self) -> Option<Millis> {
        let limit_s = self.silence_limit_s();
        // A millisecond later, silence exceeds what is allowed.
        limit_s.is_finite().then(|| {
            let gone = Millis(self.last_arrival().plus_seconds(limit_s).0 + 1);
            gone.max(self.starts_until())
        })
    }
}
