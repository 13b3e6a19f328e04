//! When the next beat should arrive.
//!
//! Three predictions are made of every arrival, and the one that has lately been right is believed: a line through the
//! last arrivals (Chen, Toueg, Aguilera: "On the Quality of Service of Failure Detectors", NFD-E; the line's slope is
//! learned too), one interval after the last arrival, for senders that count from their last beat, and the sender's own
//! time plus the usual delay.

use serde::{Deserialize, Serialize};

use super::jitter::Jitter;
use super::losses::RUN_MAX;

/// Gaps that the interval is first learned from, and that show that it has changed.
const GAPS: usize = 5;
/// Gaps that must have been seen before an interval is known.
const GAPS_MIN: u8 = 3;
/// Gaps differ by less than this share of themselves if they are of one interval.
const GAPS_SPREAD: f32 = 0.25;
/// An interval that is off by more than this share, and by more than so many deviations, is another one.
const CHANGE_SHARE: f32 = 0.2;
const CHANGE_DEVIATIONS: f32 = 4.0;
/// Beats that the line goes through, at most.
const LINE_BEATS: u16 = 512;
/// Beats after which a line that does worse than the others is begun anew.
const LINE_TRIED: u16 = 64;
/// The share of a beat in the usual error of each prediction.
const ERROR_SHARE: f32 = 1.0 / 64.0;
/// Another prediction must be better than the line by this factor.
const BETTER: f32 = 0.92;
/// Shares of a beat in the mean delay and in an interval that no line gives.
const SLOW: f32 = 1.0 / 128.0;
/// The share of a beat in the mean delay while beats stay late by half an interval, or early by an eighth.
const STAYS: f32 = 1.0 / 8.0;
/// A sender's clock says how late a beat is unless its prediction is worse than the best by this factor, and the clock's step.
const BELIEVABLE: f32 = 2.0;
const LEAST_ERROR_S: f32 = 0.002;
/// The number that stands for a run, and the beats that runs are counted over.
const RUN: u16 = 16;
const RUNS_BEATS: u32 = 4096;
/// So many more runs than were seen are reckoned with.
const RUNS_SPARED: f64 = 3.0;
/// An interval cannot be less than the clock's step.
const INTERVAL_MIN_S: f32 = 0.001;

/// An arrival as it was predicted.
pub(super) struct Arrival {
    /// Intervals since the beat before it: 1 when nothing is missing, 0 when two came at once.
    pub(super) intervals: u32,
    /// Seconds after the nearest predicted moment; negative: before.
    pub(super) error_s: f32,
}

/// Which prediction is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Believed {
    #[default]
    Line,
    Gap,
    Sender,
}

