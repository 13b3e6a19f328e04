//! A configuration that has been checked and is ready to be used.

use std::collections::BTreeSet;
use std::fmt::Display;

use uuid::Uuid;

use super::config::{AlertsConfig, Conditions};
use super::escalate::{self, Policy};
use super::inhibit::{self, Inhibition};
use super::labels::Labels;
use super::matcher::Matchers;
use super::route::{self, Known, Routes};
use super::window::{self, Window};
use crate::limits::RECEIVERS_MAX;
use crate::time::Millis;

/// The namespace of digests of plans: a random UUID, fixed for good.
const NAMESPACE: Uuid = Uuid::from_u128(0x0b1f_5f0a_6d0e_4b52_9c9c_0c1f_3f62_7a10);

/// A configuration that has been checked and is ready to be used.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) routes: Routes,
    pub(super) inhibitions: Inhibition,
    pub(super) windows: Vec<Window>,
    pub(super) policies: Vec<Policy>,
    pub(super) flap: FlapLimits,
    /// Empty: there is no such label.
    pub(super) depends_on: String,
    pub(super) receivers: BTreeSet<String>,
    /// The same for the same configuration.
    pub(super) digest: Uuid,
}

/// When an alert flaps.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlapLimits {
    pub(super) half_life_s: f64,
    pub(super) high: f64,
    pub(super) low: f64,
}

impl Plan {
    /// Checks a configuration. Receivers are the ids of the actions that there are.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn compile(config: &AlertsConfig, known_receivers: &BTreeSet<String>) -> Result<Self, Vec<String>> {
        let mut problems = Problems(Vec::new());
        let plan = Self::build(config, known_receivers, &mut problems);
        if problems.0.is_empty() { Ok(plan) } else { Err(problems.0) }
    }

    /// The maintenance window that systems with these labels are in, and until when; the one that lasts longest.
    #[must_use]
    pub fn maintenance(&self, labels: &Labels, now: Millis) -> Option<(&str, Millis)> {
        let covering =
            self.windows.iter().filter_map(|window| Some((&*window.name, window.covers(labels, now)?)));
        covering.max_by_key(|&(_, until)| until)
    }

    /// Whether there are maintenance windows at all.
    #[must_use]
    pub fn has_maintenance(&self) -> bool {
        !self.windows.is_empty()
    }

    fn build(config: &AlertsConfig, known_receivers: &BTreeSet<String>, problems: &mut Problems) -> Self {
        let known = Known {
            receivers: known_receivers,
            escalations: config.escalations.iter().map(|policy| policy.name.as_str()).collect(),
            windows: config.maintenance.iter().map(|window| window.name.as_str()).collect(),
        };
        Self {
            routes: route::compile(config, &known, problems),
            inhibitions: inhibit::compile(&config.inhibit, problems),
            windows: window::compile(&config.maintenance, problems),
            policies: escalate::compile(&config.escalations, known_receivers, problems),
            flap: flap(config, problems),
            depends_on: config.depends_on.clone(),
            receivers: known_receivers.clone(),
            digest: digest(config, known_receivers),
        }
    }
}

/// Nobody is told.
impl Default for Plan {
    fn default() -> Self {
        Self::build(&AlertsConfig::default(), &BTreeSet::new(), &mut Problems(Vec::new()))
    }
}

fn flap(config: &AlertsConfig, problems: &mut Problems) -> FlapLimits {
    let FlapLimits { half_life_s, high, low } =
        FlapLimits { half_life_s: config.flap_half_life_s, high: config.flap_high, low: config.flap_low };
    in_range("alerts", "flap_half_life_s", half_life_s, 1.0, 86_400.0, problems);
    in_range("alerts", "flap_high", high, 1.0, 1000.0, problems);
    in_range("alerts", "flap_low", low, 0.2, 1000.0, problems);
    if low >= high {
        problems.say("alerts", format!("flap_low is {low}, expected less than flap_high, which is {high}"));
    }
    FlapLimits { half_life_s, high, low }
}

fn digest(config: &AlertsConfig, receivers: &BTreeSet<String>) -> Uuid {
    let text = serde_json::to_string(&(config, receivers)).unwrap_or_default();
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

/// What is wrong with a configuration, each with its place.
pub(super) struct Problems(Vec<String>);

impl Problems {
    pub(super) fn say(&mut self, place: &str, problem: impl Display) {
        self.0.push(format!("{place}: {problem}"));
    }
}

pub(super) fn in_range(place: &str, key: &str, value: f64, min: f64, max: f64, problems: &mut Problems) {
    if !(min..=max).contains(&value) {
        problems.say(place, format!("{key} is {value}, expected {min} to {max}"));
    }
}

/// Reads conditions; those with problems become none.
pub(super) fn matchers(place: &str, key: &str, conditions: &Conditions, problems: &mut Problems) -> Matchers {
    Matchers::parse(conditions).unwrap_or_else(|wrong| {
        for problem in wrong {
            problems.say(place, format!("{key}: {problem}"));
        }
        Matchers::default()
    })
}

/// Whether these receivers exist.
pub(super) fn receivers(place: &str, given: &[String], known: &BTreeSet<String>, problems: &mut Problems) {
    if given.len() > RECEIVERS_MAX {
        problems.say(place, format!("{} receivers, at most {RECEIVERS_MAX} are allowed", given.len()));
    }
    for receiver in given.iter().filter(|name| !known.contains(*name)) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let known = if known.is_empty() {
            "there is none".to_owned()
        } else {
            format!("there is {}", known.join(", "))
        };
        problems.say(place, format!("there is no receiver {receiver:?}; {known}"));
    }
}
