//! Who is told to be gone, alone or together.

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::{GroupsConfig, LabelChange, Vanished};
use crate::detections::{Detection, Event, EventKind, ProbeEvidence};
use crate::time::Millis;

/// A fleet of ten zones.
struct Fleet {
    room: Vanished,
    told: Vec<Event>,
}

fn detection(system: u32, at: i64) -> Detection {
    let silence = json!({ "metric": "silence_s", "observed": 5.0, "relation": "above", "expected": 5.0,
        "margin": 0.0, "outcome": "met" });
    let id = format!("s{system}");
    let detection = json!({
        "detection_id": Detection::id("system_disconnection", &id, Millis(at)),
        "rule_id": "system_disconnection", "detection_type": "disconnection", "severity": "high",
        "status": "active", "system_id": id, "system_type": if system.is_multiple_of(2) { "web" } else { "db" },
        "description": "System disconnection: silent", "confidence": 0.5, "timestamp": Millis(at),
        "resolved_at": null, "resolution_notes": null, "first_seen": Millis(at), "last_seen": Millis(at),
        "occurrences": 1, "peak": { "confidence": 0.5, "timestamp": Millis(at) }, "reopened": 0,
        "actions": ["send_alert"], "metrics": {},
        "evidence": {
            "rule_id": "system_disconnection", "rule_name": "System disconnection", "conditions": [silence],
            "parameters": {}, "settings": {}, "plugin": { "name": "p", "digest": "d", "contract": "0.1.0" },
            "min_occurrences": 1, "window_s": 30.0, "matched_share": 1.0,
            "anomaly": { "combined": null, "by_scorer": {}, "contributions": [] },
            "sample_timestamp": null, "health_status": null,
            "custom_metrics": { "zone": format!("z{}", system % 10), "depends_on": format!("s{}, core", system / 100) },
        },
    });
    serde_json::from_value(detection).unwrap()
}

impl Fleet {
    fn new(systems: u32) -> Self {
        let mut room = Vanished::restore(GroupsConfig::default(), Vec::new());
        for system in 0..systems {
            let detection = detection(system, 0);
            let texts = &detection.evidence.custom_metrics;
            let labels = GroupsConfig::default().labels;
            let changes: Vec<LabelChange> = super::labels_of(&detection.system_type, texts, &labels)
                .map(|(label, value)| LabelChange { label: label.into(), value: value.into(), by: 1 })
                .collect();
            room.labels_changed(&changes, systems as usize);
        }
        Self { room, told: Vec::new() }
    }

    fn event(kind: EventKind, system: u32, at: i64) -> Event {
        Event { event: kind, detection: detection(system, at) }
    }

    fn gone(&mut self, system: u32, at: i64) {
        assert!(self.room.take(&Self::event(EventKind::Opened, system, at), Millis(at)));
    }

    fn tick(&mut self, at: i64) {
        self.told.extend(self.room.tick(Millis(at)));
    }

    fn story(&self) -> Vec<(EventKind, &str)> {
        self.told.iter().map(|event| (event.event, &*event.detection.system_id)).collect()
    }
}

#[test]
fn a_zone_that_vanishes_is_one_detection_with_its_name() {
    let mut fleet = Fleet::new(10_000);
    for place in 0..1000_u32 {
        fleet.gone(place * 10 + 3, 1000 + i64::from(place));
        fleet.tick(1000 + i64::from(place));
    }
    for tick in 0..50 {
        fleet.tick(2000 + tick * 100);
    }
    assert_eq!(fleet.story()[0], (EventKind::Opened, "zone=z3"));
    assert!(fleet.story()[1..].iter().all(|told| *told == (EventKind::Changed, "zone=z3")));
    assert!(fleet.told[0].detection.timestamp <= Millis(1000 + 1000), "within 1.2 times the five seconds");
    let last = &fleet.told.last().unwrap().detection;
    assert_eq!(last.description, "System disconnection: 1000 of 1000 systems with zone = z3 are gone");
    assert_eq!(last.evidence.group.as_ref().unwrap().members.len(), 100);

    for place in 0..1000_u32 {
        let at = 1000 + i64::from(place);
        assert!(fleet.room.take(&Fleet::event(EventKind::Resolved, place * 10 + 3, at), Millis(9000)));
    }
    fleet.tick(9000);
    assert_eq!(fleet.told.last().unwrap().event, EventKind::Resolved);
    assert!(fleet.room.changed().iter().all(|(_, record)| record.is_none()), "nothing is left");
}

#[test]
fn one_waits_for_a_moment_and_is_told_alone() {
    let mut fleet = Fleet::new(1000);
    fleet.gone(3, 1000);
    fleet.tick(1700);
    assert_eq!(fleet.story(), []);
    fleet.tick(1750);
    assert_eq!(fleet.story(), [(EventKind::Opened, "s3")]);
    assert!(!fleet.room.take(&Fleet::event(EventKind::Resolved, 3, 1000), Millis(9000)), "told by itself");
}

