//! The observer itself.

use serde::{Deserialize, Serialize};

use super::blind::{Blindness, Cause, Change};
use super::config::ObserverConfig;
use super::pace::Pace;
use crate::time::Millis;

/// Nothing is unusual about hearing nothing for so long.
const QUIET_MS_MIN: i64 = 500;
/// A silence of all is unusual if it is so many times as long as the longest usual one.
const QUIET_FACTOR: i64 = 2;
/// Silences of systems are judged for as long after the last arrival as this share of the longest usual quiet, in
/// percent, and at least this long: a quiet that is not unusual says nothing about the host.
const TRUST_PERCENT: i64 = 125;
const TRUST_MS_MIN: i64 = 250;
/// Where many systems send without regard to each other, gaps of so many times the mean one are usual; a silence of all is
/// longer than twice that by chance once in 10¹⁰ times. A few systems know each other's place too well for so long a gap.
const MEAN_GAPS: f64 = 12.0;
/// The queue is no longer full when it was not for so long.
const DEAF_OVER_MS: i64 = 1000;
/// Sight is back when so many times the share is heard below which it was lost.
const SURE: f64 = 1.5;
/// Places in which systems heard lately are counted.
const PLACES: usize = 32;
/// Lately is so long, or so many of the longest usual quiets.
const LATELY_MS_MIN: i64 = 60_000;
const LATELY_QUIETS: i64 = 4;

/// Watches the host's own sight. Decides by arrivals and ticks alone, so that a replay decides the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Observer {
    #[serde(skip)]
    config: ObserverConfig,
    pace: Pace,
    /// When a system of this place was last heard.
    places: [Millis; PLACES],
    blind: Option<Blindness>,
    /// The queue was full at this moment.
    deaf_at: Option<Millis>,
    /// How long it had been quiet when something was first heard again.
    quiet_ms: Option<i64>,
    now: Millis,
    #[serde(skip)]
    changes: Vec<Change>,
}

impl Observer {
    /// An observer that has heard nothing yet.
    #[must_use]
    pub fn new(config: ObserverConfig) -> Self {
        Self {
            config,
            pace: Pace::default(),
            places: [Millis(i64::MIN); PLACES],
            blind: None,
            deaf_at: None,
            quiet_ms: None,
            now: Millis(i64::MIN),
            changes: Vec::new(),
        }
    }

    /// Goes by other settings from now on.
    pub fn adopt(&mut self, config: ObserverConfig) {
        self.config = config;
    }

    /// A sign of life of some system arrived. Arrivals do not go back.
    #[inline]
    pub fn heard(&mut self, arrival: Millis, id_hash: u64) {
        if arrival > self.now {
            self.look(arrival);
        }
        let usual = self.blind.is_none();
        if let Some(last) = self.pace.last().filter(|_| !usual) {
            self.quiet_ms.get_or_insert(arrival.0 - last.0);
        }
        self.pace.heard(arrival, usual);
        self.places[(id_hash >> 59) as usize] = arrival;
        if !usual {
            self.look_again(arrival);
        }
    }

    /// Time goes on.
    pub fn tick(&mut self, now: Millis) {
        if now > self.now {
            self.look(now);
            self.look_again(now);
        }
    }

    /// The host did not run, or not as it should, in this time.
    pub fn absent(&mut self, cause: Cause, since: Millis, until: Millis) {
        if self.blind.is_none() {
            let blindness = Blindness { cause, since };
            self.changes.push(Change::Began(blindness));
            self.changes.push(Change::Ended { blindness, until });
        }
        self.now = self.now.max(until);
        self.pace.advance(until, false);
        self.pace.heard(until, false);
        self.pace.restart();
    }

    /// The queue is full: samples are being refused.
    pub fn deaf(&mut self, now: Millis) {
        self.deaf_at = Some(now);
        self.begin(Cause::QueueFull, now);
    }

