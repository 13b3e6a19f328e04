//! From lines to rounds: decodes, stamps, and assigns each sample to its shard.

use std::sync::Arc;

use super::clock::VirtualClock;
use crate::catalog::Catalog;
use crate::ingest::{Decoder, Refusal, SampleBatch};
use crate::scoring::{Schedule, Training};
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
    samples: SampleBatch,
    stamps: Vec<Stamp>,
    rows_of_shard: Vec<Vec<u32>>,
    trainings: Vec<Training>,
    now: Millis,
    clock_ahead: u64,
}

impl Intake {
    /// An intake for what is in force in `catalog`.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self {
            decoder: Decoder::new(catalog.metrics.clone(), catalog.types.clone()),
            clock: VirtualClock::default(),
            schedule: Schedule::new(catalog.config.training.clone()),
            started: Millis::now(),
            next_number: 0,
            samples: SampleBatch::default(),
            stamps: Vec::new(),
            rows_of_shard: vec![Vec::new(); catalog.config.pipeline.shards],
            trainings: Vec::new(),
            now: Millis(i64::MIN / 4),
            clock_ahead: 0,
            catalog,
        }
    }

    /// Takes one line in. `arrival` is when it arrived; without it, the clock follows the samples' own times.
    ///
    /// # Errors
    /// What is wrong with the row. Nothing of it is kept.
    pub fn line(&mut self, line: &[u8], arrival: Option<Millis>) -> Result<(), Refusal> {
        self.decoder.decode(line, &mut self.samples)?;
        let row = self.samples.len() - 1;
        let (time, id_hash, system_type) = {
            let sample = self.samples.sample(row);
            (sample.time, sample.id_hash, sample.system_type)
        };
        let input = &self.catalog.config.input;
        let latest_possible = arrival.unwrap_or(self.started).plus_seconds(input.future_s);
        if time > latest_possible {
            self.samples.pop();
            return Err(Refusal {
                field: Some("timestamp".to_owned()),
                found: time.to_string(),
                expected: format!("a time up to {latest_possible}"),
            });
        }
        let arrival = arrival.unwrap_or_else(|| self.clock.observe(time, id_hash));
        self.now = self.now.max(arrival);
        let believed = time <= arrival.plus_seconds(input.clock_ahead_s);
        self.clock_ahead += u64::from(!believed);
        let (turn, training) = self.schedule.next(system_type).unzip();
        if let Some(generation) = training.flatten() {
            self.trainings.push(Training { after_row: row as u32, system_type, generation });
        }
        self.stamps.push(Stamp {
            time: if believed { time } else { arrival },
            arrival,
            generation: turn.map_or(0, |turn| turn.generation),
            learned: turn.is_some_and(|turn| turn.learned),
        });
        // The upper half: the table of systems uses the lower bits.
        let shard = ((id_hash >> 32) as usize) % self.rows_of_shard.len();
        self.rows_of_shard[shard].push(row as u32);
        Ok(())
    }

    /// Moves the host's clock on although no sample came.
    pub fn tick(&mut self, now: Millis) {
        self.now = self.now.max(now);
    }

    /// How many samples the round under construction has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.samples.len()
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

    /// Ends the round under construction and begins the next one.
    pub fn finish_round(&mut self) -> (Round, Vec<Training>) {
        let shards = self.rows_of_shard.len();
        let round = Round {
            number: self.next_number,
            catalog: Arc::clone(&self.catalog),
            samples: std::mem::take(&mut self.samples),
            stamps: std::mem::take(&mut self.stamps),
            rows_of_shard: std::mem::replace(&mut self.rows_of_shard, vec![Vec::new(); shards]),
            clock: self.now,
        };
        self.next_number += 1;
        (round, std::mem::take(&mut self.trainings))
    }
}
