//! How much later than predicted beats come, in units of the usual deviation.

use serde::{Deserialize, Serialize};

/// The least lateness in each bucket.
const LEAST: [f32; 8] = [1.0, 1.6, 2.56, 4.096, 6.5536, 10.48576, 16.777_216, 26.843_546];

/// Counts of late beats.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Lateness {
    late: [f32; LEAST.len()],
}

impl Lateness {
    /// A beat was so many usual deviations late; negative: early.
    #[inline]
    pub(super) fn count(&mut self, deviations: f32) {
        if deviations < LEAST[0] {
            return;
        }
        let bucket = LEAST.iter().rposition(|&least| deviations >= least).unwrap_or(0);
        self.late[bucket] += 1.0;
    }

    /// Leaves this share of the weight of what was seen.
    pub(super) fn fade(&mut self, share: f32) {
        self.late.iter_mut().for_each(|count| *count *= share);
    }

    /// The share of `beats` that were at least so late, if `unseen` more beats are taken to be later than all.
    pub(super) fn share(&self, deviations: f64, beats: f64, unseen: f64) -> f64 {
        let total = beats + unseen;
        let first = f64::from(LEAST[0]);
        if total <= 0.0 {
            return 1.0;
        }
        let mut tail = f64::from(self.late.iter().sum::<f32>()) + unseen;
        if deviations < first {
            // Half of the beats come later than predicted.
            let at_first = (tail / total).min(1.0);
            let from = at_first.max(0.5);
            return from + (at_first - from) * (deviations.max(0.0) / first);
        }
        for (bucket, &least) in LEAST.iter().enumerate() {
            let above = tail - f64::from(self.late[bucket]);
            let end = LEAST.get(bucket + 1).map_or(f64::from(least) * 1.6, |&end| f64::from(end));
            if deviations < end {
                let share = (deviations / f64::from(least)).ln() / (end / f64::from(least)).ln();
                let (high, low) = (tail.max(0.5).ln(), above.max(0.5).ln());
                let between = (high + (low - high) * share).exp().min(tail);
                return (between / total).min(1.0);
            }
            tail = above;
        }
        unseen / total
    }

    /// The lateness that only this share of `beats` exceeds; `None` if too few have been seen to say.
    pub(super) fn exceeded_by(&self, share: f64, beats: f64, unseen: f64) -> Option<f64> {
        let most = share * (beats + unseen);
        let mut tail = f64::from(self.late.iter().sum::<f32>()) + unseen;
        if tail <= most {
            return Some(f64::from(LEAST[0]));
        }
        for (bucket, &least) in LEAST.iter().enumerate() {
            let above = tail - f64::from(self.late[bucket]);
            if above <= most {
                // The inverse of what `share` does between two bounds.
                let end = LEAST.get(bucket + 1).map_or(f64::from(least) * 1.6, |&end| f64::from(end));
                let (high, low) = (tail.max(0.5).ln(), above.max(0.5).ln());
                let part = if high > low { (high - most.ln()) / (high - low) } else { 1.0 };
                return Some(f64::from(least) * (end / f64::from(least)).powf(part.clamp(0.0, 1.0)));
            }
            tail = above;
        }
        None
    }
}
