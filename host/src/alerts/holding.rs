//! What holds alerts back, and what happens when it does not any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::decision::{Decision, Kind, Step};
use super::due::Due;
use super::flap::Flap;
use super::group::{GroupId, Purpose};
use super::record::RecordKey;
use super::room::{Alerts, Pace};
use super::standing::{Cause, Hold};
use crate::time::Millis;

impl Alerts {
    /// Looks at what holds an alert as of now, and notes it if it is another than before.
    pub(super) fn look(&mut self, id: Uuid, now: Millis, out: &mut Vec<Decision>) -> Option<Hold> {
        self.look_again(id, Pace::AfterWait, now, out)
    }

    /// The same; an alert that is not held any more is told in all its groups at this pace.
    fn look_again(&mut self, id: Uuid, pace: Pace, now: Millis, out: &mut Vec<Decision>) -> Option<Hold> {
        let hold = self.find_hold(id);
        let standing = self.standing.get_mut(&id)?;
        let before = std::mem::replace(&mut standing.hold, hold);
        if before != hold {
            let flap = Arc::clone(&standing.flap);
            self.move_hold(id, &flap, before, hold);
            self.dirty.insert(RecordKey::Alert(id));
            let step = hold.and_then(|hold| self.step(hold, &flap, now));
            out.extend(step.map(|step| Decision::Note { id, at: now, step }));
            if hold.is_none() {
                self.join(id, pace, now, out);
                self.plan_escalation(id);
            }
        }
        if hold == Some(Hold::Flapping) {
            self.announce_flapping(id, now, out);
        }
        hold
    }

    fn find_hold(&mut self, id: Uuid) -> Option<Hold> {
        let standing = self.standing.get(&id)?;
        let flapping = self.flaps.get(&standing.flap).is_some_and(|flap| flap.flapping);
        let flapping = flapping.then_some(Hold::Flapping);
        if standing.firing { self.find_other_hold(id).or(flapping) } else { flapping }
    }

    /// What holds an alert, flapping aside.
    fn find_other_hold(&mut self, id: Uuid) -> Option<Hold> {
        let standing = self.standing.get_mut(&id)?;
        let labels = &standing.alert.labels;
        let mut windows = self.windows.iter().zip(&self.plan.windows);
        if let Some(window) = windows.position(|(standing, window)| standing.active && window.hides(labels)) {
            return Some(Hold::Window(window));
        }
        if let Some(silence) = self.silences.hiding(labels, &mut standing.hidden) {
            return Some(Hold::Silence(silence));
        }
        let found = self.sources.hiding(&self.plan.inhibitions, &standing.parts, labels, id);
        if let Some((rule, by)) = found {
            return Some(Hold::Inhibited { by, rule });
        }
        if self.plan.depends_on.is_empty() {
            return None;
        }
        let alert = &self.standing.get(&id)?.alert;
        let by = self.systems.explaining(&self.standing, &self.plan.depends_on, alert)?;
        Some(Hold::DependsOn { by })
    }

    fn step(&self, hold: Hold, flap: &Arc<str>, now: Millis) -> Option<Step> {
        Some(match hold {
            Hold::Window(window) => Step::Maintenance { window: self.plan.windows.get(window)?.name.clone() },
            Hold::Silence(silence) => Step::Silenced { silence },
            Hold::Inhibited { by, rule } => Step::Inhibited { by, rule },
            Hold::DependsOn { by } => {
                let system_id = self.standing.get(&by)?.alert.labels.get("system_id").to_owned();
                Step::DependsOn { system_id, by }
            }
            Hold::Flapping => Step::Flapping {
                score: self.flaps.get(flap).map_or(0.0, |flap| flap.score(&self.plan.flap, now)),
            },
        })
    }

    /// Tells once that an alert flaps, unless it would not be told anyway.
    fn announce_flapping(&mut self, id: Uuid, now: Millis, out: &mut Vec<Decision>) {
        let Some(standing) = self.standing.get(&id) else { return };
        let flap = Arc::clone(&standing.flap);
        if self.flaps.get(&flap).is_none_or(|flap| flap.announced) {
            return;
        }
        let groups: Vec<GroupId> = standing.memberships.iter().map(|membership| membership.group).collect();
        if self.find_other_hold(id).is_some() {
            return;
        }
        let plan = Arc::clone(&self.plan);
        for group in groups {
            let Some(Purpose::Route(route)) = self.groups.get(&group).map(|group| group.purpose) else {
                continue;
            };
            let route = &plan.routes.0[route];
            if self.muted(route).is_some() {
                continue;
            }
            let mut summary = self.summary(&[id]);
            summary.firing = self.visible_members(group);
            for receiver in &route.receivers {
                self.send(group, receiver, Kind::Flapping, &summary, now, out);
                self.told(id, group, receiver, Kind::Flapping, now, out);
            }
            if let Some(flap) = self.flaps.get_mut(&flap) {
                flap.announced = true;
            }
            self.dirty.insert(RecordKey::Flap(Arc::clone(&flap)));
        }
    }

    /// Lets go what a cause held; what nothing else holds is told.
    pub(super) fn release(&mut self, cause: &Cause, pace: Pace, now: Millis, out: &mut Vec<Decision>) {
        for id in self.held_by(cause) {
            self.look_again(id, pace, now, out);
        }
    }

