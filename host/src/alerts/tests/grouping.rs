use super::{ROOT, Stage, at, id, kinds, labels};
use crate::alerts::{Kind, Step};

#[test]
fn a_thousand_alerts_of_a_zone_are_one_page_and_updates() {
    let mut stage = Stage::new(ROOT);
    for number in 0..1000 {
        stage.until(0.06 * number as f64);
        stage.open(number, "");
    }
    stage.until(400.0);
    let told: Vec<(Kind, usize, i64)> =
        stage.told.iter().map(|told| (told.kind, told.firing, (told.at.0 - at(0.0).0) / 1000)).collect();
    assert_eq!(told[0], (Kind::Page, 50, 3));
    // Ten times fifty fire after thirty seconds.
    assert_eq!(told[1], (Kind::Update, 500, 29));
    assert_eq!(told[2], (Kind::Update, 1000, 329));
    assert_eq!(told.len(), 3);
    let page = &stage.told[0];
    assert_eq!((page.group.get("zone"), page.common.get("zone")), ("eu-1", "eu-1"));
    assert_eq!(page.members[0], id(0));
    assert_eq!(stage.told[2].members.len(), 50);
    assert!(stage.told.iter().all(|told| told.dedup_key == page.dedup_key));
    for number in 0..1000 {
        stage.resolve(number);
    }
    assert_eq!(kinds(&stage.told[3..]), [("ops", Kind::Resolved)]);
    assert_eq!((stage.told[3].firing, stage.told[3].resolved), (0, 1000));
    stage.until(1e6);
    assert_eq!(stage.told.len(), 4);
    assert_eq!(stage.records.keys().collect::<Vec<_>>(), ["room"], "nothing is left");
}

#[test]
fn growth_updates_keep_their_distance() {
    let mut stage = Stage::new(ROOT);
    stage.open(0, "");
    stage.until(3.0);
    for number in 1..10 {
        stage.open(number, "");
    }
    assert_eq!(stage.told.len(), 1);
    assert_eq!(stage.until(12.9).len(), 0);
    let told = stage.until(13.0);
    assert_eq!((kinds(&told), told[0].firing), (vec![("ops", Kind::Update)], 10));
    stage.open(10, "");
    assert_eq!(stage.until(300.0).len(), 0);
    assert_eq!(stage.until(313.0)[0].firing, 11);
}

#[test]
fn what_is_over_before_it_is_told_is_never_told() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "");
    stage.until(2.0);
    stage.resolve(1);
    stage.until(1e5);
    assert_eq!(stage.told, []);
}

#[test]
fn what_was_told_is_told_again_only_after_the_repeat_interval() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "");
    assert_eq!(kinds(&stage.until(3.0)), [("ops", Kind::Page)]);
    stage.open(1, "");
    assert_eq!(stage.until(14_402.0).len(), 0);
    assert_eq!(kinds(&stage.until(14_403.0)), [("ops", Kind::Repeat)]);
    stage.acknowledge(1);
    assert_eq!(stage.until(50_000.0).len(), 0);
    let told = stage.take(&crate::alerts::Change::Unacknowledged { id: id(1) });
    assert_eq!(kinds(&told), [("ops", Kind::Repeat)]);
    let told = stage.resolve(1);
    assert_eq!((kinds(&told), told[0].resolved), (vec![("ops", Kind::Resolved)], 1));
    let mut silent = Stage::new(&format!("repeat_interval_s = 0\n{ROOT}"));
    silent.open(1, "");
    assert_eq!(silent.until(1e7).len(), 1);
}

#[test]
fn a_group_that_got_worse_is_paged_at_once_and_others_wait() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "severity=medium");
    stage.until(10.0);
    assert_eq!(kinds(&stage.open(2, "severity=high")), [("ops", Kind::Page)]);
    assert_eq!(stage.open(3, "severity=high").len(), 0);
    assert_eq!(stage.open(4, "severity=low").len(), 0);
    assert_eq!(stage.until(309.0).len(), 0);
    let told = stage.until(310.0);
    assert_eq!((kinds(&told), told[0].firing), (vec![("ops", Kind::Update)], 4));
    assert_eq!(told[0].members, [id(2), id(3), id(1), id(4)], "worst and oldest first");
    assert_eq!(
        kinds(&stage.open(4, "severity=critical")),
        [("ops", Kind::Page)],
        "one that was told got worse"
    );
}

