//! Which groups alerts are in, when those are looked at, and when they end.

use std::sync::Arc;

use uuid::Uuid;

use super::decision::{Decision, Kind, Step};
use super::due::Due;
use super::group::{Group, GroupId, Knows, Purpose};
use super::labels::Labels;
use super::record::RecordKey;
use super::room::{Alerts, Pace};
use super::route::{Receiver, Route};
use super::standing::{Membership, Standing};
use crate::time::Millis;

impl Alerts {
    /// Puts an alert into the groups of its routes. Where it was told it stays as well, until it is over.
    pub(super) fn route(&mut self, id: Uuid, notes: bool, now: Millis, out: &mut Vec<Decision>) {
        let plan = Arc::clone(&self.plan);
        let Some(standing) = self.standing.get(&id) else { return };
        let mut taken = Vec::new();
        plan.routes.select(&standing.alert.labels, &mut taken);
        if taken.is_empty() && notes {
            out.push(Decision::Note { id, at: now, step: Step::NoRoute });
        }
        let before = standing.memberships.len();
        let mut wanted = Vec::new();
        for number in taken {
            let route = &plan.routes.0[number];
            if route.receivers.is_empty() {
                if notes {
                    let step = Step::Nobody { route: route.path.clone() };
                    out.push(Decision::Note { id, at: now, step });
                }
                continue;
            }
            let Some(standing) = self.standing.get(&id) else { return };
            self.key.clear();
            route.group_key(&standing.alert.labels, &mut self.key);
            let group = match self.current.get(&self.key) {
                Some(&group) => group,
                None => {
                    let labels = standing.alert.labels.only(&route.group_by);
                    self.begin(Purpose::Route(number), &route.path, labels, now)
                }
            };
            if let Some(joined) = self.groups.get_mut(&group) {
                joined.purpose = Purpose::Route(number);
                joined.members.insert(id);
            }
            wanted.push(group);
        }
        if before > 0 {
            self.depart(id, &wanted, now, out);
        }
        let Some(standing) = self.standing.get_mut(&id) else { return };
        for group in wanted {
            if standing.membership(group).is_none() {
                standing.memberships.push(Membership { group, told: false, again: false });
            }
        }
    }

    /// Takes an alert out of groups where it was not told and does not belong any more.
    fn depart(&mut self, id: Uuid, wanted: &[GroupId], now: Millis, out: &mut Vec<Decision>) {
        let Some(standing) = self.standing.get_mut(&id) else { return };
        let mut left = Vec::new();
        standing.memberships.retain(|membership| {
            let escalation =
                self.groups.get(&membership.group).is_some_and(|group| group.purpose == Purpose::Escalation);
            let stays = membership.told || escalation || wanted.contains(&membership.group);
            if !stays {
                left.push(membership.group);
            }
            stays
        });
        for group in left {
            if let Some(group) = self.groups.get_mut(&group) {
                group.members.remove(&id);
            }
            self.settle(group, now, out);
        }
    }

    /// Begins the life of the group whose key was made.
    pub(super) fn begin(&mut self, purpose: Purpose, path: &str, labels: Labels, now: Millis) -> GroupId {
        self.lives += 1;
        let id = GroupId(self.lives);
        let mut group = Group::new(id, self.key.clone(), purpose, path, labels);
        if let Purpose::Route(route) = purpose {
            group.ready = now.plus_seconds(self.plan.routes.0[route].wait_s);
            group.due = Some(group.ready);
            self.due.insert(group.ready, Due::Flush(id));
        }
        self.current.insert(group.key.clone(), id);
        self.groups.insert(id, group);
        self.dirty.insert(RecordKey::Room);
        self.dirty.insert(RecordKey::Group(id));
        id
    }

