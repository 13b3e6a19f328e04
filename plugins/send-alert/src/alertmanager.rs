//! Alertmanager: alerts of its API v2, one for each detection.

use std::collections::BTreeMap;

use lapwing_sdk::action::{Detection, Failure, Host, Kind, Occasion, Outcome, Request, rfc3339};
use serde_json::{Value, json};

use crate::settings::Address;
use crate::template::{Escape, Template, Wording, one_line};
use crate::told;

/// Alertmanager lets go of an alert that it has not heard of for so long, in seconds.
const REFRESH_S: f64 = 300.0;
/// Where it takes alerts.
const PATH: &str = "/api/v2/alerts";

/// An Alertmanager.
pub(crate) struct Alertmanager {
    address: Address,
    headers: Vec<(String, String)>,
    title: Wording,
    text: Wording,
}

impl Alertmanager {
    pub(crate) fn new(
        address: Address,
        headers: Vec<(String, String)>,
        title: Option<Template>,
        text: Option<Template>,
    ) -> Result<Self, String> {
        let (title, text) = (Wording::title(title, Escape::Nothing)?, Wording::text(text, Escape::Nothing)?);
        Ok(Self { address, headers, title, text })
    }

    pub(crate) fn send(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        let occasion = &request.occasion;
        let (title, text) = (self.title.words(occasion), self.text.words(occasion));
        let alerts: Vec<Value> = if occasion.kind == Kind::Canary {
            vec![canary(request.now)]
        } else {
            let annotations = json!({ "title": one_line(&title.text), "text": text.text });
            occasion
                .detections
                .iter()
                .map(|detection| alert(detection, occasion, &annotations, request.now))
                .collect()
        };
        if alerts.is_empty() {
            return Ok(Outcome::new("no detection came with the call; Alertmanager was not told"));
        }
        let mut post = self.address.post(host)?;
        if !post.url.ends_with(PATH) {
            post.url = format!("{}{PATH}", post.url.trim_end_matches('/'));
        }
        for (name, value) in &self.headers {
            post = post.header(name, value);
        }
        host.http(&post.json(&alerts))?.settled()?;
        Ok(told(format!("told Alertmanager of {}", alerts.len()), &[&title, &text]))
    }
}

/// An alert is known by its labels: they are the same from its first page to its end.
fn alert(detection: &Detection, occasion: &Occasion, annotations: &Value, now: f64) -> Value {
    let mut labels: BTreeMap<String, String> =
        detection.labels.iter().map(|(name, value)| (label_name(name), value.clone())).collect();
    for (name, value) in [
        ("alertname", detection.rule_id.as_str()),
        ("system_id", &detection.system_id),
        ("system_type", &detection.system_type),
        ("severity", detection.severity.as_str()),
        ("detection_type", detection.detection_type.as_str()),
    ] {
        labels.insert(name.to_owned(), value.to_owned());
    }
    // Alertmanager refuses names without a value.
    labels.retain(|_, value| !value.is_empty());

    let over = match &detection.resolved_at {
        Some(at) => Some(at.clone()),
        None if occasion.kind == Kind::Resolved => Some(rfc3339(now)),
        None => None,
    };
    let mut annotations = annotations.clone();
    annotations["description"] = json!(detection.description);
    annotations["detection_id"] = json!(detection.detection_id);
    let mut alert = json!({
        "labels": labels,
        "annotations": annotations,
        "endsAt": over.unwrap_or_else(|| rfc3339(now + REFRESH_S)),
    });
    if !detection.timestamp.is_empty() {
        alert["startsAt"] = json!(detection.timestamp);
    }
    let link = occasion.links.get("detection").filter(|url| url.ends_with(&detection.detection_id));
    if let Some(url) = link {
        alert["generatorURL"] = json!(url);
    }
    alert
}

/// An alert that is over when it arrives: Alertmanager takes it, and tells nobody.
fn canary(now: f64) -> Value {
    json!({
        "labels": { "alertname": "lapwing_canary", "severity": "low" },
        "annotations": { "description": "A test of the way from Lapwing to here" },
        "startsAt": rfc3339(now - 1.0),
        "endsAt": rfc3339(now),
    })
}

/// A name that every Alertmanager takes: letters, digits and `_`, no digit first.
fn label_name(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}
