//! Where detections meet people and actions: what happened is noted in the case, those who are to hear of it are found, and
//! what is owed goes to the outbox. Everything on the desk changes within a [transaction](super::transaction).

mod blocks;
mod effects;
mod occasion;
mod outcome;

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::ledger::Ledger;
use super::tables::Tables;
use super::transaction::Transaction;
use crate::access::Principal;
use crate::alerts::{Alert, Alerts, Change, Decision, RecordError, Step};
use crate::catalog::{Catalog, ESCALATE, SEND_ALERT};
use crate::detections::{Case, Detection, DetectionUpdate, Event, EventKind, Move};
use crate::model::Status;
use crate::outbox::{Job, Outbox, OutboxError, Owed, Verb};
use crate::store::StoreError;
use crate::time::Millis;
use crate::vanished::Vanished;

pub(super) use blocks::BlockList;
pub use blocks::{BlockChange, BlockChanges, BlockEntry};
pub(super) use occasion::Links;
pub(super) use outcome::{Finished, Went, undoes};

/// The host, where a history names who did something.
const LAPWING: &str = "lapwing";

/// What is on the desk.
pub(super) struct Desk {
    pub(super) alerts: Alerts,
    pub(super) outbox: Outbox,
    pub(super) blocks: BlockList,
    pub(super) links: Links,
    pub(super) vanished: Vanished,
    /// Systems known, of which an action may touch a share.
    pub(super) fleet_size: usize,
    /// In force.
    catalog: Arc<Catalog>,
}

impl Desk {
    /// The desk as it was left.
    pub(super) fn open(
        tables: &Tables,
        catalog: &Arc<Catalog>,
        links: Links,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let destinations = destinations(catalog);
        let owed: Vec<_> = tables.owed.iter().collect::<Result<_, _>>()?;
        let mut outbox = Outbox::restore(owed, destinations, now);
        outbox.restore_canaries(tables.canaries.iter().collect::<Result<_, _>>()?);
        let records: Vec<(String, Vec<u8>)> = tables.alerts.iter().collect::<Result<_, _>>()?;
        let borrowed = records.iter().map(|(key, record)| (key.as_str(), record.as_slice()));
        let alerts = Alerts::restore(Arc::clone(&catalog.alerts), borrowed).map_err(unreadable)?;
        let blocks = BlockList::load(tables)?;
        let vanished = tables.vanished.iter().collect::<Result<_, _>>()?;
        let vanished = Vanished::restore(catalog.config.groups.clone(), vanished);
        Ok(Self { alerts, outbox, blocks, links, vanished, fleet_size: 0, catalog: Arc::clone(catalog) })
    }

    /// Something else is in force.
    pub(super) fn adopt(
        &mut self,
        catalog: &Arc<Catalog>,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.outbox.adopt(destinations(catalog), now);
        let mut decisions = Vec::new();
        if !Arc::ptr_eq(&self.catalog.alerts, &catalog.alerts) {
            self.alerts.adopt(Arc::clone(&catalog.alerts), now, &mut decisions);
        }
        self.vanished.adopt(catalog.config.groups.clone());
        self.catalog = Arc::clone(catalog);
        self.carry_out(decisions, ledger, transaction, now)
    }

    /// Samples have shown something about a detection.
    pub(super) fn happened(
        &mut self,
        event: &Event,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        if !ledger.apply(event, transaction)? {
            return Ok(());
        }
        let detection = &event.detection;
        let id = detection.detection_id;
        let kind = match event.event {
            EventKind::Opened => "detection_opened",
            EventKind::Reopened => "detection_reopened",
            EventKind::Resolved => "detection_resolved",
            EventKind::Changed => "detection_changed",
            EventKind::Ongoing => return Ok(()),
        };
        transaction.tell(kind, json!({ "detection": detection }));
        // A trouble that a person called none is not told again, whatever samples show of it.
        let is_none = ledger.header(id).is_some_and(|header| header.status == Status::FalsePositive);
        match event.event {
            EventKind::Resolved => self.change(Change::Resolved { id, at: now }, ledger, transaction, now),
            EventKind::Changed => Ok(()),
            _ if is_none => Ok(()),
            EventKind::Opened => self.trouble(detection, false, ledger, transaction, now),
            EventKind::Reopened | EventKind::Ongoing => {
                self.trouble(detection, true, ledger, transaction, now)
            }
        }
    }

    /// A trouble is there, or there again: those who are to hear of it do, and what its rule asks for is owed.
    fn trouble(
        &mut self,
        detection: &Detection,
        again: bool,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let id = detection.detection_id;
        for action in &detection.actions {
            if action == ESCALATE {
                continue;
            }
            if action == SEND_ALERT {
                let alert = Alert {
                    id,
                    labels: occasion::labels_of(detection),
                    severity: detection.severity,
                    opened: detection.timestamp,
                    summary: detection.description.clone(),
                };
                let change = if again { Change::Reopened(alert) } else { Change::Opened(alert) };
                self.change(change, ledger, transaction, now)?;
                continue;
            }
            let key = format!("{id}:{action}:{}", detection.reopened);
            let occasion = occasion::of_detection("act", &key, id, (0, &[]), &self.links, transaction)?;
            self.owe(key, action, &detection.system_id, Some(id), occasion, transaction, now)?;
        }
        Ok(())
    }

