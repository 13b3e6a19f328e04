//! The running service: takes samples in and keeps them safe, has them judged, and changes what is in force while it runs.
//!
//! Three threads carry a sample: the `committer` journals it and answers its sender, a shard judges it, the `recorder`
//! writes and tells what came of that. The `registry` knows every version of every plugin, the `ledger` every detection,
//! the `stream` every event. What the store must have before what is said in each of them; together they are why a
//! kill -9 loses nothing that was acknowledged and tells nothing twice.

mod administration;
mod alerting;
mod cases;
mod catch_up;
mod changes;
mod committer;
mod delivery;
mod deployment;
mod desk;
mod export;
mod judges;
mod ledger;
mod open;
mod past;
mod plugin_reading;
mod plugin_views;
mod plugins;
mod probing;
mod pulse;
mod reading;
mod recorder;
mod registry;
mod reproduce;
mod stream;
mod system_views;
mod systems;
mod tables;
mod telemetry;
mod transaction;
mod views;
mod why_not;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};

use self::committer::{Rest, Submission, Told};
use self::delivery::Crew;
use self::desk::Desk;
use self::judges::Judges;
use self::ledger::Ledger;
use self::registry::Registry;
use self::stream::Stream;
use self::tables::Tables;
use self::telemetry::Telemetry;
use crate::access::{Gatekeeper, Tokens, TrustedKeys};
use crate::catalog::Catalog;
use crate::ingest::{BodyRows, Decoder, SampleBatch, Scope};
use crate::limits::REFUSALS_LISTED_MAX;
use crate::observer::BlindIntervals;
use crate::pipeline::PipelineError;
use crate::sandbox::Sandbox;
use crate::store::{Store, StoreError};
use crate::time::Millis;

pub use alerting::{ActionView, OwedView};
pub use desk::{BlockChange, BlockChanges, BlockEntry};
pub use export::{Export, export, rescue_token, verify};
pub use open::{OpenError, Opened};
pub use plugin_views::{
    DetectionDiff, Diff, Difference, Origin, PluginLine, PluginView, Pushed, RuleDiff, Stage, Swapped,
    VersionView,
};
pub use reproduce::{ReproducedRow, Reproduction, reproduce};
pub use stream::{Published, Subscription};
pub use system_views::{
    ContractView, HeartbeatView, PresenceView, StateChange, SystemLine, SystemSummary, SystemsPage,
};
pub use tables::AuditEntry;
pub use views::{
    Cost, DetectionFilter, DetectionLine, DetectionsPage, HistoryPage, ParameterView, PluginRef, Quarantine,
    Receipt, RowError, RuleView, State, TokenView,
};
pub use why_not::{WhyNot, WhyNotStep};

/// The service, shared by everything that answers requests.
pub struct Service {
    store: Store,
    tables: Tables,
    shared: Arc<Shared>,
    sandbox: Arc<Sandbox>,
    registry: Mutex<Registry>,
    judges: Arc<Judges>,
    told: Mutex<Option<Sender<Told>>>,
    crew: Arc<Crew>,
    waiting_rows: Arc<AtomicUsize>,
    /// Decoders that are not in use: each remembers what the samples it saw looked like.
    decoders: Mutex<Vec<Decoder>>,
    access: Access,
    threads: Mutex<Option<Threads>>,
    config_file: Option<std::path::PathBuf>,
}

struct Access {
    tokens: Arc<Tokens>,
    gatekeeper: ArcSwap<Gatekeeper>,
    trusted: ArcSwap<TrustedKeys>,
    next_audit: Mutex<u64>,
}

struct Threads {
    catch_up: JoinHandle<()>,
    committer: JoinHandle<Result<Rest, PipelineError>>,
    delivery: JoinHandle<()>,
    /// Where actions wait for others.
    runtime: tokio::runtime::Runtime,
    recorder: JoinHandle<()>,
}

