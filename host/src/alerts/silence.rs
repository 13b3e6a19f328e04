//! Silences: what somebody does not want to hear of for a while.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::index::{Index, Remembered};
use super::labels::Labels;
use super::matcher::Matchers;
use crate::limits::{SILENCE_DAYS_MAX, SILENCE_KEPT_S, SILENCE_TEXT_BYTES_MAX, SILENCES_MAX};
use crate::time::Millis;

const DAY_MS: i64 = 86_400_000;

/// What somebody does not want to hear of for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Its own.
    pub id: Uuid,
    /// What it hides.
    pub matchers: Matchers,
    /// Who answers for it.
    pub owner: String,
    /// Why it is.
    pub comment: String,
    /// From then on it hides.
    pub starts: Millis,
    /// From then on it does not.
    pub ends: Millis,
    /// When it was made.
    pub created: Millis,
}

/// A silence that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewSilence {
    /// What it is to hide.
    pub matchers: Matchers,
    /// Who answers for it.
    pub owner: String,
    /// Why it is.
    pub comment: String,
    /// From when on; at once if it is not given.
    pub starts: Option<Millis>,
    /// Until when: at most 365 days after its start.
    pub ends: Option<Millis>,
    /// Says that a silence without matchers is meant.
    pub everything: bool,
}

/// Why there is no such silence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SilenceError {
    /// `ends` is missing.
    #[error("ends: a silence needs an end")]
    NoEnd,
    /// `ends` comes too early.
    #[error("ends: found {ends}, expected a time after {after}")]
    EndsTooEarly {
        /// What was found.
        ends: Millis,
        /// Its start, or now.
        after: Millis,
    },
    /// `ends` comes too late.
    #[error("ends: found {ends}, expected at most {SILENCE_DAYS_MAX} days after the start")]
    EndsTooLate {
        /// What was found.
        ends: Millis,
    },
    /// `owner` is missing.
    #[error("owner: a silence needs somebody who answers for it")]
    NoOwner,
    /// A text is too long.
    #[error("{field}: {bytes} bytes, at most {SILENCE_TEXT_BYTES_MAX} are allowed")]
    TooLong {
        /// Which.
        field: &'static str,
        /// How long.
        bytes: usize,
    },
    /// No matchers, and nobody said that this is meant.
    #[error("matchers: there is none; everything = true says that all alerts are meant")]
    NoMatchers,
    /// The id is taken.
    #[error("id: there is a silence {id} already")]
    Taken {
        /// Which.
        id: Uuid,
    },
    /// There is no more room.
    #[error("there are {SILENCES_MAX} silences that have not ended, which is the most that are kept")]
    Full,
    /// There is none to be ended.
    #[error("there is no silence {id}")]
    Unknown {
        /// Which.
        id: Uuid,
    },
    /// It is over already.
    #[error("silence {id} ended at {ends}")]
    Ended {
        /// Which.
        id: Uuid,
        /// When.
        ends: Millis,
    },
}

impl NewSilence {
    /// Checks it.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(self, id: Uuid, now: Millis) -> Result<Silence, SilenceError> {
        let ends = self.ends.ok_or(SilenceError::NoEnd)?;
        let starts = self.starts.unwrap_or(now);
        let after = starts.max(now);
        if ends <= after {
            return Err(SilenceError::EndsTooEarly { ends, after });
        }
        if ends.0.saturating_sub(starts.0) > SILENCE_DAYS_MAX * DAY_MS {
            return Err(SilenceError::EndsTooLate { ends });
        }
        if self.owner.trim().is_empty() {
            return Err(SilenceError::NoOwner);
        }
        for (field, text) in [("owner", &self.owner), ("comment", &self.comment)] {
            if text.len() > SILENCE_TEXT_BYTES_MAX {
                return Err(SilenceError::TooLong { field, bytes: text.len() });
            }
        }
        if self.matchers.is_empty() && !self.everything {
            return Err(SilenceError::NoMatchers);
        }
        let Self { matchers, owner, comment, .. } = self;
        Ok(Silence { id, matchers, owner, comment, starts, ends, created: now })
    }
}

