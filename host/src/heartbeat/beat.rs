//! The heartbeat of one system: what is learned from each beat, and until when its silence is nothing.

use serde::{Deserialize, Serialize};

use super::arrivals::Arrivals;
use super::contract::Contract;
use super::facts::{Facts, Report};
use super::jitter::Jitter;
use super::lateness::Lateness;
use super::losses::{Losses, RUN_MAX};
use super::spells::Spells;
use super::timing::{Learned, Standing, Timing};
use crate::time::Millis;

/// Beats between two derivations of the timing.
const BEATS_PER_TIMING: u8 = 32;
/// The same once more beats than a thousand have been seen, of which one changes little.
const BEATS_PER_TIMING_SETTLED: u8 = 250;
const SETTLED: f32 = 1000.0;
/// Beats are remembered for as long as it takes for so many false alarms to be agreed on: what is often allowed to go
/// wrong is soon learned anew, and the hours differ; what is rare must be remembered.
const EVENTS: f64 = 3000.0;
/// But for so many beats at least and at most; more cannot be counted by ones in an `f32`.
const BEATS_MIN: f64 = 100_000.0;
const BEATS_MAX: f64 = 4_194_304.0;
/// The mean interval counts as far as it is within this factor of the present one.
const INTERVAL_RATIO_MAX: f64 = 2.0;
/// And for so many seconds at most: eight weeks.
const REMEMBERED_S_MAX: f64 = 8.0 * 604_800.0;
/// The timing is derived anew if the interval changes by this share at once.
const ANOTHER_SHARE: f32 = 0.1;
/// A silence is long if it is of more than so many intervals, and of this share of the silence that counts.
const LONG_INTERVALS: f32 = 2.5;
const LONG_SHARE: f32 = 0.25;
/// How often a system ends, for the probability that it is alive: once in thirty days.
const ENDS_PER_S: f64 = 1.0 / (30.0 * 86_400.0);
/// Seconds before alarms seen are a rate.
const RATE_AFTER_S: f32 = 3600.0;
/// The share of the detection time that may pass on the way; more is a clock that is wrong.
const DELAY_SHARE_MAX: f32 = 0.25;
/// After the host could not hear, a system has at least so many intervals for its next beat, if it is allowed as much.
const NEXT_INTERVALS: f32 = 1.5;

/// A sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// When it arrived, by the host's clock.
    pub arrival: Millis,
    /// When it was sent, by the sender's clock, if it says so. That clock may be wrong.
    pub sent: Option<Millis>,
}

/// One system's heartbeat. Bounded: it never grows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Heartbeat {
    last_arrival: Millis,
    /// From the last arrival to the deadline, in ms; [`NO_DEADLINE`] while the interval is not known.
    trusted_ms: i32,
    /// Delay of the last beat by the sender's clock, in ms; `i32::MAX` is unknown.
    delay_ms: i32,
    /// The silence that counts, from when the last beat should have arrived.
    silence_s: f32,
    /// The same that is agreed on at most, from when the last beat was sent.
    agreed_s: f32,
    /// False alarms of the last week; a contract's week forgets them evenly.
    spent: f32,
    spells: Spells,
    /// Missing beats that are borne in a spell; 0 where there are none.
    spell_beats: u8,
    until_timing: u8,
    standing: Standing,
    /// The silence before the next beat is not the system's.
    excused: bool,
    jitter: Jitter,
    arrivals: Arrivals,
    /// Beats outside spells, of which losses and lateness are counted.
    beats: f32,
    /// Intervals of which the beat did not come, in seconds.
    lost_s: f32,
    remembered_s: f32,
    false_alarms: f32,
    losses: Losses,
    lateness: Lateness,
}

const DELAY_UNKNOWN: i32 = i32::MAX;
const NO_DEADLINE: i32 = i32::MAX;
const WEEK_S: f32 = 604_800.0;

impl Heartbeat {
    /// The heartbeat of a system that was first heard of by this beat.
    #[must_use]
    pub fn new(beat: Beat) -> Self {
        Self {
            last_arrival: beat.arrival,
            trusted_ms: NO_DEADLINE,
            delay_ms: delay_ms(beat),
            silence_s: f32::NAN,
            agreed_s: f32::NAN,
            spent: 0.0,
            spell_beats: 0,
            spells: Spells::new(),
            until_timing: 1,
            standing: Standing::Learning,
            excused: false,
            jitter: Jitter::new(),
            arrivals: Arrivals::new(),
            beats: 0.0,
            lost_s: 0.0,
            remembered_s: 0.0,
            false_alarms: 0.0,
            losses: Losses::default(),
            lateness: Lateness::default(),
        }
    }

