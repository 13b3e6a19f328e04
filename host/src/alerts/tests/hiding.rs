use super::{ROOT, START, Stage, at, id, kinds, silence};
use crate::alerts::{Decision, Kind, NewSilence, SilenceError, Step};
use crate::time::Millis;

#[test]
fn what_is_silenced_is_told_when_the_silence_ends() {
    let mut stage = Stage::new(ROOT);
    stage.silence(100, &silence("zone=eu-1", 0.0, 60.0));
    stage.open(1, "");
    assert_eq!(stage.until(59.0).len(), 0);
    assert_eq!(stage.steps(1), [Step::Silenced { silence: id(100) }]);
    let told = stage.until(60.0);
    assert_eq!((kinds(&told), told[0].at), (vec![("ops", Kind::Page)], at(60.0)));
    stage.until(100.0);
    stage.silence(101, &silence("zone=eu-1", 100.0, 1000.0));
    assert_eq!(kinds(&stage.resolve(1)), [("ops", Kind::Resolved)], "it was told, so its end is");
}

#[test]
fn what_is_over_within_a_silence_is_never_told() {
    let mut stage = Stage::new(ROOT);
    stage.silence(100, &silence("zone=~eu-.*", 0.0, 60.0));
    stage.open(1, "");
    stage.until(30.0);
    stage.resolve(1);
    stage.until(1e5);
    assert_eq!(stage.told, []);
}

#[test]
fn a_silence_starts_when_it_says_and_can_be_ended_early() {
    let mut stage = Stage::new(ROOT);
    stage.silence(100, &silence("zone=eu-1", 10.0, 1000.0));
    stage.open(1, "");
    assert_eq!(stage.until(9.0).len(), 1);
    stage.open(2, "zone=eu-1 rule_id=disk");
    stage.until(20.0);
    assert!(stage.steps(2).contains(&Step::Silenced { silence: id(100) }));
    assert_eq!(kinds(&stage.end_silence(100)), [("ops", Kind::Page)]);
    let (again, _) = stage.both(|alerts, now, out| alerts.end_silence(id(100), now, out));
    assert_eq!(again, Err(SilenceError::Ended { id: id(100), ends: at(20.0) }));
    let (unknown, _) = stage.both(|alerts, now, out| alerts.end_silence(id(5), now, out));
    assert_eq!(unknown, Err(SilenceError::Unknown { id: id(5) }));
    assert_eq!(stage.steady.silences().count(), 1);
    stage.until(20.0 + 86_399.0);
    assert_eq!(stage.steady.silences().count(), 1);
    stage.until(20.0 + 86_400.0);
    assert_eq!(stage.steady.silences().count(), 0);
    assert!(!stage.records.keys().any(|key| key.starts_with("silence")));
}

#[test]
fn another_silence_goes_on_hiding() {
    let mut stage = Stage::new(ROOT);
    stage.silence(100, &silence("zone=eu-1", 0.0, 60.0));
    stage.silence(101, &silence("rule_id=cpu", 0.0, 30.0));
    stage.silence(102, &silence("severity=<high", 50.0, 90.0));
    stage.open(1, "");
    assert_eq!(stage.until(89.0).len(), 0);
    assert_eq!(stage.until(90.0).len(), 1);
}

#[test]
fn silences_that_are_not_meant_are_refused() {
    let good = silence("zone=eu-1", 0.0, 60.0);
    let none = NewSilence { matchers: crate::alerts::Matchers::default(), ..good.clone() };
    assert!(NewSilence { everything: true, ..none.clone() }.check(id(1), at(0.0)).is_ok());
    for (wrong, expected) in [
        (NewSilence { ends: None, ..good.clone() }, "ends: a silence needs an end"),
        (NewSilence { ends: Some(at(-1.0)), ..good.clone() }, "expected a time after"),
        (NewSilence { starts: Some(at(60.0)), ..good.clone() }, "expected a time after"),
        (NewSilence { ends: Some(at(365.0 * 86_400.0 + 1.0)), ..good.clone() }, "at most 365 days"),
        (
            NewSilence { ends: Some(Millis(i64::MAX)), starts: Some(Millis(i64::MIN)), ..good.clone() },
            "at most 365",
        ),
        (NewSilence { owner: " ".into(), ..good.clone() }, "owner: a silence needs"),
        (NewSilence { comment: "x".repeat(2000), ..good.clone() }, "comment: 2000 bytes"),
        (none, "everything = true"),
    ] {
        let error = wrong.check(id(1), Millis(START)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let read: NewSilence = serde_json::from_str(
        r#"{"matchers": {"zone": "~eu-.*"}, "owner": "a", "ends": "2026-01-06T00:00:00Z"}"#,
    )
    .unwrap();
    assert!(read.check(id(1), Millis(START)).is_ok());
}

#[test]
fn there_is_room_for_ten_thousand_silences() {
    let mut alerts = crate::alerts::Alerts::new(super::plan(ROOT));
    let mut out = Vec::new();
    let mut add = |number: u64, now: f64| {
        alerts.add_silence(
            silence("zone=eu-1", now, now + 10.0 + (number / 5000) as f64 * 1000.0),
            id(number),
            at(now),
            &mut out,
        )
    };
    for number in 0..10_000 {
        add(number, 0.0).unwrap();
    }
    assert_eq!(add(10_000, 0.0), Err(SilenceError::Full));
    assert_eq!(add(0, 0.0), Err(SilenceError::Taken { id: id(0) }));
    assert!(add(10_001, 20.0).is_ok(), "the oldest that has ended makes room");
    assert_eq!(alerts.silences().count(), 10_000);
    assert!(alerts.silences().all(|silence| silence.id != id(0)));
    assert!(out.iter().all(|decision| matches!(decision, Decision::Note { .. })));
}

#[test]
fn a_preview_is_what_would_be_hidden() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "zone=a");
    stage.open(2, "zone=b");
    stage.open(3, "zone=b");
    stage.resolve(3);
    let found: Vec<_> = stage.steady.preview(&super::conditions("zone=~b|c")).collect();
    assert_eq!(found, [id(2)]);
}