#[test]
fn who_waits_is_looked_at_once_and_what_is_found_is_told() {
    let mut fleet = Fleet::new(1000);
    fleet.gone(3, 1000);
    let suspects = fleet.room.suspects();
    assert_eq!(suspects.len(), 1);
    assert_eq!((&*suspects[0].system_id, suspects[0].waits_s), ("s3", 0.75));
    assert_eq!(fleet.room.suspects(), []);
    // After a crash it is asked for again.
    let kept = fleet.room.changed().into_iter().filter_map(|(key, record)| Some((key, record?))).collect();
    fleet.room = Vanished::restore(GroupsConfig::default(), kept);
    assert_eq!(fleet.room.suspects(), suspects);
    let probe = ProbeEvidence {
        target: "tcp://s3:22".to_owned(),
        answered: false,
        result: "timeout".to_owned(),
        took_ms: 600.0,
        at: Millis(1600),
    };
    fleet.room.probed(suspects[0].detection_id, probe.clone());
    fleet.tick(1750);
    let told = &fleet.told[0].detection;
    assert_eq!(told.evidence.probe, Some(probe));
    assert_eq!(told.description, "System disconnection: silent; tcp://s3:22: timeout");
}

#[test]
fn one_that_comes_back_while_it_waits_was_never_gone() {
    let mut fleet = Fleet::new(1000);
    fleet.gone(3, 1000);
    assert!(fleet.room.take(&Fleet::event(EventKind::Resolved, 3, 1000), Millis(1500)));
    fleet.tick(9000);
    assert_eq!(fleet.story(), []);
}

#[test]
fn chance_is_no_explanation() {
    let mut fleet = Fleet::new(10_000);
    for place in 0..2000_u32 {
        // A fifth of all, evenly.
        fleet.gone((place * 5 + place * 7919 % 5) % 10_000, 1000 + i64::from(place % 700));
    }
    fleet.tick(9000);
    assert!(
        fleet.told.iter().all(|event| event.detection.evidence.group.is_none()),
        "{:?}",
        fleet.story()[0]
    );
}

#[test]
fn two_causes_are_two_groups_and_a_dependency_that_is_gone_itself_explains_more() {
    let mut fleet = Fleet::new(1000);
    for system in (4..1000).step_by(10) {
        fleet.gone(system, 1000);
    }
    // All that depend on s5, and s5.
    for system in 500..600 {
        if system % 10 != 4 {
            fleet.gone(system, 1000);
        }
    }
    fleet.gone(5, 1000);
    fleet.tick(9000);
    let mut names: Vec<&str> = fleet.story().iter().map(|told| told.1).collect();
    names.sort_unstable();
    assert_eq!(names, ["depends_on=s5", "zone=z4"]);
}

#[test]
fn nobody_is_told_while_the_host_is_blind() {
    let mut fleet = Fleet::new(1000);
    fleet.gone(3, 1000);
    fleet.room.blind();
    fleet.tick(60_000);
    assert_eq!(fleet.story(), []);
    fleet.room.sighted(Millis(60_000));
    fleet.tick(64_000);
    assert_eq!(fleet.story(), []);
    fleet.tick(65_000);
    assert_eq!(fleet.story(), [(EventKind::Opened, "s3")]);
}

proptest! {
    /// Whatever happens, and however often the room is left and entered again.
    #[test]
    fn everybody_is_in_one_place_and_nothing_is_left(
        steps in prop::collection::vec((0_u32..200, any::<bool>(), 0_i64..900), 1..200),
        restarts in any::<bool>(),
    ) {
        let mut fleet = Fleet::new(200);
        let mut now = 0;
        let mut gone: std::collections::BTreeMap<u32, i64> = Default::default();
        let mut alone: std::collections::BTreeSet<Uuid> = Default::default();
        let mut kept: std::collections::BTreeMap<Uuid, super::Record> = Default::default();
        let everybody: Vec<_> = (0..200).map(|system| (system, false, 0)).collect();
        for (system, leaves, after) in steps.into_iter().chain(everybody) {
            now += after;
            if !leaves {
                if let Some(at) = gone.remove(&system) {
                    let event = Fleet::event(EventKind::Resolved, system, at);
                    let mine = fleet.room.take(&event, Millis(now));
                    prop_assert_eq!(mine, !alone.remove(&event.detection.detection_id));
                }
            } else if let std::collections::btree_map::Entry::Vacant(entry) = gone.entry(system) {
                entry.insert(now);
                fleet.gone(system, now);
            }
            fleet.tick(now);
            for event in fleet.told.drain(..) {
                if event.event == EventKind::Opened && event.detection.evidence.group.is_none() {
                    alone.insert(event.detection.detection_id);
                }
            }
            for (key, record) in fleet.room.changed() {
                match record {
                    Some(record) => drop(kept.insert(key, record)),
                    None => drop(kept.remove(&key)),
                }
            }
            if restarts {
                let records = kept.clone().into_iter().collect();
                fleet.room = Vanished::restore(GroupsConfig::default(), records);
            }
        }
        fleet.tick(now);
        for (key, record) in fleet.room.changed() {
            match record {
                Some(record) => drop(kept.insert(key, record)),
                None => drop(kept.remove(&key)),
            }
        }
        prop_assert!(kept.is_empty(), "{} left", kept.len());
    }
}
