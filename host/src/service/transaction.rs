//! What belongs together is written together: a detection, what people made of it, the actions it owes, the events that
//! tell of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Shared;
use super::desk::Desk;
use super::ledger::Ledger;
use super::tables::Tables;
use crate::detections::{Case, Detection};
use crate::store::{StoreError, Writes};

/// Changes that are there together or not at all.
pub(super) struct Transaction<'a> {
    pub(super) tables: &'a Tables,
    pub(super) writes: Writes,
    cases: BTreeMap<Uuid, Case>,
    detections: BTreeMap<Uuid, Detection>,
    told: Vec<(&'static str, Map<String, Value>)>,
}

impl Transaction<'_> {
    /// The case of a detection, to be changed.
    pub(super) fn case(&mut self, id: Uuid) -> Result<&mut Case, StoreError> {
        use std::collections::btree_map::Entry::{Occupied, Vacant};
        match self.cases.entry(id) {
            Occupied(case) => Ok(case.into_mut()),
            Vacant(place) => Ok(place.insert(self.tables.cases.get(&id)?.unwrap_or_default())),
        }
    }

    /// A detection as samples show it.
    pub(super) fn detection(&mut self, id: Uuid) -> Result<Option<&Detection>, StoreError> {
        if !self.detections.contains_key(&id)
            && let Some(json) = self.tables.detections.get(&id)?
        {
            match serde_json::from_value(json) {
                Ok(detection) => drop(self.detections.insert(id, detection)),
                Err(error) => tracing::error!(%id, %error, "a detection cannot be read"),
            }
        }
        Ok(self.detections.get(&id))
    }

    /// Keeps a detection as samples show it.
    pub(super) fn keep_detection(&mut self, detection: &Detection) -> Result<(), StoreError> {
        let id = detection.detection_id;
        let json = serde_json::to_value(detection).unwrap_or_default();
        self.tables.detections.put_with(&mut self.writes, &id, &json)?;
        self.detections.insert(id, detection.clone());
        Ok(())
    }

    /// Tells the stream, once it is kept.
    pub(super) fn tell(&mut self, event: &'static str, data: Value) {
        if let Value::Object(data) = data {
            self.told.push((event, data));
        }
    }
}

impl Shared {
    /// Makes changes that are kept and told together. One after another: what is in memory is what is in the store.
    pub(super) fn transact<T, E: From<StoreError>>(
        &self,
        tables: &Tables,
        work: impl FnOnce(&mut Desk, &mut Ledger, &mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut desk = super::lock(&self.desk);
        let mut transaction = Transaction {
            tables,
            writes: Writes::default(),
            cases: BTreeMap::new(),
            detections: BTreeMap::new(),
            told: Vec::new(),
        };
        let done = work(&mut desk, &mut self.ledger(), &mut transaction)?;
        desk.write_down(&mut transaction)?;
        let Transaction { mut writes, cases, told, .. } = transaction;
        for (id, case) in cases {
            tables.cases.put_with(&mut writes, &id, &case)?;
        }
        self.stream.publish_with(told, writes)?;
        Ok(done)
    }
}
