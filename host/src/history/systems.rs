//! All systems of one shard, found by their ids.

use std::sync::Arc;

use hashbrown::HashTable;

use super::plan::Plan;
use super::record::SystemRecord;
use super::system::{Fate, System, Terms};
use crate::heartbeat::Agreements;
use crate::ingest::Sample;
use crate::limits::SYSTEMS_PER_SHARD_MAX;
use crate::time::Millis;

/// How many systems are worth warming together: as many as fit into the nearest cache.
pub const WARMED: usize = 16;

/// A system's place in its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemIndex(pub(super) u32);

impl SystemIndex {
    /// As a place in a list with an entry for each system.
    #[must_use]
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

/// The limit of systems is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are {SYSTEMS_PER_SHARD_MAX} systems in this shard already, which is the limit")]
pub struct SystemsFull;

/// The systems of one shard.
#[derive(Debug)]
pub struct Systems {
    plan: Plan,
    agreements: Arc<Agreements>,
    rows_max: usize,
    lateness_ms: i64,
    index: HashTable<(u64, SystemIndex)>,
    systems: Vec<System>,
}

impl Systems {
    /// No systems yet. `rows_max` samples are kept of each, and a sample may be `lateness_ms` older than the newest.
    #[must_use]
    pub fn new(plan: Plan, agreements: Arc<Agreements>, rows_max: usize, lateness_ms: i64) -> Self {
        Self { plan, agreements, rows_max, lateness_ms, index: HashTable::new(), systems: Vec::new() }
    }

    /// Keeps further inputs ready, and goes by what is agreed now; inputs that there were keep their places.
    pub fn adopt(&mut self, plan: &Plan, agreements: &Arc<Agreements>) {
        self.plan = plan.clone();
        if self.agreements != *agreements {
            self.agreements = Arc::clone(agreements);
            for system in &mut self.systems {
                system.agree(agreements.of(&system.id, system.system_type));
            }
        }
    }

    /// What holds for silences.
    #[must_use]
    pub fn agreements(&self) -> &Agreements {
        &self.agreements
    }

    /// Adds a system as it was written down at the end of `round`.
    ///
    /// # Errors
    /// It is one too many.
    pub fn restore(
        &mut self,
        id: &str,
        id_hash: u64,
        record: SystemRecord,
        round: u64,
    ) -> Result<SystemIndex, SystemsFull> {
        if self.systems.len() == SYSTEMS_PER_SHARD_MAX {
            return Err(SystemsFull);
        }
        let index = SystemIndex(self.systems.len() as u32);
        let agreement = self.agreements.of(id, record.system_type);
        self.systems.push(System::restored(id, record, agreement, self.rows_max, round));
        self.index.insert_unique(id_hash, (id_hash, index), |&(hash, _)| hash);
        Ok(index)
    }

    /// The host could not see from `since` to `until`: every silence counts from then on.
    pub fn excuse_all(&mut self, since: Millis, until: Millis) {
        for system in &mut self.systems {
            system.blind(since, until);
        }
    }

    /// The place of a system that is known.
    #[must_use]
    pub fn find(&self, id: &str, id_hash: u64) -> Option<SystemIndex> {
        let same = |&(hash, index): &(u64, SystemIndex)| {
            hash == id_hash && *self.systems[index.0 as usize].id == *id
        };
        self.index.find(id_hash, same).map(|&(_, index)| index)
    }

    /// The inputs that are kept ready.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Finds the systems of some samples, new or not, and touches what taking them in will need. Each of many systems lies
    /// in memory that is far away; touched together, they are fetched side by side instead of one after the other.
    ///
    /// Systems that there is no room for are left out; [`take`](Self::take) says so.
    pub fn warm<'a>(&mut self, samples: impl Iterator<Item = (Sample<'a>, Millis)>) {
        let mut found = [None; WARMED];
        for (place, (sample, arrival)) in found.iter_mut().zip(samples) {
            *place = self.find_or_add(&sample, arrival).ok();
        }
        let touched = found.iter().flatten().map(|&index| self.get(index).touch()).sum::<f64>();
        std::hint::black_box(touched);
    }

    /// Takes a sample in; if it is to be judged, its inputs are appended to `columns`.
    ///
    /// # Errors
    /// The sample is of one system too many.
    pub fn take(
        &mut self,
        sample: &Sample<'_>,
        time: Millis,
        arrival: Millis,
        columns: &mut [Vec<f64>],
    ) -> Result<(SystemIndex, Fate), SystemsFull> {
        let index = self.find_or_add(sample, arrival)?;
        let Agreements { goodbye, startup_s, .. } = *self.agreements;
        let terms = Terms { lateness_ms: self.lateness_ms, goodbye, startup_s };
        let system = &mut self.systems[index.0 as usize];
        Ok((index, system.take(sample, time, arrival, terms, &self.plan, columns)))
    }

    /// Appends the inputs of a moment of the system's silence to `columns`.
    pub fn gather_silence(&self, index: SystemIndex, now: Millis, columns: &mut [Vec<f64>]) {
        self.get(index).gather_silence(now, self.agreements.overdue_s, &self.plan, columns);
    }

    /// A system by its place.
    #[must_use]
    #[inline]
    pub fn get(&self, index: SystemIndex) -> &System {
        &self.systems[index.0 as usize]
    }

    /// A system by its place.
    #[inline]
    pub fn get_mut(&mut self, index: SystemIndex) -> &mut System {
        &mut self.systems[index.0 as usize]
    }

    /// Every system.
    pub fn all_mut(&mut self) -> &mut [System] {
        &mut self.systems
    }

    /// Every system.
    #[must_use]
    pub fn all(&self) -> &[System] {
        &self.systems
    }

    #[inline]
    fn find_or_add(&mut self, sample: &Sample<'_>, arrival: Millis) -> Result<SystemIndex, SystemsFull> {
        let systems = &self.systems;
        let same = |&(hash, index): &(u64, SystemIndex)| {
            hash == sample.id_hash && *systems[index.0 as usize].id == *sample.system_id
        };
        if let Some(&(_, index)) = self.index.find(sample.id_hash, same) {
            return Ok(index);
        }
        if self.systems.len() == SYSTEMS_PER_SHARD_MAX {
            return Err(SystemsFull);
        }
        let index = SystemIndex(self.systems.len() as u32);
        let agreement = self.agreements.of(sample.system_id, sample.system_type);
        self.systems.push(System::new(sample, arrival, agreement, &self.plan, self.rows_max));
        self.index.insert_unique(sample.id_hash, (sample.id_hash, index), |&(hash, _)| hash);
        Ok(index)
    }
}
