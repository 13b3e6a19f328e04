//! How fast one may ask.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::{Principal, PrincipalKind};

/// Principals that are kept before those whose burst is whole again are dropped.
pub const KEYS_MAX: usize = 10_000;

/// Requests between two looks at the number of principals: counting them takes all locks of the map.
const CHECKS_PER_LOOK: u32 = 1024;

/// A limit of requests for each principal.
#[derive(Debug)]
pub struct RateLimits {
    limiter: Option<DefaultKeyedRateLimiter<(PrincipalKind, String)>>,
    checks: AtomicU32,
}

impl RateLimits {
    /// So many requests a second for each principal, and as many at once after a second of rest. Zero is no
    /// limit.
    #[must_use]
    pub fn new(requests_per_s: u32) -> Self {
        let limiter = NonZeroU32::new(requests_per_s).map(|rate| RateLimiter::keyed(Quota::per_second(rate)));
        Self { limiter, checks: AtomicU32::new(0) }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The time to wait until the next would be let through; this one is not counted then.
    pub fn check(&self, principal: &Principal) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_PER_LOOK == CHECKS_PER_LOOK - 1
            && limiter.len() > KEYS_MAX
        {
            limiter.retain_recent();
        }
        let key = (principal.kind, principal.id.clone());
        limiter.check_key(&key).map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
    }

    /// Principals that are kept now.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.limiter.as_ref().map_or(0, RateLimiter::len)
    }
}
