//! New versions of a plugin: beside the live one, in its place, and back.

use serde_json::{Value, json};

use crate::components::{expiring, variant};
use crate::harness::{example, hostile};
use crate::server::{Server, custom};

const PLUGIN: &str = "/api/v1/plugins/certificate_expiry";
const RULE: &str = "/api/v1/rules/certificate_expiry";

/// A server on which the example is live as version 1 and a variant of it is known as version 2.
fn with_two(stage: &str) -> Server {
    let server = Server::new();
    server.push("certificate_expiry", example(), "live").ok();
    server.push("certificate_expiry", &variant(example(), 1), stage).ok();
    server
}

fn post(server: &Server, what: &str, body: Value) -> crate::client::Answer {
    server.post(&format!("{PLUGIN}/{what}"), &body)
}

fn healthy_rows(second: u32) -> Vec<Value> {
    (0..50).map(|n| custom(&format!("well{n}"), second, "certificate_expires_at", 1e12)).collect()
}

#[test]
fn a_push_beside_a_live_version_is_a_shadow_that_judges_the_same_rows() {
    let server = Server::new();
    server.push("certificate_expiry", example(), "live").ok();
    server.ask("GET", &format!("{PLUGIN}/diff")).send().problem(409, "no-shadow");
    let pushed = server.ask("POST", PLUGIN).body(variant(example(), 1)).send().ok();
    assert_eq!((&pushed["stage"], &pushed["version"]), (&json!("shadow"), &json!(2)));
    let events = server.events("?after=0");
    server.take(&healthy_rows(0));
    server.take(&[expiring("a", 0), expiring("b", 0)]);
    let diff = server.until("both have judged", || {
        let diff = server.get(&format!("{PLUGIN}/diff"));
        (diff["rows"] == 52).then_some(diff)
    });
    let rule = &diff["rules"][0];
    assert_eq!((&diff["live"]["version"], &diff["shadow"]["version"]), (&json!(1), &json!(2)));
    assert_eq!(
        (&rule["added"], &rule["lost"], &rule["changed"]),
        (&json!(0), &json!(0), &json!(0)),
        "{rule}"
    );
    assert_eq!((&rule["live_matched"], &rule["shadow_matched"]), (&json!(2), &json!(2)));
    assert_eq!(rule["detections"], json!({ "live": 2, "shadow": 2 }));
    assert_eq!((&rule["shadow_failures"], &rule["examples"]), (&json!(0), &json!([])));
    for opened in ["a", "b"] {
        assert_eq!(events.wait_for("detection_opened").data["detection"]["system_id"], opened);
    }
    assert_eq!(server.detections("").len(), 2, "the shadow opens nothing");
    assert_eq!(server.get(RULE)["shadow"]["version"], 2);
}

#[test]
fn a_shadow_is_begun_and_ended_by_hand() {
    let mut server = with_two("none");
    post(&server, "shadow", json!({ "version": 1 })).problem(409, "is-live");
    post(&server, "shadow", json!({ "version": 3 })).problem(404, "unknown-version");
    assert_eq!(post(&server, "shadow", json!({ "version": 2 })).ok()["shadow"], 2);
    server.restart();
    assert_eq!(server.get(PLUGIN)["shadow"], 2, "it survives");
    assert_eq!(server.ask("DELETE", &format!("{PLUGIN}/shadow")).send().ok()["shadow"], Value::Null);
    server.ask("GET", &format!("{PLUGIN}/diff")).send().problem(409, "no-shadow");
    post(&server, "promote", json!({})).problem(409, "no-shadow");
}

#[test]
fn a_promotion_and_a_rollback_keep_open_detections() {
    let mut server = with_two("shadow");
    server.take(&[expiring("a", 0)]);
    let before = server.detection_of("a");
    let events = server.events("");
    let promoted = server.ask("POST", &format!("{PLUGIN}/promote")).send().ok();
    assert_eq!((&promoted["live"], &promoted["previous"]), (&json!(2), &json!(1)));
    assert!(promoted["took_ms"].as_f64().unwrap() > 0.0);
    let told = events.wait_for("plugin_promoted");
    assert_eq!((&told.data["plugin"], &told.data["live"]), (&json!("certificate_expiry"), &json!(2)));
    assert_eq!(server.get(PLUGIN)["shadow"], Value::Null);
    let goes_on = |server: &Server, second: u32| {
        server.take(&[expiring("a", second)]);
        server.until("it goes on", || (server.detection_of("a")["occurrences"] == second + 1).then_some(()));
        assert_eq!(server.detections("").len(), 1);
        assert_eq!(server.detection_of("a")["detection_id"], before["detection_id"]);
        assert_eq!(server.detection_of("a")["status"], "active");
    };
    goes_on(&server, 1);
    let back = server.ask("POST", &format!("{PLUGIN}/rollback")).send().ok();
    assert_eq!((&back["live"], &back["previous"]), (&json!(1), &json!(2)));
    assert_eq!(events.wait_for("plugin_rolled_back").data["live"], 1);
    goes_on(&server, 2);
    server.ask("POST", &format!("{PLUGIN}/rollback")).send().problem(409, "nothing-before");
    server.kill();
    server.start();
    assert_eq!(server.get(PLUGIN)["live"], 1);
    goes_on(&server, 3);
}

