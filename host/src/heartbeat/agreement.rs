//! What operators agree on about silence: for all systems, for a type, for one.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::contract::Contract;
use crate::model::{MetricId, TypeId};

/// What is said about a system's silence; what is not said, the more general one says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agreement {
    /// Seconds between a system's end and its detection, at most. More than 0, at most 604800 (a week).
    pub detect_within_s: Option<f64>,
    /// False alarms in a week, at most. 0..=1000000.
    pub false_alarms_per_week: Option<f64>,
}

impl Agreement {
    /// The contract of a system that usually sends a sign of life every `interval_s` seconds.
    #[must_use]
    #[inline]
    pub fn contract(self, interval_s: f64) -> Contract {
        let usual = Contract::usual(interval_s);
        Contract::clamped(
            self.detect_within_s.unwrap_or_else(|| usual.detect_within_s()),
            self.false_alarms_per_week.unwrap_or_else(|| usual.false_alarms_per_week()),
        )
    }

    /// What is wrong with it, by field.
    pub fn problems(&self, place: &str) -> impl Iterator<Item = String> {
        let (within_s, alarms) =
            (self.detect_within_s.unwrap_or(1.0), self.false_alarms_per_week.unwrap_or(0.0));
        Contract::new(within_s, alarms).err().map(|error| format!("{place}.{error}")).into_iter()
    }

    fn or(self, general: Self) -> Self {
        Self {
            detect_within_s: self.detect_within_s.or(general.detect_within_s),
            false_alarms_per_week: self.false_alarms_per_week.or(general.false_alarms_per_week),
        }
    }
}

/// All that is agreed. The most particular counts: system, type, everybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agreements {
    everybody: Agreement,
    types: HashMap<TypeId, Agreement>,
    systems: BTreeMap<String, Agreement>,
    /// The text in which a system says goodbye.
    pub goodbye: Option<MetricId>,
    /// The texts that systems may have in common.
    pub labels: Vec<(MetricId, Box<str>)>,
    /// Seconds after the announced return from which a system that is not back is missed.
    pub overdue_s: f64,
    /// How long after its first sign of life, or its return, the silence of a system is nothing.
    pub startup_s: f64,
}

impl Agreements {
    /// What is agreed for everybody, for types, and for systems.
    #[must_use]
    pub fn new(
        everybody: Agreement,
        types: HashMap<TypeId, Agreement>,
        systems: BTreeMap<String, Agreement>,
    ) -> Self {
        Self { everybody, types, systems, goodbye: None, labels: Vec::new(), overdue_s: 0.0, startup_s: 0.0 }
    }

    /// What holds for a system.
    #[must_use]
    pub fn of(&self, system_id: &str, system_type: TypeId) -> Agreement {
        let of_type = self.types.get(&system_type).copied().unwrap_or_default();
        let own = if self.systems.is_empty() { None } else { self.systems.get(system_id).copied() };
        own.unwrap_or_default().or(of_type).or(self.everybody)
    }
}
