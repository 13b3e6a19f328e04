//! Lanes: one after another, in turn, and what holds them up.

use super::host::{Host, T0, at, done, failed, owed, policies, refused};
use crate::outbox::{Approval, Destination, Finish, StateKind, Verb};

fn one(concurrency: usize) -> Host {
    Host::new(policies([("page", Destination { concurrency, ..Destination::default() })]))
}

#[test]
fn a_key_is_owed_once_and_done_keys_stay_known() {
    let mut host = one(16);
    assert!(host.owe(owed("a", "page", "db-1"), T0));
    assert!(!host.owe(owed("a", "page", "db-2"), T0));
    let job = host.job(T0);
    assert_eq!((job.attempt, job.owed.lane.as_str(), job.dry_run), (1, "db-1", false));
    host.finish(job.seq, done(), at(1.0));
    assert!(!host.owe(owed("a", "page", "db-1"), at(2.0)));
    assert!(host.take(at(2.0)).is_empty());
    let (_, record) = host.outbox.get("a").unwrap();
    assert!(record.owed.occasion.is_null());
    assert!(!job.owed.occasion.is_null());
}

#[test]
fn lanes_take_turns_and_keep_their_order() {
    let mut host = one(2);
    for key in ["a1", "a2", "a3", "b1", "b2", "c1"] {
        host.owe(owed(key, "page", &key[..1]), T0);
    }
    let mut order = Vec::new();
    let mut running = host.take(T0);
    while !running.is_empty() {
        let job = running.remove(0);
        order.push(job.owed.key.clone());
        host.finish(job.seq, done(), T0);
        running.extend(host.take(T0));
        assert!(running.len() <= 2);
    }
    assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
}

#[test]
fn a_wait_holds_up_its_lane_and_a_dead_letter_does_not() {
    let mut host = one(16);
    for key in ["a1", "a2", "b1"] {
        host.owe(owed(key, "page", &key[..1]), T0);
    }
    let jobs = host.take(T0);
    assert_eq!(jobs.len(), 2);
    host.finish(jobs[0].seq, failed(), T0);
    assert!(host.take(at(0.49)).is_empty(), "half a second is the least wait");
    let due = host.outbox.next_due().unwrap();
    assert!(due >= at(0.5) && due <= at(1.0));
    let again = host.job(due);
    assert_eq!((again.owed.key.as_str(), again.attempt), ("a1", 2));
    host.finish(again.seq, refused(), due);
    assert_eq!(host.why("a1"), "400");
    assert_eq!(host.keys(due), ["a2"]);
    assert_eq!(host.outbox.dead().count(), 1);
}

#[test]
fn what_is_held_holds_up_its_lane_only() {
    let careful = Destination { approval: Approval::SecondPerson, ..Destination::default() };
    let mut host = Host::new(policies([("block", careful)]));
    host.owe(owed("a1", "block", "a"), T0);
    host.outbox.adopt(policies([("block", Destination::default())]), T0);
    host.owe(owed("a2", "block", "a"), T0);
    host.owe(owed("b1", "block", "b"), T0);
    assert_eq!(host.keys(T0), ["b1"]);
    host.outbox.approve("a1", "bob", at(1.0)).unwrap();
    let first = host.job(at(1.0));
    assert_eq!(first.owed.key, "a1");
    host.finish(first.seq, done(), at(2.0));
    assert_eq!(host.keys(at(2.0)), ["a2"]);
}

#[test]
fn a_replayed_one_comes_before_those_that_wait_but_never_beside_one_under_way() {
    let mut host = one(16);
    for key in ["a1", "a2", "a3"] {
        host.owe(owed(key, "page", "a"), T0);
    }
    let first = host.job(T0);
    host.finish(first.seq, refused(), T0);
    let second = host.job(T0);
    host.outbox.replay("a1", at(1.0)).unwrap();
    assert!(host.take(at(1.0)).is_empty());
    host.finish(second.seq, done(), at(2.0));
    let replayed = host.job(at(2.0));
    assert_eq!((replayed.owed.key.as_str(), replayed.attempt), ("a1", 2));
    host.finish(replayed.seq, done(), at(3.0));
    assert_eq!(host.keys(at(3.0)), ["a3"]);
}

