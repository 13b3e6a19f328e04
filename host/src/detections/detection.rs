//! A detection, and what happens to it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::evidence::Evidence;
use crate::model::{DetectionType, Severity, Status};
use crate::time::Millis;

/// The namespace of detection ids: a random UUID, fixed for good.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c61_7077_696e_672d_6465_7465_6374_696f);

/// One trouble of one system, as one rule sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detection {
    /// Derived from rule, system and opening time.
    pub detection_id: Uuid,
    /// Which rule.
    pub rule_id: String,
    /// What kind of trouble.
    pub detection_type: DetectionType,
    /// How bad.
    pub severity: Severity,
    /// Where it stands.
    pub status: Status,
    /// Which system.
    pub system_id: String,
    /// What that system is.
    pub system_type: String,
    /// One sentence for a person.
    pub description: String,
    /// From 0 to 1, when it was opened.
    pub confidence: f64,
    /// When it was opened, by the host's clock.
    pub timestamp: Millis,
    /// When samples showed that it is over.
    pub resolved_at: Option<Millis>,
    /// How that was seen.
    pub resolution_notes: Option<String>,
    /// The first match, by the host's clock.
    pub first_seen: Millis,
    /// The last match so far.
    pub last_seen: Millis,
    /// Matches so far.
    pub occurrences: u64,
    /// Its worst moment so far.
    pub peak: Peak,
    /// How often it came back.
    pub reopened: u32,
    /// The actions owed.
    pub actions: Vec<String>,
    /// Why it was opened.
    pub evidence: Evidence,
    /// The sample's built-in metrics, or those of the last one before the silence.
    pub metrics: Map<String, Value>,
}

/// How a detection that is not over went on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectionUpdate {
    /// Which.
    pub detection_id: Uuid,
    /// The last match so far, by the host's clock.
    pub last_seen: Millis,
    /// Matches so far.
    pub occurrences: u64,
    /// Its worst moment so far.
    pub peak: Peak,
}

/// The row at which a detection was surest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// From 0 to 1.
    pub confidence: f64,
    /// When.
    pub timestamp: Millis,
}

/// What happened to a detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It was opened.
    Opened,
    /// It came back.
    Reopened,
    /// It is over.
    Resolved,
    /// It was still there when the input ended.
    Ongoing,
    /// It is about other systems than before.
    Changed,
}

/// A detection as it changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub event: EventKind,
    /// The detection after that.
    #[serde(flatten)]
    pub detection: Detection,
}

impl Detection {
    /// The id of the detection that a rule opens for a system at this time.
    #[must_use]
    pub fn id(rule_id: &str, system_id: &str, opened: Millis) -> Uuid {
        Uuid::new_v5(&NAMESPACE, format!("{rule_id}\0{system_id}\0{}", opened.0).as_bytes())
    }

    /// Whether it is a disconnection that silence opened, not a sample.
    #[must_use]
    pub fn is_by_silence(&self) -> bool {
        self.detection_type == DetectionType::Disconnection && self.evidence.sample_timestamp.is_none()
    }

    /// Another match.
    pub fn seen(&mut self, at: Millis, confidence: f64) {
        self.last_seen = self.last_seen.max(at);
        self.occurrences += 1;
        if confidence > self.peak.confidence {
            self.peak = Peak { confidence, timestamp: at };
        }
    }

    /// How it went on.
    #[must_use]
    pub fn update(&self) -> DetectionUpdate {
        DetectionUpdate {
            detection_id: self.detection_id,
            last_seen: self.last_seen,
            occurrences: self.occurrences,
            peak: self.peak,
        }
    }

    /// Samples showed that it is over.
    pub fn resolve(&mut self, at: Millis, notes: String) {
        self.status = Status::Resolved;
        self.resolved_at = Some(at);
        self.resolution_notes = Some(notes);
    }

    /// It came back.
    pub fn reopen(&mut self) {
        self.status = Status::Active;
        self.resolved_at = None;
        self.resolution_notes = None;
        self.reopened += 1;
    }
}
