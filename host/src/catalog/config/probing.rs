//! `[[probes]]`.

use serde::Deserialize;

use super::Config;
use crate::limits::PROBES_MAX;
use crate::outside::ProbeTarget;

/// Where the host knocks when a system is silent, before anybody is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The types that it is for; with neither these nor ids, it is for every system.
    #[serde(default)]
    pub system_types: Vec<String>,
    /// The systems that it is for.
    #[serde(default)]
    pub system_ids: Vec<String>,
    /// Where.
    pub target: ProbeTarget,
    /// How long it waits for an answer, in seconds, and never longer than the silence is held back. 0.1..=60.
    #[serde(default = "timeout_s")]
    pub timeout_s: f64,
}

fn timeout_s() -> f64 {
    2.0
}

impl Probe {
    fn is_for(&self, system_id: &str, system_type: &str) -> bool {
        self.system_ids.iter().any(|id| id == system_id)
            || self.system_types.iter().any(|name| name == system_type)
            || self.system_ids.is_empty() && self.system_types.is_empty()
    }
}

impl Config {
    /// The first probe that is for this system.
    #[must_use]
    pub fn probe(&self, system_id: &str, system_type: &str) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.is_for(system_id, system_type))
    }

    /// What is wrong with the probes.
    pub(super) fn probing_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.probes.len() > PROBES_MAX {
            problems.push(format!("probes: found {}, at most {PROBES_MAX} are allowed", self.probes.len()));
        }
        if !self.probes.is_empty() && self.groups.hold_s_max == 0.0 {
            problems.push("probes: with groups.hold_s_max = 0 nothing is held back for them".to_owned());
        }
        for (place, probe) in self.probes.iter().enumerate() {
            if !(0.1..=60.0).contains(&probe.timeout_s) {
                problems.push(format!(
                    "probes[{place}]: timeout_s is {}, from 0.1 to 60 is allowed",
                    probe.timeout_s
                ));
            }
        }
        problems
    }
}
