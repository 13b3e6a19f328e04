//! Changes of what is in force: composed beside the road, kept, and only then put in force between two rounds.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::committer::Told;
use super::deployment::Deployment;
use super::registry::Registry;
use super::views::RuleView;
use super::{ChangeError, Service, lock};
use crate::access::Principal;
use crate::catalog::{Catalog, Refused, config};

impl Service {
    /// Changes a rule, or, with `replace`, makes it what `body` says and nothing else. `body` has the keys of `[[rules]]`.
    ///
    /// # Errors
    /// What in `body` makes no sense, by key; or there is no such rule.
    pub fn change_rule(
        &self,
        id: &str,
        body: Value,
        replace: bool,
        by: &Principal,
    ) -> Result<RuleView, ChangeError> {
        let before = self.rule(id);
        let mut registry = lock(&self.registry);
        let wanted = if replace {
            merged(&config::Rule { rule_id: id.to_owned(), ..config::Rule::default() }, id, body)?
        } else {
            if before.is_none() {
                return Err(ChangeError::Unknown { what: "rule", name: id.to_owned() });
            }
            let effective = registry.effective(&registry.deployment);
            let known = effective.rules.into_iter().find(|rule| rule.rule_id == id);
            let base =
                known.unwrap_or_else(|| config::Rule { rule_id: id.to_owned(), ..config::Rule::default() });
            merged(&base, id, body)?
        };
        let mut deployment = registry.deployment.clone();
        deployment.rules.insert(id.to_owned(), wanted);
        self.put_in_force(&mut registry, deployment, "invalid-rule", &format!("rule {id}"))?;
        drop(registry);
        let view = self.rule(id).ok_or_else(|| ChangeError::Unknown { what: "rule", name: id.to_owned() })?;
        self.note(by, "rule.change", id, &settings_of(before.as_ref()), &settings_of(Some(&view)))?;
        self.tell("rule_changed", json!({ "rule_id": id, "by": by.name }))?;
        Ok(view)
    }

    /// Takes back what the API made of a rule; `None`: nothing of it is left.
    ///
    /// # Errors
    /// The API has made nothing of it.
    pub fn drop_rule_change(&self, id: &str, by: &Principal) -> Result<Option<RuleView>, ChangeError> {
        let before = self.rule(id);
        let mut registry = lock(&self.registry);
        let mut deployment = registry.deployment.clone();
        if deployment.rules.remove(id).is_none() {
            return Err(match before {
                Some(_) => ChangeError::Conflict {
                    kind: "not-changed",
                    detail: format!("rule {id} is as configured; there is nothing to take back"),
                    members: Map::new(),
                },
                None => ChangeError::Unknown { what: "rule", name: id.to_owned() },
            });
        }
        self.put_in_force(&mut registry, deployment, "invalid-rule", &format!("rule {id}"))?;
        drop(registry);
        let view = self.rule(id);
        self.note(by, "rule.drop", id, &settings_of(before.as_ref()), &settings_of(view.as_ref()))?;
        self.tell("rule_changed", json!({ "rule_id": id, "by": by.name }))?;
        Ok(view)
    }

    /// Lifts the quarantine of a rule.
    ///
    /// # Errors
    /// There is no such rule.
    pub fn release_rule(&self, id: &str, by: &Principal) -> Result<RuleView, ChangeError> {
        let before =
            self.rule(id).ok_or_else(|| ChangeError::Unknown { what: "rule", name: id.to_owned() })?;
        let rule_id = id.to_owned();
        let released = self.ask(move |shard| shard.release(&rule_id)).into_iter().any(|released| released);
        if released {
            self.note(by, "rule.release", id, &json!(before.quarantine), &Value::Null)?;
            self.tell(
                "plugin_released",
                json!({ "rule_id": id, "plugin": before.plugin.name, "by": by.name }),
            )?;
        }
        self.rule(id).ok_or_else(|| ChangeError::Unknown { what: "rule", name: id.to_owned() })
    }

