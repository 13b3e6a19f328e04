//! Who is told, as people ask for it: silences, a dry run of the routes, what is owed, and the block list.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::desk::{BlockChanges, BlockEntry, undoes};
use super::{ChangeError, Service, lock};
use crate::access::Principal;
use crate::alerts::{Labels, Matchers, NewSilence, RouteTest, Silence};
use crate::outbox::{Filter, OutboxError, Record, Report};
use crate::store::StoreError;
use crate::time::Millis;

/// An owed action, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwedView {
    /// Where a page goes on.
    pub seq: u64,
    /// Names it for good; the same on every try.
    pub key: String,
    /// Which action.
    pub action_id: String,
    /// `run` or `undo`.
    #[schema(value_type = String)]
    pub verb: crate::outbox::Verb,
    /// Of one lane and action, one happens after another.
    pub lane: String,
    /// The system that it touches.
    pub system_id: Option<String>,
    /// The detection that it is about, if it is one.
    pub detection_id: Option<Uuid>,
    /// Since when it is owed.
    #[schema(value_type = String, format = DateTime)]
    pub owed_at: Millis,
    /// How it stands: `waiting`, `under_way`, `awaiting`, `held`, `done`, `dead` or `cancelled`, with what belongs to that.
    #[schema(value_type = Object)]
    pub state: crate::outbox::State,
    /// Tries begun.
    pub attempts: u32,
    /// Why the last try that failed did.
    pub last_failure: Option<String>,
    /// What the other side last said.
    pub progress: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
}

/// An action in force and what stands before it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActionView {
    /// Which.
    pub action_id: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its plugin.
    pub plugin: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// Whether it can be taken back.
    pub undoes: bool,
    /// What it may reach.
    #[schema(value_type = Object)]
    pub grants: crate::outside::Grants,
    /// How it is delivered.
    #[schema(value_type = Object)]
    pub delivery: crate::outbox::Destination,
    /// What waits, runs, is held or dead, and how its breaker stands.
    #[schema(value_type = Object)]
    pub depth: Option<crate::outbox::Depth>,
    /// How its canaries fare.
    #[schema(value_type = Object)]
    pub canary: Option<crate::outbox::CanaryState>,
}

/// Why something about an owed action was not done.
enum NotDone {
    Outbox(OutboxError),
    Store(StoreError),
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotDone> for ChangeError {
    fn from(error: NotDone) -> Self {
        let detail = |error: OutboxError| error.to_string();
        match error {
            NotDone::Store(error) => error.into(),
            NotDone::Outbox(OutboxError::UnknownKey { key }) => Self::Unknown { what: "action", name: key },
            NotDone::Outbox(error) => {
                Self::Conflict { kind: "wrong-state", detail: detail(error), members: serde_json::Map::new() }
            }
        }
    }
}

fn invalid(problem: &crate::alerts::SilenceError) -> ChangeError {
    ChangeError::Invalid { kind: "invalid-request", problems: vec![problem.to_string()] }
}

impl Service {
    /// Silences to come, in force, and ended within a day.
    #[must_use]
    pub fn silences(&self) -> Vec<Silence> {
        lock(&self.shared.desk).alerts.silences().cloned().collect()
    }

    /// Makes a silence.
    ///
    /// # Errors
    /// What is wrong with it, by field.
    pub fn add_silence(&self, silence: NewSilence, by: &Principal) -> Result<Silence, ChangeError> {
        let now = Millis::now();
        let seed = format!("{}\0{}\0{}", by.name, now.0, json!(silence));
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, seed.as_bytes());
        let made = self.shared.transact(&self.tables, |desk, ledger, transaction| {
            let mut decisions = Vec::new();
            let made = desk.alerts.add_silence(silence, id, now, &mut decisions);
            desk.carry_out(decisions, ledger, transaction, now)?;
            if let Ok(silence) = &made {
                transaction.tell("silence_changed", json!({ "silence": silence, "by": by.name }));
            }
            Ok::<_, StoreError>(made)
        })?;
        let silence = made.map_err(|error| invalid(&error))?;
        self.shared.news();
        self.note(by, "silence.add", &id.to_string(), &Value::Null, &json!(silence))?;
        Ok(silence)
    }

