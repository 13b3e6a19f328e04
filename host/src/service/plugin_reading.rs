//! What is known of plugins: their versions, what they say of themselves, how a shadow differs.

use serde_json::{Value, json};

use super::deployment::Deployed;
use super::plugin_views::{DetectionDiff, Diff, Difference, Origin, PluginLine, PluginView, RuleDiff};
use super::plugins::conflict;
use super::reading::{Account, quarantine};
use super::{ChangeError, Service, lock};
use crate::catalog::Catalog;
use crate::sandbox::{Kind, Plugin};
use crate::shard::Comparison;

impl Service {
    /// Every plugin in a line.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginLine> {
        let quarantined = self.quarantined();
        let registry = lock(&self.registry);
        let line = |(name, deployed): (&String, &Deployed)| PluginLine {
            name: name.clone(),
            kind: deployed.kind,
            live: deployed.live,
            shadow: deployed.shadow,
            enabled: deployed.enabled,
            origin: deployed.live_version().map_or(Origin::Pushed, |version| version.origin),
            versions: deployed.versions.len(),
            quarantined_rules: quarantined
                .iter()
                .filter(|(plugin, _, _)| plugin == name)
                .map(|(_, rule, _)| rule.clone())
                .collect(),
        };
        registry.deployment.plugins.iter().map(line).collect()
    }

    /// Everything about a plugin.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn plugin(&self, name: &str) -> Result<PluginView, ChangeError> {
        let catalog = self.shared.catalog();
        let quarantined = self.quarantined();
        let registry = lock(&self.registry);
        let deployed = registry.deployed(name)?;
        Ok(PluginView {
            name: name.to_owned(),
            kind: deployed.kind,
            enabled: deployed.enabled,
            live: deployed.live,
            shadow: deployed.shadow,
            versions: deployed.versions.clone(),
            rules: judged_by(&catalog, name),
            descriptor: catalog.plugins.get(name).map_or(Value::Null, described),
            quarantined: quarantined
                .into_iter()
                .filter(|(plugin, _, _)| plugin == name)
                .map(|(_, rule, why)| (rule, quarantine(&why)))
                .collect(),
        })
    }

    /// How the shadow differs from the live version so far.
    ///
    /// # Errors
    /// There is no such plugin, or nothing runs beside its live version.
    pub fn diff_plugin(&self, name: &str) -> Result<Diff, ChangeError> {
        lock(&self.registry).deployed(name)?;
        let catalog = self.shared.catalog();
        let accounts = self.accounts();
        let none = || conflict("no-shadow", format!("nothing runs beside the live version of {name}"));
        let shadowed = catalog.rules.iter().filter_map(|rule| Some((rule, rule.shadow.as_ref()?)));
        let shadowed: Vec<_> = shadowed.filter(|(rule, _)| *rule.plugin.name == *name).collect();
        let (rule, shadow) = shadowed.first().ok_or_else(none)?;
        let (live, shadow) = (&rule.plugin, &shadow.plugin);
        let comparison = |id: &str| accounts.get(id).and_then(|account: &Account| account.shadow.clone());
        let rules: Vec<(String, Comparison)> = shadowed
            .iter()
            .map(|(rule, _)| (rule.rule_id.to_string(), comparison(&rule.rule_id).unwrap_or_default()))
            .collect();
        let since = rules.iter().filter_map(|(_, comparison)| comparison.since).min();
        Ok(Diff {
            live: self.plugin_ref(name, &live.digest),
            shadow: self.plugin_ref(name, &shadow.digest),
            since: since.unwrap_or_else(crate::time::Millis::now),
            rows: rules.iter().map(|(_, comparison)| comparison.rows).sum(),
            rules: rules.into_iter().map(|(rule_id, comparison)| rule_diff(rule_id, comparison)).collect(),
        })
    }

    /// Rules that are out of the run: plugin, rule, why.
    fn quarantined(&self) -> Vec<(String, String, crate::shard::Quarantine)> {
        let catalog = self.shared.catalog();
        self.accounts()
            .into_iter()
            .filter_map(|(id, account)| {
                let rule = catalog.rules.iter().find(|rule| *rule.rule_id == *id)?;
                Some((rule.plugin.name.to_string(), id, account.cost.quarantine?))
            })
            .collect()
    }
}

/// The rules or scorers that a plugin judges for.
pub(super) fn judged_by(catalog: &Catalog, name: &str) -> Vec<String> {
    let rules =
        catalog.rules.iter().filter(|rule| *rule.plugin.name == *name).map(|rule| rule.rule_id.to_string());
    let scorers = catalog
        .scorers
        .iter()
        .filter(|scorer| *scorer.plugin.name == *name)
        .map(|scorer| scorer.scorer_id.to_string());
    rules.chain(scorers).collect()
}

/// What a plugin says of itself without settings; some only speak when configured.
#[must_use]
pub(super) fn described(plugin: &Plugin) -> Value {
    let window = |input: &crate::sandbox::contract::Input| {
        let (metric, window) = crate::detections::words(input);
        window.map_or(metric.clone(), |window| format!("{metric}, {window}"))
    };
    match plugin.kind {
        Kind::Rule => match plugin.rule("{}") {
            Ok((_, rule)) => json!({
                "name": rule.name,
                "description": rule.description,
                "window_s": rule.window_s,
                "min_occurrences": rule.min_occurrences,
                "actions": rule.actions,
                "inputs": rule.inputs.iter().map(window).collect::<Vec<_>>(),
                "parameters": rule.parameters.iter().map(|parameter| json!({
                    "name": parameter.name,
                    "description": parameter.description,
                    "default": parameter.default,
                    "min": parameter.min,
                    "max": parameter.max,
                })).collect::<Vec<_>>(),
            }),
            Err(error) => json!({ "needs_settings": error.to_string() }),
        },
        Kind::Scorer => match plugin.scorer("{}") {
            Ok((_, scorer)) => json!({
                "name": scorer.name,
                "description": scorer.description,
                "inputs": scorer.inputs.iter().map(window).collect::<Vec<_>>(),
            }),
            Err(error) => json!({ "needs_settings": error.to_string() }),
        },
        Kind::Action => Value::Null,
    }
}

fn rule_diff(rule_id: String, comparison: Comparison) -> RuleDiff {
    let per_row = |time: std::time::Duration| {
        (comparison.rows > 0).then(|| time.as_nanos() as f64 / comparison.rows as f64)
    };
    RuleDiff {
        rule_id,
        rows: comparison.rows,
        live_matched: comparison.live_matched,
        shadow_matched: comparison.shadow_matched,
        added: comparison.added,
        lost: comparison.lost,
        changed: comparison.changed,
        live_ns_per_row: per_row(comparison.live_time),
        shadow_ns_per_row: per_row(comparison.shadow_time),
        shadow_failures: comparison.shadow_failures,
        detections: DetectionDiff { live: comparison.live_opened, shadow: comparison.shadow_opened },
        examples: comparison
            .examples
            .into_iter()
            .map(|(kind, system_id, at)| Difference { kind, system_id, at })
            .collect(),
    }
}
