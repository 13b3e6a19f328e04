//! How an owed action stands, as it is written down.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::owed::Owed;
use super::report::Report;
use crate::time::Millis;

/// The longest reason, summary or note that is kept, in bytes; the rest is cut.
pub const REASON_BYTES_MAX: usize = 1024;

/// An owed action and how it stands. The host writes it down whenever it [changes](super::Outbox::changed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What is owed.
    #[serde(with = "shared")]
    pub owed: Arc<Owed>,
    /// How it stands.
    pub standing: Standing,
}

/// How an owed action stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// Tries begun so far, those included that a crash cut short.
    pub attempts: u32,
    /// Tries begun before the last replay; they do not count against `attempts_max`.
    pub forgiven: u32,
    /// When it was owed, approved or replayed, whichever was last: from here on `give_up_after_s` is counted.
    pub counted_from: Millis,
    /// When it was let through, by its policy or by a person; none while it never was. Counts as the time at which its
    /// system is touched.
    pub let_through: Option<Millis>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// Why the last try that failed did.
    pub last_failure: Option<String>,
    /// What the other side last said about its progress.
    pub progress: Option<String>,
    /// How it ended, as the other side said before the action's own answer was there.
    pub early: Option<Report>,
}

/// The states of an owed action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum State {
    /// For its turn in the lane, for a place, for the breaker.
    Waiting {
        /// And for this time, after a failure.
        not_before: Option<Millis>,
    },
    /// The host runs it.
    UnderWay {
        /// Since when.
        since: Millis,
    },
    /// The action has run, and the other side is to report how it ended.
    Awaiting {
        /// Since when.
        since: Millis,
        /// It counts as failed then.
        until: Millis,
    },
    /// Somebody has to approve it.
    Held {
        /// Why.
        reason: String,
    },
    /// Done.
    Done {
        /// When.
        at: Millis,
        /// What was done.
        summary: String,
    },
    /// Given up. It can be replayed.
    Dead {
        /// When.
        at: Millis,
        /// Why.
        reason: String,
    },
    /// A person did not want it any more.
    Cancelled {
        /// When.
        at: Millis,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

/// The names of the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "those of `State`")]
pub enum StateKind {
    Waiting,
    UnderWay,
    Awaiting,
    Held,
    Done,
    Dead,
    Cancelled,
}

impl State {
    /// Its name.
    #[must_use]
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Waiting { .. } => StateKind::Waiting,
            Self::UnderWay { .. } => StateKind::UnderWay,
            Self::Awaiting { .. } => StateKind::Awaiting,
            Self::Held { .. } => StateKind::Held,
            Self::Done { .. } => StateKind::Done,
            Self::Dead { .. } => StateKind::Dead,
            Self::Cancelled { .. } => StateKind::Cancelled,
        }
    }
}

impl StateKind {
    /// Whether it is still owed, and has a place in its lane.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Waiting | Self::UnderWay | Self::Awaiting | Self::Held)
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::UnderWay => "under way",
            Self::Awaiting => "awaiting a report",
            Self::Held => "held",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        })
    }
}

/// A text, cut to what is kept of it.
pub(super) fn clip(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(REASON_BYTES_MAX));
    text
}

/// What is owed is shared with the job that runs, and written as if it were not.
mod shared {
    use super::{Arc, Deserialize, Owed, Serialize};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(owed: &Arc<Owed>, serializer: S) -> Result<S::Ok, S::Error> {
        owed.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Owed>, D::Error> {
        Owed::deserialize(deserializer).map(Arc::new)
    }
}