    /// An alert that nothing holds is to be told where it was not, and told again where that is due.
    pub(super) fn join(&mut self, id: Uuid, pace: Pace, now: Millis, out: &mut Vec<Decision>) {
        for number in 0.. {
            let Some(standing) = self.standing.get(&id).filter(|standing| standing.is_visible()) else {
                return;
            };
            let Some(&membership) = standing.memberships.get(number) else { return };
            let Some(group) = self.groups.get(&membership.group) else { continue };
            let severity = standing.alert.severity;
            let rises = group.last.is_some_and(|last| severity > last.worst);
            let at = match group.purpose {
                Purpose::Retired => continue,
                Purpose::Escalation if group.audience.is_empty() => continue,
                Purpose::Escalation => now,
                Purpose::Route(route)
                    if !membership.again && !rises && knows_all(standing, &self.plan.routes.0[route]) =>
                {
                    self.plan_repeat(membership.group, now);
                    self.plan_update(membership.group, now);
                    continue;
                }
                Purpose::Route(route) if self.muted(&self.plan.routes.0[route]).is_some() => {
                    self.note_muted(membership.group, &[id], now, out);
                    continue;
                }
                Purpose::Route(route) => {
                    let route = &self.plan.routes.0[route];
                    let waited = now.plus_seconds(route.wait_s);
                    let earliest = if pace == Pace::AfterWait { waited } else { now };
                    match group.last {
                        None if pace == Pace::AtOnce => earliest.max(group.ready),
                        None => waited,
                        Some(_) if membership.again || rises || !group.knows_all(route) => earliest,
                        Some(last) => {
                            let wait_s = if group.has_grown(group.members.len()) {
                                route.growth_s.min(route.interval_s)
                            } else {
                                route.interval_s
                            };
                            last.at.plus_seconds(wait_s).max(earliest)
                        }
                    }
                }
            };
            let until = group.due.map_or(at, |due| due.min(at));
            if !membership.told && until > now {
                let step = Step::Waiting { route: group.path.clone(), until };
                out.push(Decision::Note { id, at: now, step });
            }
            self.set_due(membership.group, Some(until));
        }
    }

