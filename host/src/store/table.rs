//! A table: keys in order, records of one type.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use super::key::Key;
use super::writes::Writes;

/// How a table writes its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Compact; the reader must know the shape.
    Postcard,
    /// For documents whose shape is open.
    Json,
}

/// A table of records.
#[derive(Debug)]
pub struct Table<K, V> {
    tree: sled::Tree,
    name: &'static str,
    version: u8,
    encoding: Encoding,
    of: PhantomData<fn(K) -> V>,
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Self { tree: self.tree.clone(), of: PhantomData, ..*self }
    }
}

impl<K: Key, V> Table<K, V> {
    pub(super) fn new(tree: sled::Tree, name: &'static str, version: u8, encoding: Encoding) -> Self {
        Self { tree, name, version, encoding, of: PhantomData }
    }

    /// How many records there are; reads all keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// Takes a record away, if it is there.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn remove(&self, key: &K) -> Result<(), StoreError> {
        self.tree.remove(key.bytes())?;
        Ok(())
    }

    /// Writes a record that was [encoded](Self::encode) before.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn put_encoded(&self, key: &K, record: &[u8]) -> Result<(), StoreError> {
        self.tree.insert(key.bytes(), record)?;
        Ok(())
    }

    /// Adds to `writes` that a record goes away, if it is there.
    pub fn remove_with(&self, writes: &mut Writes, key: &K) {
        writes.of(self.name, &self.tree).remove(key.bytes());
    }

    /// The greatest key.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn last_key(&self) -> Result<Option<K>, StoreError> {
        Ok(self.tree.last()?.and_then(|(key, _)| K::parse(&key)))
    }

    /// Removes the records at the beginning of the table for as long as `goes` says so. Returns how many.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn trim(&self, mut goes: impl FnMut(&K) -> bool) -> Result<u64, StoreError> {
        let mut trimmed = 0;
        while let Some((key, _)) = self.tree.first()? {
            if !K::parse(&key).is_some_and(|key| goes(&key)) {
                break;
            }
            self.tree.remove(key)?;
            trimmed += 1;
        }
        Ok(trimmed)
    }

    fn broken(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Record { table: self.name, reason: reason.into() }
    }
}

impl<K: Key, V: Serialize> Table<K, V> {
    /// The bytes of a record.
    ///
    /// # Errors
    /// The record is of a shape that its encoding cannot carry, which is a defect.
    pub fn encode(&self, record: &V) -> Result<Vec<u8>, StoreError> {
        let bytes = vec![self.version];
        match self.encoding {
            Encoding::Postcard => {
                postcard::to_extend(record, bytes).map_err(|error| self.broken(error.to_string()))
            }
            Encoding::Json => {
                let mut bytes = bytes;
                serde_json::to_writer(&mut bytes, record).map_err(|error| self.broken(error.to_string()))?;
                Ok(bytes)
            }
        }
    }

    /// Writes a record.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn put(&self, key: &K, record: &V) -> Result<(), StoreError> {
        self.put_encoded(key, &self.encode(record)?)
    }
}

impl<K: Key, V: Serialize> Table<K, V> {
    /// Adds a record to what is [written together](super::Store::write).
    ///
    /// # Errors
    /// The record is of a shape that its encoding cannot carry, which is a defect.
    pub fn put_with(&self, writes: &mut Writes, key: &K, record: &V) -> Result<(), StoreError> {
        let bytes = self.encode(record)?;
        writes.of(self.name, &self.tree).insert(key.bytes(), bytes);
        Ok(())
    }
}

impl<K: Key, V: DeserializeOwned> Table<K, V> {
    /// The record of a key.
    ///
    /// # Errors
    /// The store cannot be read, or the record is broken.
    pub fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        self.tree.get(key.bytes())?.map(|bytes| self.decode(&bytes)).transpose()
    }

    /// Every record, by ascending keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Result<(K, V), StoreError>> {
        self.tree.iter().map(|entry| self.entry(entry))
    }

    /// The records of some keys, by ascending keys; the others are not decoded.
    pub fn filtered(&self, wanted: impl Fn(&K) -> bool) -> impl Iterator<Item = Result<(K, V), StoreError>> {
        self.tree.iter().filter_map(move |entry| {
            let wanted = match &entry {
                Ok((key, _)) => K::parse(key).is_none_or(|key| wanted(&key)),
                Err(_) => true,
            };
            wanted.then(|| self.entry(entry))
        })
    }

    /// The records from a key on, by ascending keys.
    pub fn from(
        &self,
        key: &K,
    ) -> impl DoubleEndedIterator<Item = Result<(K, V), StoreError>> + use<'_, K, V> {
        self.tree.range(key.bytes()..).map(|entry| self.entry(entry))
    }

    /// The records before a key, by ascending keys.
    pub fn before(
        &self,
        key: &K,
    ) -> impl DoubleEndedIterator<Item = Result<(K, V), StoreError>> + use<'_, K, V> {
        self.tree.range(..key.bytes()).map(|entry| self.entry(entry))
    }

    /// The records whose keys begin with these bytes, by ascending keys.
    pub fn with_prefix(
        &self,
        prefix: &[u8],
    ) -> impl DoubleEndedIterator<Item = Result<(K, V), StoreError>> + use<'_, K, V> {
        self.tree.scan_prefix(prefix).map(|entry| self.entry(entry))
    }

    fn entry(&self, entry: sled::Result<(sled::IVec, sled::IVec)>) -> Result<(K, V), StoreError> {
        let (key, record) = entry?;
        let key = K::parse(&key).ok_or_else(|| self.broken("its key is not one"))?;
        Ok((key, self.decode(&record)?))
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, StoreError> {
        match bytes.split_first() {
            Some((&version, record)) if version == self.version => match self.encoding {
                Encoding::Postcard => {
                    postcard::from_bytes(record).map_err(|error| self.broken(error.to_string()))
                }
                Encoding::Json => {
                    serde_json::from_slice(record).map_err(|error| self.broken(error.to_string()))
                }
            },
            Some((&version, _)) => {
                Err(self.broken(format!("it has version {version}, this version knows {}", self.version)))
            }
            None => Err(self.broken("it is empty")),
        }
    }
}