#[test]
fn the_other_side_says_when_to_come_again() {
    let mut host = one(16);
    host.owe(owed("a", "page", "a"), T0);
    let job = host.job(T0);
    let after = Some(at(60.0));
    host.finish(job.seq, Finish::Failed { reason: "429".to_owned(), retry: true, after }, T0);
    assert!(host.take(at(59.9)).is_empty());
    let job = host.job(at(60.0));
    // Later than it would be given up: that is known now.
    let after = Some(at(90_000.0));
    host.finish(job.seq, Finish::Failed { reason: "429".to_owned(), retry: true, after }, at(60.0));
    assert!(host.why("a").starts_with("given up, since the next attempt"), "{}", host.why("a"));
}

#[test]
fn it_ends_after_so_many_attempts_or_so_long() {
    let short = Destination {
        attempts_max: 3,
        give_up_after_s: 600.0,
        breaker_failures: 1000,
        ..Destination::default()
    };
    let mut host = Host::new(policies([("page", short)]));
    host.owe(owed("a", "page", "a"), T0);
    for attempt in 1..=3 {
        let due = host.outbox.next_due().unwrap();
        let job = host.job(due);
        assert_eq!(job.attempt, attempt);
        host.finish(job.seq, failed(), due);
    }
    assert_eq!(host.why("a"), "given up after 3 attempts: 503");

    // Attempts are numbered on after a replay, and counted anew.
    host.outbox.replay("a", at(10.0)).unwrap();
    let mut due = at(10.0);
    for attempt in 4..=6 {
        let job = host.job(due);
        assert_eq!(job.attempt, attempt);
        host.finish(job.seq, failed(), due);
        due = host.outbox.next_due().unwrap_or(due);
    }
    assert_eq!(host.kind("a"), StateKind::Dead);

    // Behind one that runs on and on.
    host.owe(owed("b1", "page", "b"), at(100.0));
    host.owe(owed("b2", "page", "b"), at(100.0));
    let first = host.job(at(100.0));
    assert_eq!(host.outbox.next_due(), Some(at(700.0)));
    assert!(host.take(at(700.0)).is_empty());
    assert_eq!(host.why("b2"), "given up after 600 s: its turn did not come");
    host.finish(first.seq, failed(), at(700.0));
    assert_eq!(host.kind("b1"), StateKind::Dead);
}

#[test]
fn an_undo_has_its_own_key_and_goes_by_that_of_the_run() {
    let mut host = one(16);
    let run = owed("block/7", "page", "a");
    let undo = run.undo(Some("ann".to_owned()), at(5.0));
    assert_eq!((undo.verb, undo.key.as_str(), undo.owed_at), (Verb::Undo, "block/7/undo", at(5.0)));
    assert_eq!((undo.idempotency_key(), run.idempotency_key()), ("block/7", "block/7"));
    host.owe(run, T0);
    assert!(host.owe(undo, T0));
    assert_eq!(host.keys(T0), ["block/7"], "the undo waits for its run");
}

#[test]
fn what_was_under_way_at_a_crash_is_tried_again_at_once_and_what_is_done_is_not() {
    let mut host = one(16);
    for key in ["a1", "a2", "b1", "c1"] {
        host.owe(owed(key, "page", &key[..1]), T0);
    }
    let jobs = host.take(T0);
    host.finish(jobs[1].seq, done(), at(1.0));
    host.finish(jobs[2].seq, failed(), at(1.0));
    host.crash(at(1.0));
    let again = host.job(at(1.0));
    assert_eq!((again.owed.key.as_str(), again.attempt), ("a1", 2));
    assert_eq!((host.kind("b1"), host.kind("c1")), (StateKind::Done, StateKind::Waiting));
    assert!(!host.owe(owed("b1", "page", "b"), at(2.0)));
    host.finish(again.seq, done(), at(2.0));
    assert_eq!(host.keys(at(2.5)), ["a2", "c1"]);
}

#[test]
fn a_try_that_was_not_written_down_before_a_crash_is_made_under_the_same_key_and_number() {
    let mut host = one(16);
    host.owe(owed("a", "page", "a"), T0);
    let mut jobs = Vec::new();
    host.outbox.next_jobs(T0, &mut jobs);
    host.crash(at(1.0));
    let again = host.job(at(1.0));
    assert_eq!((again.owed.key.as_str(), again.attempt), ("a", jobs[0].attempt));
}
