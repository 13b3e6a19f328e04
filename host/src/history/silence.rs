//! Which systems are overdue, and when to look at them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::systems::{SystemIndex, Systems};
use crate::time::Millis;

/// A system is looked at once its silence exceeds so many of its usual intervals.
const OVERDUE_INTERVALS: f64 = 2.0;
/// And again after this share of its silence: often enough to be at most a quarter of an interval late at four
/// intervals, rarely enough that a system gone for a day costs next to nothing.
const RECHECK_SHARE: f64 = 1.0 / 16.0;
/// But not more often than this.
const RECHECK_MIN_S: f64 = 0.25;
/// After a day nothing more is to be learned from a silence until it ends.
const WATCHED_S_MAX: f64 = 86_400.0;

/// Wakes for systems that should have reported. One entry a system, looked at again when it comes up.
#[derive(Debug, Default)]
pub struct SilenceClock {
    due: BinaryHeap<Reverse<(Millis, SystemIndex)>>,
}

impl SilenceClock {
    /// Goes on with a system that was written down.
    pub fn resume(&mut self, index: SystemIndex, systems: &Systems) {
        self.due.extend(systems.get(index).silence_check.map(|due| Reverse((due, index))));
    }

    /// A sample of the system has arrived.
    #[inline]
    pub fn heard(&mut self, index: SystemIndex, systems: &mut Systems) {
        let system = systems.get_mut(index);
        if let Some(overdue) = overdue_at(system.last_arrival(), system.expected_interval_s())
            && system.silence_check.is_none_or(|scheduled| overdue < scheduled)
        {
            system.silence_check = Some(overdue);
            self.due.push(Reverse((overdue, index)));
        }
    }

    /// The next system that is silent at some moment up to `until`, and that moment.
    pub fn next_silent(&mut self, until: Millis, systems: &mut Systems) -> Option<(Millis, SystemIndex)> {
        loop {
            let &Reverse((due, index)) = self.due.peek().filter(|Reverse((due, _))| *due <= until)?;
            self.due.pop();
            let system = systems.get_mut(index);
            if system.silence_check != Some(due) {
                continue; // an earlier look was put in its place
            }
            let interval_s = system.expected_interval_s();
            let overdue = overdue_at(system.last_arrival(), interval_s).unwrap_or(due);
            let silent = overdue <= due;
            let silence_s = due.seconds_since(system.last_arrival());
            system.silence_check = match silent {
                true if silence_s > WATCHED_S_MAX => None,
                true => Some(due.plus_seconds((silence_s * RECHECK_SHARE).max(RECHECK_MIN_S))),
                false => Some(overdue),
            };
            self.due.extend(system.silence_check.map(|next| Reverse((next, index))));
            if silent {
                return Some((due, index));
            }
        }
    }
}

fn overdue_at(last_arrival: Millis, interval_s: f64) -> Option<Millis> {
    (interval_s > 0.0).then(|| last_arrival.plus_seconds(OVERDUE_INTERVALS * interval_s))
}
