//! What a group tells, and to whom.

use std::cmp::Reverse;
use std::sync::Arc;

use uuid::Uuid;

use super::decision::{Decision, Kind, Notification, Step};
use super::group::{Group, GroupId, Knows, Last, Purpose};
use super::labels::Labels;
use super::record::RecordKey;
use super::room::Alerts;
use super::route::{Receiver, Route};
use super::standing::Standing;
use crate::limits::LISTED_MEMBERS_MAX;
use crate::model::Severity;
use crate::time::Millis;

/// What all receivers are told alike.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) firing: usize,
    pub(super) worst: Severity,
    level: u32,
    behind: usize,
    members: Vec<Uuid>,
    common: Labels,
}

/// What there is to be told of a group.
struct News {
    /// A member came to rest while firing, or the worst is worse than it was told.
    is_urgent: bool,
    /// Enough time has passed since the last telling.
    may_update: bool,
    may_repeat: bool,
    has_left: bool,
}

impl Alerts {
    /// Tells what there is to be told of a group, and plans when it is looked at next.
    pub(super) fn flush(&mut self, id: GroupId, now: Millis, out: &mut Vec<Decision>) {
        let Some(group) = self.groups.get(&id) else { return };
        let route = match group.purpose {
            Purpose::Route(route) => route,
            Purpose::Escalation => return self.tell_audience(id, now, out),
            Purpose::Retired => return,
        };
        let mut visible: Vec<Uuid> = group.members.iter().copied().collect();
        visible.retain(|&member| self.look(member, now, out).is_none());
        let plan = Arc::clone(&self.plan);
        let route = &plan.routes.0[route];
        if self.muted(route).is_some() {
            return self.note_muted(id, &visible, now, out);
        }
        if visible.is_empty() {
            return;
        }
        self.look_behind(&visible, now, out);
        visible.retain(|member| self.standing.get(member).is_some_and(|standing| standing.is_visible()));
        if !visible.is_empty() {
            self.tell(id, route, &visible, now, out);
        }
    }

    /// Members are not told as long as their route is quiet; then the group is looked at again.
    pub(super) fn note_muted(&mut self, id: GroupId, members: &[Uuid], now: Millis, out: &mut Vec<Decision>) {
        let Some(Purpose::Route(route)) = self.groups.get(&id).map(|group| group.purpose) else { return };
        let Some((window, until)) = self.muted(&self.plan.routes.0[route]) else { return };
        for member in members {
            let membership = self.standing.get(member).and_then(|standing| standing.membership(id));
            if membership.is_some_and(|membership| !membership.told) {
                let window = self.plan.windows[window].name.clone();
                let step = Step::Muted { window, route: self.plan.routes.0[route].path.clone() };
                out.push(Decision::Note { id: *member, at: now, step });
            }
        }
        self.set_due(id, Some(until));
    }

    fn tell(&mut self, id: GroupId, route: &Route, visible: &[Uuid], now: Millis, out: &mut Vec<Decision>) {
        let summary = self.summary(visible);
        let Some(group) = self.groups.get(&id) else { return };
        let news = self.news(id, group, route, visible, summary.worst, now);
        let had_last = group.last.is_some();
        let left: Vec<Uuid> = group.left.iter().copied().collect();
        let (mut told, mut told_again) = (false, false);
        for receiver in &route.receivers {
            let knows = self.groups.get(&id).is_some_and(|group| group.knows.contains_key(receiver));
            let fresh = self.fresh(visible, receiver);
            let kind = match knows {
                false if !fresh.is_empty() => Kind::Page,
                false => continue,
                true if news.is_urgent || (!had_last && !fresh.is_empty()) => Kind::Page,
                true if (news.has_left || !fresh.is_empty()) && news.may_update => Kind::Update,
                true if news.may_repeat => Kind::Repeat,
                true => continue,
            };
            self.send(id, receiver, kind, &summary, now, out);
            // An update that brings an alert nothing new is not a line of its history.
            let noted = match kind {
                Kind::Page | Kind::Repeat if fresh.is_empty() => &summary.members,
                _ => &fresh,
            };
            for &member in noted {
                self.told(member, id, receiver, kind, now, out);
            }
            if knows {
                for &member in &left {
                    let step = Step::Notified { receiver: receiver.to_string(), kind };
                    out.push(Decision::Note { id: member, at: now, step });
                }
            }
            told = true;
            told_again |= knows;
        }
        if told_again || (told && !had_last) {
            self.told_all(id, &summary, visible, now);
        } else if told && let Some(last) = self.groups.get_mut(&id).and_then(|group| group.last.as_mut()) {
            // Only receivers that are new: what the others are owed is owed still.
            last.at = now;
        }
        self.plan_next(id, route, visible, now);
    }

