//! What was acknowledged is there after a kill -9, once.

use serde_json::{Value, json};

use crate::harness::with;
use crate::server::{Server, custom, exhausted, recent, sample};

/// The events of all times that samples brought about: their names, and of which detections.
fn told(server: &Server) -> Vec<(String, Value)> {
    let events = server.events("?after=0");
    // It marks the end: what happened before it comes before it.
    server.ask("PATCH", "/api/v1/rules/resource_exhaustion").json(&json!({ "name": "End" })).send().ok();
    std::iter::from_fn(|| Some(events.next()).filter(|event| event.name != "rule_changed"))
        .filter(|event| event.name.starts_with("detection_"))
        .map(|event| (event.name, event.data["detection"]["detection_id"].clone()))
        .collect()
}

#[test]
fn a_kill_right_after_the_answer_loses_nothing_and_repeats_nothing() {
    let mut server = Server::new();
    for round in 0..5 {
        let system = format!("s{round}");
        server.take(&[sample(&system, 0), exhausted(&system, 1), exhausted(&system, 2)]);
        server.kill();
        server.start();
        assert_eq!(server.get("/readyz")["state"], "ready", "it serves when it is ready");
    }
    for round in 0..5 {
        let system = format!("s{round}");
        let times: Vec<Value> =
            server.history(&system, 3).iter().map(|sample| sample["timestamp"].clone()).collect();
        assert_eq!(times, [0, 1, 2].map(recent), "every sample of {system} once");
        server.detection_of(&system);
        let detections = server.detections(&format!("?system_id={system}"));
        assert_eq!(detections.len(), 1, "{detections:?}");
        assert_eq!(detections[0]["evidence"]["sample_timestamp"], recent(2));
    }
    let told = told(&server);
    assert_eq!(told.iter().filter(|(name, _)| name == "detection_opened").count(), 5, "{told:?}");
    assert_eq!(told.len(), 5, "{told:?}");
}

#[test]
fn a_detection_keeps_its_id_and_is_told_once_over_many_kills() {
    let mut server = Server::new();
    server.take(&[exhausted("a", 0), exhausted("a", 1)]);
    let before = server.detection_of("a");
    for second in 2..5 {
        server.kill();
        server.start();
        server.take(&[exhausted("a", second)]);
    }
    server.until("it goes on", || (server.detection_of("a")["occurrences"] == 4).then_some(()));
    let after = server.detections("");
    assert_eq!(after.len(), 1);
    assert_eq!(after[0]["detection_id"], before["detection_id"]);
    let told = told(&server);
    assert_eq!(told, [("detection_opened".to_owned(), before["detection_id"].clone())]);
}

#[test]
fn many_senders_and_a_kill_leave_exactly_what_was_acknowledged_at_least() {
    let mut server = Server::new();
    let acknowledged: Vec<(u32, u32)> = {
        let (server, url) = (&server, format!("{}/api/v1/samples", server.url()));
        std::thread::scope(|scope| {
            let sender = |thread: u32| {
                let url = url.clone();
                scope.spawn(move || {
                    let mut acknowledged = 0;
                    for second in 0.. {
                        let rows = json!([sample(&format!("s{thread}"), second)]);
                        let mut ask = server.ask("POST", "/api/v1/samples").json(&rows);
                        ask.url.clone_from(&url);
                        match ask.try_send() {
                            Ok(answer) if answer.status == 200 => acknowledged += 1,
                            _ => break,
                        }
                    }
                    (thread, acknowledged)
                })
            };
            let senders: Vec<_> = (0..4).map(sender).collect();
            server.until("some are acknowledged", || {
                (server.metric("lapwing_samples_accepted_total") > 100.0).then_some(())
            });
            server.signal("KILL");
            senders.into_iter().map(|sender| sender.join().unwrap()).collect()
        })
    };
    server.kill();
    server.start();
    for (thread, acknowledged) in acknowledged {
        let kept = server.history(&format!("s{thread}"), acknowledged.min(1000) as usize);
        // The one that was under way may have been kept without an answer.
        assert!((acknowledged..=acknowledged + 1).contains(&(kept.len() as u32)), "{thread}: {acknowledged}");
        let times: Vec<&Value> = kept.iter().map(|sample| &sample["timestamp"]).collect();
        assert!(times.iter().enumerate().all(|(n, time)| **time == recent(n as u32)), "once, in order");
    }
}

