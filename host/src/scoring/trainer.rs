//! The thread that trains. It follows the rounds of the pipeline: once every shard has told what it learned in a round,
//! the rows join the training sets in the order of the samples, and the trainings that fall due are done.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::memory::Memory;
use super::models::{Generation, Models};
use super::schedule::Training;
use crate::catalog::Catalog;
use crate::model::TypeId;
use crate::sandbox::ScorerInstance;

/// What the trainer is told.
pub enum Features {
    /// The trainings that fall due in a round; comes before what the shards tell of it.
    Due {
        /// The round's number.
        round: u64,
        /// What it is judged by.
        catalog: Arc<Catalog>,
        /// In the order of the samples.
        trainings: Vec<Training>,
    },
    /// What one shard learned in a round.
    Learned {
        /// The round's number.
        round: u64,
        /// Rows that join a training set.
        rows: Vec<FeatureRow>,
    },
}

/// One row of a training set.
#[derive(Clone, Debug)]
pub struct FeatureRow {
    /// The row's place in its round.
    pub row: u32,
    /// Whose set it joins.
    pub system_type: TypeId,
    /// The values of the catalog's features.
    pub values: Box<[f64]>,
}

/// What training has cost and what went wrong, by scorer.
#[derive(Clone, Debug, Default)]
pub struct TrainerReport {
    /// Models trained.
    pub trained: u64,
    /// Trainings that gave no model.
    pub failed: u64,
    /// Time spent.
    pub time: Duration,
    /// Why the last failure was one.
    pub last_error: Option<String>,
}

/// Training sets and the scorers' instances for training.
pub struct Trainer {
    catalog: Arc<Catalog>,
    models: Arc<Models>,
    shards: usize,
    /// Where each scorer's columns are among the features.
    inputs: Vec<Vec<usize>>,
    width: usize,
    instances: Vec<Option<ScorerInstance>>,
    sets: HashMap<TypeId, Vec<VecDeque<f64>>>,
    rounds: BTreeMap<u64, Round>,
    /// The generation in force for each type at the end of the last finished round.
    in_force: HashMap<TypeId, u32>,
    reports: Vec<TrainerReport>,
    memory: Option<Memory>,
}

#[derive(Default)]
struct Round {
    catalog: Option<Arc<Catalog>>,
    trainings: Vec<Training>,
    rows: Vec<FeatureRow>,
    told: usize,
}

