use std::collections::BTreeSet;

use super::{at, finding, incident, labels, report, run, trap};
use crate::evaluation::Class::{False, Related, Right, Trap, Wrong};
use crate::evaluation::{Class, Finding, Findings, Incident, Matching, MatchingError, Report};
use crate::model::DetectionType::{
    self, ConfigurationDrift, DependencyFailure, Disconnection, PerformanceDegradation, ResourceExhaustion,
};

/// What becomes of one detection among these incidents: its class and its incident.
fn judged(incidents: Vec<Incident>, finding: Finding) -> (Class, Option<String>) {
    let mut judged = report(incidents, vec![finding]).detections;
    let one = judged.remove(0);
    (one.class, one.incident)
}

fn one(id: &str) -> Option<String> {
    Some(id.to_owned())
}

#[test]
fn time_and_systems_decide_what_a_detection_is_about() {
    let gone = |systems: &[&str]| vec![incident("i", Disconnection, systems, 1000.0, 1100.0)];
    // The incident's systems, the detection's, its opening, whether it is about the incident.
    let cases: [(&[&str], &[&str], f64, bool); 19] = [
        (&["a"], &["a"], 1050.0, true),
        (&["a"], &["b"], 1050.0, false),
        (&["a"], &["a"], 990.0, true),
        (&["a"], &["a"], 989.999, false),
        (&["slow"], &["slow"], 940.0, true),
        (&["slow"], &["slow"], 939.999, false),
        (&["a", "slow"], &["a", "slow"], 940.0, true),
        (&["a", "slow"], &["a"], 940.0, false),
        (&["unknown"], &["unknown"], 1000.0, true),
        (&["unknown"], &["unknown"], 999.999, false),
        (&["a"], &["a"], 1220.0, true),
        (&["a"], &["a"], 1220.001, false),
        (&["a", "b", "c"], &["b"], 1000.0, true),
        (&["a", "b"], &["a", "c"], 1000.0, true),
        (&["a", "b"], &["a", "c", "d"], 1000.0, false),
        (&["a", "b"], &["a", "b", "c", "d"], 1000.0, true),
        (&["*"], &["stranger"], 1000.0, true),
        (&["*"], &["a"], 999.999, false),
        (&["*"], &["a"], 1220.0, true),
    ];
    for (theirs, systems, opened_s, touches) in cases {
        let found = judged(gone(theirs), finding(Disconnection, systems, opened_s));
        let expected = if touches { (Right, one("i")) } else { (False, None) };
        assert_eq!(found, expected, "{theirs:?} {systems:?} {opened_s}");
    }
}

#[test]
fn grace_is_at_least_three_intervals_of_the_incident() {
    let slow = || Incident { interval_s: 60.0, ..incident("i", Disconnection, &["slow"], 0.0, 100.0) };
    assert_eq!(judged(vec![slow()], finding(Disconnection, &["slow"], 280.0)).0, Right);
    assert_eq!(judged(vec![slow()], finding(Disconnection, &["slow"], 280.001)).0, False);
}

#[test]
fn a_pause_of_the_monitor_has_a_margin_of_its_own() {
    let pause = || vec![trap("pause", Disconnection, &["*"], 1000.0, 1010.0)];
    for (opened_s, class) in [(999.999, False), (1000.0, Trap), (1040.0, Trap), (1040.001, False)] {
        assert_eq!(judged(pause(), finding(Disconnection, &["a"], opened_s)).0, class, "{opened_s}");
    }
}

#[test]
fn the_type_decides_the_class() {
    let with =
        |expected: Option<DetectionType>, accepted: &[DetectionType], forbidden: &[DetectionType]| Incident {
            detection_type: expected,
            accepted: accepted.iter().copied().collect(),
            forbidden: forbidden.iter().copied().collect(),
            ..incident("i", Disconnection, &["a"], 1000.0, 1100.0)
        };
    let quiet = |incident: Incident| Incident { expected: false, ..incident };
    let cases = [
        (with(Some(Disconnection), &[], &[]), Disconnection, Right),
        (with(Some(Disconnection), &[], &[]), ResourceExhaustion, Wrong),
        (with(Some(Disconnection), &[ResourceExhaustion], &[]), ResourceExhaustion, Related),
        (with(Some(Disconnection), &[], &[ResourceExhaustion]), ResourceExhaustion, Trap),
        (with(Some(Disconnection), &[Disconnection], &[Disconnection]), Disconnection, Right),
        (with(None, &[], &[]), ResourceExhaustion, Right),
        (with(None, &[], &[]), Disconnection, Wrong),
        (with(None, &[Disconnection], &[]), Disconnection, Related),
        (quiet(with(None, &[], &[Disconnection])), Disconnection, Trap),
        (quiet(with(None, &[Disconnection], &[Disconnection])), Disconnection, Related),
        (quiet(with(None, &[], &[Disconnection])), ResourceExhaustion, False),
        (quiet(with(Some(Disconnection), &[], &[])), Disconnection, False),
    ];
    for (incident, kind, class) in cases {
        let text = format!("{incident:?} {kind:?}");
        assert_eq!(judged(vec![incident], finding(kind, &["a"], 1050.0)).0, class, "{text}");
    }
}

