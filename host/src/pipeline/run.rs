//! The threads: shards and the trainer at work, rounds going out, reports coming back in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::intake::shard_of;
use crate::catalog::Catalog;
use crate::detections::{DetectionUpdate, Event};
use crate::limits::{QUEUE_BATCHES, ROUNDS_UNDER_WAY, TRAINER_MESSAGES};
use crate::scoring::{Features, Memory, Models, Patience, Trainer, TrainerReport, Training};
use crate::shard::{
    DeadRow, EventKey, Fates, Incident, Keeping, Kept, Round, Shard, ShardEnd, ShardReport, ShardStatus,
};
use crate::time::Millis;
use crate::vanished::LabelChange;

/// A round that takes longer is worth a line of the log.
const SLOW: Duration = Duration::from_millis(15);

/// Shards and trainer at work, in the hands of one thread.
pub struct Pipeline {
    feed: Feed,
    results: Results,
}

/// Where rounds go in.
pub struct Feed {
    shards: Vec<SyncSender<Work>>,
    threads: Threads,
    trainer: SyncSender<Features>,
    submitted: u64,
}

/// Where what became of them comes out.
pub struct Results {
    reports: Receiver<(Arc<Round>, ShardReport)>,
    shards: usize,
    under_way: BTreeMap<u64, UnderWay>,
    given: u64,
}

/// A round that some shards have done.
struct UnderWay {
    round: Arc<Round>,
    reports: Vec<ShardReport>,
}

struct Threads {
    shards: Vec<JoinHandle<ShardEnd>>,
    trainer: JoinHandle<Vec<TrainerReport>>,
}

/// What a shard is told, in the order in which it is told.
enum Work {
    Round(Arc<Round>),
    Ask(Question),
}

/// Something to be done between two rounds, on the shard's own thread.
type Question = Box<dyn FnOnce(&mut Shard) + Send>;

/// How a pipeline is to run.
pub struct Running {
    /// Whether shards wait for models.
    pub patience: Patience,
    /// Every row's scores are reported.
    pub scores_wanted: bool,
    /// Where systems come from and how often they are written down; `None`: nothing survives.
    pub keeping: Option<Keeping>,
    /// Where models come from and are kept; `None`: nowhere.
    pub memory: Option<Memory>,
}

impl Running {
    /// A run that keeps nothing.
    #[must_use]
    pub fn forgetful(patience: Patience, scores_wanted: bool) -> Self {
        Self { patience, scores_wanted, keeping: None, memory: None }
    }
}

/// Asks shards something between two rounds.
#[derive(Clone)]
pub struct Shards {
    inboxes: Vec<SyncSender<Work>>,
}

/// What came of a round.
pub struct Outcome {
    /// The round.
    pub round: Arc<Round>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// How detections that are not over went on.
    pub updates: Vec<DetectionUpdate>,
    /// For each sample of the round, if scores are wanted: the score of each scorer, then the combined one. NaN: none.
    pub scores: Vec<f64>,
    /// What became of the samples.
    pub fates: Fates,
    /// Rows that a plugin could not be brought to judge.
    pub dead: Vec<DeadRow>,
    /// Rules that went into quarantine or came out of it.
    pub incidents: Vec<Incident>,
    /// Labels of systems that have changed.
    pub labels: Vec<LabelChange>,
    /// Systems to be written down.
    pub kept: Vec<Kept>,
    /// Every system is written down as of this round or a later one.
    pub kept_through: u64,
    /// How each shard is.
    pub statuses: Vec<ShardStatus>,
}

/// What there is to tell when the input has ended.
#[derive(Debug, Default)]
pub struct PipelineEnd {
    /// Detections that are not over, by the time they were opened.
    pub ongoing: Vec<Event>,
    /// By shard.
    pub shards: Vec<ShardEnd>,
    /// By scorer, in catalog order.
    pub training: Vec<TrainerReport>,
}

