//! Labels: what really happened, and what did not.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::DetectionType;
use crate::time::Millis;

/// Whom an incident concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Systems {
    /// Everyone.
    All,
    /// These; at least one.
    These(BTreeSet<String>),
}

/// One label: a trouble that should be found, or a trap at which rules should stay quiet.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Unique among the labels.
    pub id: String,
    /// What happened, in the words of whoever labelled it.
    pub kind: String,
    /// The type that is right; none: any but disconnection.
    pub detection_type: Option<DetectionType>,
    /// Types that are a true consequence.
    pub accepted: BTreeSet<DetectionType>,
    /// Types that must not be opened.
    pub forbidden: BTreeSet<DetectionType>,
    /// Whether it should be found; if not, it is a trap.
    pub expected: bool,
    /// Whom it concerns.
    pub systems: Systems,
    /// When it began.
    pub begin: Millis,
    /// When it ended; not before `begin`.
    pub end: Millis,
    /// When the first evidence of it arrived.
    pub first_observable: Millis,
    /// The usual interval of the slowest of its systems, s; 0: not known.
    pub interval_s: f64,
}

/// What was watched for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Systems watched.
    pub systems: u64,
    /// From when on.
    pub begin: Millis,
    /// Until when.
    pub end: Millis,
}

/// All labels of a recording.
#[derive(Clone, Debug)]
pub struct Labels {
    incidents: Vec<Incident>,
    intervals_s: BTreeMap<String, f64>,
    extent: Option<Extent>,
}

/// What is wrong with labels.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// They are not JSON of the expected shape.
    #[error("not labels as fleetgen writes them")]
    Json(#[from] serde_json::Error),
    /// They are not CSV.
    #[error("not CSV")]
    Csv(#[from] csv::Error),
    /// A line of CSV has a field that cannot be used.
    #[error("line {line}: {field}: found {found:?}, expected {expected}")]
    Line {
        /// From 1, the header.
        line: u64,
        /// The column.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// A JSON label or the run's description has a field that cannot be used.
    #[error("{subject}: {field}: found {found:?}, expected {expected}")]
    Field {
        /// The incident, system or part of the document.
        subject: String,
        /// The field.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What would be right.
        expected: String,
    },
}

impl Extent {
    /// Systems times days; 0 if nothing was watched.
    #[must_use]
    pub fn system_days(&self) -> f64 {
        self.systems as f64 * (self.end.seconds_since(self.begin) / 86_400.0).max(0.0)
    }
}

impl Labels {
    /// Labels of systems with these usual intervals, s, of a run of this extent, as far as these are known.
    ///
    /// # Errors
    /// The first incident with an id that is taken, no systems, an end before its beginning or an interval
    /// that is none; the first system with an interval that is none.
    pub fn new(
        incidents: Vec<Incident>,
        intervals_s: BTreeMap<String, f64>,
        extent: Option<Extent>,
    ) -> Result<Self, LabelsError> {
        let mut ids = BTreeSet::new();
        for incident in &incidents {
            let wrong = |field, found: String, expected: &str| LabelsError::Field {
                subject: format!("incident {:?}", incident.id),
                field,
                found,
                expected: expected.to_owned(),
            };
            if !ids.insert(&incident.id) {
                return Err(wrong("id", incident.id.clone(), "an id of its own"));
            }
            if incident.systems == Systems::These(BTreeSet::new()) {
                return Err(wrong("systems", "none".to_owned(), "at least one, or all"));
            }
            if incident.end < incident.begin {
                return Err(wrong("end", incident.end.to_string(), "a time not before its beginning"));
            }
            if !is_interval(incident.interval_s) {
                return Err(wrong("interval_s", incident.interval_s.to_string(), INTERVAL));
            }
        }
        if let Some((system, interval_s)) =
            intervals_s.iter().find(|(_, interval_s)| !is_interval(**interval_s))
        {
            return Err(LabelsError::Field {
                subject: format!("system {system:?}"),
                field: "interval_s",
                found: interval_s.to_string(),
                expected: INTERVAL.to_owned(),
            });
        }
        Ok(Self { incidents, intervals_s, extent })
    }

    /// The incidents and traps, in the order of the labels.
    #[must_use]
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// What was watched, if the labels say it.
    #[must_use]
    pub fn extent(&self) -> Option<Extent> {
        self.extent
    }

    /// The usual interval of a system, s; 0 if it is not known.
    #[must_use]
    pub fn interval_s(&self, system_id: &str) -> f64 {
        self.intervals_s.get(system_id).copied().unwrap_or(0.0)
    }
}

const INTERVAL: &str = "seconds from 0 to 1000000000";

fn is_interval(seconds: f64) -> bool {
    (0.0..=1e9).contains(&seconds)
}
