//! How much the host usually hears, and how long its usual pauses are.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// Arrivals are counted in so many stretches of the window.
const STRETCHES: usize = 8;
/// The window is at least so long, in milliseconds.
const WINDOW_MS_MIN: i64 = 1024;
/// It spans so many of the longest usual gaps.
const GAPS_IN_WINDOW: i64 = 2;
/// And so many arrivals, as a rule.
const ARRIVALS_IN_WINDOW: f64 = 20.0;
/// The usual rate is an average over about so many stretches.
const RATE_STRETCHES: f64 = 64.0;
/// While little is heard, it is an average over so many: what stays is usual in the end.
const BLIND_STRETCHES: f64 = 1024.0;
/// A stretch counts for at most so many times the usual rate.
const CROWD: f64 = 2.0;
/// A gap of this share of the longest one is of its kind, and lets it fade.
const ALIKE: i64 = 8;
/// By this share.
const FADES: i64 = 64;
/// Gaps before the longest one is usual, and how long it takes at least.
const GAPS_MIN: u32 = 16;
const LEARNS_MS: i64 = 60_000;
/// Quiets that were taken for blindness are usual after all if they make up so much of the time: a pause of the network
/// now and then does not, collectors that send twice an hour do.
const QUIET_SHARE: f64 = 0.25;
/// Of about so much time.
const QUIET_WITHIN_MS: f64 = 1_200_000.0;

/// The pace of arrivals, whosever they are. Bounded, and told nothing about systems.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Pace {
    first: Option<Millis>,
    last: Option<Millis>,
    gap_max_ms: i64,
    gaps: u32,
    /// Time that was taken for blindness, fading, as of then.
    quiet_ms: f64,
    quiet_at: Millis,
    /// Of each stretch that is over, newest last.
    counts: [u32; STRETCHES],
    /// Stretches of the window that are whole.
    stretches: u32,
    /// Stretches that the rate was learned from.
    learned: u32,
    stretch_ms: i64,
    stretch_end: Millis,
    count: u32,
    /// Arrivals per millisecond.
    rate: f64,
}

impl Pace {
    /// The last arrival.
    pub(super) fn last(&self) -> Option<Millis> {
        self.last
    }

    /// The longest usual gap between arrivals, in ms; `None`: that is not known yet.
    pub(super) fn longest_gap_ms(&self) -> Option<i64> {
        let known = self.gaps >= GAPS_MIN && self.last?.0 - self.first?.0 >= LEARNS_MS;
        known.then_some(self.gap_max_ms)
    }

    /// The mean gap between arrivals, in ms; 0 as long as that is not known.
    pub(super) fn mean_gap_ms(&self) -> f64 {
        if self.rate > 0.0 { 1.0 / self.rate } else { 0.0 }
    }

    /// Something arrived. `usual`: it may be learned from.
    #[inline]
    pub(super) fn heard(&mut self, arrival: Millis, usual: bool) {
        self.count = self.count.saturating_add(1);
        if self.last.is_some_and(|last| arrival <= last) {
            return;
        }
        self.first.get_or_insert(arrival);
        if let Some(last) = self.last.filter(|_| usual) {
            let gap_ms = arrival.0 - last.0;
            if gap_ms * ALIKE >= self.gap_max_ms {
                self.gap_max_ms = gap_ms.max(self.gap_max_ms - self.gap_max_ms / FADES);
                self.gaps = self.gaps.saturating_add(1);
            }
        }
        self.last = Some(arrival);
    }

    /// Ends the stretches that are over.
    #[inline]
    pub(super) fn advance(&mut self, now: Millis, usual: bool) {
        if now < self.stretch_end && self.stretch_ms > 0 {
            return;
        }
        self.end_stretches(now, usual);
    }

    fn end_stretches(&mut self, now: Millis, usual: bool) {
        if self.stretch_ms == 0 {
            self.begin(now);
            return;
        }
        let over = 1 + (now.0 - self.stretch_end.0) / self.stretch_ms;
        for _ in 0..over.min(STRETCHES as i64 + 1) {
            self.counts.rotate_left(1);
            self.counts[STRETCHES - 1] = std::mem::take(&mut self.count);
            self.stretches = self.stretches.saturating_add(1);
            self.learn(self.counts[STRETCHES - 1], usual);
        }
        self.stretch_end.0 += over * self.stretch_ms;
        let wanted = self.wanted_stretch_ms();
        if usual && (wanted > self.stretch_ms || wanted * 4 < self.stretch_ms) {
            self.begin(now);
        }
    }

    /// Learns the rate from a stretch with so many arrivals.
    fn learn(&mut self, count: u32, usual: bool) {
        let rate = f64::from(count) / self.stretch_ms as f64;
        if usual {
            self.learned = self.learned.saturating_add(1);
            let settled = f64::from(self.learned) > RATE_STRETCHES;
            // A backlog that comes at once is no rate.
            let rate = if settled { rate.min(CROWD * self.rate) } else { rate };
            self.rate += (rate - self.rate) / f64::from(self.learned).min(RATE_STRETCHES);
        } else if count > 0 {
            // However little it is, if it stays it is usual.
            self.rate += (rate - self.rate).min(0.0) / BLIND_STRETCHES;
        }
    }

    /// Begins to count anew, in stretches that fit what is usual.
    fn begin(&mut self, now: Millis) {
        self.stretch_ms = self.wanted_stretch_ms();
        self.stretch_end = Millis(now.0 + self.stretch_ms);
        self.counts = [0; STRETCHES];
        self.stretches = 0;
    }

    fn wanted_stretch_ms(&self) -> i64 {
        let many = if self.rate > 0.0 { (ARRIVALS_IN_WINDOW / self.rate).min(1e9) as i64 } else { 0 };
        let window_ms = WINDOW_MS_MIN.max(GAPS_IN_WINDOW * self.gap_max_ms).max(many);
        (window_ms / STRETCHES as i64).max(1)
    }

    /// The share of what usually arrives in a window that did in the last one; 1 as long as that is not known.
    pub(super) fn share(&self) -> f64 {
        if self.stretches < STRETCHES as u32 || self.longest_gap_ms().is_none() {
            return 1.0;
        }
        let heard: u32 = self.counts.iter().sum::<u32>() + self.count;
        let usual = self.rate * (self.stretch_ms * STRETCHES as i64) as f64;
        if usual < 1.0 { 1.0 } else { f64::from(heard) / usual }
    }

    /// Where the window began.
    pub(super) fn window_begin(&self) -> Millis {
        Millis(self.stretch_end.0 - (STRETCHES as i64 + 1) * self.stretch_ms)
    }

    /// Nothing was heard for so long, and then the same as ever.
    pub(super) fn was_quiet(&mut self, quiet_ms: i64, now: Millis) {
        let since_ms = now.0.saturating_sub(self.quiet_at.0) as f64;
        self.quiet_ms = self.quiet_ms * (-since_ms / QUIET_WITHIN_MS).exp() + quiet_ms as f64;
        self.quiet_at = now;
        if self.quiet_ms > QUIET_SHARE * QUIET_WITHIN_MS {
            self.gap_max_ms = self.gap_max_ms.max(quiet_ms);
        }
    }

    /// Counts anew: the next windows are good until they are whole.
    pub(super) fn restart(&mut self) {
        self.counts = [0; STRETCHES];
        self.count = 0;
        self.stretches = 0;
    }

    /// What came before is no sign of what comes.
    pub(super) fn forget_window(&mut self) {
        self.counts = [0; STRETCHES];
        self.count = 0;
        self.stretches = self.stretches.max(STRETCHES as u32);
    }
}
