//! Another configuration: alerts that fire are routed anew, and nothing is told twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::decision::Decision;
use super::due::Due;
use super::group::{GroupId, Knows, Last, Purpose};
use super::plan::Plan;
use super::record::RecordKey;
use super::room::{Alerts, Pace};
use super::standing::Hold;
use crate::time::Millis;

impl Alerts {
    /// Goes on with another configuration. Alerts that fire are routed anew; a receiver that was told of one is not told
    /// of it again because its group is another now. A group that is not there any more ends what it began.
    pub fn adopt(&mut self, plan: Arc<Plan>, now: Millis, out: &mut Vec<Decision>) {
        self.tick(now, out);
        self.plan = plan;
        self.reroute_all(now, out);
        self.tick(now, out);
    }

    pub(super) fn reroute_all(&mut self, now: Millis, out: &mut Vec<Decision>) {
        self.renew_due(now);
        self.index_all();
        let firing: BTreeSet<Uuid> = self
            .standing
            .values()
            .filter(|standing| standing.firing)
            .map(|standing| standing.alert.id)
            .collect();
        let was_held = self.let_go(&firing);
        for group in self.groups.values_mut() {
            if let Purpose::Route(_) = group.purpose {
                group.purpose = Purpose::Retired;
            }
        }
        for &id in &firing {
            let before: Vec<GroupId> = self.groups_of(id);
            self.route(id, false, now, out);
            for group in self.groups_of(id).into_iter().filter(|group| !before.contains(group)) {
                self.inherit(id, group);
            }
        }
        self.retire();
        for &id in &firing {
            if self.look(id, now, out).is_none() {
                if was_held.contains(&id) {
                    self.join(id, Pace::AtOnce, now, out);
                }
                self.plan_escalation(id);
            }
        }
        let groups: BTreeMap<GroupId, Option<Millis>> = self
            .groups
            .iter()
            .map(|(&id, group)| match group.purpose {
                Purpose::Route(_) if group.last.is_some() => (id, Some(now)),
                Purpose::Route(_) => (id, Some(group.ready.max(now))),
                Purpose::Retired => (id, None),
                Purpose::Escalation => (id, group.due),
            })
            .collect();
        for (id, due) in groups {
            self.set_due(id, due);
        }
        self.dirty.extend(self.groups.keys().copied().map(RecordKey::Group));
        self.dirty.extend(self.standing.keys().copied().map(RecordKey::Alert));
        self.dirty.insert(RecordKey::Room);
    }

    /// What falls due by the plan alone.
    fn renew_due(&mut self, now: Millis) {
        self.due.retain(|due| !matches!(due, Due::Window(_) | Due::Flap(_)));
        self.windows = self.plan.windows.iter().map(|window| window.at(now)).collect();
        for (number, standing) in self.windows.iter().enumerate() {
            if let Some(edge) = standing.edge {
                self.due.insert(edge, Due::Window(number));
            }
        }
        for (key, flap) in &self.flaps {
            self.due.insert(flap.due(&self.plan.flap), Due::Flap(Arc::clone(key)));
        }
    }

    /// Forgets what held alerts that fire, since the plan's rules and windows have other places now.
    fn let_go(&mut self, firing: &BTreeSet<Uuid>) -> BTreeSet<Uuid> {
        let mut was_held = BTreeSet::new();
        for &id in firing {
            let Some(standing) = self.standing.get_mut(&id) else { continue };
            // Whatever is held as flapping is not by the plan.
            if standing.hold.is_none_or(|hold| hold == Hold::Flapping) {
                continue;
            }
            let (flap, hold) = (Arc::clone(&standing.flap), standing.hold.take());
            self.move_hold(id, &flap, hold, None);
            was_held.insert(id);
        }
        was_held
    }

    fn groups_of(&self, id: Uuid) -> Vec<GroupId> {
        let standing = self.standing.get(&id);
        standing
            .into_iter()
            .flat_map(|standing| &standing.memberships)
            .map(|membership| membership.group)
            .collect()
    }

    /// A group begins with what its receivers know of a member from others.
    fn inherit(&mut self, id: Uuid, to: GroupId) {
        let Some(standing) = self.standing.get_mut(&id) else { return };
        let told = standing.memberships.iter().filter(|membership| membership.told);
        let last = told.filter_map(|told| self.groups.get(&told.group)?.last).max_by_key(|last| last.at);
        let (Some(before), Some(group)) = (last, self.groups.get_mut(&to)) else { return };
        let Purpose::Route(route) = group.purpose else { return };
        let mut known = false;
        for receiver in self.plan.routes.0[route].receivers.iter().filter(|receiver| standing.knows(receiver))
        {
            group.knows.entry(Arc::clone(receiver)).or_insert(Knows::Before);
            known = true;
        }
        if !known {
            return;
        }
        let last = group.last.unwrap_or(Last { at: before.at, firing: 0, worst: standing.alert.severity });
        group.last = Some(Last {
            at: last.at.max(before.at),
            firing: last.firing + 1,
            worst: last.worst.max(standing.alert.severity),
        });
        if let Some(membership) = standing.membership_mut(to) {
            membership.told = true;
            group.told += 1;
        }
    }

    /// Groups that no route leads to any more are not found again.
    fn retire(&mut self) {
        let groups = &self.groups;
        self.current.retain(|_, id| groups.get(id).is_some_and(|group| group.purpose != Purpose::Retired));
    }
}
