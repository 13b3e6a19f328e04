//! From a detection to those who hear of it, and back.

use ring::hmac;
use serde_json::{Value, json};

use crate::harness::with;
use crate::receiver::{Manner, Receiver};
use crate::server::{Server, exhausted, recent, sample};

/// Tells the receiver of everything at once; what fails is tried again soon.
fn config(receiver: &Receiver) -> String {
    format!(
        r#"
[secrets.hook]
file = "hook.secret"

[[actions]]
action_id = "ops"
plugin = "send_alert"
settings = {{ kind = "webhook", url = "{grant}/hook", secret = "hook" }}
grants = {{ hosts = ["{grant}"], secrets = ["hook"] }}
delivery = {{ backoff_first_s = 0.05, backoff_max_s = 0.1, breaker_failures = 1000, timeout_s = 2.0 }}

[alerts]
group_wait_s = 0.0
[alerts.route]
receivers = ["ops"]
group_by = ["rule_id", "system_id"]
"#,
        grant = receiver.grant(),
    )
}

fn server(receiver: &Receiver, further: &str) -> Server {
    let mut server = Server::prepared(&format!("{}\n{further}", config(receiver)));
    server.bench.write("hook.secret", "s3cret\n");
    server.start();
    server
}

/// A system whose memory is used up.
fn trouble(server: &Server, system: &str) -> Value {
    server.take(&[exhausted(system, 0), exhausted(system, 1)]);
    server.detection_of(system)
}

fn calm(server: &Server, system: &str) {
    server.take(&[sample(system, 100)]);
}

/// The requests that came, once there are so many.
fn received(server: &Server, receiver: &Receiver, count: usize) -> Vec<crate::receiver::Received> {
    server.until(&format!("{count} requests"), || {
        let received = receiver.received();
        (received.len() >= count).then_some(received)
    })
}

