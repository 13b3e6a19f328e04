//! Keys of a server that runs for years: what it keeps, for how long, and whom it trusts.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::Deserialize;

use crate::access::{JwtSettings, SignaturePolicy, TrustedKey};

/// `[store]`: what survives.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Where it lies; a relative path starts at the working directory.
    pub directory: PathBuf,
    /// What the database may keep in memory, in bytes. 16 MiB to 64 GiB.
    pub cache_bytes: u64,
    /// With less room on the disk than this, nothing more is taken in. 0 to 1 TiB.
    pub free_bytes_min: u64,
    /// Rows that may wait to be written to the journal; more are answered with 429. 1000..=10000000.
    pub queue_rows: usize,
    /// Samples of a shard after which a changed system is written down at the latest: what a restart judges again.
    /// 1000..=10000000.
    pub tail_rows: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("lapwing-data"),
            cache_bytes: 64 << 20,
            free_bytes_min: 256 << 20,
            queue_rows: 65_536,
            tail_rows: 200_000,
        }
    }
}

/// `[retention]`: how long what is over is kept. What is not over is always kept.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Events, for streams that resume. 1..=3650.
    pub events_days: f64,
    /// And at most so many. 1000..=100000000.
    pub events_max: u64,
    /// Detections that are over. 1..=3650.
    pub detections_days: f64,
    /// And at most so many. 1000..=10000000.
    pub detections_max: u64,
    /// The audit log. 1..=36500.
    pub audit_days: f64,
    /// Rows that a plugin could not bear, at most so many. 10..=1000000.
    pub dead_letters_max: u64,
    /// Idempotency keys, at most so many. 1000..=10000000.
    pub keys_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            events_days: 7.0,
            events_max: 1_000_000,
            detections_days: 90.0,
            detections_max: 1_000_000,
            audit_days: 365.0,
            dead_letters_max: 10_000,
            keys_max: 100_000,
        }
    }
}

/// `[access]`: who may do what, beside the tokens that the server itself gives out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// An identity provider whose tokens are believed.
    pub jwt: Option<JwtSettings>,
}

/// `[components]`: where plugins come from beside the API, and whose are trusted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Components {
    /// Every `.wasm` in this folder is loaded at the start, under the name of its file.
    pub folder: Option<PathBuf>,
    /// `required`, `warn` or `off`: what a pushed component without a valid signature is.
    pub signatures: SignaturePolicy,
    /// Keys whose signatures are valid.
    pub trusted_keys: Vec<TrustedKey>,
}

impl Store {
    pub(super) fn check(&self, check: &mut impl FnMut(&str, f64, RangeInclusive<f64>)) {
        check("store.cache_bytes", self.cache_bytes as f64, (16 << 20) as f64..=(64_u64 << 30) as f64);
        check("store.free_bytes_min", self.free_bytes_min as f64, 0.0..=(1_u64 << 40) as f64);
        check("store.queue_rows", self.queue_rows as f64, 1e3..=1e7);
        check("store.tail_rows", self.tail_rows as f64, 1e3..=1e7);
    }
}

impl Retention {
    pub(super) fn check(&self, check: &mut impl FnMut(&str, f64, RangeInclusive<f64>)) {
        check("retention.events_days", self.events_days, 1.0..=3650.0);
        check("retention.events_max", self.events_max as f64, 1e3..=1e8);
        check("retention.detections_days", self.detections_days, 1.0..=3650.0);
        check("retention.detections_max", self.detections_max as f64, 1e3..=1e7);
        check("retention.audit_days", self.audit_days, 1.0..=36_500.0);
        check("retention.dead_letters_max", self.dead_letters_max as f64, 10.0..=1e6);
        check("retention.keys_max", self.keys_max as f64, 1e3..=1e7);
    }
}
