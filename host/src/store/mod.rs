//! What survives: one sled database behind typed tables. The only room that knows sled, keys and encodings.
//!
//! sled keeps one log for all tables, and recovers a prefix of it: what was written first is there if what was written
//! later is. Restarts rely on that order, and on [`Writes`], which are there together or not at all. A record begins
//! with a byte for the version of its shape; a store of a newer format is refused before it is touched.

mod error;
mod key;
mod table;
mod writes;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::StoreError;
pub use key::{Key, Pair};
pub use table::{Encoding, Table};
pub use writes::Writes;

/// The format of the whole store. A newer one is not opened.
const FORMAT: u32 = 1;
/// Tells the format without opening the database.
const FORMAT_FILE: &str = "FORMAT";
const DATABASE: &str = "db";

/// An open store. Cheap to clone; closed when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Store {
    database: sled::Db,
    directory: PathBuf,
}

impl Store {
    /// Opens the store in `directory`, making it if it is not there. `cache_bytes` bounds what sled keeps in memory.
    ///
    /// # Errors
    /// The directory cannot be used, another process has the store open, its format is newer than ours, or it is
    /// damaged. Nothing is changed then.
    pub fn open(directory: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Unusable { directory: directory.to_owned(), source };
        fs::create_dir_all(directory).map_err(unusable)?;
        let format_file = directory.join(FORMAT_FILE);
        match fs::read_to_string(&format_file) {
            Ok(text) => check_format(directory, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if directory.join(DATABASE).exists() {
                    return Err(StoreError::Damaged {
                        directory: directory.to_owned(),
                        reason: format!("{FORMAT_FILE} is missing beside the database"),
                    });
                }
                fs::write(&format_file, format!("{FORMAT}\n")).map_err(unusable)?;
            }
            Err(error) => return Err(unusable(error)),
        }
        let config = sled::Config::new()
            .path(directory.join(DATABASE))
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(None);
        // sled checks some of what it reads with assertions; a damaged file must not look like a defect of ours.
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| config.open()));
        let damaged = |reason: String| StoreError::Damaged { directory: directory.to_owned(), reason };
        match opened {
            Ok(Ok(database)) => Ok(Self { database, directory: directory.to_owned() }),
            Ok(Err(sled::Error::Io(source))) if source.kind() == std::io::ErrorKind::Other => {
                Err(StoreError::InUse { directory: directory.to_owned(), source })
            }
            Ok(Err(sled::Error::Io(source))) => Err(unusable(source)),
            Ok(Err(error)) => Err(damaged(error.to_string())),
            Err(_) => Err(damaged("its log cannot be read".to_owned())),
        }
    }

    /// The table of this name, made if it is not there.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn table<K: Key, V>(
        &self,
        name: &'static str,
        version: u8,
        encoding: Encoding,
    ) -> Result<Table<K, V>, StoreError> {
        let tree = self.database.open_tree(name)?;
        Ok(Table::new(tree, name, version, encoding))
    }

    /// Waits until everything written before is on the disk.
    ///
    /// # Errors
    /// The disk did not take it.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.database.flush()?;
        Ok(())
    }

    /// Where the store lies.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Bytes on the disk.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.database.size_on_disk().unwrap_or(0)
    }

    /// Reads every record of every table and counts them, by table.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn count(&self) -> Result<Vec<(String, u64, u64)>, StoreError> {
        let mut counts = Vec::new();
        for name in self.tables() {
            let (mut records, mut bytes) = (0, 0);
            for record in &self.database.open_tree(&name)? {
                let (key, value) = record?;
                records += 1;
                bytes += (key.len() + value.len()) as u64;
            }
            counts.push((String::from_utf8_lossy(&name).into_owned(), records, bytes));
        }
        Ok(counts)
    }

    /// Copies every table into a new store. Safe while the store is in use: tables are copied in the order given by
    /// `first`, then the others, and a restart repeats what the copy of the journal has beyond the rest.
    ///
    /// # Errors
    /// `directory` is not empty or cannot be written, or this store cannot be read.
    pub fn backup(&self, directory: &Path, first: &[&str]) -> Result<u64, StoreError> {
        if directory.exists() && fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
            let source = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "it is not empty");
            return Err(StoreError::Unusable { directory: directory.to_owned(), source });
        }
        let copy = Self::open(directory, 64 << 20)?;
        let mut names = self.tables();
        names.sort_by_key(|name| {
            first.iter().position(|first| first.as_bytes() == &**name).unwrap_or(first.len())
        });
        let mut records = 0;
        for name in names {
            let (from, to) = (self.database.open_tree(&name)?, copy.database.open_tree(&name)?);
            for record in &from {
                let (key, value) = record?;
                to.insert(key, value)?;
                records += 1;
            }
        }
        copy.flush()?;
        Ok(records)
    }

    /// The names of tables, without sled's own.
    fn tables(&self) -> Vec<sled::IVec> {
        let own: &[u8] = b"__sled__default";
        self.database.tree_names().into_iter().filter(|name| **name != *own).collect()
    }
}

fn check_format(directory: &Path, text: &str) -> Result<(), StoreError> {
    match text.trim().parse::<u32>() {
        Ok(FORMAT) => Ok(()),
        Ok(found) => Err(StoreError::Format { directory: directory.to_owned(), found, known: FORMAT }),
        Err(_) => Err(StoreError::Damaged {
            directory: directory.to_owned(),
            reason: format!("{FORMAT_FILE} says {:?}, expected a number", text.trim()),
        }),
    }
}
