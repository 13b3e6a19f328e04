//! What comes out: who is told what, and why not.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::labels::Labels;
use crate::model::Severity;
use crate::time::Millis;

/// Something that the host has to do or to write down.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// To be handed to the outbox.
    Notify(Notification),
    /// A level of an escalation has been reached: the host owes the `escalate` action for this detection, and says
    /// [`Change::Escalated`](super::Change::Escalated) when it took effect.
    Escalate {
        /// Which detection.
        id: Uuid,
        /// From 1.
        level: u32,
        /// Whom this level adds.
        audience: Vec<String>,
        /// The policy's name.
        policy: String,
    },
    /// One line of an alert's history: why it was or was not told.
    Note {
        /// Which alert.
        id: Uuid,
        /// When.
        at: Millis,
        /// What.
        step: Step,
    },
}

/// A message to one receiver about one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Unique for good, and the same whenever the same is decided: the receiver, the group and a number.
    pub key: String,
    /// The id of an action.
    pub receiver: String,
    /// The path of the route that sent it here; empty for an escalation of an alert without a route.
    pub route: String,
    /// What it is about.
    pub kind: Kind,
    /// Stable for the life of the group: what receivers deduplicate by. An escalation has one of its own, so that it is
    /// not taken for what the route's receivers know already.
    pub dedup_key: String,
    /// The labels that make the group.
    pub group: Labels,
    /// The worst that fires; in [`Kind::Resolved`] the worst that was last told.
    pub severity: Severity,
    /// The highest level of escalation that a member has reached.
    pub level: u32,
    /// Members that fire and are not hidden.
    pub firing: usize,
    /// Members that were told and are over, since the group began.
    pub resolved: usize,
    /// Alerts that are held because they depend on members.
    pub behind: usize,
    /// The worst and oldest first, at most 50. In [`Kind::Resolved`] those that were over since it was last told.
    pub members: Vec<Uuid>,
    /// Labels that all members share.
    pub common: Labels,
    /// When it was decided.
    pub at: Millis,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A group is new, worse than it was told, or fires after it flapped.
    Page,
    /// Members joined or are over.
    Update,
    /// It still fires and nobody has acknowledged it.
    Repeat,
    /// All members are over.
    Resolved,
    /// A member opens and resolves over and over; nothing more is told of it until it is calm.
    Flapping,
    /// An escalation took effect.
    Escalation,
}

/// Why an alert was or was not told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// Hidden by a silence.
    Silenced {
        /// Which.
        silence: Uuid,
    },
    /// Its route is quiet.
    Muted {
        /// The maintenance window's name.
        window: String,
        /// The route's path.
        route: String,
    },
    /// Hidden by a maintenance window.
    Maintenance {
        /// Its name.
        window: String,
    },
    /// Hidden by another alert.
    Inhibited {
        /// Which.
        by: Uuid,
        /// The rule's place in the configuration, from 0.
        rule: usize,
    },
    /// Held, since what its system depends on has failed.
    DependsOn {
        /// The system furthest up the chain that explains it.
        system_id: String,
        /// An alert of that system.
        by: Uuid,
    },
    /// Held, since it opens and resolves over and over.
    Flapping {
        /// Changes of state, older ones counting less.
        score: f64,
    },
    /// It does not flap any more.
    Calm,
    /// There is no tree of routes.
    NoRoute,
    /// Its route has nobody to tell, on purpose.
    Nobody {
        /// The route's path.
        route: String,
    },
    /// It will be told with its group.
    Waiting {
        /// The route's path.
        route: String,
        /// When.
        until: Millis,
    },
    /// A receiver was told.
    Notified {
        /// Which.
        receiver: String,
        /// As what.
        kind: Kind,
    },
    /// Somebody is on it.
    Acknowledged {
        /// Who.
        by: String,
    },
    /// Nobody is on it any more.
    Unacknowledged,
    /// A level of an escalation was reached.
    Escalated {
        /// From 1.
        level: u32,
    },
}
