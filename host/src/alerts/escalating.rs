//! Escalations of alerts: when a level is reached, and who is told when it took effect.

use std::sync::Arc;

use uuid::Uuid;

use super::decision::{Decision, Kind, Step};
use super::due::Due;
use super::group::{GroupId, Purpose};
use super::labels::Labels;
use super::record::RecordKey;
use super::room::Alerts;
use super::route::Receiver;
use super::standing::{Membership, Standing};
use crate::time::Millis;

impl Alerts {
    /// Plans when the next level of an alert's policies is looked at.
    pub(super) fn plan_escalation(&mut self, id: Uuid) {
        let Some(standing) = self.standing.get(&id) else { return };
        let due = match standing.first_told {
            Some(first_told) if standing.firing && !standing.acknowledged => {
                let levels = self.policies(standing).into_iter().filter_map(|(policy, muted)| {
                    let policy = &self.plan.policies[policy];
                    let passed = standing.passed.get(&policy.name).copied().unwrap_or(0);
                    let (_, at) = policy.next(passed, standing.alert.severity, first_told)?;
                    Some(muted.map_or(at, |until| until.max(at)))
                });
                levels.min()
            }
            _ => None,
        };
        let Some(standing) = self.standing.get_mut(&id) else { return };
        if standing.escalation_due != due {
            self.due.shift(standing.escalation_due, due, Due::Escalate(id));
            standing.escalation_due = due;
            self.dirty.insert(RecordKey::Alert(id));
        }
    }

    /// The policies of the routes that an alert was told by, each with the end of the quiet of its route.
    fn policies(&self, standing: &Standing) -> Vec<(usize, Option<Millis>)> {
        let mut policies: Vec<(usize, Option<Millis>)> = Vec::new();
        for membership in &standing.memberships {
            let Some(Purpose::Route(route)) = self.groups.get(&membership.group).map(|group| group.purpose)
            else {
                continue;
            };
            let route = &self.plan.routes.0[route];
            let Some(policy) = route.escalation.filter(|_| membership.told) else { continue };
            let muted = self.muted(route).map(|(_, until)| until);
            match policies.iter_mut().find(|(known, _)| *known == policy) {
                // One route that is not quiet is enough.
                Some((_, known)) => *known = known.zip(muted).map(|(known, muted)| known.min(muted)),
                None => policies.push((policy, muted)),
            }
        }
        policies
    }

    /// A level may have been reached.
    pub(super) fn escalate(&mut self, id: Uuid, now: Millis, out: &mut Vec<Decision>) {
        let Some(standing) = self.standing.get_mut(&id) else { return };
        standing.escalation_due = None;
        self.dirty.insert(RecordKey::Alert(id));
        if self.look(id, now, out).is_some() {
            return;
        }
        let plan = Arc::clone(&self.plan);
        let Some(standing) = self.standing.get(&id) else { return };
        for (policy, muted) in self.policies(standing) {
            let policy = &plan.policies[policy];
            let Some(standing) = self.standing.get_mut(&id).filter(|_| muted.is_none()) else { continue };
            let Some(first_told) = standing.first_told else { continue };
            let mut passed = standing.passed.get(&policy.name).copied().unwrap_or(0);
            while let Some((number, _)) =
                policy.next(passed, standing.alert.severity, first_told).filter(|&(_, at)| at <= now)
            {
                passed = number + 1;
                let level = passed as u32;
                standing.level = standing.level.max(level);
                let audience = policy.levels[number].receivers.clone();
                out.push(Decision::Escalate { id, level, audience, policy: policy.name.clone() });
                out.push(Decision::Note { id, at: now, step: Step::Escalated { level } });
            }
            standing.passed.insert(policy.name.clone(), passed);
        }
        self.plan_escalation(id);
    }

    /// An escalation took effect.
    pub(super) fn escalated(&mut self, id: Uuid, level: u32, audience: Vec<String>, now: Millis) {
        let Some(standing) = self.standing.get_mut(&id).filter(|standing| standing.firing) else { return };
        standing.level = standing.level.max(level);
        self.dirty.insert(RecordKey::Alert(id));
        if audience.is_empty() {
            return;
        }
        self.key = format!("!{id}");
        let group = match self.current.get(&self.key) {
            Some(&group) => group,
            None => {
                let first = standing.memberships.first().and_then(|first| self.groups.get(&first.group));
                let (path, labels) = first.map_or((String::new(), Labels::default()), |group| {
                    (group.path.clone(), group.labels.clone())
                });
                let group = self.begin(Purpose::Escalation, &path, labels, now);
                if let Some(standing) = self.standing.get_mut(&id) {
                    standing.memberships.push(Membership { group, told: false, again: false });
                }
                group
            }
        };
        if let Some(group) = self.groups.get_mut(&group) {
            group.members.insert(id);
            group.audience.extend(audience.into_iter().map(Receiver::from));
        }
        self.dirty.insert(RecordKey::Group(group));
        self.set_due(group, Some(now));
    }

    /// Tells whom an escalation is to tell.
    pub(super) fn tell_audience(&mut self, id: GroupId, now: Millis, out: &mut Vec<Decision>) {
        let Some(member) = self.groups.get(&id).and_then(|group| group.members.first().copied()) else {
            return;
        };
        if self.look(member, now, out).is_some() {
            return;
        }
        let summary = self.summary(&[member]);
        let audience = self.groups.get_mut(&id).map(|group| std::mem::take(&mut group.audience));
        for receiver in audience.unwrap_or_default() {
            self.send(id, &receiver, Kind::Escalation, &summary, now, out);
            let step = Step::Notified { receiver: receiver.to_string(), kind: Kind::Escalation };
            out.push(Decision::Note { id: member, at: now, step });
        }
        // Whom an escalation told is not thereby told by a route: only the membership says that there is an end to tell.
        let membership = self.standing.get_mut(&member).and_then(|standing| standing.membership_mut(id));
        if let Some(membership) = membership.filter(|membership| !membership.told) {
            membership.told = true;
            if let Some(group) = self.groups.get_mut(&id) {
                group.told += 1;
            }
            self.dirty.insert(RecordKey::Alert(member));
        }
    }
}
