//! What can be wrong with a store.

use std::path::PathBuf;

/// A store that cannot be used, or an operation that it did not take.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory is not there, not writable, or not a directory.
    #[error("the store in {} cannot be used", directory.display())]
    Unusable {
        /// Where.
        directory: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("the store in {} is in use by another process", directory.display())]
    InUse {
        /// Where.
        directory: PathBuf,
        /// What the lock said.
        #[source]
        source: std::io::Error,
    },
    /// Written by a later version of Lapwing.
    #[error("the store in {} has format {found}, this version knows {known}; nothing was changed", directory.display())]
    Format {
        /// Where.
        directory: PathBuf,
        /// The format found.
        found: u32,
        /// The format that this version writes.
        known: u32,
    },
    /// It cannot be read.
    #[error("the store in {} is damaged: {reason}; nothing was changed", directory.display())]
    Damaged {
        /// Where.
        directory: PathBuf,
        /// In what.
        reason: String,
    },
    /// A record is of a later shape, or broken.
    #[error("table {table} has a record that cannot be read: {reason}")]
    Record {
        /// Which table.
        table: &'static str,
        /// In what.
        reason: String,
    },
    /// What a room made of its records is not theirs.
    #[error("what {table} has cannot be read")]
    Contents {
        /// Which table.
        table: &'static str,
        /// In what.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database did not do what was asked.
    #[error("the store did not answer")]
    Database(#[from] sled::Error),
}
