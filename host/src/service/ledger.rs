//! All detections, as everybody outside of the shards sees them: an index in memory, the detections in the store.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use uuid::Uuid;

use super::tables::{Header, Tables};
use super::views::{DetectionFilter, DetectionsPage};
use crate::detections::{Detection, DetectionUpdate, Event, EventKind, Tally};
use crate::model::Status;
use crate::store::StoreError;
use crate::time::Millis;

/// The index of detections.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    headers: HashMap<Uuid, Header>,
    /// By when they were opened.
    by_time: BTreeMap<(Millis, Uuid), ()>,
    /// Detections that are over, by when.
    over: BTreeMap<(Millis, Uuid), ()>,
    /// How those went on that are not over, since they were written.
    updates: HashMap<Uuid, DetectionUpdate>,
    pub(super) tally: Tally,
}

impl Ledger {
    /// The index of what the store has.
    pub(super) fn load(tables: &Tables) -> Result<Self, StoreError> {
        let mut ledger = Self::default();
        for record in tables.headers.iter() {
            let (id, header) = record?;
            ledger.tally.remember(header.severity, header.detection_type, header.resolved.is_some());
            ledger.index(id, header);
        }
        Ok(ledger)
    }

    fn index(&mut self, id: Uuid, header: Header) {
        self.by_time.insert((header.opened, id), ());
        if let Some(before) = self.headers.get(&id).and_then(|before| before.resolved) {
            self.over.remove(&(before, id));
        }
        if let Some(resolved) = header.resolved {
            self.over.insert((resolved, id), ());
        }
        self.headers.insert(id, header);
    }

    /// Takes in what happened to a detection. False: it is known already, which a restart brings about.
    pub(super) fn apply(&mut self, event: &Event, tables: &Tables) -> Result<bool, StoreError> {
        let detection = &event.detection;
        let id = detection.detection_id;
        let news = match (event.event, self.headers.get(&id)) {
            (EventKind::Opened, known) => known.is_none(),
            (EventKind::Reopened, Some(known)) => known.reopened < detection.reopened,
            (EventKind::Resolved, Some(known)) => {
                known.reopened <= detection.reopened && known.resolved.is_none()
            }
            (EventKind::Reopened | EventKind::Resolved, None) => true,
            (EventKind::Ongoing, _) => false,
        };
        if news {
            self.tally.count(event);
            self.updates.remove(&id);
            self.write(detection, tables)?;
        }
        Ok(news)
    }

    fn write(&mut self, detection: &Detection, tables: &Tables) -> Result<(), StoreError> {
        let header = Header {
            rule_id: detection.rule_id.clone(),
            system_id: detection.system_id.clone(),
            system_type: detection.system_type.clone(),
            severity: detection.severity,
            detection_type: detection.detection_type,
            status: detection.status,
            opened: detection.timestamp,
            resolved: detection.resolved_at,
            reopened: detection.reopened,
        };
        // The whole first: a header always has something behind it.
        let json = serde_json::to_value(detection).unwrap_or_default();
        tables.detections.put(&detection.detection_id, &json)?;
        tables.headers.put(&detection.detection_id, &header)?;
        self.index(detection.detection_id, header);
        Ok(())
    }

    /// Notes how a detection went on.
    pub(super) fn update(&mut self, update: DetectionUpdate) {
        if self.headers.get(&update.detection_id).is_some_and(|header| header.resolved.is_none()) {
            self.updates.insert(update.detection_id, update);
        }
    }

    /// The ids of detections that are not over.
    pub(super) fn active(&self) -> impl Iterator<Item = Uuid> {
        self.headers.iter().filter(|(_, header)| header.resolved.is_none()).map(|(&id, _)| id)
    }

    /// How many detections of a system are not over.
    pub(super) fn active_by_system(&self) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        for header in self.headers.values().filter(|header| header.resolved.is_none()) {
            *counts.entry(header.system_id.as_str()).or_default() += 1;
        }
        counts
    }

    /// A whole detection.
    pub(super) fn detection(&self, id: Uuid, tables: &Tables) -> Result<Option<Value>, StoreError> {
        if !self.headers.contains_key(&id) {
            return Ok(None);
        }
        let Some(mut detection) = tables.detections.get(&id)? else { return Ok(None) };
        if let Some(update) = self.updates.get(&id) {
            detection["last_seen"] = json!(update.last_seen);
            detection["occurrences"] = json!(update.occurrences);
            detection["peak"] = json!(update.peak);
        }
        Ok(Some(detection))
    }

    /// The ids of a page, newest first, and where the next one begins.
    pub(super) fn page(
        &self,
        filter: &DetectionFilter,
        before: Option<(Millis, Uuid)>,
        limit: usize,
    ) -> (Vec<Uuid>, Option<(Millis, Uuid)>) {
        let newest = (Millis(i64::MAX), Uuid::max());
        let before_time = filter.to.map(|to| (to, Uuid::nil()));
        let end = before.unwrap_or(newest).min(before_time.unwrap_or(newest));
        let begin = (filter.from.unwrap_or(Millis(i64::MIN)), Uuid::nil());
        if begin >= end {
            return (Vec::new(), None);
        }
        let mut found: Vec<(Millis, Uuid)> = self
            .by_time
            .range(begin..end)
            .rev()
            .map(|(key, ())| *key)
            .filter(|(_, id)| self.headers.get(id).is_some_and(|header| matches(filter, header)))
            .take(limit + 1)
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().copied().filter(|_| more);
        (found.into_iter().map(|(_, id)| id).collect(), next)
    }

    /// Forgets detections that were over before `before`, and the oldest of those beyond `max`. Returns how many.
    pub(super) fn retire(&mut self, before: Millis, max: u64, tables: &Tables) -> Result<u64, StoreError> {
        let mut retired = 0;
        while let Some((&(resolved, id), ())) = self.over.first_key_value() {
            if resolved >= before && self.headers.len() as u64 <= max {
                break;
            }
            // The header first: without it, nobody asks for the rest.
            tables.headers.remove(&id)?;
            tables.detections.remove(&id)?;
            self.over.remove(&(resolved, id));
            if let Some(header) = self.headers.remove(&id) {
                self.by_time.remove(&(header.opened, id));
            }
            retired += 1;
        }
        Ok(retired)
    }
}

fn matches(filter: &DetectionFilter, header: &Header) -> bool {
    let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    filter.status.is_none_or(|status: Status| status == header.status)
        && filter.severity.is_none_or(|severity| severity == header.severity)
        && filter.detection_type.is_none_or(|kind| kind == header.detection_type)
        && same(&filter.rule_id, &header.rule_id)
        && same(&filter.system_id, &header.system_id)
        && same(&filter.system_type, &header.system_type)
}

/// Where a page of detections goes on, as text.
pub(super) fn cursor_text((opened, id): (Millis, Uuid)) -> String {
    format!("{}.{}", opened.0, id.simple())
}

/// The inverse of [`cursor_text`].
pub(super) fn parse_cursor(text: &str) -> Option<(Millis, Uuid)> {
    let (opened, id) = text.split_once('.')?;
    Some((Millis(opened.parse().ok()?), Uuid::try_parse(id).ok()?))
}

/// A page with its detections read from the store.
pub(super) fn read_page(
    ids: &[Uuid],
    next: Option<(Millis, Uuid)>,
    mut read: impl FnMut(Uuid) -> Option<Value>,
) -> DetectionsPage {
    DetectionsPage {
        detections: ids.iter().filter_map(|&id| read(id)).collect(),
        next_cursor: next.map(cursor_text),
    }
}
