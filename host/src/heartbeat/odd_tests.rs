//! What a heartbeat makes of senders that are unlike others.

use proptest::prelude::*;

use super::{Beat, Contract, Heartbeat, Standing};
use crate::time::Millis;

fn at(arrival_ms: i64) -> Beat {
    Beat { arrival: Millis(arrival_ms), sent: None }
}

fn sent(arrival_ms: i64, sent_ms: i64) -> Beat {
    Beat { arrival: Millis(arrival_ms), sent: Some(Millis(sent_ms)) }
}

/// Between 0 and 1, like chance.
fn chance(number: i64) -> f64 {
    let mut hash = (number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Beats under the usual contract; the alarms that a beat ended.
fn alarms(heartbeat: &mut Heartbeat, beats: impl IntoIterator<Item = Beat>) -> u32 {
    let mut alarms = 0;
    for beat in beats {
        alarms += u32::from(heartbeat.deadline().is_some_and(|deadline| beat.arrival > deadline));
        heartbeat.beat(beat, &Contract::usual(heartbeat.interval_s()));
        let facts = heartbeat.facts(beat.arrival, &Contract::usual(heartbeat.interval_s()));
        let left_s = heartbeat.deadline().map_or(f64::NAN, |deadline| deadline.seconds_since(beat.arrival));
        assert!(facts.silence_limit_s.is_nan() == left_s.is_nan(), "{facts:?}");
        assert!(left_s.is_nan() || (facts.silence_limit_s - left_s).abs() < 1e-9, "{facts:?} {left_s}");
    }
    alarms
}

#[test]
fn the_usual_contract_is_four_intervals_and_five_seconds_at_least() {
    for (interval_s, within_s) in
        [(0.05, 5.0), (1.0, 5.0), (10.0, 40.0), (86_400.0, 345_600.0), (1e9, 604_800.0)]
    {
        let usual = Contract::usual(interval_s);
        assert_eq!((usual.detect_within_s(), usual.false_alarms_per_week()), (within_s, 1.0));
    }
    assert_eq!(Contract::usual(f64::NAN).detect_within_s(), 5.0);
}

#[test]
fn a_single_beat_makes_no_deadline() {
    let heartbeat = Heartbeat::new(at(1000));
    assert_eq!(heartbeat.deadline(), None);
    let agreed = Contract::usual(f64::NAN);
    let facts = heartbeat.facts(Millis(61_000), &agreed);
    assert_eq!(facts.silence_s, 60.0);
    let unknown =
        [facts.expected_interval_s, facts.silence_limit_s, facts.lateness_s, facts.suspicion, facts.alive];
    assert!(unknown.iter().all(|fact| fact.is_nan()), "{facts:?}");
    assert_eq!(heartbeat.report(&agreed).standing, Standing::Learning);
    // Another contract may be agreed on before anything is known.
    let mut heartbeat = heartbeat;
    heartbeat.agree(&Contract::usual(f64::NAN));
    heartbeat.excuse(Millis(70_000));
    assert_eq!(heartbeat.deadline(), None);
    assert_eq!(heartbeat.last_arrival(), Millis(70_000));
    // Nor is it taken for learned afterwards.
    (71..90).for_each(|n| heartbeat.beat(at(1000 * n), &agreed));
    assert!((heartbeat.interval_s() - 1.0).abs() < 0.01, "{heartbeat:?}");
    assert!(heartbeat.deadline() > Some(Millis(89_000)));
}

#[test]
fn from_twenty_a_second_to_one_a_day() {
    for interval_ms in [50, 200, 60_000, 3_600_000, 86_400_000] {
        let beat = |n: i64| {
            let late_ms = (chance(n) * interval_ms as f64 / 20.0) as i64;
            sent(n * interval_ms + late_ms, n * interval_ms)
        };
        let mut heartbeat = Heartbeat::new(beat(0));
        // What is agreed on, and no more: at a beat a day, one of seven may be taken for late.
        let weeks = (400 * interval_ms / 604_800_000) as u32;
        let alarms = alarms(&mut heartbeat, (1..400).map(beat));
        assert!(alarms <= weeks, "{interval_ms} {alarms}");
        let report = heartbeat.report(&Contract::usual(heartbeat.interval_s()));
        assert!((report.interval_s * 1e3 / interval_ms as f64 - 1.0).abs() < 0.02, "{report:?}");
        let left_s = heartbeat
            .deadline()
            .map_or(f64::NAN, |deadline| deadline.seconds_since(Millis(399 * interval_ms)));
        let within_s = Contract::usual(report.interval_s).detect_within_s();
        assert!(left_s > report.interval_s && left_s <= within_s, "{interval_ms} {left_s}");
    }
}

#[test]
fn without_rhythm_silence_is_still_bounded() {
    // Gaps as of a Geiger counter, ten seconds in the mean; and a sender of bursts, three at once each half a minute.
    let geiger = (1..20_000).scan(0.0, |time_s, n| {
        *time_s -= 10.0 * (1.0 - chance(n)).ln();
        Some((*time_s * 1e3) as i64)
    });
    let bursts = (1..20_000).map(|n| 30_000 * (n / 3) + 40 * (n % 3));
    for arrivals_ms in [geiger.collect::<Vec<i64>>(), bursts.collect()] {
        let mut heartbeat = Heartbeat::new(at(0));
        alarms(&mut heartbeat, arrivals_ms.iter().map(|&ms| at(ms)));
        let limit_s = heartbeat.silence_limit_s();
        assert!((0.01..=300.0).contains(&limit_s), "{limit_s}");
        let report = heartbeat.report(&Contract::usual(heartbeat.interval_s()));
        assert!(
            report.interval_s > 0.0 && report.jitter_s > 0.0 && (0.0..=1.0).contains(&report.loss),
            "{report:?}"
        );
        // It does not say that all is well if it was not.
        if report.false_alarms_seen_per_week > 10.0 {
            assert_ne!(report.standing, Standing::Kept, "{report:?}");
        }
    }
}

#[test]
fn two_systems_with_one_id_and_clocks_hours_apart() {
    let beat = |n: i64| {
        let arrival_ms = 500 * n + if n % 2 == 0 { 0 } else { 130 } + (chance(n) * 30.0) as i64;
        sent(arrival_ms, arrival_ms - if n % 2 == 0 { 20 } else { 7_200_000 })
    };
    let mut heartbeat = Heartbeat::new(beat(0));
    assert_eq!(alarms(&mut heartbeat, (1..20_000).map(beat)), 0);
    // One of them ends: there is a sign of life each second.
    assert_eq!(alarms(&mut heartbeat, (10_000..20_000).map(|n| beat(2 * n))), 0);
    // Then the other one does.
    let left_s =
        heartbeat.deadline().map_or(f64::NAN, |deadline| deadline.seconds_since(beat(39_998).arrival));
    assert!((0.5..=5.0).contains(&left_s), "{left_s}");
}

#[test]
fn the_clock_of_a_sender_may_jump_drift_or_be_nonsense() {
    type Clock = fn(i64) -> i64;
    let clocks: [(&str, Clock); 6] = [
        ("jumps ahead", |n| if n > 500 { 3_600_000 } else { 0 }),
        ("jumps back", |n| if n > 500 { -3_600_000 } else { 0 }),
        ("jumps back by two beats", |n| if n > 500 { -2_000 } else { 0 }),
        ("is to and fro", |n| if n % 100 < 50 { 5_000 } else { 0 }),
        ("is fast by a thousandth", |n| n),
        ("is nonsense", |n| (chance(n) * 1e9) as i64),
    ];
    for (name, clock) in clocks {
        let beat = |n: i64| {
            let arrival_ms = 1000 * n + 40 + (chance(n) * 30.0) as i64;
            sent(arrival_ms, 1000 * n + clock(n))
        };
        let mut heartbeat = Heartbeat::new(beat(0));
        assert_eq!(alarms(&mut heartbeat, (1..3000).map(beat)), 0, "the clock {name}");
        let left_s =
            heartbeat.deadline().map_or(f64::NAN, |deadline| deadline.seconds_since(Millis(2_999_000)));
        assert!((3.5..=5.1).contains(&left_s), "the clock {name}: {left_s}");
    }
}

#[test]
fn a_crash_is_found_in_time_whenever_the_last_beat_came() {
    let agreed = Contract::new(10.0, 1.0).expect("a contract");
    let mut time_ms = 0;
    let mut heartbeat = Heartbeat::new(sent(100, 0));
    for n in 1..50_000 {
        // One beat in two hundred is late by up to five intervals, and overtakes those that would have come before.
        let late_ms =
            if chance(n) < 0.005 { (chance(-n) * 5000.0) as i64 } else { (chance(-n) * 100.0) as i64 };
        let arrival_ms = 1000 * n + 100 + late_ms;
        if arrival_ms < time_ms {
            continue;
        }
        time_ms = arrival_ms;
        heartbeat.beat(sent(arrival_ms, 1000 * n), &agreed);
        if let Some(deadline) = heartbeat.deadline() {
            assert!(
                deadline.0 - 1000 * n <= 10_000,
                "beat {n}, late by {late_ms}: {}",
                deadline.0 - 1000 * n
            );
        }
    }
}

proptest! {
    /// Written down and read again, a heartbeat is the same, and goes on as it would have.
    #[test]
    fn it_is_read_as_it_was_written(
        gaps_ms in prop::collection::vec(prop_oneof![8 => 900..1100_i64, 1 => 0..2_000_000_i64], 1..300),
        clock in prop::collection::vec(prop::option::of(-5000..5000_i64), 300),
        cut in any::<prop::sample::Index>(),
        excused in any::<bool>(),
    ) {
        let agreed = Contract::usual(1.0);
        let cut = cut.index(gaps_ms.len());
        let mut time_ms = 0;
        let mut heartbeat = Heartbeat::new(at(0));
        let mut restored = heartbeat.clone();
        for (place, (gap_ms, clock)) in gaps_ms.iter().zip(clock).enumerate() {
            time_ms += gap_ms;
            let beat = Beat { arrival: Millis(time_ms), sent: clock.map(|off_ms| Millis(time_ms + off_ms)) };
            heartbeat.beat(beat, &agreed);
            if place < cut {
                continue;
            } else if place == cut {
                if excused {
                    heartbeat.excuse(Millis(time_ms + 5000));
                    time_ms += 5000;
                }
                let bytes = postcard::to_allocvec(&heartbeat).expect("bytes");
                restored = postcard::from_bytes(&bytes).expect("a heartbeat");
            } else {
                restored.beat(beat, &agreed);
            }
            let bytes = |heartbeat: &Heartbeat| postcard::to_allocvec(heartbeat).expect("bytes");
            prop_assert_eq!(bytes(&heartbeat), bytes(&restored));
            prop_assert_eq!(heartbeat.deadline(), restored.deadline());
        }
    }
}
