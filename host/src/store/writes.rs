//! Writes to several tables that are there together or not at all.

use std::collections::BTreeMap;

use sled::transaction::{ConflictableTransactionError, TransactionError, TransactionalTree};
use sled::{Batch, Transactional, Tree};

use super::{Store, StoreError};

/// What is to be written together. Empty at first; [`Table::put_with`](super::Table::put_with) adds to it.
#[derive(Debug, Default)]
pub struct Writes {
    by_table: BTreeMap<&'static str, (Tree, Batch)>,
}

impl Writes {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_table.is_empty()
    }

    pub(super) fn of(&mut self, name: &'static str, tree: &Tree) -> &mut Batch {
        &mut self.by_table.entry(name).or_insert_with(|| (tree.clone(), Batch::default())).1
    }
}

impl Store {
    /// Writes everything in `writes` in one transaction. It is on the disk after the next [flush](Self::flush).
    ///
    /// # Errors
    /// The store cannot be written; nothing of it was then.
    pub fn write(&self, writes: &Writes) -> Result<(), StoreError> {
        let (trees, batches): (Vec<Tree>, Vec<&Batch>) =
            writes.by_table.values().map(|(tree, batch)| (tree.clone(), batch)).unzip();
        if trees.is_empty() {
            return Ok(());
        }
        let apply = |views: &Vec<TransactionalTree>| {
            for (view, batch) in views.iter().zip(&batches) {
                view.apply_batch(batch)?;
            }
            Ok::<_, ConflictableTransactionError<()>>(())
        };
        trees.as_slice().transaction(apply).map_err(|error: TransactionError<()>| match error {
            TransactionError::Storage(error) => error.into(),
            // Nothing above does.
            TransactionError::Abort(()) => sled::Error::Unsupported("a write was given up".into()).into(),
        })
    }
}
