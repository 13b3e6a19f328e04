//! Components with all their versions, loaded as they are needed; and from them, what is in force.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::ChangeError;
use super::deployment::{Deployed, Deployment};
use super::plugin_views::{Origin, VersionView};
use super::tables::Tables;
use crate::catalog::config::{self, Config};
use crate::catalog::{Catalog, Parts, Refused, load_file, plugin_name, plugin_of};
use crate::limits::{PLUGINS_MAX, VERSIONS_MAX};
use crate::model::Vocabulary;
use crate::outside::Means;
use crate::sandbox::{Kind, Plugin, Sandbox};
use crate::time::Millis;

/// The name under which the one deployment is kept.
const CURRENT: &str = "current";

/// What the operators have, and what they have put in force.
pub(super) struct Registry {
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) tables: Tables,
    /// The configuration file as last read.
    pub(super) config: Config,
    pub(super) deployment: Deployment,
    /// What actions reach the outside with.
    pub(super) means: Arc<Means>,
    /// Components that have been loaded, by digest.
    loaded: HashMap<String, Plugin>,
}

impl Registry {
    /// Reads what is kept, and takes in what came with the server, its configuration and its plugin folder. What cannot
    /// be loaded is told beside it.
    pub(super) fn open(
        sandbox: Arc<Sandbox>,
        tables: Tables,
        config: Config,
        means: Arc<Means>,
    ) -> Result<(Self, Vec<Refused>), crate::store::StoreError> {
        let deployment = tables.deployment.get(&CURRENT.to_owned())?.unwrap_or_default();
        let mut registry = Self { sandbox, tables, config, deployment, means, loaded: HashMap::new() };
        let refused = registry.take_files()?;
        Ok((registry, refused))
    }

    /// Takes in the components that lie in files: a file that has changed is a new version.
    pub(super) fn take_files(&mut self) -> Result<Vec<Refused>, crate::store::StoreError> {
        let mut refused = Vec::new();
        for (name, bytes) in lapwing_bundle::COMPONENTS {
            let loaded = self.sandbox.load(name, bytes).map_err(|error| error.to_string());
            self.take(name, loaded.map(|plugin| (plugin, bytes.to_vec())), Origin::Bundled, &mut refused)?;
        }
        let configured: Vec<(String, PathBuf)> =
            self.config.plugins.iter().map(|(name, plugin)| (name.clone(), plugin.file.clone())).collect();
        for (name, file) in configured {
            let loaded = self.read(&name, &file);
            self.take(&name, loaded, Origin::Configuration, &mut refused)?;
        }
        for file in self.folder(&mut refused) {
            let name = plugin_name(&file);
            let loaded = self.read(&name, &file);
            self.take(&name, loaded, Origin::Folder, &mut refused)?;
        }
        self.save()?;
        Ok(refused)
    }

    fn read(&self, name: &str, file: &Path) -> Result<(Plugin, Vec<u8>), String> {
        let plugin = load_file(&self.sandbox, name, file)?;
        let bytes = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"))?;
        Ok((plugin, bytes))
    }

    /// The components of the plugin folder.
    fn folder(&self, refused: &mut Vec<Refused>) -> Vec<PathBuf> {
        let Some(folder) = &self.config.components.folder else { return Vec::new() };
        match std::fs::read_dir(folder) {
            Ok(entries) => {
                let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
                let mut files: Vec<PathBuf> =
                    paths.filter(|path| path.extension().is_some_and(|ending| ending == "wasm")).collect();
                files.sort();
                files
            }
            Err(error) => {
                let reason = format!("cannot be read: {error}");
                refused.push(Refused { name: format!("plugin folder {}", folder.display()), reason });
                Vec::new()
            }
        }
    }

