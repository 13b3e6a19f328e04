//! Which plugins and rules the operators have put in force, as it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plugin_views::{Origin, VersionView};
use crate::catalog::config;
use crate::sandbox::Kind;

/// Everything that was changed while the server ran, and every version of every plugin.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Deployment {
    pub(super) plugins: BTreeMap<String, Deployed>,
    /// Rules as the API made them; each stands in for the rule of that name in the configuration.
    pub(super) rules: BTreeMap<String, config::Rule>,
}

/// A plugin with its versions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Deployed {
    pub(super) kind: Kind,
    pub(super) enabled: bool,
    pub(super) live: Option<u32>,
    pub(super) shadow: Option<u32>,
    /// Oldest first.
    pub(super) versions: Vec<VersionView>,
    /// What was live before, the last one last.
    pub(super) past: Vec<Past>,
    pub(super) next_version: u32,
}

/// A version that was live, with the settings of its rules at that time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Past {
    pub(super) version: u32,
    /// What the API had made of its rules; a rule that is not here was as configured.
    pub(super) rules: BTreeMap<String, config::Rule>,
}

/// Versions that can be gone back to.
const PAST_MAX: usize = 20;

impl Deployed {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            enabled: true,
            live: None,
            shadow: None,
            versions: Vec::new(),
            past: Vec::new(),
            next_version: 1,
        }
    }

    pub(super) fn version(&self, number: u32) -> Option<&VersionView> {
        self.versions.iter().find(|version| version.version == number)
    }

    /// The newest version with these bytes.
    pub(super) fn with_digest(&self, digest: &str) -> Option<&VersionView> {
        self.versions.iter().rev().find(|version| version.digest == digest)
    }

    pub(super) fn live_version(&self) -> Option<&VersionView> {
        self.version(self.live?)
    }

    /// Adds a version and gives it a number.
    pub(super) fn add(&mut self, mut version: VersionView) -> u32 {
        version.version = self.next_version;
        self.next_version += 1;
        self.versions.push(version);
        self.next_version - 1
    }

    /// Makes a version live; `rules` are the settings that go with the one before.
    pub(super) fn promote(&mut self, version: u32, rules: BTreeMap<String, config::Rule>) {
        if let Some(before) = self.live.filter(|&before| before != version) {
            self.past.push(Past { version: before, rules });
            if self.past.len() > PAST_MAX {
                self.past.remove(0);
            }
        }
        self.live = Some(version);
        if self.shadow == Some(version) {
            self.shadow = None;
        }
    }

    /// Whether the live version came with the server or its files, and may be replaced by a newer one that does.
    pub(super) fn follows_files(&self) -> bool {
        self.live_version().is_none_or(|version| version.origin != Origin::Pushed)
    }
}