#[test]
fn a_graceful_stop_and_a_start_are_not_noticed() {
    let mut server = Server::new();
    let rows: Vec<Value> = (0..20).map(|second| custom("a", second, "load", f64::from(second))).collect();
    server.take(&rows);
    server.take(&[exhausted("b", 0), exhausted("b", 1)]);
    server.detection_of("b");
    let state = |server: &Server| {
        let summary = with_out_clock(server.get("/api/v1/systems/a"));
        let mut detection = server.detections("?system_id=b").remove(0);
        // What is done about it goes on meanwhile.
        detection["history"] = Value::Null;
        (server.history("a", 20), server.history("b", 2), summary, detection)
    };
    let before = state(&server);
    server.restart();
    assert_eq!(state(&server), before);
    assert_eq!(server.metric("lapwing_samples_total{fate=\"judged\"}"), 0.0, "nothing was left to judge");
    assert_eq!(server.metric("lapwing_samples_accepted_total"), 0.0);
    server.take(&[exhausted("b", 2)]);
    server.until("it goes on", || (server.detection_of("b")["occurrences"] == 2).then_some(()));
}

/// What of a system does not change with time, nor by a restart.
fn with_out_clock(mut summary: Value) -> Value {
    for changes in ["last_updated", "presence", "heartbeat"] {
        summary.as_object_mut().unwrap().remove(changes);
    }
    summary
}

#[test]
fn rules_tokens_and_the_audit_log_survive_a_kill() {
    let mut server = Server::new();
    let viewer = server.token("viewer");
    server.ask("PATCH", "/api/v1/rules/resource_exhaustion").json(&json!({ "threshold": 0.5 })).send().ok();
    let audit = server.get("/api/v1/audit");
    server.kill();
    server.start();
    assert_eq!(
        server.ask("GET", "/api/v1/rules/resource_exhaustion").token(&viewer).send().ok()["threshold"],
        0.5
    );
    assert_eq!(server.get("/api/v1/audit"), audit);
}

#[test]
fn other_shards_after_a_kill_go_on_with_the_same_systems() {
    let mut server = Server::new();
    let system = |n: u32| format!("s{n}");
    let rows: Vec<Value> = (0..24)
        .map(|n| with(exhausted(&system(n / 2), n % 2), json!({ "custom_metrics": { format!("m{n}"): n } })))
        .collect();
    server.take(&rows);
    server.until("all are found", || (server.detections("").len() == 12).then_some(()));
    let state = |server: &Server| {
        let histories: Vec<Vec<Value>> = (0..12).map(|n| server.history(&system(n), 2)).collect();
        let ids: Vec<Value> =
            server.detections("?status=active").iter().map(|found| found["detection_id"].clone()).collect();
        (histories, ids)
    };
    let before = state(&server);
    for shards in [4, 1, 3] {
        server.kill();
        server.configure(&format!("[pipeline]\nshards = {shards}\n"));
        server.start();
        assert_eq!(state(&server), before, "{shards} shards");
    }
    server.configure("[pipeline]\nshards = 2\n");
    server.restart();
    assert_eq!(state(&server), before);
    server.take(&[exhausted("s5", 2)]);
    server.until("it goes on", || (server.detection_of("s5")["occurrences"] == 2).then_some(()));
}

#[test]
fn a_sender_that_never_got_its_answer_and_repeats_itself_changes_nothing() {
    let mut server = Server::new();
    let rows = [sample("a", 0), exhausted("a", 1), exhausted("a", 2)];
    server.take(&rows);
    for _ in 0..3 {
        server.kill();
        server.start();
        server.take(&rows);
        server.until("it is judged", || {
            (server.metric("lapwing_samples_total{fate=\"duplicate\"}") >= 3.0).then_some(())
        });
        assert_eq!(server.history("a", 3).len(), 3);
        assert_eq!(server.detections("").len(), 1);
    }
}

#[test]
fn a_detection_of_a_rule_that_is_gone_after_a_restart_is_over() {
    let slow = "[[rules]]\nrule_id = \"slow\"\nconditions = { response_time_ms = { min = 50 } }\n";
    let mut server = Server::with(slow);
    server.take(&[sample("a", 0)]);
    let before = server.detection_of("a");
    assert_eq!((&before["rule_id"], &before["status"]), (&json!("slow"), &json!("active")));
    assert_eq!(server.stop(), 0);
    server.configure("");
    let events = {
        server.start();
        server.events("?after=0")
    };
    let after = server.detection_of("a");
    assert_eq!((&after["detection_id"], &after["status"]), (&before["detection_id"], &json!("resolved")));
    assert_eq!(
        events.wait_for("detection_resolved").data["detection"]["detection_id"],
        before["detection_id"]
    );
    assert_eq!(server.get("/api/v1/systems/a")["active_detections"], json!([]));
    server.restart();
    assert_eq!(server.detection_of("a")["resolved_at"], after["resolved_at"]);
}