    /// Ends a silence before its time; what it hid and is still there is told.
    ///
    /// # Errors
    /// There is none of this id, or it has ended.
    pub fn end_silence(&self, id: Uuid, by: &Principal) -> Result<Silence, ChangeError> {
        let now = Millis::now();
        let ended = self.shared.transact(&self.tables, |desk, ledger, transaction| {
            let mut decisions = Vec::new();
            let ended = desk.alerts.end_silence(id, now, &mut decisions);
            desk.carry_out(decisions, ledger, transaction, now)?;
            if let Ok(silence) = &ended {
                transaction.tell("silence_changed", json!({ "silence": silence, "by": by.name }));
            }
            Ok::<_, StoreError>(ended)
        })?;
        self.shared.news();
        let silence = ended.map_err(|error| match error {
            crate::alerts::SilenceError::Unknown { id } => {
                ChangeError::Unknown { what: "silence", name: id.to_string() }
            }
            error => ChangeError::Conflict {
                kind: "wrong-state",
                detail: error.to_string(),
                members: serde_json::Map::new(),
            },
        })?;
        self.note(by, "silence.end", &id.to_string(), &Value::Null, &json!(silence))?;
        Ok(silence)
    }

    /// The detections that fire and that a silence of these matchers would hide.
    #[must_use]
    pub fn preview_silence(&self, matchers: &Matchers) -> Vec<Uuid> {
        let mut hidden: Vec<Uuid> = lock(&self.shared.desk).alerts.preview(matchers).collect();
        hidden.sort();
        hidden
    }

    /// What would become of an alert with these labels now. Nothing is told.
    #[must_use]
    pub fn route_test(&self, labels: &Labels) -> RouteTest {
        lock(&self.shared.desk).alerts.route_test(labels, Millis::now())
    }

    /// Every action in force.
    #[must_use]
    pub fn actions(&self) -> Vec<ActionView> {
        let catalog = self.shared.catalog();
        let desk = lock(&self.shared.desk);
        let mut depths = desk.outbox.depths();
        let view = |(id, action): (&String, &std::sync::Arc<crate::catalog::Action>)| ActionView {
            action_id: id.clone(),
            name: action.name.clone(),
            description: action.description.clone(),
            plugin: action.plugin.name.to_string(),
            digest: action.plugin.digest.to_string(),
            undoes: action.undoes,
            grants: action.grants.clone(),
            delivery: action.delivery.clone(),
            depth: depths.remove(id),
            canary: desk.outbox.canary(id).filter(|_| action.delivery.canary_interval_s > 0.0),
        };
        catalog.actions.iter().map(view).collect()
    }

    /// What is or was owed, newest first.
    #[must_use]
    pub fn owed(&self, filter: &Filter, limit: usize) -> Vec<OwedView> {
        let desk = lock(&self.shared.desk);
        desk.outbox.list(filter).take(limit).map(|(seq, record)| view(seq, record)).collect()
    }

    /// One owed action.
    #[must_use]
    pub fn owed_action(&self, key: &str) -> Option<OwedView> {
        lock(&self.shared.desk).outbox.get(key).map(|(seq, record)| view(seq, record))
    }

    /// Lets a held action through.
    ///
    /// # Errors
    /// It is unknown, not held, or was asked for by the same person.
    pub fn approve(&self, key: &str, by: &Principal) -> Result<OwedView, ChangeError> {
        self.decide(key, "action.approve", by, |desk, now| desk.outbox.approve(key, &by.name, now))
    }

    /// Gives an action up that has not been done.
    ///
    /// # Errors
    /// It is unknown, under way or over.
    pub fn cancel(&self, key: &str, reason: &str, by: &Principal) -> Result<OwedView, ChangeError> {
        self.decide(key, "action.cancel", by, |desk, now| desk.outbox.cancel(key, &by.name, reason, now))
    }

    /// Tries a dead letter again.
    ///
    /// # Errors
    /// It is unknown, or not dead.
    pub fn replay_action(&self, key: &str, by: &Principal) -> Result<OwedView, ChangeError> {
        self.decide(key, "action.replay", by, |desk, now| desk.outbox.replay(key, now))
    }

    /// Takes back what an action did.
    ///
    /// # Errors
    /// It is unknown, not done, or an action that cannot be taken back.
    pub fn undo(&self, key: &str, by: &Principal) -> Result<OwedView, ChangeError> {
        let catalog = self.shared.catalog();
        let now = Millis::now();
        let undone = self.shared.transact(&self.tables, |desk, _, transaction| {
            let unknown = || OutboxError::UnknownKey { key: key.to_owned() };
            let (_, record) = desk.outbox.get(key).ok_or_else(unknown).map_err(NotDone::Outbox)?;
            let found = record.standing.state.kind();
            let is_done = found == crate::outbox::StateKind::Done;
            if !is_done || !undoes(catalog.actions.get(&record.owed.action)) {
                let expected = if is_done { "an action that can be taken back" } else { "done" };
                let wrong = OutboxError::WrongState { key: key.to_owned(), found, expected };
                return Err(NotDone::Outbox(wrong));
            }
            let undo = record.owed.undo(Some(by.name.clone()), now);
            let name = undo.key.clone();
            desk.owe_undo(undo, transaction, now)?.map_err(NotDone::Outbox)?;
            Ok(name)
        })?;
        self.shared.news();
        let unknown = || ChangeError::Unknown { what: "action", name: key.to_owned() };
        let view = self.owed_action(&undone).ok_or_else(unknown)?;
        self.note(by, "action.undo", key, &Value::Null, &json!(view.state))?;
        Ok(view)
    }

