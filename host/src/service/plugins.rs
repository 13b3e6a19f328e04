//! Versions of plugins: pushed, shadowed, promoted, rolled back.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

use super::deployment::{Deployed, Deployment, Past};
use super::plugin_reading::{described, judged_by};
use super::plugin_views::{Origin, PluginView, Pushed, Stage, Swapped, VersionView};
use super::registry::{Registry, members};
use super::{ChangeError, Service, lock};
use crate::access::{Principal, SignatureError};
use crate::catalog::{config, plugin_of};
use crate::sandbox::Kind;

impl Service {
    /// Takes a component in as a version of a plugin, and puts it where `stage` says: unless said otherwise, beside the
    /// live version if there is one, else in force.
    ///
    /// # Errors
    /// The component cannot be used, is not signed as it must be, or imports more than the live version does.
    pub fn push_plugin(
        &self,
        name: &str,
        component: &[u8],
        stage: Option<Stage>,
        approve_imports: bool,
        signature: Option<&str>,
        by: &Principal,
    ) -> Result<Pushed, ChangeError> {
        let started = Instant::now();
        check_name(name)?;
        let signed_by = self.access.trusted.load().check(component, signature).map_err(|error| {
            let kind = match error {
                SignatureError::Required => "signature-required",
                _ => "signature-invalid",
            };
            ChangeError::Forbidden { kind, detail: error.to_string() }
        })?;
        // Compiling may take seconds; nobody else waits for it.
        let plugin = self.sandbox.load(name, component).map_err(|error| ChangeError::Invalid {
            kind: "invalid-component",
            problems: vec![format!("the component {error}")],
        })?;
        let mut registry = lock(&self.registry);
        let further = registry.further_imports(name, &plugin.imports);
        if !further.is_empty() && !approve_imports {
            return Err(ChangeError::Conflict {
                kind: "more-imports",
                detail: format!(
                    "{name} imports {} and its live version does not; approve_imports=true allows it",
                    further.join(", ")
                ),
                members: members([("imports", json!(further))]),
            });
        }
        let known = registry
            .deployment
            .plugins
            .get(name)
            .and_then(|deployed| deployed.with_digest(&plugin.digest))
            .cloned();
        if known.is_none() {
            registry.check_room(name, plugin.kind)?;
        }
        let before = registry.deployment.clone();
        let version = match &known {
            Some(known) => known.version,
            None => registry.keep(&plugin, component, Origin::Pushed, &by.name, signed_by)?,
        };
        let mut deployment = std::mem::replace(&mut registry.deployment, before);
        let has_live = deployment.plugins.get(name).is_some_and(|deployed| deployed.live.is_some());
        let stage = stage.unwrap_or(if has_live { Stage::Shadow } else { Stage::Live });
        if stage == Stage::Shadow && plugin.kind != Kind::Rule {
            return Err(no_shadow_of(plugin.kind));
        }
        let rules = rules_of(&deployment, name);
        if let Some(deployed) = deployment.plugins.get_mut(name) {
            match stage {
                Stage::Live => deployed.promote(version, rules),
                Stage::Shadow if deployed.live == Some(version) => deployed.shadow = None,
                Stage::Shadow => deployed.shadow = Some(version),
                Stage::None => {}
            }
        }
        self.put_in_force(&mut registry, deployment, "invalid-component", name)?;
        drop(registry);
        let pushed = Pushed {
            name: name.to_owned(),
            version,
            digest: plugin.digest.to_string(),
            kind: plugin.kind,
            contract: plugin.contract.to_owned(),
            imports: plugin.imports.clone(),
            stage,
            already_known: known.is_some(),
            took_ms: millis(started),
            descriptor: described(&plugin),
            rules: judged_by(&self.shared.catalog(), name),
        };
        let what =
            json!({ "version": version, "digest": pushed.digest, "stage": stage, "imports": pushed.imports });
        self.note(by, "plugin.push", name, &Value::Null, &what)?;
        self.tell(
            "plugin_pushed",
            json!({ "plugin": name, "version": version, "stage": stage, "by": by.name }),
        )?;
        Ok(pushed)
    }

    /// Runs a version beside the live one; `None` ends that.
    ///
    /// # Errors
    /// There is no such plugin or version, or it is no rule.
    pub fn shadow_plugin(
        &self,
        name: &str,
        version: Option<u32>,
        by: &Principal,
    ) -> Result<PluginView, ChangeError> {
        self.change_plugin(name, "plugin.shadow", by, |deployed, _| {
            if let Some(version) = version {
                known_version(deployed, name, version)?;
                if deployed.kind != Kind::Rule {
                    return Err(no_shadow_of(deployed.kind));
                }
                if deployed.live == Some(version) {
                    return Err(conflict("is-live", format!("version {version} of {name} is the live one")));
                }
            }
            deployed.shadow = version;
            Ok(())
        })?;
        self.plugin(name)
    }

