//! How easily random splits set a row apart from the others: an isolation forest.
//!
//! Liu, Ting, Zhou: Isolation Forest, ICDM 2008.

mod forest;
mod grow;
mod random;
mod tree;

use lapwing_sdk::features::{Metrics, within};
use lapwing_sdk::input::Declared;
use lapwing_sdk::{Scorer, calibrate};
use serde::Deserialize;

pub use forest::Forest;

/// The plugin's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What to read.
    pub metrics: Metrics,
    /// How many trees, 1 to 1,000. More than 100 change the score little.
    pub trees: usize,
    /// How many rows each tree sees, 16 to 256. The fewer, the less do many similar anomalies hide one another.
    pub subsample: usize,
    /// Where the random choices start.
    pub seed: u64,
    /// The share of the training rows, above 0 and up to 0.5, that the limit (a score of 0.5) calls anomalous.
    pub contamination: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { metrics: Metrics::default(), trees: 100, subsample: 256, seed: 42, contamination: 0.1 }
    }
}

/// The scorer.
pub struct IsolationForest(Settings);

impl Scorer for IsolationForest {
    type Settings = Settings;
    type Model = Forest;

    fn configure(settings: Settings) -> Result<Self, String> {
        within("trees", settings.trees, 1..=forest::TREES_MAX)?;
        within("subsample", settings.subsample, 16..=tree::SUBSAMPLE_MAX)?;
        match settings.contamination {
            share if share > 0.0 && share <= 0.5 => Ok(Self(settings)),
            share => Err(format!("contamination is {share}, it must be above 0 and at most 0.5")),
        }
    }

    fn describe(&self) -> (&'static str, &'static str) {
        ("Isolation forest", "How few random splits set the sample apart from those of its system type")
    }

    fn inputs(&self) -> Vec<Declared> {
        self.0.metrics.declare()
    }

    fn train(&self, columns: &[Vec<f64>], rows: usize) -> Result<Forest, String> {
        Ok(Forest::train(&self.0, self.0.metrics.learn(columns, rows)?, columns, rows))
    }

    fn save(&self, forest: &Forest) -> Vec<u8> {
        forest.save(&self.0.metrics)
    }

    fn restore(&self, bytes: &[u8]) -> Result<Forest, String> {
        Forest::restore(&self.0.metrics, bytes)
    }

    fn score(&self, forest: &Forest, columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        forest.excesses(columns, rows).into_iter().map(calibrate).collect()
    }
}

lapwing_sdk::export_scorer!(IsolationForest);

#[cfg(test)]
mod tests;
