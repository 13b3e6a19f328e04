//! A system that said goodbye: until it means to be back, its silence is nothing.

use serde::{Deserialize, Serialize};

use crate::ingest::Sample;
use crate::limits::ABSENCE_S_MAX;
use crate::model::MetricId;
use crate::time::Millis;

/// An absence that was announced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Absence {
    /// When it was, by the sample's own time.
    pub since: Millis,
    /// When the system means to be back.
    pub returns_at: Millis,
    /// Why, for people.
    pub reason: Box<str>,
}

impl Absence {
    /// The goodbye in a sample: a text that begins with a time (RFC 3339), a space, and the reason. A text that does not is
    /// none, and nobody is away for longer than [`ABSENCE_S_MAX`].
    pub(super) fn said(sample: &Sample<'_>, goodbye: Option<MetricId>, time: Millis) -> Option<Self> {
        let goodbye = goodbye?;
        let (_, text) = sample.texts().find(|(metric, _)| *metric == goodbye)?;
        let (returns_at, reason) = text.split_once(' ').unwrap_or((text, ""));
        let returns_at = Millis::parse(returns_at).ok()?.min(time.plus_seconds(ABSENCE_S_MAX));
        Some(Self { since: time, returns_at, reason: reason.trim().into() })
    }
}
