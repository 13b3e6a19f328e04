//! Reports of the other side: awaited, early, late, missing.

use super::host::{Host, T0, at, failed, owed, policies};
use crate::outbox::{Destination, Finish, OutboxError, Report, ReportState, StateKind};

fn one(concurrency: usize) -> Host {
    Host::new(policies([("recover", Destination { concurrency, ..Destination::default() })]))
}

fn says(state: ReportState, note: &str) -> Report {
    Report { state, note: note.to_owned() }
}

#[test]
fn a_report_ends_it_well_or_badly_and_until_then_the_lane_waits_but_no_place_is_taken() {
    let mut host = one(1);
    for key in ["a1", "a2", "b1"] {
        host.owe(owed(key, "recover", &key[..1]), T0);
    }
    let a1 = host.job(T0);
    host.finish(a1.seq, Finish::AwaitReport { until: at(600.0) }, T0);
    let b1 = host.job(T0);
    assert_eq!(b1.owed.key, "b1");
    host.finish(b1.seq, Finish::AwaitReport { until: at(600.0) }, T0);
    let depth = &host.outbox.depths()["recover"];
    assert_eq!((depth.waiting, depth.under_way, depth.awaiting), (1, 0, 2));

    host.outbox.report("a1", says(ReportState::Running, "step 2 of 3"), at(5.0)).unwrap();
    assert_eq!(host.outbox.get("a1").unwrap().1.standing.progress.as_deref(), Some("step 2 of 3"));
    assert!(host.take(at(5.0)).is_empty());
    host.outbox.report("a1", says(ReportState::Succeeded, "restarted"), at(9.0)).unwrap();
    assert_eq!(host.why("a1"), "restarted");
    assert_eq!(host.keys(at(9.0)), ["a2"]);
    host.outbox.report("b1", says(ReportState::Failed, "no such disk"), at(9.0)).unwrap();
    assert_eq!(host.why("b1"), "reported as failed: no such disk");

    let again = host.outbox.report("a1", says(ReportState::Succeeded, ""), at(10.0));
    assert!(matches!(again, Err(OutboxError::WrongState { found: StateKind::Done, .. })));
    let unknown = host.outbox.report("z", says(ReportState::Running, ""), at(10.0));
    assert_eq!(unknown, Err(OutboxError::UnknownKey { key: "z".to_owned() }));
}

#[test]
fn a_report_that_does_not_come_is_a_dead_letter() {
    let mut host = one(16);
    host.owe(owed("a", "recover", "a"), T0);
    let job = host.job(T0);
    host.finish(job.seq, Finish::AwaitReport { until: at(600.0) }, T0);
    assert_eq!(host.outbox.next_due(), Some(at(600.0)));
    assert!(host.take(at(599.9)).is_empty());
    assert_eq!(host.kind("a"), StateKind::Awaiting);
    assert!(host.take(at(600.0)).is_empty());
    assert_eq!(host.why("a"), "no report came within the time given");
}

#[test]
fn a_report_that_overtakes_the_answer_counts_once_the_answer_asks_for_it() {
    let mut host = one(16);
    host.owe(owed("a", "recover", "a"), T0);
    let early = host.outbox.report("a", says(ReportState::Succeeded, "?"), T0);
    assert!(matches!(early, Err(OutboxError::WrongState { found: StateKind::Waiting, .. })), "never tried");
    let job = host.job(T0);
    host.outbox.report("a", says(ReportState::Succeeded, "restarted"), at(1.0)).unwrap();
    assert_eq!(host.kind("a"), StateKind::UnderWay);
    host.finish(job.seq, failed(), at(2.0)); // the answer was lost
    host.write();
    host.crash(at(2.0));
    let job = host.job(host.outbox.next_due().unwrap());
    assert_eq!(job.attempt, 2);
    host.finish(job.seq, Finish::AwaitReport { until: at(600.0) }, at(5.0));
    assert_eq!(host.why("a"), "restarted");
}

#[test]
fn after_a_restart_the_whole_time_is_given_again() {
    let mut host = one(16);
    host.owe(owed("a", "recover", "a"), T0);
    let job = host.job(T0);
    host.finish(job.seq, Finish::AwaitReport { until: at(600.0) }, T0);
    host.crash(at(1000.0));
    assert!(host.take(at(1599.9)).is_empty());
    assert_eq!(host.kind("a"), StateKind::Awaiting);
    host.take(at(1600.0));
    assert_eq!(host.kind("a"), StateKind::Dead);
}
