//! The configuration file: TOML, every key optional, every unknown key refused by name.

mod acting;
mod heartbeat;
mod probing;
mod running;
mod server;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use acting::Action;
pub use heartbeat::{HeartbeatSettings, Presence};
pub use probing::Probe;
pub use running::{Access, Components, Retention, Store};
pub use server::{ServerSettings, TlsFiles};

use crate::alerts::AlertsConfig;
use crate::limits::{BATCH_ROWS_MAX, OCCURRENCES_MAX, SHARDS_MAX, WINDOW_S_MAX};
use crate::model::{DetectionType, Severity};
use crate::observer::ObserverConfig;
use crate::outside::{MailSettings, SecretSource};
use crate::vanished::GroupsConfig;

/// What an operator may set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How samples are taken in.
    pub input: Input,
    /// What is kept of each system.
    pub history: History,
    /// How the work is divided.
    pub pipeline: Pipeline,
    /// What is agreed about silence.
    pub heartbeat: HeartbeatSettings,
    /// Which silences are meant.
    pub presence: Presence,
    /// When systems that are gone together are one detection.
    pub groups: GroupsConfig,
    /// Where it knocks when a system is silent.
    pub probes: Vec<Probe>,
    /// When the host believes that it sees.
    pub observer: ObserverConfig,
    /// When detections reopen.
    pub detections: Detections,
    /// How models are trained.
    pub training: Training,
    /// Components beside the bundled ones, by the name that rules and scorers refer to.
    pub plugins: BTreeMap<String, PluginFile>,
    /// Rules, added to the default ones or, where the `rule_id` is that of one, changing it.
    pub rules: Vec<Rule>,
    /// Scorers, likewise.
    pub scorers: Vec<Scorer>,
    /// What can be done about detections.
    pub actions: Vec<Action>,
    /// Secrets that actions may be granted, by the names under which they are.
    pub secrets: BTreeMap<String, SecretSource>,
    /// The server that sends mail for actions.
    pub mail: Option<MailSettings>,
    /// Who is told, when, and why not.
    pub alerts: AlertsConfig,
    /// How it serves.
    pub server: ServerSettings,
    /// What survives.
    pub store: Store,
    /// How long what is over is kept.
    pub retention: Retention,
    /// Who may do what.
    pub access: Access,
    /// Where plugins come from, and whose are trusted.
    pub components: Components,
}

/// `[input]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Input {
    /// How much older than its system's newest sample a sample may be and still be judged, in seconds. 0..=86400.
    pub lateness_s: f64,
    /// How far ahead of its arrival a sample's time may be before the row is refused, in seconds. 0..=31536000.
    pub future_s: f64,
    /// How far ahead it may be and still be believed; beyond, the arrival counts as its time. 0..=86400.
    pub clock_ahead_s: f64,
}

impl Default for Input {
    fn default() -> Self {
        Self { lateness_s: 300.0, future_s: 86_400.0, clock_ahead_s: 10.0 }
    }
}

/// `[history]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// Samples kept of each system. 20..=100000.
    pub max_data_points: usize,
}

impl Default for History {
    fn default() -> Self {
        Self { max_data_points: 1000 }
    }
}

/// `[pipeline]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pipeline {
    /// Threads among which the systems are divided. 1..=64.
    pub shards: usize,
    /// Rows that are judged together. 1..=65536.
    pub batch_rows: usize,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self { shards: 1, batch_rows: 1024 }
    }
}

/// `[detections]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detections {
    /// A trouble that returns within so many seconds of its resolution reopens its detection. 0..=604800.
    pub reopen_within_s: f64,
    /// A detection that a person resolved, and that samples still show so many seconds later, is open again. 0..=604800.
    pub still_there_s: f64,
}

impl Default for Detections {
    fn default() -> Self {
        Self { reopen_within_s: 300.0, still_there_s: 300.0 }
    }
}

/// `[training]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Rows of a system type from which a model is first trained. 100..=100000.
    pub min_samples: usize,
    /// Rows that a training set holds, the newest ones. 100..=100000.
    pub max_training_samples: usize,
    /// New rows of the training set after which a model is refreshed, unless half of the set is more. 1..=100000.
    pub refresh_every: usize,
    /// Samples of a type that the training set speaks for: once more have been seen than it holds, an even share of
    /// them is taken in. 10..=1000000000.
    pub horizon_samples: u64,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            min_samples: 100,
            max_training_samples: 10_000,
            refresh_every: 100,
            horizon_samples: 1_000_000,
        }
    }
}

/// `[plugins.NAME]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginFile {
    /// The component; a relative path starts at the configuration file's folder.
    pub file: PathBuf,
}