    /// A detection went on.
    pub(super) fn went_on(
        &mut self,
        update: DetectionUpdate,
        still_s: f64,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        if !ledger.update(update, still_s) {
            return Ok(());
        }
        let id = update.detection_id;
        let still_there = |case: &mut Case, _: &_| {
            case.samples_changed(true);
            let note = format!("samples still show it {still_s} s after it was closed");
            case.note(update.last_seen, LAPWING, "reopened", Some(note));
            Ok::<_, StoreError>(())
        };
        ledger.change(id, transaction, still_there)?.transpose()?;
        let Some(detection) = transaction.detection(id)?.cloned() else { return Ok(()) };
        transaction.tell("detection_reopened", json!({ "detection": detection }));
        self.trouble(&detection, true, ledger, transaction, now)
    }

    /// A person has made a move.
    pub(super) fn moved(
        &mut self,
        id: Uuid,
        step: &Move,
        by: &Principal,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let status = ledger.header(id).map(|header| header.status);
        let entry = transaction.case(id)?.history.last().cloned();
        transaction.tell(
            "detection_moved",
            json!({
                "detection_id": id,
                "move": entry.as_ref().map(|entry| &entry.what),
                "note": entry.as_ref().and_then(|entry| entry.note.as_ref()),
                "by": by.name,
                "status": status,
            }),
        );
        let change = match step {
            Move::Acknowledge => Change::Acknowledged { id, by: by.name.clone(), at: now },
            Move::Unacknowledge => Change::Unacknowledged { id },
            Move::Resolve | Move::FalsePositive => Change::Closed { id, at: now },
            Move::Reopen => {
                let Some(detection) = transaction.detection(id)?.cloned() else { return Ok(()) };
                return self.trouble(&detection, true, ledger, transaction, now);
            }
            Move::Assign(_) | Move::Comment => return Ok(()),
        };
        self.change(change, ledger, transaction, now)
    }

    /// Takes a change to the alerts, and carries out what they decide.
    pub(super) fn change(
        &mut self,
        change: Change,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut decisions = Vec::new();
        self.alerts.take(change, now, &mut decisions);
        self.carry_out(decisions, ledger, transaction, now)
    }

    /// Does what has fallen due, and adds the jobs that may be run now.
    pub(super) fn tick(
        &mut self,
        jobs: &mut Vec<Job>,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut decisions = Vec::new();
        self.alerts.tick(now, &mut decisions);
        self.carry_out(decisions, ledger, transaction, now)?;
        self.blocks.expire(now, transaction)?;
        for action in self.outbox.canary_due(now) {
            let key = format!("canary:{action}:{}", now.0);
            let occasion = occasion::of_canary(&action, &key, &self.links);
            let owed = Owed { canary: true, ..owed(key, &action, "canary", None, occasion, now) };
            if let Err(error) = self.outbox.owe(owed, now, self.fleet_size) {
                tracing::warn!(%error, action, "a canary could not be sent");
            }
        }
        self.outbox.next_jobs(now, jobs);
        Ok(())
    }

    /// When something falls due.
    pub(super) fn next_due(&self) -> Option<Millis> {
        [self.alerts.next_due(), self.outbox.next_due(), self.blocks.next_end()].into_iter().flatten().min()
    }

    /// Does what the alerts decided.
    pub(super) fn carry_out(
        &mut self,
        decisions: Vec<Decision>,
        ledger: &mut Ledger,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        for decision in decisions {
            match decision {
                Decision::Notify(notification) => {
                    let occasion =
                        occasion::of_notification(&notification, ledger, &self.links, transaction)?;
                    let only = (notification.members.len() == 1).then(|| notification.members[0]);
                    let (key, action) = (notification.key.clone(), notification.receiver.clone());
                    self.owe(key, &action, &notification.dedup_key, only, occasion, transaction, now)?;
                }
                Decision::Escalate { id, level, audience, policy } => {
                    let Some(detection) = transaction.detection(id)?.cloned() else { continue };
                    if !detection.actions.iter().any(|action| action == ESCALATE) {
                        continue;
                    }
                    let key = format!("{id}:{ESCALATE}:{}:{level}", detection.reopened);
                    let whom = (level, audience.as_slice());
                    let mut occasion =
                        occasion::of_detection("escalation", &key, id, whom, &self.links, transaction)?;
                    occasion["policy"] = json!(policy);
                    self.owe(key, ESCALATE, &detection.system_id, Some(id), occasion, transaction, now)?;
                }
                Decision::Note { id, at, step } => {
                    let case = transaction.case(id)?;
                    match step {
                        Step::Flapping { .. } => case.flapping = true,
                        Step::Calm => case.flapping = false,
                        _ => {}
                    }
                    let (what, note) = in_words(&step);
                    case.note(at, LAPWING, what, note);
                }
            }
        }
        Ok(())
    }