    /// The receivers of a group know how it stands.
    fn told_all(&mut self, id: GroupId, summary: &Summary, visible: &[Uuid], now: Millis) {
        self.drop_left(id);
        if let Some(group) = self.groups.get_mut(&id) {
            group.last = Some(Last { at: now, firing: summary.firing, worst: summary.worst });
        }
        for member in visible {
            let membership = self.standing.get_mut(member).and_then(|standing| standing.membership_mut(id));
            if let Some(membership) = membership.filter(|membership| membership.again) {
                membership.again = false;
                self.dirty.insert(RecordKey::Alert(*member));
            }
        }
    }

    fn news(
        &self,
        id: GroupId,
        group: &Group,
        route: &Route,
        visible: &[Uuid],
        worst: Severity,
        now: Millis,
    ) -> News {
        let standing = || visible.iter().filter_map(|member| self.standing.get(member)).map(Box::as_ref);
        let is_again =
            |standing: &Standing| standing.membership(id).is_some_and(|membership| membership.again);
        let after = |last: Last, wait_s: f64| now >= last.at.plus_seconds(wait_s);
        News {
            is_urgent: group.last.is_some_and(|last| worst > last.worst) || standing().any(is_again),
            may_update: group.last.is_none_or(|last| {
                after(last, route.interval_s)
                    || (group.has_grown(visible.len()) && after(last, route.growth_s))
            }),
            may_repeat: route.repeat_s > 0.0
                && group.last.is_some_and(|last| after(last, route.repeat_s))
                && standing().any(|standing| !standing.acknowledged),
            has_left: !group.left.is_empty(),
        }
    }

    /// The members of which a receiver was not told.
    fn fresh(&self, visible: &[Uuid], receiver: &Receiver) -> Vec<Uuid> {
        let unknown = |id: &&Uuid| self.standing.get(id).is_some_and(|standing| !standing.knows(receiver));
        visible.iter().filter(unknown).copied().collect()
    }

    fn plan_next(&mut self, id: GroupId, route: &Route, visible: &[Uuid], now: Millis) {
        let Some(group) = self.groups.get(&id) else { return };
        let Some(last) = group.last else { return };
        let mut knowing = route.receivers.iter().filter(|receiver| group.knows.contains_key(*receiver));
        let changed =
            knowing.any(|receiver| !group.left.is_empty() || !self.fresh(visible, receiver).is_empty());
        let unacknowledged = |id: &Uuid| self.standing.get(id).is_some_and(|standing| !standing.acknowledged);
        let next = if changed && group.has_grown(visible.len()) {
            Some(route.growth_s.min(route.interval_s))
        } else if changed {
            Some(route.interval_s)
        } else if route.repeat_s > 0.0 && visible.iter().any(unacknowledged) {
            Some(route.repeat_s)
        } else {
            None
        };
        // A time that has passed already would come again without end.
        let next = next.map(|wait_s| last.at.plus_seconds(wait_s));
        let next = next.map(|at| if at > now { at } else { now.plus_seconds(route.interval_s) });
        self.set_due(id, next);
    }