/// `[[rules]]`: a plugin and its settings. What is not given is the plugin's own default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Names the rule. Required.
    pub rule_id: String,
    /// Which plugin judges; `conditions` if there are any, else the plugin of the rule's name.
    pub plugin: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// What kind of trouble a match means.
    pub detection_type: Option<DetectionType>,
    /// How bad it is.
    pub severity: Option<Severity>,
    /// Whether the rule is in force; true unless said otherwise.
    pub enabled: Option<bool>,
    /// The rule's main parameter.
    pub threshold: Option<f64>,
    /// In seconds. 1..=604800.
    pub window_size: Option<u32>,
    /// Matches within the window that open a detection. 1..=1000.
    pub min_occurrences: Option<u32>,
    /// Actions owed when a detection opens.
    pub actions: Option<Vec<String>>,
    /// The types that the rule applies to; with neither these nor ids, it applies to every system.
    pub system_types: Vec<String>,
    /// The systems that the rule applies to.
    pub system_ids: Vec<String>,
    /// For the `conditions` plugin: metric to what is asked of it.
    pub conditions: Option<toml::Table>,
    /// `"any"` or `"all"`, for plugins that have the setting.
    #[serde(rename = "match")]
    pub join: Option<String>,
    /// The plugin's own settings.
    pub settings: toml::Table,
    /// Values of the rule's other parameters.
    pub parameters: BTreeMap<String, f64>,
    /// Parameters of chosen types or systems.
    pub overrides: Vec<Override>,
}

/// `[[rules.overrides]]`: parameters for one system type or one system; a system's win over its type's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Override {
    /// For every system of this type.
    pub system_type: Option<String>,
    /// For this system.
    pub system_id: Option<String>,
    /// The rule's main parameter.
    pub threshold: Option<f64>,
    /// Its other parameters.
    pub parameters: BTreeMap<String, f64>,
}

/// `[[scorers]]`: a plugin and its settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scorer {
    /// Names the scorer. Required.
    pub scorer_id: String,
    /// Which plugin scores; the one of the scorer's name unless said otherwise.
    pub plugin: Option<String>,
    /// Whether the scorer is in force; true unless said otherwise.
    pub enabled: Option<bool>,
    /// Its weight in the combined score, 0 and up; 0 for an added scorer unless said otherwise.
    pub weight: Option<f64>,
    /// The plugin's own settings.
    pub settings: toml::Table,
}

/// What errors call the variables that override the file.
const ENVIRONMENT: &str = "the environment (LAPWING__SECTION__KEY)";

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file} cannot be read")]
    Read {
        /// Which file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML, or has a key that does not exist or is of the wrong type.
    #[error("{file}: {message}")]
    Syntax {
        /// Which file.
        file: String,
        /// Where, what, and what would be right.
        message: String,
    },
    /// Values that are not allowed, all of them.
    #[error("{file}: {}", .problems.join("; "))]
    Values {
        /// Which file.
        file: String,
        /// A sentence for each.
        problems: Vec<String>,
    },
}

