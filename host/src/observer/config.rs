//! `[observer]`.

use serde::Deserialize;

/// When the host believes that it sees.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObserverConfig {
    /// The share of what usually arrives below which the host counts as blind. 0..=0.9; 0: it never does.
    pub sight_share: f64,
    /// Systems that must have been heard lately before their common silence says anything about the host. 1..=16.
    pub systems_min: usize,
    /// How long the host must have stood still, in seconds, before that counts. 0.1..=60.
    pub lag_s: f64,
}

impl Default for ObserverConfig {
    fn default() -> Self {
        Self { sight_share: 0.2, systems_min: 3, lag_s: 1.0 }
    }
}

impl ObserverConfig {
    /// Hands every value with its key and range to `check`.
    pub fn check(&self, check: &mut impl FnMut(&str, f64, std::ops::RangeInclusive<f64>)) {
        check("observer.sight_share", self.sight_share, 0.0..=0.9);
        check("observer.systems_min", self.systems_min as f64, 1.0..=16.0);
        check("observer.lag_s", self.lag_s, 0.1..=60.0);
    }
}
