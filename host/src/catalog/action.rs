//! An action in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::config;
use crate::alerts::Plan as AlertPlan;
use crate::outbox::Destination;
use crate::outside::{Capabilities, Grants, Means};
use crate::sandbox::{ActionInstance, Kind, LoadError, Plugin};

/// The bundled actions, which are there without configuration.
const DEFAULT_ACTIONS: [&str; 7] = [
    "send_alert",
    "escalate",
    "initiate_recovery",
    "analyze_performance",
    "initiate_cleanup",
    "initiate_sync",
    "block_access",
];
/// The action that is given to whom the routes say, and not owed by itself.
pub const SEND_ALERT: &str = "send_alert";
/// The action that is owed when a level of an escalation is reached.
pub const ESCALATE: &str = "escalate";
/// Reads what is kept of systems, and may unless it is configured otherwise.
const ANALYZE: &str = "analyze_performance";

/// A plugin, its settings, and what it may reach.
pub struct Action {
    /// Names the action.
    pub action_id: Arc<str>,
    /// Who acts.
    pub plugin: Plugin,
    /// The plugin's own settings, a JSON object.
    pub settings: Value,
    /// What it may reach.
    pub grants: Grants,
    /// How it is delivered.
    pub delivery: Destination,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it can be taken back.
    pub undoes: bool,
    /// What the operator asked for.
    pub wanted: config::Action,
}

impl Action {
    /// A new instance.
    ///
    /// # Errors
    /// The component no longer starts.
    pub async fn instance(
        &self,
        means: &Arc<Means>,
        dry_run: bool,
    ) -> Result<(ActionInstance, Capabilities), LoadError> {
        let deadline = std::time::Duration::try_from_secs_f64(self.delivery.timeout_s).unwrap_or_default();
        let mut capabilities = Capabilities::new(self.grants.clone(), Arc::clone(means)).within(deadline);
        if dry_run {
            capabilities = capabilities.dry_run();
        }
        let instance = self.plugin.action(&self.settings.to_string(), capabilities.clone()).await?.0;
        Ok((instance, capabilities))
    }
}

/// The default actions with the operator's changes, and the operator's own.
pub(super) fn wanted(
    config: &config::Config,
    plugins: &BTreeMap<String, Plugin>,
    added: &[String],
) -> Vec<config::Action> {
    let configured = &config.actions;
    let is_configured = |id: &str| configured.iter().any(|action| action.action_id == id);
    let is_added = |name: &&String| plugins.get(*name).is_some_and(|plugin| plugin.kind == Kind::Action);
    let implied = DEFAULT_ACTIONS.into_iter().chain(added.iter().filter(is_added).map(String::as_str));
    let defaults = implied.filter(|id| !is_configured(id)).map(|id| config::Action {
        action_id: id.to_owned(),
        grants: Grants { history: id == ANALYZE, ..Grants::default() },
        ..config::Action::default()
    });
    defaults.chain(configured.iter().cloned()).filter(|action| action.enabled.unwrap_or(true)).collect()
}

/// Configures an action once, to see whether it can be.
pub(super) fn configure(
    wanted: &config::Action,
    plugins: &BTreeMap<String, Plugin>,
    means: &Arc<Means>,
) -> Result<Action, String> {
    let name = wanted.plugin.as_ref().unwrap_or(&wanted.action_id);
    let plugin = plugins.get(name).ok_or_else(|| {
        let actions = plugins.values().filter(|plugin| plugin.kind == Kind::Action);
        let known: Vec<&str> = actions.map(|plugin| &*plugin.name).collect();
        format!("needs plugin {name}, which is not there; there are {}", known.join(", "))
    })?;
    let settings = serde_json::to_value(&wanted.settings).map_err(|error| format!("settings: {error}"))?;
    let capabilities = Capabilities::new(Grants::default(), Arc::clone(means));
    let configured = block_on(plugin.action(&settings.to_string(), capabilities))?;
    let (_, descriptor) = configured.map_err(|error| format!("plugin {name} {error}"))?;
    Ok(Action {
        action_id: wanted.action_id.as_str().into(),
        plugin: plugin.clone(),
        settings,
        grants: wanted.grants.clone(),
        delivery: wanted.delivery.clone(),
        name: descriptor.name,
        description: descriptor.description,
        undoes: descriptor.undoes,
        wanted: wanted.clone(),
    })
}

/// Waits for what does not wait for anything outside, on a thread that may be waited on.
fn block_on<T: Send>(work: impl Future<Output = T> + Send) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| runtime.block_on(work));
        thread.join().map_err(|_| "the plugin could not be configured".to_owned())
    })
}

/// The plan of who is told, if it is one: everybody that it names has to be an action in force.
pub(super) fn alert_plan(
    config: &config::Config,
    actions: &BTreeMap<String, Arc<Action>>,
) -> Result<Arc<AlertPlan>, Vec<String>> {
    let known: BTreeSet<String> = actions.keys().cloned().collect();
    AlertPlan::compile(&config.alerts, &known).map(Arc::new)
}

/// The plan by which nobody is told.
pub(super) fn nobody() -> Arc<AlertPlan> {
    Arc::new(AlertPlan::default())
}
