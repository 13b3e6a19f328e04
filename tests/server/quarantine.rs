//! A plugin that misbehaves is left alone, in public; the others go on.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::harness::hostile;
use crate::server::{Server, custom, exhausted};

/// A server with the rule that misbehaves as its settings say.
fn with_hostile() -> Server {
    let server = Server::new();
    server.push("hostile", hostile(), "live").ok();
    server
}

fn behave(server: &Server, behaviour: &str) -> Answer {
    let body = json!({ "plugin": "hostile", "settings": { "behaviour": behaviour } });
    server.ask("PUT", "/api/v1/rules/hostile").json(&body).send()
}

/// Hands in a row that the rule has to judge.
fn value(server: &Server, system: &str, second: u32, value: f64) {
    server.take(&[custom(system, second, "value", value)]);
}

/// Hands rows in until the rule is out of the run; returns why.
fn until_quarantined(server: &Server) -> Value {
    let mut second = 0;
    server.until("the quarantine", || {
        value(server, "bad", second, 1.0);
        second += 1;
        let quarantine = server.get("/api/v1/rules/hostile")["quarantine"].clone();
        (!quarantine.is_null()).then_some(quarantine)
    })
}

fn others_go_on(server: &Server, system: &str) {
    server.take(&[exhausted(system, 0), exhausted(system, 1)]);
    let rules: Vec<Value> = vec![server.detection_of(system)["rule_id"].clone()];
    assert_eq!(rules, ["resource_exhaustion"]);
}

#[test]
fn a_rule_that_keeps_failing_is_quarantined_where_everybody_sees_it() {
    for (behaviour, reason) in
        [("panic_always", "always"), ("refuse", "I would rather not"), ("loop", "did not end within")]
    {
        let server = with_hostile();
        behave(&server, behaviour).ok();
        let events = server.events("");
        let quarantine = until_quarantined(&server);
        assert!(quarantine["reason"].as_str().unwrap().contains(reason), "{quarantine}");
        assert_eq!(quarantine["times"], 1);
        let told = events.wait_for("plugin_quarantined");
        assert_eq!((&told.data["rule_id"], &told.data["plugin"]), (&json!("hostile"), &json!("hostile")));
        assert_eq!(told.data["until"], quarantine["until"]);
        let plugins = server.get("/api/v1/plugins");
        let line = plugins["plugins"].as_array().unwrap().iter().find(|plugin| plugin["name"] == "hostile");
        assert_eq!(line.unwrap()["quarantined_rules"], json!(["hostile"]));
        let label = "{rule_id=\"hostile\",plugin=\"hostile\"}";
        assert_eq!(server.metric(&format!("lapwing_rule_quarantined{label}")), 1.0);
        assert!(server.metric(&format!("lapwing_rule_traps_total{label}")) >= 1.0);
        server.until("it is counted", || (server.metric("lapwing_quarantines_total") >= 1.0).then_some(()));
        others_go_on(&server, "good");
    }
}

#[test]
fn a_quarantine_is_lifted_by_hand() {
    let server = with_hostile();
    behave(&server, "panic_always").ok();
    until_quarantined(&server);
    let events = server.events("");
    let released = server.ask("POST", "/api/v1/rules/hostile/release").send().ok();
    assert_eq!(released["quarantine"], Value::Null);
    assert_eq!(events.wait_for("plugin_released").data["by"], "first");
    let entry = server.get("/api/v1/audit?limit=1")["entries"][0].clone();
    assert_eq!((&entry["what"], &entry["target"]), (&json!("rule.release"), &json!("hostile")));
    value(&server, "again", 0, 1.0);
    events.wait_for("plugin_quarantined");
    server.ask("POST", "/api/v1/plugins/hostile/release").send().ok();
    assert_eq!(server.get("/api/v1/rules/hostile")["quarantine"], Value::Null);
    server.ask("POST", "/api/v1/rules/nothing/release").send().problem(404, "unknown-rule");
}

