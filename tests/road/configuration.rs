//! Rules without code, parameters by type and system, and what `check` and `plugins` say.

use serde_json::{Value, json};

use crate::harness::{Bench, Ran, healthy, ndjson, story, with};

fn configured(toml: &str, samples: &[Value]) -> Vec<Value> {
    let bench = Bench::new();
    bench.write("lapwing.toml", toml);
    bench.replay(samples, &["--config", "lapwing.toml"])
}

fn check(toml: &str) -> Ran {
    let bench = Bench::new();
    bench.write("lapwing.toml", toml);
    bench.run(&["check", "--config", "lapwing.toml"])
}

#[test]
fn conditions_are_rules_without_code() {
    let rule = r#"
        [[rules]]
        rule_id = "queue_stuck"
        name = "Queue stuck"
        detection_type = "dependency_failure"
        severity = "critical"
        window_size = 10
        min_occurrences = 2
        match = "all"
        [rules.conditions]
        queue_depth = { min = 100 }
        throughput = { max = 1 }
        state = { equals = "stuck" }
    "#;
    let samples: Vec<Value> = (0..10)
        .map(|n| {
            let stuck =
                json!({ "queue_depth": 100 + n, "throughput": 0.5, "custom_metrics": { "state": "stuck" } });
            if n >= 5 { with(healthy("a", f64::from(n)), stuck) } else { healthy("a", f64::from(n)) }
        })
        .collect();
    let events = configured(rule, &samples);
    assert_eq!(story(&events)[0], "queue_stuck opened a");
    assert_eq!(events[0]["severity"], "critical");
    assert_eq!(events[0]["detection_type"], "dependency_failure");
    assert_eq!(events[0]["evidence"]["settings"]["match"], "all");
    let description = events[0]["description"].as_str().unwrap();
    assert!(description.starts_with("Queue stuck: queue_depth 106 is at least 100"), "{description}");
}

#[test]
fn factors_compare_the_last_ten_samples_with_those_before() {
    let rule = r#"
        [[rules]]
        rule_id = "surge"
        [rules.conditions]
        active_connections = { increase_factor = 2 }
    "#;
    let samples: Vec<Value> = (0..60)
        .map(|n| {
            with(healthy("a", f64::from(n)), json!({ "active_connections": if n < 40 { 50 } else { 150 } }))
        })
        .collect();
    let events = configured(rule, &samples);
    // From second 40 on, k of the last ten are 150, and the mean reaches twice 50 with five of them.
    assert_eq!(events[0]["timestamp"], crate::harness::at(44.0));
}

#[test]
fn parameters_differ_by_type_and_system() {
    let rule = r#"
        [[rules]]
        rule_id = "resource_exhaustion"
        min_occurrences = 1
        threshold = 0.8
        [[rules.overrides]]
        system_type = "vif"
        threshold = 0.95
        [[rules.overrides]]
        system_id = "special"
        threshold = 0.5
    "#;
    let memory = |system: &str, kind: &str, percent: f64| {
        with(healthy(system, 0.0), json!({ "system_type": kind, "memory_usage_percent": percent }))
    };
    let samples = [
        memory("plain", "cmc", 80.0),
        memory("strict", "vif", 90.0),
        memory("special", "vif", 55.0),
        memory("fine", "cmc", 79.0),
    ];
    let opened: Vec<Value> =
        configured(rule, &samples).into_iter().filter(|e| e["event"] == "opened").collect();
    assert_eq!(story(&opened), ["resource_exhaustion opened plain", "resource_exhaustion opened special"]);
    assert_eq!(opened[1]["evidence"]["parameters"]["threshold"], 0.5);
}

#[test]
fn rules_apply_to_chosen_types_and_systems() {
    let rule = r#"
        [[rules]]
        rule_id = "busy"
        system_types = ["vif"]
        system_ids = ["b"]
        [rules.conditions]
        cpu_usage_percent = { min = 50 }
    "#;
    let of = |system: &str, kind: &str| with(healthy(system, 0.0), json!({ "system_type": kind }));
    let events = configured(rule, &[of("a", "cmc"), of("b", "cmc"), of("c", "vif")]);
    assert_eq!(story(&events)[..2], ["busy opened b", "busy opened c"]);
}

#[test]
fn the_match_of_resource_exhaustion_is_a_setting_that_shows() {
    let full_disk =
        [0.0, 1.0].map(|second| with(healthy("a", second), json!({ "disk_usage_percent": 95.0 })));
    let any = configured("", &full_disk);
    assert_eq!(any[0]["evidence"]["settings"]["match"], "any");
    let all = configured("[[rules]]\nrule_id = \"resource_exhaustion\"\nmatch = \"all\"\n", &full_disk);
    assert!(all.is_empty());
}

