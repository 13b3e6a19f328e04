//! How far arrivals usually are from where they were predicted.

use serde::{Deserialize, Serialize};

/// Beats that the usual deviation is a mean of.
const BEATS: u16 = 512;
/// Beats that it is a mean of again after a change.
const BEATS_AFTER_CHANGE: u16 = 32;
/// The share of a beat in the recent deviation.
const RECENT: f32 = 1.0 / 16.0;
/// A deviation counts as at most so many usual ones: what is rarer belongs to the lateness.
const OUTLIER: f32 = 6.0;
/// No deviation is less than the clock's step.
const LEAST_S: f32 = 0.000_5;

/// The mean absolute deviation, followed at two speeds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Jitter {
    usual_s: f32,
    recent_s: f32,
    beats: u16,
}

impl Jitter {
    pub(super) fn new() -> Self {
        Self { usual_s: 0.0, recent_s: 0.0, beats: 0 }
    }

    /// The deviation to reckon with, in seconds; `NaN` until learned.
    #[inline]
    pub(super) fn deviation_s(&self) -> f32 {
        if self.beats == 0 { f32::NAN } else { self.usual_s.max(self.recent_s / 2.0).max(LEAST_S) }
    }

    /// An arrival was this far from where it was predicted.
    #[inline]
    pub(super) fn learn(&mut self, error_s: f32) {
        let far = error_s.abs();
        if self.beats == 0 {
            *self = Self { usual_s: far, recent_s: far, beats: 1 };
            return;
        }
        let settled = self.beats >= BEATS_AFTER_CHANGE;
        let bounded = if settled { far.min(OUTLIER * self.usual_s.max(LEAST_S)) } else { far };
        self.beats = (self.beats + 1).min(BEATS);
        self.usual_s += (bounded - self.usual_s) / f32::from(self.beats);
        self.recent_s += (bounded - self.recent_s) * RECENT;
        if self.recent_s > 2.0 * self.usual_s || self.recent_s < 0.4 * self.usual_s {
            self.beats = self.beats.min(BEATS_AFTER_CHANGE);
        }
    }
}
