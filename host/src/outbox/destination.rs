//! How an action's destination is treated: `[destinations.ACTION]`.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The longest that a breaker stays open, in seconds.
pub const BREAKER_S_MAX: f64 = 300.0;
/// A week, in seconds: no time that is set may be longer.
const WEEK_S: f64 = 604_800.0;
/// The shortest time between two canaries, in seconds.
const CANARY_S_MIN: f64 = 10.0;

/// The policy of one action id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Destination {
    /// Jobs under way at once. 1..=256.
    pub concurrency: usize,
    /// How long the host lets a try take before it says that it failed, in seconds. 0.1..=600.
    pub timeout_s: f64,
    /// Tries before it is a dead letter. 1..=1000.
    pub attempts_max: u32,
    /// It is a dead letter so many seconds after it was owed, tried or not. 1..=604800.
    pub give_up_after_s: f64,
    /// The longest wait after the first failure, in seconds; each further one is twice as long. 0.01..=86400.
    pub backoff_first_s: f64,
    /// The longest wait after any failure, in seconds. No less than `backoff_first_s`, ..=86400.
    pub backoff_max_s: f64,
    /// So many failures in a row open the breaker. 1..=1000.
    pub breaker_failures: u32,
    /// How long an open breaker lets nothing through, in seconds; twice as long after each probe that fails, up to
    /// [`BREAKER_S_MAX`]. 0.1..=300.
    pub breaker_s: f64,
    /// Calls are made, and nothing leaves.
    pub dry_run: bool,
    /// Who has to agree before it is run.
    pub approval: Approval,
    /// How many systems it may touch before somebody has to agree.
    pub blast: Option<Blast>,
    /// Time from one canary to the next, in seconds. 0 (none), or 10..=604800.
    pub canary_interval_s: f64,
}

/// Who has to agree before an action is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Nobody.
    #[default]
    None,
    /// A person, other than the one who asked for it. Every run and undo is held until then.
    SecondPerson,
}

/// How far an action may reach by itself. One system is always allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blast {
    /// Share of the known systems. Above 0, ..=1.
    pub share: f64,
    /// Distinct systems. 1..=1000000.
    pub count: u32,
    /// The time within which both are counted, in seconds. 1..=604800.
    pub window_s: f64,
}

impl Default for Destination {
    fn default() -> Self {
        Self {
            concurrency: 16,
            timeout_s: 10.0,
            attempts_max: 24,
            give_up_after_s: 86_400.0,
            backoff_first_s: 1.0,
            backoff_max_s: 300.0,
            breaker_failures: 5,
            breaker_s: 30.0,
            dry_run: false,
            approval: Approval::None,
            blast: None,
            canary_interval_s: 0.0,
        }
    }
}

impl Destination {
    /// Every value that is not allowed, in words; `place` is where the policy stands, as `destinations.page`.
    #[must_use]
    pub fn problems(&self, place: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |key: &str, value: f64, allowed: RangeInclusive<f64>| {
            if !allowed.contains(&value) {
                let (low, high) = allowed.into_inner();
                problems.push(format!("{place}.{key}: found {value}, expected {low} to {high}"));
            }
        };
        check("concurrency", self.concurrency as f64, 1.0..=256.0);
        check("timeout_s", self.timeout_s, 0.1..=600.0);
        check("attempts_max", f64::from(self.attempts_max), 1.0..=1000.0);
        check("give_up_after_s", self.give_up_after_s, 1.0..=WEEK_S);
        check("backoff_first_s", self.backoff_first_s, 0.01..=86_400.0);
        check("backoff_max_s", self.backoff_max_s, 0.01..=86_400.0);
        check("breaker_failures", f64::from(self.breaker_failures), 1.0..=1000.0);
        check("breaker_s", self.breaker_s, 0.1..=BREAKER_S_MAX);
        if let Some(blast) = self.blast {
            check("blast.count", f64::from(blast.count), 1.0..=1e6);
            check("blast.window_s", blast.window_s, 1.0..=WEEK_S);
            if !(blast.share > 0.0 && blast.share <= 1.0) {
                problems
                    .push(format!("{place}.blast.share: found {}, expected above 0, up to 1", blast.share));
            }
        }
        if self.backoff_max_s < self.backoff_first_s {
            problems.push(format!(
                "{place}.backoff_max_s: found {}, expected no less than {place}.backoff_first_s, which is {}",
                self.backoff_max_s, self.backoff_first_s
            ));
        }
        let interval_s = self.canary_interval_s;
        if interval_s != 0.0 && !(CANARY_S_MIN..=WEEK_S).contains(&interval_s) {
            problems.push(format!(
                "{place}.canary_interval_s: found {interval_s}, expected 0 for none, or {CANARY_S_MIN} to {WEEK_S}"
            ));
        }
        if interval_s != 0.0 && self.approval == Approval::SecondPerson {
            problems.push(format!(
                "{place}.canary_interval_s: found {interval_s}, expected 0, since {place}.approval = \
                 \"second_person\" would hold every canary"
            ));
        }
        problems
    }
}
