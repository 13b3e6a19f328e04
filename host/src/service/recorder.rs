//! What came of each round: written, counted and told, in the order of the rounds.
//!
//! One thread. Detections and what tells of them are written together, before the systems that carry them, and systems before the journal lets go of
//! their samples, so that every prefix of the store's log is a state to go on from.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Shared;
use super::probing::Prober;
use super::tables::Tables;
use super::transaction::Transaction;
use crate::catalog::config::Retention;
use crate::observer::{Blindness, Change};
use crate::pipeline::{Outcome, Results};
use crate::shard::{DeadRow, Incident, Kept};
use crate::store::StoreError;
use crate::time::Millis;

/// How often what has been kept long enough is let go.
const RETIRE: Duration = Duration::from_secs(30);

/// Dead letters of one round that are kept.
const DEAD_LETTERS_PER_ROUND: usize = 4096;
/// A round that takes longer is worth a line of the log.
const SLOW: Duration = Duration::from_millis(15);

/// The thread's state.
pub(super) struct Recorder {
    pub(super) tables: Tables,
    pub(super) shared: Arc<Shared>,
    pub(super) prober: Prober,
    /// The newest round of the journal is kept: it says how far training has come.
    pub(super) journal_end: u64,
}

impl Recorder {
    /// Records until the shards have ended.
    pub(super) fn run(mut self, mut results: Results) {
        let mut retired = Instant::now();
        while let Some(outcome) = results.next() {
            if !outcome.round.samples.is_empty() {
                self.journal_end = outcome.round.number;
            }
            let started = Instant::now();
            // After one that failed, those that follow would leave a hole: the journal keeps them all for the next start.
            let recorded = if self.shared.broken.get().is_none() { self.record(&outcome) } else { Ok(()) };
            if started.elapsed() > SLOW {
                let (round, events, systems) =
                    (outcome.round.number, outcome.events.len(), outcome.kept.len());
                let took_ms = started.elapsed().as_millis() as u64;
                tracing::debug!(round, events, systems, took_ms, "a round was slow to record");
            }
            if let Err(error) = recorded {
                let reason = super::chain(&error);
                tracing::error!(
                    error = reason,
                    round = outcome.round.number,
                    "a round could not be recorded"
                );
                // Nobody has set it before: a second failure is not recorded at all.
                self.shared.broken.get_or_init(|| reason);
            }
            self.shared.recorded.send_replace(outcome.round.number);
            if retired.elapsed() >= RETIRE {
                retired = Instant::now();
                if let Err(error) = self.retire() {
                    tracing::error!(error = super::chain(&error), "what is over could not be let go");
                }
            }
        }
    }

    fn record(&mut self, outcome: &Outcome) -> Result<(), StoreError> {
        // A copy of the store is made between two rounds.
        let _recording = super::lock(&self.shared.recording);
        let still_s = outcome.round.catalog.config.detections.still_there_s;
        let now = Millis::now();
        let suspects = self.shared.transact(&self.tables, |desk, ledger, transaction| {
            desk.fleet_size = outcome.statuses.iter().map(|status| status.systems).sum();
            for &(_, change) in &outcome.round.sight.changes {
                self.told_of_sight(change, transaction)?;
                match change {
                    Change::Began(_) => desk.vanished.blind(),
                    Change::Ended { until, .. } => desk.vanished.sighted(until),
                }
            }
            desk.vanished.labels_changed(&outcome.labels, desk.fleet_size);
            for event in &outcome.events {
                if !desk.vanished.take(event, outcome.clock()) {
                    desk.happened(event, ledger, transaction, now)?;
                }
            }
            for event in desk.vanished.tick(outcome.clock()) {
                desk.happened(&event, ledger, transaction, now)?;
            }
            for update in &outcome.updates {
                if !desk.vanished.is_mine(update.detection_id) {
                    desk.went_on(*update, still_s, ledger, transaction, now)?;
                }
            }
            for (place, dead) in outcome.dead.iter().take(DEAD_LETTERS_PER_ROUND).enumerate() {
                // Numbered by where they are found: a round that is judged again finds them at the same place.
                let number = outcome.round.number * DEAD_LETTERS_PER_ROUND as u64 + place as u64;
                let letter = dead_letter(dead, outcome);
                self.tables.dead_letters.put_with(&mut transaction.writes, &number, &letter)?;
            }
            for incident in &outcome.incidents {
                let (kind, data) = told_of(incident);
                transaction.tell(kind, data);
            }
            Ok::<_, StoreError>(desk.vanished.suspects())
        })?;
        self.prober.look_at(suspects);
        if !outcome.events.is_empty() {
            self.shared.news();
        }
        write_down(&self.tables, outcome.round.number, &outcome.kept)?;
        let end = outcome.kept_through.min(self.journal_end.saturating_sub(1));
        self.tables.journal.trim(|&round| round <= end)?;
        self.shared.ledger().tally.advance(outcome.clock());
        self.shared.telemetry.recorded(outcome);
        Ok(())
    }

