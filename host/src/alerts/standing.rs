//! Where an alert stands: whether it fires, who was told, and what holds it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::change::Alert;
use super::group::GroupId;
use super::inhibit::Parts;
use super::labels::push_number;
use super::route::Receiver;
use super::silence::Hidden;
use crate::time::Millis;

/// Why an alert is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Hold {
    /// A maintenance window, by its place in the plan.
    Window(usize),
    Silence(Uuid),
    Inhibited {
        by: Uuid,
        rule: usize,
    },
    DependsOn {
        by: Uuid,
    },
    Flapping,
}

/// That of which an end lets alerts go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cause {
    Window(usize),
    Silence(Uuid),
    Alert(Uuid),
    Flap(Arc<str>),
}

impl Hold {
    /// What has to end for it to end; `flap` is the alert's rule and system.
    pub(super) fn cause(self, flap: &Arc<str>) -> Cause {
        match self {
            Self::Window(window) => Cause::Window(window),
            Self::Silence(silence) => Cause::Silence(silence),
            Self::Inhibited { by, .. } | Self::DependsOn { by } => Cause::Alert(by),
            Self::Flapping => Cause::Flap(Arc::clone(flap)),
        }
    }
}

/// An alert's part in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Membership {
    pub(super) group: GroupId,
    /// Whether somebody was told of it there.
    pub(super) told: bool,
    /// Whether it came to rest while firing, and that has to be told.
    pub(super) again: bool,
}

/// An alert and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) alert: Alert,
    pub(super) firing: bool,
    pub(super) acknowledged: bool,
    pub(super) memberships: Vec<Membership>,
    /// Who believes that it fires.
    pub(super) told_to: Vec<Receiver>,
    pub(super) first_told: Option<Millis>,
    /// The highest level of escalation it has reached.
    pub(super) level: u32,
    /// Levels passed, by policy.
    pub(super) passed: BTreeMap<String, usize>,
    /// When the next level is looked at.
    pub(super) escalation_due: Option<Millis>,
    pub(super) hold: Option<Hold>,
    /// Its rule and system, as flapping is counted.
    pub(super) flap: Arc<str>,
    pub(super) parts: Parts,
    /// As it was found last; of these labels only.
    pub(super) hidden: Hidden,
}

impl Standing {
    pub(super) fn new(alert: Alert, parts: Parts) -> Self {
        Self {
            flap: flap_key(&alert),
            alert,
            firing: true,
            acknowledged: false,
            memberships: Vec::new(),
            told_to: Vec::new(),
            first_told: None,
            level: 0,
            passed: BTreeMap::new(),
            escalation_due: None,
            hold: None,
            parts,
            hidden: Hidden::default(),
        }
    }

    /// Whether it counts as going on: it fires, or it is over and held as flapping.
    pub(super) fn lasts(&self) -> bool {
        self.firing || self.hold == Some(Hold::Flapping)
    }

    /// Whether it fires and nothing hides it, as far as was seen last.
    pub(super) fn is_visible(&self) -> bool {
        self.firing && self.hold.is_none()
    }

    pub(super) fn is_told(&self) -> bool {
        self.memberships.iter().any(|membership| membership.told)
    }

    pub(super) fn knows(&self, receiver: &Receiver) -> bool {
        self.told_to.contains(receiver)
    }

    pub(super) fn membership(&self, group: GroupId) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.group == group)
    }

    pub(super) fn membership_mut(&mut self, group: GroupId) -> Option<&mut Membership> {
        self.memberships.iter_mut().find(|membership| membership.group == group)
    }

    /// Ends this spell of firing: the next one is acknowledged and escalated on its own.
    pub(super) fn end_spell(&mut self) {
        self.firing = false;
        self.acknowledged = false;
        self.first_told = None;
        self.level = 0;
        self.passed.clear();
    }
}

/// Rule and system, so that two pairs never look the same.
pub(super) fn flap_key(alert: &Alert) -> Arc<str> {
    let (rule, system) = (alert.labels.get("rule_id"), alert.labels.get("system_id"));
    let mut key = String::with_capacity(rule.len() + system.len() + 4);
    push_number(&mut key, rule.len());
    key.push_str(rule);
    key.push_str(system);
    key.into()
}
