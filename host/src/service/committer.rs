//! From accepted rows to the journal, in one order; and from the journal to the shards.
//!
//! One thread. It takes what waits, writes it as one round of the journal, has the disk confirm that, answers everybody
//! whose rows are in it, and only then hands the round on. Changes of what is in force take their place in the same
//! order, between two rounds.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::pulse::Pulse;
use super::tables::{JournalEntry, KeptReceipt, Tables};
use super::views::Receipt;
use super::{CommitError, Shared, catch_up};
use crate::catalog::Catalog;
use crate::ingest::SampleBatch;
use crate::limits::ROUND_ROWS_MAX;
use crate::pipeline::{Feed, Intake, PipelineError};
use crate::shard::{Kept, Shard};
use crate::store::{Pair, Store, StoreError};
use crate::time::Millis;

/// How long the clock stands still while no samples come.
const TICK: Duration = Duration::from_millis(100);
/// How often room on the disk is looked at, and what waits in memory is written.
const CHECK: Duration = Duration::from_secs(1);

/// What the committer is told.
pub(super) enum Told {
    /// Rows to be kept.
    Rows(Submission),
    /// From the next round on, this is in force. Answered when the shards have been told.
    Adopt(Arc<Catalog>, oneshot::Sender<()>),
    /// The shards have judged everything up to the round of this number; what comes now goes to them at once.
    CaughtUp(Result<(Feed, u64), PipelineError>),
    /// Nothing more comes: write down what there is, and end.
    Stop,
}

/// The rows of one request.
pub(super) struct Submission {
    pub(super) samples: SampleBatch,
    pub(super) arrival: Millis,
    pub(super) key: Option<String>,
    /// What will be answered; the round is not known yet.
    pub(super) receipt: Receipt,
    pub(super) answer: oneshot::Sender<Result<Receipt, CommitError>>,
}

/// Systems that are not written down when the service ends, as of this round.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) round: u64,
    pub(super) systems: Vec<Kept>,
}

/// The thread's state.
pub(super) struct Committer {
    pub(super) store: Store,
    pub(super) tables: Tables,
    pub(super) intake: Intake,
    /// `None` while the shards [catch up](super::catch_up) with the journal.
    pub(super) feed: Option<Feed>,
    /// The last round that the disk has confirmed.
    pub(super) journalled: Arc<AtomicU64>,
    /// What has to wait for the shards.
    pub(super) deferred: VecDeque<Told>,
    pub(super) shared: Arc<Shared>,
    pub(super) waiting_rows: Arc<AtomicUsize>,
    /// Names already in the store: metrics and types.
    pub(super) names_kept: (usize, usize),
    pub(super) next_receipt: u64,
    pub(super) free_bytes_min: u64,
    /// What tells us that we stood still.
    pub(super) pulse: Pulse,
    /// Submissions that came while others were being written.
    pub(super) next: Option<Told>,
}

impl Committer {
    /// Commits until told to stop; then ends the pipeline, and gives back the systems that are not written down yet.
    pub(super) fn run(mut self, told: &Receiver<Told>) -> Result<Rest, PipelineError> {
        let mut checked = Instant::now();
        loop {
            let waiting = if self.feed.is_some() { self.deferred.pop_front() } else { None };
            let next = match self.next.take().or(waiting) {
                Some(next) => Ok(next),
                None => told.recv_timeout(TICK),
            };
            match next {
                Ok(Told::Rows(first)) => self.commit(first, told)?,
                Ok(Told::CaughtUp(caught_up)) => self.take_over(caught_up?)?,
                Ok(later) if self.feed.is_none() => self.deferred.push_back(later),
                Ok(Told::Adopt(catalog, done)) => {
                    self.intake.adopt(catalog);
                    self.tick()?;
                    if done.send(()).is_err() {
                        tracing::debug!("nobody waits for the change any more");
                    }
                }
                Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.tick()?,
            }
            if checked.elapsed() >= CHECK {
                checked = Instant::now();
                self.check();
            }
        }
        // The question comes after every round: with its answer, the next start has nothing to judge again.
        let Some(feed) = self.feed else { return Ok(Rest::default()) };
        let rest = feed.shards().ask(Shard::write_everything_down);
        feed.end()?;
        Ok(Rest { round: self.intake.next_number() - 1, systems: rest.into_iter().flatten().collect() })
    }

