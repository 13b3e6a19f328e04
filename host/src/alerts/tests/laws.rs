//! Whatever comes in: a restart changes nothing, who was told hears of the end, and nobody is left waiting.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Stage, id, silence};
use crate::alerts::group::Purpose;
use crate::alerts::{Change, Kind, Step};

const PLANS: [&str; 3] = [
    r#"
    repeat_interval_s = 1000
    [route]
    receivers = ["ops"]
    group_by = ["zone"]
    escalation = "standard"
    [[route.routes]]
    name = "db"
    match = { rule_id = "~d.*" }
    receivers = ["db-team", "ops"]
    continue = true
    [[route.routes]]
    name = "lab"
    match = { zone = "b" }
    mute = ["hourly"]
    [[inhibit]]
    source = { severity = "critical" }
    target = { severity = "<high" }
    equal = ["zone"]
    [[maintenance]]
    name = "hourly"
    match = { system_id = "s3" }
    owner = "alice"
    days = ["mon"]
    start = "00:05"
    duration_s = 900
    [[escalations]]
    name = "standard"
    levels = [{ after_s = 60, receivers = ["lead"] }, { after_s = 600, receivers = ["boss"] }]
    "#,
    r#"
    group_wait_s = 0
    flap_half_life_s = 60
    flap_high = 3
    [route]
    receivers = ["ops", "mail"]
    group_by = ["zone", "rule_id"]
    "#,
    r#"
    depends_on = ""
    [route]
    receivers = []
    [[route.routes]]
    name = "lab"
    match = { zone = "b" }
    receivers = ["ops"]
    "#,
];

#[derive(Clone, Debug)]
enum Act {
    Open(u64, u8, u8),
    Reopen(u64, u8, u8),
    Resolve(u64),
    Close(u64),
    Acknowledge(u64),
    Unacknowledge(u64),
    Escalate(u64, u32),
    Gone(u64),
    Silence(u8, u16),
    EndSilence(u8),
    Adopt(usize),
    Pass(f64),
}

fn act() -> impl Strategy<Value = Act> {
    let alert = 0_u64..8;
    prop_oneof![
        6 => (alert.clone(), 0_u8..4, 0_u8..4).prop_map(|(alert, a, b)| Act::Open(alert, a, b)),
        3 => (alert.clone(), 0_u8..4, 0_u8..4).prop_map(|(alert, a, b)| Act::Reopen(alert, a, b)),
        6 => alert.clone().prop_map(Act::Resolve),
        1 => alert.clone().prop_map(Act::Close),
        1 => alert.clone().prop_map(Act::Acknowledge),
        1 => alert.clone().prop_map(Act::Unacknowledge),
        1 => (alert.clone(), 1_u32..3).prop_map(|(alert, level)| Act::Escalate(alert, level)),
        1 => alert.prop_map(Act::Gone),
        1 => (0_u8..4, 1_u16..2000).prop_map(|(which, ends)| Act::Silence(which, ends)),
        1 => (0_u8..4).prop_map(Act::EndSilence),
        1 => (0_usize..3).prop_map(Act::Adopt),
        8 => prop_oneof![Just(0.5), Just(3.0), Just(60.0), 0.0..400.0].prop_map(Act::Pass),
    ]
}

/// An alert is always of the same system; its rule and zone follow from its number, its severity and dependency vary.
fn text(number: u64, severity: u8, depends: u8) -> String {
    let severity = ["low", "medium", "high", "critical"][usize::from(severity)];
    let rule = ["cpu", "disk", "db"][number as usize % 3];
    let zone = ["a", "b"][number as usize % 2];
    format!("system_id=s{} rule_id={rule} zone={zone} severity={severity} depends_on=s{depends}", number / 2)
}

fn play(stage: &mut Stage, act: &Act) {
    let seconds = stage.now.seconds_since(super::at(0.0));
    let _: Vec<_> = match *act {
        Act::Open(alert, severity, depends) => stage.open(alert, &text(alert, severity, depends)),
        Act::Reopen(alert, severity, depends) => stage.reopen(alert, &text(alert, severity, depends)),
        Act::Resolve(alert) => stage.resolve(alert),
        Act::Close(alert) => stage.close(alert),
        Act::Acknowledge(alert) => stage.acknowledge(alert),
        Act::Unacknowledge(alert) => stage.take(&Change::Unacknowledged { id: id(alert) }),
        Act::Escalate(alert, level) => {
            stage.take(&Change::Escalated { id: id(alert), level, audience: vec!["lead".into()] })
        }
        Act::Gone(alert) => stage.take(&Change::Gone { id: id(alert) }),
        Act::Silence(which, ends) => {
            let text = ["zone=a", "system_id=~s[01]", "severity=<high", "rule_id=!=cpu"][usize::from(which)];
            let new = silence(text, seconds + f64::from(ends % 7), seconds + 10.0 + f64::from(ends));
            stage
                .both(|alerts, now, out| {
                    alerts.add_silence(new.clone(), id(100 + u64::from(which)), now, out).is_ok()
                })
                .1
        }
        Act::EndSilence(which) => {
            stage.both(|alerts, now, out| alerts.end_silence(id(100 + u64::from(which)), now, out).is_ok()).1
        }
        Act::Adopt(plan) => stage.adopt(PLANS[plan]),
        Act::Pass(pass) => stage.until(seconds + pass),
    };
}

