//! A store that no server has open: read to the end, or written out as text.

use std::io;

use serde_json::{Map, Value, json};

use super::OpenError;
use super::committer;
use super::tables::Tables;
use crate::access::{Principal, Role, Token, Tokens};
use crate::store::{Store, StoreError};
use crate::time::Millis;

/// What to write out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// The samples kept of every system, as they can be replayed. Those that only the journal has are not among them.
    Samples,
    /// Every detection.
    Detections,
    /// Every event.
    Events,
    /// Who changed what.
    Audit,
}

/// Reads and decodes every record; counts them and their bytes, by table.
///
/// # Errors
/// A record cannot be read.
pub fn verify(store: &Store) -> Result<Vec<(String, u64, u64)>, StoreError> {
    let tables = Tables::open(store)?;
    fn read<K, V>(mut records: impl Iterator<Item = Result<(K, V), StoreError>>) -> Result<(), StoreError> {
        records.try_for_each(|record| record.map(drop))
    }
    read(tables.names.iter())?;
    read(tables.journal.iter())?;
    read(tables.receipts.iter())?;
    read(tables.receipt_order.iter())?;
    read(tables.blind.iter())?;
    read(tables.vanished.iter())?;
    read(tables.judged.iter())?;
    read(tables.systems.iter())?;
    read(tables.chunks.iter())?;
    read(tables.models.iter())?;
    read(tables.headers.iter())?;
    read(tables.detections.iter())?;
    read(tables.cases.iter())?;
    read(tables.attachments.iter())?;
    read(tables.alerts.iter())?;
    read(tables.owed.iter())?;
    read(tables.canaries.iter())?;
    read(tables.blocks.iter())?;
    read(tables.keys.iter())?;
    read(tables.events.iter())?;
    read(tables.dead_letters.iter())?;
    read(tables.components.iter())?;
    read(tables.deployment.iter())?;
    read(tables.tokens.iter())?;
    read(tables.audit.iter())?;
    store.count()
}

/// Hands every line of what is asked for to `write`, until that fails.
///
/// # Errors
/// A record cannot be read.
pub fn export(
    store: &Store,
    what: Export,
    mut write: impl FnMut(Value) -> io::Result<()>,
) -> Result<io::Result<()>, StoreError> {
    let tables = Tables::open(store)?;
    let mut give = |line: Result<Value, StoreError>| line.map(&mut write);
    match what {
        Export::Samples => return samples(&tables, write),
        Export::Detections => {
            for record in tables.detections.iter() {
                if let Err(error) = give(record.map(|(_, detection)| detection))? {
                    return Ok(Err(error));
                }
            }
        }
        Export::Events => {
            for record in tables.events.iter() {
                let line = record.map(|(_, event)| serde_json::from_str(&event.data).unwrap_or_default());
                if let Err(error) = give(line)? {
                    return Ok(Err(error));
                }
            }
        }
        Export::Audit => {
            for record in tables.audit.iter() {
                if let Err(error) = give(record.map(|(_, entry)| json!(entry)))? {
                    return Ok(Err(error));
                }
            }
        }
    }
    Ok(Ok(()))
}

fn samples(
    tables: &Tables,
    mut write: impl FnMut(Value) -> io::Result<()>,
) -> Result<io::Result<()>, StoreError> {
    let metrics = committer::names(tables, "metric")?;
    let types = committer::names(tables, "type")?;
    for record in tables.systems.iter() {
        let (id, state) = record?;
        let history = state.history();
        let system_type = types.get(usize::from(history.system_type.0)).cloned().unwrap_or_default();
        for chunk in &history.chunks {
            let Some(chunk) = tables.chunks.get(&chunk.number)? else { continue };
            for (time, values) in history.samples_of(&chunk) {
                let mut sample = Map::new();
                sample.insert("system_id".to_owned(), json!(id));
                sample.insert("system_type".to_owned(), json!(system_type));
                sample.insert("timestamp".to_owned(), json!(time));
                for (metric, value) in values {
                    let name = metrics.get(usize::from(metric.0)).cloned().unwrap_or_default();
                    sample.insert(name, json!(value));
                }
                if let Err(error) = write(Value::Object(sample)) {
                    return Ok(Err(error));
                }
            }
        }
    }
    Ok(Ok(()))
}

/// Makes an admin token in a store that no server has open: whoever can write the store may do anything anyway.
///
/// # Errors
/// The store cannot be read or written, or there are too many tokens.
pub fn rescue_token(store: &Store) -> Result<Token, OpenError> {
    let tables = Tables::open(store)?;
    let records = tables.tokens.iter().map(|entry| entry.map(|(_, record)| record));
    let tokens = Tokens::new(records.collect::<Result<_, _>>()?);
    let by = Principal::local("store admin-token");
    let made = tokens.create("rescue", Role::Admin, None, &by, Millis::now());
    let (token, record) = made.map_err(|error| OpenError::Token(error.to_string()))?;
    tables.tokens.put(&record.id, &record)?;
    store.flush()?;
    Ok(token)
}
