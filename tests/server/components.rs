//! Components pushed to a running server: taken, refused, removed.

use serde_json::{Value, json};

use crate::harness::{example, hostile};
use crate::server::{Server, custom};

/// The same component in other bytes: a custom section at the end says nothing to anybody.
pub(crate) fn variant(component: &[u8], note: u8) -> Vec<u8> {
    // The section's id, its length, and its content: a name of one letter and a byte.
    [component, &[0, 3, 1, b'n', note]].concat()
}

/// A sample whose certificate expires within a day.
pub(crate) fn expiring(system: &str, second: u32) -> Value {
    custom(system, second, "certificate_expires_at", 1000.0)
}

#[test]
fn a_pushed_rule_is_live_under_its_name_and_survives() {
    let mut server = Server::new();
    let events = server.events("");
    let pushed = server.ask("POST", "/api/v1/plugins/certificate_expiry").body(example()).send();
    assert_eq!(pushed.status, 201);
    let pushed = pushed.ok();
    assert_eq!(
        (&pushed["version"], &pushed["stage"], &pushed["kind"]),
        (&json!(1), &json!("live"), &json!("rule"))
    );
    assert_eq!((&pushed["already_known"], &pushed["rules"]), (&json!(false), &json!(["certificate_expiry"])));
    assert_eq!(pushed["descriptor"]["parameters"][0]["name"], "threshold");
    assert_eq!(events.wait_for("plugin_pushed").data["plugin"], "certificate_expiry");
    server.take(&[expiring("a", 0)]);
    assert_eq!(server.detection_of("a")["rule_id"], "certificate_expiry");
    for restart in [Server::restart, |server: &mut Server| {
        server.kill();
        server.start();
    }] {
        restart(&mut server);
        let plugin = server.get("/api/v1/plugins/certificate_expiry");
        assert_eq!((&plugin["live"], &plugin["enabled"]), (&json!(1), &json!(true)));
        assert_eq!(plugin["versions"][0]["digest"], pushed["digest"]);
        assert_eq!(
            (&plugin["versions"][0]["origin"], &plugin["versions"][0]["uploaded_by"]),
            (&json!("pushed"), &json!("first"))
        );
        assert_eq!(server.detections("?status=active").len(), 1, "its detection is still open");
    }
    server.take(&[expiring("b", 0)]);
    assert_eq!(server.detection_of("b")["rule_id"], "certificate_expiry");
}

#[test]
fn the_same_bytes_again_are_known() {
    let server = Server::new();
    let first = server.push("certificate_expiry", example(), "live").ok();
    let again = server.push("certificate_expiry", example(), "live").ok();
    assert_eq!((&again["already_known"], &again["version"]), (&json!(true), &first["version"]));
    assert_eq!(server.get("/api/v1/plugins/certificate_expiry")["versions"].as_array().unwrap().len(), 1);
    let other = server.push("certificate_expiry", &variant(example(), 1), "none").ok();
    assert_eq!((&other["already_known"], &other["version"]), (&json!(false), &json!(2)));
    assert_eq!(server.get("/api/v1/plugins/certificate_expiry")["live"], 1);
}

#[test]
fn what_is_no_component_of_ours_is_refused_with_the_reason() {
    let server = Server::new();
    let plugins = server.get("/api/v1/plugins");
    let future = r#"(component (instance $i) (export "lapwing:plugin/rule@9.9.9" (instance $i)))"#;
    let greedy = r#"(component
        (import "wasi:filesystem/types@0.2.0" (instance))
        (instance $i)
        (export "lapwing:plugin/rule@0.1.0" (instance $i)))"#;
    let refused: [(&[u8], &str); 6] = [
        (b"# not wasm", "not a WebAssembly component"),
        (b"", "not a WebAssembly component"),
        (&wat::parse_str("(module)").unwrap(), "not a WebAssembly component"),
        (&wat::parse_str("(component)").unwrap(), "exports nothing"),
        (&wat::parse_str(future).unwrap(), "lapwing:plugin/rule@9.9.9"),
        (&wat::parse_str(greedy).unwrap(), "wasi:filesystem/types@0.2.0, which is not granted"),
    ];
    for (component, reason) in refused {
        let problem = server.push("new", component, "live").problem(400, "invalid-component");
        assert!(problem["detail"].as_str().unwrap().contains(reason), "{problem}");
    }
    let half = &example()[..example().len() / 2];
    server.push("new", half, "live").problem(400, "invalid-component");
    assert_eq!(server.get("/api/v1/plugins"), plugins, "nothing is left of them");
    for name in ["No-Name", "a.b", &"x".repeat(65)] {
        server.push(name, example(), "live").problem(400, "invalid-component");
    }
    server.push("new", example(), "sideways").problem(400, "invalid-request");
}

