//! The quality of a detector's service, in the measures of Chen, Toueg and Aguilera.

use super::trace::Trace;

/// Detection times are counted in steps of this share of themselves.
const STEP: f64 = 0.002;
/// The least of them that is told apart, in seconds.
const LEAST_S: f64 = 0.001;
const STEPS: usize = 8192;
/// One crash is tried in so many beats.
const CRASH_EACH: u32 = 8;

/// How soon a detector is, and how often wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Seconds from a crash at a random time to its detection: mean.
    pub detection_mean_s: f64,
    /// Median.
    pub detection_p50_s: f64,
    /// 99th percentile.
    pub detection_p99_s: f64,
    /// The longest.
    pub detection_max_s: f64,
    /// False suspicions each week of a system.
    pub mistakes_per_week: f64,
    /// False suspicions, counted.
    pub mistakes: u64,
    /// Mean seconds that a false suspicion lasted; 0 if there was none.
    pub mistake_s: f64,
    /// The probability that a living system is trusted at a random time (query accuracy), 0..=1.
    pub query_accuracy: f64,
}

/// What is counted while a detector runs.
pub(super) struct Tally {
    detections: Vec<u32>,
    crashes: u64,
    detection_sum_s: f64,
    detection_max_s: f64,
    mistakes: u64,
    mistaken_s: f64,
    watched_s: f64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            detections: vec![0; STEPS],
            crashes: 0,
            detection_sum_s: 0.0,
            detection_max_s: 0.0,
            mistakes: 0,
            mistaken_s: 0.0,
            watched_s: 0.0,
        }
    }

    /// Watches a detector over a trace; `trusts_until_ms` shows it the beat at a place, which comes in order. What comes
    /// before `warm_s` only teaches.
    pub(super) fn watch(
        &mut self,
        trace: &Trace,
        warm_s: f64,
        mut trusts_until_ms: impl FnMut(usize) -> f64,
    ) {
        let warm_ms = (warm_s * 1e3) as i64;
        let mut suspecting = false;
        for (place, pair) in trace.fresh.windows(2).enumerate() {
            let (beat, next) = (pair[0], pair[1]);
            let until_ms = trusts_until_ms(place);
            if beat.arrival_ms < warm_ms {
                continue;
            }
            let (arrival_ms, next_ms) = (beat.arrival_ms as f64, next.arrival_ms as f64);
            self.watched_s += (next_ms - arrival_ms) / 1e3;
            self.crash_after(trace, beat.number..next.number, until_ms);
            // A beat that is stale already ends no suspicion.
            suspecting &= until_ms <= arrival_ms;
            let begins_ms = until_ms.max(arrival_ms);
            if next_ms > begins_ms {
                self.mistakes += u64::from(!suspecting);
                self.mistaken_s += (next_ms - begins_ms) / 1e3;
                suspecting = true;
            }
        }
    }

    /// The system might have crashed after each of these beats, at some moment before the next.
    #[inline]
    fn crash_after(&mut self, trace: &Trace, numbers: std::ops::Range<u32>, until_ms: f64) {
        for number in (numbers.start.next_multiple_of(CRASH_EACH)..numbers.end).step_by(CRASH_EACH as usize) {
            let Some(&next_ms) = trace.sent_ms.get(number as usize + 1) else { return };
            let sent_ms = trace.sent_ms[number as usize];
            // Evenly over the interval: multiples of the golden ratio.
            let share = (f64::from(number / CRASH_EACH) * 0.618_033_988_749_894_9).fract();
            let crash_ms = sent_ms as f64 + share * (next_ms - sent_ms) as f64;
            let detection_s = (until_ms - crash_ms).max(0.0) / 1e3;
            let step = ((detection_s / LEAST_S).max(1.0).ln() / STEP) as usize;
            self.detections[step.min(STEPS - 1)] += 1;
            self.crashes += 1;
            self.detection_sum_s += detection_s;
            self.detection_max_s = self.detection_max_s.max(detection_s);
        }
    }

    /// Takes in what another one counted.
    pub(super) fn add(&mut self, other: &Self) {
        for (count, more) in self.detections.iter_mut().zip(&other.detections) {
            *count += more;
        }
        self.crashes += other.crashes;
        self.detection_sum_s += other.detection_sum_s;
        self.detection_max_s = self.detection_max_s.max(other.detection_max_s);
        self.mistakes += other.mistakes;
        self.mistaken_s += other.mistaken_s;
        self.watched_s += other.watched_s;
    }

    fn percentile_s(&self, share: f64) -> f64 {
        let rank = (share * self.crashes as f64) as u64;
        let mut below = 0;
        for (step, &count) in self.detections.iter().enumerate() {
            below += u64::from(count);
            if below > rank {
                return (LEAST_S * (STEP * (step as f64 + 0.5)).exp()).min(self.detection_max_s);
            }
        }
        self.detection_max_s
    }

    pub(super) fn quality(&self) -> Quality {
        Quality {
            detection_mean_s: self.detection_sum_s / self.crashes.max(1) as f64,
            detection_p50_s: self.percentile_s(0.5),
            detection_p99_s: self.percentile_s(0.99),
            detection_max_s: self.detection_max_s,
            mistakes_per_week: self.mistakes as f64 / (self.watched_s / 604_800.0).max(f64::EPSILON),
            mistakes: self.mistakes,
            mistake_s: self.mistaken_s / self.mistakes.max(1) as f64,
            query_accuracy: 1.0 - self.mistaken_s / self.watched_s.max(f64::EPSILON),
        }
    }
}
