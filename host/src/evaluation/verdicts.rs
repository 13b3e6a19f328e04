//! What people said about the detections of a rule.

use serde::{Deserialize, Serialize};

use super::Proportion;

/// Counts of the detections of one rule by how they turned out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Verdicts {
    /// Over, and nobody said that there was no trouble.
    pub confirmed: u64,
    /// A person said that there was none.
    pub false_positive: u64,
    /// Not over.
    pub open: u64,
}

impl Verdicts {
    /// The share of those that are over that was no false positive. Open ones are no evidence.
    #[must_use]
    pub fn precision(&self) -> Proportion {
        Proportion::of(self.confirmed, self.confirmed.saturating_add(self.false_positive))
    }
}
