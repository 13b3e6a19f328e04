//! How far each metric is from its usual values, by z-score and by interquartile range.

mod profile;

use lapwing_sdk::features::{METRICS_MAX, Metrics, within};
use lapwing_sdk::input::Declared;
use lapwing_sdk::{Scorer, calibrate};
use serde::Deserialize;

pub use profile::Profile;

/// The plugin's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What to read.
    pub metrics: Metrics,
    /// The limit in standard deviations from the mean, above 0 and up to 100.
    pub z_score_threshold: f64,
    /// The limit in interquartile ranges beyond the quartiles, above 0 and up to 100.
    pub iqr_multiplier: f64,
    /// Over how many of the most unusual metrics of a row to average, 1 to 64.
    pub top: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { metrics: Metrics::default(), z_score_threshold: 3.0, iqr_multiplier: 1.5, top: 5 }
    }
}

/// The scorer.
pub struct Statistics(Settings);

impl Scorer for Statistics {
    type Settings = Settings;
    type Model = Profile;

    fn configure(settings: Settings) -> Result<Self, String> {
        for (name, value) in
            [("z_score_threshold", settings.z_score_threshold), ("iqr_multiplier", settings.iqr_multiplier)]
        {
            if !(value > 0.0 && value <= 100.0) {
                return Err(format!("{name} is {value}, it must be above 0 and at most 100"));
            }
        }
        within("top", settings.top, 1..=METRICS_MAX)?;
        Ok(Self(settings))
    }

    fn describe(&self) -> (&'static str, &'static str) {
        ("Statistics", "How far the metrics are from their usual values, by z-score and interquartile range")
    }

    fn inputs(&self) -> Vec<Declared> {
        self.0.metrics.declare()
    }

    fn train(&self, columns: &[Vec<f64>], rows: usize) -> Result<Profile, String> {
        Ok(Profile::learn(self.0.metrics.learn(columns, rows)?))
    }

    fn save(&self, profile: &Profile) -> Vec<u8> {
        profile.save(&self.0.metrics)
    }

    fn restore(&self, bytes: &[u8]) -> Result<Profile, String> {
        Profile::restore(&self.0.metrics, bytes)
    }

    fn score(&self, profile: &Profile, columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        profile.excesses(&self.0, columns, rows).into_iter().map(calibrate).collect()
    }
}

lapwing_sdk::export_scorer!(Statistics);

#[cfg(test)]
mod tests;
