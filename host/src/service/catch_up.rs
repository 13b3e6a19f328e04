//! After a start: the shards judge what the journal has, beside the intake of new samples.
//!
//! Bringing back the histories of many systems takes seconds. Meanwhile the committer takes samples in and journals them,
//! and nothing else; here they follow in the order of the journal, and once nothing is left the committer gets the feed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::committer::Told;
use super::judges::Judges;
use super::open::OpenError;
use super::tables::{JournalEntry, KeptReceipt, Tables};
use super::{Shared, chain};
use crate::catalog::Catalog;
use crate::detections::{Detection, Event, EventKind};
use crate::observer::{Observer, ObserverConfig};
use crate::pipeline::{Feed, PipelineError, Shards, round};
use crate::store::StoreError;
use crate::time::Millis;

/// How often it looks whether the rounds of the journal are recorded.
const RECORDED_LOOK: Duration = Duration::from_millis(1);

/// What the journal had at the start.
pub(super) struct Journal {
    entries: Vec<(u64, JournalEntry)>,
    /// No round of a greater number was ever judged.
    pub(super) last: u64,
}

impl Journal {
    /// Reads it, at most what [`tail_rows`](crate::shard::Keeping::tail_rows) leaves in it.
    ///
    /// # Errors
    /// The store cannot be read, or a round is broken: it was acknowledged, and must not be passed over in silence.
    pub(super) fn read(tables: &Tables) -> Result<Self, StoreError> {
        let entries = tables.journal.iter().collect::<Result<Vec<_>, _>>()?;
        let newest = entries.last().map_or(0, |&(number, _)| number);
        let judged = match tables.judged.get(&())? {
            Some(round) => round,
            // The store is of before it was kept.
            None => tables.systems.iter().filter_map(|entry| Some(entry.ok()?.1.round)).max().unwrap_or(0),
        };
        let journal = Self { entries, last: newest.max(judged) };
        journal.complete_receipts(tables)?;
        Ok(journal)
    }

    /// How far training had come.
    pub(super) fn training(&self) -> &[(crate::model::TypeId, crate::scoring::Counters)] {
        self.entries.last().map_or(&[], |(_, entry)| &entry.training)
    }

    /// What was known of the host's own sight.
    pub(super) fn observer(&self, config: &ObserverConfig) -> Observer {
        let known = self.entries.last().map(|(_, entry)| entry.observer.clone());
        let mut observer = known.unwrap_or_else(|| Observer::new(config.clone()));
        observer.adopt(config.clone());
        observer
    }

    /// The host's clock at the end of what it has; `None`: it has nothing.
    pub(super) fn clock(&self) -> Option<Millis> {
        self.entries.last().map(|(_, entry)| entry.cut.clock)
    }

    /// A round is journalled before its receipts are.
    fn complete_receipts(&self, tables: &Tables) -> Result<(), StoreError> {
        for (_, entry) in &self.entries {
            for (key, receipt) in &entry.receipts {
                if tables.receipts.get(key)?.is_none() {
                    let (at, receipt) = (entry.cut.clock, receipt.clone());
                    tables.receipts.put(key, &KeptReceipt { at, receipt })?;
                    let order = tables.receipt_order.last_key()?.map_or(1, |last| last + 1);
                    tables.receipt_order.put(&order, key)?;
                }
            }
        }
        Ok(())
    }
}

/// The thread's state.
pub(super) struct CatchUp {
    pub(super) tables: Tables,
    pub(super) catalog: Arc<Catalog>,
    pub(super) feed: Feed,
    pub(super) shared: Arc<Shared>,
    pub(super) judges: Arc<Judges>,
    pub(super) waiting_rows: Arc<AtomicUsize>,
    /// The last round that the disk has confirmed.
    pub(super) journalled: Arc<AtomicU64>,
    /// Who gets the feed.
    pub(super) committer: Sender<Told>,
    pub(super) started: Instant,
    /// Silence before is not the systems'.
    pub(super) opened: Millis,
}

