//! Points in time and their text form (RFC 3339).

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl Millis {
    /// What the wall clock says, except that it never goes back: one that is set back is followed no more, and time goes on
    /// as the monotonic clock does. So a silence stays as long as it was.
    #[must_use]
    pub fn now() -> Self {
        static START: OnceLock<Instant> = OnceLock::new();
        /// What is to be added to the time since the start.
        static AHEAD: AtomicI64 = AtomicI64::new(i64::MIN);
        let since_start = START.get_or_init(Instant::now).elapsed().as_millis() as i64;
        let by_wall = Timestamp::now().as_millisecond() - since_start;
        Self(since_start + AHEAD.fetch_max(by_wall, Ordering::Relaxed).max(by_wall))
    }

    /// What the wall clock says, wherever it was set to.
    #[must_use]
    pub fn by_wall_clock() -> Self {
        Self(Timestamp::now().as_millisecond())
    }

    /// Reads an RFC 3339 time with an offset, rounding down to the millisecond.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        let time = Self(text.parse::<Timestamp>()?.as_millisecond());
        // The last second that can be read cannot be written in milliseconds.
        Timestamp::from_millisecond(time.0).map(|_| time)
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e3
    }

    /// Seconds from `earlier` to this; negative if it is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / 1e3
    }

    /// This, `seconds` later.
    #[must_use]
    pub fn plus_seconds(self, seconds: f64) -> Self {
        Self(self.0.saturating_add((seconds * 1e3) as i64))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Text for people, a number for compact records.
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            Self::parse(&text).map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}
