//! One trouble is one detection: opened, updated while it lasts, resolved by samples, reopened if it comes back.

use serde_json::{Value, json};

use crate::harness::{Bench, at, healthy, ms, ndjson, story, with};

/// The input of the original design's own test: five healthy samples, then an unhealthy one.
fn original() -> Vec<Value> {
    let mut samples: Vec<Value> = (0..5).map(|n| healthy("test_system_001", f64::from(n))).collect();
    let trouble = json!({ "health_status": "unhealthy", "response_time_ms": 6000.0, "error_rate": 0.2 });
    samples.push(with(healthy("test_system_001", 5.0), trouble));
    samples
}

#[test]
fn the_original_input_is_one_disconnection() {
    let bench = Bench::new();
    let events = bench.replay(&original(), &["--summary", "summary.json"]);
    let expected =
        ["system_disconnection opened test_system_001", "system_disconnection ongoing test_system_001"];
    assert_eq!(story(&events), expected);

    let detection = &events[0];
    assert_eq!(detection["detection_type"], "disconnection");
    assert_eq!(detection["severity"], "high");
    assert_eq!(detection["status"], "active");
    assert_eq!(detection["timestamp"], at(5.0));
    assert_eq!(detection["metrics"]["response_time_ms"], 6000.0);
    assert_eq!(detection["actions"], json!(["send_alert", "escalate", "initiate_recovery"]));
    // 0.5 × 0.7 for high, 0.3 × one of six samples, no scorer can say yet.
    let confidence = detection["confidence"].as_f64().unwrap();
    assert!((confidence - (0.35 + 0.3 / 6.0)).abs() < 1e-9, "{confidence}");
    assert_eq!(detection["evidence"]["anomaly"]["combined"], Value::Null);
    let conditions = detection["evidence"]["conditions"].as_array().unwrap();
    let response = conditions.iter().find(|condition| condition["metric"] == "response_time_ms").unwrap();
    assert_eq!(response["observed"], 6000.0);
    assert_eq!(response["relation"], "above");
    assert_eq!(response["expected"], 5000.0);
    assert_eq!(response["margin"], 1000.0);
    assert_eq!(response["outcome"], "met");

    let summary: Value = serde_json::from_str(&bench.read("summary.json")).unwrap();
    assert_eq!(summary["total_detections"], 1);
    assert_eq!(summary["active_detections"], 1);
    assert_eq!(summary["severity_distribution"]["high"], 1);
    assert_eq!(summary["type_distribution"]["disconnection"], 1);
    assert_eq!(summary["detection_rules_count"], 5);
    assert_eq!(summary["enabled_rules_count"], 5);
    assert_eq!(summary["monitored_systems_count"], 1);
}

#[test]
fn exactly_the_limit_of_the_response_time_is_not_beyond_it() {
    let mut samples = original();
    samples[5]["response_time_ms"] = json!(5000.0);
    assert!(Bench::new().replay(&samples, &[]).is_empty());
}

