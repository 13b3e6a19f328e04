//! The room's state as records, so that only what changed is written and a restart changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::change::Alert;
use super::due::Due;
use super::flap::Flap;
use super::group::{Group, GroupId, Knows, Last, Purpose};
use super::inhibit::Parts;
use super::labels::Labels;
use super::plan::Plan;
use super::room::Alerts;
use super::route::Receiver;
use super::silence::{Phase, Silence, forgotten};
use super::standing::{Hold, Membership, Standing};
use super::window;
use crate::time::Millis;

/// The version of the shape of all records, with which each begins.
const VERSION: u8 = 1;

/// A record that changed: its key, and its bytes, or nothing if it is to be removed.
pub type Record = (String, Option<Vec<u8>>);

/// Which record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RecordKey {
    Room,
    Alert(Uuid),
    Group(GroupId),
    Silence(Uuid),
    Flap(Arc<str>),
}

/// A record that cannot be written or read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Its bytes are not what they should be.
    #[error("alerts record {key}: {source}")]
    Bytes {
        /// Which.
        key: String,
        /// What is wrong.
        source: postcard::Error,
    },
    /// It was written by another version.
    #[error("alerts record {key}: found version {found}, expected {VERSION}")]
    Version {
        /// Which.
        key: String,
        /// What was found.
        found: u8,
    },
    /// Its key is not one.
    #[error("alerts record {key}: expected room, or alert/, group/, silence/ or flap/ and which")]
    Key {
        /// Which.
        key: String,
    },
}

#[derive(Serialize, Deserialize)]
struct RoomRecord {
    digest: Uuid,
    lives: u64,
    windows: Vec<window::Standing>,
}

#[derive(Serialize, Deserialize)]
struct AlertRecord {
    alert: Alert,
    firing: bool,
    acknowledged: bool,
    memberships: Vec<Membership>,
    told_to: Vec<String>,
    first_told: Option<Millis>,
    level: u32,
    passed: BTreeMap<String, usize>,
    escalation_due: Option<Millis>,
    hold: Option<Hold>,
}

#[derive(Serialize, Deserialize)]
struct GroupRecord {
    key: String,
    purpose: Purpose,
    path: String,
    labels: Labels,
    ready: Millis,
    number: u64,
    last: Option<Last>,
    knows: Vec<(String, Knows)>,
    audience: Vec<String>,
    resolved: usize,
    due: Option<Millis>,
}

impl RecordKey {
    fn text(&self) -> String {
        match self {
            Self::Room => "room".to_owned(),
            Self::Alert(id) => format!("alert/{id}"),
            Self::Group(id) => format!("group/{:016x}", id.0),
            Self::Silence(id) => format!("silence/{id}"),
            Self::Flap(key) => format!("flap/{key}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "room" {
            return Some(Self::Room);
        }
        let (kind, which) = text.split_once('/')?;
        match kind {
            "alert" => Some(Self::Alert(which.parse().ok()?)),
            "group" => Some(Self::Group(GroupId(u64::from_str_radix(which, 16).ok()?))),
            "silence" => Some(Self::Silence(which.parse().ok()?)),
            "flap" => Some(Self::Flap(which.into())),
            _ => None,
        }
    }
}

impl Alerts {
    /// The records that changed since this was asked last, in a fixed order. Together with those before they are all
    /// that [`restore`](Self::restore) needs. They are to be written together.
    ///
    /// # Errors
    /// A record cannot be written as bytes; all of them are handed out again next time.
    pub fn changed(&mut self) -> Result<Vec<Record>, RecordError> {
        let mut records = Vec::with_capacity(self.dirty.len());
        for key in &self.dirty {
            let bytes = match key {
                RecordKey::Room => {
                    let windows = self.windows.clone();
                    let room = RoomRecord { digest: self.plan.digest, lives: self.lives, windows };
                    Some(encode(key, &room)?)
                }
                RecordKey::Alert(id) => self
                    .standing
                    .get(id)
                    .map(|standing| encode(key, &AlertRecord::of(standing)))
                    .transpose()?,
                RecordKey::Group(id) => {
                    self.groups.get(id).map(|group| encode(key, &GroupRecord::of(group))).transpose()?
                }
                RecordKey::Silence(id) => {
                    self.silences.get(*id).map(|silence| encode(key, silence)).transpose()?
                }
                RecordKey::Flap(pair) => self.flaps.get(pair).map(|flap| encode(key, flap)).transpose()?,
            };
            records.push((key.text(), bytes));
        }
        self.dirty.clear();
        Ok(records)
    }

