//! A scorer in force.

use std::sync::Arc;

use serde_json::Value;

use super::config;
use crate::sandbox::{LoadError, Plugin, ScorerInstance};

/// A scorer in force: a plugin, its settings and its weight.
pub struct Scorer {
    /// Names the scorer.
    pub scorer_id: Arc<str>,
    /// Its weight in the combined score.
    pub weight: f64,
    /// Who scores.
    pub plugin: Plugin,
    /// The plugin's own settings, a JSON object.
    pub settings: Value,
    /// The columns of the plan that it reads.
    pub columns: Vec<usize>,
    /// What the operator asked for.
    pub wanted: config::Scorer,
}

impl Scorer {
    /// A new instance, without a model.
    ///
    /// # Errors
    /// The component no longer starts.
    pub fn instance(&self) -> Result<ScorerInstance, LoadError> {
        self.plugin.scorer(&self.settings.to_string()).map(|(instance, _)| instance)
    }
}
