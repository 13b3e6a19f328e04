use super::{ROOT, Stage, id, kinds, silence};
use crate::alerts::{Kind, Step};

/// Opens and resolves once a second until it flaps.
fn flap(stage: &mut Stage) {
    stage.open(1, "");
    stage.until(10.0);
    stage.resolve(1);
    stage.until(11.0);
    stage.reopen(1, "");
    stage.until(20.0);
    stage.resolve(1);
    stage.until(21.0);
    stage.reopen(1, "");
    stage.until(22.0);
    stage.resolve(1);
}

const KINDS: [Kind; 5] = [Kind::Page, Kind::Resolved, Kind::Page, Kind::Resolved, Kind::Flapping];

#[test]
fn flapping_is_told_once_and_then_nothing_until_it_is_calm() {
    let mut stage = Stage::new(ROOT);
    flap(&mut stage);
    for second in 1..100 {
        stage.until(22.0 + f64::from(second));
        if second % 2 == 1 {
            stage.reopen(1, "")
        } else {
            stage.resolve(1)
        };
    }
    assert_eq!(stage.told.iter().map(|told| told.kind).collect::<Vec<_>>(), KINDS);
    assert!(stage.steps(1).iter().any(|step| matches!(step, Step::Flapping { score } if *score > 4.9)));
    let told = stage.until(20_000.0);
    assert_eq!(kinds(&told)[0], ("ops", Kind::Page), "it fires now that it is calm");
    assert!(stage.steps(1).contains(&Step::Calm));
    assert_eq!(kinds(&stage.resolve(1)), [("ops", Kind::Resolved)]);
}

#[test]
fn what_is_over_when_it_is_calm_is_told_as_over() {
    let mut stage = Stage::new(ROOT);
    flap(&mut stage);
    let told = stage.until(20_000.0);
    assert_eq!(kinds(&told), [("ops", Kind::Resolved)]);
    // Six changes are less than two after log2(3) half-lives.
    let minutes = (told[0].at.0 - super::at(22.0).0) / 60_000;
    assert!((22..=24).contains(&minutes), "{minutes}");
    assert_eq!(stage.records.keys().collect::<Vec<_>>(), ["room"]);
}

#[test]
fn a_person_ends_it_at_once() {
    let mut stage = Stage::new(ROOT);
    flap(&mut stage);
    assert_eq!(kinds(&stage.close(1)), [("ops", Kind::Resolved)]);
    stage.until(30.0);
    stage.reopen(1, "");
    assert_eq!(kinds(&stage.until(40.0)), [("ops", Kind::Page)], "what was counted is forgotten");
}

#[test]
fn a_new_alert_of_the_same_rule_and_system_is_held_as_well() {
    let mut stage = Stage::new(ROOT);
    flap(&mut stage);
    stage.until(60.0);
    stage.open(2, "system_id=system-1");
    assert_eq!(stage.until(600.0).len(), 0);
    stage.open(3, "system_id=other");
    assert_eq!(stage.until(604.0).len(), 1, "others are not");
    let told = stage.until(3000.0);
    assert_eq!(kinds(&told), [("ops", Kind::Page)]);
    assert!(told[0].members.contains(&id(2)));
    assert!(
        stage.steps(1).contains(&Step::Notified { receiver: "ops".into(), kind: Kind::Page }),
        "told as over"
    );
}

#[test]
fn flapping_within_the_wait_is_told_as_such() {
    let mut stage = Stage::new(ROOT);
    for _ in 0..3 {
        stage.open(1, "");
        stage.resolve(1);
    }
    assert_eq!(kinds(&stage.told), [("ops", Kind::Flapping)]);
    stage.open(1, "");
    assert_eq!(stage.until(600.0).len(), 0);
    assert_eq!(kinds(&stage.until(3000.0)), [("ops", Kind::Page)]);
}

#[test]
fn flapping_in_a_silence_is_told_after_it() {
    let mut stage = Stage::new(ROOT);
    stage.silence(100, &silence("zone=eu-1", 0.0, 60.0));
    for _ in 0..3 {
        stage.open(1, "");
        stage.resolve(1);
    }
    stage.open(1, "");
    assert_eq!(stage.until(59.0).len(), 0);
    assert_eq!(kinds(&stage.until(60.0)), [("ops", Kind::Flapping)]);
}
