//! Which samples are learned from, and which model judges which sample.

use std::hash::{BuildHasher, Hasher};

use serde::{Deserialize, Serialize};

use crate::catalog::config;
use crate::limits::MODELLED_TYPES_MAX;
use crate::model::TypeId;

/// A training set of which this part is new is worth a new model. Refreshing a large set every hundred rows would cost far
/// more than the judging of all samples, and change the model little.
const RENEWED_PART: usize = 2;

/// What a sample is to the models of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The model that judges it: how many times its type had been trained before. 0: none yet.
    pub generation: u32,
    /// Whether it joins the training set.
    pub learned: bool,
}

/// A model to be trained: on what the training set holds once the row at `after_row` of the round has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Training {
    /// The row's place in its round.
    pub after_row: u32,
    /// Whose model.
    pub system_type: TypeId,
    /// Which one, from 1.
    pub generation: u32,
}

/// The state of the schedule: a few counters for each system type.
#[derive(Debug)]
pub struct Schedule {
    settings: config::Training,
    types: Vec<Option<Counters>>,
    modelled: usize,
}

/// How far the training of one system type has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    seen: u64,
    in_set: usize,
    since_training: usize,
    generation: u32,
}

impl Schedule {
    /// The schedule of a run that begins.
    #[must_use]
    pub fn new(settings: config::Training) -> Self {
        Self { settings, types: Vec::new(), modelled: 0 }
    }

    /// The schedule of a run that goes on.
    #[must_use]
    pub fn resumed(settings: config::Training, counters: &[(TypeId, Counters)]) -> Self {
        let mut schedule = Self::new(settings);
        for &(system_type, counters) in counters {
            let place = usize::from(system_type.0);
            schedule.types.resize(schedule.types.len().max(place + 1), None);
            schedule.types[place] = Some(counters);
        }
        schedule.modelled = counters.len();
        schedule
    }

    /// Goes on by other settings.
    pub fn adopt(&mut self, settings: config::Training) {
        self.settings = settings;
    }

    /// How far the training of each type has come.
    #[must_use]
    pub fn counters(&self) -> Vec<(TypeId, Counters)> {
        let known =
            |(place, counters): (usize, &Option<Counters>)| Some((TypeId(place as u16), (*counters)?));
        self.types.iter().enumerate().filter_map(known).collect()
    }

    /// The turn of the next sample of a type, and whether a training follows it. `None`: there are too many types.
    pub fn next(&mut self, system_type: TypeId) -> Option<(Turn, Option<u32>)> {
        let place = usize::from(system_type.0);
        if place >= self.types.len() {
            self.types.resize(place + 1, None);
        }
        let settings = &self.settings;
        let counters = match &mut self.types[place] {
            Some(counters) => counters,
            None if self.modelled == MODELLED_TYPES_MAX => return None,
            vacant => {
                self.modelled += 1;
                vacant.insert(Counters::default())
            }
        };
        let turn = Turn { generation: counters.generation, learned: is_learned(counters.seen, settings) };
        counters.seen += 1;
        if !turn.learned {
            return Some((turn, None));
        }
        counters.in_set = (counters.in_set + 1).min(settings.max_training_samples);
        counters.since_training += 1;
        let due_after = match counters.generation {
            0 => settings.min_samples,
            _ => settings.refresh_every.max(counters.in_set / RENEWED_PART),
        };
        if counters.since_training < due_after {
            return Some((turn, None));
        }
        counters.since_training = 0;
        counters.generation += 1;
        Some((turn, Some(counters.generation)))
    }
}

/// Whether the sample with this number in its type joins the training set: all of them until the set is full, then an
/// even share, chosen by a fixed hash of the number.
fn is_learned(number: u64, settings: &config::Training) -> bool {
    let (held, speaks_for) =
        (settings.max_training_samples as u64, (number + 1).min(settings.horizon_samples));
    if speaks_for <= held {
        return true;
    }
    let mut hasher = foldhash::fast::FixedState::with_seed(42).build_hasher();
    hasher.write_u64(number);
    let share = held as f64 / speaks_for as f64;
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64 <= share
}
