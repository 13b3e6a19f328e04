//! From the configuration and the components to the rules and scorers in force.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde_json::Value;

use super::bind::bind;
use super::config::{self, Config};
use super::rule::{ColumnSource, Rule};
use super::scope::Scopes;
use super::scorer::Scorer;
use crate::history::Plan;
use crate::limits::{COMPONENT_BYTES_MAX, RULES_MAX, SCORERS_MAX};
use crate::model::{DetectionType, Names, Severity, SharedNames};
use crate::sandbox::{Kind, LoadError, Plugin, RuleDescriptor, Sandbox, contract};

/// The default rules, in the order in which they judge, and their `match` where they have the setting: said aloud, so
/// that the choice shows in the evidence.
const DEFAULT_RULES: [(&str, Option<&str>); 5] = [
    ("system_disconnection", None),
    ("performance_degradation", None),
    ("resource_exhaustion", Some("any")),
    ("data_inconsistency", None),
    ("security_anomaly", None),
];
/// The default scorers and their weights.
const DEFAULT_SCORERS: [(&str, f64); 3] = [("isolation_forest", 0.4), ("statistics", 0.3), ("patterns", 0.3)];
/// The plugin of rules that are written as configuration.
const CONDITIONS: &str = "conditions";

/// Everything in force, ready to be instantiated by shards.
pub struct Catalog {
    /// Every component that could be loaded, by name.
    pub plugins: BTreeMap<String, Plugin>,
    /// In the order in which they judge.
    pub rules: Vec<Rule>,
    /// In the order of their columns in the scores.
    pub scorers: Vec<Scorer>,
    /// Rules that are configured and not enabled.
    pub disabled_rules: usize,
    /// The inputs of all of them.
    pub plan: Plan,
    /// The names of metrics.
    pub metrics: SharedNames,
    /// The names of system types.
    pub types: SharedNames,
    /// The configuration that it was made from.
    pub config: Config,
}

/// What to assemble from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The operator's configuration.
    pub config: Config,
    /// Components added with their own defaults, under the names of their files.
    pub added: Vec<PathBuf>,
}

/// A plugin, rule or scorer that cannot be used. The others go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct Refused {
    /// `plugin x`, `rule y`, `scorer z`.
    pub name: String,
    /// Why, and what would be right.
    pub reason: String,
}

impl Catalog {
    /// Loads and configures everything; what cannot be used is told beside it.
    #[must_use]
    pub fn assemble(sandbox: &Sandbox, sources: Sources) -> (Self, Vec<Refused>) {
        let mut catalog = Self {
            plugins: BTreeMap::new(),
            rules: Vec::new(),
            scorers: Vec::new(),
            disabled_rules: 0,
            plan: Plan::default(),
            metrics: SharedNames::new(Names::of_metrics()),
            types: SharedNames::new(Names::new(crate::limits::SYSTEM_TYPES_MAX)),
            config: sources.config,
        };
        let mut refused = Vec::new();
        let added = catalog.load_plugins(sandbox, &sources.added, &mut refused);
        for rule in catalog.rules_wanted(&added) {
            if !rule.enabled.unwrap_or(true) {
                catalog.disabled_rules += 1;
                continue;
            }
            match catalog.rule(&rule) {
                Ok(rule) => catalog.rules.push(rule),
                Err(reason) => refused.push(Refused { name: format!("rule {}", rule.rule_id), reason }),
            }
        }
        for scorer in catalog.scorers_wanted(&added) {
            if scorer.enabled.unwrap_or(true) {
                match catalog.scorer(&scorer) {
                    Ok(scorer) => catalog.scorers.push(scorer),
                    Err(reason) => {
                        refused.push(Refused { name: format!("scorer {}", scorer.scorer_id), reason });
                    }
                }
            }
        }
        (catalog, refused)
    }

    /// Loads the bundled components, the configured ones and the added ones; returns the names of the last.
    fn load_plugins(
        &mut self,
        sandbox: &Sandbox,
        files: &[PathBuf],
        refused: &mut Vec<Refused>,
    ) -> Vec<String> {
        for (name, bytes) in lapwing_bundle::COMPONENTS {
            self.keep(name, sandbox.load(name, bytes).map_err(|error| error.to_string()), refused);
        }
        let configured: Vec<(String, PathBuf)> =
            self.config.plugins.iter().map(|(name, plugin)| (name.clone(), plugin.file.clone())).collect();
        let added = files.iter().map(|file| (plugin_name(file), file.clone()));
        let mut names = Vec::new();
        for (place, (name, file)) in configured.iter().cloned().chain(added).enumerate() {
            if self.plugins.contains_key(&name) {
                let reason =
                    "has the name of a plugin that is already loaded; give its file another one".to_owned();
                refused.push(Refused { name: format!("plugin {name}"), reason });
            } else if self.keep(&name, load_file(sandbox, &name, &file), refused) && place >= configured.len()
            {
                names.push(name);
            }
        }
        names
    }