    /// Makes a version live: the shadow, unless another is named.
    ///
    /// # Errors
    /// There is no such plugin or version, or no shadow; or a rule does not work with it.
    pub fn promote_plugin(
        &self,
        name: &str,
        version: Option<u32>,
        by: &Principal,
    ) -> Result<Swapped, ChangeError> {
        let started = Instant::now();
        let (previous, live) = self.change_plugin(name, "plugin.promote", by, |deployed, rules| {
            let none = || {
                conflict(
                    "no-shadow",
                    format!("nothing runs beside the live version of {name}; name a version"),
                )
            };
            let version = version.or(deployed.shadow).ok_or_else(none)?;
            known_version(deployed, name, version)?;
            let previous = deployed.live;
            deployed.promote(version, rules);
            Ok((previous, version))
        })?;
        self.tell(
            "plugin_promoted",
            json!({ "plugin": name, "live": live, "previous": previous, "by": by.name }),
        )?;
        Ok(Swapped { name: name.to_owned(), live, previous, took_ms: millis(started) })
    }

    /// Goes back to what was live before, with the settings of its rules as they were then.
    ///
    /// # Errors
    /// There is no such plugin, or nothing was live before.
    pub fn rollback_plugin(&self, name: &str, by: &Principal) -> Result<Swapped, ChangeError> {
        let started = Instant::now();
        let mut registry = lock(&self.registry);
        let mut deployment = registry.deployment.clone();
        registry.deployed(name)?;
        let before = state_of(&registry, name);
        let nothing =
            || conflict("nothing-before", format!("nothing was live before what is live of {name}"));
        let deployed = deployment.plugins.get_mut(name).ok_or_else(nothing)?;
        let Past { version, rules } = deployed.past.pop().ok_or_else(nothing)?;
        known_version(deployed, name, version)?;
        let previous = deployed.live.replace(version);
        deployed.shadow = deployed.shadow.filter(|&shadow| shadow != version);
        deployment.rules.retain(|_, rule| plugin_of(rule) != name);
        deployment.rules.extend(rules);
        self.put_in_force(&mut registry, deployment, "invalid-component", name)?;
        let after = state_of(&registry, name);
        drop(registry);
        let took_ms = millis(started);
        self.note(by, "plugin.rollback", name, &before, &after)?;
        let live = version;
        self.tell(
            "plugin_rolled_back",
            json!({ "plugin": name, "live": live, "previous": previous, "by": by.name }),
        )?;
        Ok(Swapped { name: name.to_owned(), live, previous, took_ms })
    }

    /// Lets a plugin judge, or keeps it from judging.
    ///
    /// # Errors
    /// There is no such plugin, or a rule does not work with it.
    pub fn enable_plugin(
        &self,
        name: &str,
        enabled: bool,
        by: &Principal,
    ) -> Result<PluginView, ChangeError> {
        let what = if enabled { "plugin.enable" } else { "plugin.disable" };
        self.change_plugin(name, what, by, |deployed, _| {
            deployed.enabled = enabled;
            Ok(())
        })?;
        let event = if enabled { "plugin_enabled" } else { "plugin_disabled" };
        self.tell(event, json!({ "plugin": name, "by": by.name }))?;
        self.plugin(name)
    }

    /// Lifts the quarantine of every rule of a plugin.
    ///
    /// # Errors
    /// There is no such plugin.
    pub fn release_plugin(&self, name: &str, by: &Principal) -> Result<PluginView, ChangeError> {
        for rule in self.plugin(name)?.quarantined {
            self.release_rule(&rule.0, by)?;
        }
        self.plugin(name)
    }

