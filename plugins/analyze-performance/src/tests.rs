//! Tests of what is found, through the action.

use lapwing_sdk::action::{Effect, Series};
use lapwing_sdk::testing::{FakeHost, noise};
use serde_json::Value;

use super::*;

/// Noon of 14 November 2023.
const NOON: f64 = 1_699_963_200.0;
const SAMPLES: usize = 300;

/// Five minutes of samples, a second apart: 100 with noise, and `then` from a sample on.
fn stepped(metric: &str, then: f64, at: usize, seed: usize) -> Series {
    let value = |row: usize| if row < at { 100.0 } else { then } + 2.0 * noise(row, seed);
    Series {
        metric: metric.to_owned(),
        times: (0..SAMPLES).map(|row| NOON + row as f64).collect(),
        values: (0..SAMPLES).map(value).collect(),
    }
}

fn run(host: &FakeHost) -> (String, Value, String) {
    let action = AnalyzePerformance {};
    let outcome = action.run(&FakeHost::request("act"), host).unwrap();
    let [Effect::Attach(report), Effect::Attach(picture)] = &outcome.effects[..] else {
        panic!("{outcome:?}")
    };
    assert_eq!((report.name.as_str(), picture.name.as_str()), ("performance.json", "performance.svg"));
    let again = action.run(&FakeHost::request("act"), host).unwrap();
    assert_eq!(format!("{outcome:?}"), format!("{again:?}"), "every try finds the same");
    let picture = String::from_utf8(picture.content.clone()).unwrap();
    (outcome.summary, serde_json::from_slice(&report.content).unwrap(), picture)
}

fn slow_system() -> Vec<Series> {
    vec![
        stepped("cpu_usage_percent", 130.0, 255, 0),
        stepped("response_time_ms", 410.0, 250, 1),
        stepped("error_rate", 100.0, 0, 2),
    ]
}

#[test]
fn the_sentence_says_what_moved_first_and_who_moved_with_it() {
    let slow = |at| vec![stepped("response_time_ms", 300.0, at, 3)];
    let mut falling = slow(250);
    falling[0].values.iter_mut().for_each(|value| *value = 200.0 - *value);
    let host = FakeHost::new()
        .system("db-1", slow_system())
        .peer("web-1", "web", slow(250))
        .peer("web-2", "web", slow(251))
        .peer("web-3", "web", slow(252))
        .peer("late", "web", slow(253))
        .peer("calm", "web", slow(SAMPLES))
        .peer("falling", "web", falling)
        .peer("other-metric", "web", vec![stepped("queue_depth", 300.0, 250, 0)]);
    let (summary, report, picture) = run(&host);
    assert_eq!(
        summary,
        "response_time_ms rose 4.1× at 12:04:10, before cpu_usage_percent; 3 systems of zone eu-1 moved with it"
    );
    assert_eq!(report["moved_first"], serde_json::json!(["response_time_ms", "cpu_usage_percent"]));
    assert_eq!(report["moved_most"], serde_json::json!(["response_time_ms", "cpu_usage_percent"]));
    assert_eq!(report["metrics"][2]["changed_at"], Value::Null);
    assert_eq!(report["peers"]["looked_at"], 7);
    let moved: Vec<&str> = report["peers"]["moved_with_it"]
        .as_array()
        .unwrap()
        .iter()
        .map(|peer| peer["system_id"].as_str().unwrap())
        .collect();
    assert_eq!(moved, ["web-1", "web-2", "web-3"]);
    assert_eq!(picture.matches("<polyline").count(), 3);
    assert_eq!(picture.matches("class=\"change\"").count(), 2);
    assert!(picture.contains(">12:04:59</text>") && !picture.contains("NaN"), "{picture}");
}

#[test]
fn kin_is_named_as_far_as_it_is_known() {
    let slow = || vec![stepped("response_time_ms", 300.0, 250, 3)];
    let end = |host: FakeHost| {
        let (summary, ..) = run(&host.system("db-1", slow_system()));
        summary.split("; ").nth(1).map(str::to_owned)
    };
    let one = || FakeHost::new().peer("db-2", "db", slow());
    assert_eq!(end(FakeHost::new()), None);
    assert_eq!(end(one()).unwrap(), "db-2 moved with it");
    assert_eq!(end(one().peer("db-3", "db", slow())).unwrap(), "2 systems of type db moved with it");
    assert_eq!(end(one().peer("web", "web", slow())).unwrap(), "2 systems of its type or zone moved with it");
    let calm = || vec![stepped("response_time_ms", 100.0, 0, 3)];
    assert_eq!(end(FakeHost::new().peer("a", "db", calm())).unwrap(), "its one peer did not move with it");
    let two = FakeHost::new().peer("a", "db", calm()).peer("b", "db", calm());
    assert_eq!(end(two).unwrap(), "none of its 2 peers moved with it");
}

#[test]
fn the_first_need_not_be_the_one_that_moved_most() {
    let host = FakeHost::new().system(
        "db-1",
        vec![
            stepped("throughput", 40.0, 250, 0),
            stepped("response_time_ms", 900.0, 260, 1),
            stepped("queue_depth", 150.0, 260, 2),
            stepped("error_rate", 140.0, 265, 3),
            stepped("cpu_usage_percent", 120.0, 250, 0),
        ],
    );
    let (summary, ..) = run(&host);
    assert_eq!(
        summary,
        "throughput fell to 0.4× at 12:04:10, together with cpu_usage_percent, before response_time_ms, queue_depth \
         and 1 more; response_time_ms moved most: it rose 9×"
    );
}

#[test]
fn calm_and_little_known_systems_are_said_to_be_so() {
    let calm = vec![stepped("error_rate", 100.0, 0, 0)];
    let (summary, report, picture) = run(&FakeHost::new().system("db-1", calm));
    assert_eq!(summary, "no metric of db-1 has left its usual range");
    assert_eq!(report["moved_first"], serde_json::json!([]));
    assert!(!picture.contains("class=\"change\""));

    let action = AnalyzePerformance {};
    let outcome = action.run(&FakeHost::request("act"), &FakeHost::new().system("db-1", Vec::new())).unwrap();
    assert!(outcome.effects.is_empty() && outcome.summary.starts_with("too little is known"));
    let failure = action.run(&FakeHost::request("act"), &FakeHost::new()).unwrap_err();
    assert!(!failure.retry && failure.reason.contains("db-1"));
}

#[test]
fn the_picture_holds_six_metrics_and_stays_small() {
    let series: Vec<Series> = (0..40).map(|seed| stepped(&format!("m<{seed}>"), 150.0, 30, seed)).collect();
    let series = series.into_iter().chain((0..10).map(|seed| stepped(&format!("n{seed}"), 150.0, 250, seed)));
    let (_, report, picture) = run(&FakeHost::new().system("db-1", series.collect()));
    assert_eq!(picture.matches("<polyline").count(), 6);
    assert!(picture.len() < 40_000, "{}", picture.len());
    assert_eq!(report["metrics"].as_array().unwrap().len(), 50);
}
