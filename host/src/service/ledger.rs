//! All detections, as everybody outside of the shards sees them: an index in memory, the detections in the store.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use uuid::Uuid;

use super::tables::{Header, Tables};
use super::transaction::Transaction;
use super::views::{DetectionFilter, DetectionsPage};
use crate::detections::{Case, DetectionUpdate, Event, EventKind, Tally};
use crate::evaluation::Verdicts;
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
    verdicts: HashMap<String, Verdicts>,
}

impl Ledger {
    /// The index of what the store has.
    pub(super) fn load(tables: &Tables) -> Result<Self, StoreError> {
        let mut ledger = Self::default();
        for record in tables.headers.iter() {
            let (id, header) = record?;
            ledger.index(id, header);
        }
        Ok(ledger)
    }

    fn index(&mut self, id: Uuid, header: Header) {
        self.by_time.insert((header.opened, id), ());
        let before = self.headers.get(&id);
        self.tally.moved(
            header.severity,
            header.detection_type,
            before.map(|before| before.status),
            header.status,
        );
        let verdicts = self.verdicts.entry(header.rule_id.clone()).or_default();
        if let Some(before) = before {
            *count_of(verdicts, before.status) -= 1;
        }
        *count_of(verdicts, header.status) += 1;
        if let Some(before) = before.and_then(|before| before.resolved) {
            self.over.remove(&(before, id));
        }
        if let Some(resolved) = header.resolved {
            self.over.insert((resolved, id), ());
        }
        self.headers.insert(id, header);
    }

    /// Takes in what samples have shown. False: it is known already, which a restart brings about.
    pub(super) fn apply(
        &mut self,
        event: &Event,
        transaction: &mut Transaction<'_>,
    ) -> Result<bool, StoreError> {
        let detection = &event.detection;
        let id = detection.detection_id;
        let news = match (event.event, self.headers.get(&id)) {
            (EventKind::Opened, known) => known.is_none(),
            (EventKind::Reopened, Some(known)) => known.reopened < detection.reopened,
            (EventKind::Resolved, Some(known)) => {
                known.reopened <= detection.reopened && known.of_samples != Status::Resolved
            }
            (EventKind::Changed, Some(known)) => known.of_samples != Status::Resolved,
            (EventKind::Changed, None) => false,
            (EventKind::Reopened | EventKind::Resolved, None) => true,
            (EventKind::Ongoing, _) => false,
        };
        if !news {
            return Ok(false);
        }
        self.updates.remove(&id);
        if event.event == EventKind::Changed {
            transaction.keep_detection(detection)?;
            return Ok(true);
        }
        let case = transaction.case(id)?;
        let (what, note) = match event.event {
            EventKind::Opened => ("opened", Some(detection.description.clone())),
            EventKind::Reopened => ("came_back", None),
            EventKind::Resolved | EventKind::Ongoing | EventKind::Changed => {
                ("recovered", detection.resolution_notes.clone())
            }
        };
        case.samples_changed(event.event == EventKind::Reopened);
        case.note(detection.resolved_at.unwrap_or(detection.last_seen), "lapwing", what, note);
        let header = Header {
            rule_id: detection.rule_id.clone(),
            system_id: detection.system_id.clone(),
            system_type: detection.system_type.clone(),
            severity: detection.severity,
            detection_type: detection.detection_type,
            status: case.status(detection.status),
            of_samples: detection.status,
            opened: detection.timestamp,
            resolved: case.ended(detection.resolved_at),
            reopened: detection.reopened,
        };
        transaction.keep_detection(detection)?;
        self.keep(id, header, transaction)?;
        Ok(true)
    }

    fn keep(
        &mut self,
        id: Uuid,
        header: Header,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), StoreError> {
        transaction.tables.headers.put_with(&mut transaction.writes, &id, &header)?;
        self.index(id, header);
        Ok(())
    }

    /// Changes what people and actions made of a detection. `None`: there is no such detection.
    pub(super) fn change<E>(
        &mut self,
        id: Uuid,
        transaction: &mut Transaction<'_>,
        change: impl FnOnce(&mut Case, &Header) -> Result<(), E>,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let Some(mut header) = self.headers.get(&id).cloned() else { return Ok(None) };
        let ended = transaction.detection(id)?.and_then(|detection| detection.resolved_at);
        let case = transaction.case(id)?;
        if let Err(error) = change(case, &header) {
            return Ok(Some(Err(error)));
        }
        let (status, resolved) = (case.status(header.of_samples), case.ended(ended));
        if (status, resolved) != (header.status, header.resolved) {
            (header.status, header.resolved) = (status, resolved);
            self.keep(id, header, transaction)?;
        }
        Ok(Some(Ok(())))
    }

