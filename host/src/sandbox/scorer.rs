//! Instances of scorers.

use wasmtime::Store;

use super::contract::scorer::exports::lapwing::plugin::scorer as wit;
use super::contract::scorer::{ScorerPlugin, ScorerPluginPre};
use super::contract::{Batch, Input};
use super::error::{CallError, LoadError};
use super::instance::{Instance, answer_bytes, cut, store, watched};
use super::plugin::{Kind, Plugin};
use super::rule::check_inputs;
use crate::limits::{ANSWER_BYTES_MAX, BATCH_DEADLINE, CONFIGURE_DEADLINE, MODEL_BYTES_MAX, TRAIN_DEADLINE};

pub use wit::Descriptor;

/// A configured scorer with its own memory and at most one model.
pub struct ScorerInstance {
    store: Store<Instance>,
    bindings: ScorerPlugin,
}

impl Plugin {
    /// Makes an instance and configures it with `settings`, a JSON object.
    ///
    /// # Errors
    /// The plugin is no scorer, does not start, refuses the settings, or describes itself against the contract.
    pub fn scorer(&self, settings: &str) -> Result<(ScorerInstance, Descriptor), LoadError> {
        if self.kind != Kind::Scorer {
            return Err(LoadError::WrongKind { found: self.kind, expected: Kind::Scorer });
        }
        let mut store = store(self.instance_pre.engine(), &self.name, &self.quota);
        let configured = watched(&mut store, "configure", CONFIGURE_DEADLINE, ANSWER_BYTES_MAX, |store| {
            let bindings = ScorerPluginPre::new(self.instance_pre.clone())?.instantiate(&mut *store)?;
            let answer = bindings.lapwing_plugin_scorer().call_configure(&mut *store, settings)?;
            Ok((bindings, answer))
        });
        let (bindings, answer) = configured.map_err(LoadError::Configure)?;
        let refused =
            |reason| LoadError::Configure(CallError::Refused { function: "configure", reason: cut(reason) });
        let descriptor = answer.map_err(refused)?;
        check_inputs(&descriptor.inputs).map_err(LoadError::Descriptor)?;
        if let Some(Input::Parameter(name)) =
            descriptor.inputs.iter().find(|input| matches!(input, Input::Parameter(_)))
        {
            return Err(LoadError::Descriptor(format!("input parameter {name:?}: parameters are for rules")));
        }
        Ok((ScorerInstance { store, bindings }, descriptor))
    }
}

impl ScorerInstance {
    /// Learns from `rows` rows, oldest first.
    ///
    /// # Errors
    /// There was no answer, or a model too large.
    pub fn train(&mut self, columns: &[&[f64]], rows: usize) -> Result<Vec<u8>, CallError> {
        const FUNCTION: &str = "train";
        let batch = Batch { rows: rows as u32, columns };
        let scorer = self.bindings.lapwing_plugin_scorer();
        let answer = watched(
            &mut self.store,
            FUNCTION,
            TRAIN_DEADLINE,
            MODEL_BYTES_MAX + ANSWER_BYTES_MAX,
            |store| scorer.call_train(&mut *store, batch),
        )?;
        let model =
            answer.map_err(|reason| CallError::Refused { function: FUNCTION, reason: cut(reason) })?;
        if model.len() > MODEL_BYTES_MAX {
            let reason = format!("a model of {} bytes, at most {MODEL_BYTES_MAX} are allowed", model.len());
            return Err(CallError::BadAnswer { function: FUNCTION, reason });
        }
        Ok(model)
    }

    /// Replaces the model.
    ///
    /// # Errors
    /// There was no answer, or the plugin does not take the model.
    pub fn load(&mut self, model: &[u8]) -> Result<(), CallError> {
        const FUNCTION: &str = "load";
        let scorer = self.bindings.lapwing_plugin_scorer();
        let answer = watched(&mut self.store, FUNCTION, CONFIGURE_DEADLINE, ANSWER_BYTES_MAX, |store| {
            scorer.call_load(&mut *store, model)
        })?;
        answer.map_err(|reason| CallError::Refused { function: FUNCTION, reason: cut(reason) })
    }

    /// A score for each row: from 0 to 1, or NaN where the scorer cannot say.
    ///
    /// # Errors
    /// There was no answer, or one against the contract.
    pub fn score(&mut self, columns: &[&[f64]], rows: usize) -> Result<Vec<f64>, CallError> {
        const FUNCTION: &str = "score";
        let batch = Batch { rows: rows as u32, columns };
        let scorer = self.bindings.lapwing_plugin_scorer();
        let answer = watched(&mut self.store, FUNCTION, BATCH_DEADLINE, answer_bytes(rows), |store| {
            scorer.call_score(&mut *store, batch)
        })?;
        let scores =
            answer.map_err(|reason| CallError::Refused { function: FUNCTION, reason: cut(reason) })?;
        if scores.len() != rows {
            let reason = format!("{} scores for {rows} rows", scores.len());
            return Err(CallError::BadAnswer { function: FUNCTION, reason });
        }
        if let Some(score) = scores.iter().find(|score| !score.is_nan() && !(0.0..=1.0).contains(*score)) {
            return Err(CallError::BadAnswer {
                function: FUNCTION,
                reason: format!("a score of {score}, not in 0..=1"),
            });
        }
        Ok(scores)
    }
}