#[test]
fn a_rollback_brings_the_settings_of_its_rules_back() {
    let mut server = with_two("none");
    let patch = |server: &Server, threshold: f64| {
        server.ask("PATCH", RULE).json(&json!({ "threshold": threshold })).send().ok();
    };
    patch(&server, 30.0);
    post(&server, "promote", json!({ "version": 2 })).ok();
    assert_eq!(server.get(RULE)["threshold"], 30.0, "a promotion keeps them");
    patch(&server, 60.0);
    server.ask("PATCH", "/api/v1/rules/resource_exhaustion").json(&json!({ "threshold": 0.7 })).send().ok();
    server.restart();
    server.ask("POST", &format!("{PLUGIN}/rollback")).send().ok();
    assert_eq!(server.get(RULE)["threshold"], 30.0);
    assert_eq!(server.get(RULE)["plugin"]["version"], 1);
    assert_eq!(server.get("/api/v1/rules/resource_exhaustion")["threshold"], 0.7, "others are left alone");
}

#[test]
fn a_rollback_can_be_repeated_as_far_as_there_was_something() {
    let server = with_two("live");
    server.push("certificate_expiry", &variant(example(), 2), "live").ok();
    for live in [2, 1] {
        assert_eq!(server.ask("POST", &format!("{PLUGIN}/rollback")).send().ok()["live"], live);
    }
    server.ask("POST", &format!("{PLUGIN}/rollback")).send().problem(409, "nothing-before");
    post(&server, "promote", json!({ "version": 3 })).ok();
    assert_eq!(server.get(PLUGIN)["live"], 3);
}

#[test]
fn swaps_under_load_lose_no_row_and_open_nothing_twice() {
    let server = with_two("none");
    let (mut sent, stop) = (0_u64, std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut second = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                server.take(&(0..20).map(|n| expiring(&format!("s{n}"), second)).collect::<Vec<_>>());
                second += 1;
            }
            u64::from(second) * 20
        });
        for _ in 0..10 {
            for path in ["/api/v1/rules", "/api/v1/plugins", PLUGIN, "/metrics"] {
                assert_eq!(server.ask("GET", path).send().status, 200);
            }
            post(&server, "promote", json!({ "version": 2 })).ok();
            server.ask("POST", &format!("{PLUGIN}/rollback")).send().ok();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        sent += sender.join().unwrap();
    });
    server.until("every row is judged", || {
        (server.metric("lapwing_samples_total{fate=\"judged\"}") as u64 == sent).then_some(())
    });
    let detections = server.detections("?limit=500");
    assert_eq!(detections.len(), 20);
    let matches: u64 = detections.iter().map(|detection| detection["occurrences"].as_u64().unwrap()).sum();
    assert_eq!(matches, sent, "every row was judged by one version");
    let rule = server.get(RULE);
    assert_eq!((&rule["cost"]["failures"], &rule["cost"]["unjudged_rows"]), (&json!(0), &json!(0)));
}

#[test]
fn a_promotion_that_a_rule_does_not_bear_changes_nothing() {
    let server = Server::new();
    server.push("hostile", hostile(), "live").ok();
    server.push("hostile", example(), "none").ok();
    let settings = json!({ "settings": { "behaviour": "behave" } });
    server.ask("PATCH", "/api/v1/rules/hostile").json(&settings).send().ok();
    server
        .post("/api/v1/plugins/hostile/promote", &json!({ "version": 2 }))
        .problem(400, "invalid-component");
    assert_eq!(server.get("/api/v1/plugins/hostile")["live"], 1);
    server.take(&[custom("a", 0, "value", 1.0)]);
    server.detection_of("a");
}

#[test]
fn pushes_at_the_same_time_are_all_kept() {
    let server = with_two("none");
    let mut versions: Vec<u64> = std::thread::scope(|scope| {
        let push = |note: u8| {
            let server = &server;
            scope.spawn(move || {
                let pushed = server.push("certificate_expiry", &variant(example(), note), "live").ok();
                pushed["version"].as_u64().unwrap()
            })
        };
        let pushes: Vec<_> = (10..16).map(push).collect();
        pushes.into_iter().map(|push| push.join().unwrap()).collect()
    });
    versions.sort_unstable();
    assert_eq!(versions, [3, 4, 5, 6, 7, 8]);
    let digest = server.get(RULE)["plugin"]["digest"].clone();
    let plugin = server.get(PLUGIN);
    let live = plugin["live"].as_u64().unwrap();
    let known = plugin["versions"].as_array().unwrap().iter().find(|version| version["version"] == live);
    assert_eq!(known.unwrap()["digest"], digest, "what is said to be live is what judges");
}