    fn take(
        &mut self,
        name: &str,
        loaded: Result<(Plugin, Vec<u8>), String>,
        origin: Origin,
        refused: &mut Vec<Refused>,
    ) -> Result<(), crate::store::StoreError> {
        let (plugin, bytes) = match loaded {
            Ok(loaded) => loaded,
            Err(reason) => {
                refused.push(Refused { name: format!("plugin {name}"), reason });
                return Ok(());
            }
        };
        let known = self.deployment.plugins.get(name);
        if known.is_some_and(|known| known.kind != plugin.kind) {
            let reason = format!("is of kind {}, and there is another plugin of that name", plugin.kind);
            refused.push(Refused { name: format!("plugin {name}"), reason });
            return Ok(());
        }
        if known.is_some_and(|known| known.with_digest(&plugin.digest).is_some()) {
            self.loaded.insert(plugin.digest.to_string(), plugin);
            return Ok(());
        }
        let version = self.keep(&plugin, &bytes, origin, "the server", None)?;
        if let Some(deployed) = self.deployment.plugins.get_mut(name)
            && deployed.follows_files()
        {
            let rules = BTreeMap::new();
            deployed.promote(version, rules);
        }
        Ok(())
    }

    /// Keeps a component as a new version of its plugin.
    pub(super) fn keep(
        &mut self,
        plugin: &Plugin,
        bytes: &[u8],
        origin: Origin,
        by: &str,
        signed_by: Option<String>,
    ) -> Result<u32, crate::store::StoreError> {
        let digest = plugin.digest.to_string();
        self.tables.components.put(&digest, &bytes.to_vec())?;
        let version = VersionView {
            version: 0,
            digest: digest.clone(),
            size_bytes: plugin.size,
            imports: plugin.imports.clone(),
            contract: plugin.contract.to_owned(),
            signed_by,
            uploaded_at: Millis::now(),
            uploaded_by: by.to_owned(),
            origin,
        };
        self.loaded.insert(digest, plugin.clone());
        let deployed = self
            .deployment
            .plugins
            .entry(plugin.name.to_string())
            .or_insert_with(|| Deployed::new(plugin.kind));
        Ok(deployed.add(version))
    }

    /// Whether there is room for a plugin of this name and one more version of it.
    pub(super) fn check_room(&self, name: &str, kind: Kind) -> Result<(), ChangeError> {
        let invalid =
            |problem: String| ChangeError::Invalid { kind: "invalid-component", problems: vec![problem] };
        match self.deployment.plugins.get(name) {
            Some(known) if known.kind != kind => {
                Err(invalid(format!("{name} is a {}; this component is a {kind}", known.kind)))
            }
            Some(known) if known.versions.len() >= VERSIONS_MAX => {
                Err(invalid(format!("{name} has {VERSIONS_MAX} versions, which is the limit; delete some")))
            }
            None if self.deployment.plugins.len() >= PLUGINS_MAX => {
                Err(invalid(format!("there are {PLUGINS_MAX} plugins, which is the limit")))
            }
            _ => Ok(()),
        }
    }

    /// A version of a plugin, loaded if it is not.
    fn loaded(&mut self, name: &str, version: u32) -> Result<Plugin, String> {
        let deployed = self.deployment.plugins.get(name).ok_or("is not known")?;
        let digest = deployed.version(version).ok_or("has no such version")?.digest.clone();
        self.component(name, &digest)
    }

    /// A component by its digest, loaded if it is not; whether it is in force or not.
    pub(super) fn component(&mut self, name: &str, digest: &str) -> Result<Plugin, String> {
        if let Some(plugin) = self.loaded.get(digest) {
            return Ok(plugin.clone());
        }
        let bytes = self.tables.components.get(&digest.to_owned()).map_err(|error| super::chain(&error))?;
        let bytes = bytes.ok_or("its component is no longer in the store")?;
        let plugin = self.sandbox.load(name, &bytes).map_err(|error| error.to_string())?;
        self.loaded.insert(digest.to_owned(), plugin.clone());
        Ok(plugin)
    }

    /// The configuration with what the API changed.
    pub(super) fn effective(&self, deployment: &Deployment) -> Config {
        let mut config = self.config.clone();
        for (id, rule) in &deployment.rules {
            match config.rules.iter_mut().find(|known| known.rule_id == *id) {
                Some(known) => *known = rule.clone(),
                None => config.rules.push(rule.clone()),
            }
        }
        config
    }

