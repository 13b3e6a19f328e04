//! What a rule has found on one system.

use crate::detections::{Detection, Watch};

/// A system under a rule's eye, and the trouble found there, if any.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) watch: Watch,
    pub(super) detection: Option<Box<Detection>>,
}

impl Watched {
    /// The detection, if it is not over.
    pub(super) fn ongoing(&self) -> Option<&Detection> {
        self.detection.as_deref().filter(|detection| detection.resolved_at.is_none())
    }
}
