//! How often a system usually reports, and since when it has not.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// Gaps that the usual interval is the median of: enough to outvote lost and crowded samples.
const GAPS: usize = 8;
/// Gaps that must have been seen before an interval is usual.
const GAPS_MIN: u8 = 3;

/// The heartbeat of one system. Intervals are learned from the samples' own times, which a delay on the way or a pause
/// of ours does not touch; silence is counted from arrivals.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Heartbeat {
    last_arrival: Millis,
    gaps_s: [f32; GAPS],
    gaps_seen: u8,
    next_gap: u8,
    interval_s: f32,
}

impl Heartbeat {
    pub(super) fn new(arrival: Millis) -> Self {
        Self { last_arrival: arrival, gaps_s: [0.0; GAPS], gaps_seen: 0, next_gap: 0, interval_s: f32::NAN }
    }

    /// A sample arrived; `gap_s` is its time since the one before it, if it is newer.
    pub(super) fn beat(&mut self, arrival: Millis, gap_s: Option<f64>) {
        self.last_arrival = self.last_arrival.max(arrival);
        let Some(gap_s) = gap_s else { return };
        self.gaps_s[usize::from(self.next_gap)] = gap_s as f32;
        self.next_gap = (self.next_gap + 1) % GAPS as u8;
        self.gaps_seen = (self.gaps_seen + 1).min(GAPS as u8);
        if self.gaps_seen >= GAPS_MIN {
            let mut gaps = self.gaps_s;
            let seen = &mut gaps[..usize::from(self.gaps_seen)];
            seen.sort_unstable_by(f32::total_cmp);
            self.interval_s = seen[seen.len() / 2];
        }
    }

    /// The usual seconds between samples; NaN until learned.
    pub(super) fn interval_s(&self) -> f64 {
        // To the millisecond, which is as fine as times are.
        (f64::from(self.interval_s) * 1e3).round() / 1e3
    }

    /// Silence up to `until` was ours.
    pub(super) fn excuse(&mut self, until: Millis) {
        self.last_arrival = self.last_arrival.max(until);
    }

    pub(super) fn last_arrival(&self) -> Millis {
        self.last_arrival
    }
}
