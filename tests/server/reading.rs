//! What the server tells about systems and detections.

use serde_json::{Value, json};

use crate::harness::with;
use crate::server::{Server, exhausted, recent, sample};

/// Walks through all pages and returns their elements.
fn pages(server: &Server, path: &str, member: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{path}{cursor}"));
        pages.push(page[member].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

fn names(values: &[Value], member: &str) -> Vec<String> {
    values.iter().map(|value| value[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn systems_are_listed_in_pages_by_their_names() {
    let server = Server::new();
    let systems = ["alpha", "beta", "delta", "epsilon", "gamma"];
    let of_type = |system: &str| if system < "d" { "cmc" } else { "web_server" };
    let rows: Vec<Value> = (systems.iter().rev())
        .map(|system| with(sample(system, 0), json!({ "system_type": of_type(system) })))
        .collect();
    server.take(&rows);
    server.history("alpha", 1);
    let all = pages(&server, "/api/v1/systems?limit=2", "systems");
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(names(&all.concat(), "system_id"), systems);
    let web = pages(&server, "/api/v1/systems?limit=2&system_type=web_server", "systems");
    assert_eq!(names(&web.concat(), "system_id"), ["delta", "epsilon", "gamma"]);
    assert_eq!(all[0][0]["system_type"], "cmc");
    assert_eq!((&all[0][0]["samples_kept"], &all[0][0]["health_status"]), (&json!(1), &json!("healthy")));
    assert_eq!(server.get("/api/v1/systems?system_type=none")["systems"], json!([]));
    for wrong in ["limit=0", "limit=1001", "limit=many", "unknown=1"] {
        server.ask("GET", &format!("/api/v1/systems?{wrong}")).send().problem(400, "invalid-request");
    }
}

#[test]
fn a_system_is_summed_up_over_the_samples_kept() {
    let server = Server::new();
    let cpu = |second: u32, cpu: f64| with(sample("a/b ü", second), json!({ "cpu_usage_percent": cpu }));
    server.take(&[cpu(0, 10.0), cpu(1, 20.0), cpu(2, 60.0)]);
    let path = "/api/v1/systems/a%2Fb%20%C3%BC";
    let summary = server.until("three samples", || {
        let answer = server.ask("GET", path).send();
        (answer.status == 200 && answer.json()["data_points_count"] == 3).then(|| answer.json())
    });
    assert_eq!(summary["system_id"], "a/b ü");
    assert_eq!(summary["current_health_status"], "healthy");
    assert_eq!(
        (&summary["current_cpu_usage_percent"], &summary["average_cpu_usage_percent"]),
        (&json!(60.0), &json!(30.0))
    );
    assert_eq!(summary["active_detections"], json!([]));
    server.ask("GET", "/api/v1/systems/nobody").send().problem(404, "unknown-system");
    server.ask("GET", "/api/v1/systems/nobody/history").send().problem(404, "unknown-system");
}

#[test]
fn a_history_has_the_newest_samples_the_newest_last() {
    let server = Server::with("[history]\nmax_data_points = 20\n");
    let rows: Vec<Value> =
        (0..30).map(|n| with(sample("a", n), json!({ "custom_metrics": { "n": n } }))).collect();
    server.take(&rows);
    server.until("the last sample", || {
        let newest = server.ask("GET", "/api/v1/systems/a/history?limit=1").send();
        (newest.status == 200 && newest.json()["samples"][0]["n"] == 29.0).then_some(())
    });
    let kept = server.history("a", 20);
    let numbers: Vec<f64> = kept.iter().map(|sample| sample["n"].as_f64().unwrap()).collect();
    assert_eq!(numbers, (10..30).map(f64::from).collect::<Vec<_>>());
    assert_eq!(kept[19]["timestamp"], recent(29));
    let newest = server.get("/api/v1/systems/a/history?limit=3");
    assert_eq!(newest["samples"].as_array().unwrap()[..], kept[17..]);
    server.ask("GET", "/api/v1/systems/a/history?limit=0").send().problem(400, "invalid-request");
}

#[test]
fn the_summary_counts_systems_rules_and_detections() {
    let server = Server::new();
    let before = server.get("/api/v1/summary");
    assert_eq!((&before["state"], &before["monitored_systems_count"]), (&json!("ready"), &json!(0)));
    server.take(&[sample("well", 0), exhausted("full", 0), exhausted("full", 1)]);
    server.detection_of("full");
    let summary = server.get("/api/v1/summary");
    assert_eq!(summary["monitored_systems_count"], 2);
    assert_eq!((&summary["total_detections"], &summary["active_detections"]), (&json!(1), &json!(1)));
    assert_eq!(summary["severity_distribution"]["high"], 1);
    let rules = server.get("/api/v1/rules")["rules"].as_array().unwrap().len();
    assert_eq!(summary["detection_rules_count"], rules);
    assert_eq!(summary["enabled_rules_count"], rules - 1, "one is switched off");
}

#[test]
fn detections_are_found_by_what_they_are_and_shown_in_pages() {
    let server = Server::new();
    for (n, system) in ["a", "b", "c", "d", "e"].iter().enumerate() {
        let kind = if n < 2 { "cmc" } else { "web_server" };
        let of_type = |second| with(exhausted(system, second), json!({ "system_type": kind }));
        let second = n as u32 * 10;
        server.take(&[of_type(second), of_type(second + 1)]);
        let opened = server.detection_of(system)["timestamp"].clone();
        server.until("the clock goes on", || (json!(lapwing::time::Millis::now()) != opened).then_some(()));
    }
    let all = pages(&server, "/api/v1/detections?limit=2", "detections");
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(names(&all.concat(), "system_id"), ["e", "d", "c", "b", "a"], "the newest first");
    let found = |query: &str| names(&server.detections(&format!("?{query}")), "system_id");
    assert_eq!(found("system_type=cmc"), ["b", "a"]);
    assert_eq!(found("system_id=c"), ["c"]);
    assert_eq!(found("rule_id=resource_exhaustion&severity=high&status=active").len(), 5);
    assert_eq!(found("detection_type=resource_exhaustion&limit=1"), ["e"]);
    assert!(found("status=resolved").is_empty());
    assert!(found("rule_id=none").is_empty());
    let opened = |place: usize| all.concat()[place]["timestamp"].as_str().unwrap().to_owned();
    let (from, to) = (opened(3), opened(1));
    assert_eq!(found(&format!("from={from}&to={to}")), ["c", "b"], "from is included, to is not");
    for wrong in ["limit=0", "limit=501", "cursor=x", "status=lost", "severity=worst", "from=then", "sort=up"]
    {
        server.ask("GET", &format!("/api/v1/detections?{wrong}")).send().problem(400, "invalid-request");
    }
}

#[test]
fn a_detection_is_shown_with_its_evidence_and_goes_on() {
    let server = Server::new();
    server.take(&[exhausted("a", 0), exhausted("a", 1)]);
    let listed = server.detection_of("a");
    let path = format!("/api/v1/detections/{}", listed["detection_id"].as_str().unwrap());
    let detection = server.get(&path);
    assert_eq!(detection["rule_id"], "resource_exhaustion");
    assert_eq!(detection["status"], "active");
    assert_eq!(detection["evidence"]["sample_timestamp"], recent(1));
    assert_eq!(detection["evidence"]["parameters"]["threshold"], 0.9);
    server.take(&[exhausted("a", 2), exhausted("a", 3)]);
    server.until("it goes on", || (server.get(&path)["occurrences"] == 3).then_some(()));
    let summary = server.get("/api/v1/systems/a");
    assert_eq!(summary["active_detections"][0]["detection_id"], detection["detection_id"]);
    let well: Vec<Value> = (4..40).map(|second| sample("a", second)).collect();
    server.take(&well);
    let over = server.until("it is over", || {
        let detection = server.get(&path);
        (detection["status"] == "resolved").then_some(detection)
    });
    assert_eq!(over["detection_id"], detection["detection_id"]);
    assert_eq!(server.detections("?status=resolved").len(), 1);
    let nobody = "/api/v1/detections/00000000-0000-0000-0000-000000000000";
    server.ask("GET", nobody).send().problem(404, "unknown-detection");
    server.ask("GET", "/api/v1/detections/none").send().problem(400, "invalid-request");
}

#[test]
fn a_path_or_a_method_that_is_not_there_is_a_problem() {
    let server = Server::new();
    server.ask("GET", "/api/v1/nothing").send().problem(404, "not-found");
    let wrong = server.ask("DELETE", "/api/v1/summary").send();
    wrong.problem(405, "method-not-allowed");
    assert!(wrong.header("allow").contains("GET"), "{wrong:?}");
}