fn history(server: &Server, id: &Value) -> Vec<String> {
    let detection = server.get(&format!("/api/v1/detections/{}", id.as_str().unwrap()));
    let lines = detection["history"].as_array().unwrap();
    lines.iter().map(|line| line["what"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_webhook_gets_the_alert_signed_and_its_end() {
    let receiver = Receiver::new();
    let server = server(&receiver, "");
    let detection = trouble(&server, "db-1");
    let page = received(&server, &receiver, 1).remove(0);
    assert_eq!((page.method.as_str(), page.path.as_str()), ("POST", "/hook"));
    assert_eq!(page.body["kind"], "page");
    assert_eq!(page.body["detections"][0]["detection_id"], detection["detection_id"]);
    assert!(page.body["title"].as_str().unwrap().starts_with("db-1: Resource exhaustion"), "{page:?}");
    let timestamp = page.header("x-lapwing-timestamp");
    let signed = format!("{timestamp}.{}", page.text);
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");
    let expected: String =
        hmac::sign(&key, signed.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(page.header("x-lapwing-signature"), format!("v1={expected}"));
    calm(&server, "db-1");
    let over = received(&server, &receiver, 2).remove(1);
    assert_eq!((&over.body["kind"], &over.body["dedup_key"]), (&json!("resolved"), &page.body["dedup_key"]));
    let id = detection["detection_id"].clone();
    let lines = server.until("the history", || {
        let lines = history(&server, &id);
        (lines.iter().filter(|line| *line == "delivered").count() >= 2).then_some(lines)
    });
    assert!(lines.starts_with(&["opened".to_owned()]), "{lines:?}");
    assert!(lines.contains(&"recovered".to_owned()), "{lines:?}");
    // What others must not see is nowhere in the log.
    assert!(!server.log().contains("s3cret"));
}

#[test]
fn a_receiver_that_misbehaves_gets_the_same_key_until_it_counts() {
    let receiver = Receiver::new();
    let server = server(&receiver, "");
    receiver.behave(&[Manner::Status(500), Manner::Reset, Manner::Half, Manner::Status(503)]);
    trouble(&server, "db-1");
    let tries = received(&server, &receiver, 5);
    let keys: Vec<&str> = tries.iter().map(|request| request.header("idempotency-key")).collect();
    assert!(!keys[0].is_empty() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let owed = server.until("it is done", || {
        let owed = server.get("/api/v1/owed?action_id=ops")["owed"][0].clone();
        (owed["state"]["kind"] == "done").then_some(owed)
    });
    assert_eq!(owed["attempts"], 5);
}

#[test]
fn what_cannot_be_delivered_is_a_dead_letter_that_can_be_replayed() {
    let receiver = Receiver::new();
    let server = server(&receiver, "");
    receiver.behave(&[Manner::Status(404)]);
    let detection = trouble(&server, "db-1");
    let dead = server.until("a dead letter", || {
        let owed = server.get("/api/v1/owed?state=dead");
        owed["owed"].as_array().unwrap().first().cloned()
    });
    assert!(dead["state"]["reason"].as_str().unwrap().contains("404"), "{dead}");
    assert!(history(&server, &detection["detection_id"]).contains(&"undeliverable".to_owned()));
    let key = dead["key"].as_str().unwrap();
    let replayed = server.cli(&["action", "replay", key]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    server.until("it is done", || {
        (server.get("/api/v1/owed?state=done&action_id=ops")["owed"][0]["key"] == dead["key"]).then_some(())
    });
    assert_eq!(receiver.received().len(), 2);
}

#[test]
fn what_is_owed_survives_a_kill() {
    let receiver = Receiver::new();
    let mut server = server(&receiver, "");
    receiver.behave(&vec![Manner::Status(500); 10_000]);
    for system in ["a", "b", "c"] {
        trouble(&server, system);
    }
    received(&server, &receiver, 6);
    server.kill();
    let before = receiver.received().len();
    server.start();
    received(&server, &receiver, before + 1);
    // It begins to behave.
    receiver.forgive();
    server.until("all are done", || {
        let done = server.get("/api/v1/owed?state=done&action_id=ops");
        (done["owed"].as_array().unwrap().len() == 3).then_some(())
    });
    let mut keys: Vec<String> =
        receiver.received().iter().map(|request| request.header("idempotency-key").to_owned()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3, "{keys:?}");
}

#[test]
fn people_acknowledge_assign_comment_close_and_reopen() {
    let receiver = Receiver::new();
    let server = server(&receiver, "");
    let detection = trouble(&server, "db-1");
    let id = detection["detection_id"].as_str().unwrap().to_owned();
    let step = |step: &str, body: Value| server.post(&format!("/api/v1/detections/{id}/{step}"), &body);
    assert_eq!(step("acknowledge", json!({ "note": "mine" })).ok()["status"], "investigating");
    assert_eq!(step("assign", json!({ "assignee": "bo" })).ok()["assignee"], "bo");
    step("comment", json!({})).problem(400, "invalid-request");
    step("comment", json!({ "note": "the disk of last week" })).ok();
    step("reopen", json!({})).problem(409, "misplaced-move");
    assert_eq!(step("resolve", json!({ "note": "cleaned" })).ok()["status"], "resolved");
    step("acknowledge", json!({})).problem(409, "misplaced-move");
    assert_eq!(step("reopen", json!({})).ok()["status"], "investigating");
    let closed = step("false-positive", json!({ "note": "a test" })).ok();
    assert_eq!(closed["status"], "false_positive");
    assert!(closed["resolution_notes"].as_str().unwrap().contains("a test"), "{closed}");
    let summary = server.get("/api/v1/summary");
    assert_eq!((&summary["false_positives"], &summary["active_detections"]), (&json!(1), &json!(0)));
    let rule = server.get("/api/v1/rules/resource_exhaustion");
    assert_eq!(rule["precision"]["false_positive"], 1, "{rule}");
    assert_eq!(rule["precision"]["precision"]["share"], 0.0);
    let lines = history(&server, &detection["detection_id"]);
    for line in ["acknowledged", "assigned", "comment", "resolved", "reopened", "false_positive"] {
        assert!(lines.contains(&line.to_owned()), "{line}: {lines:?}");
    }
    server
        .ask("POST", &format!("/api/v1/detections/{id}/acknowledge"))
        .token(&server.token("viewer"))
        .json(&json!({}))
        .send()
        .problem(403, "forbidden");
}

#[test]
fn a_silence_hides_and_what_it_hid_is_told_when_it_ends() {
    let receiver = Receiver::new();
    let server = server(&receiver, "");
    let silence = json!({ "matchers": { "system_id": "~db-.*" }, "owner": "ann" });
    let refused = server.post("/api/v1/silences", &silence);
    assert!(refused.problem(400, "invalid-request")["detail"].as_str().unwrap().contains("needs an end"));
    let silence = with(silence, json!({ "ends": "2100-01-01T00:00:00Z" }));
    server.post("/api/v1/silences", &silence).problem(400, "invalid-request");
    let silence =
        with(silence, json!({ "ends": (lapwing::time::Millis::now().plus_seconds(3600.0)).to_string() }));
    let made = server.post("/api/v1/silences", &silence);
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let detection = trouble(&server, "db-1");
    trouble(&server, "web-1");
    let told = received(&server, &receiver, 1);
    assert_eq!(told[0].body["detections"][0]["system_id"], "web-1");
    assert!(history(&server, &detection["detection_id"]).contains(&"silenced".to_owned()));
    let preview =
        server.post("/api/v1/silences/preview", &json!({ "matchers": { "system_id": "~db-.*" } })).ok();
    assert_eq!((&preview["count"], &preview["detection_ids"][0]), (&json!(1), &detection["detection_id"]));
    let tested = server.cli(&["route", "test", "system_id=db-7", "severity=high"]);
    assert!(tested.stdout.contains("held by silence"), "{}", tested.stdout);
    let why = server.cli(&["why-not", "db-1", "resource_exhaustion"]);
    assert!(why.stdout.contains("silence"), "{}{}", why.stdout, why.stderr);
    server.ask("DELETE", &format!("/api/v1/silences/{id}")).send().ok();
    let told = received(&server, &receiver, 2);
    assert_eq!(told[1].body["detections"][0]["system_id"], "db-1");
}

#[test]
fn one_trouble_of_many_systems_is_one_page() {
    let receiver = Receiver::new();
    let grouped = config(&receiver)
        .replace("group_wait_s = 0.0", "group_wait_s = 1.0")
        .replace("group_by = [\"rule_id\", \"system_id\"]", "group_by = [\"rule_id\", \"zone\"]");
    let mut server = Server::prepared(&grouped);
    server.bench.write("hook.secret", "s3cret\n");
    server.start();
    let of_zone = |system: &str, second| {
        with(exhausted(system, second), json!({ "custom_metrics": { "zone": "eu-1" } }))
    };
    let rows: Vec<Value> =
        (0..200).flat_map(|system| [0, 1].map(|second| of_zone(&format!("s-{system}"), second))).collect();
    server.take(&rows);
    let page = received(&server, &receiver, 1).remove(0);
    assert_eq!((&page.body["kind"], &page.body["firing"]), (&json!("page"), &json!(200)));
    assert_eq!(page.body["group"]["zone"], "eu-1");
    assert!(
        page.body["title"].as_str().unwrap().starts_with("200 systems of zone eu-1: Resource exhaustion"),
        "{}",
        page.body["title"]
    );
}

#[test]
fn a_verdict_can_be_executed_again() {
    let receiver = Receiver::new();
    let server = server(&receiver, "");
    let detection = trouble(&server, "db-1");
    let id = detection["detection_id"].as_str().unwrap();
    let answer = server.post(&format!("/api/v1/detections/{id}/explain"), &Value::Null).ok();
    assert_eq!(answer["reproduced"], true, "{answer}");
    assert_eq!(answer["rows"].as_array().unwrap().len(), 2);
    let said = server.cli(&["explain", id]);
    assert!(said.code == 0 && said.stdout.contains("the same answer"), "{}{}", said.stdout, said.stderr);
    server
        .post("/api/v1/detections/00000000-0000-0000-0000-000000000000/explain", &Value::Null)
        .problem(404, "unknown-detection");
}

#[test]
fn why_not_names_the_step() {
    let receiver = Receiver::new();
    let server = server(&receiver, "");
    server.take(&[sample("calm-1", 0), sample("calm-1", 1)]);
    server.take(&[sample("once-1", 0), exhausted("once-1", 1)]);
    server.history("once-1", 2);
    server.history("calm-1", 2);
    let why = |system: &str, at: u32| {
        let at = recent(at).replace(':', "%3A");
        server.get(&format!("/api/v1/why-not?system_id={system}&rule_id=resource_exhaustion&at={at}"))
    };
    let last = |answer: &Value| answer["steps"].as_array().unwrap().last().unwrap()["step"].clone();
    let calm = why("calm-1", 1);
    assert_eq!(last(&calm), "condition", "{calm}");
    assert!(calm["answer"].as_str().unwrap().contains("memory_usage_percent"), "{calm}");
    assert_eq!(last(&why("once-1", 1)), "occurrences");
    assert_eq!(last(&why("once-1", 3000)), "input");
    server
        .ask("GET", "/api/v1/why-not?system_id=none&rule_id=resource_exhaustion")
        .send()
        .problem(404, "unknown-system");
}

#[test]
fn a_route_to_nowhere_keeps_the_configuration_that_was() {
    let receiver = Receiver::new();
    let server = server(&receiver, "");
    let wrong = config(&receiver).replace("receivers = [\"ops\"]", "receivers = [\"opps\"]");
    server.configure(&wrong);
    let answer = server.post("/api/v1/configuration/reload", &Value::Null);
    let problem = answer.problem(400, "invalid-configuration");
    assert!(problem["detail"].as_str().unwrap().contains("opps"), "{problem}");
    trouble(&server, "db-1");
    received(&server, &receiver, 1);
    server.configure(&config(&receiver).replace("kind = \"webhook\"", "kind = \"telepathy\""));
    let answer = server.post("/api/v1/configuration/reload", &Value::Null);
    assert!(answer.problem(400, "invalid-configuration")["detail"].as_str().unwrap().contains("ops"));
}

#[test]
fn blocks_are_listed_followed_and_taken_back() {
    let receiver = Receiver::new();
    let server = server(&receiver, "");
    let attack = json!({ "custom_metrics": {
        "failed_auth_attempts": 50, "suspicious_activity": true, "unauthorized_access": true, "source_ip": "203.0.113.9"
    } });
    server.take(&[with(sample("web-1", 0), attack)]);
    let entry = server.until("a block", || {
        let list = server.get("/api/v1/blocklist");
        list["entries"].as_array().unwrap().first().cloned()
    });
    assert_eq!(entry["subject"], "203.0.113.9");
    let text = server.ask("GET", "/api/v1/blocklist").header("accept", "text/plain").send();
    assert_eq!(text.text, "203.0.113.9\n");
    let owed = server.get("/api/v1/owed?action_id=block_access")["owed"][0].clone();
    let undone = server.cli(&["action", "undo", owed["key"].as_str().unwrap()]);
    assert_eq!(undone.code, 0, "{}", undone.stderr);
    let changes = server.until("it is taken back", || {
        let changes = server.get("/api/v1/blocklist/changes?after=0");
        (changes["changes"].as_array().unwrap().len() == 2).then_some(changes)
    });
    assert_eq!(changes["changes"][1]["entry"], Value::Null);
}

#[test]
fn a_slow_destination_delays_nobody_else() {
    let (receiver, slow) = (Receiver::new(), Receiver::new());
    slow.behave(&vec![Manner::Slow(std::time::Duration::from_secs(1)); 20]);
    let further = format!(
        r#"
[[actions]]
action_id = "slow"
plugin = "send_alert"
settings = {{ kind = "webhook", url = "{grant}/" }}
grants = {{ hosts = ["{grant}"] }}
delivery = {{ concurrency = 1 }}
"#,
        grant = slow.grant()
    );
    let both = config(&receiver).replace("receivers = [\"ops\"]", "receivers = [\"ops\", \"slow\"]");
    let mut server = Server::prepared(&format!("{both}\n{further}"));
    server.bench.write("hook.secret", "s3cret\n");
    server.start();
    let systems: Vec<String> = (0..20).map(|number| format!("s-{number}")).collect();
    let rows: Vec<Value> =
        systems.iter().flat_map(|system| [exhausted(system, 0), exhausted(system, 1)]).collect();
    server.take(&rows);
    received(&server, &receiver, 20);
    assert!(slow.received().len() < 20, "the slow one is not done when the other one is");
}
