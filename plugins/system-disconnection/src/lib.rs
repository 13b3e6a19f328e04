//! A system has become unresponsive, or has fallen silent.

use lapwing_sdk::prelude::*;

lapwing_sdk::inputs! {
    /// What the rule reads.
    pub struct Inputs {
        unhealthy: equals("health_status", "unhealthy"),
        response_time_ms: latest("response_time_ms"),
        error_rate: latest("error_rate"),
        silence_s: silence_s(),
        silence_limit_s: silence_limit_s(),
        response_time_limit_ms: parameter(
            "response_time_limit_ms", "response time in ms above which an unhealthy system counts as gone",
            5000.0, 0.0..=3_600_000.0),
        error_rate_limit: parameter(
            "error_rate_limit", "error rate (0..1) from which an unhealthy system counts as gone", 0.1, 0.0..=1.0),
        silence_limits: parameter(
            "threshold", "silence that counts as gone, in multiples of what is agreed for the system", 1.0,
            1.0..=10_000.0),
    }
}

/// The rule; it has no settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemDisconnection {}

impl Rule for SystemDisconnection {
    type Inputs = Inputs;

    fn describe(&self) -> Description {
        Description {
            name: "System disconnection",
            description: "A system has become unresponsive or has fallen silent",
            detection_type: DetectionType::Disconnection,
            severity: Severity::High,
            window_s: 30,
            min_occurrences: 1,
            actions: &["send_alert", "escalate", "initiate_recovery"],
        }
    }

    #[inline]
    fn judge(&self, row: &Inputs) -> impl Judgement {
        // A system that says nothing of its health is not unhealthy; one that says nothing at all is another matter.
        let heard = row.silence_s.value() == Some(0.0);
        let unhealthy = if heard { row.unhealthy.or(0.0) } else { row.unhealthy };
        let unresponsive = unhealthy.is_true()
            & row.response_time_ms.above(row.response_time_limit_ms)
            & row.error_rate.at_least(row.error_rate_limit);
        // One that is heard is not silent, even if nothing is known of its heartbeat yet.
        let limit_s = if heard { row.silence_limit_s.or(0.0) } else { row.silence_limit_s };
        let silent = row.silence_s.above(row.silence_limits * limit_s);
        unresponsive | silent
    }
}

lapwing_sdk::export_rule!(SystemDisconnection);

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(row: Inputs) -> Outcome {
        SystemDisconnection {}.judge(&row).outcome()
    }

    fn sample(unhealthy: f64, response_time_ms: f64, error_rate: f64) -> Inputs {
        let missing = Inputs::missing();
        Inputs {
            unhealthy: missing.unhealthy.with(unhealthy),
            response_time_ms: missing.response_time_ms.with(response_time_ms),
            error_rate: missing.error_rate.with(error_rate),
            silence_s: missing.silence_s.with(0.0),
            silence_limit_s: missing.silence_limit_s.with(20.0),
            ..missing
        }
    }

    #[test]
    fn unresponsive_means_above_the_limit() {
        assert_eq!(outcome(sample(1.0, 5000.1, 0.1)), Outcome::Met);
        assert_eq!(outcome(sample(1.0, 5000.0, 0.1)), Outcome::Unmet);
        assert_eq!(outcome(sample(0.0, 6000.0, 0.2)), Outcome::Unmet);
    }

    #[test]
    fn a_heartbeat_that_is_not_known_yet_hides_nothing() {
        let missing = Inputs::missing();
        let new = |sample: Inputs| Inputs { silence_limit_s: missing.silence_limit_s, ..sample };
        assert_eq!(outcome(new(sample(0.0, 100.0, 0.0))), Outcome::Unmet, "a recovery is one");
        assert_eq!(outcome(new(sample(1.0, 6000.0, 0.2))), Outcome::Met);
        let silent = Inputs { silence_s: missing.silence_s.with(60.0), ..missing };
        assert_eq!(outcome(silent), Outcome::Unknown);
    }

    #[test]
    fn silence_is_enough_and_its_end_is_not_recovery() {
        let missing = Inputs::missing();
        let silent_for = |silence_s| Inputs {
            silence_s: missing.silence_s.with(silence_s),
            silence_limit_s: missing.silence_limit_s.with(20.0),
            ..missing
        };
        assert_eq!(outcome(silent_for(20.1)), Outcome::Met);
        assert_eq!(outcome(silent_for(19.9)), Outcome::Unknown, "no sample, no good news");
    }

    #[test]
    fn a_bare_heartbeat_is_good_news() {
        let missing = Inputs::missing();
        let heard = Inputs {
            silence_s: missing.silence_s.with(0.0),
            silence_limit_s: missing.silence_limit_s.with(20.0),
            ..missing
        };
        assert_eq!(outcome(heard), Outcome::Unmet);
    }

    #[test]
    fn an_unlearned_heartbeat_settles_nothing() {
        let row = sample(1.0, f64::NAN, 0.2);
        assert_eq!(outcome(row), Outcome::Unknown);
    }
}
