//! `[heartbeat]`: how soon a silence is to be noticed, and how often that may be wrong. `[presence]`: which silences are
//! meant.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::heartbeat::Agreement;

/// `[heartbeat]`. What is said of a system counts before what is said of its type, and that before what is said of all.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeartbeatSettings {
    /// Seconds between a system's end and its detection, at most. More than 0, at most 604800. Unless given, four of the
    /// system's usual intervals, and at least 5 s.
    pub detect_within_s: Option<f64>,
    /// False alarms a week that a system may cause, at most. 0..=1000000. Unless given, 1.
    pub false_alarms_per_week: Option<f64>,
    /// By system type.
    pub types: BTreeMap<String, Agreement>,
    /// By system id.
    pub systems: BTreeMap<String, Agreement>,
}

impl HeartbeatSettings {
    /// What is agreed for everybody.
    #[must_use]
    pub fn everybody(&self) -> Agreement {
        Agreement { detect_within_s: self.detect_within_s, false_alarms_per_week: self.false_alarms_per_week }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let types = self.types.iter().map(|(name, agreed)| (format!("heartbeat.types.{name}"), *agreed));
        let systems =
            self.systems.iter().map(|(name, agreed)| (format!("heartbeat.systems.{name}"), *agreed));
        std::iter::once(("heartbeat".to_owned(), self.everybody()))
            .chain(types)
            .chain(systems)
            .flat_map(|(place, agreed)| agreed.problems(&place).collect::<Vec<_>>())
            .collect()
    }
}

/// `[presence]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Presence {
    /// The text metric in which a system says goodbye: when it will be back (RFC 3339), a space, and why. Empty: none.
    pub goodbye: String,
    /// Seconds after that time from which a system that is not back is missed. 0..=86400.
    pub overdue_s: f64,
    /// Seconds after a system's first sign of life, or its return from an absence, in which its silence is nothing.
    /// 0..=86400.
    pub startup_s: f64,
}

impl Default for Presence {
    fn default() -> Self {
        Self { goodbye: "goodbye".to_owned(), overdue_s: 60.0, startup_s: 0.0 }
    }
}
