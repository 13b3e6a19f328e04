//! When and why the host could not see.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Millis;

/// Why the host could not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It did not run.
    Restart,
    /// It was stopped, or got no time to run.
    Pause,
    /// Its clock was set ahead.
    ClockStep,
    /// Nobody was heard.
    NothingHeard,
    /// Much less was heard than usual.
    LittleHeard,
    /// Its queue was full: samples were refused.
    QueueFull,
}

/// A time in which the host cannot see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blindness {
    /// Why; the first reason if there are several.
    pub cause: Cause,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Millis,
}

/// Sight was lost, or came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It was lost.
    Began(Blindness),
    /// It came back.
    Ended {
        /// What it had been.
        blindness: Blindness,
        /// From here on silences count again.
        until: Millis,
    },
}

/// A time in which the host could not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlindInterval {
    /// Why.
    pub cause: Cause,
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Millis,
    /// To when; null while it lasts.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Millis>,
}

/// The blind times that are remembered, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlindIntervals(Vec<BlindInterval>);

/// How many blind times are remembered.
const INTERVALS_MAX: usize = 256;

impl BlindIntervals {
    /// Notes a change. Returns whether it is news: after a crash the same is found once more.
    pub fn note(&mut self, change: Change) -> bool {
        let (blindness, until) = match change {
            Change::Began(blindness) => (blindness, None),
            Change::Ended { blindness, until } => (blindness, Some(until)),
        };
        let Blindness { cause, since } = blindness;
        let news = BlindInterval { cause, since, until };
        match self.0.iter_mut().rev().find(|known| known.since == since && known.cause == cause) {
            Some(known) if known.until == until || until.is_none() => return false,
            Some(known) => known.until = until,
            None => {
                // One that was running when the host ended is over by now.
                if let Some(before) = self.0.last_mut().filter(|before| before.until.is_none()) {
                    before.until = Some(since.max(before.since));
                }
                if self.0.len() == INTERVALS_MAX {
                    self.0.remove(0);
                }
                self.0.push(news);
            }
        }
        true
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn all(&self) -> &[BlindInterval] {
        &self.0
    }

    /// What lasts now.
    #[must_use]
    pub fn now(&self) -> Option<Blindness> {
        let last = self.0.last().filter(|last| last.until.is_none())?;
        Some(Blindness { cause: last.cause, since: last.since })
    }
}