#[test]
fn members_that_are_over_are_told_with_the_update_and_the_last_at_once() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "");
    stage.open(2, "");
    stage.until(10.0);
    assert_eq!(stage.resolve(1).len(), 0);
    let told = stage.until(303.0);
    assert_eq!((told[0].kind, told[0].firing, told[0].resolved), (Kind::Update, 1, 1));
    assert!(stage.steps(1).contains(&Step::Notified { receiver: "ops".into(), kind: Kind::Update }));
    let told = stage.resolve(2);
    assert_eq!((kinds(&told), told[0].resolved), (vec![("ops", Kind::Resolved)], 2));
    stage.until(310.0);
    stage.open(3, "");
    let again = stage.until(320.0);
    assert_eq!(kinds(&again), [("ops", Kind::Page)]);
    assert_ne!(again[0].dedup_key, told[0].dedup_key, "the group's next life");
}

#[test]
fn one_that_comes_back_before_its_end_was_told_changes_nothing() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "");
    stage.open(2, "");
    stage.until(10.0);
    stage.resolve(1);
    stage.until(20.0);
    assert_eq!(stage.reopen(1, "").len(), 0);
    assert_eq!(stage.until(1000.0).len(), 0);
    stage.resolve(1);
    assert_eq!(kinds(&stage.resolve(2)), [("ops", Kind::Resolved)]);
    assert_eq!(stage.told.last().unwrap().resolved, 2);
}

#[test]
fn groups_are_told_apart_by_what_they_are_grouped_by() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "zone=a rule_id=b");
    stage.open(2, "zone=ab rule_id=");
    stage.open(3, "zone= rule_id=ab");
    assert_eq!(stage.until(3.0).len(), 3);
    let group = &stage.told[0].group;
    assert_eq!(group, &labels("zone=a rule_id=b"));
}

#[test]
fn the_first_route_that_matches_takes_it_unless_it_lets_go_on() {
    let mut stage = Stage::new(
        r#"
        [route]
        receivers = ["ops"]
        group_by = ["zone"]
        [[route.routes]]
        name = "all"
        match = { system_type = "db" }
        receivers = ["db-team", "ops"]
        continue = true
        [[route.routes]]
        name = "nobody"
        match = { zone = "lab" }
        receivers = []
        [[route.routes]]
        name = "slow"
        match = { zone = "~eu-.*" }
        group_wait_s = 60
        "#,
    );
    stage.open(1, "zone=lab");
    assert_eq!(stage.steps(1), [Step::Nobody { route: "root/nobody".into() }]);
    stage.open(2, "zone=eu-1");
    let until = at(60.0);
    assert_eq!(stage.steps(2), [Step::Waiting { route: "root/slow".into(), until }]);
    stage.open(3, "zone=us");
    assert_eq!(kinds(&stage.until(3.0)), [("ops", Kind::Page)]);
    stage.until(60.0);
    assert_eq!(stage.told[1].route, "root/slow");
    stage.open(4, "zone=eu-2 system_type=db");
    assert_eq!(kinds(&stage.until(200.0)), [("db-team", Kind::Page), ("ops", Kind::Page)], "each once");
    assert_eq!(kinds(&stage.resolve(4)), [("db-team", Kind::Resolved), ("ops", Kind::Resolved)]);
}

#[test]
fn without_a_tree_steps_are_noted() {
    let mut stage = Stage::new("");
    stage.open(1, "");
    stage.until(1e6);
    assert_eq!(stage.steps(1), [Step::NoRoute]);
    stage.resolve(1);
    assert_eq!(stage.told, []);
}

#[test]
fn forgotten_alerts_are_over() {
    let mut stage = Stage::new(ROOT);
    stage.open(1, "");
    stage.until(5.0);
    assert_eq!(kinds(&stage.take(&crate::alerts::Change::Gone { id: id(1) })), [("ops", Kind::Resolved)]);
    assert_eq!(stage.take(&crate::alerts::Change::Gone { id: id(1) }).len(), 0);
}
