//! What people decide, and what they are refused.

use super::host::{Host, T0, at, done, owed, policies, refused};
use crate::outbox::{Approval, Destination, Filter, OutboxError, Owed, StateKind};

fn careful() -> Host {
    let policy = Destination { approval: Approval::SecondPerson, ..Destination::default() };
    Host::new(policies([("block", policy), ("page", Destination::default())]))
}

#[test]
fn the_second_person_is_another_one() {
    let mut host = careful();
    host.owe(Owed { asked_by: Some("ann".to_owned()), ..owed("a", "block", "a") }, T0);
    assert!(host.take(T0).is_empty());
    assert_eq!((host.kind("a"), host.outbox.next_due()), (StateKind::Held, None));
    let own = host.outbox.approve("a", "ann", at(1.0)).unwrap_err();
    assert_eq!(own.to_string(), "approve: \"ann\" asked for \"a\", expected a second person");
    host.crash(at(1e6)); // what is held waits for people, however long
    host.outbox.approve("a", "bob", at(1e6)).unwrap();
    assert_eq!(host.outbox.get("a").unwrap().1.standing.approved_by.as_deref(), Some("bob"));
    let job = host.job(at(1e6));
    host.finish(job.seq, done(), at(1e6));
    let twice = host.outbox.approve("a", "bob", at(1e6)).unwrap_err();
    assert_eq!(twice.to_string(), "\"a\" is done, expected held");
    // An undo is an act as well.
    host.owe(owed("b", "block", "b").undo(None, T0), T0);
    assert_eq!(host.kind("b/undo"), StateKind::Held);
}

#[test]
fn cancelling_ends_all_but_what_is_under_way_or_over() {
    let mut host = careful();
    host.owe(owed("held", "block", "a"), T0);
    host.owe(owed("first", "page", "a"), T0);
    host.owe(owed("second", "page", "a"), T0);
    let first = host.job(T0);
    let under_way = host.outbox.cancel("first", "ann", "", T0).unwrap_err();
    assert!(under_way.to_string().starts_with("\"first\" is under way, expected waiting"), "{under_way}");
    host.finish(first.seq, refused(), T0);
    for key in ["held", "first", "second"] {
        host.outbox.cancel(key, "ann", "not needed", at(1.0)).unwrap();
        assert_eq!((host.kind(key), host.why(key).as_str()), (StateKind::Cancelled, "not needed"));
        assert!(host.outbox.cancel(key, "ann", "", at(2.0)).is_err());
    }
    assert!(host.take(at(1e5)).is_empty());
    assert_eq!(host.outbox.dead().count(), 0);
    assert_eq!(
        host.outbox.replay("first", T0).unwrap_err().to_string(),
        "\"first\" is cancelled, expected dead"
    );
    assert_eq!(host.outbox.replay("none", T0), Err(OutboxError::UnknownKey { key: "none".to_owned() }));
    assert_eq!(host.outbox.finish(99, done(), T0), Err(OutboxError::NotUnderWay { seq: 99 }));
}

#[test]
fn lists_are_newest_first_and_by_what_is_asked() {
    let mut host = careful();
    for (key, action, lane) in
        [("a", "page", "x"), ("b", "block", "x"), ("c", "page", "y"), ("d", "page", "x")]
    {
        host.owe(owed(key, action, lane), T0);
    }
    let keys = |filter: Filter| -> Vec<String> {
        host.outbox.list(&filter).map(|(_, record)| record.owed.key.clone()).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(keys(Filter::default()), ["d", "c", "b", "a"]);
    assert_eq!(keys(Filter { before: Some(2), ..Filter::default() }), ["b", "a"]);
    assert_eq!(keys(Filter { action: text("page"), lane: text("x"), ..Filter::default() }), ["d", "a"]);
    assert_eq!(keys(Filter { system_id: text("y"), ..Filter::default() }), ["c"]);
    assert_eq!(keys(Filter { state: Some(StateKind::Held), ..Filter::default() }), ["b"]);
    assert!(keys(Filter { detection_id: Some(uuid::Uuid::nil()), ..Filter::default() }).is_empty());
}
