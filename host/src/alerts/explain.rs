//! What would become of an alert with given labels, and why.

use serde::Serialize;
use uuid::Uuid;

use super::change::Alert;
use super::labels::Labels;
use super::matcher::severity_of;
use super::room::Alerts;
use crate::model::Severity;
use crate::time::Millis;

/// What would become of an alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteTest {
    /// The routes that were looked at, in order.
    pub visited: Vec<Visit>,
    /// The routes that would take it, in order.
    pub taken: Vec<Taken>,
    /// Maintenance windows that would hide it, by name.
    pub maintenance: Vec<String>,
    /// Silences that would hide it.
    pub silences: Vec<Uuid>,
    /// Alerts that would hide it.
    pub inhibited: Vec<InhibitedBy>,
    /// The alert that it would be held behind.
    pub depends_on: Option<Uuid>,
}

/// A route that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Visit {
    /// The route's path.
    pub route: String,
    /// The matcher that failed; none if it matched.
    pub failed: Option<String>,
}

/// A route that would take an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// The route's path.
    pub route: String,
    /// Who would be told; nobody is on purpose.
    pub receivers: Vec<String>,
    /// The labels of its group.
    pub group: Labels,
    /// The name of the escalation policy.
    pub escalation: Option<String>,
    /// The window during which the route is quiet now.
    pub muted: Option<String>,
}

/// An alert that would hide another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InhibitedBy {
    /// The rule's place in the configuration, from 0.
    pub rule: usize,
    /// The alert.
    pub by: Uuid,
}

impl Alerts {
    /// What would become of an alert with these labels that is opened now. Nothing is told and nothing changes.
    ///
    /// Without a severity that is known it counts as low.
    #[must_use]
    pub fn route_test(&self, labels: &Labels, now: Millis) -> RouteTest {
        let plan = &self.plan;
        let mut visited = Vec::new();
        if !plan.routes.0.is_empty() {
            self.visit(0, labels, &mut visited);
        }
        let mut taken = Vec::new();
        plan.routes.select(labels, &mut taken);
        let active = |window: usize| plan.windows[window].at(now).active;
        let taken = taken.into_iter().map(|number| {
            let route = &plan.routes.0[number];
            let muted = route.mute.iter().find(|&&window| active(window));
            Taken {
                route: route.path.clone(),
                receivers: route.receivers.iter().map(ToString::to_string).collect(),
                group: labels.only(&route.group_by),
                escalation: route.escalation.map(|policy| plan.policies[policy].name.clone()),
                muted: muted.map(|&window| plan.windows[window].name.clone()),
            }
        });
        let taken = taken.collect();
        let hiding = (0..plan.windows.len())
            .filter(|&window| plan.windows[window].hides(labels) && active(window))
            .map(|window| plan.windows[window].name.clone());
        let inhibited = self.sources.all_hiding(&plan.inhibitions, labels);
        RouteTest {
            visited,
            taken,
            maintenance: hiding.collect(),
            silences: self.silences.all_hiding(labels),
            inhibited: inhibited.into_iter().map(|(rule, by)| InhibitedBy { rule, by }).collect(),
            depends_on: self.would_depend(labels, now),
        }
    }

    fn visit(&self, at: usize, labels: &Labels, visited: &mut Vec<Visit>) -> bool {
        let route = &self.plan.routes.0[at];
        let failed = route.matchers.failed(labels).map(ToString::to_string);
        let matched = failed.is_none();
        visited.push(Visit { route: route.path.clone(), failed });
        if matched {
            for &child in &route.children {
                if self.visit(child, labels, visited) && !self.plan.routes.0[child].goes_on {
                    break;
                }
            }
        }
        matched
    }

    fn would_depend(&self, labels: &Labels, now: Millis) -> Option<Uuid> {
        if self.plan.depends_on.is_empty() {
            return None;
        }
        let alert = Alert {
            id: Uuid::max(),
            labels: labels.clone(),
            severity: severity_of(labels.get("severity")).unwrap_or(Severity::Low),
            opened: now,
            summary: String::new(),
        };
        self.systems.explaining(&self.standing, &self.plan.depends_on, &alert)
    }
}
