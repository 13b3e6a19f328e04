//! From what was learned and what was agreed to the silence that counts.

use serde::{Deserialize, Serialize};

use super::contract::{Contract, per_week};
use super::lateness::Lateness;
use super::losses::{Losses, RUN_MAX};

/// The silence that counts while an interval is known and no contract can be kept at it, in intervals.
const WITHOUT_CONTRACT: f64 = 4.0;
/// A contract's time is too short for the heartbeat if this share of beats comes later.
const TOO_LATE_SHARE: f64 = 0.1;
/// The share of the false alarms agreed on that runs of missing beats may take up; late beats have the rest.
const LOSS_SHARE: f64 = 0.97;
/// What has been seen so often in all beats is taken for a rate.
const PROVEN: f64 = 3.0;

/// Whether a contract is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing speaks against it; there have not been enough beats yet to be sure.
    #[default]
    Learning,
    /// Kept, by all that was seen.
    Kept,
    /// The detection time is kept, and there are more false alarms than agreed: beats are lost or late for longer.
    TooManyFalseAlarms,
    /// The detection time cannot be kept: the next beat itself often comes later.
    TooFewBeats,
}

/// What is known of a heartbeat when its timing is derived.
pub(super) struct Learned<'a> {
    pub(super) interval_s: f64,
    pub(super) deviation_s: f64,
    /// What part of the detection time passes on the way.
    pub(super) delay_s: f64,
    pub(super) beats: f64,
    /// The share of them after which a false alarm may come.
    pub(super) share: f64,
    /// Runs of missing beats lately, as a factor of what is usual; at most 1.
    pub(super) fewer_runs: f64,
    pub(super) losses: &'a Losses,
    pub(super) lateness: &'a Lateness,
}

/// The derived timing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Timing {
    /// Seconds of silence that count, from when the last beat should have arrived.
    pub(super) silence_s: f64,
    /// The contract's time from the same moment on.
    pub(super) most_s: f64,
    pub(super) standing: Standing,
}

impl Learned<'_> {
    /// The share of beats after which it is silent for longer than `silence_s`, from when the beat should have arrived.
    /// `unseen`: longer silences that are reckoned with though none was seen, to be careful.
    pub(super) fn exceeded(&self, silence_s: f64, unseen: f64) -> f64 {
        let due = (silence_s / self.interval_s).floor();
        if due < 1.0 {
            return 1.0;
        }
        let total = (self.beats + unseen).max(1.0);
        let missing = |run: u32| match run {
            0 => 1.0,
            run => ((self.losses.at_least(run) + unseen) / total).min(1.0),
        };
        let run = due.min(f64::from(RUN_MAX) + 1.0) as u32;
        let late_s = silence_s - due * self.interval_s;
        let late = self.lateness.share(late_s / self.deviation_s, self.beats, unseen);
        // All that were due are missing, or only the last of them is not, and late.
        let (all, but_one) = (missing(run), missing(run - 1));
        all + (but_one - all).max(0.0) * late
    }

    /// The least silence that this share of beats does not exceed; `None` if too few beats have been seen to say.
    fn exceeded_by(&self, share: f64) -> Option<f64> {
        let total = self.beats + 1.0;
        let runs = share * LOSS_SHARE * total;
        let usual = self.losses.exceeded_by(runs, 1.0)?;
        let tolerated = self.losses.exceeded_by(runs / self.fewer_runs, 1.0)?.min(usual);
        let missing = |run: u32| match run {
            0 => 1.0,
            run => (self.losses.at_least(run) + 1.0) / total,
        };
        let all = missing(tolerated + 1);
        let but_one = (missing(tolerated) - all).max(f64::MIN_POSITIVE);
        let left = if tolerated < usual {
            // While fewer are lost, late beats are worth what an interval is: they lie closer by so much.
            share * (self.deviation_s / self.interval_s).min(1.0) / but_one
        } else {
            (share - all) / but_one
        };
        let late = self.lateness.exceeded_by(left, self.beats, 1.0)?;
        // Later than half an interval is nearer to the next beat, and that was counted as missing.
        let late_s = (late * self.deviation_s).min(self.interval_s / 2.0);
        Some(f64::from(tolerated + 1) * self.interval_s + late_s)
    }

    /// The timing for a contract: as early as what was seen allows, and no later than agreed.
    pub(super) fn timing(&self, contract: &Contract) -> Timing {
        // Where a beat should have arrived is itself known to within a deviation.
        let most_s = contract.detect_within_s() - self.delay_s - self.deviation_s;
        let share = self.share;
        let safe_s = self.exceeded_by(share);
        // Until it is known: no silence is taken to be so much rarer than the longest seen, as it is longer.
        let proven = PROVEN / (self.beats + 1.0);
        let proven_s = self.exceeded_by(proven);
        let guessed_s = proven_s.map(|proven_s| proven_s * (proven / share).max(1.0));
        let guessed_s = guessed_s.filter(|guessed_s| guessed_s.is_finite());
        if self.exceeded(most_s, 0.0) > TOO_LATE_SHARE {
            // Where no false alarm at all is agreed on, the longest silence seen is no measure.
            let proven_s = proven_s.filter(|_| share > 0.0).unwrap_or(0.0);
            let longest_s = proven_s.max(WITHOUT_CONTRACT * self.interval_s);
            let silence_s = safe_s.unwrap_or(longest_s);
            return Timing { silence_s, most_s: f64::INFINITY, standing: Standing::TooFewBeats };
        }
        let standing = match safe_s {
            Some(safe_s) if safe_s <= most_s => Standing::Kept,
            // More than one: a single silence is no rate.
            _ if self.exceeded(most_s, 0.0) > share.max(1.0 / self.beats.max(1.0)) => {
                Standing::TooManyFalseAlarms
            }
            _ => Standing::Learning,
        };
        let silence_s = safe_s.or(guessed_s).map_or(most_s, |safe_s| safe_s.min(most_s));
        Timing { silence_s, most_s, standing }
    }

    /// False alarms a week that are to be expected at this silence.
    pub(super) fn false_alarms_per_week(&self, silence_s: f64) -> f64 {
        per_week(self.exceeded(silence_s, 0.0), self.interval_s)
    }
}