    /// A beat arrived. Beats come in the order of their arrival; one that was sent before the newest is no news and is
    /// not to be given here.
    #[inline]
    pub fn beat(&mut self, beat: Beat, contract: &Contract) {
        let gap_ms = beat.arrival.0 - self.last_arrival.0;
        if gap_ms < 0 {
            return;
        }
        let gap_s = (gap_ms as f64 / 1e3) as f32;
        let delay_ms = delay_ms(beat);
        let sent_gap_s = (delay_ms != DELAY_UNKNOWN && self.delay_ms != DELAY_UNKNOWN)
            .then(|| ((gap_ms - (i64::from(delay_ms) - i64::from(self.delay_ms))) as f64 / 1e3) as f32);
        self.delay_ms = delay_ms;
        let false_alarm = gap_ms > i64::from(self.trusted_ms);
        self.last_arrival = beat.arrival;
        if std::mem::take(&mut self.excused) {
            // The gap teaches nothing.
            self.arrivals.restart_line();
            self.set_deadline();
            return;
        }
        let silent_s = self.arrivals.behind_s() + gap_s;
        let interval_s = self.arrivals.interval_s();
        let Some(arrival) = self.arrivals.learn(gap_s, sent_gap_s, &self.jitter) else { return };
        let is_another = (self.arrivals.interval_s() - interval_s).abs() > ANOTHER_SHARE * interval_s;
        if arrival.intervals > RUN_MAX {
            // An outage: it says nothing about beats.
            self.set_deadline();
            return;
        }
        self.remembered_s += gap_s;
        if arrival.intervals > 0 {
            self.learn_beat(arrival.intervals, arrival.error_s, silent_s);
        }
        let allowed = contract.false_alarms_per_week() as f32;
        self.spent = (self.spent - gap_s * allowed / WEEK_S).max(0.0);
        if false_alarm {
            self.false_alarms += 1.0;
            self.spent += 1.0;
        }
        self.until_timing -= 1;
        if self.until_timing == 0 || false_alarm || is_another || self.silence_s.is_nan() {
            self.derive(contract);
        }
        self.set_deadline();
    }

    #[inline]
    fn learn_beat(&mut self, intervals: u32, error_s: f32, silent_s: f32) {
        let deviation_s = self.jitter.deviation_s();
        if deviation_s > 0.0 {
            // What happens in a spell says nothing of what happens outside.
            if !(self.spell_beats > 0 && self.spells.is_one()) {
                self.lateness.count(error_s / deviation_s);
                if intervals > 1 {
                    self.losses.count(intervals - 1);
                }
                self.beats += 1.0;
            }
            self.lost_s += (intervals - 1) as f32 * self.arrivals.interval_s();
            self.spells.count(intervals - 1, silent_s > self.long_s());
        }
        self.jitter.learn(error_s);
    }

    fn long_s(&self) -> f32 {
        (LONG_INTERVALS * self.arrivals.interval_s()).max(LONG_SHARE * self.silence_s)
    }

    fn forget(&mut self, contract: &Contract) {
        let interval_s = f64::from(self.arrivals.interval_s());
        let events = EVENTS / self.share(contract);
        let most = events.max(BEATS_MIN).min(REMEMBERED_S_MAX / interval_s).min(BEATS_MAX);
        let beats = f64::from(self.beats);
        if beats > most {
            let share = (most / beats) as f32;
            self.losses.fade(share);
            self.lateness.fade(share);
            self.beats *= share;
            self.remembered_s *= share;
            self.false_alarms *= share;
            self.lost_s *= share;
        }
    }

    /// The share of beats after which a false alarm may come: as many a week as agreed on, with the beats of the weeks that
    /// are remembered. So a false alarm is worth as much now as when beats came more or less often.
    fn share(&self, contract: &Contract) -> f64 {
        let now_s = f64::from(self.arrivals.interval_s());
        let mean_s = f64::from((self.remembered_s - self.lost_s) / self.beats.max(1.0));
        // Not `clamp`, which takes no NaN: the interval may not be known.
        contract.per_beat(mean_s.max(now_s / INTERVAL_RATIO_MAX).min(now_s * INTERVAL_RATIO_MAX))
    }