#[test]
fn a_quarantined_rule_comes_back_when_its_settings_are_mended() {
    let server = with_hostile();
    behave(&server, "panic_always").ok();
    until_quarantined(&server);
    behave(&server, "behave").ok();
    assert_eq!(server.get("/api/v1/rules/hostile")["quarantine"], Value::Null);
    value(&server, "mended", 0, 1.0);
    assert_eq!(server.detection_of("mended")["rule_id"], "hostile");
}

#[test]
fn a_poison_row_is_set_aside_and_its_neighbours_are_judged() {
    let mut server = with_hostile();
    behave(&server, "panic_on_thirteen").ok();
    let rows: Vec<Value> = (0..32)
        .map(|n| custom(&format!("s{n}"), 0, "value", if n == 20 { 13.0 } else { f64::from(n % 2) }))
        .collect();
    server.take(&rows);
    let letter = server.until("the dead letter", || {
        server.get("/api/v1/dead-letters")["dead_letters"].as_array().unwrap().first().cloned()
    });
    assert_eq!((&letter["rule_id"], &letter["plugin"]), (&json!("hostile"), &json!("hostile")));
    assert_eq!((&letter["system_id"], &letter["inputs"]["value"]), (&json!("s20"), &json!(13.0)));
    assert!(letter["reason"].as_str().unwrap().contains("thirteen"), "{letter}");
    assert_eq!(letter["digest"], server.get("/api/v1/plugins/hostile")["versions"][0]["digest"]);
    server
        .until("the others are judged", || (server.detections("?rule_id=hostile").len() == 16).then_some(()));
    let rule = server.get("/api/v1/rules/hostile");
    assert_eq!((&rule["quarantine"], &rule["cost"]["unjudged_rows"]), (&Value::Null, &json!(1)), "{rule}");
    assert_eq!(server.metric("lapwing_dead_letters_total"), 1.0);
    // The next commit takes everything before it to the disk.
    value(&server, "later", 0, 0.0);
    server.history("later", 1);
    value(&server, "later", 1, 0.0);
    server.kill();
    server.start();
    let letters = server.get("/api/v1/dead-letters")["dead_letters"].as_array().unwrap().clone();
    assert_eq!(letters.len(), 1, "a restart does not tell it twice: {letters:?}");
    assert_eq!(letters[0]["system_id"], "s20");
    assert_eq!(server.detections("?rule_id=hostile").len(), 16);
}

#[test]
fn a_misbehaving_shadow_harms_nobody() {
    let server = Server::new();
    // The shadow is judged with the rule's settings, which only its own bytes take amiss.
    server.push("certificate_expiry", crate::harness::example(), "live").ok();
    server.push("certificate_expiry", hostile(), "shadow").ok();
    server.take(&[crate::components::expiring("a", 0)]);
    assert_eq!(server.detection_of("a")["rule_id"], "certificate_expiry");
    let diff = server.until("the shadow has judged", || {
        let diff = server.get("/api/v1/plugins/certificate_expiry/diff");
        (diff["rules"][0]["lost"] == 1).then_some(diff)
    });
    assert_eq!(diff["rules"][0]["detections"], json!({ "live": 1, "shadow": 0 }));
    assert_eq!(diff["rules"][0]["examples"][0]["kind"], "lost");
    assert_eq!(diff["rules"][0]["examples"][0]["system_id"], "a");
    assert_eq!(server.detections("").len(), 1, "the shadow acts on nothing");
}

#[test]
fn a_rule_that_needs_too_much_does_not_come_into_force() {
    let server = with_hostile();
    for (behaviour, reason) in [
        ("panic_in_configure", "I do not want to be configured"),
        ("loop_in_configure", "configure did not end within"),
        ("endless_window", "reaches 1000000 samples back"),
    ] {
        let problem = behave(&server, behaviour).problem(400, "invalid-rule");
        assert!(problem["detail"].as_str().unwrap().contains(reason), "{problem}");
    }
    value(&server, "a", 0, 1.0);
    assert_eq!(server.detection_of("a")["rule_id"], "hostile", "the old settings stay in force");
}