#[test]
fn disabled_rules_are_counted_and_silent() {
    let bench = Bench::new();
    bench.write("lapwing.toml", "[[rules]]\nrule_id = \"resource_exhaustion\"\nenabled = false\n");
    let full = [0.0, 1.0].map(|second| with(healthy("a", second), json!({ "disk_usage_percent": 95.0 })));
    assert!(bench.replay(&full, &["--config", "lapwing.toml", "--summary", "summary.json"]).is_empty());
    let summary: Value = serde_json::from_str(&bench.read("summary.json")).unwrap();
    assert_eq!(summary["detection_rules_count"], 5);
    assert_eq!(summary["enabled_rules_count"], 4);
}

#[test]
fn check_accepts_the_default() {
    let ran = check("");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("the configuration is valid"));
}

#[test]
fn check_names_the_key_and_what_would_be_right() {
    let cases = [
        ("[history]\nmax_data_points = 3\n", "history.max_data_points is 3, from 20 to 100000 is allowed"),
        ("[history]\nmax_points = 3\n", "unknown field `max_points`"),
        ("[[rules]]\nrule_id = \"a\"\n[[rules]]\nrule_id = \"a\"\n", "rules[1]: \"a\" is there twice"),
        ("history = 3\n", "invalid type: integer `3`"),
        ("[[rules]]\nrule_id = \"x\"\n", "rule x: needs plugin x, which is not there; there are"),
        (
            "[[rules]]\nrule_id = \"resource_exhaustion\"\nthreshold = 90\n",
            "rule resource_exhaustion: threshold is 90, from 0 to 1 is allowed",
        ),
        (
            "[[rules]]\nrule_id = \"security_anomaly\"\nparameters = { speed = 1 }\n",
            "rule security_anomaly: there is no parameter speed; it has threshold",
        ),
        (
            "[[rules]]\nrule_id = \"q\"\nconditions = { queue_depth = { above = 1 } }\n",
            "unknown field `above`",
        ),
        ("[[rules]]\nrule_id = \"resource_exhaustion\"\nmatch = \"some\"\n", "unknown variant `some`"),
    ];
    for (toml, expected) in cases {
        let ran = check(toml);
        assert_eq!(ran.code, 1, "{toml}: {}", ran.stdout);
        assert!(ran.stderr.contains(expected), "{toml}: {}", ran.stderr);
    }
}

#[test]
fn plugins_lists_and_inspects() {
    let bench = Bench::new();
    let list = bench.run(&["plugins", "--json"]);
    assert_eq!(list.code, 0, "{}", list.stderr);
    let plugins: Vec<Value> = serde_json::from_str(&list.stdout).unwrap();
    let names: Vec<&str> = plugins.iter().map(|plugin| plugin["name"].as_str().unwrap()).collect();
    let bundled = [
        "analyze_performance",
        "block_access",
        "conditions",
        "data_inconsistency",
        "escalate",
        "initiate_cleanup",
        "initiate_recovery",
        "initiate_sync",
        "isolation_forest",
        "patterns",
        "performance_degradation",
        "resource_exhaustion",
        "security_anomaly",
        "send_alert",
        "statistics",
        "system_disconnection",
    ];
    assert_eq!(names, bundled);
    for plugin in &plugins {
        let imports: Vec<&str> =
            plugin["imports"].as_array().unwrap().iter().map(|i| i.as_str().unwrap()).collect();
        assert!(imports.iter().all(|import| import.starts_with("lapwing:plugin/")), "{imports:?}");
    }
    let one = bench.run(&["plugins", "inspect", "system_disconnection"]);
    assert!(one.stdout.contains("threshold = 1 (1 to 10000)"), "{}", one.stdout);
    let none = bench.run(&["plugins", "inspect", "nobody"]);
    assert_eq!(none.code, 1);
    assert!(
        none.stderr.contains("there is no plugin nobody; there are analyze_performance"),
        "{}",
        none.stderr
    );
}

#[test]
fn the_command_line_explains_itself() {
    let bench = Bench::new();
    let help = bench.run(&["replay", "--help"]);
    assert_eq!(help.code, 0);
    for option in
        ["--detections", "--summary", "--scores", "--arrivals", "--shards", "--batch-rows", "--strict"]
    {
        assert!(help.stdout.contains(option), "{option}");
    }
    bench.write("in.ndjson", ndjson(&[healthy("a", 0.0)]));
    assert_eq!(bench.run(&["replay"]).code, 2);
    let shards = bench.run(&["replay", "in.ndjson", "--shards", "0"]);
    assert_eq!(shards.code, 1);
    assert!(shards.stderr.contains("pipeline.shards is 0, from 1 to 64 is allowed"), "{}", shards.stderr);
}
