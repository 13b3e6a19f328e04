//! What a shard tells of a round, and at the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::batch::{Origin, Row};
use super::breaker::Quarantine;
use super::fates::Fates;
use super::keep::Kept;
use crate::detections::{DetectionUpdate, Event};
use crate::scoring::PanelCost;
use crate::time::Millis;
use crate::vanished::LabelChange;

/// Puts events of all shards into one order that depends on the samples alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKey {
    at: Millis,
    /// Silence is noticed before a sample of the same moment is taken in.
    is_sample: bool,
    row: u32,
    system_id: String,
    rule: usize,
}

impl EventKey {
    pub(super) fn new(row: &Row, system_id: &str, rule: usize) -> Self {
        let (is_sample, of_round) = match row.origin {
            Origin::Sample { row, .. } => (true, row),
            Origin::Silence { .. } => (false, 0),
        };
        Self { at: row.at, is_sample, row: of_round, system_id: system_id.to_owned(), rule }
    }

    /// Of a change of what is in force, at the end of a round.
    pub(super) fn of_change(at: Millis, system_id: &str, rule: usize) -> Self {
        Self { at, is_sample: false, row: 0, system_id: system_id.to_owned(), rule }
    }
}

/// What a rule has cost in a shard.
#[derive(Clone, Debug, Default)]
pub struct RuleCost {
    /// Time in calls.
    pub time: Duration,
    /// Rows judged.
    pub rows: u64,
    /// Calls that gave no answer.
    pub failures: u64,
    /// Rows that the plugin could not be brought to judge.
    pub unjudged_rows: u64,
    /// Why the rule is out of the run, if it is.
    pub quarantine: Option<Quarantine>,
    /// Why the last failure was one.
    pub last_error: Option<String>,
}

/// How detections went on: the last word on each.
pub type Updates = HashMap<Uuid, DetectionUpdate, foldhash::fast::RandomState>;

/// What a shard tells of one round.
#[derive(Debug)]
pub struct ShardReport {
    /// The number of the round.
    pub round: u64,
    /// What happened, with keys to merge by.
    pub events: Vec<(EventKey, Event)>,
    /// The rows of the round that were scored.
    pub scored_rows: Vec<u32>,
    /// For each of those: the score of each scorer, then the combined one. NaN: cannot say.
    pub scores: Vec<f64>,
    /// How detections that are not over went on.
    pub updates: Updates,
    /// What became of the samples.
    pub fates: Fates,
    /// Labels of systems that have changed.
    pub labels: Vec<LabelChange>,
    /// Rows that a plugin could not be brought to judge.
    pub dead: Vec<DeadRow>,
    /// Rules that went into quarantine or came out of it.
    pub incidents: Vec<Incident>,
    /// Systems to be written down.
    pub kept: Vec<Kept>,
    /// Every system of the shard is written down as of this round or a later one.
    pub kept_through: u64,
    /// How the shard is.
    pub status: ShardStatus,
}

/// How a shard is at the end of a round.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShardStatus {
    /// Which shard.
    pub shard: usize,
    /// Systems that it owns.
    pub systems: usize,
    /// Rows of silence judged beside samples so far.
    pub silence_rows: u64,
}

/// A row that a plugin could not be brought to judge.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadRow {
    /// Which rule.
    pub rule_id: Arc<str>,
    /// Its plugin.
    pub plugin: Arc<str>,
    /// SHA-256 of the component.
    pub digest: Arc<str>,
    /// Whose row.
    pub system_id: String,
    /// When, by the host's clock.
    pub at: Millis,
    /// What the plugin was shown.
    pub inputs: Vec<f64>,
    /// How it failed.
    pub reason: String,
}

/// A rule went out of the run or came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Which rule.
    pub rule_id: Arc<str>,
    /// Its plugin.
    pub plugin: Arc<str>,
    /// Why it is out; `None`: it is back.
    pub quarantine: Option<Quarantine>,
}

/// What a shard tells when the input has ended.
#[derive(Debug, Default)]
pub struct ShardEnd {
    /// Detections that are not over.
    pub ongoing: Vec<Event>,
    /// Systems seen.
    pub systems: usize,
    /// Bytes kept for them.
    pub bytes: usize,
    /// By rule, in catalog order.
    pub rule_costs: Vec<RuleCost>,
    /// By scorer, in catalog order.
    pub scorer_costs: Vec<PanelCost>,
    /// Rows of silence judged beside the samples.
    pub silence_rows: u64,
}
