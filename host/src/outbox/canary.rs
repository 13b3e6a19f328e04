//! Canaries: actions that are owed now and then only to see whether they still arrive, and how long they take.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::destination::Destination;
use super::owed::Owed;
use super::owing::Outbox;
use super::record::State;
use crate::time::Millis;

/// How the canaries of a destination fare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryState {
    /// When the last one was owed.
    pub last_sent: Option<Millis>,
    /// When one arrived last.
    pub last_arrived: Option<Millis>,
    /// How long that one took from being owed, in milliseconds.
    pub took_ms: Option<i64>,
    /// Since when they fail: the first try that failed, or the canary that had not arrived when the next one was due.
    /// None: the last one arrived, or nothing is known yet.
    pub failing_since: Option<Millis>,
}

/// The canaries of all destinations.
#[derive(Debug, Default)]
pub(super) struct Canaries {
    by_action: BTreeMap<String, Canary>,
    due: BTreeSet<(Millis, String)>,
}

#[derive(Debug, Default)]
struct Canary {
    /// 0: none is due, ever.
    interval_s: f64,
    state: CanaryState,
    /// The one that is on its way.
    outstanding: Option<u64>,
    /// As it stands in the due list.
    due: Option<Millis>,
    /// The state has changed since it was last asked for.
    changed: bool,
}

impl Outbox {
    /// The actions whose next canary is to be owed now, with [`Owed::canary`]. They are not named again for an interval,
    /// and not while one is on its way: one that is late by then counts as failing.
    pub fn canary_due(&mut self, now: Millis) -> Vec<String> {
        self.clock = now;
        self.canaries.take_due(now)
    }

    /// How the canaries of an action fare; none if the action is not configured.
    #[must_use]
    pub fn canary(&self, action: &str) -> Option<CanaryState> {
        self.canaries.by_action.get(action).map(|canary| canary.state)
    }

    /// Those that changed since the last call, to be written down and [restored](Self::restore_canaries).
    pub fn changed_canaries(&mut self) -> Vec<(String, CanaryState)> {
        let changed = self.canaries.by_action.iter_mut().filter(|(_, canary)| canary.changed);
        let states = changed.map(|(action, canary)| {
            canary.changed = false;
            (action.clone(), canary.state)
        });
        states.collect()
    }
}

impl Canaries {
    /// Other policies are in force. Which ones are on their way has to be said again.
    pub(super) fn adopt(&mut self, destinations: &BTreeMap<String, Destination>) {
        self.due.clear();
        let mut before = std::mem::take(&mut self.by_action);
        for (action, policy) in destinations {
            let canary = before.remove(action).unwrap_or_default();
            let canary =
                Canary { interval_s: policy.canary_interval_s, outstanding: None, due: None, ..canary };
            self.by_action.insert(action.clone(), canary);
            self.plan_by_state(action);
        }
    }

    pub(super) fn restore(&mut self, states: BTreeMap<String, CanaryState>) {
        for (action, state) in states {
            if let Some(canary) = self.by_action.get_mut(&action) {
                canary.state = state;
                self.plan_by_state(&action);
            }
        }
    }

    /// One is on its way, as it was before a restart or a change of policies.
    pub(super) fn outstanding(&mut self, action: &str, seq: u64) {
        if let Some(canary) = self.by_action.get_mut(action) {
            canary.outstanding = Some(seq);
        }
    }

    pub(super) fn next_due(&self) -> Option<Millis> {
        self.due.first().map(|(due, _)| *due)
    }

    fn take_due(&mut self, now: Millis) -> Vec<String> {
        let mut actions = Vec::new();
        while let Some((_, action)) = self.due.first().filter(|(due, _)| *due <= now).cloned() {
            self.plan(&action, Some(now));
            let Some(canary) = self.by_action.get_mut(&action) else { continue };
            if canary.outstanding.is_none() {
                actions.push(action);
            } else if canary.state.failing_since.is_none() {
                canary.state.failing_since = canary.state.last_sent.or(Some(now));
                canary.changed = true;
            }
        }
        actions
    }

    /// One is owed.
    pub(super) fn sent(&mut self, action: &str, seq: u64, now: Millis) {
        if let Some(canary) = self.by_action.get_mut(action) {
            canary.outstanding = Some(seq);
            canary.state.last_sent = Some(now);
            canary.changed = true;
        }
        self.plan(action, Some(now));
    }

    /// A try failed.
    pub(super) fn failed(&mut self, action: &str, now: Millis) {
        if let Some(canary) = self.by_action.get_mut(action)
            && canary.state.failing_since.is_none()
        {
            canary.state.failing_since = Some(now);
            canary.changed = true;
        }
    }

    /// One has come to another state.
    pub(super) fn moved(&mut self, owed: &Owed, seq: u64, state: &State) {
        let Some(canary) = self.by_action.get_mut(&owed.action) else { return };
        if canary.outstanding == Some(seq) && !state.kind().is_live() {
            canary.outstanding = None;
        }
        match *state {
            State::Done { at, .. } => {
                let took_ms = at.0.saturating_sub(owed.owed_at.0).max(0);
                canary.state.last_arrived = Some(at);
                canary.state.took_ms = Some(took_ms);
                canary.state.failing_since = None;
                canary.changed = true;
            }
            State::Dead { at, .. } => self.failed(&owed.action, at),
            _ => {}
        }
    }

    /// The next one is due an interval after the last one was sent, or at once if there was none.
    fn plan_by_state(&mut self, action: &str) {
        let last_sent = self.by_action.get(action).and_then(|canary| canary.state.last_sent);
        self.plan(action, last_sent);
    }

    fn plan(&mut self, action: &str, last: Option<Millis>) {
        let Some(canary) = self.by_action.get_mut(action) else { return };
        if let Some(due) = canary.due.take() {
            self.due.remove(&(due, action.to_owned()));
        }
        if canary.interval_s > 0.0 {
            let due = last.map_or(Millis::default(), |last| last.plus_seconds(canary.interval_s));
            canary.due = Some(due);
            self.due.insert((due, action.to_owned()));
        }
    }
}