    /// Up to when silences may be judged.
    #[must_use]
    pub fn horizon(&self) -> Millis {
        if let Some(blindness) = self.blind {
            return blindness.since;
        }
        match (self.pace.last(), self.quiet_ms()) {
            (Some(last), Some(quiet_ms)) if self.has_company() => {
                let trusted_ms = (quiet_ms * TRUST_PERCENT / 100).max(TRUST_MS_MIN);
                self.now.min(Millis(last.0 + trusted_ms))
            }
            _ => self.now,
        }
    }

    /// What keeps it from seeing, if anything does.
    #[must_use]
    pub fn blindness(&self) -> Option<Blindness> {
        self.blind
    }

    /// What has changed since this was last asked.
    pub fn changes(&mut self) -> std::vec::Drain<'_, Change> {
        self.changes.drain(..)
    }

    /// Whether anything has.
    #[must_use]
    #[inline]
    pub fn has_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Looks at what has come up to now.
    fn look(&mut self, now: Millis) {
        self.now = now;
        if self.config.sight_share > 0.0
            && let (Some(last), Some(quiet_ms)) = (self.pace.last(), self.quiet_ms())
            && now.0 - last.0 > (QUIET_FACTOR * quiet_ms).max(QUIET_MS_MIN)
            && self.has_company()
        {
            self.begin(Cause::NothingHeard, last);
        }
        let usual = self.blind.is_none();
        self.pace.advance(now, usual);
        if usual && self.pace.share() < self.config.sight_share && self.has_company() {
            let since = self.pace.window_begin().min(now);
            self.begin(Cause::LittleHeard, since);
        }
    }

    /// Looks whether sight is back.
    fn look_again(&mut self, now: Millis) {
        let Some(blindness) = self.blind else { return };
        if self.deaf_at.is_some_and(|deaf_at| now.0 - deaf_at.0 < DEAF_OVER_MS) {
            return;
        }
        self.deaf_at = None;
        let heard_since = self.pace.last().is_some_and(|last| last > blindness.since);
        let sees = blindness.cause == Cause::QueueFull || heard_since;
        if sees && self.pace.share() >= self.config.sight_share * SURE {
            self.blind = None;
            let by_quiet = matches!(blindness.cause, Cause::NothingHeard | Cause::LittleHeard);
            if let Some(quiet_ms) = self.quiet_ms.filter(|_| by_quiet) {
                self.pace.was_quiet(quiet_ms, now);
            }
            self.changes.push(Change::Ended { blindness, until: now });
            self.pace.restart();
        }
    }

    fn begin(&mut self, cause: Cause, since: Millis) {
        if self.blind.is_none() {
            let blindness = Blindness { cause, since };
            self.blind = Some(blindness);
            self.quiet_ms = None;
            self.changes.push(Change::Began(blindness));
            self.pace.forget_window();
        }
    }

    /// How long nothing may be heard before that is unusual, in ms; `None`: that is not known yet.
    fn quiet_ms(&self) -> Option<i64> {
        let longest_ms = self.pace.longest_gap_ms()?;
        let mean_gaps = MEAN_GAPS.min(self.company() as f64 / 2.0);
        Some(longest_ms.max((mean_gaps * self.pace.mean_gap_ms()) as i64))
    }

    /// Whether enough systems are heard for their common silence to say something.
    fn has_company(&self) -> bool {
        self.company() >= self.config.systems_min
    }

    /// In how many places systems were heard lately.
    fn company(&self) -> usize {
        let lately_ms =
            self.pace.longest_gap_ms().unwrap_or(0).saturating_mul(LATELY_QUIETS).max(LATELY_MS_MIN);
        let reference = self.blind.map_or(self.now, |blindness| blindness.since);
        let reference = self.pace.last().map_or(reference, |last| last.min(reference));
        let lately = reference.0.saturating_sub(lately_ms);
        self.places.iter().filter(|heard| heard.0 >= lately).count()
    }
}
