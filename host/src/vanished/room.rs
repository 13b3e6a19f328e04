//! Who is gone: those who wait for company, and groups.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::config::GroupsConfig;
use super::explain;
use super::population::{LabelChange, Population, labels_of};
use crate::detections::{Detection, Event, EventKind, GroupEvidence, ProbeEvidence};
use crate::model::Status;
use crate::time::Millis;

/// Members that a detection names; the others are counted.
const MEMBERS_NAMED: usize = 100;
/// Members that a group may have.
const MEMBERS_MAX: usize = 100_000;
/// Groups at a time; beyond, those who are gone are told one by one.
const GROUPS_MAX: usize = 1000;
/// Those who wait at a time; one more is told at once.
const HELD_MAX: usize = 100_000;
/// After a blindness, one that was about to be told waits at most so long for a sign of life.
const AFTER_BLINDNESS_S_MAX: f64 = 60.0;

/// A record to be kept, by its key.
pub type RecordKey = Uuid;

/// What is kept of somebody who waits, or of a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Record {
    /// One who waits for company.
    Held(Box<Held>),
    /// A group.
    Group(Box<Group>),
}

/// One that is gone and waits for company.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    event: Event,
    labels: Vec<(String, String)>,
    due: Millis,
}

/// Systems that are gone together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    label: String,
    value: String,
    population: u32,
    /// The system of each member's own detection.
    members: BTreeMap<Uuid, String>,
    detection: Detection,
}

/// One who waits, and may be knocked at meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Its detection.
    pub detection_id: Uuid,
    /// Who.
    pub system_id: String,
    /// Of which type.
    pub system_type: String,
    /// How long it waits, in seconds.
    pub waits_s: f64,
}

/// The room.
#[derive(Debug)]
pub struct Vanished {
    config: GroupsConfig,
    population: Population,
    systems: usize,
    held: BTreeMap<Uuid, Held>,
    groups: BTreeMap<Uuid, Group>,
    member_of: HashMap<Uuid, Uuid>,
    changed_groups: BTreeSet<Uuid>,
    changed: BTreeSet<RecordKey>,
    /// Those who wait and were not asked for by [`Vanished::suspects`] yet.
    suspects: Vec<Uuid>,
    blind: bool,
}

impl Vanished {
    /// Goes on with what was kept.
    #[must_use]
    pub fn restore(config: GroupsConfig, records: Vec<(RecordKey, Record)>) -> Self {
        let mut room = Self {
            config,
            population: Population::default(),
            systems: 0,
            held: BTreeMap::new(),
            groups: BTreeMap::new(),
            member_of: HashMap::new(),
            changed_groups: BTreeSet::new(),
            changed: BTreeSet::new(),
            suspects: Vec::new(),
            blind: false,
        };
        for (key, record) in records {
            match record {
                Record::Held(held) => {
                    room.held.insert(key, *held);
                    room.suspects.push(key);
                }
                Record::Group(group) => {
                    room.member_of.extend(group.members.keys().map(|&member| (member, key)));
                    room.groups.insert(key, *group);
                }
            }
        }
        room
    }

    /// Goes by other settings from now on.
    pub fn adopt(&mut self, config: GroupsConfig) {
        self.config = config;
    }

    /// Systems carry other labels.
    pub fn labels_changed(&mut self, changes: &[LabelChange], systems: usize) {
        changes.iter().for_each(|change| self.population.change(change));
        self.systems = systems;
    }

    /// Sight was lost: nobody is told to be gone now.
    pub fn blind(&mut self) {
        self.blind = true;
    }

    /// Sight is back since `until`: whoever waits has as much time again as it took to miss it.
    pub fn sighted(&mut self, until: Millis) {
        self.blind = false;
        for (&id, held) in &mut self.held {
            let silence_s = silence_s(&held.event.detection).min(AFTER_BLINDNESS_S_MAX);
            held.due = held.due.max(until.plus_seconds(silence_s));
            self.changed.insert(id);
            self.suspects.push(id);
        }
    }

    /// Those who have begun to wait since this was last asked.
    pub fn suspects(&mut self) -> Vec<Suspect> {
        let waiting = std::mem::take(&mut self.suspects).into_iter().filter_map(|id| {
            let detection = &self.held.get(&id)?.event.detection;
            Some(Suspect {
                detection_id: id,
                system_id: detection.system_id.clone(),
                system_type: detection.system_type.clone(),
                waits_s: self.hold_s(detection),
            })
        });
        waiting.collect()
    }

