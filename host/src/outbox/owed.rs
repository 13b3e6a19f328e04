//! An action that the host owes.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::time::Millis;

/// What an undo's key has after the key of the run that it takes back.
const UNDO: &str = "/undo";

/// An action that the host owes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owed {
    /// Names it for good, the same on every try. A key that is known is not owed again.
    pub key: String,
    /// The action's id, which is its destination.
    pub action: String,
    /// Of one lane and action, one happens after another, in the order owed: a system's id, or a group's key.
    pub lane: String,
    /// The system that it touches, if it is one.
    #[serde(default)]
    pub system_id: Option<String>,
    /// The detection that it is about, if it is one.
    #[serde(default)]
    pub detection_id: Option<Uuid>,
    /// Handed to the action. Null once nothing is to be done any more.
    #[serde(default)]
    pub occasion: Value,
    /// Since when it is owed.
    pub owed_at: Millis,
    /// What to call.
    pub verb: Verb,
    /// Sent only to see whether it arrives.
    #[serde(default)]
    pub canary: bool,
    /// Who asked for it, where a person did. Somebody else has to approve it then.
    #[serde(default)]
    pub asked_by: Option<String>,
}

/// What to call of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Act.
    Run,
    /// Take back what a run did.
    Undo,
}

impl Owed {
    /// What takes this run back. It is owed under a key of its own, in the same lane.
    #[must_use]
    pub fn undo(&self, asked_by: Option<String>, now: Millis) -> Self {
        let key = format!("{}{UNDO}", self.key);
        Self { key, verb: Verb::Undo, owed_at: now, asked_by, ..self.clone() }
    }

    /// The idempotency key that the component is called with: an undo has that of the run that it takes back.
    #[must_use]
    pub fn idempotency_key(&self) -> &str {
        match self.verb {
            Verb::Run => &self.key,
            Verb::Undo => self.key.strip_suffix(UNDO).unwrap_or(&self.key),
        }
    }

    /// The system whose touching counts against a blast radius: taking back and trying out touch nothing.
    pub(super) fn touches(&self) -> Option<&str> {
        self.system_id.as_deref().filter(|_| self.verb == Verb::Run && !self.canary)
    }

    /// All but what was to be handed to the action.
    pub(super) fn without_occasion(&self) -> Self {
        Self {
            key: self.key.clone(),
            action: self.action.clone(),
            lane: self.lane.clone(),
            system_id: self.system_id.clone(),
            occasion: Value::Null,
            asked_by: self.asked_by.clone(),
            ..*self
        }
    }
}
