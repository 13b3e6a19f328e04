//! Why an action is called, and about what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Outcome;
use crate::rule::{DetectionType, Severity};

/// The occasion, as `docs/writing-an-action.md` describes it. What this version does not know stays in `other`, so that
/// nothing is lost when it is written again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Occasion {
    /// Why.
    pub kind: Kind,
    /// What receivers tell the same trouble by, from its first page to its end.
    #[serde(default)]
    pub dedup_key: String,
    /// One line for people.
    #[serde(default)]
    pub title: String,
    /// The worst of what is firing.
    #[serde(default = "low", with = "SeverityText")]
    pub severity: Severity,
    /// The level of escalation; 0 before the first.
    #[serde(default)]
    pub level: u32,
    /// Names of the actions that this escalation adds.
    #[serde(default)]
    pub audience: Vec<String>,
    /// The route that led here: "root/db".
    #[serde(default)]
    pub route: String,
    /// The labels that the detections are grouped by.
    #[serde(default)]
    pub group: BTreeMap<String, String>,
    /// The labels that all of them share.
    #[serde(default)]
    pub common: BTreeMap<String, String>,
    /// How many are firing.
    #[serde(default)]
    pub firing: u64,
    /// How many are over.
    #[serde(default)]
    pub resolved: u64,
    /// How many are held back because they depend on these.
    #[serde(default)]
    pub behind: u64,
    /// At most 50 of them, the worst and oldest first.
    #[serde(default)]
    pub detections: Vec<Detection>,
    /// Where to read on: `detection` is the first detection.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// Where to report back to, if the host can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// What this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Why an action is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something new, or worse than it was.
    Page,
    /// It has changed since it was told.
    Update,
    /// It goes on as it was told.
    Repeat,
    /// All of it is over.
    Resolved,
    /// It comes and goes.
    Flapping,
    /// Nobody took it up in time.
    Escalation,
    /// Nothing has happened: a test of the way.
    Canary,
    /// A rule names the action, and this detection of it was opened.
    Act,
    /// A reason that this version does not know.
    #[serde(other)]
    Other,
}

/// A detection as the API gives it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detection {
    /// Which.
    pub detection_id: String,
    /// The rule that found it.
    pub rule_id: String,
    /// What kind of trouble.
    #[serde(with = "DetectionTypeText")]
    pub detection_type: DetectionType,
    /// How bad.
    #[serde(with = "SeverityText")]
    pub severity: Severity,
    /// `active`, `investigating`, `resolved`, `false_positive` or `escalated`.
    #[serde(default)]
    pub status: String,
    /// Which system.
    pub system_id: String,
    /// What that system is.
    #[serde(default)]
    pub system_type: String,
    /// One sentence for a person.
    #[serde(default)]
    pub description: String,
    /// From 0 to 1.
    #[serde(default)]
    pub confidence: f64,
    /// When it was opened (RFC 3339).
    #[serde(default)]
    pub timestamp: String,
    /// When samples showed that it is over (RFC 3339).
    #[serde(default)]
    pub resolved_at: Option<String>,
    /// The first match (RFC 3339).
    #[serde(default)]
    pub first_seen: String,
    /// The last match so far (RFC 3339).
    #[serde(default)]
    pub last_seen: String,
    /// Matches so far.
    #[serde(default)]
    pub occurrences: u64,
    /// Why it was opened.
    #[serde(default)]
    pub evidence: Evidence,
    /// The built-in metrics of the sample that opened it.
    #[serde(default)]
    pub metrics: Map<String, Value>,
    /// The labels of the system, such as `zone`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Why a detection was opened.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// Every condition that was looked at.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The custom metrics of the sample: numbers, texts and booleans.
    #[serde(default)]
    pub custom_metrics: Map<String, Value>,
    /// What this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A condition on the row that opened a detection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Condition {
    /// What was observed.
    #[serde(default)]
    pub metric: String,
    /// The value; none if missing.
    #[serde(default)]
    pub observed: Option<f64>,
    /// `above`, `at_least`, `below`, `at_most` or `equal`.
    #[serde(default)]
    pub relation: String,
    /// What it was compared with; none if missing.
    #[serde(default)]
    pub expected: Option<f64>,
    /// `met`, `unmet` or `unknown`.
    #[serde(default)]
    pub outcome: String,
    /// What this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Where the other side reports how it went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Where to post to.
    pub url: String,
    /// What to authorise it with. It is good for this action alone.
    pub token: String,
}