    /// One who waits was knocked at.
    pub fn probed(&mut self, id: Uuid, probe: ProbeEvidence) {
        if let Some(held) = self.held.get_mut(&id) {
            held.event.detection.evidence.probe = Some(probe);
        }
    }

    /// How long one that is gone waits for company.
    fn hold_s(&self, detection: &Detection) -> f64 {
        (self.config.hold_share * silence_s(detection)).min(self.config.hold_s_max)
    }

    /// Something happened to a detection. Says whether it is a matter of this room: then it is told from here, if at all.
    pub fn take(&mut self, event: &Event, now: Millis) -> bool {
        let id = event.detection.detection_id;
        match event.event {
            EventKind::Opened | EventKind::Reopened => self.gone(event, now),
            EventKind::Resolved => self.back(id),
            EventKind::Ongoing | EventKind::Changed => self.is_mine(id),
        }
    }

    /// Whether a detection waits here, or is part of a group.
    #[must_use]
    pub fn is_mine(&self, id: Uuid) -> bool {
        self.held.contains_key(&id) || self.member_of.contains_key(&id)
    }

    /// Whether a detection is that of a group.
    #[must_use]
    pub fn is_group(&self, id: Uuid) -> bool {
        self.groups.contains_key(&id)
    }

    /// After a start: whoever is no longer gone is back.
    pub fn retain(&mut self, is_gone: impl Fn(Uuid) -> bool) {
        let ids = self.held.keys().chain(self.member_of.keys()).copied();
        let back: Vec<Uuid> = ids.filter(|&id| !is_gone(id)).collect();
        for id in back {
            self.back(id);
        }
    }

    fn gone(&mut self, event: &Event, now: Millis) -> bool {
        let detection = &event.detection;
        if self.is_mine(detection.detection_id) {
            return true;
        }
        if !detection.is_by_silence() || self.config.hold_s_max == 0.0 || self.held.len() >= HELD_MAX {
            return false;
        }
        let labels: Vec<(String, String)> =
            labels_of(&detection.system_type, &detection.evidence.custom_metrics, &self.config.labels)
                .map(|(label, value)| (label.to_owned(), value.to_owned()))
                .collect();
        let known = self.groups.iter().find(|(_, group)| {
            group.members.len() < MEMBERS_MAX
                && labels.iter().any(|(label, value)| *label == group.label && *value == group.value)
        });
        if let Some((&group_id, _)) = known {
            self.join(group_id, detection.detection_id, detection.system_id.clone());
            return true;
        }
        let due = now.plus_seconds(self.hold_s(detection));
        self.held.insert(detection.detection_id, Held { event: event.clone(), labels, due });
        self.changed.insert(detection.detection_id);
        self.suspects.push(detection.detection_id);
        true
    }

    fn back(&mut self, id: Uuid) -> bool {
        if self.held.remove(&id).is_some() {
            // Back before anybody was told that it is gone.
            self.changed.insert(id);
            return true;
        }
        let Some(group_id) = self.member_of.remove(&id) else { return false };
        if let Some(group) = self.groups.get_mut(&group_id) {
            group.members.remove(&id);
            self.changed_groups.insert(group_id);
        }
        true
    }

    fn join(&mut self, group_id: Uuid, id: Uuid, system_id: String) {
        if let Some(group) = self.groups.get_mut(&group_id) {
            group.members.insert(id, system_id);
            self.member_of.insert(id, group_id);
            self.changed_groups.insert(group_id);
        }
    }

    /// Time goes on. Returns what is to be told now.
    pub fn tick(&mut self, now: Millis) -> Vec<Event> {
        let mut told = Vec::new();
        if !self.blind && self.held.values().any(|held| held.due <= now) {
            self.decide(now, &mut told);
        }
        for group_id in std::mem::take(&mut self.changed_groups) {
            self.changed.insert(group_id);
            let Some(group) = self.groups.get_mut(&group_id) else { continue };
            group.describe(now);
            let mut event = if group.is_new() { EventKind::Opened } else { EventKind::Changed };
            if group.members.is_empty() {
                group.detection.resolve(now, "all of them are back".to_owned());
                event = EventKind::Resolved;
            }
            told.push(Event { event, detection: group.detection.clone() });
            if event == EventKind::Resolved {
                self.groups.remove(&group_id);
            }
        }
        told
    }