    /// Composes what a deployment means, keeps it, and puts it in force. `subject` is the `rule x` or `plugin y` that
    /// must be usable for that; what else is refused was so before.
    pub(super) fn put_in_force(
        &self,
        registry: &mut Registry,
        deployment: Deployment,
        kind: &'static str,
        subject: &str,
    ) -> Result<(), ChangeError> {
        let problems = registry.effective(&deployment).problems();
        if !problems.is_empty() {
            return Err(ChangeError::Invalid { kind, problems });
        }
        let before = std::mem::replace(&mut registry.deployment, deployment);
        let catalog = match self.composed(registry, kind, subject) {
            Ok(catalog) => catalog,
            Err(error) => {
                registry.deployment = before;
                return Err(error);
            }
        };
        if let Err(error) = registry.save().and_then(|()| self.store.flush()) {
            registry.deployment = before;
            return Err(error.into());
        }
        self.adopt(Arc::new(catalog));
        Ok(())
    }

    fn composed(
        &self,
        registry: &mut Registry,
        kind: &'static str,
        subject: &str,
    ) -> Result<Catalog, ChangeError> {
        let now = self.shared.catalog();
        let (catalog, refused) = registry.compose(now.vocabulary(), Some(&now));
        let in_force_now = |refused: &&Refused| {
            let lost_rule = refused.name.strip_prefix("rule ");
            let was = |id: &str| now.rules.iter().any(|rule| *rule.rule_id == *id);
            refused.name.ends_with(subject) || lost_rule.is_some_and(was)
        };
        let problems: Vec<String> = refused.iter().filter(in_force_now).map(ToString::to_string).collect();
        if problems.is_empty() { Ok(catalog) } else { Err(ChangeError::Invalid { kind, problems }) }
    }

    /// Puts a catalog in force; returns when every shard has it.
    pub(super) fn adopt(&self, catalog: Arc<Catalog>) {
        self.shared.catalog.store(Arc::clone(&catalog));
        let adopted = self.shared.transact(&self.tables, |desk, ledger, transaction| {
            desk.adopt(&catalog, ledger, transaction, crate::time::Millis::now())
        });
        if let Err(error) = adopted {
            tracing::error!(error = super::chain(&error), "what is owed could not be looked at anew");
        }
        self.shared.news();
        let (done, is_done) = oneshot::channel();
        let told = lock(&self.told).clone();
        if told.is_some_and(|told| told.send(Told::Adopt(catalog, done)).is_ok())
            && is_done.blocking_recv().is_ok()
        {
            // Shards answer in order: once they do, they have seen the round that brought the change.
            self.ask(|_| ());
        }
    }

    /// Tells the stream.
    pub(super) fn tell(&self, event: &'static str, data: Value) -> Result<(), ChangeError> {
        let Value::Object(data) = data else { return Ok(()) };
        self.shared.stream.publish(event, data)?;
        Ok(())
    }
}

/// A rule with the keys of `body` put over it.
fn merged(base: &config::Rule, id: &str, body: Value) -> Result<config::Rule, ChangeError> {
    let invalid = |problem: String| ChangeError::Invalid { kind: "invalid-rule", problems: vec![problem] };
    let Value::Object(changes) = body else {
        return Err(invalid("the body is not an object with the keys of a rule".to_owned()));
    };
    let base = serde_json::to_value(base).map_err(|error| invalid(error.to_string()))?;
    let Value::Object(mut rule) = base else { return Err(invalid("a rule is an object".to_owned())) };
    for (key, value) in changes {
        match (rule.get_mut(&key), value) {
            // One parameter is changed without naming the others.
            (Some(Value::Object(known)), Value::Object(given))
                if key == "parameters" || key == "settings" =>
            {
                known.extend(given);
                known.retain(|_, value| !value.is_null());
            }
            (_, value) => drop(rule.insert(key, value)),
        }
    }
    if rule.get("rule_id").and_then(Value::as_str) != Some(id) {
        return Err(invalid(format!("rule_id is {}, and the path says {id}", rule["rule_id"])));
    }
    rule.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(rule)).map_err(|error| invalid(error.to_string()))
}

/// What of a rule can be changed, for the audit log.
fn settings_of(rule: Option<&RuleView>) -> Value {
    let Some(rule) = rule else { return Value::Null };
    let mut view = json!(rule);
    if let Some(view) = view.as_object_mut() {
        view.retain(|key, _| !["cost", "quarantine", "shadow"].contains(&key.as_str()));
    }
    view
}
