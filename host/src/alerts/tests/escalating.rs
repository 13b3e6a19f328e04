use super::{Stage, at, id, kinds, silence};
use crate::alerts::{Change, Kind, Step};

const TREE: &str = r#"
repeat_interval_s = 0
[route]
receivers = ["ops"]
group_by = ["zone"]
escalation = "standard"
[[route.routes]]
name = "lab"
match = { zone = "lab" }
escalation = ""
[[escalations]]
name = "standard"
levels = [
  { after_s = 900, receivers = ["lead"] },
  { after_s = 1800, min_severity = "high", receivers = ["boss", "lead"] },
  { after_s = 3600, receivers = ["mail"] },
]
"#;

#[test]
fn levels_are_reached_in_turn_and_each_once() {
    let mut stage = Stage::new(TREE);
    stage.open(1, "severity=high");
    stage.open(2, "severity=low");
    stage.open(3, "zone=lab");
    stage.until(902.0);
    assert_eq!(stage.owed, []);
    stage.until(100_000.0);
    let owed: Vec<(u128, u32)> =
        stage.owed.iter().map(|(id, level, _)| (id.as_u128() & 0xff, *level)).collect();
    assert_eq!(owed, [(1, 1), (2, 1), (1, 2), (1, 3), (2, 3)]);
    assert_eq!(stage.owed[2].2, ["boss", "lead"]);
    assert!(stage.steps(1).contains(&Step::Escalated { level: 2 }));
}

#[test]
fn who_acknowledges_stops_it() {
    let mut stage = Stage::new(TREE);
    stage.open(1, "");
    stage.until(10.0);
    stage.acknowledge(1);
    stage.until(2000.0);
    assert_eq!(stage.owed, []);
    stage.take(&Change::Unacknowledged { id: id(1) });
    assert_eq!(stage.owed.len(), 1, "counted from when it was first told");
    assert!(stage.steps(1).contains(&Step::Acknowledged { by: "bob".into() }));
}

#[test]
fn its_audience_is_told_and_hears_of_the_end() {
    let mut stage = Stage::new(TREE);
    stage.open(1, "severity=high");
    stage.open(2, "severity=high");
    stage.until(903.0);
    let audience = vec!["ops".to_owned(), "lead".to_owned()];
    let told = stage.take(&Change::Escalated { id: id(1), level: 1, audience });
    assert_eq!(kinds(&told), [("lead", Kind::Escalation), ("ops", Kind::Escalation)]);
    assert_eq!((told[0].level, &told[0].members, told[0].route.as_str()), (1, &vec![id(1)], "root"));
    assert_ne!(told[0].dedup_key, stage.told[0].dedup_key);
    assert_eq!(told[0].dedup_key, told[1].dedup_key);
    let told = stage.resolve(1);
    let expected = [("lead", Kind::Resolved), ("ops", Kind::Resolved), ("ops", Kind::Update)];
    assert_eq!(kinds(&told), expected, "the route's group goes on");
    assert_eq!(told[0].dedup_key, told[1].dedup_key);
    assert_eq!(kinds(&stage.resolve(2)), [("ops", Kind::Resolved)]);
}

#[test]
fn an_alert_without_a_route_can_be_escalated() {
    let mut stage = Stage::new("");
    stage.open(1, "");
    let told = stage.take(&Change::Escalated { id: id(1), level: 1, audience: vec!["lead".into()] });
    assert_eq!(kinds(&told), [("lead", Kind::Escalation)]);
    assert_eq!(kinds(&stage.resolve(1)), [("lead", Kind::Resolved)]);
    assert_eq!(stage.take(&Change::Escalated { id: id(1), level: 2, audience: vec!["lead".into()] }), []);
}

#[test]
fn what_is_silenced_is_not_escalated_until_it_is_not() {
    let mut stage = Stage::new(TREE);
    stage.open(1, "");
    stage.until(10.0);
    stage.silence(100, &silence("zone=eu-1", 10.0, 1500.0));
    stage.until(1499.0);
    assert_eq!(stage.owed, []);
    assert_eq!(stage.take(&Change::Escalated { id: id(1), level: 1, audience: vec!["boss".into()] }), []);
    assert_eq!(kinds(&stage.until(1500.0)), [("boss", Kind::Escalation)]);
    assert_eq!(stage.owed.len(), 1);
}

#[test]
fn the_next_spell_is_escalated_on_its_own() {
    let mut stage = Stage::new(TREE);
    stage.open(1, "");
    stage.until(1000.0);
    stage.acknowledge(1);
    stage.resolve(1);
    stage.until(2000.0);
    stage.reopen(1, "");
    stage.until(2902.0);
    assert_eq!(stage.owed.len(), 1);
    stage.until(2903.0);
    assert_eq!(stage.owed.len(), 2);
    assert_eq!(stage.now, at(2903.0));
}
