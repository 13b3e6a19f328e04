//! What is agreed about a system's silence: how soon it is noticed, and how often that may be wrong.

use serde::{Deserialize, Serialize};
use thiserror::Error;

const WEEK_S: f64 = 604_800.0;
/// Without an agreed time, a silence is noticed within so many usual intervals.
const USUAL_INTERVALS: f64 = 4.0;
/// But not sooner than this: a system that reports often is not gone at its first hiccup.
const USUAL_S_MIN: f64 = 5.0;
/// False alarms a week that are borne unless agreed otherwise.
const USUAL_FALSE_ALARMS: f64 = 1.0;

/// "Detect within so many seconds, with at most so many false alarms a week."
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Terms", into = "Terms")]
pub struct Contract {
    detect_within_s: f64,
    false_alarms_per_week: f64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    detect_within_s: f64,
    false_alarms_per_week: f64,
}

/// A contract that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum ContractError {
    /// The detection time is out of range.
    #[error("detect_within_s is {0}, expected more than 0 and at most 604800 (a week)")]
    DetectWithin(f64),
    /// The rate of false alarms is out of range.
    #[error("false_alarms_per_week is {0}, expected 0 to 1000000")]
    FalseAlarms(f64),
}

impl Contract {
    /// A contract. `detect_within_s`: 0 (exclusive) to 604,800; `false_alarms_per_week`: 0 (as few as the detection time
    /// allows) to 1,000,000.
    ///
    /// # Errors
    /// The field that is out of range.
    pub fn new(detect_within_s: f64, false_alarms_per_week: f64) -> Result<Self, ContractError> {
        if !(detect_within_s > 0.0 && detect_within_s <= WEEK_S) {
            return Err(ContractError::DetectWithin(detect_within_s));
        }
        if !(0.0..=1e6).contains(&false_alarms_per_week) {
            return Err(ContractError::FalseAlarms(false_alarms_per_week));
        }
        Ok(Self { detect_within_s, false_alarms_per_week })
    }

    /// The contract where none was agreed on, of a system that usually sends a beat every `interval_s` seconds: within four
    /// intervals, 5 s at least and a week at most, with one false alarm a week. NaN is an interval that is not known.
    #[must_use]
    pub fn usual(interval_s: f64) -> Self {
        // The larger of a number and NaN is the number.
        Self::clamped((USUAL_INTERVALS * interval_s).max(USUAL_S_MIN), USUAL_FALSE_ALARMS)
    }

    /// The contract nearest to these terms.
    #[must_use]
    pub(super) fn clamped(detect_within_s: f64, false_alarms_per_week: f64) -> Self {
        Self {
            detect_within_s: detect_within_s.clamp(1e-3, WEEK_S),
            false_alarms_per_week: false_alarms_per_week.clamp(0.0, 1e6),
        }
    }

    /// Seconds between a system's end and its detection, at most.
    #[must_use]
    pub fn detect_within_s(&self) -> f64 {
        self.detect_within_s
    }

    /// False alarms in a week, at most.
    #[must_use]
    pub fn false_alarms_per_week(&self) -> f64 {
        self.false_alarms_per_week
    }

    /// The share of beats after which a false alarm may come.
    pub(super) fn per_beat(&self, interval_s: f64) -> f64 {
        self.false_alarms_per_week * interval_s / WEEK_S
    }
}

/// How many a week something is that happens after this share of beats.
pub(super) fn per_week(per_beat: f64, interval_s: f64) -> f64 {
    per_beat * WEEK_S / interval_s
}

impl TryFrom<Terms> for Contract {
    type Error = ContractError;

    fn try_from(terms: Terms) -> Result<Self, ContractError> {
        Self::new(terms.detect_within_s, terms.false_alarms_per_week)
    }
}

impl From<Contract> for Terms {
    fn from(contract: Contract) -> Self {
        let Contract { detect_within_s, false_alarms_per_week } = contract;
        Self { detect_within_s, false_alarms_per_week }
    }
}