/// What the threads and the requests share.
struct Shared {
    state: AtomicU8,
    read_only: Mutex<Option<String>>,
    /// Held while a round is recorded.
    recording: Mutex<()>,
    /// When the host could not see.
    sight: Mutex<BlindIntervals>,
    /// Samples were turned away since this was last looked at.
    deaf: AtomicBool,
    /// The last round that was recorded, told to whoever waits for one.
    recorded: watch::Sender<u64>,
    /// Why nothing is recorded any more: only a start, which judges the journal again, makes good for that.
    broken: OnceLock<String>,
    /// Held while something is changed and kept; before the ledger.
    desk: Mutex<Desk>,
    ledger: Mutex<Ledger>,
    delivery: Sender<delivery::Told>,
    stream: Stream,
    catalog: ArcSwap<Catalog>,
    telemetry: Telemetry,
}

/// Rows of one request, decoded and validated, not yet kept.
#[derive(Debug)]
pub struct Admitted {
    samples: SampleBatch,
    arrival: Millis,
    refused: u64,
    errors: Vec<RowError>,
}

impl Admitted {
    /// How many rows are good.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.samples.len()
    }

    /// How many are not.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Why, for the first of those.
    #[must_use]
    pub fn errors(&self) -> &[RowError] {
        &self.errors
    }
}

/// Why rows were not taken in. None of them is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// More rows wait than may.
    #[error("the queue is full: {waiting_rows} rows are waiting, {limit_rows} is the limit")]
    QueueFull {
        /// Rows that wait.
        waiting_rows: usize,
        /// Rows that may.
        limit_rows: usize,
    },
    /// The disk is full, or the store is damaged.
    #[error("the store cannot be written: {0}")]
    Unwritable(String),
    /// It is being stopped.
    #[error("the server is being stopped")]
    Draining,
    /// It has just been started.
    #[error("the server is still judging what was taken in before its last stop")]
    Starting,
}

/// Why a change was not made. Nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChangeError {
    /// What is to be changed is not there.
    #[error("there is no {what} {name}")]
    Unknown {
        /// `plugin`, `version`, `rule`, `token`.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// What was asked for makes no sense.
    #[error("{}", .problems.join("; "))]
    Invalid {
        /// `invalid-component`, `invalid-rule`, `invalid-configuration`, `invalid-request`.
        kind: &'static str,
        /// Everything that is wrong with it.
        problems: Vec<String>,
    },
    /// It makes sense, but not as things are.
    #[error("{detail}")]
    Conflict {
        /// `more-imports`, `in-use`, `no-shadow`, `nothing-before`, `is-live`.
        kind: &'static str,
        /// What stands against it.
        detail: String,
        /// Facts about that.
        members: serde_json::Map<String, serde_json::Value>,
    },
    /// The operator's policy is against it.
    #[error("{detail}")]
    Forbidden {
        /// `signature-required`, `signature-invalid`.
        kind: &'static str,
        /// What is missing.
        detail: String,
    },
    /// The disk is full, or the store is damaged.
    #[error("the store cannot be written: {0}")]
    Unwritable(String),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Unwritable(chain(&error))
    }
}

