//! Rules changed while they judge.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::harness::with;
use crate::server::{Server, sample};

const RULE: &str = "/api/v1/rules/resource_exhaustion";

fn patch(server: &Server, body: Value) -> Answer {
    server.ask("PATCH", RULE).json(&body).send()
}

fn put(server: &Server, rule: &str, body: Value) -> Answer {
    server.ask("PUT", &format!("/api/v1/rules/{rule}")).json(&body).send()
}

/// Two samples of a system whose memory is used to this percentage.
fn use_memory(server: &Server, system: &str, system_type: &str, percent: f64) {
    let of = |second| {
        let fields = json!({ "system_type": system_type, "memory_usage_percent": percent });
        with(sample(system, second), fields)
    };
    server.take(&[of(0), of(1)]);
    server.until("they are judged", || {
        let answer = server.ask("GET", &format!("/api/v1/systems/{system}")).send();
        (answer.status == 200 && answer.json()["data_points_count"] == 2).then_some(())
    });
}

fn found(server: &Server) -> Vec<String> {
    let detections = server.detections("");
    let mut systems: Vec<String> =
        detections.iter().map(|detection| detection["system_id"].as_str().unwrap().to_owned()).collect();
    systems.sort();
    systems
}

#[test]
fn every_rule_is_shown_with_what_it_may_be_set_to() {
    let server = Server::new();
    let rules = server.get("/api/v1/rules")["rules"].as_array().unwrap().clone();
    assert_eq!(rules.len(), 5);
    let rule = server.get(RULE);
    assert!(rules.iter().any(|listed| listed["rule_id"] == rule["rule_id"]));
    assert_eq!((&rule["origin"], &rule["threshold"]), (&json!("default"), &json!(0.9)));
    assert_eq!(rule["plugin"]["name"], "resource_exhaustion");
    let parameter = &rule["parameters"]["cpu_threshold"];
    assert_eq!(
        (&parameter["value"], &parameter["min"], &parameter["max"]),
        (&json!(0.95), &json!(0.0), &json!(1.0))
    );
    let off = server.get("/api/v1/rules/system_disconnection");
    assert_eq!((&off["enabled"], &off["origin"]), (&json!(false), &json!("configuration")));
    server.ask("GET", "/api/v1/rules/nothing").send().problem(404, "unknown-rule");
}

#[test]
fn a_threshold_takes_effect_at_once_and_the_plugin_stays() {
    let mut server = Server::new();
    let plugin = server.get(RULE)["plugin"].clone();
    use_memory(&server, "before", "cmc", 75.0);
    let changed = patch(&server, json!({ "threshold": 0.7 })).ok();
    assert_eq!((&changed["threshold"], &changed["origin"]), (&json!(0.7), &json!("api")));
    assert_eq!(changed["plugin"], plugin);
    use_memory(&server, "after", "cmc", 75.0);
    assert_eq!(server.detection_of("after")["evidence"]["parameters"]["threshold"], 0.7);
    assert_eq!(found(&server), ["after"]);
    server.restart();
    use_memory(&server, "again", "cmc", 75.0);
    server.detection_of("again");
    patch(&server, json!({ "parameters": { "cpu_threshold": 0.5 }, "severity": "low" })).ok();
    let rule = server.get(RULE);
    assert_eq!((&rule["threshold"], &rule["severity"]), (&json!(0.7), &json!("low")), "the rest stays");
    assert_eq!(rule["parameters"]["cpu_threshold"]["value"], 0.5);
}

#[test]
fn a_detection_that_is_open_survives_a_change_of_its_rule() {
    let server = Server::new();
    use_memory(&server, "a", "cmc", 95.0);
    let before = server.detection_of("a");
    patch(&server, json!({ "threshold": 0.8 })).ok();
    server.take(&[with(sample("a", 2), json!({ "memory_usage_percent": 85.0 }))]);
    server.until("it goes on", || (server.detection_of("a")["occurrences"] == 2).then_some(()));
    assert_eq!(server.detections("").len(), 1);
    assert_eq!(server.detection_of("a")["detection_id"], before["detection_id"]);
}

#[test]
fn overrides_hold_for_their_type_and_their_system() {
    let server = Server::new();
    let overrides = json!([
        { "system_type": "database", "threshold": 0.5 },
        { "system_id": "db-idle", "threshold": 0.99 },
    ]);
    assert_eq!(
        patch(&server, json!({ "overrides": overrides })).ok()["overrides"].as_array().unwrap().len(),
        2
    );
    use_memory(&server, "web", "web_server", 60.0);
    use_memory(&server, "db", "database", 60.0);
    use_memory(&server, "db-idle", "database", 95.0);
    use_memory(&server, "other", "web_server", 92.0);
    server.detection_of("other");
    assert_eq!(found(&server), ["db", "other"]);
}

#[test]
fn what_is_wrong_is_named_and_changes_nothing() {
    let server = Server::new();
    let before = server.get(RULE);
    for (body, named) in [
        (json!({ "threshold": 1.5 }), "threshold"),
        (json!({ "threshold": "high" }), "high"),
        (json!({ "parameters": { "cpu_threshold": -1 } }), "cpu_threshold"),
        (json!({ "parameters": { "nothing": 1 } }), "nothing"),
        (json!({ "severity": "worst" }), "worst"),
        (json!({ "window_size": 0 }), "window_size"),
        (json!({ "min_occurrences": 0 }), "min_occurrences"),
        (json!({ "settings": { "nothing": 1 } }), "nothing"),
        (json!({ "nothing": 1 }), "nothing"),
        (json!({ "rule_id": "other" }), "rule_id"),
        (json!({ "plugin": "nothing" }), "nothing"),
        (json!({ "overrides": [{ "threshold": 0.5 }] }), "override"),
        (json!({ "threshold": 0.5, "severity": "worst" }), "worst"),
    ] {
        let problem = patch(&server, body).problem(400, "invalid-rule");
        assert!(problem["detail"].as_str().unwrap().contains(named), "{named}: {problem}");
    }
    for body in ["", "{", "[]", "7"] {
        assert_eq!(server.ask("PATCH", RULE).body(body).send().status, 400, "{body:?}");
    }
    let mut after = server.get(RULE);
    after["cost"] = before["cost"].clone();
    assert_eq!(after, before);
    server.ask("PATCH", "/api/v1/rules/nothing").json(&json!({})).send().problem(404, "unknown-rule");
    assert_eq!(server.get("/api/v1/audit")["entries"], json!([]), "what was refused changed nothing");
}

