//! What a heartbeat promises.

use proptest::prelude::*;

use super::{Beat, Contract, ContractError, Heartbeat, Standing, Wheel};
use crate::time::Millis;

fn contract(detect_within_s: f64, false_alarms_per_week: f64) -> Contract {
    Contract::new(detect_within_s, false_alarms_per_week).expect("a contract")
}

fn at(arrival_ms: i64) -> Beat {
    Beat { arrival: Millis(arrival_ms), sent: None }
}

/// A heartbeat after beats at these moments.
fn after(arrivals_ms: impl IntoIterator<Item = i64>, contract: &Contract) -> Heartbeat {
    let mut arrivals_ms = arrivals_ms.into_iter();
    let mut heartbeat = Heartbeat::new(at(arrivals_ms.next().expect("a beat")));
    arrivals_ms.for_each(|ms| heartbeat.beat(at(ms), contract));
    heartbeat
}

/// A thing between −50 and 50 that looks like chance.
fn noise(number: i64) -> i64 {
    (number.wrapping_mul(7919) % 101 + 101) % 101 - 50
}

#[test]
fn a_system_fits_two_hundred_bytes_with_its_place_in_the_wheel() {
    let mut wheel = Wheel::new(Millis(0));
    let empty = wheel.bytes();
    wheel.wake(0, Millis(1));
    assert!(size_of::<Heartbeat>() + wheel.bytes() - empty <= 200, "{}", size_of::<Heartbeat>());
}

#[test]
fn contracts_say_which_field_is_out_of_range() {
    assert_eq!(Contract::new(0.0, 1.0), Err(ContractError::DetectWithin(0.0)));
    assert_eq!(Contract::new(10.0, -1.0), Err(ContractError::FalseAlarms(-1.0)));
    assert!(Contract::new(f64::NAN, 1.0).is_err());
    assert!(Contract::new(10.0, f64::INFINITY).is_err());
}

#[test]
fn the_interval_is_learned_in_four_beats_and_learned_again_when_it_changes() {
    let agreed = contract(10.0, 1.0);
    let mut heartbeat = after([0, 1000, 2000], &agreed);
    assert_eq!(heartbeat.deadline(), None);
    heartbeat.beat(at(3000), &agreed);
    assert!((heartbeat.report(&agreed).interval_s - 1.0).abs() < 1e-3);
    for number in 1..=10 {
        heartbeat.beat(at(3000 + 3000 * number), &agreed);
    }
    assert!((heartbeat.report(&agreed).interval_s - 3.0).abs() < 1e-2, "{:?}", heartbeat.report(&agreed));
    for number in 1..=10 {
        heartbeat.beat(at(33_000 + 500 * number), &agreed);
    }
    assert!((heartbeat.report(&agreed).interval_s - 0.5).abs() < 1e-2, "{:?}", heartbeat.report(&agreed));
}

#[test]
fn a_contract_is_proven_by_beats_and_then_kept_earlier_than_agreed() {
    let agreed = contract(10.0, 7.0);
    let mut heartbeat = after((0..1000).map(|n| 1000 * n + noise(n)), &agreed);
    let report = heartbeat.report(&agreed);
    assert_eq!(report.standing, Standing::Learning);
    assert!((9.5..=10.0).contains(&report.detects_within_s), "{report:?}");
    (1000..400_000).for_each(|n| heartbeat.beat(at(1000 * n + noise(n)), &agreed));
    let report = heartbeat.report(&agreed);
    assert_eq!(report.standing, Standing::Kept);
    assert!(report.detects_within_s < 2.0, "{report:?}");
    assert_eq!(report.false_alarms_seen_per_week, 0.0);
}

#[test]
fn too_few_beats_and_too_many_losses_are_told_apart() {
    let minutely = contract(10.0, 1.0);
    let report = after((0..100).map(|n| 60_000 * n), &minutely).report(&minutely);
    assert_eq!(report.standing, Standing::TooFewBeats);
    assert!(report.detects_within_s > 60.0);

    // Every thousandth beat begins a burst of 20 lost ones.
    let lossy = contract(10.0, 1.0);
    let report = after((0..100_000).filter(|n| n % 1000 >= 20).map(|n| 1000 * n), &lossy).report(&lossy);
    assert_eq!(report.standing, Standing::TooManyFalseAlarms);
    assert!((report.loss - 0.02).abs() < 0.001, "{report:?}");
    // 605 bursts a week, and each is a false alarm.
    assert!((500.0..700.0).contains(&report.false_alarms_expected_per_week), "{report:?}");
    assert!((500.0..700.0).contains(&report.false_alarms_seen_per_week), "{report:?}");
}

