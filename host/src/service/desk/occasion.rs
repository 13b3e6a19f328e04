//! What an action is told: why it is called, and about what.

use ring::hmac;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::alerts::{Kind, Labels, Notification};
use crate::service::ledger::Ledger;
use crate::service::transaction::Transaction;
use crate::store::StoreError;

/// Where others find this server, and how reports of actions prove whose they are.
pub(in crate::service) struct Links {
    /// Without a slash at the end.
    pub(in crate::service) public_url: String,
    pub(in crate::service) key: hmac::Key,
}

impl Links {
    /// The token with which the other side reports on an action.
    pub(in crate::service) fn report_token(&self, key: &str) -> String {
        hmac::sign(&self.key, key.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether this is the token of an action.
    pub(in crate::service) fn is_report_token(&self, key: &str, token: &str) -> bool {
        let (digits, rest) = token.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = digits.iter().map(byte).collect();
        rest.is_empty() && bytes.is_some_and(|bytes| hmac::verify(&self.key, key.as_bytes(), &bytes).is_ok())
    }

    fn report(&self, key: &str) -> Value {
        let path = key.replace('%', "%25").replace('/', "%2F");
        json!({
            "url": format!("{}/api/v1/actions/{path}/report", self.public_url),
            "token": self.report_token(key),
        })
    }

    fn of_detection(&self, id: Uuid) -> Value {
        json!({ "detection": format!("{}/api/v1/detections/{id}", self.public_url) })
    }
}

/// Of an action that is owed because a rule names it, or because a level of an escalation is reached.
pub(super) fn of_detection(
    kind: &str,
    key: &str,
    id: Uuid,
    (level, audience): (u32, &[String]),
    links: &Links,
    transaction: &mut Transaction<'_>,
) -> Result<Value, StoreError> {
    let Some(detection) = transaction.detection(id)?.cloned() else { return Ok(Value::Null) };
    let labels = labels_of(&detection);
    Ok(json!({
        "kind": kind,
        "dedup_key": id,
        "title": format!("{}: {}", detection.system_id, detection.description),
        "severity": detection.severity,
        "level": level,
        "audience": audience,
        "route": "",
        "group": {},
        "common": labels,
        "firing": 1,
        "resolved": 0,
        "behind": 0,
        "detections": [with_labels(&detection, &labels)],
        "links": links.of_detection(id),
        "report": links.report(key),
    }))
}

/// Of a message to a receiver.
pub(super) fn of_notification(
    notification: &Notification,
    ledger: &Ledger,
    links: &Links,
    transaction: &mut Transaction<'_>,
) -> Result<Value, StoreError> {
    let mut detections = Vec::with_capacity(notification.members.len());
    for &id in &notification.members {
        if let Some(detection) = transaction.detection(id)?.cloned() {
            let mut shown = with_labels(&detection, &labels_of(&detection));
            if let Some(header) = ledger.header(id) {
                shown["status"] = json!(header.status);
                shown["resolved_at"] = json!(header.resolved);
            }
            detections.push(shown);
        }
    }
    let link = notification.members.first().map(|&id| links.of_detection(id));
    Ok(json!({
        "kind": notification.kind,
        "dedup_key": notification.dedup_key,
        "title": title(notification, &detections),
        "severity": notification.severity,
        "level": notification.level,
        "audience": [],
        "route": notification.route,
        "group": notification.group,
        "common": notification.common,
        "firing": notification.firing,
        "resolved": notification.resolved,
        "behind": notification.behind,
        "detections": detections,
        "links": link,
        "report": links.report(&notification.key),
    }))
}

/// Of a message that only shows that messages arrive.
pub(super) fn of_canary(action: &str, key: &str, links: &Links) -> Value {
    json!({
        "kind": "canary",
        "dedup_key": format!("canary:{action}"),
        "title": "Lapwing: messages arrive",
        "severity": "low",
        "level": 0,
        "audience": [],
        "route": "",
        "group": {},
        "common": {},
        "firing": 0,
        "resolved": 0,
        "behind": 0,
        "detections": [],
        "links": {},
        "report": links.report(key),
    })
}

/// What a detection is known by among alerts.
pub(super) fn labels_of(detection: &crate::detections::Detection) -> Labels {
    let word = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
    let own = [
        ("rule_id", detection.rule_id.clone()),
        ("system_id", detection.system_id.clone()),
        ("system_type", detection.system_type.clone()),
        ("severity", word(&json!(detection.severity))),
        ("detection_type", word(&json!(detection.detection_type))),
    ];
    let texts = detection.evidence.custom_metrics.iter();
    let texts = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    // A metric of the same name does not stand in for what the host knows.
    texts.chain(own.map(|(name, value)| (name.to_owned(), value))).collect()
}

fn with_labels(detection: &crate::detections::Detection, labels: &Labels) -> Value {
    let mut shown = json!(detection);
    shown["labels"] = json!(labels);
    shown
}

/// One line for a person: what, where, how many.
fn title(notification: &Notification, detections: &[Value]) -> String {
    let first = detections.first();
    let text = |key: &str| first.and_then(|detection| detection[key].as_str()).unwrap_or_default();
    let told = notification.firing.max(notification.members.len().min(notification.resolved));
    let trouble = if told <= 1 {
        format!("{}: {}", text("system_id"), text("description"))
    } else {
        let place: Vec<String> = (notification.group.0.iter())
            .filter(|(name, _)| *name != "rule_id")
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let place = if place.is_empty() { String::new() } else { format!(" of {}", place.join(", ")) };
        let rule = notification.common.get("rule_id");
        let name = first.and_then(|detection| detection["evidence"]["rule_name"].as_str());
        let what = if rule.is_empty() { "several troubles" } else { name.unwrap_or(rule) };
        format!("{told} systems{place}: {what}")
    };
    match notification.kind {
        Kind::Resolved => format!("Over: {trouble}"),
        Kind::Flapping => format!("Flapping: {trouble}"),
        Kind::Escalation => format!("Escalated to level {}: {trouble}", notification.level),
        Kind::Page | Kind::Update | Kind::Repeat => trouble,
    }
}