    /// From now on rounds go to the shards; first those that were journalled while they were handed over.
    fn take_over(&mut self, (mut feed, through): (Feed, u64)) -> Result<(), PipelineError> {
        let last = self.journalled.load(Ordering::Acquire);
        for entry in self.tables.journal.from(&(through + 1)) {
            let (number, entry) = entry.map_err(|error| {
                tracing::error!(error = super::chain(&error), "a round of the journal cannot be read");
                PipelineError::gone("committer")
            })?;
            if number > last {
                break; // it was never confirmed
            }
            self.waiting_rows.fetch_sub(entry.cut.samples.len(), Ordering::AcqRel);
            catch_up::submit(&mut feed, number, entry, &self.shared.catalog())?;
        }
        self.feed = Some(feed);
        Ok(())
    }

    /// Whether we stood still, our clock was set, or senders are being turned away: then silence is not the systems' fault.
    /// To be asked right before time goes on, so that no silence is judged across a pause.
    fn watch_ourselves(&mut self) {
        let lag_s = self.shared.catalog().config.observer.lag_s;
        match self.pulse.beat(lag_s) {
            Some((cause, since, until)) => self.intake.absent(cause, since, until),
            None if self.shared.deaf.swap(false, Ordering::AcqRel) => self.intake.deaf(Millis::now()),
            None => {}
        }
    }

