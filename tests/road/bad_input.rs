//! Bad rows are named with file, line, field, what was found and what would be right; the good rows beside them count.

use serde_json::{Value, json};

use crate::harness::{Bench, healthy, ndjson, with};

/// Replays one bad line between two good ones; returns the message about it.
fn message_for(line: &str) -> String {
    let bench = Bench::new();
    let good = |seconds| ndjson(&[healthy("a", seconds)]);
    bench.write("in.ndjson", format!("{}{line}\n{}", good(0.0), good(1.0)));
    let ran = bench.run(&["replay", "in.ndjson", "--summary", "summary.json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let summary: Value = serde_json::from_str(&bench.read("summary.json")).unwrap();
    assert_eq!(summary["input"]["lines"], 3);
    assert_eq!(summary["input"]["refused_rows"], 1);
    assert_eq!(summary["input"]["fates"]["judged"], 2, "the good rows are kept");
    let message = ran.stderr.lines().find(|line| line.starts_with("in.ndjson:2: "));
    message
        .unwrap_or_else(|| panic!("no message in {}", ran.stderr))
        .trim_start_matches("in.ndjson:2: ")
        .to_owned()
}

fn message_with(fields: Value) -> String {
    message_for(&with(healthy("a", 0.5), fields).to_string())
}

#[test]
fn values_out_of_bounds() {
    let cases = [
        (
            json!({ "cpu_usage_percent": 100.1 }),
            "cpu_usage_percent: found 100.1, expected a percentage from 0 to 100",
        ),
        (
            json!({ "disk_usage_percent": -1 }),
            "disk_usage_percent: found -1, expected a percentage from 0 to 100",
        ),
        (json!({ "error_rate": 1.7 }), "error_rate: found 1.7, expected a share from 0 to 1"),
        (json!({ "response_time_ms": -5 }), "response_time_ms: found -5, expected a number of 0 or more"),
    ];
    for (fields, expected) in cases {
        assert_eq!(message_with(fields), expected);
    }
}

#[test]
fn values_of_the_wrong_kind() {
    let cases = [
        (json!({ "throughput": "fast" }), "throughput: found the text \"fast\", expected a number"),
        (json!({ "health_status": 3 }), "health_status: found 3, expected a text"),
        (json!({ "custom_metrics": [1] }), "custom_metrics: found a list, expected an object of metrics"),
        (
            json!({ "custom_metrics": { "lag": [1] } }),
            "custom_metrics.lag: found a list, expected a number, a boolean or a text",
        ),
        (
            json!({ "custom_metrics": { "throughput": 1 } }),
            "custom_metrics.throughput: found a built-in name, expected a name of its own: `throughput` is a field of \
             the sample itself",
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(message_with(fields), expected);
    }
}

#[test]
fn identity_and_time() {
    let long = "x".repeat(257);
    let missing = "expected a value: every sample has one";
    let cases = [
        (json!({ "system_id": null }), format!("system_id: found nothing, {missing}")),
        (json!({ "timestamp": null }), format!("timestamp: found nothing, {missing}")),
        (
            json!({ "system_id": "" }),
            "system_id: found an empty text, expected a text of 1 to 256 bytes".to_owned(),
        ),
        (
            json!({ "system_id": long }),
            "system_id: found 257 bytes, expected a text of 1 to 256 bytes".to_owned(),
        ),
        (json!({ "system_id": 7 }), "system_id: found 7, expected a text".to_owned()),
        (
            json!({ "timestamp": "yesterday" }),
            "timestamp: found \"yesterday\", expected an RFC 3339 time such as 2026-01-05T00:00:00Z"
                .to_owned(),
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(message_with(fields), expected);
    }
    let future = message_with(json!({ "timestamp": "2999-01-01T00:00:00Z" }));
    assert!(
        future.starts_with("timestamp: found 2999-01-01T00:00:00.000Z, expected a time up to "),
        "{future}"
    );
}

#[test]
fn what_is_not_json() {
    assert_eq!(message_for("[1, 2]"), "found a list, expected a JSON object");
    let cut = message_for(r#"{"system_id": "a", "timestamp": "#);
    assert!(cut.starts_with("found what is not JSON at column"), "{cut}");
    let nan = message_for(r#"{"system_id": "a", "timestamp": "2026-01-05T00:00:00Z", "throughput": NaN}"#);
    assert!(nan.starts_with("found NaN at column"), "{nan}");
    assert!(nan.contains("expected a finite number"), "{nan}");
    let infinite =
        message_for(r#"{"system_id": "a", "timestamp": "2026-01-05T00:00:00Z", "throughput": 1e999}"#);
    assert!(infinite.starts_with("found a number too large at column"), "{infinite}");
}

#[test]
fn too_many_custom_metrics() {
    let metrics = |count: usize| -> Value {
        let names = (0..count).map(|n| (format!("m{n:03}"), json!(n)));
        json!({ "custom_metrics": names.collect::<serde_json::Map<_, _>>() })
    };
    let message = message_with(metrics(257));
    assert_eq!(message, "custom_metrics: found more than 256 metrics, expected at most 256");
    let bench = Bench::new();
    bench.replay(&[with(healthy("a", 0.0), metrics(256))], &[]);
}

#[test]
fn strict_stops_at_the_first() {
    let bench = Bench::new();
    bench.write("in.ndjson", format!("nonsense\n{}", ndjson(&[healthy("a", 0.0)])));
    let ran = bench.run(&["replay", "in.ndjson", "--strict"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 lines in"), "{}", ran.stderr);
}

#[test]
fn what_was_read_before_a_break_is_judged() {
    let bench = Bench::new();
    let full = |second: usize| with(healthy("a", second as f64), json!({ "disk_usage_percent": 99.0 }));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut gzip, ndjson(&(0..500).map(full).collect::<Vec<_>>()).as_bytes()).unwrap();
    let whole = gzip.finish().unwrap();
    bench.write("cut.gz", &whole[..whole.len() / 2]);
    let ran = bench.run(&["replay", "cut.gz"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("cut.gz cannot be read past line"), "{}", ran.stderr);
    assert_eq!(ran.events()[0]["rule_id"], "resource_exhaustion");
}

#[test]
fn files_that_cannot_be_read() {
    let bench = Bench::new();
    let ran = bench.run(&["replay", "absent.ndjson"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("absent.ndjson cannot be opened"), "{}", ran.stderr);
    bench.write("in.ndjson", ndjson(&[healthy("a", 0.0)]));
    bench.write("arrivals.csv", "line,arrival_ms\n1,soon\n");
    let ran = bench.run(&["replay", "in.ndjson", "--arrivals", "arrivals.csv"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("arrivals.csv:2: found \"1,soon\""), "{}", ran.stderr);
}