#[test]
fn a_plugin_that_does_not_bear_its_rules_settings_does_not_come_in() {
    let server = Server::new();
    server.push("hostile", hostile(), "live").ok();
    let panics = json!({ "plugin": "hostile", "settings": { "behaviour": "panic_in_configure" } });
    let put = server.ask("PUT", "/api/v1/rules/hostile").json(&panics).send();
    let problem = put.problem(400, "invalid-rule");
    assert!(problem["detail"].as_str().unwrap().contains("I do not want to be configured"), "{problem}");
    let missing = json!({ "plugin": "certificate_expiry" });
    server.ask("PUT", "/api/v1/rules/expiry").json(&missing).send().problem(400, "invalid-rule");
    assert_eq!(server.get("/api/v1/rules/hostile")["settings"], json!({}), "it is as it was");
    // The example takes no settings, so a rule with some cannot be judged by it.
    let lenient = json!({ "plugin": "hostile", "settings": { "behaviour": "behave" } });
    server.ask("PUT", "/api/v1/rules/hostile").json(&lenient).send().ok();
    server.push("hostile", example(), "live").problem(400, "invalid-component");
    let plugin = server.get("/api/v1/plugins/hostile");
    assert_eq!(plugin["live"], 1, "{plugin}");
}

#[test]
fn a_plugin_is_switched_off_and_on_again() {
    let mut server = Server::new();
    server.push("certificate_expiry", example(), "live").ok();
    let switch = |server: &Server, what: &str| {
        server.ask("POST", &format!("/api/v1/plugins/certificate_expiry/{what}")).send().ok()
    };
    assert_eq!(switch(&server, "disable")["enabled"], false);
    server.restart();
    assert_eq!(server.get("/api/v1/rules/certificate_expiry")["enabled"], false);
    server.take(&[expiring("a", 0)]);
    server.history("a", 1);
    assert!(server.detections("").is_empty());
    assert_eq!(switch(&server, "enable")["enabled"], true);
    server.take(&[expiring("a", 1)]);
    server.detection_of("a");
    let bundled = server.ask("POST", "/api/v1/plugins/resource_exhaustion/disable").send().ok();
    assert_eq!(bundled["enabled"], false);
    assert_eq!(server.get("/api/v1/rules/resource_exhaustion")["enabled"], false);
}

#[test]
fn a_plugin_in_use_or_from_the_bundle_is_not_deleted() {
    let mut server = Server::new();
    let delete =
        |server: &Server, path: &str| server.ask("DELETE", &format!("/api/v1/plugins/{path}")).send();
    delete(&server, "resource_exhaustion").problem(409, "in-use");
    delete(&server, "nothing").problem(404, "unknown-plugin");
    server.push("expiry", example(), "live").ok();
    server.push("expiry", &variant(example(), 1), "shadow").ok();
    server.push("expiry", &variant(example(), 2), "none").ok();
    for used in [1, 2] {
        delete(&server, &format!("expiry/versions/{used}")).problem(409, "in-use");
    }
    delete(&server, "expiry/versions/9").problem(404, "unknown-version");
    delete(&server, "expiry/versions/3").ok();
    server.ask("PUT", "/api/v1/rules/other").json(&json!({ "plugin": "expiry" })).send().ok();
    let problem = delete(&server, "expiry").problem(409, "in-use");
    assert!(problem["detail"].as_str().unwrap().contains("other"), "{problem}");
    server.ask("DELETE", "/api/v1/rules/other").send().ok();
    delete(&server, "expiry").ok();
    for _ in 0..2 {
        server.ask("GET", "/api/v1/plugins/expiry").send().problem(404, "unknown-plugin");
        server.ask("GET", "/api/v1/rules/expiry").send().problem(404, "unknown-rule");
        server.restart();
    }
}

#[test]
fn what_lies_in_the_plugin_folder_is_loaded_and_what_was_pushed_stays() {
    let mut server = Server::prepared("[components]\nfolder = \"plugins.d\"\n");
    std::fs::create_dir(server.bench.path("plugins.d")).unwrap();
    server.bench.write("plugins.d/certificate_expiry.wasm", example());
    server.bench.write("plugins.d/broken.wasm", b"nothing");
    server.bench.write("plugins.d/notes.txt", b"nothing");
    server.start();
    assert!(server.log().contains("lapwing: refused: plugin broken"), "{}", server.log());
    let plugin = server.get("/api/v1/plugins/certificate_expiry");
    assert_eq!((&plugin["live"], &plugin["versions"][0]["origin"]), (&json!(1), &json!("folder")));
    server.ask("DELETE", "/api/v1/plugins/certificate_expiry").send().problem(409, "in-use");
    server.push("certificate_expiry", &variant(example(), 1), "live").ok();
    for _ in 0..2 {
        server.restart();
        let plugin = server.get("/api/v1/plugins/certificate_expiry");
        assert_eq!(plugin["live"], 2, "what was pushed stays in force: {plugin}");
        std::fs::remove_file(server.bench.path("plugins.d/certificate_expiry.wasm")).ok();
    }
    server.take(&[expiring("a", 0)]);
    server.detection_of("a");
}
