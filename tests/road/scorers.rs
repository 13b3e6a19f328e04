//! The three scorers at work: silent until trained, low on what is usual, high on what is not.

use serde_json::{Value, json};

use crate::harness::{Bench, healthy, with};

/// Noise that repeats only after a long time: the fractional part of multiples of an irrational number.
fn noise(n: usize, metric: usize) -> f64 {
    (n as f64 * 0.618_033_988_75 + metric as f64 * 0.377).fract() - 0.5
}

fn usual(n: usize) -> Value {
    with(
        healthy("a", n as f64),
        json!({
            "response_time_ms": 100.0 + 20.0 * noise(n, 0),
            "cpu_usage_percent": 50.0 + 10.0 * noise(n * 3, 1),
            "memory_usage_percent": 60.0 + 5.0 * noise(n * 7, 2),
            "throughput": 1000.0 + 100.0 * noise(n * 11, 3),
            "network_latency_ms": 10.0 + 2.0 * noise(n * 13, 4),
        }),
    )
}

/// Scores by column; `None` where a scorer cannot say.
fn scores(samples: &[Value]) -> Vec<[Option<f64>; 4]> {
    let bench = Bench::new();
    bench.replay(samples, &["--scores", "scores.csv"]);
    let text = bench.read("scores.csv");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("system_id,timestamp,isolation_forest,statistics,patterns,combined"));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            std::array::from_fn(|column| fields[2 + column].parse().ok())
        })
        .collect()
}

#[test]
fn a_scorer_says_nothing_until_it_is_trained() {
    let samples: Vec<Value> = (0..130).map(usual).collect();
    let scores = scores(&samples);
    assert_eq!(scores.len(), 130, "one line per sample");
    assert!(scores[..100].iter().flatten().all(Option::is_none), "not 0: nothing");
    assert!(scores[100..].iter().flatten().all(Option::is_some));
}

#[test]
fn what_is_unusual_scores_higher_than_all_that_is_usual() {
    let mut samples: Vec<Value> = (0..400).map(usual).collect();
    let wild = json!({
        "response_time_ms": 900.0,
        "cpu_usage_percent": 99.0,
        "memory_usage_percent": 88.0,
        "throughput": 100.0,
        "network_latency_ms": 80.0,
    });
    samples[399] = with(samples[399].clone(), wild);
    let scores = scores(&samples);
    for column in 0..4 {
        let wild = scores[399][column].unwrap();
        let usual: Vec<f64> = scores[200..399].iter().map(|row| row[column].unwrap()).collect();
        let highest = usual.iter().copied().fold(0.0, f64::max);
        let mean = usual.iter().sum::<f64>() / usual.len() as f64;
        assert!(wild > 0.5 && wild > highest, "column {column}: {wild} against at most {highest}");
        assert!(mean < 0.3, "column {column}: usual samples score {mean} on average");
    }
}

#[test]
fn the_combined_score_is_the_weighted_mean() {
    let samples: Vec<Value> = (0..300).map(usual).collect();
    for row in &scores(&samples)[150..] {
        let [forest, statistics, patterns, combined] = row.map(Option::unwrap);
        let expected = 0.4 * forest + 0.3 * statistics + 0.3 * patterns;
        assert!((combined - expected).abs() < 1e-12, "{combined} is not {expected}");
    }
}

#[test]
fn a_sample_without_metrics_has_no_score() {
    let mut samples: Vec<Value> = (0..150).map(usual).collect();
    samples.push(json!({ "system_id": "a", "system_type": "cmc", "timestamp": crate::harness::at(150.0) }));
    assert!(scores(&samples)[150].iter().all(Option::is_none));
}

#[test]
fn scorers_read_the_metrics_that_they_are_told_to() {
    let bench = Bench::new();
    let scorers: String = ["isolation_forest", "statistics", "patterns"]
        .map(|id| {
            format!("[[scorers]]\nscorer_id = \"{id}\"\nsettings = {{ metrics = [\"m00\", \"m01\"] }}\n")
        })
        .concat();
    bench.write("lapwing.toml", scorers);
    let sample = |n: usize| {
        let metrics = json!({ "m00": noise(n, 0), "m01": noise(n * 3, 1) });
        json!({ "system_id": "a", "timestamp": crate::harness::at(n as f64), "custom_metrics": metrics })
    };
    let samples: Vec<Value> = (0..150).map(sample).collect();
    bench.replay(&samples, &["--config", "lapwing.toml", "--scores", "scores.csv"]);
    let text = bench.read("scores.csv");
    assert!(
        text.lines().skip(101).all(|line| !line.ends_with(',')),
        "every sample after the hundredth is scored"
    );
}
