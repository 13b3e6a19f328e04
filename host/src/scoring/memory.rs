//! Models and training sets that survive: written down whenever a type has been trained.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::models::Generation;
use crate::catalog::Catalog;
use crate::model::TypeId;
use crate::store::Table;

/// Where models are kept, by the name of their system type.
#[derive(Clone, Debug)]
pub struct Memory(pub Table<String, ModelRecord>);

/// The models of one system type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelRecord {
    generation: u32,
    /// What the columns of the set hold.
    features: String,
    /// By scorer: its id and its model.
    models: Vec<(String, Vec<u8>)>,
    /// The training set, by column.
    set: Vec<Vec<f64>>,
}

/// What is known of a type from before.
pub(super) struct Remembered {
    pub(super) generation: u32,
    pub(super) models: Generation,
    /// The training set, unless the features are others now.
    pub(super) set: Option<Vec<Vec<f64>>>,
}

impl Memory {
    /// Everything that was kept. What cannot be read is told to the log and learned again.
    pub(super) fn recall(&self, catalog: &Catalog) -> Vec<(TypeId, Remembered)> {
        let fingerprint = catalog.plan.fingerprint(&catalog.features());
        let read = |record| match record {
            Ok((name, record)) => Some((name, record)),
            Err(error) => {
                tracing::warn!(%error, "models cannot be read and will be learned again");
                None
            }
        };
        self.0
            .iter()
            .filter_map(read)
            .filter_map(|(name, record): (String, ModelRecord)| {
                let system_type = TypeId(catalog.types.number(&name).ok()?);
                let models = record.models.into_iter().map(|(id, model)| (id.into(), model.into())).collect();
                let set = (record.features == fingerprint).then_some(record.set);
                let models = Arc::new(models);
                Some((system_type, Remembered { generation: record.generation, models, set }))
            })
            .collect()
    }

    /// Keeps what a type has learned. A store that does not take it costs a training after the next start.
    pub(super) fn keep(
        &self,
        catalog: &Catalog,
        system_type: TypeId,
        generation: u32,
        models: &Generation,
        set: &[VecDeque<f64>],
    ) {
        let record = ModelRecord {
            generation,
            features: catalog.plan.fingerprint(&catalog.features()),
            models: models.iter().map(|(id, model)| (id.to_string(), model.to_vec())).collect(),
            set: set.iter().map(|column| column.iter().copied().collect()).collect(),
        };
        if let Err(error) = self.0.put(&catalog.types.name(system_type.0).to_string(), &record) {
            tracing::warn!(%error, "models could not be kept");
        }
    }
}
