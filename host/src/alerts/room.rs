//! The room itself: takes what changed and what fell due, and decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::change::{Alert, Change};
use super::decision::{Decision, Step};
use super::depend::Systems;
use super::due::{Due, DueQueue};
use super::flap::Flap;
use super::group::{Group, GroupId};
use super::inhibit::Sources;
use super::map::Map;
use super::plan::Plan;
use super::record::RecordKey;
use super::silence::{Phase, Silences};
use super::standing::{Cause, Hold, Standing};
use super::window;
use crate::time::Millis;

/// All alerts that fire or are being told, and what is known of them.
///
/// It has no clock: whoever owns it says what time it is, and that time must not run backwards. The same inputs give the
/// same decisions.
#[derive(Clone, Debug)]
pub struct Alerts {
    pub(super) plan: Arc<Plan>,
    /// Boxed: a table of a hundred thousand that grows moves them all.
    pub(super) standing: Map<Uuid, Box<Standing>>,
    pub(super) groups: Map<GroupId, Group>,
    /// The current lives.
    pub(super) current: Map<String, GroupId>,
    pub(super) silences: Silences,
    pub(super) sources: Sources,
    pub(super) systems: Systems,
    pub(super) flaps: Map<Arc<str>, Flap>,
    pub(super) held: Map<Cause, BTreeSet<Uuid>>,
    /// Of each window of the plan.
    pub(super) windows: Vec<window::Standing>,
    pub(super) due: DueQueue,
    /// Groups so far.
    pub(super) lives: u64,
    pub(super) dirty: BTreeSet<RecordKey>,
    pub(super) key: String,
}

