//! What a shard tells of a round, and at the end.

use std::time::Duration;

use super::batch::{Origin, Row};
use super::fates::Fates;
use crate::detections::Event;
use crate::scoring::PanelCost;
use crate::time::Millis;

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
    /// Whether the rule was taken out of the run.
    pub suspended: bool,
    /// Why the last failure was one.
    pub last_error: Option<String>,
}

/// What a shard tells of one round.
#[derive(Debug)]
pub struct ShardReport {
    /// The round's number.
    pub round: u64,
    /// What happened, with keys to merge by.
    pub events: Vec<(EventKey, Event)>,
    /// The rows of the round that were scored.
    pub scored_rows: Vec<u32>,
    /// For each of those: the score of each scorer, then the combined one. NaN: cannot say.
    pub scores: Vec<f64>,
    /// What became of the samples.
    pub fates: Fates,
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
