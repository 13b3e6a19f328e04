//! What the service answers about rules and detections, and about everything together.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::views::{
    Cost, DetectionFilter, DetectionsPage, ParameterView, PluginRef, PrecisionView, Quarantine, RuleView,
};
use super::{ChangeError, Service, ledger, lock, systems};
use crate::catalog::{Rule, config, plugin_of};
use crate::model::{DetectionType, Severity};
use crate::observer::BlindInterval;
use crate::presence::State;
use crate::shard::{Comparison, RuleCost};
use crate::time::Millis;

/// The most detections in one page.
const PAGE_MAX: usize = 500;

/// What all shards together say of one rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) cost: RuleCost,
    pub(super) shadow: Option<Comparison>,
}

impl Service {
    /// What there is to say about everything together.
    #[must_use]
    pub fn summary(&self) -> Value {
        let catalog = self.shared.catalog();
        let counts = self.ask(|shard| {
            let now = Millis::now();
            let mut by_state: BTreeMap<State, usize> = BTreeMap::new();
            for system in shard.systems().all() {
                *by_state.entry(systems::state(shard, system, now).0).or_default() += 1;
            }
            by_state
        });
        let mut by_state: BTreeMap<State, usize> = BTreeMap::new();
        for (state, count) in counts.into_iter().flatten() {
            *by_state.entry(state).or_default() += count;
        }
        let systems = by_state.values().sum();
        let enabled = catalog.rules.len();
        let summary = self.ledger().tally.summary(enabled + catalog.disabled_rules.len(), enabled, systems);
        let mut summary = json!(summary);
        summary["state"] = json!(self.state());
        summary["systems_by_state"] = json!(by_state);
        summary["observer"] = json!(super::lock(&self.shared.sight).now());
        summary
    }

    /// When the host could not see, oldest first.
    #[must_use]
    pub fn blind_intervals(&self) -> Vec<BlindInterval> {
        self.judges.wait();
        super::lock(&self.shared.sight).all().to_vec()
    }

