//! The host's clock when nobody says when samples arrived: it follows their own times.

use crate::time::Millis;

/// A step further than this is not believed on one system's word.
const STEP_BELIEVED_MS: i64 = 600_000;

/// Follows the newest time seen. One system with a wrong clock must not make all others look silent, so a long step
/// ahead waits for a second system to confirm it, unless there is only one.
#[derive(Debug, Default)]
pub struct VirtualClock {
    now: Option<Millis>,
    first_system: Option<u64>,
    several_systems: bool,
    /// A step that awaits confirmation, and whose it is.
    claimed: Option<(Millis, u64)>,
}

impl VirtualClock {
    /// The time after a sample of the system with this hash, taken at `time`.
    pub fn observe(&mut self, time: Millis, system: u64) -> Millis {
        self.several_systems |= *self.first_system.get_or_insert(system) != system;
        let Some(now) = self.now else {
            self.now = Some(time);
            return time;
        };
        if time.0 - now.0 <= STEP_BELIEVED_MS || !self.several_systems {
            self.now = Some(now.max(time));
        } else {
            match self.claimed {
                Some((claimed, claimant)) if claimant != system => {
                    self.now = Some(claimed.min(time));
                    self.claimed = None;
                }
                _ => self.claimed = Some((time, system)),
            }
        }
        self.now.unwrap_or(time)
    }
}
