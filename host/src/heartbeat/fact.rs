//! The facts by which plugins ask for them.

use super::facts::Facts;

/// One of the [`Facts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// Seconds since the last sign of life.
    SilenceS,
    /// The usual seconds between signs of life.
    ExpectedIntervalS,
    /// The silence from which the system counts as gone.
    SilenceLimitS,
    /// Seconds since the next sign of life should have come.
    LatenessS,
    /// φ.
    Suspicion,
    /// The probability that the system is alive.
    Alive,
}

impl Facts {
    /// One of them; NaN is unknown.
    #[must_use]
    pub fn get(&self, fact: Fact) -> f64 {
        match fact {
            Fact::SilenceS => self.silence_s,
            Fact::ExpectedIntervalS => self.expected_interval_s,
            Fact::SilenceLimitS => self.silence_limit_s,
            Fact::LatenessS => self.lateness_s,
            Fact::Suspicion => self.suspicion,
            Fact::Alive => self.alive,
        }
    }
}
