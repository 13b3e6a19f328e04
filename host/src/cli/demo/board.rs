//! What there is to show. Both displays read it; neither decides anything.

use std::collections::VecDeque;

use super::fault::FaultSet;
use super::machine::Identity;
use super::sample::Sample;
use crate::catalog::Catalog;
use crate::detections::{Detection, Event, EventKind};
use crate::model::Severity;
use crate::pipeline::Outcome;
use crate::time::Millis;

/// Seconds that are remembered.
pub(super) const SECONDS_SHOWN: usize = 120;
/// Detections that are remembered.
const DETECTIONS_SHOWN: usize = 100;

/// The state of the demo.
pub(super) struct Board {
    pub(super) identity: Identity,
    pub(super) now: Millis,
    pub(super) began: Millis,
    /// A slot for each second, newest first; empty where no sample was sent.
    pub(super) seconds: VecDeque<Option<Sample>>,
    /// Seconds so far, those forgotten too.
    pub(super) seconds_seen: u64,
    pub(super) samples_sent: u64,
    pub(super) rules: Vec<RuleLine>,
    pub(super) scorers: Vec<ScorerLine>,
    /// Of the last sample.
    pub(super) combined_score: Option<f64>,
    /// Samples from which the scorers first learn.
    pub(super) learned_from: u64,
    /// Newest first, as they stand.
    pub(super) detections: VecDeque<Detection>,
    pub(super) opened: u64,
    pub(super) faults: FaultSet,
}

/// A rule in force.
pub(super) struct RuleLine {
    pub(super) rule_id: String,
    pub(super) description: String,
    pub(super) severity: Severity,
    /// Detections that it has opened.
    pub(super) opened: u64,
}

/// A scorer in force.
pub(super) struct ScorerLine {
    pub(super) scorer_id: String,
    /// Of the last sample, from 0 to 1.
    pub(super) score: Option<f64>,
}

impl Board {
    /// The state before anything has happened.
    pub(super) fn new(identity: Identity, catalog: &Catalog) -> Self {
        let now = Millis::now();
        let rule = |rule: &crate::catalog::Rule| RuleLine {
            rule_id: rule.rule_id.to_string(),
            description: rule.description.clone(),
            severity: rule.severity,
            opened: 0,
        };
        let scorer = |id: &str| ScorerLine { scorer_id: id.to_owned(), score: None };
        Self {
            identity,
            now,
            began: now,
            seconds: VecDeque::with_capacity(SECONDS_SHOWN),
            seconds_seen: 0,
            samples_sent: 0,
            rules: catalog.rules.iter().map(|line| rule(line)).collect(),
            scorers: catalog.scorers.iter().map(|line| scorer(&line.scorer_id)).collect(),
            combined_score: None,
            learned_from: catalog.config.training.min_samples as u64,
            detections: VecDeque::new(),
            opened: 0,
            faults: FaultSet::default(),
        }
    }

    /// A second has passed, with a sample or without.
    pub(super) fn second(&mut self, sample: Option<Sample>) {
        self.seconds.truncate(SECONDS_SHOWN - 1);
        self.seconds_seen += 1;
        self.samples_sent += u64::from(sample.is_some());
        self.seconds.push_front(sample);
    }

    /// What came of a round.
    pub(super) fn judged(&mut self, outcome: &Outcome) {
        self.now = outcome.clock();
        let columns = self.scorers.len() + 1;
        if let Some(scores) = outcome.scores.rchunks_exact(columns).next() {
            let known = |score: f64| (!score.is_nan()).then_some(score);
            for (line, &score) in self.scorers.iter_mut().zip(scores) {
                line.score = known(score);
            }
            self.combined_score = known(scores[columns - 1]);
        }
        for event in &outcome.events {
            self.happened(event);
        }
    }

    fn happened(&mut self, event: &Event) {
        let changed = &event.detection;
        if event.event == EventKind::Opened {
            self.opened += 1;
            if let Some(rule) = self.rules.iter_mut().find(|rule| rule.rule_id == changed.rule_id) {
                rule.opened += 1;
            }
        }
        match self.detections.iter_mut().find(|shown| shown.detection_id == changed.detection_id) {
            Some(shown) => *shown = changed.clone(),
            None => self.detections.push_front(changed.clone()),
        }
        if self.detections.len() > DETECTIONS_SHOWN {
            let oldest_over = self.detections.iter().rposition(|shown| shown.resolved_at.is_some());
            self.detections.remove(oldest_over.unwrap_or(DETECTIONS_SHOWN));
        }
    }

    /// The last sample sent, if it is not forgotten, and how many seconds have passed without another.
    pub(super) fn last_sample(&self) -> Option<(&Sample, usize)> {
        self.seconds.iter().enumerate().find_map(|(age, slot)| Some((slot.as_ref()?, age)))
    }

    /// The detection of this rule that is not over.
    pub(super) fn open_detection(&self, rule_id: &str) -> Option<&Detection> {
        self.detections.iter().find(|shown| shown.rule_id == rule_id && shown.resolved_at.is_none())
    }

    /// How many detections are not over.
    pub(super) fn open_count(&self) -> usize {
        self.detections.iter().filter(|shown| shown.resolved_at.is_none()).count()
    }

    /// How long a detection lasted, or has lasted so far.
    pub(super) fn lasted_s(&self, detection: &Detection) -> f64 {
        detection.resolved_at.unwrap_or(self.now).seconds_since(detection.timestamp).max(0.0)
    }

    /// Whether models may be expected.
    pub(super) fn learned(&self) -> bool {
        self.samples_sent >= self.learned_from
    }
}
