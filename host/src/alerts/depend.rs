//! Consequences of another system's failure: which alerts an alert is held behind.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::change::Alert;
use super::map::Map;
use super::standing::Standing;
use crate::limits::DEPENDENCY_STEPS_MAX;

/// Kinds of trouble that explain every other of a dependent system, however mild they are.
const EXPLAINS_ALL: [&str; 2] = ["disconnection", "dependency_failure"];

/// Alerts that fire, by their system and by the system that theirs depends on.
#[derive(Clone, Debug, Default)]
pub(super) struct Systems {
    firing: Map<String, BTreeSet<Uuid>>,
    dependents: Map<String, BTreeSet<Uuid>>,
}

impl Systems {
    pub(super) fn insert(&mut self, alert: &Alert, depends_on: &str) {
        add(&mut self.firing, alert.labels.get("system_id"), alert.id);
        add(&mut self.dependents, alert.labels.get(depends_on), alert.id);
    }

    pub(super) fn remove(&mut self, alert: &Alert, depends_on: &str) {
        take(&mut self.firing, alert.labels.get("system_id"), alert.id);
        take(&mut self.dependents, alert.labels.get(depends_on), alert.id);
    }

    /// Alerts that fire on systems which depend on this one.
    pub(super) fn dependents(&self, system: &str) -> impl Iterator<Item = Uuid> {
        self.dependents.get(system).into_iter().flatten().copied()
    }

    /// An alert of the system furthest up the chain that explains this one.
    ///
    /// Systems that depend on each other in a ring would all be held behind one another: there an alert is held only
    /// behind older ones.
    pub(super) fn explaining(
        &self,
        standing: &Map<Uuid, Box<Standing>>,
        depends_on: &str,
        alert: &Alert,
    ) -> Option<Uuid> {
        let first = alert.labels.get(depends_on);
        if first.is_empty() || !self.firing.contains_key(first) {
            return None;
        }
        let own = alert.labels.get("system_id");
        let mut found = None;
        let mut seen = BTreeSet::from([own]);
        let mut systems = vec![first];
        while !systems.is_empty() && seen.len() < DEPENDENCY_STEPS_MAX {
            let mut further = Vec::new();
            let mut here: Option<&Alert> = None;
            for system in systems {
                if !seen.insert(system) {
                    continue;
                }
                for id in self.firing.get(system).into_iter().flatten() {
                    let Some(other) = standing.get(id).map(|standing| &standing.alert) else { continue };
                    further.push(other.labels.get(depends_on));
                    let explains = other.severity >= alert.severity
                        || EXPLAINS_ALL.contains(&other.labels.get("detection_type"));
                    if explains
                        && here.is_none_or(|best| age(other) < age(best))
                        && (age(other) < age(alert) || !self.reaches(standing, depends_on, system, own))
                    {
                        here = Some(other);
                    }
                }
            }
            found = here.map(|alert| alert.id).or(found);
            further.retain(|system| !system.is_empty() && !seen.contains(system));
            systems = further;
        }
        found
    }

    /// Whether a system that this alert's depends on depends on it as well.
    pub(super) fn closes_ring(
        &self,
        standing: &Map<Uuid, Box<Standing>>,
        depends_on: &str,
        alert: &Alert,
    ) -> bool {
        let first = alert.labels.get(depends_on);
        !first.is_empty() && self.reaches(standing, depends_on, first, alert.labels.get("system_id"))
    }

    /// Whether one system depends on another, as far as firing alerts tell.
    fn reaches(&self, standing: &Map<Uuid, Box<Standing>>, depends_on: &str, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut systems = vec![from];
        while let Some(system) = systems.pop() {
            if system == to {
                return true;
            }
            if system.is_empty() || seen.len() >= DEPENDENCY_STEPS_MAX || !seen.insert(system) {
                continue;
            }
            let alerts = self.firing.get(system).into_iter().flatten();
            let alerts = alerts.filter_map(|id| standing.get(id));
            systems.extend(alerts.map(|standing| standing.alert.labels.get(depends_on)));
        }
        false
    }
}

fn age(alert: &Alert) -> (crate::time::Millis, Uuid) {
    (alert.opened, alert.id)
}

fn add(map: &mut Map<String, BTreeSet<Uuid>>, system: &str, id: Uuid) {
    if system.is_empty() {
        return;
    }
    if let Some(alerts) = map.get_mut(system) {
        alerts.insert(id);
    } else {
        map.insert(system.to_owned(), BTreeSet::from([id]));
    }
}

fn take(map: &mut Map<String, BTreeSet<Uuid>>, system: &str, id: Uuid) {
    if let Some(alerts) = map.get_mut(system) {
        alerts.remove(&id);
        if alerts.is_empty() {
            map.remove(system);
        }
    }
}
