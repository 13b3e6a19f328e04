//! Breakers: a destination that fails is left alone, and tried with one probe.

use super::host::{Host, T0, at, done, failed, owed, policies, refused};
use crate::outbox::{BreakerState, Destination};
use crate::time::Millis;

/// Thirty lanes with a job each, at a destination that takes one at a time.
fn thirty() -> Host {
    let policy = Destination {
        concurrency: 1,
        backoff_first_s: 10_000.0,
        backoff_max_s: 10_000.0,
        ..Destination::default()
    };
    let mut host = Host::new(policies([("page", policy)]));
    for lane in 0..30 {
        host.owe(owed(&format!("k{lane:02}"), "page", &format!("lane-{lane}")), T0);
    }
    host
}

fn state(host: &Host) -> BreakerState {
    host.outbox.depths()["page"].breaker
}

fn open(until: Millis) -> BreakerState {
    BreakerState::Open { until }
}

#[test]
fn it_opens_after_five_failures_in_a_row_and_each_probe_that_fails_doubles_the_time() {
    let mut host = thirty();
    for _ in 0..4 {
        let job = host.job(T0);
        host.finish(job.seq, failed(), T0);
    }
    let job = host.job(T0);
    host.finish(job.seq, done(), T0); // not in a row
    for _ in 0..5 {
        assert_eq!(state(&host), BreakerState::Closed);
        let job = host.job(T0);
        host.finish(job.seq, failed(), T0);
    }
    let mut now = T0;
    for open_s in [30.0, 60.0, 120.0, 240.0, 300.0, 300.0] {
        let until = now.plus_seconds(open_s);
        assert_eq!(state(&host), open(until));
        assert!(host.take(Millis(until.0 - 1)).is_empty());
        assert_eq!(host.outbox.next_due(), Some(until));
        now = until;
        let probe = host.job(now);
        assert_eq!(state(&host), BreakerState::HalfOpen);
        host.finish(probe.seq, failed(), now);
    }
    now = now.plus_seconds(300.0);
    let probe = host.job(now);
    host.finish(probe.seq, done(), now);
    assert_eq!(state(&host), BreakerState::Closed);
    assert_eq!(host.take(now).len(), 1);
}

#[test]
fn refusals_say_nothing_of_the_destination() {
    let mut host = thirty();
    for _ in 0..10 {
        let job = host.job(T0);
        host.finish(job.seq, refused(), T0);
    }
    assert_eq!(state(&host), BreakerState::Closed);
    for _ in 0..5 {
        let job = host.job(T0);
        host.finish(job.seq, failed(), T0);
    }
    let probe = host.job(at(30.0));
    host.finish(probe.seq, refused(), at(30.0));
    assert_eq!(state(&host), BreakerState::HalfOpen);
    let another = host.job(at(30.0));
    host.finish(another.seq, done(), at(30.0));
    assert_eq!(state(&host), BreakerState::Closed);
}

#[test]
fn those_that_were_under_way_already_neither_prolong_it_nor_decide_for_the_probe() {
    let policy = Destination { concurrency: 10, ..Destination::default() };
    let mut host = Host::new(policies([("page", policy)]));
    for lane in 0..20 {
        host.owe(owed(&format!("k{lane:02}"), "page", &format!("lane-{lane}")), T0);
    }
    let jobs = host.take(T0);
    assert_eq!(jobs.len(), 10);
    for job in &jobs[..6] {
        host.finish(job.seq, failed(), T0);
    }
    assert_eq!(state(&host), open(at(30.0)));
    host.finish(jobs[6].seq, failed(), at(29.0));
    assert_eq!(state(&host), open(at(30.0)));
    let probe = host.job(at(30.0));
    host.finish(jobs[7].seq, failed(), at(31.0));
    assert_eq!(state(&host), BreakerState::HalfOpen);
    assert!(host.take(at(31.0)).is_empty(), "one probe at a time");
    host.finish(jobs[8].seq, done(), at(32.0)); // late, but it got through
    assert_eq!(state(&host), BreakerState::Closed);
    host.finish(probe.seq, failed(), at(33.0));
    assert_eq!(state(&host), BreakerState::Closed);
}

#[test]
fn other_policies_leave_it_open_and_a_restart_closes_it() {
    let mut host = thirty();
    for _ in 0..5 {
        let job = host.job(T0);
        host.finish(job.seq, failed(), T0);
    }
    host.outbox.adopt(policies([("page", Destination::default())]), at(1.0));
    assert_eq!(state(&host), open(at(30.0)));
    assert!(host.take(at(1.0)).is_empty());
    assert_eq!(host.take(at(30.0)).len(), 1);
    host.crash(at(31.0));
    assert_eq!(host.take(at(31.0)).len(), 1);
    assert_eq!(state(&host), BreakerState::Closed);
}

#[test]
fn a_probe_takes_nothing_from_another_destination() {
    let mut host = Host::new(policies([("mail", Destination::default()), ("page", Destination::default())]));
    for lane in 0..5 {
        host.owe(owed(&format!("p{lane}"), "page", &format!("lane-{lane}")), T0);
    }
    for job in host.take(T0) {
        host.finish(job.seq, failed(), T0);
    }
    assert_eq!(state(&host), open(at(30.0)));
    assert!(host.take(at(29.0)).is_empty()); // their waits are over, the breaker is open
    for lane in 0..5 {
        host.owe(owed(&format!("m{lane}"), "mail", &format!("lane-{lane}")), at(30.0));
    }
    let keys = host.keys(at(30.0));
    assert_eq!(keys.iter().filter(|key| key.starts_with('m')).count(), 5, "{keys:?}");
    assert_eq!(keys.len(), 6);
    for lane in 5..10 {
        host.owe(owed(&format!("m{lane}"), "mail", &format!("lane-{lane}")), at(31.0));
    }
    assert_eq!(host.keys(at(31.0)).len(), 5);
}
