//! Events, as they happen and after a pause.

use serde_json::json;

use crate::server::{Server, exhausted, sample};

fn trouble(server: &Server, system: &str) {
    server.take(&[exhausted(system, 0), exhausted(system, 1)]);
}

#[test]
fn events_come_as_they_happen_with_the_detection() {
    let server = Server::new();
    trouble(&server, "before");
    // Once it is told and not only there to be read.
    server.events("?after=0").wait_for("detection_opened");
    let events = server.events("");
    trouble(&server, "a");
    let opened = events.wait_for("detection_opened");
    assert_eq!(opened.data["detection"]["system_id"], "a", "the stream starts now");
    assert_eq!(opened.data["event"], "detection_opened");
    assert_eq!(opened.data["id"].to_string(), opened.id);
    assert!(opened.data["at"].is_string());
    let well: Vec<_> = (2..40).map(|second| sample("a", second)).collect();
    server.take(&well);
    let resolved = events.wait_for("detection_resolved");
    assert_eq!(resolved.data["detection"]["detection_id"], opened.data["detection"]["detection_id"]);
    server.take(&[exhausted("a", 41), exhausted("a", 42)]);
    assert_eq!(events.wait_for("detection_reopened").data["detection"]["reopened"], 1);
}

#[test]
fn a_listener_that_comes_back_goes_on_where_it_was() {
    let mut server = Server::new();
    for system in ["a", "b", "c"] {
        trouble(&server, system);
        server.detection_of(system);
    }
    let all = server.events("?after=0");
    let first = all.wait_for("detection_opened");
    assert_eq!(first.data["detection"]["system_id"], "a");
    let systems = |listener: &crate::client::Events| {
        ["b", "c"].map(|system| {
            let event = listener.wait_for("detection_opened");
            assert_eq!(event.data["detection"]["system_id"], system);
            event.id
        })
    };
    let rest = systems(&all);
    let resumed = |server: &Server| {
        server.ask("GET", "/api/v1/events?after=0").header("last-event-id", &first.id).listen()
    };
    assert_eq!(systems(&resumed(&server)), rest, "the header is stronger than the query");
    server.kill();
    server.start();
    let back = resumed(&server);
    assert_eq!(systems(&back), rest);
    trouble(&server, "d");
    let next = back.wait_for("detection_opened");
    assert_eq!(next.data["detection"]["system_id"], "d");
    assert!(next.id.parse::<u64>().unwrap() > rest[1].parse().unwrap());
    let wrong = server.ask("GET", "/api/v1/events").header("last-event-id", "1-x").send();
    wrong.problem(400, "invalid-request");
}

#[test]
fn an_event_that_was_told_is_kept_under_its_number() {
    let mut server = Server::new();
    let patch = |server: &Server, name: &str| {
        let body = json!({ "name": name });
        server.ask("PATCH", "/api/v1/rules/resource_exhaustion").json(&body).send().ok();
    };
    let events = server.events("");
    trouble(&server, "a");
    let opened = events.wait_for("detection_opened");
    patch(&server, "one");
    let told = events.wait_for("rule_changed");
    server.kill();
    server.start();
    patch(&server, "two");
    let again = server.events("?after=0");
    assert_eq!(again.next().id, opened.id);
    let kept = again.wait_for("rule_changed");
    assert_eq!((&kept.id, &kept.data), (&told.id, &told.data));
}

#[test]
fn no_more_listeners_than_allowed_and_a_place_becomes_free() {
    let server = Server::with("[server]\nevents_listeners_max = 1\n");
    let events = server.events("");
    let refused = server.ask("GET", "/api/v1/events").send();
    refused.problem(429, "too-many-listeners");
    assert!(!refused.header("retry-after").is_empty());
    trouble(&server, "a");
    events.wait_for("detection_opened");
}

#[test]
fn a_graceful_stop_ends_the_streams() {
    let mut server = Server::new();
    let events = server.events("");
    assert_eq!(server.stop(), 0);
    assert!(events.has_ended());
}

#[test]
fn changes_by_operators_are_events_too() {
    let server = Server::new();
    let events = server.events("");
    let changed = server.ask("PATCH", "/api/v1/rules/resource_exhaustion").json(&json!({ "threshold": 0.8 }));
    changed.send().ok();
    let event = events.wait_for("rule_changed");
    assert_eq!((&event.data["rule_id"], &event.data["by"]), (&json!("resource_exhaustion"), &json!("first")));
}