#[test]
fn of_overlapping_incidents_the_best_class_and_then_the_last_begun_wins() {
    let early = || incident("early", Disconnection, &["a"], 1000.0, 2000.0);
    let late = || incident("late", Disconnection, &["a"], 1500.0, 1600.0);
    let soon = || incident("soon", Disconnection, &["a"], 1705.0, 1800.0);
    let other = || incident("other", ResourceExhaustion, &["a"], 1690.0, 1700.0);
    let quiet = || trap("quiet", Disconnection, &["a"], 1690.0, 1700.0);
    let cases: [(Vec<Incident>, f64, Class, &str); 8] = [
        (vec![early(), late()], 1400.0, Right, "early"),
        (vec![early(), late()], 1550.0, Right, "late"),
        (vec![late(), early()], 1550.0, Right, "late"),
        (vec![early(), late()], 1700.0, Right, "late"),
        (vec![early(), late()], 1721.0, Right, "early"),
        // One that is about to begin yields to one that has begun.
        (vec![soon(), late(), early()], 1700.0, Right, "late"),
        (vec![early(), other(), quiet()], 1695.0, Right, "early"),
        (vec![other(), quiet()], 1695.0, Trap, "quiet"),
    ];
    for (incidents, opened_s, class, id) in cases {
        let text = format!("{incidents:?} {opened_s}");
        assert_eq!(judged(incidents, finding(Disconnection, &["a"], opened_s)), (class, one(id)), "{text}");
    }
}

#[test]
fn one_detection_finds_one_incident_only() {
    let report = report(
        vec![
            incident("early", Disconnection, &["a"], 1000.0, 2000.0),
            incident("late", Disconnection, &["a"], 1500.0, 1600.0),
        ],
        vec![finding(Disconnection, &["a"], 1550.0)],
    );
    assert_eq!((report.overall.recall.successes, report.overall.recall.trials), (1, 2));
}

#[test]
fn a_detection_that_was_over_before_the_incident_began_is_judged_by_its_opening() {
    let resolved = |opened_s, resolved_s| Finding {
        resolved: Some(at(resolved_s)),
        ..finding(Disconnection, &["a"], opened_s)
    };
    let gone = || vec![incident("i", Disconnection, &["a"], 1000.0, 1100.0)];
    assert_eq!(judged(gone(), resolved(992.0, 998.0)).0, Right, "within an interval of the beginning");
    assert_eq!(judged(gone(), resolved(900.0, 950.0)).0, False);
    assert_eq!(
        judged(gone(), resolved(900.0, 1050.0)).0,
        False,
        "open meanwhile, but opened for another reason"
    );
}

#[test]
fn time_to_detect_counts_from_the_first_evidence() {
    let gone =
        || Incident { first_observable: at(1015.0), ..incident("i", Disconnection, &["a"], 1000.0, 1100.0) };
    let cases: [(&[f64], Option<f64>); 4] = [
        (&[], None),
        (&[1050.0, 1040.0, 1060.0], Some(25.0)),
        (&[995.0, 1040.0], Some(25.0)),
        (&[995.0, 992.0], Some(-23.0)),
    ];
    for (opened, expected) in cases {
        let findings = opened.iter().map(|opened_s| finding(Disconnection, &["a"], *opened_s)).collect();
        let report = report(vec![gone()], findings);
        assert_eq!(report.incidents[0].time_to_detect_s, expected, "{opened:?}");
        assert_eq!(report.overall.time_to_detect.map(|spread| spread.median_s), expected, "{opened:?}");
    }
}

#[test]
fn lines_of_one_detection_count_once() {
    let opened = finding(Disconnection, &["a"], 1010.0);
    let mut findings = Findings::default();
    findings.add(opened.clone());
    findings.add(Finding { opened: at(1030.0), resolved: Some(at(1100.0)), ..opened.clone() });
    let all = findings.into_vec();
    assert_eq!(all, [Finding { resolved: Some(at(1100.0)), ..opened }]);

    // Two detections of one incident are two, and the incident is found once.
    let twice = vec![finding(Disconnection, &["a"], 1010.0), finding(Disconnection, &["a"], 1070.0)];
    let report = report(vec![incident("i", Disconnection, &["a"], 1000.0, 1100.0)], twice);
    assert_eq!((report.overall.detections.right, report.overall.recall.successes), (2, 1));
}

