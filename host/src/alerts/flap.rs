//! Flapping: changes of state of one rule on one system, counted so that older ones count less.

use serde::{Deserialize, Serialize};

use super::plan::FlapLimits;
use crate::time::Millis;

/// A score below which nothing is worth remembering.
const FORGOTTEN: f64 = 0.1;

/// What is remembered of one rule and system.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Flap {
    score: f64,
    at: Millis,
    /// From `high` on until below `low`.
    pub(super) flapping: bool,
    /// Whether somebody was told that it flaps.
    pub(super) announced: bool,
}

impl Flap {
    pub(super) fn new(now: Millis) -> Self {
        Self { score: 0.0, at: now, flapping: false, announced: false }
    }

    /// The score as of now.
    pub(super) fn score(&self, limits: &FlapLimits, now: Millis) -> f64 {
        let halves = now.seconds_since(self.at).max(0.0) / limits.half_life_s;
        self.score * (-halves).exp2()
    }

    /// A change of state.
    pub(super) fn count(&mut self, limits: &FlapLimits, now: Millis) {
        self.score = self.score(limits, now) + 1.0;
        self.at = self.at.max(now);
        self.flapping = self.flapping || self.score >= limits.high;
    }

    /// When something comes of time alone: it is calm again, or forgotten.
    pub(super) fn due(&self, limits: &FlapLimits) -> Millis {
        let below = if self.flapping { limits.low } else { FORGOTTEN };
        let halves = (self.score / below).log2().max(0.0);
        Millis(self.at.plus_seconds(halves * limits.half_life_s).0.saturating_add(1))
    }
}