impl Trainer {
    /// A trainer for the scorers of `catalog` that puts what it learns into `models`, and into `memory` if there is one,
    /// from which it goes on.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, models: Arc<Models>, shards: usize, memory: Option<Memory>) -> Self {
        let features = catalog.features();
        let scorers = catalog.scorers.len();
        let mut trainer = Self {
            models,
            shards,
            inputs: inputs(&catalog, &features),
            width: features.len(),
            instances: (0..scorers).map(|_| None).collect(),
            sets: HashMap::new(),
            rounds: BTreeMap::new(),
            in_force: HashMap::new(),
            reports: vec![TrainerReport::default(); scorers],
            catalog,
            memory: None,
        };
        for (system_type, remembered) in memory.iter().flat_map(|memory| memory.recall(&trainer.catalog)) {
            let set: Vec<VecDeque<f64>> = remembered.set.into_iter().flatten().map(VecDeque::from).collect();
            let usual = set.iter().map(mean).collect();
            trainer.models.put(system_type, remembered.generation, remembered.models, usual);
            if !set.is_empty() {
                trainer.sets.insert(system_type, set);
            }
        }
        trainer.memory = memory;
        trainer
    }

    /// Goes on with what is in force now. Sets of other features than those are of no use any more.
    fn adopt(&mut self, catalog: &Arc<Catalog>) {
        if Arc::ptr_eq(&self.catalog, catalog) {
            return;
        }
        let before = std::mem::replace(&mut self.catalog, Arc::clone(catalog));
        let (had, features) = (before.features(), catalog.features());
        if had != features {
            self.sets.clear();
            self.width = features.len();
        }
        self.inputs = inputs(catalog, &features);
        let mut instances = std::mem::take(&mut self.instances);
        let mut reports = std::mem::take(&mut self.reports);
        for scorer in &catalog.scorers {
            let same = before.scorers.iter().position(|known| Arc::ptr_eq(known, scorer));
            let named = before.scorers.iter().position(|known| known.scorer_id == scorer.scorer_id);
            self.instances.push(same.and_then(|place| instances.get_mut(place)?.take()));
            self.reports.push(
                named.and_then(|place| Some(std::mem::take(reports.get_mut(place)?))).unwrap_or_default(),
            );
        }
    }

    /// Trains until the pipeline has ended, then tells what it cost.
    #[must_use]
    pub fn run(mut self, told: &Receiver<Features>) -> Vec<TrainerReport> {
        for message in told {
            match message {
                Features::Due { round, catalog, trainings } => {
                    let entry = self.rounds.entry(round).or_default();
                    (entry.catalog, entry.trainings) = (Some(catalog), trainings);
                }
                Features::Learned { round, rows } => {
                    let entry = self.rounds.entry(round).or_default();
                    entry.rows.extend(rows);
                    entry.told += 1;
                }
            }
            while let Some(entry) = self.rounds.first_entry() {
                if entry.get().told < self.shards {
                    break;
                }
                let round = entry.remove();
                self.finish(round);
            }
        }
        self.models.close();
        self.reports
    }

    /// Every shard has begun this round, so the one before it is over for all of them.
    fn finish(&mut self, mut round: Round) {
        if let Some(catalog) = &round.catalog {
            self.adopt(catalog);
        }
        for (system_type, generation) in self.in_force.drain() {
            self.models.forget_before(system_type, generation);
        }
        round.rows.sort_unstable_by_key(|row| row.row);
        let mut rows = round.rows.into_iter().peekable();
        for training in round.trainings {
            while let Some(row) = rows.next_if(|row| row.row <= training.after_row) {
                self.learn(&row);
            }
            self.train(training.system_type, training.generation);
            self.in_force.insert(training.system_type, training.generation);
        }
        for row in rows {
            self.learn(&row);
        }
    }

    fn learn(&mut self, row: &FeatureRow) {
        let limit = self.catalog.config.training.max_training_samples;
        let set = self.sets.entry(row.system_type).or_insert_with(|| vec![VecDeque::new(); self.width]);
        for (column, &value) in set.iter_mut().zip(&row.values) {
            if column.len() == limit {
                column.pop_front();
            }
            column.push_back(value);
        }
    }

    /// Trains every scorer; one that fails keeps the model it had.
    fn train(&mut self, system_type: TypeId, generation: u32) {
        let before = self.models.newest(system_type);
        let models: BTreeMap<Arc<str>, Arc<[u8]>> = (0..self.catalog.scorers.len())
            .filter_map(|scorer| {
                let id = Arc::clone(&self.catalog.scorers[scorer].scorer_id);
                let started = Instant::now();
                let result = self.train_one(scorer, system_type);
                let report = &mut self.reports[scorer];
                report.time += started.elapsed();
                match result {
                    Ok(model) => {
                        report.trained += 1;
                        Some((id, model.into()))
                    }
                    Err(error) => {
                        let scorer_id = &*self.catalog.scorers[scorer].scorer_id;
                        let system_type = &*self.catalog.types.name(system_type.0);
                        tracing::warn!(
                            scorer_id,
                            system_type,
                            error,
                            "no model was trained; the one before stays"
                        );
                        report.failed += 1;
                        report.last_error = Some(error);
                        let model = before.as_ref()?.get(&id).cloned()?;
                        Some((id, model))
                    }
                }
            })
            .collect();
        let models = Generation::new(models);
        let usual = self.sets.get(&system_type).map(|set| set.iter().map(mean).collect()).unwrap_or_default();
        self.models.put(system_type, generation, Arc::clone(&models), usual);
        if let (Some(memory), Some(set)) = (&self.memory, self.sets.get(&system_type)) {
            memory.keep(&self.catalog, system_type, generation, &models, set);
        }
    }

    fn train_one(&mut self, scorer: usize, system_type: TypeId) -> Result<Vec<u8>, String> {
        let set = self.sets.get_mut(&system_type).ok_or("nothing has been learned")?;
        let rows = set.first().map_or(0, VecDeque::len);
        for column in set.iter_mut() {
            column.make_contiguous();
        }
        let columns: Vec<&[f64]> =
            self.inputs[scorer].iter().map(|&feature| set[feature].as_slices().0).collect();
        let instance = match &mut self.instances[scorer] {
            Some(instance) => instance,
            vacant => {
                vacant.insert(self.catalog.scorers[scorer].instance().map_err(|error| error.to_string())?)
            }
        };
        let result = instance.train(&columns, rows);
        if result.as_ref().is_err_and(|error| !error.leaves_instance_usable()) {
            self.instances[scorer] = None;
        }
        result.map_err(|error| error.to_string())
    }
}

/// The mean of the known values; NaN if there are none.
fn mean(column: &VecDeque<f64>) -> f64 {
    let known = column.iter().filter(|value| !value.is_nan());
    known.clone().sum::<f64>() / known.count() as f64
}

/// Where each scorer's columns are among the features.
fn inputs(catalog: &Catalog, features: &[usize]) -> Vec<Vec<usize>> {
    let place = |column: &usize| features.iter().position(|feature| feature == column).unwrap_or_default();
    catalog.scorers.iter().map(|scorer| scorer.columns.iter().map(place).collect()).collect()
}