    fn keep(&mut self, name: &str, loaded: Result<Plugin, String>, refused: &mut Vec<Refused>) -> bool {
        match loaded {
            Ok(plugin) => {
                self.plugins.insert(name.to_owned(), plugin);
                true
            }
            Err(reason) => {
                refused.push(Refused { name: format!("plugin {name}"), reason });
                false
            }
        }
    }

    /// The default rules with the operator's changes, the operator's own, and those of added components.
    fn rules_wanted(&self, added: &[String]) -> Vec<config::Rule> {
        let configured = &self.config.rules;
        let by_id = |id: &str| configured.iter().find(|rule| rule.rule_id == id);
        let default = |id: &str| config::Rule { rule_id: id.to_owned(), ..config::Rule::default() };
        let defaults = DEFAULT_RULES.iter().map(|&(id, join)| {
            let rule = by_id(id).cloned().unwrap_or_else(|| default(id));
            let is_another = rule.plugin.is_some() || rule.conditions.is_some();
            let is_chosen = is_another || rule.join.is_some() || rule.settings.contains_key("match");
            let join = if is_chosen { rule.join } else { join.map(str::to_owned) };
            config::Rule { join, ..rule }
        });
        let is_default = |id: &str| DEFAULT_RULES.iter().any(|(default, _)| *default == id);
        let own = configured.iter().filter(|rule| !is_default(&rule.rule_id)).cloned();
        let added = added.iter().filter(|name| self.kind(name) == Some(Kind::Rule) && by_id(name).is_none());
        defaults.chain(own).chain(added.map(|name| default(name))).collect()
    }

    fn scorers_wanted(&self, added: &[String]) -> Vec<config::Scorer> {
        let configured = &self.config.scorers;
        let by_id = |id: &str| configured.iter().find(|scorer| scorer.scorer_id == id);
        let default = |id: &str| config::Scorer { scorer_id: id.to_owned(), ..config::Scorer::default() };
        let defaults = DEFAULT_SCORERS.iter().map(|&(id, weight)| {
            let scorer = by_id(id).cloned().unwrap_or_else(|| default(id));
            config::Scorer { weight: Some(scorer.weight.unwrap_or(weight)), ..scorer }
        });
        let is_default = |id: &str| DEFAULT_SCORERS.iter().any(|(default, _)| *default == id);
        let own = configured.iter().filter(|scorer| !is_default(&scorer.scorer_id)).cloned();
        let added =
            added.iter().filter(|name| self.kind(name) == Some(Kind::Scorer) && by_id(name).is_none());
        defaults.chain(own).chain(added.map(|name| default(name))).collect()
    }

    fn kind(&self, plugin: &str) -> Option<Kind> {
        self.plugins.get(plugin).map(|plugin| plugin.kind)
    }

