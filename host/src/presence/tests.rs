//! States over time.

use proptest::prelude::*;

use super::{Presence, State};
use crate::time::Millis;

const DAY_S: f64 = 86_400.0;

fn at(seconds: f64) -> Millis {
    Millis(0).plus_seconds(seconds)
}

#[test]
fn blind_and_absent_times_are_no_part_of_availability() {
    let mut presence = Presence::new(at(0.0));
    presence.become_state(at(600.0), State::Silent);
    presence.become_state(at(700.0), State::Healthy);
    assert_eq!(presence.availability(at(1000.0), 0), Some(0.9));
    presence.blind(at(1000.0), at(5000.0));
    presence.become_state(at(5000.0), State::Absent);
    assert_eq!(presence.availability(at(9000.0), 0), Some(0.9));
    assert_eq!(Presence::new(at(0.0)).availability(at(0.0), 0), None, "nothing is known");
}

#[test]
fn days_are_split_at_midnight() {
    let mut presence = Presence::new(at(0.0));
    presence.become_state(at(1.5 * DAY_S), State::Down);
    let now = at(2.0 * DAY_S - 1.0);
    let today = presence.availability(now, 0).unwrap();
    assert!((today - 0.5).abs() < 1e-4, "{today}");
    assert!((presence.availability(now, 1).unwrap() - 0.75).abs() < 1e-4);
}

#[test]
fn one_that_comes_and_goes_flaps_until_it_has_been_calm() {
    let mut presence = Presence::new(at(0.0));
    for minute in 0..3 {
        presence.become_state(at(f64::from(minute) * 60.0 + 10.0), State::Silent);
        presence.become_state(at(f64::from(minute) * 60.0 + 40.0), State::Healthy);
    }
    assert_eq!(presence.at(at(200.0)), (State::Flapping, at(10.0)));
    assert_eq!(presence.at(at(800.0)), (State::Healthy, at(160.0)));
    assert_eq!(presence.changes().count(), 7, "what happened stays what it was");
}

#[test]
fn a_state_that_did_not_last_is_not_remembered() {
    let mut presence = Presence::new(at(0.0));
    presence.become_state(at(10.0), State::Silent);
    presence.become_state(at(10.0), State::Healthy);
    assert_eq!(presence.changes().collect::<Vec<_>>(), [(at(0.0), State::Healthy)]);
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Healthy),
        Just(State::Degraded),
        Just(State::Down),
        Just(State::Silent),
        Just(State::Absent),
    ]
}

proptest! {
    #[test]
    fn whatever_happens(steps in prop::collection::vec((0.0..40_000.0_f64, state(), any::<bool>()), 0..200)) {
        let mut presence = Presence::new(at(0.0));
        let mut now = 0.0;
        for (after, state, blind) in steps {
            now += after;
            if blind {
                presence.blind(at(now), at(now + 10.0));
                now += 10.0;
            } else {
                presence.become_state(at(now), state);
            }
        }
        let changes: Vec<_> = presence.changes().collect();
        prop_assert!(changes.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1));
        let up = presence.availability(at(now), 34);
        prop_assert!(up.is_none_or(|up| (0.0..=1.0).contains(&up)), "{up:?}");
        let bytes = postcard::to_allocvec(&presence).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Presence>(&bytes).unwrap(), presence);
    }
}
