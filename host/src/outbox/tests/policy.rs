//! Policies: what is allowed, and what is said of the rest.

use crate::outbox::{Approval, Blast, Destination};

#[test]
fn the_defaults_are_right_and_unknown_keys_are_not() {
    assert_eq!(Destination::default().problems("destinations.page"), Vec::<String>::new());
    let read: Destination = serde_json::from_str(
        r#"{"concurrency": 4, "approval": "second_person", "blast": {"share": 0.1, "count": 5, "window_s": 60}}"#,
    )
    .unwrap();
    let blast = Some(Blast { share: 0.1, count: 5, window_s: 60.0 });
    let expected =
        Destination { concurrency: 4, approval: Approval::SecondPerson, blast, ..Destination::default() };
    assert_eq!(read, expected);
    assert!(serde_json::from_str::<Destination>(r#"{"concurency": 4}"#).is_err());
    assert!(serde_json::from_str::<Destination>(r#"{"blast": {"share": 0.1, "count": 5}}"#).is_err());
}

#[test]
fn each_value_out_of_range_is_named() {
    let ok = Destination::default;
    let blast =
        |share, count, window_s| Destination { blast: Some(Blast { share, count, window_s }), ..ok() };
    for (policy, says) in [
        (Destination { concurrency: 0, ..ok() }, "p.concurrency: found 0, expected 1 to 256"),
        (Destination { concurrency: 257, ..ok() }, "p.concurrency: found 257, expected 1 to 256"),
        (Destination { timeout_s: f64::NAN, ..ok() }, "p.timeout_s: found NaN, expected 0.1 to 600"),
        (Destination { attempts_max: 0, ..ok() }, "p.attempts_max: found 0, expected 1 to 1000"),
        (Destination { give_up_after_s: 0.0, ..ok() }, "p.give_up_after_s: found 0, expected 1 to 604800"),
        (Destination { backoff_first_s: 0.0, ..ok() }, "p.backoff_first_s: found 0, expected 0.01 to 86400"),
        (
            Destination { backoff_max_s: 0.5, ..ok() },
            "p.backoff_max_s: found 0.5, expected no less than p.backoff_first_s, which is 1",
        ),
        (Destination { breaker_failures: 0, ..ok() }, "p.breaker_failures: found 0, expected 1 to 1000"),
        (Destination { breaker_s: 301.0, ..ok() }, "p.breaker_s: found 301, expected 0.1 to 300"),
        (blast(0.0, 1, 60.0), "p.blast.share: found 0, expected above 0, up to 1"),
        (blast(f64::NAN, 1, 60.0), "p.blast.share: found NaN, expected above 0, up to 1"),
        (blast(0.5, 0, 60.0), "p.blast.count: found 0, expected 1 to 1000000"),
        (blast(0.5, 1, 0.0), "p.blast.window_s: found 0, expected 1 to 604800"),
        (
            Destination { canary_interval_s: 1.0, ..ok() },
            "p.canary_interval_s: found 1, expected 0 for none, or 10 to 604800",
        ),
        (
            Destination { canary_interval_s: 60.0, approval: Approval::SecondPerson, ..ok() },
            "p.canary_interval_s: found 60, expected 0, since p.approval = \"second_person\" would hold every canary",
        ),
    ] {
        assert_eq!(policy.problems("p"), [says]);
    }
}
