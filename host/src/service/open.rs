//! Start and stop: from a directory to a service that goes on where it was, and back.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::catch_up::{CatchUp, Journal};
use super::committer::{Committer, Told};
use super::delivery::{Crew, Delivery};
use super::desk::{Desk, Links};
use super::judges::Judges;
use super::ledger::Ledger;
use super::past::Past;
use super::probing::Prober;
use super::pulse::Pulse;
use super::recorder::Recorder;
use super::registry::Registry;
use super::stream::Stream;
use super::tables::Tables;
use super::telemetry::Telemetry;
use super::{Access, Service, Shared, State, Threads, committer, lock};
use crate::access::{
    AccessConfigError, Gatekeeper, JwtVerifier, Principal, Role, Token, Tokens, TrustedKeys,
};
use crate::catalog::Refused;
use crate::catalog::config::Config;
use crate::model::Vocabulary;
use crate::observer::Cause;
use crate::outside::Means;
use crate::pipeline::{Intake, Pipeline, PipelineError, Running};
use crate::sandbox::Sandbox;
use crate::scoring::{Memory, Patience};
use crate::shard::Keeping;
use crate::store::{Store, StoreError};
use crate::time::Millis;

/// Why the service could not be started. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keys or the identity provider are not usable.
    #[error(transparent)]
    Access(#[from] AccessConfigError),
    /// The system gives no more threads.
    #[error("the threads could not be started")]
    Threads(#[source] std::io::Error),
    /// A thread ended, which is a defect of Lapwing's.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// No random numbers for the first token.
    #[error("a token could not be made: {0}")]
    Token(String),
}

/// A service that has been started.
pub struct Opened {
    /// The service.
    pub service: Arc<Service>,
    /// Plugins, rules and scorers that could not be used; the others go on.
    pub refused: Vec<Refused>,
    /// The first token, on the first start: shown once, and kept nowhere.
    pub first_token: Option<Token>,
}

impl Service {
    /// Opens the store, goes on where it was, and judges what had been acknowledged and not yet judged.
    ///
    /// # Errors
    /// The store or the configuration cannot be used; nothing was changed then.
    pub fn open(sandbox: Sandbox, config: Config, config_file: Option<PathBuf>) -> Result<Opened, OpenError> {
        let started = Instant::now();
        let store = Store::open(&config.store.directory, config.store.cache_bytes)?;
        let tables = Tables::open(&store)?;
        let opened = started.elapsed();
        let trusted = TrustedKeys::new(config.components.signatures, &config.components.trusted_keys)?;
        let jwt = config.access.jwt.as_ref().map(JwtVerifier::load).transpose()?;

        let vocabulary = Vocabulary::default();
        for (kind, names) in [("metric", &vocabulary.metrics), ("type", &vocabulary.types)] {
            for name in committer::names(&tables, kind)? {
                if let Err(error) = names.number(&name) {
                    tracing::error!(%error, name, "a name of the store has no place");
                }
            }
        }
        let names_kept = (vocabulary.metrics.from(0).len(), vocabulary.types.from(0).len());
        let names_kept = (kept(&tables, "metric", names_kept.0)?, kept(&tables, "type", names_kept.1)?);
        let sandbox = Arc::new(sandbox);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(DELIVERY_THREADS)
            .thread_name("actions")
            .enable_all()
            .build()
            .map_err(OpenError::Threads)?;
        let judges = Arc::new(Judges::default());
        let past = Past {
            judges: Arc::clone(&judges),
            metrics: vocabulary.metrics.clone(),
            types: vocabulary.types.clone(),
        };
        let (means, problems) = {
            let _within = runtime.enter();
            Means::new(&config.secrets, config.mail.as_ref(), Arc::new(past))
        };
        let means = Arc::new(means);
        let links = links(&store, &tables, &config)?;
        let (mut registry, mut refused) =
            Registry::open(Arc::clone(&sandbox), tables.clone(), config, Arc::clone(&means))?;
        let name = || "configuration".to_owned();
        refused.extend(problems.into_iter().map(|reason| Refused { name: name(), reason }));
        let (catalog, more) = registry.compose(vocabulary, None);
        refused.extend(more);
        let catalog = Arc::new(catalog);

        let (tell_delivery, delivery_inbox) = mpsc::channel();
        let shared = Arc::new(Shared {
            state: AtomicU8::new(0),
            read_only: Mutex::default(),
            recording: Mutex::default(),
            sight: Mutex::new(tables.blind.get(&())?.unwrap_or_default()),
            deaf: AtomicBool::new(false),
            recorded: watch::Sender::new(0),
            broken: OnceLock::new(),
            desk: Mutex::new(Desk::open(&tables, &catalog, links, Millis::now())?),
            ledger: Mutex::new(Ledger::load(&tables)?),
            delivery: tell_delivery.clone(),
            stream: Stream::open(&store, &tables)?,
            catalog: ArcSwap::new(Arc::clone(&catalog)),
            telemetry: Telemetry::default(),
        });
        let keeping = Keeping {
            systems: tables.systems.clone(),
            chunks: tables.chunks.clone(),
            next_chunk: Arc::new(AtomicU64::new(tables.chunks.last_key()?.map_or(0, |last| last + 1))),
            tail_rows: catalog.config.store.tail_rows,
        };
        let running = Running {
            patience: Patience::GoOn,
            scores_wanted: false,
            keeping: Some(keeping),
            memory: Some(Memory(tables.models.clone())),
        };
        let journal = Journal::read(&tables)?;
        let (feed, results) = Pipeline::start(&catalog, running).map_err(OpenError::Threads)?.split();
        let crew = Arc::new(Crew::new(means, runtime.handle().clone()));
        let recorder = Recorder {
            tables: tables.clone(),
            shared: Arc::clone(&shared),
            prober: Prober::new(Arc::clone(&shared), Arc::clone(&crew), runtime.handle().clone()),
            journal_end: tables.journal.last_key()?.unwrap_or(0),
        };
        let recorder_thread = spawn("recorder", move || recorder.run(results))?;

        let waiting_rows = Arc::new(AtomicUsize::new(0));
        let journalled = Arc::new(AtomicU64::new(journal.last));
        let now = Millis::now();
        let mut intake = Intake::resumed(
            Arc::clone(&catalog),
            journal.last + 1,
            journal.training(),
            journal.observer(&catalog.config.observer),
        );
        if let Some(down_since) = journal.clock() {
            intake.absent(Cause::Restart, down_since, now);
        }
        let committer = Committer {
            store: store.clone(),
            tables: tables.clone(),
            intake,
            feed: None,
            journalled: Arc::clone(&journalled),
            deferred: VecDeque::new(),
            shared: Arc::clone(&shared),
            waiting_rows: Arc::clone(&waiting_rows),
            names_kept,
            next_receipt: tables.receipt_order.last_key()?.map_or(1, |last| last + 1),
            free_bytes_min: catalog.config.store.free_bytes_min,
            pulse: Pulse::new(),
            next: None,
        };
        let (told, inbox) = mpsc::channel::<Told>();
        let committer_thread = spawn("committer", move || committer.run(&inbox))?;
        let catch_up = CatchUp {
            tables: tables.clone(),
            catalog: Arc::clone(&catalog),
            feed,
            shared: Arc::clone(&shared),
            judges: Arc::clone(&judges),
            waiting_rows: Arc::clone(&waiting_rows),
            journalled,
            committer: told.clone(),
            started,
            opened: now,
        };
        let catch_up_thread = spawn("catch-up", move || catch_up.run(journal))?;
        let delivery = Delivery {
            tables: tables.clone(),
            shared: Arc::clone(&shared),
            crew: Arc::clone(&crew),
            runtime: runtime.handle().clone(),
            told: tell_delivery,
        };
        let delivery_thread = spawn("delivery", move || delivery.run(&delivery_inbox))?;
        let threads = Threads {
            catch_up: catch_up_thread,
            committer: committer_thread,
            recorder: recorder_thread,
            delivery: delivery_thread,
            runtime,
        };

        let records = tables.tokens.iter().map(|entry| entry.map(|(_, record)| record));
        let tokens = Arc::new(Tokens::new(records.collect::<Result<_, _>>()?));
        for ended in tokens.forget_ended(now.plus_seconds(-catalog.config.retention.audit_days * 86_400.0)) {
            tables.tokens.remove(&ended.id)?;
        }
        let service = Self {
            access: Access {
                gatekeeper: ArcSwap::from_pointee(Gatekeeper::new(Arc::clone(&tokens), jwt)),
                trusted: ArcSwap::from_pointee(trusted),
                next_audit: Mutex::new(tables.audit.last_key()?.map_or(1, |last| last + 1)),
                tokens,
            },
            store,
            tables,
            shared,
            sandbox,
            registry: Mutex::new(registry),
            judges,
            told: Mutex::new(Some(told)),
            waiting_rows,
            decoders: Mutex::default(),
            threads: Mutex::new(Some(threads)),
            crew,
            config_file,
        };
        let first_token = service.first_token()?;
        service.shared.set_state(State::Ready);
        let ms = |duration: std::time::Duration| duration.as_millis() as u64;
        tracing::info!(opened_ms = ms(opened), took_ms = ms(started.elapsed()), "ready");
        Ok(Opened { service: Arc::new(service), refused, first_token })
    }

    /// Takes nothing more in, judges and writes what there is, and ends the threads. Safe to call twice.
    ///
    /// # Errors
    /// What could not be written; it will be judged again after the next start.
    pub fn close(&self) -> Result<(), OpenError> {
        self.shared.set_state(State::Draining);
        let Some(threads) = lock(&self.threads).take() else { return Ok(()) };
        self.judges.end();
        if let Some(told) = lock(&self.told).take() {
            // If it is gone already, joining it says so.
            drop(told.send(Told::Stop));
        }
        threads.catch_up.join().map_err(|_| PipelineError::gone("catch-up"))?;
        let end = threads.committer.join().map_err(|_| PipelineError::gone("committer"))?;
        threads.recorder.join().map_err(|_| PipelineError::gone("recorder"))?;
        drop(self.shared.delivery.send(super::delivery::Told::Stop));
        threads.delivery.join().map_err(|_| PipelineError::gone("delivery"))?;
        threads.runtime.shutdown_background();
        let rest = end?;
        if let Some(reason) = self.shared.broken.get() {
            tracing::error!(reason, "nothing more is written down; the next start judges the journal again");
            return Ok(());
        }
        super::recorder::write_down(&self.tables, rest.round, &rest.systems)?;
        // Nothing is left to judge; the newest round stays, to say how far training has come.
        let newest = self.tables.journal.last_key()?.unwrap_or(0);
        self.tables.journal.trim(|&round| round < newest)?;
        self.store.flush()?;
        Ok(())
    }

    /// On the first start there is nobody who could make a token.
    fn first_token(&self) -> Result<Option<Token>, OpenError> {
        if !self.access.tokens.list().is_empty() {
            return Ok(None);
        }
        let by = Principal::local("first start");
        let (token, record) = self
            .access
            .tokens
            .create("first", Role::Admin, None, &by, Millis::now())
            .map_err(|error| OpenError::Token(error.to_string()))?;
        self.tables.tokens.put(&record.id, &record)?;
        self.store.flush()?;
        Ok(Some(token))
    }

    /// Takes the first token back, when it could not be handed over.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_first_token(&self) -> Result<(), OpenError> {
        for record in self.access.tokens.list() {
            self.tables.tokens.remove(&record.id)?;
        }
        self.store.flush()?;
        Ok(())
    }
}

/// Where others find this server, and the key by which reports of actions are known: made once, and kept.
fn links(store: &Store, tables: &Tables, config: &Config) -> Result<Links, OpenError> {
    const NAME: &str = "reports";
    let bytes = match tables.keys.get(&NAME.to_owned())? {
        Some(bytes) => bytes,
        None => {
            let mut bytes = vec![0; 32];
            ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
                .map_err(|_| OpenError::Token("there is no randomness".to_owned()))?;
            tables.keys.put(&NAME.to_owned(), &bytes)?;
            store.flush()?;
            bytes
        }
    };
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &bytes);
    Ok(Links { public_url: config.server.public_url(), key })
}

/// How many names of a kind the store has; the others are written with the next round.
fn kept(tables: &Tables, kind: &str, known: usize) -> Result<usize, StoreError> {
    Ok(committer::names(tables, kind)?.len().min(known))
}

/// Threads that actions run on.
const DELIVERY_THREADS: usize = 2;

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<std::thread::JoinHandle<T>, OpenError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(OpenError::Threads)
}
