//! How far a row lies from the usual values of its metrics: z-scores and interquartile ranges.

mod model;

use lapwing_sdk::features::{METRICS_MAX, Metrics, within};
use lapwing_sdk::input::Declared;
use lapwing_sdk::{Scorer, calibrate};
use serde::Deserialize;

pub use model::Usual;

/// The plugin's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What to read.
    pub metrics: Metrics,
    /// The z-score at the limit (a score of 0.5), above 0 and up to 100.
    pub z_score_threshold: f64,
    /// How many interquartile ranges beyond a quartile the limit lies (Tukey's fence), above 0 and up to 100.
    pub iqr_multiplier: f64,
    /// How many metrics, the most deviant ones, make up the score, 1 to 64.
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
    type Model = Vec<Usual>;

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
        ("Statistics", "How far the sample's most deviant metrics lie from those of its system type")
    }

    fn inputs(&self) -> Vec<Declared> {
        self.0.metrics.declare()
    }

    fn train(&self, columns: &[Vec<f64>], rows: usize) -> Result<Vec<Usual>, String> {
        let features = self.0.metrics.learn(columns, rows)?;
        Ok(features.into_iter().map(Usual::of).collect())
    }

    fn save(&self, model: &Vec<Usual>) -> Vec<u8> {
        model::save(&self.0.metrics, model)
    }

    fn restore(&self, bytes: &[u8]) -> Result<Vec<Usual>, String> {
        model::restore(&self.0.metrics, bytes)
    }

    fn score(&self, model: &Vec<Usual>, columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        let mut excesses = Vec::with_capacity(model.len());
        (0..rows)
            .map(|row| {
                excesses.clear();
                excesses.extend(model.iter().filter_map(|usual| {
                    let value = columns.get(usual.column)?.get(row).copied().filter(|value| value.is_finite())?;
                    Some(usual.excess(value, self.0.z_score_threshold, self.0.iqr_multiplier))
                }));
                if 2 * excesses.len() < model.len() {
                    return f64::NAN;
                }
                calibrate(root_mean_square_of_largest(&mut excesses, self.0.top))
            })
            .collect()
    }
}

/// The root mean square of the `top` largest values. Of server metrics, trouble moves a handful and not all: the mean of
/// all would drown it, and the largest alone would follow every single noisy metric.
fn root_mean_square_of_largest(values: &mut [f64], top: usize) -> f64 {
    let top = top.min(values.len());
    if top == 0 {
        return f64::NAN;
    }
    if top < values.len() {
        values.select_nth_unstable_by(top - 1, |a, b| b.total_cmp(a));
    }
    let squares: f64 = values[..top].iter().map(|value| value * value).sum();
    (squares / top as f64).sqrt()
}

lapwing_sdk::export_scorer!(Statistics);

#[cfg(test)]
mod tests;