/// A thread of the pipeline is gone, which is a defect of Lapwing's.
#[derive(Debug, thiserror::Error)]
#[error("the {0} thread ended before its time")]
pub struct PipelineError(&'static str);

impl PipelineError {
    /// The thread of this name is gone.
    #[must_use]
    pub fn gone(thread: &'static str) -> Self {
        Self(thread)
    }
}

impl Pipeline {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(catalog: &Arc<Catalog>, running: Running) -> std::io::Result<Self> {
        let count = catalog.config.pipeline.shards;
        let models = Arc::new(Models::new(running.patience));
        let (trainer, told) = mpsc::sync_channel(TRAINER_MESSAGES);
        // Whoever feeds and collects on one thread must never wait for both; two threads may.
        let waiting = if running.keeping.is_some() { QUEUE_BATCHES } else { ROUNDS_UNDER_WAY };
        let (report, reports) = mpsc::sync_channel(waiting * count);
        let training = Trainer::new(Arc::clone(catalog), Arc::clone(&models), count, running.memory);
        let mut shards = Vec::with_capacity(count);
        let mut shard_threads = Vec::with_capacity(count);
        for number in 0..count {
            let (work, inbox) = mpsc::sync_channel::<Work>(QUEUE_BATCHES);
            let (catalog, models) = (Arc::clone(catalog), Arc::clone(&models));
            let (trainer, report, keeping) = (trainer.clone(), report.clone(), running.keeping.clone());
            let scores_wanted = running.scores_wanted;
            let run = move || {
                let mut shard = Shard::new(number, &catalog, &models, trainer, scores_wanted);
                if let Some(keeping) = keeping {
                    shard.keep(keeping, |id_hash| shard_of(id_hash, count) == number);
                }
                for work in inbox {
                    match work {
                        Work::Round(round) => {
                            let started = Instant::now();
                            let done = shard.process(&round);
                            if started.elapsed() > SLOW {
                                let (round, rows) = (round.number, round.samples.len());
                                let took_ms = started.elapsed().as_millis() as u64;
                                tracing::debug!(
                                    shard = number,
                                    round,
                                    rows,
                                    took_ms,
                                    "a round was slow to judge"
                                );
                            }
                            if report.send((round, done)).is_err() {
                                break;
                            }
                        }
                        Work::Ask(question) => question(&mut shard),
                    }
                }
                shard.end()
            };
            shard_threads.push(std::thread::Builder::new().name(format!("shard-{number}")).spawn(run)?);
            shards.push(work);
        }
        let trainer_thread = std::thread::Builder::new().name("trainer".to_owned()).spawn(move || {
            yield_to_others();
            training.run(&told)
        })?;
        let threads = Threads { shards: shard_threads, trainer: trainer_thread };
        Ok(Self {
            feed: Feed { shards, threads, trainer, submitted: 0 },
            results: Results { reports, shards: count, under_way: BTreeMap::new(), given: 0 },
        })
    }

    /// Both ends, for two threads.
    #[must_use]
    pub fn split(self) -> (Feed, Results) {
        (self.feed, self.results)
    }

    /// Hands a round to the shards, waiting while their queues are full, and gives back the rounds that are done.
    ///
    /// # Errors
    /// A thread is gone.
    pub fn submit(&mut self, round: Round, trainings: Vec<Training>) -> Result<Vec<Outcome>, PipelineError> {
        self.feed.submit(round, trainings)?;
        let mut outcomes = Vec::new();
        // What is under way fits the queues between the shards and here.
        while self.feed.submitted - self.results.given >= ROUNDS_UNDER_WAY as u64 {
            outcomes.push(self.results.next().ok_or(PipelineError("shard"))?);
        }
        while let Some(outcome) = self.results.ready()? {
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// Waits until every round that is out is done.
    ///
    /// # Errors
    /// A thread is gone.
    pub fn drain(&mut self) -> Result<Vec<Outcome>, PipelineError> {
        let mut outcomes = Vec::new();
        while self.results.given < self.feed.submitted {
            outcomes.push(self.results.next().ok_or(PipelineError("shard"))?);
        }
        Ok(outcomes)
    }

    /// Ends the threads. Every round must be done: [`drain`](Self::drain) first.
    ///
    /// # Errors
    /// A thread was gone before.
    pub fn end(self) -> Result<PipelineEnd, PipelineError> {
        self.feed.end()
    }
}

impl Feed {
    /// Hands a round to the shards, waiting while their queues are full. Numbers ascend.
    ///
    /// # Errors
    /// A thread is gone.
    pub fn submit(&mut self, round: Round, trainings: Vec<Training>) -> Result<(), PipelineError> {
        let due = Features::Due { round: round.number, catalog: Arc::clone(&round.catalog), trainings };
        self.trainer.send(due).map_err(|_| PipelineError("trainer"))?;
        let round = Arc::new(round);
        self.submitted += 1;
        for shard in &self.shards {
            shard.send(Work::Round(Arc::clone(&round))).map_err(|_| PipelineError("shard"))?;
        }
        Ok(())
    }

    /// A way to ask the shards something.
    #[must_use]
    pub fn shards(&self) -> Shards {
        Shards { inboxes: self.shards.clone() }
    }

    /// Ends the threads once they have done what they were told. Every [`Shards`] must be gone.
    ///
    /// # Errors
    /// A thread was gone before.
    pub fn end(self) -> Result<PipelineEnd, PipelineError> {
        drop(self.shards);
        let joined =
            self.threads.shards.into_iter().map(|thread| thread.join().map_err(|_| PipelineError("shard")));
        let mut shards: Vec<ShardEnd> = joined.collect::<Result<_, _>>()?;
        drop(self.trainer);
        let training = self.threads.trainer.join().map_err(|_| PipelineError("trainer"))?;
        let mut ongoing: Vec<Event> =
            shards.iter_mut().flat_map(|shard| std::mem::take(&mut shard.ongoing)).collect();
        ongoing.sort_by_key(|event| (event.detection.timestamp, event.detection.detection_id));
        Ok(PipelineEnd { ongoing, shards, training })
    }
}

impl Shards {
    /// Has every shard answer between two rounds; the answers come in the order of the shards. A shard that is gone
    /// gives none.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Shard) -> T + Send + Clone + 'static,
    ) -> Vec<T> {
        let told: Vec<Receiver<T>> = self
            .inboxes
            .iter()
            .filter_map(|inbox| {
                let (answer, told) = mpsc::sync_channel(1);
                let question = question.clone();
                // The asker may have gone away meanwhile.
                let work = Work::Ask(Box::new(move |shard| drop(answer.send(question(shard)))));
                inbox.send(work).is_ok().then_some(told)
            })
            .collect();
        told.into_iter().filter_map(|told| told.recv().ok()).collect()
    }
}

/// Lets every other thread go first: a model that comes later costs nothing, a round that waits does.
fn yield_to_others() {
    const NICE: i32 = 10;
    let own = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(own), NICE) {
        tracing::debug!(%error, "the trainer runs at the priority of all threads");
    }
}

impl Results {
    /// The next round, if it is done.
    ///
    /// # Errors
    /// A thread is gone.
    pub fn ready(&mut self) -> Result<Option<Outcome>, PipelineError> {
        loop {
            if let Some(outcome) = self.take() {
                return Ok(Some(outcome));
            }
            match self.reports.try_recv() {
                Ok(report) => self.file(report),
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::Disconnected) => return Err(PipelineError("shard")),
            }
        }
    }

    /// Waits for the next round; `None` once the shards have ended and everything has been given out.
    #[allow(clippy::should_implement_trait, reason = "it is one, but nothing iterates over it")]
    pub fn next(&mut self) -> Option<Outcome> {
        loop {
            if let Some(outcome) = self.take() {
                return Some(outcome);
            }
            let report = self.reports.recv().ok()?;
            self.file(report);
        }
    }

    fn file(&mut self, (round, report): (Arc<Round>, ShardReport)) {
        let under_way = self.under_way.entry(report.round);
        under_way.or_insert_with(|| UnderWay { round, reports: Vec::new() }).reports.push(report);
    }

    /// The next round in order, if every shard has reported on it.
    fn take(&mut self) -> Option<Outcome> {
        // Every shard is told of every round and reports on them in order: what all have done has nothing before it.
        let first = self.under_way.first_entry()?;
        if first.get().reports.len() < self.shards {
            return None;
        }
        let done = first.remove();
        self.given += 1;
        Some(merge(done))
    }
}

