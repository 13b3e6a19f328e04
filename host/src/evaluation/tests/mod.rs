mod differences;
mod fixture;
mod labels;
mod laws;
mod matching;
mod numbers;

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{Extent, Finding, Incident, Labels, Matching, Report, Run, Systems};
use crate::model::DetectionType;
use crate::time::Millis;

/// So many seconds after the beginning of the run.
fn at(seconds: f64) -> Millis {
    Millis(1_767_571_200_000).plus_seconds(seconds)
}

/// Ten systems for a day.
fn run() -> Run {
    let extent = Extent { systems: 10, begin: at(0.0), end: at(86_400.0) };
    Run { rules: BTreeMap::new(), extent, matching: Matching::default() }
}

/// An expected incident; its kind is the type's name.
fn incident(id: &str, kind: DetectionType, systems: &[&str], begin_s: f64, end_s: f64) -> Incident {
    Incident {
        id: id.to_owned(),
        kind: format!("{kind:?}"),
        detection_type: Some(kind),
        accepted: BTreeSet::new(),
        forbidden: BTreeSet::new(),
        expected: true,
        systems: systems_of(systems),
        begin: at(begin_s),
        end: at(end_s),
        first_observable: at(begin_s),
        interval_s: 10.0,
    }
}

fn trap(id: &str, forbidden: DetectionType, systems: &[&str], begin_s: f64, end_s: f64) -> Incident {
    Incident {
        kind: "trap".to_owned(),
        detection_type: None,
        forbidden: [forbidden].into(),
        expected: false,
        ..incident(id, forbidden, systems, begin_s, end_s)
    }
}

fn systems_of(systems: &[&str]) -> Systems {
    if systems == ["*"] {
        Systems::All
    } else {
        Systems::These(systems.iter().map(|&s| s.to_owned()).collect())
    }
}

/// A detection of the rule named after its type.
fn finding(kind: DetectionType, systems: &[&str], opened_s: f64) -> Finding {
    let rule_id = format!("rule {kind:?}");
    Finding {
        detection_id: Uuid::new_v5(&Uuid::nil(), format!("{rule_id} {systems:?} {opened_s}").as_bytes()),
        rule_id,
        detection_type: kind,
        systems: systems.iter().map(|&s| s.to_owned()).collect(),
        opened: at(opened_s),
        resolved: None,
    }
}

/// Labels of systems `a` to `e`, which report every ten seconds, and `slow`, which does every minute.
fn labels(incidents: Vec<Incident>) -> Labels {
    let intervals = [("a", 10.0), ("b", 10.0), ("c", 10.0), ("d", 10.0), ("e", 10.0), ("slow", 60.0)];
    Labels::new(incidents, intervals.map(|(system, s)| (system.to_owned(), s)).into(), None).unwrap()
}

fn report(incidents: Vec<Incident>, findings: Vec<Finding>) -> Report {
    Report::of(&labels(incidents), findings, &run())
}