    /// Commits a submission and those that wait behind it.
    fn commit(&mut self, first: Submission, told: &Receiver<Told>) -> Result<(), PipelineError> {
        let mut group = vec![first];
        let mut rows = group[0].samples.len();
        while rows < ROUND_ROWS_MAX {
            match told.try_recv() {
                Ok(Told::Rows(more)) => {
                    rows += more.samples.len();
                    group.push(more);
                }
                Ok(other) => {
                    self.next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        self.waiting_rows.fetch_sub(rows, Ordering::AcqRel);
        self.watch_ourselves();
        if let Some(reason) = self.shared.read_only() {
            for submission in group {
                drop(submission.answer.send(Err(CommitError::Unwritable(reason.clone()))));
            }
            return Ok(());
        }
        let number = self.intake.next_number();
        let mut answers = Vec::with_capacity(group.len());
        let mut receipts: Vec<(String, Receipt)> = Vec::new();
        for submission in group {
            let Submission { samples, arrival, key, mut receipt, answer } = submission;
            let known = key.as_ref().and_then(|key| self.receipt(key, &receipts));
            if let Some(known) = known {
                answers.push((answer, Receipt { replayed: true, ..known }));
                continue;
            }
            self.intake.samples(&samples, arrival);
            receipt.round = Some(number);
            receipts.extend(key.map(|key| (key, receipt.clone())));
            answers.push((answer, receipt));
        }
        if self.intake.rows() == 0 {
            for (answer, receipt) in answers {
                drop(answer.send(Ok(receipt)));
            }
            return Ok(());
        }
        let started = Instant::now();
        let cut = self.intake.cut();
        let entry = JournalEntry {
            cut,
            training: self.intake.training(),
            observer: self.intake.observer().clone(),
            receipts,
        };
        let written = self.write(number, &entry);
        self.shared.telemetry.journalled(entry.cut.samples.len(), started.elapsed());
        match written {
            Ok(()) => {
                for (answer, receipt) in answers {
                    drop(answer.send(Ok(receipt)));
                }
                let rows = entry.cut.samples.len();
                let (round, trainings) = self.intake.round(entry.cut);
                match &mut self.feed {
                    Some(feed) => feed.submit(round, trainings),
                    None => {
                        // It waits in the journal.
                        self.waiting_rows.fetch_add(rows, Ordering::AcqRel);
                        self.journalled.store(number, Ordering::Release);
                        Ok(())
                    }
                }
            }
            Err(error) => {
                let reason = super::chain(&error);
                tracing::error!(error = reason, "the journal cannot be written; nothing more is taken in");
                self.shared.set_read_only(Some(reason.clone()));
                for (answer, _) in answers {
                    drop(answer.send(Err(CommitError::Unwritable(reason.clone()))));
                }
                Ok(())
            }
        }
    }

    /// What was answered to this key before.
    fn receipt(&self, key: &String, pending: &[(String, Receipt)]) -> Option<Receipt> {
        let pending = pending.iter().find(|(known, _)| known == key).map(|(_, receipt)| receipt.clone());
        pending.or_else(|| match self.tables.receipts.get(key) {
            Ok(kept) => kept.map(|kept| kept.receipt),
            Err(error) => {
                tracing::error!(error = super::chain(&error), "an idempotency key cannot be looked up");
                None
            }
        })
    }

    /// Everything that an acknowledgement promises, in an order of which every beginning makes sense.
    fn write(&mut self, number: u64, entry: &JournalEntry) -> Result<(), StoreError> {
        self.write_names()?;
        self.tables.journal.put(&number, entry)?;
        let at = entry.cut.clock;
        for (key, receipt) in &entry.receipts {
            self.tables.receipts.put(key, &KeptReceipt { at, receipt: receipt.clone() })?;
            self.tables.receipt_order.put(&self.next_receipt, key)?;
            self.next_receipt += 1;
        }
        self.store.flush()
    }

    /// Names that are new get their numbers for good before anything refers to them.
    fn write_names(&mut self) -> Result<(), StoreError> {
        let vocabulary = self.shared.catalog().vocabulary();
        let lists = [
            ("metric", &vocabulary.metrics, &mut self.names_kept.0),
            ("type", &vocabulary.types, &mut self.names_kept.1),
        ];
        for (kind, names, kept) in lists {
            for name in names.from(*kept) {
                self.tables.names.put(&Pair(kind.to_owned(), *kept as u64), &name.to_string())?;
                *kept += 1;
            }
        }
        Ok(())
    }

    /// Lets the clock go on without samples: silence is noticed so, and changes take effect.
    fn tick(&mut self) -> Result<(), PipelineError> {
        self.watch_ourselves();
        let Some(feed) = &mut self.feed else { return Ok(()) };
        self.intake.tick(Millis::now());
        let (round, trainings) = self.intake.finish_round();
        feed.submit(round, trainings)
    }

    /// Looks at the disk, and comes back from read-only when there is room again.
    fn check(&mut self) {
        let room = free_bytes(self.store.directory());
        let reason = match room {
            Some(free) if free < self.free_bytes_min => {
                Some(format!("{free} bytes are free on its disk, {} are required", self.free_bytes_min))
            }
            _ => self.store.flush().err().map(|error| super::chain(&error)),
        };
        let before = self.shared.read_only();
        if before.is_some() != reason.is_some() {
            match &reason {
                Some(reason) => tracing::error!(reason, "the store cannot be written: samples are refused"),
                None => tracing::info!("the store can be written again"),
            }
        }
        self.shared.set_read_only(reason);
    }
}

/// Room on the disk that a directory lies on.
fn free_bytes(directory: &std::path::Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(directory).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// What the store has of the journal, for a restart: names first.
pub(super) fn names(tables: &Tables, kind: &str) -> Result<Vec<String>, StoreError> {
    let mut names: HashMap<u64, String> = HashMap::new();
    for record in tables.names.with_prefix(&Pair::prefix(kind)) {
        let (Pair(_, number), name) = record?;
        names.insert(number, name);
    }
    Ok((0..names.len() as u64).filter_map(|number| names.remove(&number)).collect())
}
