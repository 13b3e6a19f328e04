//! The scorers of one shard: an instance for each scorer and system type, holding that type's model.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::models::Models;
use crate::catalog::{Catalog, Scorer};
use crate::limits::STRIKES_MAX;
use crate::model::TypeId;
use crate::sandbox::ScorerInstance;

/// The scores of a set of rows: for each scorer, and combined. NaN: cannot say.
#[derive(Clone, Debug, Default)]
pub struct RowScores {
    /// One list for each scorer, in catalog order.
    pub by_scorer: Vec<Vec<f64>>,
    /// The weighted mean of those that can say.
    pub combined: Vec<f64>,
}

/// What scoring has cost, by scorer.
#[derive(Clone, Debug, Default)]
pub struct PanelCost {
    /// Time in calls.
    pub time: Duration,
    /// Rows scored.
    pub rows: u64,
    /// Calls that gave no answer.
    pub failures: u64,
    /// Why the last failure was one.
    pub last_error: Option<String>,
}

/// The scorers of one shard.
pub struct Panel {
    catalog: Arc<Catalog>,
    models: Arc<Models>,
    types: HashMap<TypeId, Seat>,
    costs: Vec<PanelCost>,
}

/// The instances for one system type.
#[derive(Default)]
struct Seat {
    /// The generation whose models are all in place; 0: one has to be put there.
    generation: u32,
    /// The generation that the instances have.
    loaded: u32,
    instances: Vec<Option<ScorerInstance>>,
}

impl Panel {
    /// No instances yet; they come with the first models.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, models: Arc<Models>) -> Self {
        let costs = vec![PanelCost::default(); catalog.scorers.len()];
        Self { catalog, models, types: HashMap::new(), costs }
    }

    /// Goes on with what is in force now: scorers that have not changed keep their instances.
    pub fn adopt(&mut self, catalog: &Arc<Catalog>) {
        let before = std::mem::replace(&mut self.catalog, Arc::clone(catalog));
        let place = |scorer: &Arc<Scorer>| before.scorers.iter().position(|known| Arc::ptr_eq(known, scorer));
        let places: Vec<Option<usize>> = catalog.scorers.iter().map(place).collect();
        if places.iter().enumerate().all(|(now, &then)| Some(now) == then) {
            return;
        }
        self.costs = (catalog.scorers.iter())
            .map(|scorer| {
                let known = before.scorers.iter().position(|known| known.scorer_id == scorer.scorer_id);
                known.map(|known| self.costs[known].clone()).unwrap_or_default()
            })
            .collect();
        for seat in self.types.values_mut() {
            let mut instances = std::mem::take(&mut seat.instances);
            let taken = |place: &Option<usize>| instances.get_mut((*place)?)?.take();
            seat.instances = places.iter().map(taken).collect();
            // A scorer that is new here is given its model with the next batch.
            seat.generation = 0;
        }
    }

    /// Scores rows of one type and generation. `columns` are those of the plan, gathered for these rows.
    pub fn score(
        &mut self,
        system_type: TypeId,
        generation: u32,
        columns: &[Vec<f64>],
        rows: usize,
    ) -> RowScores {
        self.seat(system_type, generation);
        let seat = self.types.entry(system_type).or_default();
        let by_scorer: Vec<Vec<f64>> = (0..self.catalog.scorers.len())
            .map(|scorer| {
                let cost = &mut self.costs[scorer];
                let Some(instance) = seat.instances.get_mut(scorer).and_then(Option::as_mut) else {
                    return vec![f64::NAN; rows];
                };
                let read: Vec<&[f64]> =
                    self.catalog.scorers[scorer].columns.iter().map(|&column| &columns[column][..rows]).collect();
                let started = Instant::now();
                let scores = instance.score(&read, rows);
                cost.time += started.elapsed();
                cost.rows += rows as u64;
                scores.unwrap_or_else(|error| {
                    tracing::warn!(scorer_id = &*self.catalog.scorers[scorer].scorer_id, %error, "a batch has no scores");
                    cost.failures += 1;
                    cost.last_error = Some(error.to_string());
                    // The next batch begins with a new instance and the same model.
                    seat.instances[scorer] = None;
                    seat.generation = 0;
                    vec![f64::NAN; rows]
                })
            })
            .collect();
        let combined = (0..rows).map(|row| self.combine(&by_scorer, row)).collect();
        RowScores { by_scorer, combined }
    }

    /// What was usual for a type when the models of this generation were trained, by feature of the catalog.
    #[must_use]
    pub fn usual(&self, system_type: TypeId, generation: u32) -> Option<Arc<[f64]>> {
        self.models.usual(system_type, generation)
    }

    /// What scoring has cost, by scorer in catalog order.
    #[must_use]
    pub fn costs(&self) -> &[PanelCost] {
        &self.costs
    }

    /// Has the models of this generation loaded.
    fn seat(&mut self, system_type: TypeId, generation: u32) {
        let seat = self.types.entry(system_type).or_default();
        if seat.generation == generation {
            return;
        }
        let Some((number, models)) = self.models.of(system_type, generation) else { return };
        if seat.generation == number {
            return;
        }
        let another = seat.loaded != number;
        (seat.generation, seat.loaded) = (number, number);
        seat.instances.resize_with(self.catalog.scorers.len(), || None);
        for scorer in 0..self.catalog.scorers.len() {
            if !another && seat.instances[scorer].is_some() {
                continue;
            }
            let cost = &mut self.costs[scorer];
            let model = models.get(&self.catalog.scorers[scorer].scorer_id);
            let Some(model) = model.filter(|_| cost.failures < u64::from(STRIKES_MAX)) else {
                seat.instances[scorer] = None;
                continue;
            };
            let started = Instant::now();
            let loaded = load(&self.catalog, scorer, seat.instances[scorer].take(), model);
            cost.time += started.elapsed();
            match loaded {
                Ok(instance) => seat.instances[scorer] = Some(instance),
                Err(error) => {
                    tracing::warn!(
                        scorer_id = &*self.catalog.scorers[scorer].scorer_id,
                        error,
                        "a model was not taken"
                    );
                    cost.failures += 1;
                    cost.last_error = Some(error);
                }
            }
        }
    }

    /// The mean by weight of the scorers that can say; NaN if none can.
    fn combine(&self, by_scorer: &[Vec<f64>], row: usize) -> f64 {
        let mut sum = 0.0;
        let mut weights = 0.0;
        for (scorer, scores) in self.catalog.scorers.iter().zip(by_scorer) {
            if !scores[row].is_nan() {
                sum += scorer.weight * scores[row];
                weights += scorer.weight;
            }
        }
        if weights > 0.0 { sum / weights } else { f64::NAN }
    }
}

fn load(
    catalog: &Catalog,
    scorer: usize,
    instance: Option<ScorerInstance>,
    model: &[u8],
) -> Result<ScorerInstance, String> {
    let mut instance = match instance {
        Some(instance) => instance,
        None => catalog.scorers[scorer].instance().map_err(|error| error.to_string())?,
    };
    instance.load(model).map_err(|error| error.to_string())?;
    Ok(instance)
}
