//! Two reports on the same labels, side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Class, ClassCounts, Figures, IncidentOutcome, Judged, KindFigures, Proportion, Report, Spread};
use crate::model::DetectionType;
use crate::time::Millis;

/// Two false alarms of one type about the same systems that were opened within so many milliseconds are the
/// same one: a change of a rule moves most openings a little, and with them their ids.
const SAME_ALARM_MS: i64 = 120_000;

/// How report B differs from report A.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Expected incidents that only A found, by id.
    pub found_only_by_a: Vec<String>,
    /// Expected incidents that only B found.
    pub found_only_by_b: Vec<String>,
    /// False alarms of A, during traps too, that B did not raise.
    pub false_alarms_only_of_a: Vec<Judged>,
    /// False alarms of B that A did not raise.
    pub false_alarms_only_of_b: Vec<Judged>,
    /// Every figure of everything.
    pub overall: Vec<Delta>,
    /// Every figure of each type that one of them has.
    pub by_type: BTreeMap<DetectionType, Vec<Delta>>,
    /// Every figure of each kind.
    pub by_kind: BTreeMap<String, Vec<Delta>>,
    /// Every figure of each rule that one of them has.
    pub by_rule: BTreeMap<String, Vec<Delta>>,
}

/// One figure in A and in B.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Delta {
    /// Its name.
    pub figure: &'static str,
    /// In A; null if it has none.
    pub a: Option<f64>,
    /// In B; null if it has none.
    pub b: Option<f64>,
    /// B less A; null unless both have it.
    pub change: Option<f64>,
    /// Whether the 95 % intervals overlap; null for a figure without one or without trials.
    pub intervals_overlap: Option<bool>,
}

/// Why two reports cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomparable {
    /// They are about different labels.
    #[error("incidents: the reports differ from {0}, expected reports on the same labels")]
    Labels(String),
    /// They are about different systems or times.
    #[error("extent: the reports differ, expected the same systems watched from and until the same times")]
    Extent,
    /// They matched differently.
    #[error("matching: the reports differ, expected the same grace and margin")]
    Matching,
}

impl Delta {
    /// Whether the figure differs by more than the last digits that a report loses when it is written and
    /// read.
    #[must_use]
    pub fn is_change(&self) -> bool {
        match (self.a, self.b) {
            (Some(a), Some(b)) => (b - a).abs() > 1e-12 * a.abs().max(b.abs()),
            (a, b) => a.is_some() != b.is_some(),
        }
    }
}

impl Difference {
    /// Compares two reports on the same labels.
    ///
    /// # Errors
    /// Their labels, extents or matching differ.
    pub fn between(a: &Report, b: &Report) -> Result<Self, Incomparable> {
        if let Some(place) = first_difference(&a.incidents, &b.incidents) {
            let id = a.incidents.get(place).or(b.incidents.get(place)).map(|incident| incident.id.clone());
            return Err(Incomparable::Labels(id.unwrap_or_default()));
        }
        if a.extent != b.extent {
            return Err(Incomparable::Extent);
        }
        if a.matching != b.matching {
            return Err(Incomparable::Matching);
        }
        let (false_alarms_only_of_a, false_alarms_only_of_b) = false_alarms(a, b);
        Ok(Self {
            found_only_by_a: found_only(a, b),
            found_only_by_b: found_only(b, a),
            false_alarms_only_of_a,
            false_alarms_only_of_b,
            overall: deltas(&of_scope(&a.overall), &of_scope(&b.overall)),
            by_type: by_key(&a.by_type, &b.by_type, of_scope),
            by_kind: by_key(&a.by_kind, &b.by_kind, of_kind),
            by_rule: by_key(&a.by_rule, &b.by_rule, of_scope),
        })
    }
}

/// The first place at which the labels behind two lists of outcomes differ.
fn first_difference(a: &[IncidentOutcome], b: &[IncidentOutcome]) -> Option<usize> {
    let label =
        |i: &IncidentOutcome| (i.id.clone(), i.kind.clone(), i.detection_type, i.expected, i.begin, i.end);
    (0..a.len().max(b.len())).find(|place| a.get(*place).map(label) != b.get(*place).map(label))
}

fn found_only(one: &Report, other: &Report) -> Vec<String> {
    let pairs = one.incidents.iter().zip(&other.incidents);
    let only = pairs.filter(|(one, other)| !one.found_by.is_empty() && other.found_by.is_empty());
    only.map(|(one, _)| one.id.clone()).collect()
}

