//! The models in force, by system type and generation: written by the trainer, read by the shards.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::model::TypeId;

/// Models by scorer; a scorer that has not learned anything yet has none.
pub(super) type Generation = Arc<BTreeMap<Arc<str>, Arc<[u8]>>>;

/// Whether a shard waits for a model that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until it is trained: the same input gives the same scores.
    Wait,
    /// Not at all: the newest one before it serves.
    GoOn,
}

/// Models shared between the trainer and the shards.
#[derive(Debug)]
pub struct Models {
    patience: Patience,
    state: Mutex<State>,
    trained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    generations: HashMap<TypeId, BTreeMap<u32, Generation>>,
    /// The means of the training set that each was made from, by feature.
    usual: HashMap<TypeId, BTreeMap<u32, Arc<[f64]>>>,
    /// The trainer has ended: nothing more will come.
    closed: bool,
}

impl Models {
    /// None yet.
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        Self { patience, state: Mutex::default(), trained: Condvar::new() }
    }

    /// The models of a type that judge samples of this generation, and the number of the generation they are of.
    /// `None`: there are none (yet).
    #[must_use]
    pub(super) fn of(&self, system_type: TypeId, generation: u32) -> Option<(u32, Generation)> {
        if generation == 0 {
            return None;
        }
        let mut state = self.lock();
        loop {
            let newest = state
                .generations
                .get(&system_type)
                .and_then(|of_type| of_type.range(..=generation).next_back())
                .map(|(&number, models)| (number, Arc::clone(models)));
            let settled = newest.as_ref().is_some_and(|(number, _)| *number == generation);
            if settled || state.closed || self.patience == Patience::GoOn {
                return newest;
            }
            state = self.trained.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// `usual`: the means of the training set, by feature; NaN where no row has it.
    pub(super) fn put(&self, system_type: TypeId, generation: u32, models: Generation, usual: Arc<[f64]>) {
        let mut state = self.lock();
        state.generations.entry(system_type).or_default().insert(generation, models);
        state.usual.entry(system_type).or_default().insert(generation, usual);
        drop(state);
        self.trained.notify_all();
    }

    /// Lets go of what no shard will ask for: everything of the type before `generation`.
    pub(super) fn forget_before(&self, system_type: TypeId, generation: u32) {
        let mut state = self.lock();
        if let Some(of_type) = state.generations.get_mut(&system_type) {
            *of_type = of_type.split_off(&generation);
        }
        if let Some(of_type) = state.usual.get_mut(&system_type) {
            *of_type = of_type.split_off(&generation);
        }
    }

    /// What was usual for a type when the models of this generation were trained, by feature.
    pub(super) fn usual(&self, system_type: TypeId, generation: u32) -> Option<Arc<[f64]>> {
        let state = self.lock();
        let of_type = state.usual.get(&system_type)?;
        of_type.range(..=generation).next_back().map(|(_, usual)| Arc::clone(usual))
    }

    /// The newest models of a type.
    pub(super) fn newest(&self, system_type: TypeId) -> Option<Generation> {
        self.lock().generations.get(&system_type).and_then(|of_type| of_type.values().next_back().cloned())
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.trained.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
