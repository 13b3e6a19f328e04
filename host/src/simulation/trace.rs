//! Recorded heartbeats that every detector is shown.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::model::{Model, Source};

/// A beat that is newer than all that arrived before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fresh {
    /// Its number, from 0.
    pub(super) number: u32,
    /// When it arrived, in ms since the beginning.
    pub(super) arrival_ms: i64,
}

/// The heartbeats of one system.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) interval_s: f64,
    /// When each beat was sent, in ms since the beginning.
    pub(super) sent_ms: Vec<i64>,
    pub(super) fresh: Vec<Fresh>,
}

impl Trace {
    /// So many seconds of a model.
    #[must_use]
    pub(super) fn record(model: Model, seed: u64, length_s: f64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut source = Source::new(model);
        let (mut sent_ms, mut arrivals) = (Vec::new(), Vec::new());
        loop {
            let sending = source.send(&mut random);
            if sending.sent_s > length_s {
                break;
            }
            let number = sent_ms.len() as u32;
            sent_ms.push((sending.sent_s * 1e3) as i64);
            if let Some(delay_s) = sending.delay_s {
                let arrival_ms = ((sending.sent_s + delay_s) * 1e3) as i64;
                arrivals.push(Fresh { number, arrival_ms });
            }
        }
        arrivals.sort_by_key(|beat| (beat.arrival_ms, beat.number));
        let mut newest = None;
        arrivals.retain(|beat| {
            let fresh = newest.is_none_or(|newest| beat.number > newest);
            newest = newest.max(Some(beat.number));
            fresh
        });
        Self { interval_s: model.interval_s(), sent_ms, fresh: arrivals }
    }

    /// The share of beats that were lost or overtaken, 0..=1.
    #[cfg(test)]
    pub(super) fn loss(&self) -> f64 {
        1.0 - self.fresh.len() as f64 / self.sent_ms.len().max(1) as f64
    }
}
