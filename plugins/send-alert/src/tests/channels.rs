//! What each receiver gets.

use super::*;

#[test]
fn slack_gets_a_coloured_message_that_mentions_nobody() {
    let settings = json!({ "kind": "slack", "url": "https://hooks.example" });
    let host = FakeHost::new();
    let mut request = FakeHost::request("page");
    request.occasion.detections[0].system_id = "<!channel> & co".to_owned();
    sent(&settings, &request, &host).unwrap();
    let (_, body) = only(&host);
    assert_eq!(body["text"], "1 system of zone eu-1: System disconnection");
    let attachment = &body["attachments"][0];
    assert_eq!(attachment["color"], "#e8681a");
    let text = attachment["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(text.starts_with("&lt;!channel&gt; &amp; co (high): "), "{text}");
    assert!(text.ends_with(request.occasion.links["detection"].as_str()), "{text}");
    assert_eq!(attachment["blocks"][2]["elements"][0]["text"], "high · 1 firing · 0 resolved · root/db");
}

#[test]
fn slack_gets_green_at_the_end_and_no_more_than_it_takes() {
    let settings = json!({ "kind": "slack", "url": "https://hooks.example" });
    let host = FakeHost::new();
    let mut request = FakeHost::request("resolved");
    request.occasion.title = "x".repeat(5000);
    request.occasion.detections[0].description = "<".repeat(5000);
    sent(&settings, &request, &host).unwrap();
    let attachment = &only(&host).1["attachments"][0];
    assert_eq!(attachment["color"], "#2e9e5b");
    for block in [0, 1] {
        let text = attachment["blocks"][block]["text"]["text"].as_str().unwrap();
        assert!(text.chars().count() <= 3000);
    }
}

#[test]
fn pagerduty_triggers_and_resolves_by_one_key() {
    let settings = json!({ "kind": "pagerduty", "routing_key_secret": "pd" });
    let event = |kind: &str| {
        let host = FakeHost::new().secret("pd", "routing\n");
        sent(&settings, &FakeHost::request(kind), &host).unwrap();
        let (request, event) = only(&host);
        assert_eq!(request.url, "https://events.pagerduty.com/v2/enqueue");
        assert_eq!(event["routing_key"], "routing");
        event
    };
    let page = event("page");
    assert_eq!(page["event_action"], "trigger");
    let payload = &page["payload"];
    for (field, expected) in [
        ("summary", "1 system of zone eu-1: System disconnection"),
        ("source", "db-1"),
        ("severity", "error"),
        ("component", "db"),
        ("class", "disconnection"),
        ("group", "zone=eu-1"),
        ("timestamp", "2023-11-14T22:13:10.000Z"),
    ] {
        assert_eq!(payload[field], expected, "{field}");
    }
    assert_eq!(payload["custom_details"]["detections"][0]["rule_id"], "system_disconnection");

    let end = event("resolved");
    assert_eq!((&end["event_action"], &end["dedup_key"]), (&json!("resolve"), &page["dedup_key"]));
    assert_eq!(event("canary")["event_action"], "resolve", "a test wakes nobody");
}

#[test]
fn pagerduty_has_its_own_words_for_severities() {
    use lapwing_sdk::Severity::{Critical, High, Low, Medium};
    let url = "https://events.eu.pagerduty.com/v2/enqueue";
    let settings = json!({ "kind": "pagerduty", "routing_key_secret": "pd", "url": url });
    for (severity, word) in [(Low, "info"), (Medium, "warning"), (High, "error"), (Critical, "critical")] {
        let host = FakeHost::new().secret("pd", "k");
        let mut request = FakeHost::request("page");
        request.occasion.severity = severity;
        request.occasion.dedup_key = "k".repeat(300);
        sent(&settings, &request, &host).unwrap();
        let (request, event) = only(&host);
        assert_eq!((request.url.as_str(), &event["payload"]["severity"]), (url, &json!(word)));
        assert_eq!(event["dedup_key"].as_str().unwrap().len(), 255);
    }
}

#[test]
fn alertmanager_gets_an_alert_for_each_detection() {
    let settings = json!({ "kind": "alertmanager", "url": "http://127.0.0.1:9093/" });
    let host = FakeHost::new();
    let mut request = FakeHost::request("update");
    let mut other = request.occasion.detections[0].clone();
    other.system_id = "db-2".to_owned();
    other.detection_id = "2".to_owned();
    other.resolved_at = Some("2023-11-14T22:13:20.000Z".to_owned());
    other.labels.insert("0.team-name".to_owned(), "db".to_owned());
    other.labels.insert("empty".to_owned(), String::new());
    request.occasion.detections.push(other);
    sent(&settings, &request, &host).unwrap();
    let (http, alerts) = only(&host);
    assert_eq!(http.url, "http://127.0.0.1:9093/api/v2/alerts");
    assert_eq!(
        alerts[0]["labels"],
        json!({
            "alertname": "system_disconnection", "detection_type": "disconnection", "severity": "high",
            "system_id": "db-1", "system_type": "db", "zone": "eu-1",
        })
    );
    assert_eq!(alerts[0]["startsAt"], "2023-11-14T22:13:10.000Z");
    assert_eq!(alerts[0]["endsAt"], "2023-11-14T22:18:20.500Z", "five minutes from now");
    assert_eq!(alerts[0]["generatorURL"], json!(request.occasion.links["detection"]));
    assert_eq!(alerts[1]["endsAt"], "2023-11-14T22:13:20.000Z", "when it was over");
    assert_eq!(alerts[1]["labels"]["_0_team_name"], "db");
    assert!(alerts[1]["labels"].get("empty").is_none() && alerts[1].get("generatorURL").is_none());
}

#[test]
fn alertmanager_knows_the_end_by_the_labels_of_the_beginning() {
    let settings = json!({ "kind": "alertmanager", "url": "https://am.example/prefix/api/v2/alerts" });
    let alerts = |kind| {
        let host = FakeHost::new();
        sent(&settings, &FakeHost::request(kind), &host).unwrap();
        let (request, alerts) = only(&host);
        assert_eq!(request.url, "https://am.example/prefix/api/v2/alerts");
        alerts
    };
    assert_eq!(alerts("page")[0]["labels"], alerts("resolved")[0]["labels"]);
    assert_eq!(alerts("canary")[0]["endsAt"], "2023-11-14T22:13:20.500Z", "over when it arrives");
}

#[test]
fn mails_of_one_trouble_stand_in_one_thread() {
    let settings = json!({ "kind": "email", "to": ["ops@example.com", "lead@example.com"] });
    let host = FakeHost::new();
    let action = configured(&settings).unwrap();
    let mut request = FakeHost::request("page");
    request.occasion.detections[0].description = "a < b & \"c\"".to_owned();
    assert_eq!(action.run(&request, &host).unwrap().summary, "mailed 2 recipients");
    request.attempt = 2;
    action.run(&request, &host).unwrap();
    let mut end = FakeHost::request("resolved");
    end.key = "key-2".to_owned();
    action.run(&end, &host).unwrap();

    let mails = host.mails();
    assert_eq!(mails[0].id, mails[1].id, "a second try is the same mail");
    assert_ne!(mails[0].id, mails[2].id);
    assert_eq!(mails[0].in_reply_to, mails[2].in_reply_to);
    assert_eq!(mails[2].subject, "Resolved: 1 system of zone eu-1: System disconnection");
    assert!(mails[0].text.starts_with("db-1 (high): a < b & \"c\"\nhttps://"), "{}", mails[0].text);
    let html = mails[0].html.as_deref().unwrap();
    assert!(html.contains("a &lt; b &amp; &quot;c&quot;<br>\n<a href=\"https://lapwing.example/"), "{html}");
}

#[test]
fn a_subject_is_one_line() {
    let settings = json!({ "kind": "email", "to": ["ops@example.com"] });
    let host = FakeHost::new();
    let mut request = FakeHost::request("page");
    request.occasion.title = "two\r\nBcc: x@example.com\u{0}lines".to_owned();
    sent(&settings, &request, &host).unwrap();
    assert_eq!(host.mails()[0].subject, "two Bcc: x@example.com lines");
    let host = FakeHost::new().no_mail(lapwing_sdk::action::MailError::Timeout);
    assert!(sent(&settings, &request, &host).unwrap_err().retry);
}
