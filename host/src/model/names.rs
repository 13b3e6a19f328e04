//! Names that recur in every sample (metrics, system types), told once and then known by number.

use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// The metrics that every sample may carry, in the order of their numbers.
pub const BUILT_IN_METRICS: [&str; 9] = [
    "response_time_ms",
    "cpu_usage_percent",
    "memory_usage_percent",
    "disk_usage_percent",
    "network_latency_ms",
    "error_rate",
    "throughput",
    "active_connections",
    "queue_depth",
];

/// The one built-in text.
pub const HEALTH_STATUS: MetricId = MetricId(BUILT_IN_METRICS.len() as u16);

/// A metric's number: the built-in ones first, then `health_status`, then custom ones as they are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MetricId(pub u16);

impl MetricId {
    /// Whether the metric is a field of its own in a sample, rather than a custom metric.
    #[must_use]
    pub fn is_built_in(self) -> bool {
        self <= HEALTH_STATUS
    }
}

/// A system type's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TypeId(pub u16);

/// Hashes system ids: keyed, so that nobody outside can make them collide, and different in each process.
pub type IdHasher = foldhash::fast::RandomState;

/// The hash by which a system is found and assigned to its shard.
#[must_use]
pub fn hash_id(hasher: &IdHasher, id: &str) -> u64 {
    hasher.hash_one(id.as_bytes())
}

/// A list of names that only grows, up to a limit.
#[derive(Debug)]
pub struct Names {
    numbers: HashMap<Arc<str>, u16, foldhash::fast::RandomState>,
    names: Vec<Arc<str>>,
    limit: usize,
}

/// The limit of distinct names is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are {0} distinct names already, which is the limit")]
pub struct NamesFull(pub usize);

impl Names {
    /// No names yet. `limit` is at most 65,536.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { numbers: HashMap::default(), names: Vec::new(), limit: limit.min(1 << 16) }
    }

    /// The built-in metrics.
    #[must_use]
    pub fn of_metrics() -> Self {
        let mut names = Self::new(crate::limits::METRIC_NAMES_MAX);
        for (number, name) in BUILT_IN_METRICS.into_iter().chain(["health_status"]).enumerate() {
            let name: Arc<str> = name.into();
            names.numbers.insert(Arc::clone(&name), number as u16);
            names.names.push(name);
        }
        names
    }

    /// The number of a name that was told before.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    /// The number of a name, new or not.
    ///
    /// # Errors
    /// The name is new and there is no room for it.
    pub fn number(&mut self, name: &str) -> Result<u16, NamesFull> {
        if let Some(number) = self.find(name) {
            return Ok(number);
        }
        if self.names.len() >= self.limit {
            return Err(NamesFull(self.limit));
        }
        let number = self.names.len() as u16;
        let name: Arc<str> = name.into();
        self.numbers.insert(Arc::clone(&name), number);
        self.names.push(name);
        Ok(number)
    }

    /// The name behind a number; empty for a number that was never given.
    #[must_use]
    pub fn name(&self, number: u16) -> Arc<str> {
        self.names.get(usize::from(number)).cloned().unwrap_or_default()
    }
}

/// Everything that turns names into numbers, and back.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// The names of metrics.
    pub metrics: SharedNames,
    /// The names of system types.
    pub types: SharedNames,
    /// Hashes system ids.
    pub ids: IdHasher,
}

impl Default for Vocabulary {
    /// The built-in metrics, and no types yet.
    fn default() -> Self {
        Self {
            metrics: SharedNames::new(Names::of_metrics()),
            types: SharedNames::new(Names::new(crate::limits::SYSTEM_TYPES_MAX)),
            ids: IdHasher::default(),
        }
    }
}

/// Names that the decoder tells and the shards read.
#[derive(Clone, Debug)]
pub struct SharedNames(Arc<RwLock<Names>>);

impl SharedNames {
    /// Shares a list.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self(Arc::new(RwLock::new(names)))
    }

    /// The number of a name, new or not.
    ///
    /// # Errors
    /// The name is new and there is no room for it.
    pub fn number(&self, name: &str) -> Result<u16, NamesFull> {
        if let Some(number) = self.0.read().unwrap_or_else(PoisonError::into_inner).find(name) {
            return Ok(number);
        }
        self.0.write().unwrap_or_else(PoisonError::into_inner).number(name)
    }

    /// The names from this number on, in the order of their numbers.
    #[must_use]
    pub fn from(&self, number: usize) -> Vec<Arc<str>> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.names.get(number..).unwrap_or_default().to_vec()
    }

    /// The name behind a number; empty for a number that was never given.
    #[must_use]
    pub fn name(&self, number: u16) -> Arc<str> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).name(number)
    }
}