    fn plugin(&self, name: &str) -> Result<&Plugin, String> {
        self.plugins.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.plugins.keys().map(String::as_str).collect();
            format!("needs plugin {name}, which is not there; there are {}", known.join(", "))
        })
    }

    fn rule(&mut self, rule: &config::Rule) -> Result<Rule, String> {
        if self.rules.len() == RULES_MAX {
            return Err(format!("is one too many: {RULES_MAX} rules are allowed"));
        }
        if self.rules.iter().any(|known| *known.rule_id == *rule.rule_id) {
            return Err("is there twice; rule ids are unique".to_owned());
        }
        let default_plugin = if rule.conditions.is_some() { CONDITIONS } else { &rule.rule_id };
        let plugin = self.plugin(rule.plugin.as_deref().unwrap_or(default_plugin))?.clone();
        let settings = rule_settings(rule)?;
        let (_, descriptor) =
            plugin.rule(&settings.to_string()).map_err(|error| plugin_error(&plugin, &error))?;
        let kept = self.config.history.max_data_points;
        let RuleDescriptor { inputs, parameters, name, description, detection_type, severity, .. } =
            descriptor;
        let scopes = Scopes::new(rule, &parameters, &self.types)?;
        let columns = bind(&inputs, &parameters, kept, &self.metrics, &mut self.plan)?;
        let (window_s, min_occurrences) = (descriptor.window_s, descriptor.min_occurrences);
        Ok(Rule {
            rule_id: rule.rule_id.as_str().into(),
            name: rule.name.clone().unwrap_or(name),
            description: rule.description.clone().unwrap_or(description),
            detection_type: rule.detection_type.unwrap_or_else(|| model_type(detection_type)),
            severity: rule.severity.unwrap_or_else(|| model_severity(severity)),
            window_s: f64::from(rule.window_size.unwrap_or(window_s)),
            min_occurrences: rule.min_occurrences.unwrap_or(min_occurrences),
            actions: rule.actions.clone().unwrap_or(descriptor.actions),
            plugin,
            settings,
            inputs,
            columns,
            scopes,
        })
    }

    fn scorer(&mut self, scorer: &config::Scorer) -> Result<Scorer, String> {
        if self.scorers.len() == SCORERS_MAX {
            return Err(format!("is one too many: {SCORERS_MAX} scorers are allowed"));
        }
        if self.scorers.iter().any(|known| *known.scorer_id == *scorer.scorer_id) {
            return Err("is there twice; scorer ids are unique".to_owned());
        }
        let plugin = self.plugin(scorer.plugin.as_deref().unwrap_or(&scorer.scorer_id))?.clone();
        let settings = json(&scorer.settings)?;
        let (_, descriptor) =
            plugin.scorer(&settings.to_string()).map_err(|error| plugin_error(&plugin, &error))?;
        let kept = self.config.history.max_data_points;
        let columns = bind(&descriptor.inputs, &[], kept, &self.metrics, &mut self.plan)?;
        let plan_column = |source: &ColumnSource| match source {
            ColumnSource::Plan(column) => Some(*column),
            ColumnSource::Parameter(_) => None,
        };
        Ok(Scorer {
            scorer_id: scorer.scorer_id.as_str().into(),
            weight: scorer.weight.unwrap_or(0.0),
            plugin,
            settings,
            columns: columns.iter().filter_map(plan_column).collect(),
        })
    }

    /// The columns of the plan that scorers read, each once: what a training set keeps.
    #[must_use]
    pub fn features(&self) -> Vec<usize> {
        let mut seen = HashSet::new();
        self.scorers
            .iter()
            .flat_map(|scorer| &scorer.columns)
            .copied()
            .filter(|column| seen.insert(*column))
            .collect()
    }
}

/// A component's file, with its size looked at before it is read.
fn load_file(sandbox: &Sandbox, name: &str, file: &PathBuf) -> Result<Plugin, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read from {}: {error}", file.display());
    let bytes = std::fs::metadata(file).map_err(unreadable)?.len();
    if bytes > COMPONENT_BYTES_MAX {
        return Err(LoadError::TooLarge { bytes, limit: COMPONENT_BYTES_MAX }.to_string());
    }
    let component = std::fs::read(file).map_err(unreadable)?;
    sandbox.load(name, &component).map_err(|error| error.to_string())
}

/// The name of a component that comes as a file: the file's, without its ending.
fn plugin_name(file: &std::path::Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_")
}

/// The settings that the plugin sees: its own, with the rule's `conditions` and `match` among them.
fn rule_settings(rule: &config::Rule) -> Result<Value, String> {
    let mut settings = rule.settings.clone();
    if let Some(conditions) = &rule.conditions {
        settings.insert("conditions".to_owned(), conditions.clone().into());
    }
    if let Some(join) = &rule.join {
        settings.insert("match".to_owned(), join.clone().into());
    }
    json(&settings)
}

fn json(settings: &toml::Table) -> Result<Value, String> {
    serde_json::to_value(settings).map_err(|error| format!("has settings that JSON cannot carry: {error}"))
}

fn plugin_error(plugin: &Plugin, error: &LoadError) -> String {
    format!("cannot use plugin {}, which {error}", plugin.name)
}

fn model_type(detection_type: contract::DetectionType) -> DetectionType {
    match detection_type {
        contract::DetectionType::Disconnection => DetectionType::Disconnection,
        contract::DetectionType::PerformanceDegradation => DetectionType::PerformanceDegradation,
        contract::DetectionType::DataInconsistency => DetectionType::DataInconsistency,
        contract::DetectionType::SecurityAnomaly => DetectionType::SecurityAnomaly,
        contract::DetectionType::ResourceExhaustion => DetectionType::ResourceExhaustion,
        contract::DetectionType::ConfigurationDrift => DetectionType::ConfigurationDrift,
        contract::DetectionType::DependencyFailure => DetectionType::DependencyFailure,
    }
}

fn model_severity(severity: contract::Severity) -> Severity {
    match severity {
        contract::Severity::Low => Severity::Low,
        contract::Severity::Medium => Severity::Medium,
        contract::Severity::High => Severity::High,
        contract::Severity::Critical => Severity::Critical,
    }
}
