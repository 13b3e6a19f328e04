//! Labels as fleetgen writes them, `incidents.json`.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Extent, Incident, Labels, LabelsError, Systems};
use crate::model::DetectionType;
use crate::time::Millis;

#[derive(Deserialize)]
struct Document {
    meta: Meta,
    systems: Vec<System>,
    incidents: Vec<Label>,
}

#[derive(Deserialize)]
struct Meta {
    systems: u64,
    start: String,
    end: String,
}

#[derive(Deserialize)]
struct System {
    system_id: String,
    interval_s: f64,
}

#[derive(Deserialize)]
struct Label {
    id: String,
    kind: String,
    detection_type: Option<DetectionType>,
    accepted_types: BTreeSet<DetectionType>,
    expected: bool,
    forbidden_types: BTreeSet<DetectionType>,
    systems: BTreeSet<String>,
    interval_s: f64,
    start: String,
    end: String,
    first_observable: String,
}

impl Labels {
    /// Reads the text of an `incidents.json`.
    ///
    /// # Errors
    /// What is wrong with it, and in which field.
    pub fn from_json(text: &str) -> Result<Self, LabelsError> {
        let document: Document = serde_json::from_str(text)?;
        let meta = &document.meta;
        let (begin, end) = (time("meta", "start", &meta.start)?, time("meta", "end", &meta.end)?);
        let extent = Extent { systems: meta.systems, begin, end };
        if end < begin {
            return Err(wrong("meta", "end", &meta.end, "a time not before its start"));
        }
        let intervals_s = document.systems.into_iter().map(|system| (system.system_id, system.interval_s));
        let incidents = document.incidents.into_iter().map(Label::incident).collect::<Result<_, _>>()?;
        Self::new(incidents, intervals_s.collect(), Some(extent))
    }
}

impl Label {
    fn incident(self) -> Result<Incident, LabelsError> {
        let subject = format!("incident {:?}", self.id);
        Ok(Incident {
            begin: time(&subject, "start", &self.start)?,
            end: time(&subject, "end", &self.end)?,
            first_observable: time(&subject, "first_observable", &self.first_observable)?,
            id: self.id,
            kind: self.kind,
            detection_type: self.detection_type,
            accepted: self.accepted_types,
            forbidden: self.forbidden_types,
            expected: self.expected,
            systems: if self.systems.iter().eq(["*"]) { Systems::All } else { Systems::These(self.systems) },
            interval_s: self.interval_s,
        })
    }
}

fn time(subject: &str, field: &'static str, text: &str) -> Result<Millis, LabelsError> {
    Millis::parse(text).map_err(|_| wrong(subject, field, text, "an RFC 3339 time with an offset"))
}

fn wrong(subject: &str, field: &'static str, found: &str, expected: &str) -> LabelsError {
    LabelsError::Field {
        subject: subject.to_owned(),
        field,
        found: found.to_owned(),
        expected: expected.to_owned(),
    }
}
