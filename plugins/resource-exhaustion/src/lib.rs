//! A system is running out of memory, disk or CPU.

use lapwing_sdk::prelude::*;

/// A CPU that is busy for less than this is at work. Memory and disks that are full do not empty by themselves; jobs end.
const CPU_SUSTAINED_S: f64 = 120.0;

lapwing_sdk::inputs! {
    /// What the rule reads. The CPU counts by its least use of two minutes.
    pub struct Inputs {
        memory_usage_percent: latest("memory_usage_percent"),
        disk_usage_percent: latest("disk_usage_percent"),
        cpu_usage_percent: min("cpu_usage_percent").last_seconds(CPU_SUSTAINED_S),
        share: parameter("threshold", "share of memory and of disk capacity in use (0..1)", 0.9, 0.0..=1.0),
        cpu_share: parameter("cpu_threshold", "share of CPU capacity in use (0..1)", 0.95, 0.0..=1.0),
    }
}

/// The rule and its setting.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceExhaustion {
    /// Whether one exhausted resource is enough (`"any"`, the default: a full disk is trouble enough) or all must be.
    #[serde(rename = "match", default = "any")]
    join: Match,
}

fn any() -> Match {
    Match::Any
}

impl Rule for ResourceExhaustion {
    type Inputs = Inputs;

    fn describe(&self) -> Description {
        Description {
            name: "Resource exhaustion",
            description: match self.join {
                Match::Any => "A system has used up its memory, its disk or its CPU",
                Match::All => "A system has used up its memory, its disk and its CPU",
            },
            detection_type: DetectionType::ResourceExhaustion,
            severity: Severity::High,
            window_s: 30,
            min_occurrences: 2,
            actions: &["send_alert", "escalate", "initiate_cleanup"],
        }
    }

    #[inline]
    fn judge(&self, row: &Inputs) -> impl Judgement {
        let percent = row.share * 100.0;
        self.join.of([
            row.memory_usage_percent.at_least(percent),
            row.disk_usage_percent.at_least(percent),
            row.cpu_usage_percent.at_least(row.cpu_share * 100.0),
        ])
    }
}

lapwing_sdk::export_rule!(ResourceExhaustion);

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(memory: f64, disk: f64, cpu: f64) -> Inputs {
        let missing = Inputs::missing();
        Inputs {
            memory_usage_percent: missing.memory_usage_percent.with(memory),
            disk_usage_percent: missing.disk_usage_percent.with(disk),
            cpu_usage_percent: missing.cpu_usage_percent.with(cpu),
            ..missing
        }
    }

    fn outcome(join: Match, row: Inputs) -> Outcome {
        ResourceExhaustion { join }.judge(&row).outcome()
    }

    #[test]
    fn any_resource_is_enough_by_default() {
        let rule: ResourceExhaustion = serde_json::from_str("{}").unwrap();
        assert_eq!(rule.judge(&usage(90.0, 10.0, 10.0)).outcome(), Outcome::Met);
        assert_eq!(rule.judge(&usage(89.9, 89.9, 94.9)).outcome(), Outcome::Unmet);
    }

    #[test]
    fn all_means_all() {
        assert_eq!(outcome(Match::All, usage(90.0, 90.0, 94.9)), Outcome::Unmet);
        assert_eq!(outcome(Match::All, usage(90.0, 90.0, 95.0)), Outcome::Met);
    }

    #[test]
    fn a_missing_resource_decides_only_where_it_could() {
        assert_eq!(outcome(Match::Any, usage(95.0, f64::NAN, 10.0)), Outcome::Met);
        assert_eq!(outcome(Match::Any, usage(10.0, f64::NAN, 10.0)), Outcome::Unknown);
        assert_eq!(outcome(Match::All, usage(10.0, f64::NAN, 99.0)), Outcome::Unmet);
    }
}
