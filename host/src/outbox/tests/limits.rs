//! What is kept, and for how long; and policies that come and go.

use super::host::{Host, T0, at, done, owed, policies, refused};
use crate::outbox::{Destination, Limits, OutboxError, REASON_BYTES_MAX, StateKind};

fn one() -> Host {
    Host::new(policies([("page", Destination::default())]))
}

#[test]
fn beyond_the_most_nothing_more_is_owed() {
    let mut host = one().with_limits(Limits { live_max: 2, ..Limits::default() });
    host.owe(owed("a", "page", "a"), T0);
    host.owe(owed("b", "page", "b"), T0);
    let full = host.outbox.owe(owed("c", "page", "c"), T0, 100);
    assert_eq!(full, Err(OutboxError::Full { limit: 2 }));
    assert_eq!(host.outbox.owe(owed("a", "page", "a"), T0, 100), Ok(false));
    let jobs = host.take(T0);
    host.finish(jobs[0].seq, refused(), T0);
    host.owe(owed("c", "page", "c"), T0);
    assert_eq!(host.outbox.replay("a", T0), Err(OutboxError::Full { limit: 2 }));
    let unknown = host.outbox.owe(owed("d", "fax", "d"), T0, 100).unwrap_err();
    assert_eq!(unknown.to_string(), "action: \"fax\" is not set up, expected one of the configured actions");
}

#[test]
fn the_oldest_go_and_dead_letters_are_counted() {
    let mut host = one().with_limits(Limits { dead_max: 2, done_max: 3, ..Limits::default() });
    for number in 0..10 {
        let key = format!("k{number}");
        host.owe(owed(&key, "page", &key), T0);
        let job = host.job(at(f64::from(number)));
        host.finish(job.seq, if number % 2 == 0 { done() } else { refused() }, at(f64::from(number)));
    }
    let dead: Vec<&str> = host.outbox.dead().map(|(_, record)| record.owed.key.as_str()).collect();
    assert_eq!(dead, ["k9", "k7"]);
    let depth = &host.outbox.depths()["page"];
    assert_eq!((depth.dead, depth.dead_dropped), (2, 3));
    assert_eq!(host.store.len(), 5);
    assert!(host.outbox.get("k0").is_none() && host.outbox.get("k4").is_some());
}

#[test]
fn what_is_done_is_kept_for_a_week() {
    let mut host = one();
    host.owe(owed("a", "page", "a"), T0);
    let job = host.job(T0);
    host.finish(job.seq, done(), T0);
    host.take(at(604_799.0));
    assert!(host.outbox.get("a").is_some());
    host.take(at(604_800.0));
    assert!(host.outbox.get("a").is_none() && host.store.is_empty());
}

#[test]
fn reasons_are_cut() {
    let mut host = one();
    host.owe(owed("a", "page", "a"), T0);
    let job = host.job(T0);
    let reason = "é".repeat(REASON_BYTES_MAX);
    let finish = crate::outbox::Finish::Failed { reason, retry: false, after: None };
    host.finish(job.seq, finish, T0);
    assert_eq!(host.why("a").len(), REASON_BYTES_MAX);
}

#[test]
fn jobs_of_an_action_that_is_gone_wait_until_it_is_back_or_they_are_given_up() {
    let mut host = one();
    host.owe(owed("a", "page", "a"), T0);
    host.owe(owed("b", "page", "b"), T0);
    host.outbox.adopt(policies([("mail", Destination::default())]), at(1.0));
    assert!(host.take(at(1.0)).is_empty());
    assert!(!host.outbox.depths()["page"].configured);
    assert!(host.outbox.owe(owed("c", "page", "c"), at(1.0), 100).is_err());
    host.outbox
        .adopt(policies([("page", Destination { concurrency: 1, ..Destination::default() })]), at(2.0));
    assert!(!host.outbox.depths().contains_key("mail"));
    assert_eq!(host.keys(at(2.0)), ["a"]);
    host.destinations = policies([("mail", Destination::default())]);
    host.crash(at(3.0));
    assert!(host.take(at(86_400.0)).is_empty());
    assert_eq!(host.kind("a"), StateKind::Dead);
    assert_eq!(host.why("b"), "given up after 86400 s: its action is not set up any more");
}

#[test]
fn fewer_places_hold_for_the_next_and_a_dry_run_is_said() {
    let mut host = one();
    for lane in ["a", "b", "c", "d"] {
        host.owe(owed(lane, "page", lane), T0);
    }
    let jobs = host.take(T0);
    host.owe(owed("e", "page", "e"), T0);
    let narrow = Destination { concurrency: 2, dry_run: true, timeout_s: 3.0, ..Destination::default() };
    host.outbox.adopt(policies([("page", narrow)]), T0);
    for job in &jobs[..2] {
        host.finish(job.seq, done(), T0);
        assert!(host.take(T0).is_empty());
    }
    host.finish(jobs[2].seq, done(), T0);
    let job = host.job(T0);
    assert_eq!((job.owed.key.as_str(), job.dry_run, job.timeout_s), ("e", true, 3.0));
}

#[test]
fn of_two_records_of_a_key_the_later_one_counts() {
    let mut host = one();
    host.owe(owed("a", "page", "a"), T0);
    let job = host.job(T0);
    let earlier = host.store[&job.seq].clone();
    host.finish(job.seq, done(), T0);
    // The key was let go and owed again; the host stopped before it took the first record away.
    let later = host.store.insert(job.seq, earlier).unwrap();
    host.store.insert(job.seq + 1, later);
    host.crash(at(1.0));
    assert_eq!(host.kind("a"), StateKind::Done);
    assert_eq!(host.store.len(), 1);
    assert!(host.take(at(1.0)).is_empty());
}
