use super::{Stage, id, kinds};
use crate::alerts::{Kind, Step};

const EACH: &str = r#"route = { receivers = ["ops"], group_by = ["system_id"] }"#;

fn paged(stage: &Stage) -> Vec<u128> {
    stage
        .told
        .iter()
        .filter(|told| told.kind == Kind::Page)
        .map(|told| told.members[0].as_u128() & 0xff)
        .collect()
}

#[test]
fn consequences_are_held_behind_the_furthest_cause() {
    let mut stage = Stage::new(EACH);
    // The consequences are noticed before the cause.
    stage.open(1, "system_id=web depends_on=db");
    stage.open(2, "system_id=api depends_on=db severity=low");
    stage.until(1.0);
    stage.open(3, "system_id=db depends_on=disk");
    stage.until(2.0);
    stage.open(4, "system_id=disk severity=high");
    let told = stage.until(100.0);
    assert_eq!(paged(&stage), [4]);
    assert_eq!(told[0].behind, 3);
    for number in 1..=3 {
        assert!(stage.steps(number).contains(&Step::DependsOn { system_id: "disk".into(), by: id(4) }));
    }
    stage.resolve(4);
    // The others are held behind the database now.
    stage.until(200.0);
    assert_eq!(paged(&stage), [4, 3]);
    assert_eq!(stage.told.last().unwrap().behind, 2);
    stage.resolve(3);
    stage.until(202.0);
    assert_eq!(paged(&stage), [4, 3]);
    stage.until(203.0);
    assert_eq!(paged(&stage), [4, 3, 1, 2]);
}

#[test]
fn only_what_is_bad_enough_explains() {
    let mut stage = Stage::new(EACH);
    stage.open(1, "system_id=db severity=low");
    stage.open(2, "system_id=web depends_on=db severity=high");
    stage.open(3, "system_id=net severity=low detection_type=disconnection");
    stage.open(4, "system_id=app depends_on=net severity=critical");
    stage.open(5, "system_id=alone depends_on=alone");
    stage.open(6, "system_id=lost depends_on=unheard");
    stage.until(10.0);
    assert_eq!(paged(&stage), [1, 2, 3, 5, 6]);
}

#[test]
fn a_ring_is_told_by_its_oldest() {
    let mut stage = Stage::new(EACH);
    stage.open(1, "system_id=a depends_on=b");
    stage.until(1.0);
    stage.open(2, "system_id=b depends_on=c");
    stage.open(3, "system_id=c depends_on=a");
    stage.open(4, "system_id=d depends_on=c");
    stage.until(10.0);
    assert_eq!(paged(&stage), [1]);
    stage.resolve(1);
    stage.until(20.0);
    assert_eq!(paged(&stage), [1, 3], "c depends on nothing that fires any more");
}

#[test]
fn other_labels_can_name_the_dependency_and_none_as_well() {
    let mut named = Stage::new(&format!("depends_on = \"parent\"\n{EACH}"));
    let mut none = Stage::new(&format!("depends_on = \"\"\n{EACH}"));
    for stage in [&mut named, &mut none] {
        stage.open(1, "system_id=db");
        stage.open(2, "system_id=web parent=db depends_on=x");
        stage.until(10.0);
    }
    assert_eq!(paged(&named), [1]);
    assert_eq!(paged(&none), [1, 2]);
    assert_eq!(kinds(&none.told), [("ops", Kind::Page), ("ops", Kind::Page)]);
}