    /// Tells that sight was lost or came back, once.
    fn told_of_sight(&self, change: Change, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let mut sight = super::lock(&self.shared.sight);
        if !sight.note(change) {
            return Ok(());
        }
        self.tables.blind.put_with(&mut transaction.writes, &(), &sight)?;
        match change {
            Change::Began(Blindness { cause, since }) => {
                tracing::warn!(?cause, %since, "the host does not see: silences are not judged");
                transaction.tell("observer_degraded", json!({ "cause": cause, "since": since }));
            }
            Change::Ended { blindness: Blindness { cause, since }, until } => {
                tracing::info!(?cause, %since, %until, "the host sees again");
                transaction
                    .tell("observer_recovered", json!({ "cause": cause, "since": since, "until": until }));
            }
        }
        Ok(())
    }

    fn retire(&mut self) -> Result<(), StoreError> {
        let Retention {
            events_days,
            events_max,
            detections_days,
            detections_max,
            audit_days,
            dead_letters_max,
            keys_max,
        } = self.shared.catalog().config.retention;
        let now = Millis::now();
        let before = |days: f64| now.plus_seconds(-days * 86_400.0);
        self.shared.stream.retire(before(events_days), events_max)?;
        self.shared.ledger().retire(before(detections_days), detections_max, &self.tables)?;
        let mut surplus = (self.tables.dead_letters.len() as u64).saturating_sub(dead_letters_max);
        self.tables.dead_letters.trim(|_| {
            let goes = surplus > 0;
            surplus = surplus.saturating_sub(1);
            goes
        })?;
        let audit_before = before(audit_days);
        let mut stale = 0;
        for entry in self.tables.audit.iter() {
            let (seq, entry) = entry?;
            if entry.at >= audit_before {
                break;
            }
            stale = seq;
        }
        self.tables.audit.trim(|&seq| seq <= stale)?;
        let newest = self.tables.receipt_order.last_key()?.unwrap_or(0);
        while let Some(entry) = self.tables.receipt_order.iter().next() {
            let (order, key) = entry?;
            if order + keys_max > newest {
                break;
            }
            self.tables.receipts.remove(&key)?;
            self.tables.receipt_order.remove(&order)?;
        }
        Ok(())
    }
}

/// Writes systems down as of a round: its number before them, and their samples before the record that counts them.
pub(super) fn write_down(tables: &Tables, round: u64, kept: &[Kept]) -> Result<(), StoreError> {
    if !kept.is_empty() {
        tables.judged.put(&(), &round)?;
    }
    for system in kept {
        if let Some((number, chunk)) = &system.chunk {
            tables.chunks.put_encoded(number, chunk)?;
        }
        tables.systems.put_encoded(&system.system_id, &system.state)?;
        for number in &system.gone {
            tables.chunks.remove(number)?;
        }
    }
    Ok(())
}

fn told_of(incident: &Incident) -> (&'static str, Value) {
    let (rule_id, plugin) = (&*incident.rule_id, &*incident.plugin);
    match &incident.quarantine {
        Some(quarantine) => (
            "plugin_quarantined",
            json!({
                "rule_id": rule_id,
                "plugin": plugin,
                "reason": quarantine.reason,
                "until": quarantine.until,
                "times": quarantine.times,
            }),
        ),
        None => ("plugin_released", json!({ "rule_id": rule_id, "plugin": plugin })),
    }
}

fn dead_letter(dead: &DeadRow, outcome: &Outcome) -> Value {
    let rule = outcome.round.catalog.rules.iter().find(|rule| rule.rule_id == dead.rule_id);
    let names = rule.map(|rule| rule.inputs.iter().map(crate::detections::words).collect::<Vec<_>>());
    let inputs: Map<String, Value> = (names.unwrap_or_default().into_iter().zip(&dead.inputs))
        .map(|((metric, window), value)| {
            let name = window.map_or(metric.clone(), |window| format!("{metric}, {window}"));
            (name, if value.is_nan() { Value::Null } else { json!(value) })
        })
        .collect();
    json!({
        "rule_id": &*dead.rule_id,
        "plugin": &*dead.plugin,
        "digest": &*dead.digest,
        "system_id": dead.system_id,
        "timestamp": dead.at,
        "inputs": inputs,
        "reason": dead.reason,
        "at": Millis::now(),
    })
}