/// The false alarms that have no counterpart in the other report. Counterparts are one to one.
fn false_alarms(a: &Report, b: &Report) -> (Vec<Judged>, Vec<Judged>) {
    type Queues<'a> = BTreeMap<(DetectionType, &'a BTreeSet<String>), Vec<&'a Judged>>;
    fn alarms(report: &Report) -> impl Iterator<Item = &Judged> {
        report.detections.iter().filter(|judged| matches!(judged.class, Class::Trap | Class::False))
    }
    let mut queues: Queues<'_> = BTreeMap::new();
    for alarm in alarms(b) {
        queues.entry((alarm.detection_type, &alarm.systems)).or_default().push(alarm);
    }
    queues.values_mut().for_each(|queue| queue.reverse());
    let (mut only_a, mut only_b) = (Vec::new(), Vec::new());
    // Both are in the order of opening: taking the earliest counterpart each time leaves the fewest without
    // one.
    for alarm in alarms(a) {
        let queue = queues.entry((alarm.detection_type, &alarm.systems)).or_default();
        while let Some(early) = queue.pop_if(|other| apart_ms(other.opened, alarm.opened) < -SAME_ALARM_MS) {
            only_b.push(early.clone());
        }
        if queue.pop_if(|other| apart_ms(other.opened, alarm.opened) <= SAME_ALARM_MS).is_none() {
            only_a.push(alarm.clone());
        }
    }
    only_b.extend(queues.into_values().flatten().cloned());
    only_b.sort_by_key(|alarm| (alarm.opened, alarm.detection_id));
    (only_a, only_b)
}

/// From `b` to `a`, ms.
fn apart_ms(a: Millis, b: Millis) -> i64 {
    a.0.saturating_sub(b.0)
}

/// A figure by name: its value, and the proportion that it is, if it is one.
type Named = (&'static str, Option<f64>, Option<Proportion>);

fn of_scope(figures: &Figures) -> Vec<Named> {
    let mut named = of_detections(&figures.detections, figures.precision, figures.recall);
    named.extend(of_spread(figures.time_to_detect));
    named.extend([
        ("detections_per_system_day", figures.detections_per_system_day, None),
        ("peak_per_hour", Some(figures.peak_per_hour as f64), None),
        ("false_alarms_per_100_system_days", figures.false_alarms_per_100_system_days, None),
    ]);
    named
}

fn of_kind(figures: &KindFigures) -> Vec<Named> {
    let mut named = of_detections(&figures.detections, figures.precision, figures.recall);
    named.extend(of_spread(figures.time_to_detect));
    named.push(("traps_sprung", Some(figures.traps_sprung as f64), None));
    named
}

fn of_detections(counts: &ClassCounts, precision: Proportion, recall: Proportion) -> Vec<Named> {
    let count = |name, count: u64| (name, Some(count as f64), None);
    vec![
        ("precision", precision.share, Some(precision)),
        ("recall", recall.share, Some(recall)),
        count("detections", counts.all()),
        count("right", counts.right),
        count("related", counts.related),
        count("during_traps", counts.traps),
        count("wrong_types", counts.wrong_types),
        count("unmatched", counts.unmatched),
    ]
}

fn of_spread(spread: Option<Spread>) -> [Named; 3] {
    [
        ("time_to_detect_median_s", spread.map(|spread| spread.median_s), None),
        ("time_to_detect_p90_s", spread.map(|spread| spread.p90_s), None),
        ("time_to_detect_p99_s", spread.map(|spread| spread.p99_s), None),
    ]
}

fn by_key<K: Ord + Clone, F>(
    a: &BTreeMap<K, F>,
    b: &BTreeMap<K, F>,
    named: fn(&F) -> Vec<Named>,
) -> BTreeMap<K, Vec<Delta>> {
    let keys: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    let named_of = |side: Option<&F>| side.map(named).unwrap_or_default();
    keys.into_iter().map(|key| (key.clone(), deltas(&named_of(a.get(key)), &named_of(b.get(key))))).collect()
}

/// Figure by figure; a side that lacks the scope is empty.
fn deltas(a: &[Named], b: &[Named]) -> Vec<Delta> {
    let names = if a.is_empty() { b } else { a }.iter().map(|(name, ..)| *name);
    let delta = |(place, figure): (usize, &'static str)| {
        let (a, b) = (a.get(place), b.get(place));
        let (value_a, value_b) = (a.and_then(|named| named.1), b.and_then(|named| named.1));
        let interval = |side: Option<&Named>| side.and_then(|named| named.2).filter(|p| p.trials > 0);
        let proportions = interval(a).zip(interval(b));
        Delta {
            figure,
            a: value_a,
            b: value_b,
            change: value_a.zip(value_b).map(|(a, b)| b - a),
            intervals_overlap: proportions.map(|(a, b)| a.overlaps(&b)),
        }
    };
    names.enumerate().map(delta).collect()
}
