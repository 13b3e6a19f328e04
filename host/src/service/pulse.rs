//! Our own pulse: whether this process stood still, or its clock was set.

use std::time::Instant;

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
        let (elapsed, now) = (self.beat.elapsed(), Millis::now());
        let ahead_ms = now.0 - Millis::by_wall_clock().0;
        let since = std::mem::replace(&mut self.at, now);
        let before_ms = std::mem::replace(&mut self.ahead_ms, ahead_ms);
        self.beat = Instant::now();
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
