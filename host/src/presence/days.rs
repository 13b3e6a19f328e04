//! How long a system was in each state, by day.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::State;
use crate::time::Millis;

const DAY_MS: i64 = 86_400_000;
/// Days that are remembered.
const DAYS_MAX: usize = 35;

/// Milliseconds in which a system was up, and in which it was not, by UTC day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Days(VecDeque<Day>);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Day {
    /// Days since the Unix epoch.
    day: i64,
    up_ms: u32,
    down_ms: u32,
}

impl Days {
    /// The system was in a state from `since` to `until`.
    pub(super) fn add(&mut self, state: State, since: Millis, until: Millis) {
        if !state.is_seen() {
            return;
        }
        let oldest = until.0.div_euclid(DAY_MS) - DAYS_MAX as i64 + 1;
        let mut from = since.0.max(oldest * DAY_MS);
        while from < until.0 {
            let day = from.div_euclid(DAY_MS);
            let to = until.0.min((day + 1) * DAY_MS);
            let entry = self.day(day);
            let total = if state.is_up() { &mut entry.up_ms } else { &mut entry.down_ms };
            *total += (to - from) as u32;
            from = to;
        }
    }

    fn day(&mut self, day: i64) -> &mut Day {
        let place = self.0.partition_point(|known| known.day < day);
        if self.0.get(place).is_none_or(|known| known.day != day) {
            self.0.insert(place, Day { day, up_ms: 0, down_ms: 0 });
        }
        let surplus = self.0.len().saturating_sub(DAYS_MAX);
        self.0.drain(..surplus);
        let last = self.0.len() - 1;
        &mut self.0[place.saturating_sub(surplus).min(last)]
    }

    pub(super) fn availability(&self, now: Millis, days: u32) -> Option<f64> {
        let first = now.0.div_euclid(DAY_MS) - i64::from(days);
        let wanted = self.0.iter().filter(|day| day.day >= first);
        let (up, down) = wanted
            .fold((0.0, 0.0), |(up, down), day| (up + f64::from(day.up_ms), down + f64::from(day.down_ms)));
        (up + down > 0.0).then(|| up / (up + down))
    }
}
