//! How a set of durations is spread.

use serde::{Deserialize, Serialize};

/// Percentiles, by linear interpolation between the closest ranks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Values; from 1.
    pub count: u64,
    /// Half are not above it, s.
    pub median_s: f64,
    /// 90 % are not above it, s.
    pub p90_s: f64,
    /// 99 % are not above it, s.
    pub p99_s: f64,
}

impl Spread {
    /// The spread of finite seconds in any order; none of nothing.
    #[must_use]
    pub fn of(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        let (count, last) = (seconds.len(), seconds.len().checked_sub(1)?);
        let percentile = |share: f64| {
            let rank = last as f64 * share;
            let (below, above) = (rank.floor() as usize, rank.ceil() as usize);
            seconds[below] + (seconds[above] - seconds[below]) * rank.fract()
        };
        Some(Self {
            count: count as u64,
            median_s: percentile(0.5),
            p90_s: percentile(0.9),
            p99_s: percentile(0.99),
        })
    }
}
