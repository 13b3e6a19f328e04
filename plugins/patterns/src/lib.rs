//! How far a row lies from the patterns that rows of its type fall into, and how near to patterns known as anomalous.
//!
//! Patterns are the clusters that DBSCAN finds (Ester, Kriegel, Sander, Xu: A Density-Based Algorithm for Discovering
//! Clusters, KDD 1996) in scaled features. Noise is not a pattern, however much of it there is.

mod cluster;
mod model;
#[cfg(target_arch = "wasm32")]
mod randomness;

use lapwing_sdk::features::{Metrics, within};
use lapwing_sdk::input::Declared;
use lapwing_sdk::{Scorer, calibrate};
use serde::Deserialize;

pub use model::{Pattern, Patterns};

/// The plugin's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What to read.
    pub metrics: Metrics,
    /// How near rows of a cluster lie to one another, above 0 and up to 10. 1 is how far two rows are apart that have
    /// nothing to do with one another, so that the setting means the same for any number of metrics.
    pub eps: f64,
    /// So many rows that near make a cluster, 2 to 100.
    pub min_samples: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { metrics: Metrics::default(), eps: 0.5, min_samples: 5 }
    }
}

/// The scorer.
pub struct PatternScorer(Settings);

impl Scorer for PatternScorer {
    type Settings = Settings;
    type Model = Patterns;

    fn configure(settings: Settings) -> Result<Self, String> {
        if !(settings.eps > 0.0 && settings.eps <= 10.0) {
            return Err(format!("eps is {}, it must be above 0 and at most 10", settings.eps));
        }
        within("min_samples", settings.min_samples, 2..=100)?;
        Ok(Self(settings))
    }

    fn describe(&self) -> (&'static str, &'static str) {
        ("Patterns", "How far the sample lies from the patterns of its system type")
    }

    fn inputs(&self) -> Vec<Declared> {
        self.0.metrics.declare()
    }

    fn train(&self, columns: &[Vec<f64>], rows: usize) -> Result<Patterns, String> {
        Patterns::train(&self.0, &self.0.metrics.learn(columns, rows)?, rows)
    }

    fn save(&self, model: &Patterns) -> Vec<u8> {
        model.save(&self.0.metrics)
    }

    fn restore(&self, bytes: &[u8]) -> Result<Patterns, String> {
        Patterns::restore(&self.0.metrics, bytes)
    }

    fn score(&self, model: &Patterns, columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        let mut scaled = Vec::new();
        (0..rows)
            .map(|row| {
                if model.scaled(columns, row, &mut scaled) {
                    calibrate(model.excess(&scaled))
                } else {
                    f64::NAN
                }
            })
            .collect()
    }
}

lapwing_sdk::export_scorer!(PatternScorer);

#[cfg(test)]
mod tests;
