//! PagerDuty: events of its Events API v2.

use lapwing_sdk::Severity;
use lapwing_sdk::action::{Failure, Host, HttpRequest, Kind, Occasion, Outcome, Request};
use serde_json::{Value, json};

use crate::names::bounded;
use crate::template::{Escape, Template, Wording, Words, one_line, shortened};
use crate::told;

/// Characters of a summary that PagerDuty takes.
const SUMMARY_CHARS_MAX: usize = 1024;
/// Bytes of a key that PagerDuty takes.
const DEDUP_KEY_BYTES_MAX: usize = 255;

/// A service in PagerDuty.
pub(crate) struct PagerDuty {
    url: String,
    routing_key_secret: String,
    title: Wording,
    text: Wording,
}

impl PagerDuty {
    pub(crate) fn new(
        url: String,
        routing_key_secret: String,
        title: Option<Template>,
        text: Option<Template>,
    ) -> Result<Self, String> {
        let (title, text) = (Wording::title(title, Escape::Nothing)?, Wording::text(text, Escape::Nothing)?);
        Ok(Self { url, routing_key_secret, title, text })
    }

    pub(crate) fn send(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        let occasion = &request.occasion;
        let routing_key = host.secret(&self.routing_key_secret).map_err(Failure::permanent)?;
        let dedup_key = if occasion.dedup_key.is_empty() { &request.key } else { &occasion.dedup_key };
        let mut event = json!({
            "routing_key": routing_key.trim(),
            "dedup_key": bounded(dedup_key, DEDUP_KEY_BYTES_MAX),
            "client": "Lapwing",
        });
        // A test of the way resolves what was never triggered: PagerDuty takes it, and wakes nobody.
        if matches!(occasion.kind, Kind::Resolved | Kind::Canary) {
            event["event_action"] = json!("resolve");
            host.http(&HttpRequest::post(&self.url).json(&event))?.settled()?;
            return Ok(Outcome::new("told PagerDuty: resolved"));
        }
        let (title, text) = (self.title.words(occasion), self.text.words(occasion));
        event["event_action"] = json!("trigger");
        event["payload"] = payload(occasion, &title, &text);
        if let Some(url) = occasion.links.get("detection") {
            event["client_url"] = json!(url);
            event["links"] = json!([{ "href": url, "text": "Detection" }]);
        }
        host.http(&HttpRequest::post(&self.url).json(&event))?.settled()?;
        Ok(told("told PagerDuty: triggered".to_owned(), &[&title, &text]))
    }
}

fn payload(occasion: &Occasion, title: &Words, text: &Words) -> Value {
    let first = occasion.detections.first();
    let source = match &occasion.detections[..] {
        [only] => only.system_id.as_str(),
        _ if !occasion.route.is_empty() => &occasion.route,
        _ => "lapwing",
    };
    let group: Vec<String> = occasion.group.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let lines = occasion.detections.iter().map(|detection| {
        json!({
            "detection_id": detection.detection_id,
            "rule_id": detection.rule_id,
            "system_id": detection.system_id,
            "severity": detection.severity.as_str(),
            "description": shortened(&detection.description, 500),
            "timestamp": detection.timestamp,
        })
    });
    let mut payload = json!({
        "summary": shortened(&one_line(&title.text), SUMMARY_CHARS_MAX),
        "source": source,
        "severity": severity(occasion.severity),
        "group": group.join(" "),
        "custom_details": {
            "text": text.text,
            "level": occasion.level,
            "firing": occasion.firing,
            "resolved": occasion.resolved,
            "behind": occasion.behind,
            "group": occasion.group,
            "common": occasion.common,
            "detections": lines.collect::<Vec<_>>(),
        },
    });
    if let Some(first) = first {
        payload["class"] = json!(first.detection_type.as_str());
        payload["component"] = json!(first.system_type);
        if !first.timestamp.is_empty() {
            payload["timestamp"] = json!(first.timestamp);
        }
    }
    payload
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "info",
        Severity::Medium => "warning",
        Severity::High => "error",
        Severity::Critical => "critical",
    }
}
