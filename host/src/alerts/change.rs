//! What goes in: alerts and what becomes of them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::labels::Labels;
use crate::model::Severity;
use crate::time::Millis;

/// A detection, as far as telling somebody needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The detection's.
    pub id: Uuid,
    /// What it is known by.
    pub labels: Labels,
    /// How bad it is; also one of the labels.
    pub severity: Severity,
    /// When it was opened.
    pub opened: Millis,
    /// One sentence for a person.
    pub summary: String,
}

/// What has become of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A new trouble; or one that is known, with other labels.
    Opened(Alert),
    /// A trouble that was over is back.
    Reopened(Alert),
    /// Samples showed that it is over.
    Resolved {
        /// Which.
        id: Uuid,
        /// When.
        at: Millis,
    },
    /// Somebody is on it.
    Acknowledged {
        /// Which.
        id: Uuid,
        /// Who.
        by: String,
        /// When.
        at: Millis,
    },
    /// Nobody is on it any more.
    Unacknowledged {
        /// Which.
        id: Uuid,
    },
    /// A person says that it is over or never was. Never held as flapping, and what was counted towards flapping is
    /// forgotten.
    Closed {
        /// Which.
        id: Uuid,
        /// When.
        at: Millis,
    },
    /// An escalation took effect: its audience is told.
    Escalated {
        /// Which.
        id: Uuid,
        /// From 1.
        level: u32,
        /// Receivers.
        audience: Vec<String>,
    },
    /// The detection was forgotten. One that still fires is over for whom it was told to.
    Gone {
        /// Which.
        id: Uuid,
    },
}