#[test]
fn a_false_alarm_that_uses_the_week_up_is_followed_by_patience() {
    let agreed = contract(10.0, 7.0);
    let mut heartbeat = after((0..400_000).map(|n| 1000 * n + noise(n)), &agreed);
    for alarm in 0..7 {
        let start = 400_000 + 100 * alarm;
        (start + 15..start + 100).for_each(|n| heartbeat.beat(at(1000 * n + noise(n)), &agreed));
    }
    assert!(heartbeat.report(&agreed).detects_within_s > 9.0, "{:?}", heartbeat.report(&agreed));
}

#[test]
fn who_died_before_the_host_went_blind_is_missed_as_soon_as_ever() {
    let learned = || {
        let mut heartbeat = Heartbeat::new(Beat { arrival: Millis(0), sent: None });
        for second in (10..=1000).step_by(10) {
            heartbeat.beat(Beat { arrival: Millis(second * 1000), sent: None }, &Contract::usual(10.0));
        }
        heartbeat
    };
    let deadline_s = |heartbeat: &Heartbeat| heartbeat.deadline().unwrap().seconds_since(Millis(1_000_000));
    let allowed_s = deadline_s(&learned());
    assert!((35.0..=40.0).contains(&allowed_s), "{allowed_s}");
    for (since_s, until_s, expected_s) in [
        (1005, 1065, allowed_s + 60.0), // what was blind does not count
        (1000, 1060, allowed_s + 60.0),
        (990, 1060, allowed_s + 60.0), // it was heard meanwhile
        (1034, 1094, 94.0 + 15.0),     // its next beat has time to come
        (980, 999, allowed_s),         // long over
    ] {
        let mut heartbeat = learned();
        heartbeat.blind(Millis(since_s * 1000), Millis(until_s * 1000));
        let deadline_s = deadline_s(&heartbeat);
        assert!((deadline_s - expected_s).abs() < 0.1, "{since_s} to {until_s}: {deadline_s}, {expected_s}");
    }
}

#[test]
fn excused_silence_teaches_nothing_and_is_no_alarm() {
    let agreed = contract(10.0, 1.0);
    let mut heartbeat = after((0..1000).map(|n| 1000 * n), &agreed);
    let before = heartbeat.report(&agreed);
    heartbeat.excuse(Millis(1_100_000));
    assert!(heartbeat.deadline() > Some(Millis(1_105_000)));
    (1101..1110).for_each(|n| heartbeat.beat(at(1000 * n), &agreed));
    let after = heartbeat.report(&agreed);
    assert_eq!(before.false_alarms_expected_per_week, after.false_alarms_expected_per_week);
    assert!((before.loss - after.loss).abs() < 1e-3, "{before:?} {after:?}");
}

#[test]
fn an_outage_is_not_learned_as_loss() {
    let agreed = contract(10.0, 1.0);
    let mut heartbeat = after((0..1000).map(|n| 1000 * n), &agreed);
    (10_000..10_100).for_each(|n| heartbeat.beat(at(1000 * n), &agreed));
    let report = heartbeat.report(&agreed);
    assert!(report.loss < 0.001, "{report:?}");
    assert_ne!(report.standing, Standing::TooManyFalseAlarms);
}

#[test]
fn the_clock_of_a_sender_may_step() {
    let agreed = contract(10.0, 1.0);
    let beat = |n: i64, step_ms: i64| Beat {
        arrival: Millis(1000 * n + noise(n)),
        sent: Some(Millis(1000 * n + step_ms)),
    };
    let mut heartbeat = Heartbeat::new(beat(0, 0));
    for (n, step_ms) in (1..3000).map(|n| {
        (
            n,
            if n < 1000 {
                0
            } else if n < 2000 {
                3_600_000
            } else {
                -3_600_000
            },
        )
    }) {
        heartbeat.beat(beat(n, step_ms), &agreed);
        let left_ms = heartbeat.deadline().map_or(9000, |deadline| deadline.0 - 1000 * n);
        assert!((8000..=11_000).contains(&left_ms), "beat {n}: {left_ms}");
    }
    assert_eq!(heartbeat.report(&agreed).false_alarms_expected_per_week, 0.0);
}

#[test]
fn a_sender_that_sleeps_between_beats_is_followed() {
    let agreed = contract(10.0, 1.0);
    let arrivals = (0..5000).scan(0, |time, n| {
        *time += 1050 + noise(n);
        Some(*time)
    });
    let report = after(arrivals, &agreed).report(&agreed);
    assert!(report.jitter_s < 0.05, "{report:?}");
    assert!(report.loss < 0.005, "{report:?}");
}

#[test]
fn it_is_written_down_whole() {
    let agreed = contract(10.0, 1.0);
    fn is_kept<T: serde::Serialize + serde::de::DeserializeOwned>(_: &T) {}
    is_kept(&after([0, 1000], &agreed));
}

