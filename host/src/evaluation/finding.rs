//! A detection as far as its evaluation needs it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use uuid::Uuid;

use crate::model::DetectionType;
use crate::time::Millis;

/// A detection: who says what about whom, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which detection.
    pub detection_id: Uuid,
    /// Which rule opened it.
    pub rule_id: String,
    /// What kind of trouble.
    pub detection_type: DetectionType,
    /// The systems that it is about; several for a group.
    pub systems: BTreeSet<String>,
    /// When it was opened, by the clock that the labels are told in.
    pub opened: Millis,
    /// When it was over, as far as is known.
    pub resolved: Option<Millis>,
}

/// A line that is not a detection.
#[derive(Debug, thiserror::Error)]
pub enum FindingError {
    /// It cannot be read as one.
    #[error("line {line}: not a detection")]
    Unreadable {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It is about no system.
    #[error("line {line}: system_id: found none, expected one, or a list `systems`")]
    NoSystem {
        /// From 1.
        line: usize,
    },
}

/// What is read of a detection as it is written.
#[derive(Deserialize)]
struct Entry {
    detection_id: Uuid,
    rule_id: String,
    detection_type: DetectionType,
    system_id: Option<String>,
    #[serde(default)]
    systems: BTreeSet<String>,
    timestamp: Millis,
    resolved_at: Option<Millis>,
}

/// Detections as they changed, each kept once.
#[derive(Clone, Debug, Default)]
pub struct Findings(BTreeMap<Uuid, Finding>);

impl Findings {
    /// Reads detections as `lapwing replay` writes them, one JSON object a line.
    ///
    /// # Errors
    /// The first line that is not a detection.
    pub fn read(text: &str) -> Result<Self, FindingError> {
        let mut findings = Self::default();
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
            let entry: Entry =
                serde_json::from_str(text).map_err(|source| FindingError::Unreadable { line, source })?;
            let mut systems = entry.systems;
            if systems.is_empty() {
                systems.insert(entry.system_id.ok_or(FindingError::NoSystem { line })?);
            }
            findings.add(Finding {
                detection_id: entry.detection_id,
                rule_id: entry.rule_id,
                detection_type: entry.detection_type,
                systems,
                opened: entry.timestamp,
                resolved: entry.resolved_at,
            });
        }
        Ok(findings)
    }

    /// Takes a detection as it is now: of all that was told of it, the earliest opening and the last of
    /// everything else hold.
    pub fn add(&mut self, mut finding: Finding) {
        if let Some(before) = self.0.get(&finding.detection_id) {
            finding.opened = finding.opened.min(before.opened);
        }
        self.0.insert(finding.detection_id, finding);
    }

    /// All of them, in the order in which they were opened.
    #[must_use]
    pub fn into_vec(self) -> Vec<Finding> {
        let mut all: Vec<_> = self.0.into_values().collect();
        all.sort_by_key(|finding| finding.opened);
        all
    }
}
