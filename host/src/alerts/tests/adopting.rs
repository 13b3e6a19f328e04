use super::{ROOT, Stage, id, kinds};
use crate::alerts::{Alerts, Kind};

#[test]
fn nothing_is_told_twice_to_the_same_receiver() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "");
    stage.open(2, "zone=us");
    stage.until(10.0);
    let before = stage.told[0].dedup_key.clone();
    // Other groups, and one more receiver.
    let told = stage.adopt(r#"route = { receivers = ["ops", "mail"], group_by = ["rule_id"] }"#);
    assert_eq!(stage.until(100.0), []);
    assert_eq!((kinds(&told), told[0].firing), (vec![("mail", Kind::Page)], 2));
    assert_ne!(told[0].dedup_key, before);
    stage.open(3, "");
    let told = stage.until(400.0);
    assert_eq!(kinds(&told), [("ops", Kind::Update), ("mail", Kind::Update)]);
    let told = stage.resolve(1);
    assert_eq!(kinds(&told), [("ops", Kind::Resolved)], "what was begun is ended");
    assert_eq!(told[0].dedup_key, before);
    stage.resolve(2);
    let told = stage.resolve(3);
    assert_eq!(kinds(&told), [("mail", Kind::Resolved), ("ops", Kind::Resolved)]);
    stage.until(1e5);
    assert_eq!(stage.records.keys().collect::<Vec<_>>(), ["room"]);
}

#[test]
fn a_group_that_is_still_there_goes_on() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "");
    stage.until(10.0);
    let told = stage.adopt(
        r#"route = { receivers = ["mail", "ops"], group_by = ["rule_id", "zone"], repeat_interval_s = 60 }"#,
    );
    assert_eq!(kinds(&told), [("mail", Kind::Page)]);
    assert_eq!(told[0].dedup_key, stage.told[0].dedup_key);
    assert_eq!(kinds(&stage.until(63.0)), [], "a page to one is not yet sixty seconds ago to the other");
    assert_eq!(kinds(&stage.until(70.0)), [("mail", Kind::Repeat), ("ops", Kind::Repeat)]);
}

#[test]
fn rules_that_are_gone_hold_nothing() {
    let hidden =
        format!("{ROOT}\n[[inhibit]]\nsource = {{ severity = \"high\" }}\ntarget = {{ severity = \"low\" }}");
    let mut stage = Stage::new(&hidden);
    stage.open(1, "severity=high");
    stage.open(2, "severity=low rule_id=disk");
    assert_eq!(stage.until(100.0).len(), 1);
    let told = stage.adopt(ROOT);
    assert_eq!(told[0].members, [id(2)]);
    stage.adopt("");
    assert_eq!(stage.until(1e5).len(), 0);
    assert_eq!(kinds(&stage.resolve(1)), [("ops", Kind::Resolved)]);
}

#[test]
fn a_restart_with_another_configuration_adopts_it() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "");
    stage.until(10.0);
    let other = super::plan(r#"route = { receivers = ["mail"], group_by = [] }"#);
    let records = stage.records.iter().map(|(key, bytes)| (key.as_str(), bytes.as_slice()));
    let mut restored = Alerts::restore(other, records).unwrap();
    let mut found = Vec::new();
    restored.tick(stage.now, &mut found);
    restored.tick(stage.now.plus_seconds(3.0), &mut found);
    let told: Vec<_> = found
        .iter()
        .filter_map(|decision| match decision {
            crate::alerts::Decision::Notify(told) => Some((told.receiver.as_str(), told.kind)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [("mail", Kind::Page)]);
}

#[test]
fn records_that_cannot_be_read_are_named() {
    let restore = |key: &str, bytes: &[u8]| {
        let records = [(key, bytes)];
        Alerts::restore(super::plan(ROOT), records).unwrap_err().to_string()
    };
    assert!(restore("alert/x", b"\x01").contains("alerts record alert/x: expected room, or"));
    assert!(restore("room", b"").contains("alerts record room:"));
    assert!(restore("room", b"\x02").contains("found version 2, expected 1"));
    assert!(restore("room", b"\x01\x10").contains("alerts record room:"));
}