#[test]
fn a_trouble_opens_once_lasts_resolves_and_reopens() {
    let full = json!({ "memory_usage_percent": 95.0 });
    let samples: Vec<Value> = (0..120)
        .map(|n| {
            let sample = healthy("a", f64::from(n));
            // Full from 10 to 20, and again from 60 to 62: soon enough after its resolution at 50 to be the same.
            if (10..20).contains(&n) || (60..62).contains(&n) { with(sample, full.clone()) } else { sample }
        })
        .collect();
    let events = Bench::new().replay(&samples, &[]);
    let expected =
        ["opened", "resolved", "reopened", "resolved"].map(|event| format!("resource_exhaustion {event} a"));
    assert_eq!(story(&events), expected);
    assert_eq!(events[0]["timestamp"], at(11.0), "two occurrences open it");
    assert_eq!(events[1]["resolved_at"], at(50.0), "a whole window of thirty seconds without a match");
    assert_eq!(events[1]["occurrences"], 9);
    assert_eq!(events[1]["last_seen"], at(19.0));
    assert_eq!(events[2]["timestamp"], at(11.0), "it is the same detection");
    assert_eq!(events[2]["reopened"], 1);
    assert_eq!(events[2]["resolved_at"], Value::Null);
    let ids: Vec<&Value> = events.iter().map(|event| &event["detection_id"]).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn a_slow_reporter_can_match_twice() {
    // Once a minute: its window is three intervals, not the thirty seconds of the rule.
    let samples: Vec<Value> = (0..10)
        .map(|n| {
            let sample = healthy("slow", f64::from(n) * 60.0);
            if n >= 6 { with(sample, json!({ "disk_usage_percent": 97.0 })) } else { sample }
        })
        .collect();
    let events = Bench::new().replay(&samples, &[]);
    assert_eq!(story(&events)[0], "resource_exhaustion opened slow");
    assert_eq!(events[0]["timestamp"], at(7.0 * 60.0));
    assert_eq!(events[0]["evidence"]["window_s"], 180.0);
}

#[test]
fn missing_metrics_neither_open_nor_resolve() {
    let samples: Vec<Value> = (0..90)
        .map(|n| {
            let sample = healthy("a", f64::from(n));
            match n {
                10..12 => with(sample, json!({ "memory_usage_percent": 95.0 })),
                // It sends nothing of memory from here on, so nobody knows whether it is over.
                12.. => with(sample, json!({ "memory_usage_percent": null })),
                _ => sample,
            }
        })
        .collect();
    let events = Bench::new().replay(&samples, &[]);
    assert_eq!(story(&events), ["resource_exhaustion opened a", "resource_exhaustion ongoing a"]);
}

/// Ten systems a second apart, of which `gone` falls silent after `until`.
fn fleet_with_silence(seconds: i32, silent: std::ops::Range<i32>) -> Vec<Value> {
    let systems = (0..10).map(|n| format!("s{n}"));
    let names: Vec<String> = systems.collect();
    (0..seconds)
        .flat_map(|second| {
            let reporting = names.iter().filter(|name| *name != "s3" || !silent.contains(&second)).cloned();
            reporting.collect::<Vec<_>>().into_iter().map(move |name| healthy(&name, f64::from(second)))
        })
        .collect()
}

#[test]
fn silence_is_a_disconnection_and_ends_only_with_samples() {
    let events = Bench::new().replay(&fleet_with_silence(120, 30..60), &[]);
    assert_eq!(story(&events), ["system_disconnection opened s3", "system_disconnection resolved s3"]);
    let opened = events[0]["evidence"]["conditions"].as_array().unwrap();
    let silence = opened.iter().find(|condition| condition["metric"] == "silence_s").unwrap();
    assert_eq!(silence["outcome"], "met");
    let allowed_s = silence["expected"].as_f64().unwrap();
    assert!((4.9..=5.0).contains(&allowed_s), "{allowed_s}: five seconds, where four intervals are less");
    let silent_s = silence["observed"].as_f64().unwrap();
    assert!((4.9..=5.1).contains(&silent_s), "{silent_s}: and no later than agreed");
    assert_eq!(events[0]["evidence"]["health_status"], "healthy", "what was last known");
    let resolved_at = events[1]["resolved_at"].as_str().unwrap();
    assert!(
        (at(85.0)..=at(91.0)).contains(&resolved_at.to_owned()),
        "thirty seconds after the last silence seen"
    );

    let forever = Bench::new().replay(&fleet_with_silence(2000, 30..2000), &[]);
    assert_eq!(story(&forever), ["system_disconnection opened s3", "system_disconnection ongoing s3"]);
}

#[test]
fn rules_without_code_read_the_heartbeat() {
    let bench = Bench::new();
    let rule =
        "rule_id = \"overdue\"\nwindow_size = 1\nconditions = { \"heartbeat.silence_s\" = { min = 20 } }\n";
    bench.write("lapwing.toml", format!("[[rules]]\n{rule}"));
    let events = bench.replay(&fleet_with_silence(120, 30..60), &["--config", "lapwing.toml"]);
    let overdue: Vec<&Value> = events.iter().filter(|event| event["rule_id"] == "overdue").collect();
    assert_eq!((&overdue[0]["event"], &overdue[0]["system_id"]), (&json!("opened"), &json!("s3")));
    let opened = overdue[0]["timestamp"].as_str().unwrap().to_owned();
    assert!((at(49.0)..=at(51.5)).contains(&opened), "{opened}");
    assert_eq!(overdue[1]["event"], "resolved");
}

#[test]
fn a_system_that_starts_is_given_time() {
    let opened_at = |startup_s: u32, samples: &[Value]| {
        let bench = Bench::new();
        bench.write("lapwing.toml", format!("[presence]\nstartup_s = {startup_s}\n"));
        let events = bench.replay(samples, &["--config", "lapwing.toml"]);
        events.first().map(|event| event["timestamp"].as_str().unwrap().to_owned())
    };
    let silent = fleet_with_silence(120, 30..60);
    assert!(opened_at(0, &silent).is_some_and(|opened| opened < at(36.0)));
    assert_eq!(opened_at(70, &silent), None);
    let opened = opened_at(45, &silent).unwrap();
    assert!((at(45.0)..=at(45.2)).contains(&opened), "{opened}: when the time is over");

    // Away from 30 to 60 as announced, then a first sign of life, and silence until 80.
    let mut returning = fleet_with_silence(120, 30..80);
    let mut goodbye = healthy("s3", 29.5);
    goodbye["custom_metrics"] = json!({ "goodbye": format!("{} a new disk", at(60.0)) });
    let after = |time: String| returning.iter().position(|sample| sample["timestamp"] == time).unwrap();
    let (last, back) = (after(at(30.0)), after(at(60.0)));
    returning.insert(back, healthy("s3", 60.0));
    returning.insert(last, goodbye);
    assert!(opened_at(0, &returning).is_some_and(|opened| opened < at(70.0)));
    assert_eq!(opened_at(25, &returning), None);
}

#[test]
fn a_cut_of_our_own_network_is_nobodys_disconnection() {
    // Nobody is heard for a minute, and one of them died in it.
    let heard = |name: &str, second: i32| !(100..160).contains(&second) && (name != "s3" || second < 100);
    let samples: Vec<Value> = fleet_with_silence(300, 0..0)
        .into_iter()
        .enumerate()
        .filter(|(place, sample)| heard(sample["system_id"].as_str().unwrap(), *place as i32 / 10))
        .map(|(_, sample)| sample)
        .collect();
    let events = Bench::new().replay(&samples, &[]);
    assert_eq!(story(&events), ["system_disconnection opened s3", "system_disconnection ongoing s3"]);
    let opened_at = events[0]["timestamp"].as_str().unwrap().to_owned();
    assert!((at(164.0)..=at(166.5)).contains(&opened_at), "{opened_at}: one detection time after the cut");
}

#[test]
fn one_wrong_clock_does_not_silence_the_fleet() {
    let mut samples = fleet_with_silence(60, 0..0);
    samples[305]["timestamp"] = json!(at(20_000.0));
    assert!(Bench::new().replay(&samples, &[]).is_empty());
}

#[test]
fn detections_carry_the_time_of_arrival() {
    let bench = Bench::new();
    let samples = original();
    bench.write("samples.ndjson", ndjson(&samples));
    let arrivals: String = (1..=6).map(|line| format!("{line},{}\n", ms(f64::from(line) + 2.5))).collect();
    bench.write("arrivals.csv", format!("line,arrival_ms\n{arrivals}"));
    let ran = bench.run(&["replay", "samples.ndjson", "--arrivals", "arrivals.csv"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.events()[0]["timestamp"], at(8.5));
    assert_eq!(ran.events()[0]["evidence"]["sample_timestamp"], at(5.0));
}

#[test]
fn late_samples_take_their_place_and_duplicates_are_counted() {
    let bench = Bench::new();
    let mut samples: Vec<Value> = (0..400).map(|n| healthy("a", f64::from(n))).collect();
    let late = samples.remove(100);
    samples.insert(110, late); // ten seconds late
    samples.insert(200, samples[150].clone()); // there already
    samples.push(healthy("a", 10.5)); // more than five minutes late
    bench.replay(&samples, &["--summary", "summary.json"]);
    let summary: Value = serde_json::from_str(&bench.read("summary.json")).unwrap();
    let fates =
        json!({ "judged": 400, "duplicate": 1, "too_late": 1, "too_many_metrics": 0, "too_many_systems": 0 });
    assert_eq!(summary["input"]["fates"], fates);
}