/// Everybody who was told of a group hears once, and last, that it is over.
fn every_end_is_told(stage: &Stage) {
    let mut threads: BTreeMap<(&str, &str), Vec<Kind>> = BTreeMap::new();
    for told in &stage.told {
        threads.entry((&told.receiver, &told.dedup_key)).or_default().push(told.kind);
    }
    for (thread, kinds) in threads {
        let ends = kinds.iter().filter(|&&kind| kind == Kind::Resolved).count();
        assert_eq!((ends, kinds.last()), (1, Some(&Kind::Resolved)), "{thread:?}: {kinds:?}");
    }
}

/// An alert that fires and that nothing holds was told to all receivers of its routes, and what holds one does so still.
fn nobody_waits(stage: &Stage) {
    let mut steady = stage.steady.clone();
    let firing: BTreeSet<_> = stage
        .steady
        .standing
        .values()
        .filter(|standing| standing.firing)
        .map(|standing| standing.alert.id)
        .collect();
    let plan = std::sync::Arc::clone(&stage.plan);
    for id in firing {
        let before = steady.standing[&id].hold;
        let hold = steady.look(id, stage.now, &mut Vec::new());
        assert!(before.is_none() || hold.is_some(), "{id} is held by nothing");
        let standing = &steady.standing[&id];
        for membership in &standing.memberships {
            let group = &steady.groups[&membership.group];
            if let (None, Purpose::Route(route)) = (hold, group.purpose) {
                for receiver in &plan.routes.0[route].receivers {
                    assert!(standing.knows(receiver), "{receiver} was not told of {id} by {}", group.path);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn laws_of_the_room(first in 0_usize..3, acts in prop::collection::vec(act(), 1..120)) {
        let mut stage = Stage::new(PLANS[first]);
        for act in &acts {
            play(&mut stage, act);
        }
        // Long enough for silences, windows, flapping and intervals.
        let seconds = stage.now.seconds_since(super::at(0.0));
        stage.until(seconds + 10_000.0);
        nobody_waits(&stage);
        for alert in 0..8 {
            stage.resolve(alert);
        }
        let seconds = stage.now.seconds_since(super::at(0.0));
        stage.until(seconds + 200_000.0);
        every_end_is_told(&stage);
        let left: Vec<_> = stage.records.keys().filter(|key| *key != "room").collect();
        prop_assert!(left.is_empty(), "{left:?}");
        prop_assert!(stage.steady.standing.is_empty() && stage.steady.groups.is_empty());
        prop_assert!(stage.steady.held.is_empty() && stage.steady.current.is_empty());
    }

    /// With one receiver and no adopting, an alert is told as new once in each spell of firing.
    #[test]
    fn nothing_is_told_twice(acts in prop::collection::vec(act(), 1..120)) {
        let mut stage = Stage::new("repeat_interval_s = 0\nflap_high = 1000\nroute = { receivers = [\"ops\"], group_by = [\"zone\"] }");
        let mut spells: BTreeMap<u64, usize> = BTreeMap::new();
        for act in &acts {
            match act {
                Act::Adopt(_) | Act::Escalate(..) => continue,
                Act::Open(alert, _, depends) | Act::Reopen(alert, _, depends) => {
                    // Of one severity: a group that got worse is told again, on purpose.
                    play(&mut stage, &Act::Open(*alert, 1, *depends));
                    let firing = stage.steady.standing.get(&id(*alert)).is_some_and(|standing| standing.firing);
                    assert!(firing);
                    *spells.entry(*alert).or_default() += 1;
                }
                act => play(&mut stage, act),
            }
        }
        for (alert, spells) in spells {
            let news = |step: &&Step| matches!(step, Step::Notified { kind: Kind::Page, .. });
            prop_assert!(stage.steps(alert).iter().filter(news).count() <= spells);
        }
    }
}
