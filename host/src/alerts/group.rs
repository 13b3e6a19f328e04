//! A group: alerts that are told together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::labels::Labels;
use super::route::{Receiver, Route};
use crate::model::Severity;
use crate::time::Millis;

/// The namespace of deduplication keys: a random UUID, fixed for good.
const NAMESPACE: Uuid = Uuid::from_u128(0x5a3c_9b1e_7d24_4f6a_8e10_93c5_2b7f_d041);

/// The number of a group's life; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct GroupId(pub(super) u64);

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// Its route, by its place in the plan.
    Route(usize),
    /// Its route or its labels are gone from the configuration: it ends what it began, and nothing else.
    Retired,
    /// One alert, and those whom an escalation told of it.
    Escalation,
}

/// What a receiver knows of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Knows {
    /// It was told, and is owed the end.
    Told,
    /// It was told of the members by a group that was there before, which ends that.
    Before,
}

/// The last telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) at: Millis,
    pub(super) firing: usize,
    pub(super) worst: Severity,
}

/// Alerts that are told together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Under which it is found while it is the current life.
    pub(super) key: String,
    pub(super) purpose: Purpose,
    /// The route's path.
    pub(super) path: String,
    pub(super) labels: Labels,
    pub(super) dedup_key: String,
    /// The first page is due no earlier.
    pub(super) ready: Millis,
    /// Notifications so far.
    pub(super) number: u64,
    pub(super) last: Option<Last>,
    pub(super) knows: BTreeMap<Receiver, Knows>,
    /// Whom an escalation is to tell.
    pub(super) audience: BTreeSet<Receiver>,
    pub(super) resolved: usize,
    pub(super) due: Option<Millis>,
    /// Members that last.
    pub(super) members: BTreeSet<Uuid>,
    /// Members that were told and are over, which has not been told yet.
    pub(super) left: BTreeSet<Uuid>,
    /// Of those that last, how many were told.
    pub(super) told: usize,
}

impl Group {
    pub(super) fn new(id: GroupId, key: String, purpose: Purpose, path: &str, labels: Labels) -> Self {
        Self {
            dedup_key: Uuid::new_v5(&NAMESPACE, format!("{}\0{key}", id.0).as_bytes()).to_string(),
            key,
            purpose,
            path: path.to_owned(),
            labels,
            ready: Millis(0),
            number: 0,
            last: None,
            knows: BTreeMap::new(),
            audience: BTreeSet::new(),
            resolved: 0,
            due: None,
            members: BTreeSet::new(),
            left: BTreeSet::new(),
            told: 0,
        }
    }

    /// The key of the next notification.
    pub(super) fn next_key(&mut self, receiver: &str) -> String {
        self.number += 1;
        format!("{receiver}/{}/{}", self.dedup_key, self.number)
    }

    /// Whether all receivers of a route know of it.
    pub(super) fn knows_all(&self, route: &Route) -> bool {
        route.receivers.iter().all(|receiver| self.knows.contains_key(receiver))
    }

    /// Whether it has grown tenfold since it was told.
    pub(super) fn has_grown(&self, firing: usize) -> bool {
        self.last.is_some_and(|last| firing >= last.firing.max(1).saturating_mul(10))
    }
}
