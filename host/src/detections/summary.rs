//! What there is to say about all detections together.

use std::collections::BTreeMap;

use serde::Serialize;

use super::detection::{Event, EventKind};
use crate::model::{DetectionType, Severity, Status};
use crate::time::Millis;

/// Counts of detections, kept as they change.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    total: u64,
    resolved: u64,
    false_positives: u64,
    severities: BTreeMap<Severity, u64>,
    types: BTreeMap<DetectionType, u64>,
    last_updated: Option<Millis>,
}

/// The summary of all.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Detections ever opened.
    pub total_detections: u64,
    /// Those that are not over.
    pub active_detections: u64,
    /// Those that are.
    pub resolved_detections: u64,
    /// Those that never were a trouble.
    pub false_positives: u64,
    /// How many of each severity.
    pub severity_distribution: BTreeMap<Severity, u64>,
    /// How many of each type.
    pub type_distribution: BTreeMap<DetectionType, u64>,
    /// Rules known.
    pub detection_rules_count: usize,
    /// Rules in force.
    pub enabled_rules_count: usize,
    /// Systems that have sent a sample.
    pub monitored_systems_count: usize,
    /// The host's clock at the last change; null before the first sample.
    pub last_updated: Option<Millis>,
}

impl Tally {
    /// Counts a detection that is new (`before`: none) or that has another status than before.
    pub fn moved(
        &mut self,
        severity: Severity,
        detection_type: DetectionType,
        before: Option<Status>,
        now: Status,
    ) {
        match before {
            Some(Status::Resolved) => self.resolved = self.resolved.saturating_sub(1),
            Some(Status::FalsePositive) => self.false_positives = self.false_positives.saturating_sub(1),
            Some(_) => {}
            None => {
                self.total += 1;
                *self.severities.entry(severity).or_default() += 1;
                *self.types.entry(detection_type).or_default() += 1;
            }
        }
        match now {
            Status::Resolved => self.resolved += 1,
            Status::FalsePositive => self.false_positives += 1,
            _ => {}
        }
    }

    /// Counts what happened to a detection.
    pub fn count(&mut self, event: &Event) {
        let (before, now) = match event.event {
            EventKind::Opened => (None, Status::Active),
            EventKind::Reopened => (Some(Status::Resolved), Status::Active),
            EventKind::Resolved => (Some(Status::Active), Status::Resolved),
            EventKind::Ongoing | EventKind::Changed => return,
        };
        self.moved(event.detection.severity, event.detection.detection_type, before, now);
    }

    /// The host's clock has come so far.
    pub fn advance(&mut self, clock: Millis) {
        self.last_updated = self.last_updated.max(Some(clock));
    }

    /// The summary, with every severity and type named even where there are none.
    #[must_use]
    pub fn summary(&self, rules: usize, enabled_rules: usize, systems: usize) -> Summary {
        use DetectionType::{
            ConfigurationDrift, DataInconsistency, DependencyFailure, Disconnection, PerformanceDegradation,
            ResourceExhaustion, SecurityAnomaly,
        };
        let severities = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        let types = [
            Disconnection,
            PerformanceDegradation,
            DataInconsistency,
            SecurityAnomaly,
            ResourceExhaustion,
            ConfigurationDrift,
            DependencyFailure,
        ];
        let of = |severity| (severity, self.severities.get(&severity).copied().unwrap_or(0));
        let of_type = |kind| (kind, self.types.get(&kind).copied().unwrap_or(0));
        Summary {
            total_detections: self.total,
            active_detections: self.total.saturating_sub(self.resolved + self.false_positives),
            resolved_detections: self.resolved,
            false_positives: self.false_positives,
            severity_distribution: severities.into_iter().map(of).collect(),
            type_distribution: types.into_iter().map(of_type).collect(),
            detection_rules_count: rules,
            enabled_rules_count: enabled_rules,
            monitored_systems_count: systems,
            last_updated: self.last_updated,
        }
    }
}
