//! The configuration read anew: all of it or nothing.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::harness::example;
use crate::server::{Server, exhausted};

const RULE: &str = "/api/v1/rules/resource_exhaustion";

fn threshold(value: f64) -> String {
    format!("[[rules]]\nrule_id = \"resource_exhaustion\"\nthreshold = {value}\n")
}

fn reload(server: &Server) -> Answer {
    server.ask("POST", "/api/v1/configuration/reload").send()
}

#[test]
fn a_change_takes_effect_and_open_detections_stay() {
    let server = Server::with(&threshold(0.9));
    server.take(&[exhausted("a", 0), exhausted("a", 1)]);
    let before = server.detection_of("a");
    let events = server.events("");
    assert_eq!(reload(&server).ok()["changed"], json!([]), "nothing has changed");
    server.configure(&threshold(0.8));
    assert_eq!(reload(&server).ok()["changed"], json!(["rules"]));
    assert_eq!(events.wait_for("configuration_reloaded").data["changed"], json!([]));
    assert_eq!(events.wait_for("configuration_reloaded").data["changed"], json!(["rules"]));
    assert_eq!(server.get(RULE)["threshold"], 0.8);
    assert_eq!(server.get("/api/v1/audit?limit=1")["entries"][0]["what"], "configuration.reload");
    server.take(&[exhausted("a", 2)]);
    server.until("it goes on", || (server.detection_of("a")["occurrences"] == 2).then_some(()));
    assert_eq!(server.detection_of("a")["detection_id"], before["detection_id"]);
}

#[test]
fn a_hangup_reads_it_anew_too() {
    let server = Server::with(&threshold(0.9));
    let events = server.events("");
    server.configure(&threshold(0.7));
    server.signal("HUP");
    assert_eq!(events.wait_for("configuration_reloaded").data["by"], "SIGHUP");
    assert_eq!(server.get(RULE)["threshold"], 0.7);
    server.configure("nonsense");
    server.signal("HUP");
    server.until("it says so", || server.log().contains("the configuration stays as it was").then_some(()));
    assert_eq!(server.get(RULE)["threshold"], 0.7);
}

#[test]
fn what_is_wrong_is_named_and_nothing_changes() {
    let server = Server::with(&threshold(0.9));
    for (config, named) in [
        ("nonsense".to_owned(), "line 1"),
        ("[history]\nmax_points = 30\n".to_owned(), "max_points"),
        ("[retention]\nevents_days = 0\n".to_owned(), "retention.events_days"),
        (threshold(9.0), "threshold"),
        ("[plugins.gone]\nfile = \"gone.wasm\"\n".to_owned(), "gone"),
        ("[[rules]]\nrule_id = \"new\"\nplugin = \"nothing\"\n".to_owned(), "nothing"),
        (
            "[access.jwt]\nissuer = \"i\"\naudience = \"a\"\njwks_file = \"none.json\"\n".to_owned(),
            "none.json",
        ),
    ] {
        server.configure(&format!("{config}\n[detections]\nreopen_within_s = 1\n"));
        let problem = reload(&server).problem(400, "invalid-configuration");
        assert!(problem["detail"].as_str().unwrap().contains(named), "{named}: {problem}");
        assert!(!problem["problems"].as_array().unwrap().is_empty());
        assert_eq!(server.get(RULE)["threshold"], 0.9);
    }
    assert_eq!(server.get("/api/v1/audit")["entries"], json!([]));
    server.configure(&threshold(0.9));
    assert_eq!(reload(&server).ok()["changed"], json!([]), "nothing of it has stayed");
}

#[test]
fn a_key_that_needs_a_restart_is_refused_by_name() {
    let mut server = Server::new();
    for (config, named) in [
        ("[pipeline]\nshards = 2\n", "pipeline.shards"),
        ("[history]\nmax_data_points = 30\n", "history.max_data_points"),
        ("[server]\nrequests_per_s = 7\n", "server"),
        ("[store]\nqueue_rows = 5000\n", "store"),
    ] {
        server.configure(config);
        let problem = reload(&server).problem(400, "invalid-configuration");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named) && detail.contains("restart"), "{problem}");
    }
    server.restart();
}

#[test]
fn a_server_whose_address_came_from_the_command_line_reloads() {
    let mut server = Server::prepared(&threshold(0.9));
    server.variable("LAPWING__SERVER__LISTEN", "");
    server.arguments(&["serve", "--config", "lapwing.toml", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    server.start();
    server.configure(&threshold(0.6));
    assert_eq!(reload(&server).ok()["changed"], json!(["rules"]));
    assert_eq!(server.get(RULE)["threshold"], 0.6);
}

#[test]
fn without_a_file_there_is_nothing_to_read_anew() {
    let mut server = Server::prepared("");
    server.arguments(&["serve", "--data-dir", "data"]);
    server.start();
    reload(&server).problem(400, "invalid-configuration");
}

#[test]
fn what_the_api_changed_stands_over_what_the_file_says() {
    let server = Server::with(&threshold(0.9));
    server.ask("PATCH", RULE).json(&json!({ "threshold": 0.5 })).send().ok();
    server.configure(&threshold(0.8));
    reload(&server).ok();
    assert_eq!(server.get(RULE)["threshold"], 0.5);
    assert_eq!(server.ask("DELETE", RULE).send().ok()["threshold"], 0.8);
}

#[test]
fn a_new_file_in_the_plugin_folder_comes_in_with_a_reload() {
    let mut server = Server::prepared("[components]\nfolder = \"plugins.d\"\n");
    std::fs::create_dir(server.bench.path("plugins.d")).unwrap();
    server.start();
    server.ask("GET", "/api/v1/plugins/certificate_expiry").send().problem(404, "unknown-plugin");
    server.bench.write("plugins.d/certificate_expiry.wasm", example());
    reload(&server).ok();
    assert_eq!(server.get("/api/v1/plugins/certificate_expiry")["live"], 1);
    let rule: Value = server.get("/api/v1/rules/certificate_expiry");
    assert_eq!(rule["enabled"], true);
    server.bench.write("plugins.d/certificate_expiry.wasm", crate::components::variant(example(), 1));
    reload(&server).ok();
    assert_eq!(
        server.get("/api/v1/plugins/certificate_expiry")["live"],
        2,
        "a changed file is a new version"
    );
}