    /// A group of which nobody has taken care any more is told again.
    pub(super) fn plan_repeat(&mut self, id: GroupId, now: Millis) {
        let Some(group) = self.groups.get(&id) else { return };
        let (Purpose::Route(route), Some(last)) = (group.purpose, group.last) else { return };
        let repeat_s = self.plan.routes.0[route].repeat_s;
        if repeat_s > 0.0 {
            let at = last.at.plus_seconds(repeat_s).max(now);
            self.set_due(id, Some(group.due.map_or(at, |due| due.min(at))));
        }
    }

    /// The window that keeps a route quiet for the longest, and until when.
    pub(super) fn muted(&self, route: &Route) -> Option<(usize, Millis)> {
        let windows = route.mute.iter().filter_map(|&window| {
            let standing = self.windows.get(window).filter(|standing| standing.active)?;
            Some((window, standing.edge?))
        });
        windows.max_by_key(|&(_, until)| until)
    }

    /// What there is to say of these alerts.
    pub(super) fn summary(&self, alerts: &[Uuid]) -> Summary {
        let mut summary = Summary {
            firing: alerts.len(),
            worst: Severity::Low,
            level: 0,
            behind: self.behind(alerts),
            members: Vec::new(),
            common: Labels::default(),
        };
        let mut order = Vec::with_capacity(alerts.len());
        for standing in alerts.iter().filter_map(|id| self.standing.get(id)) {
            let alert = &standing.alert;
            summary.worst = summary.worst.max(alert.severity);
            summary.level = summary.level.max(standing.level);
            if order.is_empty() {
                summary.common.clone_from(&alert.labels);
            } else {
                summary.common.keep_common(&alert.labels);
            }
            order.push((Reverse(alert.severity), alert.opened, alert.id));
        }
        if order.len() > LISTED_MEMBERS_MAX {
            order.select_nth_unstable(LISTED_MEMBERS_MAX);
            order.truncate(LISTED_MEMBERS_MAX);
        }
        order.sort_unstable();
        summary.members = order.into_iter().map(|(_, _, id)| id).collect();
        summary
    }

    pub(super) fn send(
        &mut self,
        id: GroupId,
        receiver: &Receiver,
        kind: Kind,
        summary: &Summary,
        now: Millis,
        out: &mut Vec<Decision>,
    ) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.knows.insert(Arc::clone(receiver), Knows::Told);
        self.dirty.insert(RecordKey::Group(id));
        out.push(Decision::Notify(Notification {
            key: group.next_key(receiver),
            receiver: receiver.to_string(),
            route: group.path.clone(),
            kind,
            dedup_key: group.dedup_key.clone(),
            group: group.labels.clone(),
            severity: summary.worst,
            level: summary.level,
            firing: summary.firing,
            resolved: group.resolved,
            behind: summary.behind,
            members: summary.members.clone(),
            common: summary.common.clone(),
            at: now,
        }));
    }

    /// A receiver was told of a member.
    pub(super) fn told(
        &mut self,
        id: Uuid,
        group: GroupId,
        receiver: &Receiver,
        kind: Kind,
        now: Millis,
        out: &mut Vec<Decision>,
    ) {
        out.push(Decision::Note {
            id,
            at: now,
            step: Step::Notified { receiver: receiver.to_string(), kind },
        });
        let Some(standing) = self.standing.get_mut(&id) else { return };
        if !standing.knows(receiver) {
            standing.told_to.push(Arc::clone(receiver));
            self.dirty.insert(RecordKey::Alert(id));
        }
        if let Some(membership) = standing.membership_mut(group).filter(|membership| !membership.told) {
            membership.told = true;
            self.dirty.insert(RecordKey::Alert(id));
            if let Some(group) = self.groups.get_mut(&group) {
                group.told += 1;
            }
        }
        if standing.firing && standing.first_told.is_none() {
            standing.first_told = Some(now);
            self.dirty.insert(RecordKey::Alert(id));
            self.plan_escalation(id);
        }
    }
}
