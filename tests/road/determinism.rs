//! The same input gives the same bytes, whatever the batch size and the number of shards, and however it is packed.

use std::io::Write;

use serde_json::{Value, json};

use crate::harness::{Bench, at, healthy, ndjson, with};

/// A fleet with troubles of every default rule, gaps, late lines, and enough samples to train models.
fn eventful() -> Vec<Value> {
    let mut samples = Vec::new();
    for second in 0..400 {
        for system in 0..13 {
            if system == 4 && (150..200).contains(&second) || (second * 7 + system) % 31 == 0 {
                continue;
            }
            let wobble = f64::from((second * 37 + system * 11) % 23);
            let mut sample = with(
                healthy(&format!("s{system}"), f64::from(second) + f64::from(system) / 100.0),
                json!({
                    "system_type": if system % 2 == 0 { "cmc" } else { "vif" },
                    "response_time_ms": 90.0 + wobble,
                    "cpu_usage_percent": 40.0 + wobble,
                    "throughput": 900.0 + 5.0 * wobble,
                }),
            );
            let trouble = match (system, second) {
                (1, 250..280) => json!({ "memory_usage_percent": 93.5 }),
                (2, 250..300) => {
                    json!({ "response_time_ms": 400.0, "throughput": 200.0, "cpu_usage_percent": 91.0 })
                }
                (3, 300..305) => {
                    json!({ "health_status": "unhealthy", "response_time_ms": 7000.0, "error_rate": 0.5 })
                }
                (5, 310) => json!({ "custom_metrics": {
                    "failed_auth_attempts": 9, "suspicious_activity": true, "unauthorized_access": true } }),
                (6, 320..330) => json!({ "custom_metrics": {
                    "data_integrity_score": 0.4, "sync_lag_ms": 4000, "consistency_errors": 2 } }),
                _ => json!({}),
            };
            sample = with(sample, trouble);
            samples.push(sample);
        }
    }
    for late in (500..samples.len() - 40).step_by(97) {
        samples.swap(late, late + 33);
    }
    samples
}

#[test]
fn batch_size_and_shards_do_not_show() {
    let bench = Bench::new();
    bench.write("samples.ndjson", ndjson(&eventful()));
    let replay = |batch_rows: &str, shards: &str| {
        let arguments = ["replay", "samples.ndjson", "--scores", "scores.csv"];
        let ran = bench.run(&[&arguments[..], &["--batch-rows", batch_rows, "--shards", shards]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        (ran.stdout, bench.read("scores.csv"))
    };
    let (detections, scores) = replay("1024", "1");
    for rule in [
        "system_disconnection",
        "performance_degradation",
        "resource_exhaustion",
        "security_anomaly",
        "data_inconsistency",
    ] {
        assert!(detections.contains(rule), "no detection of {rule}: the comparison would prove little");
    }
    assert!(scores.lines().filter(|line| !line.ends_with(',')).count() > 3000, "models have been trained");
    for (batch_rows, shards) in [("1", "1"), ("7", "1"), ("1", "2"), ("7", "4"), ("1024", "2"), ("1024", "4")]
    {
        let (other_detections, other_scores) = replay(batch_rows, shards);
        assert!(other_detections == detections, "detections differ at {batch_rows} rows, {shards} shards");
        assert!(other_scores == scores, "scores differ at {batch_rows} rows, {shards} shards");
    }
}

#[test]
fn packing_does_not_show() {
    let bench = Bench::new();
    let text = ndjson(&eventful()[..2000]);
    bench.write("plain", &text);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    bench.write("packed.gz", gzip.finish().unwrap());
    bench.write("packed.zst", zstd::encode_all(text.as_bytes(), 1).unwrap());
    let plain = bench.run(&["replay", "plain"]).stdout;
    assert!(!plain.is_empty());
    assert_eq!(bench.run(&["replay", "packed.gz"]).stdout, plain);
    assert_eq!(bench.run(&["replay", "packed.zst"]).stdout, plain);
    assert_eq!(bench.run_with_input(&["replay", "-"], text.as_bytes()).stdout, plain);
}

#[test]
fn the_order_of_lines_is_the_order_of_processing() {
    // Two files are one stream: the trouble in the second goes on in the detection opened by the first.
    let bench = Bench::new();
    let full = |second: i32| with(healthy("a", f64::from(second)), json!({ "disk_usage_percent": 99.0 }));
    bench.write("one", ndjson(&(0..5).map(full).collect::<Vec<_>>()));
    bench.write("two", ndjson(&(5..10).map(full).collect::<Vec<_>>()));
    let events = bench.run(&["replay", "one", "two"]).events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["event"], "ongoing");
    assert_eq!(events[1]["occurrences"], 9);
    assert_eq!(events[1]["last_seen"], at(9.0));
}