impl CatchUp {
    /// Judges the journal, then what has been journalled since, and hands over.
    pub(super) fn run(mut self, journal: Journal) {
        let last = journal.last;
        let caught_up = match self.judge(journal).and_then(|()| self.follow(last)) {
            Ok(through) => Ok((self.feed, through)),
            Err(error) => {
                tracing::error!(error = chain(&error), "what the journal has cannot be judged");
                self.judges.end();
                Err(PipelineError::gone("catch-up"))
            }
        };
        // The committer is gone only when the service is.
        drop(self.committer.send(Told::CaughtUp(caught_up)));
    }

    /// Judges what was journalled before the start; from now on questions are answered.
    fn judge(&mut self, journal: Journal) -> Result<(), OpenError> {
        let shards = self.feed.shards();
        shards.ask(|_| ());
        let loaded = self.started.elapsed();
        let (last, rounds) = (journal.entries.last().map(|&(number, _)| number), journal.entries.len());
        let mut samples = 0;
        for (number, entry) in journal.entries {
            samples += entry.cut.samples.len();
            submit(&mut self.feed, number, entry, &self.catalog)?;
        }
        let mut recorded = self.shared.recorded.subscribe();
        while last.is_some_and(|last| *recorded.borrow_and_update() < last) {
            std::thread::park_timeout(RECORDED_LOOK);
        }
        let until = self.opened;
        let systems: usize = shards
            .ask(move |shard| {
                shard.listen_from(until);
                shard.systems().all().len()
            })
            .into_iter()
            .sum();
        settle(&self.tables, &self.shared, &shards);
        self.shared.telemetry.resumed(samples as u64);
        self.judges.begin(shards);
        let ms = |duration: Duration| duration.as_millis() as u64;
        let (loaded_ms, took_ms) = (ms(loaded), ms(self.started.elapsed()));
        tracing::info!(systems, rounds, samples, loaded_ms, took_ms, "judged what the journal had");
        Ok(())
    }

    /// Judges what has been journalled since, until nothing is left. Returns the last round of it.
    fn follow(&mut self, last: u64) -> Result<u64, OpenError> {
        let mut through = last;
        while through < self.journalled.load(Ordering::Acquire) {
            let Some(entry) = self.tables.journal.from(&(through + 1)).next() else { break };
            let (number, entry) = entry?;
            self.waiting_rows.fetch_sub(entry.cut.samples.len(), Ordering::AcqRel);
            submit(&mut self.feed, number, entry, &self.catalog)?;
            through = number;
        }
        Ok(through)
    }
}

/// Hands a round of the journal to the shards.
pub(super) fn submit(
    feed: &mut Feed,
    number: u64,
    mut entry: JournalEntry,
    catalog: &Arc<Catalog>,
) -> Result<(), PipelineError> {
    entry.cut.samples.rehash(&catalog.ids);
    let (round, trainings) = round(number, entry.cut, catalog);
    feed.submit(round, trainings)
}

/// Detections that no shard goes on with are over: their rules are gone.
fn settle(tables: &Tables, shared: &Shared, shards: &Shards) {
    let ongoing =
        shards.ask(|shard| shard.ongoing().map(|detection| detection.detection_id).collect::<Vec<_>>());
    let ongoing: std::collections::HashSet<_> = ongoing.into_iter().flatten().collect();
    let catalog = shared.catalog();
    let orphans: Vec<_> = {
        let mut desk = super::lock(&shared.desk);
        desk.vanished.retain(|id| ongoing.contains(&id));
        let ledger = shared.ledger();
        ledger.active().filter(|&id| !ongoing.contains(&id) && !desk.vanished.is_group(id)).collect()
    };
    for id in orphans {
        let stored = tables.detections.get(&id).ok().flatten();
        let Some(mut detection) = stored.and_then(|json| serde_json::from_value::<Detection>(json).ok())
        else {
            continue;
        };
        let in_force = catalog.rules.iter().any(|rule| *rule.rule_id == detection.rule_id);
        let note = if in_force { "its system no longer shows it" } else { "its rule is no longer in force" };
        detection.resolve(Millis::now(), note.to_owned());
        let event = Event { event: EventKind::Resolved, detection };
        let closed = shared.transact(tables, |desk, ledger, transaction| {
            desk.happened(&event, ledger, transaction, Millis::now())
        });
        if let Err(error) = closed {
            tracing::error!(error = chain(&error), %id, "a detection could not be closed");
        }
    }
}