    /// A page of detections, newest first.
    ///
    /// # Errors
    /// The cursor or the limit makes no sense.
    pub fn detections(&self, filter: &DetectionFilter) -> Result<DetectionsPage, ChangeError> {
        let invalid =
            |problem: String| ChangeError::Invalid { kind: "invalid-request", problems: vec![problem] };
        let limit = filter.limit.unwrap_or(50);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(invalid(format!("limit is {limit}, from 1 to {PAGE_MAX} is allowed")));
        }
        let before = match &filter.cursor {
            Some(text) => Some(ledger::parse_cursor(text).ok_or_else(|| {
                invalid(format!("cursor {text:?} is not one; take next_cursor of the page before"))
            })?),
            None => None,
        };
        let (ids, next) = self.ledger().page(filter, before, limit);
        Ok(ledger::read_page(&ids, next, |id| self.detection(id)))
    }

    /// A whole detection.
    #[must_use]
    pub fn detection(&self, id: Uuid) -> Option<Value> {
        let read = self.ledger().detection(id, &self.tables);
        read.unwrap_or_else(|error| {
            tracing::error!(error = super::chain(&error), %id, "a detection cannot be read");
            None
        })
    }

    /// Rows that plugins could not bear, newest first, from the one before `cursor` on; and where the next page begins.
    #[must_use]
    pub fn dead_letters(&self, cursor: Option<u64>, limit: usize) -> (Vec<Value>, Option<u64>) {
        let before = cursor.unwrap_or(u64::MAX);
        let letters: Vec<(u64, Value)> =
            self.tables.dead_letters.before(&before).rev().take(limit).filter_map(Result::ok).collect();
        let next = letters.last().map(|(number, _)| *number).filter(|_| letters.len() == limit);
        (letters.into_iter().map(|(_, letter)| letter).collect(), next)
    }

    /// Every rule, in force or not.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleView> {
        let catalog = self.shared.catalog();
        let accounts = self.accounts();
        let in_force = catalog
            .rules
            .iter()
            .map(|rule| self.rule_view(rule, accounts.get(&*rule.rule_id).unwrap_or(&Account::default())));
        in_force.chain(catalog.disabled_rules.iter().map(|rule| self.disabled_view(rule))).collect()
    }

    /// One rule, in force or not.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<RuleView> {
        self.rules().into_iter().find(|rule| rule.rule_id == id)
    }

    /// What all shards together say of each rule.
    pub(super) fn accounts(&self) -> BTreeMap<String, Account> {
        let told = self.ask(|shard| {
            let account = |(id, cost, shadow): (&std::sync::Arc<str>, &RuleCost, Option<&Comparison>)| {
                (id.to_string(), Account { cost: cost.clone(), shadow: shadow.cloned() })
            };
            shard.accounts().map(account).collect::<Vec<_>>()
        });
        let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
        for (id, account) in told.into_iter().flatten() {
            match accounts.get_mut(&id) {
                Some(sum) => sum.add(account),
                None => drop(accounts.insert(id, account)),
            }
        }
        accounts
    }

    fn precision(&self, rule_id: &str) -> PrecisionView {
        self.ledger().verdicts().get(rule_id).copied().unwrap_or_default().into()
    }

    fn rule_view(&self, rule: &Rule, account: &Account) -> RuleView {
        let value = |name: &str| {
            rule.scopes.names.iter().position(|known| known == name).map(|place| rule.scopes.default[place])
        };
        let parameters = rule.parameters.iter().map(|parameter| {
            let view = ParameterView {
                value: value(&parameter.name).unwrap_or(parameter.default),
                default: parameter.default,
                min: parameter.min,
                max: parameter.max,
                description: parameter.description.clone(),
            };
            (parameter.name.clone(), view)
        });
        RuleView {
            rule_id: rule.rule_id.to_string(),
            name: rule.name.clone(),
            description: rule.description.clone(),
            detection_type: rule.detection_type,
            severity: rule.severity,
            enabled: true,
            precision: self.precision(&rule.rule_id),
            plugin: self.plugin_ref(&rule.plugin.name, &rule.plugin.digest),
            window_s: rule.window_s,
            min_occurrences: rule.min_occurrences,
            actions: rule.actions.clone(),
            threshold: value("threshold"),
            parameters: parameters.collect(),
            settings: rule.settings.clone(),
            system_types: rule.wanted.system_types.clone(),
            system_ids: rule.wanted.system_ids.clone(),
            overrides: rule.wanted.overrides.iter().map(|entry| json!(entry)).collect(),
            origin: self.origin(&rule.rule_id),
            shadow: rule
                .shadow
                .as_ref()
                .map(|shadow| self.plugin_ref(&shadow.plugin.name, &shadow.plugin.digest)),
            quarantine: account.cost.quarantine.as_ref().map(quarantine),
            cost: cost(&account.cost),
        }
    }

    /// A rule that is switched off is not loaded: what is known of it is what was asked for.
    fn disabled_view(&self, rule: &config::Rule) -> RuleView {
        let plugin = plugin_of(rule);
        let digest = lock(&self.registry)
            .deployment
            .plugins
            .get(plugin)
            .and_then(|deployed| Some(deployed.live_version()?.digest.clone()))
            .unwrap_or_default();
        RuleView {
            rule_id: rule.rule_id.clone(),
            name: rule.name.clone().unwrap_or_else(|| rule.rule_id.clone()),
            description: rule.description.clone().unwrap_or_default(),
            detection_type: rule.detection_type.unwrap_or(DetectionType::PerformanceDegradation),
            severity: rule.severity.unwrap_or(Severity::Medium),
            enabled: false,
            precision: self.precision(&rule.rule_id),
            plugin: self.plugin_ref(plugin, &digest),
            window_s: f64::from(rule.window_size.unwrap_or_default()),
            min_occurrences: rule.min_occurrences.unwrap_or(1),
            actions: rule.actions.clone().unwrap_or_default(),
            threshold: rule.threshold,
            parameters: BTreeMap::new(),
            settings: json!(rule.settings),
            system_types: rule.system_types.clone(),
            system_ids: rule.system_ids.clone(),
            overrides: rule.overrides.iter().map(|entry| json!(entry)).collect(),
            origin: self.origin(&rule.rule_id),
            shadow: None,
            quarantine: None,
            cost: Cost::default(),
        }
    }

    pub(super) fn plugin_ref(&self, name: &str, digest: &str) -> PluginRef {
        let registry = lock(&self.registry);
        let version = registry.deployment.plugins.get(name).and_then(|deployed| deployed.with_digest(digest));
        PluginRef {
            name: name.to_owned(),
            version: version.map_or(0, |version| version.version),
            digest: digest.to_owned(),
        }
    }

    fn origin(&self, rule_id: &str) -> &'static str {
        let registry = lock(&self.registry);
        if registry.deployment.rules.contains_key(rule_id) {
            "api"
        } else if registry.config.rules.iter().any(|rule| rule.rule_id == rule_id) {
            "configuration"
        } else {
            "default"
        }
    }
}

impl Account {
    /// Adds what another shard says of the same rule.
    fn add(&mut self, other: Self) {
        let (cost, more) = (&mut self.cost, other.cost);
        cost.time += more.time;
        cost.rows += more.rows;
        cost.failures += more.failures;
        cost.unjudged_rows += more.unjudged_rows;
        cost.quarantine = cost.quarantine.take().or(more.quarantine);
        cost.last_error = cost.last_error.take().or(more.last_error);
        if let (Some(sum), Some(more)) = (&mut self.shadow, other.shadow) {
            sum.since = sum.since.min(more.since).or(more.since);
            sum.rows += more.rows;
            sum.live_matched += more.live_matched;
            sum.shadow_matched += more.shadow_matched;
            sum.added += more.added;
            sum.lost += more.lost;
            sum.changed += more.changed;
            sum.live_opened += more.live_opened;
            sum.shadow_opened += more.shadow_opened;
            sum.live_time += more.live_time;
            sum.shadow_time += more.shadow_time;
            sum.shadow_failures += more.shadow_failures;
            sum.examples.extend(more.examples);
        }
    }
}

/// A cost as the API shows it.
pub(super) fn cost(cost: &RuleCost) -> Cost {
    let time_ns = cost.time.as_nanos() as u64;
    Cost {
        rows: cost.rows,
        time_ns,
        ns_per_row: (cost.rows > 0).then(|| time_ns as f64 / cost.rows as f64),
        failures: cost.failures,
        unjudged_rows: cost.unjudged_rows,
    }
}

pub(super) fn quarantine(quarantine: &crate::shard::Quarantine) -> Quarantine {
    Quarantine {
        since: quarantine.since,
        until: quarantine.until,
        reason: quarantine.reason.clone(),
        times: quarantine.times,
    }
}
