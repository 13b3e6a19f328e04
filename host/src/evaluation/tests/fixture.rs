//! A run of the fleet generator, scored by `score_detections.py`: its detections, and made ones of every
//! class.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::evaluation::{Difference, Findings, Labels, Matching, Report, Run, Spread};

const INCIDENTS: &str = include_str!("fixtures/incidents.json");
const DETECTIONS: &str = include_str!("fixtures/detections.ndjson");
const SCORED: &str = include_str!("fixtures/scored.json");

fn evaluated() -> Report {
    let labels = Labels::from_json(INCIDENTS).unwrap();
    let findings = Findings::read(DETECTIONS).unwrap().into_vec();
    let extent = labels.extent().unwrap();
    Report::of(&labels, findings, &Run { rules: BTreeMap::new(), extent, matching: Matching::default() })
}

/// The scorer rounds: to four digits for shares, to three for seconds.
fn is_near(found: Option<f64>, scored: &Value) -> bool {
    match (found, scored.as_f64()) {
        (Some(found), Some(scored)) => (found - scored).abs() < 1.1e-3,
        (found, scored) => found.is_none() && scored.is_none(),
    }
}

fn is_spread(found: Option<Spread>, scored: &Value) -> bool {
    is_near(found.map(|s| s.median_s), &scored["p50"]) && is_near(found.map(|s| s.p99_s), &scored["p99"])
}

#[test]
fn figures_are_those_of_the_scorer() {
    let scored: Value = serde_json::from_str(SCORED).unwrap();
    let report = evaluated();
    let all = &report.overall;
    let counts = &all.detections;
    let theirs = ["detections", "right", "related", "trap", "wrong", "false"]
        .map(|class| scored["overall"][class].as_u64().unwrap());
    assert!(theirs.iter().all(|count| *count > 0), "every class occurs");
    assert_eq!(
        [counts.all(), counts.right, counts.related, counts.traps, counts.wrong_types, counts.unmatched],
        theirs
    );
    assert!(is_near(all.precision.share, &scored["overall"]["precision"]));
    assert!(is_near(all.recall.share, &scored["overall"]["recall"]));
    assert!(is_spread(all.time_to_detect, &scored["overall"]["detect_s"]));
    let a_day = all.false_alarms_per_100_system_days.map(|alarms| alarms / 100.0);
    assert!(is_near(a_day, &scored["overall"]["false_alarms_per_system_day"]));

    let kinds = scored["kinds"].as_object().unwrap();
    let traps = scored["traps"].as_object().unwrap();
    assert_eq!(report.by_kind.len(), kinds.len() + traps.len());
    for (kind, scored) in kinds {
        let found = &report.by_kind[kind];
        assert_eq!(Some(found.recall.trials), scored["incidents"].as_u64(), "{kind}");
        assert_eq!(Some(found.recall.successes), scored["detected"].as_u64(), "{kind}");
        assert!(is_spread(found.time_to_detect, &scored["detect_s"]), "{kind}: {found:?}");
    }
    for (kind, scored) in traps {
        let found = &report.by_kind[kind];
        assert_eq!(Some(found.traps), scored["traps"].as_u64(), "{kind}");
        assert_eq!(Some(found.traps_sprung), scored["sprung"].as_u64(), "{kind}");
        assert_eq!(Some(found.detections.traps), scored["detections"].as_u64(), "{kind}");
    }
}

#[test]
fn a_report_that_was_written_and_read_differs_in_nothing() {
    let report = evaluated();
    let read: Report = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!((&read.incidents.len(), &read.detections), (&report.incidents.len(), &report.detections));
    let difference = Difference::between(&report, &read).unwrap();
    assert!(difference.found_only_by_a.is_empty() && difference.false_alarms_only_of_b.is_empty());
    let deltas =
        difference.by_kind.values().chain(difference.by_rule.values()).chain(difference.by_type.values());
    assert!(deltas.chain([&difference.overall]).flatten().all(|delta| !delta.is_change()));
}