const INHIBIT: &str = r#"
route = { receivers = ["ops"], group_by = ["rule_id", "system_id"] }
[[inhibit]]
source = { detection_type = "disconnection", severity = ">=high" }
target = { severity = "<high" }
equal = ["zone"]
"#;

#[test]
fn a_source_hides_its_targets_until_it_is_over() {
    let mut stage = Stage::new(INHIBIT);
    stage.open(1, "severity=medium");
    stage.until(2.0);
    stage.open(2, "severity=high detection_type=disconnection");
    stage.open(3, "severity=medium zone=us");
    let told = stage.until(60.0);
    assert_eq!(
        told.iter().map(|told| told.members[0]).collect::<Vec<_>>(),
        [id(2), id(3)],
        "decided at the flush"
    );
    assert!(stage.steps(1).contains(&Step::Inhibited { by: id(2), rule: 0 }));
    assert_eq!(kinds(&stage.resolve(2)), [("ops", Kind::Resolved)]);
    assert_eq!(stage.until(62.9).len(), 0);
    let told = stage.until(63.0);
    assert_eq!((kinds(&told), told[0].members[0]), (vec![("ops", Kind::Page)], id(1)));
}

#[test]
fn a_source_is_not_its_own_target() {
    let both = r#"
        route = { receivers = ["ops"], group_by = ["system_id"] }
        [[inhibit]]
        source = { severity = "high" }
        target = { zone = "eu-1" }
    "#;
    let mut stage = Stage::new(both);
    stage.open(1, "severity=high");
    stage.open(2, "severity=high");
    stage.open(3, "severity=low");
    assert_eq!(stage.until(10.0).len(), 2);
    stage.resolve(1);
    assert_eq!(stage.until(20.0).len(), 0);
    stage.resolve(2);
    assert_eq!(stage.until(30.0).iter().map(|told| told.members[0]).collect::<Vec<_>>(), [id(3)]);
}

const WINDOWS: &str = r#"
[route]
receivers = ["ops"]
group_by = ["zone"]
[[route.routes]]
name = "lab"
match = { zone = "lab" }
mute = ["night"]
[[maintenance]]
name = "night"
owner = "alice"
days = ["mon"]
start = "01:00"
duration_s = 3600
[[maintenance]]
name = "move"
match = { zone = "eu-1" }
owner = "alice"
dates = ["2026-01-05"]
start = "02:00"
duration_s = 600
"#;

#[test]
fn a_muted_route_is_quiet_until_the_window_is_over() {
    let mut stage = Stage::new(WINDOWS);
    stage.until(3590.0);
    stage.open(1, "zone=lab");
    stage.until(3595.0);
    stage.until(3610.0);
    stage.open(2, "zone=lab severity=low");
    stage.open(3, "zone=lab rule_id=disk severity=high");
    stage.open(4, "zone=eu-1");
    stage.until(7199.0);
    assert_eq!(kinds(&stage.told), [("ops", Kind::Page), ("ops", Kind::Page)], "one before, one elsewhere");
    assert_eq!(stage.steps(2), [Step::Muted { window: "night".into(), route: "root/lab".into() }]);
    let told = stage.until(7200.0);
    assert_eq!((kinds(&told), told[0].firing), (vec![("ops", Kind::Page)], 3));
    assert!(stage.steps(4).contains(&Step::Maintenance { window: "move".into() }), "noted when it begins");
    assert_eq!(stage.until(7800.0).len(), 0, "it was told before");
}

#[test]
fn a_muted_group_still_tells_its_end() {
    let mut stage = Stage::new(WINDOWS);
    stage.until(3500.0);
    stage.open(1, "zone=lab");
    stage.until(4000.0);
    assert_eq!(kinds(&stage.resolve(1)), [("ops", Kind::Resolved)]);
}

#[test]
fn maintenance_hides_what_it_matches() {
    let mut stage = Stage::new(WINDOWS);
    stage.until(7300.0);
    stage.open(1, "zone=eu-1");
    stage.open(2, "zone=eu-2");
    assert_eq!(stage.until(7799.0).len(), 1);
    assert_eq!(stage.steps(1), [Step::Maintenance { window: "move".into() }]);
    assert_eq!(kinds(&stage.until(7800.0)), [("ops", Kind::Page)]);
}

#[test]
fn a_group_whose_other_members_are_hidden_ends_and_begins_anew() {
    let mut stage = Stage::new(ROOT);
    stage.silence(100, &silence("system_id=hidden", 0.0, 600.0));
    stage.open(1, "");
    stage.open(2, "system_id=hidden");
    stage.until(10.0);
    assert_eq!(kinds(&stage.resolve(1)), [("ops", Kind::Resolved)]);
    let told = stage.until(600.0);
    assert_eq!(kinds(&told), [("ops", Kind::Page)]);
    assert_ne!(told[0].dedup_key, stage.told[0].dedup_key);
}

#[test]
fn a_group_hidden_at_its_repeat_is_repeated_later() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "");
    stage.until(14_000.0);
    stage.silence(100, &silence("zone=eu-1", 14_000.0, 20_000.0));
    assert_eq!(stage.until(19_999.0).len(), 0);
    assert_eq!(kinds(&stage.until(20_000.0)), [("ops", Kind::Repeat)]);
    assert_eq!(kinds(&stage.until(34_400.0)), [("ops", Kind::Repeat)]);
}
