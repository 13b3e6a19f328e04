//! What the host believes of its own sight.

use super::{BlindIntervals, Cause, Change, Observer, ObserverConfig};
use crate::time::Millis;

/// A fleet that is heard in virtual time.
struct Fleet {
    observer: Observer,
    changes: Vec<Change>,
}

impl Fleet {
    fn new() -> Self {
        Self { observer: Observer::new(ObserverConfig::default()), changes: Vec::new() }
    }

    /// `systems` report every `every_ms`, evenly spread, from `from_s` to `to_s`; time ticks ten times a second.
    fn reports(&mut self, systems: i64, every_ms: i64, from_s: i64, to_s: i64) -> &mut Self {
        let mut moments: Vec<(i64, Option<u64>)> =
            (from_s * 10..to_s * 10).map(|tick| (tick * 100, None)).collect();
        for system in 0..systems {
            let first = from_s * 1000 + system * every_ms / systems;
            let hash = (system as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            moments.extend((first..to_s * 1000).step_by(every_ms as usize).map(|at| (at, Some(hash))));
        }
        moments.sort_unstable();
        for (at, hash) in moments {
            match hash {
                Some(hash) => self.observer.heard(Millis(at), hash),
                None => self.observer.tick(Millis(at)),
            }
            self.changes.extend(self.observer.changes());
        }
        self
    }

    /// Nobody is heard; time goes on.
    fn silence(&mut self, from_s: i64, to_s: i64) -> &mut Self {
        self.reports(0, 1000, from_s, to_s)
    }

    fn began(&self) -> Vec<(Cause, i64)> {
        let began = self.changes.iter().filter_map(|change| match change {
            Change::Began(blindness) => Some((blindness.cause, blindness.since.0)),
            Change::Ended { .. } => None,
        });
        began.collect()
    }

    fn ended(&self) -> Vec<i64> {
        let ended = self.changes.iter().filter_map(|change| match change {
            Change::Ended { until, .. } => Some(until.0),
            Change::Began(_) => None,
        });
        ended.collect()
    }
}

#[test]
fn a_cut_is_one_blindness_that_ends_when_systems_are_heard_again() {
    let mut fleet = Fleet::new();
    fleet.reports(1000, 1000, 0, 300).silence(300, 360);
    assert_eq!(fleet.began().len(), 1, "{:?}", fleet.changes);
    let (cause, since) = fleet.began()[0];
    assert_eq!(cause, Cause::NothingHeard);
    assert!((299_000..300_100).contains(&since), "{since}");
    assert_eq!(fleet.observer.horizon(), Millis(since), "nothing is judged meanwhile");
    fleet.reports(1000, 1000, 360, 500);
    assert_eq!(fleet.began().len(), 1);
    assert!((360_000..362_000).contains(&fleet.ended()[0]), "{:?}", fleet.ended());
    assert_eq!(fleet.observer.horizon(), Millis(499_999));
}

#[test]
fn what_is_judged_before_a_cut_is_noticed_is_next_to_nothing() {
    let mut fleet = Fleet::new();
    fleet.reports(1000, 1000, 0, 300).silence(300, 301);
    assert!(fleet.observer.horizon().0 <= 300_250, "{:?}", fleet.observer.horizon());
}

#[test]
fn a_zone_that_vanishes_is_not_the_hosts_fault() {
    let mut fleet = Fleet::new();
    fleet.reports(10_000, 1000, 0, 120).reports(9000, 1000, 120, 240);
    assert_eq!(fleet.changes, []);
}

#[test]
fn one_that_is_still_heard_does_not_hide_a_cut() {
    let mut fleet = Fleet::new();
    fleet.reports(1000, 1000, 0, 300).reports(1, 1000, 300, 360).reports(1000, 1000, 360, 500);
    assert_eq!(fleet.began().len(), 1, "{:?}", fleet.changes);
    assert_eq!(fleet.ended().len(), 1);
    assert!((298_000..302_000).contains(&fleet.began()[0].1), "{:?}", fleet.began());
}

#[test]
fn collectors_that_send_all_at_once_are_no_cut() {
    for every_ms in [10_000, 30_000, 60_000] {
        let mut fleet = Fleet::new();
        // Three collectors at nearly the same time, of 200 systems each.
        for round in 0..60 {
            let at = round * every_ms;
            for system in 0..600_u64 {
                let hash = system.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                fleet.observer.heard(Millis(at + system as i64 / 200 * 15), hash);
            }
            for tick in 1..every_ms / 100 {
                fleet.observer.tick(Millis(at + tick * 100));
            }
            fleet.changes.extend(fleet.observer.changes());
        }
        assert!(fleet.began().len() <= 1, "every {every_ms} ms: {:?}", fleet.changes);
    }
}

#[test]
fn chance_is_no_cut() {
    // A hundred systems that send every ten seconds or so, each when it likes.
    let mut fleet = Fleet::new();
    let mut random = 1_u64;
    let mut now_ms = 0.0;
    while now_ms < 12.0 * 3_600_000.0 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chance = ((random >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        let next_ms: f64 = now_ms - 100.0 * chance.ln();
        for tick in (now_ms as i64 / 100 + 1)..=(next_ms as i64 / 100) {
            fleet.observer.tick(Millis(tick * 100));
        }
        now_ms = next_ms;
        fleet.observer.heard(Millis(now_ms as i64), random);
        fleet.changes.extend(fleet.observer.changes());
    }
    assert_eq!(fleet.began(), []);
    let end_s = now_ms as i64 / 1000 + 1;
    fleet.silence(end_s, end_s + 60);
    assert_eq!(fleet.began().len(), 1, "and a cut is noticed all the same");
    let horizon_s = fleet.observer.horizon().seconds_since(Millis(now_ms as i64));
    assert!((-5.0..=0.0).contains(&horizon_s), "{horizon_s}: nothing is judged from the last arrival on");
}

#[test]
fn a_quiet_that_comes_again_and_again_is_learned() {
    let mut fleet = Fleet::new();
    fleet.reports(20, 1000, 0, 120);
    let mut at = 120;
    for _ in 0..60 {
        fleet.silence(at, at + 20).reports(20, 1000, at + 20, at + 40);
        at += 40;
    }
    assert!(fleet.began().len() < 30, "{}", fleet.began().len());
}

#[test]
fn a_pause_now_and_then_never_is() {
    let mut fleet = Fleet::new();
    fleet.reports(100, 2000, 0, 120);
    let mut at = 120;
    for _ in 0..20 {
        fleet.silence(at, at + 40).reports(100, 2000, at + 40, at + 900);
        at += 900;
    }
    assert_eq!(fleet.began().len(), 20);
    assert!(fleet.changes.len() == 40, "and each has an end");
}

#[test]
fn few_systems_tell_nothing_of_the_host() {
    let mut fleet = Fleet::new();
    fleet.reports(2, 1000, 0, 300).silence(300, 400);
    assert_eq!(fleet.changes, []);
    assert_eq!(fleet.observer.horizon(), Millis(399_900));
}

#[test]
fn being_stopped_and_a_full_queue_are_blindness() {
    let mut fleet = Fleet::new();
    fleet.reports(100, 1000, 0, 120);
    fleet.observer.absent(Cause::Pause, Millis(120_000), Millis(150_000));
    fleet.reports(100, 1000, 150, 200);
    assert_eq!((fleet.began(), fleet.ended()), (vec![(Cause::Pause, 120_000)], vec![150_000]));

    for tick in 0..300 {
        fleet.observer.deaf(Millis(200_000 + tick * 100));
        fleet.observer.tick(Millis(200_000 + tick * 100));
    }
    assert_eq!(fleet.observer.horizon(), Millis(200_000));
    fleet.reports(100, 1000, 230, 260);
    assert_eq!(fleet.began().last(), Some(&(Cause::QueueFull, 200_000)));
    assert!((230_000..233_000).contains(fleet.ended().last().unwrap()), "{:?}", fleet.ended());
}

#[test]
fn a_blindness_is_noted_once_however_often_it_is_found() {
    let mut fleet = Fleet::new();
    fleet.reports(1000, 1000, 0, 120).silence(120, 180).reports(1000, 1000, 180, 200);
    let mut known = BlindIntervals::default();
    let news: Vec<bool> = fleet.changes.iter().map(|change| known.note(*change)).collect();
    assert_eq!(news, [true, true]);
    assert!(fleet.changes.iter().all(|change| !known.note(*change)));
    assert_eq!((known.all().len(), known.now()), (1, None));
}

#[test]
fn a_backlog_that_comes_at_once_is_not_what_is_usual() {
    let mut fleet = Fleet::new();
    fleet.reports(200, 2000, 0, 120);
    let mut at = 120;
    for _ in 0..10 {
        fleet.silence(at, at + 40);
        at += 40;
        for late in 0..4000_u64 {
            fleet
                .observer
                .heard(Millis(at * 1000 + late as i64 / 100), late.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        fleet.changes.extend(fleet.observer.changes());
        fleet.reports(200, 2000, at, at + 600);
        at += 600;
        assert_eq!(fleet.observer.blindness(), None, "at {at}: {:?}", fleet.changes.last());
    }
    assert_eq!((fleet.began().len(), fleet.ended().len()), (10, 10));
}

#[test]
fn little_that_stays_is_usual_in_the_end() {
    let mut fleet = Fleet::new();
    fleet.reports(1000, 1000, 0, 300).reports(100, 1000, 300, 1500);
    assert_eq!((fleet.began().len(), fleet.ended().len()), (1, 1));
}