/// How far a silence has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Pending,
    Active,
    Ended,
}

/// All silences, and those that hide something now where they are found quickly.
#[derive(Clone, Debug, Default)]
pub(super) struct Silences {
    all: BTreeMap<Uuid, (Silence, Phase)>,
    active: Index<Uuid>,
    remembered: Remembered<Uuid>,
    found: Vec<Uuid>,
    /// Another number whenever other silences are in force.
    changes: u64,
}

/// Which silence hides an alert, as of which silences were in force.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hidden {
    as_of: Option<u64>,
    by: Option<Uuid>,
}

impl Silences {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.all.values().map(|(silence, _)| silence)
    }

    pub(super) fn get(&self, id: Uuid) -> Option<&(Silence, Phase)> {
        self.all.get(&id)
    }

    /// The ended one that may be forgotten to make room.
    pub(super) fn oldest_ended(&self) -> Option<Uuid> {
        let ended = self.all.values().filter(|(_, phase)| *phase == Phase::Ended);
        ended.min_by_key(|(silence, _)| (silence.ends, silence.id)).map(|(silence, _)| silence.id)
    }

    pub(super) fn is_full(&self) -> bool {
        self.all.len() >= SILENCES_MAX
    }

    pub(super) fn insert(&mut self, silence: Silence, phase: Phase) {
        let id = silence.id;
        self.all.insert(id, (silence, Phase::Pending));
        self.set(id, phase);
    }

    /// Moves one to another phase.
    pub(super) fn set(&mut self, id: Uuid, phase: Phase) {
        let Some((silence, standing)) = self.all.get_mut(&id) else { return };
        if phase == Phase::Active {
            self.active.insert(id, &silence.matchers);
            self.remembered.clear();
            self.changes += 1;
        } else if *standing == Phase::Active {
            self.active.remove(id, &silence.matchers);
            self.remembered.clear();
            self.changes += 1;
        }
        *standing = phase;
    }

    /// Ends one at this time.
    pub(super) fn end(&mut self, id: Uuid, now: Millis) {
        if let Some((silence, _)) = self.all.get_mut(&id) {
            silence.ends = now;
        }
        self.set(id, Phase::Ended);
    }

    pub(super) fn remove(&mut self, id: Uuid) {
        self.set(id, Phase::Ended);
        self.all.remove(&id);
    }

    /// The one that hides these labels for the longest.
    pub(super) fn hiding(&mut self, labels: &Labels, hidden: &mut Hidden) -> Option<Uuid> {
        if hidden.as_of != Some(self.changes) {
            *hidden = Hidden { as_of: Some(self.changes), by: self.find(labels) };
        }
        hidden.by
    }

    fn find(&mut self, labels: &Labels) -> Option<Uuid> {
        self.found.clear();
        self.active.candidates_again(labels, &mut self.remembered, &mut self.found);
        let found = self.found.iter().filter_map(|id| self.all.get(id)).map(|(silence, _)| silence);
        let hiding = found.filter(|silence| silence.matchers.matches(labels));
        hiding.max_by_key(|silence| (silence.ends, silence.id)).map(|silence| silence.id)
    }

    /// All that hide these labels.
    pub(super) fn all_hiding(&self, labels: &Labels) -> Vec<Uuid> {
        let mut found = Vec::new();
        self.active.candidates(labels, &mut found);
        found.retain(|id| self.all.get(id).is_some_and(|(silence, _)| silence.matchers.matches(labels)));
        found
    }
}

/// When an ended silence is forgotten.
pub(super) fn forgotten(silence: &Silence) -> Millis {
    silence.ends.plus_seconds(SILENCE_KEPT_S)
}
