//! From the configuration and the components to the rules and scorers in force.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::action::{self, Action};
use super::bind::bind;
use super::config::{self, Config};
use super::rule::{ColumnSource, Rule};
use super::scope::Scopes;
use super::scorer::Scorer;
use crate::alerts::Plan as AlertPlan;
use crate::heartbeat::Agreements;
use crate::history::Plan;
use crate::limits::{COMPONENT_BYTES_MAX, RULES_MAX, SCORERS_MAX};
use crate::model::{DetectionType, IdHasher, MetricId, Severity, SharedNames, TypeId, Vocabulary};
use crate::outside::{Means, NoHistory};
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
    /// Every component that may be used, by name.
    pub plugins: BTreeMap<String, Plugin>,
    /// In the order in which they judge.
    pub rules: Vec<Arc<Rule>>,
    /// In the order of their columns in the scores.
    pub scorers: Vec<Arc<Scorer>>,
    /// What can be done about detections, by id.
    pub actions: BTreeMap<String, Arc<Action>>,
    /// Who is told.
    pub alerts: Arc<AlertPlan>,
    /// Rules that are wanted and not enabled.
    pub disabled_rules: Vec<config::Rule>,
    /// The inputs of all of them.
    pub plan: Plan,
    /// What is agreed about the silence of systems.
    pub agreements: Arc<Agreements>,
    /// The names of metrics.
    pub metrics: SharedNames,
    /// The names of system types.
    pub types: SharedNames,
    /// Hashes system ids.
    pub ids: IdHasher,
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