#[test]
fn a_rule_of_conditions_is_made_changed_and_taken_away() {
    let mut server = Server::new();
    let slow = json!({
        "severity": "critical",
        "conditions": { "response_time_ms": { "min": 2000 } },
        "system_types": ["cmc"],
    });
    let made = put(&server, "slow", slow).ok();
    assert_eq!((&made["plugin"]["name"], &made["origin"]), (&json!("conditions"), &json!("api")));
    let slowly = |system: &str, kind: &str| {
        with(sample(system, 0), json!({ "response_time_ms": 2500.0, "system_type": kind }))
    };
    server.take(&[slowly("other", "web_server"), slowly("a", "cmc")]);
    let detection = server.detection_of("a");
    assert_eq!((&detection["rule_id"], &detection["severity"]), (&json!("slow"), &json!("critical")));
    assert_eq!(found(&server), ["a"]);
    server.restart();
    assert_eq!(server.get("/api/v1/rules/slow")["severity"], "critical");
    let replaced = json!({ "conditions": { "response_time_ms": { "min": 9000 } } });
    put(&server, "slow", replaced).ok();
    assert_ne!(server.get("/api/v1/rules/slow")["severity"], "critical", "all of it is replaced");
    assert_eq!(server.ask("DELETE", "/api/v1/rules/slow").send().status, 204);
    server.ask("GET", "/api/v1/rules/slow").send().problem(404, "unknown-rule");
    server.ask("DELETE", "/api/v1/rules/slow").send().problem(404, "unknown-rule");
    let gone = server.until("its detection is over", || {
        Some(server.detection_of("a")).filter(|detection| detection["status"] == "resolved")
    });
    assert_eq!(gone["detection_id"], detection["detection_id"]);
}

#[test]
fn a_rule_falls_back_to_the_configuration_and_to_the_default() {
    let server = Server::with("[[rules]]\nrule_id = \"performance_degradation\"\nseverity = \"low\"\n");
    patch(&server, json!({ "threshold": 0.5 })).ok();
    let back = server.ask("DELETE", RULE).send().ok();
    assert_eq!((&back["threshold"], &back["origin"]), (&json!(0.9), &json!("default")));
    server.ask("DELETE", RULE).send().problem(409, "not-changed");
    let configured = "/api/v1/rules/performance_degradation";
    server.ask("PATCH", configured).json(&json!({ "severity": "critical" })).send().ok();
    let back = server.ask("DELETE", configured).send().ok();
    assert_eq!((&back["severity"], &back["origin"]), (&json!("low"), &json!("configuration")));
}

#[test]
fn a_rule_is_switched_off_and_on() {
    let server = Server::new();
    assert_eq!(patch(&server, json!({ "enabled": false })).ok()["enabled"], false);
    use_memory(&server, "a", "cmc", 95.0);
    assert!(found(&server).is_empty());
    assert_eq!(patch(&server, json!({ "enabled": true })).ok()["enabled"], true);
    use_memory(&server, "b", "cmc", 95.0);
    server.detection_of("b");
    assert_eq!(found(&server), ["b"]);
}

#[test]
fn every_change_is_in_the_audit_log_with_who_before_and_after() {
    let server = Server::new();
    let operator = server.token("operator");
    patch(&server, json!({ "threshold": 0.8 })).ok();
    server.ask("PATCH", RULE).token(&operator).json(&json!({ "threshold": 0.7 })).send().ok();
    put(&server, "slow", json!({ "conditions": { "response_time_ms": { "min": 2000 } } })).ok();
    server.ask("DELETE", "/api/v1/rules/slow").send();
    server.ask("DELETE", RULE).send().ok();
    let audit = server.get("/api/v1/audit");
    let entries = audit["entries"].as_array().unwrap();
    let told: Vec<String> = (entries.iter())
        .map(|entry| {
            format!("{} {}", entry["what"].as_str().unwrap(), entry["who"]["name"].as_str().unwrap())
        })
        .collect();
    let expected = [
        "rule.drop first",
        "rule.drop first",
        "rule.change first",
        "rule.change operator",
        "rule.change first",
    ];
    assert_eq!(told[..5], expected, "the newest first");
    let thresholds =
        |entry: &Value| (entry["before"]["threshold"].clone(), entry["after"]["threshold"].clone());
    assert_eq!(thresholds(&entries[3]), (json!(0.8), json!(0.7)));
    assert_eq!(thresholds(&entries[0]), (json!(0.7), json!(0.9)));
    assert_eq!((&entries[1]["after"], &entries[2]["before"]), (&Value::Null, &Value::Null));
    assert_eq!(entries[3]["target"], "resource_exhaustion");
    assert!(entries[3]["at"].is_string());
    let first = server.get("/api/v1/audit?limit=2");
    let second =
        server.get(&format!("/api/v1/audit?limit=2&cursor={}", first["next_cursor"].as_str().unwrap()));
    assert_eq!(second["entries"].as_array().unwrap()[..], entries[2..4]);
}