impl Alerts {
    /// Nothing fires.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut alerts = Self::empty(plan);
        alerts.forget_windows();
        alerts.dirty.insert(RecordKey::Room);
        alerts
    }

    pub(super) fn empty(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            standing: Map::default(),
            groups: Map::default(),
            current: Map::default(),
            silences: Silences::default(),
            sources: Sources::default(),
            systems: Systems::default(),
            flaps: Map::default(),
            held: Map::default(),
            windows: Vec::new(),
            due: DueQueue::default(),
            lives: 0,
            dirty: BTreeSet::new(),
            key: String::new(),
        }
    }

    /// Takes a change. What fell due before comes first.
    pub fn take(&mut self, change: Change, now: Millis, out: &mut Vec<Decision>) {
        self.tick(now, out);
        match change {
            Change::Opened(alert) | Change::Reopened(alert) => self.opened(alert, now, out),
            Change::Resolved { id, .. } => self.over(id, Ending::Samples, now, out),
            Change::Closed { id, .. } => self.over(id, Ending::Person, now, out),
            Change::Gone { id } => self.over(id, Ending::Forgotten, now, out),
            Change::Acknowledged { id, by, .. } => self.acknowledged(id, Some(by), now, out),
            Change::Unacknowledged { id } => self.acknowledged(id, None, now, out),
            Change::Escalated { id, level, audience } => self.escalated(id, level, audience, now),
        }
        self.tick(now, out);
    }

    /// Does what has fallen due.
    pub fn tick(&mut self, now: Millis, out: &mut Vec<Decision>) {
        while let Some(due) = self.due.pop(now) {
            match due {
                Due::Adopt => self.reroute_all(now, out),
                Due::SilenceStarts(id) => self.silence_starts(id, now, out),
                Due::SilenceEnds(id) => self.silence_ends(id, now, out),
                Due::Window(window) => self.window_turns(window, now, out),
                Due::Flap(key) => self.calm(&key, now, out),
                Due::Flush(group) => {
                    if let Some(flushed) = self.groups.get_mut(&group) {
                        flushed.due = None;
                        self.dirty.insert(RecordKey::Group(group));
                        self.flush(group, now, out);
                    }
                }
                Due::Escalate(id) => self.escalate(id, now, out),
                Due::Forget(id) => {
                    self.silences.remove(id);
                    self.dirty.insert(RecordKey::Silence(id));
                }
            }
        }
    }

    /// When something falls due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.due.next()
    }

    /// Alerts that fire.
    #[must_use]
    pub fn firing(&self) -> usize {
        self.standing.values().filter(|standing| standing.firing).count()
    }

    fn opened(&mut self, alert: Alert, now: Millis, out: &mut Vec<Decision>) {
        let id = alert.id;
        let known = self.standing.remove(&id);
        if known.as_ref().is_some_and(|known| known.firing) {
            self.unindex(known.as_deref());
        }
        let parts = self.plan.inhibitions.parts(&alert.labels);
        let mut standing = Standing::new(alert, parts);
        let mut is_news = true;
        let mut was_of = None;
        if let Some(known) = known {
            is_news = !known.firing;
            was_of = known.firing.then(|| known.alert.labels.get("system_id").to_owned());
            self.move_hold(id, &known.flap, known.hold, None);
            if !known.lasts() {
                self.returns(&known);
            }
            // What holds it is looked at anew below; what was told and reached stays.
            let Standing { alert, parts, flap, hidden, .. } = standing;
            let first_told = if is_news && known.is_told() { Some(now) } else { known.first_told };
            standing =
                Standing { alert, parts, flap, firing: true, hold: None, hidden, first_told, ..*known };
        }
        self.index(&standing);
        let flap = Arc::clone(&standing.flap);
        self.standing.insert(id, Box::new(standing));
        self.dirty.insert(RecordKey::Alert(id));
        if is_news {
            self.count_flap(&flap, now);
        }
        self.route(id, true, now, out);
        self.look(id, now, out);
        self.join(id, Pace::New, now, out);
        self.plan_escalation(id);
        if was_of.is_some() {
            self.explains_less(id, was_of.as_deref(), now, out);
        }
        self.explains_otherwise(id, now, out);
    }

    /// An alert does not fire any more.
    fn over(&mut self, id: Uuid, ending: Ending, now: Millis, out: &mut Vec<Decision>) {
        let Some(standing) = self.standing.get_mut(&id) else { return };
        let flap = Arc::clone(&standing.flap);
        let was_firing = standing.firing;
        let system = was_firing.then(|| standing.alert.labels.get("system_id").to_owned());
        if was_firing {
            standing.end_spell();
            let due = standing.escalation_due.take();
            self.due.shift(due, None, Due::Escalate(id));
            self.dirty.insert(RecordKey::Alert(id));
            let standing = self.standing.remove(&id);
            self.unindex(standing.as_deref());
            self.standing.extend(standing.map(|standing| (id, standing)));
        }
        if ending == Ending::Samples {
            if !was_firing {
                return;
            }
            self.count_flap(&flap, now);
            self.look(id, now, out);
            let held = self.standing.get(&id).is_some_and(|standing| standing.lasts() && standing.is_told());
            if !held {
                self.leave(id, now, out);
            }
        } else {
            self.leave(id, now, out);
        }
        if ending == Ending::Person {
            self.forget_flap(&flap, now, out);
        }
        self.explains_less(id, system.as_deref(), now, out);
    }

    fn acknowledged(&mut self, id: Uuid, by: Option<String>, now: Millis, out: &mut Vec<Decision>) {
        let Some(standing) = self.standing.get_mut(&id).filter(|standing| standing.firing) else { return };
        standing.acknowledged = by.is_some();
        let groups: Vec<GroupId> = standing.memberships.iter().map(|membership| membership.group).collect();
        self.dirty.insert(RecordKey::Alert(id));
        let is_acknowledged = by.is_some();
        let step = by.map_or(Step::Unacknowledged, |by| Step::Acknowledged { by });
        out.push(Decision::Note { id, at: now, step });
        self.plan_escalation(id);
        if !is_acknowledged {
            for group in groups {
                self.plan_repeat(group, now);
            }
        }
    }

    fn index(&mut self, standing: &Standing) {
        let alert = &standing.alert;
        self.sources.insert(&self.plan.inhibitions, &standing.parts, &alert.labels, alert.id);
        if !self.plan.depends_on.is_empty() {
            self.systems.insert(alert, &self.plan.depends_on);
        }
    }

    fn unindex(&mut self, standing: Option<&Standing>) {
        let Some(standing) = standing else { return };
        let alert = &standing.alert;
        self.sources.remove(&self.plan.inhibitions, &standing.parts, &alert.labels, alert.id);
        if !self.plan.depends_on.is_empty() {
            self.systems.remove(alert, &self.plan.depends_on);
        }
    }

    /// Fills what is found by labels again, from alerts that fire.
    pub(super) fn index_all(&mut self) {
        self.sources = Sources::default();
        self.systems = Systems::default();
        let plan = Arc::clone(&self.plan);
        for standing in self.standing.values_mut() {
            standing.parts = plan.inhibitions.parts(&standing.alert.labels);
            if standing.firing {
                let alert = &standing.alert;
                self.sources.insert(&plan.inhibitions, &standing.parts, &alert.labels, alert.id);
                if !plan.depends_on.is_empty() {
                    self.systems.insert(alert, &plan.depends_on);
                }
            }
        }
    }

    /// The alerts held by a cause, in order.
    pub(super) fn held_by(&self, cause: &Cause) -> Vec<Uuid> {
        self.held.get(cause).into_iter().flatten().copied().collect()
    }

    /// Writes down what holds an alert of this rule and system now.
    pub(super) fn move_hold(&mut self, id: Uuid, flap: &Arc<str>, before: Option<Hold>, after: Option<Hold>) {
        if let Some(before) = before {
            let cause = before.cause(flap);
            if let Some(alerts) = self.held.get_mut(&cause) {
                alerts.remove(&id);
                if alerts.is_empty() {
                    self.held.remove(&cause);
                }
            }
        }
        if let Some(after) = after {
            self.held.entry(after.cause(flap)).or_default().insert(id);
        }
    }

    /// All windows are looked at with the next tick.
    pub(super) fn forget_windows(&mut self) {
        let unknown = window::Standing { active: false, edge: Some(Millis(0)) };
        self.windows = vec![unknown; self.plan.windows.len()];
        for number in 0..self.windows.len() {
            self.due.insert(Millis(0), Due::Window(number));
        }
        self.dirty.insert(RecordKey::Room);
    }

    fn window_turns(&mut self, window: usize, now: Millis, out: &mut Vec<Decision>) {
        let standing = self.plan.windows[window].at(now);
        let before = std::mem::replace(&mut self.windows[window], standing);
        if let Some(edge) = standing.edge {
            self.due.insert(edge, Due::Window(window));
        }
        self.dirty.insert(RecordKey::Room);
        if standing.active && !before.active {
            let plan = Arc::clone(&self.plan);
            self.look_where(|standing| plan.windows[window].hides(&standing.alert.labels), now, out);
        } else if before.active && !standing.active {
            self.release(&Cause::Window(window), Pace::AtOnce, now, out);
        }
    }

    fn silence_starts(&mut self, id: Uuid, now: Millis, out: &mut Vec<Decision>) {
        let Some((silence, phase)) = self.silences.get(id) else { return };
        if *phase != Phase::Pending {
            return;
        }
        let matchers = silence.matchers.clone();
        self.silences.set(id, Phase::Active);
        self.dirty.insert(RecordKey::Silence(id));
        self.look_where(|standing| matchers.matches(&standing.alert.labels), now, out);
    }

    pub(super) fn silence_ends(&mut self, id: Uuid, now: Millis, out: &mut Vec<Decision>) {
        self.silences.set(id, Phase::Ended);
        self.dirty.insert(RecordKey::Silence(id));
        if let Some((silence, _)) = self.silences.get(id) {
            self.due.insert(super::silence::forgotten(silence), Due::Forget(id));
        }
        self.release(&Cause::Silence(id), Pace::AtOnce, now, out);
    }

    /// Looks at the alerts that fire and pass a test, in order.
    fn look_where(&mut self, test: impl Fn(&Standing) -> bool, now: Millis, out: &mut Vec<Decision>) {
        let firing = self.standing.values().filter(|standing| standing.firing && test(standing));
        let found: BTreeSet<Uuid> = firing.map(|standing| standing.alert.id).collect();
        for id in found {
            self.look(id, now, out);
        }
    }
}

/// Who says that an alert is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Samples,
    Person,
    Forgotten,
}

/// When what came or was let go may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// It has just come: a group that was not told yet gathers others.
    New,
    /// What held it is over.
    AtOnce,
    /// What held it was an alert: others of its kind may be about to end as well, or to come.
    AfterWait,
}
