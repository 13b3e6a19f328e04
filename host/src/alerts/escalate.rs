//! Who is told when nobody acknowledges.

use std::collections::BTreeSet;

use super::config::EscalationConfig;
use super::plan::{Problems, in_range, receivers};
use crate::limits::{ESCALATION_LEVELS_MAX, ESCALATIONS_MAX};
use crate::model::Severity;
use crate::time::Millis;

/// An escalation policy.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) levels: Vec<Level>,
}

#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) after_s: f64,
    min_severity: Severity,
    pub(super) receivers: Vec<String>,
}

impl Policy {
    /// The level, counted from 0, that comes next for an alert that has passed the first `passed`, and when.
    pub(super) fn next(
        &self,
        passed: usize,
        severity: Severity,
        first_told: Millis,
    ) -> Option<(usize, Millis)> {
        let mut levels = self.levels.iter().enumerate().skip(passed);
        let (number, level) = levels.find(|(_, level)| severity >= level.min_severity)?;
        Some((number, first_told.plus_seconds(level.after_s)))
    }
}

pub(super) fn compile(
    configs: &[EscalationConfig],
    known: &BTreeSet<String>,
    problems: &mut Problems,
) -> Vec<Policy> {
    if configs.len() > ESCALATIONS_MAX {
        problems.say(
            "alerts.escalations",
            format!("{} policies, at most {ESCALATIONS_MAX} are allowed", configs.len()),
        );
    }
    let mut names = BTreeSet::new();
    let mut policies = Vec::new();
    for config in configs {
        let place = format!("alerts.escalations {:?}", config.name);
        if config.name.is_empty() {
            problems.say(&place, "expected a name");
        }
        if !names.insert(&config.name) {
            problems.say(&place, "there are two of this name");
        }
        if config.levels.is_empty() || config.levels.len() > ESCALATION_LEVELS_MAX {
            problems.say(
                &place,
                format!("{} levels, expected 1 to {ESCALATION_LEVELS_MAX}", config.levels.len()),
            );
        }
        let mut levels: Vec<Level> = Vec::new();
        for (number, level) in config.levels.iter().enumerate() {
            let place = format!("{place} level {}", number + 1);
            in_range(&place, "after_s", level.after_s, 1.0, 2_592_000.0, problems);
            if let Some(before) = levels.last()
                && level.after_s <= before.after_s
            {
                problems.say(
                    &place,
                    format!(
                        "after_s is {}, expected more than the {} of the level before",
                        level.after_s, before.after_s
                    ),
                );
            }
            if level.receivers.is_empty() {
                problems.say(&place, "receivers is empty, expected at least one");
            }
            receivers(&place, &level.receivers, known, problems);
            let (min_severity, receivers) = (level.min_severity, level.receivers.clone());
            levels.push(Level { after_s: level.after_s, min_severity, receivers });
        }
        policies.push(Policy { name: config.name.clone(), levels });
    }
    policies
}
