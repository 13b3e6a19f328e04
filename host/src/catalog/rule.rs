//! A rule in force: a plugin, its settings, and what the operator overrode.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::config;
use super::scope::Scopes;
use crate::model::{DetectionType, Severity};
use crate::sandbox::contract::{Input, Parameter};
use crate::sandbox::{LoadError, Plugin, RuleInstance};

/// A rule in force.
pub struct Rule {
    /// Names the rule.
    pub rule_id: Arc<str>,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// What kind of trouble a match means.
    pub detection_type: DetectionType,
    /// How bad it is.
    pub severity: Severity,
    /// A detection opens when `min_occurrences` rows matched within so many seconds.
    pub window_s: f64,
    /// From 1.
    pub min_occurrences: u32,
    /// Actions owed when a detection opens.
    pub actions: Vec<String>,
    /// Who judges.
    pub plugin: Plugin,
    /// The plugin's own settings, a JSON object.
    pub settings: Value,
    /// The inputs as declared, for words in the evidence.
    pub inputs: Vec<Input>,
    /// Where each declared input comes from.
    pub columns: Vec<ColumnSource>,
    /// The parameters as declared.
    pub parameters: Vec<Parameter>,
    /// Which systems it applies to, with which parameters.
    pub scopes: Scopes,
    /// Another version of the plugin that is shown the same rows and acts on nothing.
    pub shadow: Option<Arc<Self>>,
    /// What the operator asked for.
    pub wanted: config::Rule,
    /// Instances made beforehand, so that a shard that takes the rule up need not wait for them.
    pub(super) ready: Mutex<Vec<RuleInstance>>,
}

/// Where a column of a rule comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnSource {
    /// A column of the shared plan.
    Plan(usize),
    /// A parameter, by its place among the rule's.
    Parameter(usize),
}

impl Rule {
    /// An instance for one shard: one made beforehand while there are any.
    ///
    /// # Errors
    /// The component no longer starts.
    pub fn instance(&self) -> Result<RuleInstance, LoadError> {
        if let Some(instance) = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(instance);
        }
        self.plugin.rule(&self.settings.to_string()).map(|(instance, _)| instance)
    }
}
