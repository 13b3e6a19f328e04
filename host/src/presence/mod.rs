//! What state a system is in, since when, and what share of the time it was there.

mod days;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::days::Days;
use crate::time::Millis;

/// Changes that are remembered word for word.
const CHANGES_MAX: usize = 64;
/// A system flaps if it went or came back so many times within so many seconds.
const FLAPS: usize = 5;
const FLAPS_WITHIN_S: f64 = 600.0;

/// What state a system is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is heard, and nothing is wrong.
    Healthy,
    /// It is heard, and something is wrong.
    Degraded,
    /// It is heard, and does not respond as it should.
    Down,
    /// It is not heard, and should be.
    Silent,
    /// The host could not see.
    Unknown,
    /// It said goodbye, or is in a maintenance window.
    Absent,
    /// It goes and comes back, again and again.
    Flapping,
}

impl State {
    /// Whether the system does its work.
    #[must_use]
    pub fn is_up(self) -> bool {
        matches!(self, Self::Healthy | Self::Degraded)
    }

    /// Whether it is seen at all.
    fn is_seen(self) -> bool {
        !matches!(self, Self::Unknown | Self::Absent)
    }
}

/// A system's states over time. Bounded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    /// When it came to be in a state, and in which; the last one lasts.
    changes: VecDeque<(Millis, State)>,
    days: Days,
}

impl Presence {
    /// A system that is first heard of now.
    #[must_use]
    pub fn new(at: Millis) -> Self {
        Self { changes: VecDeque::from([(at, State::Healthy)]), days: Days::default() }
    }

    /// The state that lasts, without regard to flapping.
    #[must_use]
    #[inline]
    pub fn current(&self) -> State {
        self.changes.back().map_or(State::Unknown, |&(_, state)| state)
    }

    /// The state at `now`, and since when.
    #[must_use]
    pub fn at(&self, now: Millis) -> (State, Millis) {
        let (since, state) = self.changes.back().copied().unwrap_or((now, State::Unknown));
        let before = now.plus_seconds(-FLAPS_WITHIN_S);
        let mut flips: Vec<Millis> = Vec::new();
        for (earlier, later) in self.changes.iter().zip(self.changes.iter().skip(1)) {
            if later.0 >= before
                && earlier.1.is_seen()
                && later.1.is_seen()
                && earlier.1.is_up() != later.1.is_up()
            {
                flips.push(later.0);
            }
        }
        match flips.first() {
            Some(&first) if flips.len() >= FLAPS && state.is_seen() => (State::Flapping, first),
            _ => (state, since),
        }
    }

    /// From `at` on it is in this state. Time does not go back: what is told late counts from the last change on.
    pub fn become_state(&mut self, at: Millis, state: State) {
        let (since, before) = self.changes.back().copied().unwrap_or((at, State::Unknown));
        if state == before {
            return;
        }
        let at = at.max(since);
        self.days.add(before, since, at);
        if at == since {
            self.changes.pop_back();
            if self.changes.back().is_some_and(|&(_, earlier)| earlier == state) {
                return;
            }
        }
        if self.changes.len() == CHANGES_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back((at, state));
    }

    /// The host could not see from `since` to `until`: what it was before, it is again.
    pub fn blind(&mut self, since: Millis, until: Millis) {
        let before = self.current();
        if before.is_seen() {
            self.become_state(since, State::Unknown);
            self.become_state(until, before);
        }
    }

    /// When it came to be in which state, oldest first, as far as that is remembered.
    pub fn changes(&self) -> impl Iterator<Item = (Millis, State)> {
        self.changes.iter().copied()
    }

    /// The share of the days before `now`, up to `days` of them and today, in which it was up, 0..=1; times in which it was
    /// absent or could not be seen are left out. `None`: there is no other time.
    #[must_use]
    pub fn availability(&self, now: Millis, days: u32) -> Option<f64> {
        let mut known = self.days.clone();
        if let Some(&(since, state)) = self.changes.back() {
            known.add(state, since, now.max(since));
        }
        known.availability(now, days)
    }
}
