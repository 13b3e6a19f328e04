//! Keys of what is done about detections: actions, whom they may reach, and with which secrets.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::outbox::Destination;
use crate::outside::{Grants, SecretSource};

use super::Config;

/// `[[actions]]`: a plugin, its settings, what it may reach, and how it is delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Action {
    /// Names the action: what rules and routes refer to. Required.
    pub action_id: String,
    /// Which plugin acts; the one of the action's name unless said otherwise.
    pub plugin: Option<String>,
    /// Whether the action is in force; true unless said otherwise.
    pub enabled: Option<bool>,
    /// The plugin's own settings.
    pub settings: toml::Table,
    /// What it may reach; nothing unless said so.
    pub grants: Grants,
    /// How it is delivered.
    pub delivery: Destination,
}

impl Config {
    /// What is wrong with what is to be done about detections.
    pub(super) fn acting_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut seen = BTreeSet::new();
        for (place, action) in self.actions.iter().enumerate() {
            let key = format!("actions[{place}] {:?}", action.action_id);
            if action.action_id.is_empty() {
                problems.push(format!("actions[{place}]: action_id is missing"));
            }
            if !seen.insert(&action.action_id) {
                problems.push(format!("{key}: is there twice"));
            }
            problems.extend(action.grants.problems(&format!("{key}.grants")));
            problems.extend(action.delivery.problems(&format!("{key}.delivery")));
            for name in action.grants.secrets.iter().filter(|name| !self.secrets.contains_key(*name)) {
                problems.push(format!("{key}.grants.secrets: found {name:?}, expected a key of [secrets]"));
            }
        }
        if let Some(mail) = &self.mail {
            problems.extend(mail.problems("mail"));
            let unknown = mail.password_secret.as_ref().filter(|name| !self.secrets.contains_key(*name));
            problems
                .extend(unknown.map(|name| {
                    format!("mail.password_secret: found {name:?}, expected a key of [secrets]")
                }));
        }
        problems
    }

    /// Makes paths start at the configuration file's folder.
    pub(super) fn secret_files(&mut self) -> impl Iterator<Item = &mut std::path::PathBuf> {
        self.secrets.values_mut().filter_map(|source| match source {
            SecretSource::File(file) => Some(file),
            SecretSource::Env(_) => None,
        })
    }
}
