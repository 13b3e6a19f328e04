//! Tests of what leaves for each kind of receiver.

mod channels;
mod templates;

use lapwing_sdk::action::{Action, Failure, Host, HttpRequest, Outcome, Request};
use lapwing_sdk::testing::FakeHost;
use serde_json::{Value, json};

use crate::SendAlert;

fn configured(settings: &Value) -> Result<SendAlert, String> {
    SendAlert::configure(serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?)
}

fn refused(settings: &Value) -> String {
    configured(settings).err().unwrap_or_default()
}

fn sent(settings: &Value, request: &Request, host: &FakeHost) -> Result<Outcome, Failure> {
    configured(settings).unwrap().run(request, host)
}

/// The only request, and its body.
fn only(host: &FakeHost) -> (HttpRequest, Value) {
    let mut requests = host.requests();
    assert_eq!(requests.len(), 1);
    let request = requests.remove(0);
    let body = serde_json::from_slice(&request.body).unwrap();
    (request, body)
}

#[test]
fn without_a_kind_nobody_is_told() {
    let host = FakeHost::new();
    let outcome = sent(&json!({}), &FakeHost::request("page"), &host).unwrap();
    assert_eq!(outcome.summary, "nobody is set up to be told");
    assert!(host.requests().is_empty() && host.mails().is_empty());
}

#[test]
fn settings_are_refused_by_name() {
    let url = "https://a.example";
    for (settings, named) in [
        (json!({ "url": url }), "kind is missing though url is given"),
        (json!({ "kind": "pager" }), "unknown variant `pager`"),
        (json!({ "kind": "webhook" }), "url is missing"),
        (json!({ "kind": "webhook", "url": "a.example" }), "url is no address"),
        (json!({ "kind": "webhook", "url": url, "url_secret": "u" }), "url and url_secret"),
        (json!({ "kind": "webhook", "url": url, "to": ["a@b"] }), "to is not for kind webhook"),
        (json!({ "kind": "webhook", "url": url, "colour": 1 }), "unknown field `colour`"),
        (json!({ "kind": "webhook", "url": url, "headers": { "a b": "" } }), "headers: \"a b\""),
        (
            json!({ "kind": "webhook", "url": url, "headers": { "Host": "b" } }),
            "headers: Host is set by Lapwing",
        ),
        (json!({ "kind": "webhook", "url": url, "headers": { "x": "a\r\nb: c" } }), "headers.x contains"),
        (json!({ "kind": "slack", "url": url, "secret": "s" }), "secret is not for kind slack"),
        (json!({ "kind": "pagerduty" }), "routing_key_secret is missing"),
        (json!({ "kind": "email" }), "to has 0 addresses"),
        (json!({ "kind": "email", "to": ["ops"] }), "\"ops\" is no mail address"),
        (json!({ "kind": "email", "to": ["a@b\r\nBcc: c@d"] }), "is no mail address"),
        (json!({ "kind": "email", "to": ["a@b"], "title": "{{ x" }), "title, line 1"),
    ] {
        let problem = refused(&settings);
        assert!(problem.contains(named), "{settings}: {problem}");
    }
}

#[test]
fn a_receiver_that_is_busy_is_tried_again_and_one_that_refuses_is_not() {
    for settings in [
        json!({ "kind": "webhook", "url": "https://a.example" }),
        json!({ "kind": "slack", "url": "https://a.example" }),
        json!({ "kind": "alertmanager", "url": "https://a.example" }),
        json!({ "kind": "pagerduty", "routing_key_secret": "pd" }),
    ] {
        let host = FakeHost::new()
            .secret("pd", "k")
            .answer_with(429, &[("retry-after", "30")], "")
            .answer(400, "no")
            .no_answer(lapwing_sdk::action::HttpError::Timeout)
            .no_answer(lapwing_sdk::action::HttpError::Refused("not granted".to_owned()));
        let failure = || sent(&settings, &FakeHost::request("page"), &host).unwrap_err();
        assert_eq!(failure().after_s, Some(30.0));
        assert!(!failure().retry);
        assert!(failure().retry);
        assert!(!failure().retry);
    }
}

#[test]
fn every_kind_of_occasion_can_be_told_to_everybody() {
    for settings in [
        json!({ "kind": "webhook", "url": "https://a.example" }),
        json!({ "kind": "slack", "url": "https://a.example" }),
        json!({ "kind": "alertmanager", "url": "https://a.example" }),
        json!({ "kind": "pagerduty", "routing_key_secret": "pd" }),
        json!({ "kind": "email", "to": ["ops@example.com"] }),
    ] {
        for kind in ["page", "update", "repeat", "resolved", "flapping", "escalation", "canary", "act", "new"]
        {
            for detections in [0, 1, 50] {
                let host = FakeHost::new().secret("pd", "k");
                let mut request = FakeHost::request(kind);
                let one = request.occasion.detections[0].clone();
                request.occasion.detections = vec![one; detections];
                request.occasion.firing = 80;
                let outcome = sent(&settings, &request, &host).unwrap();
                assert!(outcome.effects.is_empty() && !outcome.summary.contains("template"), "{outcome:?}");
                let leaves = host.requests().len() + host.mails().len();
                let nothing = settings["kind"] == "alertmanager" && detections == 0 && kind != "canary";
                assert_eq!(leaves, usize::from(!nothing), "{settings} {kind}");
                let bodies = host.requests().into_iter().map(|request| request.body);
                assert!(
                    bodies.into_iter().all(|body| !String::from_utf8_lossy(&body).contains("report-token"))
                );
            }
        }
    }
}

#[test]
fn an_address_may_be_a_secret() {
    let settings = json!({ "kind": "slack", "url_secret": "hook" });
    let host = FakeHost::new().secret("hook", "https://hooks.example/T/B\n");
    sent(&settings, &FakeHost::request("page"), &host).unwrap();
    assert_eq!(only(&host).0.url, "https://hooks.example/T/B");

    assert!(!sent(&settings, &FakeHost::request("page"), &FakeHost::new()).unwrap_err().retry);
    let wrong = sent(&settings, &FakeHost::request("page"), &FakeHost::new().secret("hook", "topsecret"))
        .unwrap_err();
    assert!(!wrong.retry && !wrong.reason.contains("topsecret"), "{wrong:?}");
}

#[test]
fn signatures_are_by_the_named_secret() {
    let settings = json!({
        "kind": "webhook", "url": "https://a.example/x", "secret": "hook", "headers": { "X-Team": "ops" }
    });
    let host = FakeHost::new().secret("hook", "s");
    sent(&settings, &FakeHost::request("page"), &host).unwrap();
    let (request, body) = only(&host);
    let message = [b"1700000000.", &request.body[..]].concat();
    let expected = format!("v1={}", host.sign("hook", &message).unwrap());
    for (name, value) in [
        ("X-Lapwing-Signature", expected.as_str()),
        ("X-Lapwing-Timestamp", "1700000000"),
        ("Idempotency-Key", "key-1"),
        ("X-Team", "ops"),
        ("Content-Type", "application/json"),
    ] {
        assert_eq!(FakeHost::header(&request, name), Some(value), "{name}");
    }
    let mut whole = FakeHost::occasion("page");
    whole.as_object_mut().unwrap().remove("report");
    whole["idempotency_key"] = json!("key-1");
    assert_eq!(body, whole);
}
