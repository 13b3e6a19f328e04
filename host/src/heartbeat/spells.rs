//! Bad spells, in which run after run of beats is missing: a silence that follows another is to be seen by its like.

use serde::{Deserialize, Serialize};

/// A spell goes on for so many beats after a long silence.
const SPELL_BEATS: u8 = 32;
/// Beats in spells that are remembered at full weight.
const BEATS_MAX: u16 = 4096;
/// The longest run that is counted in a spell.
const LOST_MAX: u16 = 1024;
/// Runs in spells from which they are known.
const RUNS_MIN: f32 = 8.0;
/// There are spells if runs in them are more often, by this share of beats, than this factor of what is usual.
const MORE_OFTEN: f32 = 3.0;
const MORE_SHARE: f32 = 0.03;
/// What a spell makes of a silence is not longer than so many intervals.
const TOLERATED_MAX: f32 = 64.0;

/// What is known of spells.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Spells {
    beats: u16,
    runs: u16,
    lost: u16,
    since_long: u8,
}

impl Spells {
    pub(super) fn new() -> Self {
        Self { beats: 0, runs: 0, lost: 0, since_long: SPELL_BEATS }
    }

    /// Whether a long silence ended lately.
    #[inline]
    pub(super) fn is_one(&self) -> bool {
        self.since_long < SPELL_BEATS
    }

    /// A beat came after so many that were lost.
    #[inline]
    pub(super) fn count(&mut self, lost: u32, is_long: bool) {
        if self.is_one() {
            self.beats += 1;
            if lost > 0 {
                self.runs += 1;
                self.lost += lost.min(u32::from(LOST_MAX)) as u16;
            }
            if self.beats > BEATS_MAX || self.lost > u16::MAX / 2 {
                (self.beats, self.runs, self.lost) = (self.beats / 2, self.runs / 2, self.lost / 2);
            }
            self.since_long += 1;
        }
        if is_long {
            self.since_long = 0;
        }
    }

    /// How many beats may be missing in a spell so that a longer run is no more often than this share of beats, where
    /// `usual` is the share of beats outside that come after a run; 0 if there are no spells.
    pub(super) fn tolerated(&self, share: f64, usual: f64) -> u8 {
        let (beats, runs, lost) = (f32::from(self.beats), f32::from(self.runs), f32::from(self.lost));
        let often = runs / beats.max(1.0);
        if runs < RUNS_MIN || often < MORE_OFTEN * usual as f32 + MORE_SHARE || f64::from(often) <= share {
            return 0;
        }
        // Each beat of a run is followed by another lost one with this probability.
        let goes_on = 1.0 - runs / lost;
        let longest = 1.0 + (share as f32 / often).max(f32::MIN_POSITIVE).ln() / goes_on.max(1e-3).ln();
        longest.clamp(1.0, TOLERATED_MAX) as u8
    }
}
