use std::error::Error;

use super::at;
use crate::evaluation::{Incident, Labels, Systems};
use crate::model::DetectionType;

const JSON: &str = r#"{
  "meta": { "systems": 2, "start": "2026-01-05T00:00:00Z", "end": "2026-01-05T12:00:00Z", "seed": 1 },
  "systems": [{ "system_id": "a", "interval_s": 7.5 }, { "system_id": "b", "interval_s": 30 }],
  "benign": [],
  "incidents": [
    { "id": "inc-1", "kind": "hard_disconnect", "detection_type": "disconnection", "accepted_types": [],
      "expected": true, "forbidden_types": [], "systems": ["a"], "interval_s": 7.5,
      "start": "2026-01-05T00:10:00Z", "end": "2026-01-05T00:20:00Z",
      "first_observable": "2026-01-05T00:10:09.250Z", "silent_from": null },
    { "id": "inc-2", "kind": "observer_pause", "detection_type": null, "accepted_types": [],
      "expected": false, "forbidden_types": ["disconnection"], "systems": ["*"], "interval_s": 30,
      "start": "2026-01-05T01:00:00Z", "end": "2026-01-05T01:00:30Z",
      "first_observable": "2026-01-05T01:00:00Z" }
  ]
}"#;

/// An error with everything behind it.
fn told(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn json_is_read() {
    let labels = Labels::from_json(JSON).unwrap();
    assert_eq!(labels.extent().unwrap().system_days(), 1.0);
    assert_eq!(["a", "b", "c"].map(|system| labels.interval_s(system)), [7.5, 30.0, 0.0]);
    let [gone, pause] = labels.incidents() else { panic!("{labels:?}") };
    assert_eq!(gone.first_observable, at(609.25));
    assert_eq!(gone.detection_type, Some(DetectionType::Disconnection));
    assert_eq!((pause.expected, &pause.systems), (false, &Systems::All));
}

#[test]
fn json_errors_name_the_field() {
    let cases = [
        (
            "\"2026-01-05T00:20:00Z\"",
            "\"later\"",
            "incident \"inc-1\": end: found \"later\", expected an RFC 3339",
        ),
        (
            "00:20:00Z",
            "00:09:00Z",
            "incident \"inc-1\": end: found \"2026-01-05T00:09:00.000Z\", expected a time not",
        ),
        ("T12:00:00Z", "", "meta: end: found \"2026-01-05\", expected an RFC 3339"),
        (
            "2026-01-05T12",
            "2025-01-05T12",
            "meta: end: found \"2025-01-05T12:00:00Z\", expected a time not before",
        ),
        ("[\"a\"]", "[]", "incident \"inc-1\": systems: found \"none\", expected at least one, or all"),
        ("inc-2", "inc-1", "incident \"inc-1\": id: found \"inc-1\", expected an id of its own"),
        ("7.5,\n", "-1,\n", "incident \"inc-1\": interval_s: found \"-1\", expected seconds from 0"),
        ("7.5 }", "1e300 }", "system \"a\": interval_s: found \"1000"),
        (
            "\"kind\": \"hard_disconnect\",",
            "",
            "not labels as fleetgen writes them: missing field `kind` at line 9",
        ),
        (
            "\"disconnection\"",
            "\"bad_mood\"",
            "not labels as fleetgen writes them: unknown variant `bad_mood`",
        ),
    ];
    for (from, to, message) in cases {
        let text = JSON.replacen(from, to, 1);
        assert_ne!(text, JSON, "{from}");
        let error = told(&Labels::from_json(&text).unwrap_err());
        assert!(error.starts_with(message), "{error}\nexpected {message}");
    }
}

#[test]
fn csv_is_read() {
    let text = "system_id,detection_type,begin,end\n\
                a, disconnection ,2026-01-05T00:10:00Z,2026-01-05T01:20:00+01:00\n\n\
                *,resource_exhaustion,2026-01-05T01:00:00Z,2026-01-05T01:00:00Z\n\
                \"with, comma\",disconnection,2026-01-05T01:00:00Z,2026-01-05T01:00:00Z\n";
    let labels = Labels::from_csv(text).unwrap();
    assert_eq!(labels.extent(), None);
    let [gone, full, comma] = labels.incidents() else { panic!("{labels:?}") };
    let expected = super::incident("line 2", DetectionType::Disconnection, &["a"], 600.0, 1200.0);
    assert_eq!(*gone, Incident { kind: "disconnection".to_owned(), interval_s: 0.0, ..expected });
    assert_eq!((&*full.id, &full.systems), ("line 4", &Systems::All));
    assert_eq!(comma.systems, super::systems_of(&["with, comma"]));
}

#[test]
fn csv_errors_name_line_and_field() {
    let good = "a,disconnection,2026-01-05T00:00:00Z,2026-01-05T01:00:00Z";
    let cases = [
        (
            ",disconnection,2026-01-05T00:00:00Z,2026-01-05T01:00:00Z",
            "system_id: found \"\", expected a value",
        ),
        (
            "a,bad_mood,2026-01-05T00:00:00Z,2026-01-05T01:00:00Z",
            "detection_type: found \"bad_mood\", expected one of",
        ),
        (
            "a,disconnection,yesterday,2026-01-05T01:00:00Z",
            "begin: found \"yesterday\", expected an RFC 3339",
        ),
        (
            "a,disconnection,2026-01-05T00:00:00,2026-01-05T01:00:00Z",
            "begin: found \"2026-01-05T00:00:00\", expected",
        ),
        ("a,disconnection,2026-01-05T00:00:00Z", "end: found \"\", expected a value"),
        (
            "a,disconnection,2026-01-05T02:00:00Z,2026-01-05T01:00:00Z",
            "end: found \"2026-01-05T01:00:00.000Z\", expec",
        ),
        (&format!("{good},more"), "end: found \"more\", expected nothing after it"),
    ];
    for (line, message) in cases {
        let text = format!("system_id,detection_type,begin,end\n{good}\n{line}\n");
        let error = told(&Labels::from_csv(&text).unwrap_err());
        assert!(error.starts_with(&format!("line 3: {message}")), "{error}\nexpected {message}");
    }
    for text in ["", "a,disconnection,2026-01-05T00:00:00Z,2026-01-05T01:00:00Z\n", "system_id,begin,end\n"] {
        let error = told(&Labels::from_csv(text).unwrap_err());
        let header = "expected system_id,detection_type,begin,end";
        assert!(error.starts_with("line 1: header: found ") && error.ends_with(header), "{error}");
    }
}