    /// Goes on from records, with the configuration that is in force now. If that is another than the one that the
    /// records were made by, it is adopted with the first tick.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn restore<'a>(
        plan: Arc<Plan>,
        records: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, RecordError> {
        let mut alerts = Self::empty(plan);
        let mut digest = None;
        for (text, bytes) in records {
            let key = RecordKey::parse(text).ok_or_else(|| RecordError::Key { key: text.to_owned() })?;
            match key {
                RecordKey::Room => {
                    let room: RoomRecord = decode(text, bytes)?;
                    alerts.lives = room.lives;
                    alerts.windows = room.windows;
                    digest = Some(room.digest);
                }
                RecordKey::Alert(id) => {
                    let record: AlertRecord = decode(text, bytes)?;
                    alerts.standing.insert(id, Box::new(record.standing()));
                }
                RecordKey::Group(id) => {
                    let record: GroupRecord = decode(text, bytes)?;
                    alerts.groups.insert(id, record.group(id));
                }
                RecordKey::Silence(_) => {
                    let (silence, phase): (Silence, Phase) = decode(text, bytes)?;
                    alerts.silences.insert(silence, phase);
                }
                RecordKey::Flap(pair) => {
                    let flap: Flap = decode(text, bytes)?;
                    alerts.flaps.insert(pair, flap);
                }
            }
        }
        alerts.put_together();
        if digest == Some(alerts.plan.digest) {
            for (number, standing) in alerts.windows.iter().enumerate() {
                if let Some(edge) = standing.edge {
                    alerts.due.insert(edge, Due::Window(number));
                }
            }
        } else {
            alerts.forget_windows();
            alerts.due.insert(Millis(0), Due::Adopt);
        }
        Ok(alerts)
    }

    /// Makes from the records what they leave out.
    fn put_together(&mut self) {
        self.index_all();
        for (&id, group) in &self.groups {
            if group.purpose != Purpose::Retired {
                self.current.insert(group.key.clone(), id);
            }
            if let Some(due) = group.due {
                self.due.insert(due, Due::Flush(id));
            }
        }
        for (&id, standing) in &self.standing {
            for membership in &standing.memberships {
                let Some(group) = self.groups.get_mut(&membership.group) else { continue };
                if standing.lasts() {
                    group.members.insert(id);
                    group.told += usize::from(membership.told);
                } else {
                    group.left.insert(id);
                }
            }
            if let Some(hold) = standing.hold {
                self.held.entry(hold.cause(&standing.flap)).or_default().insert(id);
            }
            if let Some(due) = standing.escalation_due {
                self.due.insert(due, Due::Escalate(id));
            }
        }
        for (key, flap) in &self.flaps {
            self.due.insert(flap.due(&self.plan.flap), Due::Flap(Arc::clone(key)));
        }
        for silence in self.silences.iter() {
            let phase = self.silences.get(silence.id).map(|&(_, phase)| phase);
            if phase == Some(Phase::Pending) {
                self.due.insert(silence.starts, Due::SilenceStarts(silence.id));
            }
            if phase == Some(Phase::Ended) {
                self.due.insert(forgotten(silence), Due::Forget(silence.id));
            } else {
                self.due.insert(silence.ends, Due::SilenceEnds(silence.id));
            }
        }
    }
}

impl AlertRecord {
    fn of(standing: &Standing) -> Self {
        let standing = standing.clone();
        Self {
            alert: standing.alert,
            firing: standing.firing,
            acknowledged: standing.acknowledged,
            memberships: standing.memberships,
            told_to: standing.told_to.iter().map(ToString::to_string).collect(),
            first_told: standing.first_told,
            level: standing.level,
            passed: standing.passed,
            escalation_due: standing.escalation_due,
            hold: standing.hold,
        }
    }

    fn standing(self) -> Standing {
        Standing {
            firing: self.firing,
            acknowledged: self.acknowledged,
            memberships: self.memberships,
            told_to: self.told_to.into_iter().map(Receiver::from).collect(),
            first_told: self.first_told,
            level: self.level,
            passed: self.passed,
            escalation_due: self.escalation_due,
            hold: self.hold,
            ..Standing::new(self.alert, Parts::default())
        }
    }
}

impl GroupRecord {
    fn of(group: &Group) -> Self {
        Self {
            key: group.key.clone(),
            purpose: group.purpose,
            path: group.path.clone(),
            labels: group.labels.clone(),
            ready: group.ready,
            number: group.number,
            last: group.last,
            knows: group.knows.iter().map(|(receiver, &knows)| (receiver.to_string(), knows)).collect(),
            audience: group.audience.iter().map(ToString::to_string).collect(),
            resolved: group.resolved,
            due: group.due,
        }
    }

    fn group(self, id: GroupId) -> Group {
        Group {
            ready: self.ready,
            number: self.number,
            last: self.last,
            knows: self.knows.into_iter().map(|(receiver, knows)| (receiver.into(), knows)).collect(),
            audience: self.audience.into_iter().map(Receiver::from).collect(),
            resolved: self.resolved,
            due: self.due,
            ..Group::new(id, self.key, self.purpose, &self.path, self.labels)
        }
    }
}

fn encode<T: Serialize>(key: &RecordKey, record: &T) -> Result<Vec<u8>, RecordError> {
    postcard::to_extend(record, vec![VERSION])
        .map_err(|source| RecordError::Bytes { key: key.text(), source })
}

fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, RecordError> {
    let wrong = |source| RecordError::Bytes { key: key.to_owned(), source };
    match bytes.split_first() {
        Some((&VERSION, record)) => postcard::from_bytes(record).map_err(wrong),
        Some((&found, _)) => Err(RecordError::Version { key: key.to_owned(), found }),
        None => Err(wrong(postcard::Error::DeserializeUnexpectedEnd)),
    }
}
