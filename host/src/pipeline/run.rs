//! The threads: shards and the trainer at work, rounds going out, reports coming back in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use crate::catalog::Catalog;
use crate::detections::Event;
use crate::limits::{QUEUE_BATCHES, TRAINER_MESSAGES};
use crate::scoring::{Features, Models, Patience, Trainer, TrainerReport, Training};
use crate::shard::{EventKey, Fates, Round, Shard, ShardEnd, ShardReport};
use crate::time::Millis;

/// Shards and trainer at work.
pub struct Pipeline {
    shards: Vec<SyncSender<Arc<Round>>>,
    shard_threads: Vec<JoinHandle<ShardEnd>>,
    trainer: SyncSender<Features>,
    trainer_thread: JoinHandle<Vec<TrainerReport>>,
    reports: Receiver<ShardReport>,
    under_way: BTreeMap<u64, UnderWay>,
}

/// A round that is out.
struct UnderWay {
    round: Arc<Round>,
    reports: Vec<ShardReport>,
}

/// What came of a round.
pub struct Outcome {
    /// The round.
    pub round: Arc<Round>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// For each sample of the round, if scores are wanted: the score of each scorer, then the combined one. NaN: none.
    pub scores: Vec<f64>,
    /// What became of the samples.
    pub fates: Fates,
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

impl Pipeline {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(catalog: &Arc<Catalog>, patience: Patience, scores_wanted: bool) -> std::io::Result<Self> {
        let count = catalog.config.pipeline.shards;
        let models = Arc::new(Models::new(patience));
        let (trainer, told) = mpsc::sync_channel(TRAINER_MESSAGES);
        let (report, reports) = mpsc::channel();
        let mut shards = Vec::with_capacity(count);
        let mut shard_threads = Vec::with_capacity(count);
        for number in 0..count {
            let (rounds, inbox) = mpsc::sync_channel::<Arc<Round>>(QUEUE_BATCHES);
            let (catalog, models) = (Arc::clone(catalog), Arc::clone(&models));
            let (trainer, report) = (trainer.clone(), report.clone());
            let work = move || {
                let mut shard = Shard::new(number, &catalog, &models, trainer, scores_wanted);
                for round in inbox {
                    if report.send(shard.process(&round)).is_err() {
                        break;
                    }
                }
                shard.end()
            };
            shard_threads.push(std::thread::Builder::new().name(format!("shard-{number}")).spawn(work)?);
            shards.push(rounds);
        }
        let training = Trainer::new(Arc::clone(catalog), models, count);
        let trainer_thread =
            std::thread::Builder::new().name("trainer".to_owned()).spawn(move || training.run(&told))?;
        Ok(Self { shards, shard_threads, trainer, trainer_thread, reports, under_way: BTreeMap::new() })
    }

    /// Hands a round to the shards, waiting while their queues are full, and gives back the rounds that are done.
    ///
    /// # Errors
    /// A thread is gone.
    pub fn submit(&mut self, round: Round, trainings: Vec<Training>) -> Result<Vec<Outcome>, PipelineError> {
        let number = round.number;
        let due = Features::Due { round: number, trainings };
        self.trainer.send(due).map_err(|_| PipelineError("trainer"))?;
        let round = Arc::new(round);
        self.under_way.insert(number, UnderWay { round: Arc::clone(&round), reports: Vec::new() });
        for shard in &self.shards {
            shard.send(Arc::clone(&round)).map_err(|_| PipelineError("shard"))?;
        }
        while let Ok(report) = self.reports.try_recv() {
            self.file(report);
        }
        Ok(self.done())
    }

    /// Waits until every round that is out is done.
    ///
    /// # Errors
    /// A thread is gone.
    pub fn drain(&mut self) -> Result<Vec<Outcome>, PipelineError> {
        let mut outcomes = self.done();
        while !self.under_way.is_empty() {
            let report = self.reports.recv().map_err(|_| PipelineError("shard"))?;
            self.file(report);
            outcomes.extend(self.done());
        }
        Ok(outcomes)
    }

    /// Ends the threads. Every round must be done: [`drain`](Self::drain) first.
    ///
    /// # Errors
    /// A thread was gone before.
    pub fn end(self) -> Result<PipelineEnd, PipelineError> {
        drop(self.shards);
        let joined =
            self.shard_threads.into_iter().map(|thread| thread.join().map_err(|_| PipelineError("shard")));
        let mut shards: Vec<ShardEnd> = joined.collect::<Result<_, _>>()?;
        drop(self.trainer);
        let training = self.trainer_thread.join().map_err(|_| PipelineError("trainer"))?;
        let mut ongoing: Vec<Event> =
            shards.iter_mut().flat_map(|shard| std::mem::take(&mut shard.ongoing)).collect();
        ongoing.sort_by_key(|event| (event.detection.timestamp, event.detection.detection_id));
        Ok(PipelineEnd { ongoing, shards, training })
    }

    fn file(&mut self, report: ShardReport) {
        if let Some(round) = self.under_way.get_mut(&report.round) {
            round.reports.push(report);
        }
    }

    /// The rounds that every shard has reported on, as far as they are next in order.
    fn done(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(entry) = self.under_way.first_entry() {
            if entry.get().reports.len() < self.shards.len() {
                break;
            }
            outcomes.push(merge(entry.remove()));
        }
        outcomes
    }
}

fn merge(done: UnderWay) -> Outcome {
    let UnderWay { round, reports } = done;
    let mut keyed: Vec<(EventKey, Event)> = Vec::new();
    let mut fates = Fates::default();
    let columns = round.catalog.scorers.len() + 1;
    let scored = reports.iter().any(|report| !report.scored_rows.is_empty());
    let mut scores = vec![f64::NAN; if scored { round.samples.len() * columns } else { 0 }];
    for report in reports {
        for (&row, values) in report.scored_rows.iter().zip(report.scores.chunks_exact(columns)) {
            let begin = row as usize * columns;
            scores[begin..begin + columns].copy_from_slice(values);
        }
        fates.add(&report.fates);
        keyed.extend(report.events);
    }
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    Outcome { round, events: keyed.into_iter().map(|(_, event)| event).collect(), scores, fates }
}

impl Outcome {
    /// The host's clock at the end of the round.
    #[must_use]
    pub fn clock(&self) -> Millis {
        self.round.clock
    }
}
