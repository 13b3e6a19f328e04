//! How many beats are missing in a row, and how often.

use serde::{Deserialize, Serialize};

/// The shortest run in each bucket; the last one takes in runs up to [`RUN_MAX`].
const RUNS: [u32; 8] = [1, 2, 3, 5, 12, 40, 120, 360];
/// A longer run is an outage, not a loss.
pub(super) const RUN_MAX: u32 = 1024;

/// Counts of runs of missing beats.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Losses {
    runs: [f32; RUNS.len()],
}

impl Losses {
    /// So many beats were missing before one came; at least one.
    pub(super) fn count(&mut self, run: u32) {
        let bucket = RUNS.iter().rposition(|&least| run >= least).unwrap_or(0);
        self.runs[bucket] += 1.0;
    }

    /// Leaves this share of the weight of what was seen.
    pub(super) fn fade(&mut self, share: f32) {
        self.runs.iter_mut().for_each(|count| *count *= share);
    }

    /// Runs seen with at least `least` missing beats, interpolated between buckets as a power of the length.
    pub(super) fn at_least(&self, least: u32) -> f64 {
        let tails = self.tails();
        let Some(bucket) = RUNS.iter().rposition(|&shortest| least >= shortest) else { return f64::INFINITY };
        let (above, shortest) = (tails[bucket + 1], RUNS[bucket]);
        let end = RUNS.get(bucket + 1).copied().unwrap_or(RUN_MAX + 1);
        if least >= end {
            return 0.0;
        }
        // In logarithms, with half a run where there is none.
        let (high, low) = (tails[bucket].max(0.5).ln(), above.max(0.5).ln());
        let share = f64::from(least).ln() - f64::from(shortest).ln();
        let width = f64::from(end).ln() - f64::from(shortest).ln();
        let between = (high + (low - high) * share / width).exp();
        if least == shortest { tails[bucket] } else { between.min(tails[bucket]) }
    }

    /// The fewest missing beats in a row that at most so many runs exceed, `unseen` more being taken to exceed all; `None` if
    /// it is more than [`RUN_MAX`].
    pub(super) fn exceeded_by(&self, runs: f64, unseen: f64) -> Option<u32> {
        let enough = |tolerated: u32| self.at_least(tolerated + 1) + unseen <= runs;
        if unseen > runs {
            return None;
        }
        let tails = self.tails();
        let bucket = tails.iter().position(|&tail| tail + unseen <= runs)?;
        // Between the shortest run of the bucket before and that of this one.
        let shortest = |bucket: usize| RUNS.get(bucket).copied().unwrap_or(RUN_MAX + 1);
        let (mut low, mut high) =
            (if bucket == 0 { 0 } else { shortest(bucket - 1) - 1 }, shortest(bucket) - 1);
        while low < high {
            let middle = low.midpoint(high);
            if enough(middle) { high = middle } else { low = middle + 1 }
        }
        Some(high)
    }

    /// Counts from each bucket on.
    fn tails(&self) -> [f64; RUNS.len() + 1] {
        let mut tails = [0.0; RUNS.len() + 1];
        for bucket in (0..RUNS.len()).rev() {
            tails[bucket] = tails[bucket + 1] + f64::from(self.runs[bucket]);
        }
        tails
    }
}