impl Service {
    /// How far the service is.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.state()
    }

    /// Why samples are refused, while they are because of the store.
    #[must_use]
    pub fn read_only(&self) -> Option<String> {
        self.shared.read_only()
    }

    /// Decodes the body of a request, decompressed. Takes about three microseconds a row. Rows of systems
    /// out of `scope` are refused, and so are those without a time, which with `timeless` are of the moment of their arrival.
    #[must_use]
    pub fn admit(&self, body: &[u8], scope: Scope, timeless: bool) -> Admitted {
        let arrival = Millis::now();
        let decoder = lock(&self.decoders).pop();
        let catalog = self.shared.catalog.load();
        let mut decoder = decoder.unwrap_or_else(|| {
            Decoder::new(catalog.metrics.clone(), catalog.types.clone(), catalog.ids.clone())
        });
        let latest_possible = arrival.plus_seconds(catalog.config.input.future_s);
        decoder.expect(scope, timeless.then_some(arrival));
        let rows = BodyRows::read(body, &mut decoder, latest_possible, REFUSALS_LISTED_MAX);
        lock(&self.decoders).push(decoder);
        let errors = rows.refused.into_iter().map(|refused| RowError {
            row: refused.row,
            detail: refused.refusal.to_string(),
            field: refused.refusal.field,
            found: refused.refusal.found,
            expected: refused.refusal.expected,
        });
        self.shared.telemetry.refused(rows.refused_count);
        Admitted { arrival, refused: rows.refused_count, errors: errors.collect(), samples: rows.samples }
    }

    /// Keeps rows. They are on the disk when this returns, and will be judged once.
    ///
    /// # Errors
    /// They are not kept, and why; trying again later may help.
    pub async fn commit(&self, admitted: Admitted, key: Option<&str>) -> Result<Receipt, CommitError> {
        match self.state() {
            State::Starting => return Err(CommitError::Starting),
            State::Draining => return Err(CommitError::Draining),
            State::ReadOnly => {
                return Err(CommitError::Unwritable(self.read_only().unwrap_or_default()));
            }
            State::Ready => {}
        }
        let Admitted { samples, arrival, refused, errors } = admitted;
        let rows = samples.len();
        let receipt = Receipt { accepted: rows as u64, refused, errors, round: None, replayed: false };
        if rows == 0 {
            return Ok(receipt);
        }
        self.reserve(rows)?;
        let (answer, answered) = oneshot::channel();
        let submission = Submission { samples, arrival, key: key.map(str::to_owned), receipt, answer };
        let told = lock(&self.told).clone();
        told.and_then(|told| told.send(Told::Rows(submission)).ok()).ok_or(CommitError::Draining)?;
        answered.await.map_err(|_| CommitError::Draining)?
    }

    /// The text metric in which systems say goodbye.
    #[must_use]
    pub fn goodbye_metric(&self) -> String {
        self.shared.catalog().config.presence.goodbye.clone()
    }

    /// Counts a request of samples that there was no room for.
    pub fn turned_away(&self) {
        self.shared.deaf.store(true, Ordering::Release);
        self.shared.telemetry.turned_away();
    }

    /// Makes sure that there is room for so many rows in the queue.
    fn reserve(&self, rows: usize) -> Result<(), CommitError> {
        let limit_rows = self.shared.catalog.load().config.store.queue_rows;
        // One batch is always taken when nothing waits, however large it is.
        let room = |waiting: usize| (waiting == 0 || waiting + rows <= limit_rows).then_some(waiting + rows);
        self.waiting_rows.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).map(drop).map_err(
            |waiting_rows| {
                self.turned_away();
                CommitError::QueueFull { waiting_rows, limit_rows }
            },
        )
    }

    /// Everything after the event of this number; without one, from now on.
    #[must_use]
    pub fn subscribe(&self, after: Option<u64>) -> Subscription {
        self.shared.stream.subscribe(after)
    }

    /// Who may do what, as of now.
    #[must_use]
    pub fn gatekeeper(&self) -> Arc<Gatekeeper> {
        self.access.gatekeeper.load_full()
    }

    /// Every detection, with what came of all that was acknowledged before the start.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.judges.wait();
        self.shared.ledger()
    }

    /// Asks every shard between two rounds; answers come in the order of the shards.
    fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&mut crate::shard::Shard) -> T + Send + Clone + 'static,
    ) -> Vec<T> {
        self.judges.ask(question)
    }
}

impl Shared {
    fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Starting,
            2 => State::Draining,
            _ if self.read_only().is_some() => State::ReadOnly,
            _ => State::Ready,
        }
    }

    fn set_state(&self, state: State) {
        let number = match state {
            State::Starting => 0,
            State::Draining => 2,
            State::Ready | State::ReadOnly => 1,
        };
        self.state.store(number, Ordering::Release);
    }

    fn read_only(&self) -> Option<String> {
        self.broken.get().cloned().or_else(|| lock(&self.read_only).clone())
    }

    fn set_read_only(&self, reason: Option<String>) {
        *lock(&self.read_only) = reason;
    }

    /// Says that something new may be owed.
    fn news(&self) {
        // The thread is gone only when the service is.
        drop(self.delivery.send(delivery::Told::News));
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }
}

/// A lock whose holder panicked is still a lock: what it guards is valid between any two of its changes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error with all its sources, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
