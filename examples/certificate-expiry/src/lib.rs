//! A certificate is about to expire. `docs/writing-a-rule.md` walks through this file.

use lapwing_sdk::prelude::*;

lapwing_sdk::inputs! {
    /// What the rule reads.
    pub struct Inputs {
        expires_at: latest("certificate_expires_at"),
        now: timestamp(),
        days: parameter("threshold", "days before the expiry", 14.0, 0.0..=365.0),
    }
}

/// The rule; it has no state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateExpiry {}

impl Rule for CertificateExpiry {
    type Inputs = Inputs;

    fn describe(&self) -> Description {
        Description {
            name: "Certificate expiry",
            description: "A certificate is about to expire",
            detection_type: DetectionType::ConfigurationDrift,
            severity: Severity::Medium,
            window_s: 3600,
            min_occurrences: 1,
            actions: &["send_alert"],
        }
    }

    #[inline]
    fn judge(&self, row: &Inputs) -> impl Judgement {
        row.expires_at.below(f64::from(row.now) + row.days * 86_400.0)
    }
}

lapwing_sdk::export_rule!(CertificateExpiry);

#[cfg(test)]
mod tests {
    use super::*;

    /// At the Unix epoch, with a certificate that is good for so many days more.
    fn outcome(days_left: f64) -> Outcome {
        let missing = Inputs::missing();
        let row = Inputs {
            now: missing.now.with(0.0),
            expires_at: missing.expires_at.with(days_left * 86_400.0),
            ..missing
        };
        CertificateExpiry {}.judge(&row).outcome()
    }

    #[test]
    fn matches_within_the_last_fourteen_days() {
        assert_eq!(outcome(13.9), Outcome::Met);
        assert_eq!(outcome(14.0), Outcome::Unmet);
    }

    #[test]
    fn a_sample_without_a_certificate_settles_nothing() {
        assert_eq!(outcome(f64::NAN), Outcome::Unknown);
    }
}
