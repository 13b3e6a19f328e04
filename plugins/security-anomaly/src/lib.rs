//! A system is under attack: many failed log-ins, then an entry that nobody granted.

use lapwing_sdk::prelude::*;

lapwing_sdk::inputs! {
    /// What the rule reads: custom metrics, all three.
    pub struct Inputs {
        failed_auth_attempts: latest("failed_auth_attempts"),
        suspicious_activity: latest("suspicious_activity"),
        unauthorized_access: latest("unauthorized_access"),
        attempts_limit: parameter("threshold", "failed log-ins in a sample that count as an attack", 5.0, 1.0..=1e9),
    }
}

/// The rule; it has no settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityAnomaly {}

impl Rule for SecurityAnomaly {
    type Inputs = Inputs;

    fn describe(&self) -> Description {
        Description {
            name: "Security anomaly",
            description: "Failed log-ins, suspicious activity and unauthorized access on one system",
            detection_type: DetectionType::SecurityAnomaly,
            severity: Severity::Critical,
            window_s: 30,
            min_occurrences: 1,
            actions: &["send_alert", "escalate", "block_access"],
        }
    }

    #[inline]
    fn judge(&self, row: &Inputs) -> impl Judgement {
        row.failed_auth_attempts.at_least(row.attempts_limit)
            & row.suspicious_activity.is_true()
            & row.unauthorized_access.is_true()
    }
}

lapwing_sdk::export_rule!(SecurityAnomaly);
