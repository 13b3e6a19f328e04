//! When a destination that fails is left alone, and how it is tried again.

use serde::{Deserialize, Serialize};

use super::destination::{BREAKER_S_MAX, Destination};
use crate::time::Millis;

/// How the breaker of a destination stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BreakerState {
    /// Jobs go through.
    #[default]
    Closed,
    /// No job goes through.
    Open {
        /// A probe goes through then.
        until: Millis,
    },
    /// One job goes through, and decides.
    HalfOpen,
}

/// Counts the failures of a destination in a row.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: BreakerState,
    failures: u32,
    /// How often in a row it has opened.
    times: u32,
    /// The job that decides, while half open.
    probe: Option<u64>,
}

impl Breaker {
    pub(super) fn state(&self) -> BreakerState {
        self.state
    }

    /// Until when nothing goes through.
    pub(super) fn open_until(&self) -> Option<Millis> {
        match self.state {
            BreakerState::Open { until } => Some(until),
            BreakerState::Closed | BreakerState::HalfOpen => None,
        }
    }

    /// Whether a job may be taken.
    pub(super) fn lets_through(&self) -> bool {
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Open { .. } => false,
            BreakerState::HalfOpen => self.probe.is_none(),
        }
    }

    /// A job was taken.
    pub(super) fn took(&mut self, seq: u64) {
        if self.state == BreakerState::HalfOpen {
            self.probe = Some(seq);
        }
    }

    /// The time of being open is over.
    pub(super) fn half_open(&mut self) {
        (self.state, self.probe) = (BreakerState::HalfOpen, None);
    }

    /// A job got through, whenever it was taken: the destination is there.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A job failed in a way that says something about the destination.
    pub(super) fn failed(&mut self, seq: u64, policy: &Destination, now: Millis) {
        let opens = match self.state {
            BreakerState::Closed => {
                self.failures += 1;
                self.failures >= policy.breaker_failures
            }
            BreakerState::HalfOpen => self.probe == Some(seq),
            BreakerState::Open { .. } => false, // taken before it opened
        };
        if opens {
            let open_s = BREAKER_S_MAX.min(policy.breaker_s * 2_f64.powi(self.times.min(30) as i32));
            self.times += 1;
            self.probe = None;
            self.state = BreakerState::Open { until: now.plus_seconds(open_s) };
        }
    }

    /// A job failed in a way that says nothing about the destination: if it was the probe, there is need of another.
    pub(super) fn undecided(&mut self, seq: u64) {
        self.probe = self.probe.filter(|&probe| probe != seq);
    }
}