    /// Silence up to `until` was not the system's: the host did not listen, or the system had said goodbye.
    pub fn excuse(&mut self, until: Millis) {
        self.last_arrival = self.last_arrival.max(until);
        self.excused = true;
        self.set_deadline();
    }

    /// The host could not hear from `since` to `until`: so much of the silence was not the system's. And whatever is left
    /// of what it is allowed, its next beat has time to come.
    pub fn blind(&mut self, since: Millis, until: Millis) {
        if self.last_arrival >= until {
            return;
        }
        let silent_ms = (since.0 - self.last_arrival.0).max(0);
        let next_ms = (f64::from(NEXT_INTERVALS * self.arrivals.interval_s()) * 1e3) as i64;
        // As long as it has no deadline, there is nothing to be reckoned with.
        let allowed_ms = if self.trusted_ms == NO_DEADLINE { 0 } else { i64::from(self.trusted_ms) };
        self.excuse(Millis(until.0 - silent_ms.min((allowed_ms - next_ms).max(0))));
    }

    /// The host begins to listen anew at `now`, by a clock that may have been set back.
    pub fn listen_from(&mut self, now: Millis) {
        self.last_arrival = now;
        self.excuse(now);
    }

    /// Another contract holds from now on.
    pub fn agree(&mut self, contract: &Contract) {
        self.derive(contract);
        self.set_deadline();
    }

    fn derive(&mut self, contract: &Contract) {
        if self.arrivals.interval_s().is_nan() {
            return;
        }
        let planned = if self.beats < SETTLED { BEATS_PER_TIMING } else { BEATS_PER_TIMING_SETTLED };
        self.arrivals.forget_runs(planned.saturating_sub(self.until_timing));
        self.until_timing = planned;
        self.forget(contract);
        let learned = self.learned(contract);
        let (interval_s, delay_s) = (learned.interval_s, learned.delay_s);
        let Timing { mut silence_s, most_s, standing } = learned.timing(contract);
        let share = learned.share;
        // Where late beats use up what was agreed on, a second is worth as much more as they lie closer.
        let worth =
            if silence_s < 1.5 * interval_s { (interval_s / learned.deviation_s).max(1.0) } else { 1.0 };
        let usual = learned.losses.at_least(1) / learned.beats.max(1.0);
        let tolerated = self.spells.tolerated(share * worth, usual);
        // What was agreed on for a week is used up by one more: the whole time agreed on is taken.
        let allowed = (contract.false_alarms_per_week() as f32).max(1.0);
        if self.spent > 0.0 && self.spent + 1.0 > allowed && most_s.is_finite() {
            silence_s = most_s;
        }
        (self.silence_s, self.standing) = (silence_s as f32, standing);
        self.agreed_s = (most_s + delay_s) as f32;
        self.spell_beats = tolerated;
    }

    #[inline]
    fn set_deadline(&mut self) {
        let interval_s = self.arrivals.interval_s();
        if interval_s.is_nan() || self.silence_s.is_nan() {
            self.trusted_ms = NO_DEADLINE;
            return;
        }
        let mut silence_s = self.silence_s;
        if self.spell_beats > 0 && self.spells.is_one() {
            silence_s = silence_s.max(f32::from(1 + self.spell_beats) * interval_s + silence_s % interval_s);
        }
        // However late the last beat was, it was one: half an interval at least.
        let least_s = silence_s.min(interval_s) / 2.0;
        let agreed_s = self.agreed_s - self.delay_s(self.agreed_s) - self.arrivals.behind_at_least_s();
        let left_s = (silence_s - self.arrivals.behind_s()).max(least_s);
        // But what was agreed on counts from when it was sent.
        let left_s = if agreed_s > 0.0 { left_s.min(agreed_s) } else { least_s };
        self.trusted_ms = ((f64::from(left_s) * 1e3) as i32).min(NO_DEADLINE - 1);
    }