proptest! {
    /// Longer silence is never more likely to be nothing.
    #[test]
    fn facts_only_worsen_in_silence(
        gaps_ms in prop::collection::vec(prop_oneof![8 => 900..1100_i64, 1 => 1..20_000_i64], 8..400),
        steps_ms in prop::collection::vec(0..5000_i64, 1..50),
    ) {
        let agreed = contract(10.0, 1.0);
        let arrivals = gaps_ms.iter().scan(0, |time, gap| { *time += gap; Some(*time) });
        let heartbeat = after(arrivals, &agreed);
        let mut now = heartbeat.last_arrival();
        let mut before = heartbeat.facts(now, &agreed);
        for step_ms in steps_ms {
            now.0 += step_ms;
            let facts = heartbeat.facts(now, &agreed);
            prop_assert!(facts.suspicion >= before.suspicion - 1e-9, "{before:?} {facts:?}");
            prop_assert!(facts.alive <= before.alive + 1e-9, "{before:?} {facts:?}");
            prop_assert!((0.0..=1.0).contains(&facts.alive) && facts.suspicion >= 0.0);
            before = facts;
        }
    }

    /// Whatever arrives when, there is a deadline ahead of the last arrival, and never much later than agreed.
    #[test]
    fn deadlines_are_ahead_and_within_the_contract(
        gaps_ms in prop::collection::vec(prop_oneof![8 => 900..1100_i64, 1 => 0..2_000_000_i64], 5..400),
        sent_ms in prop::collection::vec(prop::option::of(any::<i64>()), 400),
        within_s in 0.5..100.0_f64,
        alarms in 0.0..10_000.0_f64,
    ) {
        let agreed = contract(within_s, alarms);
        let mut time = 0;
        let mut heartbeat = Heartbeat::new(at(0));
        for (gap, sent) in gaps_ms.iter().zip(sent_ms) {
            time += gap;
            heartbeat.beat(Beat { arrival: Millis(time), sent: sent.map(Millis) }, &agreed);
            let report = heartbeat.report(&agreed);
            if let Some(deadline) = heartbeat.deadline() {
                prop_assert!(deadline >= heartbeat.last_arrival());
                prop_assert!(report.interval_s > 0.0 && report.detects_within_s > 0.0);
                if report.standing != Standing::TooFewBeats {
                    // Half an interval: where a beat is seen beside where it should be.
                    let most_s = within_s + 0.51 * report.interval_s;
                    prop_assert!(deadline.seconds_since(Millis(time)) <= most_s, "{deadline:?} {time} {report:?}");
                }
            }
        }
    }

    /// The wheel looks at every system at its last wake or at most two slots later, and at nobody else in the end.
    #[test]
    fn the_wheel_wakes_in_time(
        wakes in prop::collection::vec((0..20_u32, 0..400_000_i64), 1..100),
        tick_ms in 1..5000_i64,
    ) {
        let mut wheel = Wheel::new(Millis(0));
        let mut due = [None::<i64>; 20];
        for (system, at_ms) in wakes {
            let earliest = due[system as usize].map_or(at_ms, |before: i64| before.min(at_ms));
            due[system as usize] = Some(earliest);
            wheel.wake(system, Millis(at_ms));
        }
        let mut now = 0;
        while now < 500_000 {
            now += tick_ms;
            wheel.turn(Millis(now), |system| {
                let wanted = due[system as usize].expect("a system that waits");
                if wanted > now { return Some(Millis(wanted)); }
                due[system as usize] = None;
                None
            });
            for wanted in due.into_iter().flatten() {
                prop_assert!(wanted > now - tick_ms - 64, "{wanted} at {now}");
            }
        }
        prop_assert!(due.iter().all(Option::is_none));
    }
}

#[test]
fn a_last_beat_that_was_late_is_no_excuse_when_the_sender_says_so() {
    let agreed = contract(10.0, 0.0);
    let beat = |n: i64, late_ms: i64| Beat {
        arrival: Millis(1000 * n + 100 + noise(n) + late_ms),
        sent: Some(Millis(1000 * n)),
    };
    let mut heartbeat = Heartbeat::new(beat(0, 0));
    (1..2000).for_each(|n| heartbeat.beat(beat(n, 0), &agreed));
    for late_ms in [400, 900, 1600, 2500, 3500] {
        let mut late = heartbeat.clone();
        late.beat(beat(2000, late_ms), &agreed);
        let within_s = late.deadline().map_or(f64::NAN, |deadline| deadline.seconds_since(Millis(2_000_000)));
        assert!((9.5..=10.01).contains(&within_s), "{late_ms} ms late: {within_s}");
    }
}