#[test]
fn lines_that_are_no_detections_are_named() {
    let good = r#"{"event":"opened","detection_id":"6c617077-696e-572d-8465-746563746900","rule_id":"r","detection_type":"disconnection","system_id":"a","timestamp":"2026-01-05T00:00:00Z","resolved_at":null}"#;
    assert_eq!(Findings::read(&format!("{good}\n\n{good}\n")).unwrap().into_vec().len(), 1);
    let cases = [
        (good.replace("disconnection", "bad_mood"), "line 2: not a detection"),
        (good.replace("\"rule_id\":\"r\",", ""), "line 2: not a detection"),
        (
            good.replace("\"system_id\":\"a\",", ""),
            "line 2: system_id: found none, expected one, or a list `systems`",
        ),
    ];
    for (line, message) in cases {
        assert_eq!(Findings::read(&format!("{good}\n{line}")).unwrap_err().to_string(), message);
    }
}

#[test]
fn rules_types_and_kinds_have_figures_of_their_own() {
    let incidents = vec![
        incident("gone", Disconnection, &["a"], 1000.0, 1100.0),
        incident("full", ResourceExhaustion, &["b"], 1000.0, 1100.0),
        incident("slow", PerformanceDegradation, &["c"], 1000.0, 1100.0),
        Incident { detection_type: None, ..incident("odd", DependencyFailure, &["d"], 1000.0, 1100.0) },
        trap("pause", Disconnection, &["*"], 5000.0, 5010.0),
    ];
    let findings = vec![
        finding(Disconnection, &["a"], 1020.0),
        finding(Disconnection, &["c"], 1020.0),
        finding(Disconnection, &["e"], 5020.0),
        finding(ResourceExhaustion, &["d"], 1030.0),
        finding(ResourceExhaustion, &["e"], 1000.0),
    ];
    let mut run = run();
    run.rules.insert("idle".to_owned(), PerformanceDegradation);
    run.rules.insert("drift".to_owned(), ConfigurationDrift);
    let report = Report::of(&labels(incidents), findings, &run);

    let shares = |name: &str| {
        let figures = &report.by_rule[name];
        [figures.precision, figures.recall].map(|share| (share.successes, share.trials))
    };
    assert_eq!(shares("rule Disconnection"), [(1, 3), (1, 1)]);
    assert_eq!(
        shares("rule ResourceExhaustion"),
        [(1, 2), (0, 1)],
        "an incident without a type asks no rule"
    );
    assert_eq!(shares("idle"), [(0, 0), (0, 1)], "a rule without detections has missed its incidents");
    assert_eq!(shares("drift"), [(0, 0), (0, 0)]);

    assert_eq!((report.overall.recall.successes, report.overall.recall.trials), (2, 4));
    assert_eq!(report.by_type[&PerformanceDegradation].recall.trials, 1);
    assert_eq!(report.overall.detections.wrong_types, 1);
    assert_eq!(report.overall.detections.traps, 1);
    assert_eq!(report.overall.detections_per_system_day, Some(0.5));
    assert_eq!(report.overall.false_alarms_per_100_system_days, Some(20.0));
    assert_eq!(report.overall.peak_per_hour, 4);
    let trap = &report.by_kind["trap"];
    assert_eq!((trap.traps, trap.traps_sprung, trap.recall.trials), (1, 1, 0));
    assert_eq!(report.incidents[3].found_by, BTreeSet::from(["rule ResourceExhaustion".to_owned()]));
    assert_eq!(report.incidents[2].found_by, BTreeSet::new());
}

#[test]
fn the_peak_is_that_of_any_hour() {
    let cases: [(&[f64], u64); 5] = [
        (&[], 0),
        (&[0.0, 3600.0], 1),
        (&[0.0, 3599.999], 2),
        (&[3000.0, 4000.0, 5000.0, 9000.0], 3),
        (&[0.0, 3000.0, 4000.0, 6599.0, 6600.0], 3),
    ];
    for (opened, peak) in cases {
        let findings = opened.iter().map(|opened_s| finding(Disconnection, &["a"], *opened_s)).collect();
        assert_eq!(report(Vec::new(), findings).overall.peak_per_hour, peak, "{opened:?}");
    }
}

#[test]
fn margins_have_a_range() {
    assert!(Matching::new(0.0, 1e9).is_ok());
    for found in [-1.0, 1.1e9, f64::INFINITY] {
        assert_eq!(Matching::new(found, 0.0), Err(MatchingError { field: "grace_s", found }));
        assert_eq!(Matching::new(0.0, found), Err(MatchingError { field: "pause_margin_s", found }));
    }
    assert!(Matching::new(f64::NAN, 0.0).is_err());
}