/// What to compose from, once the components are loaded.
pub struct Parts<'a> {
    /// What the operator wants.
    pub config: Config,
    /// The components, by the names that rules and scorers refer to.
    pub plugins: BTreeMap<String, Plugin>,
    /// Plugins that judge under their own names although nobody configured a rule or scorer for them.
    pub implied: &'a [String],
    /// What actions reach the outside with.
    pub means: Arc<Means>,
    /// Versions of plugins that run as shadows.
    pub shadows: BTreeMap<String, Plugin>,
    /// The names that are known already.
    pub vocabulary: Vocabulary,
    /// What is in force now: its columns keep their places, and what has not changed is taken over.
    pub before: Option<&'a Catalog>,
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
        let mut refused = Vec::new();
        let mut plugins = BTreeMap::new();
        let Sources { config, added } = sources;
        let implied = load_plugins(sandbox, &config, &added, &mut plugins, &mut refused);
        let (means, problems) = Means::new(&config.secrets, config.mail.as_ref(), Arc::new(NoHistory));
        let name = || "configuration".to_owned();
        refused.extend(problems.into_iter().map(|reason| Refused { name: name(), reason }));
        let parts = Parts {
            config,
            plugins,
            implied: &implied,
            means: Arc::new(means),
            shadows: BTreeMap::new(),
            vocabulary: Vocabulary::default(),
            before: None,
        };
        let (catalog, refused_rules) = Self::compose(parts);
        refused.extend(refused_rules);
        (catalog, refused)
    }

    /// What is agreed about silence, with types by their numbers.
    fn agreed(&self) -> Result<Agreements, String> {
        let settings = &self.config.heartbeat;
        let number =
            |name: &String| self.types.number(name).map(TypeId).map_err(|full| format!("{name}: {full}"));
        let types = settings.types.iter().map(|(name, agreed)| Ok::<_, String>((number(name)?, *agreed)));
        let types = types.collect::<Result<_, _>>()?;
        let presence = &self.config.presence;
        let goodbye = Some(presence.goodbye.as_str()).filter(|name| !name.is_empty());
        let goodbye =
            goodbye.map(|name| self.metrics.number(name).map(MetricId).map_err(|full| full.to_string()));
        let mut agreements = Agreements::new(settings.everybody(), types, settings.systems.clone());
        agreements.goodbye = goodbye.transpose()?;
        agreements.overdue_s = presence.overdue_s;
        agreements.startup_s = presence.startup_s;
        let label = |name: &String| {
            let number = self.metrics.number(name).map_err(|full| full.to_string())?;
            Ok::<_, String>((MetricId(number), name.as_str().into()))
        };
        agreements.labels = self.config.groups.labels.iter().map(label).collect::<Result<_, _>>()?;
        Ok(agreements)
    }

    /// Configures every rule and scorer; what cannot be used is told beside it.
    #[must_use]
    pub fn compose(parts: Parts<'_>) -> (Self, Vec<Refused>) {
        let Parts { config, plugins, implied, means, shadows, vocabulary, before } = parts;
        let Vocabulary { metrics, types, ids } = vocabulary;
        let mut catalog = Self {
            plugins,
            rules: Vec::new(),
            scorers: Vec::new(),
            actions: BTreeMap::new(),
            alerts: action::nobody(),
            disabled_rules: Vec::new(),
            plan: before.map(|before| before.plan.clone()).unwrap_or_default(),
            agreements: Arc::default(),
            metrics,
            types,
            ids,
            config,
        };
        let mut refused = Vec::new();
        match catalog.agreed() {
            Ok(agreements) => catalog.agreements = Arc::new(agreements),
            Err(reason) => refused.push(Refused { name: "heartbeat".to_owned(), reason }),
        }
        for wanted in action::wanted(&catalog.config, &catalog.plugins, implied) {
            let id = wanted.action_id.clone();
            match catalog.action_or_same(&wanted, &means, before) {
                Ok(action) => drop(catalog.actions.insert(id, action)),
                Err(reason) => refused.push(Refused { name: format!("action {id}"), reason }),
            }
        }
        match action::alert_plan(&catalog.config, &catalog.actions) {
            Ok(plan) => catalog.alerts = plan,
            Err(problems) => {
                let name = || "alerts".to_owned();
                refused.extend(problems.into_iter().map(|reason| Refused { name: name(), reason }));
            }
        }
        for wanted in catalog.rules_wanted(implied) {
            if !wanted.enabled.unwrap_or(true) {
                catalog.disabled_rules.push(wanted);
                continue;
            }
            match catalog.rule_or_same(&wanted, &shadows, before) {
                Ok(rule) => catalog.rules.push(rule),
                Err(reason) => refused.push(Refused { name: format!("rule {}", wanted.rule_id), reason }),
            }
        }
        for wanted in catalog.scorers_wanted(implied) {
            if wanted.enabled.unwrap_or(true) {
                match catalog.scorer_or_same(&wanted, before) {
                    Ok(scorer) => catalog.scorers.push(scorer),
                    Err(reason) => {
                        refused.push(Refused { name: format!("scorer {}", wanted.scorer_id), reason });
                    }
                }
            }
        }
        (catalog, refused)
    }

    /// The names known so far.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        Vocabulary { metrics: self.metrics.clone(), types: self.types.clone(), ids: self.ids.clone() }
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

    /// The rule in force if nothing about it has changed, else a new one.
    fn rule_or_same(
        &mut self,
        wanted: &config::Rule,
        shadows: &BTreeMap<String, Plugin>,
        before: Option<&Self>,
    ) -> Result<Arc<Rule>, String> {
        let plugin = self.plugin(plugin_of(wanted))?.clone();
        let shadow = shadows.get(plugin_of(wanted));
        let digest = |plugin: &Plugin| Arc::clone(&plugin.digest);
        let same = |rule: &&Arc<Rule>| {
            rule.wanted == *wanted
                && rule.plugin.digest == plugin.digest
                && rule.shadow.as_ref().map(|shadow| digest(&shadow.plugin)) == shadow.map(digest)
        };
        let is_new = |rules: &[Arc<Rule>]| rules.iter().all(|known| *known.rule_id != *wanted.rule_id);
        if let Some(rule) = before.and_then(|before| before.rules.iter().find(same))
            && is_new(&self.rules)
        {
            return Ok(Arc::clone(rule));
        }
        let mut rule = self.rule(wanted, plugin)?;
        if let Some(shadow) = shadow {
            let shadow =
                self.rule(wanted, shadow.clone()).map_err(|reason| format!("its shadow {reason}"))?;
            rule.shadow = Some(Arc::new(shadow));
        }
        Ok(Arc::new(rule))
    }

    fn action_or_same(
        &self,
        wanted: &config::Action,
        means: &Arc<Means>,
        before: Option<&Self>,
    ) -> Result<Arc<Action>, String> {
        let plugin = self.plugins.get(wanted.plugin.as_ref().unwrap_or(&wanted.action_id));
        let known = before.and_then(|before| before.actions.get(&wanted.action_id));
        let is_same = |known: &&Arc<Action>| {
            known.wanted == *wanted && plugin.is_some_and(|plugin| plugin.digest == known.plugin.digest)
        };
        match known.filter(is_same) {
            Some(action) => Ok(Arc::clone(action)),
            None => action::configure(wanted, &self.plugins, means).map(Arc::new),
        }
    }

    fn scorer_or_same(
        &mut self,
        wanted: &config::Scorer,
        before: Option<&Self>,
    ) -> Result<Arc<Scorer>, String> {
        let digest = self.plugin(scorer_plugin(wanted))?.digest.clone();
        let same = |scorer: &&Arc<Scorer>| scorer.wanted == *wanted && scorer.plugin.digest == digest;
        match before.and_then(|before| before.scorers.iter().find(same)) {
            Some(scorer) if self.scorers.iter().all(|known| *known.scorer_id != *wanted.scorer_id) => {
                Ok(Arc::clone(scorer))
            }
            _ => self.scorer(wanted).map(Arc::new),
        }
    }

    fn rule(&mut self, rule: &config::Rule, plugin: Plugin) -> Result<Rule, String> {
        if self.rules.len() == RULES_MAX {
            return Err(format!("is one too many: {RULES_MAX} rules are allowed"));
        }
        if self.rules.iter().any(|known| *known.rule_id == *rule.rule_id) {
            return Err("is there twice; rule ids are unique".to_owned());
        }
        let settings = rule_settings(rule)?;
        let (instance, descriptor) =
            plugin.rule(&settings.to_string()).map_err(|error| plugin_error(&plugin, &error))?;
        let mut ready = vec![instance];
        for _ in 1..self.config.pipeline.shards {
            let made = plugin.rule(&settings.to_string());
            ready.push(made.map_err(|error| plugin_error(&plugin, &error))?.0);
        }
        let actions = rule.actions.clone().unwrap_or(descriptor.actions.clone());
        if let Some(unknown) = actions.iter().find(|action| !self.actions.contains_key(*action)) {
            let known: Vec<&str> = self.actions.keys().map(String::as_str).collect();
            return Err(format!("actions: found {unknown:?}, expected some of {}", known.join(", ")));
        }
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
            actions,
            plugin,
            settings,
            inputs,
            columns,
            parameters,
            scopes,
            shadow: None,
            wanted: rule.clone(),
            ready: Mutex::new(ready),
        })
    }

    fn scorer(&mut self, scorer: &config::Scorer) -> Result<Scorer, String> {
        if self.scorers.len() == SCORERS_MAX {
            return Err(format!("is one too many: {SCORERS_MAX} scorers are allowed"));
        }
        if self.scorers.iter().any(|known| *known.scorer_id == *scorer.scorer_id) {
            return Err("is there twice; scorer ids are unique".to_owned());
        }
        let plugin = self.plugin(scorer_plugin(scorer))?.clone();
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
            wanted: scorer.clone(),
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

/// Which plugin judges for a rule.
#[must_use]
pub fn plugin_of(rule: &config::Rule) -> &str {
    let default = if rule.conditions.is_some() { CONDITIONS } else { &rule.rule_id };
    rule.plugin.as_deref().unwrap_or(default)
}

fn scorer_plugin(scorer: &config::Scorer) -> &str {
    scorer.plugin.as_deref().unwrap_or(&scorer.scorer_id)
}

/// Loads the bundled components, the configured ones and the added ones; returns the names of the last.
fn load_plugins(
    sandbox: &Sandbox,
    config: &Config,
    files: &[PathBuf],
    plugins: &mut BTreeMap<String, Plugin>,
    refused: &mut Vec<Refused>,
) -> Vec<String> {
    let mut keep = |name: &str, loaded: Result<Plugin, String>| match loaded {
        Ok(_) if plugins.contains_key(name) => {
            let reason =
                "has the name of a plugin that is already loaded; give its file another one".to_owned();
            refused.push(Refused { name: format!("plugin {name}"), reason });
            false
        }
        Ok(plugin) => {
            plugins.insert(name.to_owned(), plugin);
            true
        }
        Err(reason) => {
            refused.push(Refused { name: format!("plugin {name}"), reason });
            false
        }
    };
    for (name, bytes) in lapwing_bundle::COMPONENTS {
        keep(name, sandbox.load(name, bytes).map_err(|error| error.to_string()));
    }
    for (name, plugin) in &config.plugins {
        keep(name, load_file(sandbox, name, &plugin.file));
    }
    let named = files.iter().map(|file| (plugin_name(file), file));
    named.filter(|(name, file)| keep(name, load_file(sandbox, name, file))).map(|(name, _)| name).collect()
}

/// Loads a component's file, with its size looked at before it is read.
///
/// # Errors
/// It cannot be read or is not a plugin, in words.
pub fn load_file(sandbox: &Sandbox, name: &str, file: &Path) -> Result<Plugin, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read from {}: {error}", file.display());
    let bytes = std::fs::metadata(file).map_err(unreadable)?.len();
    if bytes > COMPONENT_BYTES_MAX {
        return Err(LoadError::TooLarge { bytes, limit: COMPONENT_BYTES_MAX }.to_string());
    }
    let component = std::fs::read(file).map_err(unreadable)?;
    sandbox.load(name, &component).map_err(|error| error.to_string())
}

/// The name of a component that comes as a file: the file's, without its ending.
#[must_use]
pub fn plugin_name(file: &Path) -> String {
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
