//! How much a plugin may log: so many lines in a while, all its instances together. The rest is counted.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::limits::{LOG_LINES_PER_WINDOW_MAX, LOG_WINDOW};

/// The lines of one plugin.
#[derive(Debug)]
pub(super) struct LogQuota(Mutex<Window>);

#[derive(Debug)]
struct Window {
    since: Instant,
    lines: u32,
    dropped: u64,
}

impl LogQuota {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Window { since: Instant::now(), lines: 0, dropped: 0 }))
    }

    /// Whether the plugin of this name may log one more line; `in_call`: whether its call may.
    pub(super) fn take(&self, plugin: &str, in_call: bool) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.since.elapsed() >= LOG_WINDOW {
            if window.dropped > 0 {
                tracing::warn!(
                    plugin,
                    dropped = window.dropped,
                    "so many lines of the plugin were not logged"
                );
            }
            *window = Window { since: Instant::now(), lines: 0, dropped: 0 };
        }
        let granted = in_call && window.lines < LOG_LINES_PER_WINDOW_MAX;
        window.lines += u32::from(granted);
        window.dropped += u64::from(!granted);
        if window.dropped == 1 && !granted {
            tracing::warn!(plugin, "the plugin logs more lines than it may; the others are counted");
        }
        granted
    }
}