    /// Deletes a plugin with all its versions, or one version of it.
    ///
    /// # Errors
    /// There is no such plugin or version; it is in use, or comes from a file and would come back.
    pub fn delete_plugin(&self, name: &str, version: Option<u32>, by: &Principal) -> Result<(), ChangeError> {
        let mut registry = lock(&self.registry);
        let before = state_of(&registry, name);
        let deployed = registry.deployed(name)?;
        let mut deployment = registry.deployment.clone();
        if let Some(version) = version {
            let known = known_version(deployed, name, version)?;
            if deployed.live == Some(version) || deployed.shadow == Some(version) {
                return Err(conflict("in-use", format!("version {version} of {name} is in use")));
            }
            let digest = known.digest.clone();
            if let Some(deployed) = deployment.plugins.get_mut(name) {
                deployed.versions.retain(|known| known.version != version);
                deployed.past.retain(|past| past.version != version);
            }
            self.put_in_force(&mut registry, deployment, "invalid-component", name)?;
            self.forget_component(&registry, &digest)?;
        } else {
            if let Some(file) = deployed.versions.iter().find(|known| known.origin != Origin::Pushed) {
                let from = match file.origin {
                    Origin::Bundled => "with Lapwing",
                    Origin::Configuration => "from a file of the configuration",
                    Origin::Folder | Origin::Pushed => "from a file of the plugin folder",
                };
                let detail = format!("{name} comes {from} and would come back; disable it");
                return Err(conflict("in-use", detail));
            }
            let uses = |rule: &&config::Rule| plugin_of(rule) == name && rule.rule_id != name;
            if let Some(rule) = registry.effective(&deployment).rules.iter().find(uses) {
                return Err(conflict("in-use", format!("rule {} is judged by {name}", rule.rule_id)));
            }
            let digests: Vec<String> = deployed.versions.iter().map(|known| known.digest.clone()).collect();
            deployment.plugins.remove(name);
            deployment.rules.remove(name);
            self.put_in_force(&mut registry, deployment, "invalid-component", name)?;
            for digest in digests {
                self.forget_component(&registry, &digest)?;
            }
        }
        drop(registry);
        self.note(by, "plugin.delete", name, &before, &json!({ "version": version }))?;
        self.tell("plugin_deleted", json!({ "plugin": name, "version": version, "by": by.name }))
    }

    fn forget_component(&self, registry: &Registry, digest: &str) -> Result<(), ChangeError> {
        let still = |deployed: &Deployed| deployed.with_digest(digest).is_some();
        if !registry.deployment.plugins.values().any(still) {
            self.tables.components.remove(&digest.to_owned())?;
        }
        Ok(())
    }

    /// Changes what is deployed of a plugin and puts it in force. `change` gets the settings of its rules as well.
    fn change_plugin<T>(
        &self,
        name: &str,
        what: &str,
        by: &Principal,
        change: impl FnOnce(&mut Deployed, BTreeMap<String, config::Rule>) -> Result<T, ChangeError>,
    ) -> Result<T, ChangeError> {
        let mut registry = lock(&self.registry);
        let before = state_of(&registry, name);
        let mut deployment = registry.deployment.clone();
        let rules = rules_of(&deployment, name);
        let unknown = || ChangeError::Unknown { what: "plugin", name: name.to_owned() };
        let changed = change(deployment.plugins.get_mut(name).ok_or_else(unknown)?, rules)?;
        self.put_in_force(&mut registry, deployment, "invalid-component", name)?;
        let after = state_of(&registry, name);
        drop(registry);
        self.note(by, what, name, &before, &after)?;
        Ok(changed)
    }
}

/// What the API has made of the rules of a plugin.
fn rules_of(deployment: &Deployment, name: &str) -> BTreeMap<String, config::Rule> {
    let of_plugin = deployment.rules.iter().filter(|(_, rule)| plugin_of(rule) == name);
    of_plugin.map(|(id, rule)| (id.clone(), rule.clone())).collect()
}

/// What of a plugin can be changed, for the audit log.
fn state_of(registry: &Registry, name: &str) -> Value {
    registry.deployment.plugins.get(name).map_or(Value::Null, |deployed| {
        json!({
            "live": deployed.live,
            "shadow": deployed.shadow,
            "enabled": deployed.enabled,
            "digest": deployed.live_version().map(|version| &version.digest),
        })
    })
}

fn check_name(name: &str) -> Result<(), ChangeError> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(good) {
        return Ok(());
    }
    let problem = format!("{name:?} is no name of a plugin: 1 to 64 of a to z, 0 to 9 and _ are");
    Err(ChangeError::Invalid { kind: "invalid-component", problems: vec![problem] })
}

fn known_version<'a>(
    deployed: &'a Deployed,
    name: &str,
    version: u32,
) -> Result<&'a VersionView, ChangeError> {
    deployed
        .version(version)
        .ok_or_else(|| ChangeError::Unknown { what: "version", name: format!("{version} of {name}") })
}

pub(super) fn conflict(kind: &'static str, detail: String) -> ChangeError {
    ChangeError::Conflict { kind, detail, members: serde_json::Map::new() }
}

fn no_shadow_of(kind: Kind) -> ChangeError {
    conflict(
        "no-shadow",
        format!("only rules run as shadows, and this is a {kind}; push it with stage live or none"),
    )
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
