//! The figures of a set of detections, and of the incidents that they should have found.

use std::collections::HashMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::matching::Answer;
use super::{Class, Extent, Finding, Incident, Labels, Proportion, Spread};
use crate::time::Millis;

/// Detections by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    /// About an expected incident and of its type.
    pub right: u64,
    /// True consequences.
    pub related: u64,
    /// Opened during a trap.
    pub traps: u64,
    /// About an expected incident of another type.
    pub wrong_types: u64,
    /// About nothing.
    pub unmatched: u64,
}

/// The figures of a scope: everything, one type or one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The detections by class.
    pub detections: ClassCounts,
    /// Right and related ones of all.
    pub precision: Proportion,
    /// Expected incidents of the scope with a right detection.
    pub recall: Proportion,
    /// From the first evidence to the first right detection, of the incidents found; negative: opened before
    /// it.
    pub time_to_detect: Option<Spread>,
    /// Null if nothing was watched.
    pub detections_per_system_day: Option<f64>,
    /// The most detections opened within any 60 minutes.
    pub peak_per_hour: u64,
    /// Detections during traps and about nothing; null if nothing was watched.
    pub false_alarms_per_100_system_days: Option<f64>,
}

/// The figures of one kind of incident or trap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindFigures {
    /// Traps of the kind.
    pub traps: u64,
    /// Traps in which something was opened that must not be.
    pub traps_sprung: u64,
    /// The detections that belong to its incidents; unmatched ones belong to none.
    pub detections: ClassCounts,
    /// Right and related ones of these.
    pub precision: Proportion,
    /// Expected incidents with a right detection.
    pub recall: Proportion,
    /// As in [`Figures`].
    pub time_to_detect: Option<Spread>,
}

impl ClassCounts {
    /// Detections of every class.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.right + self.related + self.traps + self.wrong_types + self.unmatched
    }

    /// Detections that nobody should have been bothered with: those during traps and those about nothing.
    #[must_use]
    pub fn false_alarms(&self) -> u64 {
        self.traps + self.unmatched
    }

    /// Right and related ones of all.
    #[must_use]
    pub fn precision(&self) -> Proportion {
        Proportion::of(self.right + self.related, self.all())
    }
}

impl AddAssign<Class> for ClassCounts {
    fn add_assign(&mut self, class: Class) {
        *match class {
            Class::Right => &mut self.right,
            Class::Related => &mut self.related,
            Class::Trap => &mut self.traps,
            Class::Wrong => &mut self.wrong_types,
            Class::False => &mut self.unmatched,
        } += 1;
    }
}

/// The detections of a scope, by their places among all, with what there is to know of all.
pub(super) struct Scope<'a> {
    pub(super) labels: &'a Labels,
    pub(super) findings: &'a [Finding],
    pub(super) answers: &'a [Answer],
    pub(super) members: Vec<usize>,
}

impl Scope<'_> {
    /// The figures of these detections and of the expected incidents that are wanted of them.
    pub(super) fn figures(&self, extent: Extent, is_wanted: impl Fn(&Incident) -> bool) -> Figures {
        let detections = self.counts();
        let (recall, time_to_detect) = self.found(is_wanted);
        let days = Some(extent.system_days()).filter(|days| *days > 0.0);
        Figures {
            detections,
            precision: detections.precision(),
            recall,
            time_to_detect,
            detections_per_system_day: days.map(|days| detections.all() as f64 / days),
            peak_per_hour: peak_per_hour(self.members.iter().map(|place| self.findings[*place].opened)),
            false_alarms_per_100_system_days: days
                .map(|days| 100.0 * detections.false_alarms() as f64 / days),
        }
    }

    /// The figures of the incidents of one kind; the scope is the detections that belong to them.
    pub(super) fn kind(&self, kind: &str) -> KindFigures {
        let detections = self.counts();
        let (recall, time_to_detect) = self.found(|incident| incident.kind == kind);
        let mut sprung: Vec<usize> = self
            .members
            .iter()
            .filter(|place| self.answers[**place].class == Class::Trap)
            .filter_map(|place| self.answers[*place].incident)
            .filter(|incident| !self.labels.incidents()[*incident].expected)
            .collect();
        sprung.sort_unstable();
        sprung.dedup();
        let traps = self.labels.incidents().iter().filter(|trap| trap.kind == kind && !trap.expected).count();
        KindFigures {
            traps: traps as u64,
            traps_sprung: sprung.len() as u64,
            detections,
            precision: detections.precision(),
            recall,
            time_to_detect,
        }
    }

    /// From the first evidence of each incident found to its first right detection, s.
    pub(super) fn times_to_detect_s(&self) -> HashMap<usize, f64> {
        let mut first: HashMap<usize, (bool, Millis)> = HashMap::new();
        for place in &self.members {
            if let Answer { class: Class::Right, incident: Some(incident) } = self.answers[*place] {
                let opened = self.findings[*place].opened;
                // One that was opened before the beginning counts only if there is no other.
                let key = (opened < self.labels.incidents()[incident].begin, opened);
                first.entry(incident).and_modify(|best| *best = key.min(*best)).or_insert(key);
            }
        }
        let since = |(place, (_, opened)): (usize, (bool, Millis))| {
            (place, opened.seconds_since(self.labels.incidents()[place].first_observable))
        };
        first.into_iter().map(since).collect()
    }

    fn counts(&self) -> ClassCounts {
        let mut counts = ClassCounts::default();
        for place in &self.members {
            counts += self.answers[*place].class;
        }
        counts
    }

    /// Recall over the expected incidents that are wanted, and how long it took.
    fn found(&self, is_wanted: impl Fn(&Incident) -> bool) -> (Proportion, Option<Spread>) {
        let times_s = self.times_to_detect_s();
        let wanted: Vec<usize> = (0..)
            .zip(self.labels.incidents())
            .filter(|(_, incident)| incident.expected && is_wanted(incident))
            .map(|(place, _)| place)
            .collect();
        let found: Vec<f64> = wanted.iter().filter_map(|place| times_s.get(place).copied()).collect();
        (Proportion::of(found.len() as u64, wanted.len() as u64), Spread::of(found))
    }
}

/// The most moments within any 60 minutes. The moments are in ascending order.
fn peak_per_hour(moments: impl Iterator<Item = Millis>) -> u64 {
    const HOUR_MS: i64 = 3_600_000;
    let moments: Vec<i64> = moments.map(|moment| moment.0).collect();
    let mut first = 0;
    let mut peak = 0;
    for (last, moment) in moments.iter().enumerate() {
        while moment.saturating_sub(moments[first]) >= HOUR_MS {
            first += 1;
        }
        peak = peak.max(last - first + 1);
    }
    peak as u64
}
