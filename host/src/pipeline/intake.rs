//! From samples to rounds: puts them in one order, stamps each, and assigns it to its shard.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::clock::VirtualClock;
use crate::catalog::Catalog;
use crate::ingest::{Decoder, Refusal, SampleBatch};
use crate::observer::{Cause, Change, Observer};
use crate::scoring::{Counters, Schedule, Training};
use crate::shard::{Round, Stamp};
use crate::time::Millis;

/// Builds the rounds of one stream.
pub struct Intake {
    catalog: Arc<Catalog>,
    decoder: Decoder,
    clock: VirtualClock,
    schedule: Schedule,
    /// No recording can be from later than this.
    started: Millis,
    next_number: u64,
    cut: Cut,
    observer: Observer,
    clock_ahead: u64,
}

/// A stretch of the stream, stamped: what a round is made of, and what the journal keeps of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cut {
    /// The samples, in the order of their arrival.
    pub samples: SampleBatch,
    /// A stamp for each.
    pub stamps: Vec<Stamp>,
    /// The trainings that fall due in it.
    pub trainings: Vec<Training>,
    /// How far the host could see.
    pub sight: Sight,
    /// The host's clock at its end.
    pub clock: Millis,
}

/// How far the host could see while a stretch of the stream came in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sight {
    /// When sight was lost and came back, and before which row that was found out.
    pub changes: Vec<(u32, Change)>,
    /// Up to when silences may be judged at the end.
    pub horizon: Millis,
}

impl Cut {
    fn new(clock: Millis) -> Self {
        let sight = Sight { changes: Vec::new(), horizon: clock };
        Self { samples: SampleBatch::default(), stamps: Vec::new(), trainings: Vec::new(), sight, clock }
    }
}