    /// Finds groups among those who wait; whoever has waited long enough and is in none is told alone.
    fn decide(&mut self, now: Millis, told: &mut Vec<Event>) {
        while self.groups.len() < GROUPS_MAX {
            let gone =
                self.held.values().map(|held| (&*held.event.detection.system_id, held.labels.as_slice()));
            let found = explain::best(gone, &self.population, self.systems, self.config.members_min);
            let Some(found) = found else { break };
            let is_of = |held: &Held| {
                // What the others depend on is part of what happened.
                held.event.detection.system_id == found.value
                    || held.labels.iter().any(|(label, value)| *label == found.label && *value == found.value)
            };
            let members: Vec<Uuid> =
                self.held.iter().filter(|(_, held)| is_of(held)).map(|(&id, _)| id).collect();
            let members: Vec<Held> = members
                .iter()
                .filter_map(|id| {
                    self.changed.insert(*id);
                    self.held.remove(id)
                })
                .collect();
            let Some(group) = Group::new(&found.label, &found.value, found.population, &members, now) else {
                break;
            };
            let group_id = group.detection.detection_id;
            self.groups.insert(group_id, group);
            for held in members {
                let detection = held.event.detection;
                self.join(group_id, detection.detection_id, detection.system_id);
            }
        }
        let alone: Vec<Uuid> =
            self.held.iter().filter(|(_, held)| held.due <= now).map(|(&id, _)| id).collect();
        for id in alone {
            self.changed.insert(id);
            let Some(Held { mut event, .. }) = self.held.remove(&id) else { continue };
            if let Some(ProbeEvidence { target, result, .. }) = &event.detection.evidence.probe {
                event.detection.description += &format!("; {target}: {result}");
            }
            told.push(event);
        }
    }

    /// Records that have changed since this was last asked; `None`: it is gone.
    pub fn changed(&mut self) -> Vec<(RecordKey, Option<Record>)> {
        let changed = std::mem::take(&mut self.changed);
        let record = |id: Uuid| {
            let held = self.held.get(&id).map(|held| Record::Held(Box::new(held.clone())));
            held.or_else(|| self.groups.get(&id).map(|group| Record::Group(Box::new(group.clone()))))
        };
        changed.into_iter().map(|id| (id, record(id))).collect()
    }
}

impl Group {
    /// The group of some who are gone, the first of whom lends it the evidence.
    fn new(label: &str, value: &str, population: u32, members: &[Held], now: Millis) -> Option<Self> {
        let first = members.iter().min_by_key(|held| {
            let detection = &held.event.detection;
            (detection.timestamp, detection.detection_id)
        })?;
        let mut detection = first.event.detection.clone();
        let name = format!("{label}={value}");
        detection.detection_id = Detection::id(&detection.rule_id, &name, now);
        detection.system_id = name;
        detection.system_type = "group".to_owned();
        detection.status = Status::Active;
        detection.timestamp = now;
        detection.reopened = 0;
        detection.metrics.clear();
        detection.evidence.custom_metrics.clear();
        detection.evidence.custom_metrics.insert(label.to_owned(), value.into());
        detection.evidence.group = None;
        detection.evidence.probe = None;
        let (label, value) = (label.to_owned(), value.to_owned());
        Some(Self { label, value, population, members: BTreeMap::new(), detection })
    }

    fn is_new(&self) -> bool {
        self.detection.evidence.group.as_ref().is_some_and(|group| group.changes == 1)
    }

    /// Writes down who is gone.
    fn describe(&mut self, now: Millis) {
        let changes = self.detection.evidence.group.as_ref().map_or(0, |group| group.changes) + 1;
        let gone = self.members.len();
        let population = self.population.max(gone as u32);
        self.population = population;
        let (label, value) = (&self.label, &self.value);
        let rule = &self.detection.evidence.rule_name;
        self.detection.description =
            format!("{rule}: {gone} of {population} systems with {label} = {value} are gone");
        self.detection.last_seen = now;
        let mut members: Vec<String> = self.members.values().take(MEMBERS_NAMED).cloned().collect();
        members.sort_unstable();
        self.detection.evidence.group = Some(GroupEvidence {
            label: label.clone(),
            value: value.clone(),
            gone,
            population,
            members,
            changes,
        });
    }
}

/// The silence that it took to notice that a system is gone.
fn silence_s(detection: &Detection) -> f64 {
    let silence = detection.evidence.conditions.iter().find(|condition| condition.metric == "silence_s");
    silence.and_then(|condition| condition.observed).unwrap_or(0.0).max(0.0)
}
