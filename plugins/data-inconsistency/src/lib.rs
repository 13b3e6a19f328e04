//! A system's data has lost its integrity: it is wrong, behind, and known to be so.

use lapwing_sdk::prelude::*;

lapwing_sdk::inputs! {
    /// What the rule reads: custom metrics, all three.
    pub struct Inputs {
        data_integrity_score: latest("data_integrity_score"),
        sync_lag_ms: latest("sync_lag_ms"),
        consistency_errors: latest("consistency_errors"),
        integrity_limit: parameter("threshold", "integrity score (0..1) that counts as lost", 0.8, 0.0..=1.0),
        lag_limit_ms: parameter("sync_lag_limit_ms", "lag in ms that counts as behind", 1000.0, 0.0..=1e9),
        error_limit: parameter("consistency_errors_limit", "errors in a sample that count", 1.0, 0.0..=1e9),
    }
}

/// The rule; it has no settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataInconsistency {}

impl Rule for DataInconsistency {
    type Inputs = Inputs;

    fn describe(&self) -> Description {
        Description {
            name: "Data inconsistency",
            description: "A system's data has lost its integrity and lags behind",
            detection_type: DetectionType::DataInconsistency,
            severity: Severity::Critical,
            window_s: 60,
            min_occurrences: 1,
            actions: &["send_alert", "escalate", "initiate_sync"],
        }
    }

    #[inline]
    fn judge(&self, row: &Inputs) -> impl Judgement {
        row.data_integrity_score.at_most(row.integrity_limit)
            & row.sync_lag_ms.at_least(row.lag_limit_ms)
            & row.consistency_errors.at_least(row.error_limit)
    }
}

lapwing_sdk::export_rule!(DataInconsistency);