/// The predictions. All places are kept as seconds that the last arrival was late, so that nothing grows with time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Arrivals {
    interval_s: f32,
    behind_line_s: f32,
    behind_sender_s: f32,
    line_error_s: f32,
    gap_error_s: f32,
    sender_error_s: f32,
    gaps_s: [f32; GAPS],
    line_beats: u16,
    /// Beats lately that came after missing ones, in sixteenths.
    runs: u16,
    gaps_seen: u8,
    next_gap: u8,
    believed: Believed,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self {
            interval_s: f32::NAN,
            behind_line_s: 0.0,
            behind_sender_s: 0.0,
            line_error_s: 0.0,
            gap_error_s: 0.0,
            sender_error_s: f32::INFINITY,
            gaps_s: [0.0; GAPS],
            line_beats: 0,
            runs: u16::MAX,
            gaps_seen: 0,
            next_gap: 0,
            believed: Believed::Line,
        }
    }

    /// The usual seconds between beats; `NaN` until learned.
    #[inline]
    pub(super) fn interval_s(&self) -> f32 {
        self.interval_s
    }

    /// Seconds by which the last arrival was later than it should have been.
    #[inline]
    pub(super) fn behind_s(&self) -> f32 {
        match self.believed {
            Believed::Line => self.behind_line_s,
            Believed::Gap => 0.0,
            Believed::Sender => self.behind_sender_s,
        }
    }

    /// The same, and no less than the sender's clock says, if that is as good as any: a beat that is late by an interval
    /// looks like the next.
    #[inline]
    pub(super) fn behind_at_least_s(&self) -> f32 {
        let behind_s = self.behind_s();
        let is_believable =
            self.sender_error_s <= BELIEVABLE * self.line_error_s.min(self.gap_error_s) + LEAST_ERROR_S;
        if is_believable { behind_s.max(self.behind_sender_s) } else { behind_s }
    }

    /// The usual delay by the sender's clock, given the delay of the last beat.
    pub(super) fn usual_delay_s(&self, last_delay_s: f32) -> f32 {
        last_delay_s - if self.sender_error_s.is_finite() { self.behind_sender_s } else { 0.0 }
    }

    /// A beat arrived `gap_s` after the one before; by the sender's clock it was `sent_gap_s`. `None` while the interval
    /// is being learned.
    #[inline]
    pub(super) fn learn(&mut self, gap_s: f32, sent_gap_s: Option<f32>, jitter: &Jitter) -> Option<Arrival> {
        let interval_s = self.interval_s;
        if interval_s.is_nan() {
            self.note_gap(gap_s);
            if self.gaps_seen >= GAPS_MIN {
                let mut gaps = self.gaps_s;
                let seen = &mut gaps[..usize::from(self.gaps_seen)];
                seen.sort_unstable_by(f32::total_cmp);
                self.begin(seen[seen.len() / 2]);
            }
            return None;
        }
        let since_expected = self.behind_s() + gap_s;
        // The cast rounds down, and what is negative to 0.
        let whole = (since_expected / interval_s + 0.5) as u32;
        let intervals = whole as f32;
        let error_s = since_expected - intervals * interval_s;
        let arrival = Arrival { intervals: whole, error_s };
        if arrival.intervals == 0 {
            // As good as the same moment: the predictions stay where they are.
            self.behind_line_s += gap_s;
            self.behind_sender_s += gap_s - sent_gap_s.unwrap_or(0.0);
            self.note_gap(gap_s);
            self.check_change(jitter);
            return Some(arrival);
        }
        let passed_s = intervals * interval_s;
        if whole > 1 && whole <= RUN_MAX {
            self.runs = self.runs.saturating_add(RUN);
        }
        self.note_gap(gap_s);
        self.learn_sender(gap_s, sent_gap_s, passed_s);
        self.learn_line(gap_s, passed_s, arrival.intervals);
        self.gap_error_s += ((gap_s - passed_s).abs().min(interval_s) - self.gap_error_s) * ERROR_SHARE;
        if self.believed != Believed::Line && arrival.intervals == 1 {
            self.interval_s +=
                (sent_gap_s.unwrap_or(gap_s) - interval_s).clamp(-interval_s, interval_s) * SLOW / 2.0;
            self.interval_s = self.interval_s.max(INTERVAL_MIN_S);
        }
        self.choose();
        self.check_change(jitter);
        Some(arrival)
    }

    #[inline]
    fn learn_line(&mut self, gap_s: f32, passed_s: f32, intervals: u32) {
        if intervals > RUN_MAX {
            // Wherever the line would be by now, the arrival says it better.
            (self.behind_line_s, self.line_beats) = (0.0, 1);
            return;
        }
        let mut error_s = self.behind_line_s + gap_s - passed_s;
        if error_s.abs() > self.interval_s / 2.0 {
            error_s -= (error_s / self.interval_s).round() * self.interval_s;
        }
        self.line_error_s += (error_s.abs() - self.line_error_s) * ERROR_SHARE;
        // Least squares over the beats so far, as a filter: position and slope.
        self.line_beats = (self.line_beats + 1).min(LINE_BEATS);
        let beats = f32::from(self.line_beats);
        let position = 2.0 * (2.0 * beats - 1.0) / (beats * (beats + 1.0));
        self.behind_line_s = error_s * (1.0 - position.min(1.0));
        if self.line_beats > 2 {
            let slope = 6.0 / (beats * (beats + 1.0)) / intervals as f32;
            self.interval_s = (self.interval_s + error_s * slope).max(INTERVAL_MIN_S);
        }
    }

    #[inline]
    fn learn_sender(&mut self, gap_s: f32, sent_gap_s: Option<f32>, passed_s: f32) {
        let Some(sent_gap_s) = sent_gap_s else {
            self.sender_error_s = f32::INFINITY;
            return;
        };
        // By how many whole intervals a beat is late is no fault of the clock.
        let mut error_s = self.behind_sender_s + gap_s - passed_s;
        error_s -= (error_s / self.interval_s).round() * self.interval_s;
        if self.sender_error_s.is_infinite() {
            (self.sender_error_s, self.behind_sender_s) = (0.0, 0.0);
            return;
        }
        self.sender_error_s += (error_s.abs() - self.sender_error_s) * ERROR_SHARE;
        let behind_s = self.behind_sender_s + gap_s - sent_gap_s;
        // The clock was set if a beat is much too early, or if it was sent before the one before. A beat may well be late,
        // but if beats go on as usual and all of them are late, or early, then it is the clock too.
        if sent_gap_s <= 0.0 || behind_s < -self.interval_s {
            self.behind_sender_s = 0.0;
            return;
        }
        let (least_s, most_s) = (behind_s.min(self.behind_sender_s), behind_s.max(self.behind_sender_s));
        let goes_on = most_s - least_s < self.interval_s / 4.0;
        let stays = goes_on && (least_s > self.interval_s / 2.0 || most_s < -self.interval_s / 8.0);
        // At first the mean delay is that of the few beats so far.
        let first = 1.0 / f32::from(self.line_beats.max(1));
        self.behind_sender_s = behind_s * (1.0 - first.max(if stays { STAYS } else { SLOW }));
    }

    /// So many beats have passed since runs were last forgotten.
    pub(super) fn forget_runs(&mut self, beats: u8) {
        self.runs -= (u32::from(self.runs) * u32::from(beats) / RUNS_BEATS) as u16;
    }

    /// Runs of missing beats lately beside the share of beats that usually come after one, as a factor of at most 1; the few
    /// that chance may have spared are reckoned with.
    pub(super) fn fewer_runs(&self, usual: f64) -> f64 {
        let expected = usual * f64::from(RUNS_BEATS);
        let seen = f64::from(self.runs) / f64::from(RUN) + RUNS_SPARED;
        if seen < expected { seen / expected } else { 1.0 }
    }

    /// The next arrival says where the beats are.
    pub(super) fn restart_line(&mut self) {
        (self.behind_line_s, self.behind_sender_s, self.line_beats) = (0.0, 0.0, 1);
    }

    #[inline]
    fn choose(&mut self) {
        let other = self.gap_error_s.min(self.sender_error_s);
        if other >= BETTER * self.line_error_s {
            self.believed = Believed::Line;
            return;
        }
        self.believed = if self.sender_error_s < self.gap_error_s { Believed::Sender } else { Believed::Gap };
        if self.line_beats > LINE_TRIED {
            (self.behind_line_s, self.line_beats) = (0.0, 1);
        }
    }

    #[inline]
    fn note_gap(&mut self, gap_s: f32) {
        self.gaps_s[usize::from(self.next_gap)] = gap_s;
        self.next_gap = (self.next_gap + 1) % GAPS as u8;
        self.gaps_seen = (self.gaps_seen + 1).min(GAPS as u8);
    }

    /// Begins anew if the last gaps agree on another interval.
    #[inline]
    fn check_change(&mut self, jitter: &Jitter) {
        if usize::from(self.gaps_seen) < GAPS {
            return;
        }
        // Most beats are within reach, and one comparison tells.
        let change_s = (CHANGE_SHARE * self.interval_s).max(CHANGE_DEVIATIONS * jitter.deviation_s());
        if (self.gaps_s[0] - self.interval_s).abs() < change_s / 2.0 {
            return;
        }
        let (mut least, mut most, mut sum) = (f32::INFINITY, 0.0_f32, 0.0);
        for gap_s in self.gaps_s {
            (least, most, sum) = (least.min(gap_s), most.max(gap_s), sum + gap_s);
        }
        let mean = sum / GAPS as f32;
        if most - least < GAPS_SPREAD * mean && (mean - self.interval_s).abs() > change_s {
            self.begin(mean);
        }
    }

    fn begin(&mut self, interval_s: f32) {
        self.interval_s = interval_s.max(INTERVAL_MIN_S);
        (self.behind_line_s, self.behind_sender_s, self.line_beats) = (0.0, 0.0, 1);
        (self.line_error_s, self.gap_error_s) = (0.0, 0.0);
        self.sender_error_s = f32::INFINITY;
        self.believed = Believed::Line;
    }
}