    /// Owes an action. That it cannot be owed is part of the detection's history.
    #[expect(clippy::too_many_arguments, reason = "an owed action is all of these")]
    fn owe(
        &mut self,
        key: String,
        action: &str,
        lane: &str,
        detection: Option<Uuid>,
        occasion: Value,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut owed = owed(key, action, lane, detection, occasion, now);
        if owed.occasion["kind"] == "act" {
            owed.system_id = Some(lane.to_owned());
        }
        if let Err(error) = self.outbox.owe(owed, now, self.fleet_size) {
            tracing::error!(%error, action, "an action cannot be owed");
            if let Some(id) = detection {
                transaction.case(id)?.note(now, LAPWING, "action_refused", Some(error.to_string()));
            }
        }
        Ok(())
    }

    /// Owes that an action is taken back. What it was called with is no longer kept, and is made anew.
    pub(super) fn owe_undo(
        &mut self,
        undo: Owed,
        transaction: &mut Transaction<'_>,
        now: Millis,
    ) -> Result<Result<bool, OutboxError>, StoreError> {
        let occasion = match undo.detection_id {
            Some(id) => {
                occasion::of_detection("act", undo.idempotency_key(), id, (0, &[]), &self.links, transaction)?
            }
            None => Value::Null,
        };
        Ok(self.outbox.owe(Owed { occasion, ..undo }, now, self.fleet_size))
    }

    /// Writes down what has changed.
    pub(super) fn write_down(&mut self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let (tables, writes) = (transaction.tables, &mut transaction.writes);
        for (key, record) in self.alerts.changed().map_err(unreadable)? {
            match record {
                Some(record) => tables.alerts.put_with(writes, &key, &record)?,
                None => tables.alerts.remove_with(writes, &key),
            }
        }
        for (seq, record) in self.outbox.changed() {
            match record {
                Some(record) => tables.owed.put_with(writes, &seq, &record)?,
                None => tables.owed.remove_with(writes, &seq),
            }
        }
        for (id, record) in self.vanished.changed() {
            match record {
                Some(record) => tables.vanished.put_with(writes, &id, &record)?,
                None => tables.vanished.remove_with(writes, &id),
            }
        }
        for (action, state) in self.outbox.changed_canaries() {
            tables.canaries.put_with(writes, &action, &state)?;
        }
        Ok(())
    }
}

fn owed(
    key: String,
    action: &str,
    lane: &str,
    detection: Option<Uuid>,
    occasion: Value,
    now: Millis,
) -> Owed {
    Owed {
        key,
        action: action.to_owned(),
        lane: lane.to_owned(),
        system_id: None,
        detection_id: detection,
        occasion,
        owed_at: now,
        verb: Verb::Run,
        canary: false,
        asked_by: None,
    }
}

fn unreadable(source: RecordError) -> StoreError {
    StoreError::Contents { table: "alerts", source: Box::new(source) }
}

fn destinations(catalog: &Catalog) -> std::collections::BTreeMap<String, crate::outbox::Destination> {
    catalog.actions.iter().map(|(id, action)| (id.clone(), action.delivery.clone())).collect()
}

/// A step as a line of a history.
fn in_words(step: &Step) -> (&'static str, Option<String>) {
    match step {
        Step::Silenced { silence } => ("silenced", Some(format!("by silence {silence}"))),
        Step::Muted { window, route } => ("muted", Some(format!("route {route} is quiet during {window}"))),
        Step::Maintenance { window } => ("maintenance", Some(format!("during {window}"))),
        Step::Inhibited { by, rule } => {
            ("inhibited", Some(format!("by detection {by}, inhibition rule {rule}")))
        }
        Step::DependsOn { system_id, by } => {
            ("depends_on", Some(format!("{system_id} has trouble of its own, detection {by}")))
        }
        Step::Flapping { score } => {
            ("flapping", Some(format!("it comes and goes: {score:.1} changes of state")))
        }
        Step::Calm => ("calm", None),
        Step::NoRoute => ("no_route", Some("there is no tree of routes: alerts.route".to_owned())),
        Step::Nobody { route } => ("nobody", Some(format!("route {route} has no receivers"))),
        Step::Waiting { route, until } => {
            ("waiting", Some(format!("route {route} gathers its group until {until}")))
        }
        Step::Notified { receiver, kind } => {
            let kind = json!(kind);
            ("notified", Some(format!("{receiver}: {}", kind.as_str().unwrap_or_default())))
        }
        Step::Acknowledged { by } => ("quiet", Some(format!("{by} has it"))),
        Step::Unacknowledged => ("nobody_has_it", None),
        Step::Escalated { level } => ("escalation_due", Some(format!("to level {level}"))),
    }
}