    /// Changes when a group is looked at.
    pub(super) fn set_due(&mut self, id: GroupId, due: Option<Millis>) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.due != due {
            self.due.shift(group.due, due, Due::Flush(id));
            group.due = due;
            self.dirty.insert(RecordKey::Group(id));
        }
    }

    /// An alert fires again before it was told that it was over.
    pub(super) fn returns(&mut self, standing: &Standing) {
        for membership in &standing.memberships {
            let Some(group) = self.groups.get_mut(&membership.group) else { continue };
            if group.left.remove(&standing.alert.id) {
                group.members.insert(standing.alert.id);
                group.told += 1;
                group.resolved = group.resolved.saturating_sub(1);
                self.dirty.insert(RecordKey::Group(membership.group));
            }
        }
    }

    /// An alert is over, and that is told.
    pub(super) fn leave(&mut self, id: Uuid, now: Millis, out: &mut Vec<Decision>) {
        let Some(standing) = self.standing.get_mut(&id) else { return };
        let (flap, hold) = (Arc::clone(&standing.flap), standing.hold.take());
        let memberships = std::mem::take(&mut standing.memberships);
        standing.memberships = memberships.iter().copied().filter(|membership| membership.told).collect();
        self.move_hold(id, &flap, hold, None);
        self.dirty.insert(RecordKey::Alert(id));
        for membership in memberships {
            let Some(group) = self.groups.get_mut(&membership.group) else { continue };
            if !group.members.remove(&id) {
                continue;
            }
            self.dirty.insert(RecordKey::Group(membership.group));
            if membership.told {
                group.told -= 1;
                group.resolved += 1;
                group.left.insert(id);
            }
            self.settle(membership.group, now, out);
            self.plan_update(membership.group, now);
        }
        self.forget_if_done(id);
    }

    /// Members are over: that is told with the next update.
    fn plan_update(&mut self, id: GroupId, now: Millis) {
        let Some(group) = self.groups.get(&id) else { return };
        let (Purpose::Route(route), Some(last)) = (group.purpose, group.last) else { return };
        if !group.left.is_empty() {
            let at = last.at.plus_seconds(self.plan.routes.0[route].interval_s).max(now);
            self.set_due(id, Some(group.due.map_or(at, |due| due.min(at))));
        }
    }

    /// Ends a group of which nothing that was told goes on.
    pub(super) fn settle(&mut self, id: GroupId, now: Millis, out: &mut Vec<Decision>) {
        let Some(group) = self.groups.get(&id) else { return };
        if group.told > 0 {
            return;
        }
        if group.knows.values().all(|&knows| knows == Knows::Before) && !group.members.is_empty() {
            return;
        }
        let members: Vec<Uuid> = group.members.iter().copied().collect();
        // Something that is about to be told goes on under the same name.
        if members.iter().any(|&member| self.look(member, now, out).is_none()) {
            return;
        }
        self.tell_resolved(id, now, out);
        self.end(id, members, now);
    }

    fn tell_resolved(&mut self, id: GroupId, now: Millis, out: &mut Vec<Decision>) {
        let Some(group) = self.groups.get(&id) else { return };
        let left: Vec<Uuid> = group.left.iter().copied().collect();
        let known = |name: &Receiver| {
            group.purpose == Purpose::Escalation || self.plan.receivers.contains(name.as_ref())
        };
        let owed = group.knows.iter().filter(|&(name, &knows)| knows == Knows::Told && known(name));
        let owed: Vec<Receiver> = owed.map(|(name, _)| Arc::clone(name)).collect();
        let mut summary = self.summary(&left);
        summary.firing = 0;
        if let Some(last) = group.last {
            summary.worst = last.worst;
        }
        for receiver in &owed {
            self.send(id, receiver, Kind::Resolved, &summary, now, out);
            for &member in &left {
                let step = Step::Notified { receiver: receiver.to_string(), kind: Kind::Resolved };
                out.push(Decision::Note { id: member, at: now, step });
            }
        }
    }

    /// Ends a group's life. Members that still fire, but hidden, begin another.
    fn end(&mut self, id: GroupId, members: Vec<Uuid>, now: Millis) {
        self.drop_left(id);
        self.set_due(id, None);
        let Some(group) = self.groups.remove(&id) else { return };
        self.dirty.insert(RecordKey::Group(id));
        if self.current.get(&group.key) == Some(&id) {
            self.current.remove(&group.key);
        }
        let mut next = None;
        if let Purpose::Route(_) = group.purpose
            && !members.is_empty()
        {
            self.key.clone_from(&group.key);
            let life = self.begin(group.purpose, &group.path, group.labels, now);
            self.set_due(life, None);
            next = Some(life);
        }
        for member in members {
            if let Some(standing) = self.standing.get_mut(&member) {
                standing.memberships.retain(|membership| membership.group != id);
                if let Some(life) = next {
                    standing.memberships.push(Membership { group: life, told: false, again: false });
                }
                self.dirty.insert(RecordKey::Alert(member));
            }
            if let Some(life) = next.and_then(|life| self.groups.get_mut(&life)) {
                life.members.insert(member);
            }
        }
    }

    /// It was told that these members are over.
    pub(super) fn drop_left(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        for member in std::mem::take(&mut group.left) {
            if let Some(standing) = self.standing.get_mut(&member) {
                standing.memberships.retain(|membership| membership.group != id);
                standing.told_to.retain(|receiver| !group.knows.contains_key(receiver));
            }
            self.dirty.insert(RecordKey::Alert(member));
            if self.standing.get(&member).is_some_and(|standing| standing.memberships.is_empty()) {
                self.standing.remove(&member);
            }
        }
    }

    fn forget_if_done(&mut self, id: Uuid) {
        if self.standing.get(&id).is_some_and(|standing| !standing.firing && standing.memberships.is_empty())
        {
            self.standing.remove(&id);
            self.dirty.insert(RecordKey::Alert(id));
        }
    }

    /// Members that fire and that nothing holds, as far as was seen last.
    pub(super) fn visible_members(&self, id: GroupId) -> usize {
        let members = self.groups.get(&id).into_iter().flat_map(|group| &group.members);
        members
            .filter(|member| self.standing.get(member).is_some_and(|standing| standing.is_visible()))
            .count()
    }
}

/// Whether all receivers of a route believe that an alert fires.
fn knows_all(standing: &Standing, route: &Route) -> bool {
    route.receivers.iter().all(|receiver| standing.knows(receiver))
}
