//! What a rule has found on one system.

use std::collections::VecDeque;

use crate::detections::{DecidingRow, Detection, Watch};

/// A system under a rule's eye, and the trouble found there, if any.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) watch: Watch,
    pub(super) detection: Option<Box<Detection>>,
    /// The matches that the next detection may be made of.
    pub(super) deciding: VecDeque<DecidingRow>,
}

impl Watched {
    /// The detection, if it is not over.
    pub(super) fn ongoing(&self) -> Option<&Detection> {
        self.detection.as_deref().filter(|detection| detection.resolved_at.is_none())
    }
}