fn merge(done: UnderWay) -> Outcome {
    let UnderWay { round, mut reports } = done;
    reports.sort_by_key(|report| report.status.shard);
    let columns = round.catalog.scorers.len() + 1;
    let scored = reports.iter().any(|report| !report.scored_rows.is_empty());
    let mut outcome = Outcome {
        events: Vec::new(),
        updates: Vec::new(),
        scores: vec![f64::NAN; if scored { round.samples.len() * columns } else { 0 }],
        fates: Fates::default(),
        dead: Vec::new(),
        incidents: Vec::new(),
        labels: Vec::new(),
        kept: Vec::new(),
        kept_through: u64::MAX,
        statuses: Vec::new(),
        round,
    };
    let mut keyed: Vec<(EventKey, Event)> = Vec::new();
    for report in reports {
        for (&row, values) in report.scored_rows.iter().zip(report.scores.chunks_exact(columns)) {
            let begin = row as usize * columns;
            outcome.scores[begin..begin + columns].copy_from_slice(values);
        }
        outcome.fates.add(&report.fates);
        keyed.extend(report.events);
        outcome.updates.extend(report.updates.into_values());
        outcome.dead.extend(report.dead);
        outcome.incidents.extend(report.incidents);
        outcome.labels.extend(report.labels);
        outcome.kept.extend(report.kept);
        outcome.kept_through = outcome.kept_through.min(report.kept_through);
        outcome.statuses.push(report.status);
    }
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    outcome.events = keyed.into_iter().map(|(_, event)| event).collect();
    outcome
}

impl Outcome {
    /// The host's clock at the end of the round.
    #[must_use]
    pub fn clock(&self) -> Millis {
        self.round.clock
    }
}