impl Intake {
    /// An intake for what is in force in `catalog`.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let observer = Observer::new(catalog.config.observer.clone());
        Self::resumed(catalog, 0, &[], observer)
    }

    /// An intake that goes on with the round of this number, where training has come so far.
    #[must_use]
    pub fn resumed(
        catalog: Arc<Catalog>,
        next_number: u64,
        training: &[(crate::model::TypeId, Counters)],
        observer: Observer,
    ) -> Self {
        Self {
            decoder: Decoder::new(catalog.metrics.clone(), catalog.types.clone(), catalog.ids.clone()),
            clock: VirtualClock::default(),
            schedule: Schedule::resumed(catalog.config.training.clone(), training),
            started: Millis::now(),
            next_number,
            cut: Cut::new(Millis(i64::MIN / 4)),
            observer,
            clock_ahead: 0,
            catalog,
        }
    }

    /// Takes one line in. `arrival` is when it arrived; without it, the clock follows the samples' own times.
    ///
    /// # Errors
    /// What is wrong with the row. Nothing of it is kept.
    pub fn line(&mut self, line: &[u8], arrival: Option<Millis>) -> Result<(), Refusal> {
        self.decoder.decode(line, &mut self.cut.samples)?;
        let row = self.cut.samples.len() - 1;
        let time = self.cut.samples.sample(row).time;
        let latest_possible =
            arrival.unwrap_or(self.started).plus_seconds(self.catalog.config.input.future_s);
        if time > latest_possible {
            self.cut.samples.pop();
            return Err(Refusal::too_late(time, latest_possible));
        }
        self.stamp(row, arrival);
        Ok(())
    }

    /// Takes samples in that were decoded elsewhere and arrived together.
    pub fn samples(&mut self, samples: &SampleBatch, arrival: Millis) {
        let before = self.cut.samples.len();
        self.cut.samples.append(samples);
        // Requests are decoded side by side: one that was a little slower arrives with the one before it.
        let arrival = arrival.max(self.cut.clock);
        for row in before..self.cut.samples.len() {
            self.stamp(row, Some(arrival));
        }
    }

    fn stamp(&mut self, row: usize, arrival: Option<Millis>) {
        let (time, id_hash, system_type, teaches) = {
            let sample = self.cut.samples.sample(row);
            (sample.time, sample.id_hash, sample.system_type, !sample.values().is_empty())
        };
        let arrival = arrival.unwrap_or_else(|| self.clock.observe(time, id_hash));
        self.cut.clock = self.cut.clock.max(arrival);
        self.observer.heard(arrival, id_hash);
        if self.observer.has_changed() {
            self.note_sight(row);
        }
        let believed = time <= arrival.plus_seconds(self.catalog.config.input.clock_ahead_s);
        self.clock_ahead += u64::from(!believed);
        let turn = if teaches { self.schedule.next(system_type) } else { None };
        let (turn, training) = turn.unzip();
        if let Some(generation) = training.flatten() {
            self.cut.trainings.push(Training { after_row: row as u32, system_type, generation });
        }
        self.cut.stamps.push(Stamp {
            time: if believed { time } else { arrival },
            arrival,
            generation: turn.map_or(0, |turn| turn.generation),
            learned: turn.is_some_and(|turn| turn.learned),
        });
    }

    /// Moves the host's clock on although no sample came.
    pub fn tick(&mut self, now: Millis) {
        self.cut.clock = self.cut.clock.max(now);
        self.observer.tick(self.cut.clock);
        self.note_sight(self.cut.samples.len());
    }

    /// The host did not run, or not as it should.
    pub fn absent(&mut self, cause: Cause, since: Millis, until: Millis) {
        self.observer.absent(cause, since, until);
        self.note_sight(self.cut.samples.len());
    }

    /// Samples are being refused, because too many wait.
    pub fn deaf(&mut self, now: Millis) {
        self.observer.deaf(now);
        self.note_sight(self.cut.samples.len());
    }

    /// What it knows of the host's own sight.
    #[must_use]
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    fn note_sight(&mut self, row: usize) {
        self.cut.sight.changes.extend(self.observer.changes().map(|change| (row as u32, change)));
    }

    /// What the next rounds are judged by.
    pub fn adopt(&mut self, catalog: Arc<Catalog>) {
        self.schedule.adopt(catalog.config.training.clone());
        self.observer.adopt(catalog.config.observer.clone());
        self.catalog = catalog;
    }

    /// How many samples the round under construction has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.cut.samples.len()
    }

    /// How many samples a round should have.
    #[must_use]
    pub fn batch_rows(&self) -> usize {
        self.catalog.config.pipeline.batch_rows
    }

    /// Samples whose time was too far ahead of their arrival to be believed.
    #[must_use]
    pub fn clock_ahead(&self) -> u64 {
        self.clock_ahead
    }

    /// How far training has come.
    #[must_use]
    pub fn training(&self) -> Vec<(crate::model::TypeId, Counters)> {
        self.schedule.counters()
    }

    /// The number of the next round.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Ends the round under construction and begins the next one.
    pub fn finish_round(&mut self) -> (Round, Vec<Training>) {
        let cut = self.cut();
        self.round(cut)
    }

    /// Takes the stretch since the last one.
    pub fn cut(&mut self) -> Cut {
        let clock = self.cut.clock;
        self.cut.sight.horizon = self.observer.horizon().min(clock);
        std::mem::replace(&mut self.cut, Cut::new(clock))
    }

    /// Makes the next round of a stretch.
    pub fn round(&mut self, cut: Cut) -> (Round, Vec<Training>) {
        let number = self.next_number;
        self.next_number += 1;
        round(number, cut, &self.catalog)
    }
}

/// The round of this number, judged by what is in force in `catalog`.
#[must_use]
pub fn round(number: u64, cut: Cut, catalog: &Arc<Catalog>) -> (Round, Vec<Training>) {
    let Cut { samples, stamps, trainings, sight, clock } = cut;
    let mut rows_of_shard = vec![Vec::new(); catalog.config.pipeline.shards];
    for row in 0..samples.len() {
        rows_of_shard[shard_of(samples.sample(row).id_hash, catalog.config.pipeline.shards)].push(row as u32);
    }
    let catalog = Arc::clone(catalog);
    let round = Round { number, catalog, samples, stamps, rows_of_shard, sight, clock };
    (round, trainings)
}

/// Which of so many shards owns the system with this hash.
#[must_use]
pub(super) fn shard_of(id_hash: u64, shards: usize) -> usize {
    // The upper half: the table of systems uses the lower bits.
    ((id_hash >> 32) as usize) % shards
}
