//! What is known of a system's silence at a moment, and of its heartbeat in general.

use serde::Serialize;

use super::timing::Standing;

/// The heartbeat's facts at one moment, as rules read them. `NaN` is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Seconds since the last sign of life.
    pub silence_s: f64,
    /// The usual seconds between beats.
    pub expected_interval_s: f64,
    /// The silence from which the system counts as gone.
    pub silence_limit_s: f64,
    /// Seconds since the next beat should have come; negative: it is not due yet.
    pub lateness_s: f64,
    /// φ: −log₁₀ of the probability that a living system is silent for so long; 0 or more.
    pub suspicion: f64,
    /// The probability that the system is alive, 0..=1.
    pub alive: f64,
}

/// What a heartbeat is like, and what was achieved with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Whether the contract is kept.
    pub standing: Standing,
    /// The usual seconds between beats; `NaN` until learned.
    pub interval_s: f64,
    /// The usual deviation of arrivals from their prediction, in seconds; `NaN` until learned.
    pub jitter_s: f64,
    /// The share of beats that are lost, 0..=1.
    pub loss: f64,
    /// Seconds from a system's end to its detection, at most, if its last beat was on time; `NaN` until learned.
    pub detects_within_s: f64,
    /// False alarms a week that are to be expected.
    pub false_alarms_expected_per_week: f64,
    /// Alarms that a beat ended, each week of those watched; `NaN` in the first hour.
    pub false_alarms_seen_per_week: f64,
}