impl Occasion {
    /// The one detection that an action which does something to a system is called for.
    ///
    /// # Errors
    /// The kind is another than [`Kind::Act`], or there is no detection: what to answer without doing anything.
    pub fn acted_on(&self) -> Result<&Detection, Outcome> {
        if self.kind != Kind::Act {
            return Err(Outcome::new("nothing was done: it acts for the detection of a rule that names it"));
        }
        self.detections
            .first()
            .ok_or_else(|| Outcome::new("nothing was done: no detection came with the call"))
    }
}

impl Detection {
    /// The value of a custom metric, a built-in one or a label of this name, as text; numbers and booleans as JSON
    /// writes them.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        match self.evidence.custom_metrics.get(name).or_else(|| self.metrics.get(name)) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => self.labels.get(name).cloned(),
        }
    }
}

impl Severity {
    /// `low`, `medium`, `high` or `critical`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl DetectionType {
    /// As the API writes it: `performance_degradation`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disconnection => "disconnection",
            Self::PerformanceDegradation => "performance_degradation",
            Self::DataInconsistency => "data_inconsistency",
            Self::SecurityAnomaly => "security_anomaly",
            Self::ResourceExhaustion => "resource_exhaustion",
            Self::ConfigurationDrift => "configuration_drift",
            Self::DependencyFailure => "dependency_failure",
        }
    }
}

fn low() -> Severity {
    Severity::Low
}

/// How a severity is written.
#[derive(Deserialize)]
#[serde(remote = "Severity", rename_all = "snake_case")]
enum SeverityText {
    Low,
    Medium,
    High,
    Critical,
}

impl SeverityText {
    fn serialize<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(severity.as_str())
    }
}

/// How a detection type is written.
#[derive(Deserialize)]
#[serde(remote = "DetectionType", rename_all = "snake_case")]
enum DetectionTypeText {
    Disconnection,
    PerformanceDegradation,
    DataInconsistency,
    SecurityAnomaly,
    ResourceExhaustion,
    ConfigurationDrift,
    DependencyFailure,
}

impl DetectionTypeText {
    fn serialize<S: Serializer>(kind: &DetectionType, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn what_is_not_known_is_kept() {
        let mut written = FakeHost::occasion("page");
        written["weather"] = json!("rain");
        written["detections"][0]["peak"] = json!({ "confidence": 0.9 });
        written["detections"][0]["evidence"]["window_s"] = json!(30.0);
        let occasion: Occasion = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(occasion.detections[0].severity, Severity::High);
        assert_eq!(serde_json::to_value(&occasion).unwrap(), written);
    }

    #[test]
    fn a_kind_is_enough_and_an_unknown_one_is_borne() {
        let occasion: Occasion = serde_json::from_str(r#"{"kind": "anniversary"}"#).unwrap();
        assert_eq!((occasion.kind, occasion.level), (Kind::Other, 0));
        assert!(occasion.acted_on().is_err());
        assert!(serde_json::from_str::<Occasion>("{}").is_err());
        assert!(serde_json::from_str::<Occasion>(r#"{"kind": "page", "severity": "dire"}"#).is_err());
    }

    #[test]
    fn a_value_is_found_as_custom_metric_then_metric_then_label() {
        let mut written = FakeHost::occasion("act");
        let detection = &mut written["detections"][0];
        detection["evidence"]["custom_metrics"] =
            json!({ "user": "ann", "failed": 7, "x": null, "on": true });
        detection["metrics"] = json!({ "user": "metric", "error_rate": 0.5 });
        detection["labels"] = json!({ "user": "label", "x": "by label" });
        let occasion: Occasion = serde_json::from_value(written).unwrap();
        let detection = occasion.acted_on().unwrap();
        let text = |name| detection.text(name).unwrap_or_default();
        assert_eq!(
            ["user", "failed", "on", "error_rate", "x", "none"].map(text),
            ["ann", "7", "true", "0.5", "by label", ""]
        );
    }
}
