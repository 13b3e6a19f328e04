//! A system is much slower than it used to be, does less, and is busy.

use lapwing_sdk::prelude::*;

/// Recent: the last ten samples.
const RECENT: u32 = 10;
/// Baseline: those before them, of the thousand that the host keeps.
const BASELINE: u32 = 990;

lapwing_sdk::inputs! {
    /// What the rule reads.
    pub struct Inputs {
        response_time_ms: mean("response_time_ms").last(RECENT),
        usual_response_time_ms: mean("response_time_ms").last(BASELINE).before(RECENT),
        throughput: mean("throughput").last(RECENT),
        usual_throughput: mean("throughput").last(BASELINE).before(RECENT),
        baseline_samples: count("response_time_ms").last(BASELINE).before(RECENT),
        cpu_usage_percent: latest("cpu_usage_percent"),
        slowdown: parameter(
            "threshold", "how many times the usual response time counts as slow, and as its inverse, how small a share \
             of the usual throughput counts as little", 2.0, 1.0..=1000.0),
        busy_percent: parameter("busy_percent", "CPU usage in percent that counts as busy", 80.0, 0.0..=100.0),
        enough_samples: parameter(
            "baseline_samples_min", "samples that a baseline needs before anything is compared with it",
            30.0, 1.0..=990.0),
    }
}

/// The rule; it has no settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerformanceDegradation {}

impl Rule for PerformanceDegradation {
    type Inputs = Inputs;

    fn describe(&self) -> Description {
        Description {
            name: "Performance degradation",
            description: "A system responds much slower and does much less than it used to, while its CPU is busy",
            detection_type: DetectionType::PerformanceDegradation,
            severity: Severity::Medium,
            window_s: 60,
            min_occurrences: 3,
            actions: &["send_alert", "analyze_performance"],
        }
    }

    #[inline]
    fn judge(&self, row: &Inputs) -> impl Judgement {
        row.response_time_ms.at_least(row.usual_response_time_ms * row.slowdown)
            & row.throughput.at_most(row.usual_throughput / row.slowdown)
            & row.cpu_usage_percent.at_least(row.busy_percent)
            & row.baseline_samples.at_least(row.enough_samples)
    }
}

lapwing_sdk::export_rule!(PerformanceDegradation);

#[cfg(test)]
mod tests {
    use super::*;

    fn slow_and_busy() -> Inputs {
        let missing = Inputs::missing();
        Inputs {
            response_time_ms: missing.response_time_ms.with(200.0),
            usual_response_time_ms: missing.usual_response_time_ms.with(100.0),
            throughput: missing.throughput.with(500.0),
            usual_throughput: missing.usual_throughput.with(1000.0),
            baseline_samples: missing.baseline_samples.with(100.0),
            cpu_usage_percent: missing.cpu_usage_percent.with(80.0),
            ..missing
        }
    }

    fn outcome(row: Inputs) -> Outcome {
        PerformanceDegradation {}.judge(&row).outcome()
    }

    #[test]
    fn the_limits_themselves_match() {
        assert_eq!(outcome(slow_and_busy()), Outcome::Met);
    }

    #[test]
    fn one_condition_short_is_clear() {
        let row = slow_and_busy();
        assert_eq!(
            outcome(Inputs { response_time_ms: row.response_time_ms.with(199.9), ..row }),
            Outcome::Unmet
        );
        assert_eq!(outcome(Inputs { throughput: row.throughput.with(500.1), ..row }), Outcome::Unmet);
        assert_eq!(
            outcome(Inputs { cpu_usage_percent: row.cpu_usage_percent.with(79.9), ..row }),
            Outcome::Unmet
        );
    }

    #[test]
    fn a_short_baseline_is_no_baseline() {
        let row = slow_and_busy();
        assert_eq!(
            outcome(Inputs { baseline_samples: row.baseline_samples.with(29.0), ..row }),
            Outcome::Unmet
        );
    }

    #[test]
    fn a_missing_metric_leaves_it_open() {
        let row = slow_and_busy();
        assert_eq!(
            outcome(Inputs { cpu_usage_percent: Inputs::missing().cpu_usage_percent, ..row }),
            Outcome::Unknown
        );
    }
}