impl Config {
    /// Reads and validates a file.
    ///
    /// # Errors
    /// It cannot be read, is not TOML, or says something that is not allowed; the message names the key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { file: file.clone(), source })?;
        let syntax =
            |error: toml::de::Error| ConfigError::Syntax { file: file.clone(), message: error.to_string() };
        // The file alone first: its errors have lines.
        toml::from_str::<Self>(&text).map_err(syntax)?;
        let mut config = Self::overridden(toml::from_str(&text).map_err(syntax)?, std::env::vars())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for plugin in config.plugins.values_mut() {
            plugin.file = folder.join(&plugin.file);
        }
        let tls = config.server.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        let jwks = config.access.jwt.iter_mut().map(|jwt| &mut jwt.jwks_file);
        for path in config.components.folder.iter_mut().chain(tls).chain(jwks) {
            *path = folder.join(&*path);
        }
        for path in config.secret_files() {
            *path = folder.join(&*path);
        }
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Values { file, problems }) }
    }

    /// The defaults, with what the environment overrides.
    ///
    /// # Errors
    /// A variable names no key, or says something that is not allowed.
    pub fn from_environment() -> Result<Self, ConfigError> {
        let config = Self::overridden(toml::Table::new(), std::env::vars())?;
        let problems = config.problems();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Values { file: ENVIRONMENT.to_owned(), problems })
        }
    }

    /// `LAPWING__SECTION__KEY=value` stands in for `key = value` in `[section]`.
    fn overridden(
        mut table: toml::Table,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let error = |message: String| ConfigError::Syntax { file: ENVIRONMENT.to_owned(), message };
        for (name, text) in variables {
            let Some(path) = name.strip_prefix("LAPWING__") else { continue };
            let keys: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
            let Some((key, sections)) = keys.split_last() else { continue };
            let mut section = &mut table;
            for name in sections {
                let entry = section.entry(name.clone()).or_insert_with(|| toml::Table::new().into());
                section =
                    entry.as_table_mut().ok_or_else(|| error(format!("{path}: {name} is no section")))?;
            }
            // A number, a list, true; or, if it is none of these, a text.
            let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"));
            let value = parsed.ok().and_then(|mut table| table.remove("value"));
            section.insert(key.clone(), value.unwrap_or(toml::Value::String(text)));
        }
        table.try_into().map_err(|wrong: toml::de::Error| error(wrong.message().to_owned()))
    }

    /// Every value that is not allowed, in words.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |key: &str, value: f64, allowed: RangeInclusive<f64>| {
            if !allowed.contains(&value) {
                problems.push(format!(
                    "{key} is {value}, from {} to {} is allowed",
                    allowed.start(),
                    allowed.end()
                ));
            }
        };
        check("input.lateness_s", self.input.lateness_s, 0.0..=86_400.0);
        check("input.future_s", self.input.future_s, 0.0..=31_536_000.0);
        check("input.clock_ahead_s", self.input.clock_ahead_s, 0.0..=86_400.0);
        check("history.max_data_points", self.history.max_data_points as f64, 20.0..=1e5);
        check("presence.overdue_s", self.presence.overdue_s, 0.0..=86_400.0);
        check("presence.startup_s", self.presence.startup_s, 0.0..=86_400.0);
        check("pipeline.shards", self.pipeline.shards as f64, 1.0..=SHARDS_MAX as f64);
        check("pipeline.batch_rows", self.pipeline.batch_rows as f64, 1.0..=BATCH_ROWS_MAX as f64);
        check("detections.reopen_within_s", self.detections.reopen_within_s, 0.0..=604_800.0);
        check("detections.still_there_s", self.detections.still_there_s, 0.0..=604_800.0);
        check("training.min_samples", self.training.min_samples as f64, 100.0..=1e5);
        check("training.max_training_samples", self.training.max_training_samples as f64, 100.0..=1e5);
        check("training.refresh_every", self.training.refresh_every as f64, 1.0..=1e5);
        check("training.horizon_samples", self.training.horizon_samples as f64, 10.0..=1e9);
        self.observer.check(&mut check);
        self.groups.check(&mut check);
        self.store.check(&mut check);
        self.retention.check(&mut check);
        for (place, rule) in self.rules.iter().enumerate() {
            let key = |field: &str| format!("rules[{place}] {:?}: {field}", rule.rule_id);
            if let Some(window) = rule.window_size {
                check(&key("window_size"), f64::from(window), 1.0..=f64::from(WINDOW_S_MAX));
            }
            if let Some(occurrences) = rule.min_occurrences {
                check(&key("min_occurrences"), f64::from(occurrences), 1.0..=f64::from(OCCURRENCES_MAX));
            }
        }
        for (place, scorer) in self.scorers.iter().enumerate() {
            if let Some(weight) = scorer.weight {
                check(&format!("scorers[{place}] {:?}: weight", scorer.scorer_id), weight, 0.0..=1e6);
            }
        }
        problems.extend(self.heartbeat.problems());
        problems.extend(self.server.problems());
        problems.extend(self.acting_problems());
        problems.extend(self.probing_problems());
        if self.training.min_samples > self.training.max_training_samples {
            problems.push("training.min_samples is more than training.max_training_samples".to_owned());
        }
        for (place, rule) in self.rules.iter().enumerate() {
            if rule.rule_id.is_empty() {
                problems.push(format!("rules[{place}]: rule_id is missing"));
            }
            if self.rules[..place].iter().any(|before| before.rule_id == rule.rule_id) {
                problems.push(format!("rules[{place}]: {:?} is there twice", rule.rule_id));
            }
            for entry in &rule.overrides {
                if entry.system_type.is_some() == entry.system_id.is_some() {
                    let id = &rule.rule_id;
                    problems.push(format!(
                        "rules[{place}] {id:?}: an override names a system_type or a system_id"
                    ));
                }
            }
        }
        for (place, scorer) in self.scorers.iter().enumerate() {
            if scorer.scorer_id.is_empty() {
                problems.push(format!("scorers[{place}]: scorer_id is missing"));
            }
            if self.scorers[..place].iter().any(|before| before.scorer_id == scorer.scorer_id) {
                problems.push(format!("scorers[{place}]: {:?} is there twice", scorer.scorer_id));
            }
        }
        problems
    }
}