    /// Whether `token` is the one that an action was called with.
    ///
    /// # Errors
    /// It is not.
    pub fn may_report(&self, key: &str, token: &str) -> Result<(), ChangeError> {
        if lock(&self.shared.desk).links.is_report_token(key, token) {
            return Ok(());
        }
        Err(ChangeError::Forbidden {
            kind: "report-token",
            detail: "the token is not the one that this action was called with".to_owned(),
        })
    }

    /// Takes in what the other side says of an action whose report is awaited.
    ///
    /// # Errors
    /// No report is awaited.
    pub fn report(&self, key: &str, report: Report) -> Result<OwedView, ChangeError> {
        let now = Millis::now();
        self.shared.transact(&self.tables, |desk, _, transaction| {
            let owed = desk.outbox.get(key).map(|(_, record)| std::sync::Arc::clone(&record.owed));
            desk.outbox.report(key, report, now).map_err(NotDone::Outbox)?;
            match owed {
                Some(owed) => desk.tell_of(&owed, 0, transaction, now).map_err(NotDone::Store),
                None => Ok(()),
            }
        })?;
        self.shared.news();
        self.owed_action(key).ok_or_else(|| ChangeError::Unknown { what: "action", name: key.to_owned() })
    }

    /// What is blocked, and the number of the last change.
    #[must_use]
    pub fn blocklist(&self) -> (Vec<BlockEntry>, u64) {
        lock(&self.shared.desk).blocks.entries()
    }

    /// How the block list has changed since.
    #[must_use]
    pub fn blocklist_changes(&self, after: u64) -> BlockChanges {
        lock(&self.shared.desk).blocks.changes_after(after)
    }

    /// Takes an entry out of the block list.
    ///
    /// # Errors
    /// It is not in it.
    pub fn unblock(&self, subject: &str, by: &Principal) -> Result<(), ChangeError> {
        let there = self
            .shared
            .transact(&self.tables, |desk, _, transaction| desk.blocks.unblock(subject, transaction))?;
        if !there {
            return Err(ChangeError::Unknown { what: "block", name: subject.to_owned() });
        }
        self.note(by, "blocklist.remove", subject, &json!(subject), &Value::Null)
    }

    fn decide(
        &self,
        key: &str,
        what: &str,
        by: &Principal,
        change: impl FnOnce(&mut super::desk::Desk, Millis) -> Result<(), OutboxError>,
    ) -> Result<OwedView, ChangeError> {
        let before = self.owed_action(key);
        self.shared.transact(&self.tables, |desk, _, transaction| {
            change(desk, Millis::now()).map_err(NotDone::Outbox)?;
            if let Some((_, record)) = desk.outbox.get(key)
                && let Some(id) = record.owed.detection_id
            {
                let action = record.owed.action.clone();
                let line = what.replace('.', "_");
                transaction.case(id).map_err(NotDone::Store)?.note(
                    Millis::now(),
                    &by.name,
                    &line,
                    Some(action),
                );
            }
            Ok::<_, NotDone>(())
        })?;
        self.shared.news();
        let unknown = || ChangeError::Unknown { what: "action", name: key.to_owned() };
        let after = self.owed_action(key).ok_or_else(unknown)?;
        self.note(by, what, key, &json!(before.map(|view| view.state)), &json!(after.state))?;
        Ok(after)
    }
}

fn view(seq: u64, record: &Record) -> OwedView {
    let (owed, standing) = (&record.owed, &record.standing);
    OwedView {
        seq,
        key: owed.key.clone(),
        action_id: owed.action.clone(),
        verb: owed.verb,
        lane: owed.lane.clone(),
        system_id: owed.system_id.clone(),
        detection_id: owed.detection_id,
        owed_at: owed.owed_at,
        state: standing.state.clone(),
        attempts: standing.attempts,
        last_failure: standing.last_failure.clone(),
        progress: standing.progress.clone(),
        approved_by: standing.approved_by.clone(),
    }
}
