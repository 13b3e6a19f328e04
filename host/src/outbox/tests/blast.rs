//! Blast radius: how many systems an action may touch by itself.

use super::host::{Host, T0, at, done, owed, policies};
use crate::outbox::{Blast, Destination, Owed, StateKind};

fn within(share: f64, count: u32) -> Host {
    let blast = Some(Blast { share, count, window_s: 3600.0 });
    Host::new(policies([("restart", Destination { blast, concurrency: 256, ..Destination::default() })]))
}

fn restart(host: &mut Host, key: &str, system: &str, now: f64, fleet_size: usize) -> StateKind {
    let owed = Owed { owed_at: at(now), ..owed(key, "restart", system) };
    host.outbox.owe(owed, at(now), fleet_size).unwrap();
    host.write();
    host.kind(key)
}

#[test]
fn the_smaller_of_share_and_count_is_allowed_and_one_always() {
    for (share, count, fleet_size, allowed, says) in [
        (0.1, 100, 40, 4, "would touch 5 of 40 systems within 3600 s; 10 % are allowed"),
        (0.29, 100, 100, 29, "would touch 30 of 100 systems within 3600 s; 29 % are allowed"),
        (1.0, 11, 40, 11, "would touch 12 of 40 systems within 3600 s; 11 are allowed"),
        (1.0, 1, 40, 1, "would touch 2 of 40 systems within 3600 s; 1 is allowed"),
        (0.1, 100, 5, 1, "would touch 2 of 5 systems within 3600 s; 10 % are allowed"),
        (0.07, 100, 0, 1, "would touch 2 of 0 systems within 3600 s; 7 % are allowed"),
    ] {
        let mut host = within(share, count);
        for system in 0..allowed {
            let key = format!("k{system}");
            assert_eq!(
                restart(&mut host, &key, &format!("s{system}"), 0.0, fleet_size),
                StateKind::Waiting,
                "{says}"
            );
        }
        assert_eq!(restart(&mut host, "more", "more", 0.0, fleet_size), StateKind::Held);
        assert_eq!(host.why("more"), says);
    }
}

#[test]
fn those_that_are_held_are_told_and_not_counted() {
    let mut host = within(0.1, 100);
    for system in 0..12 {
        restart(&mut host, &format!("k{system}"), &format!("s{system}"), 0.0, 40);
    }
    assert_eq!(host.why("k11"), "would touch 12 of 40 systems within 3600 s; 10 % are allowed");
    assert_eq!(host.outbox.depths()["restart"].held, 8);
    // A system that was touched may be touched again, and an hour later others may.
    assert_eq!(restart(&mut host, "again", "s0", 1800.0, 40), StateKind::Waiting);
    assert_eq!(restart(&mut host, "later-1", "n1", 3600.0, 40), StateKind::Waiting);
    assert_eq!(restart(&mut host, "later-2", "n2", 3600.0, 40), StateKind::Waiting);
    assert_eq!(restart(&mut host, "later-3", "n3", 3600.0, 40), StateKind::Waiting);
    assert_eq!(restart(&mut host, "later-4", "n4", 3600.0, 40), StateKind::Held, "s0 counts from its last");
}

#[test]
fn what_a_person_lets_through_counts() {
    let mut host = within(1.0, 2);
    for system in ["a", "b", "c"] {
        restart(&mut host, system, system, 0.0, 40);
    }
    host.outbox.approve("c", "bob", at(3000.0)).unwrap();
    // a and b are an hour old, c is not.
    assert_eq!(restart(&mut host, "d", "d", 3700.0, 40), StateKind::Waiting);
    assert_eq!(restart(&mut host, "e", "e", 3700.0, 40), StateKind::Held);
}

#[test]
fn taking_back_and_trying_out_touch_nothing() {
    let mut host = within(1.0, 1);
    restart(&mut host, "a", "a", 0.0, 40);
    let undo = owed("b", "restart", "b").undo(None, T0);
    let canary = Owed { canary: true, ..owed("c", "restart", "c") };
    let group = Owed { system_id: None, ..owed("d", "restart", "d") };
    for owed in [undo, canary, group] {
        let key = owed.key.clone();
        host.owe(owed, T0);
        assert_eq!(host.kind(&key), StateKind::Waiting);
    }
}

#[test]
fn a_restart_and_other_policies_do_not_forget_what_was_touched() {
    let mut host = within(1.0, 2);
    for system in ["a", "b"] {
        restart(&mut host, system, system, 0.0, 40);
    }
    for job in host.take(T0) {
        host.finish(job.seq, done(), T0);
    }
    host.crash(at(10.0));
    assert_eq!(restart(&mut host, "c", "c", 20.0, 40), StateKind::Held);
    host.outbox.adopt(host.destinations.clone(), at(30.0));
    assert_eq!(restart(&mut host, "d", "d", 40.0, 40), StateKind::Held);
    assert_eq!(host.why("d"), "would touch 4 of 40 systems within 3600 s; 2 are allowed");
    assert_eq!(restart(&mut host, "e", "e", 3600.0, 40), StateKind::Waiting);
}