    /// What would be in force, and what could not be. Nothing changes.
    pub(super) fn compose(
        &mut self,
        vocabulary: Vocabulary,
        before: Option<&Catalog>,
    ) -> (Catalog, Vec<Refused>) {
        let mut refused = Vec::new();
        let (mut plugins, mut shadows, mut implied) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let wanted: Vec<(String, Option<u32>, Option<u32>)> = (self.deployment.plugins.iter())
            .filter(|(_, deployed)| deployed.enabled)
            .map(|(name, deployed)| (name.clone(), deployed.live, deployed.shadow))
            .collect();
        for (name, live, shadow) in wanted {
            let Some(live) = live else { continue };
            match self.loaded(&name, live) {
                Ok(plugin) => {
                    plugins.insert(name.clone(), plugin);
                }
                Err(reason) => {
                    refused.push(Refused { name: format!("plugin {name}"), reason });
                    continue;
                }
            }
            if let Some(shadow) = shadow {
                match self.loaded(&name, shadow) {
                    Ok(plugin) => {
                        shadows.insert(name.clone(), plugin);
                    }
                    Err(reason) => {
                        refused.push(Refused { name: format!("shadow of plugin {name}"), reason });
                    }
                }
            }
            let bundled = lapwing_bundle::COMPONENTS.iter().any(|(bundled, _)| *bundled == name);
            if !bundled {
                implied.push(name);
            }
        }
        let mut config = self.effective(&self.deployment);
        let disabled = |rule: &config::Rule| {
            self.deployment.plugins.get(plugin_of(rule)).is_some_and(|deployed| !deployed.enabled)
        };
        self.switch_off(&mut config, disabled);
        // A plugin that a configured rule names need not judge under its own name as well.
        implied
            .retain(|name| config.rules.iter().all(|rule| plugin_of(rule) != name || rule.rule_id == **name));
        let means = Arc::clone(&self.means);
        let parts = Parts { config, plugins, implied: &implied, means, shadows, vocabulary, before };
        let (catalog, more) = Catalog::compose(parts);
        refused.extend(more);
        (catalog, refused)
    }

    /// Rules and scorers of plugins that are switched off are so, too.
    fn switch_off(&self, config: &mut Config, disabled: impl Fn(&config::Rule) -> bool) {
        for rule in config.rules.iter_mut().filter(|rule| disabled(rule)) {
            rule.enabled = Some(false);
        }
        for (name, _) in self.deployment.plugins.iter().filter(|(_, deployed)| !deployed.enabled) {
            if config.rules.iter().all(|rule| rule.rule_id != *name) {
                let rule =
                    config::Rule { rule_id: name.clone(), enabled: Some(false), ..config::Rule::default() };
                config.rules.push(rule);
            }
            match config.scorers.iter_mut().find(|scorer| scorer.scorer_id == *name) {
                Some(scorer) => scorer.enabled = Some(false),
                None => config.scorers.push(config::Scorer {
                    scorer_id: name.clone(),
                    enabled: Some(false),
                    ..config::Scorer::default()
                }),
            }
        }
    }

    /// Keeps the deployment.
    pub(super) fn save(&self) -> Result<(), crate::store::StoreError> {
        self.tables.deployment.put(&CURRENT.to_owned(), &self.deployment)
    }

    /// A plugin that is known.
    pub(super) fn deployed(&self, name: &str) -> Result<&Deployed, ChangeError> {
        let unknown = || ChangeError::Unknown { what: "plugin", name: name.to_owned() };
        self.deployment.plugins.get(name).ok_or_else(unknown)
    }

    /// Imports that a version has and the live one does not.
    pub(super) fn further_imports(&self, name: &str, imports: &[String]) -> Vec<String> {
        let live = self.deployment.plugins.get(name).and_then(Deployed::live_version);
        let further = |import: &&String| live.is_some_and(|live| !live.imports.contains(*import));
        imports.iter().filter(further).cloned().collect()
    }
}

/// A problem's further members.
pub(super) fn members(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Map<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
