//! Templates: what is refused, and what is written.

use proptest::prelude::*;

use super::*;

fn with_title(title: &str) -> Value {
    json!({ "kind": "email", "to": ["ops@example.com"], "title": title })
}

fn subject(title: &str) -> (String, String) {
    let host = FakeHost::new();
    let outcome = sent(&with_title(title), &FakeHost::request("page"), &host).unwrap();
    (host.mails()[0].subject.clone(), outcome.summary)
}

#[test]
fn a_template_is_written_over_the_occasion() {
    for (title, expected) in [
        ("{{ title|upper }}", "1 SYSTEM OF ZONE EU-1: SYSTEM DISCONNECTION"),
        (
            "{{ detections[0].labels.zone }}/{{ detections|map(attribute='system_id')|join(',') }}",
            "eu-1/db-1",
        ),
        (
            "{% for d in detections if d.severity is eq 'high' %}{{ loop.index }}{{ d.rule_id }}{% endfor %}",
            "1system_disconnection",
        ),
        ("{% if level is not defined %}none{% elif level is even %}{{ severity }}{% endif %}", "high"),
        ("{{ detections[0].evidence.conditions[0].observed|round|int }}", "21"),
        ("{{ detections[7].labels.zone }}x{{ common.nothing|default('y') }}", "xy"),
        ("{% raw %}{{ a|b }}{% endraw %}{# c|d #}{{ 'e|f' }}", "{{ a|b }}e|f"),
        ("{% filter upper %}{{ kind }}{% endfilter %}", "PAGE"),
        ("{% set n = firing %}{{ n }} <&>", "1 <&>"),
    ] {
        assert_eq!(subject(title), (expected.to_owned(), "mailed 1 recipient".to_owned()), "{title}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_with_its_place() {
    for (title, problem) in [
        ("{{ title", "title, line 1"),
        ("a\n{% if kind %}", "title, line 2"),
        ("a\n\n  {{ title|shout }}", "title, line 3, column 12: there is no filter `shout`"),
        ("{% if false %}{{ title|trim|shout(1) }}{% endif %}", "there is no filter `shout`"),
        ("{% filter shout %}a{% endfilter %}", "there is no filter `shout`"),
        ("{{ 1 if level is odder }}", "there is no test `odder`"),
        ("{{ 1 if level is not odder }}", "there is no test `odder`"),
        ("{{ titel }}", "title: there is no `titel` in an occasion"),
        ("{{ shout(title) }}", "title: there is no `shout` in an occasion"),
        ("{{ report.token }}", "title: there is no `report` in an occasion"),
        ("{% include 'x' %}", "title, line 1"),
    ] {
        let refused = refused(&with_title(title));
        assert!(refused.contains(problem), "{title}: {refused}");
    }
    assert!(refused(&with_title(&"x".repeat(20_000))).contains("title has 20000 bytes"));
}

#[test]
fn a_template_that_fails_does_not_keep_the_alert_back() {
    let (subject, summary) = subject("{{ title / 2 }}");
    assert_eq!(subject, "1 system of zone eu-1: System disconnection");
    assert!(summary.starts_with("mailed 1 recipient; the template title failed in line 1"), "{summary}");
}

#[test]
fn slack_escapes_values_and_leaves_the_operators_marks() {
    let settings = json!({
        "kind": "slack", "url": "https://a.example",
        "text": "<https://a.example|*{{ detections[0].system_id }}*>{{ links.nothing }}{{ detections[0].resolved_at }}",
    });
    let host = FakeHost::new();
    let mut request = FakeHost::request("page");
    request.occasion.detections[0].system_id = "<@here>".to_owned();
    sent(&settings, &request, &host).unwrap();
    let text = &only(&host).1["attachments"][0]["blocks"][1]["text"]["text"];
    assert_eq!(text, "<https://a.example|*&lt;@here&gt;*>");
}

#[test]
fn a_webhook_has_the_words_of_its_templates() {
    let (title, text) = ("T {{ level }}", "{{ kind }}");
    let settings = json!({ "kind": "webhook", "url": "https://a.example", "title": title, "text": text });
    let host = FakeHost::new();
    sent(&settings, &FakeHost::request("page"), &host).unwrap();
    let (request, body) = only(&host);
    assert_eq!((&body["title"], &body["text"]), (&json!("T 0"), &json!("page")));
    assert!(FakeHost::header(&request, "X-Lapwing-Signature").is_none(), "no secret, no signature");
    assert_eq!(FakeHost::header(&request, "Idempotency-Key"), Some("key-1"));
}

proptest! {
    #[test]
    fn any_text_is_refused_or_written(title in "[a-z{}%|#' .()\\[\\]\n-]{0,60}") {
        if let Ok(action) = configured(&with_title(&title)) {
            prop_assert!(action.run(&FakeHost::request("page"), &FakeHost::new()).is_ok());
        }
    }
}
