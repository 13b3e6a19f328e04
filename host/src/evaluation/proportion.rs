//! A share of trials with the range in which the true share lies.

use serde::{Deserialize, Serialize};

/// The standard normal deviate that leaves 2.5 % on each side.
const Z: f64 = 1.959_963_984_540_054;

/// A share with its 95 % interval by Wilson (1927), "Probable inference, the law of succession, and
/// statistical inference". The interval takes trials for independent: many detections of one incident make it
/// too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Proportion {
    /// Trials that succeeded; at most `trials`.
    pub successes: u64,
    /// All trials.
    pub trials: u64,
    /// From 0 to 1; null without trials.
    pub share: Option<f64>,
    /// The lower end of the interval, from 0; 0 without trials.
    pub low: f64,
    /// The upper end of the interval, to 1; 1 without trials.
    pub high: f64,
}

impl Proportion {
    /// So many successes in so many trials. More successes than trials count as `trials`.
    #[must_use]
    pub fn of(successes: u64, trials: u64) -> Self {
        let successes = successes.min(trials);
        if trials == 0 {
            return Self { successes, trials, share: None, low: 0.0, high: 1.0 };
        }
        let n = trials as f64;
        let share = successes as f64 / n;
        let weight = 1.0 + Z * Z / n;
        let centre = (share + Z * Z / (2.0 * n)) / weight;
        let half = Z / weight * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        // At none and all the interval ends at the share itself, which rounding would miss by a hair.
        let low = if successes == 0 { 0.0 } else { (centre - half).clamp(0.0, share) };
        let high = if successes == trials { 1.0 } else { (centre + half).clamp(share, 1.0) };
        Self { successes, trials, share: Some(share), low, high }
    }

    /// Whether the intervals have a value in common. Intervals apart speak for a difference; intervals that
    /// overlap do not speak against one.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}