    /// What is known of a detection without reading it.
    pub(super) fn header(&self, id: Uuid) -> Option<&Header> {
        self.headers.get(&id)
    }

    /// The newest detection of this rule and system that was there at this time.
    pub(super) fn covering(&self, system_id: &str, rule_id: &str, at: Millis) -> Option<Uuid> {
        let until = (Millis(at.0.saturating_add(1)), Uuid::nil());
        let there = |header: &Header| {
            header.rule_id == rule_id
                && header.system_id == system_id
                && header.resolved.is_none_or(|resolved| resolved >= at)
        };
        let mut ids = self.by_time.range(..until).rev().map(|((_, id), ())| *id);
        ids.find(|id| self.headers.get(id).is_some_and(there))
    }

    /// How the detections of each rule turned out.
    pub(super) fn verdicts(&self) -> &HashMap<String, Verdicts> {
        &self.verdicts
    }

    /// Notes how a detection went on. True: a person had closed it, and `still_s` seconds later it is still there.
    pub(super) fn update(&mut self, update: DetectionUpdate, still_s: f64) -> bool {
        let Some(header) = self.headers.get(&update.detection_id) else { return false };
        if header.of_samples == Status::Resolved {
            return false;
        }
        self.updates.insert(update.detection_id, update);
        header.status == Status::Resolved
            && header.resolved.is_some_and(|closed| update.last_seen.seconds_since(closed) > still_s)
    }

    /// The ids of detections that samples have not shown to be over.
    pub(super) fn active(&self) -> impl Iterator<Item = Uuid> {
        self.headers.iter().filter(|(_, header)| header.of_samples != Status::Resolved).map(|(&id, _)| id)
    }

    /// How many detections of a system are not over.
    pub(super) fn active_by_system(&self) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        for header in self.headers.values().filter(|header| header.resolved.is_none()) {
            *counts.entry(header.system_id.as_str()).or_default() += 1;
        }
        counts
    }

    /// A whole detection, with what people and actions made of it.
    pub(super) fn detection(&self, id: Uuid, tables: &Tables) -> Result<Option<Value>, StoreError> {
        let Some(header) = self.headers.get(&id) else { return Ok(None) };
        let Some(mut detection) = tables.detections.get(&id)? else { return Ok(None) };
        if let Some(update) = self.updates.get(&id) {
            detection["last_seen"] = json!(update.last_seen);
            detection["occurrences"] = json!(update.occurrences);
            detection["peak"] = json!(update.peak);
        }
        show_case(&mut detection, header, &tables.cases.get(&id)?.unwrap_or_default());
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
            if let Some(case) = tables.cases.get(&id)? {
                for attachment in case.attachments {
                    tables.attachments.remove(&Case::attachment_key(id, &attachment.name))?;
                }
                tables.cases.remove(&id)?;
            }
            self.over.remove(&(resolved, id));
            if let Some(header) = self.headers.remove(&id) {
                self.by_time.remove(&(header.opened, id));
            }
            retired += 1;
        }
        Ok(retired)
    }
}

fn count_of(verdicts: &mut Verdicts, status: Status) -> &mut u64 {
    match status {
        Status::Resolved => &mut verdicts.confirmed,
        Status::FalsePositive => &mut verdicts.false_positive,
        Status::Active | Status::Investigating | Status::Escalated => &mut verdicts.open,
    }
}

/// Puts a case over what the samples say.
fn show_case(detection: &mut Value, header: &Header, case: &Case) {
    detection["status"] = json!(header.status);
    detection["resolved_at"] = json!(header.resolved);
    if let Some(closed) = &case.closed {
        let said = closed.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        detection["resolution_notes"] = json!(format!("closed by {}{said}", closed.by));
    }
    detection["acknowledged"] = json!(case.acknowledged);
    detection["assignee"] = json!(case.assignee);
    detection["level"] = json!(case.level);
    detection["audience"] = json!(case.audience);
    detection["flapping"] = json!(case.flapping);
    detection["attachments"] = json!(case.attachments);
    detection["history"] = json!(case.history);
    detection["history_entries_gone"] = json!(case.entries_gone);
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