    /// The usual delay by the sender's clock; 0 if that is no part of the time agreed on, but a clock that is off.
    #[inline]
    fn delay_s(&self, agreed_s: f32) -> f32 {
        if self.delay_ms == DELAY_UNKNOWN {
            return 0.0;
        }
        let delay_s = self.arrivals.usual_delay_s(self.delay_ms as f32 / 1e3);
        if (0.0..DELAY_SHARE_MAX * agreed_s).contains(&delay_s) { delay_s } else { 0.0 }
    }

    fn learned(&self, contract: &Contract) -> Learned<'_> {
        let interval_s = f64::from(self.arrivals.interval_s());
        let deviation_s = f64::from(self.jitter.deviation_s());
        Learned {
            interval_s,
            deviation_s: if deviation_s > 0.0 { deviation_s } else { interval_s / 4.0 },
            delay_s: f64::from(self.delay_s(contract.detect_within_s() as f32)),
            beats: f64::from(self.beats),
            share: self.share(contract),
            fewer_runs: self.arrivals.fewer_runs(self.losses.at_least(1) / f64::from(self.beats.max(1.0))),
            losses: &self.losses,
            lateness: &self.lateness,
        }
    }

    /// When the silence of the system counts, if no beat comes until then; `None` until its interval is known.
    #[must_use]
    #[inline]
    pub fn deadline(&self) -> Option<Millis> {
        (self.trusted_ms != NO_DEADLINE).then(|| Millis(self.last_arrival.0 + i64::from(self.trusted_ms)))
    }

    /// The seconds of silence after the last arrival that are nothing; NaN until the interval is known.
    #[must_use]
    #[inline]
    pub fn silence_limit_s(&self) -> f64 {
        if self.trusted_ms == NO_DEADLINE { f64::NAN } else { f64::from(self.trusted_ms) / 1e3 }
    }

    /// The usual seconds between beats; NaN until learned.
    #[must_use]
    #[inline]
    pub fn interval_s(&self) -> f64 {
        f64::from(self.arrivals.interval_s())
    }

    /// When the system was last heard of, or excused.
    #[must_use]
    #[inline]
    pub fn last_arrival(&self) -> Millis {
        self.last_arrival
    }

    /// What is known of the silence at `now`.
    #[must_use]
    pub fn facts(&self, now: Millis, contract: &Contract) -> Facts {
        let silence_s = now.seconds_since(self.last_arrival).max(0.0);
        let expected_interval_s = f64::from(self.arrivals.interval_s());
        if expected_interval_s.is_nan() {
            return Facts {
                silence_s,
                expected_interval_s,
                silence_limit_s: f64::NAN,
                lateness_s: f64::NAN,
                suspicion: f64::NAN,
                alive: f64::NAN,
            };
        }
        let silent_s = silence_s + f64::from(self.arrivals.behind_s());
        let exceeded = self.learned(contract).exceeded(silent_s, 0.5);
        let ended = ENDS_PER_S * (silence_s + expected_interval_s);
        Facts {
            silence_s,
            expected_interval_s,
            silence_limit_s: self.silence_limit_s(),
            lateness_s: silent_s - expected_interval_s,
            suspicion: -exceeded.log10(),
            alive: exceeded / (exceeded + ended),
        }
    }

    /// What the heartbeat is like, and what was achieved.
    #[must_use]
    pub fn report(&self, contract: &Contract) -> Report {
        let learned = self.learned(contract);
        let silence_s = f64::from(self.silence_s);
        let weeks = f64::from(self.remembered_s) / 604_800.0;
        let interval_s = learned.interval_s;
        Report {
            standing: self.standing,
            interval_s,
            jitter_s: f64::from(self.jitter.deviation_s()),
            loss: f64::from((self.lost_s / self.remembered_s.max(f32::MIN_POSITIVE)).min(1.0)),
            detects_within_s: silence_s + learned.delay_s,
            false_alarms_expected_per_week: learned.false_alarms_per_week(silence_s),
            false_alarms_seen_per_week: if self.remembered_s < RATE_AFTER_S {
                f64::NAN
            } else {
                f64::from(self.false_alarms) / weeks
            },
        }
    }
}

fn delay_ms(beat: Beat) -> i32 {
    beat.sent
        .and_then(|sent| i32::try_from(beat.arrival.0.checked_sub(sent.0)?).ok())
        .unwrap_or(DELAY_UNKNOWN)
}
