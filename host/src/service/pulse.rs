//! Our own pulse: whether this process stood still, or its clock was set.

use std::time::{Duration, Instant};

use crate::observer::Cause;
use crate::time::Millis;

/// Further than this the clock of the wall does not move against the monotonic one by itself.
const STEP_MS: i64 = 500;

/// Looked at many times a second, it shows when it was not.
pub(super) struct Pulse {
    beat: Instant,
    at: Millis,
    /// How far our time is ahead of the wall clock, which was set back.
    ahead_ms: i64,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self { beat: Instant::now(), at: Millis::now(), ahead_ms: 0 }
    }

    /// What happened since it was last asked, if it was longer than `lag_s` ago or the clock was set: what, and from when to
    /// when.
    pub(super) fn beat(&mut self, lag_s: f64) -> Option<(Cause, Millis, Millis)> {
        let elapsed = self.beat.elapsed();
        self.beat = Instant::now();
        self.look(elapsed, Millis::now(), Millis::by_wall_clock(), lag_s)
    }

    fn look(
        &mut self,
        elapsed: Duration,
        now: Millis,
        by_wall_clock: Millis,
        lag_s: f64,
    ) -> Option<(Cause, Millis, Millis)> {
        let ahead_ms = now.0 - by_wall_clock.0;
        let since = std::mem::replace(&mut self.at, now);
        let before_ms = std::mem::replace(&mut self.ahead_ms, ahead_ms);
        let stepped_ms = now.0 - since.0 - elapsed.as_millis() as i64;
        if elapsed.as_secs_f64() > lag_s {
            tracing::warn!(
                stood_still_s = elapsed.as_secs_f64(),
                "the process was stopped, or got no time to run"
            );
            return Some((Cause::Pause, since, now));
        }
        if stepped_ms > STEP_MS {
            tracing::warn!(by_s = stepped_ms as f64 / 1e3, "the clock was set ahead");
            return Some((Cause::ClockStep, since, now));
        }
        if ahead_ms - before_ms > STEP_MS {
            let by_s = (ahead_ms - before_ms) as f64 / 1e3;
            tracing::warn!(by_s, "the clock was set back; times stay ahead of it until it has caught up");
            return Some((Cause::ClockStep, now, now));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(100);
    const HOUR_MS: i64 = 3_600_000;

    /// A process that ticks as it should until `now`.
    fn pulse(now: i64) -> Pulse {
        Pulse { beat: Instant::now(), at: Millis(now), ahead_ms: 0 }
    }

    #[test]
    fn a_steady_pulse_is_nothing() {
        let mut pulse = pulse(0);
        for tick in 1..100 {
            let now = Millis(tick * 100);
            assert_eq!(pulse.look(TICK, now, now, 1.0), None);
        }
    }

    #[test]
    fn standing_still_is_a_pause_from_the_last_beat_on() {
        let mut pulse = pulse(1000);
        let (still, now) = (Duration::from_secs(30), Millis(31_000));
        assert_eq!(pulse.look(still, now, now, 1.0), Some((Cause::Pause, Millis(1000), now)));
        assert_eq!(pulse.look(TICK, Millis(31_100), Millis(31_100), 1.0), None);
    }

    #[test]
    fn a_clock_that_is_set_an_hour_ahead_is_followed_and_told() {
        let mut pulse = pulse(1000);
        let now = Millis(1100 + HOUR_MS);
        assert_eq!(pulse.look(TICK, now, now, 1.0), Some((Cause::ClockStep, Millis(1000), now)));
        let later = Millis(now.0 + 100);
        assert_eq!(pulse.look(TICK, later, later, 1.0), None);
    }

    #[test]
    fn a_clock_that_is_set_an_hour_back_is_told_and_not_followed() {
        let mut pulse = pulse(1000);
        let (now, wall) = (Millis(1100), Millis(1100 - HOUR_MS));
        assert_eq!(pulse.look(TICK, now, wall, 1.0), Some((Cause::ClockStep, now, now)));
        let (later, wall) = (Millis(1200), Millis(1200 - HOUR_MS));
        assert_eq!(pulse.look(TICK, later, wall, 1.0), None, "once");
    }
}
