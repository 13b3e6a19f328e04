//! Canaries: when they are due, and what they say.

use super::host::{Host, T0, at, done, failed, owed, policies, refused};
use crate::outbox::{CanaryState, Destination, Owed};
use crate::time::Millis;

fn hourly() -> Host {
    let policy = Destination { canary_interval_s: 3600.0, ..Destination::default() };
    Host::new(policies([("page", policy), ("mail", Destination::default())]))
}

fn send(host: &mut Host, key: &str, now: Millis) {
    host.owe(Owed { canary: true, system_id: None, ..owed(key, "page", "canary") }, now);
}

#[test]
fn one_is_due_at_once_and_then_every_interval_and_says_how_long_it_took() {
    let mut host = hourly();
    assert!(host.outbox.next_due().is_some_and(|due| due <= T0));
    assert_eq!(host.outbox.canary_due(T0), ["page"]);
    assert!(host.outbox.canary_due(T0).is_empty());
    send(&mut host, "c1", T0);
    let job = host.job(T0);
    host.finish(job.seq, done(), at(0.25));
    let expected = CanaryState {
        last_sent: Some(T0),
        last_arrived: Some(at(0.25)),
        took_ms: Some(250),
        failing_since: None,
    };
    assert_eq!(host.outbox.canary("page"), Some(expected));
    assert_eq!(host.outbox.changed_canaries(), [("page".to_owned(), expected)]);
    assert!(host.outbox.changed_canaries().is_empty());
    assert_eq!(host.outbox.next_due(), Some(at(3600.0)));
    assert!(host.outbox.canary_due(at(3599.9)).is_empty());
    assert_eq!(host.outbox.canary_due(at(3600.0)), ["page"]);
    assert_eq!(host.outbox.canary("nobody"), None);
}

#[test]
fn failing_is_since_the_first_failure_until_one_arrives() {
    let mut host = hourly();
    send(&mut host, "c1", T0);
    let job = host.job(T0);
    host.finish(job.seq, failed(), at(1.0));
    let job = host.job(at(3.0));
    host.finish(job.seq, refused(), at(4.0));
    assert_eq!(host.outbox.canary("page").unwrap().failing_since, Some(at(1.0)));
    assert_eq!(host.outbox.canary_due(at(3600.0)), ["page"]);
    send(&mut host, "c2", at(3600.0));
    let job = host.job(at(3600.0));
    host.finish(job.seq, done(), at(3601.0));
    let state = host.outbox.canary("page").unwrap();
    assert_eq!((state.failing_since, state.took_ms), (None, Some(1000)));
}

#[test]
fn one_that_is_late_is_failing_and_no_second_one_is_sent() {
    let mut host = hourly();
    send(&mut host, "c1", T0);
    let job = host.job(T0);
    assert!(host.outbox.canary_due(at(3600.0)).is_empty());
    assert_eq!(host.outbox.canary("page").unwrap().failing_since, Some(T0));
    host.finish(job.seq, done(), at(4000.0));
    assert_eq!(host.outbox.canary("page").unwrap().failing_since, None);
    assert_eq!(host.outbox.canary_due(at(7200.0)), ["page"]);
    // One that was cancelled proves nothing and is not waited for.
    send(&mut host, "c2", at(7200.0));
    host.outbox.cancel("c2", "ann", "", at(7201.0)).unwrap();
    assert_eq!(host.outbox.canary("page").unwrap().last_arrived, Some(at(4000.0)));
    assert_eq!(host.outbox.canary_due(at(10_800.0)), ["page"]);
}

#[test]
fn a_restart_goes_on_with_them() {
    let mut host = hourly();
    send(&mut host, "c1", T0);
    let job = host.job(T0);
    host.finish(job.seq, failed(), at(1.0));
    let written: Vec<_> = host.outbox.changed_canaries();
    let text = serde_json::to_string(&written).unwrap();
    host.crash(at(100.0));
    let read: Vec<(String, CanaryState)> = serde_json::from_str(&text).unwrap();
    host.outbox.restore_canaries(read.into_iter().collect());
    assert_eq!(host.outbox.canary("page").unwrap().failing_since, Some(at(1.0)));
    assert!(host.outbox.canary_due(at(100.0)).is_empty());
    assert!(host.outbox.canary_due(at(3600.0)).is_empty(), "c1 is on its way");
    let job = host.job(at(3600.0));
    host.finish(job.seq, done(), at(3601.0));
    assert_eq!(host.outbox.canary("page").unwrap().failing_since, None);
}
