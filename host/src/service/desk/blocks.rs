//! The block list: what firewalls and proxies keep out for a while. Changes are numbered, so that they can be followed.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::limits::{BLOCK_CHANGES_KEPT, BLOCKS_MAX};
use crate::service::tables::Tables;
use crate::service::transaction::Transaction;
use crate::store::StoreError;
use crate::time::Millis;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockEntry {
    /// What is kept out: an address, a network, a user, a system.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Millis,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Millis,
    /// The detection behind it.
    pub detection_id: Option<Uuid>,
}

/// One change of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockChange {
    /// From 1, without gaps.
    pub seq: u64,
    /// What it is about.
    pub subject: String,
    /// The entry as it is now; null: it is gone.
    pub entry: Option<BlockEntry>,
}

/// Changes after a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlockChanges {
    /// In their order.
    pub changes: Vec<BlockChange>,
    /// What to ask after next.
    pub after: u64,
    /// The number asked after is too old: take the whole list instead.
    pub gap: bool,
}

/// The list.
#[derive(Debug, Default)]
pub(in crate::service) struct BlockList {
    entries: BTreeMap<String, BlockEntry>,
    /// The newest changes.
    changes: VecDeque<BlockChange>,
    seq: u64,
}

impl BlockList {
    pub(in crate::service) fn load(tables: &Tables) -> Result<Self, StoreError> {
        let mut list = Self::default();
        for change in tables.blocks.iter() {
            let (seq, change) = change?;
            list.seq = seq;
            list.apply(change);
        }
        Ok(list)
    }

    fn apply(&mut self, change: BlockChange) {
        match &change.entry {
            Some(entry) => drop(self.entries.insert(change.subject.clone(), entry.clone())),
            None => drop(self.entries.remove(&change.subject)),
        }
        self.changes.push_back(change);
    }

    /// Puts an entry in, or takes one out.
    fn change(
        &mut self,
        subject: String,
        entry: Option<BlockEntry>,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), StoreError> {
        self.seq += 1;
        let change = BlockChange { seq: self.seq, subject, entry };
        transaction.tables.blocks.put_with(&mut transaction.writes, &self.seq, &change)?;
        transaction.tell("blocklist_changed", serde_json::json!({ "change": change }));
        self.apply(change);
        // A change that is the last word on an entry in force stays; the others make room.
        while self.changes.len() > BLOCK_CHANGES_KEPT {
            let Some(oldest) = self.changes.pop_front() else { break };
            let in_force =
                oldest.entry.is_some() && self.entries.get(&oldest.subject) == oldest.entry.as_ref();
            if !in_force {
                transaction.tables.blocks.remove_with(&mut transaction.writes, &oldest.seq);
            }
        }
        Ok(())
    }

    /// Blocks, or prolongs. False: the list is full.
    pub(super) fn block(
        &mut self,
        entry: BlockEntry,
        transaction: &mut Transaction<'_>,
    ) -> Result<bool, StoreError> {
        let known = self.entries.get(&entry.subject);
        if known.is_none() && self.entries.len() >= BLOCKS_MAX {
            return Ok(false);
        }
        let since = known.map_or(entry.since, |known| known.since);
        let until = known.map_or(entry.until, |known| known.until.max(entry.until));
        let entry = BlockEntry { since, until, ..entry };
        self.change(entry.subject.clone(), Some(entry), transaction)?;
        Ok(true)
    }

    /// Unblocks, if it is blocked.
    pub(in crate::service) fn unblock(
        &mut self,
        subject: &str,
        transaction: &mut Transaction<'_>,
    ) -> Result<bool, StoreError> {
        if !self.entries.contains_key(subject) {
            return Ok(false);
        }
        self.change(subject.to_owned(), None, transaction)?;
        Ok(true)
    }

    /// Lets go of entries whose time is over.
    pub(super) fn expire(
        &mut self,
        now: Millis,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), StoreError> {
        let over = self.entries.values().filter(|entry| entry.until <= now);
        for subject in over.map(|entry| entry.subject.clone()).collect::<Vec<_>>() {
            self.change(subject, None, transaction)?;
        }
        Ok(())
    }

    /// When the next entry's time is over.
    pub(super) fn next_end(&self) -> Option<Millis> {
        self.entries.values().map(|entry| entry.until).min()
    }

    /// Every entry, and the number of the last change.
    pub(in crate::service) fn entries(&self) -> (Vec<BlockEntry>, u64) {
        (self.entries.values().cloned().collect(), self.seq)
    }

    /// The changes after a number.
    pub(in crate::service) fn changes_after(&self, after: u64) -> BlockChanges {
        let oldest = self.changes.front().map_or(self.seq + 1, |oldest| oldest.seq);
        let changes: Vec<_> = self.changes.iter().filter(|change| change.seq > after).cloned().collect();
        let gap = after + 1 < oldest || after > self.seq;
        BlockChanges { after: self.seq, changes: if gap { Vec::new() } else { changes }, gap }
    }
}