    /// An alert that fired does not hold any more what it held, nor does it lead from system to system. Which system it
    /// was of is known if it did.
    pub(super) fn explains_less(
        &mut self,
        id: Uuid,
        system: Option<&str>,
        now: Millis,
        out: &mut Vec<Decision>,
    ) {
        self.release(&Cause::Alert(id), Pace::AfterWait, now, out);
        self.look_down(system, now, out);
    }

    /// An alert came that may make a ring of systems, in which others are held behind other ones than before.
    pub(super) fn explains_otherwise(&mut self, id: Uuid, now: Millis, out: &mut Vec<Decision>) {
        let Some(alert) = self.standing.get(&id).map(|standing| &standing.alert) else { return };
        if !self.plan.depends_on.is_empty()
            && self.systems.closes_ring(&self.standing, &self.plan.depends_on, alert)
        {
            let system = alert.labels.get("system_id").to_owned();
            self.look_down(Some(&system), now, out);
        }
    }

    /// Looks at all that depends on a system and is held for such a reason, and at what depends on that.
    fn look_down(&mut self, system: Option<&str>, now: Millis, out: &mut Vec<Decision>) {
        if self.plan.depends_on.is_empty() {
            return;
        }
        let mut seen = BTreeSet::new();
        let mut systems: Vec<String> = system.into_iter().map(str::to_owned).collect();
        while let Some(system) = systems.pop() {
            let dependents: Vec<Uuid> = self.systems.dependents(&system).collect();
            for id in dependents {
                let Some(standing) = self.standing.get(&id).filter(|_| seen.insert(id)) else { continue };
                systems.push(standing.alert.labels.get("system_id").to_owned());
                let depends = matches!(standing.hold, Some(Hold::DependsOn { .. }));
                if depends {
                    self.look(id, now, out);
                }
            }
        }
    }

    /// A change of state of a rule on a system.
    pub(super) fn count_flap(&mut self, key: &Arc<str>, now: Millis) {
        let limits = self.plan.flap;
        let known = self.flaps.get(key).map(|flap| flap.due(&limits));
        let flap = self.flaps.entry(Arc::clone(key)).or_insert_with(|| Flap::new(now));
        flap.count(&limits, now);
        let due = flap.due(&limits);
        self.due.shift(known, Some(due), Due::Flap(Arc::clone(key)));
        self.dirty.insert(RecordKey::Flap(Arc::clone(key)));
    }

    /// A rule and system is calm again, or so long calm that it is forgotten.
    pub(super) fn calm(&mut self, key: &Arc<str>, now: Millis, out: &mut Vec<Decision>) {
        let Some(flap) = self.flaps.get_mut(key) else { return };
        self.dirty.insert(RecordKey::Flap(Arc::clone(key)));
        if !flap.flapping {
            self.flaps.remove(key);
            return;
        }
        flap.flapping = false;
        flap.announced = false;
        let due = flap.due(&self.plan.flap);
        self.due.insert(due, Due::Flap(Arc::clone(key)));
        self.let_calm_go(key, now, out);
    }

    /// Forgets what was counted.
    pub(super) fn forget_flap(&mut self, key: &Arc<str>, now: Millis, out: &mut Vec<Decision>) {
        let Some(flap) = self.flaps.remove(key) else { return };
        self.due.shift(Some(flap.due(&self.plan.flap)), None, Due::Flap(Arc::clone(key)));
        self.dirty.insert(RecordKey::Flap(Arc::clone(key)));
        self.let_calm_go(key, now, out);
    }

    fn let_calm_go(&mut self, key: &Arc<str>, now: Millis, out: &mut Vec<Decision>) {
        for id in self.held_by(&Cause::Flap(Arc::clone(key))) {
            out.push(Decision::Note { id, at: now, step: Step::Calm });
            let Some(standing) = self.standing.get_mut(&id) else { continue };
            if !standing.firing {
                self.leave(id, now, out);
                continue;
            }
            for membership in &mut standing.memberships {
                membership.again = true;
            }
            self.dirty.insert(RecordKey::Alert(id));
            self.look_again(id, Pace::AtOnce, now, out);
        }
    }

    /// Looks at what depends on these alerts' systems, so that it counts as held behind them before it is told itself.
    pub(super) fn look_behind(&mut self, visible: &[Uuid], now: Millis, out: &mut Vec<Decision>) {
        if self.plan.depends_on.is_empty() {
            return;
        }
        let mut before = visible.to_vec();
        while let Some(id) = before.pop() {
            let Some(standing) = self.standing.get(&id) else { continue };
            let dependents: Vec<Uuid> =
                self.systems.dependents(standing.alert.labels.get("system_id")).collect();
            for id in dependents {
                let is_open = self
                    .standing
                    .get(&id)
                    .is_some_and(|standing| standing.is_visible() && !standing.is_told());
                if is_open && self.look(id, now, out).is_some() {
                    before.push(id);
                }
            }
        }
    }

    /// Alerts that are held because they depend on these, or on ones that do.
    pub(super) fn behind(&self, alerts: &[Uuid]) -> usize {
        let mut behind = 0;
        let mut before = alerts.to_vec();
        while let Some(id) = before.pop() {
            for held in self.held.get(&Cause::Alert(id)).into_iter().flatten() {
                let hold = self.standing.get(held).and_then(|standing| standing.hold);
                if matches!(hold, Some(Hold::DependsOn { .. })) {
                    behind += 1;
                    before.push(*held);
                }
            }
        }
        behind
    }
}
